#pragma once
/// @file joint_adapter.hpp
/// `JointAdapter`: a better model made by training somebody's model together with profiles.

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "reclm/align/detail/fair_lock.hpp"
#include "reclm/align/detail/joint_state.hpp"
#include "reclm/align/frozen_options.hpp"
#include "reclm/align/history_inputs.hpp"
#include "reclm/align/joint_options.hpp"
#include "reclm/align/own_factors.hpp"
#include "reclm/align/presets.hpp"
#include "reclm/align/profiles.hpp"
#include "reclm/align/serving.hpp"
#include "reclm/backend/cpu/simd.hpp"
#include "reclm/data/fingerprint.hpp"
#include "reclm/model/backbones/matrix_factorization.hpp"
#include "reclm/model/concepts.hpp"
#include "reclm/model/encoder_backbone.hpp"
#include "reclm/model/joint_model.hpp"
#include "reclm/model/trainer.hpp"

namespace reclm {

/// RecLM's injection where vectors enter a model (an encoder), a contrast with profiles where they are the model.
template <class Model>
using DefaultJointPolicies = std::conditional_t<EmbeddingEncoder<Model>, presets::RecLM, presets::RlmRecCon>;

/// What `adapt` returns for a model that can be trained.
///
/// An `EmbeddingEncoder` gets initial vectors made of profiles (policies `P`, RecLM's by default) and maps them; a
/// `TrainableFactorModel` keeps its factors, which are trained by BPR and the alignment of `P` (RLMRec's contrast by
/// default), and items without a click take their profile head's vector. User profiles are the means of the histories'
/// item profiles where none are given; missing ones the mean of the others.
///
/// Models `FactorModel` and `Scorer`: `user_factors()` and `item_factors()` are final vectors. Members may be called
/// from several threads at once; `fit`, `add_item` and `add_user` wait for readers, and readers that come later for
/// them. One fit at a time trains the model, and `add_item` of a `TrainableFactorModel`, which asks the model, waits
/// for its end; nobody else may use the model meanwhile. Newcomers go with the next fit. Views of factors end with the
/// next of them. The model must outlive the adapter, which trains it on: a fit goes on from the weights it finds, and
/// with validation the adapter (not the model) keeps what the best epoch made.
template <class Model, class P = DefaultJointPolicies<Model>>
class JointAdapter {
  static_assert(
      EmbeddingEncoder<Model> || TrainableFactorModel<Model>,
      "reclm::JointAdapter: this model can not be trained from outside. Remedy: forward(in, out) and "
      "backward(d_out, d_in), or factors with add_user_gradient, add_item_gradient and step; or adapt_frozen");
  static constexpr bool kEncoder = EmbeddingEncoder<Model>;
  using Policies_ = std::conditional_t<kEncoder, P, OnFactorsOf<P, std::conditional_t<kEncoder, void, Model>>>;

 public:
  /// @throws ShapeError on another number of flags than profiles; NumericError naming a profile that is not finite;
  /// ConfigError on a width or cutoff below 1
  explicit JointAdapter(Model& model, Profiles profiles, JointOptions options = {})
      : model_(&model), profiles_(std::move(profiles)), options_(std::move(options)) {
    if (options_.width < 1 || options_.cutoff < 1)
      throw ConfigError("JointOptions: width and cutoff must be at least 1");
    profiles_.items = detail::filled_profiles(std::move(profiles_.items), profiles_.has_item, "item");
    profiles_.users = detail::filled_profiles(std::move(profiles_.users), profiles_.has_user, "user");
  }

  /// Trains for `training.epochs`. @throws ShapeError when profiles, model and clicks do not fit each other;
  /// NumericError when training diverges; FitStopped when the observer stopped it; ConfigError when a factor model is
  /// to have a checkpoint, see JointOptions, and on clicks that `BprSampler` refuses
  JointReport fit(const Interactions& train) { return fit_on(train, nullptr); }
  /// The same, and keeps the epoch with the best Recall@K on `valid`; without a click there that train does not hold,
  /// on an item that it does, as without `valid`.
  JointReport fit(const Interactions& train, const Interactions& valid) { return fit_on(train, &valid); }

  [[nodiscard]] Id users() const {
    return read([](const auto& s) { return static_cast<Id>(s.users.rows()); });
  }
  [[nodiscard]] Id items() const {
    return read([](const auto& s) { return static_cast<Id>(s.items.rows()); });
  }
  [[nodiscard]] JointReport report() const {
    return lock_->read([&] { return report_; });
  }

