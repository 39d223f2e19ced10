/// Steps and epochs of the backbones on a generated graph about the size of MIND: 57,000 users, 2,400 items, 90,000
/// interactions, d 32, batch 4096, text and profiles 384 wide.
#include <benchmark/benchmark.h>

#include <memory>

#include "random_graph.hpp"
#include "reclm/align/presets.hpp"
#include "reclm/backend/cpu.hpp"
#include "reclm/model/joint_model.hpp"
#include "reclm/model/make_backbone.hpp"

namespace {

using namespace reclm;

constexpr Id kUsers = 57000, kItems = 2400;
constexpr Index kWidth = 32, kTextWidth = 384, kBatch = 4096;

const Interactions& graph() {
  static const Interactions train = reclm_bench::random_graph(kUsers, kItems, 90000);
  return train;
}

Matrix<float> features(Index rows, std::uint64_t seed) {
  const Random random(seed, Stream::world);
  Matrix<float> m(rows, kTextWidth);
  for (Index k = 0; k < m.size(); ++k) m.data()[k] = random.uniform(static_cast<std::uint64_t>(k)) * 0.1f - 0.05f;
  return m;
}

std::unique_ptr<InitialVectors<Cpu, float>> vectors(bool profiles, IdStart start) {
  using Input = FeatureInput<Cpu, float>;
  const Initializer init(1);
  auto text = Input::dense(features(kItems, 1).view());
  if (!profiles) return std::make_unique<TextVectors<Cpu, float>>(init, kUsers, std::move(text), kWidth, start);
  return std::make_unique<RecLmVectors<Cpu, float>>(init, std::move(text), Input::dense(features(kUsers, 2).view()),
                                                    Input::dense(features(kItems, 3).view()), kWidth, start);
}

/// One training step: sampling, loss, gradients, Adam. Arguments: backbone, profiles (0 or 1).
void step(benchmark::State& state) {
  const auto kind = static_cast<BackboneKind>(state.range(0));
  JointModel<Cpu, float> model("bench", vectors(state.range(1) != 0, default_id_start(kind)),
                               make_backbone<Cpu, float>(kind, graph(), kWidth, Initializer(1)));
  const BprSampler sampler(graph());
  Adam<Cpu, float> adam(model.parameters(), {.l2 = default_l2(kind)});
  const Index batches = graph().size() / kBatch;
  Triples batch;
  Index number = 0;
  for (auto _ : state) {
    sampler.batch(number / batches, number % batches, kBatch, batch);
    Tape<Cpu, float> tape;
    const TrainingStep<Cpu, float> at{tape, batch, kBatch, 1, static_cast<std::uint32_t>(number), &adam};
    tape.backward(model.loss(at));
    adam.step();
    ++number;
  }
  state.SetLabel(std::string(backbone_name(kind)) + (state.range(1) != 0 ? " + RecLM" : " Base"));
  state.counters["epoch_ms"] = benchmark::Counter(
      static_cast<double>(batches), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(step)->ArgsProduct({{0, 1, 2, 3, 4}, {0, 1}})->Unit(benchmark::kMillisecond)->UseRealTime();

/// The BPR loss and its gradients alone: gathers, scores, slopes, grouped sums. Argument: d.
void bpr_step(benchmark::State& state) {
  const Index width = state.range(0);
  const BprSampler sampler(graph());
  Triples batch;
  sampler.batch(0, 0, kBatch, batch);
  const Initializer init(1);
  auto users = init.xavier_uniform<Cpu, float>("users", kUsers, width);
  auto items = init.xavier_uniform<Cpu, float>("items", kItems, width);
  for (auto _ : state) {
    Tape<Cpu, float> tape;
    const Var loss = bpr_loss(tape, {tape.parameter(users), tape.parameter(items)},
                              {batch.users, batch.positives, batch.negatives}, kBatch);
    tape.backward(loss);
  }
}
BENCHMARK(bpr_step)->Arg(32)->Arg(64)->Arg(128)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
