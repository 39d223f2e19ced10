#pragma once
/// @file contrast.hpp
/// InfoNCE on a tape with sampled negatives, and with a temperature that is learned.

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <utility>

#include "reclm/backend/kernels/contrast.hpp"
#include "reclm/backend/kernels/rows.hpp"
#include "reclm/tensor/ops/loss.hpp"
#include "reclm/tensor/row_groups.hpp"
#include "reclm/tensor/tape.hpp"

namespace reclm {

/// A temperature τ as a value on a tape: log(1/τ), [1, 1]. Where it is learned, 1/τ counts as 100 at most, and beyond
/// only a gradient that leads back gets through. Source: Radford et al., "CLIP", ICML 2021, section 2.5.
struct LogScale {
  Var value;
  static constexpr double kMost = 100;

  /// What is read of it: 1/τ, and whether it has reached its most.
  struct Reading {
    double scale;
    bool capped;

    /// The gradient by log(1/τ), of what flows to it; descent follows a positive one downwards.
    [[nodiscard]] double let_through(double gradient) const { return capped && gradient < 0 ? 0 : gradient; }
  };

  template <class B, class T>
  [[nodiscard]] Reading read(const Tape<B, T>& tape) const {
    require_size("LogScale", "number of elements", tape.value(value).size(), 1);
    T log_scale;
    B::to_host(&log_scale, tape.value(value).data(), 1);
    const double scale = std::exp(static_cast<double>(log_scale));
    const bool capped = tape.needs_gradient(value) && scale >= kMost;
    return {capped ? kMost : scale, capped};
  }
};

namespace detail {

template <class B, class T>
Tensor<B, T> scalar(double value) {
  Tensor<B, T> result{1, 1};
  const T rounded = static_cast<T>(value);
  B::from_host(result.data(), &rounded, 1);
  return result;
}

template <class B, class T>
double scalar_value(const Tensor<B, T>& tensor) {
  T value;
  B::to_host(&value, tensor.data(), 1);
  return static_cast<double>(value);
}

}  // namespace detail

/// InfoNCE of anchors with their positives against negatives that all anchors share:
/// Σ_b ( −⟨u_b, p_b⟩/τ + log(e^{⟨u_b, p_b⟩/τ} + Σ_j e^{⟨u_b, n_j⟩/τ}) ) / divisor. A negative whose id is the
/// positive's is left out for that anchor.
///
/// @param u, p         [b, d], rows of unit length
/// @param n            [k, d], k ≥ 1, rows of unit length
/// @param positive_ids, negative_ids  b and k ids
/// @returns            [1, 1]
/// @throws ShapeError
/// Cost: 6·b·k·d operations both ways; memory b·k.
template <class B, class T>
Var sampled_info_nce_loss(Tape<B, T>& tape, Var u, Var p, Var n, std::span<const Id> positive_ids,
                          std::span<const Id> negative_ids, LogScale log_scale, double divisor) {
  const Tensor<B, T> a = tape.value(u), b = tape.value(p), c = tape.value(n);
  require_same_shape("sampled_info_nce_loss", a, b);
  require_size("sampled_info_nce_loss", "width of the negatives", c.cols(), a.cols());
  require_size("sampled_info_nce_loss", "number of positives' ids", static_cast<Index>(positive_ids.size()), a.rows());
  require_size("sampled_info_nce_loss", "number of negatives' ids", static_cast<Index>(negative_ids.size()), c.rows());
  if (c.rows() < 1) throw ShapeError("sampled_info_nce_loss: there are no negatives");
  const LogScale::Reading temperature = log_scale.read(tape);
  const double scale = temperature.scale;
  const Index rows = a.rows(), count = c.rows(), width = a.cols();
  const auto own = upload<B, Id>(positive_ids), others = upload<B, Id>(negative_ids);
  Tensor<B, T> weights{rows, count}, terms{rows, 1}, rest{rows, 1}, slope{rows, 1};
  B::gemm(Op::none, Op::transpose, rows, count, width, T(1), a.data(), width, c.data(), width, T(0), weights.data(),
          count);
  B::for_rows(
      rows, 24 * count,
      kernels::SampledContrast<T>{a.data(), b.data(), weights.data(), own.get(), others.get(), static_cast<T>(scale),
                                  terms.data(), rest.data(), slope.data(), count, width});
  const Var s = log_scale.value;
  return tape.record(detail::scalar<B, T>(B::sum(terms.data(), rows) / divisor), tape.any_needs_gradient(u, p, n, s),
                     [=](Tape<B, T>& t, const Tensor<B, T>& d_loss) {
                       const double upstream = detail::scalar_value<B, T>(d_loss) / divisor;
                       const auto factor = static_cast<T>(upstream * scale);
                       const auto multiple = [&](Var v, const Tensor<B, T>& of) {
                         auto [d, beta] = t.slot(v);
                         B::for_rows(rows, 3 * width,
                                     kernels::AddRowMultiple<T>{of.data(), rest.data(), factor, beta, d.data(), width});
                       };
                       if (t.needs_gradient(u)) {
                         multiple(u, b);
                         auto [d, beta] = t.slot(u);
                         B::gemm(Op::none, Op::none, rows, width, count, factor, weights.data(), count, c.data(), width,
                                 T(1), d.data(), width);
                       }
                       if (t.needs_gradient(p)) multiple(p, a);
                       if (t.needs_gradient(n)) {
                         auto [d, beta] = t.slot(n);
                         B::gemm(Op::transpose, Op::none, count, width, rows, factor, weights.data(), count, a.data(),
                                 width, beta, d.data(), width);
                       }
                       if (t.needs_gradient(s))
                         t.add_gradient(
                             s, detail::scalar<B, T>(temperature.let_through(upstream * B::sum(slope.data(), rows))));
                     });
}

/// `info_nce_loss` (loss.hpp) with a temperature on the tape: the anchors' rows of z1 against all rows of z2.
/// @param z1, z2 [n, d], rows of unit length  @returns [1, 1]
template <class B, class T>
Var info_nce_loss(Tape<B, T>& tape, Var z1, Var z2, std::span<const Id> anchors, LogScale log_scale, double divisor) {
  const LogScale::Reading temperature = log_scale.read(tape);
  const Tensor<B, T> a = tape.value(z1), b = tape.value(z2);
  require_same_shape("info_nce_loss", a, b);
  const Var s = log_scale.value;
  const bool wanted = tape.any_needs_gradient(z1, z2, s);
  const InfoNceProblem<T> problem{
      {a.data(), a.rows(), a.cols()}, {b.data(), b.rows(), b.cols()}, anchors, 1 / temperature.scale};
  auto d1 = Tensor<B, T>::zeros(a.rows(), a.cols()), d2 = Tensor<B, T>::zeros(b.rows(), b.cols());
  const double sum = wanted ? B::info_nce(problem, InfoNceGradient<T>{{d1.data(), a.rows(), a.cols()},
                                                                      {d2.data(), b.rows(), b.cols()},
                                                                      1 / divisor})
                            : B::info_nce(problem);
  return tape.record(detail::scalar<B, T>(sum / divisor), wanted, [=](Tape<B, T>& t, const Tensor<B, T>& d_loss) {
    const double upstream = detail::scalar_value<B, T>(d_loss);
    const auto add = [&](Var z, const Tensor<B, T>& d) {
      if (!t.needs_gradient(z)) return;
      auto [g, beta] = t.slot(z);
      B::for_rows(d.rows(), 3 * d.cols(),
                  kernels::ScaleInto<T>{d.data(), static_cast<T>(upstream), beta, g.data(), d.cols()});
    };
    add(z1, d1);
    add(z2, d2);
    if (!t.needs_gradient(s)) return;
    // z1 enters by z1/τ alone, so the derivative by log(1/τ) is ⟨z1, dz1⟩.
    Tensor<B, T> along{a.rows(), 1};
    B::for_rows(a.rows(), 2 * a.cols(), kernels::RowDot<T>{a.data(), d1.data(), nullptr, along.data(), a.cols()});
    t.add_gradient(s, detail::scalar<B, T>(temperature.let_through(upstream * B::sum(along.data(), a.rows()))));
  });
}

}  // namespace reclm
