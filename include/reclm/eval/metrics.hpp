#pragma once
/// @file metrics.hpp
/// Ranking metrics of top-K lists against targets, kept per user so that two models can be compared pairwise.

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/core/top_k.hpp"
#include "reclm/data/interactions.hpp"

namespace reclm {

/// What is measured at a cut-off K. h = hits among the first K, t = targets of the user; all lie in [0, 1].
enum class MetricKind {
  recall,     ///< h / t
  ndcg,       ///< sum over hits of 1/log2(rank + 1), divided by its value for min(t, K) hits in front
  hit_rate,   ///< 1 if h > 0
  mrr,        ///< 1 / rank of the first hit
  precision,  ///< h / K, also where the list is shorter than K
  map,        ///< sum over hits of precision at their rank, divided by min(t, K)
};

/// "recall", "ndcg", "hit_rate", "mrr", "precision", "map".
constexpr std::string_view metric_kind_name(MetricKind kind) {
  constexpr std::string_view names[] = {"recall", "ndcg", "hit_rate", "mrr", "precision", "map"};
  return names[static_cast<std::size_t>(kind)];
}

/// The name of one metric in cubes and reports, e.g. "recall@20".
inline std::string metric_name(MetricKind kind, Index cutoff) {
  return std::string(metric_kind_name(kind)) + "@" + std::to_string(cutoff);
}

struct MetricOptions {
  std::vector<MetricKind> kinds{MetricKind::recall, MetricKind::ndcg};
  std::vector<Index> cutoffs{20, 40};  ///< each >= 1

  /// The longest list that these metrics read. @throws ConfigError when there is no kind or no positive cut-off, or one
  /// is named twice.
  [[nodiscard]] Index longest() const {
    if (kinds.empty() || cutoffs.empty()) throw ConfigError("MetricOptions: name at least one kind and one cut-off");
    if (*std::min_element(cutoffs.begin(), cutoffs.end()) < 1) throw ConfigError("MetricOptions: cut-offs start at 1");
    const auto repeats = [](auto values) {
      std::sort(values.begin(), values.end());
      return std::adjacent_find(values.begin(), values.end()) != values.end();
    };
    if (repeats(kinds) || repeats(cutoffs))
      throw ConfigError("MetricOptions: a kind or a cut-off is named twice. Remedy: name it once");
    return *std::max_element(cutoffs.begin(), cutoffs.end());
  }
};

/// Mean of `values`, summed in double in a fixed order; NaN when there are none.
inline double mean_of(std::span<const float> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double total = ordered_sum<double>(static_cast<Index>(values.size()), 8192, [&](Index begin, Index end) {
    double sum = 0;
    for (Index i = begin; i < end; ++i) sum += static_cast<double>(values[static_cast<std::size_t>(i)]);
    return sum;
  });
  return total / static_cast<double>(values.size());
}

/// Metrics of every user that has targets.
struct UserMetrics {
  std::vector<std::string> names;  ///< by cut-off, then kind: recall@20, ndcg@20, recall@40, …
  std::vector<Id> users;           ///< as in the lists, less those without targets
  Matrix<float> values;            ///< [names, users]

