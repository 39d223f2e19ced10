#include <cmath>

#include "reclm/core/parallel.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/eval/metrics.hpp"
#include "support/catch.hpp"

using namespace reclm;

namespace {

const std::vector<MetricKind> kAll{MetricKind::recall, MetricKind::ndcg,      MetricKind::hit_rate,
                                   MetricKind::mrr,    MetricKind::precision, MetricKind::map};

TopK lists_of(std::vector<Id> users, Index k, std::vector<Id> items) {
  const auto rows = static_cast<Index>(users.size());
  return {Matrix<Id>(rows, k, std::move(items)), Matrix<float>(rows, k), std::move(users)};
}

Interactions targets_of(Id users, Id items, std::vector<Pair> pairs) {
  return Interactions::from_pairs(users, items, pairs);
}

}  // namespace

TEST_CASE("metrics of one list equal those computed by hand") {
  // Hits at ranks 2 and 4; three targets, one of them not listed.
  const auto lists = lists_of({0}, 5, {7, 2, 9, 4, 1});
  const auto targets = targets_of(1, 10, {{0, 2}, {0, 4}, {0, 8}});
  const auto result = ranking_metrics(lists, targets, {kAll, {1, 2, 5}});
  const double second = 1 / std::log2(3.0);
  const double fourth = 1 / std::log2(5.0);
  CHECK(result.mean("recall@5") == Approx(2.0 / 3));
  CHECK(result.mean("precision@5") == Approx(0.4));
  CHECK(result.mean("hit_rate@5") == Approx(1));
  CHECK(result.mean("mrr@5") == Approx(0.5));
  CHECK(result.mean("ndcg@5") == Approx((second + fourth) / (1 + second + 0.5)));
  CHECK(result.mean("map@5") == Approx((1.0 / 2 + 2.0 / 4) / 3));
  CHECK(result.mean("recall@2") == Approx(1.0 / 3));
  CHECK(result.mean("precision@2") == Approx(0.5));
  CHECK(result.mean("ndcg@2") == Approx(second / (1 + second)));
  CHECK(result.mean("map@2") == Approx(0.25));
  for (const MetricKind kind : kAll) CHECK(result.mean(metric_name(kind, 1)) == 0.0);
}

TEST_CASE("a perfect list scores 1 wherever it can") {
  const auto lists = lists_of({0}, 4, {3, 1, 0, 2});
  const auto targets = targets_of(1, 5, {{0, 1}, {0, 3}});
  const auto result = ranking_metrics(lists, targets, {kAll, {2}});
  for (const MetricKind kind : kAll) CHECK(result.mean(metric_name(kind, 2)) == Approx(1));
}

TEST_CASE("NDCG and MAP are normalised by what fits into the list") {
  // Four targets, lists of two: recall cannot pass 1/2, NDCG and MAP can reach 1.
  const auto lists = lists_of({0}, 2, {3, 1});
  const auto targets = targets_of(1, 5, {{0, 0}, {0, 1}, {0, 2}, {0, 3}});
  const auto result = ranking_metrics(lists, targets, {kAll, {2}});
  CHECK(result.mean("recall@2") == Approx(0.5));
  CHECK(result.mean("ndcg@2") == Approx(1));
  CHECK(result.mean("map@2") == Approx(1));
}

TEST_CASE("users without targets are left out and order is kept") {
  const auto lists = lists_of({2, 0, 1}, 1, {5, 6, 7});
  const auto targets = targets_of(3, 8, {{2, 5}, {1, 0}});
  const auto result = ranking_metrics(lists, targets, {{MetricKind::recall}, {1}});
  CHECK(result.users == std::vector<Id>{2, 1});
  CHECK(result.values(0, 0) == 1.0f);
  CHECK(result.values(0, 1) == 0.0f);
  CHECK(result.mean("recall@1") == Approx(0.5));
}

TEST_CASE("short lists are padded and count as lists of K") {
  const auto lists = lists_of({0}, 5, {3, 1, kNoItem, kNoItem, kNoItem});
  const auto targets = targets_of(1, 5, {{0, 1}, {0, 4}});
  const auto result = ranking_metrics(lists, targets, {kAll, {5}});
  CHECK(result.mean("recall@5") == Approx(0.5));
  CHECK(result.mean("precision@5") == Approx(0.2));
}

TEST_CASE("nobody to measure gives NaN, not a number") {
  const auto none = ranking_metrics(lists_of({}, 20, {}), targets_of(3, 4, {{0, 1}}), {{MetricKind::recall}, {20}});
  CHECK(std::isnan(none.mean("recall@20")));
  const auto idle = ranking_metrics(lists_of({1}, 1, {0}), targets_of(3, 4, {{0, 1}}), {{MetricKind::recall}, {1}});
  CHECK(idle.users.empty());
  CHECK(std::isnan(idle.mean("recall@1")));
}

TEST_CASE("lists and options that cannot be measured are refused") {
  const auto lists = lists_of({0}, 2, {1, 2});
  const auto targets = targets_of(1, 5, {{0, 1}});
  CHECK_THROWS_AS(ranking_metrics(lists, targets, {{MetricKind::recall}, {3}}), ShapeError);
  CHECK_THROWS_AS(ranking_metrics(lists, targets, {{MetricKind::recall}, {}}), ConfigError);
  CHECK_THROWS_AS(ranking_metrics(lists, targets, {{}, {1}}), ConfigError);
  CHECK_THROWS_AS(ranking_metrics(lists, targets, {{MetricKind::recall}, {0}}), ConfigError);
  CHECK_THROWS_AS(ranking_metrics(lists_of({1}, 2, {1, 2}), targets, {{MetricKind::recall}, {1}}), ShapeError);
  CHECK_THROWS_AS(ranking_metrics(lists_of({0}, 2, {1, 1}), targets, {{MetricKind::recall}, {2}}), ShapeError);
  CHECK_THROWS_AS(ranking_metrics(lists, targets, {{MetricKind::recall}, {1}}).of("ndcg@1"), ConfigError);
}

TEST_CASE("metrics have the same bits for one thread and for several") {
  constexpr Id kUsers = 5000;
  constexpr Id kItems = 300;
  constexpr Index kLength = 20;
  const Random random(3, Stream::world);
  std::vector<Pair> pairs;
  TopK lists{Matrix<Id>(kUsers, kLength), Matrix<float>(kUsers, kLength), {}};
  for (Id user = 0; user < kUsers; ++user) {
    lists.users.push_back(user);
    const auto start = static_cast<Id>(random.below(static_cast<std::uint64_t>(user), kItems));
    for (Index rank = 0; rank < kLength; ++rank) lists.items(user, rank) = static_cast<Id>((start + 7 * rank) % kItems);
    for (std::uint64_t t = 0; t < 3; ++t)
      pairs.push_back({user, static_cast<Id>(random.below(90000 + 3 * static_cast<std::uint64_t>(user) + t, kItems))});
  }
  const auto targets = Interactions::from_pairs(kUsers, kItems, pairs);
  const auto many = ranking_metrics(lists, targets, {kAll, {5, 20}});
  const double mean = many.mean("ndcg@20");
  const ThreadLimit one(1);
  const auto single = ranking_metrics(lists, targets, {kAll, {5, 20}});
  CHECK(single.values == many.values);
  CHECK(single.mean("ndcg@20") == mean);
}
