// RecLM's stages, apart because they are long to compile.

#include <utility>

#include "compiled_tuning.hpp"
#include "language_teacher.hpp"
#include "reclm/eval/tuning_chapter.hpp"
#include "reclm/instruct/best_of.hpp"
#include "reclm/instruct/pipeline.hpp"
#include "reclm/instruct/template_file.hpp"
#include "reclm/instruct/tiny_recipe.hpp"
#include "tuning.hpp"

namespace reclm::cli {

namespace {

using namespace instruct;

/// RecLM's own, for models that know language already.
TuningOptions real_recipe(std::uint64_t seed) {
  TuningOptions how;
  how.dialogues.most_items = 30;
  how.weighing_users = 48;
  how.sft.checkpoint_every = how.collaborative.checkpoint_every = how.items.checkpoint_every = 20;
  how.reward.learning_rate = how.sft.learning_rate;
  how.dialogues.seed = how.seed = how.sft.seed = how.collaborative.seed = how.items.seed = how.reward.seed =
      how.ppo.rl.seed = how.policy.seed = how.answers.seed = seed;
  return how;
}

TuningOptions options_of(ModelSize size, const TuningCommandOptions& given) {
  TuningOptions how = size == ModelSize::tiny ? tiny_tuning_recipe(given.seed) : real_recipe(given.seed);
  how.stages = split_list("--stages", given.stages);
  if (!given.templates.empty()) how.dialogues.templates = open_input([&] { return read_templates(given.templates); });
  if (given.history) how.dialogues.most_items = *given.history;
  if (given.alike) how.dialogues.alike = *given.alike;
  if (given.max_tokens) how.policy.max_tokens = how.answers.max_tokens = *given.max_tokens;
  if (given.rank) {
    how.lora.rank = *given.rank;
    how.lora.alpha = 2 * static_cast<double>(*given.rank);
  }
  for (lm::FinetuneOptions* stage : {&how.sft, &how.collaborative, &how.items}) {
    if (given.epochs) stage->epochs = *given.epochs;
    if (given.batch_tokens) stage->batch_tokens = *given.batch_tokens;
    if (given.learning_rate) stage->learning_rate = *given.learning_rate;
  }
  if (given.learning_rate) {
    how.collaborative.learning_rate = *given.learning_rate / 4;
    how.reward.learning_rate = *given.learning_rate;
  }
  if (given.steps) how.ppo.steps = *given.steps;
  if (given.questions) how.ppo.questions = *given.questions;
  if (given.ppo_rate) how.ppo.rl.learning_rate = *given.ppo_rate;
  if (given.shown) how.shown = *given.shown;
  if (given.full_sft) how.full_sft = true;
  how.given_reward = given.reward;
  how.precision = precision_named(given.precision);
  how.policy.precision = how.precision == lm::Precision::automatic ? lm::Precision::stored : how.precision;
  how.held = {.bf16 = how.precision == lm::Precision::bf16,
              .bf16_products = how.precision == lm::Precision::stored_bf16,
              .decode = how.precision == lm::Precision::f32};
  return how;
}

}  // namespace

std::vector<std::string> columns_of(ModelSize size, const TuningCommandOptions& given, const Dataset& data) {
  if (!given.columns.empty()) return split_list("--columns", given.columns);
  return size == ModelSize::tiny ? tiny_columns(data) : std::vector<std::string>{};
}

DialogueOptions dialogues_of(const LanguageModel& model, ModelSize size, const TuningCommandOptions& given,
                             const Dataset& data) {
  DialogueOptions dialogues = options_of(size, given).dialogues;
  dialogues.columns = columns_of(size, given, data);
  dialogues.budget.answer = options_of(size, given).answers.max_tokens;
  dialogues.budget.tokens = given.budget.value_or(0);
  // What a chat template adds of its own is not counted: room for a default system message.
  const Index context = model.weights->config().context;
  if (dialogues.budget.tokens == 0 && context > 64) dialogues.budget.tokens = context - 64;
  dialogues.budget.count = [encode = model.codec.encode](std::string_view text) {
    return static_cast<Index>(encode(text).size());
  };
  return dialogues;
}

WriterOptions writing_of(ModelSize size, const TuningCommandOptions& given) {
  WriterOptions how;
  const TuningOptions tuning = options_of(size, given);
  how.max_tokens = tuning.answers.max_tokens;
  how.precision = given.precision;
  if (size == ModelSize::real) return how;
  const TinyWriting tiny = tiny_writing();
  how.temperature = static_cast<double>(tiny.sampling.temperature);
  how.top_p = static_cast<double>(tiny.sampling.top_p);
  how.repetition_penalty = static_cast<double>(tiny.sampling.repetition_penalty);
  how.distinct_entries = tiny.sampling.distinct_entries;
  how.batch = tiny.batch;
  how.attempts = tiny.attempts;
  return how;
}

RunDefaults run_defaults(ModelSize size) {
  const WorldOptions world = tiny_world();
  return {world.users, world.items, size == ModelSize::tiny ? tiny_recommenders() : TrainOptions{}};
}

void check_tuning(const TuningCommandOptions& given) {
  if (!given.columns.empty()) split_list("--columns", given.columns);
  const TuningOptions how = options_of(ModelSize::tiny, given);
  check_stages(how.stages);
  check_reward(how);
  if (!given.reward.empty() && !std::filesystem::exists(std::filesystem::path(given.reward) / "reward.json"))
    throw BadInput(given.reward +
                   ": there is no reward. Remedy: name the folder `reward` of a tuning that ran that stage");
}

namespace {

TuningData tuning_data(const TaughtData& taught) {
  return {.data = &taught.data,
          .user_profiles = taught.user_profiles,
          .item_profiles = seen_item_profiles(taught),
          .neighbours = taught.neighbours,
          .item_neighbours = taught.item_neighbours,
          .truth = taught.truth};
}

}  // namespace

TuningOutcome tune_model(const LanguageModel& model, ModelSize size, const TaughtData& taught,
                         const TuningCommandOptions& given, const std::filesystem::path& folder,
                         const Observer& observer) {
  TuningOptions how = options_of(size, given);
  how.dialogues = dialogues_of(model, size, given, taught.data);
  how.folder = folder;
  how.observer = observer;
  const auto report = std::make_shared<TuningReport>(tune(model, tuning_data(taught), how));
  return {report->interrupted, report};
}

AnyTeacher best_of_teacher(AnyTeacher teacher, Index count, const LanguageModel& model, ModelSize size,
                           const TaughtData& taught, const TuningCommandOptions& given,
                           const std::filesystem::path& folder) {
  // Everything that the judge holds references to.
  struct Judged {
    AnyTeacher teacher;
    TuningData from;
    SavedReward<> reward;
    BestOf<AnyTeacher> best;
    Judged(AnyTeacher asked, Index count, const LanguageModel& model, TuningData data, const TuningOptions& options,
           const std::filesystem::path& folder)
        : teacher(std::move(asked)),
          from(std::move(data)),
          reward(model, from, options, folder),
          best(teacher, count, [this](const PromptSample& prompt, std::span<const std::string> answers) {
            return preferred(*reward, prompt, answers);
          }) {}
  };
  TuningOptions how = options_of(size, given);
  how.dialogues.columns = columns_of(size, given, taught.data);
  const auto judged = open_input(
      [&] { return std::make_shared<Judged>(std::move(teacher), count, model, tuning_data(taught), how, folder); });
  TeacherFacts facts = judged->best.facts();
  add_settings(facts, files_print(folder, {"reward.json", "scorer.safetensors"}));
  return {.known = std::move(facts),
          .ask = [judged](auto requests, const auto& sink) { judged->best.answer(requests, sink); }};
}

std::vector<ReportChapter> tuning_chapters(const TuningOutcome& outcome, const TaughtData& taught,
                                           const std::vector<WrittenProfiles>& written) {
  const auto name = [&](Id user) { return taught.data.users.name(user); };
  if (!outcome.report) return {profile_chapter(TuningReport{}, written, taught.truth, name)};
  return {tuning_chapter(*outcome.report), profile_chapter(*outcome.report, written, taught.truth, name)};
}

}  // namespace reclm::cli
