#pragma once
/// @file report_html.hpp
/// The report as one self-contained page: inline style and drawings, no script, nothing fetched, light and dark.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "reclm/eval/detail/html_bars.hpp"
#include "reclm/eval/detail/html_chapters.hpp"
#include "reclm/eval/detail/html_findings.hpp"
#include "reclm/eval/detail/html_guide.hpp"
#include "reclm/eval/detail/html_lines.hpp"
#include "reclm/eval/detail/html_style.hpp"
#include "reclm/eval/detail/html_tables.hpp"
#include "reclm/eval/detail/report_text.hpp"
#include "reclm/eval/report_input.hpp"
#include "reclm/eval/report_table.hpp"

namespace reclm {

namespace detail {

inline std::string html_head(const std::string& title) {
  return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
         "img-src data:\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n<title>" +
         html_escaped(title) + "</title>\n<style>" + std::string(kReportStyle) + "</style>\n</head>\n";
}

/// An anchor that any data set name gives: its place among the data sets.
inline std::string dataset_anchor(std::size_t place) { return "data-" + std::to_string(place + 1); }

inline std::string html_header(const ReportInput& input, bool findings_exist) {
  const auto& datasets = input.cube.labels(ResultCube::kDataset);
  std::string text = "<header>\n<p class=\"eyebrow\">reclm " + html_escaped(input.run.version) +
                     (input.run.started.empty() ? "" : " · " + html_escaped(input.run.started)) + "</p>\n<h1>" +
                     html_escaped(input.title) + "</h1>\n";
  text += input.cube.empty() ? input.chapters.empty() ? "<p class=\"lede\">Nothing was run yet.</p>\n" : ""
                             : "<p class=\"lede\">" + scope_sentence(input.cube, input.comparisons) + "</p>\n";
  for (const std::string& note : input.notes) text += "<p>" + html_escaped(note) + "</p>\n";
  text += "<nav aria-label=\"Contents\">";
  if (findings_exist) text += "<a href=\"#findings\">Does it help?</a>";
  for (std::size_t c = 0; c < input.chapters.size(); ++c)
    text += "<a href=\"#" + chapter_anchor(c) + "\">" + html_escaped(input.chapters[c].title) + "</a>";
  for (std::size_t d = 0; d < datasets.size(); ++d)
    text += "<a href=\"#" + dataset_anchor(d) + "\">" + html_escaped(datasets[d]) + "</a>";
  if (!input.cube.empty()) text += "<a href=\"#guide\">Reading this report</a>";
  return text + "<a href=\"#run\">How it was run</a></nav>\n</header>\n";
}

inline std::string facts_section(const DatasetFacts& facts) {
  std::string text = "<div class=\"facts\">\n<dl class=\"card figures\">";
  const auto line = [&](std::string_view name, Index value) {
    if (value > 0) text += "<dt>" + std::string(name) + "</dt><dd>" + grouped(value) + "</dd>\n";
  };
  line("Users", facts.users);
  line("Items", facts.items);
  line("Training clicks", facts.train);
  line("Validation clicks", facts.valid);
  line("Test clicks", facts.test);
  line("Clicks on unseen items", facts.zero);
  if (facts.users > 0)
    text += "<dt>Training clicks per user</dt><dd>" +
            fixed(static_cast<double>(facts.train) / static_cast<double>(facts.users), 1) + "</dd>\n";
  return text + "</dl>\n" + long_tail_plot(facts) + "</div>\n";
}

inline std::string setting_section(const SettingTable& table, const ReportInput& input, const ReportTables& tables,
                                   const Palette& palette) {
  constexpr std::size_t kOpenColumns = 5;  // what fits a page; the others fold away
  std::string title = table.setting;
  if (!title.empty() && title.front() >= 'a' && title.front() <= 'z')
    title.front() = static_cast<char>(title.front() - 'a' + 'A');
  std::string text = "<section>\n<h3>" + html_escaped(title) + "</h3>\n<p>" +
                     html_escaped(setting_explanation(table.setting)) + "</p>\n<p class=\"extent\">" +
                     grouped(table.users) + " users evaluated, " + grouped(table.candidates) + " items ranked</p>\n" +
                     "<div class=\"panels\">\n";
  for (const std::size_t m : charted(table, input.comparisons)) text += bar_panel(table, m, palette);
  const auto open = key_columns(table, input.comparisons, kOpenColumns);
  text += "</div>\n" + html_table(table, open);
  if (open.size() < table.metrics.size()) {
    std::vector<std::size_t> all(table.metrics.size());
    for (std::size_t m = 0; m < all.size(); ++m) all[m] = m;
    text += "<details><summary>All " + std::to_string(all.size()) + " metrics</summary>" + html_table(table, all) +
            "</details>\n";
  }
  return text + html_comparisons(tables.comparisons, table, input.comparisons) + "</section>\n";
}

}  // namespace detail

/// The page's text. Everything that comes from outside is escaped.
inline std::string report_html(const ReportInput& input, const ReportTables& tables) {
  const detail::Palette palette(input.cube, input.comparisons);
  const std::string findings = detail::findings(input, tables);
  std::string text = detail::html_head(input.title) + "<body>\n" + detail::hatch_patterns() + "<main>\n" +
                     detail::html_header(input, !findings.empty()) + findings;
  for (std::size_t c = 0; c < input.chapters.size(); ++c) text += detail::html_chapter(input.chapters[c], c);
  const auto& datasets = input.cube.labels(ResultCube::kDataset);
  for (std::size_t d = 0; d < datasets.size(); ++d) {
    text += "<h2 id=\"" + detail::dataset_anchor(d) + "\"><span class=\"eyebrow\">Data set</span>" +
            detail::html_escaped(datasets[d]) + "</h2>\n";
    for (const DatasetFacts& facts : input.datasets)
      if (facts.name == datasets[d]) text += detail::facts_section(facts);
    text += detail::color_key(input.cube, palette);
    for (const SettingTable& table : tables.tables)
      if (table.dataset == datasets[d]) text += detail::setting_section(table, input, tables, palette);
    text += detail::curve_cards(input.curves, datasets[d], palette, input.comparisons);
  }
  return text + (input.cube.empty() && !input.chapters.empty() ? "" : detail::guide(input, tables)) +
         detail::run_section(input) +
         "<footer>This page is one file: no script, nothing loaded from elsewhere. The same figures lie beside it as "
         "CSV, JSON "
         "and Markdown.</footer>\n</main>\n</body>\n</html>\n";
}

}  // namespace reclm
