#pragma once
/// Full ranking by any backend against a plain reference: masks, ties, chosen items, bad numbers.

#include <functional>
#include <numeric>
#include <set>
#include <string>

#include "cases.hpp"
#include "reclm/backend/ranking.hpp"
#include "support/contains.hpp"
#include "support/random_matrix.hpp"

namespace reclm_test {

using reclm::kNoItem;
using reclm::MaskView;
using reclm::Matrix;
using reclm::PairFactors;
using reclm::Random;
using reclm::Stream;
using reclm::TopK;

inline constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

inline std::vector<Id> first_ids(Index n) {
  std::vector<Id> ids(static_cast<std::size_t>(n));
  std::iota(ids.begin(), ids.end(), Id{0});
  return ids;
}

struct Mask {
  std::vector<Index> offsets{0};
  std::vector<Id> items;
  // Masks about one item in `every`, the rows of different length.
  static Mask random(Index users, Index count, std::uint32_t every, std::uint64_t seed) {
    const Random random(seed, Stream::split);
    Mask mask;
    for (Index u = 0; u < users; ++u) {
      std::set<Id> row;
      for (Index draw = 0; draw < count / (static_cast<Index>(every) + u % 5); ++draw)
        row.insert(static_cast<Id>(
            random.below(static_cast<std::uint64_t>(u * count + draw), static_cast<std::uint32_t>(count))));
      mask.items.insert(mask.items.end(), row.begin(), row.end());
      mask.offsets.push_back(static_cast<Index>(mask.items.size()));
    }
    return mask;
  }
  [[nodiscard]] MaskView view() const { return {offsets, items}; }
};

inline double score_of(const PairFactors& f, Id u, Id i) {
  double total = 0;
  for (Index k = 0; k < f.users.cols(); ++k) total += double{f.users(u, k)} * double{f.items(i, k)};
  for (Index k = 0; k < f.user_hidden.cols(); ++k)
    total += std::max(0.0, double{f.user_hidden(u, k)} + double{f.item_hidden(i, k)});
  if (!f.item_bias.empty()) total += double{f.item_bias[static_cast<std::size_t>(i)]};
  if (!f.user_bias.empty()) total += double{f.user_bias[static_cast<std::size_t>(u)]};
  return total;
}

/// A plain ranking: all scores of some users, to hold lists of any length against.
class Reference {
 public:
  Reference(const PairFactors& f, std::span<const Id> users, std::span<const Id> candidates, const MaskView& mask)
      : users_(users.begin(), users.end()), mask_(mask) {
    for (const Id user : users) {
      const auto masked = mask.of(user);
      auto& of_user = scores_.emplace_back(static_cast<std::size_t>(f.items.rows()), std::nan(""));
      auto& sorted = sorted_.emplace_back();
      for (const Id item : candidates) {
        of_user[static_cast<std::size_t>(item)] = score_of(f, user, item);
        if (!std::binary_search(masked.begin(), masked.end(), item))
          sorted.push_back(of_user[static_cast<std::size_t>(item)]);
      }
      std::sort(sorted.begin(), sorted.end(), std::greater<>());
    }
  }

  /// `top` must hold the scores in order; items may differ only where scores agree to rounding.
  void check(const TopK& top, Index k) const {
    REQUIRE(top.users == users_);
    bool sound = true;
    for (std::size_t r = 0; r < users_.size(); ++r) {
      const auto& scores = sorted_[r];
      const auto masked = mask_.of(users_[r]);
      const auto items = top.items.row(static_cast<Index>(r));
      const auto got = top.scores.row(static_cast<Index>(r));
      std::set<Id> listed;
      for (std::size_t j = 0; j < static_cast<std::size_t>(k) && sound; ++j) {
        if (j >= scores.size()) {
          sound = items[j] == kNoItem && got[j] == kMinusInfinity;
          continue;
        }
        sound = items[j] != kNoItem && std::abs(double{got[j]} - scores[j]) < 1e-5 &&
                std::abs(scores_[r].at(static_cast<std::size_t>(items[j])) - scores[j]) < 1e-5 &&
                !std::binary_search(masked.begin(), masked.end(), items[j]) && listed.insert(items[j]).second &&
                (j == 0 || got[j] <= got[j - 1]);
      }
    }
    CHECK(sound);
  }