  /// out[k] = score of items[k].
  void score(Id user, std::span<const Id> items, std::span<float> out) const {
    read([&](const detail::JointState& s) {
      if (items.size() != out.size()) throw ShapeError("score: as many scores as items are needed");
      check_rows(std::span(&user, 1), s.users.rows());
      check_rows(items, s.items.rows());
      const auto u = s.users.row(user);
      for (std::size_t k = 0; k < items.size(); ++k)
        out[k] = simd::dot(u.data(), s.items.row(items[k]).data(), static_cast<Index>(u.size()));
    });
  }
  /// The best `k` items that each user has not clicked, unseen ones included. @throws ShapeError, ConfigError
  [[nodiscard]] TopK top_k(std::span<const Id> users, Index k) const {
    return read([&](const detail::JointState& s) {
      std::vector<Id> all(static_cast<std::size_t>(s.items.rows()));
      std::iota(all.begin(), all.end(), Id{0});
      return s.top_k(users, all, {s.history.offsets, s.history.columns}, k);
    });
  }
  [[nodiscard]] std::vector<Recommendation> recommend(Id user, Index k) const {
    k = std::min(k, std::max<Index>(items(), 1));
    const TopK lists = top_k(std::span(&user, 1), k);
    std::vector<Recommendation> result;
    for (Index c = 0; c < k && lists.items(0, c) != kNoItem; ++c)
      result.push_back({lists.items(0, c), lists.scores(0, c)});
    return result;
  }
  /// Ranks as `evaluate` asks: among the candidates, without the masked.
  TopK operator()(std::span<const Id> users, std::span<const Id> candidates, const Interactions* masked,
                  Index k) const {
    const cpu::MaskView mask =
        masked == nullptr ? cpu::MaskView{} : cpu::MaskView{masked->offsets(), masked->columns()};
    return read([&](const detail::JointState& s) { return s.top_k(users, candidates, mask, k); });
  }

  /// [users, d] and [items, d].
  [[nodiscard]] MatrixView<const float> user_factors() const {
    return read([](const auto& s) { return s.users.view(); });
  }
  [[nodiscard]] MatrixView<const float> item_factors() const {
    return read([](const auto& s) { return s.items.view(); });
  }

  /// Adds an item that nobody has clicked; its number. An encoder has no node for it: its final vector is the
  /// least-squares image of its initial one. @param profile empty: the mean of the others
  /// @throws ShapeError on another width; NumericError
  Id add_item(std::span<const float> profile) {
    std::unique_lock running(*fitting_, std::defer_lock);
    if (!kEncoder) running.lock();
    return lock_->write([&] { return append_item(profile); });
  }
  /// Adds a user with some clicks, folded in by the least-squares map from the mean of a history's items to its user.
  Id add_user(std::span<const Id> history) {
    return lock_->write([&] { return fitted().add_user({history.begin(), history.end()}); });
  }

  /// Factors and histories, for a server; `save` writes them, `ServingModel::load` and Python read them.
  [[nodiscard]] ServingModel serving() const {
    return read([](const auto& s) { return s.serving(); });
  }
  void save(const std::filesystem::path& path) const { serving().save(path); }

 private:
  using Vectors = ProfileVectors<Cpu, float, Policies_>;
  using Input = FeatureInput<Cpu, float>;

  Id append_item(std::span<const float> profile) {
    detail::JointState& state = fitted();
    const std::vector<float> mean = profile.empty() ? detail::mean_row(profiles_.items) : std::vector<float>();
    if (profile.empty()) profile = mean;
    if (static_cast<Index>(profile.size()) != profiles_.items.cols())
      throw ShapeError("add_item: the profile has " + std::to_string(profile.size()) + " columns, the others " +
                       std::to_string(profiles_.items.cols()) + ". Remedy: a profile made as theirs, or none");
    for (const float x : profile)
      if (!(x - x == 0.0f)) throw NumericError("add_item: the profile has a number that is not finite");
    const MatrixView<const float> row(profile.data(), 1, profiles_.items.cols());
    const Matrix<float> initial = vectors_->other_items(row, row);
    if (kEncoder)
      state.items.push_back(detail::mapped(final_of_initial_, initial.row(0)));
    else
      state.items.push_back(initial.row(0));
    return static_cast<Id>(state.items.rows()) - 1;
  }

