#pragma once
/// @file expected_tensors.hpp
/// Which weights a model of a given configuration has, by Hugging Face's names.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/lm/model_config.hpp"

namespace reclm::lm {

/// A weight's name and shape; a vector is one row.
struct ExpectedTensor {
  std::string name;
  Index rows = 1, cols = 0;
};

/// All weights that a model cannot do without.
inline std::vector<ExpectedTensor> expected_tensors(const ModelConfig& config) {
  std::vector<ExpectedTensor> tensors;
  const Index width = config.width, inner = config.inner_width;
  const auto vector = [&](std::string name, Index size) { tensors.push_back({std::move(name), 1, size}); };
  const auto matrix = [&](std::string name, Index rows, Index cols) {
    tensors.push_back({std::move(name), rows, cols});
  };
  if (config.architecture == Architecture::bert) {
    const auto linear = [&](const std::string& name, Index rows, Index cols) {
      matrix(name + ".weight", rows, cols);
      vector(name + ".bias", rows);
    };
    const auto norm = [&](const std::string& name) {
      vector(name + ".weight", width);
      vector(name + ".bias", width);
    };
    matrix("embeddings.word_embeddings.weight", config.vocabulary, width);
    matrix("embeddings.position_embeddings.weight", config.context, width);
    matrix("embeddings.token_type_embeddings.weight", config.token_types, width);
    norm("embeddings.LayerNorm");
    for (Index layer = 0; layer < config.layers; ++layer) {
      const std::string at = "encoder.layer." + std::to_string(layer) + ".";
      for (const char* part : {"query", "key", "value"}) linear(at + "attention.self." + part, width, width);
      linear(at + "attention.output.dense", width, width);
      norm(at + "attention.output.LayerNorm");
      linear(at + "intermediate.dense", inner, width);
      linear(at + "output.dense", width, inner);
      norm(at + "output.LayerNorm");
    }
    return tensors;
  }
  const Index queries = config.heads * config.head_width, keys = config.kv_heads * config.head_width;
  matrix("model.embed_tokens.weight", config.vocabulary, width);
  for (Index layer = 0; layer < config.layers; ++layer) {
    const std::string at = "model.layers." + std::to_string(layer) + ".";
    vector(at + "input_layernorm.weight", width);
    const auto projection = [&](const char* part, Index rows) {
      matrix(at + "self_attn." + part + ".weight", rows, width);
      if (config.qkv_bias) vector(at + "self_attn." + part + ".bias", rows);
    };
    projection("q_proj", queries);
    projection("k_proj", keys);
    projection("v_proj", keys);
    matrix(at + "self_attn.o_proj.weight", width, queries);
    vector(at + "post_attention_layernorm.weight", width);
    const auto mlp = [&](const char* part, Index rows, Index cols) {
      matrix(at + "mlp." + part + ".weight", rows, cols);
      if (config.mlp_bias) vector(at + "mlp." + part + ".bias", rows);
    };
    mlp("gate_proj", inner, width);
    mlp("up_proj", inner, width);
    mlp("down_proj", width, inner);
  }
  vector("model.norm.weight", width);
  if (!config.tied_embeddings) matrix("lm_head.weight", config.vocabulary, width);
  return tensors;
}

/// @param shape_of gives [rows, cols] of the tensor of a name, or nothing
/// @throws DataError naming the first weight that is missing or has another shape
template <class ShapeOf>
void check_tensors(const ModelConfig& config, std::string_view path, const ShapeOf& shape_of) {
  const auto text = [](Index rows, Index cols) {
    return "[" + std::to_string(rows) + ", " + std::to_string(cols) + "]";
  };
  for (const auto& [name, rows, cols] : expected_tensors(config)) {
    const std::optional<std::pair<Index, Index>> shape = shape_of(name);
    if (shape == std::pair(rows, cols)) continue;
    throw DataError(path, 0,
                    shape ? "tensor \"" + name + "\" is " + text(shape->first, shape->second) +
                                " where the configuration needs " + text(rows, cols)
                          : "there is no tensor \"" + name + "\"",
                    "take the weights and the configuration of one and the same model");
  }
}

/// @throws DataError unless the sizes can be those of a model
inline void check_config(const ModelConfig& config, std::string_view path) {
  const auto refuse = [&](const std::string& problem) {
    throw DataError(path, 0, "the model's configuration is wrong: " + problem, "check the file or download it again");
  };
  const auto within = [&](const char* name, Index value, Index most) {
    if (value < 1 || value > most)
      refuse(std::string(name) + " is " + std::to_string(value) + ", not 1 to " + std::to_string(most));
  };
  constexpr Index most = Index{1} << 24;
  within("the vocabulary", config.vocabulary, most);
  within("the width", config.width, most);
  within("the number of layers", config.layers, 10000);
  within("the number of heads", config.heads, 1 << 16);
  within("the number of key-value heads", config.kv_heads, config.heads);
  within("a head's width", config.head_width, 1 << 16);
  within("the inner width", config.inner_width, most);
  within("the context", config.context, Index{1} << 30);
  if (config.heads % config.kv_heads != 0) refuse("key-value heads do not divide the heads");
  if (config.architecture == Architecture::bert) {
    within("the number of token types", config.token_types, most);
    if (config.heads * config.head_width != config.width) refuse("heads do not divide the width");
  } else if (config.head_width % 2 != 0) {
    refuse("a head's width is odd");
  }
  if (!(config.norm_epsilon >= 0 && config.norm_epsilon < 1)) refuse("the norm's epsilon is not within 0 to 1");
  if (!(config.rope_theta > 0 && config.rope_theta < 1e15)) refuse("rope_theta is not within 0 to 1e15");
  if (!(config.rope_scaling.factor > 0 && config.rope_scaling.factor < 1e6))
    refuse("the rope scaling's factor is not within 0 to 1e6");
  for (const TokenId token : config.stops)
    if (token < 0 || token >= config.vocabulary) refuse("a stop token is not in the vocabulary");
}

}  // namespace reclm::lm
