#pragma once
/// @file html_tables.hpp
/// Tables of the HTML report: the figures of a setting, and its paired comparisons as a forest plot.

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "reclm/eval/detail/html_bars.hpp"
#include "reclm/eval/detail/report_text.hpp"
#include "reclm/eval/report_table.hpp"

namespace reclm::detail {

/// What a column has besides its figures. Cells without it keep its room, so that decimals stand below each other.
struct ColumnRoom {
  bool deviations = false, marks = false;

  ColumnRoom(const SettingTable& table, std::size_t metric) {
    for (const TableRow& row : table.rows) {
      deviations = deviations || !std::isnan(row.cells[metric].figure.sd);
      marks = marks || !marks_of(row.cells[metric]).empty();
    }
  }
};

inline std::string html_cell(const TableCell& cell, std::string_view metric, const ColumnRoom& room) {
  const int digits = digits_of(metric);
  const bool known = !std::isnan(cell.figure.mean);
  std::string text = known ? fixed(cell.figure.mean, digits) : "–";
  if (cell.best) text = "<b>" + text + "</b>";
  const bool deviates = !std::isnan(cell.figure.sd);
  if (deviates || (room.deviations && known))
    text += std::string(deviates ? "<small>" : "<small class=\"ghost\" aria-hidden=\"true\">") + "±\u202f" +
            fixed(deviates ? cell.figure.sd : 0, digits) + "</small>";
  if (room.marks) text += "<span class=\"room\">" + html_marks(cell) + "</span>";
  return "<td>" + text + "</td>";
}

/// The columns `shown` of `table` in a box that scrolls sideways where the page is narrow.
inline std::string html_table(const SettingTable& table, const std::vector<std::size_t>& shown) {
  const std::string name = html_escaped(table.dataset + ", " + table.setting);
  std::string text = "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Figures: " + name +
                     "\"><table><thead><tr><th scope=\"col\">Model</th>";
  for (const std::size_t m : shown)
    text += "<th scope=\"col\">" + html_escaped(metric_title(table.metrics[m])) + "</th>";
  text += "</tr></thead><tbody>\n";
  std::vector<ColumnRoom> rooms;
  for (const std::size_t m : shown) rooms.emplace_back(table, m);
  std::string group;
  for (const TableRow& row : table.rows) {
    const std::string mine = row.role == RowRole::baseline ? std::string() : row.key.model;
    text += "<tr class=\"" + std::string(role_class(row.role)) + (mine != group ? " first" : "") +
            "\"><th scope=\"row\">" + html_escaped(row.label) + "</th>";
    group = mine;
    for (std::size_t c = 0; c < shown.size(); ++c)
      text += html_cell(row.cells[shown[c]], table.metrics[shown[c]], rooms[c]);
    text += "</tr>\n";
  }
  return text + "</tbody></table></div>\n";
}

/// A difference with its interval on an axis centred at 0.
inline std::string forest_drawing(const Comparison& one, double reach) {
  const auto place = [&](double value) { return percent(0.5 + 0.48 * value / reach); };
  const char* color = one.verdict == Verdict::better  ? "var(--e0)"
                      : one.verdict == Verdict::worse ? "var(--bad)"
                                                      : "var(--soft)";
  return "<svg aria-hidden=\"true\"><line x1=\"50%\" x2=\"50%\" y2=\"16\" stroke=\"var(--rule)\"/><line x1=\"" +
         place(one.bootstrap.low) + "\" x2=\"" + place(one.bootstrap.high) + "\" y1=\"8\" y2=\"8\" stroke=\"" + color +
         "\" stroke-width=\"2\"/><circle cx=\"" + place(one.bootstrap.difference) + "\" cy=\"8\" r=\"3.5\" fill=\"" +
         color + "\"/></svg>";
}

/// All comparisons of one data set and setting; empty when there are none.
inline std::string html_comparisons(const std::vector<Comparison>& all, const SettingTable& table,
                                    const ComparisonPlan& plan) {
  std::vector<const Comparison*> mine;
  double reach = 0;
  for (const Comparison& one : all) {
    if (one.row.dataset != table.dataset || one.setting != table.setting) continue;
    mine.push_back(&one);
    reach = std::max({reach, std::fabs(one.bootstrap.low), std::fabs(one.bootstrap.high)});
  }
  if (mine.empty()) return {};
  if (reach == 0) reach = 1;
  const std::string interval = fixed(100 * plan.bootstrap.confidence, 0) + "% interval";
  std::string text =
      "<details><summary>All " + std::to_string(mine.size()) +
      " paired comparisons</summary>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
      "aria-label=\"Paired comparisons: " +
      html_escaped(table.dataset + ", " + table.setting) +
      "\"><table class=\"comparisons\"><thead><tr><th scope=\"col\">Row</th><th class=\"left\" "
      "scope=\"col\">against</th>"
      "<th class=\"left\" scope=\"col\">metric</th><th scope=\"col\">difference</th><th scope=\"col\"></th>"
      "<th scope=\"col\">" +
      interval + "</th><th scope=\"col\">p (Holm)</th><th scope=\"col\">seeds won</th></tr></thead><tbody>\n";
  std::string group;
  for (const Comparison* one : mine) {
    const std::string name = row_label(one->row, RowRole::enhanced);
    const std::string key = name + one->metric;
    text += std::string("<tr") + (key != group ? " class=\"first\"" : "") + "><th scope=\"row\">" + html_escaped(name) +
            "</th><td class=\"left\">" + html_escaped(row_label(one->reference, role_of(one->reference, plan))) +
            "</td><td class=\"left\">" + html_escaped(metric_title(one->metric)) + "</td><td>" +
            signed_text(one->bootstrap.difference, 4) + "</td><td class=\"forest\">" + forest_drawing(*one, reach) +
            "</td><td>" + signed_text(one->bootstrap.low, 4) + " … " + signed_text(one->bootstrap.high, 4) +
            "</td><td>" + html_escaped(p_text(one->p_holm)) + "</td><td>" + std::to_string(one->seeds_won) + "/" +
            std::to_string(one->seeds) + "</td></tr>\n";
    group = key;
  }
  return text + "</tbody></table></div></details>\n";
}

}  // namespace reclm::detail
