#pragma once
/// @file info_nce.hpp
/// InfoNCE by any backend's dense products and row kernels, a tile of anchors at a time: similarities with all nodes,
/// their softmax, gradients. For backends with a fast GEMM; the CPU has its own (cpu/info_nce.hpp).

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>

#include "reclm/backend/backend.hpp"
#include "reclm/backend/info_nce.hpp"

namespace reclm::tiled {

namespace detail {

// y[row, :] = x[ids[row], :], rows of x `step` apart.
template <class T>
struct GatherApart {
  const T* x;
  const Id* ids;
  Index step;
  T* y;
  Index width;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const T* RECLM_RESTRICT from = x + static_cast<Index>(ids[row]) * step;
    T* RECLM_RESTRICT to = y + row * width;
    team.each(width, [=](Index c) { to[c] = from[c]; });
  }
};

// Rows of similarities s / τ become weight · softmax; loss[row] = weight · (log Σ exp − positive).
template <class T>
struct WeightedSoftmax {
  static constexpr bool kLongRows = true;
  T* s;             // [rows, nodes]
  const Id* ids;    // the row's own node
  const T* weight;  // how often the anchor occurs
  T* loss;
  Index nodes;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    using std::exp, std::log;
    T* const x = s + row * nodes;
    const T positive = x[ids[row]];
    const T largest = team.max(nodes, [=](Index j) { return x[j]; });
    const T total = team.sum(nodes, [=](Index j) { return exp(x[j] - largest); });
    const T w = weight[row], factor = w / total;
    // Everyone has read the positive's place before anyone writes it: sum() ends with all members' parts.
    team.sync();
    team.each(nodes, [=](Index j) { x[j] = factor * exp(x[j] - largest); });
    if (team.leader()) loss[row] = w * (largest + log(total) - positive);
  }
};

// The anchors' part of the gradient, for rows of distinct ids: d_z1[id, :] += a[row, :] − g · z2[id, :] and
// d_z2[id, :] −= g · z1[row, :], g = factor · weight[row].
template <class T>
struct AddAnchors {
  const Id* ids;
  const T* weight;
  T factor;
  const T* a;   // [rows, width]
  const T* z1;  // [rows, width]
  const T* z2;
  T* d_z1;
  T* d_z2;
  Index z2_step, d_z1_step, d_z2_step, width;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const auto id = static_cast<Index>(ids[row]);
    const T g = factor * weight[row];
    const T* const expected = a + row * width;
    const T* const first = z1 + row * width;
    const T* const second = z2 + id * z2_step;
    T* const to_first = d_z1 + id * d_z1_step;
    T* const to_second = d_z2 + id * d_z2_step;
    team.each(width, [=](Index c) {
      to_first[c] += expected[c] - g * second[c];
      to_second[c] -= g * first[c];
    });
  }
};

template <class B, class T>
std::shared_ptr<T> upload(std::span<const T> host) {
  auto memory = B::template allocate<T>(static_cast<Index>(host.size()));
  B::from_host(memory.get(), host.data(), static_cast<Index>(host.size()));
  return memory;
}

// A tile of similarities: 64 MB of floats, so that a GPU's products fill it.
inline constexpr Index kSimilarities = Index{1} << 24;

}  // namespace detail

/// As cpu::info_nce, on any backend. `gradient` may be null.
///
/// Cost: 6 · anchors · nodes · d operations, twice anchors · nodes exponentials. Memory: `most_similarities` numbers
/// (or one row of them), anchors · d and nothing else.
/// @throws ShapeError, ConfigError
template <class B, class T>
double info_nce(const InfoNceProblem<T>& p, const InfoNceGradient<T>* gradient,
                Index most_similarities = detail::kSimilarities) {
  reclm::detail::check_info_nce(p, gradient);
  const reclm::detail::DistinctAnchors<T> distinct(p.anchors);
  if (distinct.ids.empty()) return 0;
  const auto anchors = static_cast<Index>(distinct.ids.size());
  const Index nodes = p.z2.rows(), d = p.z2.cols();
  const Index rows = std::clamp(most_similarities / nodes, Index{1}, anchors);
  const auto ids = detail::upload<B, Id>(distinct.ids);
  const auto weights = detail::upload<B, T>(distinct.counts);
  const auto z1 = B::template allocate<T>(rows * d), s = B::template allocate<T>(rows * nodes),
             loss = B::template allocate<T>(rows), a = B::template allocate<T>(gradient == nullptr ? 0 : rows * d);
  const T over_tau = static_cast<T>(1 / p.temperature);
  const T* const z2 = p.z2.data();
  const Index z2_step = p.z2.row_stride();
  double total = 0;
  for (Index first = 0; first < anchors; first += rows) {
    const Index here = std::min(rows, anchors - first);
    const Id* const at = ids.get() + first;
    const T* const weight = weights.get() + first;
    B::for_rows(here, 2 * d, detail::GatherApart<T>{p.z1.data(), at, p.z1.row_stride(), z1.get(), d});
    B::gemm(Op::none, Op::transpose, here, nodes, d, over_tau, static_cast<const T*>(z1.get()), d, z2, z2_step, T(0),
            s.get(), nodes);
    B::for_rows(here, 16 * nodes, detail::WeightedSoftmax<T>{s.get(), at, weight, loss.get(), nodes});
    total += B::sum(loss.get(), here);
    if (gradient == nullptr) continue;
    const T factor = static_cast<T>(gradient->scale) * over_tau;
    T* const d_z2 = gradient->d_z2.data();
    const Index d_z2_step = gradient->d_z2.row_stride();
    B::gemm(Op::none, Op::none, here, d, nodes, factor, static_cast<const T*>(s.get()), nodes, z2, z2_step, T(0),
            a.get(), d);
    B::gemm(Op::transpose, Op::none, nodes, d, here, factor, static_cast<const T*>(s.get()), nodes,
            static_cast<const T*>(z1.get()), d, T(1), d_z2, d_z2_step);
    B::for_rows(here, 6 * d,
                detail::AddAnchors<T>{at, weight, factor, a.get(), z1.get(), z2, gradient->d_z1.data(), d_z2, z2_step,
                                      gradient->d_z1.row_stride(), d_z2_step, d});
  }
  return total;
}

}  // namespace reclm::tiled
