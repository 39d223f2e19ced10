#pragma once
/// @file comparison.hpp
/// Paired comparisons inside a result cube: each enhanced model against its base, its placebo and the best baseline.

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reclm/eval/cube.hpp"
#include "reclm/eval/significance.hpp"

namespace reclm {

/// What a row is in an argument about whether an adapter helps.
enum class RowRole {
  baseline,  ///< popularity, random, content-kNN: no adapter at all
  plain,     ///< the backbone as it is: Base, ID
  enhanced,  ///< the backbone with an adapter
  placebo,   ///< the same adapter fed with shuffled profiles
};

/// Who is compared with whom, and how strictly.
struct ComparisonPlan {
  std::string metric = "recall@20";                       ///< where it exists, also its warm_ and cold_ forms
  std::string base = "Base";                              ///< the adapter label that enhanced rows must beat
  std::vector<std::string> plain_adapters{"Base", "ID"};  ///< labels that mean "no adapter"
  std::string placebo_word = "placebo";  ///< an adapter label holding it is a placebo of the label it starts with
  /// Adapter labels that are stages of one thing: each is also compared with the one before it, as a family of its own.
  std::vector<std::string> ladder{};
  double alpha = 0.05;  ///< chance of any false alarm per data set
  BootstrapOptions bootstrap;
};

enum class Against { base, placebo, baseline, previous };
enum class Verdict { better, worse, open };

/// "Base", "placebo", "best baseline", "the stage before".
constexpr std::string_view against_name(Against against) {
  constexpr std::string_view names[] = {"Base", "placebo", "best baseline", "the stage before"};
  return names[static_cast<std::size_t>(against)];
}

constexpr std::string_view verdict_name(Verdict verdict) {
  constexpr std::string_view names[] = {"better", "worse", "open"};
  return names[static_cast<std::size_t>(verdict)];
}

/// One paired comparison over users, each user's values averaged over seeds first.
struct Comparison {
  RowKey row, reference;
  std::string setting, metric;
  Against against = Against::base;
  Index users = 0;
  BootstrapResult bootstrap;        ///< mean difference row - reference with its interval
  double p_wilcoxon = 1;            ///< raw
  double rank_balance = 0;          ///< W+ - W-: above 0 where the signed ranks speak for the row
  double p_holm = 1;                ///< Wilcoxon's, adjusted over all comparisons of the data set and family
  Index seeds_won = 0;              ///< seeds whose mean lies above the reference's mean
  Index seeds = 0;                  ///< seeds of the row
  Verdict verdict = Verdict::open;  ///< decided only when both tests do, for the same side
};

inline RowRole role_of(const RowKey& row, const ComparisonPlan& plan) {
  if (row.adapter.empty()) return RowRole::baseline;
  if (!plan.placebo_word.empty() && row.adapter.find(plan.placebo_word) != std::string::npos) return RowRole::placebo;
  const auto& plain = plan.plain_adapters;
  return std::find(plain.begin(), plain.end(), row.adapter) != plain.end() ? RowRole::plain : RowRole::enhanced;
}

namespace detail {

/// The enhanced adapter that `placebo` is a placebo of: the longest label that it starts with; "" if there is none.
inline std::string placebo_owner(const std::string& placebo, const std::vector<std::string>& adapters,
                                 const ComparisonPlan& plan) {
  std::string owner;
  for (const std::string& adapter : adapters)
    if (role_of({"", adapter, ""}, plan) == RowRole::enhanced && placebo.rfind(adapter, 0) == 0 &&
        adapter.size() > owner.size())
      owner = adapter;
  return owner;
}

/// The row with the highest mean among those that `wanted` names; the first of equals.
template <class Wanted>
std::optional<RowKey> best_row(const ResultCube& cube, const std::vector<RowKey>& rows, std::string_view setting,
                               std::string_view metric, const Wanted& wanted) {
  std::optional<RowKey> best;
  double highest = -std::numeric_limits<double>::infinity();
  for (const RowKey& row : rows) {
    if (!wanted(row)) continue;
    const double mean = cube.summary(row, setting, metric).mean;
    if (std::isnan(mean) || mean <= highest) continue;
    highest = mean;
    best = row;
  }
  return best;
}

inline std::optional<RowKey> reference_of(const ResultCube& cube, const RowKey& row, const std::vector<RowKey>& rows,
                                          std::string_view setting, std::string_view metric, Against against,
                                          const ComparisonPlan& plan) {
  const auto stage = std::find(plan.ladder.begin(), plan.ladder.end(), row.adapter);
  if (against == Against::previous && (stage == plan.ladder.begin() || stage == plan.ladder.end())) return std::nullopt;
  return best_row(cube, rows, setting, metric, [&](const RowKey& other) {
    const RowRole role = role_of(other, plan);
    if (against == Against::baseline) return role == RowRole::baseline;
    if (other.model != row.model) return false;
    if (against == Against::base) return other.adapter == plan.base;
    if (against == Against::previous) return other.adapter == *(stage - 1);
    return role == RowRole::placebo &&
           placebo_owner(other.adapter, cube.labels(ResultCube::kAdapter), plan) == row.adapter;
  });
}

inline std::string name_of(const RowKey& row) { return row.model + (row.adapter.empty() ? "" : " " + row.adapter); }

/// @throws ShapeError when the two rows were measured on different users
inline Comparison compare_rows(const ResultCube& cube, const RowKey& row, const RowKey& reference,
                               const std::string& setting, const std::string& metric, Against against,
                               const BootstrapOptions& options) {
  const auto a = cube.per_user(row, setting, metric);
  const auto b = cube.per_user(reference, setting, metric);
  const auto users = cube.users(row, setting, metric), others = cube.users(reference, setting, metric);
  if (a.size() != b.size() || (users && others && users != others && *users != *others))
    throw ShapeError("comparison on " + row.dataset + ", " + setting + ": " + name_of(row) + " and " +
                     name_of(reference) + " were measured by " + metric +
                     " on different users. Remedy: evaluate both on the same data set");
  Comparison result;
  result.row = row;
  result.reference = reference;
  result.setting = setting;
  result.metric = metric;
  result.against = against;
  result.users = static_cast<Index>(a.size());
  result.bootstrap = paired_bootstrap(a, b, options);
  const WilcoxonResult ranks = wilcoxon_signed_rank(a, b);
  result.p_wilcoxon = ranks.p_value;
  result.rank_balance = ranks.positive - ranks.negative;
  const double level = cube.summary(reference, setting, metric).mean;
  for (const std::string& seed : cube.labels(ResultCube::kSeed)) {
    const double mean = cube.value({row.model, row.adapter, row.dataset, std::stoull(seed)}, setting, metric);
    if (std::isnan(mean)) continue;
    ++result.seeds;
    if (mean > level) ++result.seeds_won;
  }
  return result;
}

/// Adjusts the whole family and draws the verdicts. Where many lose a little and few win much, mean and ranks may both
/// be sure and contradict each other: that stays open.
inline void decide(std::vector<Comparison>& family, double alpha) {
  std::vector<double> raw;
  for (const Comparison& one : family) raw.push_back(one.p_wilcoxon);
  const auto adjusted = holm_adjusted(raw);
  for (std::size_t i = 0; i < family.size(); ++i) {
    Comparison& one = family[i];
    one.p_holm = adjusted[i];
    if (one.p_holm >= alpha) continue;
    if (one.bootstrap.low > 0 && one.rank_balance > 0) one.verdict = Verdict::better;
    if (one.bootstrap.high < 0 && one.rank_balance < 0) one.verdict = Verdict::worse;
  }
}

}  // namespace detail

/// All comparisons of `dataset`: every enhanced row, in every setting but validation, on the plan's metric (and its
/// warm_ and cold_ forms), against its Base, the strongest of its placebos, and the strongest baseline, as far as they
/// were run; Holm's correction spans all of them. Behind them, corrected among themselves, the steps of the plan's
/// ladder. Users are those of the setting; seeds are averaged per user first, so the tests speak about users, and
/// `seeds_won` about seeds. Cost: one bootstrap and one sort of the users each.
/// @throws ShapeError when two rows that are compared were measured on different users
inline std::vector<Comparison> compare(const ResultCube& cube, std::string_view dataset,
                                       const ComparisonPlan& plan = {}) {
  std::vector<Comparison> family, steps;
  for (const std::string& setting : cube.settings(dataset)) {
    if (setting == setting_name(Setting::validation)) continue;
    const auto rows = cube.rows(dataset, setting);
    for (const char* prefix : {"", "warm_", "cold_"}) {
      const std::string metric = prefix + plan.metric;
      for (const RowKey& row : rows) {
        if (role_of(row, plan) != RowRole::enhanced || cube.per_user(row, setting, metric).empty()) continue;
        for (const Against against : {Against::base, Against::placebo, Against::baseline, Against::previous}) {
          const auto reference = detail::reference_of(cube, row, rows, setting, metric, against, plan);
          if (reference && !cube.per_user(*reference, setting, metric).empty())
            (against == Against::previous ? steps : family)
                .push_back(detail::compare_rows(cube, row, *reference, setting, metric, against, plan.bootstrap));
        }
      }
    }
  }
  detail::decide(family, plan.alpha);
  detail::decide(steps, plan.alpha);
  family.insert(family.end(), std::make_move_iterator(steps.begin()), std::make_move_iterator(steps.end()));
  return family;
}

}  // namespace reclm
