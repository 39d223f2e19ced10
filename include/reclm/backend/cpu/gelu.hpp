#pragma once
/// @file gelu.hpp
/// GELU by registers as wide as the processor's: row kernels (kernels/gated.hpp) are vectorised as the compiler
/// prefers, which on many processors is half as wide.

#include <cstdint>

#include "reclm/backend/cpu/simd.hpp"
#include "reclm/core/config.hpp"

namespace reclm::cpu {

/// x · Φ(x) lane by lane, Φ by the error function: at most 5e-7 · |x| from the exact value (Abramowitz and Stegun,
/// 7.1.26); NaN stays NaN.
RECLM_ALWAYS_INLINE simd::Vector<float> gelu(simd::Vector<float> x) {
  using V = simd::Vector<float>;
  using I = simd::Integers<float>;
  V size = x < 0.0f ? -x : x;
  size = size * 0.70710678f;
  size = size < 16.0f ? size : simd::splat(16.0f);  // there the error function is 1
  // 1 / d by Newton's steps from a guess that reverses the exponent (kernels::fast_reciprocal).
  const V d = size * 0.3275911f + 1.0f;
  V t = reinterpret_cast<V>(std::int32_t{0x7EF3'11C7} - reinterpret_cast<I>(d));
  t = t * (2.0f - d * t);
  t = t * (2.0f - d * t);
  t = t + t * (1.0f - d * t);
  V p = t * 1.061405429f - 1.453152027f;
  p = p * t + 1.421413741f;
  p = p * t - 0.284496736f;
  p = p * t + 0.254829592f;
  const V tail = p * t * simd::exp<float>(-size * size), half = (x < 1e30f ? x : simd::splat(1e30f)) * 0.5f;
  // 1 + erf: 2 − tail to the right of 0, tail to its left.
  return x < 0.0f ? half * tail : x + -half * tail;
}

/// x[i] = gelu(x[i]) for i < n.
inline void gelu(float* x, Index n) {
  constexpr Index lanes = simd::kLanes<float>;
  Index i = 0;
  for (; i + lanes <= n; i += lanes) simd::store<float>(x + i, gelu(simd::load(x + i)));
  for (; i < n; ++i) x[i] = gelu(simd::splat(x[i]))[0];
}

}  // namespace reclm::cpu
