#pragma once
/// @file trainer.hpp
/// Trains a joint model by BPR: batches, Adam, selection, early stopping, checkpoints.

#include <chrono>
#include <cmath>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>

#include "reclm/data/fingerprint.hpp"
#include "reclm/model/checkpoint.hpp"
#include "reclm/model/joint_model.hpp"
#include "reclm/model/train_options.hpp"

namespace reclm {

/// A figure of the model as it stands, larger is better: Recall@20 on a validation split, say. NaN when it could not be
/// measured: such an epoch is not selected and costs no patience.
template <class B, class T>
using Evaluator = std::function<double(JointModel<B, T>& model, int epoch)>;

namespace detail {

template <class B, class T>
class Trainer {
 public:
  Trainer(JointModel<B, T>& model, const Interactions& train, const TrainOptions& options,
          const Evaluator<B, T>& evaluator)
      : model_(model),
        options_(checked(options, model, train)),
        evaluator_(evaluator),
        sampler_(train, {.seed = options.seed, .negatives = options.negatives}),
        adam_(model.parameters(), {.learning_rate = options.learning_rate, .l2 = options.l2}),
        batches_(sampler_.batches(options.batch_size)),
        stage_("train " + model.name()),
        interactions_(std::to_string(train.size()) + " of fingerprint " + Fingerprint().add(train).text()) {}

