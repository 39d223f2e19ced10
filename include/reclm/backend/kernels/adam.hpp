#pragma once
/// @file adam.hpp
/// Adam by rows (Kingma and Ba, ICLR 2015): one step with a gradient, and the replay of steps that a row sat out.

#include <cmath>
#include <cstdint>

#include "reclm/core/config.hpp"

namespace reclm::kernels {

/// What all steps have in common.
template <class T>
struct AdamRates {
  T beta1, beta2, epsilon;
  T l2;     ///< added to the gradient, times the parameter
  T decay;  ///< AdamW: the parameter is multiplied by 1 − decay first (learning rate included); 0 for Adam
};

/// What depends on the step's number t: rate / (1 − β₁ᵗ) and 1 / sqrt(1 − β₂ᵗ).
template <class T>
struct AdamStep {
  T rate, root_scale;
};

/// One element's update. Every path goes through here, so that lazy and dense steps agree.
template <class T>
RECLM_HD RECLM_ALWAYS_INLINE void adam_update(const AdamRates<T>& rates, AdamStep<T> step, T gradient, T& p, T& m,
                                              T& v) {
  using std::sqrt;
  const T g = gradient + rates.l2 * p;
  m = rates.beta1 * m + (T(1) - rates.beta1) * g;
  v = rates.beta2 * v + (T(1) - rates.beta2) * g * g;
  p = p * (T(1) - rates.decay) - step.rate * m / (sqrt(v) * step.root_scale + rates.epsilon);
}

/// Rows of an array, [rows, cols]; a null gradient is zero.
template <class T>
struct AdamDense {
  AdamRates<T> rates;
  AdamStep<T> step;
  const T* gradient;
  T* p;
  T* m;
  T* v;
  Index cols;

  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    T* RECLM_RESTRICT param = p + row * cols;
    T* RECLM_RESTRICT first = m + row * cols;
    T* RECLM_RESTRICT second = v + row * cols;
    const AdamRates<T> r = rates;
    const AdamStep<T> s = step;
    if (gradient == nullptr) {
      team.each(cols, [=](Index c) { adam_update(r, s, T(0), param[c], first[c], second[c]); });
    } else {
      const T* RECLM_RESTRICT g = gradient + row * cols;
      team.each(cols, [=](Index c) { adam_update(r, s, g[c], param[c], first[c], second[c]); });
    }
  }
};

/// The `count` rows `ids` of an array; gradient [ids, cols], row k for ids[k].
template <class T>
struct AdamRows {
  AdamRates<T> rates;
  AdamStep<T> step;
  const Id* ids;
  Index count;
  const T* gradient;
  T* p;
  T* m;
  T* v;
  Index cols;

  template <class Team>
  RECLM_HD void operator()(Team team, Index k) const {
    constexpr Index kAhead = 4;
    if (k + kAhead < count) {
      const Index next = static_cast<Index>(ids[k + kAhead]) * cols;
      team.prefetch(p + next, cols);
      team.prefetch(m + next, cols);
      team.prefetch(v + next, cols);
    }
    const Index row = ids[k];
    T* RECLM_RESTRICT param = p + row * cols;
    T* RECLM_RESTRICT first = m + row * cols;
    T* RECLM_RESTRICT second = v + row * cols;
    const T* RECLM_RESTRICT g = gradient + k * cols;
    const AdamRates<T> r = rates;
    const AdamStep<T> s = step;
    team.each(cols, [=](Index c) { adam_update(r, s, g[c], param[c], first[c], second[c]); });
  }
};

/// Steps since[row] … until − 1 without a gradient for `count` distinct rows (`ids` null: all); where `since` is null,
/// from step `from` on for every row. `steps[t]` are step t's factors, t counted from 0.
///
/// A step waits for a square root and a division of the step before. On the CPU a team takes `kRows` rows, and lots of
/// `kLot` columns of several of them pass together, each from its own step on, so that one lot's steps fill the others'
/// waiting. On a device a team takes a row.
template <class T>
struct AdamReplay {
  static constexpr Index kLot = 16, kRows = 128;
  AdamRates<T> rates;
  const AdamStep<T>* steps;
  const Id* ids;
  Index count;
  std::uint32_t* since;
  std::uint32_t from, until;
  T* p;
  T* m;
  T* v;
  Index cols;

  /// Teams that `count` rows need.
  [[nodiscard]] static constexpr Index teams(Index count, bool on_device) {
    return on_device ? count : (count + kRows - 1) / kRows;
  }

