#pragma once
/// @file finetune.hpp
/// Supervised fine-tuning: trains a decoder to write the marked tokens of samples, with AdamW, warm-up and cosine
/// decay.
///
///     finetune(model, samples, {.epochs = 3, .learning_rate = 2e-4});
///
/// The same samples, options and seed give the same bits on any number of threads, and a training that was stopped or
/// killed goes on from its checkpoint to the same bits.

#include <chrono>
#include <cmath>
#include <filesystem>
#include <numbers>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/observer.hpp"
#include "reclm/data/fingerprint.hpp"
#include "reclm/lm/training/gradients.hpp"
#include "reclm/lm/training/trainable_decoder.hpp"
#include "reclm/model/checkpoint.hpp"

namespace reclm::lm {

struct FinetuneOptions {
  int epochs = 3;               ///< 1 or more
  Index batch_tokens = 2048;    ///< tokens of a packed batch at most; a longer sample is a batch of its own
  int accumulate = 1;           ///< batches whose gradients make a step, 1 or more
  double learning_rate = 2e-4;  ///< the highest, above 0
  double warmup = 0.03;         ///< share of the steps in which the rate rises from 0, 0 to below 1
  double final_rate = 0.1;      ///< share of learning_rate at which the cosine ends, 0 to 1
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double decay = 0;                    ///< AdamW's weight decay, 0 or more
  double max_gradient_norm = 1;        ///< gradients are scaled down to it; 0: never
  bool recompute = false;              ///< see PassOptions
  std::uint64_t seed = 1;              ///< of the samples' order and of dropout
  std::string stage = "finetune";      ///< as the observer is told it
  std::string model_name{};            ///< kept in the checkpoint and compared, so that no other model goes on from it
  std::filesystem::path checkpoint{};  ///< safetensors file that is kept up to date; empty: none
  Index checkpoint_every = 0;          ///< steps between checkpoints; 0: once an epoch
  bool resume = false;                 ///< go on from `checkpoint` where it exists
  Observer observer{};                 ///< told after each step; returning false saves a checkpoint and stops
};

struct FinetuneReport {
  std::vector<double> epoch_loss;  ///< mean over the steps of each epoch, of the loss a token
  double last_loss = 0;            ///< of the last step
  Index steps = 0;                 ///< in all, resumed ones included
  Index skipped_samples = 0;       ///< samples without a token to learn
  Index tokens = 0;                ///< that passed in this call
  double seconds = 0;              ///< of this call
  bool interrupted = false;  ///< the observer stopped it; the checkpoint, where one was asked for, holds its state
};

/// The rate of step `step` (from 0) of `steps`: linear warm-up, then half a cosine.
inline double scheduled_rate(const FinetuneOptions& options, Index step, Index steps) {
  const double rising = std::floor(options.warmup * static_cast<double>(steps)), at = static_cast<double>(step);
  if (at < rising) return options.learning_rate * (at + 1) / rising;
  const double falling = std::max(1.0, static_cast<double>(steps) - rising), end = options.final_rate;
  const double cosine = (1 + std::cos(std::numbers::pi * (at - rising) / falling)) / 2;
  return options.learning_rate * (end + (1 - end) * cosine);
}

/// Mean loss a token over the samples, without dropout.
template <class B, class T>
double mean_loss(const TrainableDecoder<B, T>& model, std::span<const TrainingSample> samples,
                 Index batch_tokens = 2048) {
  double total = 0;
  Index targets = 0;
  for (const auto& numbers : plan_batches(samples, batch_tokens, 0, 0)) {
    PackedBatch batch;
    for (const Index k : numbers) batch.add(samples[static_cast<std::size_t>(k)]);
    if (batch.targets.rows.empty()) continue;
    Tape<B, T> tape(false);
    const Var loss = model.loss(tape, model.forward(tape, batch), batch.targets, 1);
    T value;
    B::to_host(&value, tape.value(loss).data(), 1);
    total += static_cast<double>(value);
    targets += static_cast<Index>(batch.targets.rows.size());
  }
  return targets == 0 ? 0 : total / static_cast<double>(targets);
}

namespace detail {

template <class B, class T>
class Finetuner {
 public:
  Finetuner(TrainableDecoder<B, T>& model, std::span<const TrainingSample> samples, const FinetuneOptions& options)
      : model_(model),
        options_(checked(options)),
        parameters_(model.parameters()),
        adam_(parameters_, {.learning_rate = options.learning_rate,
                            .beta1 = options.beta1,
                            .beta2 = options.beta2,
                            .epsilon = options.epsilon,
                            .decay = options.decay}),
        sum_(parameters_) {
    for (const TrainingSample& sample : samples) {
      if (sample.targets() > 0)
        samples_.push_back(sample);
      else
        ++report_.skipped_samples;
    }
    if (samples_.empty())
      throw ConfigError(
          "finetune: no sample has a token to learn. Remedy: check that the samples hold responses and "
          "that their beginnings are not cut off");
    for (int epoch = 0; epoch < options_.epochs; ++epoch) steps_.push_back(steps_of(epoch));
    for (const Index steps : steps_) all_steps_ += steps;
  }

