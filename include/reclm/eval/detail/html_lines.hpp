#pragma once
/// @file html_lines.hpp
/// Line charts of the HTML report: training curves and the long tail of item popularity.

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "reclm/eval/detail/html_bars.hpp"
#include "reclm/eval/detail/report_text.hpp"
#include "reclm/eval/report_input.hpp"

namespace reclm::detail {

/// Pixel geometry of one small chart.
struct PlotFrame {
  static constexpr double kWidth = 320, kHeight = 150, kLeft = 44, kRight = 10, kTop = 8, kBottom = 24;
  Axis x, y;

  [[nodiscard]] double px(double value) const { return kLeft + x.share(value) * (kWidth - kLeft - kRight); }
  [[nodiscard]] double py(double value) const {
    return kHeight - kBottom - y.share(value) * (kHeight - kTop - kBottom);
  }

  /// Opens the drawing, with title, description, grid and tick labels.
  [[nodiscard]] std::string open(const std::string& title, const std::string& description) const {
    std::string text = "<svg viewBox=\"0 0 320 150\" role=\"img\"><title>" + html_escaped(title) + "</title><desc>" +
                       html_escaped(description) + "</desc>\n";
    for (const double tick : y.ticks())
      text += "<line x1=\"44\" x2=\"310\" y1=\"" + fixed(py(tick), 1) + "\" y2=\"" + fixed(py(tick), 1) +
              "\" stroke=\"var(--grid)\"/><text x=\"38\" y=\"" + fixed(py(tick) + 4, 1) + "\" text-anchor=\"end\">" +
              y.label(tick) + "</text>";
    for (const double tick : x.ticks())
      text += "<text x=\"" + fixed(px(tick), 1) + "\" y=\"144\" text-anchor=\"middle\">" + x.label(tick) + "</text>";
    return text + "\n";
  }
};

/// A polyline through the measured points; a single point becomes a dot.
inline std::string plot_line(const PlotFrame& frame, const Series& series, const std::string& style) {
  std::string points;
  std::size_t count = 0;
  for (std::size_t i = 0; i < series.y.size() && i < series.x.size(); ++i) {
    if (!std::isfinite(series.y[i])) continue;
    points += (count++ > 0 ? " " : "") + fixed(frame.px(series.x[i]), 1) + "," + fixed(frame.py(series.y[i]), 1);
  }
  if (count == 0) return {};
  return "<polyline points=\"" + points + (count == 1 ? " " + points : "") +
         "\" fill=\"none\" stroke-width=\"1.6\" stroke-linejoin=\"round\" stroke-linecap=\"round\" " + style + "/>\n";
}

/// One chart of `member` (loss or validation) over all runs of one model.
inline std::string curve_plot(const std::vector<const Curve*>& curves, const Series Curve::*member,
                              const Palette& palette, const ComparisonPlan& plan) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  double left = kInfinity, right = -kInfinity, low = kInfinity, high = -kInfinity;
  std::string name;
  for (const Curve* curve : curves) {
    const Series& series = curve->*member;
    for (std::size_t i = 0; i < series.y.size() && i < series.x.size(); ++i) {
      if (!std::isfinite(series.y[i])) continue;
      left = std::min(left, series.x[i]);
      right = std::max(right, series.x[i]);
      low = std::min(low, series.y[i]);
      high = std::max(high, series.y[i]);
      name = series.name;
    }
  }
  if (!std::isfinite(left)) return {};
  const PlotFrame frame{Axis::around(std::min(left, 0.0), right, 5),
                        Axis::around(low > 0 && low < 0.3 * high ? 0 : low, high, 3)};
  std::string text = "<figcaption><span>" + html_escaped(metric_title(name)) + " by epoch</span></figcaption>";
  text += frame.open(curves.front()->run.model + ": " + name + " by epoch",
                     std::to_string(curves.size()) + " runs; values from " + fixed(low, 4) + " to " + fixed(high, 4));
  for (const Curve* curve : curves) {
    const bool placebo = role_of({"", curve->run.adapter, ""}, plan) == RowRole::placebo;
    const std::string color = "var(--" + palette.variable(curve->run.adapter) + ")";
    const Series& series = curve->*member;
    text += plot_line(frame, series,
                      "stroke=\"" + color + "\" stroke-opacity=\".75\"" + (placebo ? " stroke-dasharray=\"3 4\"" : ""));
    for (std::size_t i = 0; i < series.y.size() && i < series.x.size(); ++i)
      if (series.x[i] == curve->selected_epoch && std::isfinite(series.y[i]))
        text += "<circle cx=\"" + fixed(frame.px(series.x[i]), 1) + "\" cy=\"" + fixed(frame.py(series.y[i]), 1) +
                "\" r=\"3\" fill=\"var(--card)\" stroke=\"" + color + "\" stroke-width=\"1.6\"/>";
  }
  return text + "</svg>\n";
}

