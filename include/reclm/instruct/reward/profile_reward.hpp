#pragma once
/// @file profile_reward.hpp
/// The reward of a user's profile: the reward model and the preference-diversity terms together; saved as a folder, and
/// usable on another data set without training.

#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "reclm/core/atomic_file.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/data/fitted_text_encoder.hpp"
#include "reclm/instruct/grammar.hpp"
#include "reclm/instruct/item_texts.hpp"
#include "reclm/instruct/reward/mixture.hpp"
#include "reclm/instruct/reward/sequence_scorer.hpp"

namespace reclm::instruct {

/// Texts → rows of unit length, comparable between calls.
using VectorsOfTexts = std::function<Matrix<float>(std::span<const std::string>)>;

/// What the reward knows about the users of a data set: their histories, their neighbours' profiles, and, for the
/// optional term, items that they took and their prompts do not show.
struct EvidenceSources {
  const Dataset* data = nullptr;  ///< histories are those of train
  const ItemTexts* texts = nullptr;
  MatrixView<const Id> neighbours{};        ///< [users, k], −1: none; may be empty
  std::span<const std::string> profiles{};  ///< of all users, "" where there is none: the neighbours'
  const Interactions* held_out = nullptr;   ///< of validation, never of test; null: the term stays unknown
  Index others = 20;                        ///< items drawn at random that a user did not take, for the same term
  std::uint64_t seed = 1;
};

/// The evidence of one user.
inline UserEvidence evidence_of(Id user, const EvidenceSources& from, const VectorsOfTexts& encode) {
  const Dataset& data = *from.data;
  std::vector<std::string> history, neighbours, held_out, others;
  for (const Id item : data.train.of(user)) history.push_back(from.texts->text(item));
  for (Index k = 0; user < from.neighbours.rows() && k < from.neighbours.cols(); ++k)
    if (const Id other = from.neighbours(user, k); other >= 0 && static_cast<std::size_t>(other) < from.profiles.size())
      if (const std::string& text = from.profiles[static_cast<std::size_t>(other)]; !text.empty())
        neighbours.push_back(text);
  if (from.held_out != nullptr && !from.held_out->of(user).empty()) {
    for (const Id item : from.held_out->of(user)) held_out.push_back(from.texts->text(item));
    RandomSequence random(Random(from.seed, Stream::negatives, static_cast<std::uint32_t>(user)));
    const auto items = static_cast<std::uint32_t>(data.train.items());
    for (Index tries = 0; tries < 20 * from.others && static_cast<Index>(others.size()) < from.others; ++tries) {
      const auto item = static_cast<Id>(random.below(items));
      if (!data.train.contains(user, item) && !from.held_out->contains(user, item))
        others.push_back(from.texts->text(item));
    }
  }
  return {encode(history), encode(neighbours), encode(held_out), encode(others)};
}

/// A profile and whom it is about.
struct ProfileAnswer {
  Id user = 0;
  const lm::Dialogue* question = nullptr;
  std::string text;
};

/// Judges profiles. The reward model is optional, and so is each term: see RewardMixture::weights.
template <class B = Cpu>
class ProfileReward {
 public:
  /// @param scorer null: the model's term is unknown  @param evidence of a user, called once a judged profile
  ProfileReward(SequenceScorer<B>* scorer, VectorsOfTexts encode, std::function<const UserEvidence&(Id)> evidence)
      : scorer_(scorer), encode_(std::move(encode)), evidence_(std::move(evidence)) {}

  RewardMixture mixture{};
  GrammarRules grammar{};

  /// The terms of each profile; none of one that breaks the grammar. The reward model sees every text, malformed ones
  /// too.
  std::vector<std::optional<TermValues>> terms(std::span<const ProfileAnswer> answers) {
    std::vector<std::optional<TermValues>> result(answers.size());
    std::vector<std::vector<lm::TokenId>> sequences;
    std::vector<std::size_t> valid;
    for (std::size_t k = 0; k < answers.size(); ++k) {
      const ProfileReading reading = read_profile(answers[k].text, grammar);
      if (!reading.valid()) continue;
      std::vector<std::string> texts = reading.profile.identities;
      texts.insert(texts.end(), reading.profile.interests.begin(), reading.profile.interests.end());
      texts.push_back(answers[k].text);
      const Matrix<float> vectors = encode_(texts);
      Matrix<float> phrases(vectors.rows() - 1, vectors.cols());
      std::copy_n(vectors.data(), phrases.size(), phrases.data());
      result[k] = vector_terms(phrases, vectors.row(vectors.rows() - 1), evidence_(answers[k].user));
      valid.push_back(k);
      if (scorer_ != nullptr && answers[k].question != nullptr)
        sequences.push_back(scorer_->tokens(*answers[k].question, answers[k].text));
    }
    if (sequences.size() == valid.size() && scorer_ != nullptr) {
      const std::vector<double> scores = scorer_->score(sequences);
      for (std::size_t k = 0; k < valid.size(); ++k) (*result[valid[k]])[0] = scores[k];
    }
    return result;
  }

