#pragma once
/// @file save_model.hpp
/// Writing a model as a Hugging Face folder that `transformers` loads.

#include <array>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/core/atomic_file.hpp"
#include "reclm/data/safetensors.hpp"
#include "reclm/lm/detail/json.hpp"
#include "reclm/lm/stored_tensor.hpp"
#include "reclm/lm/weights/block_formats.hpp"

namespace reclm::lm {

namespace detail {

/// What a configuration is saved as. Hugging Face's Llama has no window, its Qwen2 always has biases; Mistral's and
/// Llama's compute the same without.
inline Architecture saved_architecture(const ModelConfig& config) {
  const bool plain_qwen = config.architecture == Architecture::qwen2 && !config.qkv_bias;
  if (config.architecture != Architecture::llama && !plain_qwen) return config.architecture;
  return config.sliding_window > 0 ? Architecture::mistral : Architecture::llama;
}

}  // namespace detail

/// config.json for a configuration. Reading it gives the same configuration, but that the end-of-text token is among
/// the stops, as the first; Llama with a sliding window comes back as Mistral, and Qwen2 without biases as one of
/// these.
/// @param weights the type that most weights have in the file ("float32", "bfloat16")
inline std::string config_json(const ModelConfig& config, std::string_view weights = "float32") {
  std::string text = "{\n";
  const auto raw = [&](std::string_view name, const std::string& value) {
    if (text.size() > 2) text += ",\n";
    text.append("  \"").append(name).append("\": ").append(value);
  };
  const auto word = [&](std::string_view name, std::string_view value) { raw(name, detail::json_text(value)); };
  const auto number = [&](std::string_view name, auto value) {
    raw(name, detail::json_number(static_cast<double>(value)));
  };
  const auto truth = [&](std::string_view name, bool value) { raw(name, value ? "true" : "false"); };
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> names{
      {{"llama", "LlamaForCausalLM"},
       {"qwen2", "Qwen2ForCausalLM"},
       {"mistral", "MistralForCausalLM"},
       {"bert", "BertModel"}}};
  const Architecture architecture = detail::saved_architecture(config);
  const auto [type, name] = names[static_cast<std::size_t>(architecture)];
  const bool bert = architecture == Architecture::bert;
  raw("architectures", "[" + detail::json_text(name) + "]");
  word("model_type", type);
  word("torch_dtype", weights);
  number("vocab_size", config.vocabulary);
  number("hidden_size", config.width);
  number("num_hidden_layers", config.layers);
  number("num_attention_heads", config.heads);
  number("intermediate_size", config.inner_width);
  number("max_position_embeddings", config.context);
  word("hidden_act", bert ? "gelu" : "silu");
  if (bert) {
    number("layer_norm_eps", config.norm_epsilon);
    number("type_vocab_size", config.token_types);
  } else {
    number("num_key_value_heads", config.kv_heads);
    number("head_dim", config.head_width);
    number("rms_norm_eps", config.norm_epsilon);
    number("rope_theta", config.rope_theta);
    truth("attention_bias", config.qkv_bias);
    if (config.mlp_bias) truth("mlp_bias", true);
    truth("tie_word_embeddings", config.tied_embeddings);
    if (config.sliding_window > 0) {
      number("sliding_window", config.sliding_window);
      if (architecture == Architecture::qwen2) {
        truth("use_sliding_window", true);
        number("max_window_layers", 0);
      }
    } else if (architecture == Architecture::mistral) {
      raw("sliding_window", "null");
    }
    if (const RopeScaling& scaling = config.rope_scaling; scaling.kind != RopeScaling::Kind::none) {
      static constexpr std::array<std::string_view, 5> kinds{"default", "linear", "dynamic", "llama3", "yarn"};
      std::string inner = "{\"rope_type\": " + detail::json_text(kinds[static_cast<std::size_t>(scaling.kind)]);
      const auto add = [&](std::string_view key, double value) {
        inner.append(", \"").append(key).append("\": ").append(detail::json_number(value));
      };
      add("factor", scaling.factor);
      if (scaling.kind == RopeScaling::Kind::llama3) {
        add("low_freq_factor", scaling.low_frequency_factor);
        add("high_freq_factor", scaling.high_frequency_factor);
      }
      if (scaling.kind == RopeScaling::Kind::yarn) {
        add("beta_fast", scaling.beta_fast);
        add("beta_slow", scaling.beta_slow);
        if (scaling.attention_factor > 0) add("attention_factor", scaling.attention_factor);
      }
      if (scaling.original_context > 0)
        add("original_max_position_embeddings", static_cast<double>(scaling.original_context));
      raw("rope_scaling", inner + "}");
    }
  }
  const auto token = [&](std::string_view key, TokenId id) {
    if (id >= 0) number(key, id);
  };
  token("bos_token_id", config.bos);
  token("pad_token_id", config.pad);
  if (!config.stops.empty() && config.stops != std::vector<TokenId>{config.eos}) {
    // The first is the end-of-text token, as readers of a list take it.
    std::string list;
    const auto add = [&](TokenId id) { list.append(list.empty() ? "[" : ", ").append(std::to_string(id)); };
    if (config.eos >= 0) add(config.eos);
    for (const TokenId id : config.stops)
      if (id != config.eos) add(id);
    raw("eos_token_id", list + "]");
  } else {
    token("eos_token_id", config.eos);
  }
  return text + "\n}\n";
}

/// Writes config.json and model.safetensors into `folder`, making it where needed. Tensors are named as in Hugging
/// Face's files and must be F32, F16 or BF16.
/// @throws IoError; ConfigError on quantised tensors or repeated names
inline void save_model(const std::filesystem::path& folder, const ModelConfig& config,
                       std::span<const std::pair<std::string, StoredTensor>> tensors) {
  std::vector<NamedTensor> named;
  std::string_view weights = "float32";
  for (const auto& [name, tensor] : tensors) {
    TensorBytes bytes;
    if (tensor.type == StorageType::f32)
      bytes.dtype = DType::f32;
    else if (tensor.type == StorageType::f16)
      bytes.dtype = DType::f16;
    else if (tensor.type == StorageType::bf16)
      bytes.dtype = DType::bf16;
    else
      throw ConfigError("save_model: tensor \"" + name + "\" is " + std::string(block_format(tensor.type).name) +
                        "; Hugging Face folders hold no blocks, dequantise it first");
    if (tensor.rows > 1)
      weights = bytes.dtype == DType::f32 ? "float32" : bytes.dtype == DType::f16 ? "float16" : "bfloat16";
    // Norms and biases are vectors; a matrix of one row keeps its two dimensions.
    const bool vector = tensor.rows == 1 && (name.ends_with(".bias") || name.find("norm") != std::string::npos ||
                                             name.find("LayerNorm") != std::string::npos);
    bytes.shape = vector ? std::vector<Index>{tensor.cols} : std::vector<Index>{tensor.rows, tensor.cols};
    bytes.bytes = tensor.bytes;
    named.push_back({name, bytes});
  }
  std::filesystem::create_directories(folder);
  write_safetensors(folder / "model.safetensors", named, {{"format", "pt"}});
  write_file(folder / "config.json", config_json(config, weights));
}

}  // namespace reclm::lm
