#pragma once
/// @file frozen_file.hpp
/// The frozen tier's file: everything a fit left, as safetensors.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/align/detail/frozen_core.hpp"
#include "reclm/align/detail/frozen_state.hpp"
#include "reclm/core/error.hpp"
#include "reclm/data/safetensors.hpp"

namespace reclm::detail {

inline constexpr const char* kFrozenFormat = "reclm frozen adapter";

/// Numbers of a choice, in the order of the tensor `choice`.
inline std::vector<double> choice_numbers(const FrozenChoice& c) {
  return {c.ease.ridge,
          c.ease.content,
          static_cast<double>(c.ease.items),
          c.residual,
          c.sharpness,
          c.ridge,
          c.cold_residual,
          c.smoothing,
          c.cold_gain,
          c.cold_offset,
          static_cast<double>(c.min_history)};
}
/// A count that was stored as a number in [0, 2^63]; nothing counts beyond 2^62.
inline Index count_of(double stored) { return static_cast<Index>(std::min(stored, 0x1p62)); }
inline FrozenChoice choice_of(const std::vector<double>& v) {
  return {.ease = {.ridge = v[0], .content = v[1], .items = count_of(v[2])},
          .residual = v[3],
          .min_history = count_of(v[10]),
          .sharpness = v[4],
          .ridge = v[5],
          .cold_residual = v[6],
          .smoothing = v[7],
          .cold_gain = v[8],
          .cold_offset = v[9]};
}

/// The curves of a report, as rows: gain, then the point.
inline constexpr Index kCurveColumns = 7;
inline Matrix<double> curve_rows(const FitReport& report) {
  std::vector<double> rows;
  for (const auto& [gain, curve] : report.curves)
    for (const CalibrationPoint& p : curve)
      rows.insert(rows.end(), {gain, p.offset, p.warm, p.cold, p.h, p.error, p.warm_error});
  const Index count = static_cast<Index>(rows.size()) / kCurveColumns;
  return Matrix<double>(count, kCurveColumns, std::move(rows));
}

/// The model's scores of some users and seen items, [≤ 8, ≤ 8], by which a file knows its model again. Of unseen items
/// a model may know nothing, which a fit does not ask it about either.
inline Matrix<float> probe_scores(const FrozenSource& source, std::span<const Id> seen) {
  const auto places = [](Index count) {
    const Index probes = std::min<Index>(count, 8);
    std::vector<Id> spread;
    for (Index k = 0; k < probes; ++k)
      spread.push_back(static_cast<Id>(k * (count - 1) / std::max<Index>(probes - 1, 1)));
    return spread;
  };
  const std::vector<Id> users = places(source.users);
  std::vector<Id> items;
  for (const Id place : places(static_cast<Index>(seen.size()))) items.push_back(seen[static_cast<std::size_t>(place)]);
  Matrix<float> scores(static_cast<Index>(users.size()), static_cast<Index>(items.size()));
  source.fill(users, items, scores.view());
  return scores;
}
/// Equal up to what another machine's sums change.
inline bool same_scores(const Matrix<float>& a, const Matrix<float>& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols()) return false;
  float largest = 0;
  for (Index k = 0; k < a.size(); ++k)
    if (std::isfinite(a.data()[k])) largest = std::max(largest, std::abs(a.data()[k]));
  for (Index k = 0; k < a.size(); ++k)
    if (a.data()[k] != b.data()[k] && !(std::abs(a.data()[k] - b.data()[k]) <= 1e-3f * largest)) return false;
  return true;
}

