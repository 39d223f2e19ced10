#pragma once
/// @file reduce.cuh
/// Sums in a fixed order: a warp a chunk, then the chunks in turn.

#include <vector>

#include "reclm/backend/cuda/stream.cuh"

namespace reclm::cuda {

namespace detail {

inline constexpr Index kSumChunk = Index{1} << 14;

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

inline constexpr Index kColumnChunk = 256;

// parts[chunk, :] = sum of a chunk of rows.
template <class T>
struct ChunkColumnSums {
  const T* x;
  Index rows, cols;
  T* parts;
  template <class Team>
  RECLM_HD void operator()(Team team, Index chunk) const {
    const Index begin = chunk * kColumnChunk, end = rows - begin < kColumnChunk ? rows : begin + kColumnChunk;
    const Index width = cols;
    const T* const from = x;
    T* const to = parts + chunk * cols;
    team.each(width, [=](Index c) {
      T total(0);
      for (Index row = begin; row < end; ++row) total += from[row * width + c];
      to[c] = total;
    });
  }
};

// out[c] (+)= sum over the chunks, in order; one warp for 32 columns.
template <class T>
struct JoinColumnSums {
  const T* parts;
  Index chunks, cols;
  bool accumulate;
  T* out;
  template <class Team>
  RECLM_HD void operator()(Team team, Index group) const {
    const Index first = group * WarpTeam::kLanes;
    const Index count = cols - first < WarpTeam::kLanes ? cols - first : Index{WarpTeam::kLanes};
    const JoinColumnSums self = *this;
    team.each(count, [=](Index c) {
      T total = self.accumulate ? self.out[first + c] : T(0);
      for (Index chunk = 0; chunk < self.chunks; ++chunk) total += self.parts[chunk * self.cols + first + c];
      self.out[first + c] = total;
    });
  }
};

}  // namespace detail

/// Sum of x in double.
template <class T>
double sum(const T* x, Index n) {
  const Index chunks = (n + detail::kSumChunk - 1) / detail::kSumChunk;
  const auto parts = allocate<double>(chunks);
  for_rows(chunks, detail::ChunkSum<T>{x, n, parts.get()});
  std::vector<double> host(static_cast<std::size_t>(chunks));
  copy(host.data(), parts.get(), chunks, cudaMemcpyDeviceToHost);
  wait();
  double total = 0;
  for (const double part : host) total += part;
  return total;
}

/// out[cols] (+)= sums over the rows of x [rows, cols].
template <class T>
void column_sums(const T* x, Index rows, Index cols, bool accumulate, T* out) {
  const Index chunks = (rows + detail::kColumnChunk - 1) / detail::kColumnChunk;
  const auto parts = allocate<T>(chunks * cols);
  for_rows(chunks, detail::ChunkColumnSums<T>{x, rows, cols, parts.get()});
  for_rows((cols + WarpTeam::kLanes - 1) / WarpTeam::kLanes,
           detail::JoinColumnSums<T>{parts.get(), chunks, cols, accumulate, out});
}

}  // namespace reclm::cuda
