#include <cmath>
#include <numeric>

#include "reclm/eval/protocol.hpp"
#include "support/catch.hpp"

using namespace reclm;

namespace {

Interactions pairs_of(std::vector<Pair> pairs) { return Interactions::from_pairs(4, 6, pairs); }

// Items 0-3 are known from train, 4 and 5 are not. User 3 has no targets anywhere.
Dataset small_world() {
  Dataset data;
  data.name = "small";
  data.train = pairs_of({{0, 0}, {0, 1}, {1, 2}, {2, 3}, {3, 0}, {0, 3}});
  data.valid = pairs_of({{1, 0}});
  data.test = pairs_of({{0, 2}, {1, 1}, {1, 3}});
  data.zero = pairs_of({{0, 4}, {2, 5}});
  data.valid_candidates = {0, 1};
  data.test_candidates = {1, 2, 3};
  data.zero_candidates = {4, 5};
  return data;
}

// Ranks the candidates by ascending or descending id and notes what it was asked.
struct IdRanker {
  bool descending = false;
  std::vector<Id>* users_seen = nullptr;
  std::vector<Id>* candidates_seen = nullptr;

  TopK operator()(std::span<const Id> users, std::span<const Id> candidates, const Interactions* masked,
                  Index k) const {
    TopK lists{Matrix<Id>(static_cast<Index>(users.size()), k, kNoItem),
               Matrix<float>(static_cast<Index>(users.size()), k),
               {users.begin(), users.end()}};
    if (users_seen != nullptr) users_seen->insert(users_seen->end(), users.begin(), users.end());
    if (candidates_seen != nullptr) candidates_seen->assign(candidates.begin(), candidates.end());
    std::vector<Id> order(candidates.begin(), candidates.end());
    if (descending) std::reverse(order.begin(), order.end());
    for (std::size_t r = 0; r < users.size(); ++r) {
      Index rank = 0;
      for (const Id item : order)
        if (rank < k && (masked == nullptr || !masked->contains(users[r], item)))
          lists.items(static_cast<Index>(r), rank++) = item;
    }
    return lists;
  }
};

EvalOptions at(std::vector<Index> cutoffs) {
  EvalOptions options;
  options.metrics = {{MetricKind::recall, MetricKind::ndcg}, std::move(cutoffs)};
  return options;
}

}  // namespace

TEST_CASE("full-shot ranks the test candidates for users with targets and hides known clicks") {
  std::vector<Id> users, candidates;
  const auto result = evaluate(small_world(), Setting::full_shot, IdRanker{false, &users, &candidates}, at({1, 20}));
  CHECK(users == std::vector<Id>{0, 1});
  CHECK(candidates == std::vector<Id>{1, 2, 3});
  CHECK(result.users == 2);
  CHECK(result.candidates == 3);
  // User 0 sees only item 2 (1 and 3 are masked); user 1 sees 1, 3 (2 is masked): both lists start with a hit.
  CHECK(result.mean("recall@1") == Approx((1 + 0.5) / 2));
  CHECK(result.mean("recall@20") == Approx(1));
  CHECK(result.mean("ndcg@20") == Approx(1));
  CHECK(result.mean("coverage@20") == Approx(1));
  REQUIRE(result.find("recall@1") != nullptr);
  CHECK(result.find("recall@1")->per_user == std::vector<float>{1.0f, 0.5f});
  CHECK(*result.find("recall@1")->users == std::vector<Id>{0, 1});
  CHECK(result.find("recall@7") == nullptr);
  CHECK_THROWS_AS(result.mean("recall@7"), ConfigError);
}

TEST_CASE("validation clicks are hidden outside validation unless asked otherwise") {
  auto data = small_world();
  data.test_candidates = {0, 1, 2, 3};
  auto options = at({1});
  CHECK(evaluate(data, Setting::full_shot, IdRanker{}, options).mean("recall@1") == Approx((1 + 0.5) / 2));
  options.mask_validation = false;  // now item 0, a validation click, leads the list of user 1
  CHECK(evaluate(data, Setting::full_shot, IdRanker{}, options).mean("recall@1") == Approx(0.5));
  const auto validation = evaluate(data, Setting::validation, IdRanker{}, options);
  CHECK(validation.users == 1);
  CHECK(validation.mean("recall@1") == Approx(1));
}

