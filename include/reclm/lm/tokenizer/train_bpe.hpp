#pragma once
/// @file train_bpe.hpp
/// Learning a byte-level BPE from text (Sennrich et al., ACL 2016; GPT-2's bytes).

#include <algorithm>
#include <cstdint>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "reclm/core/error.hpp"
#include "reclm/lm/tokenizer/detail/gguf_parts.hpp"
#include "reclm/lm/tokenizer/detail/parts.hpp"
#include "reclm/lm/tokenizer/detail/vocabulary.hpp"
#include "reclm/lm/tokenizer/detail/word_splitters.hpp"
#include "reclm/lm/tokenizer/tokenizer.hpp"

namespace reclm::lm {

/// What a trained tokenizer is besides its vocabulary.
struct BpeTrainOptions {
  /// Numbered from 0. Of these, <|endoftext|> becomes bos and pad, and <|im_end|> eos, where they are.
  std::vector<std::string> special_tokens{"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
  Index least_count = 2;  ///< pairs that are rarer do not merge
  /// How dialogues are written; the default is ChatML with no default system message.
  std::string chat_template =
      "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + "
      "'\n' "
      "}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
};

namespace detail {

/// The distinct words of a corpus as tokens, and which pairs of tokens stand in them how often.
class BpeTrainer {
 public:
  BpeTrainer(std::string_view corpus, const std::vector<TokenId>& byte_ids) {
    const ClassReader reader(corpus);
    Vocabulary numbers;
    for (std::size_t at = 0; at < corpus.size();) {
      const std::size_t end = gpt2_word(reader, at);
      const std::string_view word = corpus.substr(at, end - at);
      at = end;
      if (numbers.add(word, static_cast<TokenId>(words_.size()))) {
        Word& fresh = words_.emplace_back();
        for (const char c : word) fresh.tokens.push_back(byte_ids[static_cast<unsigned char>(c)]);
      }
      ++words_[static_cast<std::size_t>(numbers.find(word))].count;
    }
    for (std::size_t w = 0; w < words_.size(); ++w)
      for (std::size_t k = 0; k + 1 < words_[w].tokens.size(); ++k)
        change(words_[w].tokens[k], words_[w].tokens[k + 1], words_[w].count, w);
    for (const auto& [key, pair] : pairs_) offer(key, pair.count);
  }

