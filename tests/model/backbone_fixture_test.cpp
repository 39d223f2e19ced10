/// Losses and gradients of the backbones against PyTorch's, on fixed weights and a fixed batch
/// (bench/peers/cf/fixture.py writes the fixture).
#include <nlohmann/json.hpp>

#include "reclm/align/presets.hpp"
#include "reclm/backend/cpu.hpp"
#include "reclm/data/features.hpp"
#include "reclm/data/safetensors.hpp"
#include "reclm/data/splits.hpp"
#include "reclm/model/joint_model.hpp"
#include "reclm/model/make_backbone.hpp"
#include "support/catch.hpp"

using namespace reclm;

namespace {

struct Fixture {
  SafetensorsFile file = SafetensorsFile::open(RECLM_SOURCE_DIR "/tests/fixtures/backbones.safetensors");
  nlohmann::json sizes = nlohmann::json::parse(file.metadata().at("fixture"));
  Id users = sizes.at("users"), items = sizes.at("items");
  Index width = sizes.at("width");
  Interactions train = read_train();
  Triples batch = read_batch();

  Interactions read_train() const {
    const auto pairs = file.matrix<std::int32_t>("pairs");
    std::vector<Pair> list;
    for (Index k = 0; k < pairs.rows(); ++k) list.push_back({pairs(k, 0), pairs(k, 1)});
    return Interactions::from_pairs(users, items, list);
  }
  Triples read_batch() const {
    const auto rows = file.matrix<std::int32_t>("batch");
    Triples triples;
    for (Index k = 0; k < rows.rows(); ++k) {
      triples.users.push_back(rows(k, 0));
      triples.positives.push_back(rows(k, 1));
      triples.negatives.push_back(rows(k, 2));
    }
    return triples;
  }
};

enum class Profiles { dense, mixture };

template <class T>
std::unique_ptr<InitialVectors<Cpu, T>> vectors_of(const Fixture& f, const std::string& variant, Profiles profiles) {
  const Initializer init(1);
  const auto rows = [&](const char* name) { return FeatureInput<Cpu, T>::dense(f.file.matrix<float>(name).view()); };
  if (variant == "id") return std::make_unique<IdVectors<Cpu, T>>(init, f.users, f.items, f.width, IdStart::xavier);
  if (variant == "base")
    return std::make_unique<TextVectors<Cpu, T>>(init, f.users, rows("item_text"), f.width, IdStart::xavier);

  if (profiles == Profiles::mixture) {
    const auto items = f.file.matrix<float>("item_profile");
    CsrMatrix<T> mix{f.users, f.items, {0}, {}, {}};
    for (Id user = 0; user < f.users; ++user) {
      std::vector<double> sum(static_cast<std::size_t>(items.cols()));
      for (const Id item : f.train.of(user))
        for (Index c = 0; c < items.cols(); ++c)
          sum[static_cast<std::size_t>(c)] += static_cast<double>(items(item, c));
      double squares = 0;
      for (const double x : sum) squares += x * x;
      for (const Id item : f.train.of(user)) {
        mix.columns.push_back(item);
        mix.values.push_back(static_cast<T>(1 / std::sqrt(squares)));
      }
      mix.offsets.push_back(static_cast<Index>(mix.columns.size()));
    }
    auto [item_rows, mixed] = FeatureInput<Cpu, T>::mixture(mix, items.view(), items_of(f.train));
    return std::make_unique<RecLmVectors<Cpu, T>>(init, rows("item_text"), std::move(mixed), std::move(item_rows),
                                                  f.width, IdStart::xavier);
  }
  return std::make_unique<RecLmVectors<Cpu, T>>(init, rows("item_text"), rows("user_profile"), rows("item_profile"),
                                                f.width, IdStart::xavier);
}

/// Largest deviation of a gradient from the fixture's, as a share of its largest element.
template <class T>
void check_case(const Fixture& f, BackboneKind kind, const std::string& name, const std::string& variant,
                Profiles profiles, double tolerance) {
  JointModel<Cpu, T> model("fixture", vectors_of<T>(f, variant, profiles),
                           make_backbone<Cpu, T>(kind, f.train, f.width, Initializer(1)));
  const std::string prefix = name + "." + variant + ".";
  double l2 = 0;
  for (auto* p : model.parameters()) {
    const auto start = f.file.matrix<T>(prefix + "param." + p->name());
    REQUIRE(start.size() == p->value.size());
    std::copy_n(start.data(), start.size(), p->value.data());
    for (Index k = 0; k < start.size(); ++k)
      l2 += static_cast<double>(start.data()[k]) * static_cast<double>(start.data()[k]);
  }
  l2 *= default_l2(kind);
  Tape<Cpu, T> tape;
  const TrainingStep<Cpu, T> step{tape, f.batch, f.sizes.at("divisor").get<double>(),
                                  f.sizes.at("seed").get<std::uint64_t>(), f.sizes.at("step").get<std::uint32_t>()};
  const Var loss = model.loss(step);
  const double value = static_cast<double>(*tape.value(loss).data()) + l2;
  CHECK(value == Approx(f.file.vector<double>(prefix + "loss")[0]).epsilon(tolerance));
  CHECK(l2 == Approx(f.file.vector<double>(prefix + "loss.l2")[0]).epsilon(1e-5));
  tape.backward(loss);
  for (auto* p : model.parameters()) {
    const auto expected = f.file.vector<double>(prefix + "grad." + p->name());
    std::vector<double> actual(expected.size(), 0.0);
    if (p->has_dense_gradient())
      for (std::size_t k = 0; k < actual.size(); ++k) actual[k] = static_cast<double>(p->gradient.data()[k]);
    const Index cols = p->value.cols();
    for (std::size_t r = 0; r < p->row_gradient.rows.size(); ++r)
      for (Index c = 0; c < cols; ++c)
        actual[static_cast<std::size_t>(p->row_gradient.rows[r] * cols + c)] =
            static_cast<double>(p->row_gradient.values.data()[static_cast<Index>(r) * cols + c]);
    double largest = 0, worst = 0;
    for (std::size_t k = 0; k < actual.size(); ++k) {
      actual[k] += 2 * default_l2(kind) * static_cast<double>(p->value.data()[k]);
      largest = std::max(largest, std::abs(expected[k]));
      worst = std::max(worst, std::abs(actual[k] - expected[k]));
    }
    INFO(prefix << p->name() << ": largest " << largest << ", worst error " << worst);
    CHECK(worst <= tolerance * largest + 1e-3 * tolerance);
  }
}

}  // namespace

TEST_CASE("losses and gradients of all backbones agree with PyTorch's to 1e-5") {
  const Fixture fixture;
  const std::pair<BackboneKind, const char*> backbones[] = {{BackboneKind::bias_mf, "biasmf"},
                                                            {BackboneKind::ncf, "ncf"},
                                                            {BackboneKind::light_gcn, "lightgcn"},
                                                            {BackboneKind::sgl, "sgl"},
                                                            {BackboneKind::sim_gcl, "simgcl"}};
  for (const auto& [kind, name] : backbones)
    for (const char* variant : {"base", "id", "reclm"}) {
      check_case<float>(fixture, kind, name, variant, Profiles::dense, 1e-5);
      if (std::string(variant) == "reclm") check_case<float>(fixture, kind, name, variant, Profiles::mixture, 1e-5);
    }
}
