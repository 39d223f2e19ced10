// reclm tune: RecLM's stages on a data set: adapters, a reward, and what they changed.

#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "compiled.hpp"
#include "data.hpp"
#include "interrupt.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/data/world.hpp"
#include "reclm/eval/study.hpp"
#include "reclm/instruct/neighbours.hpp"
#include "reclm/instruct/open_language_model.hpp"
#include "reclm/instruct/pipeline.hpp"
#include "reclm/instruct/profile_store.hpp"
#include "terminal.hpp"

namespace reclm::cli {

namespace {

using namespace instruct;

struct TuneOptions {
  CommonOptions common;
  DataOptions data;
  std::string model, profiles, out, stages = "sft,collaborative,reward,ppo,items", reward;
  std::string columns;
  Index history = 30, budget = 0, rank = 8, batch_tokens = 2048, steps = 100, questions = 16, max_tokens = 100;
  int epochs = 3, cf_epochs = 20;
  double learning_rate = 2e-4, ppo_rate = 1e-4;
  std::uint64_t seed = 1;
};

/// Users alike, and items alike, by a LightGCN trained on the spot.
bool find_neighbours(const TuneOptions& options, const Dataset& data, const Observer& observer, TuningData& from) {
  const auto model = make_model({BackboneKind::light_gcn, AdapterKind::id}, data, 32, options.seed);
  TrainOptions how;
  how.epochs = options.cf_epochs;
  how.seed = options.seed;
  how.l2 = default_l2(BackboneKind::light_gcn);
  how.selection = Selection::last;
  how.observer = observer;
  if (train(*model, data.train, how).interrupted) return false;
  const PairModel factors = model->ranking();
  from.neighbours = user_neighbours(factors).ids;
  from.item_neighbours = item_neighbours(factors).ids;
  return true;
}

nlohmann::ordered_json json_of(const TuningReport& report) {
  nlohmann::ordered_json all{{"interrupted", report.interrupted}};
  for (const auto& [stage, loss] : report.loss_after)
    all["stages"][stage] = {{"held_out_loss_before", report.loss_before.at(stage)},
                            {"held_out_loss", loss},
                            {"epoch_loss", report.finetunes.at(stage).epoch_loss},
                            {"steps", report.finetunes.at(stage).steps}};
  const auto questions = [](const QuestionReport& q) {
    return nlohmann::ordered_json{{"questions", q.questions}, {"accuracy", q.accuracy}, {"auc", q.auc}};
  };
  if (report.loss_after.contains("collaborative"))
    all["yes_or_no"] = {{"before", questions(report.questions_before)}, {"after", questions(report.questions_after)}};
  if (report.reward) {
    nlohmann::ordered_json kinds;
    for (std::size_t k = 0; k < kRejections; ++k)
      kinds[std::string(rejection_name(static_cast<Rejection>(k)))] = report.reward->held_out.by_kind[k];
    all["reward"] = {{"held_out_accuracy", report.reward->held_out.all}, {"by_kind", kinds}};
  }
  if (report.ppo)
    for (const RlStats& stats : report.ppo->history)
      all["ppo"].push_back({{"reward", stats.reward},
                            {"kl", stats.kl},
                            {"kl_coefficient", stats.kl_coefficient},
                            {"entropy", stats.entropy},
                            {"clip_fraction", stats.clip_fraction},
                            {"length", stats.length}});
  for (const ShownProfiles& shown : report.profiles) {
    nlohmann::ordered_json entry{
        {"after", shown.after}, {"valid", shown.valid}, {"distinct_interests", shown.distinctness}};
    if (shown.against_truth) entry["true_interests_named"] = shown.against_truth->accuracy;
    if (!shown.texts.empty()) entry["sample"] = shown.texts.front();
    all["profiles"].push_back(std::move(entry));
  }
  return all;
}

void print(const TuningReport& report) {
  for (const auto& [stage, loss] : report.loss_after)
    std::cout << stage << ": loss a token on held-out users or items " << report.loss_before.at(stage) << " -> " << loss
              << "\n";
  if (report.loss_after.contains("collaborative"))
    std::cout << "Yes or No, held out: AUC " << report.questions_before.auc << " -> " << report.questions_after.auc
              << " on " << report.questions_after.questions << " questions\n";
  if (report.reward)
    std::cout << "reward model: the better of two held-out answers is found in " << 100 * report.reward->held_out.all
              << "% of " << report.reward->held_out.count << "\n";
  if (report.ppo && !report.ppo->history.empty()) {
    const auto last = report.ppo->history.size() - std::min<std::size_t>(10, report.ppo->history.size());
    std::cout << "ppo: reward " << report.ppo->mean(&RlStats::reward, 0, 10) << " -> "
              << report.ppo->mean(&RlStats::reward, last, 10) << ", KL " << report.ppo->mean(&RlStats::kl, last, 10)
              << "\n";
  }
  for (const ShownProfiles& shown : report.profiles) {
    std::cout << "profiles, " << shown.after << ": " << 100 * shown.valid << "% follow the form";
    if (shown.against_truth) std::cout << ", name " << 100 * shown.against_truth->accuracy << "% of the true interests";
    std::cout << "\n";
    if (!shown.texts.empty()) std::cout << "  e.g. " << shown.texts.front() << "\n";
  }
}

ExitCode run(const TuneOptions& options, const Invocation& call) {
  const ThreadLimit limit(options.common.threads);
  std::optional<World> world;
  Dataset data;
  if (options.data.world) {
    world = make_world({.vectors = false, .seed = options.data.world_seed});
    data = world->dataset;
  } else {
    data = load(options.data, false);
  }
  TuningData from{.data = &data};
  if (!options.profiles.empty()) {
    const ProfileStore store(options.profiles);
    from.user_profiles = store.user_profiles(data.users);
    from.item_profiles = store.item_profiles(data.items);
  } else if (world) {
    from.user_profiles = world->user_profile_text;
    from.item_profiles = world->item_profile_text;
  } else {
    throw ConfigError("--profiles FILE is needed: a teacher's profiles, as `reclm profile` writes them");
  }
  if (world)
    from.truth = [&](Id user) {
      std::vector<std::string> names;
      for (const WorldInterest& interest : world->user_interests[static_cast<std::size_t>(user)])
        names.push_back(world->interest_names[static_cast<std::size_t>(interest.interest)]);
      return names;
    };
  const LanguageModel model = open_language_model(options.model);
  TuningOptions how{.folder = options.out, .stages = split_list("--stages", options.stages)};
  if (!options.columns.empty()) how.dialogues.columns = split_list("--columns", options.columns);
  how.dialogues.most_items = options.history;
  how.dialogues.budget = {.tokens = options.budget, .answer = options.max_tokens, .count = [&](std::string_view text) {
                            return static_cast<Index>(model.codec.encode(text).size());
                          }};
  how.dialogues.seed = options.seed;
  how.lora.rank = options.rank;
  how.lora.alpha = 2 * static_cast<double>(options.rank);
  how.sft.epochs = how.collaborative.epochs = how.items.epochs = options.epochs;
  how.sft.batch_tokens = how.collaborative.batch_tokens = how.items.batch_tokens = options.batch_tokens;
  how.sft.learning_rate = how.items.learning_rate = options.learning_rate;
  how.collaborative.learning_rate = options.learning_rate / 4;
  how.sft.checkpoint_every = how.collaborative.checkpoint_every = how.items.checkpoint_every = 20;
  how.reward.learning_rate = options.learning_rate;
  how.ppo.rl.learning_rate = options.ppo_rate;
  how.ppo.steps = options.steps;
  how.ppo.questions = options.questions;
  how.policy.max_tokens = how.answers.max_tokens = options.max_tokens;
  how.given_reward = options.reward;
  how.seed = how.sft.seed = how.collaborative.seed = how.items.seed = how.reward.seed = how.ppo.rl.seed = options.seed;

  ProgressDisplay display(options.common.quiet);
  TuningReport report;
  {
    const InterruptGuard guard;
    how.observer = display.observer();
    report.interrupted = !find_neighbours(options, data, how.observer, from);
    if (!report.interrupted) report = tune(model, from, how);
  }
  display.finish();
  if (report.interrupted) {
    std::cerr << "Interrupted. What was learned is in " << options.out << ". Go on with:\n  " << command_line(call)
              << "\n";
    return exit_interrupted;
  }
  const std::string text = json_of(report).dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  write_file(std::filesystem::path(options.out) / "report.json", text);
  if (options.common.json)
    std::cout << text;
  else
    print(report);
  return exit_ok;
}

}  // namespace

void add_tune(CLI::App& app, Invocation& call) {
  const auto options = std::make_shared<TuneOptions>();
  CLI::App* const command = add_command(
      app, "tune", "Tunes a language model on a data set, by RecLM's stages.",
      "sft: a teacher's profiles from histories. collaborative: with neighbours' histories, would a user choose an\n"
      "item? reward: a model of what makes a profile good. ppo: reinforcement learning towards that reward and\n"
      "diverse profiles. items: whom an item is for. Writes PEFT adapters, one a stage, the reward, and report.json\n"
      "into a folder; after an interruption the same command goes on where it stopped.",
      "  reclm tune --world --model DIR --out tuned\n"
      "  reclm tune --data DIR --model model.gguf --profiles gpt.jsonl --budget 1024 --out tuned\n"
      "  reclm tune --data OTHER --model DIR --profiles gpt.jsonl --stages sft,ppo --reward tuned/reward --out other");
  add_data_options(*command, options->data);
  const char* group = "What is tuned, on what";
  const auto option = [&](const char* name, auto& value, const char* text, const char* form) {
    command->add_option(name, value, text)->option_text(form)->group(group);
  };
  command->add_option("--model", options->model, "a GGUF file or a Hugging Face folder")
      ->required()
      ->option_text("PATH REQUIRED")
      ->group(group);
  option("--profiles", options->profiles, "a teacher's profiles, as `reclm profile` writes them; --world has its own",
         "FILE");
  option("--columns", options->columns, "text columns of the items, in this order; else all", "LIST");
  option("--history", options->history, "most items told of a history; 0: all", "N=30");
  option("--budget", options->budget, "most tokens of a dialogue; 0: any", "N=0");
  group = "How";
  option("--stages", options->stages, "in this order", "LIST=sft,collaborative,reward,ppo,items");
  option("--reward", options->reward, "a reward from elsewhere, instead of the stage", "DIR");
  option("--rank", options->rank, "of the low-rank updates; alpha is twice as much", "N=8");
  option("--epochs", options->epochs, "of sft, collaborative and items", "N=3");
  option("--lr", options->learning_rate, "of sft, items and reward; a quarter of it for collaborative", "X=2e-4");
  option("--batch-tokens", options->batch_tokens, "tokens a step", "N=2048");
  option("--steps", options->steps, "of ppo", "N=100");
  option("--questions", options->questions, "answers a step of ppo", "N=16");
  option("--ppo-lr", options->ppo_rate, "of ppo", "X=1e-4");
  option("--max-tokens", options->max_tokens, "of a profile", "N=100");
  option("--cf-epochs", options->cf_epochs, "of the LightGCN that finds neighbours", "N=20");
  option("--seed", options->seed, "of everything", "N=1");
  command->add_option("--out", options->out, "folder; goes on where it holds a tuning of these settings")
      ->required()
      ->option_text("DIR REQUIRED")
      ->group("Running");
  add_common_options(*command, options->common);
  command->callback([&call, options] { call.run = [&call, options] { return run(*options, call); }; });
}

}  // namespace reclm::cli