  /// The rewards.
  std::vector<double> operator()(std::span<const ProfileAnswer> answers) {
    std::vector<double> rewards;
    for (const auto& values : terms(answers)) rewards.push_back(values ? mixture(*values) : mixture.malformed);
    return rewards;
  }

  /// Adds profiles to the calibration set by which terms are put in deviations. Not training: a transferred reward is
  /// calibrated on some profiles of its new data set, or keeps the scales it has.
  void calibrate(std::span<const ProfileAnswer> answers) {
    for (const auto& values : terms(answers))
      if (values) mixture.calibrate(*values);
  }

 private:
  SequenceScorer<B>* scorer_;
  VectorsOfTexts encode_;
  std::function<const UserEvidence&(Id)> evidence_;
};

namespace detail {
inline constexpr const char* kRewardFormat = "reclm reward 1";
}

/// Writes `folder`/reward.json: weights, scales, what a malformed text is worth. @throws IoError
inline void save_mixture(const std::filesystem::path& folder, const RewardMixture& mixture) {
  nlohmann::ordered_json terms = nlohmann::ordered_json::object();
  for (std::size_t k = 0; k < kRewardTerms; ++k)
    terms[std::string(name_of(static_cast<RewardTerm>(k)))] = {{"weight", mixture.weights[k]},
                                                               {"count", mixture.scales[k].count},
                                                               {"mean", mixture.scales[k].mean},
                                                               {"squares", mixture.scales[k].squares}};
  const nlohmann::ordered_json all{
      {"format", detail::kRewardFormat}, {"malformed", mixture.malformed}, {"terms", std::move(terms)}};
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  write_file(folder / "reward.json", all.dump(2) + "\n");
}

/// @throws IoError; DataError naming what is missing or out of range
inline RewardMixture load_mixture(const std::filesystem::path& folder) {
  const auto path = folder / "reward.json";
  const auto refuse = [&](const std::string& problem) {
    return DataError(path.string(), 0, problem, "name the folder that a reward was saved to");
  };
  std::ifstream file(path, std::ios::binary);
  if (!file) throw IoError("cannot read " + path.string() + ". Remedy: name the folder that a reward was saved to");
  const nlohmann::json all = nlohmann::json::parse(file, nullptr, false);
  if (!all.is_object() || all.value("format", nlohmann::json()) != detail::kRewardFormat)
    throw refuse(std::string("the file is no \"") + detail::kRewardFormat + "\"");
  RewardMixture mixture;
  const auto number = [&](const nlohmann::json& object, const char* key) {
    if (!object.is_object() || !object.contains(key) || !object[key].is_number())
      throw refuse(std::string("\"") + key + "\" is missing or no number");
    const double value = object[key].get<double>();
    if (!std::isfinite(value)) throw refuse(std::string("\"") + key + "\" is not finite");
    return value;
  };
  mixture.malformed = number(all, "malformed");
  for (std::size_t k = 0; k < kRewardTerms; ++k) {
    const std::string name(name_of(static_cast<RewardTerm>(k)));
    if (!all.contains("terms") || !all["terms"].is_object() || !all["terms"].contains(name))
      throw refuse("there is no term \"" + name + "\"");
    const auto& term = all["terms"][name];
    mixture.weights[k] = number(term, "weight");
    mixture.scales[k] = {number(term, "count"), number(term, "mean"), number(term, "squares")};
    if (mixture.weights[k] < 0 || mixture.scales[k].count < 0 || mixture.scales[k].squares < 0)
      throw refuse("term \"" + name + "\" has a negative number");
  }
  return mixture;
}

/// Writes reward.json and, with a reward model, scorer.safetensors. @throws IoError
template <class B>
void save_reward(const std::filesystem::path& folder, const ProfileReward<B>& reward, SequenceScorer<B>* scorer) {
  save_mixture(folder, reward.mixture);
  if (scorer != nullptr) scorer->save(folder / "scorer.safetensors");
}

/// Takes both over. @throws IoError, DataError
template <class B>
void load_reward(const std::filesystem::path& folder, ProfileReward<B>& reward, SequenceScorer<B>* scorer) {
  RewardMixture mixture = load_mixture(folder);
  if (scorer != nullptr) scorer->load(folder / "scorer.safetensors");
  reward.mixture = mixture;
}

}  // namespace reclm::instruct
