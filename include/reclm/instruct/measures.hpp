#pragma once
/// @file measures.hpp
/// What a stage has learned: answers to Yes/No questions, and profiles against known interests and against each other.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/error.hpp"
#include "reclm/instruct/grammar.hpp"
#include "reclm/instruct/language_model.hpp"
#include "reclm/instruct/reward/terms.hpp"
#include "reclm/instruct/rl/losses.hpp"
#include "reclm/lm/training/trainable_decoder.hpp"

namespace reclm::instruct {

/// Area under the ROC curve of scores for positives and negatives, ties half; NaN when either is missing or a score is
/// NaN. O(n log n).
inline double area_under_curve(std::vector<std::pair<double, bool>> scored) {
  for (const auto& [score, positive] : scored)
    if (std::isnan(score)) return kUnknownTerm;
  std::sort(scored.begin(), scored.end());
  double positives = 0, negatives = 0, right = 0;
  for (std::size_t k = 0, next = 0; k < scored.size(); k = next) {
    double tied_positives = 0, tied_negatives = 0;
    for (next = k; next < scored.size() && scored[next].first == scored[k].first; ++next)
      ++(scored[next].second ? tied_positives : tied_negatives);
    right += tied_positives * (negatives + tied_negatives / 2);
    positives += tied_positives;
    negatives += tied_negatives;
  }
  return positives == 0 || negatives == 0 ? kUnknownTerm : right / (positives * negatives);
}

/// How well a model answers the question of collaborative dialogues.
struct QuestionReport {
  Index questions = 0;
  double accuracy = 0;        ///< share of questions whose right word is likelier than the wrong one
  double auc = kUnknownTerm;  ///< of log p(Yes) − log p(No) between questions with Yes and No
};

/// Asks the last question of each dialogue that has `chose`, by the probabilities of the two answers' first tokens.
/// Cost: a forward pass over the dialogues.
template <class B, class T>
QuestionReport ask_questions(const lm::TrainableDecoder<B, T>& model, const lm::TextCodec& codec,
                             std::span<const ChatSample> dialogues, const std::string& yes = "Yes",
                             const std::string& no = "No", Index batch_tokens = 4096) {
  QuestionReport report;
  std::vector<std::pair<double, bool>> scored;
  lm::PackedBatch batch;
  ChosenTokens first, second;
  std::vector<bool> chose;
  const auto finish = [&] {
    if (chose.empty()) return;
    Tape<B, T> tape(false);
    const Var hidden = model.forward(tape, batch);
    const auto good = detail::host_values(tape.value(model.log_probabilities(tape, hidden, first)));
    const auto bad = detail::host_values(tape.value(model.log_probabilities(tape, hidden, second)));
    for (std::size_t k = 0; k < chose.size(); ++k) {
      scored.emplace_back(good[k] - bad[k], chose[k]);
      report.accuracy += (good[k] > bad[k]) == chose[k] ? 1 : 0;
    }
    batch = {};
    first = second = {};
    chose.clear();
  };
  for (const ChatSample& dialogue : dialogues) {
    if (!dialogue.chose || dialogue.messages.empty()) continue;
    const std::span<const lm::Message> before(dialogue.messages.data(), dialogue.messages.size() - 1);
    const std::vector<lm::TokenId> prompt = codec.encode(codec.render(before, true));
    const auto yes_tokens = lm::answer_tokens(codec, before, prompt, yes),
               no_tokens = lm::answer_tokens(codec, before, prompt, no);
    if (prompt.empty() || yes_tokens.empty() || no_tokens.empty()) continue;
    if (!chose.empty() && static_cast<Index>(batch.tokens.size() + prompt.size()) > batch_tokens) finish();
    batch.add({prompt, std::vector<std::uint8_t>(prompt.size(), 0)});
    const auto row = static_cast<Id>(batch.tokens.size()) - 1;
    first.rows.push_back(row);
    first.tokens.push_back(yes_tokens.front());
    second.rows.push_back(row);
    second.tokens.push_back(no_tokens.front());
    chose.push_back(*dialogue.chose);
  }
  finish();
  report.questions = static_cast<Index>(scored.size());
  report.accuracy /= std::max<double>(1, static_cast<double>(scored.size()));
  report.auc = area_under_curve(std::move(scored));
  return report;
}

/// Profiles of some users beside what is true of them.
struct ProfileReport {
  Index profiles = 0;
  double valid = 0;  ///< share that follows the grammar
  double accuracy =
      0;  ///< mean over users of the share of their true interests that the profile names; 0 when malformed
  double precision = 0;           ///< mean over valid profiles of the share of named interests that are true
  double distinct_interests = 0;  ///< different interests named in all, over interests named: 1 when nobody shares one
  double repeated = 0;            ///< share of valid profiles that name something twice
};

/// Interests are the same whatever the case of their letters.
/// @param texts profiles as a model wrote them  @param truth names of each one's true interests
/// @throws ShapeError unless there are as many of both
inline ProfileReport compare_profiles(std::span<const std::string> texts,
                                      std::span<const std::vector<std::string>> truth) {
  if (texts.size() != truth.size())
    throw ShapeError("compare_profiles: " + std::to_string(texts.size()) + " profiles and the interests of " +
                     std::to_string(truth.size()) + ". Remedy: give each profile's true interests");
  ProfileReport report;
  std::vector<std::string> all;
  double valid = 0;
  for (std::size_t k = 0; k < texts.size(); ++k) {
    const ProfileReading reading = read_profile(texts[k]);
    if (!reading.valid()) continue;
    ++valid;
    std::vector<std::string> named, known;
    for (const std::string& interest : reading.profile.interests) named.push_back(detail::lowered(interest));
    for (const std::string& interest : truth[k]) known.push_back(detail::lowered(interest));
    all.insert(all.end(), named.begin(), named.end());
    double found = 0, right = 0;
    for (const std::string& interest : known)
      found += std::find(named.begin(), named.end(), interest) != named.end() ? 1 : 0;
    for (const std::string& interest : named)
      right += std::find(known.begin(), known.end(), interest) != known.end() ? 1 : 0;
    if (!known.empty()) report.accuracy += found / static_cast<double>(known.size());
    if (!named.empty()) report.precision += right / static_cast<double>(named.size());
    // A tolerant reading drops repeats; a strict one refuses them.
    report.repeated += read_profile(texts[k], {.strict = true}).fault == ProfileFault::repeated_entry ? 1 : 0;
  }
  const auto n = static_cast<double>(texts.size());
  report.profiles = static_cast<Index>(texts.size());
  const auto named = static_cast<double>(all.size());
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  report.distinct_interests = named == 0 ? 0 : static_cast<double>(all.size()) / named;
  report.precision /= std::max(1.0, valid);
  report.repeated /= std::max(1.0, valid);
  report.accuracy /= std::max(1.0, n);
  report.valid = valid / std::max(1.0, n);
  return report;
}

}  // namespace reclm::instruct
