#pragma once
// Who writes profiles: a model before it is tuned, and after each of RecLM's stages.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "reclm/instruct/language_model.hpp"

namespace reclm::cli {

struct TunedWriter {
  std::string name;  ///< of the stage behind it, or kUntuned
  instruct::LanguageModel model;
  std::filesystem::path adapter;  ///< its updates; empty: none
  Index best_of = 1;              ///< answers about a user, of which the reward chooses one
  Index consensus = 1;            ///< answers about a user, whose consensus is the profile
};

/// @param stages  a tuning's folder: a folder a stage
/// @throws BadInput when none of them holds what a writer could use
void check_tuned(const std::filesystem::path& stages);

/// The model before tuning and after each stage that writes. Where sft trained every weight, what follows belongs to
/// those. @throws BadInput, DataError
std::vector<TunedWriter> tuned_writers(const instruct::LanguageModel& model, const std::filesystem::path& stages);

/// Who writes about items after the stage of that name, which trained updates of its own. Nothing: that stage did not
/// run. @throws BadInput, DataError
std::optional<TunedWriter> tuned_item_writer(const std::vector<TunedWriter>& writers,
                                             const std::filesystem::path& stages);

/// What the updates in `stages` are, by their bytes.
std::string updates_text(const std::filesystem::path& stages);

}  // namespace reclm::cli
