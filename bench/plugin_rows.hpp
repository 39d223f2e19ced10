#pragma once
// The rows of plugin_study: models alone, enhanced, with placebos; finished ones are kept in OUT/runs.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "plugin_models.hpp"
#include "reclm/adapt.hpp"
#include "reclm/core/atomic_file.hpp"
#include "reclm/data/npy.hpp"
#include "reclm/eval/report.hpp"
#include "reclm/eval/study.hpp"

namespace plugin_study {

using namespace reclm;

class PluginStudy {
 public:
  /// @param by_time validation is each user's latest clicks, else random ones
  PluginStudy(Dataset data, std::string out, bool by_time = false)
      : data_(std::move(data)), by_time_(by_time), out_(std::move(out)) {
    settings_ = {Setting::full_shot, Setting::zero_shot, Setting::generalised_zero_shot};
    whole_ = data_;
    if (!whole_.valid.empty()) {
      std::vector<Pair> pairs = whole_.train.pairs();
      const std::vector<Pair> more = whole_.valid.pairs();
      pairs.insert(pairs.end(), more.begin(), more.end());
      whole_.train = Interactions::from_pairs(data_.train.users(), data_.train.items(), pairs);
      whole_.valid = {};
      refresh_history_profiles(whole_);
    }
    text_ = profiles_of(whole_);
    Fingerprint all;
    all.add(data_.train).add(data_.valid).add(data_.test).add(data_.zero).add(text_.items);
    fingerprint_ = (by_time_ ? "plugin_study 2 by time " : "plugin_study 2 ") + all.text();
  }

  void baselines(std::uint64_t seeds) {
    row({"Popularity", "", data_.name, 1}, [&] { return judged(Popularity(whole_.train)); });
    for (std::uint64_t seed = 1; seed <= seeds; ++seed)
      row({"Random", "", data_.name, seed},
          [&] { return judged(RandomOrder(whole_.train.users(), whole_.train.items(), seed)); });
    const std::vector<Id> seen = items_of(whole_.train);
    row({"Content-kNN", "", data_.name, 1}, [&] {
      const ContentKnn knn(whole_.train, text_.items);
      return measured(PairModel(knn.user_factors(), knn.item_factors()));
    });
    row({"Ridge text→EASE", "", data_.name, 1},
        [&] { return judged(RidgeOfEase(whole_.train, text_.items, 20, false)); });
    row({"EASE + ridge", "", data_.name, 1}, [&] { return judged(RidgeOfEase(whole_.train, text_.items, 20, true)); });
    row({"iALS + ridge", "", data_.name, 1}, [&] {
      const PairModel model = ials(whole_.train, 1);
      Matrix<float> items = model.item_factors();
      const Matrix<float> guessed = ridge_rows(text_.items, seen, detail::rows_of(items, seen), 1);
      for (Id item = 0, at = 0; item < whole_.train.items(); ++item)
        if (at < static_cast<Id>(seen.size()) && seen[static_cast<std::size_t>(at)] == item)
          ++at;
        else
          std::ranges::copy(guessed.row(item), items.row(item).begin());
      return measured(PairModel(model.user_factors(), std::move(items)));
    });
  }

  /// A model made by `make(train, seed)`.
  template <class Make>
  void model(const std::string& name, std::uint64_t seed, const Make& make) {
    // Models and choices serve several rows, and are made when the first row that needs them is not there yet.
    using Model = decltype(make(whole_.train, seed));
    std::optional<Dataset> parts;
    std::optional<Model> last;
    std::map<bool, FitReport> reports;
    const auto on_all = [&]() -> const Model& {
      if (!last) last.emplace(make(whole_.train, seed));
      return *last;
    };
    const auto enhanced = [&](bool placebo, double floor) {
      const Profiles profiles = placebo ? shuffled() : text_;
      if (!reports.contains(placebo)) {
        if (!parts) parts = carved(seed);
        const Model first = make(parts->train, seed);
        auto chooser = adapt_frozen(first, profiles, {.seed = seed});
        const FitReport& report = reports[placebo] = chooser.fit(parts->train, parts->valid);
        const FrozenChoice& c = report.choice;
        std::fprintf(
            stderr,
            "%s%s seed %d chose: residual %.2f (ridge %.0f, content %.0f, from %d clicks), head %.0f/%.2g, its "
            "residual %.2f, smoothing %.2f; zero-shot %.4f on validation\n",
            name.c_str(), placebo ? " (placebo)" : "", static_cast<int>(seed), c.residual, c.ease.ridge, c.ease.content,
            static_cast<int>(c.min_history), c.sharpness, c.ridge, c.cold_residual, c.smoothing, report.zero_shot);
      }
      auto adapted = adapt_frozen(on_all(), profiles, {.seed = seed});
      adapted.fit(whole_.train, choice_for(reports.at(placebo), floor));
      if (!placebo && floor == 0) plot(name, seed, reports.at(placebo));
      return measured(adapted);
    };
    row({name, "Base", data_.name, seed}, [&] { return judged(on_all()); });
    for (const auto& [label, floor] : {std::pair{"Best", 0.99}, std::pair{"Best, H", 0.0}}) {
      row({name, label, data_.name, seed}, [&] { return enhanced(false, floor); });
      row({name, std::string(label) + " (placebo)", data_.name, seed}, [&] { return enhanced(true, floor); });
    }
  }

