#pragma once
/// @file interactions.hpp
/// Who touched what, as compressed sparse rows.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"

namespace reclm {

/// One (user, item) event.
struct Pair {
  Id user = 0;
  Id item = 0;
  bool operator==(const Pair&) const = default;
  auto operator<=>(const Pair&) const = default;
};

/// A binary user × item matrix in CSR: the items of each user, ascending and distinct.
/// Memory: 8·(users + 1) + 4·pairs bytes.
class Interactions {
 public:
  Interactions() : offsets_(1, 0) {}

  /// @param offsets users + 1 positions into `items`, first 0, ascending
  /// @param items   item ids, ascending and distinct within a user
  /// @throws ShapeError when the arrays are not such a matrix
  Interactions(Id users, Id items_count, std::vector<Index> offsets, std::vector<Id> items)
      : users_(users), items_(items_count), offsets_(std::move(offsets)), columns_(std::move(items)) {
    check();
  }

  /// Sorts and removes repeated pairs. O(pairs log pairs per user). @throws ShapeError on an id out of range.
  static Interactions from_pairs(Id users, Id items, std::span<const Pair> pairs);

  [[nodiscard]] Id users() const { return users_; }
  [[nodiscard]] Id items() const { return items_; }
  /// Number of distinct (user, item) pairs.
  [[nodiscard]] Index size() const { return static_cast<Index>(columns_.size()); }
  [[nodiscard]] bool empty() const { return columns_.empty(); }

  /// The items of `user`, ascending.
  [[nodiscard]] std::span<const Id> of(Id user) const {
    const auto begin = static_cast<std::size_t>(offsets_[static_cast<std::size_t>(user)]);
    const auto end = static_cast<std::size_t>(offsets_[static_cast<std::size_t>(user) + 1]);
    return {columns_.data() + begin, end - begin};
  }
  /// True when `user` touched `item`. O(log of the user's count).
  [[nodiscard]] bool contains(Id user, Id item) const {
    const auto row = of(user);
    return std::binary_search(row.begin(), row.end(), item);
  }
  [[nodiscard]] std::span<const Index> offsets() const { return offsets_; }
  [[nodiscard]] std::span<const Id> columns() const { return columns_; }

  /// All pairs, by user then item.
  [[nodiscard]] std::vector<Pair> pairs() const;
  /// Events per item.
  [[nodiscard]] std::vector<Index> item_counts() const;
  /// Items × users.
  [[nodiscard]] Interactions transposed() const;
  /// The same pairs among more users and items. @throws ShapeError when a side would shrink
  [[nodiscard]] Interactions resized(Id users, Id items) &&;

  bool operator==(const Interactions&) const = default;

 private:
  void check() const {
    const auto rows = static_cast<std::size_t>(users_);
    if (users_ < 0 || items_ < 0 || offsets_.size() != rows + 1 || offsets_.front() != 0 ||
        offsets_.back() != static_cast<Index>(columns_.size()))
      throw ShapeError("Interactions: offsets do not describe " + std::to_string(users_) + " users and " +
                       std::to_string(columns_.size()) + " pairs");
    for (std::size_t u = 0; u < rows; ++u) {
      if (offsets_[u] > offsets_[u + 1] || offsets_[u + 1] > size())
        throw ShapeError("Interactions: offsets descend at user " + std::to_string(u) + " or behind");
      const auto row = of(static_cast<Id>(u));
      for (std::size_t k = 0; k < row.size(); ++k)
        if (row[k] < 0 || row[k] >= items_ || (k > 0 && row[k] <= row[k - 1]))
          throw ShapeError("Interactions: items of user " + std::to_string(u) +
                           " are not ascending, distinct and below " + std::to_string(items_));
    }
  }

  Id users_ = 0, items_ = 0;
  std::vector<Index> offsets_;
  std::vector<Id> columns_;
};

inline Interactions Interactions::from_pairs(Id users, Id items, std::span<const Pair> pairs) {
  if (users < 0 || items < 0)
    throw ShapeError("Interactions: " + std::to_string(users) + " users × " + std::to_string(items) + " items");
  std::vector<Index> offsets(static_cast<std::size_t>(users) + 1, 0);
  for (const Pair& pair : pairs) {
    if (pair.user < 0 || pair.user >= users || pair.item < 0 || pair.item >= items)
      throw ShapeError("Interactions: pair (" + std::to_string(pair.user) + ", " + std::to_string(pair.item) +
                       ") lies outside " + std::to_string(users) + " users × " + std::to_string(items) + " items");
    ++offsets[static_cast<std::size_t>(pair.user) + 1];
  }
  for (std::size_t u = 1; u < offsets.size(); ++u) offsets[u] += offsets[u - 1];
  std::vector<Id> columns(pairs.size());
  {
    std::vector<Index> next(offsets.begin(), offsets.end() - 1);
    for (const Pair& pair : pairs)
      columns[static_cast<std::size_t>(next[static_cast<std::size_t>(pair.user)]++)] = pair.item;
  }
  // Sort each row and close the gaps that repeated pairs leave.
  Index kept = 0;
  for (std::size_t u = 0; u + 1 < offsets.size(); ++u) {
    const auto begin = columns.begin() + offsets[u];
    const auto end = columns.begin() + offsets[u + 1];
    std::sort(begin, end);
    const auto last = std::unique(begin, end);
    offsets[u] = kept;
    kept = std::move(begin, last, columns.begin() + kept) - columns.begin();
  }
  offsets.back() = kept;
  columns.resize(static_cast<std::size_t>(kept));
  return Interactions(users, items, std::move(offsets), std::move(columns));
}

inline std::vector<Pair> Interactions::pairs() const {
  std::vector<Pair> result;
  result.reserve(columns_.size());
  for (Id u = 0; u < users_; ++u)
    for (const Id item : of(u)) result.push_back({u, item});
  return result;
}

inline std::vector<Index> Interactions::item_counts() const {
  std::vector<Index> counts(static_cast<std::size_t>(items_), 0);
  for (const Id item : columns_) ++counts[static_cast<std::size_t>(item)];
  return counts;
}

inline Interactions Interactions::transposed() const {
  std::vector<Index> offsets(static_cast<std::size_t>(items_) + 1, 0);
  for (const Id item : columns_) ++offsets[static_cast<std::size_t>(item) + 1];
  for (std::size_t i = 1; i < offsets.size(); ++i) offsets[i] += offsets[i - 1];
  std::vector<Id> columns(columns_.size());
  std::vector<Index> next(offsets.begin(), offsets.end() - 1);
  for (Id u = 0; u < users_; ++u)
    for (const Id item : of(u)) columns[static_cast<std::size_t>(next[static_cast<std::size_t>(item)]++)] = u;
  return Interactions(items_, users_, std::move(offsets), std::move(columns));
}

inline Interactions Interactions::resized(Id users, Id items) && {
  if (users < users_ || items < items_)
    throw ShapeError("Interactions: " + std::to_string(users_) + " × " + std::to_string(items_) + " cannot shrink to " +
                     std::to_string(users) + " × " + std::to_string(items));
  offsets_.resize(static_cast<std::size_t>(users) + 1, offsets_.back());
  users_ = users;
  items_ = items;
  return std::move(*this);
}

}  // namespace reclm
