// reclm tune: RecLM's stages on a data set: adapters, a reward, and what they changed.

#include <chrono>
#include <filesystem>
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "interrupt.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/eval/report_input.hpp"
#include "report.hpp"
#include "terminal.hpp"
#include "tuning.hpp"

namespace reclm::cli {

namespace {

struct TuneOptions {
  CommonOptions common;
  DataOptions data;
  TuningCommandOptions tuning;
  std::string out;
};

ExitCode run(const TuneOptions& options, const Invocation& call) {
  const auto start = std::chrono::steady_clock::now();
  const ThreadLimit limit(options.common.threads);
  check_tuning(options.tuning);
  TaughtData taught;
  if (options.data.world)
    taught = taught_world(options.data.world_seed, 0, 0, true);
  else
    taught.data = load(options.data);
  teach(taught, options.tuning.profiles);
  const instruct::LanguageModel model = open_language_model(options.tuning.model);
  ReportInput report = begun_report("reclm tune: " + model.name + " on " + taught.data.name, call);
  ProgressDisplay display(options.common.quiet);
  TuningOutcome outcome;
  {
    const InterruptGuard guard;
    const Observer observer = display.observer();
    outcome.interrupted = !find_neighbours(taught, options.tuning.cf_epochs, options.tuning.seed, observer);
    if (!outcome.interrupted)
      outcome = tune_model(model, ModelSize::real, taught, options.tuning, options.out, observer);
  }
  display.finish();
  if (outcome.interrupted) {
    std::cerr << "Interrupted. What was learned is in " << options.out << ". Go on with:\n  " << command_line(call)
              << "\n";
    return exit_interrupted;
  }
  report.chapters = tuning_chapters(outcome, taught, {});
  report.run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  publish(report, options.common, options.out, "report");
  return exit_ok;
}

}  // namespace

void add_tune(CLI::App& app, Invocation& call) {
  const auto options = std::make_shared<TuneOptions>();
  CLI::App* const command = add_command(
      app, "tune", "Tunes a language model on a data set, by RecLM's stages.",
      "sft: a teacher's profiles from histories. collaborative: with neighbours' histories, would a user choose an\n"
      "item? reward: a model of what makes a profile good. ppo: reinforcement learning towards that reward and\n"
      "diverse profiles. items: whom an item is for. Writes PEFT adapters, one a stage, the reward, and a report\n"
      "(index.html, report.json, report.md) into a folder; after an interruption the same command goes on where it\n"
      "stopped. `reclm run` goes on to the recommendations.",
      "  reclm tune --world --model DIR --out tuned\n"
      "  reclm tune --data DIR --model model.gguf --profiles gpt.jsonl --budget 1024 --out tuned\n"
      "  reclm tune --data OTHER --model DIR --profiles gpt.jsonl --stages sft,ppo --reward tuned/reward --out other");
  add_data_options(*command, options->data);
  command->add_option("--model", options->tuning.model, "a GGUF file or a Hugging Face folder")
      ->required()
      ->option_text("PATH REQUIRED");
  add_tuning_options(*command, options->tuning);
  command->add_option("--out", options->out, "folder; goes on where it holds a tuning of these settings")
      ->required()
      ->option_text("DIR REQUIRED")
      ->group("Running");
  add_common_options(*command, options->common);
  command->callback([&call, options] { call.run = [&call, options] { return run(*options, call); }; });
}

}  // namespace reclm::cli
