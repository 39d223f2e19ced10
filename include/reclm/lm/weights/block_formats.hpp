#pragma once
/// @file block_formats.hpp
/// The element formats of stored weights, to float and (F32, F16, BF16, Q8_0, Q4_0, Q4_1) from float. Layouts are
/// GGUF's; blocks follow one another, a row is a whole number of them. Numbers here are plain C++, checked against
/// GGUF's reference; the decoder has faster ways for whole products.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/half.hpp"
#include "reclm/lm/stored_tensor.hpp"

namespace reclm::lm {

/// How many numbers a block of a format holds, in how many bytes. Plain elements are blocks of one.
struct BlockFormat {
  std::string_view name;  ///< as GGUF names it
  Index numbers = 1;
  Index bytes = 0;
};

constexpr BlockFormat block_format(StorageType type) {
  constexpr std::array<BlockFormat, 11> formats{{{"F32", 1, 4},
                                                 {"F16", 1, 2},
                                                 {"BF16", 1, 2},
                                                 {"Q8_0", 32, 34},
                                                 {"Q4_0", 32, 18},
                                                 {"Q4_1", 32, 20},
                                                 {"Q4_K", 256, 144},
                                                 {"Q5_K", 256, 176},
                                                 {"Q6_K", 256, 210},
                                                 {"Q5_0", 32, 22},
                                                 {"Q5_1", 32, 24}}};
  return formats[static_cast<std::size_t>(type)];
}

/// Bytes of a row of `cols` numbers. @throws ShapeError unless blocks fill it
inline Index row_bytes(StorageType type, Index cols) {
  const BlockFormat format = block_format(type);
  if (cols < 0 || cols % format.numbers != 0)
    throw ShapeError("a row of " + std::to_string(cols) + " numbers is no whole number of " + std::string(format.name) +
                     " blocks of " + std::to_string(format.numbers));
  return cols / format.numbers * format.bytes;
}

namespace detail {

inline float half_at(const std::byte* bytes) {
  std::uint16_t bits = 0;
  std::memcpy(&bits, bytes, sizeof bits);
  return from_half(bits);
}
inline void put_half(std::byte* bytes, float value) {
  const std::uint16_t bits = to_half(value);
  std::memcpy(bytes, &bits, sizeof bits);
}
inline int byte_at(const std::byte* bytes, int place) { return std::to_integer<int>(bytes[place]); }
inline int signed_at(const std::byte* bytes, int place) {
  return static_cast<std::int8_t>(std::to_integer<std::uint8_t>(bytes[place]));
}

// Each function below turns one block into its numbers.

// d, 32 signed bytes: d q
inline void from_q8_0(const std::byte* block, float* out) {
  const float d = half_at(block);
  for (int k = 0; k < 32; ++k) out[k] = d * static_cast<float>(signed_at(block + 2, k));
}

// d, 16 bytes; number k in the low half of byte k, number 16 + k in the high half: d (q − 8)
inline void from_q4_0(const std::byte* block, float* out) {
  const float d = half_at(block);
  for (int k = 0; k < 16; ++k) {
    const int two = byte_at(block + 2, k);
    out[k] = d * static_cast<float>((two & 15) - 8);
    out[k + 16] = d * static_cast<float>((two >> 4) - 8);
  }
}

// d, m, 16 bytes as in Q4_0: d q + m
inline void from_q4_1(const std::byte* block, float* out) {
  const float d = half_at(block), m = half_at(block + 2);
  for (int k = 0; k < 16; ++k) {
    const int two = byte_at(block + 4, k);
    out[k] = d * static_cast<float>(two & 15) + m;
    out[k + 16] = d * static_cast<float>(two >> 4) + m;
  }
}

// Number `k` of a Q5_0 or Q5_1 block, from 4 bytes of fifth bits and 16 bytes as in Q4_0: bit k is that of number k
inline int five_bits(const std::byte* fifths, int k) {
  const int low = byte_at(fifths + 4, k % 16) >> 4 * (k / 16) & 15;
  return low | (byte_at(fifths, k / 8) >> k % 8 & 1) << 4;
}

// d, five bits: d (q − 16)
inline void from_q5_0(const std::byte* block, float* out) {
  const float d = half_at(block);
  for (int k = 0; k < 32; ++k) out[k] = d * static_cast<float>(five_bits(block + 2, k) - 16);
}

// d, m, five bits: d q + m
inline void from_q5_1(const std::byte* block, float* out) {
  const float d = half_at(block), m = half_at(block + 2);
  for (int k = 0; k < 32; ++k) out[k] = d * static_cast<float>(five_bits(block + 4, k)) + m;
}

// The 6-bit scale and minimum of eighth `j` of a Q4_K or Q5_K block, packed in 12 bytes: the first four in the low six
// bits, the last four spread over four low bits and the others' two high bits.
struct ScaleAndMinimum {
  float scale = 0, minimum = 0;
};
inline ScaleAndMinimum scale_and_minimum(const std::byte* packed, int j) {
  if (j < 4) return {static_cast<float>(byte_at(packed, j) & 63), static_cast<float>(byte_at(packed, j + 4) & 63)};
  const int low = byte_at(packed, j + 4);
  return {static_cast<float>((low & 15) | (byte_at(packed, j - 4) >> 6) << 4),
          static_cast<float>((low >> 4) | (byte_at(packed, j) >> 6) << 4)};
}

// d, dmin, 12 bytes of scales, 128 bytes: each 32 of them hold an eighth in their low and one in their high halves
inline void from_q4_k(const std::byte* block, float* out) {
  const float d = half_at(block), dmin = half_at(block + 2);
  for (int j = 0; j < 8; ++j) {
    const auto [scale, minimum] = scale_and_minimum(block + 4, j);
    const float factor = d * scale, offset = dmin * minimum;
    const std::byte* const quarter = block + 16 + 32 * (j / 2);
    for (int k = 0; k < 32; ++k)
      out[32 * j + k] = factor * static_cast<float>(byte_at(quarter, k) >> 4 * (j % 2) & 15) - offset;
  }
}

// As Q4_K, with a fifth bit of every number in 32 bytes before the 128: bit j of byte k is that of number k of eighth j
inline void from_q5_k(const std::byte* block, float* out) {
  const float d = half_at(block), dmin = half_at(block + 2);
  for (int j = 0; j < 8; ++j) {
    const auto [scale, minimum] = scale_and_minimum(block + 4, j);
    const float factor = d * scale, offset = dmin * minimum;
    const std::byte* const quarter = block + 48 + 32 * (j / 2);
    for (int k = 0; k < 32; ++k) {
      const int q = (byte_at(quarter, k) >> 4 * (j % 2) & 15) | (byte_at(block + 16, k) >> j & 1) << 4;
      out[32 * j + k] = factor * static_cast<float>(q) - offset;
    }
  }
}

// 128 bytes of low four bits, 64 of high two, 16 signed scales, d. In each half of the block, number 32 p + k (p = 0…3)
// has its low bits in byte 32 (p % 2) + k and its high bits in byte k: d scale (q − 32)
inline void from_q6_k(const std::byte* block, float* out) {
  const float d = half_at(block + 208);
  for (int half = 0; half < 2; ++half)
    for (int p = 0; p < 4; ++p)
      for (int k = 0; k < 32; ++k) {
        const int low = byte_at(block + 64 * half, 32 * (p % 2) + k) >> 4 * (p / 2) & 15;
        const int high = byte_at(block + 128 + 32 * half, k) >> 2 * p & 3;
        const float scale = static_cast<float>(signed_at(block + 192, 8 * half + 2 * p + k / 16));
        out[128 * half + 32 * p + k] = d * scale * static_cast<float>((low | high << 4) - 32);
      }
}

inline void to_q8_0(const float* in, std::byte* block) {
  float largest = 0;
  for (int k = 0; k < 32; ++k) largest = std::max(largest, std::abs(in[k]));
  const float d = largest / 127, inverse = d != 0 ? 1 / d : 0;
  put_half(block, d);
  for (int k = 0; k < 32; ++k)
    block[2 + k] = static_cast<std::byte>(static_cast<std::int8_t>(std::round(in[k] * inverse)));
}

inline std::byte two_numbers(float low, float high) {
  const auto bits = [](float q) { return std::min(15, static_cast<int>(q + 0.5f)); };
  return static_cast<std::byte>(bits(low) | bits(high) << 4);
}

// The number of largest magnitude becomes −8 exactly.
inline void to_q4_0(const float* in, std::byte* block) {
  float extreme = 0;
  for (int k = 0; k < 32; ++k)
    if (std::abs(in[k]) > std::abs(extreme)) extreme = in[k];
  const float d = extreme / -8, inverse = d != 0 ? 1 / d : 0;
  put_half(block, d);
  for (int k = 0; k < 16; ++k) block[2 + k] = two_numbers(in[k] * inverse + 8, in[k + 16] * inverse + 8);
}

inline void to_q4_1(const float* in, std::byte* block) {
  const auto [smallest, largest] = std::minmax_element(in, in + 32);
  const float m = *smallest, d = (*largest - m) / 15, inverse = d != 0 ? 1 / d : 0;
  put_half(block, d);
  put_half(block + 2, m);
  for (int k = 0; k < 16; ++k) block[4 + k] = two_numbers((in[k] - m) * inverse, (in[k + 16] - m) * inverse);
}

inline void check_row(StorageType type, std::size_t bytes, std::size_t numbers) {
  if (static_cast<Index>(bytes) != row_bytes(type, static_cast<Index>(numbers)))
    throw ShapeError(std::to_string(bytes) + " bytes are not " + std::to_string(numbers) + " numbers in format " +
                     std::string(block_format(type).name));
}

}  // namespace detail

/// The numbers of a row (or of several: rows follow one another). @throws ShapeError unless the sizes agree
inline void dequantise_row(StorageType type, std::span<const std::byte> bytes, std::span<float> out) {
  detail::check_row(type, bytes.size(), out.size());
  const auto blocks = [&](auto from) {
    const BlockFormat format = block_format(type);
    for (std::size_t k = 0; k < out.size() / static_cast<std::size_t>(format.numbers); ++k)
      from(bytes.data() + k * static_cast<std::size_t>(format.bytes),
           out.data() + k * static_cast<std::size_t>(format.numbers));
  };
  switch (type) {
    case StorageType::f32:
      if (!out.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
      return;
    case StorageType::f16:
      return blocks([](const std::byte* in, float* number) { *number = detail::half_at(in); });
    case StorageType::bf16:
      return blocks([](const std::byte* in, float* number) {
        std::uint16_t bits = 0;
        std::memcpy(&bits, in, sizeof bits);
        *number = from_bfloat16(bits);
      });
    case StorageType::q8_0:
      return blocks(detail::from_q8_0);
    case StorageType::q4_0:
      return blocks(detail::from_q4_0);
    case StorageType::q4_1:
      return blocks(detail::from_q4_1);
    case StorageType::q4_k:
      return blocks(detail::from_q4_k);
    case StorageType::q5_k:
      return blocks(detail::from_q5_k);
    case StorageType::q6_k:
      return blocks(detail::from_q6_k);
    case StorageType::q5_0:
      return blocks(detail::from_q5_0);
    case StorageType::q5_1:
      return blocks(detail::from_q5_1);
  }
}

/// Stores finite numbers in a format, rounding as GGUF's reference does; for F32, F16, BF16, Q8_0, Q4_0 and Q4_1.
/// @throws ShapeError unless the sizes agree; ConfigError for the other formats
inline void quantise_row(StorageType type, std::span<const float> in, std::span<std::byte> bytes) {
  detail::check_row(type, bytes.size(), in.size());
  const auto blocks = [&](auto to) {
    const BlockFormat format = block_format(type);
    for (std::size_t k = 0; k < in.size() / static_cast<std::size_t>(format.numbers); ++k)
      to(in.data() + k * static_cast<std::size_t>(format.numbers),
         bytes.data() + k * static_cast<std::size_t>(format.bytes));
  };
  switch (type) {
    case StorageType::f32:
      if (!in.empty()) std::memcpy(bytes.data(), in.data(), bytes.size());
      return;
    case StorageType::f16:
      return blocks([](const float* number, std::byte* out) { detail::put_half(out, *number); });
    case StorageType::bf16:
      return blocks([](const float* number, std::byte* out) {
        const std::uint16_t bits = to_bfloat16(*number);
        std::memcpy(out, &bits, sizeof bits);
      });
    case StorageType::q8_0:
      return blocks(detail::to_q8_0);
    case StorageType::q4_0:
      return blocks(detail::to_q4_0);
    case StorageType::q4_1:
      return blocks(detail::to_q4_1);
    default:
      throw ConfigError("quantise_row: there is no way into format " + std::string(block_format(type).name) +
                        "; use F32, F16, BF16, Q8_0, Q4_0 or Q4_1");
  }
}

/// All numbers of a stored tensor, row-major. @throws ShapeError when its bytes do not fill it
inline void dequantise(const StoredTensor& tensor, std::span<float> out) {
  if (static_cast<Index>(out.size()) != tensor.rows * tensor.cols)
    throw ShapeError("dequantise: " + std::to_string(out.size()) + " places for [" + std::to_string(tensor.rows) +
                     ", " + std::to_string(tensor.cols) + "] numbers");
  dequantise_row(tensor.type, tensor.bytes, out);
}

}  // namespace reclm::lm
