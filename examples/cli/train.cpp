// reclm train: one model, kept in a file.

#include "train.hpp"

#include <cmath>
#include <iostream>
#include <memory>
#include <system_error>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "interrupt.hpp"
#include "reclm/core/parallel.hpp"
#include "terminal.hpp"

namespace reclm::cli {

namespace {

namespace fs = std::filesystem;

/// Where the state of the training is kept: the file that was named, else one beside the model, which goes when the
/// model is there.
fs::path checkpoint_of(const TrainCommandOptions& options) {
  if (!options.checkpoint.empty()) return options.checkpoint;
  fs::path beside = options.out;
  return beside.replace_extension(".checkpoint.safetensors");
}

void check_files(const TrainCommandOptions& options, const fs::path& checkpoint) {
  if (fs::path(options.out).extension() != ".safetensors")
    throw ConfigError("--out " + options.out + ": models are safetensors files. Remedy: call it NAME.safetensors");
  if (fs::path(options.out).lexically_normal() == checkpoint.lexically_normal())
    throw ConfigError("--checkpoint and --out name the same file. Remedy: name two");
  std::error_code failure;
  if (!options.resume && fs::exists(checkpoint, failure))
    throw ConfigError(checkpoint.string() +
                      " holds the state of an earlier training. Remedy: add --resume to go on with it, or remove it");
  const fs::path folder = fs::path(options.out).parent_path();
  if (!folder.empty() && !fs::is_directory(folder, failure))
    throw ConfigError("--out " + options.out + ": there is no folder " + folder.string() + ". Remedy: make it first");
}

nlohmann::ordered_json json_of(const TrainCommandOptions& options, const TrainOutcome& outcome) {
  const TrainReport& report = outcome.report;
  auto history = nlohmann::ordered_json::array();
  for (const EpochRecord& epoch : report.history) {
    nlohmann::ordered_json entry{{"epoch", epoch.epoch}, {"loss", epoch.loss}};
    if (!std::isnan(epoch.metric)) entry["validation"] = epoch.metric;
    history.push_back(std::move(entry));
  }
  nlohmann::ordered_json result{{"model", outcome.model.name},
                                {"out", options.out},
                                {"details", nlohmann::ordered_json::parse(outcome.model.details)},
                                {"metric", first_metric(metrics_of(options.training))},
                                {"steps", report.steps},
                                {"seconds", report.seconds},
                                {"stopped_early", report.stopped_early},
                                {"epochs", std::move(history)},
                                {"notes", outcome.notes}};
  if (report.best_epoch > 0) {
    result["best_epoch"] = report.best_epoch;
    result["best_metric"] =
        std::isnan(report.best_metric) ? nlohmann::ordered_json() : nlohmann::ordered_json(report.best_metric);
  }
  return result;
}

void print(const TrainCommandOptions& options, const TrainOutcome& outcome) {
  const TrainReport& report = outcome.report;
  std::cout << outcome.model.name << ": " << report.history.size() << " epochs, " << report.steps << " steps"
            << (report.stopped_early ? ", stopped early" : "") << "\n";
  if (report.best_epoch > 0)
    std::cout << "Selected epoch " << report.best_epoch << ": " << first_metric(metrics_of(options.training)) << " "
              << report.best_metric << "\n";
  for (const std::string& note : outcome.notes) std::cout << note << "\n";
  std::cout << "Model: " << options.out << "\n";
  if (outcome.model.users.size() > 0)
    std::cout << "Lists: reclm recommend --model " << shell_word(options.out) << " --users "
              << shell_word(outcome.model.users.name(0)) << "\n";
}

ExitCode run(const TrainCommandOptions& options, const Invocation& call) {
  const fs::path checkpoint = checkpoint_of(options);
  check_files(options, checkpoint);
  check_model(options);
  const ThreadLimit limit(options.common.threads);
  Dataset data = load(options.data);
  ProgressDisplay display(options.common.quiet);
  for (const std::string& notice : data.notices) display.note(notice);
  const TrainOutcome outcome = [&] {
    const InterruptGuard guard;
    return train_model(options, data, checkpoint, display.observer());
  }();
  display.finish();
  if (outcome.report.interrupted) {
    std::cerr << "Interrupted after step " << outcome.report.steps << "; the state is in " << checkpoint.string()
              << ". Go on with:\n  " << command_line(call, "--resume") << "\n";
    return exit_interrupted;
  }
  write_model(options.out, outcome.model);
  std::error_code ignored;
  if (options.checkpoint.empty()) fs::remove(checkpoint, ignored);
  if (options.common.json)
    std::cout << json_of(options, outcome).dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
              << "\n";
  else
    print(options, outcome);
  return exit_ok;
}

}  // namespace

void add_train(CLI::App& app, Invocation& call) {
  const auto options = std::make_shared<TrainCommandOptions>();
  CLI::App* const command = add_command(
      app, "train", "Trains one model and keeps it in a file.",
      "Trains a backbone with an adapter on one data set, selects its best epoch on the validation split and\n"
      "writes a safetensors file with the vectors of all users and items, their ids and who has seen what:\n"
      "all that `reclm recommend` needs. While it runs, its state is kept beside the model (or in\n"
      "--checkpoint FILE), once an epoch and on Ctrl-C. --resume goes on from there, even after a power cut,\n"
      "and ends with the same bits; a state of other data, options or selection is refused.",
      "  reclm train --world --backbone lightgcn --adapter reclm --out model.safetensors\n"
      "  reclm train --data DIR --backbone simgcl --adapter base --epochs 100 --out model.safetensors --resume");
  add_data_options(*command, options->data);
  const char* const group = "Model";
  command->add_option("--backbone", options->backbone, "biasmf, ncf, lightgcn, sgl, simgcl")
      ->option_text("NAME=lightgcn")
      ->group(group);
  command
      ->add_option("--adapter", options->adapter,
                   "base (items from text), id (items from a table), reclm\n(text and profiles), rlmrec-con, "
                   "rlmrec-gen, alpharec, kar")
      ->option_text("NAME=reclm")
      ->group(group);
  command->add_option("--seed", options->seed, "of start values, batches and negatives")
      ->check(seed_fault)
      ->option_text("N=1")
      ->group(group);
  add_training_options(*command, options->training);
  const char* const running = "Running";
  command->add_option("--out", options->out, "the model, NAME.safetensors")
      ->required()
      ->option_text("FILE REQUIRED")
      ->group(running);
  command
      ->add_option("--checkpoint", options->checkpoint,
                   "keeps the training's state, also when it is over;\ndefault: beside the model until it is written")
      ->option_text("FILE")
      ->group(running);
  command->add_flag("--resume", options->resume, "go on with the state where there is one")->group(running);
  add_common_options(*command, options->common);
  command->callback([&call, options] { call.run = [&call, options] { return run(*options, call); }; });
}

}  // namespace reclm::cli
