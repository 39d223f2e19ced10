// reclm enhance: factors that any library trained, or a model of `reclm train`, become a better model.

#include "enhance.hpp"

#include <chrono>
#include <iostream>
#include <memory>
#include <system_error>
#include <utility>

#include <CLI/CLI.hpp>

#include "interrupt.hpp"
#include "reclm/align/frozen_options.hpp"
#include "reclm/core/atomic_file.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/core/utf8.hpp"
#include "reclm/data/npy.hpp"
#include "reclm/data/split_files.hpp"
#include "reclm/eval/protocol.hpp"
#include "report.hpp"
#include "terminal.hpp"

namespace reclm::cli {

namespace {

namespace fs = std::filesystem;

void check(const EnhanceOptions& options) {
  if (options.model.empty() == options.user_factors.empty())
    throw ConfigError(
        "which model? Remedy: name --user-factors FILE.npy and --item-factors FILE.npy, or by --model a file that "
        "`reclm train` wrote");
  if (!is_utf8(options.label)) throw ConfigError("--label is no UTF-8 text. Remedy: name the model otherwise");
  std::error_code failure;
  if (fs::exists(options.out, failure) && !fs::is_directory(options.out, failure))
    throw ConfigError("--out " + options.out + " is a file. Remedy: name a folder");
  for (const std::string& input : {options.user_factors, options.item_factors, options.model, options.choice})
    if (!input.empty() && fs::equivalent(fs::absolute(input).parent_path(), options.out, failure))
      throw ConfigError("--out " + options.out + " holds " + input + ", which could be written over. Remedy: name " +
                        "another folder");
}

void write_enhanced(const fs::path& folder, const Enhanced& enhanced) {
  const TrainedModel& model = enhanced.model;
  write_npy(folder / "user_factors.npy", model.scores.user_factors());
  write_npy(folder / "item_factors.npy", model.scores.item_factors());
  write_ids(folder / "user_factors.ids", model.users);
  write_ids(folder / "item_factors.ids", model.items);
  write_file(folder / "choice.json", choice_text(enhanced.choice));
  write_model(folder / "model.safetensors", model);
}

ExitCode run(const EnhanceOptions& options, const Invocation& call) {
  const auto start = std::chrono::steady_clock::now();
  check(options);
  const ThreadLimit limit(options.common.threads);
  std::optional<FrozenChoice> choice;
  if (!options.choice.empty()) choice = read_choice(options.choice);
  Dataset data = load(options.data);
  check_profiles(data);
  const GivenModel given = read_given_model(options, data);
  ReportInput report = begun_report("reclm enhance: " + given.name + " on " + data.name, call);
  report.datasets = {facts_of(data)};
  report.notes = given.notes;
  report.notes.insert(report.notes.end(), data.notices.begin(), data.notices.end());
  make_folder(options.out);
  ProgressDisplay display(options.common.quiet);
  for (const std::string& note : report.notes) display.note(note);
  try {
    const InterruptGuard guard;
    write_enhanced(options.out, enhance(options, data, given, choice, display.observer(), report));
  } catch (const FitStopped&) {
    display.finish();
    std::cerr << "Interrupted while fitting; nothing was written." << std::endl;
    return exit_interrupted;
  } catch (const EvaluationStopped&) {
    display.finish();
    std::cerr << "Interrupted while measuring; nothing was written." << std::endl;
    return exit_interrupted;
  }
  display.finish();
  report.run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  publish(report, options.common, options.out, "results");
  if (!options.common.json)
    std::cout << "Lists: reclm recommend --model " << shell_word((fs::path(options.out) / "model.safetensors").string())
              << " --users " << shell_word(data.users.size() > 0 ? data.users.name(0) : "") << "\n";
  return exit_ok;
}

}  // namespace

void add_enhance(CLI::App& app, Invocation& call) {
  const auto options = std::make_shared<EnhanceOptions>();
  CLI::App* const command = add_command(
      app, "enhance", "Makes a better model out of a finished one, whatever library trained it.",
      "Takes the user and item factors of a finished model (.npy; a score is the product of two rows) or a\n"
      "file of `reclm train`, and profile vectors or texts of the data; the model's weights stay as they are.\n"
      "An item-to-item learner and a head that ranks unseen items by their profiles are put beside it, each as\n"
      "far as the data's validation split shows a gain; there the result is never below the model alone. The\n"
      "model must not have been trained on that split; where test is later in time, so should validation be:\n"
      "`reclm split --by time` makes one. Without a validation split nothing is chosen: seen items are ranked\n"
      "by the model, unseen ones behind the head of the list.\n"
      "OUT gets factors of the better model (.npy for any server, model.safetensors for `reclm recommend`),\n"
      "adapter.safetensors for C++, choice.json, and a report with baselines and the placebo. For a last fit\n"
      "on all data, train your model on all of them and name that choice.json by --choice.",
      "  reclm split --data DIR --out parts --by time         # train your model on parts/NAME.train.inter\n"
      "  reclm enhance --data parts --user-factors U.npy --item-factors I.npy --out better\n"
      "  reclm recommend --model better/model.safetensors --users u1,u2\n"
      "\n"
      "Rows belong to the lines of NAME.user and NAME.item, or to the ids in U.ids and I.ids beside them, one a\n"
      "line, which need not cover all.");
  add_data_options(*command, options->data);
  const char* const group = "Model";
  auto* const users = command->add_option("--user-factors", options->user_factors, "matrix, a row for each user")
                          ->option_text("FILE.npy")
                          ->group(group);
  auto* const items = command->add_option("--item-factors", options->item_factors, "matrix, a row for each item")
                          ->needs(users)
                          ->option_text("FILE.npy")
                          ->group(group);
  users->needs(items);
  command->add_option("--model", options->model, "or a file that `reclm train` wrote")
      ->excludes(users)
      ->option_text("FILE")
      ->group(group);
  command->add_option("--label", options->label, "what the report calls it")->option_text("NAME=Model")->group(group);
  const char* const fitting = "Enhancing";
  command
      ->add_option("--warm-floor", options->warm_floor,
                   "so much of the Recall of seen items must remain when unseen\nones join the list; 0: the best "
                   "harmonic mean of both")
      ->check(CLI::Range(0.0, 1.0))
      ->option_text("X=0.99")
      ->group(fitting);
  command->add_option("--choice", options->choice, "choice.json of an earlier call: nothing is chosen anew")
      ->option_text("FILE")
      ->group(fitting);
  command->add_flag("--no-placebo", options->no_placebo, "leave the placebo out, half the time")->group(fitting);
  command->add_option("--seed", options->seed, "of samples, start values and the placebo")
      ->check(seed_fault)
      ->option_text("N=1")
      ->group(fitting);
  command->add_option("--out", options->out, "folder for the better model and the report")
      ->required()
      ->option_text("DIR REQUIRED")
      ->group("Running");
  add_common_options(*command, options->common);
  command->callback([&call, options] { call.run = [&call, options] { return run(*options, call); }; });
}

}  // namespace reclm::cli
