#pragma once
/// @file segments.hpp
/// Several sequences one behind the other in one batch of rows, kept apart.

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

  /// @param borders  segment s holds the rows borders[s] … borders[s + 1] − 1; begins with 0, never falls
  /// @throws ShapeError otherwise
  explicit Segments(std::span<const Index> borders) : borders_(borders.begin(), borders.end()) {
    if (borders_.empty() || borders_.front() != 0) throw ShapeError("Segments: the borders must begin with 0");
    if (borders_.back() > std::numeric_limits<Id>::max()) throw ShapeError("Segments: more than 2^31 − 1 rows");
    std::vector<Id> begin, end, position;
    for (std::size_t s = 0; s + 1 < borders_.size(); ++s) {
      if (borders_[s + 1] < borders_[s])
        throw ShapeError("Segments: border " + std::to_string(s + 1) + " lies before the one in front of it");
      longest_ = std::max(longest_, borders_[s + 1] - borders_[s]);
      for (Index row = borders_[s]; row < borders_[s + 1]; ++row) {
        begin.push_back(static_cast<Id>(borders_[s]));
        end.push_back(static_cast<Id>(borders_[s + 1]));
        position.push_back(static_cast<Id>(row - borders_[s]));
      }
    }
    begin_ = upload<B, Id>(std::span<const Id>(begin));
    end_ = upload<B, Id>(std::span<const Id>(end));
    positions_ = upload<B, Id>(std::span<const Id>(position));
  }

  [[nodiscard]] Index rows() const { return borders_.empty() ? 0 : borders_.back(); }
  /// Rows of the longest segment.
  [[nodiscard]] Index longest() const { return longest_; }
  [[nodiscard]] std::span<const Index> borders() const { return borders_; }
  /// By row, in the backend's memory: first row of its segment, one behind the last, and its place within.
  [[nodiscard]] const Id* begin() const { return begin_.get(); }
  [[nodiscard]] const Id* end() const { return end_.get(); }
  [[nodiscard]] const Id* positions() const { return positions_.get(); }

 private:
  std::vector<Index> borders_;
  Index longest_ = 0;
  std::shared_ptr<Id> begin_, end_, positions_;
};

}  // namespace reclm
