// Options that several subcommands take, as CLI11 sees them.

#include <cmath>

#include <CLI/CLI.hpp>

#include "command.hpp"
#include "data.hpp"
#include "training.hpp"

namespace reclm::cli {

void add_common_options(CLI::App& command, CommonOptions& options) {
  const char* const group = "Running";
  command.add_option("--threads", options.threads, "threads to use, 0: all; results do not depend on it")
      ->check(CLI::Range(0, 4096))
      ->option_text("N=0")
      ->group(group);
  command.add_flag("--json", options.json, "results as JSON on standard output")->group(group);
  command.add_flag("--quiet", options.quiet, "no progress on standard error")->group(group);
  command.set_help_flag("-h,--help", "this text")->group(group);
}

void add_data_options(CLI::App& command, DataOptions& options) {
  const char* const group = "Data (one of --data and --world)";
  auto* const folder = command.add_option("--data", options.folder, "folder of RecBole atomic files, see below")
                           ->option_text("DIR")
                           ->group(group);
  auto* const world =
      command.add_flag("--world", options.world, "the embedded world instead: 2,000 users, 2,600 items")
          ->excludes(folder)
          ->option_text(" ")
          ->group(group);
  command.add_option("--world-seed", options.world_seed, "which world")
      ->check(seed_fault)
      ->needs(world)
      ->option_text("N=1")
      ->group(group);
  command.add_option("--name", options.name, "the data set's name, where DIR holds several")
      ->needs(folder)
      ->option_text("NAME")
      ->group(group);
  command
      .add_option("--split", options.split,
                  "how NAME.inter is split: auto (temporal where there are\ntimestamps, else ratio), ratio, temporal, "
                  "leave-one-out")
      ->check(CLI::IsMember({"auto", "ratio", "temporal", "leave-one-out"}))
      ->needs(folder)
      ->option_text("KIND=auto")
      ->group(group);
  command
      .add_option_function<double>(
          "--min-rating",
          [&options](double rating) {
            options.min_rating = rating;
            options.has_min_rating = true;
          },
          "only interactions rated at least so count")
      ->needs(folder)
      ->option_text("X")
      ->group(group);
  command.add_option("--core", options.core, "fewest interactions of each user and item of NAME.inter")
      ->check(CLI::NonNegativeNumber)
      ->needs(folder)
      ->option_text("N=0")
      ->group(group);
}

void add_training_options(CLI::App& command, TrainingOptions& options) {
  const char* const group = "Training";
  const auto positive = CLI::Range(1, 1 << 30);
  command.add_option("--epochs", options.epochs, "most epochs")->check(positive)->option_text("N=50")->group(group);
  command.add_option("--batch-size", options.batch_size, "triples a step")
      ->check(positive)
      ->option_text("N=4096")
      ->group(group);
  command.add_option("--dim", options.dim, "width of the vectors")
      ->check(CLI::Range(1, 1 << 16))
      ->option_text("N=32")
      ->group(group);
  command.add_option("--learning-rate", options.learning_rate, "of Adam")
      ->check(CLI::PositiveNumber)
      ->option_text("X=0.001")
      ->group(group);
  command.add_option("--l2", options.l2, "weight decay; else each backbone's own (1e-7, SGL and SimGCL 1e-5)")
      ->check(CLI::NonNegativeNumber)
      ->option_text("X")
      ->group(group);
  command.add_option("--evaluate-every", options.evaluate_every, "epochs between looks at the validation split")
      ->check(positive)
      ->option_text("N=1")
      ->group(group);
  command.add_option("--patience", options.patience, "looks without a better figure before training stops, 0: never")
      ->check(CLI::NonNegativeNumber)
      ->option_text("N=10")
      ->group(group);
  command
      .add_option("--selection", options.selection,
                  "which epoch counts: the best on validation (carved out of\ntrain where there is none), best-on-test "
                  "(the papers' rule,\noptimistic), last")
      ->check(CLI::IsMember({"validation", "best-on-test", "last"}))
      ->option_text("RULE=validation")
      ->group(group);
  command.add_option("--k", options.cutoffs, "cut-offs of the metrics; the first one selects")
      ->option_text("LIST=20,40")
      ->group("Measuring");
  command
      .add_option("--metrics", options.metrics,
                  "of recall, ndcg, hit_rate, mrr, precision, map; the first\none selects")
      ->option_text("LIST=recall,ndcg")
      ->group("Measuring");
}

}  // namespace reclm::cli
