/// The frozen tier: guarantee, cold items, newcomers, threads, files, bad input.
#include "reclm/adapt.hpp"

#include <array>
#include <thread>

#include "model/planted_clicks.hpp"
#include "reclm/eval/protocol.hpp"
#include "reclm/model/baselines.hpp"
#include "reclm/model/scorer_ranker.hpp"
#include "support/catch.hpp"
#include "support/sanitized.hpp"

using namespace reclm;
using namespace reclm_test;

namespace {

/// A model whose users like their own taste, with noise; it knows nothing of the last item.
struct SmallModel {
  Matrix<float> u, v;
  explicit SmallModel(const Dataset& data)
      : u(tastes(data.train.users(), 6, 11)), v(tastes(data.train.items(), 6, 12)) {
    std::fill(v.row(v.rows() - 1).begin(), v.row(v.rows() - 1).end(), 0.0f);
  }
  [[nodiscard]] const Matrix<float>& user_factors() const { return u; }
  [[nodiscard]] const Matrix<float>& item_factors() const { return v; }
};

/// The same behind score() alone.
struct SmallScorer {
  SmallModel model;
  explicit SmallScorer(const Dataset& data) : model(data) {}
  [[nodiscard]] Id users() const { return static_cast<Id>(model.u.rows()); }
  [[nodiscard]] Id items() const { return static_cast<Id>(model.v.rows()); }
  void score(Id user, std::span<const Id> items, std::span<float> out) const {
    for (std::size_t k = 0; k < items.size(); ++k) {
      out[k] = 0;
      for (Index c = 0; c < model.u.cols(); ++c) out[k] += model.u(user, c) * model.v(items[k], c);
    }
  }
};

double validation_recall(const Dataset& data, const auto& ranker) {
  Dataset judged = data;
  judged.valid_candidates.clear();
  for (Id i = 0; i + 1 < data.train.items(); ++i) judged.valid_candidates.push_back(i);
  return evaluate(judged, Setting::validation, ranker).mean("recall@20");
}

template <class Adapter>
std::vector<float> scores_of(const Adapter& adapter, Id user, std::vector<Id> items) {
  std::vector<float> out(items.size());
  adapter.score(user, items, out);
  return out;
}

}  // namespace

TEST_CASE("random profiles leave the model as good as it was on validation") {
  const Dataset data = planted_data();
  const SmallScorer scorer(data);
  const SmallModel model(data);
  for (std::uint64_t seed = 1; seed <= (reclm_test::kSanitized ? 2 : 6); ++seed) {
    const Profiles nothing = make_profiles(random_matrix(data.train.items(), 8, 100 + seed));
    auto a = adapt(model, nothing, {.seed = seed});
    const FitReport report = a.fit(data.train, data.valid);
    CHECK(report.enhanced >= report.model_alone);
    CHECK(validation_recall(data, a) >= validation_recall(data, ScorerRanker(scorer)) - 1e-6);
    auto b = adapt(scorer, nothing, {.seed = seed});
    b.fit(data.train, data.valid);
    CHECK(validation_recall(data, b) >= validation_recall(data, ScorerRanker(scorer)) - 1e-6);
  }
}

TEST_CASE("factors are a score's product, and rank as score does") {
  const Dataset data = planted_data();
  const SmallModel model(data);
  auto enhanced = adapt(model, make_profiles(data.item_profiles, data.user_profiles));
  enhanced.fit(data.train, data.valid);
  static_assert(Scorer<decltype(enhanced)> && FactorModel<decltype(enhanced)>);
  const auto users = enhanced.user_factors(), items = enhanced.item_factors();
  REQUIRE(users.rows() == data.train.users());
  REQUIRE(items.rows() == data.train.items());
  for (const Id user : {0, 7, 60}) {
    const auto list = enhanced.recommend(user, 5);
    REQUIRE(list.size() == 5);
    for (std::size_t k = 0; k < list.size(); ++k) {
      float sum = 0;
      for (Index c = 0; c < users.cols(); ++c) sum += users(user, c) * items(list[k].item, c);
      CHECK(list[k].score == Approx(sum).margin(1e-4));
      CHECK(scores_of(enhanced, user, {list[k].item})[0] == Approx(sum).margin(1e-4));
      CHECK_FALSE(data.train.contains(user, list[k].item));
      CHECK((k == 0 || list[k].score <= list[k - 1].score));
    }
  }
}

