#pragma once
/// @file gguf_weights.hpp
/// A GGUF file as a source of weights, under Hugging Face's names and in Hugging Face's order.

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/lm/stored_tensor.hpp"
#include "reclm/lm/weights/block_formats.hpp"
#include "reclm/lm/weights/expected_tensors.hpp"
#include "reclm/lm/weights/gguf.hpp"

namespace reclm::lm {

namespace detail {

using NamePair = std::pair<std::string_view, std::string_view>;  // GGUF's, Hugging Face's

/// "blk.7.attn_q.weight" → "model.layers.7.self_attn.q_proj.weight"; names that are not known stay as they are.
inline std::string hugging_face_name(std::string_view name, bool bert) {
  static constexpr std::array<NamePair, 3> decoder{
      {{"token_embd", "model.embed_tokens"}, {"output_norm", "model.norm"}, {"output", "lm_head"}}};
  static constexpr std::array<NamePair, 9> decoder_layer{{{"attn_norm", "input_layernorm"},
                                                          {"attn_q", "self_attn.q_proj"},
                                                          {"attn_k", "self_attn.k_proj"},
                                                          {"attn_v", "self_attn.v_proj"},
                                                          {"attn_output", "self_attn.o_proj"},
                                                          {"ffn_norm", "post_attention_layernorm"},
                                                          {"ffn_gate", "mlp.gate_proj"},
                                                          {"ffn_up", "mlp.up_proj"},
                                                          {"ffn_down", "mlp.down_proj"}}};
  static constexpr std::array<NamePair, 4> encoder{{{"token_embd", "embeddings.word_embeddings"},
                                                    {"position_embd", "embeddings.position_embeddings"},
                                                    {"token_types", "embeddings.token_type_embeddings"},
                                                    {"token_embd_norm", "embeddings.LayerNorm"}}};
  static constexpr std::array<NamePair, 8> encoder_layer{{{"attn_q", "attention.self.query"},
                                                          {"attn_k", "attention.self.key"},
                                                          {"attn_v", "attention.self.value"},
                                                          {"attn_output", "attention.output.dense"},
                                                          {"attn_output_norm", "attention.output.LayerNorm"},
                                                          {"ffn_up", "intermediate.dense"},
                                                          {"ffn_down", "output.dense"},
                                                          {"layer_output_norm", "output.LayerNorm"}}};
  const auto dot = name.rfind('.');
  if (dot == std::string_view::npos) return std::string(name);
  std::string_view stem = name.substr(0, dot), layer;
  if (stem.starts_with("blk.")) {
    const auto end = stem.find('.', 4);
    if (end == std::string_view::npos) return std::string(name);
    layer = stem.substr(4, end - 4);
    stem.remove_prefix(end + 1);
  }
  const auto find = [&](const auto& pairs) -> std::string {
    for (const auto& [gguf, hugging_face] : pairs) {
      if (gguf != stem) continue;
      std::string found = layer.empty() ? "" : (bert ? "encoder.layer." : "model.layers.") + std::string(layer) + ".";
      return found.append(hugging_face).append(name.substr(dot));
    }
    return std::string(name);
  };
  if (bert) return layer.empty() ? find(encoder) : find(encoder_layer);
  return layer.empty() ? find(decoder) : find(decoder_layer);
}

}  // namespace detail

/// Decoders of the architectures "llama" (Llama, SmolLM2, Mistral) and "qwen2", encoders of "bert". Files of the first
/// carry the rows of q and k in the order of rotary pairs; `get` moves them back to Hugging Face's halves, whole rows
/// of blocks at a time, so those two are copies and everything else lies in the mapped file. "rope_freqs.weight", where
/// there is one, is understood as Llama-3's scaling and left in place.
class GgufWeights final : public WeightSource {
 public:
  /// @throws IoError, DataError
  explicit GgufWeights(const std::filesystem::path& path)
      : file_(std::make_shared<const GgufFile>(GgufFile::open(path))) {
    read_config();
    for (const auto& [name, tensor] : file_->tensors()) {
      const bool fresh =
          names_.emplace(detail::hugging_face_name(name, config_.architecture == Architecture::bert), name).second;
      if (!fresh) throw file_->error("two tensors mean what \"" + name + "\" means");
    }
    complete_config();
    check_config(config_, file_->path());
    check_tensors(config_, file_->path(), [&](const std::string& name) -> std::optional<std::pair<Index, Index>> {
      if (!contains(name)) return std::nullopt;
      const StoredTensor tensor = as_stored(name);
      return std::pair(tensor.rows, tensor.cols);
    });
  }

