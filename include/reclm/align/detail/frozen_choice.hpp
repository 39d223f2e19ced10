#pragma once
/// @file frozen_choice.hpp
/// Chooses, on validation, what the adapter of frozen models does. Every part stays off unless it surely helps, and for
/// users of whose kind validation has seen enough.

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "reclm/align/detail/calibration.hpp"
#include "reclm/align/detail/frozen_parts.hpp"
#include "reclm/align/detail/paired_gain.hpp"
#include "reclm/align/detail/validation_sample.hpp"
#include "reclm/align/frozen_options.hpp"

namespace reclm::detail {

class FrozenChooser {
 public:
  FrozenChooser(const FrozenSource& source, const Interactions& train, const Interactions& valid,
                const FrozenProfiles& profiles, const FrozenOptions& options)
      : source_(source),
        train_(train),
        options_(options),
        seen_(train),
        profiled_(profiles.items, profiles.has_item, seen_),
        sample_(train, valid, seen_.column_of, seen_.size(), rows_within_bounds(seen_.size(), options.validation_users),
                options.pseudo_cold > 0 ? options.pseudo_cold : unseen_share(profiles), options.seed) {}

  FitReport choose() {
    report_.validation_users = sample_.rows();
    if (sample_.rows() == 0) return report_;
    report_.choice.cold_offset = -std::numeric_limits<double>::infinity();  // until calibration knows better
    report_.coverage = sample_.coverage;
    tell("model alone", 0);
    score_model();
    if (options_.residual) choose_residual();
    tell("profile head", 2);
    if (!profiled_.columns.empty()) {
      choose_head();
      tell("smoothing", 3);
      if (options_.smoothing) choose_smoothing();
      tell("calibration", 4);
      calibrate();
    }
    report_.enhanced = mean_known(best_warm_.recall);
    tell("chosen", 5);
    return report_;
  }

 private:
  using Rows = Matrix<float>;
  static constexpr int kFolds = ValidationSample::kFolds;
  // Standard errors that a gain must measure. The best of five weights by luck alone reaches 2.33 once in 20 times or
  // less; the best of some fifteen heads 3.
  static constexpr double kSure = 2.33, kSureOfHead = 3;

  void tell(const char* stage, Index step) const {
    const std::array<Metric, 1> metrics{Metric{"recall", mean_known(best_warm_.recall)}};
    if (!notify(options_.observer, {.stage = stage, .step = step, .total = 5, .loss = 0, .metrics = metrics}))
      throw FitStopped("the fit was stopped before: " + std::string(stage));
  }
  /// The share of items that are unseen, as far as three rounds allow, and that leave enough targets to judge by.
  [[nodiscard]] double unseen_share(const FrozenProfiles& profiles) const {
    Index unseen = 0;
    for (std::size_t i = 0; i < seen_.column_of.size(); ++i)
      unseen += seen_.column_of[i] < 0 && profiles.has(static_cast<Index>(i));
    constexpr double kLeast = 0.2;
    return std::max(kLeast,
                    static_cast<double>(unseen) / static_cast<double>(std::max<Index>(unseen + seen_.size(), 1)));
  }
  [[nodiscard]] Worth worth(const Rows& scores, Among among) const {
    return worth_by_row(sample_, scores, among, options_.cutoff);
  }

  void score_model() {
    const ModelBasis basis(source_, train_, seen_, options_);
    model_ = Rows(sample_.rows(), seen_.size());
    source_.fill(sample_.users, seen_.items, model_);
    check_scores(model_, sample_.users, seen_);
    for (Index k = 0; k < model_.size(); ++k) model_.data()[k] *= basis.scale;
    best_warm_ = worth(model_, Among::all());
    report_.model_alone = mean_known(best_warm_.recall);
    report_.warm_alone = 0;
    for (int f = 0; f < kFolds; ++f) report_.warm_alone += mean_known(worth(model_, Among::warm(f)).recall) / kFolds;
    model_items_ = basis.items;
    if (source_.product()) {
      model_users_ = rows_of(source_.user_factors, sample_.users);
      for (Index k = 0; k < model_users_.size(); ++k) model_users_.data()[k] *= basis.scale;
    } else {
      model_users_ = product(model_, model_items_);
    }
    warm_ = model_;
  }

