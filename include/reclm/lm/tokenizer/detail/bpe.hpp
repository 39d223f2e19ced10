#pragma once
/// @file bpe.hpp
/// Byte-pair encoding (Sennrich et al., ACL 2016): from single characters on, the adjacent pair of the lowest rank
/// becomes one, until no pair is left that merges.

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/lm/tokenizer/detail/parts.hpp"
#include "reclm/lm/tokenizer/detail/vocabulary.hpp"

namespace reclm::lm::detail {

class Bpe {
 public:
  /// @param byte_level words are bytes, and the vocabulary is in GPT-2's alphabet
  Bpe(const TokenizerParts& parts, bool byte_level)
      : byte_level_(byte_level),
        ignore_merges_(parts.ignore_merges),
        fuse_unknown_(parts.fuse_unknown),
        vocabulary_(parts.tokens.size()),
        merges_(parts.merges.size()) {
    add_tokens(parts);
    add_merges(parts);
    find_whole_tokens(parts);
  }

  /// Appends the tokens of a word.
  void encode(std::string_view word, std::vector<TokenId>& tokens) const {
    if (word.empty()) return;
    const TokenId whole = vocabulary_.find(word);
    if (whole >= 0 && (ignore_merges_ || whole_[static_cast<std::size_t>(whole)] != 0)) {
      tokens.push_back(whole);
    } else if (marks_words_) {
      // No merge crosses the beginning of a run of marks, so what lies between is encoded by itself.
      for (std::size_t begin = 0; begin < word.size();) {
        std::size_t end = begin;
        while (word.substr(end).starts_with(kMark)) end += kMark.size();
        end = std::min(word.find(kMark, end), word.size());
        const std::string_view part = word.substr(begin, end - begin);
        const TokenId known = part.size() < word.size() ? vocabulary_.find(part) : -1;
        if (known >= 0 && whole_[static_cast<std::size_t>(known)] != 0)
          tokens.push_back(known);
        else
          merge(part, tokens);
        begin = end;
      }
    } else {
      merge(word, tokens);
    }
  }

 private:
  static constexpr std::string_view kMark = "\xE2\x96\x81";  // ▁
  static constexpr std::size_t kShort = 64;

  void add_tokens(const TokenizerParts& parts) {
    std::string bytes;
    bytes_.fill(-1);
    ascii_.fill(-1);
    for (std::size_t id = 0; id < parts.tokens.size(); ++id) {
      const std::string& token = parts.tokens[id];
      if (token.empty() || (byte_level_ && !alphabet_to_bytes(token, bytes))) continue;
      if (!vocabulary_.add(byte_level_ ? bytes : token, static_cast<TokenId>(id)))
        throw parts.error("the token \"" + token + "\" appears twice");
    }
    for (int b = 0; b < 256; ++b) {
      const char c = static_cast<char>(static_cast<unsigned char>(b));
      const std::string_view single(&c, 1);
      if (byte_level_) bytes_[static_cast<std::size_t>(b)] = vocabulary_.find(single);
      if (b < 128) ascii_[static_cast<std::size_t>(b)] = vocabulary_.find(single);
      if (byte_level_ || !parts.byte_fallback) continue;
      constexpr std::string_view digits = "0123456789ABCDEF";
      const std::string name{
          '<', '0', 'x', digits[static_cast<std::size_t>(b >> 4)], digits[static_cast<std::size_t>(b & 15)], '>'};
      bytes_[static_cast<std::size_t>(b)] = vocabulary_.find(name);
    }
    if (!parts.unknown.empty()) {
      const auto place = std::find(parts.tokens.begin(), parts.tokens.end(), parts.unknown);
      if (place == parts.tokens.end()) throw parts.error("the unknown token is not in the vocabulary");
      unknown_ = static_cast<TokenId>(place - parts.tokens.begin());
    }
  }

  void add_merges(const TokenizerParts& parts) {
    std::string both;
    bool crosses = false, has_marks = false;
    for (std::size_t rank = 0; rank < parts.merges.size(); ++rank) {
      const auto [left, right] = parts.merges[rank];
      const auto text = [&](TokenId id) -> const std::string& {
        if (id < 0 || static_cast<std::size_t>(id) >= parts.tokens.size() ||
            parts.tokens[static_cast<std::size_t>(id)].empty())
          throw parts.error("merge " + std::to_string(rank) + " is of tokens that are not in the vocabulary");
        return parts.tokens[static_cast<std::size_t>(id)];
      };
      both = text(left) + text(right);
      if (byte_level_) {
        std::string bytes;
        if (!alphabet_to_bytes(both, bytes)) continue;  // no text can contain it
        both = bytes;
      }
      const TokenId merged = vocabulary_.find(both);
      if (merged < 0)
        throw parts.error("merge " + std::to_string(rank) + " makes \"" + text(left) + text(right) +
                          "\", which is not in the vocabulary");
      merges_.add(left, right, static_cast<std::uint32_t>(rank), merged);
      for (std::size_t at = both.find(kMark); !byte_level_ && at != std::string::npos; at = both.find(kMark, at + 1)) {
        has_marks = true;
        crosses = crosses || (at > 0 && !std::string_view(both).substr(0, at).ends_with(kMark));
      }
    }
    marks_words_ = has_marks && !crosses;
  }

