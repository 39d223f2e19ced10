#pragma once
/// @file trainable_decoder.hpp
/// Decoders of the Llama family (see decoder.hpp) on a tape: fully trained, or frozen with low-rank updates.
///
///     const auto weights = open_weights("model.gguf");
///     TrainableDecoder<> model(*weights, {}, LoraOptions{.rank = 8});
///     Tape<Cpu, float> tape;
///     const Var hidden = model.forward(tape, batch);
///     tape.backward(model.loss(tape, hidden, batch.targets, divisor));
///
/// What a step keeps, in numbers a token and layer: about 5 widths, 2 key widths and 2 inner widths; with `recompute`
/// one width, for a third more time. Logits are never all in memory.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/backend/cpu.hpp"
#include "reclm/lm/memory_weights.hpp"
#include "reclm/lm/rope_angles.hpp"
#include "reclm/lm/training/packed_batch.hpp"
#include "reclm/lm/training/trainable_linear.hpp"
#include "reclm/tensor/ops/attention.hpp"
#include "reclm/tensor/ops/elementwise.hpp"
#include "reclm/tensor/ops/norm.hpp"

namespace reclm::lm {

/// How a batch passes.
struct PassOptions {
  bool recompute = false;  ///< keep the layers' inputs alone, and compute a layer again when its gradient is wanted
  DropoutDraw dropout{};
};

template <class B = Cpu, class T = float>
class TrainableDecoder {
 public:
  /// Frozen weights are read from `weights`' memory where that is float32 or bf16 already, and keep it alive.
  /// @param lora  the layers that get an update; none: all weights are trained unless options.full says otherwise
  /// @throws DataError when a weight is missing or has another shape; ConfigError when `lora` names no layer, or an
  /// option is out of range
  explicit TrainableDecoder(const WeightSource& weights, TrainableOptions options = {},
                            std::optional<LoraOptions> lora = {})
      : config_(weights.config()), angles_(config_), lora_(std::move(lora)) {
    check_options();
    const bool all = options.full || !lora_;
    check_expected(weights);
    // Biases are those that Decoder takes.
    const auto linear = [&](const std::string& name, bool biased) {
      Matrix<float> bias;
      if (biased) bias = vector_of(weights, name + ".bias");
      const bool updated = lora_ && lora_->targets(name);
      TrainableLinear<B, T> layer(name, ++linears_, weights.get(name + ".weight"), bias, all && !updated, options);
      if (updated) layer.add_update(*lora_);
      return layer;
    };
    const auto as_stored = [&](const std::string& name) { return linear(name, weights.contains(name + ".bias")); };
    const auto norm = [&](const std::string& name) { return Norm(name, vector_of(weights, name + ".weight"), all); };
    const bool qkv_bias = config_.qkv_bias;
    embedding_ = linear("model.embed_tokens", false);
    for (Index i = 0; i < config_.layers; ++i) {
      const std::string at = "model.layers." + std::to_string(i) + ".";
      layers_.push_back({norm(at + "input_layernorm"), norm(at + "post_attention_layernorm"),
                         linear(at + "self_attn.q_proj", qkv_bias), linear(at + "self_attn.k_proj", qkv_bias),
                         linear(at + "self_attn.v_proj", qkv_bias), as_stored(at + "self_attn.o_proj"),
                         as_stored(at + "mlp.gate_proj"), as_stored(at + "mlp.up_proj"),
                         as_stored(at + "mlp.down_proj")});
    }
    norm_ = norm("model.norm");
    if (!config_.tied_embeddings) head_ = linear("lm_head", false);
    if (lora_ && adapter_layers() == 0)
      throw ConfigError("LoraOptions: no layer's name ends in \"" +
                        (lora_->layers.empty() ? "" : lora_->layers.front()) + "\"" +
                        ". Remedy: choose from q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj");
  }

  [[nodiscard]] const ModelConfig& config() const { return config_; }
  [[nodiscard]] const std::optional<LoraOptions>& lora() const { return lora_; }
  /// Whether a batch may have prefixes (PackedBatch::add_prefix): not where attention has a window.
  [[nodiscard]] bool shares_prefixes() const { return config_.sliding_window == 0; }

