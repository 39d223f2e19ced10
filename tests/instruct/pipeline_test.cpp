/// The whole tuning in one call: what it leaves in its folder and report, and that it goes on after interruptions.
#include "reclm/instruct/pipeline.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "instruct/workshop.hpp"
#include "reclm/data/splits.hpp"
#include "reclm/lm/weights/open_weights.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/refusal.hpp"
#include "support/sanitized.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using namespace reclm::instruct;
using namespace reclm_test;
using reclm::test::TemporaryFolder;

namespace {

TuningOptions quick(const std::filesystem::path& folder) {
  TuningOptions options{.folder = folder, .dialogues = short_dialogues(), .lora = kUpdates, .shown = 4};
  options.sft = {.epochs = 1, .batch_tokens = 1500, .learning_rate = 1e-2, .checkpoint_every = 1};
  options.collaborative = options.items = options.sft;
  options.reward = {.epochs = 1, .pairs = 12, .learning_rate = 1e-2, .checkpoint_every = 1};
  options.ppo = {.rl = {.minibatch = 4, .learning_rate = 1e-2}, .steps = 3, .questions = 4, .checkpoint_every = 1};
  options.policy.max_tokens = 8;
  options.answers.max_tokens = 8;
  options.encoder.width = 16;
  return options;
}

TuningData data_of(const Workshop& shop) {
  TuningData from{.data = &shop.world.dataset,
                  .user_profiles = shop.world.user_profile_text,
                  .item_profiles = shop.world.item_profile_text,
                  .neighbours = shop.neighbours.ids};
  from.truth = [&](Id user) {
    std::vector<std::string> names;
    for (const WorldInterest& interest : shop.world.user_interests[static_cast<std::size_t>(user)])
      names.push_back(shop.world.interest_names[static_cast<std::size_t>(interest.interest)]);
    return names;
  };
  return from;
}

}  // namespace

