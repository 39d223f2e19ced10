#pragma once
/// @file open_language_model.hpp
/// A language model from a path: a GGUF file or a Hugging Face folder, with its tokenizer and chat template.

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "reclm/instruct/language_model.hpp"
#include "reclm/lm/tokenizer/load_tokenizer.hpp"
#include "reclm/lm/weights/open_weights.hpp"

namespace reclm::instruct {

/// A model of weights and a tokenizer. @param name as reports and checkpoints name it
inline LanguageModel language_model(std::string name, std::shared_ptr<const lm::WeightSource> weights,
                                    const lm::Tokenizer& tokenizer) {
  LanguageModel model{.name = std::move(name), .weights = std::move(weights)};
  model.codec.encode = [tokenizer](std::string_view text) { return tokenizer.encode(text, false); };
  model.codec.encode_behind = [tokenizer](std::span<const lm::TokenId> before, std::string_view text) {
    return tokenizer.encode_behind(before, text);
  };
  model.codec.beginning = tokenizer.beginning();
  model.codec.render = [tokenizer](std::span<const lm::Message> messages, bool open) {
    return tokenizer.chat(messages, open);
  };
  std::vector<std::string> bytes;
  for (lm::TokenId id = 0; id < static_cast<lm::TokenId>(tokenizer.vocabulary()); ++id)
    bytes.emplace_back(tokenizer.token_bytes(id));
  model.texts = lm::TokenTexts(std::move(bytes), tokenizer.stops());
  return model;
}

/// @throws IoError, DataError
inline LanguageModel open_language_model(const std::filesystem::path& path) {
  const auto name = path.has_filename() ? path.filename() : path.parent_path().filename();
  return language_model(name.string(), lm::open_weights(path), lm::load_tokenizer(path));
}

}  // namespace reclm::instruct
