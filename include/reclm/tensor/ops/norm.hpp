#pragma once
/// @file norm.hpp
/// RMSNorm and LayerNorm on a tape.

#include <utility>

#include "reclm/backend/kernels/norm.hpp"
#include "reclm/tensor/tape.hpp"

namespace reclm {

namespace detail {

// The weight's gradient; `statistics` as kernels::NormWeightProducts reads it.
template <class B, class T>
void add_norm_weight_gradient(Tape<B, T>& tape, Var weight, const Tensor<B, T>& x, const Tensor<B, T>& statistics,
                              const Tensor<B, T>& dy) {
  if (!tape.needs_gradient(weight)) return;
  auto products = Tensor<B, T>::like(dy);
  B::for_rows(x.rows(), 4 * x.cols(),
              kernels::NormWeightProducts<T>{x.data(), statistics.data(), statistics.cols(), dy.data(), products.data(),
                                             x.cols()});
  auto [d, beta] = tape.slot(weight);
  B::column_sums(products.data(), x.rows(), x.cols(), beta != T(0), d.data());
}

}  // namespace detail

/// x / √(mean(x²) + epsilon) ∘ weight by row.
/// @param x [n, d]  @param weight d elements  @returns [n, d]  @throws ShapeError
template <class B, class T>
Var rms_norm(Tape<B, T>& tape, Var x, Var weight, double epsilon) {
  const Tensor<B, T> in = tape.value(x), w = tape.value(weight);
  require_size("rms_norm", "width of the weight", w.size(), in.cols());
  auto y = Tensor<B, T>::like(in);
  Tensor<B, T> inverse{in.rows(), 1};
  B::for_rows(in.rows(), 4 * in.cols(),
              kernels::RmsNorm<T>{in.data(), w.data(), static_cast<T>(epsilon), y.data(), inverse.data(), in.cols()});
  return tape.record(std::move(y), tape.any_needs_gradient(x, weight), [=](Tape<B, T>& t, const Tensor<B, T>& dy) {
    detail::add_norm_weight_gradient(t, weight, in, inverse, dy);
    if (!t.needs_gradient(x)) return;
    auto [dx, beta] = t.slot(x);
    B::for_rows(
        in.rows(), 6 * in.cols(),
        kernels::RmsNormBackward<T>{in.data(), w.data(), inverse.data(), dy.data(), beta, dx.data(), in.cols()});
  });
}

/// (x − mean) / √(variance + epsilon) ∘ weight + bias by row.
/// @param x [n, d]  @param weight, bias d elements  @returns [n, d]  @throws ShapeError
template <class B, class T>
Var layer_norm(Tape<B, T>& tape, Var x, Var weight, Var bias, double epsilon) {
  const Tensor<B, T> in = tape.value(x), w = tape.value(weight);
  require_size("layer_norm", "width of the weight", w.size(), in.cols());
  require_size("layer_norm", "width of the bias", tape.value(bias).size(), in.cols());
  auto y = Tensor<B, T>::like(in);
  Tensor<B, T> statistics{in.rows(), 2};
  B::for_rows(in.rows(), 6 * in.cols(),
              kernels::LayerNorm<T>{in.data(), w.data(), tape.value(bias).data(), static_cast<T>(epsilon), y.data(),
                                    statistics.data(), in.cols()});
  const bool wanted = tape.any_needs_gradient(x, weight, bias);
  return tape.record(std::move(y), wanted, [=](Tape<B, T>& t, const Tensor<B, T>& dy) {
    detail::add_norm_weight_gradient(t, weight, in, statistics, dy);
    if (t.needs_gradient(bias)) {
      auto [d, beta] = t.slot(bias);
      B::column_sums(dy.data(), dy.rows(), dy.cols(), beta != T(0), d.data());
    }
    if (!t.needs_gradient(x)) return;
    auto [dx, beta] = t.slot(x);
    B::for_rows(
        in.rows(), 8 * in.cols(),
        kernels::LayerNormBackward<T>{in.data(), w.data(), statistics.data(), dy.data(), beta, dx.data(), in.cols()});
  });
}

}  // namespace reclm
