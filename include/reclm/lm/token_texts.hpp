#pragma once
/// @file token_texts.hpp
/// What each token of a vocabulary says, byte for byte, and which tokens end a text.

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/lm/model_config.hpp"

namespace reclm::lm {

class TokenTexts {
 public:
  TokenTexts() = default;

  /// @param bytes  by token; empty for tokens that say nothing (markers, unused ones)
  /// @param stops  tokens that end a text
  TokenTexts(std::vector<std::string> bytes, std::vector<TokenId> stops)
      : bytes_(std::move(bytes)), stops_(std::move(stops)) {}

  /// From a tokenizer: any class with vocabulary(), token_bytes(id) and stops().
  template <class Tokenizer>
  requires requires(const Tokenizer& t) {
    t.token_bytes(TokenId{});
    t.vocabulary();
    t.stops();
  }
  explicit TokenTexts(const Tokenizer& tokenizer) {
    for (TokenId id = 0; id < static_cast<TokenId>(tokenizer.vocabulary()); ++id)
      bytes_.emplace_back(tokenizer.token_bytes(id));
    for (const TokenId id : tokenizer.stops()) stops_.push_back(id);
  }

  [[nodiscard]] Index size() const { return static_cast<Index>(bytes_.size()); }
  [[nodiscard]] std::string_view operator[](TokenId id) const {
    return static_cast<std::size_t>(id) < bytes_.size() ? std::string_view(bytes_[static_cast<std::size_t>(id)])
                                                        : std::string_view();
  }
  [[nodiscard]] const std::vector<TokenId>& stops() const { return stops_; }
  [[nodiscard]] bool is_stop(TokenId id) const { return std::find(stops_.begin(), stops_.end(), id) != stops_.end(); }

 private:
  std::vector<std::string> bytes_;
  std::vector<TokenId> stops_;
};

}  // namespace reclm::lm