TEST_CASE("clicks of carved cold items are hidden too, with and without a warm validation split") {
  Dataset data = small_world();
  data.valid_zero = pairs_of({{1, 3}});
  std::vector<Id> first;  // what user 1 is shown on top
  const auto note = [&](std::span<const Id> users, std::span<const Id> candidates, const Interactions* masked,
                        Index k) {
    TopK lists = IdRanker{true}(users, candidates, masked, k);
    first.push_back(lists.items(1, 0));
    return lists;
  };
  EvalOptions options = at({1});
  evaluate(data, Setting::full_shot, note, options);
  data.valid = {};
  evaluate(data, Setting::full_shot, note, options);
  options.mask_validation = false;
  evaluate(data, Setting::full_shot, note, options);
  CHECK(first == std::vector<Id>{1, 1, 3});
}

TEST_CASE("candidates in any order are ranked in ascending order, and each must be an item") {
  Dataset data = small_world();
  data.test_candidates = {3, 1, 2, 3};
  std::vector<Id> candidates;
  const auto result = evaluate(data, Setting::full_shot, IdRanker{false, nullptr, &candidates}, at({1, 20}));
  CHECK(candidates == std::vector<Id>{1, 2, 3});
  CHECK(result.candidates == 3);
  CHECK(result.mean("coverage@20") == 1);
  for (const Id wrong : {-1, 6}) {
    data.test_candidates = {1, wrong, 2};
    CHECK_THROWS_AS(evaluate(data, Setting::full_shot, IdRanker{}, at({1})), ShapeError);
  }
}

TEST_CASE("sparse is full-shot for users with few train clicks") {
  auto options = at({1});
  options.sparse_clicks = 1;
  const auto result = evaluate(small_world(), Setting::sparse, IdRanker{}, options);
  CHECK(result.users == 1);
  CHECK(result.candidates == 3);
  CHECK(result.mean("recall@1") == Approx(0.5));
}

TEST_CASE("zero-shot ranks unseen items alone") {
  std::vector<Id> users, candidates;
  const auto result = evaluate(small_world(), Setting::zero_shot, IdRanker{false, &users, &candidates}, at({1, 20}));
  CHECK(users == std::vector<Id>{0, 2});
  CHECK(candidates == std::vector<Id>{4, 5});
  CHECK(result.mean("recall@1") == Approx(0.5));
  CHECK(result.mean("recall@20") == Approx(1));
}

TEST_CASE("generalised zero-shot ranks all items and splits targets into warm and cold") {
  std::vector<Id> users, candidates;
  const auto result =
      evaluate(small_world(), Setting::generalised_zero_shot, IdRanker{true, &users, &candidates}, at({2}));
  CHECK(users == std::vector<Id>{0, 1, 2});
  CHECK(candidates == std::vector<Id>{0, 1, 2, 3, 4, 5});
  // Descending ids: everyone's list is 5, 4. User 0 hits its cold target 4, user 2 its cold target 5, nobody a warm
  // one.
  CHECK(result.mean("recall@2") == Approx((0.5 + 0 + 1) / 3));
  CHECK(result.mean("warm_recall@2") == 0);
  CHECK(result.mean("cold_recall@2") == Approx(1));
  CHECK(result.mean("h_recall@2") == 0);
  CHECK(*result.find("warm_recall@2")->users == std::vector<Id>{0, 1});
  CHECK(*result.find("cold_recall@2")->users == std::vector<Id>{0, 2});
  // Lists of four: user 0 sees 5 4 2, user 1 sees 5 4 3 1, user 2 sees 5 4 2 1.
  const auto longer = evaluate(small_world(), Setting::generalised_zero_shot, IdRanker{true}, at({3}));
  CHECK(longer.mean("warm_recall@3") == Approx((1 + 0.5) / 2));
  CHECK(longer.mean("cold_recall@3") == Approx(1));
  CHECK(longer.mean("h_recall@3") == Approx(2 * 0.75 / 1.75));
}