  /// The most frequent pair, of equals the one of the smallest numbers; false when none is left that often.
  bool best(Index least_count, std::pair<TokenId, TokenId>& found) {
    while (!queue_.empty()) {
      const auto [count, key] = queue_.top();
      const std::int64_t now = pairs_[~key].count;
      queue_.pop();
      if (now != count) {  // it has become rarer since it was queued
        if (now > 0) queue_.emplace(now, key);
        continue;
      }
      if (count < least_count || count < 1) return false;
      found = {static_cast<TokenId>(~key >> 32), static_cast<TokenId>(~key & 0xFFFF'FFFFu)};
      return true;
    }
    return false;
  }

  /// Replaces a pair by a token wherever it stands, left to right.
  void merge(std::pair<TokenId, TokenId> pair, TokenId merged) {
    std::vector<std::size_t> where = std::move(pairs_[key_of(pair.first, pair.second)].where);
    std::sort(where.begin(), where.end());
    where.erase(std::unique(where.begin(), where.end()), where.end());
    touched_.clear();
    for (const std::size_t w : where) merge_in(w, pair, merged);
    std::sort(touched_.begin(), touched_.end());
    touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
    for (const std::uint64_t key : touched_) offer(key, pairs_[key].count);
  }

 private:
  struct Word {
    std::vector<TokenId> tokens;
    std::int64_t count = 0;
  };
  struct Pair {
    std::int64_t count = 0;
    std::vector<std::size_t> where;  // words that had it at some time
  };

  static std::uint64_t key_of(TokenId left, TokenId right) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 | static_cast<std::uint32_t>(right);
  }
  // Complements order equal counts by the smallest pair.
  void offer(std::uint64_t key, std::int64_t count) {
    if (count > 0) queue_.emplace(count, ~key);
  }
  void change(TokenId left, TokenId right, std::int64_t by, std::size_t word) {
    const std::uint64_t key = key_of(left, right);
    Pair& pair = pairs_[key];
    pair.count += by;
    if (by < 0) return;
    if (pair.where.empty() || pair.where.back() != word) pair.where.push_back(word);
    touched_.push_back(key);
  }

  void merge_in(std::size_t w, std::pair<TokenId, TokenId> pair, TokenId merged) {
    std::vector<TokenId>& tokens = words_[w].tokens;
    const std::int64_t count = words_[w].count;
    std::size_t to = 0;
    for (std::size_t k = 0; k < tokens.size(); ++k, ++to) {
      if (k + 1 == tokens.size() || tokens[k] != pair.first || tokens[k + 1] != pair.second) {
        tokens[to] = tokens[k];
        continue;
      }
      change(pair.first, pair.second, -count, w);
      if (to > 0) {
        change(tokens[to - 1], pair.first, -count, w);
        change(tokens[to - 1], merged, count, w);
      }
      if (k + 2 < tokens.size()) {
        change(pair.second, tokens[k + 2], -count, w);
        change(merged, tokens[k + 2], count, w);
      }
      tokens[to] = merged;
      ++k;
    }
    tokens.resize(to);
  }

  std::vector<Word> words_;
  std::unordered_map<std::uint64_t, Pair> pairs_;
  std::priority_queue<std::pair<std::int64_t, std::uint64_t>> queue_;
  std::vector<std::uint64_t> touched_;
};

}  // namespace detail

/// A byte-level BPE with GPT-2's pattern, learned from a corpus: special tokens, 256 bytes, then merges until the
/// vocabulary is full or no pair is frequent enough. The same corpus gives the same tokenizer, and the one that Hugging
/// Face's trainer gives. Cost: about the corpus once, and then the words that each merge changes.
/// @throws ConfigError when the vocabulary is too small for special tokens and bytes
inline Tokenizer train_bpe(std::string_view corpus, Index vocabulary_size, const BpeTrainOptions& options = {}) {
  const auto specials = static_cast<Index>(options.special_tokens.size());
  if (vocabulary_size < specials + 256 || vocabulary_size > 1 << 24)
    throw ConfigError("train_bpe: a vocabulary of " + std::to_string(vocabulary_size) + " is not " +
                      std::to_string(specials + 256) + " (special tokens and bytes) to 2^24");
  std::string repaired;
  if (!is_utf8(corpus)) corpus = repaired = detail::repaired_utf8(corpus);

  detail::TokenizerParts parts;
  parts.path = "the trained tokenizer";
  parts.pre_tokenizer = detail::json_of(detail::kByteLevel);
  parts.decoder = detail::json_of(detail::kByteLevelDecoder);
  parts.chat_template = options.chat_template;
  detail::Vocabulary ids;
  const auto add = [&](const std::string& token) {
    const auto id = static_cast<TokenId>(parts.tokens.size());
    if (token.empty() || !ids.add(token, id))
      throw ConfigError("train_bpe: the special token \"" + token + "\" is empty or repeated");
    parts.tokens.push_back(token);
    return id;
  };
  for (const std::string& special : options.special_tokens) {
    detail::AddedToken token;
    token.id = add(special);
    token.content = special;
    token.special = true;
    parts.added.push_back(std::move(token));
  }
  std::vector<std::size_t> bytes(256);  // in the order of the characters that stand for them
  for (std::size_t b = 0; b < 256; ++b) bytes[b] = b;
  std::sort(bytes.begin(), bytes.end(),
            [](std::size_t a, std::size_t b) { return detail::byte_alphabet()[a] < detail::byte_alphabet()[b]; });
  std::vector<TokenId> byte_ids(256);
  for (const std::size_t b : bytes) {
    const char c = static_cast<char>(static_cast<unsigned char>(b));
    byte_ids[b] = add(detail::bytes_to_alphabet({&c, 1}));
  }

  detail::BpeTrainer trainer(corpus, byte_ids);
  std::pair<TokenId, TokenId> pair;
  while (static_cast<Index>(parts.tokens.size()) < vocabulary_size && trainer.best(options.least_count, pair)) {
    const std::string token =
        parts.tokens[static_cast<std::size_t>(pair.first)] + parts.tokens[static_cast<std::size_t>(pair.second)];
    TokenId merged = ids.find(token);
    if (merged < 0) merged = add(token);
    parts.merges.push_back(pair);
    trainer.merge(pair, merged);
  }
  for (const detail::AddedToken& token : parts.added) {
    if (token.content == "<|endoftext|>") parts.bos = parts.pad = token.id;
    if (token.content == "<|im_end|>") parts.eos = token.id;
  }
  if (parts.eos < 0) parts.eos = parts.bos;
  if (parts.eos >= 0) parts.stops = {parts.eos};
  if (parts.bos >= 0 && parts.bos != parts.eos) parts.stops.push_back(parts.bos);
  return Tokenizer(std::move(parts));
}

}  // namespace reclm::lm