  /// A model made by `fit(data, seed, epochs)`, see EpochTrained.
  template <class Fit>
  void epoch_trained(const std::string& name, std::uint64_t seed, const Fit& fit) {
    const Dataset parts = carved(seed);
    std::optional<EpochTrained> part;
    model(name, seed, [&](const Interactions& train, std::uint64_t) {
      if (!part) part.emplace(fit(parts, seed, 0));
      return train.size() == parts.train.size() ? part->model : fit(whole_, seed, part->epochs).model;
    });
  }

  /// A model of the tier `TrainableFactorModel`, made by `make(train, seed)` and trained together with profiles by a
  /// preset.
  template <class Preset, class Make>
  void joint(const std::string& name, const std::string& label, std::uint64_t seed, const Make& make) {
    using Model = decltype(make(whole_.train, seed));
    const auto enhanced = [&](const Profiles& profiles) {
      const Dataset parts = carved(seed);
      JointOptions options{.seed = seed};
      Model first = make(parts.train, seed);
      JointAdapter<Model, Preset> chooser(first, profiles, options);
      options.training.epochs = chooser.fit(parts.train, parts.valid).training.best_epoch;
      Model last = make(whole_.train, seed);
      JointAdapter<Model, Preset> adapted(last, profiles, options);
      adapted.fit(whole_.train);
      return measured(adapted);
    };
    row({name, label, data_.name, seed}, [&] { return enhanced(text_); });
    row({name, label + " (placebo)", data_.name, seed}, [&] { return enhanced(shuffled()); });
  }

  /// Writes the clicks that models are trained on elsewhere: OUT/clicks/part-SEED, without the validation split, and
  /// OUT/clicks/whole-SEED.
  void write_clicks(std::uint64_t seed) const {
    const auto write = [](const std::filesystem::path& folder, const Interactions& train) {
      Matrix<float> clicks(train.size(), 2), shape(1, 2);
      Index row = 0;
      for (const auto& [user, item] : train.pairs()) {
        clicks(row, 0) = static_cast<float>(user);
        clicks(row++, 1) = static_cast<float>(item);
      }
      shape(0, 0) = static_cast<float>(train.users());
      shape(0, 1) = static_cast<float>(train.items());
      std::filesystem::create_directories(folder);
      write_npy(folder / "clicks.npy", clicks);
      write_npy(folder / "shape.npy", shape);
    };
    write(clicks("part", seed), carved(seed).train);
    write(clicks("whole", seed), whole_.train);
  }

  /// Factors NAME_users.npy and NAME_items.npy that were trained on those clicks.
  void factors(const std::string& label, const std::string& name, std::uint64_t seed) {
    model(label, seed, [&](const Interactions& train, std::uint64_t) {
      const std::filesystem::path folder = clicks(train.size() == whole_.train.size() ? "whole" : "part", seed);
      return PairModel(read_npy(folder / (name + "_users.npy")), read_npy(folder / (name + "_items.npy")));
    });
  }

  void publish(const std::string& command) {
    input_.title = "Plug-ins: " + data_.name;
    input_.datasets = {facts_of(whole_)};
    input_.run.command = command;
    write_report(out_, input_);
    const ReportTables tables = report_tables(input_.cube, input_.comparisons);
    std::puts(report_markdown(input_, tables).c_str());
  }