inline void save_frozen(const FrozenCore& core, const std::filesystem::path& path) {
  core.with_state([&](const FrozenState& s, const FitReport& report) {
    const Matrix<float> users = s.users.copy(), items = s.items.copy(), exact = s.exact.copy();
    const std::vector<double> choice = choice_numbers(s.choice);
    const std::vector<double> figures{static_cast<double>(report.validation_users), report.model_alone, report.enhanced,
                                      report.zero_shot, report.warm_alone};
    const std::vector<double> calibration{report.coverage, report.warm_enhanced};
    const Matrix<double> curves = curve_rows(report);
    const std::vector<Index> layout{s.layout.model, s.layout.residual};
    const std::vector<Id> model{core.source().users, core.source().known};
    const Matrix<float> probes = probe_scores(core.source(), s.columns);
    const std::vector<double> scale{static_cast<double>(s.model_scale), s.head.kernel.sharpness,
                                    s.user_head.kernel.sharpness};
    std::vector<NamedTensor> tensors{NamedTensor::of("users", users),
                                     NamedTensor::of("items", items),
                                     NamedTensor::of("exact", exact),
                                     NamedTensor::of("own", s.own),
                                     NamedTensor::of("seen", s.seen),
                                     NamedTensor::of("columns", s.columns),
                                     NamedTensor::of("model", model),
                                     NamedTensor::of("model.seen_scores", probes),
                                     NamedTensor::of("layout", layout),
                                     NamedTensor::of("choice", choice),
                                     NamedTensor::of("report", figures),
                                     NamedTensor::of("report.calibration", calibration),
                                     NamedTensor::of("report.curves", curves),
                                     NamedTensor::of("scale", scale),
                                     NamedTensor::of("head.mean", s.head.centre.mean()),
                                     NamedTensor::of("head.landmarks", s.head.landmarks),
                                     NamedTensor::of("head.weights", s.head.weights),
                                     NamedTensor::of("head.base", s.head.base),
                                     NamedTensor::of("user_head.mean", s.user_head.centre.mean()),
                                     NamedTensor::of("user_head.landmarks", s.user_head.landmarks),
                                     NamedTensor::of("user_head.weights", s.user_head.weights),
                                     NamedTensor::of("model_items", s.model_items),
                                     NamedTensor::of("residual_map", s.residual_map),
                                     NamedTensor::of("fold_in", s.fold_in),
                                     NamedTensor::of("cold_probes", s.cold_probes),
                                     NamedTensor::of("cold_rows", s.cold_rows),
                                     NamedTensor::of("mean_user", s.mean_user),
                                     NamedTensor::of("history.offsets", s.history.offsets),
                                     NamedTensor::of("history.items", s.history.columns)};
    write_safetensors(path, tensors,
                      {{"format", kFrozenFormat}, {"version", "1"}, {"tier", s.product ? "factor model" : "scorer"}});
  });
}

/// Reads and checks; the parts of a file that holds together fit each other.
class FrozenReader {
 public:
  explicit FrozenReader(const std::filesystem::path& path) : file_(SafetensorsFile::open(path)) {}

