#pragma once
/// @file decoder.hpp
/// Decoders of the Llama family (Llama 2 and 3, SmolLM2, Qwen2 and 2.5, Mistral): RMSNorm, rotary positions,
/// grouped-query attention, SwiGLU. Reads weights, computes logits and hidden states; training is elsewhere (its own
/// tape).
///
///     const auto weights = open_weights("model.gguf");
///     Decoder<> decoder(*weights);
///     const Matrix<float> logits = decoder.logits(tokens);   // [tokens, vocabulary]
///
/// Weights in blocks (GGUF's Q4_1 and the like) are by default multiplied in bf16 where a call brings several tokens of
/// a sequence, see Precision; Precision::stored is exact.
///
/// On the CPU a token's logits have the same bits whatever other sequences, or pieces of the same one, are computed
/// with it, and for any number of threads. Two exceptions concern pieces: in the bf16 precisions a token that comes
/// alone is computed in float32 (see lone_tokens_differ), there only pieces of two tokens and more are alike; and with
/// dynamic RoPE beyond the original context a call's tokens are turned by the sequence's length so far, as in
/// transformers (see turned_by_length).

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "reclm/backend/kernels/gated.hpp"
#include "reclm/backend/kernels/norm.hpp"
#include "reclm/backend/kernels/rope.hpp"
#include "reclm/lm/kv_cache.hpp"
#include "reclm/lm/linear.hpp"
#include "reclm/lm/rope_angles.hpp"

namespace reclm::lm {

/// The next tokens of a sequence, one or more.
template <class B>
struct NextTokens {
  KvSequence<B>* sequence = nullptr;
  std::span<const TokenId> tokens;
};

/// What a forward pass returns.
struct ForwardOptions {
  bool every_token = false;  ///< a row for each token, in order; else one for the last token of each sequence
  bool logits = true;
  bool hidden = false;  ///< the states behind the last norm, which the head reads
};

/// Rows as ForwardOptions says, in the backend's memory; empty where not asked for.
template <class B>
struct ForwardResult {
  Tensor<B, float> logits;  ///< [rows, vocabulary]
  Tensor<B, float> hidden;  ///< [rows, width]
};

template <class B = Cpu>
class Decoder {
 public:
  /// Copies (repacks) the weights; `weights` may go afterwards.
  /// @throws DataError when a weight is missing or has another shape than the configuration says
  explicit Decoder(const WeightSource& weights, Precision precision = Precision::automatic)
      : config_(weights.config()), angles_(config_), layout_(page_layout<B>(config_)) {
    const ModelConfig& c = config_;
    check_config();
    // One choice for all matrices: files of blocks hold some in other formats.
    precision = chosen_precision(precision, weights.get("model.layers.0.mlp.down_proj.weight").type);
    embedding_ = load_matrix<B>(weights, "model.embed_tokens.weight", c.vocabulary, c.width, precision);
    const Index q_width = c.heads * c.head_width, kv_width = c.kv_heads * c.head_width;
    for (Index i = 0; i < c.layers; ++i) {
      const std::string name = "model.layers." + std::to_string(i) + ".";
      const auto linear = [&](const std::string& part, Index outputs, Index inputs, bool bias) {
        return Linear<B>(weights, name + part, outputs, inputs, bias, precision);
      };
      const auto linear_as_stored = [&](const std::string& part, Index outputs, Index inputs) {
        return linear(part, outputs, inputs, weights.contains(name + part + ".bias"));
      };
      Layer layer;
      layer.attention_norm = load_vector<B>(weights, name + "input_layernorm.weight", c.width);
      layer.q = linear("self_attn.q_proj", q_width, c.width, c.qkv_bias);
      layer.k = linear("self_attn.k_proj", kv_width, c.width, c.qkv_bias);
      layer.v = linear("self_attn.v_proj", kv_width, c.width, c.qkv_bias);
      layer.o = linear_as_stored("self_attn.o_proj", c.width, q_width);
      layer.inner_norm = load_vector<B>(weights, name + "post_attention_layernorm.weight", c.width);
      layer.gate = linear_as_stored("mlp.gate_proj", c.inner_width, c.width);
      layer.up = linear_as_stored("mlp.up_proj", c.inner_width, c.width);
      layer.down = linear_as_stored("mlp.down_proj", c.width, c.inner_width);
      layers_.push_back(std::move(layer));
    }
    norm_ = load_vector<B>(weights, "model.norm.weight", c.width);
    head_ = c.tied_embeddings ? Linear<B>(embedding_)
                              : Linear<B>(weights, "lm_head", c.vocabulary, c.width, false, precision);
  }

