// The `reclm` command: reads the command line, runs one subcommand, turns errors into messages and exit codes.

#include <cerrno>
#include <cstring>
#include <exception>
#include <iostream>
#include <new>

#include <CLI/CLI.hpp>

#include "command.hpp"
#include "reclm/core/version.hpp"

namespace {

using namespace reclm;
using namespace reclm::cli;

constexpr const char* kAbout =
    "reclm: collaborative filtering with profiles, compared honestly.\n"
    "Trains recommenders, enhances them with profile vectors (RecLM), and measures what that\n"
    "brings beside popularity, random order, content neighbours and a placebo.";

constexpr const char* kFooter =
    "A first look, without any data of your own:\n"
#if defined(RECLM_CLI_LM)
    "  reclm run --world --out run              # all of it; then open run/index.html\n"
#endif
    "  reclm bench --world --report report      # recommenders alone; report/index.html\n"
    "  reclm bench --help                       # each subcommand explains itself\n"
    "\n"
    "Exit codes: 0 done; 1 failed at run time; 2 wrong usage; 3 bad data (the message names file, line\n"
    "and remedy); 130 interrupted by Ctrl-C or SIGTERM: the step was finished, the state saved, and the\n"
    "last line says how to resume. A second Ctrl-C ends at once; files are never left half-written.\n"
    "Progress goes to standard error (a bar on a terminal, else a line every few seconds), results to\n"
    "standard output. NO_COLOR=1 turns colours off.";

ExitCode complain(ExitCode code, const char* message) {
  std::cerr << "reclm: " << message << std::endl;
  return code;
}

ExitCode run(const Invocation& call) {
  try {
    const ExitCode code = call.run();
    std::cout.flush();
    if (!std::cout) return complain(exit_failed, "cannot write to standard output. Remedy: check the disk or the pipe");
    return code;
  } catch (const DataError& e) {
    return complain(exit_bad_data, e.what());
  } catch (const BadInput& e) {
    return complain(exit_bad_data, e.what());
  } catch (const ConfigError& e) {
    return complain(exit_usage, e.what());
  } catch (const std::bad_alloc&) {
    return complain(exit_failed, "out of memory. Remedy: use less data, a smaller --dim or a smaller --batch-size");
  } catch (const std::exception& e) {
    return complain(exit_failed, e.what());
  }
}

// The subcommand that was named, for messages about its options.
const CLI::App& named(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app : *chosen.front();
}

}  // namespace

int main(int argc, char** argv) {
  Invocation call;
  call.arguments.assign(argv, argv + argc);
  CLI::App app(kAbout, "reclm");
  app.set_version_flag("--version", "reclm " RECLM_VERSION_STRING, "the version");
  app.footer(kFooter);
  app.set_help_flag("-h,--help", "this text");
  app.require_subcommand(1);
#if defined(RECLM_CLI_LM)
  add_run(app, call);
#endif
  add_bench(app, call);
  add_train(app, call);
  add_enhance(app, call);
  add_recommend(app, call);
  add_inspect(app, call);
  add_split(app, call);
  add_world(app, call);
#if defined(RECLM_CLI_LM)
  add_profile(app, call);
  add_finetune(app, call);
  add_tune(app, call);
  add_generate(app, call);
  add_encode(app, call);
#endif
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {  // --help, --version
    return app.exit(e, std::cout, std::cerr) == 0 && std::cout ? exit_ok : exit_failed;
  } catch (const CLI::ParseError& e) {
    const CLI::App& command = named(app);
    const std::string name = &command == &app ? "reclm" : "reclm " + command.get_name();
    std::cerr << name << ": " << e.what() << "\n`" << name << " --help` explains the options." << std::endl;
    return exit_usage;
  }
  return run(call);
}
