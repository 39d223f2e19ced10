#pragma once
/// @file profile_reward.hpp
/// The reward of a user's profile: the reward model and the preference-diversity terms together; saved as a folder, and
/// usable on another data set without training.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "reclm/core/atomic_file.hpp"
#include "reclm/instruct/grammar.hpp"
#include "reclm/instruct/reward/mixture.hpp"
#include "reclm/instruct/reward/pair_accuracy.hpp"
#include "reclm/instruct/reward/profile_evidence.hpp"
#include "reclm/instruct/reward/sequence_scorer.hpp"
#include "reclm/instruct/reward/strangers.hpp"

namespace reclm::instruct {

/// A profile and whom it is about.
struct ProfileAnswer {
  Id user = 0;
  const lm::Dialogue* question = nullptr;
  std::string text;
};

/// A profile's reward, and what of it single entries earn by their own evidence: lift, kinship and reach.
struct EntryRewards {
  struct Entry {
    std::size_t end = 0;  ///< the byte of the text behind the entry
    double amount = 0;
  };
  double total = 0;
  std::vector<Entry> entries{};  ///< in the text's order; none of a text that is no profile
};

/// Judges profiles. The scorer is optional, and so is each term: see RewardMixture::weights.
template <class B = Cpu>
class ProfileReward {
 public:
  /// @param scorer null: the reward model goes by its other evidence, or is unknown where it has the scorer alone
  /// @param evidence of the users asked about; must outlive the object
  ProfileReward(SequenceScorer<B>* scorer, ProfileEvidence& evidence) : scorer_(scorer), evidence_(evidence) {}

  RewardMixture mixture{};
  GrammarRules grammar{};
  Index wanted = 3;       ///< interests, and identities, that a profile is asked for
  Strangers strangers{};  ///< beside whose prompts the scorer's opinion is taken; as many as mixture.strangers says

  /// Columns of the vectors that it judges by.
  [[nodiscard]] Index width() const { return evidence_.width(); }

  /// What speaks for each answer, malformed ones too.
  std::vector<EvidenceValues> evidence(std::span<const ProfileAnswer> answers) {
    std::vector<EvidenceValues> result;
    std::vector<std::vector<lm::TokenId>> sequences;
    for (const ProfileAnswer& answer : answers) {
      const AnswerForm form = form_of(answer.text);
      EvidenceValues values{0, form.whole ? 1.0 : 0.0, form.distinct, kUnknownLift, kUnknownLift, 0};
      if (const ProfileReading reading = read_profile(answer.text, grammar); reading.valid()) {
        const Matrix<float>& history = evidence_.of(answer.user).history;
        const Matrix<double> interests = lifts(reading.profile.interests, history);
        values[static_cast<std::size_t>(Evidence::lift)] = mean_lift(interests, wanted);
        values[static_cast<std::size_t>(Evidence::kinship)] =
            mean_lift(lifts(reading.profile.identities, history), wanted);
        values[static_cast<std::size_t>(Evidence::reach)] = mean_reach(interests);
      }
      result.push_back(values);
      if (scorer_ != nullptr && answer.question != nullptr)
        sequences.push_back(scorer_->tokens(*answer.question, answer.text));
    }
    if (sequences.empty() || sequences.size() != answers.size()) return result;
    const auto hear = [&](double share) {
      const std::vector<double> scores = scorer_->score(sequences);
      for (std::size_t k = 0; k < scores.size(); ++k)
        result[k][static_cast<std::size_t>(Evidence::text)] += share * scores[k];
    };
    hear(1);
    for (Index other = 0; other < strangers.each(); ++other) {
      for (std::size_t k = 0; k < answers.size(); ++k)
        sequences[k] = scorer_->tokens(strangers.prompt(answers[k].user, other), answers[k].text);
      hear(-1.0 / static_cast<double>(strangers.each()));
    }
    return result;
  }

  /// The reward model's score of each answer by its evidence.
  [[nodiscard]] double model_score(const EvidenceValues& values) const {
    double score = 0;
    for (std::size_t k = 0; k < kEvidence; ++k) score += mixture.evidence[k] * values[k];
    return score;
  }

