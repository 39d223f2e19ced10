#pragma once
/// @file mlp.hpp
/// The head that maps text or profile vectors into a model's space: Linear(p → d), ReLU, Linear(d → d).

#include <span>
#include <string>

#include "reclm/model/backbone.hpp"
#include "reclm/model/feature_input.hpp"
#include "reclm/tensor/initialization.hpp"

namespace reclm {

/// T(x) = L₁(relu(L₀(x))). Parameters `NAME.0.weight` [d, p], `NAME.0.bias`, `NAME.1.weight` [d, d], `NAME.1.bias`.
template <class B, class T>
class MlpHead {
 public:
  MlpHead(const Initializer& init, const std::string& name, Index input_width, Index width)
      : weight0_(init.xavier_uniform<B, T>(name + ".0.weight", width, input_width)),
        bias0_(init.zeros<B, T>(name + ".0.bias", 1, width)),
        weight1_(init.xavier_uniform<B, T>(name + ".1.weight", width, width)),
        bias1_(init.zeros<B, T>(name + ".1.bias", 1, width)) {}

  /// @returns [rows, d]
  Var operator()(const TrainingStep<B, T>& step, const FeatureInput<B, T>& x) {
    const Var hidden = x.linear(step.tape, step.whole(weight0_), step.whole(bias0_), Activation::relu);
    return linear(step.tape, hidden, step.whole(weight1_), step.whole(bias1_));
  }

  /// Of the rows `ids` alone. @returns [ids, d]
  Var operator()(const TrainingStep<B, T>& step, const FeatureInput<B, T>& x, std::span<const Id> ids) {
    const Var hidden = x.linear(step.tape, step.whole(weight0_), step.whole(bias0_), Activation::relu, ids);
    return linear(step.tape, hidden, step.whole(weight1_), step.whole(bias1_));
  }

  void add_parameters(ParameterList<B, T>& list) {
    for (auto* p : {&weight0_, &bias0_, &weight1_, &bias1_}) list.push_back(p);
  }

 private:
  Parameter<B, T> weight0_, bias0_, weight1_, bias1_;
};

}  // namespace reclm
