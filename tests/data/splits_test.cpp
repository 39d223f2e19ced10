#include "reclm/data/splits.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <set>

#include "support/catch.hpp"

using namespace reclm;

namespace {

// Users with 1 … 30 pairs, popular items among them.
Interactions sample(Id users = 400, Id items = 120, unsigned seed = 3) {
  std::mt19937 random(seed);
  std::vector<Pair> pairs;
  for (Id user = 0; user < users; ++user) {
    const auto count = 1 + random() % 30;
    for (unsigned k = 0; k < count; ++k)
      pairs.push_back({user, static_cast<Id>(std::min(random() % items, random() % items))});
  }
  return Interactions::from_pairs(users, items, pairs);
}

std::vector<double> times_of(const Interactions& all, unsigned seed = 4, unsigned distinct = 100'000) {
  std::mt19937 random(seed);
  std::vector<double> times(all.columns().size());
  for (double& time : times) time = 1e9 + random() % distinct;
  return times;
}

Index count(const Parts& parts, Part part) { return std::count(parts.begin(), parts.end(), part); }

double share(const Parts& parts, Part part) {
  return static_cast<double>(count(parts, part)) / static_cast<double>(parts.size());
}

bool disjoint_cover(const Interactions& all, const std::vector<Interactions>& pieces) {
  std::vector<Pair> pairs;
  for (const Interactions& piece : pieces)
    for (const Pair& pair : piece.pairs()) pairs.push_back(pair);
  std::sort(pairs.begin(), pairs.end());
  return pairs == all.pairs();
}

}  // namespace

TEST_CASE("taking parts cuts pairs and values alike") {
  const auto all = Interactions::from_pairs(3, 4, std::vector<Pair>{{0, 1}, {0, 3}, {2, 0}, {2, 2}});
  const Parts parts{Part::train, Part::test, Part::dropped, Part::train};
  CHECK(take(all, parts, Part::train).pairs() == std::vector<Pair>{{0, 1}, {2, 2}});
  CHECK(take(all, parts, Part::train).users() == 3);
  CHECK(take(all, parts, Part::valid).empty());
  const InteractionValues values{{1, 2, 3, 4}, {}};
  CHECK(take(values, parts, Part::train).ratings == std::vector<float>{1, 4});
  CHECK(take(values, parts, Part::train).timestamps.empty());
  CHECK_THROWS_AS(take(all, Parts(3), Part::train), ShapeError);
  CHECK_THROWS_AS(take(values, Parts(3), Part::train), ShapeError);
}

TEST_CASE("a ratio split meets its shares, keeps a train pair for every user and follows its seed") {
  const Interactions all = sample();
  const Parts parts = ratio_split(all, {.valid = 0.1, .test = 0.2});
  CHECK(share(parts, Part::test) == Approx(0.2).margin(0.02));
  CHECK(share(parts, Part::valid) == Approx(0.1).margin(0.02));
  const auto train = take(all, parts, Part::train);
  for (Id user = 0; user < all.users(); ++user) CHECK(train.of(user).size() >= 1);
  CHECK(disjoint_cover(all, {train, take(all, parts, Part::valid), take(all, parts, Part::test)}));
  CHECK(parts == ratio_split(all, {.valid = 0.1, .test = 0.2}));
  CHECK(parts != ratio_split(all, {.valid = 0.1, .test = 0.2, .seed = 2}));

  const Parts global = ratio_split(all, {.valid = 0.1, .test = 0.2, .per_user = false});
  CHECK(share(global, Part::test) == Approx(0.2).margin(0.02));
  CHECK(share(global, Part::valid) == Approx(0.1).margin(0.02));
  CHECK_THROWS_AS(ratio_split(all, {.valid = 0.5, .test = 0.5}), ConfigError);
  CHECK_THROWS_AS(ratio_split(all, {.valid = -0.1}), ConfigError);
  CHECK(ratio_split(Interactions(), {}).empty());
}

