#pragma once
/// @file score.hpp
/// What an answer is worth, and which of its tokens earned what of it.

#include <concepts>
#include <cstddef>
#include <functional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "reclm/instruct/rl/policy.hpp"

namespace reclm::instruct {

/// A part of a score, owed to the tokens up to `token`: those after it must not change it.
struct ScorePart {
  Index token = 0;  ///< of the answer, from 0
  double amount = 0;
};

/// The score of an answer. PPO credits its parts where they are owed and what is left at the answer's last token, so
/// that a token is credited with what comes after it alone. With a group the first parts of all of its answers are
/// compared with each other, the second parts likewise, and so on; an answer without such a part has 0 there, which
/// its last token is credited with.
struct Score {
  double total = 0;
  std::vector<ScorePart> parts{};

  [[nodiscard]] double part(std::size_t k) const { return k < parts.size() ? parts[k].amount : 0; }
  [[nodiscard]] double rest() const {
    double left = total;
    for (const ScorePart& part : parts) left -= part.amount;
    return left;
  }
};

/// A score for each answer; `Response::question` says what it answers. From any function that returns a vector of
/// Score, or of numbers where nobody knows which token earned what.
class AnswerScorer {
 public:
  template <std::invocable<std::span<const Response>> F>
  requires(!std::same_as<F, AnswerScorer>)
      AnswerScorer(F score) {  // NOLINT(google-explicit-constructor): a function is meant to be passed as it is
    using Result = std::invoke_result_t<F&, std::span<const Response>>;
    if constexpr (std::same_as<Result, std::vector<Score>>)
      score_ = std::move(score);
    else
      score_ = [numbers = std::move(score)](std::span<const Response> answers) mutable {
        std::vector<Score> scores;
        for (const double total : numbers(answers)) scores.push_back({.total = total});
        return scores;
      };
  }

  std::vector<Score> operator()(std::span<const Response> answers) const { return score_(answers); }

 private:
  std::function<std::vector<Score>(std::span<const Response>)> score_;
};

}  // namespace reclm::instruct
