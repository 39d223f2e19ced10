#pragma once
/// @file trainer.hpp
/// The loop of reinforcement learning: draw answers, score them, update the policy by PPO, GRPO or DPO.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/philox.hpp"
#include "reclm/instruct/rl/advantages.hpp"
#include "reclm/instruct/rl/losses.hpp"
#include "reclm/instruct/rl/options.hpp"
#include "reclm/instruct/rl/policy.hpp"
#include "reclm/instruct/rl/score.hpp"
#include "reclm/lm/training/gradients.hpp"
#include "reclm/tensor/adam.hpp"
#include "reclm/tensor/ops/loss.hpp"

namespace reclm::instruct {

/// What one answer went through.
struct ScoredAnswer {
  Response response;
  Score score;
  std::vector<double> log_probs, reference, values;  ///< one a token, when it was drawn
  std::vector<double> advantages, returns;           ///< PPO: one a token; GRPO: one advantage
};

/// Trains a policy step by step. A step depends on the parameters, Adam's moments, `steps()` and the KL's weight alone,
/// so that a training saved between two steps goes on with the same bits.
template <class B, class T, RlPolicy<B, T> P>
class RlTrainer {
 public:
  /// The policy must outlive the trainer. @throws ConfigError
  RlTrainer(P& policy, const RlOptions& options)
      : policy_(policy),
        options_(checked(options)),
        controller_(options.kl),
        adam_(policy.parameters(), {.learning_rate = options.learning_rate, .decay = options.decay}) {}

  [[nodiscard]] std::uint32_t steps() const { return steps_; }
  [[nodiscard]] const Adam<B, T>& adam() const { return adam_; }
  Adam<B, T>& adam() { return adam_; }
  KlController& controller() { return controller_; }
  [[nodiscard]] const KlController& controller() const { return controller_; }
  /// Goes on from a saved state; parameters and moments are the caller's to restore.
  void resume_at(std::uint32_t steps, double kl_coefficient) {
    steps_ = steps;
    controller_.set_coefficient(kl_coefficient);
  }
  /// The answers of the last step.
  [[nodiscard]] const std::vector<ScoredAnswer>& answers() const { return answers_; }

  /// One step on `questions`. @throws NumericError when a loss or a score is not finite; ShapeError when the policy or
  /// the scorer gives another number of things than it was asked for, or an answer without tokens
  RlStats step(std::span<const Index> questions, const AnswerScorer& scorer) {
    draw(questions, scorer);
    RlStats stats = describe();
    if (options_.algorithm == RlAlgorithm::ppo) credit_tokens();
    if (options_.algorithm == RlAlgorithm::grpo) credit_answers();
    update(stats);
    controller_.update(stats.kl, static_cast<double>(answers_.size()));
    ++steps_;
    return stats;
  }

 private:
  static const RlOptions& checked(const RlOptions& options) {
    check(options);
    return options;
  }

  void draw(std::span<const Index> questions, const AnswerScorer& scorer) {
    std::vector<Index> repeated;
    for (const Index question : questions)
      repeated.insert(repeated.end(), static_cast<std::size_t>(options_.group), question);
    std::vector<Response> responses = policy_.draw(repeated, steps_);
    detail::require_count("RlTrainer", "number of answers", responses.size(), repeated.size());
    for (const Response& response : responses)
      if (response.tokens.empty())
        throw ShapeError("RlTrainer: the policy drew an answer without a token, be it the one that ends it");
    std::vector<Score> scores = scorer(responses);
    detail::require_count("RlTrainer", "number of scores", scores.size(), responses.size());
    answers_.clear();
    for (std::size_t k = 0; k < responses.size(); ++k) {
      if (!finite(scores[k]))
        throw NumericError("RlTrainer: the score of answer " + std::to_string(k) + " in step " +
                           std::to_string(steps_ + 1) + " is not finite. Remedy: look at the reward's parts");
      check_parts(scores[k], responses[k]);
      answers_.push_back({std::move(responses[k]), std::move(scores[k]), {}, {}, {}, {}, {}});
    }
    remember();
  }

