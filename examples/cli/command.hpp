#pragma once
// What the subcommands share: exit codes, the call as it was typed, options that all of them take.

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "reclm/core/error.hpp"

namespace CLI {
class App;
}

namespace reclm::cli {

/// What the process ends with; `reclm --help` documents them.
enum ExitCode : int {
  exit_ok = 0,
  exit_failed = 1,         ///< something went wrong at run time: disk full, training diverged
  exit_usage = 2,          ///< the options do not fit together or the data
  exit_bad_data = 3,       ///< a file cannot be read or says what it must not
  exit_interrupted = 130,  ///< Ctrl-C or SIGTERM; what was done so far is kept where the options name a place
};

/// The input cannot be used, whatever kind of error said so.
class BadInput : public Error {
 public:
  using Error::Error;
};

/// One call of the program.
struct Invocation {
  std::vector<std::string> arguments;  ///< as typed, the program first
  std::function<ExitCode()> run;       ///< the work of the chosen subcommand
};

/// Options that every subcommand takes.
struct CommonOptions {
  int threads = 0;  ///< 0: all
  bool json = false;
  bool quiet = false;
};

void add_common_options(CLI::App& command, CommonOptions& options);

/// A subcommand of `app`. The sentence stands in the list of subcommands; paragraph and examples, a line each, in its
/// own help.
CLI::App* add_command(CLI::App& app, const std::string& name, const std::string& sentence, const std::string& paragraph,
                      const std::string& examples);

void add_bench(CLI::App& app, Invocation& call);
#if defined(RECLM_CLI_LM)  // with component lm
void add_finetune(CLI::App& app, Invocation& call);
void add_encode(CLI::App& app, Invocation& call);
void add_generate(CLI::App& app, Invocation& call);
void add_profile(CLI::App& app, Invocation& call);
void add_run(CLI::App& app, Invocation& call);
void add_tune(CLI::App& app, Invocation& call);
#endif
void add_enhance(CLI::App& app, Invocation& call);
void add_inspect(CLI::App& app, Invocation& call);
void add_recommend(CLI::App& app, Invocation& call);
void add_split(CLI::App& app, Invocation& call);
void add_train(CLI::App& app, Invocation& call);
void add_world(CLI::App& app, Invocation& call);

/// A word as a shell takes it.
std::string shell_word(std::string_view word);

/// The call as a line for a shell, words quoted where they must be. @param added  a word that is put behind it unless
/// it is there already
std::string command_line(const Invocation& call, const std::string& added = {});

/// Makes the folder and those above it, where they are not there yet. @throws IoError
void make_folder(const std::filesystem::path& folder);

/// Why `text` is no seed, "" where it is one: CLI11 makes 18446744073709551615 of -1.
std::string seed_fault(const std::string& text);

/// "a,b, c" → {a, b, c}. @throws ConfigError naming `option` when an entry is empty or appears twice
std::vector<std::string> split_list(const std::string& option, const std::string& text);

}  // namespace reclm::cli
