#pragma once
/// @file tokenizer.hpp
/// Text ↔ tokens, token for token as Hugging Face's tokenizers: byte-level BPE (GPT-2, Llama-3, SmolLM2, Qwen2), BPE
/// with marks for spaces and byte fallback (Llama-2, Mistral), WordPiece (BERT).

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/lm/chat.hpp"
#include "reclm/lm/model_config.hpp"
#include "reclm/lm/tokenizer/chat_template.hpp"
#include "reclm/lm/tokenizer/detail/added_tokens.hpp"
#include "reclm/lm/tokenizer/detail/bpe.hpp"
#include "reclm/lm/tokenizer/detail/decoder.hpp"
#include "reclm/lm/tokenizer/detail/normalizer.hpp"
#include "reclm/lm/tokenizer/detail/parts.hpp"
#include "reclm/lm/tokenizer/detail/post_processor.hpp"
#include "reclm/lm/tokenizer/detail/pre_tokenizer.hpp"
#include "reclm/lm/tokenizer/detail/word_piece.hpp"

namespace reclm::lm {

/// A model's tokenizer, made by `load_tokenizer` or `train_bpe`. Copies share everything; all members may be called by
/// several threads at once. Truncation and padding that tokenizer.json may ask for are left to whoever makes batches.
class Tokenizer {
 public:
  /// For the functions that read and train tokenizers. @throws DataError where the parts do not fit together
  explicit Tokenizer(detail::TokenizerParts parts) : data_(std::make_shared<const Data>(std::move(parts))) {}

  /// The tokens of a text. Special tokens written out in it are taken as such; bytes that are no UTF-8 as U+FFFD.
  /// @param add_special with what the model wants around a text ([CLS] … [SEP], <s> …)
  [[nodiscard]] std::vector<TokenId> encode(std::string_view text, bool add_special = true) const {
    std::vector<TokenId> tokens;
    if (add_special) tokens = data_->post_processor.before;
    append(text, detail::Start::text, tokens);
    if (add_special)
      tokens.insert(tokens.end(), data_->post_processor.after.begin(), data_->post_processor.after.end());
    return tokens;
  }

  /// The tokens that a text adds behind others, special ones not added: a text that goes on gets no mark of a beginning
  /// (Llama-2's "▁"), one behind a special token gets the mark that the model wants there.
  [[nodiscard]] std::vector<TokenId> encode_behind(std::span<const TokenId> before, std::string_view text) const {
    const auto ends_piece = [&](const detail::AddedToken& t) { return t.id == before.back() && !t.normalized; };
    const auto& added = data_->parts.added;
    std::vector<TokenId> tokens;
    append(text,
           before.empty()                                        ? detail::Start::text
           : std::any_of(added.begin(), added.end(), ends_piece) ? detail::Start::piece
                                                                 : detail::Start::none,
           tokens);
    return tokens;
  }

  /// What the model wants before a text that stands alone: Llama-2's <s>, BERT's [CLS].
  [[nodiscard]] const std::vector<TokenId>& beginning() const { return data_->post_processor.before; }

  /// The text of tokens; numbers that are no tokens are passed over. Bytes that are no UTF-8 become U+FFFD.
  [[nodiscard]] std::string decode(std::span<const TokenId> tokens, bool skip_special = true) const {
    if (data_->decoder.byte_level()) {
      std::string bytes;
      for (const TokenId id : tokens)
        if (known(id) && !(skip_special && is_special(id))) bytes += data_->bytes[static_cast<std::size_t>(id)];
      return is_utf8(bytes) ? bytes : detail::repaired_utf8(bytes);
    }
    std::vector<std::string> texts;
    for (const TokenId id : tokens)
      if (known(id) && !(skip_special && is_special(id))) texts.push_back(data_->written(id));
    return data_->decoder(std::move(texts));
  }

  /// The bytes that a token adds to a text that has begun, perhaps a part of a character; of special tokens none.
  /// Valid while a copy of the tokenizer lives. @throws ConfigError unless 0 ≤ id < vocabulary()
  [[nodiscard]] std::string_view token_bytes(TokenId id) const {
    check(id);
    return is_special(id) ? std::string_view() : data_->bytes[static_cast<std::size_t>(id)];
  }

  /// A token as the vocabulary writes it; "" where the number is not in use. @throws ConfigError as token_bytes
  [[nodiscard]] std::string_view token(TokenId id) const {
    check(id);
    return data_->parts.tokens[static_cast<std::size_t>(id)];
  }
  /// The number of a token as the vocabulary writes it.
  [[nodiscard]] std::optional<TokenId> id_of(std::string_view token) const {
    const TokenId id = data_->ids.find(token);
    return id < 0 ? std::nullopt : std::optional(id);
  }
  [[nodiscard]] bool is_special(TokenId id) const {
    return known(id) && data_->special[static_cast<std::size_t>(id)] != 0;
  }

  /// One more than the largest number of a token.
  [[nodiscard]] Index vocabulary() const { return static_cast<Index>(data_->parts.tokens.size()); }

  // −1 where the model has no such token.
  [[nodiscard]] TokenId bos() const { return data_->parts.bos; }
  [[nodiscard]] TokenId eos() const { return data_->parts.eos; }
  [[nodiscard]] TokenId pad() const { return data_->parts.pad; }
  /// Every token that ends an answer.
  [[nodiscard]] const std::vector<TokenId>& stops() const { return data_->parts.stops; }

  /// A dialogue in the model's format; encode it with add_special = false. @throws ConfigError as `chat_text`
  [[nodiscard]] std::string chat(std::span<const Message> messages, bool add_generation_prompt) const {
    return chat_text(data_->format, messages, add_generation_prompt);
  }
  [[nodiscard]] const ChatFormat& chat_format() const { return data_->format; }

