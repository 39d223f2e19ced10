#pragma once
/// @file calibration.hpp
/// The joint ranking of seen and unseen items on validation: what it is worth for every height of the unseen ones.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "reclm/align/detail/frozen_parts.hpp"
#include "reclm/align/detail/validation_sample.hpp"
#include "reclm/align/frozen_options.hpp"
#include "reclm/core/config.hpp"

namespace reclm::detail {

/// A user's best seen and best pseudo-unseen items in one round, and what joins them.
struct TwoLists {
  std::vector<std::pair<float, bool>> warm, cold;  ///< best first: score, hit
  Reach warm_reach, cold_reach;
  Index alone_hits = 0;  ///< the model's own, with no unseen items at all
  Index warm_targets = 0, cold_targets = 0;
};

/// The lists of a row of the sample in round `fold`. @param alone the model's scores of the columns  @param base theirs
/// as seen items  @param profile as unseen ones  @param profiled columns that have a profile
inline TwoLists two_lists(const ValidationSample& sample, Index row, int fold, std::span<const float> alone,
                          std::span<const float> base, std::span<const float> profile, std::span<const Index> profiled,
                          Index k) {
  TwoLists result;
  const auto& targets = sample.targets[static_cast<std::size_t>(row)];
  const auto& masked = sample.masked[static_cast<std::size_t>(row)];
  const auto list = [&](std::span<const float> scores, Among among) {
    std::vector<std::pair<float, bool>> best;
    for (const auto& [score, c] : best_columns(sample, row, scores, among, k))
      best.emplace_back(score, std::binary_search(targets.begin(), targets.end(), c));
    return best;
  };
  result.warm = list(base, Among::warm(fold)), result.cold = list(profile, Among::cold(fold));
  for (const auto& [score, hit] : list(alone, Among::warm(fold))) result.alone_hits += hit;
  const auto open = [&](Index c) { return !std::binary_search(masked.begin(), masked.end(), c); };
  std::vector<float> warm, cold;
  for (std::size_t c = 0; c < base.size(); ++c)
    if (Among::warm(fold).holds(sample, c) && open(static_cast<Index>(c))) warm.push_back(base[c]);
  for (const Index c : profiled)
    if (open(c)) cold.push_back(profile[static_cast<std::size_t>(c)]);
  result.warm_reach = reach_of(warm), result.cold_reach = reach_of(cold);
  for (const Index c : targets)
    ++(Among::cold(fold).holds(sample, static_cast<std::size_t>(c)) ? result.cold_targets : result.warm_targets);
  return result;
}

/// Recall@k of both kinds, and their harmonic mean, when unseen items stand at `offset`; −∞: behind all.
/// @param lists round by round, all users in each
inline CalibrationPoint joint_recall(std::span<const TwoLists> lists, double gain, double offset, Index k) {
  CalibrationPoint point{.offset = offset};
  std::vector<double> warm(lists.size()), cold(lists.size());
  double warm_users = 0, cold_users = 0;
  for (std::size_t r = 0; r < lists.size(); ++r) {
    const TwoLists& row = lists[r];
    const double shift = row.warm_reach.level - gain * row.cold_reach.level + offset * row.warm_reach.deviation;
    std::size_t w = 0, c = 0;
    Index warm_hits = 0, cold_hits = 0;
    for (Index place = 0; place < k && (w < row.warm.size() || c < row.cold.size()); ++place) {
      const bool take_cold =
          c < row.cold.size() && (w == row.warm.size() || gain * row.cold[c].first + shift > row.warm[w].first);
      if (take_cold)
        cold_hits += row.cold[c++].second;
      else
        warm_hits += row.warm[w++].second;
    }
    warm[r] = static_cast<double>(warm_hits) / static_cast<double>(std::max<Index>(row.warm_targets, 1));
    cold[r] = static_cast<double>(cold_hits) / static_cast<double>(std::max<Index>(row.cold_targets, 1));
    if (row.warm_targets > 0) point.warm += warm[r], warm_users += 1;
    if (row.cold_targets > 0) point.cold += cold[r], cold_users += 1;
  }
  point.warm /= std::max(warm_users, 1.0), point.cold /= std::max(cold_users, 1.0);
  const double sum = point.warm + point.cold;
  if (sum <= 0) return point;
  point.h = 2 * point.warm * point.cold / sum;
  // What each user adds to H, to first order: ∂H/∂warm = 2 cold² / sum², and the other way round.
  const double by_warm = 2 * point.cold * point.cold / (sum * sum * std::max(warm_users, 1.0)),
               by_cold = 2 * point.warm * point.warm / (sum * sum * std::max(cold_users, 1.0));
  const std::size_t users = lists.size() / ValidationSample::kFolds;
  const auto loss = [&](std::size_t r) {  // of warm Recall, against the model alone
    return static_cast<double>(lists[r].alone_hits) / static_cast<double>(lists[r].warm_targets) - warm[r];
  };
  double mean_loss = 0;
  for (std::size_t r = 0; r < lists.size(); ++r)
    if (lists[r].warm_targets > 0) mean_loss += loss(r) / warm_users;
  double squares = 0, loss_squares = 0;
  for (std::size_t u = 0; u < users; ++u) {
    double part = 0, lost = 0;
    for (std::size_t r = u; r < lists.size(); r += users) {
      if (lists[r].warm_targets > 0)
        part += by_warm * (warm[r] - point.warm), lost += (loss(r) - mean_loss) / warm_users;
      if (lists[r].cold_targets > 0) part += by_cold * (cold[r] - point.cold);
    }
    squares += part * part, loss_squares += lost * lost;
  }
  point.error = std::sqrt(squares), point.warm_error = std::sqrt(loss_squares);
  return point;
}

/// From "unseen items hardly ever" to "unseen items first", ascending.
inline std::vector<CalibrationPoint> calibration_curve(std::span<const TwoLists> lists, double gain, Index k) {
  std::vector<CalibrationPoint> curve;
  for (int step = -60; step <= 80; ++step) curve.push_back(joint_recall(lists, gain, 0.05 * step, k));
  return curve;
}

/// The point of best H whose warm Recall lies a standard error above `floor`; none when no point's does. Of all points
/// whose H lies within a standard error of the best the lowest bounds it (the one-standard-error rule of Breiman et
/// al., 1984): the curve is flat around the best, and seen items are what is risked on its far side.
inline const CalibrationPoint* best_point(std::span<const CalibrationPoint> curve, double floor) {
  const auto lower_h = [](const CalibrationPoint& a, const CalibrationPoint& b) { return a.h < b.h; };
  const auto top = std::max_element(curve.begin(), curve.end(), lower_h);
  const CalibrationPoint* best = nullptr;
  for (const CalibrationPoint& point : curve) {
    if (point.warm - (floor > 0 ? point.warm_error : 0) >= floor && (best == nullptr || point.h > best->h))
      best = &point;
    if (point.h >= top->h - top->error) break;
  }
  return best;
}

/// Sets the choice's gain and height of unseen items for a floor, from the report's curves. Where nothing was
/// calibrated, or no point is high enough, unseen items stand behind all seen ones.
inline void choose_height(FitReport& report, double warm_floor) {
  // What validation shows of a gain may be spent for the users it has looked at, and for no others.
  const double all = report.coverage * report.warm_alone + (1 - report.coverage) * report.warm_enhanced;
  report.choice.cold_offset = -std::numeric_limits<double>::infinity();
  report.curve.clear();
  std::vector<std::pair<double, const CalibrationPoint*>> points;
  double best = 0;
  for (const auto& [gain, curve] : report.curves)
    if (const CalibrationPoint* const point = best_point(curve, warm_floor * all); point != nullptr)
      points.emplace_back(gain, point), best = std::max(best, point->h);
  // Of gains that do about as well, the one that changes the head's scores least.
  constexpr double kAsWell = 0.985;
  double change = std::numeric_limits<double>::infinity();
  for (const auto& [gain, point] : points) {
    if (point->h < kAsWell * best || std::abs(std::log(gain)) >= change) continue;
    change = std::abs(std::log(gain));
    report.choice.cold_gain = gain, report.choice.cold_offset = point->offset;
    report.curve = report.curves.at(gain);
  }
}

}  // namespace reclm::detail
