#pragma once
/// @file html_findings.hpp
/// The first thing a reader of the HTML report sees: how often the adapter beat what it must beat.

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "reclm/eval/detail/html_bars.hpp"
#include "reclm/eval/detail/report_text.hpp"
#include "reclm/eval/report_input.hpp"
#include "reclm/eval/report_table.hpp"

namespace reclm::detail {

/// "2 models": the number and the noun.
inline std::string counted(std::size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

/// What the study covers, in one sentence.
inline std::string scope_sentence(const ResultCube& cube, const ComparisonPlan& plan) {
  std::vector<std::string> baselines;
  std::vector<std::string> backbones;
  for (const std::string& dataset : cube.labels(ResultCube::kDataset))
    for (const std::string& setting : cube.settings(dataset))
      for (const RowKey& row : cube.rows(dataset, setting)) {
        auto& list = role_of(row, plan) == RowRole::baseline ? baselines : backbones;
        if (std::find(list.begin(), list.end(), row.model) == list.end()) list.push_back(row.model);
      }
  std::string text = counted(backbones.size(), "backbone");
  if (!baselines.empty()) text += " beside " + counted(baselines.size(), "baseline");
  return text + ", on " + counted(cube.labels(ResultCube::kDataset).size(), "data set") + " in " +
         counted(cube.labels(ResultCube::kSetting).size(), "setting") + ", over " +
         counted(cube.labels(ResultCube::kSeed).size(), "seed") + ".";
}

/// One sign for each model: filled better, ring open, triangle worse.
inline std::string verdict_signs(const std::vector<const Comparison*>& row) {
  const std::string width = std::to_string(14 * std::max<std::size_t>(row.size(), 1));
  std::string text = "<svg width=\"" + width + "\" height=\"14\" role=\"img\">";
  std::string parts;
  std::string title;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const Comparison& one = *row[i];
    const double x = 7 + 14 * static_cast<double>(i);
    const std::string said = html_escaped(one.row.model + ": " + std::string(verdict_name(one.verdict)) + ", " +
                                          signed_text(one.bootstrap.difference, 4) + ", p " + p_text(one.p_holm));
    title += (i > 0 ? "; " : "") + said;
    if (one.verdict == Verdict::worse)
      parts += "<path d=\"M" + fixed(x - 4.5, 1) + " 3.5h9l-4.5 7.5z\" fill=\"var(--bad)\"/>";
    else if (one.verdict == Verdict::better)
      parts += "<circle cx=\"" + fixed(x, 1) + "\" cy=\"7\" r=\"4.5\" fill=\"var(--e0)\"/>";
    else
      parts += "<circle cx=\"" + fixed(x, 1) +
               "\" cy=\"7\" r=\"3.8\" fill=\"none\" stroke=\"var(--soft)\" stroke-width=\"1.3\"/>";
  }
  return text + "<title>" + title + "</title>" + parts + "</svg>";
}

/// The card of one adapter in one setting: a line for each thing to beat, a column for each form of the metric (joint,
/// warm, cold). Empty when nothing was compared.
inline std::string finding_card(const std::vector<Comparison>& all, const SettingTable& table,
                                const std::string& adapter, const std::string& heading, const ComparisonPlan& plan) {
  std::vector<const Comparison*> mine;
  std::vector<std::string> metrics;
  for (const Comparison& one : all) {
    if (one.row.dataset != table.dataset || one.setting != table.setting || one.row.adapter != adapter) continue;
    mine.push_back(&one);
    if (std::find(metrics.begin(), metrics.end(), one.metric) == metrics.end()) metrics.push_back(one.metric);
  }
  if (mine.empty()) return {};
  std::string text = "<section class=\"card\"><h4>" + html_escaped(heading) + "</h4><p class=\"note\">" +
                     html_escaped(metric_title(plan.metric)) + " of " + html_escaped(adapter) + " against</p>\n<table>";
  if (metrics.size() > 1) {
    text += "<thead><tr><td></td>";
    for (const std::string& metric : metrics)
      text += "<th scope=\"col\">" +
              (metric == plan.metric ? "joint" : html_escaped(metric.substr(0, metric.find('_')))) + "</th>";
    text += "</tr></thead>";
  }
  text += "<tbody>\n";
  for (const Against against : {Against::base, Against::placebo, Against::baseline}) {
    std::string cells;
    for (const std::string& metric : metrics) {
      std::vector<const Comparison*> signs;
      std::copy_if(mine.begin(), mine.end(), std::back_inserter(signs),
                   [&](const Comparison* one) { return one->against == against && one->metric == metric; });
      cells += "<td>" + (signs.empty() ? "–" : verdict_signs(signs)) + "</td>";
    }
    const bool compared = cells.find("<svg") != std::string::npos;
    const std::string name = against == Against::base ? plan.base : std::string(against_name(against));
    if (compared) text += "<tr><th scope=\"row\">" + html_escaped(name) + "</th>" + cells + "</tr>\n";
  }
  return text + "</tbody></table></section>\n";
}

/// The card of a ladder in one setting: a line for each stage, its signs against Base and against the stage before.
inline std::string ladder_card(const std::vector<Comparison>& all, const SettingTable& table,
                               const std::string& heading, const ComparisonPlan& plan) {
  std::string lines;
  for (const std::string& stage : plan.ladder) {
    std::string cells;
    bool compared = false;
    for (const Against against : {Against::base, Against::previous}) {
      std::vector<const Comparison*> signs;
      for (const Comparison& one : all)
        if (one.row.dataset == table.dataset && one.setting == table.setting && one.row.adapter == stage &&
            one.against == against && one.metric == plan.metric)
          signs.push_back(&one);
      compared = compared || !signs.empty();
      cells += "<td>" + (signs.empty() ? "–" : verdict_signs(signs)) + "</td>";
    }
    if (compared) lines += "<tr><th scope=\"row\">" + html_escaped(stage) + "</th>" + cells + "</tr>\n";
  }
  if (lines.empty()) return {};
  return "<section class=\"card\"><h4>" + html_escaped(heading) + "</h4><p class=\"note\">" +
         html_escaped(metric_title(plan.metric)) +
         " with the profiles of each stage, against</p>\n<table><thead><tr><td></td>" + "<th scope=\"col\">" +
         html_escaped(plan.base) + "</th><th scope=\"col\">the stage before</th></tr></thead><tbody>\n" + lines +
         "</tbody></table></section>\n";
}

/// All cards of the report; empty when nothing was compared.
inline std::string findings(const ReportInput& input, const ReportTables& tables) {
  const bool several = input.cube.labels(ResultCube::kDataset).size() > 1;
  std::string cards;
  const auto heading = [&](const SettingTable& table) {
    return several ? table.dataset + ", " + table.setting : table.setting;
  };
  if (!input.comparisons.ladder.empty())
    for (const SettingTable& table : tables.tables)
      cards += ladder_card(tables.comparisons, table, heading(table), input.comparisons);
  for (const std::string& adapter : input.cube.labels(ResultCube::kAdapter)) {
    if (!input.comparisons.ladder.empty()) break;  // its stages are in the cards above
    if (role_of({"", adapter, ""}, input.comparisons) != RowRole::enhanced) continue;
    for (const SettingTable& table : tables.tables)
      cards += finding_card(tables.comparisons, table, adapter, heading(table), input.comparisons);
  }
  if (cards.empty()) return {};
  return "<h2 id=\"findings\">" +
         std::string(input.comparisons.ladder.empty() ? "Does the adapter help?" : "Does each stage help?") +
         "</h2>\n<ul class=\"key\">"
         "<li><svg viewBox=\"0 0 14 10\"><circle cx=\"7\" cy=\"5\" r=\"4.5\" fill=\"var(--e0)\"/></svg>better</li>"
         "<li><svg viewBox=\"0 0 14 10\"><circle cx=\"7\" cy=\"5\" r=\"4\" fill=\"none\" stroke=\"var(--soft)\" "
         "stroke-width=\"1.4\"/></svg>undecided</li>"
         "<li><svg viewBox=\"0 0 14 10\"><path d=\"M2.5 1h9l-4.5 8z\" fill=\"var(--bad)\"/></svg>worse</li>"
         "<li>one sign for each backbone, in the order of the tables</li></ul>\n"
         "<div class=\"findings\">\n" +
         cards + "</div>\n";
}

}  // namespace reclm::detail
