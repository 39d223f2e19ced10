#pragma once
/// @file panel_formats.hpp
/// Weights as the products of panel_product.hpp read them: panels of kPanelWidth rows, inside a panel column after
/// column, so that a register holds one column of many rows. Whatever the format, a column becomes floats in registers;
/// sums are float32.
///
/// A format says how many columns share scales (kGroup), how a group starts (`open`) and how one of its columns is
/// decoded (`column`). Blocks keep the bits of their files: the decoded numbers are those that the file means.

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "reclm/backend/cpu/dot_tile.hpp"
#include "reclm/backend/cpu/simd.hpp"
#include "reclm/core/config.hpp"

namespace reclm::cpu {

/// Rows of W that stand side by side.
inline constexpr Index kPanelWidth = kPanel<float>;

namespace panel {

using Floats = simd::Vector<float>;
inline constexpr Index kHalfWidth = simd::kLanes<float>;
static_assert(kPanelWidth == 2 * kHalfWidth);

/// One column of a panel.
struct Column {
  Floats at[2];
};

/// kHalfWidth small integers → floats' width.
template <class Small>
RECLM_ALWAYS_INLINE simd::Integers<float> widen(const std::byte* from) {
#if defined(__AVX512F__)
  if constexpr (sizeof(Small) == 1) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    return reinterpret_cast<simd::Integers<float>>(std::is_signed_v<Small> ? _mm512_cvtepi8_epi32(bytes)
                                                                           : _mm512_cvtepu8_epi32(bytes));
  } else {
    const __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    return reinterpret_cast<simd::Integers<float>>(_mm512_cvtepu16_epi32(words));
  }
#elif defined(__AVX2__)
  if constexpr (sizeof(Small) == 1) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
    return reinterpret_cast<simd::Integers<float>>(std::is_signed_v<Small> ? _mm256_cvtepi8_epi32(bytes)
                                                                           : _mm256_cvtepu8_epi32(bytes));
  } else {
    const __m128i words = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    return reinterpret_cast<simd::Integers<float>>(_mm256_cvtepu16_epi32(words));
  }
#else
  Small small[kHalfWidth];
  std::memcpy(small, from, sizeof small);
  simd::Integers<float> wide;
  for (Index i = 0; i < kHalfWidth; ++i) wide[i] = small[i];
  return wide;
#endif
}

/// kHalfWidth IEEE halves → floats, exactly.
RECLM_ALWAYS_INLINE Floats halves(const std::byte* from) {
#if defined(__AVX512F__)
  return reinterpret_cast<Floats>(_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))));
#elif defined(__F16C__)
  return reinterpret_cast<Floats>(_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
#else
  // The bits at a float's place, times 2^112 for the difference of the exponents' biases: right for subnormals too.
  using Bits = simd::Integers<float>;
  const Bits half = widen<std::uint16_t>(from), magnitude = half & 0x7FFF;
  const Floats finite = reinterpret_cast<Floats>(magnitude << 13) * 0x1p112f;
  const Bits special = (magnitude >= 0x7C00) & 0x7F800000;
  return reinterpret_cast<Floats>(reinterpret_cast<Bits>(finite) | special | ((half & 0x8000) << 16));
#endif
}

template <class Scale>
RECLM_ALWAYS_INLINE Floats scales(const std::byte* from) {
  if constexpr (sizeof(Scale) == 2)
    return halves(from);
  else
    return simd::load(reinterpret_cast<const float*>(from));
}

/// Plain float32.
struct F32 {
  static constexpr Index kGroup = 1, kGroupBytes = kPanelWidth * 4, kColumnBytes = kGroupBytes, kHeadBytes = 0;
  struct Open {};
  static RECLM_ALWAYS_INLINE Open open(const std::byte*) { return {}; }
  static RECLM_ALWAYS_INLINE Column column(const Open&, const std::byte* from) {
    const auto* const values = reinterpret_cast<const float*>(from);
    return {{simd::load(values), simd::load(values + kHalfWidth)}};
  }
};

/// kHalfWidth bytes of two numbers each, 0 … 15 → those of the low halves and of the high halves, less `minus`.
template <int Minus>
RECLM_ALWAYS_INLINE Column nibbles(const std::byte* from) {
  using Bits = simd::Integers<float>;
  const Bits pairs = widen<std::uint8_t>(from);
#if defined(__AVX512F__)
  // A table of 16 floats is looked up by the low 4 bits, in one instruction where the general way takes two.
  const __m512 table = _mm512_sub_ps(_mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                                     _mm512_set1_ps(static_cast<float>(Minus)));
  const auto look_up = [&](Bits at) {
    return reinterpret_cast<Floats>(_mm512_permutexvar_ps(reinterpret_cast<__m512i>(at), table));
  };
  return {{look_up(pairs), look_up(pairs >> 4)}};
#else
  return {
      {__builtin_convertvector((pairs & 15) - Minus, Floats), __builtin_convertvector((pairs >> 4) - Minus, Floats)}};
#endif
}