TEST_CASE("all stages run in one call, and go on after interruptions to the same adapters") {
  const TemporaryFolder folder;
  const Workshop shop(16);
  const TuningData from = data_of(shop);
  const TuningReport whole = tune(shop.model, from, quick(folder / "whole"));
  CHECK_FALSE(whole.interrupted);
  REQUIRE(whole.profiles.size() == 4);  // untuned, sft, collaborative, ppo
  CHECK(whole.profiles.back().after == "ppo");
  CHECK(whole.profiles.front().texts.size() == 4);
  REQUIRE(whole.profiles.front().against_truth);
  // Items too, of those that the stage did not learn.
  REQUIRE(whole.item_profiles.size() == 2);
  CHECK(whole.item_profiles[0].after == "untuned");
  CHECK(whole.item_profiles[1].after == "items");
  CHECK(whole.item_profiles[0].texts != whole.item_profiles[1].texts);
  REQUIRE(whole.shown_items.size() == 4);
  CHECK(whole.item_profiles[1].texts.size() == 4);
  for (const Id item : whole.shown_items) CHECK(item % 5 == 4);
  for (const char* stage : {"sft", "collaborative", "items"})
    CHECK(whole.loss_after.at(stage) < whole.loss_before.at(stage));
  CHECK(whole.questions_after.questions > 0);
  REQUIRE(whole.reward);
  CHECK(whole.reward->held_out.count > 0);
  // The reward model hears more than its scorer, and says how each of them does.
  CHECK(whole.scorer_alone.count == whole.reward->held_out.count);
  CHECK(whole.reward->held_out.all >= whole.scorer_alone.all);
  CHECK(load_mixture(folder / "whole" / "reward").evidence != kScorerAlone);
  REQUIRE(whole.ppo);
  CHECK(whole.ppo->history.size() == 3);
  for (const char* file : {"sft/adapter_model.safetensors", "ppo/adapter_config.json", "reward/reward.json",
                           "reward/scorer.safetensors", "items/adapter_model.safetensors"})
    CHECK(std::filesystem::exists(folder / "whole" / file));

  // Stopped at every few reports until it is through.
  int runs = 0;
  for (bool interrupted = true; interrupted; ++runs) {
    REQUIRE(runs < 40);
    TuningOptions options = quick(folder / "parted");
    options.observer = [left = kSanitized ? 8 : 3](const Progress&) mutable { return --left > 0; };
    interrupted = tune(shop.model, from, options).interrupted;
  }
  CHECK(runs > 3);
  const auto adapter = [&](const char* run, const char* stage) { return lm::read_peft(folder / run / stage).adapter; };
  for (const char* stage : {"sft", "collaborative", "ppo", "items"})
    for (const auto& [name, matrices] : adapter("whole", stage)) {
      const auto other = adapter("parted", stage).at(name);
      CHECK(matrices.a == other.a);
      CHECK(matrices.b == other.b);
    }

  // Other settings are no continuation.
  const auto changed = [&](const auto& change) {
    TuningOptions options = quick(folder / "whole");
    options.shown = 0;
    change(options);
    return options;
  };
  for (const TuningOptions& options :
       {changed([](auto& o) { o.ppo.rl.lambda = 0.2; }), changed([](auto& o) { o.ppo.rl.whiten_advantages = false; }),
        changed([](auto& o) { o.ppo.rl.estimator = KlEstimator::k3; }), changed([](auto& o) { o.policy.seed = 9; }),
        changed([](auto& o) { o.policy.max_tokens = 7; }), changed([](auto& o) { o.reward.gradient_norm = 3; }),
        changed([](auto& o) { o.mixture.malformed = -2; })})
    CHECK_THROWS_AS(tune(shop.model, from, options), Error);

  // Fewer steps than were taken, or weights that are held otherwise, are none either.
  CHECK_THROWS_AS(tune(shop.model, from, changed([](auto& o) { o.ppo.steps = 2; })), ConfigError);
  for (const char* stage : {"sft", "reward"}) {
    TuningOptions rounded = changed([&](auto& o) { o.stages = {stage}; });
    rounded.held = {.bf16_products = true};
    CHECK_THROWS_AS(tune(shop.model, from, rounded), ConfigError);
  }

  // The reward of one run guides another, which trains none.
  TuningOptions guided = quick(folder / "guided");
  guided.stages = {"reward", "ppo"};
  guided.given_reward = folder / "whole" / "reward";
  guided.encoder.width = 24;  // the reward says its own
  CHECK(load_mixture(guided.given_reward).width == 16);
  const TuningReport by_given = tune(shop.model, from, guided);
  CHECK(by_given.ppo->history.size() == 3);
  CHECK_FALSE(by_given.reward);
  CHECK_FALSE(std::filesystem::exists(folder / "guided" / "reward.safetensors"));
}

TEST_CASE("a stage goes on from no checkpoint that began with other updates") {
  const TemporaryFolder folder;
  const Workshop shop(16);
  const TuningData from = data_of(shop);
  TuningOptions options = quick(folder / "same");
  options.shown = 0;
  options.stages = {"collaborative"};
  tune(shop.model, from, options);
  const TuningReport again = tune(shop.model, from, options);  // finished: taken up as it is
  CHECK(again.finetunes.at("collaborative").tokens == 0);
  options.stages = {"sft", "collaborative"};
  const std::string stale = refusal([&] { tune(shop.model, from, options); });
  CHECK(contains(stale, "collaborative.safetensors"));
  CHECK(contains(stale, "Remedy"));
  // As it would be in a folder of its own, once the stale checkpoint is gone.
  std::filesystem::remove(folder / "same" / "collaborative.safetensors");
  tune(shop.model, from, options);
  options.folder = folder / "fresh";
  tune(shop.model, from, options);
  const auto adapter = [&](const char* run) { return lm::read_peft(folder / run / "collaborative").adapter; };
  for (const auto& [name, matrices] : adapter("fresh")) CHECK(matrices.b == adapter("same").at(name).b);
  // Nor does one that was trained below other weights of sft.
  options = quick(folder / "full");
  options.shown = 0;
  options.full_sft = true;
  options.stages = {"sft", "items"};
  tune(shop.model, from, options);
  options.sft.learning_rate = 2e-2;
  std::filesystem::remove(folder / "full" / "sft.safetensors");
  CHECK(contains(refusal([&] { tune(shop.model, from, options); }), "items.safetensors"));
}

