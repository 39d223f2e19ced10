#include <cmath>

#include "reclm/eval/catalogue.hpp"
#include "support/catch.hpp"

using namespace reclm;

namespace {

TopK lists_of(Index k, std::vector<Id> items) {
  const Index rows = static_cast<Index>(items.size()) / k;
  TopK lists{Matrix<Id>(rows, k, std::move(items)), Matrix<float>(rows, k), {}};
  for (Id user = 0; user < rows; ++user) lists.users.push_back(user);
  return lists;
}

const std::vector<Id> kCandidates{1, 3, 5, 7};

Interactions train() {
  const std::vector<Pair> pairs{{0, 1}, {1, 1}, {2, 1}, {0, 3}};
  return Interactions::from_pairs(3, 8, pairs);
}

}  // namespace

TEST_CASE("the Gini coefficient knows its corners") {
  CHECK(gini_coefficient({4, 4, 4, 4}) == Approx(0).margin(1e-12));
  CHECK(gini_coefficient({0, 9, 0, 0}) == Approx(0.75));
  CHECK(gini_coefficient({1, 2, 3, 4}) == Approx(0.25));
  CHECK(gini_coefficient({3, 1, 4, 2}) == Approx(0.25));
  CHECK(std::isnan(gini_coefficient({0, 0})));
  CHECK(std::isnan(gini_coefficient({})));
}

TEST_CASE("coverage, concentration and novelty equal those computed by hand") {
  // Exposures of 1, 3, 5, 7: 2, 1, 1, 0.
  const auto figures = catalogue_figures(lists_of(2, {1, 3, 1, 5}), kCandidates, train(), 2);
  CHECK(figures.coverage == Approx(0.75));
  CHECK(figures.gini == Approx(gini_coefficient({0, 1, 1, 2})));
  // Items 1, 3, 5 have 3, 1, 0 of 3 users; one is added to both: 0, 1 and 2 bits.
  CHECK(figures.novelty == Approx((0 + 1 + 0 + 2) / 4.0).margin(1e-12));
}

TEST_CASE("only the first k items and no padding count") {
  const auto figures = catalogue_figures(lists_of(3, {1, kNoItem, kNoItem, 3, 5, 7}), kCandidates, train(), 2);
  CHECK(figures.coverage == Approx(0.75));
  CHECK(figures.novelty == Approx((0 + 1 + 2) / 3.0));
}

TEST_CASE("nothing listed leaves figures undefined") {
  CHECK(std::isnan(catalogue_figures(TopK{}, kCandidates, train(), 2).coverage));
  CHECK(std::isnan(catalogue_figures(lists_of(1, {1}), {}, train(), 1).coverage));
  const auto empty = catalogue_figures(lists_of(2, {kNoItem, kNoItem}), kCandidates, train(), 2);
  CHECK(empty.coverage == 0);
  CHECK(std::isnan(empty.gini));
  CHECK(std::isnan(empty.novelty));
}

TEST_CASE("items outside the candidates are refused") {
  CHECK_THROWS_AS(catalogue_figures(lists_of(1, {7}), std::vector<Id>{7, 1}, train(), 1), ShapeError);
  CHECK_THROWS_AS(catalogue_figures(lists_of(1, {7}), std::vector<Id>{-1, 7}, train(), 1), ShapeError);
  CHECK_THROWS_AS(catalogue_figures(lists_of(1, {2}), kCandidates, train(), 1), ShapeError);
  CHECK_THROWS_AS(catalogue_figures(lists_of(1, {8}), kCandidates, train(), 1), ShapeError);
  CHECK_THROWS_AS(catalogue_figures(lists_of(1, {-4}), kCandidates, train(), 1), ShapeError);
  CHECK_THROWS_AS(catalogue_figures(lists_of(1, {1}), kCandidates, train(), 2), ShapeError);
}
