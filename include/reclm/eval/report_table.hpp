#pragma once
/// @file report_table.hpp
/// The tables that every report shows: one for each data set and setting, rows ordered, best figures and verdicts
/// marked.

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
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
  return "▲ better and ▼ worse than " + plan.base +
         "; ◆ better than the placebo; ● better than the best baseline. A mark needs both tests to agree: "
         "Holm-adjusted Wilcoxon p < " +
         detail::fixed(plan.alpha, 2) + " and a " + detail::fixed(100 * plan.bootstrap.confidence, 0) +
         "% bootstrap interval without 0.";
}

/// "▲◆●" as the legend says; empty where nothing was decided.
inline std::string marks_of(const TableCell& cell) {
  std::string marks;
  for (const Comparison& one : cell.comparisons) {
    if (one.against == Against::base && one.verdict != Verdict::open)
      marks += one.verdict == Verdict::better ? "▲" : "▼";
    if (one.against == Against::placebo && one.verdict == Verdict::better) marks += "◆";
    if (one.against == Against::baseline && one.verdict == Verdict::better) marks += "●";
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
  // Rows come grouped by model already; baselines move to the front, roles are ordered inside a model.
  const auto model_place = [&](const TableRow& row) {
    const auto& models = cube.labels(ResultCube::kModel);
    return std::find(models.begin(), models.end(), row.key.model) - models.begin();
  };
  std::stable_sort(table.rows.begin(), table.rows.end(), [&](const TableRow& a, const TableRow& b) {
    const bool a_baseline = a.role == RowRole::baseline;
    const bool b_baseline = b.role == RowRole::baseline;
    if (a_baseline != b_baseline) return a_baseline;
    if (model_place(a) != model_place(b)) return model_place(a) < model_place(b);
    return a.role < b.role;
  });
  mark_best(table);
  return table;
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
