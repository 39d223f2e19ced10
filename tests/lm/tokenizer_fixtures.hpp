#pragma once
#include <fstream>
#include <sstream>
#include <string>

#include "reclm/lm/detail/json.hpp"
#include "reclm/lm/tokenizer/load_tokenizer.hpp"

namespace reclm::test {

inline std::string text_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

/// tokenizer.json of a fixture: gpt2, smollm, llama3, qwen2 (which share the vocabulary of gpt2's), llama2 or bert.
inline std::string tokenizer_document(const std::string& name) {
  const std::string folder = RECLM_SOURCE_DIR "/tests/fixtures/tokenizers/";
  std::string document = text_of(folder + name + ".json");
  if (const auto at = document.find(R"("vocab":{},"merges":[])"); at != std::string::npos) {
    const std::string whole = text_of(folder + "gpt2.json");
    document = document.substr(0, at) + whole.substr(whole.find(R"("vocab":{)"));
  }
  return document;
}

inline lm::Tokenizer tokenizer_of(const std::string& document) {
  return lm::Tokenizer(lm::detail::TokenizerJsonReader(lm::detail::JsonFile(document, "tokenizer.json")).read());
}

}  // namespace reclm::test
