#pragma once
/// @file team.cuh
/// Teams on the GPU (see team.hpp): a warp for a row, or a block of threads for a long row. Members stride over a row's
/// elements; sums and maxima have a fixed order, and all members get the same bits.

#include <type_traits>

#include "reclm/backend/team.hpp"
#include "reclm/core/config.hpp"

namespace reclm {

namespace cuda::detail {

inline constexpr int kWarp = 32;

struct Plus {
  template <class T>
  RECLM_HD T operator()(T a, T b) const {
    return a + b;
  }
};

struct Larger {
  template <class T>
  RECLM_HD T operator()(T a, T b) const {
    return a < b ? b : a;
  }
};

// All lanes' values joined, by a butterfly.
template <class T, class Join>
RECLM_HD T across_warp(T value, const Join& join) {
#if defined(__CUDA_ARCH__)
  for (int offset = kWarp / 2; offset > 0; offset /= 2)
    value = join(value, __shfl_xor_sync(0xffffffffu, value, offset));
#endif
  return value;
}

// A member's share of a row joined: elements `first`, `first` + `step` … of n ≥ 1; the others' is what a member
// without elements contributes.
template <class F>
RECLM_HD auto share_of_max(Index n, Index first, Index step, const F& f) {
  auto largest = f(first < n ? first : Index{0});
  for (Index i = first + step; i < n; i += step) largest = Larger{}(largest, f(i));
  return largest;
}
template <class F>
RECLM_HD auto share_of_sum(Index n, Index first, Index step, const F& f) {
  std::remove_cvref_t<decltype(f(Index{}))> total{};
  for (Index i = first; i < n; i += step) total += f(i);
  return total;
}

}  // namespace cuda::detail

/// 32 lanes that work on one row. Row kernels compile for the host too, where this team is one lane.
struct WarpTeam {
  static constexpr int kLanes = cuda::detail::kWarp;

  template <class F>
  RECLM_HD void each(Index n, const F& f) const {
    for (Index i = lane(); i < n; i += step()) f(i);
  }
  template <class F>
  RECLM_HD auto sum(Index n, const F& f) const {
    return cuda::detail::across_warp(cuda::detail::share_of_sum(n, lane(), step(), f), cuda::detail::Plus{});
  }
  template <class F>
  RECLM_HD auto max(Index n, const F& f) const {
    return cuda::detail::across_warp(cuda::detail::share_of_max(n, lane(), step(), f), cuda::detail::Larger{});
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

/// A block of 256 threads that work on one long row. All of them must call `sum`, `max` and `sync` alike.
struct BlockTeam {
  static constexpr int kThreads = 256;

  template <class F>
  RECLM_HD void each(Index n, const F& f) const {
    for (Index i = thread(); i < n; i += step()) f(i);
  }
  template <class F>
  RECLM_HD auto sum(Index n, const F& f) const {
    return across_block(cuda::detail::share_of_sum(n, thread(), step(), f), cuda::detail::Plus{});
  }
  template <class F>
  RECLM_HD auto max(Index n, const F& f) const {
    return across_block(cuda::detail::share_of_max(n, thread(), step(), f), cuda::detail::Larger{});
  }

  template <class T>
  RECLM_HD void prefetch(const T*, Index) const {}

  [[nodiscard]] RECLM_HD bool leader() const { return thread() == 0; }

  RECLM_HD void sync() const {
#if defined(__CUDA_ARCH__)
    __syncthreads();
#endif
  }

 private:
  // Warps first, then the warps' values in their order.
  template <class T, class Join>
  RECLM_HD static T across_block(T value, const Join& join) {
    value = cuda::detail::across_warp(value, join);
#if defined(__CUDA_ARCH__)
    constexpr int warps = kThreads / cuda::detail::kWarp;
    __shared__ T parts[warps];
    __syncthreads();  // what an earlier call left in `parts` has been read
    if (threadIdx.x % cuda::detail::kWarp == 0) parts[threadIdx.x / cuda::detail::kWarp] = value;
    __syncthreads();
    value = parts[0];
    for (int warp = 1; warp < warps; ++warp) value = join(value, parts[warp]);
#endif
    return value;
  }

  [[nodiscard]] RECLM_HD static Index thread() {
#if defined(__CUDA_ARCH__)
    return threadIdx.x;
#else
    return 0;
#endif
  }
  [[nodiscard]] RECLM_HD static constexpr Index step() {
#if defined(__CUDA_ARCH__)
    return kThreads;
#else
    return 1;
#endif
  }
};

}  // namespace reclm
