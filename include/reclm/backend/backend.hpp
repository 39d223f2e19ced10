#pragma once
/// @file backend.hpp
/// What the numeric rooms ask of a device. `Cpu` (cpu.hpp) and `Cuda` (cuda.cuh) model it; a backend is chosen as a
/// template argument, so nothing is decided at run time.

#include <concepts>
#include <memory>
#include <span>

#include "reclm/backend/info_nce.hpp"
#include "reclm/backend/ranking.hpp"
#include "reclm/backend/team.hpp"
#include "reclm/core/config.hpp"

namespace reclm {

/// Whether a matrix enters a product as it is or transposed.
enum class Op { none, transpose };

/// A CSR matrix in the backend's memory. `values` may be null where an operation brings its own.
template <class T>
struct CsrView {
  Index rows = 0, cols = 0;
  const Index* offsets = nullptr;  ///< rows + 1
  const Id* columns = nullptr;
  const T* values = nullptr;
};

namespace detail {
struct ConceptKernel {
  template <class Team>
  RECLM_HD void operator()(Team, Index) const {}
};
}  // namespace detail

/// A device for dense row-major arrays.
///
/// - `allocate<T>(n)`: n uninitialised elements, aligned to kAlignment, returned to a cache when the last owner goes.
/// - `to_host`, `from_host`, `copy`, `zero`: n elements; blocking where host memory is involved.
/// - `for_rows(n, width, kernel)`: kernel(team, row) for each row; `width` (elements a row touches) sets the grain.
/// - `gemm`: C[m,n] = alpha · op(A) · op(B) + beta · C, row-major with leading dimensions (elements).
/// - `spmm`: Y[rows,d] = beta · R + A · X; `R` may be Y's own memory, or null when beta is 0.
/// - `sum(x, n)`: in double, in a fixed order.
/// - `column_sums`: out[cols] (+)= sum over the rows of x [rows, cols].
/// - `info_nce(problem)`, `info_nce(problem, gradient)`: the loss, and its gradient added; see info_nce.hpp.
/// - `top_k(factors, users, candidates, masked, k)`: the best items of each user; see ranking.hpp and cpu/top_k.hpp.
///
/// A backend with products and row kernels gets the last four from tiled/.
template <class B>
concept Backend = requires(float* x, const float* y, Index n, CsrView<float> a, detail::ConceptKernel kernel,
                           const InfoNceProblem<float>& problem, const InfoNceGradient<float>& gradient,
                           const PairFactors& factors, std::span<const Id> ids, const MaskView& masked) {
  { B::name() } -> std::convertible_to<const char*>;
  { B::template allocate<float>(n) } -> std::same_as<std::shared_ptr<float>>;
  B::to_host(x, y, n);
  B::from_host(x, y, n);
  B::copy(x, y, n);
  B::zero(x, n);
  B::for_rows(n, n, kernel);
  B::gemm(Op::none, Op::transpose, n, n, n, 1.0f, y, n, y, n, 0.0f, x, n);
  B::spmm(a, y, n, 1.0f, y, x);
  { B::sum(y, n) } -> std::same_as<double>;
  B::column_sums(y, n, n, true, x);
  { B::info_nce(problem) } -> std::same_as<double>;
  { B::info_nce(problem, gradient) } -> std::same_as<double>;
  { B::top_k(factors, ids, ids, masked, n) } -> std::same_as<TopK>;
};

}  // namespace reclm
