#pragma once
// Ctrl-C and SIGTERM while there is something to save.

#include <csignal>

namespace reclm::cli {

/// While it lives, the first SIGINT or SIGTERM only asks the work to stop after its step, and the second ends the
/// process at once with 130. Before and after, signals end the process as usual. One at a time.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  /// Whether the work was asked to stop.
  [[nodiscard]] static bool requested();

 private:
  struct sigaction before_int_ {};
  struct sigaction before_term_ {};
};

}  // namespace reclm::cli