  void choose_residual() {
    tell("residual", 1);
    double best = -1;
    std::vector<float> best_by_row, plain;
    std::shared_ptr<const Ease> learner;
    const auto attempt = [&](const EaseOptions& options, const Matrix<float>& vectors, bool must_be_clear) {
      auto ease = std::make_shared<const Ease>(train_, options, vectors);
      std::vector<float> by_row = worth(residual_scores(*ease, train_, sample_.users, seen_), Among::all()).choice;
      const double mean = mean_known(by_row);
      if (!(mean > best) || (must_be_clear && !clearly_better(by_row, plain))) return;
      best = mean, best_by_row = std::move(by_row), report_.choice.ease = options, learner = std::move(ease);
    };
    for (const double ridge : {80.0, 250.0, 800.0})
      attempt({.ridge = ridge, .items = options_.residual_items}, {}, false);
    if (!profiled_.columns.empty()) {
      plain = best_by_row;
      const double ridge = report_.choice.ease.ridge;
      for (const double content : {0.1, 0.3})
        attempt({.ridge = ridge, .content = content * ridge, .items = options_.residual_items},
                profiled_.centred.rows(), true);
    }
    const ResidualBasis basis(*learner, train_, seen_, options_);
    residual_users_ = basis.users(sample_.users, train_, seen_);
    residual_items_ = basis.items;
    residual_ = product(residual_users_, Op::none, residual_items_, Op::transpose);
    const auto blended = [&](double w) { return blend(1 - w, model_, w, residual_); };
    const auto weights = {0.2, 0.4, 0.6, 0.8, 0.95};  // some of the model stays, for users without a click
    const Index enough = vouched_from(sample_, best_of(weights, blended).worth.choice, best_warm_.choice);
    leave_out_short_histories(enough);
    pick(weights, blended, report_.choice.residual);
  }

  /// Users with fewer clicks get nothing from the residual, here and in every fit with this choice.
  void leave_out_short_histories(Index enough) {
    report_.choice.min_history = enough;
    for (Index r = 0; r < sample_.rows(); ++r)
      if (sample_.history(r) < enough)
        for (Rows* part : {&residual_users_, &residual_}) std::ranges::fill(part->row(r), 0.0f);
  }

  struct Attempt {
    double weight = 0;
    Worth worth;
    Rows scores;
  };
  /// The weight whose scores rank best among those that lose no Recall@K.
  template <class Scores>
  [[nodiscard]] Attempt best_of(std::initializer_list<double> weights, const Scores& scores_of) const {
    double best = -1;
    Attempt found{0, best_warm_, {}};
    for (const double w : weights) {
      Rows scores = scores_of(w);
      Worth now = worth(scores, Among::all());
      if (mean_known(now.recall) < mean_known(best_warm_.recall)) continue;
      if (const double mean = mean_known(now.choice); mean > best)
        best = mean, found = {w, std::move(now), std::move(scores)};
    }
    return found;
  }
  /// Takes it where it surely beats what stands; else nothing changes.
  template <class Scores>
  void pick(std::initializer_list<double> weights, const Scores& scores_of, double& chosen) {
    Attempt found = best_of(weights, scores_of);
    if (!surely_better(found.worth.choice, best_warm_.choice, kSure)) return;
    chosen = found.weight, best_warm_ = std::move(found.worth), warm_ = std::move(found.scores);
  }

  [[nodiscard]] Rows weighted_users(double share) const {
    Rows users = beside(model_users_, residual_users_);
    for (Index r = 0; r < users.rows(); ++r)
      for (Index c = 0; c < users.cols(); ++c)
        users(r, c) *= static_cast<float>(c < model_users_.cols() ? 1 - share : share);
    return users;
  }

  /// The head's scores of every column.
  [[nodiscard]] Rows scores_of_head(const KernelHead& head) const {
    const Rows vectors = head.centred(rows_of(profiled_.centred.rows(), seen_.items));
    return product(weighted_users(report_.choice.cold_residual), Op::none, vectors, Op::transpose);
  }
  /// Heads that have not seen the columns of their round.
  [[nodiscard]] std::vector<KernelHead> heads_by_fold(const FrozenChoice& choice) const {
    std::vector<KernelHead> heads;
    for (int f = 0; f < kFolds; ++f) {
      std::vector<Index> others;
      for (const Index c : profiled_.columns)
        if (sample_.fold[static_cast<std::size_t>(c)] != f) others.push_back(c);
      if (others.empty()) return {};
      heads.push_back(make_head(profiled_, others, seen_, model_items_, residual_items_, choice, options_));
    }
    return heads;
  }