  /// What is trained, in a fixed order. The addresses hold while this object lives, the shapes until set_adapter brings
  /// another rank.
  [[nodiscard]] std::vector<Parameter<B, T>*> parameters() const {
    std::vector<Parameter<B, T>*> all;
    each_linear([&](const TrainableLinear<B, T>& linear) { linear.collect(all); });
    each_norm([&](const Norm& norm) {
      if (norm.weight) all.push_back(norm.weight.get());
    });
    return all;
  }

  /// The states behind the last norm, [tokens, width], which the head reads.
  /// @throws ShapeError on a token outside the vocabulary or borders that do not fit; ConfigError for a prefix
  /// unless shares_prefixes()
  Var forward(Tape<B, T>& tape, const PackedBatch& batch, const PassOptions& options = {}) const {
    const Segments<B> segments{batch.borders, batch.prefixes};
    require_size("TrainableDecoder::forward", "number of tokens", static_cast<Index>(batch.tokens.size()),
                 segments.rows());
    const Pass pass = prepare(segments, options);
    Var x = embedding_.look_up(tape, batch.tokens);
    for (const Layer& layer : layers_) {
      const Var in = x;
      x = options.recompute ? checkpointed(tape, layer, in, pass) : run(tape, layer, in, pass);
      tape.forget(in);
    }
    return rms_norm(tape, x, norm_.on(tape), config_.norm_epsilon);
  }

  /// −Σ log p(target) / divisor over the targets, [1, 1].
  Var loss(Tape<B, T>& tape, Var hidden, const ChosenTokens& targets, double divisor) const {
    return token_loss(tape, hidden, head(tape), targets, divisor);
  }

  /// log p of each of the tokens, [tokens, 1].
  Var log_probabilities(Tape<B, T>& tape, Var hidden, const ChosenTokens& tokens) const {
    return token_log_probabilities(tape, hidden, head(tape), tokens);
  }

  /// The head's weight as the tape's operations take it, [vocabulary, width].
  [[nodiscard]] WeightInput<B, T> head(Tape<B, T>& tape) const { return (head_ ? *head_ : embedding_).input(tape); }

  /// To be called after parameters changed: with bf16 weights, rounds them again.
  void refresh() {
    each_linear([](TrainableLinear<B, T>& linear) { linear.refresh(); });
  }

  /// The updates by layer; empty without LoRA.
  [[nodiscard]] LoraAdapter adapter() const {
    LoraAdapter adapter;
    each_linear([&](const TrainableLinear<B, T>& linear) {
      if (linear.has_update()) adapter.emplace(linear.name(), linear.update());
    });
    return adapter;
  }

  /// Takes updates over, in place of those at the start; their rank may be another. @throws ConfigError when `adapter`
  /// has others than this model; ShapeError; the updates are then what they were
  void set_adapter(const LoraAdapter& adapter) {
    if (static_cast<Index>(adapter.size()) != adapter_layers())
      throw ConfigError("the adapter updates " + std::to_string(adapter.size()) + " layers, the model is set up for " +
                        std::to_string(adapter_layers()) + ". Remedy: use the adapter's own rank and layers");
    each_linear([&](const TrainableLinear<B, T>& linear) {
      if (!linear.has_update()) return;
      const auto found = adapter.find(linear.name());
      if (found == adapter.end()) throw ConfigError("the adapter has no update for the layer " + linear.name());
      linear.check_update(found->second);
    });
    each_linear([&](TrainableLinear<B, T>& linear) {
      if (linear.has_update()) linear.set_update(adapter.at(linear.name()), lora_->dropout);
    });
  }

  /// The model as it stands, updates merged into the weights: float32, in memory of its own.
  [[nodiscard]] MemoryWeights merged() const {
    MemoryWeights weights(config_);
    each_linear([&](const TrainableLinear<B, T>& linear) {
      auto [weight, bias] = linear.merged();
      weights.put(linear.name() + ".weight", std::move(weight));
      if (!bias.empty()) weights.put(linear.name() + ".bias", std::move(bias));
    });
    each_norm([&](const Norm& norm) { weights.put(norm.name + ".weight", host_floats(norm.value())); });
    return weights;
  }

