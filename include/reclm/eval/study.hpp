#pragma once
/// @file study.hpp
/// Runs a study and files its figures in a result cube, baselines and placebos included.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "reclm/backend/cpu.hpp"
#include "reclm/core/error.hpp"
#include "reclm/data/fingerprint.hpp"
#include "reclm/eval/cube.hpp"
#include "reclm/eval/detail/run_files.hpp"
#include "reclm/eval/report_input.hpp"
#include "reclm/eval/study_options.hpp"
#include "reclm/model/baselines.hpp"
#include "reclm/model/scorer_ranker.hpp"
#include "reclm/model/trainer.hpp"

namespace reclm {

/// What a study found. An interrupted one holds the runs that were finished.
struct StudyResult {
  ResultCube cube;
  std::vector<Curve> curves;       ///< one a trained model
  std::vector<std::string> notes;  ///< what a reader must know: how validation came about, what was left out
  bool interrupted = false;
};

/// A fresh model of `spec` for `data`. @param seed of the start values  @param label in place of the adapter's name
/// @throws ConfigError when the data set lacks vectors that the adapter needs
inline std::unique_ptr<JointModel<Cpu, float>> make_model(const ModelSpec& spec, const Dataset& data, Index width,
                                                          std::uint64_t seed, const std::string& label = {}) {
  const Initializer init(seed);
  return std::make_unique<JointModel<Cpu, float>>(
      std::string(backbone_name(spec.backbone)) + " + " + (label.empty() ? adapter_label(spec) : label),
      make_vectors<Cpu, float>(spec.adapter, data, width, default_id_start(spec.backbone), init),
      make_backbone<Cpu, float>(spec.backbone, data.train, width, init));
}

/// The data set with profile rows shuffled among items, and among users who have one of their own; users whose profile
/// is the mean of their history get the mean of the shuffled rows. What is left of an adapter's gain then has nothing
/// to do with what the profiles say.
/// @param texts the item texts too, which stay in step with nothing then
/// @param written rows that are shuffled apart from the others
/// @throws ShapeError where `written` has another number of rows
inline Dataset with_shuffled_profiles(Dataset data, std::uint64_t seed, bool texts = false,
                                      const WrittenRows& written = {}) {
  using Marks = std::vector<std::uint8_t>;
  const auto shuffle = [&](Matrix<float>& rows, std::uint32_t part, const Marks& apart = {}, const Marks& stay = {}) {
    if (!rows.empty() && !apart.empty() && static_cast<Index>(apart.size()) != rows.rows())
      throw ShapeError("with_shuffled_profiles: " + std::to_string(apart.size()) + " marks for " +
                       std::to_string(rows.rows()) + " rows of profiles");
    RandomSequence random(Random(seed, Stream::evaluation, 0xB1ACEB00u + part));
    for (const bool kind : {false, true}) {
      std::vector<Index> alike;
      for (Index row = 0; row < rows.rows(); ++row)
        if (const auto place = static_cast<std::size_t>(row); (!apart.empty() && apart[place] != 0) == kind)
          if (stay.empty() || stay[place] == 0) alike.push_back(row);
      for (std::size_t k = alike.size(); k > 1; --k) {
        const std::size_t other = random.below(static_cast<std::uint32_t>(k));
        if (other != k - 1) std::ranges::swap_ranges(rows.row(alike[k - 1]), rows.row(alike[other]));
      }
    }
  };
  shuffle(data.item_profiles, 0, written.items);
  shuffle(data.user_profiles, 1, written.users, data.profile_from_history);
  if (texts) shuffle(data.item_vectors, 2);
  refresh_history_profiles(data);
  return data;
}

namespace detail {

class Study {
 public:
  Study(const Dataset& data, const StudyOptions& options) : data_(data), options_(options) { prepare(); }

