#pragma once
/// @file load_tokenizer.hpp
/// Tokenizers from Hugging Face folders, tokenizer.json files and GGUF files.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "reclm/lm/detail/json.hpp"
#include "reclm/lm/tokenizer/detail/gguf_parts.hpp"
#include "reclm/lm/tokenizer/detail/parts.hpp"
#include "reclm/lm/tokenizer/tokenizer.hpp"
#include "reclm/lm/weights/open_weights.hpp"

namespace reclm::lm {

namespace detail {

/// Reads tokenizer.json.
class TokenizerJsonReader {
 public:
  explicit TokenizerJsonReader(JsonFile file) : file_(std::move(file)) {}

  TokenizerParts read() {
    Json& root = file_.root();
    parts_.path = file_.path();
    const Json& model = root["model"];
    read_vocabulary(model);
    read_model(model);
    for (const Json& json : file_.list(root, "added_tokens")) read_added(json);
    for (Json& part : root.parts) {
      if (part.key == "normalizer")
        parts_.normalizer = std::move(part);
      else if (part.key == "pre_tokenizer")
        parts_.pre_tokenizer = std::move(part);
      else if (part.key == "post_processor")
        parts_.post_processor = std::move(part);
      else if (part.key == "decoder")
        parts_.decoder = std::move(part);
    }
    return std::move(parts_);
  }

 private:
  [[nodiscard]] TokenId token_id(const Json& json, std::size_t bound) const {
    if (!json.is(Json::Kind::number) || !(json.value >= 0 && json.value < static_cast<double>(bound)) ||
        json.value != std::floor(json.value))
      throw file_.error("the token \"" + json.key + "\" has no number within the vocabulary");
    return static_cast<TokenId>(json.value);
  }

  void read_vocabulary(const Json& model) {
    const Json& vocabulary = model["vocab"];
    if (!vocabulary.is(Json::Kind::object))
      throw file_.error("the model has no vocabulary of texts and numbers", "use a BPE or WordPiece tokenizer");
    // Numbers may have gaps, but one large number must not make a large table.
    const std::size_t bound = 8 * vocabulary.parts.size() + 4096;
    for (const Json& entry : vocabulary.parts) {
      const auto id = static_cast<std::size_t>(token_id(entry, bound));
      if (parts_.tokens.size() <= id) parts_.tokens.resize(id + 1);
      if (!parts_.tokens[id].empty()) throw file_.error("two tokens have the number " + std::to_string(id));
      parts_.tokens[id] = entry.key;
    }
  }

  void read_model(const Json& model) {
    const std::string type = file_.text(model, "type", model.has("merges") ? "BPE" : "WordPiece");
    parts_.unknown = file_.text(model, "unk_token");
    if (type == "WordPiece") {
      parts_.model = TokenizerParts::Model::word_piece;
      parts_.continuing_prefix = file_.text(model, "continuing_subword_prefix", "##");
      parts_.longest_word = file_.integer(model, "max_input_chars_per_word", 100);
      if (parts_.unknown.empty()) parts_.unknown = "[UNK]";
      return;
    }
    if (type != "BPE") throw file_.error("the model " + type + " is not supported", "use a BPE or WordPiece tokenizer");
    for (const char* name : {"continuing_subword_prefix", "end_of_word_suffix"})
      if (!file_.text(model, name).empty())
        throw file_.error(std::string("BPE with ") + name + " is not supported", "use another tokenizer");
    parts_.fuse_unknown = file_.boolean(model, "fuse_unk", false);
    parts_.byte_fallback = file_.boolean(model, "byte_fallback", false);
    parts_.ignore_merges = file_.boolean(model, "ignore_merges", false);
    Vocabulary ids(parts_.tokens.size());
    for (std::size_t id = 0; id < parts_.tokens.size(); ++id)
      if (!parts_.tokens[id].empty()) ids.add(parts_.tokens[id], static_cast<TokenId>(id));
    for (const Json& merge : file_.list(model, "merges")) {
      std::string_view left, right;
      if (merge.is(Json::Kind::text)) {
        const auto blank = merge.text.find(' ');
        if (blank != std::string::npos && merge.text.find(' ', blank + 1) == std::string::npos) {
          left = std::string_view(merge.text).substr(0, blank);
          right = std::string_view(merge.text).substr(blank + 1);
        }
      } else if (merge.is(Json::Kind::list) && merge.parts.size() == 2) {
        left = merge.parts[0].text;
        right = merge.parts[1].text;
      }
      const auto pair = std::pair(ids.find(left), ids.find(right));
      if (left.empty() || right.empty() || pair.first < 0 || pair.second < 0)
        throw file_.error("merge " + std::to_string(parts_.merges.size()) + " is no pair of tokens of the vocabulary");
      parts_.merges.push_back(pair);
    }
  }

