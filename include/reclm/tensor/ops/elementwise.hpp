#pragma once
/// @file elementwise.hpp
/// Element-by-element operations on a tape.

#include <utility>

#include "reclm/backend/kernels/elementwise.hpp"
#include "reclm/tensor/tape.hpp"

namespace reclm {

/// a + b, of one shape.
template <class B, class T>
Var add(Tape<B, T>& tape, Var a, Var b) {
  require_same_shape("add", tape.value(a), tape.value(b));
  auto y = tape.value(a).clone();
  B::for_rows(y.rows(), 3 * y.cols(), kernels::AddScaled<T>{tape.value(b).data(), T(1), y.data(), y.cols()});
  return tape.record(std::move(y), tape.any_needs_gradient(a, b), [=](Tape<B, T>& t, const Tensor<B, T>& dy) {
    t.add_gradient(a, dy);
    t.pass_gradient(b, dy);
  });
}

}  // namespace reclm