  StudyResult run() {
    if (options_.ready) options_.ready();
    try {
      if (options_.baselines) run_baselines();
      for (const std::uint64_t seed : options_.seeds)
        for (const BackboneKind backbone : options_.backbones)
          for (const AdapterKind adapter : options_.adapters) {
            if (options_.sources.empty() || !takes_profiles(adapter)) {
              run_models({backbone, adapter, false}, data_, std::string(adapter_name(adapter)), true, seed);
              continue;
            }
            for (const ProfileSource& source : options_.sources) {
              Dataset data = data_;
              source.put(data);
              run_models({backbone, adapter, false}, data, source_label(adapter, source), source.placebo, seed,
                         source.written);
            }
          }
    } catch (const Interrupted&) {
      result_.interrupted = true;
    } catch (const EvaluationStopped&) {
      result_.interrupted = true;
    }
    return std::move(result_);
  }

 private:
  struct Interrupted {};

  void prepare() {
    if (options_.seeds.empty() || options_.settings.empty())
      throw ConfigError("StudyOptions: name at least one seed and one setting");
    (void)options_.evaluation.metrics.longest();
    check_rows();
    if (options_.selection == SelectionRule::validation && data_.valid.empty()) {
      if (options_.carve.cold_items > 0)
        throw ConfigError(
            "StudyOptions: carve.cold_items takes clicks from train that no setting of a study asks for. Remedy: leave "
            "it at 0");
      carve_validation(data_, options_.carve);
      result_.notes.push_back("The data set has no validation split: " + std::to_string(data_.valid.size()) +
                              " of its train interactions, drawn at random, were set aside for selection; no model "
                              "trained on them.");
    }
    if (options_.selection == SelectionRule::best_on_test)
      result_.notes.push_back(
          "Epochs were selected on the test split, as in the papers. Such figures are optimistic; "
          "compare them only with others of the same rule.");
    if (options_.selection != SelectionRule::last) {
      const bool on_test = options_.selection == SelectionRule::best_on_test;
      if ((on_test ? data_.test : data_.valid).empty())
        throw ConfigError("StudyOptions: data set " + data_.name + " has no " + (on_test ? "test" : "validation") +
                          " clicks to select epochs by" + (on_test ? "" : ", and train is too small to give any") +
                          ". Remedy: select by another rule, or take the last epoch");
      check_metric();
    }
    const auto unseen = [](Setting setting) {
      return setting == Setting::zero_shot || setting == Setting::generalised_zero_shot;
    };
    if (data_.zero.empty() && std::erase_if(options_.settings, unseen) > 0)
      result_.notes.push_back("The data set has no zero-shot split; the settings that need one were left out.");
    if (data_.test.empty() && std::erase_if(options_.settings, std::not_fn(unseen)) > 0)
      result_.notes.push_back("The data set has no test split; the settings that need one were left out.");
    if (options_.settings.empty())
      throw ConfigError("StudyOptions: data set " + data_.name +
                        " has no split that the settings ask for, so that nothing could be measured. Remedy: add a "
                        "test or a zero split, or name other settings");
    for (const AdapterKind adapter : options_.adapters)
      if (options_.sources.empty()) check_vectors(adapter, data_);
  }

  // A row that is there twice cannot be filed, which would show only after its training.
  template <class Value, class Name>
  static void require_distinct(const char* what, const std::vector<Value>& values, const Name& name) {
    for (auto one = values.begin(); one != values.end(); ++one)
      if (std::find(values.begin(), one, *one) != one)
        throw ConfigError(std::string("StudyOptions: ") + what + " " + std::string(name(*one)) +
                          " is named twice. Remedy: name it once");
  }

  void check_rows() const {
    require_distinct("backbone", options_.backbones, backbone_name);
    require_distinct("adapter", options_.adapters, adapter_name);
    require_distinct("setting", options_.settings, setting_name);
    require_distinct("seed", options_.seeds, [](std::uint64_t seed) { return std::to_string(seed); });
    for (const ProfileSource& source : options_.sources)
      if (role_of({"", source.name, ""}, {}) != RowRole::enhanced)
        throw ConfigError("StudyOptions: a source of profiles cannot be called \"" + source.name +
                          "\", by which reports know other rows. Remedy: give it a name that is not empty, not Base "
                          "or ID, and without the word placebo");
    std::vector<std::string> labels;
    for (const AdapterKind adapter : options_.adapters)
      if (options_.sources.empty() || !takes_profiles(adapter))
        labels.emplace_back(adapter_name(adapter));
      else
        for (const ProfileSource& source : options_.sources) labels.push_back(source_label(adapter, source));
    require_distinct("row", labels, [](const std::string& label) { return "\"" + label + "\""; });
  }

