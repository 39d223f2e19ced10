#pragma once
/// The benchmarks of a backend, at the sizes of MIND: 57,000 users, 4,000 items, 90,000 interactions, d 32.
/// Rates are counters: FLOP/s, and bytes that an operation must at least move a second.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "random_graph.hpp"
#include "reclm/backend/backend.hpp"
#include "reclm/backend/kernels/adam.hpp"
#include "reclm/backend/kernels/elementwise.hpp"
#include "reclm/backend/kernels/rows.hpp"
#include "reclm/backend/kernels/views.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/core/philox.hpp"

namespace reclm_bench {

using reclm::Id;
using reclm::Index;
using reclm::Op;

inline constexpr Index kUsers = 57000, kItems = 4000, kNodes = kUsers + kItems, kBatch = 4096;

/// Values in a backend's memory.
template <class B, class T>
std::shared_ptr<T> on(const std::vector<T>& host) {
  auto memory = B::template allocate<T>(static_cast<Index>(host.size()));
  B::from_host(memory.get(), host.data(), static_cast<Index>(host.size()));
  return memory;
}
template <class B>
std::shared_ptr<float> numbers(Index n) {
  const reclm::Random random(1, reclm::Stream::evaluation);
  std::vector<float> values(static_cast<std::size_t>(n));
  for (std::size_t k = 0; k < values.size(); ++k) values[k] = random.uniform(k) - 0.5f;
  return on<B>(values);
}
inline std::vector<Id> ids(Index n, Index below) {
  const reclm::Random random(2, reclm::Stream::evaluation);
  std::vector<Id> values(static_cast<std::size_t>(n));
  for (std::size_t k = 0; k < values.size(); ++k)
    values[k] = static_cast<Id>(random.below(k, static_cast<std::uint32_t>(below)));
  return values;
}

/// Runs `body` as the benchmark's loop; its last argument is the number of threads. Reading one element back waits for
/// a device.
template <class B, class Body>
void measure(benchmark::State& state, int threads_argument, const float* result, double flops, double bytes,
             const Body& body) {
  const reclm::ThreadLimit limit(B::on_device ? 0 : static_cast<int>(state.range(threads_argument)));
  float first = 0;
  body();
  for (auto _ : state) {
    body();
    if (B::on_device) B::to_host(&first, result, 1);
  }
  const auto rate = [&](double amount) {
    return benchmark::Counter(amount * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
  };
  if (flops > 0) state.counters["flops"] = rate(flops);
  if (bytes > 0) state.counters["bytes"] = rate(bytes);
}

/// C[m, n] = op(A) · op(B). Arguments: m, n, k, whether A and B are transposed, threads.
template <class B>
void gemm(benchmark::State& state) {
  const Index m = state.range(0), n = state.range(1), k = state.range(2);
  const Op a = state.range(3) != 0 ? Op::transpose : Op::none, b = state.range(4) != 0 ? Op::transpose : Op::none;
  const auto x = numbers<B>(m * k), y = numbers<B>(k * n), c = numbers<B>(m * n);
  measure<B>(state, 5, c.get(), 2.0 * static_cast<double>(m * n * k), 0, [&] {
    B::gemm(a, b, m, n, k, 1.0f, x.get(), a == Op::none ? k : m, y.get(), b == Op::none ? n : k, 0.0f, c.get(), n);
  });
}

/// Y = A · X for the graph in both directions. Arguments: d, threads.
template <class B>
void spmm(benchmark::State& state) {
  const Index width = state.range(0);
  const auto train = random_graph(static_cast<Id>(kUsers), static_cast<Id>(kItems), 90000);
  const auto by_item = train.transposed();
  std::vector<Index> offsets(train.offsets().begin(), train.offsets().end());
  for (Id item = 0; item < kItems; ++item)
    offsets.push_back(train.size() + by_item.offsets()[static_cast<std::size_t>(item) + 1]);
  std::vector<Id> columns(train.columns().begin(), train.columns().end());
  for (Id& item : columns) item += static_cast<Id>(kUsers);
  columns.insert(columns.end(), by_item.columns().begin(), by_item.columns().end());
  const auto entries = static_cast<Index>(columns.size());
  const auto device_offsets = on<B>(offsets);
  const auto device_columns = on<B>(columns);
  const auto values = numbers<B>(entries), x = numbers<B>(kNodes * width), y = numbers<B>(kNodes * width);
  const reclm::CsrView<float> a{kNodes, kNodes, device_offsets.get(), device_columns.get(), values.get()};
  measure<B>(state, 1, y.get(), 2.0 * static_cast<double>(entries * width),
             4.0 * static_cast<double>((entries + kNodes) * width + 3 * entries),
             [&] { B::spmm(a, x.get(), width, 0.0f, static_cast<const float*>(nullptr), y.get()); });
}

/// Loss and gradients of 4,096 anchors. Arguments: nodes, d, threads.
template <class B>
void info_nce(benchmark::State& state) {
  const Index nodes = state.range(0), d = state.range(1);
  auto z1 = numbers<B>(nodes * d), z2 = numbers<B>(nodes * d), d1 = numbers<B>(nodes * d), d2 = numbers<B>(nodes * d),
       norms = numbers<B>(nodes);
  for (auto* z : {&z1, &z2})
    B::for_rows(nodes, d, reclm::kernels::Normalize<float>{z->get(), z->get(), norms.get(), d});
  const auto anchors = ids(kBatch, nodes);
  const reclm::InfoNceProblem<float> problem{{z1.get(), nodes, d}, {z2.get(), nodes, d}, anchors, 0.1};
  measure<B>(state, 2, d2.get(), 6.0 * static_cast<double>(kBatch * nodes * d), 0, [&] {
    benchmark::DoNotOptimize(
        B::info_nce(problem, reclm::InfoNceGradient<float>{{d1.get(), nodes, d}, {d2.get(), nodes, d}, 1.0 / kBatch}));
  });
}

/// The best 20 of all items for all users. Arguments: d, threads.
template <class B>
void top_k(benchmark::State& state) {
  const Index d = state.range(0);
  const reclm::Random random(3, reclm::Stream::evaluation);
  reclm::Matrix<float> users(kUsers, d), items(kItems, d);
  for (auto* m : {&users, &items})
    for (Index k = 0; k < m->size(); ++k) m->data()[k] = random.uniform(static_cast<std::uint64_t>(k)) - 0.5f;
  std::vector<Id> who(static_cast<std::size_t>(kUsers)), what(static_cast<std::size_t>(kItems));
  std::iota(who.begin(), who.end(), Id{0});
  std::iota(what.begin(), what.end(), Id{0});
  const reclm::ThreadLimit limit(B::on_device ? 0 : static_cast<int>(state.range(1)));
  for (auto _ : state)
    benchmark::DoNotOptimize(B::top_k({.users = users, .items = items}, who, what, reclm::MaskView{}, 20));
  state.SetItemsProcessed(state.iterations() * kUsers);
}

/// Row kernels on all nodes. Arguments: d, threads.
template <class B>
void normalize(benchmark::State& state) {
  const Index d = state.range(0);
  const auto x = numbers<B>(kNodes * d), y = numbers<B>(kNodes * d), norms = numbers<B>(kNodes);
  measure<B>(state, 1, y.get(), 0, 8.0 * static_cast<double>(kNodes * d), [&] {
    B::for_rows(kNodes, 4 * d, reclm::kernels::Normalize<float>{x.get(), y.get(), norms.get(), d});
  });
}
template <class B>
void gather(benchmark::State& state) {
  const Index d = state.range(0);
  const auto x = numbers<B>(kNodes * d), y = numbers<B>(kBatch * d);
  const auto rows = on<B>(ids(kBatch, kNodes));
  measure<B>(state, 1, y.get(), 0, 8.0 * static_cast<double>(kBatch * d), [&] {
    B::for_rows(kBatch, 2 * d, reclm::kernels::Gather<float>{x.get(), rows.get(), y.get(), d});
  });
}
template <class B>
void adam(benchmark::State& state) {
  const Index d = state.range(0);
  const auto g = numbers<B>(kNodes * d), p = numbers<B>(kNodes * d), m = numbers<B>(kNodes * d);
  auto v = numbers<B>(kNodes * d);
  B::zero(v.get(), kNodes * d);
  measure<B>(state, 1, p.get(), 0, 28.0 * static_cast<double>(kNodes * d), [&] {
    B::for_rows(kNodes, 8 * d,
                reclm::kernels::AdamDense<float>{
                    {0.9f, 0.999f, 1e-8f, 0.0f, 0.0f}, {1e-3f, 1.0f}, g.get(), p.get(), m.get(), v.get(), d});
  });
}
template <class B>
void column_sums(benchmark::State& state) {
  const Index d = state.range(0);
  const auto x = numbers<B>(kNodes * d), out = numbers<B>(d);
  measure<B>(state, 1, out.get(), 0, 4.0 * static_cast<double>(kNodes * d),
             [&] { B::column_sums(x.get(), kNodes, d, false, out.get()); });
}
template <class B>
void sign_noise(benchmark::State& state) {
  const Index d = state.range(0);
  const auto x = numbers<B>(kNodes * d);
  measure<B>(state, 1, x.get(), 0, 8.0 * static_cast<double>(kNodes * d), [&] {
    reclm::kernels::add_sign_noise<B>(reclm::Random(1, reclm::Stream::view_noise), 0, kNodes, d, 0.1f, x.get());
  });
}
template <class B>
void edge_drop(benchmark::State& state) {
  const Index entries = state.range(0);
  const auto in = numbers<B>(entries), out = numbers<B>(entries);
  measure<B>(state, 1, out.get(), 0, 8.0 * static_cast<double>(entries), [&] {
    reclm::kernels::drop_edges<B>(reclm::Random(1, reclm::Stream::edge_drop), 0, entries, 0.5f, in.get(), out.get());
  });
}

/// Registers all of them for a backend, on each number of threads.
template <class B>
void register_benchmarks(const std::vector<Index>& threads) {
  const auto add = [&](const char* name, void (*run)(benchmark::State&), std::vector<const char*> arguments,
                       std::vector<std::vector<Index>> sizes) {
    auto* registered = benchmark::RegisterBenchmark(name, run);
    std::vector<std::string> names(arguments.begin(), arguments.end());
    names.emplace_back("threads");
    registered->ArgNames(names)->Unit(benchmark::kMicrosecond)->UseRealTime();
    for (const auto& size : sizes)
      for (const Index count : threads) {
        auto all = size;
        all.push_back(count);
        registered->Args(std::vector<std::int64_t>(all.begin(), all.end()));
      }
  };
  add("gemm", gemm<B>, {"m", "n", "k", "ta", "tb"},
      {{kItems, 32, 384, 0, 1},     // a head's first layer on all items
       {kUsers, 32, 384, 0, 1},     // … on all users
       {32, 384, kUsers, 1, 0},     // its weight gradient
       {kUsers, 384, 32, 0, 0},     // its input gradient
       {kBatch, 32, 64, 0, 1},      // fusion of a batch
       {kBatch, kItems, 32, 0, 1},  // scores
       {1024, 1024, 1024, 0, 0}});
  add("spmm", spmm<B>, {"d"}, {{16}, {32}, {64}, {128}});
  add("info_nce", info_nce<B>, {"nodes", "d"}, {{kUsers, 32}, {kItems, 32}, {kUsers, 64}});
  add("top_k", top_k<B>, {"d"}, {{32}, {64}});
  add("normalize", normalize<B>, {"d"}, {{32}, {128}});
  add("gather", gather<B>, {"d"}, {{32}, {128}});
  add("adam", adam<B>, {"d"}, {{32}});
  add("column_sums", column_sums<B>, {"d"}, {{32}});
  add("sign_noise", sign_noise<B>, {"d"}, {{32}, {64}});
  add("edge_drop", edge_drop<B>, {"entries"}, {{240000}});
}

}  // namespace reclm_bench