  static bool finite(const Score& score) {
    return std::isfinite(score.total) && std::all_of(score.parts.begin(), score.parts.end(),
                                                     [](const ScorePart& p) { return std::isfinite(p.amount); });
  }
  static void check_parts(const Score& score, const Response& response) {
    for (const ScorePart& part : score.parts)
      if (part.token < 0 || part.token >= static_cast<Index>(response.tokens.size()))
        throw ShapeError("RlTrainer: a part of a score is owed to token " + std::to_string(part.token) +
                         " of an answer of " + std::to_string(response.tokens.size()));
  }

  // Log-probabilities and values as they stand before the update, a mini-batch at a time.
  void remember() {
    const bool critic = options_.algorithm == RlAlgorithm::ppo;
    for (std::size_t first = 0; first < answers_.size();) {
      const std::size_t last = std::min(answers_.size(), first + static_cast<std::size_t>(options_.minibatch));
      std::vector<Response> part;
      std::size_t tokens = 0;
      for (std::size_t k = first; k < last; ++k) {
        part.push_back(answers_[k].response);
        tokens += part.back().tokens.size();
      }
      Tape<B, T> tape(false);
      const Evaluation now = policy_.evaluate(tape, part, critic);
      const auto log_probs = detail::host_values(tape.value(now.log_probs));
      const auto values = critic ? detail::host_values(tape.value(now.values)) : std::vector<double>{};
      const std::vector<double> reference = policy_.reference(part);
      detail::require_count("RlTrainer", "number of log-probabilities", log_probs.size(), tokens);
      detail::require_count("RlTrainer", "number of reference log-probabilities", reference.size(), tokens);
      if (critic) detail::require_count("RlTrainer", "number of values", values.size(), tokens);
      for (std::ptrdiff_t begin = 0, end = 0; first < last; ++first, begin = end) {
        ScoredAnswer& a = answers_[first];
        end = begin + static_cast<std::ptrdiff_t>(a.response.tokens.size());
        a.log_probs.assign(log_probs.begin() + begin, log_probs.begin() + end);
        a.reference.assign(reference.begin() + begin, reference.begin() + end);
        if (critic) a.values.assign(values.begin() + begin, values.begin() + end);
      }
    }
  }

  [[nodiscard]] RlStats describe() const {
    RlStats stats;
    const double n = std::max<double>(1, static_cast<double>(answers_.size()));
    double tokens = 0, squares = 0;
    for (const ScoredAnswer& a : answers_) {
      stats.reward += a.score.total / n;
      squares += a.score.total * a.score.total / n;
      for (std::size_t t = 0; t < a.log_probs.size(); ++t) {
        stats.kl += (a.log_probs[t] - a.reference[t]) / n;
        stats.entropy -= a.log_probs[t];
      }
      tokens += static_cast<double>(a.log_probs.size());
    }
    stats.entropy /= std::max(1.0, tokens);
    stats.length = tokens / n;
    stats.reward_spread = std::sqrt(std::max(0.0, squares - stats.reward * stats.reward));
    stats.kl_coefficient = controller_.coefficient();
    return stats;
  }

