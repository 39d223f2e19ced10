#pragma once
/// @file info_nce.hpp
/// What a backend's `info_nce` takes, and what all of them check; cpu/info_nce.hpp and tiled/info_nce.hpp compute it.

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/matrix.hpp"

namespace reclm {

/// Two views of the same nodes, rows of unit length (or zero), and the nodes that stand for the batch.
template <class T>
struct InfoNceProblem {
  MatrixView<const T> z1{}, z2{};  ///< [nodes, d], contiguous rows in the backend's memory; may be the same memory
  std::span<const Id> anchors{};   ///< rows, in host memory; a row counts as often as it occurs
  double temperature = 0.1;        ///< above 0
};

/// Where the gradient goes: d_z1 and d_z2 += scale · ∂loss/∂z. [nodes, d], contiguous rows, no memory in common.
/// Rows of d_z1 that are no anchors stay as they are.
template <class T>
struct InfoNceGradient {
  MatrixView<T> d_z1{}, d_z2{};
  double scale = 1;
};

namespace detail {

/// @throws ShapeError, ConfigError (temperature not above 0)
template <class T>
void check_info_nce(const InfoNceProblem<T>& p, const InfoNceGradient<T>* gradient) {
  const auto fail = [](const std::string& what) { throw ShapeError("info_nce: " + what); };
  const auto same = [&](const auto& m) { return m.rows() == p.z1.rows() && m.cols() == p.z1.cols(); };
  if (!(p.temperature > 0))
    throw ConfigError("info_nce: the temperature is " + std::to_string(p.temperature) +
                      ". Remedy: choose one above 0, e.g. 0.1");
  if (!same(p.z2)) fail("the two views differ in shape");
  if (!p.z1.rows_contiguous() || !p.z2.rows_contiguous()) fail("rows must be contiguous");
  if (gradient != nullptr && (!same(gradient->d_z1) || !same(gradient->d_z2))) fail("a gradient has another shape");
  if (gradient != nullptr && (!gradient->d_z1.rows_contiguous() || !gradient->d_z2.rows_contiguous()))
    fail("the gradients' rows must be contiguous");
  for (const Id id : p.anchors)
    if (id < 0 || id >= p.z1.rows())
      fail("anchor " + std::to_string(id) + " lies outside the " + std::to_string(p.z1.rows()) + " nodes");
}

/// Repeated anchors are computed once: the distinct ones, ascending, and how often each occurs.
template <class Count>
struct DistinctAnchors {
  std::vector<Id> ids;
  std::vector<Count> counts;

  explicit DistinctAnchors(std::span<const Id> anchors) : ids(anchors.begin(), anchors.end()) {
    std::sort(ids.begin(), ids.end());
    std::size_t kept = 0;
    for (const Id id : ids) {
      if (kept > 0 && id == ids[kept - 1]) {
        counts.back() += Count(1);
      } else {
        ids[kept++] = id;
        counts.push_back(Count(1));
      }
    }
    ids.resize(kept);
  }
};

}  // namespace detail
}  // namespace reclm
