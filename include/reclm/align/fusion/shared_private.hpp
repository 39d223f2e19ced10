#pragma once
/// @file shared_private.hpp
/// Fusion that keeps apart what profile and behaviour share and what behaviour alone knows.

#include "reclm/model/backbone.hpp"
#include "reclm/tensor/initialization.hpp"
#include "reclm/tensor/ops/fusion.hpp"
#include "reclm/tensor/ops/linear.hpp"

namespace reclm {

/// g ∘ S[own; profile] + (1 − g) ∘ P own with g = σ(G[own; profile] + b): the shared part is made of both, the private
/// one of the own vector. Parameters `fusion.shared` [d, 2d], `fusion.private` [d, d], `fusion.gate` [d, 2d] and
/// `fusion.gate_bias`. All linear in the vectors but the gate, so that what is small stays small.
template <class B, class T>
class SharedPrivateFusion {
 public:
  static constexpr bool uses_own = true, uses_profile = true;

  SharedPrivateFusion(const Initializer& init, Index width)
      : shared_(init.xavier_uniform<B, T>("fusion.shared", width, 2 * width)),
        private_(init.xavier_uniform<B, T>("fusion.private", width, width)),
        gate_(init.xavier_uniform<B, T>("fusion.gate", width, 2 * width)),
        gate_bias_(init.zeros<B, T>("fusion.gate_bias", 1, width)) {}

  /// @param own, profile [n, d]  @returns [n, d]
  Var operator()(const TrainingStep<B, T>& step, Var own, Var profile) {
    const Var shared = linear_pair(step.tape, own, profile, step.whole(shared_), Var{});
    const Var alone = linear(step.tape, own, step.whole(private_), Var{});
    const Var gate = linear_pair(step.tape, own, profile, step.whole(gate_), step.whole(gate_bias_));
    return gated_mix(step.tape, gate, shared, alone);
  }
  void add_parameters(ParameterList<B, T>& list) {
    for (auto* p : {&shared_, &private_, &gate_, &gate_bias_}) list.push_back(p);
  }

 private:
  Parameter<B, T> shared_, private_, gate_, gate_bias_;
};

}  // namespace reclm
