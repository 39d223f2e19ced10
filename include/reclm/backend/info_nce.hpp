#pragma once
/// @file info_nce.hpp
/// What a backend's `info_nce` takes; cpu/info_nce.hpp and cuda/info_nce.cuh compute it.

#include <span>

#include "reclm/core/config.hpp"
#include "reclm/core/matrix.hpp"

namespace reclm {

/// Two views of the same nodes, rows of unit length (or zero), and the nodes that stand for the batch.
template <class T>
struct InfoNceProblem {
  MatrixView<const T> z1{}, z2{};  ///< [nodes, d], contiguous rows; may be the same memory
  std::span<const Id> anchors{};   ///< rows; a row counts as often as it occurs
  double temperature = 0.1;        ///< above 0
};

/// Where the gradient goes: d_z1 and d_z2 += scale · ∂loss/∂z. [nodes, d], contiguous rows, no memory in common.
/// Rows of d_z1 that are no anchors stay as they are.
template <class T>
struct InfoNceGradient {
  MatrixView<T> d_z1{}, d_z2{};
  double scale = 1;
};

}  // namespace reclm