  // First the sharpness at a middling ridge, then the ridge.
  void choose_head() {
    for (int f = 0; f < kFolds; ++f) {
      const std::vector<float> round = chance_by_row(sample_, Among::cold(f), options_.cutoff);
      chance_.insert(chance_.end(), round.begin(), round.end());
    }
    double best = -1;
    for (const double sharpness : {0.0, 3.0, 6.0}) attempt_head(sharpness, sharpness > 0 ? 2.0 : 20.0, best);
    const double middle = report_.choice.ridge;
    for (const double factor : {0.25, 4.0}) attempt_head(report_.choice.sharpness, factor * middle, best);
  }
  void attempt_head(double sharpness, double ridge, double& best) {
    FrozenChoice choice = report_.choice;
    choice.sharpness = sharpness, choice.ridge = ridge;
    std::vector<KernelHead> heads = heads_by_fold(choice);
    if (heads.empty()) return;
    std::vector<Rows> vectors;
    for (const KernelHead& head : heads)
      vectors.push_back(head.centred(rows_of(profiled_.centred.rows(), seen_.items)));
    for (const double share : {0.0, 0.5, 0.9}) {  // some of the model for users whom the residual leaves out
      if (share > 0 && residual_items_.empty()) break;
      double value = 0, recall = 0;
      std::vector<float> by_row;
      for (int f = 0; f < kFolds; ++f) {
        const Worth now =
            worth(product(weighted_users(share), Op::none, vectors[static_cast<std::size_t>(f)], Op::transpose),
                  Among::cold(f));
        value += mean_known(now.choice) / kFolds, recall += mean_known(now.recall) / kFolds;
        by_row.insert(by_row.end(), now.choice.begin(), now.choice.end());
      }
      if (!(value > best)) continue;
      best = value;
      report_.zero_shot = recall;
      report_.choice.sharpness = sharpness, report_.choice.ridge = ridge, report_.choice.cold_residual = share;
      fold_heads_ = heads, cold_by_row_ = std::move(by_row);
    }
  }

  void choose_smoothing() {
    const Rows smooth = scores_of_head(
        make_head(profiled_, profiled_.columns, seen_, model_items_, residual_items_, report_.choice, options_));
    const Rows plain = warm_;
    const auto blended = [&](double a) { return smoothed(plain, smooth, a); };
    const auto weights = {0.15, 0.3, 0.45, 0.6, 0.75};
    // Items carry the smoothing, for all users alike: it needs their every kind.
    const Index enough = vouched_from(sample_, best_of(weights, blended).worth.choice, best_warm_.choice);
    Index users = 0, strangers = 0;
    for (Id u = 0; u < train_.users(); ++u) {
      const auto clicks = static_cast<Index>(train_.of(u).size());
      users += clicks > 0, strangers += clicks > 0 && clicks < enough;
    }
    if (strangers * 10 > users) return;
    pick(weights, blended, report_.choice.smoothing);
  }
  /// Items without a profile keep their score.
  [[nodiscard]] Rows smoothed(const Rows& plain, const Rows& smooth, double a) const {
    Rows scores = plain;
    const auto w = static_cast<float>(a);
    parallel_for(scores.rows(), 64, [&](Index r) {
      for (const Index c : profiled_.columns) scores(r, c) = (1 - w) * plain(r, c) + w * smooth(r, c);
    });
    return scores;
  }

  // In each round the head has not seen the columns that play unseen items; the others are scored as they will be.
  // A head that does not surely beat chance leaves unseen items behind all seen ones.
  void calibrate() {
    if (fold_heads_.empty() || !surely_better(cold_by_row_, chance_, kSureOfHead)) return;
    const Rows plain = report_.choice.residual > 0
                           ? blend(1 - report_.choice.residual, model_, report_.choice.residual, residual_)
                           : model_;
    std::vector<TwoLists> lists(sample_.users.size() * kFolds);
    for (int f = 0; f < kFolds; ++f) {
      const Rows profile = scores_of_head(fold_heads_[static_cast<std::size_t>(f)]);
      const Rows base = report_.choice.smoothing > 0 ? smoothed(plain, profile, report_.choice.smoothing) : plain;
      TwoLists* const first = lists.data() + static_cast<std::size_t>(f) * sample_.users.size();
      parallel_for(sample_.rows(), 16, [&](Index r) {
        first[r] =
            two_lists(sample_, r, f, model_.row(r), base.row(r), profile.row(r), profiled_.columns, options_.cutoff);
      });
    }
    const double behind_all = -std::numeric_limits<double>::infinity();
    report_.warm_enhanced = joint_recall(lists, 1, behind_all, options_.cutoff).warm;
    for (const double gain : {0.5, 0.7, 1.0, 1.5, 2.2})
      report_.curves[gain] = calibration_curve(lists, gain, options_.cutoff);
    choose_height(report_, options_.warm_floor);
  }

  const FrozenSource& source_;
  const Interactions& train_;
  const FrozenOptions& options_;
  SeenItems seen_;
  ProfiledColumns profiled_;
  ValidationSample sample_;
  FitReport report_;
  Worth best_warm_;                                  // of the chosen scores
  Rows model_, model_users_, model_items_;           // [sample, seen], [sample, r], [seen, r]; in units of σ_s
  Rows residual_, residual_users_, residual_items_;  // the same of the residual
  Rows warm_;                                        // the chosen scores of seen columns
  std::vector<KernelHead> fold_heads_;               // by round
  std::vector<float> cold_by_row_, chance_;          // worth of the chosen head, and of any order, by round and row
};

}  // namespace reclm::detail
