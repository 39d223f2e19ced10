// What `reclm enhance` does with a model and its data.

#include <cmath>
#include <cstdio>
#include <string>
#include <utility>

#include "compiled.hpp"
#include "enhance.hpp"
#include "reclm/adapt.hpp"
#include "reclm/eval/study.hpp"

namespace reclm::cli {

namespace {

constexpr const char* kBase = "Base";
constexpr const char* kEnhanced = "Enhanced";

std::vector<Setting> settings_of(const Dataset& data) {
  std::vector<Setting> settings;
  if (!data.test.empty()) settings.push_back(Setting::full_shot);
  if (!data.zero.empty()) settings.push_back(Setting::zero_shot);
  if (!data.zero.empty()) settings.push_back(Setting::generalised_zero_shot);
  return settings;
}

/// Files figures of rankings in a report.
class Measuring {
 public:
  Measuring(const Dataset& data, const Observer& observer, std::uint64_t seed, ResultCube& cube)
      : data_(data), settings_(settings_of(data)), seed_(seed), cube_(cube) {
    options_.observer = observer;
  }

  template <Ranker R>
  void add(const std::string& name, const std::string& adapter, const R& ranker) const {
    for (const Setting setting : settings_)
      cube_.add({name, adapter, data_.name, seed_}, evaluate(data_, setting, ranker, options_));
  }
  template <Scorer S>
  void add_scorer(const char* name, const S& scorer) const {
    add(name, "", ScorerRanker<S>(scorer));
  }

 private:
  const Dataset& data_;
  std::vector<Setting> settings_;
  std::uint64_t seed_;
  ResultCube& cube_;
  EvalOptions options_;
};

FitReport fit(FrozenAdapter<PairModel>& adapter, const Dataset& data, const std::optional<FrozenChoice>& choice) {
  if (!choice) return data.valid.empty() ? adapter.fit(data.train) : adapter.fit(data.train, data.valid);
  adapter.fit(data.train, *choice);
  return adapter.report();
}

std::string sentence(const FrozenChoice& choice) {
  char text[512];
  std::snprintf(
      text, sizeof text,
      "The item-to-item learner has %.2f of a seen item's score (ridge %.0f, alike texts %.0f, users from %lld "
      "clicks), profiles %.2f. Unseen items are ranked by a head of sharpness %.1f and ridge %.2g that learns "
      "%.2f of the learner's scores and the rest of the model's; %s.",
      choice.residual, choice.ease.ridge, choice.ease.content, static_cast<long long>(choice.min_history),
      choice.smoothing, choice.sharpness, choice.ridge, choice.cold_residual,
      std::isfinite(choice.cold_offset) ? "they join the seen ones in one list" : "they stay behind all seen ones");
  return text;
}

/// What validation said, and the knob between seen and unseen items.
ReportChapter chapter_of(const FitReport& report) {
  ReportChapter chapter;
  chapter.title = "What was chosen";
  chapter.text = sentence(report.choice);
  if (report.validation_users == 0) return chapter;
  chapter.tables.push_back(
      {.title = "Recall@20 on validation",
       .note = "Of " + std::to_string(report.validation_users) +
               " users. Unseen items are played by seen ones that the heads were not told of.",
       .columns = {{"Model"}, {"Enhanced"}},
       .rows = {{"Seen items", {report.model_alone, report.enhanced}},
                {"Unseen items among themselves", {FitReport::kNone, report.zero_shot}},
                {"Seen items, all unseen ones behind them", {report.warm_alone, report.warm_enhanced}}}});
  const auto curve = report.curves.find(report.choice.cold_gain);
  if (curve == report.curves.end()) return chapter;
  ChapterChart chart{.title = "Seen and unseen items in one list, on validation",
                     .x = "height of unseen items",
                     .lines = {{"seen", {}, {}}, {"unseen", {}, {}}, {"H", {}, {}}}};
  for (const CalibrationPoint& point : curve->second) {
    const double values[] = {point.warm, point.cold, point.h};
    for (std::size_t k = 0; k < chart.lines.size(); ++k) {
      chart.lines[k].x.push_back(point.offset);
      chart.lines[k].y.push_back(values[k]);
    }
  }
  chapter.charts.push_back(std::move(chart));
  return chapter;
}

}  // namespace

Enhanced enhance(const EnhanceOptions& options, const Dataset& data, const GivenModel& given,
                 const std::optional<FrozenChoice>& choice, const Observer& observer, ReportInput& report) {
  const FrozenOptions how{.warm_floor = options.warm_floor, .seed = options.seed, .observer = observer};
  auto adapter = adapt_frozen(given.scores, profiles_of(data), how);
  const FitReport fitted = fit(adapter, data, choice);
  const FrozenChoice chosen = choice.value_or(fitted.choice);

  const Measuring measuring(data, observer, options.seed, report.cube);
  measuring.add_scorer("Popularity", Popularity(data.train));
  measuring.add_scorer("Random", RandomOrder(data.train.users(), data.train.items(), options.seed));
  if (!data.item_vectors.empty()) {
    const ContentKnn knn(data.train, data.item_vectors);
    measuring.add("Content-kNN", "", PairModel(knn.user_factors(), knn.item_factors()));
  }
  measuring.add(given.name, kBase, given.scores);
  measuring.add(given.name, kEnhanced, adapter);
  if (!options.no_placebo && !settings_of(data).empty()) {
    auto placebo = adapt_frozen(given.scores, profiles_of(with_shuffled_profiles(data, options.seed)), how);
    fit(placebo, data, choice);
    measuring.add(given.name, std::string(kEnhanced) + " (placebo)", placebo);
  }
  if (settings_of(data).empty())
    report.notes.push_back("The data set has neither test nor zero split, so that nothing is measured.");
  report.row_meanings[kEnhanced] =
      "the model with an item-to-item learner and profiles beside it, each as far as validation shows a gain.";
  report.chapters.push_back(chapter_of(fitted));
  if (!given.scores.is_product())
    report.notes.push_back(
        "The model's scores are no products of rows: the figures are those of the model itself, enhanced; the factors "
        "written approximate it.");

  adapter.save(std::filesystem::path(options.out) / "adapter.safetensors");
  Enhanced result{.model = packed_model(given.name + " + " + kEnhanced,
                                        PairModel(float_copy(adapter.user_factors(), "user factors"),
                                                  float_copy(adapter.item_factors(), "item factors")),
                                        data),
                  .choice = chosen};
  result.model.details = choice_text(chosen);
  return result;
}

}  // namespace reclm::cli
