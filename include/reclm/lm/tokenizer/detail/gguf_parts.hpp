#pragma once
/// @file gguf_parts.hpp
/// The tokenizer that a GGUF file carries, described as tokenizer.json would.

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "reclm/lm/detail/json.hpp"
#include "reclm/lm/tokenizer/detail/parts.hpp"
#include "reclm/lm/tokenizer/detail/vocabulary.hpp"
#include "reclm/lm/weights/gguf.hpp"

namespace reclm::lm::detail {

inline Json json_of(std::string_view document) { return JsonReader(document, "built in").read(); }

inline constexpr std::string_view kByteLevel =
    R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true})";
inline constexpr std::string_view kByteLevelDecoder =
    R"({"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true})";

/// The pre-tokenizer of a byte-level family, "" for one that is not known.
inline std::string byte_level_steps(std::string_view family) {
  const auto split = [](std::string_view digits) {
    return std::string(R"({"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":)") +
           json_text(std::string(R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|)") + std::string(digits) +
                     R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)") +
           R"(},"behavior":"Isolated","invert":false},{"type":"ByteLevel","add_prefix_space":false,)"
           R"("trim_offsets":true,"use_regex":false}]})";
  };
  const auto is = [&](std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), family) != names.end();
  };
  if (is({"smollm", "starcoder", "refact", "command-r"}))
    return std::string(R"({"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},)")
        .append(kByteLevel)
        .append("]}");
  if (is({"gpt-2", "gpt2", "phi-2", "olmo", "jina-en"})) return std::string(kByteLevel);
  if (is({"llama-bpe", "llama3", "llama-v3", "smaug-bpe"})) return split(R"(\p{N}{1,3})");
  if (is({"qwen2", "deepseek-r1-qwen"})) return split(R"(\p{N})");
  return {};
}

/// Merges for a vocabulary that has scores instead: every way to put a token together of two, best score first.
inline std::vector<std::pair<TokenId, TokenId>> merges_by_score(const std::vector<std::string>& tokens,
                                                                const std::vector<double>& scores) {
  Vocabulary ids(tokens.size());
  for (std::size_t id = 0; id < tokens.size(); ++id)
    if (!tokens[id].empty()) ids.add(tokens[id], static_cast<TokenId>(id));
  struct Merge {
    double score;
    std::size_t left_size, right_size;
    TokenId left, right;
  };
  std::vector<Merge> merges;
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    const std::string& token = tokens[id];
    if (token.size() > 512) continue;
    const std::size_t before = merges.size();
    std::size_t characters = 0, left_size = 0;
    for (std::size_t at = 0; at < token.size(); at += char_bytes(token[at])) ++characters;
    for (std::size_t at = 0; at < token.size();) {
      at += char_bytes(token[at]);
      ++left_size;
      if (at >= token.size()) break;
      const TokenId left = ids.find(std::string_view(token).substr(0, at));
      const TokenId right = left < 0 ? -1 : ids.find(std::string_view(token).substr(at));
      if (right >= 0) merges.push_back({scores[id], left_size, characters - left_size, left, right});
    }
    std::sort(merges.begin() + static_cast<std::ptrdiff_t>(before), merges.end(),
              [](const Merge& a, const Merge& b) { return std::pair(a.left, a.right) < std::pair(b.left, b.right); });
  }
  std::stable_sort(merges.begin(), merges.end(), [](const Merge& a, const Merge& b) {
    return std::tuple(a.score, a.left_size, a.right_size) > std::tuple(b.score, b.left_size, b.right_size);
  });
  std::vector<std::pair<TokenId, TokenId>> pairs;
  for (const Merge& merge : merges) pairs.emplace_back(merge.left, merge.right);
  return pairs;
}

/// @throws DataError
class GgufTokenizerReader {
 public:
  explicit GgufTokenizerReader(const GgufFile& file) : file_(&file) {}