  std::pair<FrozenState, FitReport> read(const FrozenSource& source) const {
    const auto& meta = file_.metadata();
    const auto format = meta.find("format"), version = meta.find("version"), tier = meta.find("tier");
    require(format != meta.end() && format->second == kFrozenFormat, "this is no enhanced model");
    require(version != meta.end() && version->second == "1", "the format's version is not 1");
    FrozenState s;
    s.product = tier != meta.end() && tier->second == "factor model";
    require(s.product == source.product(), "it was saved for a model of another kind");
    const auto layout = file_.vector<Index>("layout");
    const auto choice = file_.vector<double>("choice"), scale = finite_vector<double>("scale"),
               figures = file_.vector<double>("report");
    require(layout.size() == 2 && choice.size() == 11 && scale.size() == 3 && figures.size() == 5,
            "its numbers are not those of version 1");
    constexpr Index kWidest = std::numeric_limits<Id>::max();
    require(std::min(layout[0], layout[1]) >= 0 && std::max(layout[0], layout[1]) <= kWidest,
            "the widths of its layout are out of range");
    s.layout = {layout[0], layout[1]};
    for (const double count : {choice[2], choice[10], figures[0]})
      require(count >= 0 && count <= 0x1p63, "a count among its numbers is out of range");
    s.choice = choice_of(choice);
    if (const char* const flaw = flaw_of(s.choice); flaw != nullptr)
      throw refusal(std::string("of its choices, ") + flaw);
    s.model_scale = static_cast<float>(scale[0]);
    s.head = head("head.", scale[1]), s.user_head = head("user_head.", scale[2]);
    const Matrix<float> users = finite("users"), items = finite("items"), exact = finite("exact");
    s.users = GrowingRows(users), s.items = GrowingRows(items), s.exact = GrowingRows(exact);
    s.own = finite_vector<float>("own"), s.seen = file_.vector<std::uint8_t>("seen");
    s.columns = file_.vector<Id>("columns");
    s.model_items = finite("model_items"), s.residual_map = finite("residual_map"), s.fold_in = finite("fold_in");
    s.cold_probes = file_.vector<Id>("cold_probes"), s.cold_rows = finite("cold_rows");
    s.mean_user = finite_vector<float>("mean_user");
    check_sizes(s, source, exact);
    s.history.offsets = file_.vector<Index>("history.offsets"), s.history.columns = file_.vector<Id>("history.items");
    try {
      (void)Interactions(static_cast<Id>(users.rows()), static_cast<Id>(items.rows()), s.history.offsets,
                         s.history.columns);
    } catch (const ShapeError& error) {
      throw refusal(error.what());
    }
    FitReport report = report_of(figures, s.choice);
    return {std::move(s), std::move(report)};
  }

