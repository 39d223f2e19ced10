#pragma once
/// @file pattern.hpp
/// Regular expressions of tokenizer files, by PCRE2.

#ifndef PCRE2_CODE_UNIT_WIDTH
#define PCRE2_CODE_UNIT_WIDTH 8
#endif
#include <pcre2.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "reclm/core/error.hpp"

namespace reclm::lm::detail {

/// A compiled pattern with Unicode classes.
class Pattern {
 public:
  /// @throws DataError about `file` when it is no pattern
  Pattern(std::string_view text, const std::string& file) : file_(file) {
    const std::string pattern = unicode_spaces(text);
    int number = 0;
    PCRE2_SIZE place = 0;
    code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                              PCRE2_UTF | PCRE2_UCP | PCRE2_NO_UTF_CHECK, &number, &place, nullptr),
                pcre2_code_free);
    if (!code_)
      throw DataError(
          file, 0, "the pattern \"" + std::string(text) + "\" is not understood at character " + std::to_string(place),
          "use a tokenizer with another pattern");
    pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE);
  }

  /// Calls `match(begin, end)` for every match of one byte or more, front to back. `text` is UTF-8.
  template <class Match>
  void each(std::string_view text, const Match& match) const {
    const std::unique_ptr<pcre2_match_data, void (*)(pcre2_match_data*)> data(
        pcre2_match_data_create_from_pattern(code_.get(), nullptr), pcre2_match_data_free);
    for (std::size_t at = 0; at < text.size();) {
      const int found = pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at,
                                    PCRE2_NO_UTF_CHECK, data.get(), nullptr);
      if (found == PCRE2_ERROR_NOMATCH) return;
      if (found < 0) throw DataError(file_, 0, "a pattern of the tokenizer gives up on a text", "shorten the text");
      const PCRE2_SIZE* const places = pcre2_get_ovector_pointer(data.get());
      if (places[1] > places[0]) match(places[0], places[1]);
      at = places[1] > places[0] ? places[1] : places[1] + 1;
      while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
    }
  }

 private:
  // PCRE2's \s has U+180E, which is no space since Unicode 6.3.
  static std::string unicode_spaces(std::string_view text) {
    constexpr std::string_view spaces = "\\t-\\r\\x{20}\\x{85}\\p{Z}";
    std::string result;
    bool inside = false;  // of [...]
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (text[at] == '\\' && at + 1 < text.size()) {
        const char c = text[++at];
        if (c == 's')
          result.append(inside ? "" : "[").append(spaces).append(inside ? "" : "]");
        else if (c == 'S' && !inside)
          result.append("[^").append(spaces).append("]");
        else
          result.append(1, '\\').append(1, c);
        continue;
      }
      if (text[at] == '[') inside = true;
      if (text[at] == ']') inside = false;
      result += text[at];
    }
    return result;
  }

  std::string file_;
  std::shared_ptr<pcre2_code> code_;
};

}  // namespace reclm::lm::detail
