#pragma once
/// @file norm.hpp
/// Normalisation by row: RMSNorm (Zhang and Sennrich, NeurIPS 2019) and LayerNorm (Ba et al., 2016).

#include <cmath>

#include "reclm/core/config.hpp"

namespace reclm::kernels {

/// y = x / sqrt(mean(x²) + epsilon) ∘ weight; inverse[row] = the factor of x.
template <class T>
struct RmsNorm {
  const T* x;
  const T* weight;
  T epsilon;
  T* y;
  T* inverse;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    using std::sqrt;
    const T* RECLM_RESTRICT in = x + row * cols;
    const T* RECLM_RESTRICT w = weight;
    T* RECLM_RESTRICT out = y + row * cols;
    const T scale =
        T(1) / sqrt(team.sum(cols, [=](Index c) { return in[c] * in[c]; }) / static_cast<T>(cols) + epsilon);
    team.each(cols, [=](Index c) { out[c] = in[c] * scale * w[c]; });
    if (team.leader()) inverse[row] = scale;
  }
};

/// dx = beta · dx + inverse · (dy ∘ w − x · inverse² · mean(dy ∘ w ∘ x)).
template <class T>
struct RmsNormBackward {
  const T* x;
  const T* weight;
  const T* inverse;
  const T* dy;
  T beta;
  T* dx;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const T* RECLM_RESTRICT in = x + row * cols;
    const T* RECLM_RESTRICT w = weight;
    const T* RECLM_RESTRICT g = dy + row * cols;
    T* RECLM_RESTRICT d = dx + row * cols;
    const T scale = inverse[row];
    const T along = team.sum(cols, [=](Index c) { return g[c] * w[c] * in[c]; }) / static_cast<T>(cols);
    const T back = scale * scale * scale * along;
    if (beta == T(0))
      team.each(cols, [=](Index c) { d[c] = scale * g[c] * w[c] - back * in[c]; });
    else
      team.each(cols, [=](Index c) { d[c] += scale * g[c] * w[c] - back * in[c]; });
  }
};

/// y = (x − mean) / sqrt(variance + epsilon) ∘ weight + bias; statistics[row] = {mean, the factor}. With `residual`
/// that of x + residual; it may be y.
template <class T>
struct LayerNorm {
  const T* x;
  const T* weight;
  const T* bias;
  T epsilon;
  T* y;
  T* statistics;
  Index cols;
  const T* residual = nullptr;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const T* RECLM_RESTRICT in = x + row * cols;
    if (residual == nullptr) {
      apply(team, row, [=](Index c) { return in[c]; });
    } else {
      const T* const more = residual + row * cols;
      apply(team, row, [=](Index c) { return in[c] + more[c]; });
    }
  }

 private:
  template <class Team, class Value>
  RECLM_HD void apply(Team team, Index row, Value value) const {
    using std::sqrt;
    const T* RECLM_RESTRICT w = weight;
    const T* RECLM_RESTRICT b = bias;
    T* const out = y + row * cols;
    const T n = static_cast<T>(cols);
    const T mean = team.sum(cols, value) / n;
    const T variance = team.sum(cols, [=](Index c) { return (value(c) - mean) * (value(c) - mean); }) / n;
    const T scale = T(1) / sqrt(variance + epsilon);
    team.each(cols, [=](Index c) { out[c] = (value(c) - mean) * scale * w[c] + b[c]; });
    if (team.leader()) {
      statistics[2 * row] = mean;
      statistics[2 * row + 1] = scale;
    }
  }
};

/// With h = (x − mean) · factor: dx = beta · dx + factor · (dy ∘ w − mean(dy ∘ w) − h · mean(dy ∘ w ∘ h)).
template <class T>
struct LayerNormBackward {
  const T* x;
  const T* weight;
  const T* statistics;
  const T* dy;
  T beta;
  T* dx;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const T* RECLM_RESTRICT in = x + row * cols;
    const T* RECLM_RESTRICT w = weight;
    const T* RECLM_RESTRICT g = dy + row * cols;
    T* RECLM_RESTRICT d = dx + row * cols;
    const T mean = statistics[2 * row], scale = statistics[2 * row + 1], n = static_cast<T>(cols);
    const T level = team.sum(cols, [=](Index c) { return g[c] * w[c]; }) / n;
    const T along = team.sum(cols, [=](Index c) { return g[c] * w[c] * (in[c] - mean); }) * scale / n;
    if (beta == T(0))
      team.each(cols, [=](Index c) { d[c] = scale * (g[c] * w[c] - level - (in[c] - mean) * scale * along); });
    else
      team.each(cols, [=](Index c) { d[c] += scale * (g[c] * w[c] - level - (in[c] - mean) * scale * along); });
  }
};

/// products = dy ∘ h, whose column sums are the weight's gradient: h = (x − mean) · factor, where a row of `statistics`
/// holds the factor (`width` 1, mean 0) or mean and factor (`width` 2).
template <class T>
struct NormWeightProducts {
  const T* x;
  const T* statistics;
  Index width;
  const T* dy;
  T* products;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const T* RECLM_RESTRICT in = x + row * cols;
    const T* RECLM_RESTRICT g = dy + row * cols;
    T* RECLM_RESTRICT out = products + row * cols;
    const T mean = width == 2 ? statistics[2 * row] : T(0), scale = statistics[width * row + width - 1];
    team.each(cols, [=](Index c) { out[c] = g[c] * (in[c] - mean) * scale; });
  }
};

}  // namespace reclm::kernels