 private:
  struct Norm {
    Norm() = default;
    Norm(std::string layer, const Matrix<float>& start, bool trained) : name(std::move(layer)) {
      auto values = Tensor<B, T>::from_host(start.view());
      if (trained)
        weight = std::make_unique<Parameter<B, T>>(name + ".weight", std::move(values));
      else
        frozen = std::move(values);
    }
    [[nodiscard]] Var on(Tape<B, T>& tape) const { return weight ? tape.parameter(*weight) : tape.constant(frozen); }
    [[nodiscard]] const Tensor<B, T>& value() const { return weight ? weight->value : frozen; }

    std::string name;
    std::unique_ptr<Parameter<B, T>> weight;
    Tensor<B, T> frozen;
  };

  struct Layer {
    Norm attention_norm, inner_norm;
    TrainableLinear<B, T> q, k, v, o, gate, up, down;
  };

  // What all layers of a pass share.
  struct Pass {
    Segments<B> segments;
    Tensor<B, T> cosines, sines;
    DropoutDraw dropout;
  };

  void check_options() const {
    if (config_.architecture == Architecture::bert)
      throw ConfigError("TrainableDecoder: this is an encoder. Remedy: choose a model of the Llama family");
    if (!lora_) return;
    if (lora_->rank < 1) throw ConfigError("LoraOptions: rank must be 1 or more");
    if (!(lora_->dropout >= 0 && lora_->dropout < 1)) throw ConfigError("LoraOptions: dropout must lie in 0 … below 1");
    for (const char* name : {"model.embed_tokens", "lm_head"})
      if (lora_->targets(name))
        throw ConfigError(std::string("LoraOptions: ") + name +
                          " takes no update. Remedy: choose from q_proj, k_proj, "
                          "v_proj, o_proj, gate_proj, up_proj, down_proj");
    if (!std::isfinite(lora_->alpha)) throw ConfigError("LoraOptions: alpha must be finite");
  }

  void check_expected(const WeightSource& weights) const {
    for (const ExpectedTensor& expected : expected_tensors(config_)) {
      const StoredTensor tensor = weights.get(expected.name);
      if (tensor.rows != expected.rows || tensor.cols != expected.cols)
        throw DataError("weight " + expected.name, 0,
                        "its shape is [" + std::to_string(tensor.rows) + ", " + std::to_string(tensor.cols) +
                            "], the configuration asks for [" + std::to_string(expected.rows) + ", " +
                            std::to_string(expected.cols) + "]",
                        "check that weights and config.json belong together");
    }
  }

  static Matrix<float> vector_of(const WeightSource& weights, const std::string& name) {
    const StoredTensor stored = weights.get(name);
    Matrix<float> values(1, stored.rows * stored.cols);
    dequantise(stored, std::span(values.data(), static_cast<std::size_t>(values.size())));
    return values;
  }

  Pass prepare(const Segments<B>& segments, const PassOptions& options) const {
    const Index length = segments.longest(), half = config_.head_width / 2;
    const std::vector<float> frequencies = angles_.frequencies(length);
    if (cosines_.rows() < length || frequencies != frequencies_) {
      Matrix<float> cosines(length, half), sines(length, half);
      for (Index p = 0; p < length; ++p) angles_.write(p, frequencies, cosines.row(p).data(), sines.row(p).data());
      cosines_ = Tensor<B, T>::from_host(cosines.view());
      sines_ = Tensor<B, T>::from_host(sines.view());
      frequencies_ = frequencies;
    }
    return {segments, cosines_, sines_, options.dropout};
  }

