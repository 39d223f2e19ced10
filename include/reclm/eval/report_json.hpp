#pragma once
/// @file report_json.hpp
/// The whole report as one JSON document, for programs.

#include <cmath>
#include <string>

#include <nlohmann/json.hpp>

#include "reclm/eval/report_csv.hpp"
#include "reclm/eval/report_input.hpp"
#include "reclm/eval/report_table.hpp"

namespace reclm {

namespace detail {

using Json = nlohmann::ordered_json;

/// JSON knows no NaN: not measured is null.
inline Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

inline Json json_of(const RowKey& row) { return {{"model", row.model}, {"adapter", row.adapter}}; }

inline Json json_of(const Comparison& one) {
  return {{"dataset", one.row.dataset},
          {"setting", one.setting},
          {"metric", one.metric},
          {"row", json_of(one.row)},
          {"against", against_name(one.against)},
          {"reference", json_of(one.reference)},
          {"users", one.users},
          {"difference", number(one.bootstrap.difference)},
          {"interval", {number(one.bootstrap.low), number(one.bootstrap.high)}},
          {"p_wilcoxon", number(one.p_wilcoxon)},
          {"p_holm", number(one.p_holm)},
          {"p_bootstrap", number(one.bootstrap.p_value)},
          {"seeds_won", one.seeds_won},
          {"seeds", one.seeds},
          {"verdict", verdict_name(one.verdict)}};
}

inline Json json_of(const Series& series) {
  Json x = Json::array();
  Json y = Json::array();
  for (const double value : series.x) x.push_back(number(value));
  for (const double value : series.y) y.push_back(number(value));
  return {{"name", series.name}, {"x", std::move(x)}, {"y", std::move(y)}};
}

inline Json json_of(const ReportChapter& chapter) {
  Json tables = Json::array(), charts = Json::array(), samples = Json::array();
  for (const ChapterTable& table : chapter.tables) {
    Json rows = Json::array();
    for (const ChapterRow& row : table.rows) {
      Json figures = Json::object();
      for (std::size_t c = 0; c < table.columns.size() && c < row.figures.size(); ++c)
        if (std::isfinite(row.figures[c])) figures[table.columns[c].title] = row.figures[c];
      rows.push_back({{"row", row.label}, {"figures", std::move(figures)}});
    }
    tables.push_back({{"title", table.title}, {"rows", std::move(rows)}});
  }
  for (const ChapterChart& chart : chapter.charts) {
    Json lines = Json::array();
    for (const Series& line : chart.lines) lines.push_back(json_of(line));
    charts.push_back({{"title", chart.title}, {"x", chart.x}, {"lines", std::move(lines)}});
  }
  for (const ChapterSample& sample : chapter.samples) {
    Json texts = Json::array();
    for (const auto& [name, text] : sample.texts) texts.push_back({{"name", name}, {"text", text}});
    samples.push_back({{"title", sample.title}, {"texts", std::move(texts)}});
  }
  return {{"title", chapter.title},
          {"text", chapter.text},
          {"tables", std::move(tables)},
          {"charts", std::move(charts)},
          {"samples", std::move(samples)}};
}

inline Json json_of(const Curve& curve) {
  return {{"dataset", curve.run.dataset},
          {"model", curve.run.model},
          {"adapter", curve.run.adapter},
          {"seed", curve.run.seed},
          {"loss", json_of(curve.loss)},
          {"validation", json_of(curve.validation)},
          {"selected_epoch", number(curve.selected_epoch)}};
}

inline Json json_of(const RunFacts& run) {
  Json facts{{"command", run.command}, {"version", run.version}, {"started", run.started},
             {"machine", run.machine}, {"threads", run.threads}, {"seconds", number(run.seconds)}};
  Json details = Json::object();
  for (const auto& [name, value] : run.details) details[name] = value;
  facts["details"] = std::move(details);
  return facts;
}

inline Json json_of(const DatasetFacts& facts) {
  return {{"name", facts.name},   {"users", facts.users}, {"items", facts.items}, {"train", facts.train},
          {"valid", facts.valid}, {"test", facts.test},   {"zero", facts.zero}};
}

inline Json json_of(const SettingTable& table) {
  Json rows = Json::array();
  for (const TableRow& row : table.rows) {
    Json figures = Json::object();
    for (std::size_t m = 0; m < table.metrics.size(); ++m) {
      const SeedSummary& figure = row.cells[m].figure;
      if (figure.seeds > 0)
        figures[table.metrics[m]] = {{"mean", number(figure.mean)}, {"sd", number(figure.sd)}, {"seeds", figure.seeds}};
    }
    rows.push_back({{"model", row.key.model}, {"adapter", row.key.adapter}, {"metrics", std::move(figures)}});
  }
  return {{"dataset", table.dataset},
          {"setting", table.setting},
          {"users", table.users},
          {"candidates", table.candidates},
          {"rows", std::move(rows)}};
}

}  // namespace detail

/// Keys: format ("reclm-report"), format_version (1), title, run, datasets, chapters where there are any, tables (means
/// over seeds), results (every figure), comparisons, curves, notes. Text that is not UTF-8 has its bad bytes replaced.
inline std::string report_json(const ReportInput& input, const ReportTables& tables) {
  using detail::Json;
  Json report{{"format", "reclm-report"}, {"format_version", 1}, {"title", input.title}};
  report["run"] = detail::json_of(input.run);
  for (const char* list : {"datasets", "tables", "results", "comparisons", "curves"}) report[list] = Json::array();
  for (const auto& facts : input.datasets) report["datasets"].push_back(detail::json_of(facts));
  for (const auto& chapter : input.chapters) report["chapters"].push_back(detail::json_of(chapter));
  for (const auto& table : tables.tables) report["tables"].push_back(detail::json_of(table));
  detail::for_each_cell(input.cube, [&](const RunKey& run, const auto& setting, const auto& metric, double value) {
    report["results"].push_back({{"dataset", run.dataset},
                                 {"setting", setting},
                                 {"model", run.model},
                                 {"adapter", run.adapter},
                                 {"seed", run.seed},
                                 {"metric", metric},
                                 {"value", detail::number(value)}});
  });
  for (const auto& one : tables.comparisons) report["comparisons"].push_back(detail::json_of(one));
  for (const auto& curve : input.curves) report["curves"].push_back(detail::json_of(curve));
  report["notes"] = input.notes;
  return report.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace reclm
