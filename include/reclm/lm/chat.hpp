#pragma once
/// @file chat.hpp
/// A dialogue as chat models take it.

#include <string>
#include <vector>

namespace reclm::lm {

struct Message {
  std::string role;  ///< "system", "user" or "assistant"
  std::string content;
  bool operator==(const Message&) const = default;
};

using Dialogue = std::vector<Message>;

}  // namespace reclm::lm
