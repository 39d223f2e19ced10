#pragma once
/// @file tune_policy.hpp
/// The stage `ppo` (A4): reinforcement learning of a policy over many steps, with checkpoints and exact resume.

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "reclm/core/observer.hpp"
#include "reclm/data/fingerprint.hpp"
#include "reclm/instruct/rl/checkpoint.hpp"
#include "reclm/instruct/rl/trainer.hpp"

namespace reclm::instruct {

struct TunePolicyOptions {
  RlOptions rl{};
  Index steps = 100;         ///< 1 or more
  Index questions = 16;      ///< asked in a step; all are asked once before any is asked again
  std::string depends_on{};  ///< on what else the run depends (model, reward, data): compared when it is resumed
  std::filesystem::path checkpoint{};  ///< kept up to date; empty: none
  Index checkpoint_every = 10;         ///< steps
  bool resume = false;                 ///< go on from `checkpoint` where it exists
  Observer observer{};                 ///< after each step, with RlStats as metrics; returning false saves and stops
};

struct TunePolicyReport {
  std::vector<RlStats> history;  ///< one a step, resumed ones included
  bool interrupted = false;

  /// The mean of a figure over `count` steps from `first` on.
  [[nodiscard]] double mean(double RlStats::*figure, std::size_t first, std::size_t count) const {
    double total = 0;
    const std::size_t last = std::min(history.size(), first + count);
    for (std::size_t k = first; k < last; ++k) total += history[k].*figure;
    return last > first ? total / static_cast<double>(last - first) : 0;
  }
};

namespace detail {

inline constexpr double RlStats::*kStatsFields[] = {
    &RlStats::reward,     &RlStats::reward_spread, &RlStats::kl,       &RlStats::kl_coefficient,
    &RlStats::entropy,    &RlStats::clip_fraction, &RlStats::ratio_kl, &RlStats::policy_loss,
    &RlStats::value_loss, &RlStats::accuracy,      &RlStats::length};
inline constexpr std::string_view kStatsNames[] = {"reward",     "reward spread", "KL",        "KL coefficient",
                                                   "entropy",    "clip fraction", "update KL", "policy loss",
                                                   "value loss", "pair accuracy", "length"};

/// The questions of a step: consecutive ones of an order that is shuffled anew each time all were asked.
inline std::vector<Index> questions_of_step(Index step, Index each, Index all, std::uint64_t seed) {
  std::vector<Index> result, order(static_cast<std::size_t>(all));
  Index epoch = -1;
  for (Index k = step * each; k < (step + 1) * each; ++k) {
    if (k / all != epoch) {
      epoch = k / all;
      std::iota(order.begin(), order.end(), Index{0});
      RandomSequence random(Random(seed ^ 0x71756573ull, Stream::shuffle, static_cast<std::uint32_t>(epoch)));
      for (std::size_t i = order.size(); i > 1; --i)
        std::swap(order[i - 1], order[random.below(static_cast<std::uint32_t>(i))]);
    }
    result.push_back(order[static_cast<std::size_t>(k % all)]);
  }
  return result;
}

inline StageSettings settings_of(const TunePolicyOptions& o, Index questions) {
  const auto text = [](double x) {
    char buffer[40];
    std::snprintf(buffer, sizeof buffer, "%.17g", x);
    return std::string(buffer);
  };
  return {
      {"algorithm", std::string(name_of(o.rl.algorithm))},
      {"questions", std::to_string(o.questions) + " of " + std::to_string(questions)},
      {"group", std::to_string(o.rl.group) + (o.rl.against_group ? ", against each other" : "")},
      {"passes", std::to_string(o.rl.passes)},
      {"minibatch", std::to_string(o.rl.minibatch)},
      {"learning_rate", text(o.rl.learning_rate)},
      {"decay", text(o.rl.decay)},
      {"clip", text(o.rl.clip)},
      {"gradient_norm", text(o.rl.gradient_norm)},
      {"discount", text(o.rl.discount)},
      {"lambda", text(o.rl.lambda)},
      {"value", "clip " + text(o.rl.value_clip) + ", weight " + text(o.rl.value_weight)},
      {"whitened", std::string(o.rl.whiten_rewards ? "rewards " : "") + (o.rl.whiten_advantages ? "advantages" : "")},
      {"estimator", "k" + std::to_string(static_cast<int>(o.rl.estimator) + 1)},
      {"grpo", "beta " + text(o.rl.grpo_beta) + (o.rl.divide_by_spread ? ", divided by spread" : "")},
      {"dpo", "beta " + text(o.rl.dpo_beta) + ", smoothing " + text(o.rl.dpo_smoothing)},
      {"kl", text(o.rl.kl.coefficient) + ", target " + text(o.rl.kl.target) + ", horizon " + text(o.rl.kl.horizon)},
      {"seed", std::to_string(o.rl.seed)},
      {"depends_on", o.depends_on}};
}

}  // namespace detail

/// Tunes `policy` (an RlPolicy with `questions()`) towards `scorer`. Steps may be raised when a finished stage is
/// resumed, not lowered: what was learned cannot be taken back.
/// @throws ConfigError, NumericError, IoError, DataError
template <class B, class T, RlPolicy<B, T> P>
TunePolicyReport tune_policy(P& policy, const AnswerScorer& scorer, const TunePolicyOptions& options) {
  if (options.steps < 1 || options.questions < 1 || options.checkpoint_every < 1 || policy.questions() < 1)
    throw ConfigError("TunePolicyOptions: steps, questions and checkpoint_every must be 1 or more, and so the prompts");
  RlTrainer<B, T, P> trainer(policy, options.rl);
  const StageSettings settings = detail::settings_of(options, policy.questions());
  constexpr auto fields = static_cast<Index>(std::size(detail::kStatsFields));
  TunePolicyReport report;
  const auto save = [&] {
    if (options.checkpoint.empty()) return;
    // Behind the figures, the KL's weight of the next step.
    StageState state{trainer.steps(), trainer.adam().steps(), Matrix<double>(trainer.steps() + 1, fields)};
    for (std::size_t r = 0; r < report.history.size(); ++r)
      for (Index c = 0; c < fields; ++c)
        state.history(static_cast<Index>(r), c) = report.history[r].*detail::kStatsFields[c];
    state.history(trainer.steps(), 0) = trainer.controller().coefficient();
    save_stage(options.checkpoint, policy.parameters(), trainer.adam(), state, settings);
  };
  if (!options.checkpoint.empty()) remove_abandoned(options.checkpoint);
  if (options.resume && !options.checkpoint.empty() && std::filesystem::exists(options.checkpoint)) {
    const StageState state = load_stage(options.checkpoint, policy.parameters(), trainer.adam(), settings);
    if (static_cast<Index>(state.steps) > options.steps)
      throw ConfigError(options.checkpoint.string() + ": the stage has taken " + std::to_string(state.steps) +
                        " steps already, and " + std::to_string(options.steps) +
                        " are asked for. Remedy: ask for as many or more, or name another folder");
    if (state.history.rows() != static_cast<Index>(state.steps) + 1 || state.history.cols() != fields)
      throw DataError(options.checkpoint.string(), 0, "its history does not fit its steps",
                      "remove the file and begin the stage anew");
    for (Index r = 0; r < static_cast<Index>(state.steps); ++r) {
      RlStats& stats = report.history.emplace_back();
      for (Index c = 0; c < fields; ++c) stats.*detail::kStatsFields[c] = state.history(r, c);
    }
    trainer.resume_at(state.steps, state.history(state.steps, 0));
    if constexpr (requires { policy.refresh(); }) policy.refresh();
  }
  while (static_cast<Index>(trainer.steps()) < options.steps) {
    const auto asked =
        detail::questions_of_step(trainer.steps(), options.questions, policy.questions(), options.rl.seed);
    report.history.push_back(trainer.step(asked, scorer));
    const RlStats& stats = report.history.back();
    std::vector<Metric> metrics;
    for (Index c = 0; c < fields; ++c) metrics.push_back({detail::kStatsNames[c], stats.*detail::kStatsFields[c]});
    const bool go_on = notify(options.observer, {.stage = name_of(options.rl.algorithm),
                                                 .step = static_cast<Index>(trainer.steps()),
                                                 .total = options.steps,
                                                 .loss = stats.policy_loss,
                                                 .metrics = metrics});
    const bool last = static_cast<Index>(trainer.steps()) >= options.steps;
    if (last || !go_on || static_cast<Index>(trainer.steps()) % options.checkpoint_every == 0) save();
    if (!go_on && !last) {
      report.interrupted = true;
      break;
    }
  }
  return report;
}

}  // namespace reclm::instruct
