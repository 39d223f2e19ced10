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

/// The rows `ids` of an array; gradient [ids, cols], row k for ids[k].
template <class T>
struct AdamRows {
  AdamRates<T> rates;
  AdamStep<T> step;
  const Id* ids;
  const T* gradient;
  T* p;
  T* m;
  T* v;
  Index cols;

  template <class Team>
  RECLM_HD void operator()(Team team, Index k) const {
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

/// Steps since[row] … until − 1 without a gradient for `count` rows (`ids` null: all); where `since` is null, from step
/// `from` on for every row. `steps[t]` are step t's factors, t counted from 0. Two lots of `kLot` columns pass at a
/// time: a lot stays in registers while its steps pass, and two hide each other's square roots and divisions.
template <class T>
struct AdamReplay {
  static constexpr int kLot = 16;
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

  template <class Team>
  RECLM_HD void operator()(Team team, Index k) const {
    const Index row = ids == nullptr ? k : static_cast<Index>(ids[k]);
    fetch_ahead(team, k);
    const std::uint32_t begin = since == nullptr ? from : since[row];
    if (begin == until) return;
    Index first = 0;
    for (; first + 2 * kLot <= cols; first += 2 * kLot) lots<2>(team, row * cols + first, begin);
    for (; first + kLot <= cols; first += kLot) lots<1>(team, row * cols + first, begin);
    if (first < cols) rest(team, row * cols + first, begin, cols - first);
    team.sync();
    if (since != nullptr && team.leader()) since[row] = until;
  }

 private:
  // Rows come in random order; without a hint each would wait for memory three times.
  template <class Team>
  RECLM_HD RECLM_ALWAYS_INLINE void fetch_ahead(Team team, Index k) const {
    constexpr Index kAhead = 4;
    if (ids == nullptr || k + kAhead >= count) return;
    const Index at = static_cast<Index>(ids[k + kAhead]) * cols;
    team.prefetch(p + at, cols);
    team.prefetch(m + at, cols);
    team.prefetch(v + at, cols);
  }

  template <class Team>
  RECLM_HD RECLM_ALWAYS_INLINE void rest(Team team, Index at, std::uint32_t begin, Index n) const {
    const AdamRates<T> r = rates;
    team.each(n, [=, *this](Index c) {
      T param = p[at + c], first = m[at + c], second = v[at + c];
      for (std::uint32_t t = begin; t < until; ++t) adam_update(r, steps[t], T(0), param, first, second);
      p[at + c] = param;
      m[at + c] = first;
      v[at + c] = second;
    });
  }

  template <int Lots, class Team>
  RECLM_HD RECLM_ALWAYS_INLINE void lots(Team team, Index at, std::uint32_t begin) const {
#if defined(__CUDA_ARCH__)
    rest(team, at, begin, Index{Lots * kLot});
#else
    const AdamRates<T> r = rates;
    T param[Lots][kLot], first[Lots][kLot], second[Lots][kLot];
    for (int lot = 0; lot < Lots; ++lot) {
      const Index start = at + lot * kLot;
      team.each(kLot, [&](Index c) {
        param[lot][c] = p[start + c];
        first[lot][c] = m[start + c];
        second[lot][c] = v[start + c];
      });
    }
    for (std::uint32_t t = begin; t < until; ++t) {
      const AdamStep<T> s = steps[t];
#pragma GCC unroll 2
      for (int lot = 0; lot < Lots; ++lot)
        team.each(kLot, [&](Index c) { adam_update(r, s, T(0), param[lot][c], first[lot][c], second[lot][c]); });
    }
    for (int lot = 0; lot < Lots; ++lot) {
      const Index start = at + lot * kLot;
      team.each(kLot, [&](Index c) {
        p[start + c] = param[lot][c];
        m[start + c] = first[lot][c];
        v[start + c] = second[lot][c];
      });
    }
#endif
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