  [[nodiscard]] std::string source_label(AdapterKind adapter, const ProfileSource& source) const {
    const bool one = std::ranges::count_if(options_.adapters, takes_profiles) == 1;
    return one ? source.name : std::string(adapter_name(adapter)) + ", " + source.name;
  }

  void check_metric() const {
    for (const Index cutoff : options_.evaluation.metrics.cutoffs)
      for (const MetricKind kind : options_.evaluation.metrics.kinds)
        if (metric_name(kind, cutoff) == options_.metric) return;
    throw ConfigError("StudyOptions: epochs are selected by " + options_.metric +
                      ", which the evaluation does not measure. Remedy: name one of its metrics and cut-offs");
  }

  [[nodiscard]] std::string fingerprint(const Dataset& data) const {
    if (options_.folder.empty()) return {};
    Fingerprint all;
    for (const Interactions* split : {&data.train, &data.valid, &data.test, &data.zero}) all.add(*split);
    for (const auto* items : {&data.valid_candidates, &data.test_candidates, &data.zero_candidates})
      all.add(std::span<const Id>(*items));
    for (const auto* rows : {&data.item_vectors, &data.item_profiles, &data.user_profiles}) all.add(*rows);
    return all.text();
  }

  template <class Measure>
  void file(const RunKey& key, const Measure& measure) {
    for (const Setting setting : options_.settings) result_.cube.add(key, measure(setting));
  }

  template <Scorer S>
  void run_baseline(const char* name, const S& scorer, std::uint64_t seed) {
    const ScorerRanker<S> ranker(scorer);
    file({name, "", data_.name, seed}, [&](Setting setting) { return measure(setting, ranker); });
  }

  template <Ranker R>
  SettingResult measure(Setting setting, const R& ranker) const {
    EvalOptions options = options_.evaluation;
    options.observer = options_.observer;
    return evaluate(data_, setting, ranker, options);
  }

  void run_baselines() {
    const std::uint64_t first = options_.seeds.front();
    run_baseline("Popularity", Popularity(data_.train), first);
    for (const std::uint64_t seed : options_.seeds)
      run_baseline("Random", RandomOrder(data_.train.users(), data_.train.items(), seed), seed);
    if (!data_.item_vectors.empty()) {
      const ContentKnn knn(data_.train, data_.item_vectors);
      const PairModel model(knn.user_factors(), knn.item_factors());
      file({"Content-kNN", "", data_.name, first}, [&](Setting setting) { return measure(setting, model); });
    }
  }

  // The model and, where there is to be one, its placebo.
  void run_models(ModelSpec spec, const Dataset& data, const std::string& label, bool placebo, std::uint64_t seed,
                  const WrittenRows& written = {}) {
    run_model(spec, data, label, seed);
    if (!options_.placebo || !placebo || !has_placebo(spec.adapter)) return;
    spec.placebo = true;
    // AlphaRec's profiles are the texts.
    const Dataset shuffled = with_shuffled_profiles(data, 1, spec.adapter == AdapterKind::alpha_rec, written);
    run_model(spec, shuffled, label + " (placebo)", seed);
  }