TEST_CASE("test targets on items that train never saw count as cold") {
  auto data = small_world();
  data.test = pairs_of({{0, 4}});
  data.zero = Interactions(4, 6, {0, 0, 0, 0, 0}, {});
  const auto result = evaluate(data, Setting::generalised_zero_shot, IdRanker{true}, at({2}));
  CHECK(std::isnan(result.mean("warm_recall@2")));
  CHECK(result.mean("cold_recall@2") == Approx(1));
  CHECK(std::isnan(result.mean("h_recall@2")));
}

TEST_CASE("a split without candidates ranks its distinct targets; one without targets gives nobody") {
  auto data = small_world();
  data.test_candidates.clear();
  CHECK(evaluate(data, Setting::full_shot, IdRanker{}, at({1})).candidates == 3);
  data.zero = Interactions();
  data.zero_candidates.clear();
  const auto nobody = evaluate(data, Setting::zero_shot, IdRanker{}, at({1}));
  CHECK(nobody.users == 0);
  CHECK(std::isnan(nobody.mean("recall@1")));
  CHECK(std::isnan(nobody.mean("gini@1")));
}

TEST_CASE("batches do not change the result, and the observer can stop between them") {
  auto options = at({2});
  options.batch = 1;
  std::vector<Index> steps;
  options.observer = [&](const Progress& progress) {
    CHECK(progress.stage == "evaluate full-shot");
    CHECK(progress.total == 2);
    steps.push_back(progress.step);
    return true;
  };
  const auto pieces = evaluate(small_world(), Setting::full_shot, IdRanker{}, options);
  CHECK(steps == std::vector<Index>{1, 2});
  CHECK(pieces.mean("ndcg@2") == evaluate(small_world(), Setting::full_shot, IdRanker{}, at({2})).mean("ndcg@2"));
  options.observer = [](const Progress&) { return false; };
  CHECK_THROWS_AS(evaluate(small_world(), Setting::full_shot, IdRanker{}, options), EvaluationStopped);
}

TEST_CASE("a ranker that breaks the rules is refused") {
  const auto data = small_world();
  const auto refuses = [&](auto change) {
    const auto ranker = [&](std::span<const Id> users, std::span<const Id> candidates, const Interactions* masked,
                            Index k) {
      TopK lists = IdRanker{}(users, candidates, masked, k);
      change(lists);
      return lists;
    };
    CHECK_THROWS_AS(evaluate(data, Setting::full_shot, ranker, at({2})), ShapeError);
  };
  refuses([](TopK& lists) { lists.items(0, 0) = 0; });        // no candidate
  refuses([](TopK& lists) { lists.items(0, 0) = 1; });        // masked
  refuses([](TopK& lists) { lists.items(0, 0) = 99; });       // unknown
  refuses([](TopK& lists) { lists.items(0, 0) = -7; });       // nonsense
  refuses([](TopK& lists) { lists.items(1, 0) = kNoItem; });  // a gap
  refuses([](TopK& lists) { std::swap(lists.users[0], lists.users[1]); });
  refuses([](TopK& lists) { lists.items = Matrix<Id>(2, 1); });
  refuses([](TopK& lists) { lists.scores = Matrix<float>(1, 2); });
  refuses([](TopK& lists) { lists.items(1, 1) = lists.items(1, 0); });  // twice
}

TEST_CASE("the harmonic mean of two figures") {
  CHECK(harmonic_mean(0.5, 0.25) == Approx(1.0 / 3));
  CHECK(harmonic_mean(0, 0) == 0);
  CHECK(harmonic_mean(0, 0.9) == 0);
  CHECK(std::isnan(harmonic_mean(std::nan(""), 0.9)));
}