TEST_CASE("users with few pairs give their share as well, on average") {
  std::vector<Pair> pairs;
  for (Id user = 0; user < 5000; ++user)
    for (Id item = 0; item < 2; ++item) pairs.push_back({user, item});
  const auto all = Interactions::from_pairs(5000, 2, pairs);
  CHECK(share(ratio_split(all, {.valid = 0, .test = 0.1}), Part::test) == Approx(0.1).margin(0.01));
}

TEST_CASE("leave-one-out holds out the last pairs of each user") {
  const Interactions all = sample();
  const std::vector<double> times = times_of(all);
  const Parts parts = leave_one_out_split(all, times);
  for (Id user = 0; user < all.users(); ++user) {
    const auto begin = static_cast<std::size_t>(all.offsets()[static_cast<std::size_t>(user)]);
    const auto end = static_cast<std::size_t>(all.offsets()[static_cast<std::size_t>(user) + 1]);
    std::vector<std::size_t> order(end - begin);
    std::iota(order.begin(), order.end(), begin);
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return times[a] > times[b]; });
    for (std::size_t rank = 0; rank < order.size(); ++rank) {
      Part expected = Part::train;
      if (rank == 0 && order.size() >= 2) expected = Part::test;
      if (rank == 1 && order.size() >= 3) expected = Part::valid;
      REQUIRE(parts[order[rank]] == expected);
    }
  }
  const Parts random = leave_one_out_split(all, {}, {.valid = false, .seed = 9});
  CHECK(count(random, Part::valid) == 0);
  CHECK(count(random, Part::test) == count(parts, Part::test));
  CHECK(random == leave_one_out_split(all, {}, {.valid = false, .seed = 9}));
  CHECK_THROWS_AS(leave_one_out_split(all, std::vector<double>(3)), ShapeError);
}

TEST_CASE("a temporal split puts train before validation before test") {
  const Interactions all = sample();
  const std::vector<double> times = times_of(all);
  const Parts parts = temporal_split(all, times, {.valid = 0.1, .test = 0.2});
  CHECK(share(parts, Part::test) == Approx(0.2).margin(0.01));
  CHECK(share(parts, Part::valid) == Approx(0.1).margin(0.01));
  std::map<Part, std::pair<double, double>> span;
  for (std::size_t k = 0; k < parts.size(); ++k) {
    auto [place, fresh] = span.try_emplace(parts[k], times[k], times[k]);
    place->second = {std::min(place->second.first, times[k]), std::max(place->second.second, times[k])};
  }
  CHECK(span[Part::train].second < span[Part::valid].first);
  CHECK(span[Part::valid].second < span[Part::test].first);
  CHECK_THROWS_AS(temporal_split(all, {}), ShapeError);
}

TEST_CASE("pairs of one moment stay together, and train is never left empty") {
  const auto all = Interactions::from_pairs(1, 6, std::vector<Pair>{{0, 0}, {0, 1}, {0, 2}, {0, 3}, {0, 4}, {0, 5}});
  CHECK(temporal_split(all, std::vector<double>(6, 7.0)) == Parts(6, Part::train));
  const Parts parts = temporal_split(all, std::vector<double>{1, 1, 1, 1, 1, 2}, {.valid = 0, .test = 0.5});
  CHECK(parts == Parts{Part::train, Part::train, Part::train, Part::train, Part::train, Part::test});
  CHECK(temporal_split(Interactions(), {}).empty());
}

TEST_CASE("a moment of many pairs goes to the side that comes nearer to the share") {
  std::vector<Pair> pairs;
  for (Id item = 0; item < 100; ++item) pairs.push_back({0, item});
  const auto all = Interactions::from_pairs(1, 100, pairs);
  // `before` pairs at moment 0, then those of moment 1 up to `after`, the rest at moment 2.
  const auto in_test = [&](int before, int after, double share) {
    std::vector<double> times;
    for (int k = 0; k < 100; ++k) times.push_back(k < before ? 0 : k < after ? 1 : 2);
    return count(temporal_split(all, times, {.valid = 0, .test = share}), Part::test);
  };
  CHECK(in_test(10, 90, 0.2) == 10);
  CHECK(in_test(10, 90, 0.4) == 10);
  CHECK(in_test(10, 90, 0.6) == 90);
  CHECK(in_test(60, 100, 0.1) == 40);  // test is not left empty
  CHECK(in_test(0, 40, 0.9) == 60);    // nor is train
}