TEST_CASE("a scorer's own users keep its scores, and its factors come near") {
  const Dataset data = planted_data();
  const SmallScorer scorer(data);
  auto enhanced = adapt(scorer, make_profiles(data.item_profiles), {.residual = false, .smoothing = false});
  enhanced.fit(data.train, data.valid);
  std::vector<Id> items;
  for (Id i = 0; i < data.train.items(); ++i)
    if (data.train.item_counts()[static_cast<std::size_t>(i)] > 0) items.push_back(i);
  std::vector<float> plain(items.size());
  for (const Id user : {1, 30}) {
    scorer.score(user, items, plain);
    const auto now = scores_of(enhanced, user, items);
    const float ratio = now[3] / plain[3];  // σ alone stands between them
    const auto factors = enhanced.serving();
    std::vector<float> served(items.size());
    factors.score(user, items, served);
    for (std::size_t k = 0; k < items.size(); ++k) {
      CHECK(now[k] == Approx(ratio * plain[k]).margin(1e-3));
      CHECK(served[k] == Approx(now[k]).margin(2e-2));  // six factors are all there is
    }
  }
}

TEST_CASE("a scorer's lists hold its scores, of one user or of many at once") {
  const Dataset data = planted_data();
  const SmallScorer scorer(data);
  auto enhanced = adapt(scorer, make_profiles(data.item_profiles));
  enhanced.fit(data.train, data.valid);
  const Id first = enhanced.add_user(std::array<Id, 3>{1, 5, 9}), second = enhanced.add_user({});
  enhanced.add_item(data.item_profiles.row(3));
  for (const std::vector<Id>& users :
       {std::vector<Id>{7}, {0, first, 1}, {0, 1, 2, 3, 4, first, 6, 7, 8, 9, second}, {5, 4, 3, 2, 1}}) {
    const TopK lists = enhanced.top_k(users, 12);
    for (Index r = 0; r < lists.items.rows(); ++r) {
      const Id user = users[static_cast<std::size_t>(r)];
      for (Index k = 0; k < 12; ++k)
        CHECK(lists.scores(r, k) == Approx(scores_of(enhanced, user, {lists.items(r, k)})[0]).margin(1e-4));
    }
  }
}

TEST_CASE("factors that are not the whole of a score are not taken for it") {
  const Dataset data = planted_data();
  const SmallModel part(data);
  const PairModel whole(part.u, part.v, tastes(data.train.users(), 5, 23), tastes(data.train.items(), 5, 24));
  REQUIRE_FALSE(whole.is_product());
  struct Behind {
    const PairModel* model;
    [[nodiscard]] Id users() const { return model->users(); }
    [[nodiscard]] Id items() const { return model->items(); }
    void score(Id user, std::span<const Id> items, std::span<float> out) const { model->score(user, items, out); }
  };
  const Behind behind{&whole};
  const Profiles profiles = make_profiles(data.item_profiles);
  auto a = adapt(whole, profiles);
  auto b = adapt(behind, profiles);
  auto c = adapt(part, profiles);
  const FitReport report = a.fit(data.train, data.valid);
  CHECK(report.model_alone == b.fit(data.train, data.valid).model_alone);
  CHECK(report.model_alone != c.fit(data.train, data.valid).model_alone);
  const std::vector<Id> items{0, 3, 17, 40};
  CHECK(scores_of(a, 7, items) == scores_of(b, 7, items));
  CHECK(scores_of(a, 7, items) != scores_of(c, 7, items));
}

TEST_CASE("a scorer that tells nobody apart is enhanced as well") {
  const Dataset data = planted_data();
  const Popularity popularity(data.train);  // scores of rank one
  auto enhanced = adapt(popularity, make_profiles(data.item_profiles));
  const FitReport report = enhanced.fit(data.train, data.valid);
  CHECK(report.enhanced > report.model_alone + 0.2);
  const Popularity nothing(Interactions(61, 81, std::vector<Index>(62, 0), {}));  // all scores are 0
  auto still = adapt(nothing, make_profiles(data.item_profiles));
  CHECK(still.fit(data.train, data.valid).enhanced > 0.2);
}

