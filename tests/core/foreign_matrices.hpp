#pragma once
/// Other people's matrices: xtensor's, wherever its version keeps them, and one that is adapted by its traits.
#include <array>

#if __has_include(<xtensor/containers/xarray.hpp>)
#include <xtensor/containers/xarray.hpp>
#include <xtensor/containers/xtensor.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xarray.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>
#endif

#include "reclm/core/as_matrix.hpp"

namespace reclm_test {

/// Columns lie apart by 7.
struct Foreign {
  std::array<float, 21> cells{};
};

}  // namespace reclm_test

template <>
struct reclm::MatrixTraits<reclm_test::Foreign> {
  static MatrixView<const float> view(const reclm_test::Foreign& m) { return {m.cells.data(), 7, 3, 1, 7}; }
};
