#pragma once
/// @file mixture_of_experts.hpp
/// A head of several experts, of which a gate chooses by profile: the adaptor of KAR (Xi et al., RecSys 2024, section
/// 3.4), with all experts shared by users and items and a gate for each of the two.

#include <span>
#include <string>

#include "reclm/align/policies.hpp"
#include "reclm/model/backbone.hpp"
#include "reclm/model/feature_input.hpp"
#include "reclm/tensor/initialization.hpp"
#include "reclm/tensor/ops/fusion.hpp"

namespace reclm {

/// T(x) = L(Σ_e softmax(G x)_e · relu(W_e x + b_e)), e = 1 … 4. Parameters `NAME.experts.weight` [4·d, p] and `.bias`,
/// `NAME.gate.users` and `NAME.gate.items` [4, p], `NAME.out.weight` [d, d] and `.bias`.
template <class B, class T>
class MixtureOfExperts {
 public:
  static constexpr Index kExperts = 4;

  MixtureOfExperts(const Initializer& init, const std::string& name, Index input_width, Index width)
      : experts_(init.xavier_uniform<B, T>(name + ".experts.weight", kExperts * width, input_width)),
        expert_bias_(init.zeros<B, T>(name + ".experts.bias", 1, kExperts * width)),
        user_gate_(init.xavier_uniform<B, T>(name + ".gate.users", kExperts, input_width)),
        item_gate_(init.xavier_uniform<B, T>(name + ".gate.items", kExperts, input_width)),
        out_(init.xavier_uniform<B, T>(name + ".out.weight", width, width)),
        out_bias_(init.zeros<B, T>(name + ".out.bias", 1, width)) {}

  /// @returns [rows, d]
  Var operator()(const TrainingStep<B, T>& step, Side side, const FeatureInput<B, T>& x) {
    return mix(step, side, [&](Var weight, Var bias, Activation activation) {
      return x.linear(step.tape, weight, bias, activation);
    });
  }
  /// Of the rows `ids` alone. @returns [ids, d]
  Var operator()(const TrainingStep<B, T>& step, Side side, const FeatureInput<B, T>& x, std::span<const Id> ids) {
    return mix(step, side, [&](Var weight, Var bias, Activation activation) {
      return x.linear(step.tape, weight, bias, activation, ids);
    });
  }
  void add_parameters(ParameterList<B, T>& list) {
    for (auto* p : {&experts_, &expert_bias_, &user_gate_, &item_gate_, &out_, &out_bias_}) list.push_back(p);
  }

 private:
  template <class Layer>
  Var mix(const TrainingStep<B, T>& step, Side side, const Layer& layer) {
    const Var experts = layer(step.whole(experts_), step.whole(expert_bias_), Activation::relu);
    const Var gate = layer(step.whole(side == Side::users ? user_gate_ : item_gate_), Var{}, Activation::none);
    return linear(step.tape, mix_experts(step.tape, gate, experts), step.whole(out_), step.whole(out_bias_));
  }

  Parameter<B, T> experts_, expert_bias_, user_gate_, item_gate_, out_, out_bias_;
};

}  // namespace reclm