 private:
  /// Warm and cold Recall and H on validation against the height of unseen items: OUT/calibration_NAME_SEED.svg.
  void plot(const std::string& name, std::uint64_t seed, FitReport report) const {
    const FrozenChoice chosen = choice_for(report, 0), floored = choice_for(report, 0.99);
    const std::vector<CalibrationPoint>& curve = report.curves[chosen.cold_gain];
    if (curve.empty()) return;
    constexpr double kWidth = 640, kHeight = 320, kLeft = 50, kBottom = 280, kTop = 20, kRight = 520;
    double most = 0;
    for (const CalibrationPoint& point : curve) most = std::max({most, point.warm, point.cold});
    const auto x = [&](double offset) {
      return kLeft + (offset - curve.front().offset) / (curve.back().offset - curve.front().offset) * (kRight - kLeft);
    };
    const auto y = [&](double recall) { return kBottom - recall / std::max(most, 1e-9) * (kBottom - kTop); };
    std::ostringstream out;
    out << "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 " << kWidth << ' ' << kHeight
        << "' font-family='sans-serif' font-size='12'><rect width='100%' height='100%' fill='white'/>";
    for (const double tick : {0.0, 0.25, 0.5, 0.75, 1.0})
      out << "<line stroke='#ddd' x1='" << kLeft << "' x2='" << kRight << "' y1='" << y(tick * most) << "' y2='"
          << y(tick * most) << "'/><text text-anchor='end' x='" << kLeft - 6 << "' y='" << y(tick * most) + 4 << "'>"
          << std::round(1000 * tick * most) / 1000 << "</text>";
    const auto line = [&](const char* label, const char* colour, double CalibrationPoint::*value) {
      out << "<polyline fill='none' stroke-width='2' stroke='" << colour << "' points='";
      for (const CalibrationPoint& point : curve) out << x(point.offset) << ',' << y(point.*value) << ' ';
      out << "'/><text fill='" << colour << "' x='" << kRight + 8 << "' y='" << y(curve.back().*value) + 4 << "'>"
          << label << "</text>";
    };
    line("seen items", "#1b6ca8", &CalibrationPoint::warm);
    line("unseen items", "#c8553d", &CalibrationPoint::cold);
    line("H", "#3a7d44", &CalibrationPoint::h);
    for (const auto& [label, choice] : {std::pair{"best H", &chosen}, std::pair{"0.99", &floored}})
      if (std::isfinite(choice->cold_offset) && choice->cold_gain == chosen.cold_gain)
        out << "<line stroke='#444' stroke-dasharray='4' x1='" << x(choice->cold_offset) << "' x2='"
            << x(choice->cold_offset) << "' y1='" << kTop << "' y2='" << kBottom << "'/><text text-anchor='middle' x='"
            << x(choice->cold_offset) << "' y='" << kTop - 6 << "'>" << label << "</text>";
    out << "<text x='" << kLeft << "' y='" << kBottom + 24
        << "'>Recall on validation, from unseen items last to unseen items first</text></svg>\n";
    write_file(out_ + "/calibration_" + name + "_" + std::to_string(seed) + ".svg", out.str());
  }

  template <class Run>
  void row(const RunKey& key, const Run& run) {
    const detail::RunFiles files(out_, key, fingerprint_);
    auto finished = files.load();
    if (!finished) {
      const auto start = std::chrono::steady_clock::now();
      finished = detail::FinishedRun{run(), {key, {"loss", {}, {}}, {"", {}, {}}}};
      files.save(*finished);
      std::fprintf(stderr, "%s %s seed %d: %.1f s\n", key.model.c_str(), key.adapter.c_str(),
                   static_cast<int>(key.seed),
                   std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    for (const SettingResult& result : finished->results) input_.cube.add(key, result);
  }

  template <Ranker R>
  [[nodiscard]] std::vector<SettingResult> measured(const R& ranker) const {
    EvalOptions options;
    options.catalogue = false;
    std::vector<SettingResult> results;
    for (const Setting setting : settings_)
      if (setting == Setting::full_shot || !whole_.zero.empty())
        results.push_back(evaluate(whole_, setting, ranker, options));
    return results;
  }
  template <class S>
  [[nodiscard]] std::vector<SettingResult> judged(const S& scorer) const {
    if constexpr (Ranker<S>)
      return measured(scorer);
    else
      return measured(ScorerRanker<S>(scorer));
  }

  [[nodiscard]] std::filesystem::path clicks(const std::string& part, std::uint64_t seed) const {
    return std::filesystem::path(out_) / "clicks" / (part + "-" + std::to_string(seed));
  }
  [[nodiscard]] Dataset carved(std::uint64_t seed) const {
    Dataset parts = data_;
    if (parts.valid.empty()) carve_validation(parts, {.by_time = by_time_, .seed = seed});
    return parts;
  }
  [[nodiscard]] Profiles shuffled() const { return profiles_of(with_shuffled_profiles(whole_, 1)); }

  Dataset data_, whole_;
  bool by_time_;
  std::string out_, fingerprint_;
  std::vector<Setting> settings_;
  Profiles text_;
  ReportInput input_;
};

}  // namespace plugin_study
