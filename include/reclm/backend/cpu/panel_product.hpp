#pragma once
/// @file panel_product.hpp
/// Y = X · Wᵀ for weights that are packed once and used many times, kept as panels (panel_formats.hpp).
///
/// Every element of Y is one chain of fused multiply-adds in the order of the columns, whatever the number of rows of X
/// or of threads: a row's result has the same bits alone and among others. With one row the weights stream from memory
/// once, several panels at a time for independent chains; with several, a block of a panel is decoded into the
/// first-level cache once for all of them.

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "reclm/backend/cpu/panel_formats.hpp"
#include "reclm/core/parallel.hpp"

namespace reclm::cpu {

/// Rows of X that a tile takes at most: with two registers of W each, all but a few of the processor's registers.
inline constexpr int kStripRows = simd::kRegisters == 32 ? 12 : 6;

/// Columns that are multiplied at a time: 16 or, with AVX-512, 24 KiB of a panel, to stay in a first-level cache. A
/// multiple of every kGroup.
inline constexpr Index kDepthBlock = (simd::kBytes == 64 ? 24576 : 16384) / (4 * kPanelWidth);

namespace detail {

/// How far ahead of the weights that few rows multiply the next ones are asked for, into the second-level cache: the
/// processor's own prefetching does not follow. One core of a Xeon with AVX-512, 212 MB in large pages, 8 rows: 16.0 ms
/// (13 GB/s; reading alone takes 13.6), without 25.8; into the first-level cache, 1 to 16 KiB ahead, 17 to 26.
inline constexpr Index kAhead = 4096;

/// Asks for the group of columns that lies kAhead bytes behind `at`.
template <class Format>
RECLM_ALWAYS_INLINE void ask_ahead(const std::byte* at) {
#pragma GCC unroll 32
  for (Index b = 0; b < Format::kGroupBytes; b += static_cast<Index>(kAlignment))
    __builtin_prefetch(at + kAhead + b, 0, 2);
}

/// What the sums of a tile begin with.
struct TileStart {
  bool accumulate = false;      ///< with what Y holds
  const float* bias = nullptr;  ///< else with bias[col …], or with 0 where it is null
};

/// Rows `c[r] + col` of Y (+)= rows a[r] of X times Panels panels of W, `depth` columns from their beginnings.
/// `width` ≤ Panels · kPanelWidth columns of Y are real.
template <class Format, int Rows, int Panels>
void panel_tile(const float* const* a, const std::byte* const* panels, Index depth, float* const* c, Index col,
                Index width, const TileStart& start) {
  using panel::Floats;
  constexpr Index lanes = panel::kHalfWidth;
  Floats sum[Rows][2 * Panels];
  const bool whole = width == Panels * kPanelWidth, zero = !start.accumulate && start.bias == nullptr;
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 16
    for (int v = 0; v < 2 * Panels; ++v) {
      const float* const from = (start.accumulate ? c[r] : start.bias) + col + v * lanes;
      if (zero)
        sum[r][v] = Floats{};
      else if (whole)
        sum[r][v] = simd::load(from);
      else
        sum[r][v] = simd::load_part(from, std::clamp<Index>(width - v * lanes, 0, lanes));
    }
  const std::byte* at[Panels];
  for (int p = 0; p < Panels; ++p) at[p] = panels[p];
  for (Index k = 0; k < depth; k += Format::kGroup) {
    typename Format::Open open[Panels];
#pragma GCC unroll 16
    for (int p = 0; p < Panels; ++p) {
      open[p] = Format::open(at[p]);
      // Tiles of all rows read weights that lie in a cache, and have no register left.
      if constexpr (Rows < kStripRows) ask_ahead<Format>(at[p]);
    }
#pragma GCC unroll 4
    for (Index j = 0; j < Format::kGroup; ++j) {
      Floats w[2 * Panels];
#pragma GCC unroll 16
      for (int p = 0; p < Panels; ++p) {
        const std::byte* const from = at[p] + Format::kHeadBytes + j * Format::kColumnBytes;
        const panel::Column column = Format::column(open[p], from);
        w[2 * p] = column.at[0];
        w[2 * p + 1] = column.at[1];
      }
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r) {
        const float factor = a[r][k + j];
#pragma GCC unroll 16
        for (int v = 0; v < 2 * Panels; ++v) sum[r][v] += factor * w[v];
      }
    }
#pragma GCC unroll 16
    for (int p = 0; p < Panels; ++p) at[p] += Format::kGroupBytes;
  }
  // Apart, for what is copied in part would have to leave its register in the other case too.
  if (whole) {
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 16
      for (int v = 0; v < 2 * Panels; ++v) simd::store<float>(c[r] + col + v * lanes, sum[r][v]);
    return;
  }
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 16
    for (int v = 0; v < 2 * Panels; ++v) {
      const Floats value = sum[r][v];
      if (const Index part = std::clamp<Index>(width - v * lanes, 0, lanes); part > 0)
        std::memcpy(c[r] + col + v * lanes, &value, static_cast<std::size_t>(part) * sizeof(float));
    }
}

/// panel_tile of float32 for a number of rows known at run time, 1 … kStripRows.
template <int Rows = kStripRows>
void panel_strip(Index rows, const float* const* a, const float* b, Index depth, float* const* c, Index col,
                 Index width, const TileStart& start) {
  if constexpr (Rows > 0) {
    if (rows == Rows) {
      const auto* const bytes = reinterpret_cast<const std::byte*>(b);
      panel_tile<panel::F32, Rows, 1>(a, &bytes, depth, c, col, width, start);
    } else {
      panel_strip<Rows - 1>(rows, a, b, depth, c, col, width, start);
    }
  }
}

}  // namespace detail