 private:
  std::vector<Id> users_;
  MaskView mask_;
  std::vector<std::vector<double>> scores_;  ///< of each user and item
  std::vector<std::vector<double>> sorted_;  ///< of each user, without what is masked
};

inline void check_against_reference(const TopK& top, const PairFactors& f, std::span<const Id> candidates,
                                    const MaskView& mask, Index k) {
  Reference(f, top.users, candidates, mask).check(top, k);
}

template <class B>
void check_ranking() {
  for (const Index users : {1, 3, 7, 13, 70})
    for (const Index items : {1, 31, 32, 129, 700})
      for (const Index d : {1, 8, 19, 32}) {
        CAPTURE(users, items, d);
        const auto u = random_matrix(users, d, 1), i = random_matrix(items, d, 2);
        const PairFactors factors{.users = u, .items = i};
        const auto mask = Mask::random(users, items, 3, 3);
        const auto listed = first_ids(users), candidates = first_ids(items);
        const Reference reference(factors, listed, candidates, mask.view());
        for (const Index k : {1, 5, 20, 100}) reference.check(B::top_k(factors, listed, candidates, mask.view(), k), k);
      }
}

template <class B>
void check_ranking_terms() {
  const Index users = 21, items = 300;
  const auto u = random_matrix(users, 16, 1), i = random_matrix(items, 16, 2);
  const auto uh = random_matrix(users, 9, 3), ih = random_matrix(items, 9, 4);
  const auto ub = random_matrix(1, users, 5), ib = random_matrix(1, items, 6);
  const PairFactors factors{
      .users = u, .items = i, .user_hidden = uh, .item_hidden = ih, .item_bias = ib.row(0), .user_bias = ub.row(0)};
  const auto top = B::top_k(factors, first_ids(users), first_ids(items), {}, 12);
  check_against_reference(top, factors, first_ids(items), {}, 12);
}

template <class B>
void check_ranking_subset() {
  const auto u = random_matrix(40, 24, 1), i = random_matrix(2000, 24, 2);
  const PairFactors factors{.users = u, .items = i};
  const auto mask = Mask::random(40, 2000, 3, 3);
  const std::vector<Id> users{39, 0, 7, 7};
  std::vector<Id> candidates;
  for (Id item = 3; item < 2000; item += 7) candidates.push_back(item);
  const auto top = B::top_k(factors, users, candidates, mask.view(), 30);
  CHECK(top.users == users);
  check_against_reference(top, factors, candidates, mask.view(), 30);

  {  // in any order, repeats counting once
    auto shuffled = candidates;
    std::reverse(shuffled.begin(), shuffled.end());
    shuffled.insert(shuffled.end(), candidates.begin(), candidates.begin() + 20);
    const auto again = B::top_k(factors, users, shuffled, mask.view(), 30);
    CHECK(again.items == top.items);
    CHECK(again.scores == top.scores);
  }
}

template <class B>
void check_ranking_ties() {
  const Index users = 3, items = 5000;
  Matrix<float> u(users, 8, 1.0f), i(items, 8, 0.25f);
  for (const Id better : {4999, 17, 2500}) i(better, 0) = 1.0f;
  for (const Index k : {5, 100}) {
    const auto top = B::top_k({.users = u, .items = i}, first_ids(users), first_ids(items), {}, k);
    std::vector<Id> expected{17, 2500, 4999};
    for (Id item = 0; static_cast<Index>(expected.size()) < k; ++item)
      if (item != 17) expected.push_back(item);
    for (Index r = 0; r < users; ++r) CHECK(std::equal(expected.begin(), expected.end(), top.items.row(r).begin()));
  }
  {  // also where one is a negative zero
    Matrix<float> zero(users, 1, -1.0f), values(2, 1);
    values(1, 0) = -0.0f;
    const auto top = B::top_k({.users = zero, .items = values}, first_ids(users), first_ids(2), {}, 2);
    CHECK(top.items(0, 0) == 0);
  }
}

template <class B>
void check_ranking_bias() {
  const auto u = random_matrix(2, 4, 1), i = random_matrix(6, 4, 2);
  std::vector<float> bias(6, 0.0f);
  bias[1] = bias[4] = kMinusInfinity;
  const auto top = B::top_k({.users = u, .items = i, .item_bias = bias}, first_ids(2), first_ids(6), {}, 6);
  for (Index r = 0; r < 2; ++r) {
    for (Index j = 0; j < 4; ++j) CHECK((top.items(r, j) != 1 && top.items(r, j) != 4));
    CHECK(top.items(r, 4) == kNoItem);
    CHECK(top.scores(r, 4) == kMinusInfinity);
  }
}

template <class B>
void check_ranking_numbers() {
  const auto message = [](const PairFactors& factors, Index users, Index items) -> std::string {
    try {
      (void)B::top_k(factors, first_ids(users), first_ids(items), {}, 3);
    } catch (const reclm::NumericError& error) {
      return error.what();
    }
    return "";
  };
  for (const Index items : {50, 70'000}) {
    auto u = random_matrix(4, 8, 1), i = random_matrix(items, 8, 2);
    i(33, 5) = std::nanf("");
    CHECK(contains(message({.users = u, .items = i}, 4, items), "user 0 and item 33"));
    i(33, 5) = 0;
    u(2, 1) = std::nanf("");
    CHECK(contains(message({.users = u, .items = i}, 4, items), "user 2 and item 0"));
    u(2, 1) = 0;
    // Infinity times zero is not a number; infinity alone is only large.
    u(3, 1) = std::numeric_limits<float>::infinity();
    i(7, 1) = 0;
    CHECK(contains(message({.users = u, .items = i}, 4, items), "user 3 and item 7"));
    i(7, 1) = 0.5f;
    CHECK(message({.users = u, .items = i}, 4, items).empty());
  }
  {  // also in a hidden layer
    const auto u = random_matrix(4, 8, 1), i = random_matrix(9, 8, 2), uh = random_matrix(4, 3, 3);
    auto ih = random_matrix(9, 3, 4);
    ih(6, 2) = std::nanf("");
    CHECK(contains(message({.users = u, .items = i, .user_hidden = uh, .item_hidden = ih}, 4, 9), "user 0 and item 6"));
  }
}

template <class B>
void check_ranking_refusals() {
  const auto u = random_matrix(4, 8, 1), i = random_matrix(9, 8, 2), narrow = random_matrix(9, 7, 2);
  const std::vector<Id> beyond{9}, negative{-1}, user_beyond{4};
  const auto rank = [&](const PairFactors& f, std::span<const Id> users, std::span<const Id> items, Index k) {
    return B::top_k(f, users, items, {}, k);
  };
  CHECK_THROWS_AS(rank({.users = u, .items = narrow}, first_ids(4), first_ids(9), 3), reclm::ShapeError);
  CHECK_THROWS_AS(rank({.users = u, .items = i}, first_ids(4), beyond, 3), reclm::ShapeError);
  CHECK_THROWS_AS(rank({.users = u, .items = i}, first_ids(4), negative, 3), reclm::ShapeError);
  CHECK_THROWS_AS(rank({.users = u, .items = i}, user_beyond, first_ids(9), 3), reclm::ShapeError);
  CHECK_THROWS_AS(rank({.users = u, .items = i, .user_hidden = u}, first_ids(4), first_ids(9), 3), reclm::ShapeError);
  CHECK_THROWS_AS(rank({.users = u, .items = i}, first_ids(4), first_ids(9), 0), reclm::ConfigError);
  const auto none = rank({.users = u, .items = i}, first_ids(4), {}, 3);
  CHECK(none.items(3, 2) == kNoItem);
  CHECK(rank({.users = u, .items = i}, {}, first_ids(9), 3).items.rows() == 0);
}

}  // namespace reclm_test
