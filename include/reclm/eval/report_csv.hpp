#pragma once
/// @file report_csv.hpp
/// Results, comparisons and training curves as CSV (RFC 4180, UTF-8, one header line, shortest exact decimals).

#include <cmath>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reclm/eval/comparison.hpp"
#include "reclm/eval/cube.hpp"
#include "reclm/eval/detail/report_text.hpp"
#include "reclm/eval/report_input.hpp"

namespace reclm {

namespace detail {

inline void add_csv_line(std::string& text, std::initializer_list<std::string_view> fields) {
  bool first = true;
  for (const std::string_view field : fields) {
    if (!first) text += ',';
    first = false;
    text += csv_field(field);
  }
  text += "\r\n";
}

/// Calls `visit(run, setting, metric, value)` for every cell that was run, row by row.
template <class Visit>
void for_each_cell(const ResultCube& cube, const Visit& visit) {
  for (const std::string& dataset : cube.labels(ResultCube::kDataset))
    for (const std::string& setting : cube.settings(dataset)) {
      const auto metrics = cube.metrics(dataset, setting);
      for (const RowKey& row : cube.rows(dataset, setting))
        for (const std::string& seed : cube.labels(ResultCube::kSeed))
          for (const std::string& metric : metrics) {
            const RunKey run{row.model, row.adapter, row.dataset, std::stoull(seed)};
            const double value = cube.value(run, setting, metric);
            if (!std::isnan(value)) visit(run, setting, metric, value);
          }
    }
}

}  // namespace detail

/// Long form: one line for each figure that was measured.
inline std::string results_csv(const ResultCube& cube) {
  std::string text;
  detail::add_csv_line(text, {"dataset", "setting", "model", "adapter", "seed", "metric", "value"});
  detail::for_each_cell(cube,
                        [&](const RunKey& run, const std::string& setting, const std::string& metric, double value) {
                          detail::add_csv_line(text, {run.dataset, setting, run.model, run.adapter,
                                                      std::to_string(run.seed), metric, detail::exact(value)});
                        });
  return text;
}

inline std::string comparisons_csv(std::span<const Comparison> comparisons) {
  using detail::exact;
  std::string text;
  detail::add_csv_line(text, {"dataset", "setting", "metric", "model", "adapter", "against", "reference_model",
                              "reference_adapter", "users", "difference", "low", "high", "p_wilcoxon", "p_holm",
                              "p_bootstrap", "seeds_won", "seeds", "verdict"});
  for (const Comparison& one : comparisons)
    detail::add_csv_line(
        text, {one.row.dataset, one.setting, one.metric, one.row.model, one.row.adapter, against_name(one.against),
               one.reference.model, one.reference.adapter, std::to_string(one.users), exact(one.bootstrap.difference),
               exact(one.bootstrap.low), exact(one.bootstrap.high), exact(one.p_wilcoxon), exact(one.p_holm),
               exact(one.bootstrap.p_value), std::to_string(one.seeds_won), std::to_string(one.seeds),
               verdict_name(one.verdict)});
  return text;
}

/// Long form; points that were not measured are left out.
inline std::string curves_csv(std::span<const Curve> curves) {
  std::string text;
  detail::add_csv_line(text, {"dataset", "model", "adapter", "seed", "series", "epoch", "value"});
  for (const Curve& curve : curves)
    for (const Series* series : {&curve.loss, &curve.validation})
      for (std::size_t i = 0; i < series->y.size(); ++i)
        if (!std::isnan(series->y[i]))
          detail::add_csv_line(text,
                               {curve.run.dataset, curve.run.model, curve.run.adapter, std::to_string(curve.run.seed),
                                series->name, detail::exact(series->x[i]), detail::exact(series->y[i])});
  return text;
}

}  // namespace reclm