  [[nodiscard]] const ModelConfig& config() const { return config_; }

  /// Adds an adapter's updates to the layers it names, in place of those of an adapter attached before. Sequences that
  /// were computed without it must not be continued with it.
  /// @throws ConfigError when it names a layer that is not there, ShapeError; the decoder is then without an adapter
  void attach(const LoraAdapter& adapter) {
    detach();
    try {
      for (const auto& [name, matrices] : adapter) {
        Linear<B>* const layer = find(name);
        if (layer == nullptr)
          throw ConfigError(
              "the adapter changes " + name +
              ", which this model does not have as a linear layer. Remedy: " + "take the adapter of this model");
        layer->attach(name, matrices);
      }
    } catch (...) {
      detach();
      throw;
    }
  }
  void detach() {
    for (Layer& layer : layers_)
      for (Linear<B>* linear : {&layer.q, &layer.k, &layer.v, &layer.o, &layer.gate, &layer.up, &layer.down})
        linear->detach();
    head_.detach();
  }

  /// Whether a token that is its sequence's only one in a call is computed otherwise than tokens that come together: in
  /// the bf16 precisions its products are float32's, which are as fast for few rows.
  [[nodiscard]] bool lone_tokens_differ() const { return head_.weight().bf16_products(); }

  /// Whether what is computed of a sequence of that many tokens depends on how many they are: beyond the original
  /// context of dynamic RoPE. Such sequences share no beginnings.
  [[nodiscard]] bool turned_by_length(Index length) const { return angles_.depend_on(length); }

  /// Continues sequences by their next tokens. Any lengths, any number of sequences; each sequence once a call.
  /// @throws ConfigError for tokens outside the vocabulary, repeated or missing sequences, and sequences without tokens
  /// Cost: the weights are read once for every kMostRows tokens.
  ForwardResult<B> forward(std::span<const NextTokens<B>> next, const ForwardOptions& options = {}) const {
    check_tokens(next);
    if (!lone_tokens_differ()) return pass(next, options, false);
    std::vector<NextTokens<B>> lone, together;
    for (const NextTokens<B>& n : next) (n.tokens.size() == 1 ? lone : together).push_back(n);
    if (lone.empty() || together.empty()) return pass(next, options, together.empty());
    const ForwardResult<B> singles = pass(lone, options, true), others = pass(together, options, false);
    ForwardResult<B> result;
    const auto merge = [&](const Tensor<B, float>& a, const Tensor<B, float>& b) {
      Tensor<B, float> rows{a.rows() + b.rows(), a.cols()};
      Index from_a = 0, from_b = 0;
      for (const NextTokens<B>& n : next) {
        const bool single = n.tokens.size() == 1;
        const Index count = options.every_token ? static_cast<Index>(n.tokens.size()) : 1;
        Index& from = single ? from_a : from_b;
        B::copy(rows.data() + (from_a + from_b) * a.cols(), (single ? a : b).data() + from * a.cols(),
                count * a.cols());
        from += count;
      }
      return rows;
    };
    if (options.logits) result.logits = merge(singles.logits, others.logits);
    if (options.hidden) result.hidden = merge(singles.hidden, others.hidden);
    return result;
  }

