#pragma once
/// @file parallel.hpp
/// Parallel loops over oneTBB whose results do not depend on the number of threads: work is cut into chunks whose
/// borders depend on the problem alone, and reductions add the chunks' results in order.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include "reclm/core/config.hpp"

namespace reclm {

/// Limits the library to `threads` threads for the lifetime of the object (0: leave as it is). The tightest limit wins.
class ThreadLimit {
 public:
  explicit ThreadLimit(int threads) {
    if (threads > 0)
      control_ = std::make_unique<oneapi::tbb::global_control>(oneapi::tbb::global_control::max_allowed_parallelism,
                                                               static_cast<std::size_t>(threads));
  }

 private:
  std::unique_ptr<oneapi::tbb::global_control> control_;
};

/// Threads that a parallel loop may use now.
inline int thread_count() {
  const auto allowed = oneapi::tbb::global_control::active_value(oneapi::tbb::global_control::max_allowed_parallelism);
  return std::min(static_cast<int>(allowed), oneapi::tbb::this_task_arena::max_concurrency());
}

/// Number of chunks of at most `chunk` that cover `n`.
constexpr Index chunk_count(Index n, Index chunk) { return n <= 0 ? 0 : (n + chunk - 1) / chunk; }

namespace detail {

/// Calls a body of any type with (begin, end, number) of a chunk.
using ChunkCall = void (*)(const void* body, Index begin, Index end, Index number);

// One loop for bodies of every type: compilers spend most of their time on a program's many copies of TBB's loops.
inline void run_chunks(Index n, Index chunk, const void* body, ChunkCall call) {
  const Index chunks = chunk_count(n, chunk);
  const auto run = [&](Index c) { call(body, c * chunk, std::min(n, (c + 1) * chunk), c); };
  if (chunks <= 1 || thread_count() <= 1) {
    for (Index c = 0; c < chunks; ++c) run(c);
    return;
  }
  oneapi::tbb::parallel_for(Index{0}, chunks, run);
}

}  // namespace detail

/// Calls `body(begin, end, chunk_number)` for consecutive chunks of at most `chunk` of [0, n), in parallel.
/// An exception from any chunk reaches the caller.
template <class Body>
void parallel_chunks(Index n, Index chunk, const Body& body) {
  detail::run_chunks(n, chunk, &body, [](const void* any, Index begin, Index end, Index number) {
    (*static_cast<const Body*>(any))(begin, end, number);
  });
}

/// Calls `body(i)` for every i in [0, n), in parallel, `grain` at a time.
template <class Body>
void parallel_for(Index n, Index grain, const Body& body) {
  parallel_chunks(n, grain, [&](Index begin, Index end, Index) {
    for (Index i = begin; i < end; ++i) body(i);
  });
}

/// Sum of `partial(begin, end)` over fixed chunks, added in order: the same bits for any number of threads.
template <class T, class Partial>
T ordered_sum(Index n, Index chunk, const Partial& partial) {
  std::vector<T> parts(static_cast<std::size_t>(chunk_count(n, chunk)));
  parallel_chunks(n, chunk,
                  [&](Index begin, Index end, Index c) { parts[static_cast<std::size_t>(c)] = partial(begin, end); });
  T total{};
  for (const T& part : parts) total += part;
  return total;
}

}  // namespace reclm
