#pragma once
/// @file report_markdown.hpp
/// The report as GitHub-flavoured Markdown, for notes and pull requests.

#include <string>
#include <string_view>
#include <vector>

#include "reclm/eval/detail/report_text.hpp"
#include "reclm/eval/report_input.hpp"
#include "reclm/eval/report_table.hpp"

namespace reclm {

namespace detail {

inline std::string markdown_table(const SettingTable& table) {
  std::string text = "| model |";
  std::string rule = "| :-- |";
  for (const std::string& metric : table.metrics) {
    text += " " + markdown_escaped(metric_title(metric)) + " |";
    rule += " --: |";
  }
  text += "\n" + rule + "\n";
  for (const TableRow& row : table.rows) {
    const bool placebo = row.role == RowRole::placebo;
    text += placebo ? "| _" + markdown_escaped(row.label) + "_ |" : "| " + markdown_escaped(row.label) + " |";
    for (std::size_t m = 0; m < table.metrics.size(); ++m) {
      const TableCell& cell = row.cells[m];
      const std::string figure = figure_text(cell.figure, table.metrics[m]);
      text += cell.best ? " **" + figure + "**" : " " + figure;
      if (const std::string marks = marks_of(cell); !marks.empty()) text += " " + marks;
      text += " |";
    }
    text += "\n";
  }
  return text;
}

inline std::string markdown_chapter(const ReportChapter& chapter) {
  std::string text = "## " + markdown_escaped(chapter.title) + "\n\n";
  if (!chapter.text.empty()) text += markdown_escaped(chapter.text) + "\n\n";
  for (const ChapterTable& table : chapter.tables) {
    text += "### " + markdown_escaped(table.title) + "\n\n";
    if (!table.note.empty()) text += markdown_escaped(table.note) + "\n\n";
    std::string rule = "| :-- |";
    text += "| |";
    for (const ChapterColumn& column : table.columns) {
      text += " " + markdown_escaped(column.title) + " |";
      rule += " --: |";
    }
    text += "\n" + rule + "\n";
    for (const ChapterRow& row : table.rows) {
      text += "| " + markdown_escaped(row.label) + " |";
      for (std::size_t c = 0; c < table.columns.size(); ++c) text += " " + chapter_figure(table, row, c) + " |";
      text += "\n";
    }
    text += "\n";
  }
  for (const ChapterSample& sample : chapter.samples) {
    text += "### " + markdown_escaped(sample.title) + "\n\n";
    for (const auto& [name, said] : sample.texts)
      text += "- **" + markdown_escaped(name) + "**: " + markdown_escaped(said) + "\n";
    text += "\n";
  }
  return text;
}

inline std::string markdown_comparisons(const std::vector<Comparison>& comparisons, const ComparisonPlan& plan) {
  if (comparisons.empty()) return {};
  std::string text = "## Paired comparisons\n\n" + mark_legend(plan) + "\n\n";
  text += "| data set | setting | metric | row | against | difference | interval | p (Holm) | seeds won | verdict |\n";
  text += "| :-- | :-- | :-- | :-- | :-- | --: | :-: | --: | --: | :-- |\n";
  for (const Comparison& one : comparisons) {
    const RowRole reference = role_of(one.reference, plan);
    text += "| " + markdown_escaped(one.row.dataset) + " | " + markdown_escaped(one.setting) + " | " +
            markdown_escaped(metric_title(one.metric)) + " | " +
            markdown_escaped(row_label(one.row, RowRole::enhanced)) + " | " +
            markdown_escaped(row_label(one.reference, reference)) + " | " + signed_text(one.bootstrap.difference, 4) +
            " | " + signed_text(one.bootstrap.low, 4) + " … " + signed_text(one.bootstrap.high, 4) + " | " +
            p_text(one.p_holm) + " | " + std::to_string(one.seeds_won) + "/" + std::to_string(one.seeds) + " | " +
            std::string(verdict_name(one.verdict)) + " |\n";
  }
  return text + "\n";
}

/// A code span whose fence is longer than any run of back-ticks inside.
inline std::string markdown_code(std::string_view text) {
  std::size_t longest = 0;
  std::size_t run = 0;
  std::string line;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = run > longest ? run : longest;
    line += c == '\n' || c == '\r' ? ' ' : c;
  }
  const std::string fence(longest + 1, '`');
  return fence + " " + line + " " + fence;
}

inline std::string markdown_run(const RunFacts& run) {
  std::string text = "## How it was run\n\n";
  const auto line = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) text += "- " + std::string(name) + ": " + value + "\n";
  };
  line("command", run.command.empty() ? "" : markdown_code(run.command));
  line("version", markdown_escaped(run.version));
  line("started", markdown_escaped(run.started));
  line("machine", markdown_escaped(run.machine));
  line("threads", run.threads > 0 ? std::to_string(run.threads) : "");
  line("seconds", run.seconds > 0 ? fixed(run.seconds, 1) : "");
  for (const auto& [name, value] : run.details) line(markdown_escaped(name), markdown_escaped(value));
  return text;
}

}  // namespace detail

inline std::string report_markdown(const ReportInput& input, const ReportTables& tables) {
  std::string text = "# " + detail::markdown_escaped(input.title) + "\n\n";
  for (const std::string& note : input.notes) text += detail::markdown_escaped(note) + "\n\n";
  for (const ReportChapter& chapter : input.chapters) text += detail::markdown_chapter(chapter);
  for (const SettingTable& table : tables.tables) {
    text += "## " + detail::markdown_escaped(table.dataset) + ", " + detail::markdown_escaped(table.setting) + "\n\n";
    if (const auto explanation = setting_explanation(table.setting); !explanation.empty())
      text += std::string(explanation) + " ";
    text += std::to_string(table.users) + " users, " + std::to_string(table.candidates) + " items ranked.\n\n";
    text += detail::markdown_table(table) + "\n";
  }
  text += detail::markdown_comparisons(tables.comparisons, input.comparisons);
  return text + detail::markdown_run(input.run);
}

}  // namespace reclm
