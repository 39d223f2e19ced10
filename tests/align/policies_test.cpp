/// Heads, fusions and alignments: gradients of whole models by their parameters against central differences, in double,
/// and what each policy promises.
#include <set>

#include "model/training_helpers.hpp"
#include "reclm/align/presets.hpp"
#include "support/catch.hpp"

using namespace reclm;
using namespace reclm_test;

namespace {

using Model = JointModel<Cpu, double>;

template <class P>
Model model_of(const Dataset& data, BackboneKind backbone, AlignmentOptions options = P::alignment()) {
  const auto rows = [](const Matrix<float>& m) { return FeatureInput<Cpu, double>::dense(m.view()); };
  options.learn_temperature = true;
  auto vectors = std::make_unique<ProfileVectors<Cpu, double, P>>(Initializer(1), rows(data.item_vectors),
                                                                  rows(data.user_profiles), rows(data.item_profiles), 4,
                                                                  IdStart::xavier, options);
  vectors->set_seen_items(items_of(data.train));
  return Model("model", std::move(vectors), make_backbone<Cpu, double>(backbone, data.train, 4, Initializer(2)));
}

Triples batch_of(const Dataset& data) {
  Triples triples;
  const BprSampler sampler(data.train, {.seed = 3});
  sampler.batch(0, 0, 24, triples);
  return triples;
}

/// Checks some elements of every parameter.
void check_model(Model& model, const Triples& batch) {
  const auto loss = [&](bool backward) {
    Tape<Cpu, double> tape;
    const Var value = model.loss({tape, batch, 24.0, 7, 5});
    const double result = *tape.value(value).data();
    if (backward) tape.backward(value);
    return result;
  };
  for (auto* p : model.parameters()) p->clear_gradient();
  loss(true);
  struct Entry {
    Parameter<Cpu, double>* parameter;
    Index at;
    double gradient;
  };
  std::vector<Entry> entries;
  for (auto* p : model.parameters()) {
    std::vector<double> gradient(static_cast<std::size_t>(p->value.size()), 0.0);
    if (p->has_dense_gradient()) std::copy_n(p->gradient.data(), gradient.size(), gradient.begin());
    for (std::size_t r = 0; r < p->row_gradient.rows.size(); ++r)
      for (Index c = 0; c < p->value.cols(); ++c)
        gradient[static_cast<std::size_t>(p->row_gradient.rows[r] * p->value.cols() + c)] =
            p->row_gradient.values.data()[static_cast<Index>(r) * p->value.cols() + c];
    for (Index k = 0; k < 6; ++k) {
      const Index at = k * 7919 % p->value.size();
      entries.push_back({p, at, gradient[static_cast<std::size_t>(at)]});
    }
    p->clear_gradient();
  }
  constexpr double step = 1e-6;
  for (const Entry& entry : entries) {
    double& x = entry.parameter->value.data()[entry.at];
    const double start = x;
    x = start + step;
    const double above = loss(false);
    x = start - step;
    const double below = loss(false);
    x = start;
    INFO(entry.parameter->name() << "[" << entry.at << "]");
    CHECK(entry.gradient == Approx((above - below) / (2 * step)).epsilon(1e-5).margin(1e-8));
  }
}

template <class P>
void check_gradients_of(const char* name, const AlignmentOptions& options = P::alignment()) {
  const Dataset data = planted_data(13, 17, 5);
  const Triples batch = batch_of(data);
  for (const BackboneKind backbone : {BackboneKind::bias_mf, BackboneKind::ncf, BackboneKind::light_gcn}) {
    INFO(name << " on " << backbone_name(backbone));
    Model model = model_of<P>(data, backbone, options);
    check_model(model, batch);
  }
}

Teacher some_teacher() {
  return [](const Triples& batch, std::span<float> out) {
    for (std::size_t b = 0; b < out.size(); ++b)
      out[b] = 0.1f * static_cast<float>(batch.positives[b] - batch.negatives[b]);
  };
}

std::set<std::string> parameter_names(const Model& model) {
  std::set<std::string> names;
  for (const auto* p : model.parameters()) names.insert(p->name());
  return names;
}

}  // namespace

TEST_CASE("gradients of the presets are those of their losses") {
  check_gradients_of<presets::RecLM>("RecLM");
  check_gradients_of<presets::RlmRecCon>("RLMRec-Con");
  check_gradients_of<presets::RlmRecGen>("RLMRec-Gen", {.weight = 0.5, .mask = 0.5});
  check_gradients_of<presets::AlphaRec>("AlphaRec");
  check_gradients_of<presets::Kar>("KAR");
}

TEST_CASE("gradients of other combinations are those of their losses") {
  check_gradients_of<Policies<OwnTables, LinearHead, GateFusion, NoAlignment>>("gate");
  check_gradients_of<Policies<OwnText, MlpHead, SumFusion, ProfileContrast>>("sum, sampled contrast",
                                                                             {.weight = 0.5, .negatives = 3});
  check_gradients_of<Policies<OwnTables, MixtureOfExperts, SharedPrivateFusion, Distillation>>(
      "shared and private, distilled", {.weight = 0.5, .temperature = 0.3, .teacher = some_teacher()});
}

