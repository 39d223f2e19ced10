#pragma once
/// @file rows.hpp
/// Row kernels: gathering, grouped scatter-add, normalisation, products of row pairs.

#include <cmath>

#include "reclm/core/config.hpp"

namespace reclm::kernels {

/// y[row, :] = x[ids[row], :].
template <class T>
struct Gather {
  const T* x;
  const Id* ids;
  T* y;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const T* RECLM_RESTRICT in = x + static_cast<Index>(ids[row]) * cols;
    T* RECLM_RESTRICT out = y + row * cols;
    team.each(cols, [=](Index c) { out[c] = in[c]; });
  }
};

/// dx[row, :] = beta · dx[row, :] + sum of dy over the positions that gathered `row`: the inverse of Gather, without
/// atomics. offsets/positions: an inverted index with one group a row of dx.
template <class T>
struct ScatterGroups {
  const T* dy;
  const Index* offsets;
  const Id* positions;
  T beta;
  T* dx;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    T* RECLM_RESTRICT out = dx + row * cols;
    if (beta == T(0)) team.each(cols, [=](Index c) { out[c] = T(0); });
    for (Index k = offsets[row]; k < offsets[row + 1]; ++k) {
      const T* RECLM_RESTRICT in = dy + static_cast<Index>(positions[k]) * cols;
      team.each(cols, [=](Index c) { out[c] += in[c]; });
    }
  }
};

/// x[ids[row], :] += y[row, :]; ids distinct.
template <class T>
struct AddToRows {
  const T* y;
  const Id* ids;
  T* x;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const T* RECLM_RESTRICT in = y + row * cols;
    T* RECLM_RESTRICT out = x + static_cast<Index>(ids[row]) * cols;
    team.each(cols, [=](Index c) { out[c] += in[c]; });
  }
};

/// y[row, :] = r[row, :] + scale[row] · x[row, :]; a null r is none. r and x may be y.
template <class T>
struct AddScaledRows {
  const T* r;
  const T* scale;
  const T* x;
  T* y;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const T* in = x + row * cols;
    const T* base = r == nullptr ? in : r + row * cols;
    T* out = y + row * cols;
    const T factor = scale[row];
    if (r == nullptr)
      team.each(cols, [=](Index c) { out[c] = factor * in[c]; });
    else
      team.each(cols, [=](Index c) { out[c] = base[c] + factor * in[c]; });
  }
};

/// Smallest norm that a row is divided by (torch.nn.functional.normalize uses the same).
template <class T>
inline constexpr T kNormFloor = T(1e-12);

/// y = x / max(‖x‖₂, floor) by row; norms[row] = the divisor.
template <class T>
struct Normalize {
  const T* x;
  T* y;
  T* norms;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    using std::sqrt;
    const T* RECLM_RESTRICT in = x + row * cols;
    T* RECLM_RESTRICT out = y + row * cols;
    const T length = sqrt(team.sum(cols, [=](Index c) { return in[c] * in[c]; }));
    const T divisor = length > kNormFloor<T> ? length : kNormFloor<T>;
    const T scale = T(1) / divisor;
    team.each(cols, [=](Index c) { out[c] = in[c] * scale; });
    if (team.leader()) norms[row] = divisor;
  }
};

/// dx = beta · dx + (dy − y ⟨y, dy⟩) / norm by row.
template <class T>
struct NormalizeBackward {
  const T* y;
  const T* norms;
  const T* dy;
  T beta;
  T* dx;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const T* RECLM_RESTRICT out = y + row * cols;
    const T* RECLM_RESTRICT g = dy + row * cols;
    T* RECLM_RESTRICT d = dx + row * cols;
    const T scale = T(1) / norms[row];
    // At the floor the divisor is a constant, so only the scale remains.
    const T along = norms[row] > kNormFloor<T> ? team.sum(cols, [=](Index c) { return out[c] * g[c]; }) : T(0);
    if (beta == T(0))
      team.each(cols, [=](Index c) { d[c] = (g[c] - out[c] * along) * scale; });
    else
      team.each(cols, [=](Index c) { d[c] += (g[c] - out[c] * along) * scale; });
  }
};

/// s[row] = sum_c w[c] · a[row, c] · b[row, c]; w null means ones.
template <class T>
struct RowDot {
  const T* a;
  const T* b;
  const T* w;
  T* s;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const T* RECLM_RESTRICT x = a + row * cols;
    const T* RECLM_RESTRICT y = b + row * cols;
    const T total = w == nullptr ? team.sum(cols, [=](Index c) { return x[c] * y[c]; })
                                 : team.sum(cols, [=, *this](Index c) { return w[c] * x[c] * y[c]; });
    if (team.leader()) s[row] = total;
  }
};

/// da = beta · da + ds[row] · w ∘ b by row. (The other side is the same with a in place of b.)
template <class T>
struct RowDotBackward {
  const T* b;
  const T* w;
  const T* ds;
  T beta;
  T* da;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const T* RECLM_RESTRICT y = b + row * cols;
    T* RECLM_RESTRICT d = da + row * cols;
    const T g = ds[row];
    const T keep = beta;
    if (keep == T(0)) team.each(cols, [=](Index c) { d[c] = T(0); });
    if (w == nullptr)
      team.each(cols, [=](Index c) { d[c] += g * y[c]; });
    else
      team.each(cols, [=, *this](Index c) { d[c] += g * w[c] * y[c]; });
  }
};

/// p[row, :] = ds[row] · a[row, :] ∘ b[row, :]; its column sums are the gradient of RowDot's w.
template <class T>
struct RowDotWeightTerms {
  const T* a;
  const T* b;
  const T* ds;
  T* p;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const T* RECLM_RESTRICT x = a + row * cols;
    const T* RECLM_RESTRICT y = b + row * cols;
    T* RECLM_RESTRICT out = p + row * cols;
    const T g = ds[row];
    team.each(cols, [=](Index c) { out[c] = g * x[c] * y[c]; });
  }
};

/// s[row] = beta · s[row] + sum_c x[row, c].
template <class T>
struct RowSum {
  const T* x;
  T beta;
  T* s;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const T* RECLM_RESTRICT in = x + row * cols;
    const T total = team.sum(cols, [=](Index c) { return in[c]; });
    if (team.leader()) s[row] = beta == T(0) ? total : beta * s[row] + total;
  }
};

/// dx[row, :] = beta · dx[row, :] + ds[row].
template <class T>
struct RowSumBackward {
  const T* ds;
  T beta;
  T* dx;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    T* RECLM_RESTRICT d = dx + row * cols;
    const T g = ds[row];
    if (beta == T(0))
      team.each(cols, [=](Index c) { d[c] = g; });
    else
      team.each(cols, [=](Index c) { d[c] += g; });
  }
};

}  // namespace reclm::kernels
