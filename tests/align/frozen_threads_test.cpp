/// The adapters under many threads: newcomers among readers that never pause, loops of loops, ids.
#include <array>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include "model/planted_clicks.hpp"
#include "reclm/adapt.hpp"
#include "support/catch.hpp"

using namespace reclm;
using namespace reclm_test;

namespace {

/// A scorer that takes its time once it is told to.
struct SlowScorer {
  Matrix<float> u = tastes(61, 6, 11), v = tastes(81, 6, 12);
  std::atomic<bool> slow{false};
  [[nodiscard]] Id users() const { return 61; }
  [[nodiscard]] Id items() const { return 81; }
  void score(Id user, std::span<const Id> items, std::span<float> out) const {
    for (std::size_t k = 0; k < items.size(); ++k) {
      out[k] = 0;
      for (Index c = 0; c < u.cols(); ++c) out[k] += u(user, c) * v(items[k], c);
    }
    if (slow && user % 3 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
};

}  // namespace

TEST_CASE("newcomers get in between readers that never pause") {
  const Dataset data = planted_data();
  SlowScorer scorer;
  auto enhanced = adapt(scorer, make_profiles(data.item_profiles), {.residual = false});
  enhanced.fit(data.train);
  scorer.slow = true;
  std::atomic<int> added{0};
  std::atomic<bool> late{false};
  std::vector<std::thread> readers;
  for (int t = 0; t < 4; ++t)
    readers.emplace_back([&] {
      while (added < 5 && !late) (void)enhanced.recommend(0, 5);
    });
  std::thread newcomers([&] {
    for (; added < 5; ++added) enhanced.add_item(data.item_profiles.row(added));
  });
  const auto start = std::chrono::steady_clock::now();
  while (added < 5 && !late) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    late = std::chrono::steady_clock::now() - start > std::chrono::seconds(5);
  }
  CHECK(added == 5);
  for (auto& reader : readers) reader.join();
  newcomers.join();
  CHECK(enhanced.items() == 86);
}

TEST_CASE("readers and newcomers may be tasks of one parallel loop") {
  const Dataset data = planted_data();
  SlowScorer scorer;
  auto enhanced = adapt(scorer, make_profiles(data.item_profiles), {.residual = false});
  enhanced.fit(data.train);
  scorer.slow = true;
  const oneapi::tbb::global_control four(oneapi::tbb::global_control::max_allowed_parallelism, 4);
  oneapi::tbb::task_arena arena(4);
  arena.execute([&] {
    oneapi::tbb::parallel_for(0, 200, [&](int k) {
      if (k % 4 == 3)
        enhanced.add_item(data.item_profiles.row(k % 80));
      else
        (void)enhanced.top_k(std::array<Id, 8>{0, 1, 2, 3, 4, 5, 6, 7}, 5);
    });
  });
  CHECK(enhanced.items() == 131);
}

TEST_CASE("items with ids come from many threads, each under its own number") {
  const Dataset data = planted_data();
  const SlowScorer scorer;
  auto enhanced = adapt(scorer, make_profiles(data.item_profiles), {.residual = false});
  enhanced.fit(data.train);
  IdMap ids;
  for (Id i = 0; i < enhanced.items(); ++i) ids.insert("i" + std::to_string(i));
  std::array<std::vector<Id>, 3> numbers;
  const auto name = [](std::size_t t, std::size_t k) { return "t" + std::to_string(t) + "_" + std::to_string(k); };
  std::vector<std::thread> threads;
  std::atomic<int> refused{0};
  for (std::size_t t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      for (std::size_t k = 0; k < 300; ++k) try {
          numbers[t].push_back(enhanced.add_item(ids, name(t, k), data.item_profiles.row(static_cast<Index>(k % 80))));
        } catch (const ShapeError&) {
          ++refused;
        }
    });
  for (auto& thread : threads) thread.join();
  CHECK(refused == 0);
  CHECK(ids.size() == enhanced.items());
  int wrong = 0;
  for (std::size_t t = 0; t < 3; ++t)
    for (std::size_t k = 0; k < numbers[t].size(); ++k) wrong += ids.find(name(t, k)) != numbers[t][k];
  CHECK(wrong == 0);
}
