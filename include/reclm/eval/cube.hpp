#pragma once
/// @file cube.hpp
/// The result cube: model × adapter × data set × setting × seed × metric, and the per-user values behind it.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#if __has_include(<xtensor/containers/xarray.hpp>)
#include <xtensor/containers/xarray.hpp>
#else
#include <xtensor/xarray.hpp>
#endif

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/eval/protocol.hpp"

namespace reclm {

/// One trained and evaluated model.
struct RunKey {
  std::string model;    ///< "LightGCN", "Popularity", …
  std::string adapter;  ///< "Base", "ID", "RecLM", "RecLM (placebo)"; empty for a baseline that has none
  std::string dataset;
  std::uint64_t seed = 0;
};

/// One row of a table: a run without its seed.
struct RowKey {
  std::string model, adapter, dataset;
  bool operator==(const RowKey&) const = default;
};

/// A figure over seeds.
struct SeedSummary {
  double mean = std::numeric_limits<double>::quiet_NaN();
  double sd = std::numeric_limits<double>::quiet_NaN();  ///< sample deviation (n - 1); NaN below two seeds
  Index seeds = 0;                                       ///< seeds that were run
};

/// All results of a study. Axes grow as results arrive and keep the order of arrival; a cell that was not run is NaN.
/// Memory: 8 bytes a cell, and 4 bytes a user for every row, setting and per-user metric (averaged over seeds).
class ResultCube {
 public:
  enum Axis : std::size_t { kModel, kAdapter, kDataset, kSetting, kSeed, kMetric, kAxes };

  /// Files every metric of `result` under `run`, or none of them when it throws.
  /// @throws ConfigError when one of the cells is taken already
  /// @throws ShapeError when another seed of the row was measured on other users, or users and values differ in number
  void add(const RunKey& run, const SettingResult& result);

  /// Labels of an axis, in order of arrival (seeds as decimal numbers).
  [[nodiscard]] const std::vector<std::string>& labels(Axis axis) const { return labels_[axis]; }
  /// The figures themselves, [models, adapters, data sets, settings, seeds, metrics].
  [[nodiscard]] const xt::xarray<double>& values() const { return values_; }
  [[nodiscard]] bool empty() const { return values_.size() == 0 || labels_[kMetric].empty(); }

  /// One cell; NaN when it was not run or a label is unknown.
  [[nodiscard]] double value(const RunKey& run, std::string_view setting, std::string_view metric) const;
  /// Mean and deviation over the seeds that were run.
  [[nodiscard]] SeedSummary summary(const RowKey& row, std::string_view setting, std::string_view metric) const;
  /// Per-user values averaged over seeds, users ascending; empty when not run or when the metric has none.
  [[nodiscard]] std::vector<float> per_user(const RowKey& row, std::string_view setting, std::string_view metric) const;
  /// Whose values these are; null when not run or when nobody said.
  [[nodiscard]] std::shared_ptr<const std::vector<Id>> users(const RowKey& row, std::string_view setting,
                                                             std::string_view metric) const;

  /// Rows of a data set with any result in `setting`, by model, then adapter, both in order of arrival.
  [[nodiscard]] std::vector<RowKey> rows(std::string_view dataset, std::string_view setting) const;
  /// Metrics with any result in that data set and setting.
  [[nodiscard]] std::vector<std::string> metrics(std::string_view dataset, std::string_view setting) const;
  /// Settings with any result in that data set.
  [[nodiscard]] std::vector<std::string> settings(std::string_view dataset) const;
  /// Users evaluated and items ranked in a setting; zeros when it was not run.
  [[nodiscard]] std::pair<Index, Index> extent(std::string_view dataset, std::string_view setting) const;

 private:
  using Place = std::array<std::size_t, kAxes>;
  static constexpr std::size_t kUnknown = static_cast<std::size_t>(-1);

  struct UserSums {
    std::shared_ptr<const std::vector<Id>> users;
    std::vector<float> sums;
    Index seeds = 0;
  };

