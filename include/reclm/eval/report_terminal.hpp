#pragma once
/// @file report_terminal.hpp
/// Tables for a terminal: as many columns as fit, baselines dim, the best figure of a column bold.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "reclm/eval/detail/report_text.hpp"
#include "reclm/eval/report_table.hpp"

namespace reclm {

struct TerminalOptions {
  std::size_t width = 100;  ///< columns of the terminal; at least one metric is always shown
  bool color = true;        ///< ANSI escapes; off when standard output is no terminal
  bool catalogue = false;   ///< also coverage, Gini and novelty
};

namespace detail {

/// Text from outside must not steer the terminal.
inline std::string terminal_safe(std::string_view text) {
  std::string result;
  for (const char c : text) result += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  return result;
}

inline std::string padded(const std::string& text, std::size_t width, bool right) {
  const std::size_t used = display_width(text);
  const std::string gap(width > used ? width - used : 0, ' ');
  return right ? gap + text : text + gap;
}

/// A column ready to print: one figure and its marks a row.
struct TerminalColumn {
  std::string title;
  std::vector<std::string> figures, marks;
  std::size_t figure_width = 0, mark_width = 0;

  TerminalColumn(const SettingTable& table, std::size_t metric) : title(metric_title(table.metrics[metric])) {
    for (const TableRow& row : table.rows) {
      figures.push_back(figure_text(row.cells[metric].figure, table.metrics[metric]));
      marks.push_back(marks_of(row.cells[metric]));
      figure_width = std::max(figure_width, display_width(figures.back()));
      mark_width = std::max(mark_width, display_width(marks.back()));
    }
    figure_width = std::max(figure_width, display_width(title));
  }
  [[nodiscard]] std::size_t width() const { return 2 + figure_width + (mark_width > 0 ? 1 + mark_width : 0); }
};

}  // namespace detail

/// One table, ending in a line end. Columns that do not fit are counted in a last line.
inline std::string terminal_table(const SettingTable& table, const ComparisonPlan& plan = {},
                                  const TerminalOptions& options = {}) {
  using detail::padded;
  const auto paint = [&](const char* code, const std::string& text) {
    return options.color ? std::string("\x1b[") + code + "m" + text + "\x1b[0m" : text;
  };
  std::size_t label_width = 0;
  for (const TableRow& row : table.rows) label_width = std::max(label_width, detail::display_width(row.label));
  std::vector<std::size_t> shown;
  std::vector<detail::TerminalColumn> columns;
  std::size_t used = label_width;
  std::size_t hidden = 0;
  auto wanted = detail::key_columns(table, plan, table.metrics.size());
  for (std::size_t m = 0; options.catalogue && m < table.metrics.size(); ++m)
    if (!detail::is_graded(table.metrics[m])) wanted.push_back(m);
  for (const std::size_t m : wanted) {
    detail::TerminalColumn column(table, m);
    if (hidden > 0 || (!columns.empty() && used + column.width() > options.width)) {
      ++hidden;
      continue;
    }
    used += column.width();
    shown.push_back(m);
    columns.push_back(std::move(column));
  }
  std::string text =
      paint("1", detail::terminal_safe(table.dataset) + " · " + detail::terminal_safe(table.setting)) +
      paint("2", "  " + std::to_string(table.users) + " users, " + std::to_string(table.candidates) + " items ranked") +
      "\n";
  text += std::string(label_width, ' ');
  for (const auto& column : columns)
    text += "  " + padded(column.title, column.figure_width, true) +
            std::string(column.width() - 2 - column.figure_width, ' ');
  while (text.back() == ' ') text.pop_back();
  text += "\n";
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    const TableRow& row = table.rows[r];
    const bool quiet = row.role == RowRole::baseline || row.role == RowRole::placebo;
    const std::string label = padded(detail::terminal_safe(row.label), label_width, false);
    std::string line = quiet ? paint("2", label) : label;
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const auto& column = columns[c];
      const std::string figure = padded(column.figures[r], column.figure_width, true);
      line += "  ";
      line += row.cells[shown[c]].best ? paint("1", figure) : quiet ? paint("2", figure) : figure;
      if (column.mark_width == 0) continue;
      const std::string marks = padded(column.marks[r], column.mark_width, false);
      const bool worse = column.marks[r].find("▼") != std::string::npos;
      line += " " + (column.marks[r].empty() ? marks : paint(worse ? "31" : "32", marks));
    }
    while (line.back() == ' ') line.pop_back();
    text += line + "\n";
  }
  if (hidden > 0) text += paint("2", "(" + std::to_string(hidden) + " more columns in the report)") + "\n";
  return text;
}

/// The tables of a chapter, and what its first sample says.
inline std::string terminal_chapter(const ReportChapter& chapter, const TerminalOptions& options = {}) {
  using detail::padded;
  const auto paint = [&](const char* code, const std::string& text) {
    return options.color ? std::string("\x1b[") + code + "m" + text + "\x1b[0m" : text;
  };
  std::string text;
  for (const ChapterTable& table : chapter.tables) {
    std::size_t label_width = detail::display_width(table.title);
    for (const ChapterRow& row : table.rows) label_width = std::max(label_width, detail::display_width(row.label));
    std::vector<std::string> lines{paint("1", padded(detail::terminal_safe(table.title), label_width, false))};
    for (const ChapterRow& row : table.rows)
      lines.push_back(padded(detail::terminal_safe(row.label), label_width, false));
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      std::size_t width = detail::display_width(table.columns[c].title);
      for (const ChapterRow& row : table.rows)
        width = std::max(width, detail::display_width(detail::chapter_figure(table, row, c)));
      lines[0] += "  " + paint("2", padded(table.columns[c].title, width, true));
      for (std::size_t r = 0; r < table.rows.size(); ++r)
        lines[r + 1] += "  " + padded(detail::chapter_figure(table, table.rows[r], c), width, true);
    }
    for (const std::string& line : lines) text += line + "\n";
    text += "\n";
  }
  if (!chapter.samples.empty()) {
    const ChapterSample& sample = chapter.samples.front();
    std::size_t width = 0;
    for (const auto& [name, said] : sample.texts) width = std::max(width, detail::display_width(name));
    text += paint("1", detail::terminal_safe(sample.title)) + "\n";
    for (const auto& [name, said] : sample.texts)
      text += paint("2", padded(detail::terminal_safe(name), width, false)) + "  " + detail::terminal_safe(said) + "\n";
    text += "\n";
  }
  return text;
}

/// All tables and the legend of their marks.
inline std::string terminal_report(const ReportTables& tables, const ComparisonPlan& plan = {},
                                   const TerminalOptions& options = {}) {
  std::string text;
  for (const SettingTable& table : tables.tables) text += terminal_table(table, plan, options) + "\n";
  if (!tables.comparisons.empty()) text += mark_legend(plan) + "\n";
  return text;
}

}  // namespace reclm
