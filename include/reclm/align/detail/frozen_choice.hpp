#pragma once
/// @file frozen_choice.hpp
/// Chooses, on validation, what the adapter of frozen models does. Every part stays off unless it clearly helps.

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "reclm/align/detail/frozen_parts.hpp"
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
                options.pseudo_cold, options.seed) {}

  FitReport choose() {
    report_.validation_users = sample_.rows();
    if (sample_.rows() == 0) {
      report_.model_alone = report_.enhanced = report_.zero_shot = report_.warm_alone =
          std::numeric_limits<double>::quiet_NaN();
      return report_;
    }
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

  void tell(const char* stage, Index step) const {
    const std::array<Metric, 1> metrics{Metric{"recall", mean_known(best_warm_.recall)}};
    if (!notify(options_.observer, {.stage = stage, .step = step, .total = 5, .loss = 0, .metrics = metrics}))
      throw FitStopped("the fit was stopped before: " + std::string(stage));
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
    pick(
        {0.2, 0.4, 0.6, 0.8, 1.0}, [&](double w) { return blend(1 - w, model_, w, residual_); },
        report_.choice.residual);
  }

  /// The weight whose scores rank best, where they clearly beat what stands and lose no Recall@K; else nothing changes.
  template <class Scores>
  void pick(std::initializer_list<double> weights, const Scores& scores_of, double& chosen) {
    double best = -1;
    Worth found;
    Rows scores;
    double weight = 0;
    for (const double w : weights) {
      Rows attempt = scores_of(w);
      const Worth now = worth(attempt, Among::all());
      if (mean_known(now.recall) < mean_known(best_warm_.recall)) continue;
      if (const double mean = mean_known(now.choice); mean > best)
        best = mean, found = now, scores = std::move(attempt), weight = w;
    }
    if (!clearly_better(found.choice, best_warm_.choice)) return;
    chosen = weight, best_warm_ = std::move(found), warm_ = std::move(scores);
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
    for (const double share : {0.0, 0.5, 1.0}) {
      if (share > 0 && residual_items_.empty()) break;
      double value = 0, recall = 0;
      for (int f = 0; f < kFolds; ++f) {
        const Worth now =
            worth(product(weighted_users(share), Op::none, vectors[static_cast<std::size_t>(f)], Op::transpose),
                  Among::cold(f));
        value += mean_known(now.choice) / kFolds, recall += mean_known(now.recall) / kFolds;
      }
      if (!(value > best)) continue;
      best = value;
      report_.zero_shot = recall;
      report_.choice.sharpness = sharpness, report_.choice.ridge = ridge, report_.choice.cold_residual = share;
      fold_heads_ = heads;
    }
  }

  void choose_smoothing() {
    const Rows smooth = scores_of_head(
        make_head(profiled_, profiled_.columns, seen_, model_items_, residual_items_, report_.choice, options_));
    const Rows plain = warm_;
    pick(
        {0.15, 0.3, 0.45, 0.6, 0.75}, [&](double a) { return smoothed(plain, smooth, a); }, report_.choice.smoothing);
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

  struct RowCurve {
    std::vector<std::pair<float, bool>> warm, cold;  // best first: score, hit
    Reach warm_reach, cold_reach;
    Index warm_targets = 0, cold_targets = 0;
  };

  // In each round the head has not seen the columns that play unseen items; the others are scored as they will be.
  void calibrate() {
    if (fold_heads_.empty()) return;
    const Rows plain = report_.choice.residual > 0
                           ? blend(1 - report_.choice.residual, model_, report_.choice.residual, residual_)
                           : model_;
    std::vector<RowCurve> rows(sample_.users.size() * kFolds);
    for (int f = 0; f < kFolds; ++f) {
      const Rows profile = scores_of_head(fold_heads_[static_cast<std::size_t>(f)]);
      const Rows base = report_.choice.smoothing > 0 ? smoothed(plain, profile, report_.choice.smoothing) : plain;
      RowCurve* const first = rows.data() + static_cast<std::size_t>(f) * sample_.users.size();
      parallel_for(sample_.rows(), 16, [&](Index r) { first[r] = curve_of(r, f, base, profile); });
    }
    double best = -1;
    // Of gains that do about as well, the largest: the user's taste then decides how many unseen items come in front.
    constexpr double kAsWell = 0.985;
    for (const double gain : {0.5, 0.7, 1.0, 1.5, 2.2}) {
      std::vector<CalibrationPoint> curve = curve_for(rows, gain);
      const CalibrationPoint* const point = best_point(curve, options_.warm_floor * report_.warm_alone);
      if (point == nullptr || point->h < kAsWell * best) continue;
      best = std::max(best, point->h);
      report_.choice.cold_gain = gain, report_.choice.cold_offset = point->offset;
      report_.curve = std::move(curve);
    }
    if (best < 0) report_.choice.cold_offset = -std::numeric_limits<double>::infinity();
  }

  RowCurve curve_of(Index r, int fold, const Rows& base, const Rows& profile) const {
    RowCurve row;
    const auto& targets = sample_.targets[static_cast<std::size_t>(r)];
    const auto& masked = sample_.masked[static_cast<std::size_t>(r)];
    const auto list = [&](const Rows& scores, Among among) {
      std::vector<std::pair<float, bool>> result;
      for (const auto& [score, c] : best_columns(sample_, r, scores.row(r), among, options_.cutoff))
        result.emplace_back(score, std::binary_search(targets.begin(), targets.end(), c));
      return result;
    };
    row.warm = list(base, Among::warm(fold)), row.cold = list(profile, Among::cold(fold));
    std::vector<float> warm, cold;
    for (Index c = 0; c < seen_.size(); ++c)
      if (Among::warm(fold).holds(sample_, static_cast<std::size_t>(c)) &&
          !std::binary_search(masked.begin(), masked.end(), c))
        warm.push_back(base(r, c));
    for (const Index c : profiled_.columns)
      if (!std::binary_search(masked.begin(), masked.end(), c)) cold.push_back(profile(r, c));
    row.warm_reach = reach_of(warm), row.cold_reach = reach_of(cold);
    for (const Index c : targets)
      ++(Among::cold(fold).holds(sample_, static_cast<std::size_t>(c)) ? row.cold_targets : row.warm_targets);
    return row;
  }

  [[nodiscard]] std::vector<CalibrationPoint> curve_for(const std::vector<RowCurve>& rows, double gain) const {
    std::vector<CalibrationPoint> curve;
    for (int step = -60; step <= 60; ++step) {
      CalibrationPoint point{.offset = 0.05 * step};
      double warm_users = 0, cold_users = 0;
      for (const RowCurve& row : rows) {
        const double shift =
            row.warm_reach.level - gain * row.cold_reach.level + point.offset * row.warm_reach.deviation;
        std::size_t w = 0, c = 0;
        Index warm_hits = 0, cold_hits = 0;
        for (Index k = 0; k < options_.cutoff && (w < row.warm.size() || c < row.cold.size()); ++k) {
          const bool take_cold =
              c < row.cold.size() && (w == row.warm.size() || gain * row.cold[c].first + shift > row.warm[w].first);
          if (take_cold)
            cold_hits += row.cold[c++].second;
          else
            warm_hits += row.warm[w++].second;
        }
        if (row.warm_targets > 0)
          point.warm += static_cast<double>(warm_hits) / static_cast<double>(row.warm_targets), warm_users += 1;
        if (row.cold_targets > 0)
          point.cold += static_cast<double>(cold_hits) / static_cast<double>(row.cold_targets), cold_users += 1;
      }
      point.warm /= std::max(warm_users, 1.0), point.cold /= std::max(cold_users, 1.0);
      point.h = point.warm + point.cold > 0 ? 2 * point.warm * point.cold / (point.warm + point.cold) : 0;
      curve.push_back(point);
    }
    return curve;
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

 public:
  /// The point of best H whose warm Recall reaches `floor`; none when no point does.
  static const CalibrationPoint* best_point(const std::vector<CalibrationPoint>& curve, double floor) {
    const CalibrationPoint* best = nullptr;
    for (const CalibrationPoint& point : curve)
      if (point.warm >= floor && (best == nullptr || point.h > best->h)) best = &point;
    return best;
  }
};

}  // namespace reclm::detail
