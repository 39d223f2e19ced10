#pragma once
/// @file save_tokenizer.hpp
/// Writing a tokenizer, wherever it came from, as Hugging Face's files.

#include <filesystem>
#include <string>
#include <string_view>

#include "reclm/core/atomic_file.hpp"
#include "reclm/lm/detail/json.hpp"
#include "reclm/lm/tokenizer/tokenizer.hpp"

namespace reclm::lm {

/// tokenizer.json.
inline std::string tokenizer_json(const Tokenizer& tokenizer) {
  using detail::json_document;
  using detail::json_text;
  const detail::TokenizerParts& parts = tokenizer.parts();
  const auto truth = [](bool value) { return value ? "true" : "false"; };
  std::string text = R"({"version":"1.0","truncation":null,"padding":null,"added_tokens":[)";
  for (const detail::AddedToken& token : parts.added) {
    if (&token != parts.added.data()) text += ',';
    text.append(R"({"id":)").append(std::to_string(token.id)).append(R"(,"content":)").append(json_text(token.content));
    text.append(R"(,"single_word":)")
        .append(truth(token.single_word))
        .append(R"(,"lstrip":)")
        .append(truth(token.lstrip));
    text.append(R"(,"rstrip":)")
        .append(truth(token.rstrip))
        .append(R"(,"normalized":)")
        .append(truth(token.normalized));
    text.append(R"(,"special":)").append(truth(token.special)).append("}");
  }
  text += R"(],"normalizer":)" + json_document(parts.normalizer) + R"(,"pre_tokenizer":)" +
          json_document(parts.pre_tokenizer) + R"(,"post_processor":)" + json_document(parts.post_processor) +
          R"(,"decoder":)" + json_document(parts.decoder) + R"(,"model":{)";
  const std::string unknown = parts.unknown.empty() ? "null" : json_text(parts.unknown);
  const bool bpe = parts.model == detail::TokenizerParts::Model::bpe;
  if (bpe)
    text += R"("type":"BPE","dropout":null,"unk_token":)" + unknown +
            R"(,"continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":)" + truth(parts.fuse_unknown) +
            R"(,"byte_fallback":)" + truth(parts.byte_fallback) + R"(,"ignore_merges":)" + truth(parts.ignore_merges);
  else
    text += R"("type":"WordPiece","unk_token":)" + unknown + R"(,"continuing_subword_prefix":)" +
            json_text(parts.continuing_prefix) + R"(,"max_input_chars_per_word":)" + std::to_string(parts.longest_word);
  text += R"(,"vocab":{)";
  bool first = true;
  for (std::size_t id = 0; id < parts.tokens.size(); ++id) {
    if (parts.tokens[id].empty()) continue;
    if (!first) text += ',';
    first = false;
    text.append(json_text(parts.tokens[id])).append(1, ':').append(std::to_string(id));
  }
  text += '}';
  if (bpe) {
    text += R"(,"merges":[)";
    for (std::size_t k = 0; k < parts.merges.size(); ++k) {
      if (k > 0) text += ',';
      const auto token = [&](TokenId id) { return json_text(parts.tokens[static_cast<std::size_t>(id)]); };
      text += '[' + token(parts.merges[k].first) + ',' + token(parts.merges[k].second) + ']';
    }
    text += ']';
  }
  return text + "}}\n";
}

/// tokenizer_config.json, with the chat template.
inline std::string tokenizer_config_json(const Tokenizer& tokenizer) {
  const detail::TokenizerParts& parts = tokenizer.parts();
  std::string text = "{\n";
  const auto member = [&](std::string_view name, std::string_view value) {
    if (text.size() > 2) text += ",\n";
    text.append("  \"").append(name).append("\": ").append(detail::json_text(value));
  };
  const auto token = [&](std::string_view name, TokenId id) {
    if (id >= 0) member(name, tokenizer.token(id));
  };
  member("tokenizer_class", "PreTrainedTokenizerFast");
  token("bos_token", parts.bos);
  token("eos_token", parts.eos);
  token("pad_token", parts.pad);
  if (!parts.unknown.empty()) member("unk_token", parts.unknown);
  if (!parts.chat_template.empty()) member("chat_template", parts.chat_template);
  return text + "\n}\n";
}

/// Writes both files into `folder`, making it where needed. @throws IoError
inline void save_tokenizer(const std::filesystem::path& folder, const Tokenizer& tokenizer) {
  std::filesystem::create_directories(folder);
  write_file(folder / "tokenizer.json", tokenizer_json(tokenizer));
  write_file(folder / "tokenizer_config.json", tokenizer_config_json(tokenizer));
}

}  // namespace reclm::lm
