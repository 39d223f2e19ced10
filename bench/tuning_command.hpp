#pragma once
// What the command lines of the studies of tuning say: worlds, seeds, and settings of the recipe.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reclm/data/world.hpp"
#include "reclm/instruct/tiny_recipe.hpp"

namespace tuning_study {

using namespace reclm;
using namespace reclm::instruct;

using Adjustments = std::vector<std::pair<std::string, double>>;

/// Sets one of the recipe's settings. @throws ConfigError on a name that is none
inline void adjust(TuningOptions& options, const std::string& name, double value) {
  const auto whole = static_cast<Index>(value);
  const std::map<std::string, std::function<void()>> all{
      {"rank", [&] { options.lora.rank = whole, options.lora.alpha = 2 * value; }},
      {"dropout", [&] { options.lora.dropout = value; }},
      {"sft_epochs", [&] { options.sft.epochs = static_cast<int>(whole); }},
      {"sft_rate", [&] { options.sft.learning_rate = value; }},
      {"full_sft", [&] { options.full_sft = whole != 0; }},
      {"model_weight", [&] { options.mixture.weights[0] = value; }},
      {"diversity_weight", [&] { options.mixture.weights[1] = options.mixture.weights[2] = value; }},
      {"distil_items", [&] { options.distil_items = whole != 0; }},
      {"collaborative_epochs", [&] { options.collaborative.epochs = static_cast<int>(whole); }},
      {"collaborative_rate", [&] { options.collaborative.learning_rate = value; }},
      {"collaborative_users", [&] { options.collaborative_users = whole; }},
      {"question_pairs", [&] { options.dialogues.questions = whole; }},
      {"alike", [&] { options.dialogues.alike = whole; }},
      {"neighbours", [&] { options.dialogues.neighbours = whole; }},
      {"neighbour_items", [&] { options.dialogues.neighbour_items = whole; }},
      {"rehearsal", [&] { options.rehearsal = value; }},
      {"reward_epochs", [&] { options.reward.epochs = static_cast<int>(whole); }},
      {"reward_rate", [&] { options.reward.learning_rate = value; }},
      {"reward_from_tuned", [&] { options.reward_from_tuned = whole != 0; }},
      {"partial_prompts", [&] { options.partial_prompts = whole; }},
      {"credit_entries", [&] { options.credit_entries = whole != 0; }},
      {"lambda", [&] { options.ppo.rl.lambda = value; }},
      {"reward_evidence", [&] { options.reward_evidence = whole != 0; }},
      {"weighing_users", [&] { options.weighing_users = whole; }},
      {"strangers", [&] { options.mixture.strangers = whole; }},
      {"foresight", [&] { options.mixture.weights[4] = value; }},
      {"distinct_entries",
       [&] { options.policy.distinct_entries = options.answers.sampling.distinct_entries = whole != 0; }},
      {"steps", [&] { options.ppo.steps = whole; }},
      {"questions", [&] { options.ppo.questions = whole; }},
      {"algorithm", [&] { options.ppo.rl.algorithm = static_cast<RlAlgorithm>(whole); }},  // PPO, GRPO, DPO
      {"dpo_beta", [&] { options.ppo.rl.dpo_beta = value; }},
      {"group", [&] { options.ppo.rl.group = static_cast<int>(whole); }},
      {"against_group", [&] { options.ppo.rl.against_group = whole != 0; }},
      {"passes", [&] { options.ppo.rl.passes = static_cast<int>(whole); }},
      {"minibatch", [&] { options.ppo.rl.minibatch = whole; }},
      {"ppo_rate", [&] { options.ppo.rl.learning_rate = value; }},
      {"kl", [&] { options.ppo.rl.kl.coefficient = value; }},
      {"kl_target", [&] { options.ppo.rl.kl.target = value; }}};
  const auto found = all.find(name);
  if (found == all.end()) throw ConfigError("there is no setting \"" + name + "\" to adjust");
  found->second();
}

/// The recipe of a seed, adjusted.
inline TuningOptions adjusted_recipe(std::uint64_t seed, const Adjustments& adjustments) {
  TuningOptions options = tiny_tuning_recipe(seed);
  for (const auto& [name, value] : adjustments) adjust(options, name, value);
  options.shown = 0;  // profiles are drawn and measured apart
  return options;
}

/// OUT [seeds=5] [users=2000] [items=2600] [first_seed=1] [NAME=VALUE …]
struct Command {
  std::filesystem::path out{};
  std::vector<Index> sizes{5, 2000, 2600};
  Adjustments adjustments{};
  std::uint64_t first_seed = 1;
  std::string settings{};  ///< by which a finished seed is known; not how many seeds there are, nor which comes first

  [[nodiscard]] std::uint64_t end() const { return first_seed + static_cast<std::uint64_t>(sizes[0]); }
  [[nodiscard]] WorldOptions world(std::uint64_t seed) const {
    return {.users = sizes[1], .items = sizes[2], .vectors = false, .seed = seed};
  }
};

/// Nothing where a usage was printed instead. @throws std::exception on a number that is none
inline std::optional<Command> read_command(const std::string& program, int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s OUT [seeds=5] [users=2000] [items=2600] [first_seed=1] [NAME=VALUE ...]\n",
                 program.c_str());
    return std::nullopt;
  }
  Command command{.out = argv[1], .settings = program + " 5"};
  for (int k = 2, place = 0; k < argc; ++k) {
    const std::string word = argv[k];
    if (word.starts_with("first_seed=")) {
      command.first_seed = std::stoull(word.substr(11));
      continue;
    }
    if (const auto sign = word.find('='); sign != std::string::npos)
      command.adjustments.emplace_back(word.substr(0, sign), std::stod(word.substr(sign + 1)));
    else
      command.sizes.at(static_cast<std::size_t>(place++)) = std::stoll(word);
    const bool number_of_seeds = place == 1 && command.adjustments.empty();
    if (!number_of_seeds) command.settings += " " + word;
  }
  return command;
}

}  // namespace tuning_study
