#pragma once
/// @file bf16_panels.hpp
/// The operands of products in bf16: rows of X rounded, and weights in panels of 32 outputs, two columns side by side,
/// as the tile instructions of AMX and oneDNN (BA16a32b2a) read them: panel[k / 2][output][k % 2].

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>

#include "reclm/backend/cpu/memory_pool.hpp"
#include "reclm/backend/cpu/packed_gemm.hpp"
#include "reclm/backend/cpu/panel_product.hpp"
#include "reclm/core/half.hpp"
#include "reclm/core/parallel.hpp"

namespace reclm::cpu {

/// Outputs of a panel; rows and columns of the operands are padded by zeros to kBf16Rows and kBf16Depth.
inline constexpr Index kBf16Panel = 32, kBf16Rows = 16, kBf16Depth = 32;
/// Columns that are multiplied at a time: both operands are kept block after block.
inline constexpr Index kBf16Block = 2048;

constexpr Index bf16_depth(Index cols) { return chunk_count(cols, kBf16Depth) * kBf16Depth; }
/// Numbers of a panel of `cols` columns.
constexpr Index bf16_panel_size(Index cols) { return bf16_depth(cols) * kBf16Panel; }

namespace detail {

typedef std::uint16_t Bf16Halves __attribute__((vector_size(simd::kBytes / 2)));

/// The bits of bf16 in each lane's lower half: to the nearest, ties to even, NaN stays NaN. AVX512-BF16 takes subnormal
/// numbers for 0, as the products do.
RECLM_ALWAYS_INLINE simd::Integers<float> bf16_bits(panel::Floats v) {
  using Bits = simd::Integers<float>;
#if defined(__AVX512BF16__)
  return __builtin_convertvector(std::bit_cast<Bf16Halves>(_mm512_cvtneps_pbh(reinterpret_cast<__m512>(v))), Bits);
#else
  const Bits bits = reinterpret_cast<Bits>(v);
  const Bits rounded = bits + 0x7FFF + ((bits >> 16) & 1), silent = bits | 0x400000;
  return ((v != v ? silent : rounded) >> 16) & 0xFFFF;
#endif
}

/// The same side by side.
RECLM_ALWAYS_INLINE Bf16Halves bf16_halves(panel::Floats v) {
#if defined(__AVX512BF16__)
  return std::bit_cast<Bf16Halves>(_mm512_cvtneps_pbh(reinterpret_cast<__m512>(v)));
#else
  return __builtin_convertvector(bf16_bits(v), Bf16Halves);
#endif
}

/// Lane i: `even` in the lower half, `odd` in the upper one.
RECLM_ALWAYS_INLINE simd::Integers<float> bf16_pairs(panel::Floats even, panel::Floats odd) {
  return bf16_bits(even) | (bf16_bits(odd) << 16);
}

RECLM_ALWAYS_INLINE void store_pairs(std::uint16_t* to, simd::Integers<float> pairs) {
  std::memcpy(to, &pairs, sizeof pairs);
}

}  // namespace detail

/// to[i] = the nearest bf16 of from[i].
inline void round_to_bf16(const float* RECLM_RESTRICT from, Index n, std::uint16_t* RECLM_RESTRICT to) {
  Index i = 0;
  for (; i + simd::kLanes<float> <= n; i += simd::kLanes<float>) {
    const detail::Bf16Halves halves = detail::bf16_halves(simd::load(from + i));
    std::memcpy(to + i, &halves, sizeof halves);
  }
  for (; i < n; ++i) to[i] = to_bfloat16(from[i]);
}

/// Memory for `numbers` bf16, from the pool.
inline std::shared_ptr<std::uint16_t> bf16_memory(Index numbers) {
  const std::size_t bytes = static_cast<std::size_t>(std::max<Index>(1, numbers)) * 2;
  auto& pool = reclm::detail::MemoryPool::instance();
  return {static_cast<std::uint16_t*>(pool.take(bytes)),
          [&pool, bytes](std::uint16_t* p) { pool.give_back(p, bytes); }};
}

/// The rows of a matrix rounded to bf16: for each block of columns, row after row.
class Bf16Rows {
 public:
  Bf16Rows(const float* x, Index ldx, Index rows, Index cols)
      : rows_(rows), depth_(bf16_depth(cols)), numbers_(bf16_memory(padded_rows() * depth_)) {
    parallel_for(padded_rows(), std::max<Index>(1, (Index{1} << 16) / std::max<Index>(1, depth_)), [&](Index r) {
      for (Index k = 0; k < depth_; k += kBf16Block) {
        std::uint16_t* const to = at(r, k);
        const Index real = r < rows ? std::min(kBf16Block, cols - k) : 0;
        if (real > 0) round_to_bf16(x + r * ldx + k, real, to);
        std::fill(to + real, to + block_depth(k), std::uint16_t{0});
      }
    });
  }

  /// Room for numbers that `put` brings; the padding is zero.
  Bf16Rows(Index rows, Index cols)
      : rows_(rows), depth_(bf16_depth(cols)), numbers_(bf16_memory(padded_rows() * depth_)) {
    for (Index r = 0; r < padded_rows(); ++r)
      for (Index k = 0; k < depth_; k += kBf16Block) {
        const Index real = r < rows ? std::clamp<Index>(cols - k, 0, block_depth(k)) : 0;
        std::fill(at(r, k) + real, at(r, k) + block_depth(k), std::uint16_t{0});
      }
  }