  // PPO: the KL at every token, the score's parts where they are owed, what is left of it at the last token.
  void credit_tokens() {
    std::vector<double> rewards;
    for (std::size_t k = 0; k < answers_.size(); ++k) {
      const ScoredAnswer& a = answers_[k];
      const std::size_t first = rewards.size();
      for (std::size_t t = 0; t < a.log_probs.size(); ++t)
        rewards.push_back(-controller_.coefficient() * estimate_kl(options_.estimator, a.log_probs[t], a.reference[t]));
      const auto credit = [&](Index token, const auto& part_of) {
        rewards[first + static_cast<std::size_t>(token)] +=
            part_of(answers_[k].score) - (options_.against_group ? mean_of_others(k, part_of) : 0.0);
      };
      const Index last = static_cast<Index>(a.log_probs.size()) - 1;
      // Of a part that others have and it has not, an answer's end is owed the lack.
      for (std::size_t part = 0; part < most_parts(k); ++part)
        credit(part < a.score.parts.size() ? a.score.parts[part].token : last,
               [part](const Score& s) { return s.part(part); });
      credit(last, [](const Score& s) { return s.rest(); });
    }
    if (options_.whiten_rewards) whiten(rewards, false);
    std::vector<double> all;
    std::size_t at = 0;
    for (ScoredAnswer& a : answers_) {
      Advantages credit = estimate_advantages(std::span(rewards).subspan(at, a.log_probs.size()), a.values,
                                              options_.discount, options_.lambda);
      at += a.log_probs.size();
      all.insert(all.end(), credit.advantages.begin(), credit.advantages.end());
      a.returns = std::move(credit.returns);
    }
    if (options_.whiten_advantages) whiten(all);
    at = 0;
    for (ScoredAnswer& a : answers_) {
      const auto begin = all.begin() + static_cast<std::ptrdiff_t>(at);
      a.advantages.assign(begin, begin + static_cast<std::ptrdiff_t>(a.log_probs.size()));
      at += a.log_probs.size();
    }
  }

  // Of an answer or, where it is compared with its group, of any in it.
  [[nodiscard]] std::size_t most_parts(std::size_t answer) const {
    if (!options_.against_group) return answers_[answer].score.parts.size();
    const auto group = static_cast<std::size_t>(options_.group);
    const std::size_t first = answer / group * group;
    std::size_t most = 0;
    for (std::size_t k = first; k < first + group; ++k) most = std::max(most, answers_[k].score.parts.size());
    return most;
  }

  // Of the other answers to the same question.
  template <class PartOf>
  [[nodiscard]] double mean_of_others(std::size_t answer, const PartOf& part_of) const {
    const auto group = static_cast<std::size_t>(options_.group);
    const std::size_t first = answer / group * group;
    double sum = -part_of(answers_[answer].score);
    for (std::size_t k = first; k < first + group; ++k) sum += part_of(answers_[k].score);
    return sum / static_cast<double>(group - 1);
  }

  // GRPO: each answer against its group.
  void credit_answers() {
    const auto group = static_cast<std::size_t>(options_.group);
    for (std::size_t first = 0; first < answers_.size(); first += group) {
      std::vector<double> scores;
      for (std::size_t k = 0; k < group; ++k) scores.push_back(answers_[first + k].score.total);
      const auto relative = relative_rewards(scores, options_.divide_by_spread);
      for (std::size_t k = 0; k < group; ++k) answers_[first + k].advantages.assign(1, relative[k]);
    }
  }

  // What is shuffled and cut into mini-batches: groups, so that a policy reads each prompt once; for DPO the pairs
  // (best, worst) of them; for PPO, which asks for none, single answers where a mini-batch is smaller than a group.
  [[nodiscard]] std::vector<std::vector<std::size_t>> units() const {
    const bool single = options_.algorithm == RlAlgorithm::ppo && options_.minibatch < options_.group;
    const std::size_t group = single ? 1 : static_cast<std::size_t>(options_.group);
    std::vector<std::vector<std::size_t>> result;
    for (std::size_t first = 0; first < answers_.size(); first += group) {
      std::vector<std::size_t> unit(group);
      std::iota(unit.begin(), unit.end(), first);
      if (options_.algorithm == RlAlgorithm::dpo) {
        const auto [worst, best] = std::minmax_element(unit.begin(), unit.end(), [&](std::size_t a, std::size_t b) {
          return answers_[a].score.total < answers_[b].score.total;
        });
        if (answers_[*best].score.total <= answers_[*worst].score.total) continue;  // nothing to prefer
        unit = {*best, *worst};
      }
      result.push_back(std::move(unit));
    }
    return result;
  }

