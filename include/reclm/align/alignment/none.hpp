#pragma once
/// @file none.hpp
/// No alignment: profiles act through the fusion alone, trained by the ranking loss.

#include "reclm/align/policies.hpp"
#include "reclm/model/backbone.hpp"
#include "reclm/tensor/initialization.hpp"

namespace reclm {

template <class B, class T>
struct NoAlignment {
  static constexpr bool uses_profile = false, uses_head = false, replaces_ranking = false, masks = false;
  NoAlignment(const Initializer&, Index, Index, const AlignmentOptions&) {}
  void add_parameters(ParameterList<B, T>&) {}
};

}  // namespace reclm