TEST_CASE("a preset has the parameters of its policies alone") {
  const Dataset data = planted_data(13, 17, 5);
  const auto names = [&]<class P>(P) { return parameter_names(model_of<P>(data, BackboneKind::light_gcn)); };
  CHECK(names(presets::AlphaRec{}) == std::set<std::string>{"alignment.log_scale", "profile_head.0.bias",
                                                            "profile_head.0.weight", "profile_head.1.bias",
                                                            "profile_head.1.weight"});
  CHECK(names(presets::RlmRecGen{}).count("profile_head.0.weight") == 0);
  CHECK(names(presets::RlmRecGen{}).count("alignment.mask_token") == 1);
  CHECK(names(presets::Kar{}).count("profile_head.gate.users") == 1);
}

TEST_CASE("hidden rows are drawn anew each step and on the side that neighbours can tell of") {
  const Dataset data = planted_data(40, 41, 5);
  using P = presets::RlmRecGen;
  const auto rows = [](const Matrix<float>& m) { return FeatureInput<Cpu, double>::dense(m.view()); };
  ProfileVectors<Cpu, double, P> vectors(Initializer(1), {}, rows(data.user_profiles), rows(data.item_profiles), 4,
                                         IdStart::xavier, {.mask = 0.3});
  vectors.stand_under({.mixes_users = true});
  const Triples none;
  const auto users = [&](std::uint32_t number, bool training) {
    Tape<Cpu, double> tape(training);
    return tape.value(vectors.all_users({tape, none, 1, 1, number})).to_host();
  };
  const auto items = [&](bool training) {
    Tape<Cpu, double> tape(training);
    return tape.value(vectors.all_items({tape, none, 1, 1, 0})).to_host();
  };
  const auto changed = [&](const Matrix<double>& m) {
    const Matrix<double> plain = users(0, false);
    Index count = 0;
    for (Index r = 0; r < m.rows(); ++r) count += m(r, 0) != plain(r, 0);
    return count;
  };
  CHECK(changed(users(0, false)) == 0);
  CHECK(changed(users(0, true)) > 4);
  CHECK(changed(users(0, true)) < 24);
  CHECK(users(0, true) == users(0, true));
  CHECK_FALSE(users(0, true) == users(1, true));
  CHECK(items(true) == items(false));
}

TEST_CASE("an item that training never touched is ranked by its profile's vector") {
  // The last item is nobody's.
  const Dataset data = planted_data();
  const auto vectors = [&](AdapterKind kind) {
    return make_vectors<Cpu, float>(kind, data, 16, IdStart::xavier, Initializer(1));
  };
  const Triples none;
  const auto last_row = [&](AdapterKind kind, bool training) {
    const auto source = vectors(kind);
    Tape<Cpu, float> tape(training);
    const Matrix<float> all = tape.value(source->all_items({tape, none})).to_host();
    const auto row = all.row(all.rows() - 1);
    return std::vector<float>(row.begin(), row.end());
  };
  CHECK(last_row(AdapterKind::rlmrec_con, true) == last_row(AdapterKind::id, true));
  CHECK_FALSE(last_row(AdapterKind::rlmrec_con, false) == last_row(AdapterKind::id, false));
  // Two items with one profile then rank alike: the mean row of an untouched item is everybody's.
  CHECK_FALSE(last_row(AdapterKind::rlmrec_gen, false) == last_row(AdapterKind::rlmrec_con, false));
}

TEST_CASE("alignment options out of range are refused") {
  const Dataset data = planted_data(13, 17, 5);
  const auto make = [&]<class P>(P, const AlignmentOptions& options) {
    return model_of<P>(data, BackboneKind::bias_mf, options);
  };
  CHECK_THROWS_AS(make(presets::RlmRecCon{}, {.weight = -1}), ConfigError);
  CHECK_THROWS_AS(make(presets::RlmRecCon{}, {.temperature = 0}), ConfigError);
  CHECK_THROWS_AS(make(presets::RlmRecCon{}, {.temperature = 0.005, .learn_temperature = true}), ConfigError);
  CHECK_THROWS_AS(make(presets::RlmRecGen{}, {.mask = 1}), ConfigError);
  CHECK_THROWS_AS(make(Policies<OwnTables, MlpHead, GateFusion, Distillation>{}, {}), ConfigError);
}

TEST_CASE("the negatives of a contrast with profiles are spread over the batch") {
  CHECK(spread_rows(10, 3) == std::vector<Id>{0, 3, 6});
  CHECK(spread_rows(4, 4) == std::vector<Id>{0, 1, 2, 3});
  CHECK_THROWS_AS((ProfileContrast<Cpu, float>(Initializer(1), 4, 4, {.negatives = -1})), ConfigError);
}
