#pragma once
/// @file model_config.hpp
/// The shape of a transformer, whatever file it came from.

#include <cstdint>
#include <string>
#include <vector>

#include "reclm/core/config.hpp"

namespace reclm::lm {

/// A token's number in the vocabulary.
using TokenId = std::int32_t;

/// How RoPE's frequencies are stretched beyond the context a model was trained on.
struct RopeScaling {
  enum class Kind { none, linear, dynamic, llama3, yarn };
  Kind kind = Kind::none;
  double factor = 1;
  double low_frequency_factor = 1, high_frequency_factor = 4;  ///< llama3
  double beta_fast = 32, beta_slow = 1, attention_factor = 0;  ///< yarn; 0: by its formula
  Index original_context = 0;
};

enum class Architecture { llama, qwen2, mistral, bert };

/// Sizes and constants; names in comments are those of Hugging Face's config.json.
struct ModelConfig {
  Architecture architecture = Architecture::llama;
  Index vocabulary = 0;        ///< vocab_size
  Index width = 0;             ///< hidden_size
  Index layers = 0;            ///< num_hidden_layers
  Index heads = 0;             ///< num_attention_heads
  Index kv_heads = 0;          ///< num_key_value_heads; equals heads without grouping
  Index head_width = 0;        ///< head_dim; width / heads where the file says nothing
  Index inner_width = 0;       ///< intermediate_size
  Index context = 0;           ///< max_position_embeddings
  double norm_epsilon = 1e-5;  ///< rms_norm_eps, layer_norm_eps
  double rope_theta = 10000;
  RopeScaling rope_scaling{};
  Index sliding_window = 0;      ///< positions a token sees at most; 0: all before it
  bool tied_embeddings = false;  ///< tie_word_embeddings: the head is the embedding, whatever the file holds
  bool qkv_bias = false;         ///< attention_bias, true for Qwen2; biases in the file are read if this says so
  bool mlp_bias = false;         ///< mlp_bias
  Index token_types = 0;         ///< type_vocab_size, BERT
  TokenId bos = -1, eos = -1, pad = -1;  ///< −1: none
  std::vector<TokenId> stops;            ///< every token that ends a generation (eos included)
};

}  // namespace reclm::lm