  [[nodiscard]] const ModelConfig& config() const override { return config_; }
  [[nodiscard]] bool contains(std::string_view name) const override { return names_.find(name) != names_.end(); }
  [[nodiscard]] std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, ignored] : names_) names.push_back(name);
    return names;
  }

  [[nodiscard]] StoredTensor get(std::string_view name) const override {
    StoredTensor tensor = as_stored(name);
    if (rotary_pairs_ && name.find(".self_attn.q_proj.") != std::string_view::npos) unpair(tensor, config_.heads);
    if (rotary_pairs_ && name.find(".self_attn.k_proj.") != std::string_view::npos) unpair(tensor, config_.kv_heads);
    return tensor;
  }

  /// The file itself: metadata, tokenizer.
  [[nodiscard]] const GgufFile& file() const { return *file_; }

 private:
  // In the file's order of rows.
  [[nodiscard]] StoredTensor as_stored(std::string_view name) const {
    const auto place = names_.find(name);
    if (place == names_.end())
      throw file_->error("there is no tensor \"" + std::string(name) + "\"", "check that the file is of this model");
    const GgufTensor& found = file_->tensors().find(place->second)->second;
    StoredTensor tensor;
    tensor.type = found.type;
    tensor.cols = found.shape.back();
    tensor.rows = 1;
    for (std::size_t d = 0; d + 1 < found.shape.size(); ++d) tensor.rows *= found.shape[d];
    tensor.bytes = found.bytes;
    tensor.owner = file_;
    return tensor;
  }

  // Row (or, of a bias, number) 2 i + s of a head becomes row i + s · half.
  void unpair(StoredTensor& tensor, Index heads) const {
    const bool bias = tensor.rows == 1;
    const Index rows = bias ? tensor.cols : tensor.rows;
    if (bias && block_format(tensor.type).numbers != 1) throw file_->error("a bias is quantised");
    if (rows % (2 * heads) != 0) throw file_->error("heads do not divide the rows of q or k");
    const auto each = tensor.bytes.size() / static_cast<std::size_t>(rows);
    const auto copy = std::make_shared<std::vector<std::byte>>(tensor.bytes.size());
    const Index half = rows / heads / 2;
    for (Index head = 0; head < heads; ++head)
      for (Index s = 0; s < 2; ++s)
        for (Index i = 0; i < half; ++i) {
          const auto to = static_cast<std::size_t>((2 * head + s) * half + i);
          const auto from = static_cast<std::size_t>(2 * head * half + 2 * i + s);
          std::memcpy(copy->data() + to * each, tensor.bytes.data() + from * each, each);
        }
    tensor.bytes = *copy;
    tensor.owner = copy;
  }

  // The value of "ARCHITECTURE.key"; an error where the file must have it.
  [[nodiscard]] std::string key(std::string_view name) const { return architecture_ + "." + std::string(name); }
  [[nodiscard]] Index needed(std::string_view name) const {
    const auto value = file_->integer(key(name));
    if (!value) throw file_->error("the metadata lack \"" + key(name) + "\"", "convert the model again");
    return *value;
  }

  void read_config() {
    architecture_ = std::string(file_->text("general.architecture").value_or("that it does not name"));
    if (architecture_ == "qwen2")
      config_.architecture = Architecture::qwen2;
    else if (architecture_ == "bert")
      config_.architecture = Architecture::bert;
    else if (architecture_ != "llama")
      throw file_->error("the file is of the architecture " + architecture_, "use a model of llama, qwen2 or bert");
    rotary_pairs_ = architecture_ == "llama";
    config_.width = needed("embedding_length");
    config_.layers = needed("block_count");
    config_.inner_width = needed("feed_forward_length");
    config_.context = needed("context_length");
    config_.heads = needed("attention.head_count");
    config_.kv_heads = file_->integer(key("attention.head_count_kv")).value_or(config_.heads);
    config_.head_width =
        file_->integer(key("attention.key_length")).value_or(config_.heads > 0 ? config_.width / config_.heads : 0);
    const bool bert = config_.architecture == Architecture::bert;
    config_.norm_epsilon =
        file_->number(key(bert ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon"))
            .value_or(bert ? 1e-12 : 1e-5);
    config_.norm_epsilon = decimal(config_.norm_epsilon);
    config_.rope_theta = file_->number(key("rope.freq_base")).value_or(10000);
    config_.sliding_window = file_->integer(key("attention.sliding_window")).value_or(0);
    read_scaling();
    const auto token = [&](const char* name) {
      const Index id = file_->integer(name).value_or(-1);
      return static_cast<TokenId>(id < 0 || id >= (1 << 24) ? -1 : id);
    };
    config_.bos = token("tokenizer.ggml.bos_token_id");
    config_.eos = token("tokenizer.ggml.eos_token_id");
    config_.pad = token("tokenizer.ggml.padding_token_id");
    for (const TokenId stop : {config_.eos, token("tokenizer.ggml.eot_token_id"), token("tokenizer.ggml.eom_token_id")})
      add_stop(stop);
    if (config_.architecture == Architecture::bert) config_.stops.clear();
  }

  // Stored as a float: the decimal that it was.
  static double decimal(double stored) {
    std::array<char, 32> text{};
    double value = stored;
    const auto end = std::to_chars(text.begin(), text.end(), static_cast<float>(stored)).ptr;
    std::from_chars(text.begin(), end, value);
    return value;
  }

  void add_stop(TokenId token) {
    auto& stops = config_.stops;
    if (token >= 0 && std::find(stops.begin(), stops.end(), token) == stops.end()) stops.push_back(token);
  }

  void read_scaling() {
    RopeScaling& scaling = config_.rope_scaling;
    const std::string_view type = file_->text(key("rope.scaling.type")).value_or("none");
    scaling.factor = file_->number(key("rope.scaling.factor")).value_or(1);
    scaling.original_context = file_->integer(key("rope.scaling.original_context_length")).value_or(config_.context);
    scaling.attention_factor = file_->number(key("rope.scaling.attn_factor")).value_or(0);
    if (type == "linear")
      scaling.kind = RopeScaling::Kind::linear;
    else if (type == "yarn")
      scaling.kind = RopeScaling::Kind::yarn;
    else if (type != "none")
      throw file_->error("the rope scaling \"" + std::string(type) + "\" is not known", "use a model without it");
    else
      scaling.factor = 1;
  }

  // What the tensors say of the model.
  void complete_config() {
    const bool bert = config_.architecture == Architecture::bert;
    const char* const embedding = bert ? "embeddings.word_embeddings.weight" : "model.embed_tokens.weight";
    if (contains(embedding)) config_.vocabulary = get(embedding).rows;
    if (bert) {
      constexpr auto types = "embeddings.token_type_embeddings.weight";
      if (contains(types)) config_.token_types = get(types).rows;
    } else {
      config_.tied_embeddings = !contains("lm_head.weight");
      config_.qkv_bias = contains("model.layers.0.self_attn.q_proj.bias");
      config_.mlp_bias = contains("model.layers.0.mlp.up_proj.bias");
      if (const auto tokens = file_->texts("tokenizer.ggml.tokens"))
        for (std::size_t id = 0; id < std::min<std::size_t>(tokens->size(), 1 << 24); ++id)
          for (const std::string_view name : {"<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|endoftext|>"})
            if ((*tokens)[id] == name) add_stop(static_cast<TokenId>(id));
    }
    if (contains("rope_freqs.weight")) recognise_llama3(get("rope_freqs.weight"));
  }

  // Files of Llama 3.1 and later carry what each frequency is divided by, instead of the formula's constants.
  void recognise_llama3(const StoredTensor& stored) {
    std::vector<float> divisors(static_cast<std::size_t>(stored.rows * stored.cols));
    dequantise(stored, divisors);
    RopeScaling scaling;
    scaling.kind = RopeScaling::Kind::llama3;
    scaling.factor = *std::max_element(divisors.begin(), divisors.end());
    scaling.original_context = 8192;
    for (std::size_t k = 0; k < divisors.size(); ++k) {
      const double angle = std::pow(config_.rope_theta, -static_cast<double>(k) / static_cast<double>(divisors.size()));
      const double turns = static_cast<double>(scaling.original_context) * angle / 6.283185307179586;
      const double smooth = std::clamp(
          (turns - scaling.low_frequency_factor) / (scaling.high_frequency_factor - scaling.low_frequency_factor), 0.0,
          1.0);
      const double expected = 1 / ((1 - smooth) / scaling.factor + smooth);
      if (!(std::abs(divisors[k] - expected) < 1e-3 * expected))
        throw file_->error("rope_freqs.weight follows no formula that is known",
                           "use the Hugging Face folder of the model");
    }
    config_.rope_scaling = scaling;
  }

  std::shared_ptr<const GgufFile> file_;
  std::string architecture_;
  bool rotary_pairs_ = false;
  ModelConfig config_;
  std::map<std::string, std::string, std::less<>> names_;  // Hugging Face's → the file's
};

}  // namespace reclm::lm
