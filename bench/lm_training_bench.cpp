/// A training step of small decoders and its parts. Figures beside torch + peft: bench/peers/lm/lora.py.
#include <benchmark/benchmark.h>

#include "reclm/lm/training/finetune.hpp"

namespace {

using namespace reclm;
using namespace reclm::lm;

std::vector<TrainingSample> samples(Index count, Index length, TokenId vocabulary) {
  std::vector<TrainingSample> all(static_cast<std::size_t>(count));
  for (Index s = 0; s < count; ++s)
    for (Index k = 0; k < length; ++k) {
      auto& sample = all[static_cast<std::size_t>(s)];
      sample.tokens.push_back(static_cast<TokenId>((s * 7919 + k * 104729) % vocabulary));
      sample.learn.push_back(1);
    }
  return all;
}

/// About a million parameters, as lm::tiny trains them.
ModelConfig small_config() {
  ModelConfig config;
  config.vocabulary = 2048;
  config.width = 128;
  config.layers = 4;
  config.heads = 4;
  config.kv_heads = 2;
  config.head_width = 32;
  config.inner_width = 384;
  config.context = 1024;
  config.tied_embeddings = true;
  return config;
}

void step_rate(benchmark::State& state, const PassOptions& options, std::optional<LoraOptions> lora) {
  const MemoryWeights weights = random_weights(small_config(), 1);
  const TrainableDecoder<> model(weights, {}, std::move(lora));
  const PackedBatch batch = pack(samples(16, 128, 2048));
  for (auto _ : state) {
    Tape<Cpu, float> tape;
    tape.backward(model.loss(tape, model.forward(tape, batch, options), batch.targets, 2048));
    for (auto* p : model.parameters()) p->clear_gradient();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<Index>(batch.tokens.size()));  // tokens
}
void full_step(benchmark::State& state) { step_rate(state, {}, {}); }
void recomputed_step(benchmark::State& state) { step_rate(state, {.recompute = true}, {}); }
void lora_step(benchmark::State& state) { step_rate(state, {}, LoraOptions{}); }
BENCHMARK(full_step)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(recomputed_step)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(lora_step)->Unit(benchmark::kMillisecond)->UseRealTime();

/// Attention of SmolLM2-135M, forward and backward. Argument: tokens of each of 4 samples.
void attention_both_ways(benchmark::State& state) {
  const Index length = state.range(0);
  const Index borders[] = {0, length, 2 * length, 3 * length, 4 * length};
  const Segments<Cpu> segments{std::span<const Index>(borders)};
  const auto q = Tensor<Cpu, float>::zeros(4 * length, 576), k = Tensor<Cpu, float>::zeros(4 * length, 192);
  for (auto _ : state) {
    Tape<Cpu, float> tape;
    const Var y = causal_attention(tape, tape.variable(q), tape.variable(k), tape.variable(k), segments, {9, 3, 0});
    tape.backward(y, q);
  }
  state.SetItemsProcessed(state.iterations() * 4 * length);
}
BENCHMARK(attention_both_ways)->Arg(256)->Arg(1024)->Unit(benchmark::kMillisecond)->UseRealTime();

/// Loss over 49,152 tokens from states of width 576.
void loss_of_large_vocabulary(benchmark::State& state) {
  const Index rows = 256, vocabulary = 49152, width = 576;
  const auto hidden = Tensor<Cpu, float>::zeros(rows, width);
  const WeightInput<Cpu, float> head{
      std::make_shared<DenseConstant<Cpu, float>>(Tensor<Cpu, float>::zeros(vocabulary, width)), {}};
  ChosenTokens chosen;
  for (Id k = 0; k < rows; ++k) {
    chosen.rows.push_back(k);
    chosen.tokens.push_back(k);
  }
  for (auto _ : state) {
    Tape<Cpu, float> tape;
    tape.backward(token_loss(tape, tape.variable(hidden), head, chosen, 1));
  }
  state.SetItemsProcessed(state.iterations() * rows);
}
BENCHMARK(loss_of_large_vocabulary)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
