#pragma once
/// @file concat.hpp
/// Fusion by concatenation, as RecLM has it (arXiv 2412.19302, section 3).

#include "reclm/model/backbone.hpp"
#include "reclm/tensor/initialization.hpp"
#include "reclm/tensor/ops/linear.hpp"

namespace reclm {

/// C([own; profile]) = relu(L([own; profile])), parameters `fusion.weight` [d, 2d] and `fusion.bias`.
template <class B, class T>
class ConcatFusion {
 public:
  static constexpr bool uses_own = true, uses_profile = true;

  ConcatFusion(const Initializer& init, Index width)
      : weight_(init.xavier_uniform<B, T>("fusion.weight", width, 2 * width)),
        bias_(init.zeros<B, T>("fusion.bias", 1, width)) {}

  /// @param own, profile [n, d]  @returns [n, d]
  Var operator()(const TrainingStep<B, T>& step, Var own, Var profile) {
    return linear_pair(step.tape, own, profile, step.whole(weight_), step.whole(bias_), Activation::relu);
  }
  void add_parameters(ParameterList<B, T>& list) {
    list.push_back(&weight_);
    list.push_back(&bias_);
  }

 private:
  Parameter<B, T> weight_, bias_;
};

}  // namespace reclm
