#pragma once
/// @file rows.hpp
/// Operations on rows on a tape: look-ups, unit length, stacking.

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/backend/kernels/rows.hpp"
#include "reclm/core/error.hpp"
#include "reclm/tensor/row_groups.hpp"
#include "reclm/tensor/tape.hpp"

namespace reclm {

/// y[k, :] = x[ids[k], :]; rows may repeat.
/// @param x [n, d]  @returns [ids, d]  @throws ShapeError on a row outside x
/// Cost of the backward pass: O(n · d) when x has no gradient yet, else O(n + ids · d).
template <class B, class T>
Var gather_rows(Tape<B, T>& tape, Var x, const RowGroups<B>& groups) {
  const Index width = tape.value(x).cols();
  require_size("gather_rows", "number of rows", groups.rows(), tape.value(x).rows());
  Tensor<B, T> y{groups.size(), width};
  B::for_rows(groups.size(), 2 * width, kernels::Gather<T>{tape.value(x).data(), groups.ids(), y.data(), width});
  return tape.record(std::move(y), tape.needs_gradient(x), [=](Tape<B, T>& t, const Tensor<B, T>& dy) {
    auto [dx, beta] = t.slot(x);
    B::for_rows(groups.rows(), 2 * width,
                kernels::ScatterGroups<T>{dy.data(), groups.offsets(), groups.members(), beta, dx.data(), width});
  });
}
template <class B, class T>
Var gather_rows(Tape<B, T>& tape, Var x, std::span<const Id> ids) {
  return gather_rows(tape, x, RowGroups<B>(ids, tape.value(x).rows()));
}

/// The same for distinct rows, without an index over all of x. @throws ShapeError on a row outside x or named twice
/// Cost of the backward pass: O(ids · d), and a zeroing of [n, d] when x has no gradient yet.
template <class B, class T>
Var gather_distinct_rows(Tape<B, T>& tape, Var x, std::span<const Id> ids) {
  const Index width = tape.value(x).cols(), count = static_cast<Index>(ids.size());
  check_distinct_rows(ids, tape.value(x).rows());
  const std::shared_ptr<Id> rows = upload<B, Id>(ids);
  Tensor<B, T> y{count, width};
  B::for_rows(count, 2 * width, kernels::Gather<T>{tape.value(x).data(), rows.get(), y.data(), width});
  return tape.record(std::move(y), tape.needs_gradient(x), [=](Tape<B, T>& t, const Tensor<B, T>& dy) {
    auto [dx, beta] = t.slot(x);
    if (beta == T(0)) B::zero(dx.data(), dx.size());
    B::for_rows(count, 2 * width, kernels::AddToRows<T>{dy.data(), rows.get(), dx.data(), width});
  });
}

/// Distinct rows of a parameter; `backward()` leaves a row gradient in the parameter, so that the cost does not depend
/// on its size. Use a parameter either so, and once a tape, or as a whole.
/// @param ids distinct  @returns [ids, d]
/// @throws ShapeError on a row outside the table or named twice, ConfigError when the tape uses the parameter already
template <class B, class T>
Var look_up(Tape<B, T>& tape, Parameter<B, T>& table, std::span<const Id> ids) {
  const Index width = table.value.cols(), count = static_cast<Index>(ids.size());
  check_distinct_rows(ids, table.value.rows());
  tape.claim_rows(table);
  const std::shared_ptr<Id> rows = upload<B, Id>(ids);
  Tensor<B, T> y{count, width};
  B::for_rows(count, 2 * width, kernels::Gather<T>{table.value.data(), rows.get(), y.data(), width});
  return tape.record(std::move(y), true,
                     [&table, kept = std::vector<Id>(ids.begin(), ids.end())](Tape<B, T>&, const Tensor<B, T>& dy) {
                       table.gradient = {};  // of a step that was given up
                       table.row_gradient = {kept, dy};
                     });
}

/// y = x / max(‖x‖₂, 1e-12) by row.
/// @param x [n, d]  @returns [n, d]
template <class B, class T>
Var normalize_rows(Tape<B, T>& tape, Var x) {
  const Index rows = tape.value(x).rows(), width = tape.value(x).cols();
  auto y = Tensor<B, T>::like(tape.value(x));
  Tensor<B, T> norms{rows, 1};
  B::for_rows(rows, 4 * width, kernels::Normalize<T>{tape.value(x).data(), y.data(), norms.data(), width});
  const Tensor<B, T> result = y;
  return tape.record(std::move(y), tape.needs_gradient(x), [=](Tape<B, T>& t, const Tensor<B, T>& dy) {
    auto [dx, beta] = t.slot(x);
    B::for_rows(rows, 6 * width,
                kernels::NormalizeBackward<T>{result.data(), norms.data(), dy.data(), beta, dx.data(), width});
  });
}

/// The rows of `a`, then the rows of `b`.
/// @param a [m, d]  @param b [n, d]  @returns [m + n, d]
template <class B, class T>
Var stack_rows(Tape<B, T>& tape, Var a, Var b) {
  const Index width = tape.value(a).cols(), first = tape.value(a).size(), second = tape.value(b).size();
  require_size("stack_rows", "width", tape.value(b).cols(), width);
  Tensor<B, T> y{tape.value(a).rows() + tape.value(b).rows(), width};
  B::copy(y.data(), tape.value(a).data(), first);
  B::copy(y.data() + first, tape.value(b).data(), second);
  return tape.record(std::move(y), tape.any_needs_gradient(a, b), [=](Tape<B, T>& t, const Tensor<B, T>& dy) {
    const auto add = [&](Var v, const T* from) {
      if (!t.needs_gradient(v)) return;
      auto [g, beta] = t.slot(v);
      B::for_rows(g.rows(), 3 * width, kernels::ScaleInto<T>{from, T(1), beta, g.data(), width});
    };
    add(a, dy.data());
    add(b, dy.data() + first);
  });
}

/// Rows [first, first + count) of x.
/// @returns [count, d]
template <class B, class T>
Var slice_rows(Tape<B, T>& tape, Var x, Index first, Index count) {
  const Index width = tape.value(x).cols(), all = tape.value(x).rows();
  if (first < 0 || count < 0 || count > all - first)
    throw ShapeError("slice_rows: rows " + std::to_string(first) + " to " + std::to_string(first + count) +
                     " are not all among the " + std::to_string(all));
  Tensor<B, T> y{count, width};
  B::copy(y.data(), tape.value(x).data() + first * width, count * width);
  return tape.record(std::move(y), tape.needs_gradient(x), [=](Tape<B, T>& t, const Tensor<B, T>& dy) {
    auto [dx, beta] = t.slot(x);
    if (beta == T(0)) B::zero(dx.data(), dx.size());
    B::for_rows(count, 3 * width, kernels::AddScaled<T>{dy.data(), T(1), dx.data() + first * width, width});
  });
}

}  // namespace reclm
