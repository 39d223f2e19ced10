#pragma once
/// @file views.hpp
/// Random views of a graph's nodes: dropped edges (SGL) and sign-aligned noise (SimGCL), from counter-based numbers.
///
/// Measured on one Zen 4 core, 61,000 × 32 nodes: noise 1.9 ns a number and edges 1.7 ns; one number at a time, each
/// with its own block of random words, took 33 and 24 ns.

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "reclm/core/config.hpp"
#include "reclm/core/philox.hpp"

namespace reclm::kernels {

/// Uniform numbers of consecutive addresses, made ahead by one CPU thread: four to a block, the rounds of 16 blocks in
/// vector registers.
class UniformRun {
 public:
  static constexpr Index kMost = 512;

  /// uniform(first + i) for i < n ≤ kMost stands at [i] of the result, which lives as long as the object.
  const float* make(const Random& random, std::uint64_t first, Index n) {
    const Random r = random;
    const std::uint64_t block = first / 4;
    const auto skipped = static_cast<Index>(first % 4);
    for (Index at = 0; at < n + skipped; at += 4 * kBlocks) {
      float* RECLM_RESTRICT to = values_ + at;
      const std::uint64_t start = block + static_cast<std::uint64_t>(at / 4);
#pragma omp simd
      for (int b = 0; b < kBlocks; ++b) {
        const PhiloxBlock words = r.block(start + static_cast<std::uint64_t>(b));
        to[4 * b] = Random::to_unit(words.word[0]);
        to[4 * b + 1] = Random::to_unit(words.word[1]);
        to[4 * b + 2] = Random::to_unit(words.word[2]);
        to[4 * b + 3] = Random::to_unit(words.word[3]);
      }
    }
    return values_ + skipped;
  }

 private:
  static constexpr int kBlocks = 16;
  alignas(kAlignment) float values_[kMost + 4 * kBlocks];
};

/// out[e] = in[e] / keep where uniform(first + e) < keep, else 0. A row is a run of `kRun` entries.
template <class T>
struct DropEdges {
  static constexpr Index kRun = UniformRun::kMost;
  Random random;
  Index first, entries;
  float keep;
  const T* in;
  T* out;

  template <class Team>
  RECLM_HD void operator()(Team team, Index run) const {
    const Index begin = run * kRun, count = entries - begin < kRun ? entries - begin : kRun;
    const T* RECLM_RESTRICT from = in + begin;
    T* RECLM_RESTRICT to = out + begin;
    const float limit = keep;
    const T scale = T(1) / static_cast<T>(keep);
    const auto start = static_cast<std::uint64_t>(first + begin);
#if defined(__CUDA_ARCH__)
    const Random r = random;
    team.each(count, [=](Index e) {
      to[e] = r.uniform(start + static_cast<std::uint64_t>(e)) < limit ? from[e] * scale : T(0);
    });
#else
    UniformRun run_of_numbers;
    const float* RECLM_RESTRICT u = run_of_numbers.make(random, start, count);
    team.each(count, [=](Index e) { to[e] = u[e] < limit ? from[e] * scale : T(0); });
#endif
  }
};

/// x[row, :] += ε · normalize(r) ∘ sign(x[row, :]), r_c = uniform(first + row · cols + c), for `group` rows at a time.
template <class T>
struct AddSignNoise {
  Random random;
  Index first, rows, cols, group;
  T epsilon;
  T* x;

  template <class Team>
  RECLM_HD void operator()(Team team, Index number) const {
    const Index begin = number * group, end = rows - begin < group ? rows : begin + group;
#if defined(__CUDA_ARCH__)
    const Random r = random;
    for (Index row = begin; row < end; ++row) {
      const auto start = static_cast<std::uint64_t>(first + row * cols);
      const auto uniform = [=](Index c) { return static_cast<T>(r.uniform(start + static_cast<std::uint64_t>(c))); };
      const T squares = team.sum(cols, [=](Index c) { return uniform(c) * uniform(c); });
      add(team, row, 0, cols, scale_of(squares), uniform);
    }
#else
    UniformRun run;
    const auto start = [this](Index row) { return static_cast<std::uint64_t>(first + row * cols); };
    if (cols <= UniformRun::kMost) {
      const float* const u = run.make(random, start(begin), (end - begin) * cols);
      for (Index row = begin; row < end; ++row) {
        const float* RECLM_RESTRICT of_row = u + (row - begin) * cols;
        const auto uniform = [=](Index c) { return static_cast<T>(of_row[c]); };
        const T squares = team.sum(cols, [=](Index c) { return uniform(c) * uniform(c); });
        add(team, row, 0, cols, scale_of(squares), uniform);
      }
      return;
    }
    // Very wide rows: the numbers are made twice, once for the length.
    for (Index row = begin; row < end; ++row) {
      T squares(0), scale(0);
      for (const bool for_length : {true, false}) {
        for (Index from = 0; from < cols; from += UniformRun::kMost) {
          const Index n = std::min(UniformRun::kMost, cols - from);
          const float* RECLM_RESTRICT u = run.make(random, start(row) + static_cast<std::uint64_t>(from), n);
          const auto uniform = [=](Index c) { return static_cast<T>(u[c]); };
          if (for_length)
            squares += team.sum(n, [=](Index c) { return uniform(c) * uniform(c); });
          else
            add(team, row, from, n, scale, uniform);
        }
        scale = scale_of(squares);
      }
    }
#endif
  }

 private:
  RECLM_HD T scale_of(T squares) const {
    using std::sqrt;
    const T length = sqrt(squares);
    return epsilon / (length > T(1e-12) ? length : T(1e-12));
  }

  template <class Team, class Uniform>
  RECLM_HD RECLM_ALWAYS_INLINE void add(Team team, Index row, Index from, Index n, T scale,
                                        const Uniform& uniform) const {
    T* RECLM_RESTRICT out = x + row * cols + from;
    team.each(n, [=](Index c) {
      const T u = scale * uniform(c);
      const T v = out[c];
      out[c] = v > T(0) ? v + u : v < T(0) ? v - u : v;
    });
  }
};

/// The inverse of a permutation's application: out[e] = in[places[e]].
template <class T>
struct Permute {
  const T* in;
  const Index* places;
  T* out;
  template <class Team>
  RECLM_HD void operator()(Team team, Index e) const {
    if (team.leader()) out[e] = in[places[e]];
  }
};

template <class B, class T>
void drop_edges(Random random, Index first, Index entries, float keep, const T* in, T* out) {
  B::for_rows((entries + DropEdges<T>::kRun - 1) / DropEdges<T>::kRun, 16 * DropEdges<T>::kRun,
              DropEdges<T>{random, first, entries, keep, in, out});
}

/// On the CPU so many rows at a time that their numbers fill the registers; on a device each row by itself.
template <class B, class T>
void add_sign_noise(Random random, Index first, Index rows, Index cols, T epsilon, T* x) {
  const Index group = B::on_device ? 1 : std::max<Index>(1, UniformRun::kMost / std::max<Index>(1, cols));
  B::for_rows((rows + group - 1) / group, 16 * group * cols,
              AddSignNoise<T>{random, first, rows, cols, group, epsilon, x});
}

}  // namespace reclm::kernels
