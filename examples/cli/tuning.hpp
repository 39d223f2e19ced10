#pragma once
// What `tune` and `run` share: the options of RecLM's stages, and the work behind them.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "command.hpp"
#include "data.hpp"
#include "language_model.hpp"
#include "reclm/core/observer.hpp"
#include "reclm/eval/report_chapter.hpp"
#include "reclm/eval/written_profiles.hpp"
#include "reclm/instruct/dialogues.hpp"
#include "reclm/model/train_options.hpp"

namespace reclm::instruct {
struct TuningReport;
}

namespace reclm::cli {

/// As given; what is not given is the model's own, see tuning_defaults.
struct TuningCommandOptions {
  std::string model, profiles, columns, templates, reward;
  std::string stages = "sft,collaborative,reward,ppo,items";
  std::string precision = "auto";  ///< see precision_named
  std::optional<Index> history, alike, budget, rank, batch_tokens, steps, questions, max_tokens;
  std::optional<int> epochs;
  std::optional<double> learning_rate, ppo_rate;
  std::optional<Index> shown;
  bool full_sft = false;
  int cf_epochs = 20;
  std::uint64_t seed = 1;
};

/// All but --model and --out.
void add_tuning_options(CLI::App& command, TuningCommandOptions& options);

/// Takes the profiles in `file`, as `reclm profile` writes them; "": those that are there already.
/// @param needed  whether there must be some @throws ConfigError where there are none; BadInput, DataError
void teach(TaughtData& taught, const std::string& file, bool needed = true);

/// Users alike (to those with a profile, where there are some), and items alike, by a LightGCN trained on the spot.
/// Items that nobody chose are alike by their texts, where the data set has vectors of them. @returns false when the
/// observer stopped it
bool find_neighbours(TaughtData& taught, int epochs, std::uint64_t seed, const Observer& observer);

/// The teacher's profiles of items that training knows, "" for the others: unseen items stay unseen by all stages.
/// Empty where there is none at all.
std::vector<std::string> seen_item_profiles(const TaughtData& taught);

/// Which settings are meant: those of the tiny model or of real ones.
enum class ModelSize { tiny, real };

/// @throws ConfigError on a stage that is none, or a list that cannot be read; BadInput, DataError on templates and on
/// a reward that is not there
void check_tuning(const TuningCommandOptions& options);

/// What a tuning did.
struct TuningOutcome {
  bool interrupted = false;
  std::shared_ptr<const instruct::TuningReport> report;
};

/// The text columns that dialogues about `data` tell of, {}: all. As given; else what suits the model.
/// @throws ConfigError on a list that cannot be read
std::vector<std::string> columns_of(ModelSize size, const TuningCommandOptions& options, const Dataset& data);

/// Trains the tiny model on the data's texts, unless `folder` has it. Nothing when the observer stopped it.
/// @param tokens to train on; nothing: as many as it is worth
std::optional<instruct::LanguageModel> tiny_model(const TaughtData& taught, const std::filesystem::path& folder,
                                                  std::optional<Index> tokens, const TuningCommandOptions& options,
                                                  const Observer& observer);

/// Runs the stages in `folder`, going on with what is there.
TuningOutcome tune_model(const instruct::LanguageModel& model, ModelSize size, const TaughtData& taught,
                         const TuningCommandOptions& options, const std::filesystem::path& folder,
                         const Observer& observer);

/// A teacher whose answers about users are the best of `count` by the reward that a tuning left in `folder`.
/// @throws BadInput, DataError
AnyTeacher best_of_teacher(AnyTeacher teacher, Index count, const instruct::LanguageModel& model, ModelSize size,
                           const TaughtData& taught, const TuningCommandOptions& options,
                           const std::filesystem::path& folder);

/// Curves and figures of the stages; profiles, those drawn after each stage and those written for everybody.
std::vector<ReportChapter> tuning_chapters(const TuningOutcome& outcome, const TaughtData& taught,
                                           const std::vector<WrittenProfiles>& written);

/// How dialogues about `data` are made for this model. Holds on to the model's tokenizer.
instruct::DialogueOptions dialogues_of(const instruct::LanguageModel& model, ModelSize size,
                                       const TuningCommandOptions& options, const Dataset& data);

/// How the profiles of all users and items are drawn.
WriterOptions writing_of(ModelSize size, const TuningCommandOptions& options);

/// What `reclm run --world` is about unless it is told otherwise.
struct RunDefaults {
  Index users = 0, items = 0;  ///< of the world
  TrainOptions training;       ///< of the recommenders
};
RunDefaults run_defaults(ModelSize size);

}  // namespace reclm::cli
