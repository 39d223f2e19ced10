#pragma once
/// @file word_piece.hpp
/// BERT's model: words from their longest known pieces.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "reclm/lm/tokenizer/detail/parts.hpp"
#include "reclm/lm/tokenizer/detail/vocabulary.hpp"

namespace reclm::lm::detail {

/// WordPiece (Wu et al., 2016): of what is left of a word, the longest beginning that is in the vocabulary; a word that
/// cannot be covered is one unknown token.
class WordPiece {
 public:
  explicit WordPiece(const TokenizerParts& parts)
      : first_(parts.tokens.size()), next_(parts.tokens.size()), longest_word_(parts.longest_word) {
    for (std::size_t id = 0; id < parts.tokens.size(); ++id) {
      const std::string& token = parts.tokens[id];
      if (token.empty()) continue;
      if (!first_.add(token, static_cast<TokenId>(id))) throw parts.error("the token \"" + token + "\" appears twice");
      if (token.starts_with(parts.continuing_prefix))
        next_.add(std::string_view(token).substr(parts.continuing_prefix.size()), static_cast<TokenId>(id));
    }
    unknown_ = first_.find(parts.unknown);
    if (unknown_ < 0) throw parts.error("the unknown token is not in the vocabulary");
  }

  void encode(std::string_view word, std::vector<TokenId>& tokens) const {
    const std::size_t before = tokens.size();
    const auto is_start = [&](std::size_t at) {
      return at == word.size() || (static_cast<unsigned char>(word[at]) & 0xC0) != 0x80;
    };
    Index characters = 0;
    for (std::size_t at = 0; at < word.size(); ++at) characters += is_start(at);
    if (characters > longest_word_) {
      tokens.push_back(unknown_);
      return;
    }
    for (std::size_t begin = 0; begin < word.size();) {
      const Vocabulary& vocabulary = begin == 0 ? first_ : next_;
      std::size_t end = std::min(word.size(), begin + vocabulary.longest());
      TokenId id = -1;
      for (; end > begin; --end)
        if (is_start(end) && (id = vocabulary.find(word.substr(begin, end - begin))) >= 0) break;
      if (id < 0) {
        tokens.resize(before);
        tokens.push_back(unknown_);
        return;
      }
      tokens.push_back(id);
      begin = end;
    }
  }

 private:
  Vocabulary first_, next_;
  TokenId unknown_ = -1;
  Index longest_word_;
};

}  // namespace reclm::lm::detail
