#pragma once
// The parts of `reclm run`.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "command.hpp"
#include "data.hpp"
#include "encoder_model.hpp"
#include "reclm/core/observer.hpp"
#include "reclm/eval/written_profiles.hpp"
#include "tuning.hpp"

namespace reclm {
struct ProfileSource;
}

namespace reclm::cli {

struct RunOptions {
  CommonOptions common;
  DataOptions data;
  TuningCommandOptions tuning;
  EncoderOptions encoder;  ///< no path: the built-in one
  Index users = 0, items = 0;
  std::optional<Index> tiny_tokens;
  bool only_profiles = false;
  std::optional<int> attempts;
  Index best_of = 1;    ///< above 1: a source more, of which each profile is the best of so many by the reward
  Index consensus = 1;  ///< above 1: a source more, of which each profile is what so many answers agree on
  std::string tuned;    ///< folder of a tuning that was done elsewhere; empty: it is done here
  std::string backbones = "lightgcn", placebo = "last";
  Index seeds = 1;
  std::uint64_t first_seed = 1;
  std::string out;

  /// Where the stages' adapters are.
  [[nodiscard]] std::filesystem::path stages_folder() const {
    return tuned.empty() ? std::filesystem::path(out) / "tuning" : std::filesystem::path(tuned);
  }
  /// The folder of the reward that guided ppo.
  [[nodiscard]] std::filesystem::path reward_folder() const {
    return tuning.reward.empty() ? stages_folder() / "reward" : std::filesystem::path(tuning.reward);
  }
  [[nodiscard]] ModelSize size() const { return tuning.model.empty() ? ModelSize::tiny : ModelSize::real; }
};

/// The observer asked to stop; what was done so far is kept.
struct Stopped {};

/// Data, teacher, and the validation that nothing learns from.
TaughtData prepare_data(const RunOptions& options, std::vector<std::string>& notes);

/// @throws ConfigError on text columns that are not there; BadInput, DataError on an encoder that cannot be opened
void check_inputs(const RunOptions& options, const TaughtData& taught);

/// Refuses to go on with what other settings began. @throws ConfigError naming the one that differs
void keep_run_settings(const RunOptions& options, const TaughtData& taught, const std::filesystem::path& model);

/// The profiles of all sources, in the order in which they are compared: the model's before tuning and after each stage
/// that writes, and the teacher's. Stores in OUT/profiles are gone on with. @throws Stopped
std::vector<WrittenProfiles> write_sources(const RunOptions& options, const instruct::LanguageModel& model,
                                           const TaughtData& taught, const Observer& observer);

/// The sources as recommenders take them, raw texts before all others. @throws Stopped
std::vector<ProfileSource> encode_sources(const RunOptions& options, const instruct::LanguageModel& model,
                                          TaughtData& taught, const std::vector<WrittenProfiles>& written,
                                          std::vector<std::string>& notes, const Observer& observer);

/// What the rows of the table mean, by the names of sources.
std::string source_meaning(const std::string& name);

inline constexpr const char* kRawText = "raw text";
inline constexpr const char* kUntuned = "untuned";
inline constexpr const char* kBestOf = "best of ";
inline constexpr const char* kConsensus = "consensus of ";
inline constexpr const char* kTeacher = "teacher";

}  // namespace reclm::cli
