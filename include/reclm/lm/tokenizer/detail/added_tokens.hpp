#pragma once
/// @file added_tokens.hpp
/// Finding added tokens in a text: the leftmost, and of those the longest.

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/lm/tokenizer/detail/parts.hpp"

namespace reclm::lm::detail {

class AddedTokens {
 public:
  AddedTokens() = default;
  /// @param contents what to look for, one for each token (a normalised form, or the content)
  AddedTokens(std::vector<AddedToken> tokens, std::vector<std::string> contents)
      : tokens_(std::move(tokens)), contents_(std::move(contents)) {
    for (std::size_t k = 0; k < contents_.size(); ++k)
      if (!contents_[k].empty()) by_first_[static_cast<unsigned char>(contents_[k][0])].push_back(k);
    for (auto& candidates : by_first_)
      std::stable_sort(candidates.begin(), candidates.end(),
                       [&](std::size_t a, std::size_t b) { return contents_[a].size() > contents_[b].size(); });
  }

  [[nodiscard]] bool empty() const { return tokens_.empty(); }

  /// Calls `piece(text)` for what lies between tokens and `token(id)` for tokens, in order; no piece is empty.
  template <class Piece, class Token>
  void split(std::string_view text, const Piece& piece, const Token& token) const {
    std::size_t reached = 0;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t found = longest_at(text, at);
      if (found == kNone) {
        ++at;
        continue;
      }
      const AddedToken& match = tokens_[found];
      std::size_t begin = at, end = at + contents_[found].size();
      at = end;
      if (match.single_word && ((begin > 0 && is_word(previous_char(text, begin))) || is_word_at(text, end))) continue;
      if (match.lstrip)
        while (begin > reached && is_space(previous_char(text, begin))) do
            --begin;
          while ((static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80);
      if (match.rstrip)
        for (std::size_t next = end; next < text.size() && is_space(next_char(text, next));) end = next;
      begin = std::max(begin, reached);
      if (begin > reached) piece(text.substr(reached, begin - reached));
      token(match.id);
      reached = std::max(reached, end);
    }
    if (reached < text.size()) piece(text.substr(reached));
  }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  [[nodiscard]] std::size_t longest_at(std::string_view text, std::size_t at) const {
    for (const std::size_t k : by_first_[static_cast<unsigned char>(text[at])])
      if (text.substr(at).starts_with(contents_[k])) return k;
    return kNone;
  }
  static bool is_space(std::uint32_t c) { return (char_classes()[c] & kSpace) != 0; }
  // \w of Unicode (UTS 18): alphabetic, marks, decimal digits, connectors, joiners.
  static bool is_word(std::uint32_t c) {
    if (c < 0x80) return c == '_' || (char_classes()[c] & (kLetter | kNumber)) != 0;
    if ((c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) || (c >= 0x1F150 && c <= 0x1F169) ||
        (c >= 0x1F170 && c <= 0x1F189))
      return true;
    if ((char_classes()[c] & kLetter) != 0 || c == 0x200C || c == 0x200D) return true;
    switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
      case UTF8PROC_CATEGORY_MN:
      case UTF8PROC_CATEGORY_MC:
      case UTF8PROC_CATEGORY_ME:
      case UTF8PROC_CATEGORY_ND:
      case UTF8PROC_CATEGORY_NL:
      case UTF8PROC_CATEGORY_PC:
        return true;
      default:
        return false;
    }
  }
  static bool is_word_at(std::string_view text, std::size_t at) {
    return at < text.size() && is_word(next_char(text, at));
  }

  std::vector<AddedToken> tokens_;
  std::vector<std::string> contents_;
  std::array<std::vector<std::size_t>, 256> by_first_;
};

}  // namespace reclm::lm::detail
