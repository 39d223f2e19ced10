/// RecLM's injection: its formula, rows alone against all rows, the sources of vectors by name, and a model of the
/// user's own under it.
#include "reclm/align/presets.hpp"

#include <numeric>

#include "model/training_helpers.hpp"
#include "reclm/data/features.hpp"
#include "reclm/model/encoder_backbone.hpp"
#include "support/catch.hpp"

using namespace reclm;
using namespace reclm_test;

namespace {

using Vectors = InitialVectors<Cpu, float>;

std::unique_ptr<Vectors> vectors_of(AdapterKind kind, const Dataset& data) {
  auto vectors = make_vectors<Cpu, float>(kind, data, 16, IdStart::xavier, Initializer(1));
  ParameterList<Cpu, float> parameters;
  vectors->add_parameters(parameters);
  // Biases start at zero, where a mistake would not show.
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    const auto start = random_matrix(parameters[k]->value.rows(), parameters[k]->value.cols(), 40 + k);
    std::copy_n(start.data(), start.size(), parameters[k]->value.data());
  }
  return vectors;
}

Values parameters_of(Vectors& vectors) {
  ParameterList<Cpu, float> parameters;
  vectors.add_parameters(parameters);
  return copy_parameters(parameters);
}

/// [users + items, width] as the model computes it.
std::pair<Matrix<float>, Matrix<float>> all_of(Vectors& vectors) {
  Tape<Cpu, float> tape(false);
  const Triples none;
  const TrainingStep<Cpu, float> step{tape, none};
  const Var users = vectors.all_users(step), items = vectors.all_items(step);
  return {tape.value(users).to_host(), tape.value(items).to_host()};
}

std::vector<double> row_of(const Matrix<float>& m, Index row) { return {m.row(row).begin(), m.row(row).end()}; }

std::vector<double> layer(const Values& p, const std::string& name, const std::vector<double>& x, bool relu) {
  const auto &w = p.at(name + ".weight"), &b = p.at(name + ".bias");
  std::vector<double> y;
  for (Index o = 0; o < w.rows(); ++o) {
    double sum = static_cast<double>(b(0, o));
    for (Index c = 0; c < w.cols(); ++c) sum += static_cast<double>(w(o, c)) * x[static_cast<std::size_t>(c)];
    y.push_back(relu ? std::max(sum, 0.0) : sum);
  }
  return y;
}

std::vector<double> head(const Values& p, const std::string& name, const std::vector<double>& x) {
  return layer(p, name + ".1", layer(p, name + ".0", x, true), false);
}

std::vector<double> unit(std::vector<double> x) {
  const double length = std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0));
  for (double& value : x) value /= std::max(length, 1e-12);
  return x;
}

std::vector<double> joined(std::vector<double> a, const std::vector<double>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

void check_row(std::span<const float> actual, const std::vector<double>& expected) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t c = 0; c < expected.size(); ++c)
    CHECK(static_cast<double>(actual[c]) == Approx(expected[c]).epsilon(1e-4).margin(1e-5));
}

/// Profiles made from histories, as loading fills them in.
Dataset with_history_profiles() {
  Dataset data = planted_data();
  data.profile_from_history.assign(static_cast<std::size_t>(data.train.users()), 1);
  data.user_profiles = Matrix<float>();
  refresh_history_profiles(data);
  return data;
}