/// IEEE half.
struct F16 {
  static constexpr Index kGroup = 1, kGroupBytes = kPanelWidth * 2, kColumnBytes = kGroupBytes, kHeadBytes = 0;
  struct Open {};
  static RECLM_ALWAYS_INLINE Open open(const std::byte*) { return {}; }
  static RECLM_ALWAYS_INLINE Column column(const Open&, const std::byte* from) {
    return {{halves(from), halves(from + 2 * kHalfWidth)}};
  }
};

/// bfloat16.
struct Bf16 {
  static constexpr Index kGroup = 1, kGroupBytes = kPanelWidth * 2, kColumnBytes = kGroupBytes, kHeadBytes = 0;
  struct Open {};
  static RECLM_ALWAYS_INLINE Open open(const std::byte*) { return {}; }
  static RECLM_ALWAYS_INLINE Column column(const Open&, const std::byte* from) {
    return {{reinterpret_cast<Floats>(widen<std::uint16_t>(from) << 16),
             reinterpret_cast<Floats>(widen<std::uint16_t>(from + 2 * kHalfWidth) << 16)}};
  }
};

/// bfloat16, two columns side by side row by row (bf16_panels.hpp), for products in float32.
struct Bf16Pairs {
  static constexpr Index kGroup = 2, kGroupBytes = kPanelWidth * 4, kColumnBytes = kGroupBytes / 2, kHeadBytes = 0;
  struct Open {
    const std::byte* from;
    simd::Integers<float> at[2];
  };
  static RECLM_ALWAYS_INLINE Open open(const std::byte* from) {
    Open group{from, {}};
    std::memcpy(group.at, from, sizeof group.at);
    return group;
  }
  /// The second column is what does not lie at the group's beginning: known when the loop over columns is unrolled.
  static RECLM_ALWAYS_INLINE Column column(const Open& group, const std::byte* from) {
    const bool second = from != group.from;
    Column column;
    for (int v = 0; v < 2; ++v)
      column.at[v] =
          reinterpret_cast<Floats>(second ? group.at[v] & static_cast<std::int32_t>(0xFFFF0000u) : group.at[v] << 16);
    return column;
  }
};

/// w = scale · q (+ offset), q an integer of `Bits` bits; `Group` columns of a row share scale and offset. A group is
/// scales[kPanelWidth], offsets[kPanelWidth] where there are any, then its columns. q of 8 bits is signed; of 4 bits
/// it is 0 … 15, less 8 where there are no offsets, row r in the low half of byte r and row r + kHalfWidth in its high
/// half.
template <int Bits, Index Group, class Scale, bool Offset>
struct Blocks {
  static constexpr Index kGroup = Group, kColumnBytes = kPanelWidth * Bits / 8;
  static constexpr Index kHeadBytes = kPanelWidth * static_cast<Index>(sizeof(Scale)) * (Offset ? 2 : 1);
  static constexpr Index kGroupBytes = kHeadBytes + Group * kColumnBytes;
  struct Open {
    Floats scale[2], offset[2];
  };
  static RECLM_ALWAYS_INLINE Open open(const std::byte* from) {
    constexpr Index half = kHalfWidth * static_cast<Index>(sizeof(Scale));
    Open group;
    group.scale[0] = scales<Scale>(from);
    group.scale[1] = scales<Scale>(from + half);
    group.offset[0] = Offset ? scales<Scale>(from + 2 * half) : Floats{};
    group.offset[1] = Offset ? scales<Scale>(from + 3 * half) : Floats{};
    return group;
  }
  static RECLM_ALWAYS_INLINE Column column(const Open& group, const std::byte* from) {
    Column column;
    if constexpr (Bits == 4)
      column = nibbles < Offset ? 0 : 8 > (from);
    else
      column = {{__builtin_convertvector(widen<std::int8_t>(from), Floats),
                 __builtin_convertvector(widen<std::int8_t>(from + kHalfWidth), Floats)}};
    for (int v = 0; v < 2; ++v)
      column.at[v] = Offset ? column.at[v] * group.scale[v] + group.offset[v] : column.at[v] * group.scale[v];
    return column;
  }
};

}  // namespace panel

}  // namespace reclm::cpu
