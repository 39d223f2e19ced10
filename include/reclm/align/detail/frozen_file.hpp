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
#include <sstream>
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
inline FrozenChoice choice_of(const std::vector<double>& v) {
  return {.ease = {.ridge = v[0], .content = v[1], .items = static_cast<Index>(v[2])},
          .residual = v[3],
          .min_history = static_cast<Index>(v[10]),
          .sharpness = v[4],
          .ridge = v[5],
          .cold_residual = v[6],
          .smoothing = v[7],
          .cold_gain = v[8],
          .cold_offset = v[9]};
}

inline void save_frozen(const FrozenCore& core, const std::filesystem::path& path) {
  core.with_state([&](const FrozenState& s, const FitReport& report) {
    const Matrix<float> users = s.users.copy(), items = s.items.copy(), exact = s.exact.copy();
    const std::vector<double> choice = choice_numbers(s.choice);
    const std::vector<double> figures{static_cast<double>(report.validation_users), report.model_alone, report.enhanced,
                                      report.zero_shot, report.warm_alone};
    const std::vector<Index> layout{s.layout.model, s.layout.residual};
    const std::vector<double> scale{static_cast<double>(s.model_scale), s.head.kernel.sharpness,
                                    s.user_head.kernel.sharpness};
    std::vector<NamedTensor> tensors{NamedTensor::of("users", users),
                                     NamedTensor::of("items", items),
                                     NamedTensor::of("exact", exact),
                                     NamedTensor::of("own", s.own),
                                     NamedTensor::of("seen", s.seen),
                                     NamedTensor::of("columns", s.columns),
                                     NamedTensor::of("layout", layout),
                                     NamedTensor::of("choice", choice),
                                     NamedTensor::of("report", figures),
                                     NamedTensor::of("scale", scale),
                                     NamedTensor::of("head.mean", s.head.centre.mean()),
                                     NamedTensor::of("head.landmarks", s.head.landmarks),
                                     NamedTensor::of("head.weights", s.head.weights),
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
    const auto choice = file_.vector<double>("choice"), scale = file_.vector<double>("scale"),
               figures = file_.vector<double>("report");
    require(layout.size() == 2 && choice.size() == 11 && scale.size() == 3 && figures.size() == 5 && layout[0] >= 0 &&
                layout[1] >= 0,
            "its numbers are not those of version 1");
    s.layout = {layout[0], layout[1]};
    s.choice = choice_of(choice);
    s.model_scale = static_cast<float>(scale[0]);
    s.head = head("head.", scale[1]), s.user_head = head("user_head.", scale[2]);
    const Matrix<float> users = finite("users"), items = finite("items"), exact = finite("exact");
    s.users = GrowingRows(users), s.items = GrowingRows(items), s.exact = GrowingRows(exact);
    s.own = file_.vector<float>("own"), s.seen = file_.vector<std::uint8_t>("seen");
    s.columns = file_.vector<Id>("columns");
    s.model_items = finite("model_items"), s.residual_map = finite("residual_map"), s.fold_in = finite("fold_in");
    s.cold_probes = file_.vector<Id>("cold_probes"), s.cold_rows = finite("cold_rows");
    s.mean_user = file_.vector<float>("mean_user");
    check_sizes(s, source, exact);
    s.history.offsets = file_.vector<Index>("history.offsets"), s.history.columns = file_.vector<Id>("history.items");
    try {
      (void)Interactions(static_cast<Id>(users.rows()), static_cast<Id>(items.rows()), s.history.offsets,
                         s.history.columns);
    } catch (const ShapeError& error) {
      throw refusal(error.what());
    }
    FitReport report{.validation_users = static_cast<Index>(figures[0]),
                     .model_alone = figures[1],
                     .enhanced = figures[2],
                     .zero_shot = figures[3],
                     .warm_alone = figures[4],
                     .choice = s.choice,
                     .curve = {}};
    return {std::move(s), std::move(report)};
  }

 private:
  [[nodiscard]] DataError refusal(const std::string& problem) const {
    return DataError(file_.path(), 0, problem, "save the enhanced model anew");
  }
  void require(bool fine, const char* problem) const {
    if (!fine) throw refusal(problem);
  }
  [[nodiscard]] Matrix<float> finite(const std::string& name) const {
    Matrix<float> m = file_.matrix<float>(name);
    for (Index k = 0; k < m.size(); ++k)
      if (!std::isfinite(m.data()[k])) throw refusal("tensor \"" + name + "\" has a number that is not finite");
    return m;
  }
  [[nodiscard]] KernelHead head(const std::string& name, double sharpness) const {
    KernelHead result{CentredProfiles(file_.vector<float>(name + "mean")),
                      {sharpness},
                      finite(name + "landmarks"),
                      finite(name + "weights")};
    require(result.landmarks.rows() == result.weights.rows() && std::isfinite(sharpness) && sharpness >= 0 &&
                (result.weights.empty() || result.landmarks.cols() == static_cast<Index>(result.centre.mean().size())),
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
            "it was saved for a model with more users or items");
    require(s.product ? exact.empty() && s.own.empty()
                      : exact.cols() == width && exact.rows() == s.items.rows() && s.own.size() == items,
            "its vectors of a scorer's users are not complete");
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
  }

  SafetensorsFile file_;
};

inline void load_frozen(FrozenCore& core, const std::filesystem::path& path) {
  auto [state, report] = FrozenReader(path).read(core.source());
  core.use(std::move(state), std::move(report));
}

}  // namespace reclm::detail