  /// The terms of each profile; none of one that breaks the grammar.
  std::vector<std::optional<TermValues>> terms(std::span<const ProfileAnswer> answers) {
    std::vector<std::optional<TermValues>> result(answers.size());
    std::vector<ProfileAnswer> valid;
    std::vector<std::size_t> places;
    for (std::size_t k = 0; k < answers.size(); ++k) {
      const ProfileReading reading = read_profile(answers[k].text, grammar);
      if (!reading.valid()) continue;
      std::vector<std::string> texts = reading.profile.identities;
      texts.insert(texts.end(), reading.profile.interests.begin(), reading.profile.interests.end());
      texts.push_back(answers[k].text);
      const Matrix<float> vectors = evidence_.vectors(texts);
      Matrix<float> phrases(vectors.rows() - 1, vectors.cols());
      std::copy_n(vectors.data(), phrases.size(), phrases.data());
      result[k] = vector_terms(phrases, vectors.row(vectors.rows() - 1), evidence_.of(answers[k].user));
      valid.push_back(answers[k]);
      places.push_back(k);
    }
    if (scorer_ == nullptr && mixture.evidence == kScorerAlone) return result;
    const auto values = evidence(valid);
    for (std::size_t k = 0; k < valid.size(); ++k) (*result[places[k]])[0] = model_score(values[k]);
    return result;
  }

  /// The rewards.
  std::vector<double> operator()(std::span<const ProfileAnswer> answers) {
    std::vector<double> rewards;
    for (const auto& values : terms(answers)) rewards.push_back(values ? mixture(*values) : mixture.malformed);
    return rewards;
  }

  /// The rewards, by entry: what each adds to the evidence of those before it, the first to that of none.
  std::vector<EntryRewards> by_entry(std::span<const ProfileAnswer> answers) {
    std::vector<EntryRewards> result;
    const std::vector<double> totals = (*this)(answers);
    const double spread = mixture.scales[0].deviation();
    for (std::size_t k = 0; k < answers.size(); ++k) {
      EntryRewards& rewards = result.emplace_back(EntryRewards{.total = totals[k]});
      const ProfileReading reading = read_profile(answers[k].text, grammar);
      if (!reading.valid() || spread < 1e-9) continue;
      const Matrix<float>& history = evidence_.of(answers[k].user).history;
      const std::string& text = answers[k].text;
      std::size_t at = 0;
      const auto credit = [&](const std::vector<std::string>& entries, Evidence lifted, bool reached) {
        const std::vector<double> amounts = entry_evidence(lifts(entries, history), lifted, reached);
        for (std::size_t e = 0; e < entries.size(); ++e) {
          const std::size_t found = text.find(entries[e], at);
          const bool verbatim = found != std::string::npos;  // else nobody knows where: at the text's end
          if (verbatim) at = found + entries[e].size();
          rewards.entries.push_back({verbatim ? at : text.size(), mixture.weights[0] / spread * amounts[e]});
        }
      };
      credit(reading.profile.identities, Evidence::kinship, false);
      at = std::min(text.size(), detail::lowered(text).find("interest", at));
      // The n-th interests of several answers are compared with each other: identities that are missing earn nothing.
      while (static_cast<Index>(rewards.entries.size()) < wanted) rewards.entries.push_back({at, 0});
      credit(reading.profile.interests, Evidence::lift, true);
    }
    return result;
  }

  /// Adds profiles to the calibration set by which terms are put in deviations. Not training: a transferred reward is
  /// calibrated on some profiles of its new data set, or keeps the scales it has.
  void calibrate(std::span<const ProfileAnswer> answers) {
    for (const auto& values : terms(answers))
      if (values) mixture.calibrate(*values);
  }

 private:
  [[nodiscard]] Matrix<double> lifts(const std::vector<std::string>& entries, const Matrix<float>& history) const {
    std::vector<std::uint8_t> known;
    for (const std::string& entry : entries) known.push_back(evidence_.known(entry) ? 1 : 0);
    return evidence_.lifts()(evidence_.vectors(entries), known, history);
  }

  // What each entry adds to the weighed evidence of those before it: nothing that comes later changes it, so that who
  // is credited with it was free to choose. `reached` is asked of interests, not of identities.
  [[nodiscard]] std::vector<double> entry_evidence(const Matrix<double>& lifts, Evidence lifted, bool reached) const {
    const auto weight = [&](Evidence e) { return mixture.evidence[static_cast<std::size_t>(e)]; };
    std::vector<double> amounts;
    double before = weight(lifted) * mean_lift(Matrix<double>(0, lifts.cols()), wanted);
    for (Index entries = 1; entries <= lifts.rows(); ++entries) {
      Matrix<double> first(entries, lifts.cols());
      std::copy_n(lifts.data(), first.size(), first.data());
      const double now =
          weight(lifted) * mean_lift(first, wanted) + (reached ? weight(Evidence::reach) * mean_reach(first) : 0);
      amounts.push_back(now - before);
      before = now;
    }
    return amounts;
  }

