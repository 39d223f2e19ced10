#pragma once
/// @file packed_gemm.hpp
/// Dense products of any shape: B is packed into panels of registers' width, tiles of C stay in registers while a block
/// of the inner dimension passes (Goto and van de Geijn, ACM TOMS 2008).
///
/// An element of C is one chain of fused multiply-adds over each block of the inner dimension, the blocks added in
/// order, whatever the task it falls to: the same bits for any number of threads.

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

#include "reclm/backend/cpu/dot_tile.hpp"
#include "reclm/backend/cpu/simd.hpp"
#include "reclm/core/config.hpp"
#include "reclm/core/parallel.hpp"

namespace reclm::cpu {

/// Rows of a tile: with two registers of B each, all but a few of the processor's registers.
inline constexpr int kGemmRows = simd::kRegisters == 32 ? 12 : 6;

namespace detail {

inline constexpr bool kWide = simd::kBytes == 64;
inline constexpr Index kGemmDepth = kWide ? 192 : 256;  // a panel of B: 16 (AVX2) or 24 KiB, for a first-level cache
inline constexpr Index kGemmStrips = kWide ? 8 : 20;    // tiles of A's block, 120 or 72 KiB: a part of the second-level
inline constexpr Index kGemmPanels = kWide ? 16 : 8;    // panels of B a task

/// to[c · ldt + r] = from[r · ldf + c] for a block, by squares of registers.
template <class T>
void transpose_block(const T* from, Index ldf, Index rows, Index cols, T* to, Index ldt) {
  constexpr Index lanes = simd::kLanes<T>;
  Index row = 0;
  for (; row + lanes <= rows; row += lanes) {
    Index col = 0;
    for (; col + lanes <= cols; col += lanes) {
      simd::Vector<T> square[lanes];
#pragma GCC unroll 16
      for (Index i = 0; i < lanes; ++i) square[i] = simd::load(from + (row + i) * ldf + col);
      simd::transpose<T>(square);
#pragma GCC unroll 16
      for (Index i = 0; i < lanes; ++i) simd::store<T>(to + (col + i) * ldt + row, square[i]);
    }
    for (; col < cols; ++col)
      for (Index i = 0; i < lanes; ++i) to[col * ldt + row + i] = from[(row + i) * ldf + col];
  }
  for (; row < rows; ++row)
    for (Index col = 0; col < cols; ++col) to[col * ldt + row] = from[row * ldf + col];
}

/// panel[k · kPanel + j] = alpha · op(B)(k, first + j) for `depth` values of k, zero behind column `count`.
template <class T>
void pack_gemm_panel(bool transposed, const T* b, Index ldb, Index k, Index depth, Index first, Index count, T alpha,
                     T* panel) {
  constexpr Index width = kPanel<T>;
  if (count < width) std::fill_n(panel, depth * width, T(0));
  if (transposed) {
    transpose_block(b + first * ldb + k, ldb, count, depth, panel, width);
  } else {
    for (Index i = 0; i < depth; ++i) {
      const T* from = b + (k + i) * ldb + first;
      if (count == width)
        std::memcpy(panel + i * width, from, sizeof(T) * static_cast<std::size_t>(width));
      else
        std::copy_n(from, count, panel + i * width);
    }
  }
  if (alpha != T(1))
    for (Index i = 0; i < depth * width; ++i) panel[i] *= alpha;
}

// C[Rows, width] = beta · C + A · panel.
template <int Rows, class T>
RECLM_ALWAYS_INLINE void gemm_tile(const T* a, Index lda, const T* RECLM_RESTRICT panel, Index depth, T beta, T* c,
                                   Index ldc, Index width) {
  constexpr Index lanes = simd::kLanes<T>;
  Tile<T, Rows> tile{};
  for (Index k = 0; k < depth; ++k) {
    simd::Vector<T> row[kTileVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kTileVectors; ++v) row[v] = simd::load(panel + k * kPanel<T> + v * lanes);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const T factor = a[r * lda + k];
#pragma GCC unroll 8
      for (int v = 0; v < kTileVectors; ++v) tile.at[r][v] += factor * row[v];
    }
  }
  if (width == kPanel<T>) {
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
      for (int v = 0; v < kTileVectors; ++v) {
        T* const to = c + r * ldc + v * lanes;
        if (beta != T(0)) tile.at[r][v] += beta * simd::load(to);
        simd::store<T>(to, tile.at[r][v]);
      }
    return;
  }
  // Unrolled too: what is indexed at run time anywhere would leave its registers everywhere.
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
    T values[kPanel<T>];
#pragma GCC unroll 8
    for (int v = 0; v < kTileVectors; ++v) simd::store<T>(values + v * lanes, tile.at[r][v]);
    for (Index j = 0; j < width; ++j) {
      T& to = c[r * ldc + j];
      to = beta == T(0) ? values[j] : beta * to + values[j];
    }
  }
}