std::string config_error(AdapterKind kind, const Dataset& data) {
  try {
    make_vectors<Cpu, float>(kind, data, 16, IdStart::xavier, Initializer(1));
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

/// The user's own encoder: everybody is drawn towards the mean of all, half the way.
struct TowardsTheMean {
  void forward(MatrixView<const float> in, MatrixView<float> out) const {
    for (Index c = 0; c < in.cols(); ++c) {
      float mean = 0;
      for (Index r = 0; r < in.rows(); ++r) mean += in(r, c) / static_cast<float>(in.rows());
      for (Index r = 0; r < in.rows(); ++r) out(r, c) = 0.5f * (in(r, c) + mean);
    }
  }
  void backward(MatrixView<const float> d_out, MatrixView<float> d_in) const { forward(d_out, d_in); }
};

static_assert(EmbeddingEncoder<TowardsTheMean>);

}  // namespace

TEST_CASE("initial vectors follow their formulas") {
  const Dataset data = planted_data();
  for (const AdapterKind kind : kPlainAdapters) {
    INFO(adapter_name(kind));
    const auto vectors = vectors_of(kind, data);
    CHECK(vectors->user_count() == data.train.users());
    CHECK(vectors->item_count() == data.train.items());
    CHECK(vectors->width() == 16);
    const Values p = parameters_of(*vectors);
    const auto [users, items] = all_of(*vectors);
    for (const Index row : {0, 33, 60}) {
      const auto id = row_of(p.at("user.id"), row), text = row_of(data.item_vectors, row);
      if (kind == AdapterKind::reclm) {
        const auto user_profile = unit(head(p, "profile_head", row_of(data.user_profiles, row)));
        const auto item_profile = head(p, "profile_head", row_of(data.item_profiles, row));
        check_row(users.row(row), layer(p, "fusion", joined(id, user_profile), true));
        check_row(items.row(row), unit(layer(p, "fusion", joined(head(p, "text_head", text), item_profile), true)));
      } else {
        check_row(users.row(row), id);
        check_row(items.row(row),
                  kind == AdapterKind::id ? row_of(p.at("item.id"), row) : unit(head(p, "text_head", text)));
      }
    }
  }
}

TEST_CASE("vectors of some rows are those of all rows") {
  for (const bool from_history : {false, true}) {
    const Dataset data = from_history ? with_history_profiles() : planted_data();
    // The last item is nobody's, the last user has no history.
    for (const std::vector<Id>& ids : {std::vector<Id>{17, 60, 0}, std::vector<Id>{80 % 61, 3}, std::vector<Id>{60}})
      for (const AdapterKind kind : kPlainAdapters) {
        const auto vectors = vectors_of(kind, data);
        const auto [users, items] = all_of(*vectors);
        Tape<Cpu, float> tape(false);
        const Triples none;
        const TrainingStep<Cpu, float> step{tape, none};
        std::vector<Id> item_ids = ids;
        item_ids.push_back(80);
        const Matrix<float> some_users = tape.value(vectors->users(step, ids)).to_host();
        const Matrix<float> some_items = tape.value(vectors->items(step, item_ids)).to_host();
        for (std::size_t k = 0; k < ids.size(); ++k)
          check_row(some_users.row(static_cast<Index>(k)), row_of(users, ids[k]));
        for (std::size_t k = 0; k < item_ids.size(); ++k)
          check_row(some_items.row(static_cast<Index>(k)), row_of(items, item_ids[k]));
      }
  }
}

TEST_CASE("profiles made from histories give the vectors that their rows would give") {
  const Dataset mixed = with_history_profiles();
  Dataset dense = mixed;
  dense.profile_from_history.clear();
  const auto a = vectors_of(AdapterKind::reclm, mixed), b = vectors_of(AdapterKind::reclm, dense);
  const auto [mixed_users, mixed_items] = all_of(*a);
  const auto [users, items] = all_of(*b);
  for (Index row = 0; row < users.rows(); ++row) check_row(mixed_users.row(row), row_of(users, row));
  for (Index row = 0; row < items.rows(); ++row) check_row(mixed_items.row(row), row_of(items, row));
  // One profile that is not from a history: all rows are taken as they are.
  Dataset one = mixed;
  one.profile_from_history[5] = 0;
  for (float& x : one.user_profiles.row(5)) x = -x;
  const auto c = vectors_of(AdapterKind::reclm, one);
  const auto [one_users, one_items] = all_of(*c);
  CHECK_FALSE(std::ranges::equal(one_users.row(5), users.row(5)));
  check_row(one_users.row(6), row_of(users, 6));
  // Flags that are no longer true: the rows count.
  one.profile_from_history[5] = 1;
  CHECK(all_of(*vectors_of(AdapterKind::reclm, one)).first == one_users);
}

TEST_CASE("a data set without the vectors that an adapter needs is refused by their name") {
  Dataset data = planted_data();
  data.user_profiles = {};
  CHECK(config_error(AdapterKind::base, data) == "no error");
  CHECK(config_error(AdapterKind::reclm, data).find("user_profile.npy") != std::string::npos);
  data.item_profiles = {};
  CHECK(config_error(AdapterKind::reclm, data).find("item_profile.npy") != std::string::npos);
  data.item_vectors = {};
  CHECK(config_error(AdapterKind::base, data).find("item_text.npy") != std::string::npos);
  CHECK(config_error(AdapterKind::id, data) == "no error");
  Dataset narrow = planted_data();
  narrow.user_profiles = random_matrix(61, 9, 1);
  CHECK_THROWS_AS((make_vectors<Cpu, float>(AdapterKind::reclm, narrow, 16, IdStart::xavier, Initializer(1))),
                  ShapeError);
}

TEST_CASE("policies at compile time give the vectors that their names give, and policies of one's own theirs") {
  Dataset data = planted_data();
  const auto made = [&]<class P>(P) { return make_vectors<P, Cpu, float>(data, 16, IdStart::xavier, Initializer(1)); };
  const auto named = [&](AdapterKind kind) {
    return make_vectors<Cpu, float>(kind, data, 16, IdStart::xavier, Initializer(1));
  };
  CHECK(all_of(*made(presets::RecLM{})) == all_of(*named(AdapterKind::reclm)));
  CHECK(all_of(*made(presets::AlphaRec{})) == all_of(*named(AdapterKind::alpha_rec)));
  CHECK_FALSE(all_of(*made(presets::RecLM{})) == all_of(*made(presets::Kar{})));

  using Mine = Policies<OwnTables, MlpHead, GateFusion, ProfileContrast>;
  data.item_vectors = {};  // which tables do without
  const auto [users, items] = all_of(*made(Mine{}));
  CHECK(users.rows() == data.train.users());
  CHECK(items.rows() == data.train.items());
  CHECK_FALSE(std::pair(users, items) == all_of(*named(AdapterKind::rlmrec_con)));
  CHECK_THROWS_AS(made(presets::Kar{}), ConfigError);
  data.user_profiles = {};
  CHECK_THROWS_AS(made(Mine{}), ConfigError);
}

TEST_CASE("an encoder of ten lines is trained under RecLM's vectors") {
  const Dataset data = planted_data();
  JointModel<> model("mine + RecLM",
                     make_vectors<Cpu, float>(AdapterKind::reclm, data, 16, IdStart::xavier, Initializer(1)),
                     std::make_unique<EncoderBackbone<TowardsTheMean>>(TowardsTheMean{}));
  const double before = area_under_curve(model, data.valid, data.train);
  const TrainReport report =
      train(model, data.train, {.epochs = 12, .batch_size = 64, .learning_rate = 0.01}, validation_of(data));
  CHECK(report.history.back().loss < 0.9 * report.history.front().loss);
  CHECK(area_under_curve(model, data.valid, data.train) > std::max(0.7, before));
  // Its ranking is the encoder's output.
  const auto& parameters = model.parameters();
  CHECK(parameters.front()->name() == "user.id");
  CHECK(model.ranking().is_product());
}
