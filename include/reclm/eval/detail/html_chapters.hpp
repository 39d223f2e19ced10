#pragma once
/// @file html_chapters.hpp
/// Chapters of the HTML report: tables of figures, small line charts with a key, texts beside each other.

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "reclm/eval/detail/html_lines.hpp"
#include "reclm/eval/detail/report_text.hpp"
#include "reclm/eval/report_chapter.hpp"

namespace reclm::detail {

inline std::string chapter_anchor(std::size_t place) { return "chapter-" + std::to_string(place + 1); }

/// The colour of a chart's n-th line.
inline std::string line_color(std::size_t n) { return "var(--e" + std::to_string(n % Palette::kEnhanced) + ")"; }

/// Columns up to which a table stands beside others.
inline constexpr std::size_t kNarrowTable = 3;

inline std::string html_chapter_rows(const ChapterTable& table) {
  std::string text = "<table><thead><tr><td></td>";
  for (const ChapterColumn& column : table.columns) text += "<th scope=\"col\">" + html_escaped(column.title) + "</th>";
  text += "</tr></thead><tbody>\n";
  for (const ChapterRow& row : table.rows) {
    text += "<tr><th scope=\"row\">" + html_escaped(row.label) + "</th>";
    for (std::size_t c = 0; c < table.columns.size(); ++c) text += "<td>" + chapter_figure(table, row, c) + "</td>";
    text += "</tr>\n";
  }
  return text + "</tbody></table>";
}

/// A table over the page's width.
inline std::string html_wide_table(const ChapterTable& table) {
  return "<h3>" + html_escaped(table.title) + "</h3>\n<p>" + html_escaped(table.note) +
         "</p>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"" + html_escaped(table.title) +
         "\">" + html_chapter_rows(table) + "</div>\n";
}

/// A table as a card among others.
inline std::string html_narrow_table(const ChapterTable& table) {
  return "<section class=\"card\"><h4>" + html_escaped(table.title) + "</h4><p class=\"note\">" +
         html_escaped(table.note) + "</p>\n" + html_chapter_rows(table) + "</section>\n";
}

/// Empty where nothing finite is to be drawn.
inline std::string html_chapter_chart(const ChapterChart& chart) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  double left = kInfinity, right = -kInfinity, low = kInfinity, high = -kInfinity;
  for (const Series& line : chart.lines)
    for (std::size_t i = 0; i < line.y.size() && i < line.x.size(); ++i) {
      if (!std::isfinite(line.y[i])) continue;
      left = std::min(left, line.x[i]);
      right = std::max(right, line.x[i]);
      low = std::min(low, line.y[i]);
      high = std::max(high, line.y[i]);
    }
  if (!std::isfinite(left)) return {};
  const PlotFrame frame{Axis::around(std::min(left, 0.0), right, 5),
                        Axis::around(low > 0 && low < 0.3 * high ? 0 : low, high, 3)};
  std::string text =
      "<figure class=\"card\"><figcaption>" + html_escaped(chart.title) + " <span>by " + html_escaped(chart.x) +
      "</span></figcaption>\n" +
      frame.open(chart.title + " by " + chart.x, "values from " + fixed(low, 4) + " to " + fixed(high, 4));
  for (std::size_t n = 0; n < chart.lines.size(); ++n) {
    const Series& line = chart.lines[n];
    text += plot_line(frame, line, "stroke=\"" + line_color(n) + "\"");
    if (line.y.size() == 1 && line.x.size() == 1 && std::isfinite(line.y[0]))  // a line of one point is none
      text += "<circle cx=\"" + fixed(frame.px(line.x[0]), 1) + "\" cy=\"" + fixed(frame.py(line.y[0]), 1) +
              "\" r=\"2.5\" fill=\"" + line_color(n) + "\"/>\n";
  }
  text += "</svg>\n";
  if (chart.lines.size() > 1) {
    text += "<ul class=\"legend\">";
    for (std::size_t n = 0; n < chart.lines.size(); ++n)
      text += "<li><svg viewBox=\"0 0 16 10\" aria-hidden=\"true\"><path d=\"M1 5h14\" stroke=\"" + line_color(n) +
              "\" stroke-width=\"2.4\"/></svg>" + html_escaped(chart.lines[n].name) + "</li>";
    text += "</ul>";
  }
  return text + "</figure>\n";
}

inline std::string html_chapter_sample(const ChapterSample& sample) {
  std::string text = "<section class=\"card\"><h4>" + html_escaped(sample.title) + "</h4><dl>";
  for (const auto& [name, said] : sample.texts)
    text += "<dt>" + html_escaped(name) + "</dt><dd>" + (said.empty() ? "–" : html_escaped(said)) + "</dd>\n";
  return text + "</dl></section>\n";
}

inline std::string html_chapter(const ReportChapter& chapter, std::size_t place) {
  std::string text = "<h2 id=\"" + chapter_anchor(place) + "\">" + html_escaped(chapter.title) + "</h2>\n";
  if (!chapter.text.empty()) text += "<p>" + html_escaped(chapter.text) + "</p>\n";
  std::string cards;
  for (const ChapterTable& table : chapter.tables)
    if (table.columns.size() <= kNarrowTable) cards += html_narrow_table(table);
  if (!cards.empty()) text += "<div class=\"findings narrow\">\n" + cards + "</div>\n";
  for (const ChapterTable& table : chapter.tables)
    if (table.columns.size() > kNarrowTable) text += html_wide_table(table);
  if (!chapter.charts.empty()) {
    text += "<div class=\"panels lines\">\n";
    for (const ChapterChart& chart : chapter.charts) text += html_chapter_chart(chart);
    text += "</div>\n";
  }
  if (!chapter.samples.empty()) {
    text += "<details open><summary>" + std::to_string(chapter.samples.size()) +
            " samples</summary><div class=\"samples\">\n";
    for (const ChapterSample& sample : chapter.samples) text += html_chapter_sample(sample);
    text += "</div></details>\n";
  }
  return text;
}

}  // namespace reclm::detail
