#pragma once
/// @file html_guide.hpp
/// The HTML report's explanations: colours, rows, settings, metrics, marks, and how the figures were made.

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "reclm/eval/detail/html_bars.hpp"
#include "reclm/eval/detail/report_text.hpp"
#include "reclm/eval/report_input.hpp"
#include "reclm/eval/report_table.hpp"

namespace reclm::detail {

inline std::string swatch(const std::string& fill) {
  return "<svg viewBox=\"0 0 16 11\" aria-hidden=\"true\"><rect width=\"16\" height=\"11\" rx=\"2\" fill=\"" + fill +
         "\"/></svg>";
}

/// Colours of the adapters that occur, as a list.
inline std::string color_key(const ResultCube& cube, const Palette& palette) {
  std::string text = "<ul class=\"key\">";
  for (const std::string& adapter : cube.labels(ResultCube::kAdapter))
    text += "<li>" + swatch(palette.fill(adapter)) + html_escaped(adapter.empty() ? "Baselines" : adapter) + "</li>";
  return text +
         "<li><svg viewBox=\"0 0 16 11\" aria-hidden=\"true\"><path d=\"M8 0v11\" stroke=\"var(--soft)\" "
         "stroke-width=\"1.4\" "
         "stroke-dasharray=\"2 2\"/></svg>best baseline</li><li><svg viewBox=\"0 0 16 11\" aria-hidden=\"true\"><path "
         "d=\"M1 5.5h14M1 2.5v6M15 2.500v6\" stroke=\"var(--ink)\" stroke-width=\"1.4\"/></svg>± one deviation over "
         "seeds</li></ul>\n";
}

constexpr std::string_view metric_explanation(std::string_view kind) {
  if (kind == "recall")
    return "The share of a user's targets among the first K items of the list, averaged over users.";
  if (kind == "ndcg") return "Like recall, but a hit counts more the higher it stands; 1 is the best order possible.";
  if (kind == "hit_rate") return "The share of users with at least one target among the first K.";
  if (kind == "mrr") return "One divided by the rank of the first hit, 0 without one.";
  if (kind == "precision") return "The share of hits among the first K.";
  if (kind == "map") return "Precision at each hit's rank, averaged over the hits that were possible.";
  if (kind == "coverage") return "The share of ranked items that at least one user was shown.";
  if (kind == "gini") return "How unevenly items were shown: 0 all alike, 1 always the same one.";
  if (kind == "novelty")
    return "Bits of surprise of a listed item, from its training popularity; more is less popular.";
  return {};
}

inline std::string definition(std::string_view term, std::string_view meaning) {
  return meaning.empty() ? std::string()
                         : "<dt>" + html_escaped(term) + "</dt><dd>" + html_escaped(meaning) + "</dd>\n";
}

/// Meanings of the rows that occur.
inline std::string row_definitions(const ReportInput& input) {
  const ComparisonPlan& plan = input.comparisons;
  std::set<RowRole> roles;
  std::string text;
  for (const std::string& adapter : input.cube.labels(ResultCube::kAdapter)) {
    const RowRole role = role_of({"", adapter, ""}, plan);
    if (const auto known = input.row_meanings.find(adapter); known != input.row_meanings.end())
      text += definition(adapter, known->second);
    else if (role == RowRole::plain && adapter == plan.base)
      text += definition(adapter, "The backbone as it is, with the items' text features.");
    else if (role == RowRole::plain)
      text += definition(adapter,
                         "The backbone with a table of item vectors of its own; it knows nothing of unseen items.");
    else if (role == RowRole::enhanced)
      text += definition(adapter, "The backbone with profile vectors brought in by the adapter.");
    else if (roles.insert(role).second && role == RowRole::baseline)
      text += definition("Baselines",
                         "Popularity, chance, content similarity: what needs no training. A model below them "
                         "has not earned its place.");
    else if (role == RowRole::placebo)
      text += definition(adapter,
                         "The same adapter, as large and trained as long, but the profiles are shuffled, so that they "
                         "belong to somebody else. What this row gains comes from capacity and training; only the part "
                         "above it comes from what the profiles say.");
  }
  return text;
}

/// "Reading this report".
inline std::string guide(const ReportInput& input, const ReportTables& tables) {
  std::string settings;
  std::string metrics;
  std::set<std::string> seen;
  for (const SettingTable& table : tables.tables) {
    if (seen.insert(table.setting).second) settings += definition(table.setting, setting_explanation(table.setting));
    for (const std::string& metric : table.metrics) {
      const std::string kind = metric.substr(0, metric.find('@'));
      const std::string title =
          metric_title(kind) + (kind == "novelty" || kind == "gini" || kind == "coverage" ? "" : "@K");
      if (seen.insert(kind).second) metrics += definition(title, metric_explanation(kind));
    }
  }
  std::string text = "<h2 id=\"guide\">Reading this report</h2>\n<h3>Rows</h3>\n<dl class=\"guide\">" +
                     row_definitions(input) + "</dl>\n<h3>Settings</h3>\n<dl class=\"guide\">" + settings +
                     "</dl>\n<h3>Metrics</h3>\n<dl class=\"guide\">" + metrics + "</dl>\n";
  if (!tables.comparisons.empty())
    text +=
        "<h3>Marks</h3>\n<p>" + html_escaped(mark_legend(input.comparisons)) +
        "</p>\n<p>Each comparison is paired: the same users on both sides, every user's values averaged over seeds "
        "first. "
        "The tests therefore speak about users like these, with these trained models; the bars' deviations and the "
        "column "
        "<em>seeds won</em> speak about training again. Holm's correction covers all comparisons of a data set "
        "together, so "
        "that the chance of even one false mark is at most " +
        exact(input.comparisons.alpha) +
        (input.comparisons.ladder.empty() ? "" : "; the steps from one stage to the next are a family of their own") +
        ". H is computed from two means and has no value for a single user, hence no mark.</p>\n";
  return text;
}

/// "How it was run".
inline std::string run_section(const ReportInput& input) {
  const RunFacts& run = input.run;
  std::string text = "<h2 id=\"run\">How it was run</h2>\n<dl class=\"guide\">";
  const auto line = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) text += definition(name, value);
  };
  if (!run.command.empty()) text += "<dt>Command</dt><dd><code>" + html_escaped(run.command) + "</code></dd>\n";
  line("Version", run.version.empty() ? "" : "reclm " + run.version);
  std::string seeds;
  for (const std::string& seed : input.cube.labels(ResultCube::kSeed)) seeds += (seeds.empty() ? "" : ", ") + seed;
  line("Seeds", seeds);
  line("Machine", run.machine);
  line("Threads", run.threads > 0 ? std::to_string(run.threads) : "");
  line("Started", run.started);
  line("Duration", run.seconds > 0 ? fixed(run.seconds, 1) + " s" : "");
  for (const auto& [name, value] : run.details) line(name, value);
  return text + "</dl>\n";
}

}  // namespace reclm::detail
