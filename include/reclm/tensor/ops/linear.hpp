#pragma once
/// @file linear.hpp
/// Affine layers on a tape, bias and activation in one pass. Weights are [out, in], as in PyTorch.

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "reclm/backend/kernels/elementwise.hpp"
#include "reclm/core/error.hpp"
#include "reclm/tensor/ops/rows.hpp"
#include "reclm/tensor/tape.hpp"

namespace reclm {

enum class Activation { none, relu };

namespace detail {

// The gradient in front of the activation, from the one behind it.
template <class B, class T>
Tensor<B, T> before_activation(Activation activation, const Tensor<B, T>& y, const Tensor<B, T>& dy) {
  if (activation == Activation::none) return dy;
  auto dz = Tensor<B, T>::like(dy);
  B::for_rows(y.rows(), 3 * y.cols(), kernels::ReluBackward<T>{y.data(), dy.data(), dz.data(), y.cols()});
  return dz;
}

// y = activation(y + bias) in place; an invalid bias is none.
template <class B, class T>
void add_bias_and_activate(Tape<B, T>& tape, Var bias, Activation activation, Tensor<B, T>& y) {
  if (!bias.valid() && activation == Activation::none) return;
  const T* b = nullptr;
  if (bias.valid()) {
    require_size("linear", "bias width", tape.value(bias).size(), y.cols());
    b = tape.value(bias).data();
  }
  B::for_rows(y.rows(), 2 * y.cols(),
              kernels::BiasActivation<T>{b, activation == Activation::relu, y.data(), y.cols()});
}

template <class B, class T>
void add_bias_gradient(Tape<B, T>& tape, Var bias, const Tensor<B, T>& dz) {
  if (!bias.valid() || !tape.needs_gradient(bias)) return;
  auto [db, beta] = tape.slot(bias);
  B::column_sums(dz.data(), dz.rows(), dz.cols(), beta != T(0), db.data());
}

/// y = activation([x_1; …; x_N] · W'ᵀ + b) for blocks side by side, without joining them in memory. W' are the columns
/// of W from `start` on that the blocks fill.
template <class B, class T, std::size_t N>
Var linear_blocks(Tape<B, T>& tape, const std::array<Var, N>& blocks, Var weight, Index start, Var bias,
                  Activation activation) {
  const Index rows = tape.value(blocks[0]).rows(), out = tape.value(weight).rows(), in = tape.value(weight).cols();
  Tensor<B, T> y{rows, out};
  bool wanted = tape.needs_gradient(weight) || (bias.valid() && tape.needs_gradient(bias));
  Index column = start;
  for (const Var block : blocks) {
    const Tensor<B, T>& x = tape.value(block);
    require_size("linear", "number of rows", x.rows(), rows);
    if (start < 0 || column + x.cols() > in)
      throw ShapeError("linear: columns " + std::to_string(column) + " to " + std::to_string(column + x.cols()) +
                       " are not all among the weight's " + std::to_string(in));
    B::gemm(Op::none, Op::transpose, rows, out, x.cols(), T(1), x.data(), x.cols(), tape.value(weight).data() + column,
            in, column == start ? T(0) : T(1), y.data(), out);
    column += x.cols();
    wanted = wanted || tape.needs_gradient(block);
  }
  const bool all_columns = column - start == in;
  add_bias_and_activate(tape, bias, activation, y);
  const Tensor<B, T> result = y;
  return tape.record(std::move(y), wanted, [=](Tape<B, T>& t, const Tensor<B, T>& dy) {
    const Tensor<B, T> dz = before_activation(activation, result, dy);
    const Tensor<B, T> w = t.value(weight);
    Index first = start;
    for (const Var block : blocks) {
      const Index width = t.value(block).cols();
      if (t.needs_gradient(block)) {
        auto [dx, beta] = t.slot(block);
        B::gemm(Op::none, Op::none, rows, width, out, T(1), dz.data(), out, w.data() + first, in, beta, dx.data(),
                width);
      }
      first += width;
    }
    if (t.needs_gradient(weight)) {
      // The blocks fill disjoint columns of dW, so one beta holds for all.
      auto [dw, beta] = t.slot(weight);
      if (!all_columns && beta == T(0)) {
        B::zero(dw.data(), dw.size());
        beta = T(1);
      }
      first = start;
      for (const Var block : blocks) {
        const Tensor<B, T>& x = t.value(block);
        B::gemm(Op::transpose, Op::none, out, x.cols(), rows, T(1), dz.data(), out, x.data(), x.cols(), beta,
                dw.data() + first, in);
        first += x.cols();
      }
    }
    add_bias_gradient(t, bias, dz);
  });
}

}  // namespace detail

/// activation(x · Wᵀ + b).
///
/// @param x      [n, in]
/// @param weight [out, in]
/// @param bias   `out` elements, or an invalid Var for none
/// @returns      [n, out]
/// @throws ShapeError
template <class B, class T>
Var linear(Tape<B, T>& tape, Var x, Var weight, Var bias, Activation activation = Activation::none) {
  require_size("linear", "input width", tape.value(x).cols(), tape.value(weight).cols());
  return detail::linear_blocks(tape, std::array{x}, weight, 0, bias, activation);
}

/// The part of a layer that belongs to some of its inputs: activation(x · W[:, first … first + p)ᵀ + b), x [n, p].
template <class B, class T>
Var linear_columns(Tape<B, T>& tape, Var x, Var weight, Index first, Var bias,
                   Activation activation = Activation::none) {
  return detail::linear_blocks(tape, std::array{x}, weight, first, bias, activation);
}

/// activation([a; b] · Wᵀ + bias), the rows of a [n, p] and b [n, q] side by side; weight [out, p + q].
template <class B, class T>
Var linear_pair(Tape<B, T>& tape, Var a, Var b, Var weight, Var bias, Activation activation = Activation::none) {
  require_size("linear_pair", "input width", tape.value(a).cols() + tape.value(b).cols(), tape.value(weight).cols());
  return detail::linear_blocks(tape, std::array{a, b}, weight, 0, bias, activation);
}

/// activation(x[ids, :] · Wᵀ + b) of some rows of a constant matrix, which are not copied where the backend can do
/// without.
/// @param x [n, in]  @param ids rows of x, repeats allowed  @returns [ids, out]
template <class B, class T>
Var linear_of_rows(Tape<B, T>& tape, const Tensor<B, T>& x, std::span<const Id> ids, Var weight, Var bias,
                   Activation activation = Activation::none) {
  check_rows(ids, x.rows());
  if constexpr (requires(T * p) {
                  B::gather_gemm(Index{}, Index{}, Index{}, p, static_cast<const Id*>(nullptr), p, p);
                }) {
    const Index rows = static_cast<Index>(ids.size()), out = tape.value(weight).rows(), in = x.cols();
    require_size("linear_of_rows", "input width", in, tape.value(weight).cols());
    const std::shared_ptr<Id> chosen = upload<B, Id>(ids);
    Tensor<B, T> y{rows, out};
    B::gather_gemm(rows, out, in, x.data(), chosen.get(), tape.value(weight).data(), y.data());
    detail::add_bias_and_activate(tape, bias, activation, y);
    const Tensor<B, T> result = y;
    const bool wanted = tape.needs_gradient(weight) || (bias.valid() && tape.needs_gradient(bias));
    return tape.record(std::move(y), wanted, [=](Tape<B, T>& t, const Tensor<B, T>& dy) {
      const Tensor<B, T> dz = detail::before_activation(activation, result, dy);
      if (t.needs_gradient(weight)) {
        auto [dw, beta] = t.slot(weight);
        B::gather_gemm_backward(rows, out, in, dz.data(), x.data(), chosen.get(), beta, dw.data());
      }
      detail::add_bias_gradient(t, bias, dz);
    });
  } else {
    return linear(tape, gather_rows(tape, tape.constant(x), ids), weight, bias, activation);
  }
}

/// activation(x + bias), for products whose bias comes late.
/// @param x [n, d]  @param bias d elements  @returns [n, d]
template <class B, class T>
Var bias_activation(Tape<B, T>& tape, Var x, Var bias, Activation activation = Activation::none) {
  Tensor<B, T> y = tape.value(x).clone();
  detail::add_bias_and_activate(tape, bias, activation, y);
  const Tensor<B, T> result = y;
  return tape.record(std::move(y), tape.any_needs_gradient(x, bias), [=](Tape<B, T>& t, const Tensor<B, T>& dy) {
    const Tensor<B, T> dz = detail::before_activation(activation, result, dy);
    detail::add_bias_gradient(t, bias, dz);
    t.pass_gradient(x, dz);
  });
}

}  // namespace reclm