TEST_CASE("cold items lose all their pairs, and cold targets are told apart") {
  const Interactions all = sample();
  Parts parts = ratio_split(all);
  const auto cold = hold_out_items(all, parts, {.share = 0.15, .seed = 5});
  const auto with_pairs = items_of(all).size();
  CHECK(cold.size() == static_cast<std::size_t>(std::lround(0.15 * static_cast<double>(with_pairs))));
  for (std::size_t k = 0; k < parts.size(); ++k)
    REQUIRE((parts[k] == Part::zero) == std::binary_search(cold.begin(), cold.end(), all.columns()[k]));
  separate_cold_targets(all, parts);
  const auto trained = take(all, parts, Part::train).item_counts();
  for (std::size_t k = 0; k < parts.size(); ++k) {
    const bool known = trained[static_cast<std::size_t>(all.columns()[k])] > 0;
    REQUIRE((parts[k] == Part::zero) == !known);
  }
}

TEST_CASE("the newest items can be the cold ones") {
  const auto all = Interactions::from_pairs(2, 4, std::vector<Pair>{{0, 0}, {0, 1}, {0, 2}, {1, 2}, {1, 3}});
  const std::vector<double> times{5, 1, 9, 2, 4};
  Parts parts(5, Part::train);
  CHECK(hold_out_items(all, parts, {.share = 0.5, .newest = true}, times) == std::vector<Id>{0, 3});
  CHECK(parts == Parts{Part::zero, Part::train, Part::train, Part::train, Part::zero});
  CHECK_THROWS_AS(hold_out_items(all, parts, {.newest = true}), ShapeError);
  CHECK_THROWS_AS(hold_out_items(all, parts, {.share = 1}), ConfigError);
}

TEST_CASE("a k-core is the largest set in which all have enough pairs") {
  const Interactions all = sample(300, 200, 8);
  const Parts parts = k_core(all, {.users = 5, .items = 7});
  // By the definition: drop whoever has too few, until nobody has.
  std::set<Pair> left;
  for (const Pair& pair : all.pairs()) left.insert(pair);
  for (bool changed = true; changed;) {
    std::map<Id, Index> users, items;
    for (const Pair& pair : left) {
      ++users[pair.user];
      ++items[pair.item];
    }
    changed = std::erase_if(left, [&](const Pair& pair) { return users[pair.user] < 5 || items[pair.item] < 7; }) > 0;
  }
  const auto kept = take(all, parts, Part::train).pairs();
  CHECK_FALSE(left.empty());
  CHECK(left.size() < parts.size());
  CHECK(std::equal(kept.begin(), kept.end(), left.begin(), left.end()));
  CHECK(count(k_core(all, {.users = 0, .items = 0}), Part::dropped) == 0);
  CHECK(count(k_core(all, {.users = 1000, .items = 0}), Part::train) == 0);
}

TEST_CASE("subsampling keeps its share and the pairs that every user keeps") {
  const Interactions all = sample();
  const Parts parts = subsample(all, {.share = 0.3, .keep = 2});
  for (Id user = 0; user < all.users(); ++user)
    CHECK(take(all, parts, Part::train).of(user).size() >= std::min<std::size_t>(2, all.of(user).size()));
  CHECK(share(subsample(all, {.share = 0.3, .keep = 0}), Part::train) == Approx(0.3).margin(0.02));
  CHECK(share(subsample(all, {.share = 1}), Part::train) == 1.0);
  CHECK_THROWS_AS(subsample(all, {.share = 1.5}), ConfigError);
  for (const Id user : users_with_at_most(all, 3)) CHECK((all.of(user).size() >= 1 && all.of(user).size() <= 3));
}