  void update(RlStats& stats) {
    const auto all = units();
    if (all.empty()) return;
    const std::size_t each =
        std::max<std::size_t>(1, static_cast<std::size_t>(options_.minibatch) / all.front().size());
    double updates = 0;
    for (int pass = 0; pass < options_.passes; ++pass) {
      std::vector<std::size_t> order(all.size());
      std::iota(order.begin(), order.end(), std::size_t{0});
      RandomSequence random(
          Random(options_.seed, Stream::shuffle,
                 steps_ * static_cast<std::uint32_t>(options_.passes) + static_cast<std::uint32_t>(pass)));
      for (std::size_t k = order.size(); k > 1; --k)
        std::swap(order[k - 1], order[random.below(static_cast<std::uint32_t>(k))]);
      for (std::size_t first = 0; first < order.size(); first += each) {
        std::vector<std::size_t> batch;
        for (std::size_t k = first; k < std::min(order.size(), first + each); ++k)
          batch.insert(batch.end(), all[order[k]].begin(), all[order[k]].end());
        descend(batch, stats);
        ++updates;
      }
    }
    for (double* figure :
         {&stats.clip_fraction, &stats.ratio_kl, &stats.policy_loss, &stats.value_loss, &stats.accuracy})
      *figure /= updates;
  }

  void descend(const std::vector<std::size_t>& batch, RlStats& stats) {
    std::vector<Response> responses;
    std::vector<double> old, reference, values, advantages, returns;
    std::vector<std::size_t> lengths;
    const auto append = [](std::vector<double>& to, const std::vector<double>& from) {
      to.insert(to.end(), from.begin(), from.end());
    };
    for (const std::size_t k : batch) {
      const ScoredAnswer& a = answers_[k];
      responses.push_back(a.response);
      lengths.push_back(a.log_probs.size());
      append(old, a.log_probs);
      append(reference, a.reference);
      append(values, a.values);
      append(advantages, a.advantages);
      append(returns, a.returns);
    }
    Tape<B, T> tape;
    const Evaluation now = policy_.evaluate(tape, responses, options_.algorithm == RlAlgorithm::ppo);
    Var loss;
    if (options_.algorithm == RlAlgorithm::dpo) {
      std::vector<double> sums;
      for (const std::size_t k : batch)
        sums.push_back(std::accumulate(answers_[k].reference.begin(), answers_[k].reference.end(), 0.0));
      const PairLoss pairs =
          dpo_loss(tape, sum_segments(tape, now.log_probs, lengths), sums, options_.dpo_beta, options_.dpo_smoothing);
      loss = pairs.loss;
      stats.accuracy += pairs.accuracy;
    } else {
      const PolicyLoss policy =
          options_.algorithm == RlAlgorithm::ppo
              ? ppo_policy_loss(tape, now.log_probs, old, advantages, options_.clip)
              : grpo_loss(tape, now.log_probs, old, reference, lengths, advantages, options_.clip, options_.grpo_beta);
      loss = policy.loss;
      stats.clip_fraction += policy.clip_fraction;
      stats.ratio_kl += policy.ratio_kl;
    }
    stats.policy_loss += finite(tape, loss);
    if (options_.algorithm == RlAlgorithm::ppo) {
      const Var critic = ppo_value_loss(tape, now.values, values, returns, options_.value_clip);
      stats.value_loss += finite(tape, critic);
      loss = sum_losses(tape, {{loss, 1}, {critic, options_.value_weight}});
    }
    tape.backward(loss);
    const auto parameters = policy_.parameters();
    if (options_.gradient_norm > 0) lm::clip_gradients(parameters, options_.gradient_norm);
    adam_.step();
    if constexpr (requires { policy_.refresh(); }) policy_.refresh();
  }

  double finite(const Tape<B, T>& tape, Var loss) const {
    T value;
    B::to_host(&value, tape.value(loss).data(), 1);
    if (!std::isfinite(value))
      throw NumericError(std::string(name_of(options_.algorithm)) + ": the loss is " + std::to_string(value) +
                         " in step " + std::to_string(steps_ + 1) + ". Remedy: lower the learning rate");
    return static_cast<double>(value);
  }

  P& policy_;
  RlOptions options_;
  KlController controller_;
  Adam<B, T> adam_;
  std::vector<ScoredAnswer> answers_;
  std::uint32_t steps_ = 0;
};

}  // namespace reclm::instruct
