#pragma once
/// @file json_id.hpp
/// Ids on their way into JSON lines.

#include <array>
#include <cstdio>
#include <string>
#include <string_view>

#include "reclm/core/error.hpp"
#include "reclm/core/utf8.hpp"

namespace reclm::instruct::detail {

/// The id. Replaced bytes, as in texts, would name somebody else, and nobody would find the line again.
/// @param whose "user" or "item"  @throws ConfigError naming an id that is no UTF-8
inline std::string json_id(std::string_view id, const char* whose) {
  if (is_utf8(id)) return std::string(id);
  std::string shown;
  for (const char c : id.substr(0, 40)) {
    std::array<char, 5> byte{c};
    if (static_cast<unsigned char>(c) >= 0x80)
      std::snprintf(byte.data(), byte.size(), "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
    shown += byte.data();
  }
  throw ConfigError("the " + std::string(whose) + " id \"" + shown +
                    "\" is no UTF-8, which JSON lines need. Remedy: convert the data set's files, e.g. by iconv -f "
                    "latin1 -t utf-8");
}

}  // namespace reclm::instruct::detail
