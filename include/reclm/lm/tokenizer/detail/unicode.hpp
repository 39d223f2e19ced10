#pragma once
/// @file unicode.hpp
/// Code points of UTF-8 text: reading, classes, lower case, normal forms.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <utf8proc.h>

#include "reclm/core/utf8.hpp"
#include "reclm/lm/tokenizer/detail/unicode_tables.hpp"

namespace reclm::lm::detail {

/// Bits of a code point's classes.
enum CharClass : std::uint16_t {
  kLetter = 1,
  kNumber = 2,
  kSpace = 4,
  kDigit = 8,
  kPunctuation = 16,
  kControl = 32,
  kBertAccent = 64,
  kAccent = 128,
  kNewToNormalForms = 256,
  kChinese = 512
};

/// The classes of every code point: 2 MB, made once.
inline const std::vector<std::uint16_t>& char_classes() {
  static const std::vector<std::uint16_t> classes = [] {
    std::vector<std::uint16_t> all(0x110000);
    const auto add = [&](std::span<const std::uint32_t> ranges, std::uint16_t bit) {
      for (std::size_t k = 0; k + 1 < ranges.size(); k += 2)
        for (std::uint32_t c = ranges[k]; c <= ranges[k + 1]; ++c) all[c] = static_cast<std::uint16_t>(all[c] | bit);
    };
    static constexpr std::uint32_t chinese[] = {0x3400,  0x4DBF,  0x4E00,  0x9FFF,  0xF900,  0xFAFF,  0x20000,
                                                0x2A6DF, 0x2A700, 0x2B81F, 0x2B920, 0x2CEAF, 0x2F800, 0x2FA1F};
    add(kLetters, kLetter);
    add(kNumbers, kNumber);
    add(kSpaces, kSpace);
    add(kDigits, kDigit);
    add(kPunctuationMarks, kPunctuation);
    add(kControls, kControl);
    add(kBertAccents, kBertAccent);
    add(kAccents, kAccent);
    add(kUnknownToNormalForms, kNewToNormalForms);
    add(chinese, kChinese);
    return all;
  }();
  return classes;
}

/// The code point at `at`, of text that is UTF-8; `at` moves behind it.
inline std::uint32_t next_char(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t k) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[k])); };
  const std::uint32_t first = byte(at);
  if (first < 0x80) return ++at, first;
  if (first < 0xE0) return at += 2, (first & 0x1F) << 6 | (byte(at - 1) & 0x3F);
  if (first < 0xF0) return at += 3, (first & 0x0F) << 12 | (byte(at - 2) & 0x3F) << 6 | (byte(at - 1) & 0x3F);
  return at += 4, (first & 7) << 18 | (byte(at - 3) & 0x3F) << 12 | (byte(at - 2) & 0x3F) << 6 | (byte(at - 1) & 0x3F);
}

inline std::size_t char_bytes(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/// The code point that ends before `at`.
inline std::uint32_t previous_char(std::string_view text, std::size_t at) {
  do --at;
  while ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  return next_char(text, at);
}

/// UTF-8 with U+FFFD for every maximal part that is none (Unicode 15, section 3.9).
inline std::string repaired_utf8(std::string_view bytes) {
  std::string text;
  for (std::size_t at = 0; at < bytes.size();) {
    // The longest beginning of a character that could still become one.
    std::size_t good = 0;
    const auto first = static_cast<unsigned char>(bytes[at]);
    const std::size_t size = first < 0x80 ? 1 : first < 0xC2 || first > 0xF4 ? 0 : char_bytes(bytes[at]);
    if (size > 0) {
      for (good = 1; good < size && at + good < bytes.size(); ++good) {
        const auto next = static_cast<unsigned char>(bytes[at + good]);
        unsigned low = 0x80, high = 0xBF;
        if (good == 1) {
          low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
          high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
        }
        if (next < low || next > high) break;
      }
    }
    if (size > 0 && good == size)
      text.append(bytes, at, size);
    else
      text += "\xEF\xBF\xBD";
    at += good > 0 ? good : 1;
  }
  return text;
}

/// Appends the lower case of `c`, by itself: no context, as in the reference.
inline void append_lower(std::string& text, std::uint32_t c) {
  if (c < 0x80) {
    text += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    return;
  }
  if (c == 0x130) {  // the one character with two in lower case
    text += "i\xCC\x87";
    return;
  }
  // Pairs newer than some libraries' tables.
  if (c >= 0x10D50 && c <= 0x10D65) return append_utf8(text, c + 0x20);
  if (c >= 0x16EA0 && c <= 0x16EB8) return append_utf8(text, c + 0x1B);
  static constexpr std::array<std::array<std::uint32_t, 2>, 9> newer{{{0x1C89, 0x1C8A},
                                                                      {0xA7CB, 0x264},
                                                                      {0xA7CC, 0xA7CD},
                                                                      {0xA7CE, 0xA7CF},
                                                                      {0xA7D2, 0xA7D3},
                                                                      {0xA7D4, 0xA7D5},
                                                                      {0xA7DA, 0xA7DB},
                                                                      {0xA7DC, 0x19B},
                                                                      {0x2C2F, 0x2C5F}}};
  for (const auto& [upper, lower] : newer)
    if (c == upper) return append_utf8(text, lower);
  append_utf8(text, static_cast<std::uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
}

enum class NormalForm { nfc, nfd, nfkc, nfkd };

/// `text` in a normal form. Runs below U+0300 that a form cannot change are passed over; characters that are new to the
/// reference's tables stand like walls between which everything is normalised.
inline std::string normalised(std::string_view text, NormalForm form) {
  const bool compose = form == NormalForm::nfc || form == NormalForm::nfkc;
  const std::uint32_t stable_below = form == NormalForm::nfc ? 0x300 : form == NormalForm::nfd ? 0xC0 : 0xA0;
  auto options = UTF8PROC_STABLE | (compose ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE);
  if (form == NormalForm::nfkc || form == NormalForm::nfkd) options |= UTF8PROC_COMPAT;
  const std::vector<std::uint16_t>& classes = char_classes();
  std::string result;
  const auto flush = [&](std::size_t begin, std::size_t end) {
    if (begin == end) return;
    utf8proc_uint8_t* out = nullptr;
    const auto size =
        utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + begin,
                     static_cast<utf8proc_ssize_t>(end - begin), &out, static_cast<utf8proc_option_t>(options));
    const std::unique_ptr<utf8proc_uint8_t, void (*)(void*)> owner(out, std::free);
    if (size < 0)
      result.append(text, begin, end - begin);
    else
      result.append(reinterpret_cast<const char*>(out), static_cast<std::size_t>(size));
  };
  // [pending, at) waits for utf8proc; a stable character may yet be the base of what follows, so one of them waits too.
  std::size_t pending = 0, at = 0;
  bool changing = false;
  while (at < text.size()) {
    const std::size_t begin = at;
    const std::uint32_t c = next_char(text, at);
    if (c < stable_below) {
      if (changing)
        flush(pending, begin);
      else
        result.append(text, pending, begin - pending);
      pending = begin;
      changing = false;
    } else if ((classes[c] & kNewToNormalForms) != 0 || c == 0x11A7) {  // some versions of utf8proc lose this one
      if (changing)
        flush(pending, begin);
      else
        result.append(text, pending, begin - pending);
      result.append(text, begin, at - begin);
      pending = at;
      changing = false;
    } else {
      changing = true;
    }
  }
  if (changing)
    flush(pending, at);
  else
    result.append(text, pending, at - pending);
  return result;
}

}  // namespace reclm::lm::detail