  /// Columns [col, col + count) of row r; col is a multiple of the lanes of a register.
  void put(Index r, Index col, panel::Floats values, Index count) {
    const detail::Bf16Halves halves = detail::bf16_halves(values);
    const Index k = col / kBf16Block * kBf16Block;
    if (count >= simd::kLanes<float>)
      std::memcpy(at(r, k) + col - k, &halves, sizeof halves);
    else
      std::memcpy(at(r, k) + col - k, &halves, 2 * static_cast<std::size_t>(count));
  }

  [[nodiscard]] Index rows() const { return rows_; }
  [[nodiscard]] Index padded_rows() const { return chunk_count(rows_, kBf16Rows) * kBf16Rows; }
  [[nodiscard]] Index depth() const { return depth_; }
  /// Padded columns of the block that begins at column k.
  [[nodiscard]] Index block_depth(Index k) const { return std::min(kBf16Block, depth_ - k); }
  /// Row r of that block; others follow at a distance of block_depth(k).
  [[nodiscard]] const std::uint16_t* row(Index r, Index k) const {
    return numbers_.get() + k * padded_rows() + r * block_depth(k);
  }

 private:
  [[nodiscard]] std::uint16_t* at(Index r, Index k) { return numbers_.get() + k * padded_rows() + r * block_depth(k); }

  Index rows_, depth_;
  std::shared_ptr<std::uint16_t> numbers_;
};

/// Decodes `depth` columns (of a group's beginning) of a panel of panel_formats.hpp into the outputs from `to` on;
/// columns up to `padded` become zero.
template <class Format>
void decode_to_bf16(const std::byte* panel, Index depth, Index padded, std::uint16_t* RECLM_RESTRICT to) {
  constexpr Index lanes = panel::kHalfWidth, pair = 2 * kBf16Panel;
  const auto put = [to](Index k, const panel::Column& even, const panel::Column& odd) {
    for (Index v = 0; v < 2; ++v)
      detail::store_pairs(to + k / 2 * pair + 2 * v * lanes, detail::bf16_pairs(even.at[v], odd.at[v]));
  };
  Index k = 0;
  if constexpr (Format::kGroup > 1) {
    for (; k < depth; k += Format::kGroup, panel += Format::kGroupBytes) {
      const auto open = Format::open(panel);
#pragma GCC unroll 4
      for (Index j = 0; j < Format::kGroup; j += 2) {
        const std::byte* const column = panel + Format::kHeadBytes + j * Format::kColumnBytes;
        put(k + j, Format::column(open, column), Format::column(open, column + Format::kColumnBytes));
      }
    }
  } else {
    const auto column = [&](Index at) {
      const std::byte* const from = panel + at * Format::kGroupBytes;
      return at < depth ? Format::column(Format::open(from), from) : panel::Column{};
    };
    for (; k < depth; k += 2) put(k, column(k), column(k + 1));
  }
  for (; k < padded; k += 2) put(k, {}, {});
}

namespace detail {

inline void rounded(const float* from, Index n, std::uint16_t* to) { round_to_bf16(from, n, to); }
inline void rounded(const std::uint16_t* from, Index n, std::uint16_t* to) { std::copy_n(from, n, to); }

}  // namespace detail

/// A panel whose outputs are rows of W: to[k / 2][r][k % 2] = w[r · ldw + k] for r < count and k < depth, else 0.
/// Numbers are float (rounded) or bf16.
template <class Number>
void pack_rows_to_bf16(const Number* w, Index ldw, Index count, Index depth, std::uint16_t* to) {
  constexpr Index block = 64;
  alignas(kAlignment) std::uint16_t rows[kBf16Panel * block];
  for (Index k = 0; k < depth; k += block) {
    const Index part = std::min(block, depth - k), padded = bf16_depth(part);
    for (Index r = 0; r < kBf16Panel; ++r) {
      if (r < count) detail::rounded(w + r * ldw + k, part, rows + r * block);
      std::fill(rows + r * block + (r < count ? part : 0), rows + r * block + padded, std::uint16_t{0});
    }
    // Pairs move as one word of 32 bits.
    constexpr Index lanes = simd::kLanes<float>;
    for (Index r = 0; r < kBf16Panel; r += lanes)
      for (Index i = 0; i < padded / 2; i += lanes) {
        simd::Vector<float> square[lanes];
        for (Index j = 0; j < lanes; ++j) std::memcpy(&square[j], rows + (r + j) * block + 2 * i, sizeof square[j]);
        simd::transpose<float>(square);
        for (Index j = 0; j < lanes; ++j)
          std::memcpy(to + (k / 2 + i + j) * 2 * kBf16Panel + 2 * r, &square[j], sizeof square[j]);
      }
  }
}

/// A panel whose outputs are columns of W: to[k / 2][c][k % 2] = w[k · ldw + c] for c < count and k < depth, else 0.
template <class Number>
void pack_columns_to_bf16(const Number* w, Index ldw, Index count, Index depth, std::uint16_t* RECLM_RESTRICT to) {
  alignas(kAlignment) std::uint16_t pair[2][kBf16Panel];
  const Index padded = bf16_depth(depth);
  for (Index k = 0; k < padded; k += 2) {
    for (Index i = 0; i < 2; ++i) {
      const Index real = k + i < depth ? count : 0;
      if (real > 0) detail::rounded(w + (k + i) * ldw, real, pair[i]);
      std::fill(pair[i] + real, pair[i] + kBf16Panel, std::uint16_t{0});
    }
    std::uint16_t* RECLM_RESTRICT out = to + k * kBf16Panel;
    for (Index c = 0; c < kBf16Panel; ++c) {
      out[2 * c] = pair[0][c];
      out[2 * c + 1] = pair[1][c];
    }
  }
}

}  // namespace reclm::cpu