  /// The logits behind every token of one sequence, on the host: [tokens, vocabulary].
  [[nodiscard]] Matrix<float> logits(std::span<const TokenId> tokens) const {
    KvSequence<B> sequence;
    const NextTokens<B> next{&sequence, tokens};
    return forward({&next, 1}, {.every_token = true}).logits.to_host();
  }

  /// Tokens that pass through the layers together at most: bounds the memory of a call.
  static constexpr Index kMostRows = 480;

 private:
  struct Layer {
    Tensor<B, float> attention_norm, inner_norm;
    Linear<B> q, k, v, o, gate, up, down;
  };
  struct Row {
    TokenId token;
    Id position;
    std::size_t sequence;  // its place in the call
    Index length;          // of the sequence, with this call's tokens
  };

  /// `exact`: float32 products whatever the precision.
  ForwardResult<B> pass(std::span<const NextTokens<B>> next, const ForwardOptions& options, bool exact) const {
    std::vector<Row> rows;
    std::vector<Id> wanted;  // rows of the result
    for (std::size_t s = 0; s < next.size(); ++s) {
      KvSequence<B>& sequence = *next[s].sequence;
      const Index before = sequence.length(), more = static_cast<Index>(next[s].tokens.size());
      sequence.extend(more, layout_.size() * config_.layers);
      for (Index i = 0; i < more; ++i) {
        if (options.every_token || i + 1 == more) wanted.push_back(static_cast<Id>(rows.size()));
        rows.push_back(
            {next[s].tokens[static_cast<std::size_t>(i)], static_cast<Id>(before + i), s, sequence.length()});
      }
    }
    const auto count = static_cast<Index>(wanted.size());
    ForwardResult<B> result;
    Tensor<B, float> hidden{count, config_.width};
    auto first = wanted.begin();
    for (Index begin = 0; begin < static_cast<Index>(rows.size()); begin += kMostRows) {
      const Index end = std::min(begin + kMostRows, static_cast<Index>(rows.size()));
      const auto last = std::lower_bound(first, wanted.end(), static_cast<Id>(end));
      std::vector<Id> here(first, last);
      for (Id& row : here) row -= static_cast<Id>(begin);
      run(next, std::span(rows).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)), here,
          hidden.data() + (first - wanted.begin()) * config_.width, exact);
      first = last;
    }
    if (options.logits) {
      result.logits = Tensor<B, float>{count, config_.vocabulary};
      head_.apply({hidden.data(), count, config_.width, exact}, result.logits.data());
    }
    if (options.hidden) result.hidden = std::move(hidden);
    return result;
  }

  void check_config() const {
    const ModelConfig& c = config_;
    if (c.architecture == Architecture::bert)
      throw ConfigError("this model is an encoder (BERT). Remedy: open it as an Encoder");
    if (c.vocabulary < 1 || c.width < 1 || c.layers < 1 || c.heads < 1 || c.kv_heads < 1 || c.head_width < 2 ||
        c.inner_width < 1 || c.heads % c.kv_heads != 0 || c.head_width % 2 != 0)
      throw ConfigError("the model's configuration is none of a decoder: " + std::to_string(c.layers) + " layers, " +
                        std::to_string(c.width) + " wide, " + std::to_string(c.heads) + " heads of " +
                        std::to_string(c.head_width) + " and " + std::to_string(c.kv_heads) +
                        " key-value heads. Remedy: check config.json or the GGUF metadata");
  }

  void check_tokens(std::span<const NextTokens<B>> next) const {
    std::vector<const KvSequence<B>*> seen;
    for (const NextTokens<B>& n : next) {
      if (n.sequence == nullptr || n.tokens.empty())
        throw ConfigError("Decoder::forward: a sequence without tokens, or tokens without a sequence");
      seen.push_back(n.sequence);
      for (const TokenId token : n.tokens)
        if (token < 0 || token >= config_.vocabulary)
          throw ConfigError("token " + std::to_string(token) + " is outside the vocabulary of " +
                            std::to_string(config_.vocabulary) + ". Remedy: use the tokenizer of this model");
    }
    std::sort(seen.begin(), seen.end());
    if (std::adjacent_find(seen.begin(), seen.end()) != seen.end())
      throw ConfigError("Decoder::forward: a sequence appears twice");
  }

  [[nodiscard]] Linear<B>* find(const std::string& name) {
    if (name == "lm_head") return &head_;
    const std::string prefix = "model.layers.";
    if (!name.starts_with(prefix)) return nullptr;
    const std::size_t dot = name.find('.', prefix.size());
    if (dot == std::string::npos) return nullptr;
    const std::string number = name.substr(prefix.size(), dot - prefix.size()), part = name.substr(dot + 1);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      if (number != std::to_string(i)) continue;
      Layer& layer = layers_[i];
      const std::map<std::string, Linear<B>*> parts{{"self_attn.q_proj", &layer.q}, {"self_attn.k_proj", &layer.k},
                                                    {"self_attn.v_proj", &layer.v}, {"self_attn.o_proj", &layer.o},
                                                    {"mlp.gate_proj", &layer.gate}, {"mlp.up_proj", &layer.up},
                                                    {"mlp.down_proj", &layer.down}};
      const auto found = parts.find(part);
      return found == parts.end() ? nullptr : found->second;
    }
    return nullptr;
  }

  /// The rows' sequences, positions and angles in the backend's memory.
  struct Batch {
    std::shared_ptr<float*> pages;
    std::shared_ptr<Index> first_page;
    std::shared_ptr<Id> positions, order;
    Tensor<B, float> cosines, sines;
    PagedRows rows;
    Index longest = 0;  // positions that a row sees at most
  };

  [[nodiscard]] Batch prepare(std::span<const NextTokens<B>> next, std::span<const Row> rows) const {
    const auto n = static_cast<Index>(rows.size()), half = config_.head_width / 2;
    std::vector<float*> pages;
    std::vector<Index> first_page;
    std::vector<Id> positions, order;
    Matrix<float> cosines(n, half), sines(n, half);
    std::vector<float> frequencies;
    Batch batch;
    for (Index i = 0; i < n; ++i) {
      const Row& row = rows[static_cast<std::size_t>(i)];
      if (i == 0 || row.sequence != rows[static_cast<std::size_t>(i - 1)].sequence) {
        first_page.push_back(static_cast<Index>(pages.size()));
        for (const auto& page : next[row.sequence].sequence->pages()) pages.push_back(page.get());
        frequencies = angles_.frequencies(row.length);
      } else {
        first_page.push_back(first_page.back());
      }
      positions.push_back(row.position);
      order.push_back(static_cast<Id>(i));
      angles_.write(row.position, frequencies, cosines.row(i).data(), sines.row(i).data());
      batch.longest = std::max<Index>(batch.longest, row.position + 1);
    }
    batch.pages = upload<B>(std::span<float* const>(pages));
    batch.first_page = upload<B>(std::span<const Index>(first_page));
    batch.positions = upload<B>(std::span<const Id>(positions));
    batch.order = upload<B>(std::span<const Id>(order));
    batch.cosines = Tensor<B, float>::from_host(cosines);
    batch.sines = Tensor<B, float>::from_host(sines);
    batch.rows.layout = layout_;
    batch.rows.pages = batch.pages.get();
    batch.rows.first_page = batch.first_page.get();
    batch.rows.positions = batch.positions.get();
    batch.rows.rows = n;
    batch.rows.heads = config_.heads;
    batch.rows.window = config_.sliding_window;
    batch.rows.scale = 1.0f / std::sqrt(static_cast<float>(config_.head_width));
    return batch;
  }

  /// Passes rows through all layers; the states of rows `wanted` behind the last norm go to `hidden`.
  void run(std::span<const NextTokens<B>> next, std::span<const Row> tokens, std::span<const Id> wanted, float* hidden,
           bool exact) const {
    const ModelConfig& c = config_;
    const auto n = static_cast<Index>(tokens.size());
    Batch batch = prepare(next, tokens);
    std::vector<Id> ids;
    for (const Row& row : tokens) ids.push_back(row.token);
    const auto epsilon = static_cast<float>(c.norm_epsilon);
    const Index q_width = c.heads * c.head_width, kv_width = c.kv_heads * c.head_width;
    Tensor<B, float> x{n, c.width}, normed{n, c.width}, back{n, c.width}, factors{n, 1};
    Tensor<B, float> q{n, q_width}, turned_q{n, q_width}, k{n, kv_width}, turned_k{n, kv_width}, v{n, kv_width};
    Tensor<B, float> gate{n, c.inner_width}, up{n, c.inner_width}, inner{n, c.inner_width};
    Tensor<B, float> scores;
    if constexpr (B::on_device) scores = Tensor<B, float>{n * c.heads, batch.longest};

    const auto rms_norm = [&](const Tensor<B, float>& weight, Index rows, const float* from, float* to) {
      B::for_rows(rows, 4 * c.width,
                  kernels::RmsNorm<float>{from, weight.data(), epsilon, to, factors.data(), c.width});
    };
    const auto turn = [&](const Tensor<B, float>& from, Index heads, Tensor<B, float>& to) {
      B::for_rows(n, 4 * from.cols(),
                  kernels::Rope<float>{from.data(), batch.order.get(), batch.cosines.data(), batch.sines.data(), heads,
                                       c.head_width, 1.0f, 0.0f, to.data()});
    };
    const auto add_back = [&] {
      B::for_rows(n, c.width, kernels::AddScaled<float>{back.data(), 1.0f, x.data(), c.width});
    };

    embedding_.gather(ids, x.data());
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const Layer& layer = layers_[i];
      batch.rows.layer_offset = static_cast<Index>(i) * layout_.size();
      rms_norm(layer.attention_norm, n, x.data(), normed.data());
      const LayerInput attention_input(normed.data(), n, c.width, exact);
      layer.q.apply(attention_input, q.data());
      layer.k.apply(attention_input, k.data());
      layer.v.apply(attention_input, v.data());
      turn(q, c.heads, turned_q);
      turn(k, c.kv_heads, turned_k);
      if constexpr (B::on_device) {
        B::for_rows(n, 8 * kv_width, kernels::StoreKeysValues{batch.rows, turned_k.data(), v.data()});
        B::for_rows(n * c.heads, batch.longest * c.head_width,
                    kernels::PagedAttention{batch.rows, turned_q.data(), scores.data(), batch.longest, q.data()});
      } else {
        cpu::store_keys_values(batch.rows, turned_k.data(), v.data());
        cpu::paged_attention(batch.rows, turned_q.data(), q.data());
      }
      layer.o.apply({q.data(), n, q_width, exact}, back.data());
      add_back();
      rms_norm(layer.inner_norm, n, x.data(), normed.data());
      const LayerInput inner_input(normed.data(), n, c.width, exact);
      layer.gate.apply(inner_input, gate.data());
      layer.up.apply(inner_input, up.data());
      B::for_rows(n, 16 * c.inner_width, kernels::SiluGate<float>{gate.data(), up.data(), inner.data(), c.inner_width});
      layer.down.apply({inner.data(), n, c.inner_width, exact}, back.data());
      add_back();
    }
    if (wanted.empty()) return;
    const auto chosen = upload<B>(wanted);
    const auto count = static_cast<Index>(wanted.size());
    B::for_rows(count, c.width, kernels::Gather<float>{x.data(), chosen.get(), normed.data(), c.width});
    rms_norm(norm_, count, normed.data(), hidden);
  }

  ModelConfig config_;
  RopeAngles angles_;
  PageLayout layout_;
  WeightMatrix<B> embedding_;
  std::vector<Layer> layers_;
  Tensor<B, float> norm_;
  Linear<B> head_;
};

}  // namespace reclm::lm
