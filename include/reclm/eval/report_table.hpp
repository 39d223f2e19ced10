#pragma once
/// @file report_table.hpp
/// The tables that every report shows: one for each data set and setting, rows ordered, best figures and verdicts
/// marked.

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "reclm/eval/comparison.hpp"
#include "reclm/eval/cube.hpp"
#include "reclm/eval/detail/report_text.hpp"
#include "reclm/eval/report_input.hpp"

namespace reclm {

/// One figure of a table with what was found out about it.
struct TableCell {
  SeedSummary figure;
  bool best = false;  ///< highest of its column; placebos take no part
  std::vector<Comparison> comparisons;
};

struct TableRow {
  RowKey key;
  RowRole role = RowRole::baseline;
  std::string label;  ///< "Popularity", "LightGCN + RecLM", "LightGCN Base"
  std::vector<TableCell> cells;
};

/// All rows of one data set in one setting; columns in the order of `metrics`.
struct SettingTable {
  std::string dataset, setting;
  Index users = 0, candidates = 0;
  std::vector<std::string> metrics;
  std::vector<TableRow> rows;  ///< baselines first, then by model: plain, enhanced, placebo
};

inline std::string row_label(const RowKey& key, RowRole role) {
  if (role == RowRole::baseline) return key.model;
  return key.model + (role == RowRole::plain ? " " : " + ") + key.adapter;
}

/// What the marks behind a figure mean, in one sentence.
inline std::string mark_legend(const ComparisonPlan& plan) {
  return "▲ better and ▼ worse than " + plan.base + "; ◆ better than the placebo; ● better than the best baseline" +
         (plan.ladder.empty() ? "" : "; ↑ better and ↓ worse than the stage before") +
         ". A mark needs both tests to agree: "
         "Holm-adjusted Wilcoxon p < " +
         detail::exact(plan.alpha) + " and a " + detail::exact_percent(plan.bootstrap.confidence) +
         " bootstrap interval without 0, on the same side.";
}

/// "▲◆●↑" as the legend says; empty where nothing was decided.
inline std::string marks_of(const TableCell& cell) {
  std::string marks;
  for (const Comparison& one : cell.comparisons) {
    if (one.against == Against::base && one.verdict != Verdict::open)
      marks += one.verdict == Verdict::better ? "▲" : "▼";
    if (one.against == Against::placebo && one.verdict == Verdict::better) marks += "◆";
    if (one.against == Against::baseline && one.verdict == Verdict::better) marks += "●";
    if (one.against == Against::previous && one.verdict != Verdict::open)
      marks += one.verdict == Verdict::better ? "↑" : "↓";
  }
  return marks;
}

/// "0.0719 ± 0.0012": the mean, and its deviation over seeds where there were several. "–" where nothing was run.
inline std::string figure_text(const SeedSummary& figure, std::string_view metric) {
  if (std::isnan(figure.mean)) return "–";
  const int digits = detail::digits_of(metric);
  std::string text = detail::fixed(figure.mean, digits);
  if (!std::isnan(figure.sd)) text += " ± " + detail::fixed(figure.sd, digits);
  return text;
}

namespace detail {

inline void mark_best(SettingTable& table) {
  for (std::size_t m = 0; m < table.metrics.size(); ++m) {
    if (!is_graded(table.metrics[m])) continue;
    TableCell* best = nullptr;
    for (TableRow& row : table.rows) {
      TableCell& cell = row.cells[m];
      if (row.role == RowRole::placebo || std::isnan(cell.figure.mean)) continue;
      if (best == nullptr || cell.figure.mean > best->figure.mean) best = &cell;
    }
    if (best != nullptr) best->best = true;
  }
}

inline SettingTable make_table(const ResultCube& cube, const std::string& dataset, const std::string& setting,
                               const ComparisonPlan& plan, const std::vector<Comparison>& comparisons) {
  SettingTable table{dataset,
                     setting,
                     cube.extent(dataset, setting).first,
                     cube.extent(dataset, setting).second,
                     cube.metrics(dataset, setting),
                     {}};
  for (const RowKey& key : cube.rows(dataset, setting)) {
    TableRow row{key, role_of(key, plan), {}, {}};
    row.label = row_label(key, row.role);
    for (const std::string& metric : table.metrics) {
      row.cells.push_back({cube.summary(key, setting, metric), false, {}});
      for (const Comparison& one : comparisons)
        if (one.row == key && one.setting == setting && one.metric == metric)
          row.cells.back().comparisons.push_back(one);
    }
    table.rows.push_back(std::move(row));
  }
  // Baselines move to the front; inside a model plain rows lead, and each placebo follows its adapter.
  const auto& models = cube.labels(ResultCube::kModel);
  const auto& adapters = cube.labels(ResultCube::kAdapter);
  const auto place = [](const std::vector<std::string>& labels, const std::string& label) {
    return std::find(labels.begin(), labels.end(), label) - labels.begin();
  };
  const auto order = [&](const TableRow& row) {
    const std::string owner = row.role == RowRole::placebo ? placebo_owner(row.key.adapter, adapters, plan) : "";
    const std::string& adapter = owner.empty() ? row.key.adapter : owner;
    const int rank = row.role == RowRole::baseline ? 0 : row.role == RowRole::plain ? 1 : 2;
    return std::tuple(rank > 0, place(models, row.key.model), rank, place(adapters, adapter),
                      row.role == RowRole::placebo);
  };
  std::stable_sort(table.rows.begin(), table.rows.end(),
                   [&](const TableRow& x, const TableRow& y) { return order(x) < order(y); });
  mark_best(table);
  return table;
}

/// Places of the named metrics that the table has.
inline std::vector<std::size_t> places_of(const SettingTable& table, const std::vector<std::string>& names) {
  std::vector<std::size_t> places;
  for (const std::string& name : names) {
    const auto found = std::find(table.metrics.begin(), table.metrics.end(), name);
    if (found != table.metrics.end()) places.push_back(static_cast<std::size_t>(found - table.metrics.begin()));
  }
  return places;
}

/// Metrics worth a chart: the plan's and its companion NDCG, or warm, cold and H where they exist.
inline std::vector<std::size_t> charted(const SettingTable& table, const ComparisonPlan& plan) {
  const auto split = places_of(table, {"warm_" + plan.metric, "cold_" + plan.metric, "h_" + plan.metric});
  if (split.size() == 3) return split;
  const auto at = plan.metric.find('@');
  auto places = places_of(table, {plan.metric, at == std::string::npos ? "ndcg" : "ndcg" + plan.metric.substr(at)});
  for (std::size_t m = 0; places.empty() && m < table.metrics.size(); ++m)
    if (is_graded(table.metrics[m])) places.push_back(m);
  return places;
}

/// The graded columns by importance, at most `limit`: the plan's metric in all its forms (warm, cold, H), then the
/// others.
inline std::vector<std::size_t> key_columns(const SettingTable& table, const ComparisonPlan& plan, std::size_t limit) {
  auto places = places_of(table, {"warm_" + plan.metric, "cold_" + plan.metric, "h_" + plan.metric, plan.metric});
  for (std::size_t m = 0; m < table.metrics.size(); ++m)
    if (is_graded(table.metrics[m]) && std::find(places.begin(), places.end(), m) == places.end()) places.push_back(m);
  places.resize(std::min(places.size(), limit));
  return places;
}

}  // namespace detail

/// Everything that the writers of reports need beside the input itself.
struct ReportTables {
  std::vector<SettingTable> tables;     ///< by data set, then setting, both in the cube's order
  std::vector<Comparison> comparisons;  ///< of all data sets
};

/// Runs the comparisons and lays out the tables.
inline ReportTables report_tables(const ResultCube& cube, const ComparisonPlan& plan = {}) {
  ReportTables result;
  for (const std::string& dataset : cube.labels(ResultCube::kDataset)) {
    const auto comparisons = compare(cube, dataset, plan);
    for (const std::string& setting : cube.settings(dataset))
      result.tables.push_back(detail::make_table(cube, dataset, setting, plan, comparisons));
    result.comparisons.insert(result.comparisons.end(), comparisons.begin(), comparisons.end());
  }
  return result;
}

}  // namespace reclm
