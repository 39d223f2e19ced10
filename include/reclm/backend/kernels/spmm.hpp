#pragma once
/// @file spmm.hpp
/// Sparse × dense, one output row a team.

#include "reclm/backend/backend.hpp"

namespace reclm::kernels {

/// Y[row, :] = beta · R[row, :] + sum_e values[e] · X[columns[e], :], columns of X taken `Tile` at a time so that the
/// running sums stay in registers. R may be Y.
template <class T, int Tile>
struct Spmm {
  CsrView<T> a;
  const T* x;
  Index width;
  T beta;
  const T* r;
  T* y;

  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const Index begin = a.offsets[row], end = a.offsets[row + 1];
    for (Index first = 0; first < width; first += Tile) {
      if (first + Tile <= width)
        tile<Team, true>(team, row, begin, end, first, Tile);
      else
        tile<Team, false>(team, row, begin, end, first, width - first);
    }
  }

 private:
  // A whole tile has a compile-time width: the loops below then unroll into vector registers on the CPU. On a warp each
  // lane owns one column.
  template <class Team, bool Whole>
  RECLM_HD RECLM_ALWAYS_INLINE void tile(Team team, Index row, Index begin, Index end, Index first, Index count) const {
    const Index n = Whole ? Index{Tile} : count;
    T* RECLM_RESTRICT out = y + row * width + first;
#if defined(__CUDA_ARCH__)
    team.each(n, [=, *this](Index c) {
      T total = beta == T(0) ? T(0) : beta * r[row * width + first + c];
      for (Index e = begin; e < end; ++e)
        total += a.values[e] * x[static_cast<Index>(a.columns[e]) * width + first + c];
      out[c] = total;
    });
#else
    T total[Tile];
    if (beta == T(0))
      team.each(n, [&](Index c) { total[c] = T(0); });
    else
      team.each(n, [&](Index c) { total[c] = beta * r[row * width + first + c]; });
    // Neighbours lie anywhere; asked for ahead, across the ends of rows, many are on their way at once.
    constexpr Index kAhead = 8;
    const Index last = a.offsets[a.rows];
    for (Index e = begin; e < end; ++e) {
      if (e + kAhead < last) team.prefetch(x + static_cast<Index>(a.columns[e + kAhead]) * width + first, n);
      const T* RECLM_RESTRICT in = x + static_cast<Index>(a.columns[e]) * width + first;
      const T value = a.values[e];
      team.each(n, [&](Index c) { total[c] += value * in[c]; });
    }
    team.each(n, [&](Index c) { out[c] = total[c]; });
#endif
  }
};

}  // namespace reclm::kernels