/// Training curves of one data set: a card for each model.
inline std::string curve_cards(const std::vector<Curve>& curves, const std::string& dataset, const Palette& palette,
                               const ComparisonPlan& plan) {
  std::vector<std::string> models;
  for (const Curve& curve : curves)
    if (curve.run.dataset == dataset && std::find(models.begin(), models.end(), curve.run.model) == models.end())
      models.push_back(curve.run.model);
  if (models.empty()) return {};
  std::string text =
      "<h3>Training</h3>\n<p class=\"note\">One line for each seed, in the colours above; placebos are dashed. "
      "A ring marks the epoch whose parameters were evaluated.</p>\n<div class=\"panels lines\">\n";
  for (const std::string& model : models) {
    std::vector<const Curve*> mine;
    for (const Curve& curve : curves)
      if (curve.run.dataset == dataset && curve.run.model == model) mine.push_back(&curve);
    text += "<figure class=\"card\"><h4>" + html_escaped(model) + "</h4>\n" +
            curve_plot(mine, &Curve::loss, palette, plan) + curve_plot(mine, &Curve::validation, palette, plan) +
            "</figure>\n";
  }
  return text + "</div>\n";
}

/// Share of all clicks that the most clicked items take, as a curve.
inline std::string long_tail_plot(const DatasetFacts& facts) {
  std::vector<Index> clicks = facts.item_clicks;
  std::sort(clicks.begin(), clicks.end(), std::greater<>());
  const double total = static_cast<double>(std::accumulate(clicks.begin(), clicks.end(), Index{0}));
  if (clicks.empty() || total == 0) return {};
  const std::size_t points = std::min<std::size_t>(clicks.size(), 120);
  Series share{"share", {0}, {0}};
  double taken = 0;
  double top_tenth = 0;
  std::size_t next = 1;
  for (std::size_t i = 0; i < clicks.size(); ++i) {
    taken += static_cast<double>(clicks[i]);
    if (i + 1 == std::max<std::size_t>(1, clicks.size() / 10)) top_tenth = taken / total;
    if ((i + 1) * points < next * clicks.size()) continue;
    share.x.push_back(100.0 * static_cast<double>(i + 1) / static_cast<double>(clicks.size()));
    share.y.push_back(100.0 * taken / total);
    ++next;
  }
  const PlotFrame frame{{0, 100, 25}, {0, 100, 25}};
  const std::string sentence =
      "The most clicked tenth of the items takes " + fixed(100 * top_tenth, 0) + "% of the clicks.";
  std::string area = fixed(frame.px(0), 1) + "," + fixed(frame.py(0), 1);
  for (std::size_t i = 0; i < share.x.size(); ++i)
    area += " " + fixed(frame.px(share.x[i]), 1) + "," + fixed(frame.py(share.y[i]), 1);
  area += " " + fixed(frame.px(100), 1) + "," + fixed(frame.py(0), 1);
  return "<figure class=\"card lines\"><figcaption>The long tail<br><span>" + sentence + "</span></figcaption>" +
         frame.open(facts.name + ": share of clicks by share of items", sentence) + "<polygon points=\"" + area +
         "\" fill=\"var(--plain0)\" opacity=\".16\"/>" + plot_line(frame, share, "stroke=\"var(--plain0)\"") +
         "</svg><span class=\"note\">% of items, most clicked first → % of clicks</span></figure>\n";
}

}  // namespace reclm::detail