  TokenizerParts read() {
    parts_.path = file_->path();
    read_tokens();
    const std::string_view model = file_->text("tokenizer.ggml.model").value_or("that it does not name");
    if (model == "gpt2")
      byte_level();
    else if (model == "llama")
      sentence_piece();
    else if (model == "bert")
      word_piece();
    else
      throw file_->error("the tokenizer is of the model " + std::string(model), "use a model of gpt2, llama or bert");
    parts_.bos = token("tokenizer.ggml.bos_token_id");
    parts_.eos = token("tokenizer.ggml.eos_token_id");
    parts_.pad = token("tokenizer.ggml.padding_token_id");
    parts_.chat_template = std::string(file_->text("tokenizer.chat_template").value_or(""));
    if (model != "bert") {
      for (const char* key :
           {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"})
        add_stop(token(key));
      for (const AddedToken& added : parts_.added)
        for (const std::string_view name : {"<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|endoftext|>"})
          if (added.content == name) add_stop(added.id);
    }
    const bool llama3 = parts_.ignore_merges;
    surround(file_->boolean("tokenizer.ggml.add_bos_token").value_or(model == "llama" || llama3) ? parts_.bos : -1,
             file_->boolean("tokenizer.ggml.add_eos_token").value_or(false) ? parts_.eos : -1);
    return std::move(parts_);
  }

 private:
  [[nodiscard]] TokenId token(std::string_view key) const {
    const Index id = file_->integer(key).value_or(-1);
    if (id < -1 || id >= static_cast<Index>(parts_.tokens.size()))
      throw file_->error("\"" + std::string(key) + "\" is " + std::to_string(id) + ", which is no token");
    return static_cast<TokenId>(id);
  }
  void add_stop(TokenId id) {
    if (id >= 0 && std::find(parts_.stops.begin(), parts_.stops.end(), id) == parts_.stops.end())
      parts_.stops.push_back(id);
  }

  void read_tokens() {
    const auto tokens = file_->texts("tokenizer.ggml.tokens");
    if (!tokens || tokens->empty()) throw file_->error("the file has no tokenizer", "convert the model again");
    if (tokens->size() > std::size_t{1} << 24) throw file_->error("the vocabulary is absurdly large");
    parts_.tokens.assign(tokens->begin(), tokens->end());
    const auto types = file_->numbers("tokenizer.ggml.token_type");
    if (!types) return;
    if (types->size() != tokens->size()) throw file_->error("there are not as many token types as tokens");
    for (std::size_t id = 0; id < types->size(); ++id) {
      const double type = (*types)[id];  // 3: control, 4: user-defined
      if ((type != 3 && type != 4) || parts_.tokens[id].empty()) continue;
      AddedToken added;
      added.id = static_cast<TokenId>(id);
      added.content = parts_.tokens[id];
      added.special = type == 3;
      parts_.added.push_back(std::move(added));
    }
  }

  void byte_level() {
    const std::string_view family = file_->text("tokenizer.ggml.pre").value_or("gpt-2");
    const std::string steps = byte_level_steps(family);
    if (steps.empty())
      throw file_->error("the pre-tokenizer \"" + std::string(family) + "\" is not known",
                         "use the model's Hugging Face folder");
    parts_.pre_tokenizer = json_of(steps);
    parts_.decoder = json_of(kByteLevelDecoder);
    if (family.starts_with("llama") || family == "smaug-bpe") parts_.ignore_merges = true;
    if (family == "qwen2" || family == "deepseek-r1-qwen") parts_.normalizer = json_of(R"({"type":"NFC"})");
    const auto merges = file_->texts("tokenizer.ggml.merges");
    if (!merges) throw file_->error("the tokenizer has no merges", "convert the model again");
    Vocabulary ids(parts_.tokens.size());
    for (std::size_t id = 0; id < parts_.tokens.size(); ++id) ids.add(parts_.tokens[id], static_cast<TokenId>(id));
    for (const std::string_view merge : *merges) {
      const auto blank = merge.find(' ', 1);
      const TokenId left = blank == std::string_view::npos ? -1 : ids.find(merge.substr(0, blank));
      const TokenId right = left < 0 ? -1 : ids.find(merge.substr(blank + 1));
      if (right < 0 || blank + 1 == merge.size())
        throw file_->error("merge " + std::to_string(parts_.merges.size()) + " is no pair of tokens of the vocabulary");
      parts_.merges.emplace_back(left, right);
    }
  }

  void sentence_piece() {
    const auto scores = file_->numbers("tokenizer.ggml.scores");
    if (!scores || scores->size() != parts_.tokens.size())
      throw file_->error("there are not as many scores as tokens", "convert the model again");
    parts_.merges = merges_by_score(parts_.tokens, *scores);
    parts_.byte_fallback = parts_.fuse_unknown = true;
    const TokenId unknown = token("tokenizer.ggml.unknown_token_id");
    if (unknown >= 0) parts_.unknown = parts_.tokens[static_cast<std::size_t>(unknown)];
    const bool prefix = file_->boolean("tokenizer.ggml.add_space_prefix").value_or(true);
    parts_.normalizer = json_of(std::string(R"({"type":"Sequence","normalizers":[)") +
                                (prefix ? R"({"type":"Prepend","prepend":"▁"},)" : "") +
                                R"({"type":"Replace","pattern":{"String":" "},"content":"▁"}]})");
    parts_.decoder = json_of(
        std::string(R"({"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},)"
                    R"({"type":"ByteFallback"},{"type":"Fuse"})") +
        (prefix ? R"(,{"type":"Strip","content":" ","start":1,"stop":0})" : "") + "]}");
  }