TEST_CASE("profiles of evaluation users are not learned, though they are neighbours of learners", "[long]") {
  const TemporaryFolder folder;
  const Workshop shop(16);
  TuningData from = data_of(shop);
  TuningOptions options = quick(folder / "theirs");
  options.stages = {"sft", "collaborative", "reward", "ppo"};
  options.dialogues.alike = 2;
  options.shown = 0;
  const TuningReport theirs = tune(shop.model, from, options);
  // A2 of learners could name evaluation users.
  const std::vector<Id>& apart = theirs.held_out;
  bool neighbour = false;
  for (Id user = 0; user < static_cast<Id>(from.neighbours.rows()); ++user)
    for (const Id other : from.neighbours.row(user))
      neighbour = neighbour || (std::find(apart.begin(), apart.end(), user) == apart.end() &&
                                std::find(apart.begin(), apart.end(), other) != apart.end());
  REQUIRE(neighbour);
  for (const Id user : apart)
    from.user_profiles[static_cast<std::size_t>(user)] = "User identity: stranger; User interests: strange things";
  options.folder = folder / "others";
  const TuningReport others = tune(shop.model, from, options);
  CHECK(theirs.loss_after.at("sft") != others.loss_after.at("sft"));
  CHECK(load_mixture(folder / "theirs" / "reward").evidence == load_mixture(folder / "others" / "reward").evidence);
  for (const char* stage : {"sft", "collaborative", "ppo"}) {
    const auto one = lm::read_peft(folder / "theirs" / stage).adapter;
    const auto two = lm::read_peft(folder / "others" / stage).adapter;
    for (const auto& [name, matrices] : one) {
      CHECK(matrices.a == two.at(name).a);
      CHECK(matrices.b == two.at(name).b);
    }
  }
}

TEST_CASE("a tuning begins with given updates, rehearses, and weighs its reward on validation") {
  const TemporaryFolder folder;
  Workshop shop(16);
  carve_validation(shop.world.dataset, {.share = 0.3});
  const TuningData from = data_of(shop);
  TuningOptions options = quick(folder / "first");
  options.stages = {"sft"};
  options.shown = 0;
  const TuningReport plain = tune(shop.model, from, options);
  options.folder = folder / "items too";
  options.distil_items = true;
  CHECK(tune(shop.model, from, options).finetunes.at("sft").tokens > plain.finetunes.at("sft").tokens);

  // Weights held in bf16 are others, but near.
  TuningOptions rounded = options;
  rounded.folder = folder / "rounded";
  rounded.held = {.bf16 = true};
  const double loss = tune(shop.model, from, rounded).loss_before.at("sft"), exact = plain.loss_before.at("sft");
  CHECK(loss != exact);
  CHECK(loss == Approx(exact).epsilon(0.01));

  TuningOptions next = quick(folder / "next");
  next.held = {.bf16_products = true};
  next.policy.precision = next.precision = lm::Precision::bf16;
  next.stages = {"collaborative", "reward", "ppo"};
  next.shown = 0;
  next.start = folder / "first" / "sft";
  next.collaborative_users = 20;
  next.reward_from_tuned = true;
  next.weighing_users = 6;
  next.partial_prompts = 1;
  next.ppo.steps = 1;
  next.answers.max_tokens = 40;
  const TuningReport some = tune(shop.model, from, next);
  // What was learned stands at the beginning: A2's held-out loss is below an untuned model's.
  TuningOptions untuned = next;
  untuned.folder = folder / "untuned";
  untuned.start.clear();
  untuned.stages = {"collaborative"};
  untuned.rehearsal = 1;
  const TuningReport other = tune(shop.model, from, untuned);
  CHECK(some.loss_before.at("collaborative") < other.loss_before.at("collaborative"));
  CHECK(other.finetunes.at("collaborative").tokens > some.finetunes.at("collaborative").tokens);
  CHECK(some.reward->held_out.count > 0);
  // Told of neighbours, each profile is learned once more.
  TuningOptions informed = next;
  informed.folder = folder / "informed";
  informed.stages = {"collaborative"};
  informed.dialogues.alike = 2;
  CHECK(tune(shop.model, from, informed).finetunes.at("collaborative").tokens >
        some.finetunes.at("collaborative").tokens);
  TuningOptions plain_reward = next;
  plain_reward.folder = folder / "plain";
  plain_reward.stages = {"reward"};
  plain_reward.reward_evidence = false;
  tune(shop.model, from, plain_reward);
  CHECK(load_mixture(folder / "plain" / "reward").evidence == kScorerAlone);
  if (some.weights) CHECK(some.weights->weights[4] == next.mixture.weights[4]);
}