  template <class Team>
  RECLM_HD void operator()(Team team, Index number) const {
#if defined(__CUDA_ARCH__)
    const Index row = ids == nullptr ? number : static_cast<Index>(ids[number]);
    const std::uint32_t begin = since == nullptr ? from : since[row];
    if (begin == until) return;
    columns(team, row * cols, begin, cols);
    team.sync();
    if (since != nullptr && team.leader()) since[row] = until;
#else
    const Index end = count - number * kRows < kRows ? count : (number + 1) * kRows;
    Lot lots[kTogether];
    int held = 0;
    for (Index k = number * kRows; k < end; ++k) {
      fetch_ahead(team, k);
      const Index row = ids == nullptr ? k : static_cast<Index>(ids[k]);
      const std::uint32_t begin = since == nullptr ? from : since[row];
      if (begin == until) continue;
      Index first = 0;
      for (; first + kLot <= cols; first += kLot) {
        lots[held] = {row * cols + first, begin};
        if (++held == kTogether) held = pass(team, lots);
      }
      if (first < cols) columns(team, row * cols + first, begin, cols - first);
    }
    for (int k = 0; k < held; ++k) advance<1>(team, lots + k, until - lots[k].step);
    team.sync();
    if (since == nullptr || !team.leader()) return;
    for (Index k = number * kRows; k < end; ++k) since[ids == nullptr ? k : static_cast<Index>(ids[k])] = until;
#endif
  }

 private:
  // As many lots as registers hold.
#if defined(__AVX512F__)
  static constexpr int kTogether = 4;
#else
  static constexpr int kTogether = 2;
#endif

  struct Lot {
    Index at;            // of its first element
    std::uint32_t step;  // the next to pass
  };

  // All lots pass steps until one has passed its last. @returns how many lots, moved to the front, have steps left
  template <class Team>
  RECLM_ALWAYS_INLINE int pass(Team team, Lot* lots) const {
    std::uint32_t left = until - lots[0].step;
    for (int k = 1; k < kTogether; ++k) left = until - lots[k].step < left ? until - lots[k].step : left;
    advance<kTogether>(team, lots, left);
    int held = 0;
    for (int k = 0; k < kTogether; ++k) {
      lots[k].step += left;
      if (lots[k].step < until) lots[held++] = lots[k];
    }
    return held;
  }

  template <int Lots, class Team>
  RECLM_ALWAYS_INLINE void advance(Team team, const Lot* lots, std::uint32_t n) const {
    const AdamRates<T> r = rates;
    T param[Lots][kLot], first[Lots][kLot], second[Lots][kLot];
    const AdamStep<T>* step[Lots];
#pragma GCC unroll 4
    for (int lot = 0; lot < Lots; ++lot) {
      const Index start = lots[lot].at;
      step[lot] = steps + lots[lot].step;
      team.each(kLot, [&](Index c) {
        param[lot][c] = p[start + c];
        first[lot][c] = m[start + c];
        second[lot][c] = v[start + c];
      });
    }
    for (std::uint32_t t = 0; t < n; ++t) {
#pragma GCC unroll 4
      for (int lot = 0; lot < Lots; ++lot) {
        const AdamStep<T> s = step[lot][t];
        team.each(kLot, [&](Index c) { adam_update(r, s, T(0), param[lot][c], first[lot][c], second[lot][c]); });
      }
    }
#pragma GCC unroll 4
    for (int lot = 0; lot < Lots; ++lot) {
      const Index start = lots[lot].at;
      team.each(kLot, [&](Index c) {
        p[start + c] = param[lot][c];
        m[start + c] = first[lot][c];
        v[start + c] = second[lot][c];
      });
    }
  }

  // Rows come in random order; without a hint each would wait for memory three times, and for its step before.
  template <class Team>
  RECLM_HD RECLM_ALWAYS_INLINE void fetch_ahead(Team team, Index k) const {
    constexpr Index kAhead = 6;
    if (ids == nullptr || k + 2 * kAhead >= count) return;
    if (since != nullptr) team.prefetch(since + ids[k + 2 * kAhead], 1);
    const Index at = static_cast<Index>(ids[k + kAhead]) * cols;
    team.prefetch(p + at, cols);
    team.prefetch(m + at, cols);
    team.prefetch(v + at, cols);
  }

  // Columns by themselves: the rest behind the last lot, on a device all.
  template <class Team>
  RECLM_HD RECLM_ALWAYS_INLINE void columns(Team team, Index at, std::uint32_t begin, Index n) const {
    const AdamRates<T> r = rates;
    team.each(n, [=, *this](Index c) {
      T param = p[at + c], first = m[at + c], second = v[at + c];
      for (std::uint32_t t = begin; t < until; ++t) adam_update(r, steps[t], T(0), param, first, second);
      p[at + c] = param;
      m[at + c] = first;
      v[at + c] = second;
    });
  }
};

/// to[ids[row]] = value.
struct SetRows {
  const Id* ids;
  std::uint32_t value;
  std::uint32_t* to;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    if (team.leader()) to[ids[row]] = value;
  }
};

}  // namespace reclm::kernels
