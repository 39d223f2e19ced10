#pragma once
/// @file team.cuh
/// A warp as a team (see team.hpp): lanes stride over a row's elements, sums and maxima go through shuffles.

#include "reclm/core/config.hpp"

namespace reclm {

/// 32 lanes that work on one row. Row kernels compile for the host too, where this team is one lane.
struct WarpTeam {
  static constexpr int kLanes = 32;

  template <class F>
  RECLM_HD void each(Index n, const F& f) const {
    for (Index i = lane(); i < n; i += step()) f(i);
  }

  /// The same bits on every lane: lanes' parts are added in the order of a butterfly.
  template <class F>
  RECLM_HD auto sum(Index n, const F& f) const {
    decltype(f(Index{})) total{};
    for (Index i = lane(); i < n; i += step()) total += f(i);
#if defined(__CUDA_ARCH__)
    for (int offset = kLanes / 2; offset > 0; offset /= 2) total += __shfl_xor_sync(0xffffffffu, total, offset);
#endif
    return total;
  }

  template <class F>
  RECLM_HD auto max(Index n, const F& f) const {
    auto largest = f(Index{0});
    for (Index i = lane(); i < n; i += step()) {
      const auto value = f(i);
      largest = largest < value ? value : largest;
    }
#if defined(__CUDA_ARCH__)
    for (int offset = kLanes / 2; offset > 0; offset /= 2) {
      const auto other = __shfl_xor_sync(0xffffffffu, largest, offset);
      largest = largest < other ? other : largest;
    }
#endif
    return largest;
  }

  /// The hardware hides latency by other warps.
  template <class T>
  RECLM_HD void prefetch(const T*, Index) const {}

  [[nodiscard]] RECLM_HD bool leader() const { return lane() == 0; }

  RECLM_HD void sync() const {
#if defined(__CUDA_ARCH__)
    __syncwarp();
#endif
  }

 private:
  [[nodiscard]] RECLM_HD static Index lane() {
#if defined(__CUDA_ARCH__)
    return threadIdx.x;
#else
    return 0;
#endif
  }
  [[nodiscard]] RECLM_HD static constexpr Index step() {
#if defined(__CUDA_ARCH__)
    return kLanes;
#else
    return 1;
#endif
  }
};

}  // namespace reclm
