#pragma once
#include <string>

namespace reclm_test {

/// Whether a message says something.
inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace reclm_test