  // Values that no later operation reads are forgotten at once; the operations keep what their gradients need.
  Var run(Tape<B, T>& tape, const Layer& layer, Var x, const Pass& pass) const {
    const auto apply = [&](const TrainableLinear<B, T>& linear, Var in) {
      return linear.apply(tape, in, pass.dropout);
    };
    const auto forget = [&](std::initializer_list<Var> values) {
      for (const Var v : values) tape.forget(v);
    };
    const auto turn = [&](Var in) {
      const Var out = rope(tape, in, pass.segments, pass.cosines, pass.sines);
      tape.forget(in);
      return out;
    };
    const Var normed = rms_norm(tape, x, layer.attention_norm.on(tape), config_.norm_epsilon);
    const Var q = turn(apply(layer.q, normed)), k = turn(apply(layer.k, normed)), v = apply(layer.v, normed);
    const Var attended =
        causal_attention(tape, q, k, v, pass.segments, {config_.heads, config_.kv_heads, config_.sliding_window});
    forget({normed, q, k, v});
    const Var out = apply(layer.o, attended), middle = add(tape, x, out);
    forget({attended, out});
    const Var inner = rms_norm(tape, middle, layer.inner_norm.on(tape), config_.norm_epsilon);
    const Var gate = apply(layer.gate, inner), up = apply(layer.up, inner);
    const Var product = silu_gate(tape, gate, up);
    forget({inner, gate, up});
    const Var down = apply(layer.down, product), result = add(tape, middle, down);
    forget({product, down, middle});
    return result;
  }

  // Keeps x alone; its gradient comes from a tape of its own.
  Var checkpointed(Tape<B, T>& tape, const Layer& layer, Var x, const Pass& pass) const {
    const Tensor<B, T> in = tape.value(x);
    Tape<B, T> forward(false);
    Tensor<B, T> y = forward.value(run(forward, layer, forward.constant(in), pass));
    const bool trains = layer_trains(layer);
    return tape.record(std::move(y), trains || tape.needs_gradient(x),
                       [this, &layer, in, x, pass](Tape<B, T>& t, const Tensor<B, T>& dy) {
                         Tape<B, T> again;
                         const bool wanted = t.needs_gradient(x);
                         const Var from = wanted ? again.variable(in) : again.constant(in);
                         again.backward(run(again, layer, from, pass), dy);
                         if (wanted) t.pass_gradient(x, again.gradient(from));
                       });
  }

  static bool layer_trains(const Layer& layer) {
    std::vector<Parameter<B, T>*> found;
    for (const auto* linear : {&layer.q, &layer.k, &layer.v, &layer.o, &layer.gate, &layer.up, &layer.down})
      linear->collect(found);
    return !found.empty() || layer.attention_norm.weight || layer.inner_norm.weight;
  }

  template <class Self, class Visit>
  static void visit_linears(Self& self, const Visit& visit) {
    visit(self.embedding_);
    for (auto& layer : self.layers_)
      for (auto* linear : {&layer.q, &layer.k, &layer.v, &layer.o, &layer.gate, &layer.up, &layer.down}) visit(*linear);
    if (self.head_) visit(*self.head_);
  }
  template <class Visit>
  void each_linear(const Visit& visit) {
    visit_linears(*this, visit);
  }
  template <class Visit>
  void each_linear(const Visit& visit) const {
    visit_linears(*this, visit);
  }
  template <class Visit>
  void each_norm(const Visit& visit) const {
    for (const Layer& layer : layers_) {
      visit(layer.attention_norm);
      visit(layer.inner_norm);
    }
    visit(norm_);
  }

  [[nodiscard]] Index adapter_layers() const {
    Index count = 0;
    each_linear([&](const TrainableLinear<B, T>& linear) { count += linear.has_update() ? 1 : 0; });
    return count;
  }

  ModelConfig config_;
  RopeAngles angles_;
  std::optional<LoraOptions> lora_;
  std::uint64_t linears_ = 0;
  TrainableLinear<B, T> embedding_;
  std::vector<Layer> layers_;
  Norm norm_;
  std::optional<TrainableLinear<B, T>> head_;
  mutable Tensor<B, T> cosines_, sines_;  // as many positions as the longest segment so far
  mutable std::vector<float> frequencies_;
};

}  // namespace reclm::lm
