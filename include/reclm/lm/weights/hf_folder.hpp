#pragma once
/// @file hf_folder.hpp
/// A Hugging Face model folder as a source of weights: config.json, generation_config.json, and safetensors whole or in
/// shards.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/data/safetensors.hpp"
#include "reclm/lm/detail/json.hpp"
#include "reclm/lm/stored_tensor.hpp"
#include "reclm/lm/weights/expected_tensors.hpp"

namespace reclm::lm {

namespace detail {

/// Tokens under `name`: one number, a list, or none.
inline std::vector<TokenId> token_ids(const JsonFile& file, std::string_view name) {
  const Json& found = file.root()[name];
  std::vector<TokenId> ids;
  const auto add = [&](const Json& json) {
    if (!json.is(Json::Kind::number) || !(json.value >= 0 && json.value < 1 << 24))
      throw file.error("\"" + std::string(name) + "\" is no token");
    ids.push_back(static_cast<TokenId>(json.value));
  };
  if (found.is(Json::Kind::list))
    for (const Json& part : found.parts) add(part);
  else if (!found.is(Json::Kind::null))
    add(found);
  return ids;
}

inline RopeScaling rope_scaling(const JsonFile& file, const Json& json, Index context) {
  RopeScaling scaling;
  if (!json.is(Json::Kind::object)) return scaling;
  const std::string type = file.text(json, "rope_type", file.text(json, "type", "default"));
  using Kind = RopeScaling::Kind;
  if (type == "linear")
    scaling.kind = Kind::linear;
  else if (type == "dynamic")
    scaling.kind = Kind::dynamic;
  else if (type == "llama3")
    scaling.kind = Kind::llama3;
  else if (type == "yarn")
    scaling.kind = Kind::yarn;
  else if (type != "default")
    throw file.error("the rope scaling \"" + type + "\" is not known", "use linear, dynamic, llama3 or yarn");
  scaling.factor = file.number(json, "factor", 1);
  scaling.low_frequency_factor = file.number(json, "low_freq_factor", 1);
  scaling.high_frequency_factor = file.number(json, "high_freq_factor", 4);
  scaling.beta_fast = file.number(json, "beta_fast", 32);
  scaling.beta_slow = file.number(json, "beta_slow", 1);
  scaling.attention_factor = file.number(json, "attention_factor", 0);
  scaling.original_context = file.integer(json, "original_max_position_embeddings", context);
  return scaling;
}

/// config.json, with generation_config.json beside it where there is one.
inline ModelConfig read_hf_config(const std::filesystem::path& folder) {
  const JsonFile file(folder / "config.json");
  const Json& root = file.root();
  ModelConfig config;
  const std::string type = file.text(root, "model_type", "that it does not name");
  if (type == "llama")
    config.architecture = Architecture::llama;
  else if (type == "qwen2")
    config.architecture = Architecture::qwen2;
  else if (type == "mistral")
    config.architecture = Architecture::mistral;
  else if (type == "bert")
    config.architecture = Architecture::bert;
  else
    throw file.error("the model is of the type " + type, "use a model of llama, qwen2, mistral or bert");
  const bool bert = config.architecture == Architecture::bert;
  config.vocabulary = file.integer(root, "vocab_size", 0);
  config.width = file.integer(root, "hidden_size", 0);
  config.layers = file.integer(root, "num_hidden_layers", 0);
  config.heads = file.integer(root, "num_attention_heads", 0);
  config.kv_heads = file.integer(root, "num_key_value_heads", config.heads);
  config.head_width = file.integer(root, "head_dim", config.heads > 0 ? config.width / config.heads : 0);
  config.inner_width = file.integer(root, "intermediate_size", 0);
  config.context = file.integer(root, "max_position_embeddings", 0);
  config.norm_epsilon = bert ? file.number(root, "layer_norm_eps", 1e-12) : file.number(root, "rms_norm_eps", 1e-6);
  // Newer files keep everything about RoPE in one place.
  const Json& parameters = root["rope_parameters"];
  config.rope_theta = file.number(parameters, "rope_theta", file.number(root, "rope_theta", 10000));
  config.rope_scaling =
      rope_scaling(file, root.has("rope_scaling") ? root["rope_scaling"] : parameters, config.context);
  config.tied_embeddings = file.boolean(root, "tie_word_embeddings", bert);
  const bool qwen2 = config.architecture == Architecture::qwen2;  // has them, and does not ask for attention_bias
  config.qkv_bias = bert || qwen2 || file.boolean(root, "attention_bias", false);
  config.mlp_bias = !bert && file.boolean(root, "mlp_bias", false);
  config.token_types = bert ? file.integer(root, "type_vocab_size", 2) : 0;
  const std::string activation = file.text(root, "hidden_act", bert ? "gelu" : "silu");
  if (activation != (bert ? "gelu" : "silu"))
    throw file.error("the activation \"" + activation + "\" is not supported", bert ? "use gelu" : "use silu");
  const std::string positions = file.text(root, "position_embedding_type", "absolute");
  if (bert && positions != "absolute")
    throw file.error("the position embeddings are " + positions, "use absolute ones");
  const Index window = file.integer(root, "sliding_window", 0);
  if (config.architecture == Architecture::mistral) config.sliding_window = window;
  if (config.architecture == Architecture::qwen2 && file.boolean(root, "use_sliding_window", false)) {
    const Index full = file.integer(root, "max_window_layers", config.layers);  // these see everything
    if (full > 0 && full < config.layers)
      throw file.error("some layers have a sliding window and some have none", "set use_sliding_window to false");
    if (full == 0) config.sliding_window = window;
  }
  const auto first = [&](std::string_view name) {
    const std::vector<TokenId> ids = token_ids(file, name);
    return ids.empty() ? TokenId{-1} : ids.front();
  };
  config.bos = first("bos_token_id");
  config.eos = first("eos_token_id");
  config.pad = first("pad_token_id");
  if (!bert) config.stops = token_ids(file, "eos_token_id");
  if (const auto beside = folder / "generation_config.json"; !bert && std::filesystem::exists(beside))
    if (const auto stops = token_ids(JsonFile(beside), "eos_token_id"); !stops.empty()) config.stops = stops;
  check_config(config, file.path());
  return config;
}

}  // namespace detail

/// How a model's authors mean it to be sampled; nothing where generation_config.json says nothing.
struct GenerationDefaults {
  std::optional<bool> sample;
  std::optional<double> temperature, top_p, repetition_penalty;
  std::optional<Index> top_k;
};

/// @throws IoError, DataError; a folder without the file has no defaults
inline GenerationDefaults read_generation_defaults(const std::filesystem::path& folder) {
  GenerationDefaults defaults;
  const auto path = folder / "generation_config.json";
  if (!std::filesystem::exists(path)) return defaults;
  const detail::JsonFile file(path);
  const detail::Json& root = file.root();
  if (root.has("do_sample")) defaults.sample = file.boolean(root, "do_sample", false);
  if (root.has("temperature")) defaults.temperature = file.number(root, "temperature", 1);
  if (root.has("top_p")) defaults.top_p = file.number(root, "top_p", 1);
  if (root.has("top_k")) defaults.top_k = file.integer(root, "top_k", 0);
  if (root.has("repetition_penalty")) defaults.repetition_penalty = file.number(root, "repetition_penalty", 1);
  return defaults;
}

/// Weights of a folder: model.safetensors, or the shards that model.safetensors.index.json names. F32, F16 and BF16 lie
/// in the mapped files; tensors of other types (buffers of positions) are passed over. Prefixes that the same model has
/// in some folders and not in others ("bert.", "model.") are set right, and the names that BERT's first files have for
/// norms ("LayerNorm.gamma", "LayerNorm.beta").
class HfFolder final : public WeightSource {
 public:
  /// @throws IoError, DataError
  explicit HfFolder(const std::filesystem::path& folder)
      : folder_(folder.string()), config_(detail::read_hf_config(folder)) {
    const auto index = folder / "model.safetensors.index.json", whole = folder / "model.safetensors";
    if (std::filesystem::exists(whole)) {
      add_file(whole, nullptr);
    } else if (std::filesystem::exists(index)) {
      add_shards(detail::JsonFile(index), folder);
    } else {
      const bool pickle = std::filesystem::exists(folder / "pytorch_model.bin");
      throw DataError(folder_, 0, "there is no model.safetensors",
                      pickle ? "convert pytorch_model.bin with save_pretrained(safe_serialization=True)"
                             : "download the folder whole");
    }
    if (config_.architecture != Architecture::bert && !contains("lm_head.weight") && !config_.tied_embeddings)
      config_.tied_embeddings = true;  // what a file without a head means
    check_tensors(config_, folder_, [&](const std::string& name) -> std::optional<std::pair<Index, Index>> {
      const auto place = tensors_.find(name);
      if (place == tensors_.end()) return std::nullopt;
      return std::pair(place->second.rows, place->second.cols);
    });
  }