  /// Per-user values of metric `name`. @throws ConfigError when it was not measured.
  [[nodiscard]] std::span<const float> of(std::string_view name) const {
    const auto place = std::find(names.begin(), names.end(), name);
    if (place == names.end()) throw ConfigError("metric " + std::string(name) + " was not measured");
    return values.row(place - names.begin());
  }
  /// Mean over the users; NaN when there are none.
  [[nodiscard]] double mean(std::string_view name) const { return mean_of(of(name)); }
};

namespace detail {

/// 1/log2(rank + 1) by 0-based rank, and its running sums (`ideal[n]`: n hits in front).
struct Discounts {
  explicit Discounts(Index longest) : gain(static_cast<std::size_t>(longest)), ideal(gain.size() + 1, 0.0) {
    for (std::size_t rank = 0; rank < gain.size(); ++rank) {
      gain[rank] = 1.0 / std::log2(static_cast<double>(rank) + 2.0);
      ideal[rank + 1] = ideal[rank] + gain[rank];
    }
  }
  std::vector<double> gain, ideal;
};

/// One user's metric from the ascending 0-based ranks of the hits.
inline double metric_of(MetricKind kind, std::span<const Index> hits, Index cutoff, Index targets,
                        const Discounts& discounts) {
  const auto end = std::lower_bound(hits.begin(), hits.end(), cutoff);
  const auto found = static_cast<double>(end - hits.begin());
  const Index reachable = std::min(targets, cutoff);
  double sum = 0;
  switch (kind) {
    case MetricKind::recall:
      return found / static_cast<double>(targets);
    case MetricKind::precision:
      return found / static_cast<double>(cutoff);
    case MetricKind::hit_rate:
      return found > 0 ? 1.0 : 0.0;
    case MetricKind::mrr:
      return found > 0 ? 1.0 / static_cast<double>(hits.front() + 1) : 0.0;
    case MetricKind::ndcg:
      for (auto hit = hits.begin(); hit != end; ++hit) sum += discounts.gain[static_cast<std::size_t>(*hit)];
      return sum / discounts.ideal[static_cast<std::size_t>(reachable)];
    case MetricKind::map:
      for (auto hit = hits.begin(); hit != end; ++hit)
        sum += static_cast<double>(hit - hits.begin() + 1) / static_cast<double>(*hit + 1);
      return sum / static_cast<double>(reachable);
  }
  return sum;
}

/// Writes the ascending 0-based ranks of `list`'s items that are in `targets` (ascending). False if one hit comes
/// twice.
inline bool find_hits(std::span<const Id> list, std::span<const Id> targets, std::vector<Index>& hits) {
  hits.clear();
  const Id low = targets.front();
  const Id high = targets.back();
  for (std::size_t rank = 0; rank < list.size(); ++rank) {
    const Id item = list[rank];
    if (item < low || item > high || !std::binary_search(targets.begin(), targets.end(), item)) continue;
    for (const Index earlier : hits)
      if (list[static_cast<std::size_t>(earlier)] == item) return false;
    hits.push_back(static_cast<Index>(rank));
  }
  return true;
}

inline void check_lists(const TopK& lists, const Interactions& targets, Index longest) {
  const auto count = static_cast<Index>(lists.users.size());
  if (lists.items.rows() != count)
    throw ShapeError("ranking metrics: " + std::to_string(lists.items.rows()) + " lists for " + std::to_string(count) +
                     " users");
  if (count > 0 && lists.items.cols() < longest)
    throw ShapeError("ranking metrics: lists of " + std::to_string(lists.items.cols()) +
                     " items cannot give metrics at " + std::to_string(longest) +
                     "; rank with k = " + std::to_string(longest) + " (short lists end in kNoItem)");
  for (const Id user : lists.users)
    if (user < 0 || user >= targets.users())
      throw ShapeError("ranking metrics: user " + std::to_string(user) + " lies outside the targets' " +
                       std::to_string(targets.users()) + " users");
}

}  // namespace detail

/// Measures `lists` against `targets`. Users without targets are left out. A target that was no candidate, or that was
/// masked, stays in the denominator.
///
/// @throws ShapeError when lists are shorter than the largest cut-off, users are unknown or a list repeats a hit
/// @throws ConfigError on bad options
/// Cost: O(users · K · log targets); parallel over users, the same bits for any number of threads.
inline UserMetrics ranking_metrics(const TopK& lists, const Interactions& targets, const MetricOptions& options = {}) {
  const Index longest = options.longest();
  detail::check_lists(lists, targets, longest);
  UserMetrics result;
  for (const Index cutoff : options.cutoffs)
    for (const MetricKind kind : options.kinds) result.names.push_back(metric_name(kind, cutoff));
  std::vector<Index> rows;
  for (std::size_t r = 0; r < lists.users.size(); ++r) {
    if (targets.of(lists.users[r]).empty()) continue;
    rows.push_back(static_cast<Index>(r));
    result.users.push_back(lists.users[r]);
  }
  result.values = Matrix<float>(static_cast<Index>(result.names.size()), static_cast<Index>(rows.size()));
  const detail::Discounts discounts(longest);
  parallel_chunks(static_cast<Index>(rows.size()), 1024, [&](Index begin, Index end, Index) {
    std::vector<Index> hits;
    for (Index column = begin; column < end; ++column) {
      const auto wanted = targets.of(result.users[static_cast<std::size_t>(column)]);
      const auto list =
          lists.items.row(rows[static_cast<std::size_t>(column)]).first(static_cast<std::size_t>(longest));
      if (!detail::find_hits(list, wanted, hits))
        throw ShapeError("ranking metrics: the list of user " +
                         std::to_string(result.users[static_cast<std::size_t>(column)]) + " names an item twice");
      if (hits.empty()) continue;
      Index line = 0;
      for (const Index cutoff : options.cutoffs)
        for (const MetricKind kind : options.kinds)
          result.values(line++, column) =
              static_cast<float>(detail::metric_of(kind, hits, cutoff, static_cast<Index>(wanted.size()), discounts));
    }
  });
  return result;
}

}  // namespace reclm
