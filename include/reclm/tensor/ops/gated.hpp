#pragma once
/// @file gated.hpp
/// SwiGLU, GELU and dropout on a tape.

#include <cstdint>
#include <utility>

#include "reclm/backend/kernels/gated.hpp"
#include "reclm/tensor/tape.hpp"

namespace reclm {

using kernels::GeluKind;

/// silu(gate) ∘ up, of one shape: the gated half of SwiGLU.
template <class B, class T>
Var silu_gate(Tape<B, T>& tape, Var gate, Var up) {
  const Tensor<B, T> g = tape.value(gate), u = tape.value(up);
  require_same_shape("silu_gate", g, u);
  auto y = Tensor<B, T>::like(g);
  B::for_rows(g.rows(), 16 * g.cols(), kernels::SiluGate<T>{g.data(), u.data(), y.data(), g.cols()});
  return tape.record(std::move(y), tape.any_needs_gradient(gate, up), [=](Tape<B, T>& t, const Tensor<B, T>& dy) {
    kernels::SiluGateBackward<T> kernel{g.data(), u.data(), dy.data(), T(0), T(0), nullptr, nullptr, g.cols()};
    if (t.needs_gradient(gate)) {
      auto [d, beta] = t.slot(gate);
      kernel.d_gate = d.data();
      kernel.gate_beta = beta;
    }
    if (t.needs_gradient(up) && up.id != gate.id) {
      auto [d, beta] = t.slot(up);
      kernel.d_up = d.data();
      kernel.up_beta = beta;
    }
    B::for_rows(g.rows(), 20 * g.cols(), kernel);
    if (up.id == gate.id && t.needs_gradient(up)) {
      kernel.d_gate = nullptr;
      auto [d, beta] = t.slot(up);
      kernel.d_up = d.data();
      kernel.up_beta = beta;
      B::for_rows(g.rows(), 20 * g.cols(), kernel);
    }
  });
}

/// x · Φ(x) element by element.
template <class B, class T>
Var gelu(Tape<B, T>& tape, Var x, GeluKind kind = GeluKind::exact) {
  const Tensor<B, T> in = tape.value(x);
  auto y = Tensor<B, T>::like(in);
  B::for_rows(in.rows(), 16 * in.cols(), kernels::Gelu<T>{in.data(), nullptr, kind, T(0), y.data(), in.cols()});
  return tape.record(std::move(y), tape.needs_gradient(x), [=](Tape<B, T>& t, const Tensor<B, T>& dy) {
    auto [dx, beta] = t.slot(x);
    B::for_rows(in.rows(), 20 * in.cols(), kernels::Gelu<T>{in.data(), dy.data(), kind, beta, dx.data(), in.cols()});
  });
}

/// Which elements dropout drops: a function of a random stream and of the element's number.
struct DropoutMask {
  double rate = 0;  ///< probability that an element becomes 0, 0 to below 1; the others are divided by 1 − rate
  Random random{0, Stream::dropout};
  std::uint64_t first = 0;  ///< number of the first element: tells layers apart
};

/// x ∘ mask / (1 − rate) (Srivastava et al., JMLR 2014). The mask is drawn again in the backward pass, not kept.
template <class B, class T>
Var dropout(Tape<B, T>& tape, Var x, const DropoutMask& mask) {
  if (mask.rate <= 0) return x;
  const Tensor<B, T>& in = tape.value(x);
  const Index rows = in.rows(), cols = in.cols();
  const auto drop = [=](const T* from, T beta, T* to) {
    B::for_rows(rows, 32 * cols,
                kernels::Dropout<T>{from, mask.random, mask.first, static_cast<float>(mask.rate), beta, to, cols});
  };
  auto y = Tensor<B, T>::like(in);
  drop(in.data(), T(0), y.data());
  return tape.record(std::move(y), tape.needs_gradient(x), [=](Tape<B, T>& t, const Tensor<B, T>& dy) {
    auto [dx, beta] = t.slot(x);
    drop(dy.data(), beta, dx.data());
  });
}

}  // namespace reclm
