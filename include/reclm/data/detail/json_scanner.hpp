#pragma once
/// @file json_scanner.hpp
/// The part of JSON (RFC 8259) that file headers are written in: objects, lists, texts and counts. A whole JSON library
/// would cost every program that trains a model some 5 seconds to compile.

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>

#include "reclm/core/utf8.hpp"

namespace reclm::detail {

/// Text that is no JSON; the message names the byte.
class JsonError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Reads JSON front to back. Nothing recurses, so that deep nesting costs nothing.
class JsonScanner {
 public:
  explicit JsonScanner(std::string_view text) : text_(text) {}

  /// Whether the next value or sign begins with `c`. @throws JsonError at the end of the text
  bool at(char c) {
    skip_blanks();
    if (at_ == text_.size()) fail("the text ends too early");
    return text_[at_] == c;
  }

  /// Calls `member(key)` for each member of an object; it must read the value. @throws JsonError on a repeated key
  template <class Member>
  void object(const Member& member) {
    std::set<std::string> keys;
    sequence('{', '}', [&] {
      const std::string key = string();
      if (!keys.insert(key).second) fail("\"" + key + "\" appears twice");
      expect(':');
      member(key);
    });
  }

  /// Calls `element()` for each element of a list; it must read the value.
  template <class Element>
  void list(const Element& element) {
    sequence('[', ']', element);
  }

  std::string string() {
    expect('"');
    std::string value;
    for (char c = next(); c != '"'; c = next()) {
      if (static_cast<unsigned char>(c) < 0x20) fail("a text holds a control character");
      if (c == '\\')
        append_escape(value);
      else
        value += c;
    }
    if (!is_utf8(value)) fail("a text is not UTF-8");
    return value;
  }

  /// A whole number of 0 or more; nothing when there is something else.
  std::optional<std::uint64_t> count() {
    if (at('-')) return std::nullopt;
    std::uint64_t value = 0;
    const char* const begin = text_.data() + at_;
    const auto [stop, failure] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (failure != std::errc{} || (*begin == '0' && stop != begin + 1)) return std::nullopt;
    at_ += static_cast<std::size_t>(stop - begin);
    if (at_ < text_.size() && (text_[at_] == '.' || text_[at_] == 'e' || text_[at_] == 'E')) return std::nullopt;
    return value;
  }

  /// @throws JsonError unless blanks alone are left
  void end() {
    skip_blanks();
    if (at_ != text_.size()) fail("something follows the end");
  }

 private:
  template <class Part>
  void sequence(char open, char close, const Part& part) {
    expect(open);
    if (at(close)) {
      ++at_;
      return;
    }
    part();
    while (!at(close)) {
      expect(',');
      part();
    }
    ++at_;
  }

  void expect(char c) {
    if (!at(c)) fail(std::string("there is no '") + c + "'");
    ++at_;
  }

  char next() {
    if (at_ == text_.size()) fail("the text ends too early");
    return text_[at_++];
  }

  void skip_blanks() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
  }

  void append_escape(std::string& value) {
    const char c = next();
    constexpr std::string_view signs = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    if (const auto k = signs.find(c); k != std::string_view::npos) {
      value += meanings[k];
      return;
    }
    if (c != 'u') fail("a text holds an unknown escape");
    std::uint32_t code = hex();
    if (code >= 0xD800 && code < 0xDC00) {
      if (next() != '\\' || next() != 'u') fail("half of a surrogate pair is missing");
      const std::uint32_t low = hex();
      if (low < 0xDC00 || low > 0xDFFF) fail("half of a surrogate pair is missing");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (code >= 0xDC00 && code < 0xE000) {
      fail("half of a surrogate pair is missing");
    }
    append_utf8(value, code);
  }

  std::uint32_t hex() {
    std::uint32_t value = 0;
    for (int k = 0; k < 4; ++k) {
      const char digit = next();
      const auto place = std::string_view("0123456789abcdef").find(static_cast<char>(digit | 0x20));
      if (place == std::string_view::npos || digit < '0') fail("an escape has no four hexadecimal digits");
      value = value * 16 + static_cast<std::uint32_t>(place);
    }
    return value;
  }

  [[noreturn]] void fail(const std::string& problem) const {
    throw JsonError(problem + " (byte " + std::to_string(at_) + ")");
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// `text` as a JSON string, in quotes. @throws JsonError when it is not UTF-8
inline std::string json_quoted(std::string_view text) {
  if (!is_utf8(text)) throw JsonError("a text is not UTF-8");
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      constexpr std::string_view digits = "0123456789abcdef";
      quoted += "\\u00";
      quoted += digits[static_cast<std::size_t>(c >> 4)];
      quoted += digits[static_cast<std::size_t>(c & 15)];
    } else {
      quoted += c;
    }
  }
  return quoted += '"';
}

}  // namespace reclm::detail