TEST_CASE("every weight is trained where that is asked for, and later updates belong to the trained model") {
  const TemporaryFolder folder;
  const Workshop shop(16);
  const TuningData from = data_of(shop);
  TuningOptions options = quick(folder / "full");
  options.full_sft = true;
  options.stages = {"sft", "collaborative"};
  options.shown = 0;
  const TuningReport report = tune(shop.model, from, options);
  CHECK(report.loss_after.at("sft") < report.loss_before.at("sft"));
  CHECK(report.loss_after.at("collaborative") < report.loss_before.at("collaborative"));
  CHECK(std::filesystem::exists(folder / "full" / "collaborative" / "adapter_model.safetensors"));
  const auto weights = lm::open_weights(folder / "full" / "sft");
  CHECK(weights->config().width == 16);
  // A finished stage is taken up again: the same figures from its checkpoint.
  const TuningReport again = tune(shop.model, from, options);
  CHECK(again.loss_after.at("sft") == report.loss_after.at("sft"));
  CHECK(again.loss_before.at("collaborative") == report.loss_before.at("collaborative"));
  options.start = folder / "full" / "collaborative";
  CHECK_THROWS_AS(tune(shop.model, from, options), ConfigError);
}

TEST_CASE("a tuning refuses what cannot be") {
  const TemporaryFolder folder;
  const Workshop shop(16);
  TuningData from = data_of(shop);
  TuningOptions options = quick(folder.path());
  options.stages = {"sft", "dpo"};
  CHECK_THROWS_AS(tune(shop.model, from, options), ConfigError);
  CHECK_THROWS_AS(tune(shop.model, from, TuningOptions{}), ConfigError);
  // Without a reward all profiles would be worth the same; one that is there already is not lost.
  std::filesystem::create_directories(folder / "rewarded" / "reward");
  write_file(folder / "rewarded" / "reward" / "reward.json", "{}");
  options.folder = folder / "rewarded";
  options.stages = {"sft", "ppo"};
  CHECK_THROWS_AS(tune(shop.model, from, options), ConfigError);
  CHECK(std::filesystem::file_size(folder / "rewarded" / "reward" / "reward.json") == 2);
  // So would they with one that comes too late; and a stage has one checkpoint.
  options.stages = {"sft", "ppo", "reward"};
  CHECK(contains(refusal([&] { tune(shop.model, from, options); }), "put reward before ppo"));
  options.stages = {"sft", "collaborative", "sft"};
  CHECK(contains(refusal([&] { tune(shop.model, from, options); }), "the stage sft is named twice"));
  options.folder = folder.path();
  // Nobody has a neighbour: what A2 and A3 lack is said.
  TuningData alone = from;
  alone.neighbours = Matrix<Id>(from.neighbours.rows(), 2, kNoItem);
  for (const char* stage : {"collaborative", "reward"}) {
    options.stages = {stage};
    options.shown = 0;
    std::string said;
    try {
      tune(shop.model, alone, options);
    } catch (const ConfigError& e) {
      said = e.what();
    }
    CHECK(said.find(std::string("the stage ") + stage + " has nothing to learn from") != std::string::npos);
    CHECK(said.find(" without a neighbour who has a profile") != std::string::npos);
    CHECK(said.find(", 0 without a neighbour") == std::string::npos);
  }
  from.user_profiles.pop_back();
  CHECK_THROWS_AS(tune(shop.model, from, quick(folder.path())), ConfigError);
}
