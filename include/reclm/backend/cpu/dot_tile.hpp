#pragma once
/// @file dot_tile.hpp
/// The register-blocked core of top_k.hpp and info_nce.hpp: a tile of C stays in registers while a short inner
/// dimension (8 … 256, any) passes by. Around it, the packing that lets the core read both operands in order.
///
/// One core serves both products:
///     C[rows, panel] = A · Bᵀ    A and B packed inner-dimension-major
///     C[rows, width] += P · B    P any tile with fixed strides, B row-major
///
/// Measured on one Zen 4 core (32 flops a cycle, 3.5 GHz: peak 112 GFLOP/s), inner dimension 32, GCC 12 / Clang 16, in
/// GFLOP/s: 8×2 vectors 105 / 106, 12×2 106 / 106, 8×3 106 / 106, 4×2 78 / 80. Hence 8×2 (4×2 with 16 registers).

#include <algorithm>

#include "reclm/backend/cpu/simd.hpp"
#include "reclm/core/config.hpp"

namespace reclm::cpu {

/// Rows of a full tile.
inline constexpr int kTileRows = simd::kRegisters == 32 ? 8 : 4;
/// Registers that a tile is wide.
inline constexpr int kTileVectors = 2;
/// Elements that a tile is wide, and columns of a packed panel.
template <class T>
inline constexpr Index kPanel = kTileVectors* simd::kLanes<T>;

/// C's tile [Rows, Vectors · kLanes]. Lives in registers: use it as a local variable only.
template <class T, int Rows, int Vectors = kTileVectors>
struct Tile {
  simd::Vector<T> at[Rows][Vectors];
};

/// c += a · b; `a` may be a vector too.
struct MultiplyAdd {
  template <class Vector, class A>
  static RECLM_ALWAYS_INLINE void apply(Vector& c, A a, Vector b) {
    c += a * b;
  }
};

/// c += relu(a + b): the hidden layer of NCF over all pairs.
struct AddRelu {
  template <class Vector, class A>
  static RECLM_ALWAYS_INLINE void apply(Vector& c, A a, Vector b) {
    c += simd::max(Vector{}, a + b);  // in this order NaN stays NaN
  }
};

/// tile[r, :] (+)= sum over k < depth of Combine(a[k·AStep + r·ARow], b[k·b_step …]), in the order of k.
template <class Combine, Index AStep, Index ARow, class T, int Rows, int Vectors>
RECLM_ALWAYS_INLINE void accumulate(Tile<T, Rows, Vectors>& tile, const T* RECLM_RESTRICT a, const T* RECLM_RESTRICT b,
                                    Index b_step, Index depth) {
  for (Index k = 0; k < depth; ++k) {
    simd::Vector<T> row[Vectors];
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) row[v] = simd::load(b + k * b_step + v * simd::kLanes<T>);
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
      const T factor = a[k * AStep + r * ARow];
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; ++v) Combine::apply(tile.at[r][v], factor, row[v]);
    }
  }
}

template <class T, int Rows, int Vectors>
RECLM_ALWAYS_INLINE void load_tile(Tile<T, Rows, Vectors>& tile, const T* from, Index step) {
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) tile.at[r][v] = simd::load(from + r * step + v * simd::kLanes<T>);
}

template <class T, int Rows, int Vectors>
RECLM_ALWAYS_INLINE void store_tile(T* to, Index step, const Tile<T, Rows, Vectors>& tile) {
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) simd::store<T>(to + r * step + v * simd::kLanes<T>, tile.at[r][v]);
}

/// C[Rows, width] += Pᵀ-or-P[Rows, depth] · B[depth, width]; element (r, k) of P is at p[k·PStep + r·PRow].
/// `width` is a multiple of kLanes; C and B have row steps c_step and b_step.
template <Index PStep, Index PRow, int Rows, class T>
RECLM_ALWAYS_INLINE void add_product(T* c, Index c_step, const T* p, const T* b, Index b_step, Index depth,
                                     Index width) {
  Index col = 0;
  for (; col + kPanel<T> <= width; col += kPanel<T>) {
    Tile<T, Rows> tile;
    load_tile(tile, c + col, c_step);
    accumulate<MultiplyAdd, PStep, PRow>(tile, p, b + col, b_step, depth);
    store_tile(c + col, c_step, tile);
  }
  if (col < width) {
    Tile<T, Rows, 1> tile;
    load_tile(tile, c + col, c_step);
    accumulate<MultiplyAdd, PStep, PRow>(tile, p, b + col, b_step, depth);
    store_tile(c + col, c_step, tile);
  }
}

/// Packs the transposed of up to kPanel rows: panel[k·kPanel + j] = row(j)[k] for k < depth, zero for j ≥ count.
/// `row(j)` returns the address of row j. About depth / kLanes · 5 instructions a row.
template <class T, class Row>
void pack_panel(const Row& row, Index count, Index depth, T* panel) {
  constexpr Index lanes = simd::kLanes<T>;
  simd::Vector<T> square[lanes];
  constexpr Index line = static_cast<Index>(kAlignment / sizeof(T));
  for (Index j = 0; j < count; ++j)
    for (Index k = 0; k < depth; k += line) __builtin_prefetch(row(j) + k);
  for (Index v = 0; v < kTileVectors; ++v) {
    const T* source[lanes];
    const Index here = std::clamp<Index>(count - v * lanes, 0, lanes);
    for (Index j = 0; j < here; ++j) source[j] = row(v * lanes + j);
    for (Index k = 0; k < depth; k += lanes) {
      const Index part = std::min(lanes, depth - k);
      if (here == lanes && part == lanes) {
#pragma GCC unroll 16
        for (Index j = 0; j < lanes; ++j) square[j] = simd::load(source[j] + k);
      } else {
        for (Index j = 0; j < lanes; ++j)
          square[j] = j < here ? simd::load_part(source[j] + k, part) : simd::Vector<T>{};
      }
      simd::transpose<T>(square);
      T* to = panel + k * kPanel<T> + v * lanes;
      if (part == lanes) {
#pragma GCC unroll 16
        for (Index j = 0; j < lanes; ++j) simd::store<T>(to + j * kPanel<T>, square[j]);
      } else {
        for (Index j = 0; j < part; ++j) simd::store<T>(to + j * kPanel<T>, square[j]);
      }
    }
  }
}

}  // namespace reclm::cpu
