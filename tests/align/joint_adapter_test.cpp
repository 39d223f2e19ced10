/// Other people's trainable models: their gradients, that training with profiles helps, newcomers, files, bad input.
#include "reclm/align/joint_adapter.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "model/planted_clicks.hpp"
#include "reclm/adapt.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using namespace reclm_test;

namespace {

/// Matrix factorisation that takes gradients, with plain steps.
struct SmallFactors {
  Matrix<double> u, v, du, dv;
  double rate = 0.5;
  int steps = 0;

  SmallFactors(Index users, Index items, Index width)
      : u(users, width), v(items, width), du(users, width), dv(items, width) {
    const Matrix<float> start = random_matrix(users + items, width, 5);
    for (Index k = 0; k < u.size(); ++k) u.data()[k] = 0.1 * static_cast<double>(start.data()[k]);
    for (Index k = 0; k < v.size(); ++k) v.data()[k] = 0.1 * static_cast<double>(start.data()[u.size() + k]);
  }
  [[nodiscard]] const Matrix<double>& user_factors() const { return u; }
  [[nodiscard]] const Matrix<double>& item_factors() const { return v; }
  void add_user_gradient(std::span<const Id> rows, MatrixView<const float> g) { add(du, rows, g); }
  void add_item_gradient(std::span<const Id> rows, MatrixView<const float> g) { add(dv, rows, g); }
  void step() {
    for (auto [x, d] : {std::pair{&u, &du}, std::pair{&v, &dv}})
      for (Index k = 0; k < x->size(); ++k) x->data()[k] -= rate * std::exchange(d->data()[k], 0.0);
    ++steps;
  }

 private:
  static void add(Matrix<double>& d, std::span<const Id> rows, MatrixView<const float> g) {
    for (std::size_t r = 0; r < rows.size(); ++r)
      for (Index c = 0; c < g.cols(); ++c) d(rows[r], c) += static_cast<double>(g(static_cast<Index>(r), c));
  }
};

/// An encoder that draws everybody towards the mean of all, half the way.
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

const JointOptions kQuick{.width = 16, .training = {.epochs = 25, .batch_size = 64, .learning_rate = 0.01}};

/// Share of the best ten that are of the taste of `row`.
template <class Adapter>
double share_of_taste(const Adapter& adapter, Id user, Id taste) {
  double share = 0;
  for (const Recommendation& line : adapter.recommend(user, 10)) share += line.item % 4 == taste ? 0.1 : 0.0;
  return share;
}

template <class Adapter>
void check_newcomers(Adapter& adapter, const Dataset& data) {
  const auto profile = data.item_profiles.row(6);
  const Id item = adapter.add_item({profile.data(), profile.size()});
  CHECK(item == data.train.items());
  CHECK(adapter.items() == item + 1);
  const std::vector<Id> history{2, 6, 10, 14, 14};
  const Id user = adapter.add_user(history);
  CHECK(user == data.train.users());
  CHECK(share_of_taste(adapter, user, 2) > 0.5);
  // Those of the new item's taste like it better than others do.
  double own = 0, others = 0;
  for (Id u = 0; u < 60; ++u) {
    float score = 0;
    adapter.score(u, std::span(&item, 1), std::span(&score, 1));
    (u % 4 == 2 ? own : others) += static_cast<double>(score) / (u % 4 == 2 ? 15 : 45);
  }
  CHECK(own > others);
  const std::vector<Id> outside{item + 1};
  CHECK_THROWS_AS(adapter.add_user(outside), ShapeError);
  CHECK_THROWS_AS(adapter.add_item(std::vector<float>(3)), ShapeError);
  CHECK_THROWS_AS(adapter.add_item(std::vector<float>(10, NAN)), NumericError);
  CHECK(adapter.add_user(std::vector<Id>{}) == user + 1);
  // Without a profile: as one that is the mean of the others.
  std::vector<float> mean(10);
  for (Index i = 0; i < data.item_profiles.rows(); ++i)
    for (std::size_t c = 0; c < mean.size(); ++c)
      mean[c] += data.item_profiles(i, static_cast<Index>(c)) / static_cast<float>(data.item_profiles.rows());
  const std::array<Id, 2> alike{adapter.add_item({}), adapter.add_item(mean)};
  std::array<float, 2> scores{};
  adapter.score(0, alike, scores);
  CHECK(scores[0] == Approx(scores[1]).epsilon(0.01));
}

}  // namespace

