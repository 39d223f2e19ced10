#pragma once
/// @file contrast.hpp
/// Row kernel of InfoNCE against sampled negatives.

#include <cmath>
#include <limits>

#include "reclm/core/config.hpp"

namespace reclm::kernels {

/// Row b: scores [count] of its anchor with the negatives become their softmax weights beside the positive's score
/// s = ⟨u, p⟩, all times `scale`. A negative that is the positive itself (equal ids) takes no part.
///
/// loss = log(e^{scale·s} + Σ_j e^{scale·s_j}) − scale·s; rest = weight of the positive − 1; slope = the derivative by
/// log(scale).
template <class T>
struct SampledContrast {
  const T* u;
  const T* p;
  T* scores;  ///< [rows, count], overwritten with the weights
  const Id* positive_ids;
  const Id* negative_ids;
  T scale;
  T* loss;
  T* rest;
  T* slope;
  Index count, cols;

  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    using std::exp, std::log;
    const T* RECLM_RESTRICT a = u + row * cols;
    const T* RECLM_RESTRICT b = p + row * cols;
    T* RECLM_RESTRICT s = scores + row * count;
    const Id own = positive_ids[row];
    const Id* RECLM_RESTRICT others = negative_ids;
    const T factor = scale;
    constexpr T kNone = -std::numeric_limits<T>::max();
    const T positive = factor * team.sum(cols, [=](Index c) { return a[c] * b[c]; });
    const T among = team.max(count, [=](Index j) { return others[j] == own ? kNone : factor * s[j]; });
    const T largest = among > positive ? among : positive;
    const T mine = exp(positive - largest);
    const T total =
        mine + team.sum(count, [=](Index j) { return others[j] == own ? T(0) : exp(factor * s[j] - largest); });
    const T mean = team.sum(
        count, [=](Index j) { return others[j] == own ? T(0) : exp(factor * s[j] - largest) * factor * s[j]; });
    team.each(count, [=](Index j) { s[j] = others[j] == own ? T(0) : exp(factor * s[j] - largest) / total; });
    if (!team.leader()) return;
    loss[row] = log(total) + largest - positive;
    rest[row] = mine / total - T(1);
    slope[row] = (mine * positive + mean) / total - positive;
  }
};

/// y[row, :] = beta · y[row, :] + factor · weight[row] · x[row, :], beta 0 or 1.
template <class T>
struct AddRowMultiple {
  const T* x;
  const T* weight;
  T factor;
  T beta;
  T* y;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const T* RECLM_RESTRICT in = x + row * cols;
    T* RECLM_RESTRICT out = y + row * cols;
    const T w = factor * weight[row];
    const T keep = beta;
    if (keep == T(0))
      team.each(cols, [=](Index c) { out[c] = w * in[c]; });
    else
      team.each(cols, [=](Index c) { out[c] += w * in[c]; });
  }
};

}  // namespace reclm::kernels
