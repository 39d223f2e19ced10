#pragma once
/// @file exponential.hpp
/// eˣ for row kernels, in a form that compilers vectorise, and what is made of it.

#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "reclm/core/config.hpp"

namespace reclm::kernels {

/// eˣ. float on the CPU: at most 2 units in the last place from exp(x) on [−87.3, 88.7], the value of the nearest
/// border outside, NaN of NaN; the formula of simd::exp (cpu/simd.hpp) an element at a time. double, and on a device:
/// the library's.
template <class T>
RECLM_HD RECLM_ALWAYS_INLINE T fast_exp(T x) {
#if !defined(__CUDA_ARCH__)
  if constexpr (std::is_same_v<T, float>) {
    constexpr float kRound = 12582912.0f;  // 1.5 · 2²³: rounds a sum to 1
    // Borders by minima of the bits, as unsigned (below: the more negative, the larger) and as signed: comparisons of
    // floats, and std::min with a constant, become branches, which keep GCC from vectorising the loops around.
    constexpr auto kLowest = std::bit_cast<std::uint32_t>(-87.33654f);
    constexpr auto kHighest = std::bit_cast<std::int32_t>(88.72283f);
    const auto bits = std::bit_cast<std::uint32_t>(x);
    const auto above = static_cast<std::int32_t>(bits - ((bits - kLowest) & (0u - std::uint32_t{bits > kLowest})));
    const auto limited = static_cast<std::uint32_t>(above);
    x = std::bit_cast<float>(
        limited - ((limited - static_cast<std::uint32_t>(kHighest)) & (0u - std::uint32_t{above > kHighest})));
    const float shifted = x * 1.44269504f + kRound;
    const std::int32_t n = std::bit_cast<std::int32_t>(shifted) - std::bit_cast<std::int32_t>(kRound);
    const float whole = static_cast<float>(n);
    float r = x - whole * 0.693145752f;
    r = r - whole * 1.42860677e-6f;
    float p = r * 0.00138143206f + 0.00836885069f;
    p = p * r + 0.0416684002f;
    p = p * r + 0.16666519642f;
    p = p * r + 0.4999999404f;
    p = p * (r * r) + r;
    p = p + 1.0f;
    // What is no number stays none.
    const std::uint32_t unknown = 0u - std::uint32_t{(bits & 0x7FFF'FFFFu) > 0x7F80'0000u};
    const auto power = static_cast<std::uint32_t>(std::bit_cast<std::int32_t>(p) + (n << 23));
    return std::bit_cast<float>(power | (unknown & 0x7FC0'0000u));
  }
#endif
  using std::exp;
  return exp(x);
}

namespace detail {

/// x, or `most` where that is less, for x ≥ 0; NaN becomes `most` too. By the bits, see fast_exp.
RECLM_HD RECLM_ALWAYS_INLINE float at_most(float x, float most) {
  const auto bits = std::bit_cast<std::uint32_t>(x), limit = std::bit_cast<std::uint32_t>(most);
  return std::bit_cast<float>(bits - ((bits - limit) & (0u - std::uint32_t{bits > limit})));
}

/// NaN where x is, else y.
RECLM_HD RECLM_ALWAYS_INLINE float unless_unknown(float x, float y) {
  const std::uint32_t unknown = 0u - std::uint32_t{(std::bit_cast<std::uint32_t>(x) & 0x7FFF'FFFFu) > 0x7F80'0000u};
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(y) | (unknown & 0x7FC0'0000u));
}

}  // namespace detail

/// 1 / x for x in [1, 2¹⁰⁰]. float on the CPU: at most 2 units in the last place, by Newton's steps from a guess that
/// reverses the exponent, for a vector's division takes as long as two dozen other instructions.
template <class T>
RECLM_HD RECLM_ALWAYS_INLINE T fast_reciprocal(T x) {
#if !defined(__CUDA_ARCH__)
  if constexpr (std::is_same_v<T, float>) {
    float y = std::bit_cast<float>(0x7EF3'11C7u - std::bit_cast<std::uint32_t>(x));
    y = y * (2.0f - x * y);
    y = y * (2.0f - x * y);
    return y + y * (1.0f - x * y);
  }
#endif
  return T(1) / x;
}

/// 1 / (1 + e^−x). float on the CPU: not below 2^−100.
template <class T>
RECLM_HD RECLM_ALWAYS_INLINE T fast_sigmoid(T x) {
#if !defined(__CUDA_ARCH__)
  if constexpr (std::is_same_v<T, float>)
    return detail::unless_unknown(x, fast_reciprocal(detail::at_most(1.0f + fast_exp(-x), 0x1p100f)));
#endif
  return T(1) / (T(1) + fast_exp(-x));
}

/// tanh x = 2 · sigmoid(2x) − 1.
template <class T>
RECLM_HD RECLM_ALWAYS_INLINE T fast_tanh(T x) {
  return T(2) * fast_sigmoid(T(2) * x) - T(1);
}

/// The error function. float on the CPU: at most 6e-7 from erf(x) (Abramowitz and Stegun, 7.1.26). double, and on a
/// device: the library's.
template <class T>
RECLM_HD RECLM_ALWAYS_INLINE T fast_erf(T x) {
#if !defined(__CUDA_ARCH__)
  if constexpr (std::is_same_v<T, float>) {
    const auto sign = std::bit_cast<std::uint32_t>(x) & 0x8000'0000u;
    const float size = detail::at_most(std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) ^ sign), 16.0f);
    const float t = fast_reciprocal(1.0f + 0.3275911f * size);
    float p = t * 1.061405429f - 1.453152027f;
    p = p * t + 1.421413741f;
    p = p * t - 0.284496736f;
    p = p * t + 0.254829592f;
    const float value = 1.0f - p * t * fast_exp(-size * size);
    return detail::unless_unknown(x, std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) ^ sign));
  }
#endif
  using std::erf;
  return erf(x);
}

}  // namespace reclm::kernels