  // The converter marks beginnings of words with ▁ and drops the ## of what continues them.
  void word_piece() {
    parts_.model = TokenizerParts::Model::word_piece;
    constexpr std::string_view mark = "▁";
    std::vector<bool> is_added(parts_.tokens.size());
    for (const AddedToken& added : parts_.added) is_added[static_cast<std::size_t>(added.id)] = true;
    for (std::size_t id = 0; id < parts_.tokens.size(); ++id) {
      std::string& text = parts_.tokens[id];
      if (is_added[id] || (text.starts_with('[') && text.ends_with(']') && text.size() > 2)) continue;
      text = text.starts_with(mark) ? text.substr(mark.size()) : "##" + text;
    }
    const TokenId unknown = token("tokenizer.ggml.unknown_token_id");
    parts_.unknown = unknown >= 0 ? parts_.tokens[static_cast<std::size_t>(unknown)] : "[UNK]";
    parts_.normalizer = json_of(
        R"({"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true})");
    parts_.pre_tokenizer = json_of(R"({"type":"BertPreTokenizer"})");
    parts_.decoder = json_of(R"({"type":"WordPiece","prefix":"##","cleanup":true})");
    TokenId separator = token("tokenizer.ggml.seperator_token_id");  // as the format spells it
    if (separator < 0) separator = token("tokenizer.ggml.separator_token_id");
    TokenId beginning = token("tokenizer.ggml.cls_token_id");
    if (beginning < 0) beginning = token("tokenizer.ggml.bos_token_id");
    surround(beginning, separator);
  }

  // A template with these tokens around the text, where they are tokens and there is none yet.
  void surround(TokenId before, TokenId after) {
    if ((before < 0 && after < 0) || !parts_.post_processor.is(Json::Kind::null)) return;
    std::string single, described;
    const auto special = [&](TokenId id) {
      const std::string text = json_text(parts_.tokens[static_cast<std::size_t>(id)]);
      single += R"({"SpecialToken":{"id":)" + text + R"(,"type_id":0}})";
      if (described.find(text + ":") != std::string::npos) return;
      described += (described.empty() ? "" : ",") + text + R"(:{"id":)" + text + R"(,"ids":[)" + std::to_string(id) +
                   R"(],"tokens":[)" + text + "]}";
    };
    if (before >= 0) special(before), single += ',';
    single += R"({"Sequence":{"id":"A","type_id":0}})";
    if (after >= 0) single += ',', special(after);
    parts_.post_processor =
        json_of(R"({"type":"TemplateProcessing","single":[)" + single +
                R"(],"pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],)"
                R"("special_tokens":{)" +
                described + "}}");
  }

  const GgufFile* file_;
  TokenizerParts parts_;
};

inline TokenizerParts gguf_parts(const GgufFile& file) { return GgufTokenizerReader(file).read(); }

}  // namespace reclm::lm::detail
