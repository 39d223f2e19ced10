#pragma once
/// @file sums.hpp
/// Sums in a fixed order by any backend's row kernels: a team a chunk, then the chunks in turn.

#include <cstddef>
#include <vector>

#include "reclm/core/config.hpp"

namespace reclm::tiled {

namespace detail {

inline constexpr Index kSumChunk = 4096;

template <class T>
struct ChunkSum {
  const T* x;
  Index n;
  double* parts;
  template <class Team>
  RECLM_HD void operator()(Team team, Index chunk) const {
    const Index begin = chunk * kSumChunk, count = n - begin < kSumChunk ? n - begin : kSumChunk;
    const T* const from = x + begin;
    const double total = team.sum(count, [=](Index i) { return static_cast<double>(from[i]); });
    if (team.leader()) parts[chunk] = total;
  }
};

inline constexpr Index kRowChunk = 256;

// parts[chunk, :] = sum of a chunk of rows.
template <class T>
struct ChunkColumnSums {
  const T* x;
  Index rows, cols;
  T* parts;
  template <class Team>
  RECLM_HD void operator()(Team team, Index chunk) const {
    const Index begin = chunk * kRowChunk, count = rows - begin < kRowChunk ? rows - begin : kRowChunk, width = cols;
    const T* const from = x + begin * cols;
    T* const to = parts + chunk * cols;
    team.each(width, [=](Index c) {
      T total(0);
      for (Index row = 0; row < count; ++row) total += from[row * width + c];
      to[c] = total;
    });
  }
};

inline constexpr Index kColumnGroup = 32;

// out[c] (+)= sum over the chunks, in order, for a group of columns.
template <class T>
struct JoinColumnSums {
  const T* parts;
  Index chunks, cols;
  bool accumulate;
  T* out;
  template <class Team>
  RECLM_HD void operator()(Team team, Index group) const {
    const Index first = group * kColumnGroup, width = cols, all = chunks;
    const Index count = cols - first < kColumnGroup ? cols - first : kColumnGroup;
    const T* const from = parts + first;
    T* const to = out + first;
    const bool add = accumulate;
    team.each(count, [=](Index c) {
      T total = add ? to[c] : T(0);
      for (Index chunk = 0; chunk < all; ++chunk) total += from[chunk * width + c];
      to[c] = total;
    });
  }
};

}  // namespace detail

/// Sum of x in double.
template <class B, class T>
double sum(const T* x, Index n) {
  const Index chunks = (n + detail::kSumChunk - 1) / detail::kSumChunk;
  const auto parts = B::template allocate<double>(chunks);
  B::for_rows(chunks, detail::kSumChunk, detail::ChunkSum<T>{x, n, parts.get()});
  std::vector<double> host(static_cast<std::size_t>(chunks));
  B::to_host(host.data(), parts.get(), chunks);
  double total = 0;
  for (const double part : host) total += part;
  return total;
}

/// out[cols] (+)= sums over the rows of x [rows, cols].
template <class B, class T>
void column_sums(const T* x, Index rows, Index cols, bool accumulate, T* out) {
  const Index chunks = (rows + detail::kRowChunk - 1) / detail::kRowChunk;
  const auto parts = B::template allocate<T>(chunks * cols);
  B::for_rows(chunks, detail::kRowChunk * cols, detail::ChunkColumnSums<T>{x, rows, cols, parts.get()});
  B::for_rows((cols + detail::kColumnGroup - 1) / detail::kColumnGroup, detail::kColumnGroup * chunks,
              detail::JoinColumnSums<T>{parts.get(), chunks, cols, accumulate, out});
}

}  // namespace reclm::tiled
