#pragma once
/// @file plain.hpp
/// Fusions without parameters: the sum, the profile in place of the own vector, and the own vector as it is.

#include "reclm/model/backbone.hpp"
#include "reclm/tensor/initialization.hpp"
#include "reclm/tensor/ops/elementwise.hpp"

namespace reclm {

/// own + profile.
template <class B, class T>
struct SumFusion {
  static constexpr bool uses_own = true, uses_profile = true;
  SumFusion(const Initializer&, Index) {}
  Var operator()(const TrainingStep<B, T>& step, Var own, Var profile) { return add(step.tape, own, profile); }
  void add_parameters(ParameterList<B, T>&) {}
};

/// The profile's vector alone: nothing is known of a node but its profile.
template <class B, class T>
struct ReplaceFusion {
  static constexpr bool uses_own = false, uses_profile = true;
  ReplaceFusion(const Initializer&, Index) {}
  void add_parameters(ParameterList<B, T>&) {}
};

/// The own vector alone: profiles act through the alignment.
template <class B, class T>
struct KeepFusion {
  static constexpr bool uses_own = true, uses_profile = false;
  KeepFusion(const Initializer&, Index) {}
  void add_parameters(ParameterList<B, T>&) {}
};

}  // namespace reclm
