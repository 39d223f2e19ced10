#pragma once
/// @file gate.hpp
/// Fusion by a gate a column: how much of a node's own vector stays.

#include "reclm/model/backbone.hpp"
#include "reclm/tensor/initialization.hpp"
#include "reclm/tensor/ops/fusion.hpp"
#include "reclm/tensor/ops/linear.hpp"

namespace reclm {

/// g ∘ own + (1 − g) ∘ profile with g = σ(W[own; profile] + b), parameters `fusion.weight` [d, 2d] and `fusion.bias`.
template <class B, class T>
class GateFusion {
 public:
  static constexpr bool uses_own = true, uses_profile = true;

  GateFusion(const Initializer& init, Index width)
      : weight_(init.xavier_uniform<B, T>("fusion.weight", width, 2 * width)),
        bias_(init.zeros<B, T>("fusion.bias", 1, width)) {}

  /// @param own, profile [n, d]  @returns [n, d]
  Var operator()(const TrainingStep<B, T>& step, Var own, Var profile) {
    const Var logits = linear_pair(step.tape, own, profile, step.whole(weight_), step.whole(bias_));
    return gated_mix(step.tape, logits, own, profile);
  }
  void add_parameters(ParameterList<B, T>& list) {
    list.push_back(&weight_);
    list.push_back(&bias_);
  }

 private:
  Parameter<B, T> weight_, bias_;
};

}  // namespace reclm
