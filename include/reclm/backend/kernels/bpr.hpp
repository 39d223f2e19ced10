#pragma once
/// @file bpr.hpp
/// Row kernels of the pairwise loss over triples (user, positive, negative): scores of both pairs, their difference's
/// loss, and gradients gathered by row. Source: Rendle et al., "BPR", UAI 2009.

#include "reclm/backend/kernels/elementwise.hpp"
#include "reclm/core/config.hpp"

namespace reclm::kernels {

/// What pairs are scored with: s(u, i) = Σ_c w_c u_c i_c + Σ_k relu(user_hidden_uk + item_hidden_ik).
/// Null `weight` means ones, null hidden parts none. Triple b is (user_of[b], positive_of[b], negative_of[b]).
template <class T>
struct BprInput {
  const T* users;
  const T* items;
  const T* weight;
  const T* user_hidden;
  const T* item_hidden;
  Index width, hidden;
  const Id* user_of;
  const Id* positive_of;
  const Id* negative_of;
  Index triples;
};

/// loss[b] = softplus(−m) + (1 − target_b) · m with m = s⁺ − s⁻, slope[b] = its derivative by m; null targets are ones.
template <class T>
struct BprForward {
  BprInput<T> in;
  T* loss;
  T* slope;
  const T* targets = nullptr;

  template <class Team>
  RECLM_HD void operator()(Team team, Index b) const {
    const Index user = in.user_of[b], positive = in.positive_of[b], negative = in.negative_of[b];
    const T* RECLM_RESTRICT u = in.users + user * in.width;
    const T* RECLM_RESTRICT p = in.items + positive * in.width;
    const T* RECLM_RESTRICT n = in.items + negative * in.width;
    const T* RECLM_RESTRICT w = in.weight;
    T margin = w == nullptr ? team.sum(in.width, [=](Index c) { return u[c] * (p[c] - n[c]); })
                            : team.sum(in.width, [=](Index c) { return w[c] * u[c] * (p[c] - n[c]); });
    if (in.hidden > 0) {
      const T* RECLM_RESTRICT hu = in.user_hidden + user * in.hidden;
      const T* RECLM_RESTRICT hp = in.item_hidden + positive * in.hidden;
      const T* RECLM_RESTRICT hn = in.item_hidden + negative * in.hidden;
      margin += team.sum(in.hidden, [=](Index k) {
        const T a = hu[k] + hp[k], c = hu[k] + hn[k];
        return (a < T(0) ? T(0) : a) - (c < T(0) ? T(0) : c);
      });
    }
    if (!team.leader()) return;
    loss[b] = softplus(-margin);
    slope[b] = -sigmoid(-margin);
    if (targets == nullptr) return;
    loss[b] += (T(1) - targets[b]) * margin;
    slope[b] += T(1) - targets[b];
  }
};

/// Rows of the users' gradient before the weight: out[row, :] = factor · Σ_b slope_b (p_b − n_b) over the triples of
/// user `row` (offsets/members: their inverted index).
template <class T>
struct BprUserGradient {
  BprInput<T> in;
  const T* slope;
  const Index* offsets;
  const Id* members;
  T factor;
  T* out;

  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    T* RECLM_RESTRICT g = out + row * in.width;
    team.each(in.width, [=](Index c) { g[c] = T(0); });
    for (Index k = offsets[row]; k < offsets[row + 1]; ++k) {
      const Index b = members[k];
      const T* RECLM_RESTRICT p = in.items + in.positive_of[b] * in.width;
      const T* RECLM_RESTRICT n = in.items + in.negative_of[b] * in.width;
      const T s = factor * slope[b];
      team.each(in.width, [=](Index c) { g[c] += s * (p[c] - n[c]); });
    }
  }
};

