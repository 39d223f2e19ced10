#pragma once
/// @file elementwise.hpp
/// Row kernels that treat each element by itself, and the scalar functions they share. Rows are contiguous, `cols`
/// wide.

#include <cmath>

#include "reclm/core/config.hpp"

namespace reclm::kernels {

/// log(1 + e^x), without overflow.
template <class T>
RECLM_HD T softplus(T x) {
  using std::exp, std::log1p;
  return x > T(0) ? x + log1p(exp(-x)) : log1p(exp(x));
}

/// 1 / (1 + e^-x), without overflow.
template <class T>
RECLM_HD T sigmoid(T x) {
  using std::exp;
  if (x >= T(0)) return T(1) / (T(1) + exp(-x));
  const T e = exp(x);
  return e / (T(1) + e);
}

/// y += factor · x.
template <class T>
struct AddScaled {
  const T* x;
  T factor;
  T* y;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const T* RECLM_RESTRICT in = x + row * cols;
    T* RECLM_RESTRICT out = y + row * cols;
    team.each(cols, [=, *this](Index c) { out[c] += factor * in[c]; });
  }
};

/// y = beta · y + factor · x; beta 0 overwrites whatever y held.
template <class T>
struct ScaleInto {
  const T* x;
  T factor;
  T beta;
  T* y;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const T* RECLM_RESTRICT in = x + row * cols;
    T* RECLM_RESTRICT out = y + row * cols;
    if (beta == T(0))
      team.each(cols, [=, *this](Index c) { out[c] = factor * in[c]; });
    else
      team.each(cols, [=, *this](Index c) { out[c] = beta * out[c] + factor * in[c]; });
  }
};

/// y = relu(y + bias), or y + bias when `relu` is false; a null bias is none. NaN stays NaN, for the loss to show it.
template <class T>
struct BiasActivation {
  const T* bias;
  bool relu;
  T* y;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    T* RECLM_RESTRICT out = y + row * cols;
    const T* RECLM_RESTRICT shift = bias;
    if (shift == nullptr) {
      team.each(cols, [=](Index c) { out[c] = out[c] < T(0) ? T(0) : out[c]; });
    } else if (relu) {
      team.each(cols, [=](Index c) {
        const T x = out[c] + shift[c];
        out[c] = x < T(0) ? T(0) : x;
      });
    } else {
      team.each(cols, [=](Index c) { out[c] += shift[c]; });
    }
  }
};

/// dx = dy where y > 0, else 0.
template <class T>
struct ReluBackward {
  const T* y;
  const T* dy;
  T* dx;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const T* RECLM_RESTRICT out = y + row * cols;
    const T* RECLM_RESTRICT g = dy + row * cols;
    T* RECLM_RESTRICT d = dx + row * cols;
    team.each(cols, [=](Index c) { d[c] = out[c] > T(0) ? g[c] : T(0); });
  }
};

}  // namespace reclm::kernels
