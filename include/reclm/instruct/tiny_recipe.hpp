#pragma once
/// @file tiny_recipe.hpp
/// Settings by which the tiny model learns the embedded world in well under a minute: its size, the world's, and those
/// of all stages. One place, so that the command, the examples and the studies mean the same.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "reclm/data/dataset.hpp"
#include "reclm/data/world.hpp"
#include "reclm/instruct/pipeline.hpp"
#include "reclm/lm/tiny.hpp"
#include "reclm/model/train_options.hpp"

namespace reclm::instruct {

/// The world that `reclm run --world` makes: smaller than the default, of the same shape.
inline WorldOptions tiny_world(std::uint64_t seed = 1) { return {.users = 400, .items = 500, .seed = seed}; }

inline lm::TinyOptions tiny_model_recipe(std::uint64_t seed = 1) {
  return {.vocabulary = 2600,
          .width = 96,
          .layers = 3,
          .heads = 4,
          .kv_heads = 2,
          .inner_width = 240,
          .context = 768,
          .segment = 192,
          .tokens = 100'000,
          .batch_tokens = 512,
          .seed = seed};
}

/// What its dialogues tell of an item of `data`: title and category, where there are both, else every column ({}).
inline std::vector<std::string> tiny_columns(const Dataset& data) {
  const std::vector<std::string> worlds{"title", "category"};
  const auto there = [&](std::string_view name) {
    return std::ranges::any_of(data.item_text, [&](const TextColumn& column) { return column.name == name; });
  };
  return std::ranges::all_of(worlds, there) ? worlds : std::vector<std::string>{};
}

/// Dialogues short enough for it: titles, brief wording, few items and neighbours. Their columns are the world's; for
/// other data see tiny_columns.
inline DialogueOptions tiny_dialogues(std::uint64_t seed = 1) {
  DialogueOptions options;
  // Without the form that is asked for: it would be half of a prompt, and a tuned model knows it.
  options.templates.user_profile = "Chosen:\n{history}";
  options.templates.history_item = "{item}";
  options.templates.user_alike = "Alike:\n{neighbours}\nChosen:\n{history}";
  options.templates.user_neighbour = "{profile}";
  options.templates.collaborative = "{people}";  // items in place: numbers are beyond a model of this size
  options.templates.person = "Person {person}:\n{history}";
  options.templates.question = "Would person {person} choose {item}?";
  options.templates.item_profile = "For whom:\n{item}\nAlike:\n{neighbours}";
  options.templates.item_alone = "For whom:\n{item}";
  options.columns = {"title", "category"};
  options.most_items = 8;
  options.neighbour_items = 3;
  options.neighbours = 2;
  options.item_entries = 3;
  options.seed = seed;
  return options;
}

/// All stages. `folder`, `observer` and what a caller chooses are left to it.
inline TuningOptions tiny_tuning_recipe(std::uint64_t seed = 1) {
  TuningOptions options;
  options.dialogues = tiny_dialogues(seed);
  options.lora = {.rank = 16,
                  .alpha = 32,
                  .layers = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"},
                  .seed = seed};
  options.reward_lora = {.rank = 8, .alpha = 16, .layers = options.lora.layers, .seed = seed};
  options.full_sft = true;  // by low-rank updates it names half as many true interests of people held out
  options.sft = {.epochs = 6, .batch_tokens = 512, .learning_rate = 2e-3, .seed = seed, .checkpoint_every = 100};
  options.distil_items = true;  // short dialogues that tell which words go with which interest
  options.collaborative = {
      .epochs = 1, .batch_tokens = 1024, .learning_rate = 2e-3, .seed = seed, .checkpoint_every = 100};
  options.collaborative_users = 160;
  options.rehearsal = 1;  // without it a model this small answers every prompt as A2's
  options.items = {.epochs = 2, .batch_tokens = 512, .learning_rate = 5e-3, .seed = seed, .checkpoint_every = 100};
  options.reward = {.epochs = 3, .pairs = 8, .learning_rate = 2e-3, .seed = seed};
  options.reward_from_tuned = true;
  options.ppo.rl.group = 4;
  options.ppo.rl.against_group = true;
  options.ppo.rl.passes = 1;
  options.ppo.rl.lambda = 1;  // identities come first and decide what follows: they are credited as fully as the end
  options.ppo.rl.minibatch = 32;
  options.ppo.rl.learning_rate = 1.5e-3;
  options.ppo.rl.kl = {.coefficient = 0.03, .target = 8};
  options.ppo.rl.seed = seed;
  options.ppo.steps = 20;
  options.ppo.questions = 12;
  options.partial_prompts = 8;
  options.weighing_users = 128;
  options.answers.sampling.distinct_entries = options.policy.distinct_entries = true;
  options.policy.max_tokens = options.answers.max_tokens = 48;
  options.policy.seed = options.answers.seed = options.seed = seed;
  options.shown = 64;
  return options;
}

/// How the profiles of all users and items are drawn.
struct TinyWriting {
  lm::SamplingOptions sampling{.temperature = 0.3f, .top_p = 0.9f, .distinct_entries = true};
  Index batch = 64;
  int attempts = 1;  ///< before tuning hardly an answer is a profile, afterwards nearly all are
};
inline TinyWriting tiny_writing() { return {}; }

/// How recommenders are trained on the small world.
inline TrainOptions tiny_recommenders() {
  return {.epochs = 60, .batch_size = 512, .evaluate_every = 2, .patience = 8};
}

}  // namespace reclm::instruct