TEST_CASE("a factor model gets the gradients of its rows, and one step each step") {
  const Dataset data = planted_data(13, 17, 5);
  SmallFactors mine(13, 17, 4);
  using P = OnFactorsOf<presets::RlmRecCon, SmallFactors>;
  const auto rows = [](const Matrix<float>& m) { return FeatureInput<Cpu, double>::dense(m.view()); };
  JointModel<Cpu, double> model(
      "mine",
      std::make_unique<ProfileVectors<Cpu, double, P>>(Initializer(1), FactorsOf<SmallFactors>::Own<Cpu, double>(mine),
                                                       rows(data.user_profiles), rows(data.item_profiles), 4,
                                                       AlignmentOptions{.weight = 0.5}),
      std::make_unique<ProductBackbone<Cpu, double>>(13, 17));
  Triples batch;
  BprSampler(data.train, {.seed = 3}).batch(0, 0, 24, batch);
  const auto loss = [&](bool backward) {
    Tape<Cpu, double> tape;
    const Var value = model.loss({tape, batch, 24.0, 7, 5});
    const double result = *tape.value(value).data();
    if (backward) tape.backward(value);
    return result;
  };
  loss(true);
  const Matrix<double> du = mine.du, dv = mine.dv;
  for (auto [x, d] : {std::pair{&mine.u, &du}, std::pair{&mine.v, &dv}})
    for (Index k = 0; k < x->size(); ++k) {
      const double start = x->data()[k];
      x->data()[k] = start + 1e-5;
      const double above = loss(false);
      x->data()[k] = start - 1e-5;
      const double below = loss(false);
      x->data()[k] = start;
      CHECK(d->data()[k] == Approx((above - below) / 2e-5).epsilon(1e-4).margin(1e-7));
    }
  CHECK(mine.steps == 0);
  model.finish_step();
  CHECK(mine.steps == 1);
}

TEST_CASE("a factor model trained with profiles ranks clicks that were held out, and newcomers") {
  const Dataset data = planted_data();
  SmallFactors mine(data.train.users(), data.train.items(), 8);
  auto adapted = adapt(mine, make_profiles(data.item_profiles, data.user_profiles), kQuick);
  static_assert(std::is_same_v<decltype(adapted), JointAdapter<SmallFactors>>);
  static_assert(Scorer<decltype(adapted)> && FactorModel<decltype(adapted)>);
  CHECK_THROWS_AS(adapted.recommend(0, 5), ConfigError);
  const JointReport report = adapted.fit(data.train, data.valid);
  CHECK(mine.steps == report.training.steps);
  CHECK(report.recall > 0.4);
  CHECK(report.recall == Approx(report.training.best_metric));
  double share = 0;
  for (Id user = 0; user < 40; ++user) share += share_of_taste(adapted, user, user % 4) / 40;
  CHECK(share > 0.4);  // 0.25 by chance
  check_newcomers(adapted, data);
}

TEST_CASE("an encoder trained under profiles ranks clicks that were held out, and newcomers") {
  const Dataset data = planted_data();
  TowardsTheMean mine;
  // No user profiles: their histories stand for them. The last item's profile is missing.
  Profiles profiles = make_profiles(data.item_profiles);
  profiles.has_item.assign(static_cast<std::size_t>(data.train.items()), 1);
  profiles.has_item.back() = 0;
  auto adapted = adapt(mine, std::move(profiles), kQuick);
  static_assert(std::is_same_v<decltype(adapted), JointAdapter<TowardsTheMean>>);
  const JointReport report = adapted.fit(data.train, data.valid);
  CHECK(report.recall > 0.4);
  const test::TemporaryFolder folder;
  adapted.save(folder.path() / "adapted.safetensors");
  const ServingModel served = ServingModel::load(folder.path() / "adapted.safetensors");
  for (const Id user : {0, 17, 60}) {
    const auto expected = adapted.recommend(user, 7), actual = served.recommend(user, 7);
    REQUIRE(actual.size() == expected.size());
    for (std::size_t k = 0; k < expected.size(); ++k) CHECK(actual[k].item == expected[k].item);
  }
  check_newcomers(adapted, data);
}

TEST_CASE("models, profiles and clicks that do not fit are refused, and a fit may be stopped") {
  const Dataset data = planted_data();
  SmallFactors few(data.train.users(), data.train.items() - 1, 8), fine(data.train.users(), data.train.items(), 8);
  auto a = adapt(few, make_profiles(data.item_profiles), kQuick);
  CHECK_THROWS_AS(a.fit(data.train), ShapeError);
  auto b = adapt(fine, make_profiles(random_matrix(5, 4, 1)), kQuick);
  CHECK_THROWS_AS(b.fit(data.train), ShapeError);
  CHECK_THROWS_AS(adapt(fine, make_profiles(data.item_profiles), JointOptions{.width = 0}), ConfigError);
  CHECK_THROWS_AS(adapt(fine, make_profiles(data.item_profiles), JointOptions{.cutoff = 0}), ConfigError);
  JointOptions stopped = kQuick;
  stopped.training.observer = [](const Progress&) { return false; };
  auto c = adapt(fine, make_profiles(data.item_profiles), stopped);
  CHECK_THROWS_AS(c.fit(data.train), FitStopped);
}