TEST_CASE("cold items come in at run time and are ranked by their profile") {
  const Dataset data = planted_data();
  const SmallModel model(data);
  auto enhanced = adapt(model, make_profiles(data.item_profiles), {.warm_floor = 0});
  enhanced.fit(data.train, data.valid);
  const Id before = enhanced.items();
  for (Index taste = 0; taste < 4; ++taste) {
    std::vector<float> profile(10, 0.02f);
    profile[static_cast<std::size_t>(taste)] = 1;
    CHECK(enhanced.add_item(profile) == before + static_cast<Id>(taste));
  }
  CHECK(enhanced.add_item({}) == before + 4);  // no profile: an item like the mean of all
  CHECK(enhanced.items() == before + 5);
  int right = 0;
  for (Id user = 0; user < 60; ++user) {
    const auto scores = scores_of(enhanced, user, {before, before + 1, before + 2, before + 3});
    right += std::max_element(scores.begin(), scores.end()) - scores.begin() == user % 4;
  }
  CHECK(right > 50);
  CHECK_THROWS_AS(enhanced.add_item(std::vector<float>(3, 1.0f)), ShapeError);
  CHECK_THROWS_AS(enhanced.add_item(std::vector<float>(10, NAN)), NumericError);
  IdMap ids;
  for (Id i = 0; i < enhanced.items(); ++i) ids.insert("i" + std::to_string(i));
  const Id named = enhanced.add_item(ids, "new", std::vector<float>(10, 0.3f));
  CHECK(ids.find("new") == named);
  CHECK_THROWS_AS(enhanced.add_item(ids, "new", std::vector<float>(10, 0.3f)), ShapeError);
}

TEST_CASE("users come in at run time by clicks, by profile, or by neither") {
  const Dataset data = planted_data();
  const SmallModel model(data);
  const SmallScorer scorer(data);
  const auto check = [&](auto enhanced) {
    enhanced.fit(data.train, data.valid);
    for (Id taste = 0; taste < 4; ++taste) {
      const std::array<Id, 3> clicks{taste + 8, taste, taste + 4};
      std::vector<float> profile(10, 0.02f);
      profile[static_cast<std::size_t>(taste)] = 1;
      for (const Id user :
           {enhanced.add_user(clicks), enhanced.add_user(clicks, profile), enhanced.add_user({}, profile)}) {
        int same = 0;
        for (const Recommendation& line : enhanced.recommend(user, 8)) same += line.item % 4 == taste;
        CHECK(same >= 6);
      }
      for (const Recommendation& line : enhanced.recommend(enhanced.add_user(clicks), 20))
        CHECK(std::find(clicks.begin(), clicks.end(), line.item) == clicks.end());
    }
    CHECK(enhanced.recommend(enhanced.add_user({}), 3).size() == 3);
    CHECK_THROWS_AS(enhanced.add_user(std::array<Id, 1>{9999}), ShapeError);
    CHECK_THROWS_AS(enhanced.recommend(9999, 3), ShapeError);
  };
  check(adapt(model, make_profiles(data.item_profiles, data.user_profiles)));
  check(adapt(scorer, make_profiles(data.item_profiles, data.user_profiles)));
}

