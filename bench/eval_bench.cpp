// Evaluation's own cost at the size of MIND: metrics of ready lists, checks of the protocol, and the paired tests.
// Ranking itself is measured with the backends.

#include <benchmark/benchmark.h>

#include <vector>

#include "reclm/core/philox.hpp"
#include "reclm/eval/protocol.hpp"
#include "reclm/eval/significance.hpp"

namespace {

using namespace reclm;

constexpr Id kUsers = 50000;
constexpr Id kItems = 4000;
constexpr Index kLength = 40;

/// Lists of 40 distinct items; one to four targets a user, a third of them listed.
struct Sample {
  TopK lists{Matrix<Id>(kUsers, kLength), Matrix<float>(kUsers, kLength), {}};
  Dataset data;

  Sample() {
    const Random random(1, Stream::evaluation);
    std::vector<Pair> targets;
    std::vector<Pair> train;
    for (Id user = 0; user < kUsers; ++user) {
      const auto address = static_cast<std::uint64_t>(user) * 16;
      const auto start = static_cast<Id>(random.below(address, kItems));
      lists.users.push_back(user);
      for (Index rank = 0; rank < kLength; ++rank)
        lists.items(user, rank) = static_cast<Id>((start + 61 * rank) % kItems);
      const Id count = 1 + static_cast<Id>(random.below(address + 1, 4));
      for (Id t = 0; t < count; ++t) {
        const auto draw = random.below(address + 2 + static_cast<std::uint64_t>(t), 3 * kLength);
        targets.push_back(
            {user, draw < kLength ? lists.items(user, draw) : static_cast<Id>(start + 1 + draw) % kItems});
      }
      train.push_back({user, (start + 3) % kItems});
    }
    data.name = "sample";
    data.train = Interactions::from_pairs(kUsers, kItems, train);
    data.test = Interactions::from_pairs(kUsers, kItems, targets);
    for (Id item = 0; item < kItems; ++item) data.test_candidates.push_back(item);
  }
};

const Sample& sample() {
  static const Sample made;
  return made;
}

void metrics_recall_ndcg(benchmark::State& state) {
  const ThreadLimit limit(static_cast<int>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(ranking_metrics(sample().lists, sample().data.test));
  state.SetItemsProcessed(state.iterations() * kUsers);
}
BENCHMARK(metrics_recall_ndcg)->ArgName("threads")->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

void metrics_all(benchmark::State& state) {
  const ThreadLimit limit(static_cast<int>(state.range(0)));
  const MetricOptions options{{MetricKind::recall, MetricKind::ndcg, MetricKind::hit_rate, MetricKind::mrr,
                               MetricKind::precision, MetricKind::map},
                              {5, 10, 20, 40}};
  for (auto _ : state) benchmark::DoNotOptimize(ranking_metrics(sample().lists, sample().data.test, options));
  state.SetItemsProcessed(state.iterations() * kUsers);
}
BENCHMARK(metrics_all)->ArgName("threads")->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

void catalogue(benchmark::State& state) {
  const Sample& s = sample();
  for (auto _ : state)
    benchmark::DoNotOptimize(catalogue_figures(s.lists, s.data.test_candidates, s.data.train, kLength));
}
BENCHMARK(catalogue)->Unit(benchmark::kMillisecond)->UseRealTime();

/// Everything that `evaluate` adds to the ranker's own time.
void protocol(benchmark::State& state) {
  const ThreadLimit limit(static_cast<int>(state.range(0)));
  EvalOptions options;
  options.batch = 0;
  options.catalogue = false;
  const auto ranker = [](std::span<const Id>, std::span<const Id>, const Interactions*, Index) -> const TopK& {
    return sample().lists;
  };
  for (auto _ : state) benchmark::DoNotOptimize(evaluate(sample().data, Setting::full_shot, ranker, options));
}
BENCHMARK(protocol)->ArgName("threads")->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

std::vector<float> user_values(std::uint32_t step) {
  const Random random(2, Stream::evaluation, step);
  std::vector<float> values;
  for (Id user = 0; user < kUsers; ++user)
    values.push_back(static_cast<float>(random.below(static_cast<std::uint64_t>(user), 20) > 17) * 0.5f);
  return values;
}

void wilcoxon(benchmark::State& state) {
  const auto a = user_values(0);
  const auto b = user_values(1);
  for (auto _ : state) benchmark::DoNotOptimize(wilcoxon_signed_rank(a, b));
}
BENCHMARK(wilcoxon)->Unit(benchmark::kMillisecond)->UseRealTime();

void bootstrap_2000(benchmark::State& state) {
  const ThreadLimit limit(static_cast<int>(state.range(0)));
  const auto a = user_values(0);
  const auto b = user_values(1);
  for (auto _ : state) benchmark::DoNotOptimize(paired_bootstrap(a, b));
}
BENCHMARK(bootstrap_2000)->ArgName("threads")->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
