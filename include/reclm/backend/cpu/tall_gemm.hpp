#pragma once
/// @file tall_gemm.hpp
/// Products of a long matrix with a small one: the layers of recommenders, [thousands of users, p] · [p, 32], and their
/// weight gradients. General-purpose GEMM packs both operands, which costs as much as the product at such widths; here
/// the long operand is read in place.
///
/// Measured on one Zen 4 core (peak 112 GFLOP/s), GCC 12: see bench/backend_bench.cpp.

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

#include "reclm/backend/cpu/dot_tile.hpp"
#include "reclm/core/config.hpp"
#include "reclm/core/parallel.hpp"

namespace reclm::cpu {

/// Largest small operand, in bytes: it must stay in the second-level cache.
inline constexpr Index kTallOperandBytes = Index{1} << 18;

namespace detail {

/// tile[r, :] += sum over k of a[r][k] · b[k · b_step …]. `ahead` are rows that will be read next: chosen rows lie
/// anywhere, and only when asked for in time do they wait in the first-level cache.
template <class T, int Rows, int Vectors>
RECLM_ALWAYS_INLINE void accumulate_rows(Tile<T, Rows, Vectors>& tile, const T* const* a, const T* const* ahead,
                                         const T* RECLM_RESTRICT b, Index b_step, Index depth) {
  constexpr Index line = static_cast<Index>(kAlignment / sizeof(T));
  for (Index first = 0; first < depth; first += line) {
    for (int r = 0; r < Rows; ++r) __builtin_prefetch(ahead[r] + first);
    const Index end = std::min(depth, first + line);
    for (Index k = first; k < end; ++k) {
      simd::Vector<T> row[Vectors];
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; ++v) row[v] = simd::load(b + k * b_step + v * simd::kLanes<T>);
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r) {
        const T factor = a[r][k];
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v) tile.at[r][v] += factor * row[v];
      }
    }
  }
}

// One tile of C, `count` ≤ Rows rows and `width` ≤ Vectors · kLanes columns of it real.
template <int Vectors, class T>
void rows_tile(const T* const* a, const T* const* ahead, const T* b, Index b_step, Index depth, T beta, T* c, Index ldc,
               Index count, Index width) {
  constexpr Index lanes = simd::kLanes<T>;
  Tile<T, kTileRows, Vectors> tile{};
  accumulate_rows(tile, a, ahead, b, b_step, depth);
  const bool whole = width == Vectors * lanes;
  for (Index r = 0; r < count; ++r)
    for (int v = 0; v < Vectors; ++v) {
      T* const to = c + r * ldc + v * lanes;
      const Index part = std::min(lanes, width - v * lanes);
      simd::Vector<T> value = tile.at[r][v];
      if (beta != T(0)) value += beta * (whole ? simd::load(to) : simd::load_part(to, part));
      if (whole)
        simd::store<T>(to, value);
      else
        std::memcpy(to, &value, static_cast<std::size_t>(std::max<Index>(part, 0)) * sizeof(T));
    }
}

// B packed to whole registers: [depth, padded], zeros behind the columns. `transposed`: B is [cols, depth].
template <class T>
std::vector<T> pack_small(bool transposed, const T* b, Index ldb, Index depth, Index cols, Index padded) {
  std::vector<T> packed(static_cast<std::size_t>(depth * padded), T(0));
  for (Index k = 0; k < depth; ++k)
    for (Index c = 0; c < cols; ++c)
      packed[static_cast<std::size_t>(k * padded + c)] = transposed ? b[c * ldb + k] : b[k * ldb + c];
  return packed;
}

}  // namespace detail

/// C[m, n] = beta · C + A[m, k] · B, B [k, n] or, `b_transposed`, [n, k]. Row-major with leading dimensions. With `ids`
/// row r of A is row ids[r] of `a`.
template <class T>
void tall_product(Index m, Index n, Index k, const T* a, Index lda, const Id* ids, bool b_transposed, const T* b,
                  Index ldb, T beta, T* c, Index ldc) {
  constexpr Index lanes = simd::kLanes<T>, panel = kPanel<T>;
  const Index padded = chunk_count(n, lanes) * lanes;
  std::vector<T> packed;
  Index b_step = ldb;
  if (b_transposed || padded != n) {
    packed = detail::pack_small(b_transposed, b, ldb, k, n, padded);
    b = packed.data();
    b_step = padded;
  }
  parallel_chunks(m, 256, [&](Index begin, Index end, Index) {
    const T *rows[kTileRows], *ahead[kTileRows];
    const auto find = [&](Index first, const T** to) {
      for (Index r = 0; r < kTileRows; ++r) {
        const Index from = std::min(first + r, end - 1);
        to[r] = a + (ids == nullptr ? from : static_cast<Index>(ids[from])) * lda;
      }
    };
    find(begin, ahead);
    for (Index row = begin; row < end; row += kTileRows) {
      const Index count = std::min<Index>(kTileRows, end - row);
      std::copy_n(ahead, kTileRows, rows);
      find(row + kTileRows, ahead);
      for (Index col = 0; col < padded; col += panel) {
        T* const to = c + row * ldc + col;
        if (padded - col >= panel)
          detail::rows_tile<kTileVectors>(rows, ahead, b + col, b_step, k, beta, to, ldc, count,
                                          std::min(panel, n - col));
        else
          detail::rows_tile<1>(rows, ahead, b + col, b_step, k, beta, to, ldc, count, std::min(lanes, n - col));
      }
    }
  });
}