  void run_model(const ModelSpec& spec, const Dataset& data, const std::string& label, std::uint64_t seed) {
    const RunKey key{std::string(backbone_name(spec.backbone)), label, data_.name, seed};
    const RunFiles files(options_.folder, key, settings_text(spec, fingerprint(data), label, seed));
    if (auto finished = files.load()) {
      for (const SettingResult& result : finished->results) result_.cube.add(key, result);
      result_.curves.push_back(std::move(finished->curve));
      return;
    }
    const auto model = make_model(spec, data, options_.width, seed, label);
    TrainOptions training = options_.training;
    training.seed = seed;
    training.l2 = options_.l2.value_or(default_l2(spec.backbone));
    training.selection = options_.selection == SelectionRule::last ? Selection::last : Selection::best;
    training.checkpoint = files.checkpoint();
    training.resume = true;
    training.observer = options_.observer;
    const TrainReport report = train(*model, data_.train, training, evaluator());
    if (report.interrupted) throw Interrupted{};
    FinishedRun run{{}, curve_of(key, report)};
    const PairModel ranking = model->ranking();
    for (const Setting setting : options_.settings) run.results.push_back(measure(setting, ranking));
    files.save(run);
    for (const SettingResult& result : run.results) result_.cube.add(key, result);
    result_.curves.push_back(std::move(run.curve));
  }

  [[nodiscard]] Evaluator<Cpu, float> evaluator() const {
    if (options_.selection == SelectionRule::last) return {};
    const Setting setting = options_.selection == SelectionRule::validation ? Setting::validation : Setting::full_shot;
    return [this, setting](JointModel<Cpu, float>& model, int) {
      EvalOptions options = options_.evaluation;
      options.catalogue = false;
      options.observer = {};
      return evaluate(data_, setting, model.ranking(), options).mean(options_.metric);
    };
  }

  [[nodiscard]] Curve curve_of(const RunKey& key, const TrainReport& report) const {
    Curve curve{key, {"loss", {}, {}}, {options_.metric, {}, {}}};
    for (const EpochRecord& epoch : report.history) {
      curve.loss.x.push_back(epoch.epoch);
      curve.loss.y.push_back(epoch.loss);
      if (epoch.metric == epoch.metric) {
        curve.validation.x.push_back(epoch.epoch);
        curve.validation.y.push_back(epoch.metric);
      }
    }
    if (options_.selection == SelectionRule::last)
      curve.selected_epoch = static_cast<double>(report.history.size());
    else
      curve.selected_epoch = report.best_epoch;
    return curve;
  }

  // Everything that a run's figures depend on: a kept run is taken only when this is the same.
  [[nodiscard]] std::string settings_text(const ModelSpec& spec, const std::string& data, const std::string& label,
                                          std::uint64_t seed) const {
    const TrainOptions& t = options_.training;
    nlohmann::json settings = {{"model", backbone_name(spec.backbone)},
                               {"adapter", label},
                               {"dataset", data_.name},
                               {"data", data},
                               {"seed", seed},
                               {"width", options_.width},
                               {"l2", options_.l2.value_or(default_l2(spec.backbone))},
                               {"epochs", t.epochs},
                               {"batch_size", t.batch_size},
                               {"learning_rate", t.learning_rate},
                               {"negatives", static_cast<int>(t.negatives)},
                               {"evaluate_every", t.evaluate_every},
                               {"patience", t.patience},
                               {"selection", static_cast<int>(options_.selection)},
                               {"metric", options_.metric},
                               {"cutoffs", options_.evaluation.metrics.cutoffs},
                               {"catalogue", options_.evaluation.catalogue},
                               {"sparse_clicks", options_.evaluation.sparse_clicks},
                               {"mask_validation", options_.evaluation.mask_validation}};
    for (const MetricKind kind : options_.evaluation.metrics.kinds) settings["kinds"].push_back(metric_kind_name(kind));
    for (const Setting setting : options_.settings) settings["settings"].push_back(setting_name(setting));
    return settings.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  }

  Dataset data_;
  StudyOptions options_;
  StudyResult result_;
};

}  // namespace detail

/// Trains and evaluates every backbone × adapter × seed of `options` on `data`, and the baselines.
///
/// One model serves all settings. Its epoch is selected by `options.selection`. With a folder, finished runs are kept
/// and unfinished ones resumed, so that an interrupted study goes on where it stopped.
/// @throws ConfigError on options out of range, rows of one name, a selecting split without clicks, or vectors that are
/// missing; NumericError when a training diverges; IoError when the folder cannot be written
inline StudyResult run_study(const Dataset& data, const StudyOptions& options) {
  return detail::Study(data, options).run();
}

}  // namespace reclm
