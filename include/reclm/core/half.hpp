#pragma once
/// @file half.hpp
/// 16-bit floating-point formats: binary16 and bfloat16, to float and from it.

#include <bit>
#include <cstdint>

namespace reclm {

/// IEEE 754 binary16, subnormals, infinities and NaN included.
inline float from_half(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1Fu;
  const std::uint32_t fraction = half & 0x3FFu;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t widened = exponent == 31 ? 255u : exponent + 112u;  // biases 15 and 127
  return std::bit_cast<float>(sign | (widened << 23) | (fraction << 13));
}

/// float → binary16, to the nearest, ties to even; too large becomes infinity, NaN stays NaN.
inline std::uint16_t to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7FFF'FFFFu;
  if (magnitude > 0x7F80'0000u) return static_cast<std::uint16_t>(sign | 0x7E00u);
  if (magnitude >= 0x4780'0000u) return static_cast<std::uint16_t>(sign | 0x7C00u);  // 2^16 and more
  if (magnitude < 0x3880'0000u) {  // below 2^-14: adding 0.5 leaves multiples of 2^-24 in the lowest bits, rounded
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3F00'0000u));
  }
  const std::uint32_t rounded = magnitude + 0xFFFu + (magnitude >> 13 & 1u);  // may carry into infinity, as it should
  return static_cast<std::uint16_t>(sign | ((rounded - 0x3800'0000u) >> 13));
}

/// bfloat16: the upper half of a float.
inline float from_bfloat16(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

/// float → bfloat16, to the nearest, ties to even; NaN stays NaN.
inline std::uint16_t to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7FFF'FFFFu) > 0x7F80'0000u) return static_cast<std::uint16_t>(bits >> 16 | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

}  // namespace reclm
