// reclm bench: backbones × adapters × settings × seeds on one data set, with baselines, placebos and significance.

#include <chrono>
#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "bench.hpp"
#include "interrupt.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/eval/report_input.hpp"
#include "reclm/eval/study_options.hpp"
#include "report.hpp"
#include "terminal.hpp"

namespace reclm::cli {

namespace {

/// Progress of the whole study: stages of training are counted.
class StudyProgress {
 public:
  StudyProgress(ProgressDisplay& display, Index models, Index finished)
      : inner_(display.observer()), models_(models), started_(finished) {}

  Observer observer() {
    return [this](const Progress& progress) {
      if (!progress.stage.starts_with("train ")) return inner_(progress);
      if (progress.stage != stage_ || progress.step < step_) {
        stage_ = progress.stage;
        ++started_;
      }
      step_ = progress.step;
      // Kept models of another study are counted as finished, yet made anew: then the count means nothing.
      const bool known = started_ <= models_;
      const std::string stage =
          known ? "[" + std::to_string(started_) + "/" + std::to_string(models_) + "] " + stage_ : stage_;
      Progress shown = progress;
      shown.stage = stage;
      return inner_(shown);
    };
  }

 private:
  Observer inner_;
  Index models_, started_;
  std::string stage_;
  Index step_ = 0;
};

ExitCode interrupted(const BenchOptions& options, const Invocation& call) {
  if (options.report.empty()) {
    std::cerr << "Interrupted. Nothing was kept: name --report DIR and finished models stay.\n";
  } else {
    std::cerr << "Interrupted. Finished models and the state of the latest are kept in " << options.report
              << "/runs. Go on with:\n  " << command_line(call, "--resume") << "\n";
  }
  return exit_interrupted;
}

ExitCode run(const BenchOptions& options, const Invocation& call) {
  const auto start = std::chrono::steady_clock::now();
  if (options.resume && options.report.empty())
    throw ConfigError("--resume goes on with the runs kept in a report's folder. Remedy: name it by --report DIR");
  const BenchStudy study(options);
  const ThreadLimit limit(options.common.threads);
  const Dataset data = load(options.data);
  ReportInput report = begun_report("reclm bench: " + data.name, call);
  report.datasets = {facts_of(data)};
  ProgressDisplay display(options.common.quiet);
  for (const std::string& notice : data.notices) display.note(notice);
  const KeptRuns kept(options.report);
  const auto begin = [&] {
    if (!kept.any() || options.resume) return;
    kept.set_aside();
    display.note("The runs of an earlier study in " + options.report +
                 " were moved to runs.previous; --resume would have gone on with them.");
  };
  {
    StudyProgress progress(display, study.models(), options.resume ? kept.finished() : 0);
    const InterruptGuard guard;
    if (!study.run(data, progress.observer(), report, {}, begin)) {
      display.finish();
      return interrupted(options, call);
    }
  }
  display.finish();
  report.notes.insert(report.notes.end(), data.notices.begin(), data.notices.end());
  report.run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  publish(report, options.common, options.report, "results");
  return exit_ok;
}

}  // namespace

void add_bench(CLI::App& app, Invocation& call) {
  const auto options = std::make_shared<BenchOptions>();
  CLI::App* const command = add_command(
      app, "bench", "Compares backbones with and without profiles, beside baselines and placebos.",
      "Trains every backbone with every adapter and seed on one data set and measures them in every\n"
      "setting: full-shot (held-out clicks), sparse (users with few clicks), zero-shot (items that training\n"
      "never saw) and generalised-zero-shot (all items in one list; warm, cold and their harmonic mean H).\n"
      "Popularity, random order and content neighbours stand beside them, and so does a placebo of each adapter:\n"
      "the same model with profiles shuffled among items and users. A gain that the placebo has too says\n"
      "nothing about profiles. Differences are tested by user (Wilcoxon and bootstrap, Holm-corrected).\n"
      "--report DIR writes index.html, tables and files for programs, and keeps finished models, so that\n"
      "--resume goes on after an interruption and ends with the same figures.",
      "  reclm bench --world --report report\n"
      "  reclm bench --data DIR --backbones all --adapters base,id,reclm --seeds 5 --report out --resume\n"
      "\n"
      "DIR holds NAME.train.inter, .valid.inter, .test.inter, .zero.inter (or NAME.inter, which is split),\n"
      "NAME.item and NAME.user with text, and item_text.npy, item_profile.npy, user_profile.npy where there\n"
      "are such vectors. `reclm world --out DIR` makes an example.");
  add_data_options(*command, options->data);
  const char* const group = "What is compared";
  command->add_option("--backbones", options->backbones, "biasmf, ncf, lightgcn, sgl, simgcl, or all")
      ->option_text("LIST=lightgcn")
      ->group(group);
  command
      ->add_option(
          "--adapters", options->adapters,
          "base (items from text), id (items from a table), reclm\n(text and profiles), rlmrec-con, rlmrec-gen, "
          "alpharec, kar;\neach of the last five brings its placebo")
      ->option_text("LIST=base,reclm")
      ->group(group);
  command->add_flag("--no-placebo", options->no_placebo, "leave the placebo out")->group(group);
  command->add_flag("--no-baselines", options->no_baselines, "leave popularity, random and content-kNN out")
      ->group(group);
  command
      ->add_option("--settings", options->settings,
                   "full-shot, sparse, zero-shot, generalised-zero-shot, or\nall; default: all but sparse")
      ->option_text("LIST")
      ->group(group);
  command->add_option("--seeds", options->seeds, "how many seeds, for deviations")
      ->check(CLI::Range(1, 1000))
      ->option_text("N=1")
      ->group(group);
  command->add_option("--first-seed", options->first_seed, "the first of them")
      ->check(seed_fault)
      ->option_text("N=1")
      ->group(group);
  add_training_options(*command, options->training);
  command->add_option("--report", options->report, "folder for report, figures and finished models")
      ->option_text("DIR")
      ->group("Running");
  command->add_flag("--resume", options->resume, "go on with what --report DIR holds; finished models are kept")
      ->group("Running");
  add_common_options(*command, options->common);
  command->callback([&call, options] { call.run = [&call, options] { return run(*options, call); }; });
}

}  // namespace reclm::cli