 private:
  [[nodiscard]] DataError refusal(const std::string& problem) const {
    return DataError(file_.path(), 0, problem, "save the enhanced model anew");
  }
  void require(bool fine, const char* problem) const {
    if (!fine) throw refusal(problem);
  }
  template <class T>
  void require_finite(const std::string& name, std::span<const T> values) const {
    for (const T x : values)
      if (!std::isfinite(x)) throw refusal("tensor \"" + name + "\" has a number that is not finite");
  }
  template <class T = float>
  [[nodiscard]] Matrix<T> finite(const std::string& name) const {
    Matrix<T> m = file_.matrix<T>(name);
    require_finite<T>(name, {m.data(), static_cast<std::size_t>(m.size())});
    return m;
  }
  template <class T>
  [[nodiscard]] std::vector<T> finite_vector(const std::string& name) const {
    std::vector<T> values = file_.vector<T>(name);
    require_finite<T>(name, values);
    return values;
  }
  /// Files of 0.2 hold neither calibration nor curves. @param figures NaN where the fit measured none
  [[nodiscard]] FitReport report_of(const std::vector<double>& figures, const FrozenChoice& choice) const {
    FitReport report{.validation_users = count_of(figures[0]),
                     .model_alone = figures[1],
                     .enhanced = figures[2],
                     .zero_shot = figures[3],
                     .warm_alone = figures[4],
                     .choice = choice};
    if (!file_.contains("report.curves")) return report;
    const auto calibration = file_.vector<double>("report.calibration");
    const Matrix<double> curves = finite<double>("report.curves");
    require(calibration.size() == 2 && curves.cols() == kCurveColumns, "its curves are not complete");
    report.coverage = calibration[0], report.warm_enhanced = calibration[1];
    for (Index r = 0; r < curves.rows(); ++r) {
      const auto c = curves.row(r);
      require(c[0] > 0, "a curve's gain is not above 0");
      report.curves[c[0]].push_back(
          {.offset = c[1], .warm = c[2], .cold = c[3], .h = c[4], .error = c[5], .warm_error = c[6]});
    }
    const auto chosen = report.curves.find(choice.cold_gain);
    if (chosen != report.curves.end() && std::isfinite(choice.cold_offset)) report.curve = chosen->second;
    return report;
  }
  [[nodiscard]] KernelHead head(const std::string& name, double sharpness) const {
    KernelHead result{CentredProfiles(finite_vector<float>(name + "mean")),
                      {sharpness},
                      finite(name + "landmarks"),
                      finite(name + "weights"),
                      {}};
    if (file_.contains(name + "base")) result.base = finite_vector<float>(name + "base");
    require(result.landmarks.rows() == result.weights.rows() && sharpness >= 0 &&
                (result.weights.empty() || result.landmarks.cols() == static_cast<Index>(result.centre.mean().size())),
            "the parts of a head do not fit each other");
    require(result.base.empty() || static_cast<Index>(result.base.size()) == result.weights.cols(),
            "the parts of a head do not fit each other");
    return result;
  }
  void check_sizes(const FrozenState& s, const FrozenSource& source, const Matrix<float>& exact) const {
    const Index width = s.layout.width(), columns = static_cast<Index>(s.columns.size());
    const auto items = static_cast<std::size_t>(s.items.rows());
    require(s.users.cols() == width && s.cold_rows.cols() == width &&
                s.cold_rows.rows() == static_cast<Index>(s.cold_probes.size()) && s.items.cols() == width &&
                static_cast<Index>(s.mean_user.size()) == width && s.seen.size() == items,
            "its vectors are not as wide as its layout says");
    require(s.users.rows() >= source.users && s.items.rows() >= source.items,
            "it was saved for a model with fewer users or items");
    if (file_.contains("model"))  // absent from files of 0.2
      require(file_.vector<Id>("model") == std::vector<Id>{source.users, source.known},
              "it was saved for a model with other numbers of users or items");
    require(!s.product || s.layout.model == source.user_factors.cols(),
            "it was saved for a model with factors of another width");
    require(s.product ? exact.empty() && s.own.empty()
                      : exact.cols() == width && exact.rows() == s.items.rows() && s.own.size() == items,
            "its vectors of a scorer's users are not complete");
    require(std::all_of(s.own.begin() + std::min<std::ptrdiff_t>(source.known, std::ssize(s.own)), s.own.end(),
                        [](float own) { return own == 0; }),
            "it was saved for a model with more items");
    require(std::all_of(s.cold_probes.begin(), s.cold_probes.end(),
                        [&](Id item) { return item >= 0 && item < static_cast<Id>(items); }),
            "its probes lie outside its items");
    require(s.model_items.rows() == columns && s.model_items.cols() == s.layout.model &&
                s.fold_in.rows() == s.layout.model && s.fold_in.cols() == s.layout.model &&
                (s.residual_map.empty() || s.residual_map.rows() == columns) &&
                s.residual_map.cols() == s.layout.residual,
            "its maps for newcomers do not fit its layout");
    require(s.head.weights.empty() || s.head.weights.cols() == s.layout.offset(), "the head does not fit its layout");
    require(s.user_head.weights.empty() || s.user_head.weights.cols() == width, "the head does not fit its layout");
    require(std::all_of(s.seen.begin(), s.seen.end(), [](std::uint8_t flag) { return flag <= 1; }),
            "its flags of seen items are neither 0 nor 1");
    for (std::size_t c = 0; c < s.columns.size(); ++c)
      require(s.columns[c] >= 0 && s.columns[c] < static_cast<Id>(items) && (c == 0 || s.columns[c] > s.columns[c - 1]),
              "its seen items are not ascending");
    if (file_.contains("model.seen_scores")) {
      require(s.columns.empty() || s.columns.back() < source.known, "it was saved for a model with more items");
      require(same_scores(file_.matrix<float>("model.seen_scores"), probe_scores(source, s.columns)),
              "it was saved for another model, whose scores differ");
    }
  }

  SafetensorsFile file_;
};

inline void load_frozen(FrozenCore& core, const std::filesystem::path& path) {
  auto [state, report] = FrozenReader(path).read(core.source());
  core.use(std::move(state), std::move(report));
}

}  // namespace reclm::detail
