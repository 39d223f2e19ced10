#pragma once
/// @file shown_profiles.hpp
/// Profiles that a tuning shows of a stage.

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/instruct/language_model.hpp"
#include "reclm/instruct/measures.hpp"
#include "reclm/instruct/tuning_options.hpp"
#include "reclm/lm/decoder.hpp"

namespace reclm::instruct::detail {

/// One answer a prompt, as it comes.
/// @param truth names of the true interests of each prompt's user; empty where they are not known
template <class B>
ShownProfiles shown_profiles(const std::string& after, const LanguageModel& model, const lm::LoraAdapter& adapter,
                             std::span<const PromptSample> prompts, const std::vector<std::vector<std::string>>& truth,
                             const TuningOptions& options) {
  std::vector<lm::Dialogue> asked;
  for (const PromptSample& prompt : prompts) asked.push_back(prompt.messages);
  lm::Decoder<B> decoder(*model.weights, options.precision);
  if (!adapter.empty()) decoder.attach(adapter);
  ShownProfiles shown{after, answers(model, decoder, std::span<const lm::Dialogue>(asked), options.answers), 0, 0, {}};
  const std::vector<std::vector<std::string>> nothing(truth.empty() ? prompts.size() : 0);
  const ProfileReport compared = compare_profiles(shown.texts, truth.empty() ? nothing : truth);
  for (std::string& text : shown.texts) text = without_cut_mark(std::move(text));
  shown.valid = compared.valid;
  shown.distinctness = compared.distinct_interests;
  if (!truth.empty()) shown.against_truth = compared;
  return shown;
}

}  // namespace reclm::instruct::detail
