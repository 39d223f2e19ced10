// Buffers are used again, belong to one owner at a time, and go back to the system when asked.
#include "reclm/backend/cpu/memory_pool.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "reclm/backend/cpu.hpp"
#include "reclm/backend/cpu/weight_memory.hpp"
#include "support/catch.hpp"

using reclm::detail::MemoryPool;

TEST_CASE("a freed buffer serves the next request of its size") {
  MemoryPool pool;
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{64}, std::size_t{100'000}}) {
    CAPTURE(bytes);
    void* const first = pool.take(bytes);
    REQUIRE(reinterpret_cast<std::uintptr_t>(first) % reclm::kAlignment == 0);
    std::memset(first, 1, bytes);
    void* const second = pool.take(bytes);
    CHECK(second != first);
    pool.give_back(first, bytes);
    CHECK(pool.take(bytes) == first);
    pool.give_back(first, bytes);
    pool.give_back(second, bytes);
  }
  SECTION("and one that is a little smaller") {
    void* const large = pool.take(100'000);
    pool.give_back(large, 100'000);
    void* const smaller = pool.take(99'000);
    CHECK(smaller == large);
    void* const much_smaller = pool.take(50'000);
    CHECK(much_smaller != large);
    pool.give_back(smaller, 99'000);
    pool.give_back(much_smaller, 50'000);
  }
  SECTION("and after trimming there is fresh memory") {
    pool.trim();
    void* const fresh = pool.take(100'000);
    std::memset(fresh, 2, 100'000);
    pool.give_back(fresh, 100'000);
  }
}

TEST_CASE("buffers are as large as asked") {
  MemoryPool pool;
  std::vector<std::pair<unsigned char*, std::size_t>> taken;
  for (std::size_t bytes = 1; bytes < 3'000'000; bytes = bytes * 9 / 7 + 1) {
    auto* const memory = static_cast<unsigned char*>(pool.take(bytes));
    std::memset(memory, static_cast<int>(taken.size() % 256), bytes);
    taken.emplace_back(memory, bytes);
  }
  for (std::size_t k = 0; k < taken.size(); ++k) {
    const auto [memory, bytes] = taken[k];
    CHECK((memory[0] == k % 256 && memory[bytes - 1] == k % 256));
    pool.give_back(memory, bytes);
  }
}

TEST_CASE("threads never share a buffer") {
  MemoryPool pool;
  std::vector<int> broken(4, 0);
  std::vector<std::thread> threads;
  for (int id = 0; id < 4; ++id)
    threads.emplace_back([&pool, &broken, id] {
      for (int round = 0; round < 500; ++round) {
        const auto bytes = static_cast<std::size_t>(64 + round % 7 * 64);
        auto* const memory = static_cast<unsigned char*>(pool.take(bytes));
        std::memset(memory, id, bytes);
        std::this_thread::yield();
        for (std::size_t k = 0; k < bytes; ++k) broken[static_cast<std::size_t>(id)] += memory[k] != id;
        if (round % 100 == 50) pool.trim();
        pool.give_back(memory, bytes);
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(broken == std::vector<int>(4, 0));
}

TEST_CASE("what lies idle is bounded by what was in use") {
  MemoryPool pool;
  constexpr std::size_t kMiB = std::size_t{1} << 20;
  std::size_t most = 0;
  for (std::size_t k = 0; k < 400; ++k) {  // one buffer at a time, of ever another size
    const std::size_t bytes = (1 + k * 7919 % 64) * kMiB + k % 5 * 100'000;
    void* const memory = pool.take(bytes);
    pool.give_back(memory, bytes);
    most = std::max(most, pool.idle_bytes());
  }
  CHECK(most <= 2 * 72 * kMiB + 64 * kMiB);
  CHECK(most > 64 * kMiB);
  void* const small = pool.take(1000);
  pool.trim();
  CHECK(pool.idle_bytes() == 0);
  pool.give_back(small, 1000);
  CHECK(pool.idle_bytes() >= 1000);
  CHECK(pool.take(1000) == small);
  pool.give_back(small, 1000);
}

TEST_CASE("an allocation of the CPU returns to the pool with its last owner") {
  auto first = reclm::Cpu::allocate<double>(777);
  const void* const address = first.get();
  auto second = first;
  first.reset();
  CHECK(reclm::Cpu::allocate<double>(777).get() != address);
  second.reset();
  CHECK(reclm::Cpu::allocate<double>(777).get() == address);
}

TEST_CASE("weights lie one behind the other, aligned and apart, and outlive each other") {
  std::vector<std::pair<std::shared_ptr<std::byte>, reclm::Index>> pieces;
  for (const reclm::Index bytes : {100, 70000, 1 << 20, 65536 + 1, 40 << 20, 3 << 20, 1})
    pieces.emplace_back(reclm::cpu::weight_memory(bytes), bytes);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    CHECK(reinterpret_cast<std::uintptr_t>(pieces[i].first.get()) % reclm::kAlignment == 0);
    std::memset(pieces[i].first.get(), static_cast<int>(i + 1), static_cast<std::size_t>(pieces[i].second));
  }
  // Matrices of the usual size stand in one buffer.
  CHECK(pieces[2].first.get() - pieces[1].first.get() < 1 << 20);
  pieces.erase(pieces.begin() + 1);
  for (const auto& [memory, bytes] : pieces) CHECK(memory.get()[0] == memory.get()[bytes - 1]);
  // What comes when all are gone begins anew.
  pieces.clear();
  const auto again = reclm::cpu::weight_memory(1 << 20);
  std::memset(again.get(), 7, 1 << 20);
  CHECK(again.get()[(1 << 20) - 1] == std::byte{7});
}
