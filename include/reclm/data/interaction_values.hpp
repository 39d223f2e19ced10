#pragma once
/// @file interaction_values.hpp
/// What data files say about each interaction beside that it happened.

#include <vector>

#include "reclm/core/config.hpp"

namespace reclm {

/// Values of the pairs of an `Interactions`, in the order of its `pairs()`. Each list holds one value a pair, or
/// nothing when the file had none or nobody asked for them.
struct InteractionValues {
  std::vector<float> ratings;
  std::vector<double> timestamps;

  [[nodiscard]] bool empty() const { return ratings.empty() && timestamps.empty(); }
  bool operator==(const InteractionValues&) const = default;
};

}  // namespace reclm
