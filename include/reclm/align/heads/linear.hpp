#pragma once
/// @file linear.hpp
/// The smallest head: one affine map from profiles to the model's space.

#include <span>
#include <string>

#include "reclm/model/backbone.hpp"
#include "reclm/model/feature_input.hpp"
#include "reclm/tensor/initialization.hpp"

namespace reclm {

/// T(x) = W x + b. Parameters `NAME.weight` [d, p], `NAME.bias`.
template <class B, class T>
class LinearHead {
 public:
  LinearHead(const Initializer& init, const std::string& name, Index input_width, Index width)
      : weight_(init.xavier_uniform<B, T>(name + ".weight", width, input_width)),
        bias_(init.zeros<B, T>(name + ".bias", 1, width)) {}

  /// @returns [rows, d]
  Var operator()(const TrainingStep<B, T>& step, const FeatureInput<B, T>& x) {
    return x.linear(step.tape, step.whole(weight_), step.whole(bias_), Activation::none);
  }
  /// Of the rows `ids` alone. @returns [ids, d]
  Var operator()(const TrainingStep<B, T>& step, const FeatureInput<B, T>& x, std::span<const Id> ids) {
    return x.linear(step.tape, step.whole(weight_), step.whole(bias_), Activation::none, ids);
  }
  void add_parameters(ParameterList<B, T>& list) {
    list.push_back(&weight_);
    list.push_back(&bias_);
  }

 private:
  Parameter<B, T> weight_, bias_;
};

}  // namespace reclm
