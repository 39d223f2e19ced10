#pragma once
/// @file row_groups.hpp
/// An inverted index: which positions of a list name each row. Scatter-adds walk it instead of using atomics, so that
/// sums have one order.

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/tensor/tensor.hpp"

namespace reclm {

/// @throws ShapeError when one of `ids` is no row of a matrix of `rows` rows.
inline void check_rows(std::span<const Id> ids, Index rows) {
  for (const Id id : ids)
    if (id < 0 || id >= rows)
      throw ShapeError("row " + std::to_string(id) + " lies outside a matrix of " + std::to_string(rows) + " rows");
}

/// @throws ShapeError when a row lies outside [0, rows), or is named twice. O(ids), and a bit for each row
inline void check_distinct_rows(std::span<const Id> ids, Index rows) {
  check_rows(ids, rows);
  std::vector<bool> named(static_cast<std::size_t>(rows), false);
  for (const Id id : ids) {
    const auto place = static_cast<std::size_t>(id);
    if (named[place])
      throw ShapeError("row " + std::to_string(id) + " is named twice. Remedy: name each row once, or use gather_rows");
    named[place] = true;
  }
}

/// A list of rows, and for each row the positions that name it, ascending. Copies share memory.
template <class B>
class RowGroups {
 public:
  RowGroups() = default;

  /// @param ids  rows, each in [0, rows)  @throws ShapeError when one lies outside. O(ids + rows)
  RowGroups(std::span<const Id> ids, Index rows) : rows_(rows), positions_(static_cast<Index>(ids.size())) {
    check_rows(ids, rows);
    std::vector<Index> offsets(static_cast<std::size_t>(rows) + 1, 0);
    for (const Id id : ids) ++offsets[static_cast<std::size_t>(id) + 1];
    for (std::size_t r = 1; r < offsets.size(); ++r) offsets[r] += offsets[r - 1];
    std::vector<Id> members(ids.size());
    std::vector<Index> next(offsets.begin(), offsets.end() - 1);
    for (std::size_t k = 0; k < ids.size(); ++k)
      members[static_cast<std::size_t>(next[static_cast<std::size_t>(ids[k])]++)] = static_cast<Id>(k);
    ids_ = upload<B, Id>(ids);
    offsets_ = upload<B, Index>(offsets);
    members_ = upload<B, Id>(members);
  }

  [[nodiscard]] Index rows() const { return rows_; }
  /// Length of the list.
  [[nodiscard]] Index size() const { return positions_; }
  /// The list itself.
  [[nodiscard]] const Id* ids() const { return ids_.get(); }
  /// rows() + 1 borders of the groups in `members()`.
  [[nodiscard]] const Index* offsets() const { return offsets_.get(); }
  /// Positions in the list, by row.
  [[nodiscard]] const Id* members() const { return members_.get(); }

 private:
  Index rows_ = 0, positions_ = 0;
  std::shared_ptr<Id> ids_, members_;
  std::shared_ptr<Index> offsets_;
};

/// Distinct ids, ascending, and where each entry of the original lists stands among them.
struct UniqueRows {
  std::vector<Id> ids;
  std::vector<std::vector<Id>> places;  ///< one list for each list given
};

/// O(entries log entries) for few entries among many rows.
inline UniqueRows unique_rows(std::initializer_list<std::span<const Id>> lists) {
  UniqueRows result;
  for (const auto list : lists) result.ids.insert(result.ids.end(), list.begin(), list.end());
  std::sort(result.ids.begin(), result.ids.end());
  result.ids.erase(std::unique(result.ids.begin(), result.ids.end()), result.ids.end());
  for (const auto list : lists) {
    std::vector<Id> places;
    places.reserve(list.size());
    for (const Id id : list)
      places.push_back(
          static_cast<Id>(std::lower_bound(result.ids.begin(), result.ids.end(), id) - result.ids.begin()));
    result.places.push_back(std::move(places));
  }
  return result;
}

}  // namespace reclm
