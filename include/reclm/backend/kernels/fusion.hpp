#pragma once
/// @file fusion.hpp
/// Row kernels of profile fusion: gates between two vectors, mixtures of experts, rows put in place of others.

#include <cmath>

#include "reclm/backend/kernels/elementwise.hpp"
#include "reclm/core/config.hpp"

namespace reclm::kernels {

/// y = σ(x) ∘ a + (1 − σ(x)) ∘ b by row.
template <class T>
struct GatedMix {
  const T* x;
  const T* a;
  const T* b;
  T* y;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const T* RECLM_RESTRICT logits = x + row * cols;
    const T* RECLM_RESTRICT first = a + row * cols;
    const T* RECLM_RESTRICT second = b + row * cols;
    T* RECLM_RESTRICT out = y + row * cols;
    team.each(cols, [=](Index c) { out[c] = second[c] + sigmoid(logits[c]) * (first[c] - second[c]); });
  }
};

/// Terms of GatedMix's gradients, each null where it is not wanted: dx = dy ∘ (a − b) ∘ s(1 − s), da = dy ∘ s,
/// db = dy ∘ (1 − s). What they held is overwritten.
template <class T>
struct GatedMixBackward {
  const T* x;
  const T* a;
  const T* b;
  const T* dy;
  T* dx;
  T* da;
  T* db;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const Index first = row * cols;
    team.each(cols, [=, *this](Index c) {
      const Index k = first + c;
      const T s = sigmoid(x[k]);
      if (dx != nullptr) dx[k] = dy[k] * (a[k] - b[k]) * s * (T(1) - s);
      if (da != nullptr) da[k] = dy[k] * s;
      if (db != nullptr) db[k] = dy[k] * (T(1) - s);
    });
  }
};

/// w = softmax(logits) over the experts of a row; y = Σ_e w_e · x_e. experts: [rows, count · cols], one beside the
/// other.
template <class T>
struct MixExperts {
  const T* logits;
  const T* experts;
  T* weights;
  T* y;
  Index count, cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    using std::exp;
    const T* RECLM_RESTRICT in = logits + row * count;
    T* RECLM_RESTRICT w = weights + row * count;
    T* RECLM_RESTRICT out = y + row * cols;
    const T largest = team.max(count, [=](Index e) { return in[e]; });
    const T total = team.sum(count, [=](Index e) { return exp(in[e] - largest); });
    team.each(cols, [=](Index c) { out[c] = T(0); });
    for (Index e = 0; e < count; ++e) {
      const T weight = exp(in[e] - largest) / total;
      const T* RECLM_RESTRICT expert = experts + (row * count + e) * cols;
      team.each(cols, [=](Index c) { out[c] += weight * expert[c]; });
      if (team.leader()) w[e] = weight;
    }
  }
};

/// d_experts_e = w_e · dy and d_logits_e = w_e · (g_e − Σ_k w_k g_k) with g_e = ⟨dy, x_e⟩; null where not wanted. What
/// they held is overwritten.
template <class T>
struct MixExpertsBackward {
  const T* experts;
  const T* weights;
  const T* dy;
  T* d_logits;
  T* d_experts;
  Index count, cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const T* RECLM_RESTRICT w = weights + row * count;
    const T* RECLM_RESTRICT g = dy + row * cols;
    const auto along = [&](Index e) {
      const T* RECLM_RESTRICT expert = experts + (row * count + e) * cols;
      return team.sum(cols, [=](Index c) { return g[c] * expert[c]; });
    };
    if (d_logits != nullptr) {
      T mean = T(0);
      for (Index e = 0; e < count; ++e) mean += w[e] * along(e);
      for (Index e = 0; e < count; ++e) {
        const T slope = along(e);
        if (team.leader()) d_logits[row * count + e] = w[e] * (slope - mean);
      }
    }
    if (d_experts == nullptr) return;
    for (Index e = 0; e < count; ++e) {
      T* RECLM_RESTRICT out = d_experts + (row * count + e) * cols;
      const T weight = w[e];
      team.each(cols, [=](Index c) { out[c] = weight * g[c]; });
    }
  }
};

/// y[ids[row], :] = value, one row; a null value is zeros. ids distinct.
template <class T>
struct FillRows {
  const T* value;
  const Id* ids;
  T* y;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    T* RECLM_RESTRICT out = y + static_cast<Index>(ids[row]) * cols;
    const T* from = value;
    if (from == nullptr)
      team.each(cols, [=](Index c) { out[c] = T(0); });
    else
      team.each(cols, [=](Index c) { out[c] = from[c]; });
  }
};

}  // namespace reclm::kernels