  SequenceScorer<B>* scorer_;
  ProfileEvidence& evidence_;
};

/// The evidence of each pair, chosen less rejected: what `fit_evidence` takes.
template <class B>
std::vector<EvidenceValues> evidence_differences(ProfileReward<B>& reward, std::span<const PreferencePair> pairs) {
  std::vector<ProfileAnswer> answers;
  for (const PreferencePair& pair : pairs)
    for (const std::string* answer : {&pair.chosen, &pair.rejected})
      answers.push_back({pair.user, &pair.prompt, *answer});
  const auto values = reward.evidence(answers);
  std::vector<EvidenceValues> differences(pairs.size());
  for (std::size_t k = 0; k < pairs.size(); ++k)
    for (std::size_t e = 0; e < kEvidence; ++e) differences[k][e] = values[2 * k][e] - values[2 * k + 1][e];
  return differences;
}

/// Pairwise accuracy of the reward model: scorer and evidence together.
template <class B>
PairAccuracy pair_accuracy(ProfileReward<B>& reward, std::span<const PreferencePair> pairs) {
  std::vector<double> margins;
  for (const EvidenceValues& difference : evidence_differences(reward, pairs))
    margins.push_back(reward.model_score(difference));
  return pair_accuracy(std::span<const double>(margins), pairs);
}

namespace detail {
inline constexpr const char* kRewardFormat = "reclm reward 2";
}

/// Writes `folder`/reward.json: weights of terms and evidence, scales, what a malformed text is worth. @throws IoError
inline void save_mixture(const std::filesystem::path& folder, const RewardMixture& mixture) {
  nlohmann::ordered_json terms = nlohmann::ordered_json::object();
  for (std::size_t k = 0; k < kRewardTerms; ++k)
    terms[std::string(name_of(static_cast<RewardTerm>(k)))] = {{"weight", mixture.weights[k]},
                                                               {"count", mixture.scales[k].count},
                                                               {"mean", mixture.scales[k].mean},
                                                               {"squares", mixture.scales[k].squares}};
  nlohmann::ordered_json evidence = nlohmann::ordered_json::object();
  for (std::size_t k = 0; k < kEvidence; ++k)
    evidence[std::string(name_of(static_cast<Evidence>(k)))] = mixture.evidence[k];
  const nlohmann::ordered_json all{{"format", detail::kRewardFormat}, {"malformed", mixture.malformed},
                                   {"strangers", mixture.strangers},  {"width", mixture.width},
                                   {"evidence", std::move(evidence)}, {"terms", std::move(terms)}};
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
  const auto whole = [&](const char* key, Index most, Index unsaid) {
    if (!all.contains(key)) return unsaid;
    const double value = number(all, key);
    if (!(value >= 0 && value <= static_cast<double>(most) && std::floor(value) == value))
      throw refuse(std::string("\"") + key + "\" is no whole number from 0 to " + std::to_string(most));
    return static_cast<Index>(value);
  };
  // What rewards of earlier versions said nothing of: they had no strangers, and vectors of 128 columns.
  mixture.strangers = whole("strangers", kMostStrangers, 0);
  mixture.width = whole("width", kWidestText, 128);
  for (std::size_t k = 0; k < kEvidence; ++k)
    mixture.evidence[k] = number(all.value("evidence", nlohmann::json()), name_of(static_cast<Evidence>(k)).data());
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
  RewardMixture mixture = reward.mixture;
  mixture.width = reward.width();
  save_mixture(folder, mixture);
  if (scorer != nullptr) scorer->save(folder / "scorer.safetensors");
}

/// Takes both over. @throws IoError; DataError, also where the saved reward judged by vectors of another width: what it
/// learned of them does not hold (see reward_encoder)
template <class B>
void load_reward(const std::filesystem::path& folder, ProfileReward<B>& reward, SequenceScorer<B>* scorer) {
  RewardMixture mixture = load_mixture(folder);
  if (mixture.width > 0 && mixture.width != reward.width())
    throw DataError((folder / "reward.json").string(), 0,
                    "the reward judges by vectors of " + std::to_string(mixture.width) + " columns, not of " +
                        std::to_string(reward.width()),
                    "encode texts as wide as it says");
  if (scorer != nullptr) scorer->load(folder / "scorer.safetensors");
  reward.mixture = mixture;
}

}  // namespace reclm::instruct
