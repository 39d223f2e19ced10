#pragma once
/// @file gated.hpp
/// Activations of transformers' inner layers: SwiGLU (Shazeer, 2020) and GELU (Hendrycks and Gimpel, 2016); dropout.

#include <cmath>

#include "reclm/backend/kernels/exponential.hpp"
#include "reclm/core/config.hpp"
#include "reclm/core/philox.hpp"

namespace reclm::kernels {

/// y = silu(gate) ∘ up, silu(x) = x · sigmoid(x).
template <class T>
struct SiluGate {
  const T* gate;
  const T* up;
  T* y;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const T* RECLM_RESTRICT g = gate + row * cols;
    const T* RECLM_RESTRICT u = up + row * cols;
    T* RECLM_RESTRICT out = y + row * cols;
    team.each(cols, [=](Index c) { out[c] = g[c] * fast_sigmoid(g[c]) * u[c]; });
  }
};

/// d_gate and d_up (either may be null), each beta · itself + the gradient. dy may be d_gate or d_up.
template <class T>
struct SiluGateBackward {
  const T* gate;
  const T* up;
  const T* dy;
  T gate_beta, up_beta;
  T* d_gate;
  T* d_up;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const T* g = gate + row * cols;
    const T* u = up + row * cols;
    const T* d = dy + row * cols;
    T* to_gate = d_gate == nullptr ? nullptr : d_gate + row * cols;
    T* to_up = d_up == nullptr ? nullptr : d_up + row * cols;
    const T keep_gate = gate_beta, keep_up = up_beta;
    // Too long for GCC to inline below -O3; a call keeps the loop from being vectorised.
    if (to_gate != nullptr && to_up != nullptr && keep_gate == T(0) && keep_up == T(0)) {
      team.each(cols, [=](Index c) RECLM_INLINE_LAMBDA {
        const T s = fast_sigmoid(g[c]), upstream = d[c];
        to_gate[c] = upstream * u[c] * s * (T(1) + g[c] * (T(1) - s));
        to_up[c] = upstream * g[c] * s;
      });
      return;
    }
    team.each(cols, [=](Index c) RECLM_INLINE_LAMBDA {
      const T s = fast_sigmoid(g[c]), upstream = d[c];
      if (to_gate != nullptr)
        to_gate[c] = (keep_gate == T(0) ? T(0) : to_gate[c]) + upstream * u[c] * s * (T(1) + g[c] * (T(1) - s));
      if (to_up != nullptr) to_up[c] = (keep_up == T(0) ? T(0) : to_up[c]) + upstream * g[c] * s;
    });
  }
};

/// How GELU's Φ is computed: by the error function (BERT) or by a tanh ("gelu_new", GPT-2).
enum class GeluKind { exact, tanh };

/// x · Φ(x) and its derivative.
template <class T>
struct Gelu {
  static constexpr T kRootHalf = T(0.70710678118654752440), kRootTwoOverPi = T(0.79788456080286535588);
  const T* x;
  const T* dy;  ///< null: forward
  GeluKind kind;
  T beta;  ///< backward: of what y held
  T* y;
  Index cols;

  template <GeluKind Kind>
  RECLM_HD static RECLM_ALWAYS_INLINE T value(T v) {
    if constexpr (Kind == GeluKind::exact) return T(0.5) * v * (T(1) + fast_erf(v * kRootHalf));
    return T(0.5) * v * (T(1) + fast_tanh(kRootTwoOverPi * (v + T(0.044715) * v * v * v)));
  }
  template <GeluKind Kind>
  RECLM_HD static RECLM_ALWAYS_INLINE T slope(T v) {
    if constexpr (Kind == GeluKind::exact)
      return T(0.5) * (T(1) + fast_erf(v * kRootHalf)) + v * T(0.39894228040143267794) * fast_exp(T(-0.5) * v * v);
    const T t = fast_tanh(kRootTwoOverPi * (v + T(0.044715) * v * v * v));
    return T(0.5) * (T(1) + t) + T(0.5) * v * (T(1) - t * t) * kRootTwoOverPi * (T(1) + T(3 * 0.044715) * v * v);
  }

  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    if (kind == GeluKind::exact)
      apply<GeluKind::exact>(team, row);
    else
      apply<GeluKind::tanh>(team, row);
  }

 private:
  template <GeluKind Kind, class Team>
  RECLM_HD void apply(Team team, Index row) const {
    const T* RECLM_RESTRICT in = x + row * cols;
    T* RECLM_RESTRICT out = y + row * cols;
    if (dy == nullptr) {
      team.each(cols, [=](Index c) { out[c] = value<Kind>(in[c]); });
      return;
    }
    const T* RECLM_RESTRICT g = dy + row * cols;
    const T keep = beta;
    if (keep == T(0))
      team.each(cols, [=](Index c) { out[c] = g[c] * slope<Kind>(in[c]); });
    else
      team.each(cols, [=](Index c) { out[c] = keep * out[c] + g[c] * slope<Kind>(in[c]); });
  }
};

/// y = beta · y + x ∘ mask / (1 − rate): an element is kept with probability 1 − rate, by the random number of its
/// position. Forward and backward are the same function.
template <class T>
struct Dropout {
  const T* x;
  Random random;
  std::uint64_t first;  ///< the number of element 0
  float rate;
  T beta;
  T* y;
  Index cols;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const T* RECLM_RESTRICT in = x + row * cols;
    T* RECLM_RESTRICT out = y + row * cols;
    const T scale = T(1) / (T(1) - static_cast<T>(rate)), keep = beta;
    const float drop = rate;
    const Random numbers = random;
    // A draw gives four numbers; rows begin anywhere in a block.
    const std::uint64_t begin = first + static_cast<std::uint64_t>(row * cols);
    const auto lead = static_cast<Index>(begin % 4), width = cols;
    team.each((lead + width + 3) / 4, [=](Index block) {
      const PhiloxBlock words = numbers.block(begin / 4 + static_cast<std::uint64_t>(block));
      for (Index lane = 0; lane < 4; ++lane) {
        const Index c = 4 * block + lane - lead;
        if (c < 0 || c >= width) continue;
        const T kept = Random::to_unit(words.word[lane]) < drop ? T(0) : in[c] * scale;
        out[c] = keep == T(0) ? kept : out[c] + kept;
      }
    });
  }
};

}  // namespace reclm::kernels
