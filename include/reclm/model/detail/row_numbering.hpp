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

  /// The local numbers of `ids`, going on from what was numbered since the last take().
  std::vector<Id> number(std::span<const Id> ids) {
    std::vector<Id> numbers;
    numbers.reserve(ids.size());
    for (const Id id : ids) {
      Id& local = local_[static_cast<std::size_t>(id)];
      if (local < 0) {
        local = static_cast<Id>(rows_.size());
        rows_.push_back(id);
      }
      numbers.push_back(local);
    }
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
