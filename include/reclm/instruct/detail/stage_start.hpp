#pragma once
/// @file stage_start.hpp
/// What a stage begins with: a checkpoint goes on from no other beginning.

#include <string>
#include <vector>

#include "reclm/data/fingerprint.hpp"
#include "reclm/lm/memory_weights.hpp"
#include "reclm/lm/training/trainable_linear.hpp"
#include "reclm/tensor/parameter.hpp"

namespace reclm::instruct::detail {

template <class B>
std::string parameters_print(const std::vector<Parameter<B, float>*>& parameters) {
  Fingerprint print;
  for (const auto* parameter : parameters) print.add(parameter->value.to_host());
  return print.text();
}

inline std::string weights_print(const lm::WeightSource& weights) {
  Fingerprint print;
  for (const std::string& name : weights.names()) print.add(weights.get(name).bytes);
  return print.text();
}

/// The weights below what a stage trains, and how they are held, which rounds differently in each way.
/// @param base the print of weights that an earlier stage left; "": the model's own, which its name stands for
inline std::string weights_text(const lm::TrainableOptions& held, const std::string& base) {
  std::string text = "weights " + (base.empty() ? "" : base + " ") + "held ";
  text += held.bf16 ? "as bf16" : held.decode ? "decoded" : "as stored";
  return text + (held.bf16_products ? ", multiplied as bf16" : "");
}

/// The parameters before the first step, and the weights below them.
template <class B>
std::string start_text(const std::vector<Parameter<B, float>*>& parameters, const lm::TrainableOptions& held,
                       const std::string& base) {
  return "parameters " + parameters_print(parameters) + ", " + weights_text(held, base);
}

}  // namespace reclm::instruct::detail
