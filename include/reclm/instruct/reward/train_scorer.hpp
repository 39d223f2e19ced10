#pragma once
/// @file train_scorer.hpp
/// The stage `reward` (A3): pairs of a good and a bad answer → a reward model, with its accuracy by kind of bad answer.

#include <array>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/observer.hpp"
#include "reclm/data/fingerprint.hpp"
#include "reclm/instruct/detail/stage_start.hpp"
#include "reclm/instruct/reward/pair_accuracy.hpp"
#include "reclm/instruct/reward/sequence_scorer.hpp"
#include "reclm/instruct/rl/checkpoint.hpp"
#include "reclm/instruct/samples.hpp"
#include "reclm/lm/training/gradients.hpp"

namespace reclm::instruct {

struct TrainScorerOptions {
  int epochs = 2;               ///< 1 or more
  Index pairs = 8;              ///< a step
  double learning_rate = 1e-4;  ///< constant, of AdamW
  double gradient_norm = 1;     ///< 0: never shortened
  std::uint64_t seed = 1;
  std::string depends_on{};            ///< on what else it depends (the weights below): compared when it is resumed
  std::filesystem::path checkpoint{};  ///< kept up to date; empty: none
  Index checkpoint_every = 50;         ///< steps
  bool resume = false;
  Observer observer{};  ///< after each step; metrics: the step's accuracy. Returning false saves and stops
};

struct TrainScorerReport {
  std::vector<double> losses;  ///< one a step
  PairAccuracy held_out;       ///< after training
  bool interrupted = false;
};

/// Trains `scorer` by −log σ(r(chosen) − r(rejected)). A step depends on (seed, step) and the parameters alone, so that
/// a resumed stage ends with the same bits.
/// @throws ConfigError, NumericError, IoError, DataError
template <class B>
TrainScorerReport train_scorer(SequenceScorer<B>& scorer, std::span<const PreferencePair> pairs,
                               std::span<const PreferencePair> held_out, const TrainScorerOptions& options = {}) {
  if (options.epochs < 1 || options.pairs < 1 || options.checkpoint_every < 1 || pairs.empty())
    throw ConfigError("TrainScorerOptions: epochs, pairs and checkpoint_every must be 1 or more, and pairs be given");
  std::vector<std::vector<lm::TokenId>> sequences;
  Fingerprint data;
  for (const PreferencePair& pair : pairs)
    for (const std::string* answer : {&pair.chosen, &pair.rejected}) {
      sequences.push_back(scorer.tokens(pair.prompt, *answer));
      data.add(std::span<const lm::TokenId>(sequences.back()));
    }
  const auto parameters = scorer.parameters();
  Adam<B, float> adam(parameters, {.learning_rate = options.learning_rate});
  const Index each_epoch = chunk_count(static_cast<Index>(pairs.size()), options.pairs);
  const Index total = each_epoch * options.epochs;
  char rate[40], norm[40];
  std::snprintf(rate, sizeof rate, "%.17g", options.learning_rate);
  std::snprintf(norm, sizeof norm, "%.17g", options.gradient_norm);
  const StageSettings settings{{"model", scorer.model_name()},
                               {"pairs", std::to_string(pairs.size()) + " of fingerprint " + data.text()},
                               {"epochs", std::to_string(options.epochs)},
                               {"pairs_a_step", std::to_string(options.pairs)},
                               {"learning_rate", rate},
                               {"gradient_norm", norm},
                               {"updates", scorer.updates_text()},
                               {"start", detail::parameters_print(parameters)},
                               {"depends_on", options.depends_on},
                               {"seed", std::to_string(options.seed)}};
  TrainScorerReport report;
  const auto save = [&] {
    if (options.checkpoint.empty()) return;
    StageState state{static_cast<std::uint32_t>(report.losses.size()), adam.steps(),
                     Matrix<double>(1, static_cast<Index>(report.losses.size()), report.losses)};
    save_stage(options.checkpoint, parameters, adam, state, settings);
  };
  if (!options.checkpoint.empty()) remove_abandoned(options.checkpoint);
  if (options.resume && !options.checkpoint.empty() && std::filesystem::exists(options.checkpoint)) {
    const StageState state = load_stage(options.checkpoint, parameters, adam, settings);
    report.losses.assign(state.history.data(), state.history.data() + state.history.size());
    scorer.refresh();
  }
  std::vector<std::size_t> order;
  Index ordered = -1;
  while (static_cast<Index>(report.losses.size()) < total) {
    const auto step = static_cast<Index>(report.losses.size());
    if (step / each_epoch != ordered) {
      ordered = step / each_epoch;
      order.resize(pairs.size());
      std::iota(order.begin(), order.end(), std::size_t{0});
      RandomSequence random(Random(options.seed, Stream::shuffle, static_cast<std::uint32_t>(ordered)));
      for (std::size_t k = order.size(); k > 1; --k)
        std::swap(order[k - 1], order[random.below(static_cast<std::uint32_t>(k))]);
    }
    std::vector<std::vector<lm::TokenId>> batch;
    const auto first = static_cast<std::size_t>((step % each_epoch) * options.pairs);
    for (std::size_t k = first; k < std::min(order.size(), first + static_cast<std::size_t>(options.pairs)); ++k)
      for (std::size_t side = 0; side < 2; ++side) batch.push_back(sequences[2 * order[k] + side]);
    Tape<B, float> tape;
    const Var scores = scorer.scores(tape, batch, {.dropout = {true, options.seed, static_cast<std::uint32_t>(step)}});
    const PairLoss loss = pair_loss(tape, scores);
    float value;
    B::to_host(&value, tape.value(loss.loss).data(), 1);
    tape.backward(loss.loss);
    if (options.gradient_norm > 0) lm::clip_gradients(parameters, options.gradient_norm);
    if (!std::isfinite(value))
      throw NumericError("reward: the loss is " + std::to_string(value) + " at step " + std::to_string(step + 1) +
                         ". Remedy: lower the learning rate");
    adam.step();
    scorer.refresh();
    report.losses.push_back(static_cast<double>(value));
    const Metric metrics[] = {{"accuracy", loss.accuracy}, {"margin", loss.margin}};
    const bool go_on = notify(
        options.observer,
        {.stage = "reward", .step = step + 1, .total = total, .loss = static_cast<double>(value), .metrics = metrics});
    const bool last = step + 1 == total;
    if (last || !go_on || (step + 1) % options.checkpoint_every == 0) save();
    if (!go_on && !last) {
      report.interrupted = true;
      return report;
    }
  }
  report.held_out = pair_accuracy(scorer, held_out);
  return report;
}

}  // namespace reclm::instruct
