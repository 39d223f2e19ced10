#pragma once
/// @file samples.hpp
/// Dialogues and texts → tokens and what to learn of them: the responses alone.

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reclm/core/error.hpp"
#include "reclm/lm/chat.hpp"
#include "reclm/lm/training/packed_batch.hpp"

namespace reclm::lm {

/// What a model's tokenizer and chat template do.
struct TextCodec {
  /// Text → tokens. Special tokens that are spelt out in the text become themselves; none are added.
  std::function<std::vector<TokenId>(std::string_view)> encode;
  /// Messages → text; with `open` the text ends where the next answer begins.
  std::function<std::string(std::span<const Message>, bool open)> render;
  /// The tokens that a text adds behind others; empty: those of the text alone.
  std::function<std::vector<TokenId>(std::span<const TokenId> before, std::string_view)> encode_behind{};
  /// What a text that is no dialogue begins with (Llama-2's <s>); templates write it out.
  std::vector<TokenId> beginning{};
};

namespace detail {

inline void append(TrainingSample& sample, const std::vector<TokenId>& tokens, bool learn) {
  sample.tokens.insert(sample.tokens.end(), tokens.begin(), tokens.end());
  sample.learn.insert(sample.learn.end(), tokens.size(), learn ? 1 : 0);
}

inline std::vector<TokenId> encode_behind(const TextCodec& codec, std::span<const TokenId> before,
                                          std::string_view text) {
  return codec.encode_behind ? codec.encode_behind(before, text) : codec.encode(text);
}

/// What a template writes behind what it wrote before.
inline std::string_view added(std::string_view text, std::string_view before) {
  if (!text.starts_with(before))
    throw DataError("chat template", 0, "it writes the beginning of a dialogue differently when more messages follow",
                    "use a model whose template only appends, or one message of the assistant");
  return text.substr(before.size());
}

inline void shorten(TrainingSample& sample, Index tokens) {
  if (tokens <= 0 || static_cast<Index>(sample.tokens.size()) <= tokens) return;
  sample.tokens.resize(static_cast<std::size_t>(tokens));
  sample.learn.resize(static_cast<std::size_t>(tokens));
}

}  // namespace detail

/// A dialogue; every answer of the assistant is learned, with what ends it.
/// @param max_tokens  what stands behind them is cut off; 0: nothing is
/// @throws DataError when the template changes earlier messages as later ones come
inline TrainingSample chat_sample(const TextCodec& codec, const Dialogue& messages, Index max_tokens = 0) {
  TrainingSample sample;
  std::string done;
  // Encodes what `text` adds to what is done.
  const auto proceed = [&](const std::string& text, bool learn) {
    detail::append(sample, detail::encode_behind(codec, sample.tokens, detail::added(text, done)), learn);
    done = text;
  };
  for (std::size_t k = 0; k < messages.size(); ++k) {
    if (messages[k].role != "assistant") continue;
    const std::span all(messages);
    proceed(codec.render(all.first(k), true), false);
    proceed(codec.render(all.first(k + 1), false), true);
  }
  detail::shorten(sample, max_tokens);
  return sample;
}

/// The tokens that an answer adds to a dialogue, as chat_sample learns them. @param prompt  the dialogue's tokens
/// @throws DataError as chat_sample
inline std::vector<TokenId> answer_tokens(const TextCodec& codec, std::span<const Message> before,
                                          std::span<const TokenId> prompt, const std::string& answer) {
  Dialogue answered(before.begin(), before.end());
  answered.push_back({"assistant", answer});
  const std::string whole = codec.render(answered, false);
  return detail::encode_behind(codec, prompt, detail::added(whole, codec.render(before, true)));
}

/// A text and how it goes on; the continuation is learned, and `end` behind it where that is a token. Before the text
/// stands what the model wants there.
inline TrainingSample completion_sample(const TextCodec& codec, std::string_view prompt, std::string_view completion,
                                        TokenId end, Index max_tokens = 0) {
  TrainingSample sample;
  detail::append(sample, codec.beginning, false);
  detail::append(sample, codec.encode(prompt), false);
  detail::append(sample,
                 prompt.empty() ? codec.encode(completion) : detail::encode_behind(codec, sample.tokens, completion),
                 true);
  if (end >= 0) detail::append(sample, {end}, true);
  detail::shorten(sample, max_tokens);
  return sample;
}

}  // namespace reclm::lm
