#pragma once
/// @file html_bars.hpp
/// Bar panels of the HTML report: one row of HTML per bar, so that labels stay readable and bars stretch with the page.

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "reclm/eval/detail/report_text.hpp"
#include "reclm/eval/report_table.hpp"

namespace reclm::detail {

/// Ticks from 0 (or below) to the axis's end, at a round distance.
struct Axis {
  double low = 0, high = 1, step = 1;

  /// At most about `wanted` steps of 1, 2, 2.5 or 5 times a power of ten around [low, high].
  static Axis around(double low, double high, int wanted) {
    // What rounding alone tells apart is one value.
    if (!(high - low > 1e-9 * std::max(std::fabs(low), std::fabs(high)))) high = low + 1;
    const double rough = (high - low) / wanted;
    const double power = std::pow(10.0, std::floor(std::log10(rough)));
    double step = 10 * power;
    for (const double factor : {5.0, 2.5, 2.0, 1.0})
      if (factor * power >= rough * (1 - 1e-9)) step = factor * power;
    return {std::floor(low / step + 1e-9) * step, std::ceil(high / step - 1e-9) * step, step};
  }
  /// The same ticks, but ending at `value`: bars use the whole width.
  [[nodiscard]] Axis ending_at(double value) const { return {low, std::max(value, low + step), step}; }
  [[nodiscard]] double share(double value) const { return (value - low) / (high - low); }
  [[nodiscard]] std::vector<double> ticks() const {
    constexpr int kMost = 100;
    std::vector<double> result;
    for (int k = 0; k < kMost && low + k * step <= high + step / 1e6; ++k) {
      const double tick = low + k * step;
      result.push_back(std::fabs(tick) < step / 1e6 ? 0 : tick);
    }
    return result;
  }
  [[nodiscard]] std::string label(double tick) const {
    const int digits = static_cast<int>(std::ceil(-std::log10(step) - 1e-9));
    const double scaled = step * std::pow(10.0, std::max(0, digits));
    return fixed(tick, std::max(0, digits) + (std::fabs(scaled - std::round(scaled)) > 1e-6 ? 1 : 0));
  }
};

inline std::string percent(double share) { return fixed(100 * std::clamp(share, 0.0, 1.0), 2) + "%"; }

constexpr std::string_view role_class(RowRole role) {
  constexpr std::string_view names[] = {"baseline", "plain", "enhanced", "placebo"};
  return names[static_cast<std::size_t>(role)];
}

/// Which colour a row has; the same in every chart of a report.
class Palette {
 public:
  static constexpr std::size_t kEnhanced = 7;

  Palette(const ResultCube& cube, const ComparisonPlan& plan) : plan_(plan) {
    for (const std::string& adapter : cube.labels(ResultCube::kAdapter))
      if (role_of({"", adapter, ""}, plan) == RowRole::enhanced) enhanced_.push_back(adapter);
  }
  /// Name of the CSS variable, without the dashes.
  [[nodiscard]] std::string variable(const std::string& adapter) const {
    const RowRole role = role_of({"", adapter, ""}, plan_);
    if (role == RowRole::baseline) return "baseline";
    if (role == RowRole::plain) return adapter == plan_.base ? "plain0" : "plain1";
    const std::string owner = role == RowRole::placebo ? placebo_owner(adapter, enhanced_, plan_) : adapter;
    const auto place = std::find(enhanced_.begin(), enhanced_.end(), owner) - enhanced_.begin();
    return "e" + std::to_string(static_cast<std::size_t>(place) % kEnhanced);
  }
  /// What a bar under the model's name is called: a placebo below its adapter needs no adapter's name.
  [[nodiscard]] std::string short_label(const TableRow& row) const {
    if (row.role == RowRole::baseline) return row.key.model;
    if (row.role != RowRole::placebo) return row.key.adapter;
    const std::string owner = placebo_owner(row.key.adapter, enhanced_, plan_);
    const std::string rest = row.key.adapter.substr(owner.size());
    const auto first = rest.find_first_not_of(" (-_:,");
    const auto last = rest.find_last_not_of(" )");
    return owner.empty() || first == std::string::npos ? row.key.adapter : rest.substr(first, last - first + 1);
  }
  /// Value of the fill attribute: placebos are hatched in the colour of their adapter.
  [[nodiscard]] std::string fill(const std::string& adapter) const {
    const bool placebo = role_of({"", adapter, ""}, plan_) == RowRole::placebo;
    return placebo ? "url(#hatch-" + variable(adapter) + ")" : "var(--" + variable(adapter) + ")";
  }

