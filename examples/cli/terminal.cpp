#include "terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "interrupt.hpp"

namespace reclm::cli {

namespace {

constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr auto kLine = std::chrono::seconds(4);

std::string number_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4f", value);
  return text;
}

}  // namespace

Terminal terminal_of(int descriptor) {
  const auto set = [](const char* name) {
    const char* const value = std::getenv(name);
    return value != nullptr && *value != '\0';
  };
  Terminal terminal;
  terminal.is_terminal = ::isatty(descriptor) == 1;
  const char* const kind = std::getenv("TERM");
  terminal.color = terminal.is_terminal && !set("NO_COLOR") && !(kind != nullptr && std::strcmp(kind, "dumb") == 0);
  winsize size{};
  if (terminal.is_terminal && ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    terminal.width = size.ws_col;
  return terminal;
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<long long>(std::llround(std::max(0.0, seconds)));
  char text[48];
  if (whole < 60)
    std::snprintf(text, sizeof text, "%lld s", whole);
  else if (whole < 3600)
    std::snprintf(text, sizeof text, "%lld min %02lld s", whole / 60, whole % 60);
  else
    std::snprintf(text, sizeof text, "%lld h %02lld min", whole / 3600, whole % 3600 / 60);
  return text;
}

ProgressDisplay::ProgressDisplay(bool quiet) : quiet_(quiet), terminal_(terminal_of(STDERR_FILENO)) {}

Observer ProgressDisplay::observer() {
  return [this](const Progress& progress) {
    show(progress);
    return !InterruptGuard::requested();
  };
}

void ProgressDisplay::show(const Progress& progress) {
  const auto now = Clock::now();
  if (progress.stage != stage_ || progress.step < step_) {
    end_stage();
    stage_ = progress.stage;
    figures_.clear();
    first_step_ = progress.step;
    stage_start_ = now;
    if (!terminal_.is_terminal) last_shown_ = now;
  }
  step_ = progress.step;
  total_ = progress.total;
  loss_ = progress.loss;
  if (!progress.metrics.empty()) {
    figures_.clear();
    for (const Metric& metric : progress.metrics) {
      if (std::isnan(metric.value)) continue;
      const bool counts = metric.name == "epoch";
      figures_.push_back(std::string(metric.name) + " " +
                         (counts ? std::to_string(std::llround(metric.value)) : number_text(metric.value)));
    }
  }
  if (quiet_ ||
      now - last_shown_ < (terminal_.is_terminal ? std::chrono::nanoseconds(kRedraw) : std::chrono::nanoseconds(kLine)))
    return;
  last_shown_ = now;
  if (terminal_.is_terminal) {
    std::fputs(text(true).append("\x1b[K").insert(0, 1, '\r').c_str(), stderr);
    bar_drawn_ = true;
  } else {
    std::fputs(text(false).append(1, '\n').c_str(), stderr);
  }
  std::fflush(stderr);
}

std::string ProgressDisplay::text(bool with_bar) const {
  const double part = total_ > 0 ? static_cast<double>(step_) / static_cast<double>(total_) : 0;
  std::vector<std::string> fields;
  if (total_ > 0)
    fields.push_back(std::to_string(static_cast<int>(100 * part)) + " %");
  else
    fields.push_back(std::to_string(step_) + " steps");
  if (loss_ != 0) fields.push_back("loss " + number_text(loss_));
  fields.insert(fields.end(), figures_.begin(), figures_.end());
  const double elapsed = std::chrono::duration<double>(Clock::now() - stage_start_).count();
  if (total_ > step_ && step_ > first_step_)
    fields.push_back(
        duration_text(elapsed * static_cast<double>(total_ - step_) / static_cast<double>(step_ - first_step_)) +
        " left");

  // On a terminal whole fields go until the line fits; the bar takes what is left.
  const std::size_t width = with_bar ? terminal_.width - 1 : std::string::npos;
  std::string words;
  for (const std::string& field : fields)
    if (stage_.size() + words.size() + field.size() + 3 <= width) words += (words.empty() ? "" : "  ") + field;
  if (!with_bar) return stage_ + ": " + words;
  const std::size_t used = stage_.size() + words.size() + 3;
  const std::size_t room = width > used ? std::min<std::size_t>(30, width - used) : 0;
  if (room < 5 || total_ <= 0) return (stage_ + "  " + words).substr(0, width);
  const auto filled = static_cast<std::size_t>(std::lround(part * static_cast<double>(room)));
  std::string bar;
  for (std::size_t k = 0; k < room; ++k) bar += k < filled ? "█" : "░";
  if (terminal_.color) bar = "\x1b[36m" + bar + "\x1b[0m";
  return stage_ + " " + bar + "  " + words;
}

void ProgressDisplay::erase_bar() {
  if (!bar_drawn_) return;
  std::fputs("\r\x1b[K", stderr);
  bar_drawn_ = false;
}

void ProgressDisplay::end_stage() {
  if (quiet_) return;
  erase_bar();
  if (!stage_.empty() && loss_ != 0) {
    std::string line = stage_ + ": " + std::to_string(step_) + " steps in " +
                       duration_text(std::chrono::duration<double>(Clock::now() - stage_start_).count()) + "  loss " +
                       number_text(loss_);
    for (const std::string& figure : figures_) line += "  " + figure;
    std::fputs(line.append(1, '\n').c_str(), stderr);
  }
  std::fflush(stderr);
  stage_.clear();
  step_ = 0;
  loss_ = 0;
}

void ProgressDisplay::note(const std::string& text) {
  if (quiet_) return;
  erase_bar();
  std::fputs((text + "\n").c_str(), stderr);
}

}  // namespace reclm::cli
