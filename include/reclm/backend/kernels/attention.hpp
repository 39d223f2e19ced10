#pragma once
/// @file attention.hpp
/// Causal attention within segments of a packed batch, grouped queries: softmax(scale · q · kᵀ) · v, a row of scores at
/// a time, so that no matrix of scores is ever in memory. For any backend; cpu/attention.hpp is the CPU's faster form.

#include <cmath>
#include <span>

#include "reclm/backend/kernels/exponential.hpp"
#include "reclm/core/config.hpp"

namespace reclm {

/// Queries [tokens, heads · head_width], keys and values [tokens, kv_heads · head_width]; head h reads the keys of head
/// h / (heads / kv_heads). Token i sees its segment's prefix, prefix_begin[i] … prefix_end[i] − 1, and the tokens from
/// begin[i] to i; of the latter the last `window` unless it is 0.
template <class T>
struct AttentionInput {
  const T* q = nullptr;
  const T* k = nullptr;
  const T* v = nullptr;
  Index tokens = 0, heads = 0, kv_heads = 0, head_width = 0, window = 0;
  T scale = 1;
  const Id* begin = nullptr;  ///< by token: first token of its segment
  const Id* end = nullptr;    ///< by token: one behind the last that may see it
  const Id* prefix_begin = nullptr;
  const Id* prefix_end = nullptr;
  std::span<const Index> borders = {};   ///< the segments' borders once more, on the host
  std::span<const Index> families = {};  ///< see Segments; on the host

  /// The first key of its own segment that token i sees.
  [[nodiscard]] RECLM_HD Index first_key(Index i) const {
    const Index first = begin[i];
    return window > 0 && i - window + 1 > first ? i - window + 1 : first;
  }
  /// visit(j) for the keys that token i sees.
  template <class Visit>
  RECLM_HD void each_key(Index i, const Visit& visit) const {
    for (Index j = prefix_begin[i]; j < prefix_end[i]; ++j) visit(j);
    for (Index j = first_key(i); j <= i; ++j) visit(j);
  }
  /// One behind the last token that sees key j.
  [[nodiscard]] RECLM_HD Index query_end(Index j) const {
    const Index last = end[j];
    return window > 0 && j + window < last ? j + window : last;
  }
};

namespace kernels {

/// Row (token · heads + head): y [tokens, heads · head_width]; log_sums[row] = log Σ exp of its scores.
template <class T>
struct Attention {
  AttentionInput<T> in;
  T* y;
  T* log_sums;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    using std::log;
    const Index token = row / in.heads, head = row % in.heads, width = in.head_width;
    const Index kv_head = head / (in.heads / in.kv_heads), step = in.kv_heads * width;
    const T* RECLM_RESTRICT q = in.q + row * width;
    T* RECLM_RESTRICT out = y + row * width;
    T largest(0), total(0);
    team.each(width, [=](Index c) { out[c] = T(0); });
    in.each_key(token, [&](Index j) {
      const T* RECLM_RESTRICT k = in.k + j * step + kv_head * width;
      const T* RECLM_RESTRICT v = in.v + j * step + kv_head * width;
      const T score = in.scale * team.sum(width, [=](Index c) { return q[c] * k[c]; });
      const bool first = total == T(0);
      const T before = largest;
      largest = first || score > largest ? score : largest;
      const T keep = first ? T(0) : fast_exp(before - largest), p = fast_exp(score - largest);
      total = total * keep + p;
      team.each(width, [=](Index c) { out[c] = out[c] * keep + p * v[c]; });
    });
    const T inverse = T(1) / total;
    team.each(width, [=](Index c) { out[c] *= inverse; });
    if (team.leader()) log_sums[row] = largest + log(total);
  }
};

/// Row (token · heads + head): dq, and along[row] = ⟨dy, y⟩, which AttentionKeysBackward reads.
template <class T>
struct AttentionQueriesBackward {
  AttentionInput<T> in;
  const T* y;
  const T* log_sums;
  const T* dy;
  T* dq;
  T* along;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const Index token = row / in.heads, head = row % in.heads, width = in.head_width;
    const Index kv_head = head / (in.heads / in.kv_heads), step = in.kv_heads * width;
    const T* RECLM_RESTRICT q = in.q + row * width;
    const T* RECLM_RESTRICT g = dy + row * width;
    const T* RECLM_RESTRICT out = y + row * width;
    T* RECLM_RESTRICT d = dq + row * width;
    const T level = team.sum(width, [=](Index c) { return g[c] * out[c]; });
    team.each(width, [=](Index c) { d[c] = T(0); });
    in.each_key(token, [&](Index j) {
      const T* RECLM_RESTRICT k = in.k + j * step + kv_head * width;
      const T* RECLM_RESTRICT v = in.v + j * step + kv_head * width;
      const T score = in.scale * team.sum(width, [=](Index c) { return q[c] * k[c]; });
      const T slope = team.sum(width, [=](Index c) { return g[c] * v[c]; }) - level;
      const T ds = in.scale * fast_exp(score - log_sums[row]) * slope;
      team.each(width, [=](Index c) { d[c] += ds * k[c]; });
    });
    if (team.leader()) along[row] = level;
  }
};

/// Row (token · kv_heads + kv_head): dk and dv.
template <class T>
struct AttentionKeysBackward {
  AttentionInput<T> in;
  const T* log_sums;
  const T* along;
  const T* dy;
  T* dk;
  T* dv;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const Index token = row / in.kv_heads, kv_head = row % in.kv_heads, width = in.head_width;
    const Index group = in.heads / in.kv_heads, last = in.query_end(token);
    const T* RECLM_RESTRICT k = in.k + row * width;
    const T* RECLM_RESTRICT v = in.v + row * width;
    T* RECLM_RESTRICT to_k = dk + row * width;
    T* RECLM_RESTRICT to_v = dv + row * width;
    team.each(width, [=](Index c) { to_k[c] = to_v[c] = T(0); });
    for (Index head = kv_head * group; head < (kv_head + 1) * group; ++head)
      for (Index i = token; i < last; ++i) {
        const Index query = i * in.heads + head;
        const T* RECLM_RESTRICT q = in.q + query * width;
        const T* RECLM_RESTRICT g = dy + query * width;
        const T score = in.scale * team.sum(width, [=](Index c) { return q[c] * k[c]; });
        const T p = fast_exp(score - log_sums[query]);
        const T ds = in.scale * p * (team.sum(width, [=](Index c) { return g[c] * v[c]; }) - along[query]);
        team.each(width, [=](Index c) {
          to_v[c] += p * g[c];
          to_k[c] += ds * q[c];
        });
      }
  }
};

}  // namespace kernels
}  // namespace reclm
