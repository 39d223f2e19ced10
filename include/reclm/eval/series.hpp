#pragma once
/// @file series.hpp
/// A line of a plot.

#include <string>
#include <vector>

namespace reclm {

/// `x` and `y` have equal length; NaN in `y` was not measured.
struct Series {
  std::string name;  ///< what y is: "loss", "recall@20"
  std::vector<double> x, y;
};

}  // namespace reclm
