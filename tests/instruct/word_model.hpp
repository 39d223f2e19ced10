#pragma once
/// A language model of whole words, small enough to be trained in a test: a vocabulary of the texts that it will meet,
/// a plain chat template, random weights.

#include <cctype>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "reclm/instruct/language_model.hpp"
#include "reclm/lm/memory_weights.hpp"

namespace reclm_test {

using namespace reclm;

inline std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c == ' ' || c == '\n') {
      ++at;
    } else if (c == '<' && text.find('>', at) != std::string_view::npos) {
      const std::size_t end = text.find('>', at) + 1;
      words.emplace_back(text.substr(at, end - at));
      at = end;
    } else if (std::isalnum(c)) {
      std::size_t end = at;
      while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '-')) ++end;
      words.emplace_back(text.substr(at, end - at));
      at = end;
    } else {
      words.emplace_back(1, text[at++]);
    }
  }
  return words;
}

inline instruct::LanguageModel word_model(std::span<const std::string> corpus, Index width, Index layers,
                                          std::uint64_t seed = 1) {
  auto numbers = std::make_shared<std::map<std::string, lm::TokenId>>();
  std::vector<std::string> bytes;
  const auto add = [&](const std::string& word) {
    if (!numbers->emplace(word, static_cast<lm::TokenId>(bytes.size())).second) return;
    const bool special = word.front() == '<', alone = std::isalnum(static_cast<unsigned char>(word.front())) == 0;
    bytes.push_back(special ? "" : alone ? word : " " + word);
  };
  for (const char* word : {"<unknown>", "<end>", "<user>", "<assistant>", "<system>"}) add(word);
  for (const std::string& text : corpus)
    for (const std::string& word : words_of(text)) add(word);
  lm::ModelConfig config;
  config.vocabulary = static_cast<Index>(bytes.size());
  config.width = width;
  config.layers = layers;
  config.heads = config.kv_heads = 4;
  config.head_width = width / 4;
  config.inner_width = 2 * width;
  config.context = 1024;
  config.tied_embeddings = true;
  config.stops = {1};
  config.eos = 1;
  instruct::LanguageModel model;
  model.name = "words";
  model.weights = std::make_shared<lm::MemoryWeights>(lm::random_weights(config, seed));
  model.codec.encode = [numbers](std::string_view text) {
    std::vector<lm::TokenId> tokens;
    for (const std::string& word : words_of(text)) {
      const auto found = numbers->find(word);
      tokens.push_back(found == numbers->end() ? 0 : found->second);
    }
    return tokens;
  };
  model.codec.render = [](std::span<const lm::Message> messages, bool open) {
    std::string text;
    for (const lm::Message& m : messages) text += "<" + m.role + "> " + m.content + " <end>";
    return open ? text + "<assistant>" : text;
  };
  model.texts = lm::TokenTexts(std::move(bytes), {1});
  return model;
}

/// The same words with other weights.
inline instruct::LanguageModel with_weights(instruct::LanguageModel model, lm::MemoryWeights weights) {
  model.weights = std::make_shared<lm::MemoryWeights>(std::move(weights));
  return model;
}

}  // namespace reclm_test