  FinetuneReport run() {
    if (!options_.checkpoint.empty()) remove_abandoned(options_.checkpoint);
    if (options_.resume && !options_.checkpoint.empty() && std::filesystem::exists(options_.checkpoint)) {
      ParameterValues<T> best;
      state_ = load_checkpoint(options_.checkpoint, parameters_, adam_, best, settings());
      for (const EpochRecord& record : state_.report.history) report_.epoch_loss.push_back(record.loss);
      model_.refresh();
    }
    const auto start = std::chrono::steady_clock::now();
    while (!state_.finished && !report_.interrupted) run_epoch();
    report_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    report_.steps = state_.steps;
    return report_;
  }

 private:
  static constexpr const char* kRemedy = ". Remedy: lower the learning rate, or clip gradients";

  static const FinetuneOptions& checked(const FinetuneOptions& o) {
    const auto require = [](bool fine, const char* rule) {
      if (!fine) throw ConfigError(std::string("FinetuneOptions: ") + rule);
    };
    require(o.epochs >= 1, "epochs must be 1 or more");
    require(o.batch_tokens >= 1, "batch_tokens must be 1 or more");
    require(o.accumulate >= 1, "accumulate must be 1 or more");
    require(o.warmup >= 0 && o.warmup < 1, "warmup must lie in 0 … below 1");
    require(o.final_rate >= 0 && o.final_rate <= 1, "final_rate must lie in 0 … 1");
    require(o.max_gradient_norm >= 0, "max_gradient_norm must be 0 or more");
    require(o.checkpoint_every >= 0, "checkpoint_every must be 0 or more");
    return o;
  }

  [[nodiscard]] std::vector<std::vector<Index>> batches_of(int epoch) const {
    return plan_batches(samples_, options_.batch_tokens, options_.seed, epoch);
  }
  [[nodiscard]] Index steps_of(int epoch) const {
    return chunk_count(static_cast<Index>(batches_of(epoch).size()), options_.accumulate);
  }

  [[nodiscard]] TrainingSettings settings() const {
    const auto text = [](auto x) { return reclm::detail::exact_text(x); };
    Fingerprint data;
    for (const TrainingSample& sample : samples_)
      data.add(std::span<const TokenId>(sample.tokens)).add(std::span<const std::uint8_t>(sample.learn));
    return {{"model", options_.model_name},
            {"epochs", text(options_.epochs)},
            {"batch_tokens", text(options_.batch_tokens)},
            {"accumulate", text(options_.accumulate)},
            {"learning_rate", text(options_.learning_rate)},
            {"warmup", text(options_.warmup)},
            {"final_rate", text(options_.final_rate)},
            {"beta1", text(options_.beta1)},
            {"beta2", text(options_.beta2)},
            {"epsilon", text(options_.epsilon)},
            {"decay", text(options_.decay)},
            {"max_gradient_norm", text(options_.max_gradient_norm)},
            {"seed", text(options_.seed)},
            {"lora_dropout", text(model_.lora() ? model_.lora()->dropout : 0.0)},
            {"lora_alpha", text(model_.lora() ? model_.lora()->alpha : 0.0)},
            {"samples", std::to_string(samples_.size()) + " of fingerprint " + data.text()}};
  }

