#pragma once
/// @file frozen_state.hpp
/// What a fit of the frozen tier leaves: vectors of users and items, the profile head, and maps for newcomers.

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "reclm/align/frozen_options.hpp"
#include "reclm/align/kernel_head.hpp"
#include "reclm/core/config.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/data/interactions.hpp"

namespace reclm::detail {

/// Rows that grow at the end without copying what is there each time.
class GrowingRows {
 public:
  GrowingRows() = default;
  explicit GrowingRows(const Matrix<float>& rows)
      : width_(rows.cols()), values_(rows.data(), rows.data() + rows.size()) {}
  [[nodiscard]] Index rows() const { return width_ == 0 ? 0 : static_cast<Index>(values_.size()) / width_; }
  [[nodiscard]] Index cols() const { return width_; }
  [[nodiscard]] MatrixView<const float> view() const { return {values_.data(), rows(), width_}; }
  [[nodiscard]] std::span<const float> row(Index r) const {
    return {values_.data() + r * width_, static_cast<std::size_t>(width_)};
  }
  [[nodiscard]] Matrix<float> copy() const { return Matrix<float>(rows(), width_, values_); }
  void push_back(std::span<const float> row) { values_.insert(values_.end(), row.begin(), row.end()); }

 private:
  Index width_ = 0;
  std::vector<float> values_;
};

/// Histories that grow at the end, as CSR.
struct GrowingHistory {
  std::vector<Index> offsets{0};
  std::vector<Id> columns;

  GrowingHistory() = default;
  explicit GrowingHistory(const Interactions& all)
      : offsets(all.offsets().begin(), all.offsets().end()), columns(all.columns().begin(), all.columns().end()) {}
  [[nodiscard]] std::span<const Id> of(Id user) const {
    const auto u = static_cast<std::size_t>(user);
    return std::span(columns).subspan(static_cast<std::size_t>(offsets[u]),
                                      static_cast<std::size_t>(offsets[u + 1] - offsets[u]));
  }
  void push_back(std::span<const Id> history) {
    columns.insert(columns.end(), history.begin(), history.end());
    offsets.push_back(static_cast<Index>(columns.size()));
  }
};

/// Columns of a user's and an item's row: the model's part, the residual's, and the user's height of unseen items.
struct FrozenLayout {
  Index model = 0, residual = 0;
  [[nodiscard]] Index width() const { return model + residual + 1; }
  [[nodiscard]] Index offset() const { return model + residual; }
};

/// score(u, i) = ⟨users_u, items_i⟩; a scorer's own users have ⟨users_u, exact_i⟩ + own_i·s(u, i) instead, s being the
/// scorer's score, which the product only comes near.
struct FrozenState {
  FrozenChoice choice;
  FrozenLayout layout;
  bool product = true;             ///< the model shows factors
  float model_scale = 1;           ///< 1/σ_s
  GrowingRows users, items;        ///< [users, width], [items, width]
  GrowingRows exact;               ///< [items, width]; empty for a product
  std::vector<float> own;          ///< by item; empty for a product
  std::vector<std::uint8_t> seen;  ///< by item
  std::vector<Id> columns;         ///< the seen items, ascending
  KernelHead head;                 ///< profile of an item → [model part | residual part]
  KernelHead user_head;            ///< profile of a user → the same of a user; empty without user profiles
  Matrix<float> model_items;       ///< [columns, model]: item factors, or a basis of a scorer's scores
  Matrix<float> residual_map;      ///< [columns, residual]: what a click adds to a user's residual part
  Matrix<float> fold_in;           ///< [model, model]: mean of a history's model_items → model part of a user
  std::vector<Id> cold_probes;     ///< items whose profiles show how high unseen ones reach
  Matrix<float> cold_rows;         ///< [probes, width]: them as unseen items
  std::vector<float> mean_user;    ///< who nobody knows anything about
  GrowingHistory history;
};

}  // namespace reclm::detail
