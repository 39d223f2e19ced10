#pragma once
/// @file pair_factors.hpp
/// What a ranking is made from: the factors of every pair's score, and the pairs that must not be listed.

#include <span>

#include "reclm/core/config.hpp"
#include "reclm/core/matrix.hpp"

namespace reclm::cpu {

/// Everything that a pair's score is made of:
///     score(u, i) = ⟨users_u, items_i⟩ + Σ_k relu(user_hidden_uk + item_hidden_ik) + item_bias_i + user_bias_u
/// Rows must be contiguous (column stride 1). Empty members contribute nothing. An item bias of −infinity removes the
/// item.
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

}  // namespace reclm::cpu
