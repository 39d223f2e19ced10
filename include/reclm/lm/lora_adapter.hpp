#pragma once
/// @file lora_adapter.hpp
/// Low-rank updates of linear layers (Hu et al., ICLR 2022): y = W x + scale · B (A x).

#include <map>
#include <string>

#include "reclm/core/matrix.hpp"

namespace reclm::lm {

struct LoraMatrices {
  Matrix<float> a;  ///< [r, in]
  Matrix<float> b;  ///< [out, r]
  float scale = 1;  ///< α / r
};

/// By the layer's name without ".weight", e.g. "model.layers.0.self_attn.q_proj".
using LoraAdapter = std::map<std::string, LoraMatrices>;

}  // namespace reclm::lm