  [[nodiscard]] const ModelConfig& config() const override { return config_; }
  [[nodiscard]] bool contains(std::string_view name) const override { return tensors_.find(name) != tensors_.end(); }
  [[nodiscard]] StoredTensor get(std::string_view name) const override {
    const auto place = tensors_.find(name);
    if (place == tensors_.end())
      throw DataError(folder_, 0, "there is no tensor \"" + std::string(name) + "\"",
                      "check that the folder is of this model");
    return place->second;
  }
  [[nodiscard]] std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, ignored] : tensors_) names.push_back(name);
    return names;
  }

 private:
  void add_shards(const detail::JsonFile& index, const std::filesystem::path& folder) {
    const detail::Json& map = index.root()["weight_map"];
    if (!map.is(detail::Json::Kind::object)) throw index.error("there is no weight_map");
    std::map<std::string, std::vector<std::string>> shards;
    for (const detail::Json& entry : map.parts) {
      if (!entry.is(detail::Json::Kind::text) || entry.text.empty() || entry.text.starts_with('.') ||
          entry.text.find_first_of(std::string("/\\\0", 3)) != std::string::npos)
        throw index.error("\"" + entry.key + "\" is not in a file of this folder");
      shards[entry.text].push_back(entry.key);
    }
    for (const auto& [file, names] : shards) add_file(folder / file, &names);
  }

  // The named tensors of a file, or all of them.
  void add_file(const std::filesystem::path& path, const std::vector<std::string>* names) {
    const auto file = std::make_shared<const SafetensorsFile>(SafetensorsFile::open(path));
    for (const std::string& name : names != nullptr ? *names : file->names()) {
      const TensorBytes found = file->tensor(name);
      StoredTensor tensor;
      if (found.dtype == DType::f32)
        tensor.type = StorageType::f32;
      else if (found.dtype == DType::f16)
        tensor.type = StorageType::f16;
      else if (found.dtype == DType::bf16)
        tensor.type = StorageType::bf16;
      else
        continue;
      tensor.cols = found.shape.empty() ? 1 : found.shape.back();
      tensor.rows = 1;
      for (std::size_t d = 0; d + 1 < found.shape.size(); ++d) tensor.rows *= found.shape[d];
      tensor.bytes = found.bytes;
      tensor.owner = file;
      if (reinterpret_cast<std::uintptr_t>(found.bytes.data()) % size_of(found.dtype) != 0) {
        const auto copy = std::make_shared<std::vector<std::byte>>(found.bytes.begin(), found.bytes.end());
        tensor.bytes = *copy;
        tensor.owner = copy;
      }
      if (!tensors_.emplace(usual_name(name), tensor).second)
        throw DataError(path.string(), 0, "tensor \"" + name + "\" appears twice", "download the folder again");
    }
  }

  [[nodiscard]] std::string usual_name(const std::string& name) const {
    if (config_.architecture == Architecture::bert) {
      std::string usual = name.starts_with("bert.") ? name.substr(5) : name;
      for (const auto& [old, now] :
           {std::pair("LayerNorm.gamma", "LayerNorm.weight"), {"LayerNorm.beta", "LayerNorm.bias"}})
        if (usual.ends_with(old)) usual.replace(usual.size() - std::strlen(old), std::string::npos, now);
      return usual;
    }
    const bool bare = name.starts_with("layers.") || name.starts_with("embed_tokens.") || name.starts_with("norm.");
    return bare ? "model." + name : name;
  }

  std::string folder_;
  ModelConfig config_;
  std::map<std::string, StoredTensor, std::less<>> tensors_;
};

}  // namespace reclm::lm
