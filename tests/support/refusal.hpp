#pragma once
#include <string>

#include "reclm/core/error.hpp"

namespace reclm_test {

/// What is said on refusing by a ConfigError; "" where nothing is.
template <class Action>
std::string refusal(const Action& action) {
  try {
    action();
  } catch (const reclm::ConfigError& error) {
    return error.what();
  }
  return {};
}

}  // namespace reclm_test