/// Decodes `depth` columns of a panel: out[k · kPanelWidth + row].
template <class Format>
void decode_panel(const std::byte* panel, Index depth, float* RECLM_RESTRICT out) {
  for (Index k = 0; k < depth; k += Format::kGroup, panel += Format::kGroupBytes) {
    const auto open = Format::open(panel);
    detail::ask_ahead<Format>(panel);
#pragma GCC unroll 4
    for (Index j = 0; j < Format::kGroup; ++j) {
      const panel::Column column = Format::column(open, panel + Format::kHeadBytes + j * Format::kColumnBytes);
      simd::store<float>(out + (k + j) * kPanelWidth, column.at[0]);
      simd::store<float>(out + (k + j) * kPanelWidth + panel::kHalfWidth, column.at[1]);
    }
  }
}

/// Bytes of one panel of `cols` columns, a multiple of Format::kGroup.
template <class Format>
constexpr Index panel_bytes(Index cols) {
  return cols / Format::kGroup * Format::kGroupBytes;
}

namespace detail {

template <class Format, int Rows, int Panels>
void few_rows(const std::byte* w, Index outputs, Index cols, const float* const* a, float* const* c,
              const TileStart& start) {
  const Index bytes = panel_bytes<Format>(cols), panels = chunk_count(outputs, kPanelWidth);
  parallel_chunks(panels, 16, [&](Index begin, Index end, Index) {
    Index p = begin;
    for (; p + Panels <= end; p += Panels) {
      const std::byte* at[Panels];
      for (int i = 0; i < Panels; ++i) at[i] = w + (p + i) * bytes;
      panel_tile<Format, Rows, Panels>(a, at, cols, c, p * kPanelWidth,
                                       std::min<Index>(Panels * kPanelWidth, outputs - p * kPanelWidth), start);
    }
    for (; p < end; ++p) {
      const std::byte* const at = w + p * bytes;
      panel_tile<Format, Rows, 1>(a, &at, cols, c, p * kPanelWidth, std::min(kPanelWidth, outputs - p * kPanelWidth),
                                  start);
    }
  });
}

/// One block of a panel times a block of rows, at most `most` of them at a time.
template <class Format>
RECLM_ALWAYS_INLINE void block_product(const std::byte* stored, Index depth, float* decoded, const float* x, Index ldx,
                                       Index rows, Index most, float* y, Index ldy, Index width,
                                       const TileStart& start) {
  const float* a[kStripRows];
  float* c[kStripRows];
  const float* values = decoded;
  if constexpr (std::is_same_v<Format, panel::F32>)
    values = reinterpret_cast<const float*>(stored);
  else
    decode_panel<Format>(stored, depth, decoded);
  const Index height = chunk_count(rows, chunk_count(rows, most));
  for (Index row = 0; row < rows; row += height) {
    const Index count = std::min(height, rows - row);
    for (Index i = 0; i < count; ++i) {
      a[i] = x + (row + i) * ldx;
      c[i] = y + (row + i) * ldy;
    }
    panel_strip(count, a, values, depth, c, 0, width, start);
  }
}

template <class Format>
void many_rows(const std::byte* w, Index outputs, Index cols, const float* x, Index ldx, Index rows, float* y,
               Index ldy, const TileStart& start) {
  // With kDepthBlock columns a part of the second-level cache; more rows where each block of rows decodes anew.
  constexpr Index most_rows = (std::is_same_v<Format, panel::F32> ? 8 : 20) * kStripRows;
  const Index height = chunk_count(rows, std::max<Index>(1, chunk_count(rows, most_rows)));
  const Index row_block = chunk_count(height, kStripRows) * kStripRows;
  const Index bytes = panel_bytes<Format>(cols), panels = chunk_count(outputs, kPanelWidth);
  // Numbers that need no decoding and are read once stream by; their sums stay in registers as long as X in the cache.
  const bool streams = std::is_same_v<Format, panel::F32> && rows <= kStripRows;
  const Index depth = streams ? 8 * kDepthBlock : kDepthBlock;
  parallel_chunks(panels, rows < 32 ? 8 : 4, [&](Index begin, Index end, Index) {
    alignas(kAlignment) float decoded[kDepthBlock * kPanelWidth];
    const auto block = [&](Index p, Index k, Index row, Index count) {
      const TileStart here{start.accumulate || k > 0, start.bias == nullptr ? nullptr : start.bias + p * kPanelWidth};
      block_product<Format>(w + p * bytes + k / Format::kGroup * Format::kGroupBytes, std::min(depth, cols - k),
                            decoded, x + row * ldx + k, ldx, count, streams ? kStripRows - 1 : kStripRows,
                            y + row * ldy + p * kPanelWidth, ldy, std::min(kPanelWidth, outputs - p * kPanelWidth),
                            here);
    };
    // Few rows: the weights stream from memory in their order. Many: a block of X stays in the cache.
    if (rows <= 4 * kStripRows) {
      for (Index p = begin; p < end; ++p)
        for (Index k = 0; k < cols; k += depth) block(p, k, 0, rows);
      return;
    }
    for (Index row = 0; row < rows; row += row_block)
      for (Index k = 0; k < cols; k += kDepthBlock)
        for (Index p = begin; p < end; ++p) block(p, k, row, std::min(row_block, rows - row));
  });
}

}  // namespace detail

/// Y[rows, outputs] = X[rows, cols] · Wᵀ (+ Y where `accumulate`, else + bias, one number an output, where it is not
/// null); row-major with leading dimensions. `w` holds ⌈outputs / kPanelWidth⌉ panels.
template <class Format>
void panel_product(const std::byte* w, Index outputs, Index cols, const float* x, Index ldx, Index rows, float* y,
                   Index ldy, bool accumulate, const float* bias = nullptr) {
  const detail::TileStart start{accumulate, bias};
  const float* const a[] = {x, x + ldx};
  float* const c[] = {y, y + ldy};
  if (rows == 1)
    detail::few_rows<Format, 1, 4>(w, outputs, cols, a, c, start);
  else if (rows == 2)
    detail::few_rows<Format, 2, 2>(w, outputs, cols, a, c, start);
  else if (rows > 2)
    detail::many_rows<Format>(w, outputs, cols, x, ldx, rows, y, ldy, start);
}

}  // namespace reclm::cpu