/// Rows of the items' gradient before the weight: out[row, :] = factor · Σ ±slope_b u_b; member k < triples is the
/// positive of triple k, k ≥ triples the negative of triple k − triples.
template <class T>
struct BprItemGradient {
  BprInput<T> in;
  const T* slope;
  const Index* offsets;
  const Id* members;
  T factor;
  T* out;

  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    T* RECLM_RESTRICT g = out + row * in.width;
    team.each(in.width, [=](Index c) { g[c] = T(0); });
    for (Index k = offsets[row]; k < offsets[row + 1]; ++k) {
      const bool positive = members[k] < in.triples;
      const Index b = positive ? members[k] : members[k] - in.triples;
      const T* RECLM_RESTRICT u = in.users + in.user_of[b] * in.width;
      const T s = positive ? factor * slope[b] : -factor * slope[b];
      team.each(in.width, [=](Index c) { g[c] += s * u[c]; });
    }
  }
};

/// out[row, :] = beta · out + factor · Σ_b slope_b (1[hu + hp > 0] − 1[hu + hn > 0]) over the triples of user `row`.
template <class T>
struct BprUserHiddenGradient {
  BprInput<T> in;
  const T* slope;
  const Index* offsets;
  const Id* members;
  T factor;
  T beta;
  T* out;

  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    T* RECLM_RESTRICT g = out + row * in.hidden;
    const T* RECLM_RESTRICT hu = in.user_hidden + row * in.hidden;
    if (beta == T(0)) team.each(in.hidden, [=](Index k) { g[k] = T(0); });
    for (Index m = offsets[row]; m < offsets[row + 1]; ++m) {
      const Index b = members[m];
      const T* RECLM_RESTRICT hp = in.item_hidden + in.positive_of[b] * in.hidden;
      const T* RECLM_RESTRICT hn = in.item_hidden + in.negative_of[b] * in.hidden;
      const T s = factor * slope[b];
      team.each(in.hidden,
                [=](Index k) { g[k] += (hu[k] + hp[k] > T(0) ? s : T(0)) - (hu[k] + hn[k] > T(0) ? s : T(0)); });
    }
  }
};

/// out[row, :] = beta · out + factor · Σ ±slope_b 1[hu_b + hi > 0]; members as in BprItemGradient.
template <class T>
struct BprItemHiddenGradient {
  BprInput<T> in;
  const T* slope;
  const Index* offsets;
  const Id* members;
  T factor;
  T beta;
  T* out;

  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    T* RECLM_RESTRICT g = out + row * in.hidden;
    const T* RECLM_RESTRICT hi = in.item_hidden + row * in.hidden;
    if (beta == T(0)) team.each(in.hidden, [=](Index k) { g[k] = T(0); });
    for (Index m = offsets[row]; m < offsets[row + 1]; ++m) {
      const bool positive = members[m] < in.triples;
      const Index b = positive ? members[m] : members[m] - in.triples;
      const T* RECLM_RESTRICT hu = in.user_hidden + in.user_of[b] * in.hidden;
      const T s = positive ? factor * slope[b] : -factor * slope[b];
      team.each(in.hidden, [=](Index k) { g[k] += hu[k] + hi[k] > T(0) ? s : T(0); });
    }
  }
};

/// d[row, :] = beta · d[row, :] + w ∘ g[row, :]; a null w is ones.
template <class T>
struct WeightColumns {
  const T* g;
  const T* w;
  T beta;
  T* d;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const T* RECLM_RESTRICT in = g + row * cols;
    const T* RECLM_RESTRICT weight = w;
    T* RECLM_RESTRICT out = d + row * cols;
    if (beta == T(0)) team.each(cols, [=](Index c) { out[c] = T(0); });
    if (weight == nullptr)
      team.each(cols, [=](Index c) { out[c] += in[c]; });
    else
      team.each(cols, [=](Index c) { out[c] += weight[c] * in[c]; });
  }
};

/// g[row, :] = g[row, :] ∘ x[row, :].
template <class T>
struct MultiplyRows {
  const T* x;
  T* g;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const T* RECLM_RESTRICT in = x + row * cols;
    T* RECLM_RESTRICT out = g + row * cols;
    team.each(cols, [=](Index c) { out[c] *= in[c]; });
  }
};

}  // namespace reclm::kernels