  void run_epoch() {
    const auto batches = batches_of(state_.epoch);
    const Index steps = steps_[static_cast<std::size_t>(state_.epoch)];
    bool go_on = true;
    while (go_on && state_.batch < steps) {
      const auto first = static_cast<std::size_t>(state_.batch * options_.accumulate);
      const auto last = std::min(batches.size(), first + static_cast<std::size_t>(options_.accumulate));
      step(std::span(batches).subspan(first, last - first));
      const Metric metrics[] = {{"rate", adam_.options().learning_rate}};
      go_on = notify(options_.observer, {.stage = options_.stage,
                                         .step = state_.steps,
                                         .total = all_steps_,
                                         .loss = report_.last_loss,
                                         .metrics = metrics});
      const bool due = options_.checkpoint_every > 0 && state_.steps % options_.checkpoint_every == 0;
      if (state_.batch < steps && (!go_on || due)) save();
    }
    report_.interrupted = !go_on;
    if (state_.batch == steps) finish_epoch(steps);
  }

  void finish_epoch(Index steps) {
    state_.report.history.push_back({state_.epoch + 1, state_.loss_sum / static_cast<double>(steps)});
    report_.epoch_loss.push_back(state_.report.history.back().loss);
    ++state_.epoch;
    state_.batch = 0;
    state_.loss_sum = 0;
    state_.finished = state_.epoch == options_.epochs;
    save();
  }

  void step(std::span<const std::vector<Index>> batches) {
    Index targets = 0;
    for (const auto& numbers : batches)
      for (const Index k : numbers) targets += samples_[static_cast<std::size_t>(k)].targets();
    double loss = 0;
    for (std::size_t k = 0; k < batches.size(); ++k) loss += pass(batches[k], static_cast<double>(targets), k);
    sum_.give();
    const double norm = options_.max_gradient_norm > 0 ? clip_gradients(parameters_, options_.max_gradient_norm)
                                                       : gradient_norm(parameters_);
    if (!std::isfinite(loss) || !std::isfinite(norm))
      throw NumericError(options_.stage + ": the loss is " + std::to_string(loss) + " and the gradient's norm " +
                         std::to_string(norm) + " at step " + std::to_string(state_.steps + 1) + kRemedy);
    adam_.set_learning_rate(scheduled_rate(options_, state_.steps, all_steps_));
    adam_.step();
    model_.refresh();
    ++state_.batch;
    ++state_.steps;
    state_.loss_sum += loss;
    report_.last_loss = loss;
  }

  double pass(const std::vector<Index>& numbers, double divisor, std::size_t number) {
    PackedBatch batch;
    for (const Index k : numbers) batch.add(samples_[static_cast<std::size_t>(k)]);
    report_.tokens += static_cast<Index>(batch.tokens.size());
    const auto draw = static_cast<std::uint32_t>(state_.steps * options_.accumulate + static_cast<Index>(number));
    Tape<B, T> tape;
    const Var hidden =
        model_.forward(tape, batch, {.recompute = options_.recompute, .dropout = {true, options_.seed, draw}});
    const Var loss = model_.loss(tape, hidden, batch.targets, divisor);
    T value;
    B::to_host(&value, tape.value(loss).data(), 1);
    tape.backward(loss);
    sum_.take();
    return static_cast<double>(value);
  }

  void save() {
    if (options_.checkpoint.empty()) return;
    adam_.flush();
    save_checkpoint(options_.checkpoint, parameters_, adam_, ParameterValues<T>{}, state_, settings());
  }

  TrainableDecoder<B, T>& model_;
  FinetuneOptions options_;
  std::vector<Parameter<B, T>*> parameters_;
  Adam<B, T> adam_;
  GradientSum<B, T> sum_;
  std::vector<TrainingSample> samples_;
  std::vector<Index> steps_;  // by epoch
  Index all_steps_ = 0;
  TrainingState state_;
  FinetuneReport report_;
};

}  // namespace detail

/// Trains `model` on the samples. A step's loss is the mean over its tokens to learn.
/// @throws ConfigError on options out of range or samples without anything to learn; NumericError when the loss or the
/// gradient leaves the finite numbers, before any parameter did
template <class B, class T>
FinetuneReport finetune(TrainableDecoder<B, T>& model, std::span<const TrainingSample> samples,
                        const FinetuneOptions& options = {}) {
  return detail::Finetuner<B, T>(model, samples, options).run();
}

}  // namespace reclm::lm
