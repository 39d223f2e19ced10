#pragma once
// What a stream can show, and the progress of long work on it.

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "reclm/core/observer.hpp"

namespace reclm::cli {

/// What stands behind a file descriptor.
struct Terminal {
  bool is_terminal = false;
  bool color = false;       ///< a terminal, and neither NO_COLOR nor TERM=dumb is set
  std::size_t width = 100;  ///< columns
};

Terminal terminal_of(int descriptor);

/// "8 s", "3 min 05 s", "2 h 10 min".
std::string duration_text(double seconds);

/// Shows where work stands on standard error: a bar that is drawn over on a terminal, elsewhere a line every few
/// seconds. Stages that have a loss leave a line behind when they end.
class ProgressDisplay {
 public:
  explicit ProgressDisplay(bool quiet);
  ~ProgressDisplay() { finish(); }
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

  void show(const Progress& progress);

  /// Ends the last stage: the bar goes, other output may follow.
  void finish() { end_stage(); }

  /// A sentence of its own above the bar.
  void note(const std::string& text);

  /// An observer that shows, and stops when an InterruptGuard was asked to. This object must outlive it.
  Observer observer();

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] std::string text(bool with_bar) const;
  void end_stage();
  void erase_bar();

  bool quiet_;
  Terminal terminal_;
  std::string stage_;
  std::vector<std::string> figures_;  // the latest metrics, "validation 0.0815"
  Index first_step_ = 0, step_ = 0, total_ = 0;
  double loss_ = 0;
  Clock::time_point stage_start_{}, last_shown_{};
  bool bar_drawn_ = false;
};

}  // namespace reclm::cli
