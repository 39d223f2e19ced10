// The options that `tune` and `run` share, as CLI11 sees them.

#include <CLI/CLI.hpp>

#include "tuning.hpp"

namespace reclm::cli {

void add_tuning_options(CLI::App& command, TuningCommandOptions& options) {
  const char* group = "What the model is asked";
  const auto option = [&](const char* name, auto& value, const char* text, const char* form) {
    return command.add_option(name, value, text)->option_text(form)->group(group);
  };
  const auto positive = CLI::Range(1, 1 << 30);
  option("--profiles", options.profiles, "a teacher's profiles, as `reclm profile` writes them; --world has its own",
         "FILE");
  option(
      "--columns", options.columns,
      "text columns of the items, in this order; else all (the tiny model:\ntitle and category, where there are both)",
      "LIST");
  option("--templates", options.templates, "your wording, a JSON file: see reclm/instruct/template_file.hpp", "FILE");
  option("--history", options.history, "most items told of a history; 0: all", "N=30")->check(CLI::NonNegativeNumber);
  option("--alike", options.alike,
         "the stage collaborative learns each profile once more, told of\nthose of so many neighbours", "N=0")
      ->check(CLI::NonNegativeNumber);
  option("--budget", options.budget, "most tokens of a dialogue; 0: what the model reads", "N=0")
      ->check(CLI::NonNegativeNumber);
  option("--max-tokens", options.max_tokens, "of a profile", "N=100")->check(positive);
  group = "How it is tuned (defaults are those of real models; the tiny one has its own)";
  option(
      "--precision", options.precision,
      "what weights are kept as, of the model that learns and of the one\nthat writes: stored, f32, bf16; stored-bf16 "
      "keeps them as stored;\nboth with bf16 in their names also multiply in bf16. auto: learns\nin float32; what it "
      "writes from GGUF's blocks by bf16 products",
      "KIND=auto")
      ->check(CLI::IsMember({"auto", "stored", "f32", "bf16", "stored-bf16"}));
  option("--stages", options.stages, "in this order", "LIST=sft,collaborative,reward,ppo,items");
  option("--reward", options.reward, "a reward from elsewhere, instead of the stage", "DIR");
  command
      .add_flag(
          "--full-sft", options.full_sft,
          "sft trains every weight instead of low-rank updates, as it does of the\ntiny model: models of a few million "
          "weights learn far faster so; OUT's\nsft is a model")
      ->group(group);
  option("--rank", options.rank, "of the low-rank updates; alpha is twice as much", "N=8")->check(positive);
  option("--epochs", options.epochs, "of sft, collaborative and items", "N=3")->check(positive);
  option("--lr", options.learning_rate, "of sft, items and reward; a quarter of it for collaborative", "X=2e-4")
      ->check(CLI::PositiveNumber);
  option("--batch-tokens", options.batch_tokens, "tokens a step", "N=2048")->check(positive);
  option("--steps", options.steps, "of ppo", "N=100")->check(positive);
  option("--questions", options.questions, "answers a step of ppo", "N=16")->check(positive);
  option("--ppo-lr", options.ppo_rate, "of ppo", "X=1e-4")->check(CLI::PositiveNumber);
  option("--shown", options.shown, "held-out users, and items, profiled before and after stages", "N=32")
      ->check(CLI::NonNegativeNumber);
  option("--cf-epochs", options.cf_epochs, "of the LightGCN that finds neighbours", "N=20")->check(positive);
  option("--seed", options.seed, "of everything", "N=1")->check(seed_fault);
}

}  // namespace reclm::cli