TEST_CASE("interactions in one piece become train, validation, test and zero splits") {
  const Interactions all = sample(1000, 200, 11);
  const InteractionValues values{{}, times_of(all)};
  using Kind = SplitOptions::Kind;
  for (const Kind kind : {Kind::automatic, Kind::ratio, Kind::temporal, Kind::leave_one_out}) {
    Dataset data;
    const Parts parts = split_parts(all, values, {.kind = kind, .core = {2, 5}});
    apply_parts(data, all, values, parts);
    CHECK_FALSE(data.train.empty());
    CHECK_FALSE(data.valid.empty());
    CHECK_FALSE(data.test.empty());
    CHECK_FALSE(data.zero.empty());
    CHECK(static_cast<Index>(data.train_values.timestamps.size()) == data.train.size());
    const auto trained = data.train.item_counts();
    for (const Id item : data.zero_candidates) CHECK(trained[static_cast<std::size_t>(item)] == 0);
    for (const Id item : data.test_candidates) CHECK(trained[static_cast<std::size_t>(item)] > 0);
    CHECK(disjoint_cover(all, {data.train, data.valid, data.test, data.zero, take(all, parts, Part::dropped)}));
    CHECK(data.test_candidates == items_of(data.test));
  }
  CHECK(split_parts(all, values) == split_parts(all, values));
  CHECK(split_parts(all, values, {.kind = Kind::temporal}) == split_parts(all, values));
  CHECK_THROWS_AS(split_parts(all, {}, {.kind = Kind::temporal}), ConfigError);
  CHECK_THROWS_AS(split_parts(all, {}, {.core = {1000, 0}}), ConfigError);
}

namespace {

Dataset with_profiles(const Interactions& train) {
  Dataset data;
  data.train = train;
  data.train_values.timestamps = times_of(train);
  data.item_profiles = Matrix<float>(train.items(), 3);
  for (Index k = 0; k < data.item_profiles.size(); ++k) data.item_profiles.data()[k] = static_cast<float>(k % 7) - 2;
  data.profile_from_history.assign(static_cast<std::size_t>(train.users()), 1);
  refresh_history_profiles(data);
  return data;
}

}  // namespace

TEST_CASE("a data set is split anew by its own pairs, and histories forget what left train") {
  const Interactions all = sample();
  Dataset data = with_profiles(all);
  carve_validation(data, {.cold_items = 0.2});
  data.train = all;
  data.train_values.timestamps = times_of(all);
  const Parts parts = leave_one_out_split(all, data.train_values.timestamps, {});
  apply_parts(data, data.train, data.train_values, parts);
  CHECK(disjoint_cover(all, {data.train, data.valid, data.test, data.zero}));
  CHECK(data.train_values.timestamps == take(InteractionValues{{}, times_of(all)}, parts, Part::train).timestamps);
  CHECK(data.valid_zero.empty());
  CHECK(data.valid_zero_candidates.empty());
  CHECK(data.user_profiles == history_means(data.train, data.item_profiles));
}

TEST_CASE("pairs that are none are refused") {
  CHECK_THROWS_AS(Interactions(2, 9, {0, 5, 2}, {0, 1}), ShapeError);
  CHECK_THROWS_AS(Interactions(2, 9, {0, 5, 0}, {}), ShapeError);
  CHECK_THROWS_AS(Interactions(2, 9, {0, 1, 2}, {0, 9}), ShapeError);
  CHECK_THROWS_AS(Interactions::from_pairs(-1, 3, {}), ShapeError);
  CHECK_THROWS_AS(Interactions::from_pairs(3, -1, {}), ShapeError);
}

