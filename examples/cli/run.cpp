// reclm run: histories in, recommendations out: everything that the other subcommands do, in one command.

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "bench.hpp"
#include "interrupt.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/eval/report_input.hpp"
#include "reclm/eval/study_options.hpp"
#include "report.hpp"
#include "run.hpp"
#include "terminal.hpp"
#include "tuned_writers.hpp"

namespace reclm::cli {

namespace {

/// Recommenders with each source's profiles, on the settings that the model's size asks for.
BenchOptions study_of(const RunOptions& options) {
  BenchOptions study;
  const TrainOptions training = run_defaults(options.size()).training;
  study.training.epochs = training.epochs;
  study.training.batch_size = training.batch_size;
  study.training.learning_rate = training.learning_rate;
  study.training.evaluate_every = training.evaluate_every;
  if (training.patience > 0) study.training.patience = training.patience;
  study.backbones = options.backbones;
  study.adapters = "base,reclm";
  study.settings = "all";
  study.seeds = options.seeds;
  study.first_seed = options.first_seed;
  study.no_placebo = options.placebo == "none";
  study.report = options.out;
  return study;
}

/// All of the work. @throws Stopped
void work(const RunOptions& options, const BenchStudy& study, const Observer& observer, ReportInput& report) {
  const std::filesystem::path out = options.out;
  TaughtData taught = prepare_data(options, report.notes);
  report.title = "reclm run: " + taught.data.name;
  report.datasets = {facts_of(taught.data)};
  std::optional<instruct::LanguageModel> model;
  if (options.size() == ModelSize::real) model = open_language_model(options.tuning.model);
  check_inputs(options, taught);
  make_folder(out / "profiles");
  keep_run_settings(options, taught, options.tuning.model);
  if (!model) model = tiny_model(taught, out / "model", options.tiny_tokens, options.tuning, observer);
  if (!model || !find_neighbours(taught, options.tuning.cf_epochs, options.tuning.seed, observer)) throw Stopped{};
  TuningOutcome outcome;
  if (options.tuned.empty())
    outcome = tune_model(*model, options.size(), taught, options.tuning, options.stages_folder(), observer);
  if (outcome.interrupted) throw Stopped{};
  const std::vector<WrittenProfiles> written = write_sources(options, *model, taught, observer);
  report.chapters = tuning_chapters(outcome, taught, written);

  std::vector<ProfileSource> sources = encode_sources(options, *model, taught, written, report.notes, observer);
  report.comparisons.ladder = {report.comparisons.base};
  for (ProfileSource& source : sources) {
    report.row_meanings[source.name] = source_meaning(source.name);
    if (source.name != kTeacher) report.comparisons.ladder.push_back(source.name);
  }
  for (ProfileSource& source : sources)
    source.placebo = options.placebo == "all" || source.name == report.comparisons.ladder.back();
  report.run.details = {{"language model", options.size() == ModelSize::tiny ? "tiny, trained here" : model->name},
                        {"tuned", options.tuned.empty() ? "here" : options.tuned},
                        {"teacher", taught.teacher.empty() ? "none" : taught.teacher},
                        {"text encoder", options.encoder.model.path.empty() ? "built-in" : options.encoder.model.path}};
  if (!study.run(taught.data, observer, report, sources)) throw Stopped{};
}

ExitCode run(const RunOptions& options, const Invocation& call) {
  const auto start = std::chrono::steady_clock::now();
  const ThreadLimit limit(options.common.threads);
  check_tuning(options.tuning);
  const std::vector<std::string> stages = split_list("--stages", options.tuning.stages);
  if (options.best_of > 1 && options.tuned.empty() && options.tuning.reward.empty() &&
      std::find(stages.begin(), stages.end(), "reward") == stages.end())
    throw ConfigError(
        "--best-of chooses by a reward, and --stages has none. Remedy: add the stage reward, or --reward");
  if (!options.tuned.empty()) {
    if (options.size() == ModelSize::tiny || options.data.world)
      throw ConfigError(
          "--tuned writes by a model that was tuned before. Remedy: name that model by --model, and data by --data");
    check_tuned(options.tuned);
    if (options.best_of > 1 && !std::filesystem::exists(options.reward_folder() / "reward.json"))
      throw BadInput(options.tuned +
                     ": there is no reward, by which --best-of chooses. Remedy: name a tuning that ran "
                     "the stage reward");
  }
  const BenchStudy study(study_of(options));
  ReportInput report = begun_report("reclm run", call);
  ProgressDisplay display(options.common.quiet);
  try {
    const InterruptGuard guard;
    work(options, study, display.observer(), report);
  } catch (const Stopped&) {
    display.finish();
    std::cerr << "Interrupted. What was done so far is in " << options.out << ". Go on with:\n  " << command_line(call)
              << "\n";
    return exit_interrupted;
  }
  display.finish();
  report.run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  publish(report, options.common, options.out, "report");
  return exit_ok;
}

}  // namespace

void add_run(CLI::App& app, Invocation& call) {
  const auto options = std::make_shared<RunOptions>();
  CLI::App* const command = add_command(
      app, "run", "Does it all: tunes a language model, writes profiles, and measures the recommendations.",
      "Histories in, recommendations out. Tunes a language model by RecLM's stages on a teacher's profiles (see\n"
      "`reclm tune --help`); writes profiles of users and items before tuning and after each stage, into stores that\n"
      "are only appended to; trains recommenders with each of them, beside the backbone alone, raw texts, the "
      "teacher,\n"
      "popularity, random order, content neighbours and a placebo; tests each stage against the one before it. All\n"
      "of it is told on one page, OUT/index.html, with report.json, report.md and report.csv for programs. Whatever\n"
      "interrupts it, the same command goes on where it stopped and ends with the same figures.\n"
      "Without --model a tiny language model is first trained from nothing on the data's texts: enough for the\n"
      "embedded world, where everything can be seen at work in a minute, and not for texts of the real world.\n"
      "With --tuned no stage is run: a model that was tuned on other data writes, and no teacher is needed.",
      "  reclm run --world --out run\n"
      "  reclm run --data DIR --model SmolLM2.gguf --profiles gpt.jsonl --encoder all-MiniLM-L6-v2 --out run\n"
      "  reclm run --data DIR --model MODEL --profiles gpt.jsonl --users 500 --items 500 --backbones all --seeds 5 \\\n"
      "    --out run\n"
      "  reclm run --data OTHER --model MODEL --tuned run/tuning --out other");
  add_data_options(*command, options->data);
  const char* group = "Data (one of --data and --world)";
  const auto natural = CLI::Range(0, 1 << 30);
  command->add_option("--users", options->users, "users of the world (400); users of DIR who get profiles, 0: all")
      ->check(natural)
      ->option_text("N")
      ->group(group);
  command->add_option("--items", options->items, "the same of items (500)")
      ->check(natural)
      ->option_text("N")
      ->group(group);
  command->add_option("--model", options->tuning.model, "a GGUF file or a Hugging Face folder; else a tiny model")
      ->option_text("PATH")
      ->group("What the model is asked");
  command->add_option("--tiny-tokens", options->tiny_tokens, "that the tiny model is trained on")
      ->check(CLI::Range(1, 1 << 30))
      ->option_text("N")
      ->group("What the model is asked");
  add_tuning_options(*command, options->tuning);
  CLI::Option* const tuned =
      command
          ->add_option(
              "--tuned", options->tuned,
              "takes the stages from there: OUT of `reclm tune`, or OUT/tuning of\nanother run with this model")
          ->option_text("DIR")
          ->group("How it is tuned (defaults are those of real models; the tiny one has its own)");
  for (const char* without : {"--stages", "--reward", "--full-sft"}) tuned->excludes(command->get_option(without));
  group = "Profiles for everybody";
  command->add_flag("--only-profiles", options->only_profiles, "keep the model inside the form, token by token")
      ->group(group);
  command->add_option("--attempts", options->attempts, "at each prompt, when answers break the form")
      ->check(CLI::Range(1, 100))
      ->option_text("N=3")
      ->group(group);
  command
      ->add_option("--best-of", options->best_of,
                   "a source more: each user's profile is the best of N by the reward\nthat the tuning trained")
      ->check(CLI::Range(1, 1000))
      ->option_text("N=1")
      ->group(group);
  command
      ->add_option("--consensus", options->consensus, "a source more: each user's profile is what N answers agree on")
      ->check(CLI::Range(1, 1000))
      ->option_text("N=1")
      ->group(group);
  command
      ->add_option("--encoder", options->encoder.model.path,
                   "what turns texts into vectors: a folder of the BERT\nfamily; else the built-in one")
      ->option_text("DIR")
      ->group(group);
  group = "What is compared";
  command->add_option("--backbones", options->backbones, "biasmf, ncf, lightgcn, sgl, simgcl, or all")
      ->option_text("LIST=lightgcn")
      ->group(group);
  command->add_option("--seeds", options->seeds, "how many seeds of the recommenders")
      ->check(CLI::Range(1, 1000))
      ->option_text("N=1")
      ->group(group);
  command->add_option("--first-seed", options->first_seed, "the first of them")
      ->check(seed_fault)
      ->option_text("N=1")
      ->group(group);
  command->add_option("--placebo", options->placebo, "shuffled profiles of: last (source), all, none")
      ->check(CLI::IsMember({"last", "all", "none"}))
      ->option_text("KIND=last")
      ->group(group);
  command->add_option("--out", options->out, "folder; goes on where it holds a run of these settings")
      ->required()
      ->option_text("DIR REQUIRED")
      ->group("Running");
  add_common_options(*command, options->common);
  command->callback([&call, options] { call.run = [&call, options] { return run(*options, call); }; });
}

}  // namespace reclm::cli
