#pragma once
/// @file bf16_product.hpp
/// Y = X · Wᵀ in bf16: both operands rounded, sums in float32. By oneDNN, where the build has it (RECLM_WITH_ONEDNN)
/// and the processor has instructions for it (AMX, AVX512-BF16); elsewhere callers multiply in float32.
///
/// An element of Y is one sum in the order of the columns whatever rows stand beside it, for rows are cut and padded to
/// heights that share a kernel: a row's result has the same bits alone and among others, and for any number of threads.

#include <algorithm>
#include <cstdint>
#include <stdexcept>

#include "reclm/backend/cpu/bf16_panels.hpp"
#include "reclm/backend/cpu/gelu.hpp"
#if defined(RECLM_WITH_ONEDNN)
#include "reclm/backend/cpu/onednn.hpp"
#endif

namespace reclm::cpu {

// Files of one program may be compiled with oneDNN and without (.cu files are): each keeps to its own functions.
#if defined(RECLM_WITH_ONEDNN)
inline namespace with_onednn {
#else
inline namespace without_onednn {
#endif

/// Whether bf16_product may be called.
inline bool bf16_products() {
#if defined(RECLM_WITH_ONEDNN)
  return onednn::available();
#else
  return false;
#endif
}

/// Where a product's panels come from: lying in memory, or made block by block.
struct Bf16Source {
  /// Makes `count` panels from the first on, columns [k, k + depth) of each, one panel behind the other.
  using Make = void (*)(const void* object, Index first, Index count, Index k, Index depth, std::uint16_t* to);
  const std::uint16_t* ready = nullptr;  ///< for each block of columns (kBf16Block), all panels; or null
  const void* object = nullptr;
  Make make = nullptr;
};

/// A source from `make(panel, k, depth, to)`, which must outlive it.
template <class MakePanel>
Bf16Source bf16_source(const MakePanel& make) {
  return {nullptr, &make, [](const void* object, Index first, Index count, Index k, Index depth, std::uint16_t* to) {
            for (Index p = 0; p < count; ++p)
              (*static_cast<const MakePanel*>(object))(first + p, k, depth, to + p * bf16_panel_size(depth));
          }};
}

namespace bf16_tiles {

inline constexpr Index kBf16Panels = 4;  // of a task: with a block of columns, a part of the second-level cache
inline constexpr Index kBf16Height = 32;

/// C[rows, 32 · panels] = A · panels, dense.
inline void bf16_tile([[maybe_unused]] Index rows, [[maybe_unused]] Index panels, [[maybe_unused]] Index depth,
                      [[maybe_unused]] const std::uint16_t* a, [[maybe_unused]] const std::uint16_t* w,
                      [[maybe_unused]] float* c) {
#if defined(RECLM_WITH_ONEDNN)
  onednn::multiply_tile({rows, panels, depth}, a, w, c);
#else
  throw std::logic_error("this build has no products in bf16");
#endif
}

// y[rows, columns] = a tile (+ y) (+ bias, `columns` numbers or null).
inline void put_tile(const float* tile, Index ldt, Index rows, Index columns, bool accumulate, const float* bias,
                     float* y, Index ldy) {
  for (Index r = 0; r < rows; ++r) {
    const float* RECLM_RESTRICT from = tile + r * ldt;
    float* RECLM_RESTRICT to = y + r * ldy;
    if (bias != nullptr) {
#pragma omp simd
      for (Index j = 0; j < columns; ++j) to[j] = (accumulate ? to[j] : 0.0f) + from[j] + bias[j];
    } else if (accumulate) {
#pragma omp simd
      for (Index j = 0; j < columns; ++j) to[j] += from[j];
    } else {
      std::copy_n(from, columns, to);
    }
  }
}

// y = gelu(a tile + bias), rounded; `row` and `col` are where the tile lies in y.
inline void put_gelu(const float* tile, Index ldt, Index rows, Index columns, const float* bias, Index row, Index col,
                     Bf16Rows& y) {
  constexpr Index lanes = simd::kLanes<float>;
  for (Index r = 0; r < rows; ++r)
    for (Index j = 0; j < columns; j += lanes) {
      const Index count = std::min(lanes, columns - j);
      const auto more = count == lanes ? simd::load(bias + col + j) : simd::load_part(bias + col + j, count);
      y.put(row + r, col + j, gelu(simd::load(tile + r * ldt + j) + more), count);
    }
}

/// X · Wᵀ tile by tile: put(tile, its leading dimension, row, rows, col, columns, k) for each block of columns k.
template <class Put>
void for_tiles(const Bf16Rows& x, const Bf16Source& w, Index outputs, Index cols, const Put& put) {
  if (x.rows() == 0 || outputs == 0) return;
  constexpr Index group = kBf16Panels, height = kBf16Height;
  const Index panels = chunk_count(outputs, kBf16Panel), groups = chunk_count(panels, group);
  // Where the columns do not feed all threads, rows are cut too; panels are then made more than once.
  const Index wanted = chunk_count(4 * static_cast<Index>(thread_count()), groups);
  const Index cuts = std::clamp<Index>(thread_count() == 1 ? 1 : x.rows() / 256, 1, wanted);
  const Index share = chunk_count(chunk_count(x.rows(), cuts), height) * height;
  parallel_for(groups * cuts, 1, [&](Index task) {
    alignas(kAlignment) float tile[height * group * kBf16Panel];
    const Index first = task / cuts * group, count = std::min(group, panels - first);
    const Index begin = task % cuts * share, end = std::min(x.rows(), begin + share);
    const Index col = first * kBf16Panel, width = count * kBf16Panel, columns = std::min(width, outputs - col);
    std::shared_ptr<std::uint16_t> made;
    if (w.ready == nullptr) made = bf16_memory(width * x.block_depth(0));
    for (Index k = 0; k < x.depth(); k += kBf16Block) {
      const Index depth = x.block_depth(k);
      if (made) w.make(w.object, first, count, k, std::min(depth, cols - k), made.get());
      const std::uint16_t* const block =
          made ? made.get() : w.ready + k * kBf16Panel * panels + first * bf16_panel_size(depth);
      for (Index row = begin; row < end; row += height) {
        const Index rows = std::min(height, x.padded_rows() - row);
        bf16_tile(rows, count, depth, x.row(row, k), block, tile);
        put(tile, width, row, std::min(rows, end - row), col, columns, k);
      }
    }
  });
}

}  // namespace bf16_tiles

/// Y[x.rows(), outputs] = X · Wᵀ (+ Y where `accumulate`) (+ bias, one number an output, or null) for W [outputs,
/// cols].
inline void bf16_product(const Bf16Rows& x, const Bf16Source& w, Index outputs, Index cols, float* y, Index ldy,
                         bool accumulate, const float* bias = nullptr) {
  bf16_tiles::for_tiles(
      x, w, outputs, cols, [&](const float* tile, Index ldt, Index row, Index rows, Index col, Index columns, Index k) {
        bf16_tiles::put_tile(tile, ldt, rows, columns, accumulate || k > 0,
                             k == 0 && bias != nullptr ? bias + col : nullptr, y + row * ldy + col, ldy);
      });
}

/// The widest rows of X that bf16_gelu takes.
inline constexpr Index kBf16GeluCols = kBf16Block;

/// Y = gelu(X · Wᵀ + bias) rounded to bf16, as the next product reads it; cols ≤ kBf16GeluCols, Y [x.rows(), outputs].
inline Bf16Rows bf16_gelu(const Bf16Rows& x, const Bf16Source& w, Index outputs, Index cols, const float* bias) {
  Bf16Rows y(x.rows(), outputs);
  bf16_tiles::for_tiles(x, w, outputs, cols,
                        [&](const float* tile, Index ldt, Index row, Index rows, Index col, Index columns, Index) {
                          bf16_tiles::put_gelu(tile, ldt, rows, columns, bias, row, col, y);
                        });
  return y;
}

}  // namespace with_onednn or without_onednn
}  // namespace reclm::cpu