TEST_CASE("carving takes validation pairs out of train, and histories forget them") {
  const Interactions train = sample();
  for (const bool by_time : {false, true}) {
    Dataset data = with_profiles(train);
    carve_validation(data, {.share = 0.2, .by_time = by_time});
    CHECK(disjoint_cover(train, {data.train, data.valid}));
    CHECK(static_cast<double>(data.valid.size()) / static_cast<double>(train.size()) == Approx(0.2).margin(0.03));
    const auto before = train.item_counts(), after = data.train.item_counts();
    for (std::size_t item = 0; item < before.size(); ++item) CHECK((before[item] > 0) == (after[item] > 0));
    for (Id user = 0; user < train.users(); ++user) CHECK(data.train.of(user).size() >= 1);
    CHECK(data.valid_candidates == items_of(data.valid));
    CHECK(static_cast<Index>(data.train_values.timestamps.size()) == data.train.size());
    CHECK(data.user_profiles == history_means(data.train, data.item_profiles));
    CHECK_THROWS_AS(carve_validation(data), ConfigError);
  }
  Dataset data = with_profiles(train);
  data.train_values = {};
  CHECK_THROWS_AS(carve_validation(data, {.by_time = true}), ConfigError);
  CHECK_THROWS_AS(carve_validation(data, {.share = 1}), ConfigError);
}

TEST_CASE("carving by time takes each user's latest pairs") {
  std::vector<Pair> pairs;
  for (Id user = 0; user < 50; ++user)
    for (Id item = 0; item < 10; ++item) pairs.push_back({user, item});
  Dataset data = with_profiles(Interactions::from_pairs(50, 10, pairs));
  const auto all = data.train;
  const auto times = data.train_values.timestamps;
  carve_validation(data, {.share = 0.3, .by_time = true});
  for (Id user = 0; user < 50; ++user) {
    double last_train = 0, first_valid = 1e18;
    for (std::size_t item = 0; item < 10; ++item) {
      const double time = times[static_cast<std::size_t>(user) * 10 + item];
      if (data.valid.contains(user, static_cast<Id>(item)))
        first_valid = std::min(first_valid, time);
      else
        last_train = std::max(last_train, time);
    }
    CHECK(last_train <= first_valid);
    CHECK(data.valid.of(user).size() == 3);
  }
}

TEST_CASE("carving can hold out items that then look unseen") {
  const Interactions train = sample();
  Dataset data = with_profiles(train);
  carve_validation(data, {.share = 0.1, .cold_items = 0.2});
  CHECK(disjoint_cover(train, {data.train, data.valid, data.valid_zero}));
  CHECK_FALSE(data.valid_zero.empty());
  const auto trained = data.train.item_counts();
  for (const Id item : data.valid_zero_candidates) CHECK(trained[static_cast<std::size_t>(item)] == 0);
  for (const Id item : data.valid_candidates) CHECK(trained[static_cast<std::size_t>(item)] > 0);
  Dataset again = with_profiles(train);
  carve_validation(again, {.share = 0.1, .cold_items = 0.2});
  CHECK(again.train == data.train);
  CHECK(again.valid_zero == data.valid_zero);
  // Who has enough pairs of other items keeps them.
  for (Id user = 0; user < train.users(); ++user) {
    const auto warm = train.of(user).size() - data.valid_zero.of(user).size();
    CHECK(data.train.of(user).size() >= std::min<std::size_t>(1, warm));
  }
  for (const Id items : {1, 3}) {  // an item stays, whatever the share
    const std::vector<Pair> pairs{{0, 0}, {1, items - 1}};
    Dataset few = with_profiles(Interactions::from_pairs(2, items, pairs));
    carve_validation(few, {.cold_items = 0.9});
    CHECK(items_of(few.train).size() == 1);
  }
}

TEST_CASE("a sparse data set has thinner histories and their profiles") {
  Dataset data = with_profiles(sample());
  const Index before = data.train.size();
  make_sparse(data, {.share = 0.25});
  CHECK(data.train.size() < before / 3);
  CHECK(static_cast<Index>(data.train_values.timestamps.size()) == data.train.size());
  CHECK(data.user_profiles == history_means(data.train, data.item_profiles));
}
