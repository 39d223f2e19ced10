#include "reclm/data/sampler.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "support/catch.hpp"
#include "support/sanitized.hpp"

using namespace reclm;

namespace {

Interactions sample(Id users = 200, Id items = 90) {
  std::mt19937 random(2);
  std::vector<Pair> pairs;
  for (Id user = 0; user < users; ++user)
    for (unsigned k = 0; k < 1 + random() % 40; ++k)
      pairs.push_back(
          {user, static_cast<Id>(std::min(random() % items, random() % items)) / 2 * 2});  // odd items: never
  return Interactions::from_pairs(users, items, pairs);
}

Triples epoch(const BprSampler& sampler, Index number, Index batch_size = 4096) {
  Triples all, batch;
  for (Index b = 0; b < sampler.batches(batch_size); ++b) {
    sampler.batch(number, b, batch_size, batch);
    all.users.insert(all.users.end(), batch.users.begin(), batch.users.end());
    all.positives.insert(all.positives.end(), batch.positives.begin(), batch.positives.end());
    all.negatives.insert(all.negatives.end(), batch.negatives.begin(), batch.negatives.end());
  }
  return all;
}

bool equal(const Triples& a, const Triples& b) {
  return a.users == b.users && a.positives == b.positives && a.negatives == b.negatives;
}

// Largest deviation of counts from `expected`, in standard deviations.
double worst_deviation(const std::vector<double>& counts, const std::vector<double>& expected) {
  double worst = 0;
  for (std::size_t k = 0; k < counts.size(); ++k)
    worst = std::max(worst, std::abs(counts[k] - expected[k]) / std::sqrt(std::max(expected[k], 1.0)));
  return worst;
}

}  // namespace

TEST_CASE("every epoch holds each train pair once, in another order, with negatives the user never touched") {
  const Interactions train = sample();
  for (const auto kind : {NegativeDistribution::uniform, NegativeDistribution::popularity}) {
    const BprSampler sampler(train, {.negatives = kind});
    CHECK(sampler.size() == train.size());
    CHECK(sampler.batches(1000) == (train.size() + 999) / 1000);
    std::vector<Triples> epochs;
    for (Index e = 0; e < 3; ++e) {
      const Triples triples = epoch(sampler, e);
      std::vector<Pair> pairs;
      const auto counts = train.item_counts();
      for (std::size_t k = 0; k < triples.users.size(); ++k) {
        pairs.push_back({triples.users[k], triples.positives[k]});
        REQUIRE_FALSE(train.contains(triples.users[k], triples.negatives[k]));
        REQUIRE(counts[static_cast<std::size_t>(triples.negatives[k])] > 0);
      }
      CHECK_FALSE(std::is_sorted(pairs.begin(), pairs.end()));
      std::sort(pairs.begin(), pairs.end());
      CHECK(pairs == train.pairs());
      epochs.push_back(triples);
    }
    CHECK(epochs[0].positives != epochs[1].positives);
    CHECK(epochs[0].negatives != epochs[1].negatives);
  }
}

TEST_CASE("a triple depends on seed, epoch and its number alone") {
  const Interactions train = sample();
  for (const auto kind : {NegativeDistribution::uniform, NegativeDistribution::popularity}) {
    const BprSampler sampler(train, {.seed = 7, .negatives = kind});
    const Triples whole = epoch(sampler, 5, sampler.size());
    CHECK(equal(whole, epoch(sampler, 5, 1)));
    CHECK(equal(whole, epoch(sampler, 5, 37)));
    CHECK(equal(whole, epoch(BprSampler(train, {.seed = 7, .negatives = kind}), 5, 512)));
    CHECK_FALSE(equal(whole, epoch(BprSampler(train, {.seed = 8, .negatives = kind}), 5)));
    Triples late;  // out of order, as after a resume
    sampler.batch(5, 3, 37, late);
    CHECK(std::equal(late.negatives.begin(), late.negatives.end(), whole.negatives.begin() + 3 * 37));
  }
}

