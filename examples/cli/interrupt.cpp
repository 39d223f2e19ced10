#include "interrupt.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

namespace reclm::cli {

namespace {

volatile std::sig_atomic_t signals_seen = 0;

extern "C" void on_signal(int) {
  const int error = errno;
  signals_seen = signals_seen + 1;
  if (signals_seen > 1) ::_exit(130);
  constexpr std::string_view message = "\nStopping after this step; once more ends at once.\n";
  // Nothing can be done about a message that does not get through.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, message.data(), message.size());
  errno = error;
}

}  // namespace

InterruptGuard::InterruptGuard() {
  signals_seen = 0;
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, &before_int_);
  ::sigaction(SIGTERM, &action, &before_term_);
}

InterruptGuard::~InterruptGuard() {
  ::sigaction(SIGINT, &before_int_, nullptr);
  ::sigaction(SIGTERM, &before_term_, nullptr);
}

bool InterruptGuard::requested() { return signals_seen > 0; }

}  // namespace reclm::cli
