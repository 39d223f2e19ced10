#pragma once
/// @file row_numbering.hpp
/// Numbers the distinct rows of a batch in the order of their first appearance.

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"

namespace reclm::detail {

/// Keeps one number a row between batches, so that a batch costs O(its entries), not O(rows) or a sort.
class RowNumbering {
 public:
  explicit RowNumbering(Index rows) : local_(static_cast<std::size_t>(rows), -1) {}

  [[nodiscard]] Index rows() const { return static_cast<Index>(local_.size()); }

  /// The local numbers of `ids`, going on from what was numbered since the last take().
  std::vector<Id> number(std::span<const Id> ids) {
    std::vector<Id> numbers(ids.size());
    std::size_t known = rows_.size();
    rows_.resize(known + ids.size());
    // Without branches: whether a row is new cannot be predicted.
    for (std::size_t k = 0; k < ids.size(); ++k) {
      Id& local = local_[static_cast<std::size_t>(ids[k])];
      const bool is_new = local < 0;
      rows_[known] = ids[k];
      local = is_new ? static_cast<Id>(known) : local;
      known += is_new;
      numbers[k] = local;
    }
    rows_.resize(known);
    return numbers;
  }

  /// The rows by local number; numbering starts anew.
  std::vector<Id> take() {
    for (const Id row : rows_) local_[static_cast<std::size_t>(row)] = -1;
    return std::exchange(rows_, {});
  }

 private:
  std::vector<Id> local_;
  std::vector<Id> rows_;
};

}  // namespace reclm::detail
