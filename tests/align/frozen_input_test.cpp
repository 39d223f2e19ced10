/// The frozen tier and input at the edge: validation that measures nothing, candidates and choices out of range,
/// profiles that are not finite or not there, scorers that tell nothing apart.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "model/planted_clicks.hpp"
#include "reclm/adapt.hpp"
#include "support/catch.hpp"

using namespace reclm;
using namespace reclm_test;

namespace {

struct SmallModel {
  Matrix<float> u = tastes(61, 6, 11), v = tastes(81, 6, 12);
  [[nodiscard]] const Matrix<float>& user_factors() const { return u; }
  [[nodiscard]] const Matrix<float>& item_factors() const { return v; }
};

/// score = base + spread · (what depends on user and item)
struct PlainScorer {
  float base = 0, spread = 1;
  [[nodiscard]] Id users() const { return 61; }
  [[nodiscard]] Id items() const { return 81; }
  void score(Id user, std::span<const Id> items, std::span<float> out) const {
    for (std::size_t k = 0; k < items.size(); ++k) {
      if (items[k] < 0 || items[k] >= 81) throw std::out_of_range("scorer");
      out[k] = base + spread * static_cast<float>((items[k] * 7 + user) % 13);
    }
  }
};

constexpr double kInfinite = std::numeric_limits<double>::infinity();

template <class Error, class Act>
std::string message_of(const Act& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("validation whose clicks are all in train counts as none") {
  const Dataset data = planted_data();
  const SmallModel model;
  auto enhanced = adapt(model, make_profiles(data.item_profiles)),
       plain = adapt(model, make_profiles(data.item_profiles));
  const FitReport report = enhanced.fit(data.train, data.train);
  plain.fit(data.train);
  CHECK(report.validation_users == 0);
  CHECK(std::isnan(report.enhanced));
  CHECK(report.choice.cold_offset == FrozenChoice{}.cold_offset);
  const std::vector<Id> users{0, 7, 60};
  CHECK(enhanced.top_k(users, 81).scores == plain.top_k(users, 81).scores);

  // One user's clicks of validation are new: the others do not count.
  std::vector<Pair> pairs = data.train.pairs();
  pairs.push_back({3, data.valid.of(3).front()});
  CHECK(enhanced.fit(data.train, Interactions::from_pairs(61, 81, pairs)).validation_users == 1);
}

TEST_CASE("a constant added to all scores moves no list, and no item without a profile") {
  const Dataset data = planted_data();
  Profiles profiles = make_profiles(data.item_profiles);
  profiles.has_item.assign(static_cast<std::size_t>(data.train.items()), 1);
  const std::vector<Index> clicks = data.train.item_counts();
  std::vector<Id> unseen;
  for (Id i = 0; i < data.train.items(); ++i)
    if (clicks[static_cast<std::size_t>(i)] == 0) unseen.push_back(i);
  struct Shifted {
    Matrix<float> u, v;
    [[nodiscard]] const Matrix<float>& user_factors() const { return u; }
    [[nodiscard]] const Matrix<float>& item_factors() const { return v; }
  };
  const SmallModel plain;
  std::vector<std::vector<Id>> lists;
  std::vector<double> places;
  for (const float constant : {0.0f, -30.0f, 30.0f}) {
    Shifted model{Matrix<float>(61, 7, 1.0f), Matrix<float>(81, 7, constant)};
    for (Index r = 0; r < 61; ++r) std::ranges::copy(plain.u.row(r), model.u.row(r).begin());
    for (Index r = 0; r < 81; ++r) std::ranges::copy(plain.v.row(r), model.v.row(r).begin());
    auto enhanced = adapt(model, profiles);
    enhanced.fit(data.train, FrozenChoice{.sharpness = 0, .cold_offset = 0});
    const Id newcomer = enhanced.add_item({});
    std::vector<Id> list;
    double place = 0;
    for (Id user = 0; user < 60; ++user) {
      for (const Recommendation& line : enhanced.recommend(user, 10)) list.push_back(line.item);
      const auto all = enhanced.recommend(user, 82);
      place += static_cast<double>(std::ranges::find(all, newcomer, &Recommendation::item) - all.begin()) / 60;
    }
    lists.push_back(list);
    places.push_back(place);
  }
  CHECK(places[0] > 1);  // the mean of all is nobody's first
  for (const std::size_t other : {1, 2}) {
    CHECK(places[other] == Approx(places[0]).margin(0.5));
    Index same = 0;
    for (std::size_t k = 0; k < lists[0].size(); ++k) same += lists[0][k] == lists[other][k];
    CHECK(static_cast<double>(same) > 0.98 * static_cast<double>(lists[0].size()));
  }
}

TEST_CASE("joined profiles are checked as others are") {
  Profiles a{.items = random_matrix(4, 3, 1)}, b{.items = random_matrix(4, 2, 2)};
  CHECK(join_profiles(a, b).items.cols() == 5);
  CHECK_THROWS_AS(join_profiles(a, b, 1.5), ConfigError);
  b.has_item = {1};
  CHECK_THROWS_AS(join_profiles(a, b), ShapeError);
  b.has_item = {1, 1, 0, 1};
  b.items(2, 0) = NAN;
  CHECK(join_profiles(a, b).has_item == std::vector<std::uint8_t>{1, 1, 1, 1});
  b.has_item = {};
  CHECK_THROWS_AS(join_profiles(a, b), NumericError);
}

TEST_CASE("candidates that are no items are refused, also for scorers") {
  const Dataset data = planted_data();
  const PlainScorer scorer;
  const SmallModel model;
  const std::array<Id, 1> user{1};
  const auto check = [&](auto enhanced) {
    enhanced.fit(data.train);
    for (const Id item : {-1, 81, 500000})
      CHECK_THROWS_AS(enhanced(user, std::array<Id, 2>{3, item}, nullptr, 2), ShapeError);
    CHECK(enhanced(user, std::array<Id, 2>{3, 80}, nullptr, 2).items(0, 1) != kNoItem);
  };
  check(adapt(scorer, make_profiles(data.item_profiles)));
  check(adapt(model, make_profiles(data.item_profiles)));
}

TEST_CASE("a profile that is not finite is named, unless it is flagged as none") {
  const Dataset data = planted_data();
  const SmallModel model;
  for (const float bad : {NAN, INFINITY}) {
    Profiles items = make_profiles(data.item_profiles, data.user_profiles), users = items;
    items.items(3, 2) = bad, users.users(60, 1) = bad;
    const std::string named = message_of<NumericError>([&] { (void)adapt(model, items); });
    CHECK(named.find("item profiles: row 3 ") != std::string::npos);
    CHECK(named.find("Remedy") != std::string::npos);
    CHECK_THROWS_AS(adapt(model, users), NumericError);
    items.has_item.assign(81, 1), items.has_item[3] = 0;
    auto enhanced = adapt(model, items, {.warm_floor = 0, .cutoff = 5});
    CHECK(enhanced.fit(data.train, data.valid).zero_shot > 0.3);
    CHECK(enhanced.recommend(0, 3).size() == 3);
  }
}

TEST_CASE("choices out of range are refused, and a fit by choices reports no figures") {
  const Dataset data = planted_data();
  const SmallModel model;
  auto enhanced = adapt(model, make_profiles(data.item_profiles));
  const std::vector<FrozenChoice> bad{
      {.residual = 3},        {.residual = NAN},          {.min_history = -1},     {.sharpness = -1},
      {.ridge = 0},           {.cold_residual = NAN},     {.smoothing = -2},       {.smoothing = 1},
      {.cold_gain = -1},      {.cold_offset = kInfinite}, {.cold_offset = NAN},    {.ease = {.ridge = 0}},
      {.ease = {.items = 0}}, {.sharpness = kInfinite},   {.cold_gain = kInfinite}};
  for (const FrozenChoice& choice : bad) CHECK_THROWS_AS(enhanced.fit(data.train, choice), ConfigError);
  CHECK_THROWS_AS(enhanced.recommend(0, 3), ConfigError);  // not fitted
  enhanced.fit(data.train, {.residual = 1, .cold_offset = -kInfinite});
  const FitReport report = enhanced.report();
  for (const double figure : {report.model_alone, report.enhanced, report.zero_shot, report.warm_alone,
                              report.warm_enhanced, report.coverage})
    CHECK(std::isnan(figure));
}

TEST_CASE("the knob needs the curves of a fit on validation") {
  const Dataset data = planted_data();
  const SmallModel model;
  auto enhanced = adapt(model, make_profiles(data.item_profiles));
  enhanced.fit(data.train, FrozenChoice{});
  CHECK_THROWS_AS(choice_for(enhanced.report(), 0.5), ConfigError);
  // Where validation finds nothing in the profiles there are no curves, and unseen items stay last.
  auto noise = adapt(model, make_profiles(random_matrix(81, 8, 201)));
  const FitReport report = noise.fit(data.train, data.valid);
  REQUIRE(report.curves.empty());
  CHECK(choice_for(report, 0).cold_offset == -kInfinite);
}

TEST_CASE("rounding is no deviation") {
  const Dataset data = planted_data();
  const Profiles profiles = make_profiles(data.item_profiles);
  for (const float value : {0.0f, 0.1f, 3.7f, -4.1e6f}) {
    const PlainScorer constant{value, 0};
    auto enhanced = adapt(constant, profiles, {.residual = false, .smoothing = false});
    enhanced.fit(data.train);
    for (const Recommendation& line : enhanced.recommend(0, 80))
      CHECK(std::abs(line.score - value) < 10 + std::abs(value));
  }
  // What a scorer tells apart by a millionth part of its scores is no rounding.
  const PlainScorer lifted{1000, 0.01f};
  auto enhanced = adapt(lifted, profiles, {.residual = false, .smoothing = false});
  enhanced.fit(data.train);
  std::array<float, 2> scores{};
  enhanced.score(0, std::array<Id, 2>{0, 1}, scores);
  CHECK(std::abs(scores[1] - scores[0]) > 1);
}

TEST_CASE("newcomers' profiles are as wide as the others, and none where there are none") {
  const Dataset data = planted_data();
  const SmallModel model;
  auto without = adapt(model, Profiles{});
  without.fit(data.train);
  CHECK(without.add_item({}) == 81);
  CHECK_THROWS_AS(without.add_item(std::vector<float>(17, 1.0f)), ShapeError);
  CHECK_THROWS_AS(without.add_item(std::vector<float>(1, 1.0f)), ShapeError);
  Profiles flagged = make_profiles(data.item_profiles);
  flagged.has_item.assign(81, 0);  // ten columns, all empty
  auto empty = adapt(model, flagged);
  empty.fit(data.train);
  CHECK(empty.add_item(std::vector<float>(10, 1.0f)) == 81);
  CHECK_THROWS_AS(empty.add_item(std::vector<float>(9, 1.0f)), ShapeError);
}
