#pragma once
/// @file protocol.hpp
/// Runs a ranker through one setting: picks users, candidates and masks, checks the lists, measures them.

#include <algorithm>
#include <concepts>
#include <limits>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/observer.hpp"
#include "reclm/core/top_k.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/eval/catalogue.hpp"
#include "reclm/eval/detail/targets.hpp"
#include "reclm/eval/metrics.hpp"
#include "reclm/eval/setting.hpp"

namespace reclm {

/// Anything that lists the best `k` of `candidates` (ascending) for `users`, leaving out each user's `masked` items
/// (nullptr: none). It returns exactly `k` columns, short lists filled up as `TopK` says, rows in the order of `users`.
template <class R>
concept Ranker = requires(const R& ranker, std::span<const Id> users, std::span<const Id> candidates,
                          const Interactions* masked, Index k) {
  { ranker(users, candidates, masked, k) } -> std::convertible_to<TopK>;
};

struct EvalOptions {
  MetricOptions metrics;
  Index sparse_clicks = 5;      ///< the sparse setting takes users with at most this many train items
  bool mask_validation = true;  ///< outside validation, known validation clicks are masked beside train
  bool catalogue = true;        ///< also coverage, Gini and novelty at each cut-off
  Index batch = 16384;          ///< users per call of the ranker
  Observer observer{};          ///< told after each batch; stopping raises `EvaluationStopped`
};

/// The observer stopped an evaluation, which has no use unfinished.
class EvaluationStopped : public Error {
 public:
  using Error::Error;
};

/// One metric of one setting.
struct MetricResult {
  std::string name;                              ///< "recall@20", "warm_recall@20", "h_recall@20", "coverage@20", …
  double mean = 0;                               ///< over users; NaN when nobody could be measured
  std::vector<float> per_user;                   ///< empty for figures that no single user has
  std::shared_ptr<const std::vector<Id>> users;  ///< whose they are; null together with an empty `per_user`
};

/// What one model did in one setting.
struct SettingResult {
  Setting setting = Setting::full_shot;
  Index users = 0;       ///< users evaluated
  Index candidates = 0;  ///< items ranked
  std::vector<MetricResult> metrics;

  [[nodiscard]] const MetricResult* find(std::string_view name) const {
    const auto place =
        std::find_if(metrics.begin(), metrics.end(), [&](const MetricResult& metric) { return metric.name == name; });
    return place == metrics.end() ? nullptr : &*place;
  }
  /// Mean of metric `name`. @throws ConfigError when it was not measured.
  [[nodiscard]] double mean(std::string_view name) const {
    if (const auto* metric = find(name)) return metric->mean;
    throw ConfigError("metric " + std::string(name) + " was not measured");
  }
};

/// 2ab/(a + b); 0 when both are 0, NaN when one is NaN.
inline double harmonic_mean(double a, double b) { return a + b == 0 ? 0 : 2 * a * b / (a + b); }

namespace detail {

/// Ranks `task.users` batch by batch and joins the checked lists; their scores are not kept.
template <Ranker R>
TopK rank_in_batches(const EvalTask& task, const R& ranker, Index k, const EvalOptions& options) {
  const auto total = static_cast<Index>(task.users.size());
  Matrix<Id> joined(total, k, kNoItem);
  const Index step = options.batch > 0 ? options.batch : std::max<Index>(total, 1);
  const ListCheck check(task.candidates, task.masked.get());
  const std::string stage = "evaluate " + std::string(setting_name(task.setting));
  for (Index begin = 0; begin < total; begin += step) {
    const auto batch =
        std::span(task.users)
            .subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(std::min(step, total - begin)));
    const TopK part = ranker(batch, std::span<const Id>(task.candidates), task.masked.get(), k);
    check(part, batch, k);
    std::copy_n(part.items.data(), part.items.size(), joined.data() + begin * k);
    const Index done = begin + static_cast<Index>(batch.size());
    if (!notify(options.observer, {.stage = stage, .step = done, .total = total}))
      throw EvaluationStopped("evaluation stopped after " + std::to_string(done) + " of " + std::to_string(total) +
                              " users");
  }
  return {std::move(joined), {}, task.users};
}

/// Appends the metrics of `lists` against `targets` under `prefix`.
inline void add_metrics(SettingResult& result, const TopK& lists, const Interactions& targets,
                        const MetricOptions& options, std::string_view prefix) {
  UserMetrics measured = ranking_metrics(lists, targets, options);
  const auto users = std::make_shared<const std::vector<Id>>(std::move(measured.users));
  for (std::size_t m = 0; m < measured.names.size(); ++m) {
    const auto row = measured.values.row(static_cast<Index>(m));
    result.metrics.push_back(
        {std::string(prefix) + measured.names[m], mean_of(row), std::vector<float>(row.begin(), row.end()), users});
  }
}

inline void add_figure(SettingResult& result, std::string name, double value) {
  result.metrics.push_back({std::move(name), value, {}, nullptr});
}

}  // namespace detail

/// Evaluates `ranker` on `data` in `setting`.
///
/// Metrics are named as `metric_name` does. The generalised setting gives, beside the joint figures, `warm_…` and
/// `cold_…` (the same lists against only the targets that occur, or never occur, in train; users without such targets
/// are left out) and `h_…`, the harmonic mean of the two means. A split without candidates of its own ranks its
/// distinct target items; a split without targets gives zero users and NaN means.
///
/// @throws ShapeError when the ranker returns lists of another shape, unknown or masked items, or a candidate is no
/// item
/// @throws ConfigError on bad options; EvaluationStopped when the observer ends it
template <Ranker R>
SettingResult evaluate(const Dataset& data, Setting setting, const R& ranker, const EvalOptions& options = {}) {
  const Index longest = options.metrics.longest();
  const detail::EvalTask task = detail::make_task(data, setting, options.sparse_clicks, options.mask_validation);
  const TopK lists = detail::rank_in_batches(task, ranker, longest, options);
  SettingResult result{setting, static_cast<Index>(task.users.size()), static_cast<Index>(task.candidates.size()), {}};
  detail::add_metrics(result, lists, task.targets, options.metrics, "");
  if (setting == Setting::generalised_zero_shot) {
    const auto [warm, cold] = detail::split_by_train(task.targets, data.train);
    detail::add_metrics(result, lists, warm, options.metrics, "warm_");
    detail::add_metrics(result, lists, cold, options.metrics, "cold_");
    for (const Index cutoff : options.metrics.cutoffs)
      for (const MetricKind kind : options.metrics.kinds) {
        const std::string name = metric_name(kind, cutoff);
        detail::add_figure(result, "h_" + name,
                           harmonic_mean(result.mean("warm_" + name), result.mean("cold_" + name)));
      }
  }
  if (options.catalogue)
    for (const Index cutoff : options.metrics.cutoffs) {
      const CatalogueFigures figures = catalogue_figures(lists, task.candidates, data.train, cutoff);
      detail::add_figure(result, "coverage@" + std::to_string(cutoff), figures.coverage);
      detail::add_figure(result, "gini@" + std::to_string(cutoff), figures.gini);
      detail::add_figure(result, "novelty@" + std::to_string(cutoff), figures.novelty);
    }
  return result;
}

}  // namespace reclm
