// Runs a command, prints what it cost, and fails when that is more than allowed.
//   compile_watch --seconds 20 --megabytes 1500 COMMAND...
// Seconds are the processor's, so that a busy machine changes nothing.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

int main(int count, char** words) {
  if (count < 6 || std::strcmp(words[1], "--seconds") != 0 || std::strcmp(words[3], "--megabytes") != 0) return 2;
  const double seconds_allowed = std::atof(words[2]), megabytes_allowed = std::atof(words[4]);

  const pid_t child = fork();
  if (child == 0) {
    execvp(words[5], words + 5);
    std::perror(words[5]);
    _exit(127);
  }
  int status = 0;
  rusage usage{};  // of the command and of all that it waited for: the compiler proper is the driver's child
  if (child < 0 || wait4(child, &status, 0, &usage) != child) return 2;
  if (!WIFEXITED(status)) return 1;
  if (WEXITSTATUS(status) != 0) return WEXITSTATUS(status);

  const double seconds = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                         1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  const double megabytes = static_cast<double>(usage.ru_maxrss) / 1000;
  std::printf("%.1f s of processor time (at most %.0f), %.0f MB (at most %.0f)\n", seconds, seconds_allowed, megabytes,
              megabytes_allowed);
  return seconds <= seconds_allowed && megabytes <= megabytes_allowed ? 0 : 1;
}
