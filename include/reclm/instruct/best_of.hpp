#pragma once
/// @file best_of.hpp
/// The best of several answers (Stiennon et al., NeurIPS 2020, "best of n"): any teacher is asked repeatedly, and a
/// judge, such as a profile reward, says which answer stays.
///
///     BestOf best(teacher, 8, [&](const PromptSample& prompt, std::span<const std::string> answers) {
///       return preferred(reward, prompt, answers);
///     });
///     write_profiles(store, best, prompts, data);

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/error.hpp"
#include "reclm/instruct/reward/profile_reward.hpp"
#include "reclm/instruct/several_answers.hpp"
#include "reclm/instruct/teachers.hpp"

namespace reclm::instruct {

/// The place of the best of some answers, of which there is at least one.
using AnswerJudge = std::function<std::size_t(const PromptSample& prompt, std::span<const std::string> answers)>;

/// The place of the answer with the highest reward, the first of equal ones. A reward that was never calibrated goes by
/// its reward model alone. A prompt that is not about a user: the first answer that is a profile, since rewards are of
/// users' profiles.
template <class B>
std::size_t preferred(ProfileReward<B>& reward, const PromptSample& prompt, std::span<const std::string> answers) {
  std::vector<double> values;
  if (prompt.user >= 0) {
    std::vector<ProfileAnswer> about;
    for (const std::string& answer : answers) about.push_back({prompt.user, &prompt.messages, answer});
    const bool calibrated = reward.mixture.scales[0].count > 0;
    for (const auto& terms : reward.terms(about))
      values.push_back(!terms       ? std::numeric_limits<double>::lowest()
                       : calibrated ? reward.mixture(*terms)
                                    : terms->front());
  } else {
    for (const std::string& answer : answers) values.push_back(read_profile(answer, reward.grammar).valid() ? 1 : 0);
  }
  return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

/// A teacher that has another one answer each request `count` times, with seeds of their own, and passes on what the
/// judge prefers. Both must outlive it.
template <Teacher T>
class BestOf {
 public:
  /// @throws ConfigError when count is below 1
  BestOf(T& teacher, Index count, AnswerJudge judge)
      : teacher_(teacher), count_(static_cast<std::size_t>(count)), judge_(std::move(judge)) {
    if (count < 1) throw ConfigError("BestOf: count must be 1 or more");
  }

  /// Those of the teacher; to the adapter's name is added of how many the best is taken.
  [[nodiscard]] TeacherFacts facts() const {
    TeacherFacts facts = teacher_.facts();
    facts.adapter += (facts.adapter.empty() ? "best of " : ", best of ") + std::to_string(count_);
    return facts;
  }

  /// A request of which some answers are missing is judged by the others, behind all complete ones. @throws ShapeError
  /// when the judge chooses none of them
  void answer(std::span<const TeacherRequest> requests, const AnswerSink& sink) {
    detail::answer_by_several(teacher_, count_, requests, sink,
                              [&](const PromptSample& prompt, std::vector<std::string> answers) {
                                const std::size_t best = judge_(prompt, answers);
                                if (best >= answers.size())
                                  throw ShapeError("BestOf: the judge chose answer " + std::to_string(best) + " of " +
                                                   std::to_string(answers.size()));
                                return std::move(answers[best]);
                              });
  }

 private:
  T& teacher_;
  std::size_t count_;
  AnswerJudge judge_;
};

}  // namespace reclm::instruct