// gemm_tile for 1 … kGemmRows rows.
template <int Rows = kGemmRows, class T>
void gemm_strip(Index rows, const T* a, Index lda, const T* panel, Index depth, T beta, T* c, Index ldc, Index width) {
  if constexpr (Rows > 0) {
    if (rows == Rows)
      gemm_tile<Rows>(a, lda, panel, depth, beta, c, ldc, width);
    else
      gemm_strip<Rows - 1>(rows, a, lda, panel, depth, beta, c, ldc, width);
  }
}

// Columns [begin, end) of C, begin a multiple of the panels' width.
template <class T>
void gemm_columns(Index m, Index begin, Index end, Index k, T alpha, const T* a, Index lda, bool b_transposed,
                  const T* b, Index ldb, T beta, T* c, Index ldc, T* packed) {
  constexpr Index width = kPanel<T>, block = kGemmStrips * kGemmRows;
  const Index panels = chunk_count(end - begin, width);
  if (k == 0)
    for (Index row = 0; row < m; ++row)
      for (Index col = begin; col < end; ++col) c[row * ldc + col] = beta == T(0) ? T(0) : beta * c[row * ldc + col];
  for (Index first = 0; first < k; first += kGemmDepth) {
    const Index depth = std::min(kGemmDepth, k - first);
    for (Index p = 0; p < panels; ++p)
      pack_gemm_panel(b_transposed, b, ldb, first, depth, begin + p * width, std::min(width, end - begin - p * width),
                      alpha, packed + p * kGemmDepth * width);
    const T keep = first == 0 ? beta : T(1);
    for (Index row = 0; row < m; row += block) {
      const Index rows = std::min(block, m - row);
      for (Index p = 0; p < panels; ++p) {
        const Index col = begin + p * width, columns = std::min(width, end - col);
        for (Index r = row; r < row + rows; r += kGemmRows)
          gemm_strip(std::min<Index>(kGemmRows, row + rows - r), a + r * lda + first, lda,
                     packed + p * kGemmDepth * width, depth, keep, c + r * ldc + col, ldc, columns);
      }
    }
  }
}

}  // namespace detail

/// The transpose of the row-major [rows, cols] matrix at `a`.
template <class T>
std::vector<T> transposed(Index rows, Index cols, const T* a, Index lda) {
  std::vector<T> turned(static_cast<std::size_t>(rows * cols));
  constexpr Index square = 64;
  parallel_chunks(rows, square, [&](Index begin, Index end, Index) {
    for (Index col = 0; col < cols; col += square)
      detail::transpose_block(a + begin * lda + col, lda, end - begin, std::min(square, cols - col),
                              turned.data() + col * rows + begin, rows);
  });
  return turned;
}

/// C[m, n] = alpha · op(A) · op(B) + beta · C, row-major with leading dimensions; beta 0 overwrites whatever C held.
template <class T>
void packed_gemm(bool a_transposed, bool b_transposed, Index m, Index n, Index k, T alpha, const T* a, Index lda,
                 const T* b, Index ldb, T beta, T* c, Index ldc) {
  std::vector<T> turned;
  if (a_transposed) {
    turned = transposed(k, m, a, lda);
    a = turned.data();
    lda = k;
  }
  // Where the columns do not feed all threads, rows are cut too: B is then packed more than once.
  constexpr Index columns = detail::kGemmPanels * kPanel<T>, least_rows = 2 * detail::kGemmStrips * kGemmRows;
  const Index groups = chunk_count(n, columns), wanted = chunk_count(4 * static_cast<Index>(thread_count()), groups);
  const Index cuts = std::clamp<Index>(thread_count() == 1 ? 1 : m / least_rows, 1, wanted);
  const Index height = chunk_count(chunk_count(m, cuts), kGemmRows) * kGemmRows;
  parallel_for(groups * cuts, 1, [&](Index task) {
    alignas(kAlignment) T packed[detail::kGemmPanels * detail::kGemmDepth * kPanel<T>];
    const Index begin = task / cuts * columns, row = task % cuts * height;
    if (row >= m) return;
    detail::gemm_columns(std::min(height, m - row), begin, std::min(n, begin + columns), k, alpha, a + row * lda, lda,
                         b_transposed, b, ldb, beta, c + row * ldc, ldc, packed);
  });
}

}  // namespace reclm::cpu