TEST_CASE("the knob between seen and unseen items can be turned after a fit") {
  const Dataset data = planted_data();
  const SmallModel model(data);
  auto enhanced = adapt(model, make_profiles(data.item_profiles), {.cutoff = 5});
  const FitReport report = enhanced.fit(data.train, data.valid);
  CHECK(report.coverage == Approx(59.0 / 60).margin(0.05));
  REQUIRE(report.curves.size() == 5);
  CHECK(choice_for(report, 0.99).cold_offset == report.choice.cold_offset);
  CHECK(choice_for(report, 0.99).cold_gain == report.choice.cold_gain);
  auto other = adapt(model, make_profiles(data.item_profiles), {.warm_floor = 0, .cutoff = 5});
  const FrozenChoice free = other.fit(data.train, data.valid).choice, turned = choice_for(report, 0);
  CHECK(turned.cold_offset == free.cold_offset);
  CHECK(turned.cold_gain == free.cold_gain);
  // No point of the curve with more of H lies more than its error above the one that was chosen.
  const auto& curve = report.curves.at(free.cold_gain);
  double best = 0, error = 0, chosen = 0;
  for (const CalibrationPoint& point : curve) {
    CHECK((point.warm >= 0 && point.warm <= 1 && point.cold >= 0 && point.cold <= 1 && point.error >= 0));
    if (point.h > best) best = point.h, error = point.error;
    if (point.offset == free.cold_offset) chosen = point.h;
  }
  CHECK(chosen >= best - error);
  CHECK(curve.front().warm >= curve.back().warm);
  CHECK(curve.front().cold <= curve.back().cold);
  CHECK_THROWS_AS(choice_for(report, 1.5), ConfigError);
}

TEST_CASE("readers on many threads get the same lists while newcomers arrive") {
  const Dataset data = planted_data();
  const SmallModel model(data);
  auto enhanced = adapt(model, make_profiles(data.item_profiles));
  enhanced.fit(data.train, data.valid);
  std::vector<Id> users(60);
  std::iota(users.begin(), users.end(), Id{0});
  const TopK alone = enhanced.top_k(users, 5);
  std::array<int, 3> wrong{};
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t)
    readers.emplace_back([&, t] {
      for (int round = 0; round < 20; ++round)
        wrong[static_cast<std::size_t>(t)] += enhanced.top_k(users, 5).items != alone.items;
    });
  for (int k = 0; k < 20; ++k) enhanced.add_user(std::array<Id, 1>{3});
  for (auto& reader : readers) reader.join();
  CHECK(wrong == std::array<int, 3>{});
}

TEST_CASE("items and users without a profile are left to the model") {
  Dataset data = planted_data();
  const SmallModel model(data);
  Profiles half = make_profiles(data.item_profiles);
  half.has_item.assign(static_cast<std::size_t>(half.items.rows()), 1);
  for (Index i = 0; i < half.items.rows(); i += 2) {
    half.has_item[static_cast<std::size_t>(i)] = 0;
    for (float& x : half.items.row(i)) x = 1e6f;  // must not be read
  }
  auto enhanced = adapt(model, half);
  const FitReport report = enhanced.fit(data.train, data.valid);
  CHECK(report.enhanced >= report.model_alone);
  for (const float x : scores_of(enhanced, 0, {0, 1, 80})) CHECK(std::abs(x) < 1e3f);

  auto without = adapt(model, Profiles{});  // none at all
  without.fit(data.train, data.valid);
  CHECK(without.recommend(1, 3).size() == 3);
}

TEST_CASE("what does not fit is refused by name") {
  const Dataset data = planted_data();
  const SmallModel model(data);
  CHECK_THROWS_AS(adapt(model, make_profiles(Matrix<float>(3, 4, 1.0f))), ShapeError);
  CHECK_THROWS_AS(adapt(model, make_profiles(data.item_profiles, Matrix<float>(2, 2, 1.0f))), ShapeError);
  CHECK_THROWS_AS(adapt(model, make_profiles(data.item_profiles), {.warm_floor = 2}), ConfigError);
  CHECK_THROWS_AS(make_profiles(Matrix<float>(81, 4097)), ShapeError);
  CHECK_THROWS_AS(make_profiles(Matrix<float>(81, 4, NAN)), NumericError);
  auto enhanced = adapt(model, make_profiles(data.item_profiles));
  CHECK_THROWS_AS(enhanced.recommend(0, 3), ConfigError);  // not fitted
  CHECK_THROWS_AS(enhanced.fit(planted_data(40).train), ShapeError);
  int stages = 0;
  auto stopped =
      adapt(model, make_profiles(data.item_profiles), {.observer = [&](const Progress&) { return ++stages < 3; }});
  CHECK_THROWS_AS(stopped.fit(data.train, data.valid), FitStopped);
}