  /// For the functions that write tokenizers.
  [[nodiscard]] const detail::TokenizerParts& parts() const { return data_->parts; }

 private:
  using Model = std::variant<detail::Bpe, detail::WordPiece>;

  void append(std::string_view text, detail::Start start, std::vector<TokenId>& tokens) const {
    std::string repaired;
    if (!is_utf8(text)) text = repaired = detail::repaired_utf8(text);
    std::deque<std::string> storage;
    detail::PreTokenizer::Words words;
    const auto plain = [&](std::string_view piece, detail::Start at) {
      data_->pre_tokenizer(piece, at, words, storage);
      std::visit(
          [&](const auto& model) {
            for (const std::string_view word : words) model.encode(word, tokens);
          },
          data_->model);
      storage.clear();
    };
    const auto added = [&](TokenId id) { tokens.push_back(id); };
    const char* const begin = text.data();
    data_->raw_added.split(
        text,
        [&](std::string_view piece) {
          const detail::Start at = piece.data() == begin ? start : detail::Start::piece;
          std::string normal;
          if (!data_->normalizer.empty()) piece = normal = data_->normalizer(piece, at != detail::Start::none);
          const char* const piece_begin = piece.data();
          data_->normal_added.split(
              piece,
              [&](std::string_view part) { plain(part, part.data() == piece_begin ? at : detail::Start::piece); },
              added);
        },
        added);
  }

  struct Data {
    explicit Data(detail::TokenizerParts described)
        : parts(std::move(described)),
          normalizer(parts),
          pre_tokenizer(parts),
          decoder(parts),
          post_processor(parts),
          model(make_model(parts, pre_tokenizer.byte_level())) {
      add_added();
      special.assign(parts.tokens.size(), 0);
      for (const detail::AddedToken& token : parts.added)
        if (token.special) special[static_cast<std::size_t>(token.id)] = 1;
      for (std::size_t id = 0; id < parts.tokens.size(); ++id) {
        if (!parts.tokens[id].empty()) ids.add(parts.tokens[id], static_cast<TokenId>(id));
        bytes.push_back(parts.tokens[id].empty() ? std::string() : decoder.bytes(parts.tokens[id]));
      }
      for (const detail::AddedToken& token : parts.added)
        if (!token.special && !decoder.byte_level()) bytes[static_cast<std::size_t>(token.id)] = token.content;
      const auto in_range = [&](TokenId id) { return id >= -1 && id < static_cast<TokenId>(parts.tokens.size()); };
      bool good = in_range(parts.bos) && in_range(parts.eos) && in_range(parts.pad);
      for (const auto* list : {&parts.stops, &post_processor.before, &post_processor.after})
        for (const TokenId id : *list) good = good && id >= 0 && in_range(id);
      if (!good) throw parts.error("a special token is not in the vocabulary");
      const auto text = [&](TokenId id) { return id < 0 ? std::string() : parts.tokens[static_cast<std::size_t>(id)]; };
      format = recognise_chat_format(parts.chat_template, text(parts.bos), text(parts.eos));
    }

    static Model make_model(const detail::TokenizerParts& parts, bool byte_level) {
      if (parts.model == detail::TokenizerParts::Model::word_piece) return detail::WordPiece(parts);
      return detail::Bpe(parts, byte_level);
    }

    // After the model is made: added tokens may lie beyond its vocabulary.
    void add_added() {
      std::vector<detail::AddedToken> raw, normal;
      std::vector<std::string> raw_texts, normal_texts;
      for (const detail::AddedToken& token : parts.added) {
        const auto place = static_cast<std::size_t>(token.id);
        if (parts.tokens.size() <= place) parts.tokens.resize(place + 1);
        if (token.content.empty()) throw parts.error("added token " + std::to_string(token.id) + " is empty");
        if (!parts.tokens[place].empty() && parts.tokens[place] != token.content)
          throw parts.error("added token \"" + token.content + "\" has the number " + std::to_string(token.id) +
                            " of the token \"" + parts.tokens[place] + "\"");
        parts.tokens[place] = token.content;
        (token.normalized ? normal : raw).push_back(token);
        if (token.normalized) {
          normal_texts.push_back(normalizer(token.content));
          if (normal_texts.back() != token.content) normal_texts_of.emplace_back(token.id, normal_texts.back());
        } else {
          raw_texts.push_back(token.content);
        }
      }
      raw_added = detail::AddedTokens(std::move(raw), std::move(raw_texts));
      normal_added = detail::AddedTokens(std::move(normal), std::move(normal_texts));
    }

    /// A token as the decoder takes it: added ones that are normalised in the text are so here too.
    [[nodiscard]] std::string written(TokenId id) const {
      for (const auto& [token, text] : normal_texts_of)
        if (token == id) return text;
      return parts.tokens[static_cast<std::size_t>(id)];
    }

    detail::TokenizerParts parts;
    detail::Normalizer normalizer;
    detail::PreTokenizer pre_tokenizer;
    detail::Decoder decoder;
    detail::PostProcessor post_processor;
    Model model;
    detail::AddedTokens raw_added, normal_added;
    std::vector<std::pair<TokenId, std::string>> normal_texts_of;
    detail::Vocabulary ids;
    std::vector<std::uint8_t> special;
    std::vector<std::string> bytes;
    ChatFormat format;
  };

  [[nodiscard]] bool known(TokenId id) const {
    return id >= 0 && id < static_cast<TokenId>(data_->parts.tokens.size());
  }
  void check(TokenId id) const {
    if (!known(id))
      throw ConfigError("token " + std::to_string(id) + " is not within the vocabulary of " +
                        std::to_string(vocabulary()));
  }

  std::shared_ptr<const Data> data_;
};

}  // namespace reclm::lm
