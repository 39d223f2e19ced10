#pragma once
/// @file candidates.hpp
/// The items that a ranking chooses from, and how masked ones leave it.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"

namespace reclm {

/// Candidate items in ascending order without repeats; position p stands for item at(p).
class Candidates {
 public:
  Candidates(std::span<const Id> ids, Index items) : ids_(ids) {
    if (!std::is_sorted(ids.begin(), ids.end(), std::less_equal<>())) {
      sorted_.assign(ids.begin(), ids.end());
      std::sort(sorted_.begin(), sorted_.end());
      sorted_.erase(std::unique(sorted_.begin(), sorted_.end()), sorted_.end());
      ids_ = sorted_;
    }
    if (!ids_.empty() && (ids_.front() < 0 || ids_.back() >= items))
      throw ShapeError("top_k: candidate item " + std::to_string(ids_.front() < 0 ? ids_.front() : ids_.back()) +
                       " lies outside the " + std::to_string(items) + " items");
    dense_ = !ids_.empty() && ids_.back() - ids_.front() + 1 == static_cast<Id>(ids_.size());
  }
  Candidates(const Candidates&) = delete;
  Candidates& operator=(const Candidates&) = delete;

  [[nodiscard]] Index size() const { return static_cast<Index>(ids_.size()); }
  [[nodiscard]] Id at(Index position) const { return ids_[static_cast<std::size_t>(position)]; }
  [[nodiscard]] std::span<const Id> ids() const { return ids_; }

  /// Sets the scores of masked items among the positions [begin, end) to −infinity. `next`: the first masked item not
  /// dealt with yet; positions come in ascending order.
  void mask(std::span<const Id> masked, std::size_t& next, Index begin, Index end, float* scores) const {
    const Id first = at(begin), last = at(end - 1);
    for (; next < masked.size() && masked[next] <= last; ++next) {
      if (masked[next] < first) continue;
      const auto from = ids_.begin() + begin;
      const auto found =
          dense_ ? from + (masked[next] - first) : std::lower_bound(from, ids_.begin() + end, masked[next]);
      if (*found == masked[next]) scores[found - from] = -std::numeric_limits<float>::infinity();
    }
  }

 private:
  std::span<const Id> ids_;
  std::vector<Id> sorted_;
  bool dense_ = false;
};

}  // namespace reclm
