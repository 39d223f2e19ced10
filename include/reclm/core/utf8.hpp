#pragma once
/// @file utf8.hpp
/// UTF-8 (RFC 3629): checked, and written from code points.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace reclm {

/// Whether `text` is UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
inline bool is_utf8(std::string_view text) {
  const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[k]); };
  for (std::size_t k = 0; k < text.size();) {
    const unsigned first = byte(k++);
    if (first < 0x80) continue;
    if (first < 0xC2 || first > 0xF4) return false;
    const int more = first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
    // The second byte's bounds keep out overlong forms, surrogates and what is too large.
    unsigned low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    unsigned high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    for (int n = 0; n < more; ++n, low = 0x80, high = 0xBF)
      if (k == text.size() || byte(k) < low || byte(k++) > high) return false;
  }
  return true;
}

/// Appends code point `c`, at most U+10FFFF.
inline void append_utf8(std::string& text, std::uint32_t c) {
  const auto add = [&](std::uint32_t byte) { text += static_cast<char>(static_cast<unsigned char>(byte)); };
  const auto follow = [&](int shift) { add(0x80 | (c >> shift & 0x3F)); };
  if (c < 0x80) {
    add(c);
  } else if (c < 0x800) {
    add(0xC0 | c >> 6);
    follow(0);
  } else if (c < 0x10000) {
    add(0xE0 | c >> 12);
    follow(6), follow(0);
  } else {
    add(0xF0 | c >> 18);
    follow(12), follow(6), follow(0);
  }
}

}  // namespace reclm