  void read_added(const Json& json) {
    AddedToken token;
    token.id = token_id(json["id"], 8 * (parts_.tokens.size() + parts_.added.size()) + 4096);
    token.content = file_.text(json, "content");
    token.single_word = file_.boolean(json, "single_word", false);
    token.lstrip = file_.boolean(json, "lstrip", false);
    token.rstrip = file_.boolean(json, "rstrip", false);
    token.special = file_.boolean(json, "special", false);
    token.normalized = file_.boolean(json, "normalized", !token.special);
    parts_.added.push_back(std::move(token));
  }

  JsonFile file_;
  TokenizerParts parts_;
};

/// What stands beside tokenizer.json: special tokens, the chat template, and what ends an answer.
inline void read_beside(TokenizerParts& parts, const std::filesystem::path& folder) {
  const auto id_of = [&](const std::string& content) -> TokenId {
    for (const AddedToken& token : parts.added)
      if (token.content == content) return token.id;
    const auto place = std::find(parts.tokens.begin(), parts.tokens.end(), content);
    return content.empty() || place == parts.tokens.end() ? -1 : static_cast<TokenId>(place - parts.tokens.begin());
  };
  if (const auto path = folder / "tokenizer_config.json"; std::filesystem::exists(path)) {
    const JsonFile file(path);
    const auto named = [&](std::string_view name) {
      const Json& found = file.root()[name];
      return id_of(found.is(Json::Kind::object) ? found["content"].text : found.text);
    };
    parts.bos = named("bos_token");
    parts.eos = named("eos_token");
    parts.pad = named("pad_token");
    const Json& chat = file.root()["chat_template"];
    parts.chat_template = chat.text;
    for (const Json& part : chat.parts)  // several by name
      if (part["name"].text == "default") parts.chat_template = part["template"].text;
  }
  if (const auto path = folder / "chat_template.jinja"; std::filesystem::exists(path)) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    parts.chat_template = text.str();
  }
  if (parts.eos >= 0) parts.stops.push_back(parts.eos);
  for (const char* name : {"config.json", "generation_config.json"})
    if (const auto path = folder / name; std::filesystem::exists(path))
      for (const TokenId id : token_ids(JsonFile(path), "eos_token_id"))
        if (std::find(parts.stops.begin(), parts.stops.end(), id) == parts.stops.end()) parts.stops.push_back(id);
  if (parts.eos < 0 && !parts.stops.empty()) parts.eos = parts.stops.front();
}

}  // namespace detail

/// The tokenizer of a Hugging Face folder, a tokenizer.json, a .gguf file or a folder with one.
/// @throws IoError; DataError where the file is damaged or asks for a step that is not supported
inline Tokenizer load_tokenizer(const std::filesystem::path& path) {
  if (path.extension() == ".json") return Tokenizer(detail::TokenizerJsonReader(detail::JsonFile(path)).read());
  if (std::filesystem::is_directory(path) && std::filesystem::exists(path / "tokenizer.json")) {
    detail::TokenizerParts parts = detail::TokenizerJsonReader(detail::JsonFile(path / "tokenizer.json")).read();
    detail::read_beside(parts, path);
    return Tokenizer(std::move(parts));
  }
  if (const auto gguf = gguf_of(path); !gguf.empty()) return Tokenizer(detail::gguf_parts(GgufFile::open(gguf)));
  throw DataError(path.string(), 0, "the folder has no tokenizer.json", "download the model's folder whole");
}

}  // namespace reclm::lm
