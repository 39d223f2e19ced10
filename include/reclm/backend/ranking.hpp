#pragma once
/// @file ranking.hpp
/// What a ranking is made from (the factors of every pair's score, and the pairs that must not be listed) and what all
/// rankers check. cpu/top_k.hpp and tiled/top_k.hpp rank.

#include <limits>
#include <span>
#include <string>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/core/top_k.hpp"

namespace reclm {

/// Everything that a pair's score is made of:
///     score(u, i) = ⟨users_u, items_i⟩ + Σ_k relu(user_hidden_uk + item_hidden_ik) + item_bias_i + user_bias_u
/// In host memory, rows contiguous (column stride 1). Empty members contribute nothing. An item bias of −infinity
/// removes the item.
struct PairFactors {
  MatrixView<const float> users{}, items{};              ///< [users, d], [items, d]
  MatrixView<const float> user_hidden{}, item_hidden{};  ///< [users, h], [items, h]; NCF's hidden layer, halves added
  std::span<const float> item_bias{}, user_bias{};       ///< [items], [users]
};

/// Pairs that must not be listed, as CSR by user: the items of each user ascending. Empty offsets: none.
struct MaskView {
  std::span<const Index> offsets{};
  std::span<const Id> columns{};

  /// The masked items of `user`; none for a user beyond the rows.
  [[nodiscard]] std::span<const Id> of(Id user) const {
    const auto row = static_cast<std::size_t>(user);
    if (row + 1 >= offsets.size()) return {};
    return columns.subspan(static_cast<std::size_t>(offsets[row]),
                           static_cast<std::size_t>(offsets[row + 1] - offsets[row]));
  }
};

namespace detail {

/// @throws ShapeError unless the parts fit each other and `users` are rows of them
inline void check_ranking(const PairFactors& f, std::span<const Id> users) {
  const auto fail = [](const std::string& what) { throw ShapeError("top_k: " + what); };
  if (f.users.cols() != f.items.cols())
    fail("user vectors have " + std::to_string(f.users.cols()) + " elements, item vectors " +
         std::to_string(f.items.cols()));
  if (f.user_hidden.cols() != f.item_hidden.cols()) fail("the hidden layers of users and items differ in width");
  for (const auto& m : {f.users, f.items, f.user_hidden, f.item_hidden})
    if (!m.rows_contiguous()) fail("rows must be contiguous; copy into a Matrix first");
  if (f.user_hidden.cols() > 0 && (f.user_hidden.rows() < f.users.rows() || f.item_hidden.rows() < f.items.rows()))
    fail("the hidden layers have fewer rows than the factors");
  if ((!f.item_bias.empty() && static_cast<Index>(f.item_bias.size()) < f.items.rows()) ||
      (!f.user_bias.empty() && static_cast<Index>(f.user_bias.size()) < f.users.rows()))
    fail("a bias has fewer elements than there are rows");
  for (const Id user : users)
    if (user < 0 || user >= f.users.rows())
      fail("user " + std::to_string(user) + " lies outside the " + std::to_string(f.users.rows()) + " users");
}

/// Lists that end at once. @throws ConfigError on k < 1
inline TopK empty_lists(std::span<const Id> users, Index k) {
  if (k < 1) throw ConfigError("top_k: k is " + std::to_string(k) + ". Remedy: ask for at least one item");
  const auto n = static_cast<Index>(users.size());
  return {Matrix<Id>(n, k, kNoItem), Matrix<float>(n, k, -std::numeric_limits<float>::infinity()),
          std::vector<Id>(users.begin(), users.end())};
}

[[noreturn]] inline void throw_nan_score(Id user, Id item) {
  throw NumericError("top_k: the score of user " + std::to_string(user) + " and item " + std::to_string(item) +
                     " is not a number. Remedy: look for NaN or infinite values in the model's vectors; a lower "
                     "learning rate often prevents them");
}

}  // namespace detail

// Where the CPU's ranking had them first.
namespace cpu {
using reclm::MaskView;
using reclm::PairFactors;
}  // namespace cpu

}  // namespace reclm
