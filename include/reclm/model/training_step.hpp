#pragma once
/// @file training_step.hpp
/// What one step of training hands to the parts of a model.

#include <cstdint>
#include <span>

#include "reclm/data/sampler.hpp"
#include "reclm/tensor/adam.hpp"
#include "reclm/tensor/ops/rows.hpp"
#include "reclm/tensor/tape.hpp"

namespace reclm {

/// A batch, the tape it is recorded on, and the address of the step's random numbers.
template <class B, class T>
struct TrainingStep {
  Tape<B, T>& tape;
  const Triples& batch;
  double divisor = 4096;  ///< what sums over the batch are divided by: the nominal batch size
  std::uint64_t seed = 1;
  std::uint32_t number = 0;         ///< steps taken before this one
  Adam<B, T>* optimizer = nullptr;  ///< whose lagging rows are brought up to date before they are read; may be null

  /// Distinct rows of a table, up to date.
  Var look_up(Parameter<B, T>& table, std::span<const Id> ids) const {
    if (optimizer != nullptr) optimizer->catch_up(table, ids);
    return reclm::look_up(tape, table, ids);
  }

  /// A whole parameter, up to date.
  Var whole(Parameter<B, T>& parameter) const {
    if (optimizer != nullptr) optimizer->catch_up(parameter);
    return tape.parameter(parameter);
  }
};

}  // namespace reclm
