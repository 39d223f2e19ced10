#pragma once
/// @file sparse.hpp
/// Products with a constant sparse matrix on a tape.

#include <utility>

#include "reclm/backend/kernels/elementwise.hpp"
#include "reclm/backend/kernels/rows.hpp"
#include "reclm/tensor/sparse.hpp"
#include "reclm/tensor/tape.hpp"

namespace reclm {

/// A · x, or r + A · x.
///
/// @param a [m, n], constant
/// @param x [n, d]
/// @param r [m, d], or an invalid Var for none
/// @returns [m, d]
/// Cost: O(entries · d) both ways; the backward pass multiplies by the stored transpose.
template <class B, class T>
Var sparse_product(Tape<B, T>& tape, const SparseMatrix<B, T>& a, Var x, Var r = {}) {
  const Index width = tape.value(x).cols();
  require_size("sparse_product", "number of rows of x", tape.value(x).rows(), a.cols());
  Tensor<B, T> y{a.rows(), width};
  if (r.valid()) {
    require_same_shape("sparse_product", tape.value(r), y);
    B::spmm(a.view(), tape.value(x).data(), width, T(1), tape.value(r).data(), y.data());
  } else {
    B::spmm(a.view(), tape.value(x).data(), width, T(0), static_cast<const T*>(nullptr), y.data());
  }
  const bool wanted = tape.needs_gradient(x) || (r.valid() && tape.needs_gradient(r));
  return tape.record(std::move(y), wanted, [=](Tape<B, T>& t, const Tensor<B, T>& dy) {
    if (t.needs_gradient(x)) {
      auto [dx, beta] = t.slot(x);
      B::spmm(a.transposed_view(), dy.data(), width, beta, dx.data(), dx.data());
    }
    if (r.valid()) t.pass_gradient(r, dy);
  });
}

/// r + scale ∘ s by row: y[row, :] = r[row, :] + scale[row] · s[row, :]. What self-loops of a graph do.
/// @param scale [n, 1], constant
template <class B, class T>
Var add_scaled_rows(Tape<B, T>& tape, Var r, const Tensor<B, T>& scale, Var s) {
  const Index rows = tape.value(r).rows(), width = tape.value(r).cols();
  require_same_shape("add_scaled_rows", tape.value(r), tape.value(s));
  require_size("add_scaled_rows", "number of factors", scale.size(), rows);
  Tensor<B, T> y{rows, width};
  B::for_rows(rows, 3 * width,
              kernels::AddScaledRows<T>{tape.value(r).data(), scale.data(), tape.value(s).data(), y.data(), width});
  return tape.record(std::move(y), tape.any_needs_gradient(r, s), [=](Tape<B, T>& t, const Tensor<B, T>& dy) {
    if (t.needs_gradient(s)) {
      auto [ds, beta] = t.slot(s);
      const T* held = beta == T(0) ? nullptr : ds.data();
      B::for_rows(rows, 3 * width, kernels::AddScaledRows<T>{held, scale.data(), dy.data(), ds.data(), width});
    }
    t.pass_gradient(r, dy);
  });
}

}  // namespace reclm
