#pragma once
/// @file lora_options.hpp
/// Which layers of a model get low-rank updates, and of what size.

#include <cstdint>
#include <string>
#include <vector>

#include "reclm/core/config.hpp"

namespace reclm::lm {

/// Low-rank adaptation: which layers get an update scale · B (A x), scale = alpha / rank (Hu et al., ICLR 2022). A
/// starts uniform in ±1/√in, as in PEFT, B at 0.
struct LoraOptions {
  Index rank = 8;  ///< 1 or more
  double alpha = 16;
  double dropout = 0;                                   ///< of the update's input, 0 to below 1
  std::vector<std::string> layers{"q_proj", "v_proj"};  ///< ends of the layers' names, or whole names
  std::uint64_t seed = 1;

  /// Whether the layer `name` ("model.layers.0.self_attn.q_proj") is one of them.
  [[nodiscard]] bool targets(const std::string& name) const {
    for (const std::string& end : layers)
      if (name == end || (name.size() > end.size() && name.ends_with(end) && name[name.size() - end.size() - 1] == '.'))
        return true;
    return false;
  }
};

}  // namespace reclm::lm
