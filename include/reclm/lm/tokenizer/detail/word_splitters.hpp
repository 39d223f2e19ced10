#pragma once
/// @file word_splitters.hpp
/// The patterns by which byte-level BPE cuts text into words, written out: several times as fast as an engine of
/// regular expressions, and the same everywhere whatever version of Unicode the engine has.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "reclm/lm/tokenizer/detail/unicode.hpp"

namespace reclm::lm::detail {

/// A reader of classes over a text.
class ClassReader {
 public:
  explicit ClassReader(std::string_view text) : text_(text), classes_(char_classes().data()) {}

  [[nodiscard]] std::size_t size() const { return text_.size(); }
  [[nodiscard]] char byte(std::size_t at) const { return at < text_.size() ? text_[at] : '\0'; }
  /// The class of the character at `at` among letter, number, space and nothing of these; `end` is set behind it.
  [[nodiscard]] unsigned at(std::size_t at, std::size_t& end) const {
    end = at;
    const std::uint32_t c = next_char(text_, end);
    return classes_[c] & (kLetter | kNumber | kSpace);
  }
  /// Where the run of class `wanted` from `at` on ends.
  [[nodiscard]] std::size_t run(std::size_t at, unsigned wanted) const {
    std::size_t end = at;
    while (at < text_.size() && this->at(at, end) == wanted) at = end;
    return at;
  }
  /// The end of the longest \s+ that no other character follows, or of the first \s alone: `\s+(?!\S)|\s+`.
  [[nodiscard]] std::size_t spaces(std::size_t at) const {
    const std::size_t end = run(at, kSpace);
    if (end == text_.size()) return end;
    std::size_t last = end;
    do --last;
    while ((static_cast<unsigned char>(text_[last]) & 0xC0) == 0x80);
    return last > at ? last : end;
  }

 private:
  std::string_view text_;
  const std::uint16_t* classes_;
};

/// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ — GPT-2's, and SmolLM2's after digits.
inline std::size_t gpt2_word(const ClassReader& text, std::size_t at) {
  const char first = text.byte(at);
  if (first == '\'') {
    const char a = text.byte(at + 1), b = text.byte(at + 2);
    if (a == 's' || a == 't' || a == 'm' || a == 'd') return at + 2;
    if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l')) return at + 3;
  }
  std::size_t end = 0;
  const unsigned type = text.at(at, end);
  if (type != kSpace) return text.run(end, type);
  if (first == ' ' && end < text.size()) {
    std::size_t second = 0;
    const unsigned next = text.at(end, second);
    if (next != kSpace) return text.run(second, next);
  }
  return text.spaces(at);
}

/// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,D}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
/// with D = 3 for Llama-3 and D = 1 for Qwen2.
template <int D>
std::size_t llama3_word(const ClassReader& text, std::size_t at) {
  const char first = text.byte(at);
  if (first == '\'') {
    const auto lower = [&](std::size_t place) {
      const char c = text.byte(place);
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    };
    const char a = lower(at + 1), b = lower(at + 2);
    if (a == 's' || a == 't' || a == 'm' || a == 'd') return at + 2;
    if (text.byte(at + 1) == '\xC5' && text.byte(at + 2) == '\xBF') return at + 3;  // ſ is an s in either case
    if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l')) return at + 3;
  }
  const auto is_newline = [](char c) { return c == '\r' || c == '\n'; };
  std::size_t end = 0, second = 0;
  const unsigned type = text.at(at, end);
  if (type == kLetter) return text.run(end, kLetter);
  if (type == kNumber) {
    for (int digits = 1; digits < D && end < text.size() && text.at(end, second) == kNumber; ++digits) end = second;
    return end;
  }
  const unsigned next = end < text.size() ? text.at(end, second) : unsigned{kSpace};
  if (next == kLetter && !is_newline(first)) return text.run(second, kLetter);
  if (type == 0 || (first == ' ' && next == 0)) {
    std::size_t stop = text.run(end, 0);
    while (stop < text.size() && is_newline(text.byte(stop))) ++stop;
    return stop;
  }
  const std::size_t run = text.run(at, kSpace);
  for (std::size_t last = run; last > at; --last)
    if (is_newline(text.byte(last - 1))) return last;
  return text.spaces(at);
}

using WordEnd = std::size_t (*)(const ClassReader&, std::size_t);

/// The written-out form of a pattern, where there is one.
inline WordEnd known_pattern(std::string_view pattern) {
  struct Known {
    std::string_view pattern;
    WordEnd word;
  };
  static constexpr std::array<Known, 3> all{
      {{R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", gpt2_word},
       {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
        llama3_word<3>},
       {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
        llama3_word<1>}}};
  for (const Known& known : all)
    if (known.pattern == pattern) return known.word;
  return nullptr;
}

/// Appends the words of `text`.
inline void split_words(std::string_view text, WordEnd word, std::vector<std::string_view>& words) {
  const ClassReader reader(text);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = word(reader, at);
    words.push_back(text.substr(at, end - at));
    at = end;
  }
}

}  // namespace reclm::lm::detail
