#pragma once
/// @file segments.hpp
/// Several sequences one behind the other in one batch of rows, kept apart; or some that begin alike, with their
/// beginning once in front of them.

#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/tensor/tensor.hpp"

namespace reclm {

/// Where the segments of a packed batch lie. Copies share memory.
template <class B>
class Segments {
 public:
  Segments() = default;

  /// @param borders   segment s holds the rows borders[s] … borders[s + 1] − 1; begins with 0, never falls
  /// @param prefixes  by segment, the one that it continues, or −1; empty: no segment continues another. Those that
  ///                  continue a segment stand right behind it, and it continues none itself
  /// @throws ShapeError otherwise
  explicit Segments(std::span<const Index> borders, std::span<const Index> prefixes = {})
      : borders_(borders.begin(), borders.end()) {
    if (borders_.empty() || borders_.front() != 0) throw ShapeError("Segments: the borders must begin with 0");
    if (borders_.back() > std::numeric_limits<Id>::max()) throw ShapeError("Segments: more than 2^31 − 1 rows");
    const auto count = static_cast<Index>(borders_.size()) - 1;
    for (Index s = 0; s < count; ++s)
      if (border(s + 1) < border(s))
        throw ShapeError("Segments: border " + std::to_string(s + 1) + " lies before the one in front of it");
    if (!prefixes.empty()) require_size("Segments", "number of prefixes", static_cast<Index>(prefixes.size()), count);
    for (Index s = 0; s < count; ++s) {
      const Index prefix = prefixes.empty() ? -1 : prefixes[static_cast<std::size_t>(s)];
      if (prefix < 0)
        families_.push_back(s);
      else if (families_.empty() || prefix != families_.back())
        throw ShapeError("Segments: segment " + std::to_string(s) + " continues segment " + std::to_string(prefix) +
                         ", which does not stand in front of it and its like");
    }
    families_.push_back(count);
    std::vector<Id> rows[kTables];
    for (std::size_t f = 0; f + 1 < families_.size(); ++f) add_family(families_[f], families_[f + 1], rows);
    for (int t = 0; t < kTables; ++t) tables_[t] = upload<B, Id>(std::span<const Id>(rows[t]));
  }

  [[nodiscard]] Index rows() const { return borders_.empty() ? 0 : borders_.back(); }
  /// Positions of the longest segment, those of its prefix included.
  [[nodiscard]] Index longest() const { return longest_; }
  [[nodiscard]] bool has_prefixes() const { return families_.size() < borders_.size(); }
  [[nodiscard]] std::span<const Index> borders() const { return borders_; }
  /// A family is a segment and those that continue it: family f begins with segment families()[f]; their number comes
  /// last.
  [[nodiscard]] std::span<const Index> families() const { return families_; }
  /// By row, in the backend's memory: first row of its segment, one behind the last row that may see it, its position,
  /// and the rows of the prefix (none: an empty range).
  [[nodiscard]] const Id* begin() const { return tables_[0].get(); }
  [[nodiscard]] const Id* end() const { return tables_[1].get(); }
  [[nodiscard]] const Id* positions() const { return tables_[2].get(); }
  [[nodiscard]] const Id* prefix_begin() const { return tables_[3].get(); }
  [[nodiscard]] const Id* prefix_end() const { return tables_[4].get(); }

 private:
  static constexpr int kTables = 5;

  [[nodiscard]] Index border(Index s) const { return borders_[static_cast<std::size_t>(s)]; }

  void add_family(Index first, Index last, std::vector<Id> (&rows)[kTables]) {
    for (Index s = first; s < last; ++s) {
      const Index begin = border(s), end = s == first ? border(last) : border(s + 1);
      const Index prefix = border(first), prefix_end = s == first ? prefix : border(first + 1);
      longest_ = std::max(longest_, prefix_end - prefix + border(s + 1) - begin);
      for (Index row = begin; row < border(s + 1); ++row) {
        const Index values[kTables] = {begin, end, prefix_end - prefix + row - begin, prefix, prefix_end};
        for (int t = 0; t < kTables; ++t) rows[t].push_back(static_cast<Id>(values[t]));
      }
    }
  }

  std::vector<Index> borders_, families_;
  Index longest_ = 0;
  std::shared_ptr<Id> tables_[kTables];
};

}  // namespace reclm