TEST_CASE("validation that measures nothing counts as none") {
  const Dataset data = planted_data();
  JointOptions options = kQuick;
  options.training.epochs = 6;
  const auto factors_after = [&](const auto& fit) {
    TowardsTheMean mine;
    auto adapted = adapt(mine, make_profiles(data.item_profiles), options);
    const JointReport report = fit(adapted);
    CHECK(std::isnan(report.recall));
    CHECK(report.training.history.size() == 6);
    return adapted.serving().user_factors();
  };
  const Matrix<float> plain = factors_after([&](auto& adapted) { return adapted.fit(data.train); });
  const Interactions none(61, 81, std::vector<Index>(62, 0), {}),
      unseen = Interactions::from_pairs(61, 81, std::vector<Pair>{{3, 80}});
  for (const Interactions* valid : {&none, &unseen, &data.train})
    CHECK(factors_after([&](auto& adapted) { return adapted.fit(data.train, *valid); }) == plain);
}

TEST_CASE("a fit of an encoder that was stopped ends as one that was not") {
  const Dataset data = planted_data();
  const test::TemporaryFolder folder;
  JointOptions options = kQuick;
  options.training.epochs = 12;
  options.training.learning_rate = 0.08;  // validation goes up and down: the best epoch is not the last
  TowardsTheMean mine;
  auto whole = adapt(mine, make_profiles(data.item_profiles), options);
  const JointReport expected = whole.fit(data.train, data.valid);

  options.training.checkpoint = folder / "checkpoint.safetensors";
  options.training.resume = true;
  int epochs = 0;
  options.training.observer = [&](const Progress& progress) {
    epochs += !progress.metrics.empty();
    return epochs < std::min(expected.training.best_epoch, 11);  // what follows is worse
  };
  auto stopped = adapt(mine, make_profiles(data.item_profiles), options);
  CHECK_THROWS_AS(stopped.fit(data.train, data.valid), FitStopped);
  options.training.observer = {};
  for (int again = 0; again < 2; ++again) {  // the second goes on from what is finished
    auto resumed = adapt(mine, make_profiles(data.item_profiles), options);
    const JointReport report = resumed.fit(data.train, data.valid);
    CHECK(report.training.best_epoch == expected.training.best_epoch);
    CHECK(report.recall == expected.recall);
    CHECK(resumed.serving().user_factors() == whole.serving().user_factors());
    CHECK(resumed.serving().item_factors() == whole.serving().item_factors());
  }
  // Another training's checkpoint: of other profiles, another validation split, another alignment, another width.
  Matrix<float> others = data.item_profiles;
  others(3, 1) = -others(3, 1) + 0.5f;
  CHECK_THROWS_AS(adapt(mine, make_profiles(others), options).fit(data.train, data.valid), ConfigError);
  CHECK_THROWS_AS(adapt(mine, make_profiles(data.item_profiles), options).fit(data.train, data.train), ConfigError);
  JointOptions changed = options;
  changed.alignment = presets::RecLM::alignment();
  changed.alignment->weight *= 2;
  CHECK_THROWS_AS(adapt(mine, make_profiles(data.item_profiles), changed).fit(data.train, data.valid), ConfigError);
  // A checkpoint would not hold the factors of a model that keeps its own.
  SmallFactors own(61, 81, 8);
  auto refused = adapt(own, make_profiles(data.item_profiles), options);
  CHECK_THROWS_AS(refused.fit(data.train), ConfigError);
}

TEST_CASE("profiles that are not finite are refused, unless they are flagged as none") {
  const Dataset data = planted_data();
  SmallFactors mine(61, 81, 8);
  Profiles profiles = make_profiles(data.item_profiles);
  profiles.items(80, 1) = NAN;
  CHECK_THROWS_AS(adapt(mine, profiles, kQuick), NumericError);
  profiles.has_item.assign(81, 1), profiles.has_item[80] = 0;
  JointOptions brief = kQuick;
  brief.training.epochs = 1;
  auto adapted = adapt(mine, profiles, brief);
  adapted.fit(data.train);
  CHECK(adapted.recommend(0, 3).size() == 3);
}
