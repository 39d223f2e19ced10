#pragma once
/// @file temperature.hpp
/// The temperature of a contrast, fixed or learned.

#include <cmath>
#include <string>

#include "reclm/align/policies.hpp"
#include "reclm/core/error.hpp"
#include "reclm/model/backbone.hpp"
#include "reclm/tensor/initialization.hpp"
#include "reclm/tensor/ops/contrast.hpp"

namespace reclm {

/// A parameter `alignment.log_scale`, log(1/τ), where τ is learned; else a constant.
template <class B, class T>
class Temperature {
 public:
  /// @throws ConfigError unless τ is above 0, and above 0.01 where it is learned
  explicit Temperature(const AlignmentOptions& options)
      : learned_(options.learn_temperature),
        log_scale_("alignment.log_scale", detail::scalar<B, T>(-std::log(options.temperature))) {
    if (!(options.temperature > 0))
      throw ConfigError("AlignmentOptions: temperature is " + std::to_string(options.temperature) +
                        ". Remedy: choose one above 0, e.g. 0.2");
    if (learned_ && !(options.temperature * LogScale::kMost > 1))
      throw ConfigError("AlignmentOptions: a temperature that is learned stays above 0.01, and temperature is " +
                        std::to_string(options.temperature) + ". Remedy: begin higher, or leave it fixed");
  }

  LogScale operator()(const TrainingStep<B, T>& step) {
    return {learned_ ? step.whole(log_scale_) : step.tape.constant(log_scale_.value)};
  }
  void add_parameters(ParameterList<B, T>& list) {
    if (learned_) list.push_back(&log_scale_);
  }

 private:
  bool learned_;
  Parameter<B, T> log_scale_;
};

}  // namespace reclm