  JointReport fit_on(const Interactions& train, const Interactions* valid) {
    const std::lock_guard running(*fitting_);
    check(train, valid);
    const Initializer init(options_.seed);
    ProfileInputs<Cpu, float> inputs =
        profiles_.users.empty()
            ? history_inputs<Cpu, float>(train, profiles_.items)
            : ProfileInputs<Cpu, float>{Input::dense(profiles_.items.view()), Input::dense(profiles_.users.view())};
    const AlignmentOptions alignment = options_.alignment.value_or(P::alignment());
    std::unique_ptr<Vectors> vectors;
    std::unique_ptr<Backbone<Cpu, float>> backbone;
    if constexpr (kEncoder) {
      vectors = std::make_unique<Vectors>(init, Input::dense(profiles_.items.view()), std::move(inputs.users),
                                          std::move(inputs.items), options_.width, IdStart::xavier, alignment);
      backbone = std::make_unique<EncoderBackbone<Model>>(*model_);
    } else {
      decltype(auto) factors = ModelTraits<Model>::item_factors(std::as_const(*model_));
      const Index width = as_matrix(factors).cols();
      vectors = std::make_unique<Vectors>(init, typename Policies_::template Own<Cpu, float>(*model_),
                                          std::move(inputs.users), std::move(inputs.items), width, alignment);
      backbone = std::make_unique<ProductBackbone<Cpu, float>>(train.users(), train.items());
    }
    const std::vector<Id> seen = items_of(train);
    if (valid != nullptr && !detail::can_measure(train, *valid, seen)) valid = nullptr;
    vectors->set_seen_items(seen);
    Vectors* const source = vectors.get();
    auto joint = std::make_unique<JointModel<>>("the adapted model", std::move(vectors), std::move(backbone));

    TrainOptions training = options_.training;
    training.seed = options_.seed;
    training.selection = valid != nullptr ? Selection::best : Selection::last;
    if (!training.checkpoint.empty()) {
      const bool told = !training.subject.empty();
      training.subject += (told ? "; " : "") + subject(valid, alignment);
    }
    JointReport report;
    std::optional<PairModel> best;
    int best_epoch = 0;
    Evaluator<Cpu, float> evaluator;
    if (valid != nullptr)
      evaluator = [&](JointModel<>& model, int epoch) {
        PairModel ranking = model.ranking();
        const double recall = detail::validation_recall(ranking, train, *valid, seen, options_.cutoff);
        if (!best || recall > report.recall) best = std::move(ranking), report.recall = recall, best_epoch = epoch;
        return recall;
      };
    report.training = reclm::train(*joint, train, training, evaluator);
    if (report.training.interrupted) throw FitStopped("JointAdapter: the observer stopped the fit");
    // Without validation, or of an epoch before the checkpoint that this fit went on from.
    if (!best || best_epoch != report.training.best_epoch) best = joint->ranking();
    report.recall = report.training.best_metric;

    detail::JointState state(*best, train);
    Matrix<float> map;
    if constexpr (kEncoder) {
      Tape<Cpu, float> tape(false);
      const Triples none;
      const TrainingStep<Cpu, float> step{tape, none};
      map = detail::least_squares(tape.value(source->all_items(step)).to_host(), best->item_factors());
    }
    lock_->write([&] {
      joint_ = std::move(joint);
      vectors_ = source;
      final_of_initial_ = std::move(map);
      state_.emplace(std::move(state));
      report_ = report;
    });
    return report;
  }

  // What a checkpoint must agree in, besides what `train` sees.
  [[nodiscard]] std::string subject(const Interactions* valid, const AlignmentOptions& alignment) const {
    Fingerprint print;
    print.add(profiles_.items).add(profiles_.users);
    if (valid != nullptr) print.add(*valid);
    print.add(std::span<const double>(std::array{alignment.weight, alignment.temperature,
                                                 alignment.learn_temperature ? 1.0 : 0.0,
                                                 static_cast<double>(alignment.negatives), alignment.mask}));
    return "profiles, validation and alignment of fingerprint " + print.text() + ", Recall@" +
           std::to_string(options_.cutoff) + ", width " + std::to_string(options_.width);
  }

  void check(const Interactions& train, const Interactions* valid) const {
    require_size("JointAdapter", "number of item profiles", profiles_.items.rows(), train.items());
    if (!profiles_.users.empty())
      require_size("JointAdapter", "number of user profiles", profiles_.users.rows(), train.users());
    if (valid != nullptr) {
      require_size("JointAdapter", "number of users in validation", valid->users(), train.users());
      require_size("JointAdapter", "number of items in validation", valid->items(), train.items());
    }
    if constexpr (!kEncoder) {
      if (!options_.training.checkpoint.empty())
        throw ConfigError(
            "JointAdapter: a checkpoint would not hold the model's own factors, and a resumed fit would "
            "not go on from them. Remedy: no training.checkpoint");
      decltype(auto) users = ModelTraits<Model>::user_factors(std::as_const(*model_));
      decltype(auto) items = ModelTraits<Model>::item_factors(std::as_const(*model_));
      require_size("JointAdapter", "number of the model's users", as_matrix(users).rows(), train.users());
      require_size("JointAdapter", "number of the model's items", as_matrix(items).rows(), train.items());
    }
  }

  [[nodiscard]] const detail::JointState& fitted() const {
    if (!state_) throw ConfigError("the adapted model is not fitted. Remedy: call fit(train) first");
    return *state_;
  }
  [[nodiscard]] detail::JointState& fitted() { return const_cast<detail::JointState&>(std::as_const(*this).fitted()); }
  template <class Use>
  auto read(const Use& use) const {
    return lock_->read([&] { return use(fitted()); });
  }

  Model* model_;
  Profiles profiles_;
  JointOptions options_;
  std::unique_ptr<JointModel<>> joint_;
  Vectors* vectors_ = nullptr;  // of joint_
  Matrix<float> final_of_initial_;
  std::optional<detail::JointState> state_;
  JointReport report_;
  std::unique_ptr<detail::FairLock> lock_ = std::make_unique<detail::FairLock>();
  std::unique_ptr<std::mutex> fitting_ = std::make_unique<std::mutex>();  // held before the lock
};

}  // namespace reclm
