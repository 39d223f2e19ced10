#pragma once
/// @file half.hpp
/// 16-bit floating-point formats → float.

#include <bit>
#include <cstdint>

namespace reclm::detail {

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

/// bfloat16: the upper half of a float.
inline float from_bfloat16(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

}  // namespace reclm::detail
