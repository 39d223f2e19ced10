#pragma once
/// @file team.hpp
/// A team works on one row of a row kernel. On the CPU it is one thread whose loops are SIMD; on CUDA it is a warp
/// (team.cuh). A kernel is written once:
///
///     struct Scale {
///       float* x; Index cols; float factor;
///       template <class Team> RECLM_HD void operator()(Team team, Index row) const {
///         float* RECLM_RESTRICT r = x + row * cols;
///         team.each(cols, [=](Index c) { r[c] *= factor; });
///       }
///     };
///
/// Between two loops of which the second reads what the first wrote at another position, call `team.sync()`.

#include "reclm/core/config.hpp"

namespace reclm {

/// One CPU thread as a team. Marked for the device too, because a kernel's body is compiled for both.
struct CpuTeam {
  /// Calls f(i) for i in [0, n); iterations are independent.
  template <class F>
  RECLM_HD RECLM_ALWAYS_INLINE void each(Index n, const F& f) const {
#pragma omp simd
    for (Index i = 0; i < n; ++i) f(i);
  }

  /// Sum of f(i) over [0, n) in the type that f returns.
  template <class F>
  RECLM_HD RECLM_ALWAYS_INLINE auto sum(Index n, const F& f) const {
    decltype(f(Index{})) total{};
#pragma omp simd reduction(+ : total)
    for (Index i = 0; i < n; ++i) total += f(i);
    return total;
  }

  /// Largest f(i) over [0, n); n ≥ 1.
  template <class F>
  RECLM_HD RECLM_ALWAYS_INLINE auto max(Index n, const F& f) const {
    auto largest = f(Index{0});
#pragma omp simd reduction(max : largest)
    for (Index i = 1; i < n; ++i) {
      const auto value = f(i);
      largest = largest < value ? value : largest;
    }
    return largest;
  }

  /// Asks for n elements that will be read soon. A hint; does nothing on CUDA.
  template <class T>
  RECLM_HD RECLM_ALWAYS_INLINE void prefetch([[maybe_unused]] const T* p, [[maybe_unused]] Index n) const {
#if !defined(__CUDA_ARCH__)
    constexpr auto line = static_cast<Index>(kAlignment / sizeof(T));
    for (Index i = 0; i < n; i += line) __builtin_prefetch(p + i);
#endif
  }

  /// True for the one member that writes a row's scalar result.
  [[nodiscard]] RECLM_HD static constexpr bool leader() { return true; }
  RECLM_HD static constexpr void sync() {}
};

}  // namespace reclm