TEST_CASE("one and two threads draw the same triples") {
  std::vector<Pair> pairs;
  for (Id user = 0; user < 3000; ++user)
    for (Id k = 0; k < 6; ++k) pairs.push_back({user, (user * 7 + k * 31) % 500});
  const BprSampler sampler(Interactions::from_pairs(3000, 500, pairs));
  Triples one, two;
  {
    const ThreadLimit limit(1);
    one = epoch(sampler, 0, 10'000);
  }
  {
    const ThreadLimit limit(2);
    two = epoch(sampler, 0, 10'000);
  }
  CHECK(equal(one, two));
}

TEST_CASE("negatives follow the distribution asked for") {
  const Interactions train = sample(60, 24);
  const auto counts = train.item_counts();
  const Index epochs = reclm_test::kSanitized ? 500 : 3000;
  for (const double power : {-1.0, 0.75, 1.0}) {  // −1: uniform
    INFO("power " << power);
    const bool uniform = power < 0;
    const BprSampler sampler(train,
                             {.negatives = uniform ? NegativeDistribution::uniform : NegativeDistribution::popularity,
                              .popularity_power = uniform ? 0 : power});
    std::vector<double> drawn(24, 0), expected(24, 0);
    for (Index e = 0; e < epochs; ++e)
      for (const Id item : epoch(sampler, e).negatives) ++drawn[static_cast<std::size_t>(item)];
    for (Id user = 0; user < train.users(); ++user) {
      std::vector<double> weight(24, 0);
      double total = 0;
      for (Id item = 0; item < 24; ++item)
        if (const auto n = static_cast<double>(counts[static_cast<std::size_t>(item)]);
            n > 0 && !train.contains(user, item))
          total += weight[static_cast<std::size_t>(item)] = uniform ? 1 : std::pow(n, power);
      for (std::size_t item = 0; item < 24; ++item)
        expected[item] +=
            static_cast<double>(epochs) * static_cast<double>(train.of(user).size()) * weight[item] / total;
    }
    CHECK(worst_deviation(drawn, expected) < 5);
  }
}

TEST_CASE("users who touched almost everything get the rest, also when that is rarely drawn") {
  std::vector<Pair> pairs;
  for (Id item = 0; item < 99; ++item) pairs.push_back({0, item});  // all but item 99
  for (Id user = 1; user < 300; ++user) pairs.push_back({user, user % 50});
  pairs.push_back({1, 99});
  const auto train = Interactions::from_pairs(300, 100, pairs);
  for (const auto kind : {NegativeDistribution::uniform, NegativeDistribution::popularity}) {
    const Triples triples = epoch(BprSampler(train, {.negatives = kind, .popularity_power = 3}), 0);
    for (std::size_t k = 0; k < triples.users.size(); ++k)
      if (triples.users[k] == 0) REQUIRE(triples.negatives[k] == 99);
  }
}

TEST_CASE("a user who touched all items has no triples, and others have theirs") {
  const auto train = Interactions::from_pairs(3, 3, std::vector<Pair>{{0, 0}, {1, 0}, {1, 1}, {2, 1}});
  const BprSampler sampler(train);
  CHECK(sampler.size() == 2);
  const Triples triples = epoch(sampler, 0);
  for (std::size_t k = 0; k < triples.users.size(); ++k) {
    CHECK(triples.users[k] != 1);
    CHECK(triples.positives[k] == (triples.users[k] == 0 ? 0 : 1));
    CHECK(triples.negatives[k] == (triples.users[k] == 0 ? 1 : 0));
  }
  const Triples all = epoch(BprSampler(train, {.only_trained_items = false}), 0);
  CHECK(all.users.size() == 4);
  for (std::size_t k = 0; k < all.users.size(); ++k)
    if (all.users[k] == 1) CHECK(all.negatives[k] == 2);
  const auto everything = Interactions::from_pairs(2, 3, std::vector<Pair>{{0, 0}, {0, 1}, {1, 0}, {1, 1}});
  CHECK_THROWS_AS(BprSampler(everything), ConfigError);
}

TEST_CASE("the sampler refuses what it cannot do") {
  const Interactions train = sample();
  CHECK_THROWS_AS(BprSampler(Interactions()), ConfigError);
  CHECK_THROWS_AS(BprSampler(train, {.popularity_power = -1}), ConfigError);
  CHECK_THROWS_AS(BprSampler(train, {.negatives = NegativeDistribution::popularity, .popularity_power = 400}),
                  ConfigError);
  const BprSampler sampler(train);
  Triples triples;
  CHECK(sampler.batches(sampler.size() - 1) == 2);
  CHECK(sampler.batches(std::numeric_limits<Index>::max()) == 1);
  CHECK_THROWS_AS(sampler.batches(0), ConfigError);
  CHECK_THROWS_AS(sampler.batch(0, sampler.batches(100), 100, triples), ConfigError);
  CHECK_THROWS_AS(sampler.batch(0, -1, 100, triples), ConfigError);
  CHECK_THROWS_AS(sampler.batch(-1, 0, 100, triples), ConfigError);
}

TEST_CASE("the shuffle is a permutation that sends every place everywhere equally often") {
  for (const std::uint64_t n : {1ull, 2ull, 3ull, 4ull, 5ull, 16ull, 17ull, 1000ull, 4096ull, 89'734ull}) {
    const detail::KeyedPermutation shuffle(n, Random(3, Stream::shuffle, 1));
    std::vector<char> hit(n, 0);
    for (std::uint64_t k = 0; k < n; ++k) ++hit.at(shuffle(k));
    CHECK(std::count(hit.begin(), hit.end(), 1) == static_cast<std::ptrdiff_t>(n));
  }
  const std::uint64_t n = 12;
  const std::uint32_t rounds = 60'000;
  std::vector<double> single(n * n, 0), neighbours(n * n, 0);
  for (std::uint32_t e = 0; e < rounds; ++e) {
    const detail::KeyedPermutation shuffle(n, Random(11, Stream::shuffle, e));
    for (std::uint64_t k = 0; k < n; ++k) ++single[k * n + shuffle(k)];
    ++neighbours[shuffle(4) * n + shuffle(5)];
  }
  CHECK(worst_deviation(single, std::vector<double>(n * n, rounds / static_cast<double>(n))) < 5);
  std::vector<double> expected(n * n, rounds / static_cast<double>(n * (n - 1)));
  for (std::uint64_t k = 0; k < n; ++k) expected[k * n + k] = 0;
  CHECK(worst_deviation(neighbours, expected) < 5);
}
