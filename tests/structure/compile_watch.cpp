// Runs a command, prints what it cost, and fails when that is more than allowed.
//   compile_watch --note FILE COMMAND...                                       writes the seconds down
//   compile_watch --seconds 20 --megabytes 1500 [--or-times 2 FILE] COMMAND...  on a slow machine so many times those
// Seconds are the processor's, so that a busy machine changes nothing.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace {

struct Cost {
  int status = 2;  // the command's
  double seconds = 0, megabytes = 0;
};

Cost cost_of(char** command) {
  const pid_t child = fork();
  if (child == 0) {
    execvp(command[0], command);
    std::perror(command[0]);
    _exit(127);
  }
  Cost cost;
  int status = 0;
  rusage usage{};  // of the command and of all that it waited for: the compiler proper is the driver's child
  if (child < 0 || wait4(child, &status, 0, &usage) != child) return cost;
  cost.status = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
  cost.seconds = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  cost.megabytes = static_cast<double>(usage.ru_maxrss) / 1000;
  return cost;
}

}  // namespace

int main(int count, char** words) {
  const auto is = [&](int k, const char* word) { return k < count && std::strcmp(words[k], word) == 0; };
  if (is(1, "--note") && count > 3) {
    const Cost cost = cost_of(words + 3);
    std::ofstream(words[2]) << cost.seconds << '\n';
    return cost.status;
  }
  if (!is(1, "--seconds") || !is(3, "--megabytes") || count < 6) return 2;
  double seconds_allowed = std::atof(words[2]);
  const double megabytes_allowed = std::atof(words[4]);
  int first = 5;
  if (is(5, "--or-times") && count > 8) {
    double noted = 0;
    std::ifstream(words[7]) >> noted;
    seconds_allowed = std::max(seconds_allowed, std::atof(words[6]) * noted);
    first = 8;
  }
  const Cost cost = cost_of(words + first);
  if (cost.status != 0) return cost.status;
  std::printf("%.1f s of processor time (at most %.0f), %.0f MB (at most %.0f)\n", cost.seconds, seconds_allowed,
              cost.megabytes, megabytes_allowed);
  return cost.seconds <= seconds_allowed && cost.megabytes <= megabytes_allowed ? 0 : 1;
}
