#pragma once
/// @file fusion.hpp
/// Joining vectors on a tape: gates, mixtures of experts, rows put in place of others.

#include <memory>
#include <span>
#include <utility>

#include "reclm/backend/kernels/fusion.hpp"
#include "reclm/backend/kernels/rows.hpp"
#include "reclm/tensor/row_groups.hpp"
#include "reclm/tensor/tape.hpp"

namespace reclm {

/// σ(logits) ∘ a + (1 − σ(logits)) ∘ b, all [n, d].
template <class B, class T>
Var gated_mix(Tape<B, T>& tape, Var logits, Var a, Var b) {
  require_same_shape("gated_mix", tape.value(logits), tape.value(a));
  require_same_shape("gated_mix", tape.value(a), tape.value(b));
  const Tensor<B, T> x = tape.value(logits), first = tape.value(a), second = tape.value(b);
  auto y = Tensor<B, T>::like(first);
  B::for_rows(y.rows(), 12 * y.cols(), kernels::GatedMix<T>{x.data(), first.data(), second.data(), y.data(), y.cols()});
  return tape.record(std::move(y), tape.any_needs_gradient(logits, a, b), [=](Tape<B, T>& t, const Tensor<B, T>& dy) {
    const auto place = [&](Var v) { return t.needs_gradient(v) ? Tensor<B, T>::like(dy) : Tensor<B, T>(); };
    Tensor<B, T> dx = place(logits), da = place(a), db = place(b);
    B::for_rows(dy.rows(), 16 * dy.cols(),
                kernels::GatedMixBackward<T>{x.data(), first.data(), second.data(), dy.data(), dx.data(), da.data(),
                                             db.data(), dy.cols()});
    if (!dx.empty()) t.pass_gradient(logits, dx);
    if (!da.empty()) t.pass_gradient(a, da);
    if (!db.empty()) t.pass_gradient(b, db);
  });
}

/// Σ_e softmax(logits)_e · expert_e by row.
/// @param logits [n, E]  @param experts [n, E · d], one beside the other  @returns [n, d]  @throws ShapeError
template <class B, class T>
Var mix_experts(Tape<B, T>& tape, Var logits, Var experts) {
  const Index rows = tape.value(logits).rows(), count = tape.value(logits).cols();
  const Index width = count > 0 ? tape.value(experts).cols() / count : 0;
  require_size("mix_experts", "number of rows", tape.value(experts).rows(), rows);
  require_size("mix_experts", "width of the experts", tape.value(experts).cols(), count * width);
  Tensor<B, T> y{rows, width}, weights{rows, count};
  const Tensor<B, T> x = tape.value(experts);
  B::for_rows(rows, 4 * count * width,
              kernels::MixExperts<T>{tape.value(logits).data(), x.data(), weights.data(), y.data(), count, width});
  return tape.record(std::move(y), tape.any_needs_gradient(logits, experts),
                     [=](Tape<B, T>& t, const Tensor<B, T>& dy) {
                       Tensor<B, T> d_logits, d_experts;
                       if (t.needs_gradient(logits)) d_logits = Tensor<B, T>::like(weights);
                       if (t.needs_gradient(experts)) d_experts = Tensor<B, T>::like(x);
                       B::for_rows(rows, 6 * count * width,
                                   kernels::MixExpertsBackward<T>{x.data(), weights.data(), dy.data(), d_logits.data(),
                                                                  d_experts.data(), count, width});
                       if (!d_logits.empty()) t.pass_gradient(logits, d_logits);
                       if (!d_experts.empty()) t.pass_gradient(experts, d_experts);
                     });
}

/// x with the rows `ids` replaced by one vector.
/// @param x [n, d]  @param value [1, d]  @param ids distinct rows of x  @returns [n, d]
template <class B, class T>
Var replace_rows(Tape<B, T>& tape, Var x, Var value, std::span<const Id> ids) {
  const Index width = tape.value(x).cols(), count = static_cast<Index>(ids.size());
  require_size("replace_rows", "width of the value", tape.value(value).size(), width);
  check_distinct_rows(ids, tape.value(x).rows());
  const std::shared_ptr<Id> rows = upload<B, Id>(ids);
  Tensor<B, T> y = tape.value(x).clone();
  B::for_rows(count, width, kernels::FillRows<T>{tape.value(value).data(), rows.get(), y.data(), width});
  return tape.record(std::move(y), tape.any_needs_gradient(x, value), [=](Tape<B, T>& t, const Tensor<B, T>& dy) {
    if (t.needs_gradient(value)) {
      Tensor<B, T> taken{count, width};
      B::for_rows(count, 2 * width, kernels::Gather<T>{dy.data(), rows.get(), taken.data(), width});
      auto [dv, beta] = t.slot(value);
      B::column_sums(taken.data(), count, width, beta != T(0), dv.data());
    }
    if (!t.needs_gradient(x)) return;
    Tensor<B, T> dx = dy.clone();
    B::for_rows(count, width, kernels::FillRows<T>{nullptr, rows.get(), dx.data(), width});
    t.pass_gradient(x, dx);
  });
}

}  // namespace reclm