  [[nodiscard]] std::size_t find(Axis axis, std::string_view label) const {
    const auto& names = labels_[axis];
    const auto place = std::find(names.begin(), names.end(), label);
    return place == names.end() ? kUnknown : static_cast<std::size_t>(place - names.begin());
  }
  std::size_t find_or_add(Axis axis, const std::string& label);
  [[nodiscard]] const UserSums* find_users(const RowKey& row, std::string_view setting, std::string_view metric) const;
  void check(const RunKey& run, const SettingResult& result) const;
  void add_users(Place place, const MetricResult& metric);
  [[nodiscard]] std::size_t offset(const Place& place) const {
    std::size_t flat = 0;
    for (std::size_t axis = 0; axis < kAxes; ++axis) flat = flat * labels_[axis].size() + place[axis];
    return flat;
  }
  [[nodiscard]] double at(const Place& place) const {
    for (std::size_t axis = 0; axis < kAxes; ++axis)
      if (place[axis] >= labels_[axis].size()) return std::numeric_limits<double>::quiet_NaN();
    return values_.data()[static_cast<std::ptrdiff_t>(offset(place))];
  }
  [[nodiscard]] bool any(Place place, std::initializer_list<Axis> free) const;

  std::array<std::vector<std::string>, kAxes> labels_;
  xt::xarray<double> values_ = xt::xarray<double>::from_shape({0, 0, 0, 0, 0, 0});
  std::map<Place, UserSums> users_;                                                 // seed 0 stands for all seeds
  std::map<std::pair<std::size_t, std::size_t>, std::pair<Index, Index>> extents_;  // by data set and setting
};

inline std::size_t ResultCube::find_or_add(Axis axis, const std::string& label) {
  if (const std::size_t place = find(axis, label); place != kUnknown) return place;
  // Around the axis the array is [outer, count, inner]: old runs of count·inner values move behind each other's new
  // gap.
  std::array<std::size_t, kAxes> shape{};
  std::size_t outer = 1;
  std::size_t inner = 1;
  for (std::size_t a = 0; a < kAxes; ++a) {
    shape[a] = labels_[a].size() + (a == axis ? 1 : 0);
    if (a < axis) outer *= labels_[a].size();
    if (a > axis) inner *= labels_[a].size();
  }
  const std::size_t run = labels_[axis].size() * inner;
  auto grown = xt::xarray<double>::from_shape({shape[0], shape[1], shape[2], shape[3], shape[4], shape[5]});
  std::fill_n(grown.data(), grown.size(), std::numeric_limits<double>::quiet_NaN());
  for (std::size_t o = 0; o < outer; ++o) std::copy_n(values_.data() + o * run, run, grown.data() + o * (run + inner));
  values_ = std::move(grown);
  labels_[axis].push_back(label);
  return labels_[axis].size() - 1;
}

inline void ResultCube::check(const RunKey& run, const SettingResult& result) const {
  const std::string setting(setting_name(result.setting));
  for (const MetricResult& metric : result.metrics) {
    if (!std::isnan(value(run, setting, metric.name)) || result.find(metric.name) != &metric)
      throw ConfigError("result cube: " + metric.name + " of " + run.model + " " + run.adapter + " on " + run.dataset +
                        ", " + setting + ", seed " + std::to_string(run.seed) + " was added twice");
    if (metric.per_user.empty()) continue;
    if (metric.users && metric.users->size() != metric.per_user.size())
      throw ShapeError("result cube: " + std::to_string(metric.per_user.size()) + " values of " + metric.name +
                       " for " + std::to_string(metric.users->size()) + " users");
    const UserSums* row = find_users({run.model, run.adapter, run.dataset}, setting, metric.name);
    if (row != nullptr &&
        (row->sums.size() != metric.per_user.size() || (row->users && metric.users && *row->users != *metric.users)))
      throw ShapeError("result cube: two seeds of a row measured " + metric.name + " on different users");
  }
}

inline void ResultCube::add(const RunKey& run, const SettingResult& result) {
  check(run, result);
  const std::string setting(setting_name(result.setting));
  Place place{
      find_or_add(kModel, run.model), find_or_add(kAdapter, run.adapter),           find_or_add(kDataset, run.dataset),
      find_or_add(kSetting, setting), find_or_add(kSeed, std::to_string(run.seed)), 0};
  for (const MetricResult& metric : result.metrics) {
    place[kMetric] = find_or_add(kMetric, metric.name);
    values_.data()[static_cast<std::ptrdiff_t>(offset(place))] = metric.mean;
    if (!metric.per_user.empty()) add_users(place, metric);
  }
  extents_[{place[kDataset], place[kSetting]}] = {result.users, result.candidates};
}

inline void ResultCube::add_users(Place place, const MetricResult& metric) {
  place[kSeed] = 0;
  UserSums& row = users_[place];
  if (row.seeds == 0) {
    row = {metric.users, metric.per_user, 1};
    return;
  }
  for (std::size_t u = 0; u < row.sums.size(); ++u) row.sums[u] += metric.per_user[u];
  ++row.seeds;
}

inline double ResultCube::value(const RunKey& run, std::string_view setting, std::string_view metric) const {
  return at({find(kModel, run.model), find(kAdapter, run.adapter), find(kDataset, run.dataset), find(kSetting, setting),
             find(kSeed, std::to_string(run.seed)), find(kMetric, metric)});
}

inline SeedSummary ResultCube::summary(const RowKey& row, std::string_view setting, std::string_view metric) const {
  Place place{
      find(kModel, row.model), find(kAdapter, row.adapter), find(kDataset, row.dataset), find(kSetting, setting), 0,
      find(kMetric, metric)};
  std::vector<double> seen;
  for (std::size_t s = 0; s < labels_[kSeed].size(); ++s) {
    place[kSeed] = s;
    if (const double figure = at(place); !std::isnan(figure)) seen.push_back(figure);
  }
  SeedSummary result;
  result.seeds = static_cast<Index>(seen.size());
  if (seen.empty()) return result;
  double sum = 0;
  for (const double figure : seen) sum += figure;
  result.mean = sum / static_cast<double>(seen.size());
  if (seen.size() < 2) return result;
  double squares = 0;
  for (const double figure : seen) squares += (figure - result.mean) * (figure - result.mean);
  result.sd = std::sqrt(squares / static_cast<double>(seen.size() - 1));
  return result;
}

inline const ResultCube::UserSums* ResultCube::find_users(const RowKey& row, std::string_view setting,
                                                          std::string_view metric) const {
  const auto found = users_.find({find(kModel, row.model), find(kAdapter, row.adapter), find(kDataset, row.dataset),
                                  find(kSetting, setting), 0, find(kMetric, metric)});
  return found == users_.end() ? nullptr : &found->second;
}

inline std::vector<float> ResultCube::per_user(const RowKey& row, std::string_view setting,
                                               std::string_view metric) const {
  const UserSums* found = find_users(row, setting, metric);
  if (found == nullptr) return {};
  std::vector<float> means = found->sums;
  for (float& mean : means) mean /= static_cast<float>(found->seeds);
  return means;
}

inline std::shared_ptr<const std::vector<Id>> ResultCube::users(const RowKey& row, std::string_view setting,
                                                                std::string_view metric) const {
  const UserSums* found = find_users(row, setting, metric);
  return found == nullptr ? nullptr : found->users;
}

inline bool ResultCube::any(Place place, std::initializer_list<Axis> free) const {
  std::vector<Axis> axes(free);
  for (const Axis axis : axes) place[axis] = 0;
  for (;;) {
    if (!std::isnan(at(place))) return true;
    std::size_t a = 0;
    while (a < axes.size() && ++place[axes[a]] >= labels_[axes[a]].size()) place[axes[a++]] = 0;
    if (a == axes.size()) return false;
  }
}

inline std::vector<RowKey> ResultCube::rows(std::string_view dataset, std::string_view setting) const {
  std::vector<RowKey> result;
  for (std::size_t m = 0; m < labels_[kModel].size(); ++m)
    for (std::size_t a = 0; a < labels_[kAdapter].size(); ++a)
      if (any({m, a, find(kDataset, dataset), find(kSetting, setting), 0, 0}, {kSeed, kMetric}))
        result.push_back({labels_[kModel][m], labels_[kAdapter][a], std::string(dataset)});
  return result;
}

inline std::vector<std::string> ResultCube::metrics(std::string_view dataset, std::string_view setting) const {
  std::vector<std::string> result;
  for (std::size_t m = 0; m < labels_[kMetric].size(); ++m)
    if (any({0, 0, find(kDataset, dataset), find(kSetting, setting), 0, m}, {kModel, kAdapter, kSeed}))
      result.push_back(labels_[kMetric][m]);
  return result;
}

inline std::vector<std::string> ResultCube::settings(std::string_view dataset) const {
  std::vector<std::string> result;
  for (std::size_t s = 0; s < labels_[kSetting].size(); ++s)
    if (any({0, 0, find(kDataset, dataset), s, 0, 0}, {kModel, kAdapter, kSeed, kMetric}))
      result.push_back(labels_[kSetting][s]);
  return result;
}

inline std::pair<Index, Index> ResultCube::extent(std::string_view dataset, std::string_view setting) const {
  const auto found = extents_.find({find(kDataset, dataset), find(kSetting, setting)});
  return found == extents_.end() ? std::pair<Index, Index>{0, 0} : found->second;
}

}  // namespace reclm