  // Which tokens the merges make of their own text: these need no merging, and are most words of a text.
  void find_whole_tokens(const TokenizerParts& parts) {
    whole_.assign(parts.tokens.size(), 0);
    std::string bytes;
    std::vector<TokenId> made;
    for (std::size_t id = 0; id < parts.tokens.size(); ++id) {
      const std::string& token = parts.tokens[id];
      if (token.empty() || token.size() > 256 || (byte_level_ && !alphabet_to_bytes(token, bytes))) continue;
      made.clear();
      merge(byte_level_ ? std::string_view(bytes) : std::string_view(token), made);
      whole_[id] = made.size() == 1 && made[0] == static_cast<TokenId>(id);
    }
  }

  // The word's single characters (or bytes) as tokens, unknown ones as the model says.
  void characters(std::string_view word, std::vector<TokenId>& tokens) const {
    if (byte_level_) {
      for (const char c : word)
        if (const TokenId id = bytes_[static_cast<unsigned char>(c)]; id >= 0)
          tokens.push_back(id);
        else if (unknown_ >= 0 && !(fuse_unknown_ && !tokens.empty() && tokens.back() == unknown_))
          tokens.push_back(unknown_);
      return;
    }
    bool pending = false;  // an unknown token is written when the next known character comes
    for (std::size_t at = 0; at < word.size();) {
      const std::size_t size = char_bytes(word[at]);
      const std::string_view character = word.substr(at, size);
      at += size;
      const TokenId id = size == 1 ? ascii_[static_cast<unsigned char>(character[0])] : vocabulary_.find(character);
      if (id >= 0) {
        if (pending) tokens.push_back(unknown_);
        pending = false;
        tokens.push_back(id);
        continue;
      }
      if (std::all_of(character.begin(), character.end(),
                      [&](char c) { return bytes_[static_cast<unsigned char>(c)] >= 0; })) {
        for (const char c : character) tokens.push_back(bytes_[static_cast<unsigned char>(c)]);
        continue;
      }
      if (unknown_ < 0) continue;
      if (pending && !fuse_unknown_) tokens.push_back(unknown_);
      pending = true;
    }
    if (pending) tokens.push_back(unknown_);
  }

  void merge(std::string_view word, std::vector<TokenId>& tokens) const {
    const std::size_t begin = tokens.size();
    characters(word, tokens);
    const std::size_t count = tokens.size() - begin;
    if (count < 2) return;
    if (count <= kShort)
      tokens.resize(begin + merge_short(tokens.data() + begin, count));
    else
      merge_long(tokens, begin);
  }

  // Few tokens: look for the best pair among all, every time.
  std::size_t merge_short(TokenId* tokens, std::size_t count) const {
    std::array<std::uint64_t, kShort> pairs{};
    for (std::size_t k = 0; k + 1 < count; ++k) pairs[k] = merges_.find(tokens[k], tokens[k + 1]);
    while (count > 1) {
      std::size_t best = 0;
      for (std::size_t k = 1; k + 1 < count; ++k)
        if (pairs[k] < pairs[best]) best = k;
      if (pairs[best] == PairTable::kNone) break;
      tokens[best] = PairTable::merged(pairs[best]);
      for (std::size_t k = best + 1; k + 1 < count; ++k) {
        tokens[k] = tokens[k + 1];
        pairs[k] = pairs[k + 1];
      }
      --count;
      if (best > 0) pairs[best - 1] = merges_.find(tokens[best - 1], tokens[best]);
      if (best + 1 < count) pairs[best] = merges_.find(tokens[best], tokens[best + 1]);
    }
    return count;
  }

  // Many: a queue of pairs over a linked list; pairs that have changed since they were queued are passed over.
  void merge_long(std::vector<TokenId>& tokens, std::size_t begin) const {
    const std::size_t count = tokens.size() - begin;
    TokenId* const at = tokens.data() + begin;
    constexpr auto none = static_cast<std::size_t>(-1);
    std::vector<std::size_t> before(count), after(count);
    std::vector<std::pair<std::uint64_t, std::size_t>> pairs;
    for (std::size_t k = 0; k < count; ++k) {
      before[k] = k == 0 ? none : k - 1;
      after[k] = k + 1 == count ? none : k + 1;
      if (k + 1 < count)
        if (const auto value = merges_.find(at[k], at[k + 1]); value != PairTable::kNone) pairs.emplace_back(value, k);
    }
    std::priority_queue queue(std::greater<>{}, std::move(pairs));
    while (!queue.empty()) {
      const auto [value, k] = queue.top();
      queue.pop();
      if (at[k] < 0 || after[k] == none || merges_.find(at[k], at[after[k]]) != value) continue;
      const std::size_t gone = after[k];
      at[k] = PairTable::merged(value);
      at[gone] = -1;
      after[k] = after[gone];
      if (after[k] != none) before[after[k]] = k;
      const auto offer = [&](std::size_t left) {
        if (left == none || after[left] == none) return;
        if (const auto next = merges_.find(at[left], at[after[left]]); next != PairTable::kNone)
          queue.emplace(next, left);
      };
      offer(before[k]);
      offer(k);
    }
    tokens.erase(std::remove(tokens.begin() + static_cast<std::ptrdiff_t>(begin), tokens.end(), -1), tokens.end());
  }

  bool byte_level_, ignore_merges_, fuse_unknown_, marks_words_ = false;
  Vocabulary vocabulary_;
  PairTable merges_;
  TokenId unknown_ = -1;
  std::array<TokenId, 256> bytes_{};
  std::array<TokenId, 128> ascii_{};
  std::vector<std::uint8_t> whole_;
};

}  // namespace reclm::lm::detail
