#pragma once
/// @file fair_lock.hpp
/// Many readers or one writer, none of whom waits forever.

#include <mutex>
#include <shared_mutex>

#include <oneapi/tbb/task_arena.h>

namespace reclm::detail {

/// Guards what many read and few change. Readers may keep a `std::shared_mutex` to themselves for as long as there are
/// any; here a writer closes the gate before it waits for them, and later readers wait behind it.
///
/// Who holds the lock must not take it again: not by a nested call, and not by a task of somebody else's loop that the
/// thread takes up while it waits for its own. Loops under the lock therefore run isolated.
class FairLock {
 public:
  /// use(), with other readers at the same time.
  template <class Use>
  auto read(const Use& use) {
    std::unique_lock gate(gate_);
    const std::shared_lock lock(holders_);
    gate.unlock();
    return oneapi::tbb::this_task_arena::isolate(use);
  }
  /// use(), alone.
  template <class Use>
  auto write(const Use& use) {
    const std::lock_guard gate(gate_);
    const std::lock_guard lock(holders_);
    return oneapi::tbb::this_task_arena::isolate(use);
  }

 private:
  std::mutex gate_;
  std::shared_mutex holders_;
};

}  // namespace reclm::detail