 private:
  ComparisonPlan plan_;
  std::vector<std::string> enhanced_;
};

/// Hatch patterns that bars refer to; one hidden drawing at the top of the page.
inline std::string hatch_patterns() {
  std::string text = R"(<svg width="0" height="0" style="position:absolute" aria-hidden="true"><defs>)";
  for (std::size_t i = 0; i < Palette::kEnhanced; ++i) {
    const std::string name = "e" + std::to_string(i);
    text += "<pattern id=\"hatch-" + name +
            "\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">"
            "<rect width=\"5\" height=\"5\" style=\"fill:var(--" +
            name + ");opacity:.14\"/><rect width=\"1.6\" height=\"5\" style=\"fill:var(--" + name +
            ");opacity:.75\"/></pattern>";
  }
  return text + "</defs></svg>\n";
}

inline std::string html_marks(const TableCell& cell) {
  const std::string marks = marks_of(cell);
  if (marks.empty()) return {};
  return std::string("<span class=\"mark") + (marks.find("▼") != std::string::npos ? " down" : "") + "\">" + marks +
         "</span>";
}

/// The drawing of one bar: grid, best baseline, bar, deviation over seeds.
inline std::string bar_drawing(const TableRow& row, const SeedSummary& figure, const std::string& metric,
                               const Axis& axis, double reference, const Palette& palette) {
  std::string text = "<svg role=\"img\"><title>" + html_escaped(row.label) + ", " + html_escaped(metric_title(metric)) +
                     ": " + figure_text(figure, metric) + "</title>";
  for (const double tick : axis.ticks())
    text += "<line x1=\"" + percent(axis.share(tick)) + "\" x2=\"" + percent(axis.share(tick)) +
            "\" y2=\"20\" stroke=\"var(--grid)\"/>";
  if (!std::isnan(figure.mean))
    text += "<rect y=\"3.5\" height=\"13\" rx=\"2\" width=\"" + percent(axis.share(figure.mean)) + "\" fill=\"" +
            palette.fill(row.key.adapter) + "\"/>";
  if (!std::isnan(reference))
    text += "<line x1=\"" + percent(axis.share(reference)) + "\" x2=\"" + percent(axis.share(reference)) +
            "\" y2=\"20\" stroke=\"var(--soft)\" stroke-dasharray=\"2 3\"/>";
  if (!std::isnan(figure.sd) && figure.sd > 0) {
    const std::string low = percent(axis.share(figure.mean - figure.sd));
    const std::string high = percent(axis.share(figure.mean + figure.sd));
    text += "<g stroke=\"var(--ink)\" stroke-width=\"1.2\"><line x1=\"" + low + "\" x2=\"" + high +
            "\" y1=\"10\" y2=\"10\"/><line x1=\"" + low + "\" x2=\"" + low + "\" y1=\"7\" y2=\"13\"/><line x1=\"" +
            high + "\" x2=\"" + high + "\" y1=\"7\" y2=\"13\"/></g>";
  }
  return text + "</svg>";
}

/// Best mean among the baselines; NaN without any.
inline double best_baseline(const SettingTable& table, std::size_t metric) {
  double best = std::numeric_limits<double>::quiet_NaN();
  for (const TableRow& row : table.rows)
    if (row.role == RowRole::baseline && !(row.cells[metric].figure.mean <= best) &&
        !std::isnan(row.cells[metric].figure.mean))
      best = row.cells[metric].figure.mean;
  return best;
}

/// One metric of one setting as grouped bars.
inline std::string bar_panel(const SettingTable& table, std::size_t metric, const Palette& palette) {
  double high = 0;
  for (const TableRow& row : table.rows) {
    const SeedSummary& figure = row.cells[metric].figure;
    if (!std::isnan(figure.mean)) high = std::max(high, figure.mean + (std::isnan(figure.sd) ? 0 : figure.sd));
  }
  const std::string& name = table.metrics[metric];
  const Axis axis = Axis::around(0, high, 3).ending_at(high);
  const double reference = best_baseline(table, metric);
  std::string text = "<figure class=\"card\"><figcaption>" + html_escaped(metric_title(name)) + "</figcaption>\n";
  std::string group;
  for (const TableRow& row : table.rows) {
    const bool baseline = row.role == RowRole::baseline;
    const std::string heading = baseline ? "Baselines" : row.key.model;
    if (heading != group) text += "<div class=\"group\">" + html_escaped(group = heading) + "</div>\n";
    const std::string label = html_escaped(palette.short_label(row));
    const TableCell& cell = row.cells[metric];
    const std::string figure = std::isnan(cell.figure.mean) ? "–" : fixed(cell.figure.mean, digits_of(name));
    text += "<div class=\"bar " + std::string(role_class(row.role)) + "\"><span title=\"" + html_escaped(row.label) +
            "\">" + label + "</span>" + bar_drawing(row, cell.figure, name, axis, reference, palette) + "<span>" +
            (cell.best ? "<b>" + figure + "</b>" : figure) + html_marks(cell) + "</span></div>\n";
  }
  text += "<div class=\"bar axis\" aria-hidden=\"true\"><span></span><svg>";
  for (const double tick : axis.ticks())
    text +=
        "<text x=\"" + percent(axis.share(tick)) + "\" y=\"12\" text-anchor=\"middle\">" + axis.label(tick) + "</text>";
  return text + "</svg><span></span></div></figure>\n";
}

}  // namespace reclm::detail