  TrainReport run() {
    if (!options_.checkpoint.empty()) remove_abandoned(options_.checkpoint);
    if (options_.resume && !options_.checkpoint.empty() && std::filesystem::exists(options_.checkpoint))
      state_ = load_checkpoint(options_.checkpoint, model_.parameters(), adam_, best_, settings());
    while (!state_.finished) {
      if (!run_epoch()) {
        state_.report.interrupted = true;
        break;
      }
    }
    adam_.flush();
    if (!state_.report.interrupted && !best_.empty()) set_parameters(model_.parameters(), best_);
    state_.report.steps = state_.steps;
    return state_.report;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr const char* kNumericRemedy =
      ". Remedy: lower the learning rate, or look for extreme values in the feature vectors";

  static const TrainOptions& checked(const TrainOptions& o, const JointModel<B, T>& model, const Interactions& train) {
    if (o.epochs < 1) throw ConfigError("TrainOptions: epochs must be 1 or more");
    if (o.batch_size < 1) throw ConfigError("TrainOptions: batch_size must be 1 or more");
    if (o.evaluate_every < 1) throw ConfigError("TrainOptions: evaluate_every must be 1 or more");
    if (o.patience < 0 || o.checkpoint_every < 0)
      throw ConfigError("TrainOptions: patience and checkpoint_every must be 0 or more");
    require_size("train", "number of users of the model", model.users(), train.users());
    require_size("train", "number of items of the model", model.items(), train.items());
    return o;
  }

  [[nodiscard]] TrainingSettings settings() const {
    const auto text = [](auto x) { return detail::exact_text(x); };
    return {{"model", model_.name()},
            {"backbone", model_.backbone().settings()},
            {"subject", options_.subject},
            {"epochs", text(options_.epochs)},
            {"batch_size", text(options_.batch_size)},
            {"learning_rate", text(options_.learning_rate)},
            {"l2", text(options_.l2)},
            {"seed", text(options_.seed)},
            {"negatives", text(static_cast<int>(options_.negatives))},
            {"selection", text(static_cast<int>(options_.selection))},
            {"evaluate_every", text(options_.evaluate_every)},
            {"patience", text(options_.patience)},
            {"interactions", interactions_}};
  }

  // False when the observer stopped it.
  bool run_epoch() {
    while (state_.batch < batches_) {
      const auto start = Clock::now();
      const double loss = run_step();
      state_.report.seconds += std::chrono::duration<double>(Clock::now() - start).count();
      const bool go_on =
          notify(options_.observer,
                 {.stage = stage_, .step = state_.steps, .total = batches_ * options_.epochs, .loss = loss});
      if (!go_on) {
        save();
        return false;
      }
      if (options_.checkpoint_every > 0 && state_.steps % options_.checkpoint_every == 0) save();
    }
    return finish_epoch();
  }

  double run_step() {
    sampler_.batch(state_.epoch, state_.batch, options_.batch_size, triples_);
    Tape<B, T> tape;
    const TrainingStep<B, T> step{tape,
                                  triples_,
                                  static_cast<double>(options_.batch_size),
                                  options_.seed,
                                  static_cast<std::uint32_t>(state_.steps),
                                  &adam_};
    const Var loss = model_.loss(step);
    T value;
    B::to_host(&value, tape.value(loss).data(), 1);
    if (!std::isfinite(value))
      throw NumericError(model_.name() + ": the loss is " + std::to_string(value) + " at step " +
                         std::to_string(state_.steps + 1) + " (epoch " + std::to_string(state_.epoch + 1) + ", batch " +
                         std::to_string(state_.batch + 1) + ")" + kNumericRemedy);
    tape.backward(loss);
    adam_.step();
    model_.finish_step();
    ++state_.batch;
    ++state_.steps;
    last_loss_ = static_cast<double>(value);
    state_.loss_sum += last_loss_;
    return last_loss_;
  }

  // A gradient may overflow where the loss did not; such parameters are neither ranked with nor saved.
  void check_parameters() const {
    for (const auto* p : model_.parameters())
      if (!std::isfinite(B::sum(p->value.data(), p->value.size())))
        throw NumericError(model_.name() + ": parameter " + p->name() + " is no longer finite after step " +
                           std::to_string(state_.steps) + ", whose loss was " + std::to_string(last_loss_) +
                           kNumericRemedy);
  }

  bool finish_epoch() {
    check_parameters();
    EpochRecord record{state_.epoch + 1, state_.loss_sum / static_cast<double>(batches_)};
    const bool last = state_.epoch + 1 >= options_.epochs;
    state_.finished = last;
    if (evaluator_ && (last || (state_.epoch + 1) % options_.evaluate_every == 0)) {
      adam_.flush();
      record.metric = evaluator_(model_, record.epoch);
      note(record);
    }
    state_.report.history.push_back(record);
    ++state_.epoch;
    state_.batch = 0;
    state_.loss_sum = 0;
    if (options_.checkpoint_every == 0 || state_.finished) save();
    const Metric metrics[] = {{"epoch", static_cast<double>(record.epoch)}, {"validation", record.metric}};
    const bool go_on = notify(options_.observer, {.stage = stage_,
                                                  .step = state_.steps,
                                                  .total = batches_ * options_.epochs,
                                                  .loss = record.loss,
                                                  .metrics = metrics});
    if (!go_on && !state_.finished) save();
    return go_on || state_.finished;
  }

  void note(const EpochRecord& record) {
    // What could not be measured selects nothing, and is no reason to stop.
    if (std::isnan(record.metric)) return;
    if (state_.report.best_epoch == 0 || record.metric > state_.report.best_metric) {
      state_.report.best_epoch = record.epoch;
      state_.report.best_metric = record.metric;
      state_.evaluations_since_best = 0;
      if (options_.selection == Selection::best) best_ = copy_parameters(model_.parameters());
    } else if (++state_.evaluations_since_best >= options_.patience && options_.patience > 0) {
      state_.report.stopped_early = !state_.finished;
      state_.finished = true;
    }
  }

  void save() {
    if (options_.checkpoint.empty()) return;
    adam_.flush();
    check_parameters();
    save_checkpoint(options_.checkpoint, model_.parameters(), adam_, best_, state_, settings());
  }

  JointModel<B, T>& model_;
  const TrainOptions& options_;
  const Evaluator<B, T>& evaluator_;
  BprSampler sampler_;
  Adam<B, T> adam_;
  Index batches_;
  std::string stage_, interactions_;
  double last_loss_ = 0;
  Triples triples_;
  ParameterValues<T> best_;
  TrainingState state_;
};

}  // namespace detail

/// Trains `model` on `train`. With an evaluator and `Selection::best` it ends with the parameters of the best epoch,
/// else (or when no figure could be measured) with the last ones; an interrupted training leaves the parameters as they
/// stand.
///
/// A step's random numbers depend on (seed, step) alone, so a resumed training ends with the same bits, on any number
/// of threads. A checkpoint of a finished training is resumed at once.
/// @throws ConfigError on options out of range; NumericError naming the step when the loss or a parameter is not
/// finite; IoError and DataError from checkpoints; ShapeError when the data set is not the model's
template <class B, class T>
TrainReport train(JointModel<B, T>& model, const Interactions& train_split, const TrainOptions& options,
                  const Evaluator<B, T>& evaluator = {}) {
  return detail::Trainer<B, T>(model, train_split, options, evaluator).run();
}

}  // namespace reclm