namespace detail {

// C[kTileRows, panel] += Zᵀ · X over `depth` rows: z[r · ldz + i] for the tile's row i, x a packed panel. `ahead(r)` is
// called once a row.
template <class T, class Ahead>
RECLM_ALWAYS_INLINE void outer_tile(const T* RECLM_RESTRICT z, Index ldz, const T* RECLM_RESTRICT x, Index depth, T* c,
                                    Index ldc, const Ahead& ahead) {
  Tile<T, kTileRows> tile{};
  for (Index r = 0; r < depth; ++r) {
    ahead(r);
    simd::Vector<T> row[kTileVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kTileVectors; ++v) row[v] = simd::load(x + r * kPanel<T> + v * simd::kLanes<T>);
#pragma GCC unroll 16
    for (int i = 0; i < kTileRows; ++i) {
      const T factor = z[r * ldz + i];
#pragma GCC unroll 8
      for (int v = 0; v < kTileVectors; ++v) tile.at[i][v] += factor * row[v];
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < kTileRows; ++i)
#pragma GCC unroll 8
    for (int v = 0; v < kTileVectors; ++v) {
      T* const to = c + i * ldc + v * simd::kLanes<T>;
      simd::store<T>(to, simd::load(to) + tile.at[i][v]);
    }
}

// C[out, width] += Zᵀ · X over some rows; `row_of(r)` is the address of X's row r. Blocks of rows pass panel by panel;
// a panel is copied first, because columns of wide rows fall into few sets of the first-level cache. While it is
// multiplied the next one is asked for, little by little over its tiles: all at once would fill the queue of misses.
template <class T, class Row>
void outer_block(const T* z, Index ldz, Index out, const Row& row_of, Index width, Index rows, T* c, Index ldc) {
  constexpr Index panel = kPanel<T>, block = 128, kTurns = 4;
  alignas(kAlignment) T packed[block * panel];
  for (Index first = 0; first < rows; first += block) {
    const Index depth = std::min(block, rows - first);
    const T* const zs = z + first * ldz;
    for (Index col = 0; col < width; col += panel) {
      const Index columns = std::min(panel, width - col);
      for (Index r = 0; r < depth; ++r) {
        const T* RECLM_RESTRICT from = row_of(first + r) + col;
        T* RECLM_RESTRICT to = packed + r * panel;
        if (columns == panel)
          std::memcpy(to, from, sizeof(T) * static_cast<std::size_t>(panel));
        else
          for (Index j = 0; j < panel; ++j) to[j] = j < columns ? from[j] : T(0);
      }
      // The next panel of these rows, or the first of the next block.
      const bool last = col + panel >= width;
      const Index next_first = last ? first + block : first, next_col = last ? 0 : col + panel;
      for (Index o = 0; o < out; o += kTileRows) {
        if (columns == panel && out - o >= kTileRows) {
          const Index turn = o / kTileRows % kTurns;
          outer_tile(zs + o, ldz, packed, depth, c + o * ldc + col, ldc, [&](Index r) {
            if (r % kTurns != turn) return;
            const T* const next = row_of(std::min(next_first + r, rows - 1)) + next_col;
            for (Index j = 0; j < panel; j += simd::kLanes<T>) __builtin_prefetch(next + j, 0, 2);
          });
        } else {
          for (Index i = o; i < std::min<Index>(out, o + kTileRows); ++i)
            for (Index r = 0; r < depth; ++r) {
              const T factor = zs[r * ldz + i];
              T* RECLM_RESTRICT to = c + i * ldc + col;
              const T* RECLM_RESTRICT from = packed + r * panel;
#pragma omp simd
              for (Index j = 0; j < columns; ++j) to[j] += factor * from[j];
            }
        }
      }
    }
  }
}

}  // namespace detail

/// C[out, width] = beta · C + Zᵀ · X for Z [m, out], X [m, width]: a layer's weight gradient. With `ids` row r of X is
/// row ids[r] of `x`. Sums run over fixed chunks of rows, added in order: the same bits for any number of threads.
template <class T>
void tall_outer(Index out, Index width, Index m, const T* z, Index ldz, const T* x, Index ldx, const Id* ids, T beta,
                T* c, Index ldc) {
  constexpr Index chunk = 4096;
  constexpr Index slice = 2 * kPanel<T>;  // columns of X are shared out too: a batch is one chunk
  const Index chunks = chunk_count(m, chunk), slices = chunk_count(width, slice);
  std::vector<T> parts(static_cast<std::size_t>(chunks * out * width), T(0));
  parallel_for(chunks * slices, 1, [&](Index task) {
    const Index number = task / slices, first = task % slices * slice;
    const Index begin = number * chunk, end = std::min(m, begin + chunk);
    const auto row = [=](Index r) {
      return x + (ids == nullptr ? begin + r : static_cast<Index>(ids[begin + r])) * ldx + first;
    };
    detail::outer_block(z + begin * ldz, ldz, out, row, std::min(slice, width - first), end - begin,
                        parts.data() + number * out * width + first, width);
  });
  for (Index row = 0; row < out; ++row) {
    T* RECLM_RESTRICT to = c + row * ldc;
    if (beta == T(0))
      std::fill_n(to, width, T(0));
    else
      for (Index j = 0; j < width; ++j) to[j] *= beta;
    for (Index number = 0; number < chunks; ++number) {
      const T* RECLM_RESTRICT part = parts.data() + (number * out + row) * width;
#pragma omp simd
      for (Index j = 0; j < width; ++j) to[j] += part[j];
    }
  }
}

}  // namespace reclm::cpu
