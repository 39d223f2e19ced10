#pragma once
/// @file info_nce.cuh
/// InfoNCE on the GPU, tile by tile: similarities of some anchors with all nodes by cuBLAS, one warp a row for the
/// softmax, gradients by cuBLAS again. The tile is bounded, so memory is O(anchors · d + nodes · d).

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "reclm/backend/cuda/reduce.cuh"
#include "reclm/backend/info_nce.hpp"
#include "reclm/backend/kernels/rows.hpp"

namespace reclm::cuda {

namespace detail {

// Rows of similarities s / τ become softmax · weight; loss[row] = weight · (log Σ exp − positive).
template <class T>
struct SoftmaxRows {
  T* s;             // [rows, nodes], already divided by τ
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
    const T w = weight[row];
    team.sync();
    team.each(nodes, [=](Index j) { x[j] = w * exp(x[j] - largest) / total; });
    if (team.leader()) loss[row] = w * (largest + log(total) - positive);
  }
};

// The positive pairs' part, for rows of distinct ids: with g = factor · weight[row],
// a[row, :] −= g · z2[id, :] (the anchors' gradient) and d_z2[id, :] −= g · z1[row, :].
template <class T>
struct PositiveGradient {
  const Id* ids;
  const T* weight;
  T factor;
  const T* z1;  // [rows, d], packed
  const T* z2;
  Index z2_step;
  T* a;
  T* d_z2;
  Index d_z2_step;
  Index width;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const T g = factor * weight[row];
    const T* const first = z1 + row * width;
    const T* const second = z2 + static_cast<Index>(ids[row]) * z2_step;
    T* const to_first = a + row * width;
    T* const to_second = d_z2 + static_cast<Index>(ids[row]) * d_z2_step;
    team.each(width, [=](Index c) {
      to_first[c] -= g * second[c];
      to_second[c] -= g * first[c];
    });
  }
};

// to[ids[row], :] += a[row, :], rows of `to` `step` apart.
template <class T>
struct AddRowsStrided {
  const T* a;
  const Id* ids;
  T* to;
  Index step, width;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const T* const from = a + row * width;
    T* const out = to + static_cast<Index>(ids[row]) * step;
    team.each(width, [=](Index c) { out[c] += from[c]; });
  }
};

template <class T>
struct GatherStrided {
  const T* x;
  const Id* ids;
  T* y;
  Index step, width;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const T* const from = x + static_cast<Index>(ids[row]) * step;
    T* const out = y + row * width;
    team.each(width, [=](Index c) { out[c] = from[c]; });
  }
};

template <class T>
std::shared_ptr<T> on_device(const std::vector<T>& host) {
  auto memory = allocate<T>(static_cast<Index>(host.size()));
  copy(memory.get(), host.data(), static_cast<Index>(host.size()), cudaMemcpyHostToDevice);
  wait();
  return memory;
}

template <class T>
void check_info_nce(const InfoNceProblem<T>& p, const InfoNceGradient<T>* gradient) {
  const auto fail = [](const char* what) { throw ShapeError(std::string("info_nce: ") + what); };
  const auto fits = [&](const auto& m) {
    return m.rows() == p.z1.rows() && m.cols() == p.z1.cols() && m.rows_contiguous();
  };
  if (!(p.temperature > 0))
    throw ConfigError("info_nce: the temperature is " + std::to_string(p.temperature) +
                      ". Remedy: choose one above 0, e.g. 0.1");
  if (!p.z1.rows_contiguous() || !fits(p.z2))
    fail("the two views differ in shape or have rows that are not contiguous");
  if (gradient != nullptr && (!fits(gradient->d_z1) || !fits(gradient->d_z2)))
    fail("a gradient has another shape, or rows that are not contiguous");
  for (const Id id : p.anchors)
    if (id < 0 || id >= p.z1.rows()) fail("an anchor lies outside the nodes");
}

}  // namespace detail

/// As cpu::info_nce; all matrices in device memory, anchors on the host. `gradient` may be null.
/// @throws ShapeError, ConfigError, CudaError
template <class T>
double info_nce(const InfoNceProblem<T>& p, const InfoNceGradient<T>* gradient) {
  constexpr Index kTileElements = Index{1} << 24;
  detail::check_info_nce(p, gradient);
  std::vector<Id> ids(p.anchors.begin(), p.anchors.end());
  std::sort(ids.begin(), ids.end());
  std::vector<T> counts;
  std::size_t kept = 0;
  for (std::size_t k = 0; k < ids.size(); ++k) {
    if (kept > 0 && ids[k] == ids[kept - 1]) {
      counts.back() += T(1);
    } else {
      ids[kept++] = ids[k];
      counts.push_back(T(1));
    }
  }
  ids.resize(kept);
  if (ids.empty()) return 0;
  const auto anchors = static_cast<Index>(kept);
  const Index nodes = p.z2.rows(), d = p.z2.cols();
  const Index rows = std::clamp(kTileElements / std::max<Index>(nodes, 1), Index{1}, anchors);
  const auto all_ids = detail::on_device(ids);
  const auto weights = detail::on_device(counts);
  const auto z1 = allocate<T>(rows * d), s = allocate<T>(rows * nodes), loss = allocate<T>(rows);
  const auto a = allocate<T>(gradient == nullptr ? 0 : rows * d);
  const T over_tau = static_cast<T>(1 / p.temperature);
  double total = 0;
  for (Index first = 0; first < anchors; first += rows) {
    const Index here = std::min(rows, anchors - first);
    const Id* const at = all_ids.get() + first;
    const T* const weight = weights.get() + first;
    for_rows(here, detail::GatherStrided<T>{p.z1.data(), at, z1.get(), p.z1.row_stride(), d});
    gemm(Op::none, Op::transpose, here, nodes, d, over_tau, z1.get(), d, p.z2.data(), p.z2.row_stride(), T(0), s.get(),
         nodes);
    for_rows(here, detail::SoftmaxRows<T>{s.get(), at, weight, loss.get(), nodes});
    total += sum(loss.get(), here);
    if (gradient == nullptr) continue;
    const T factor = static_cast<T>(gradient->scale) * over_tau;
    gemm(Op::none, Op::none, here, d, nodes, factor, s.get(), nodes, p.z2.data(), p.z2.row_stride(), T(0), a.get(), d);
    gemm(Op::transpose, Op::none, nodes, d, here, factor, s.get(), nodes, z1.get(), d, T(1), gradient->d_z2.data(),
         gradient->d_z2.row_stride());
    for_rows(here, detail::PositiveGradient<T>{at, weight, factor, z1.get(), p.z2.data(), p.z2.row_stride(), a.get(),
                                               gradient->d_z2.data(), gradient->d_z2.row_stride(), d});
    for_rows(here, detail::AddRowsStrided<T>{a.get(), at, gradient->d_z1.data(), gradient->d_z1.row_stride(), d});
  }
  return total;
}

}  // namespace reclm::cuda
