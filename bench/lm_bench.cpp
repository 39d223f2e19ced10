// Inference of language models: products with stored weights, and decoders and encoders of usual widths with random
// weights. Real models beside other people's software: peers/lm/inference.py.

#include <benchmark/benchmark.h>

#include "reclm/lm/decoder.hpp"
#include "reclm/lm/encoder.hpp"
#include "reclm/lm/memory_weights.hpp"

namespace {

using namespace reclm;
using namespace reclm::lm;

/// rows of X times a matrix [1536, 768] in a format; GFLOP/s and the weights' GB/s.
void product(benchmark::State& state, StorageType type) {
  const ThreadLimit one(1);
  constexpr Index outputs = 1536, inputs = 768;
  const Index rows = state.range(0);
  const std::vector<std::byte> bytes(static_cast<std::size_t>(outputs * row_bytes(type, inputs)), std::byte{0x21});
  const WeightMatrix<Cpu> weights({type, outputs, inputs, bytes, nullptr}, Precision::stored, "w");
  const std::vector<float> x(static_cast<std::size_t>(rows * inputs), 0.01f);
  std::vector<float> y(static_cast<std::size_t>(rows * outputs));
  for (auto _ : state) {
    weights.multiply(x.data(), rows, y.data());
    benchmark::DoNotOptimize(y.data());
  }
  state.counters["GFLOP/s"] = benchmark::Counter(2e-9 * static_cast<double>(rows * outputs * inputs),
                                                 benchmark::Counter::kIsIterationInvariantRate);
  state.counters["GB/s"] =
      benchmark::Counter(1e-9 * static_cast<double>(bytes.size()), benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK_CAPTURE(product, f32, StorageType::f32)->Arg(1)->Arg(8)->Arg(240);
BENCHMARK_CAPTURE(product, bf16, StorageType::bf16)->Arg(1)->Arg(8)->Arg(240);
BENCHMARK_CAPTURE(product, q8_0, StorageType::q8_0)->Arg(1)->Arg(8)->Arg(240);
BENCHMARK_CAPTURE(product, q4_1, StorageType::q4_1)->Arg(1)->Arg(8)->Arg(240);
BENCHMARK_CAPTURE(product, q4_k, StorageType::q4_k)->Arg(1)->Arg(8)->Arg(240);

ModelConfig config(Architecture architecture) {
  ModelConfig c;
  c.architecture = architecture;
  c.vocabulary = 4096;
  c.layers = 4;
  c.context = 2048;
  c.token_types = 2;
  if (architecture == Architecture::bert) {  // MiniLM's widths
    c.width = 384;
    c.heads = c.kv_heads = 12;
    c.head_width = 32;
    c.inner_width = 1536;
  } else {  // SmolLM2's
    c.width = 576;
    c.heads = 9;
    c.kv_heads = 3;
    c.head_width = 64;
    c.inner_width = 1536;
    c.tied_embeddings = true;
  }
  return c;
}

/// Sequences of a length, a pass over all their tokens.
void prefill(benchmark::State& state) {
  const ThreadLimit one(1);
  const Decoder<> decoder(random_weights(config(Architecture::llama), 1));
  const std::vector<TokenId> tokens(static_cast<std::size_t>(state.range(0)), 7);
  for (auto _ : state) {
    KvSequence<Cpu> sequence;
    const NextTokens<Cpu> next{&sequence, tokens};
    benchmark::DoNotOptimize(decoder.forward({&next, 1}).logits.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(prefill)->Arg(64)->Arg(256)->Arg(1024);

/// Sequences at once, a token each, behind 128 tokens.
void decode(benchmark::State& state) {
  const ThreadLimit one(1);
  const Decoder<> decoder(random_weights(config(Architecture::llama), 1));
  const std::vector<TokenId> prompt(128, 7), token(1, 9);
  std::vector<KvSequence<Cpu>> begun(static_cast<std::size_t>(state.range(0)));
  for (KvSequence<Cpu>& sequence : begun) {
    const NextTokens<Cpu> next{&sequence, prompt};
    (void)decoder.forward({&next, 1});
  }
  for (auto _ : state) {
    auto sequences = begun;
    std::vector<NextTokens<Cpu>> next;
    for (KvSequence<Cpu>& sequence : sequences) next.push_back({&sequence, token});
    benchmark::DoNotOptimize(decoder.forward(next).logits.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(decode)->Arg(1)->Arg(8)->Arg(32);

/// 64 texts of a length.
void encode(benchmark::State& state) {
  const ThreadLimit one(1);
  const Encoder<> encoder(random_weights(config(Architecture::bert), 1));
  const std::vector<std::vector<TokenId>> texts(64, std::vector<TokenId>(static_cast<std::size_t>(state.range(0)), 7));
  for (auto _ : state) benchmark::DoNotOptimize(encoder.encode(texts).data());
  state.SetItemsProcessed(state.iterations() * 64);
}
BENCHMARK(encode)->Arg(40)->Arg(200);

}  // namespace

BENCHMARK_MAIN();
