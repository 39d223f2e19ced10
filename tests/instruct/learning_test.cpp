/// Each stage learns what carries over to people of whom nothing was learned: whom they are, which item they would
/// choose, which of two profiles is better, and what a reward asks for.
#include "instruct/circles.hpp"
#include "reclm/instruct/pipeline.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using namespace reclm::instruct;
using namespace reclm_test;
using reclm::test::TemporaryFolder;

namespace {

TuningOptions lessons(const std::filesystem::path& folder) {
  TuningOptions options{.folder = folder, .dialogues = Circles::dialogues(), .shown = 40};
  options.lora = {
      .rank = 16, .alpha = 32, .layers = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}};
  options.full_sft = true;
  options.sft = {.batch_tokens = 512, .learning_rate = 3e-3};
  options.answers.max_tokens = options.policy.max_tokens = 24;
  options.answers.batch = 40;
  options.encoder.width = 32;
  return options;
}

}  // namespace

TEST_CASE("profiles and choices of people who were held out are learned by sft and collaborative") {
  const TemporaryFolder folder;
  const Circles town(200);
  TuningOptions options = lessons(folder / "tuned");
  options.stages = {"sft", "collaborative"};
  options.sft.epochs = 50;
  options.dialogues.questions = 2;
  // Sums differ between processors, and with them the epoch in which it dawns on the model: after eight not on all.
  options.collaborative = {.epochs = 12, .batch_tokens = 1024, .learning_rate = 3e-3};
  options.rehearsal = 0.3;
  const TuningReport report = tune(town.model(48, 2), town.tuning(), options);
  REQUIRE(report.profiles.size() == 3);
  const ShownProfiles &untuned = report.profiles[0], &sft = report.profiles[1], &collaborative = report.profiles[2];
  CHECK(untuned.against_truth->accuracy < 0.1);
  CHECK(sft.against_truth->accuracy > 0.8);
  CHECK(collaborative.against_truth->accuracy > 0.8);
  CHECK(collaborative.valid > 0.9);
  // All six tastes are named, of up to 80 entries: nobody's profile is everybody's.
  CHECK(collaborative.distinctness >= 6.0 / 80);
  CHECK(report.questions_after.questions > 100);
  CHECK(report.questions_after.auc > 0.85);
  CHECK(report.questions_after.accuracy > 0.8);
  CHECK(report.questions_after.auc > report.questions_before.auc + 0.2);
}

TEST_CASE("the reward prefers the better profile of people who were held out, and PPO names more of what is true") {
  const TemporaryFolder folder;
  const Circles town(200);
  TuningOptions options = lessons(folder / "tuned");
  options.stages = {"sft", "reward", "ppo"};
  options.sft.epochs = 25;  // ends before all is learned
  options.reward = {.epochs = 2, .pairs = 8, .learning_rate = 2e-3};
  options.reward_from_tuned = true;
  options.ppo.rl.group = 4;
  options.ppo.rl.against_group = true;
  options.ppo.rl.passes = 2;
  options.ppo.rl.lambda = 1;
  options.ppo.rl.minibatch = 256;
  options.ppo.rl.learning_rate = 3e-3;
  options.ppo.rl.kl = {.coefficient = 0.02, .target = 8};
  options.ppo.steps = 15;
  options.ppo.questions = 64;
  const TuningReport report = tune(town.model(48, 2), town.tuning(), options);
  CHECK(report.reward->held_out.all > 0.95);
  const auto& course = report.ppo->history;
  CHECK(report.ppo->mean(&RlStats::reward, 10, 5) > report.ppo->mean(&RlStats::reward, 0, 5) + 0.1);
  CHECK(course.back().kl > 0);
  const double before = report.profiles[1].against_truth->accuracy, after = report.profiles[2].against_truth->accuracy;
  INFO(before << " to " << after);
  CHECK(before > 0.4);
  CHECK(before < 0.97);
  CHECK(after > before + 0.03);
  CHECK(report.profiles[2].valid > 0.9);
}
