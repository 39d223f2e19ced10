#pragma once
/// @file list_entries.hpp
/// Follows lists in a text that grows token by token, "label: one, two, three", so that no entry is named twice.

#include <span>
#include <string_view>
#include <vector>

#include "reclm/lm/model_config.hpp"

namespace reclm::lm {

/// A list begins behind a colon and ends at a semicolon or a line's end; commas part its entries. Entries are told
/// apart by the token that they begin with: an entry that begins like an earlier one of its list is hardly a new one,
/// and is refused before it is written. What is refused that way and would have been new ("street food" behind "street
/// photography") is the price; the same word in another spelling ("Trains, trains") is another token and escapes.
class ListEntries {
 public:
  /// Takes the text's next token.
  void take(TokenId token, std::string_view text) {
    const std::size_t end = text.find_last_not_of(" \t");
    if (text.find_first_of(":;\n") != std::string_view::npos) begun_.clear();
    if (end == std::string_view::npos) return;
    const char last = text[end];
    if (last == ':') {
      in_list_ = starting_ = true;
    } else if (last == ';' || last == '\n') {
      in_list_ = starting_ = false;
    } else if (last == ',') {
      starting_ = in_list_;
    } else if (starting_) {
      starting_ = false;
      begun_.push_back(token);
    }
  }

  /// Tokens that would begin an entry like an earlier one; none but where an entry begins.
  [[nodiscard]] std::span<const TokenId> refused() const {
    return starting_ ? std::span<const TokenId>(begun_) : std::span<const TokenId>();
  }

 private:
  std::vector<TokenId> begun_;
  bool in_list_ = false, starting_ = false;
};

}  // namespace reclm::lm
