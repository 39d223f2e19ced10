#pragma once
/// @file views.hpp
/// Random views of a graph's nodes: dropped edges (SGL) and sign-aligned noise (SimGCL), from counter-based numbers.

#include <cmath>
#include <cstdint>

#include "reclm/core/config.hpp"
#include "reclm/core/philox.hpp"

namespace reclm::kernels {

/// out[e] = in[e] / keep where uniform(first + e) < keep, else 0. A row is a run of `kRun` entries; first mod 4 = 0.
template <class T>
struct DropEdges {
  static constexpr Index kRun = 256;
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
    const Random r = random;
    const float limit = keep;
    const T scale = T(1) / static_cast<T>(keep);
    const auto start = static_cast<std::uint64_t>(first + begin);
    team.each(count, [=](Index e) {
      to[e] = r.uniform(start + static_cast<std::uint64_t>(e)) < limit ? from[e] * scale : T(0);
    });
  }
};

/// x[row, :] += ε · normalize(r) ∘ sign(x[row, :]), r_c = uniform(first + row · cols + c).
template <class T>
struct AddSignNoise {
  static constexpr Index kTile = 64;
  Random random;
  Index first, cols;
  T epsilon;
  T* x;

  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    using std::sqrt;
    T* RECLM_RESTRICT out = x + row * cols;
    const Random r = random;
    const auto start = static_cast<std::uint64_t>(first + row * cols);
    const T squares = team.sum(cols, [=](Index c) {
      const T u = static_cast<T>(r.uniform(start + static_cast<std::uint64_t>(c)));
      return u * u;
    });
    const T length = sqrt(squares);
    const T scale = epsilon / (length > T(1e-12) ? length : T(1e-12));
    team.each(cols, [=](Index c) {
      const T u = scale * static_cast<T>(r.uniform(start + static_cast<std::uint64_t>(c)));
      const T v = out[c];
      out[c] = v > T(0) ? v + u : v < T(0) ? v - u : v;
    });
  }
};

/// to[places[e]] … the inverse: out[e] = in[places[e]].
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

template <class B, class T>
void add_sign_noise(Random random, Index first, Index rows, Index cols, T epsilon, T* x) {
  B::for_rows(rows, 32 * cols, AddSignNoise<T>{random, first, cols, epsilon, x});
}

}  // namespace reclm::kernels
