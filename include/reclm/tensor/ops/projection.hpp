#pragma once
/// @file projection.hpp
/// Linear layers of large models on a tape: weights that are trained, frozen, or frozen with a low-rank update (LoRA).

#include <memory>
#include <utility>

#include "reclm/backend/kernels/elementwise.hpp"
#include "reclm/tensor/constant_matrix.hpp"
#include "reclm/tensor/ops/gated.hpp"
#include "reclm/tensor/ops/linear.hpp"
#include "reclm/tensor/tape.hpp"

namespace reclm {

/// A layer's weight [out, in] as a tape's operations take it.
template <class B, class T>
struct WeightInput {
  std::shared_ptr<const ConstantMatrix<B, T>> matrix;  ///< what is computed with
  Var trained{};  ///< where the weight's gradient goes, of the same shape; invalid: nowhere

  /// A value of the tape as a weight.
  static WeightInput of(Tape<B, T>& tape, Var weight) {
    return {std::make_shared<DenseConstant<B, T>>(tape.value(weight)), tape.needs_gradient(weight) ? weight : Var{}};
  }
};

/// scale · B (A drop(x)) beside a layer (Hu et al., ICLR 2022). An invalid `a`: none.
struct LowRankInput {
  Var a{};           ///< [r, in]
  Var b{};           ///< [out, r]
  double scale = 1;  ///< α / r
  DropoutMask mask{};
};

namespace detail {

template <class B, class T>
Tensor<B, T> dropped(const Tensor<B, T>& x, const DropoutMask& mask) {
  if (mask.rate <= 0) return x;
  auto y = Tensor<B, T>::like(x);
  B::for_rows(
      x.rows(), 32 * x.cols(),
      kernels::Dropout<T>{x.data(), mask.random, mask.first, static_cast<float>(mask.rate), T(0), y.data(), x.cols()});
  return y;
}

// y = x · wᵀ · scale for a narrow w.
template <class B, class T>
Tensor<B, T> scaled_product(Op op_w, const Tensor<B, T>& x, const Tensor<B, T>& w, Index out, double scale) {
  Tensor<B, T> y{x.rows(), out};
  B::gemm(Op::none, op_w, x.rows(), out, x.cols(), T(1), x.data(), x.cols(), w.data(), w.cols(), T(0), y.data(), out);
  if (scale != 1)
    B::for_rows(y.rows(), 2 * out, kernels::ScaleInto<T>{y.data(), static_cast<T>(scale), T(0), y.data(), out});
  return y;
}

// Gradients of the low-rank part; `hidden` is scale · drop(x) · Aᵀ.
template <class B, class T>
void low_rank_backward(Tape<B, T>& t, Var x_var, const Tensor<B, T>& x, const LowRankInput& update,
                       const Tensor<B, T>& hidden, const Tensor<B, T>& dy) {
  const Tensor<B, T> a = t.value(update.a), b = t.value(update.b);
  const Index n = dy.rows(), out = dy.cols(), r = a.rows(), in = a.cols();
  if (t.needs_gradient(update.b)) {
    auto [db, beta] = t.slot(update.b);
    B::gemm(Op::transpose, Op::none, out, r, n, T(1), dy.data(), out, hidden.data(), r, beta, db.data(), r);
  }
  const Tensor<B, T> dh = scaled_product(Op::none, dy, b, r, update.scale);
  if (t.needs_gradient(update.a)) {
    const Tensor<B, T> kept = dropped(x, update.mask);
    auto [da, beta] = t.slot(update.a);
    B::gemm(Op::transpose, Op::none, r, in, n, T(1), dh.data(), r, kept.data(), in, beta, da.data(), in);
  }
  if (!t.needs_gradient(x_var)) return;
  auto [dx, beta] = t.slot(x_var);
  if (update.mask.rate <= 0) {
    B::gemm(Op::none, Op::none, n, in, r, T(1), dh.data(), r, a.data(), in, beta, dx.data(), in);
    return;
  }
  const Tensor<B, T> d = scaled_product(Op::none, dh, a, in, 1);
  B::for_rows(n, 32 * in,
              kernels::Dropout<T>{d.data(), update.mask.random, update.mask.first, static_cast<float>(update.mask.rate),
                                  beta, dx.data(), in});
}

}  // namespace detail

/// x · Wᵀ + bias (+ scale · drop(x) · Aᵀ · Bᵀ).
///
/// @param x    [n, in]; its value is kept only where a weight's gradient needs it
/// @param bias `out` elements, or an invalid Var for none
/// @returns    [n, out]
/// @throws ShapeError
template <class B, class T>
Var projection(Tape<B, T>& tape, Var x, const WeightInput<B, T>& weight, Var bias = {},
               const LowRankInput& update = {}) {
  const Tensor<B, T> in = tape.value(x);
  const auto matrix = weight.matrix;
  require_size("projection", "input width", in.cols(), matrix->cols());
  Tensor<B, T> y{in.rows(), matrix->rows()};
  matrix->times_transposed(in.data(), in.rows(), y.data());
  detail::add_bias_and_activate(tape, bias, Activation::none, y);
  const bool low_rank = update.a.valid(), trained = weight.trained.valid();
  Tensor<B, T> hidden;
  if (low_rank) {
    const Tensor<B, T>& a = tape.value(update.a);
    const Tensor<B, T>& b = tape.value(update.b);
    require_size("projection", "width of A", a.cols(), matrix->cols());
    require_size("projection", "rank of B", b.cols(), a.rows());
    require_size("projection", "rows of B", b.rows(), matrix->rows());
    hidden = detail::scaled_product(Op::transpose, detail::dropped(in, update.mask), a, a.rows(), update.scale);
    B::gemm(Op::none, Op::transpose, y.rows(), y.cols(), a.rows(), T(1), hidden.data(), a.rows(), b.data(), a.rows(),
            T(1), y.data(), y.cols());
  }
  const bool wanted = tape.needs_gradient(x) || trained || (bias.valid() && tape.needs_gradient(bias)) ||
                      (low_rank && tape.any_needs_gradient(update.a, update.b));
  const Tensor<B, T> kept = trained || low_rank ? in : in.shape_only();
  return tape.record(std::move(y), wanted, [=](Tape<B, T>& t, const Tensor<B, T>& dy) {
    if (t.needs_gradient(x)) {
      auto [dx, beta] = t.slot(x);
      matrix->times(dy.data(), dy.rows(), beta, dx.data());
    }
    if (trained) {
      auto [dw, beta] = t.slot(weight.trained);
      B::gemm(Op::transpose, Op::none, dy.cols(), kept.cols(), dy.rows(), T(1), dy.data(), dy.cols(), kept.data(),
              kept.cols(), beta, dw.data(), kept.cols());
    }
    detail::add_bias_gradient(t, bias, dy);
    if (low_rank) detail::low_rank_backward(t, x, kept, update, hidden, dy);
  });
}

}  // namespace reclm
