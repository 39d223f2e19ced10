// From the words of the command line to a study of the library.

#include <algorithm>
#include <limits>
#include <utility>

#include "bench.hpp"
#include "compiled.hpp"
#include "data.hpp"
#include "names.hpp"
#include "reclm/eval/study.hpp"

namespace reclm::cli {

struct BenchStudy::Plan {
  StudyOptions study;
};

namespace {

Setting parse_setting(const std::string& name) {
  for (const Setting setting : kSettings) {
    if (setting == Setting::validation) continue;
    const std::string full(setting_name(setting));
    if (name == full || (full.ends_with("-shot") && name + "-shot" == full)) return setting;
  }
  throw ConfigError("--settings: there is no setting \"" + name +
                    "\". Remedy: choose from full-shot, sparse, zero-shot, generalised-zero-shot, or all");
}

void read_models(const BenchOptions& options, StudyOptions& study) {
  study.backbones.clear();
  if (options.backbones == "all") {
    study.backbones.assign(kBackbones.begin(), kBackbones.end());
  } else {
    for (const std::string& name : split_list("--backbones", options.backbones))
      study.backbones.push_back(parse_backbone(name));
  }
  study.adapters.clear();
  bool placebo = false;
  for (const std::string& name : split_list("--adapters", options.adapters)) {
    const ModelSpec spec = parse_adapter("--adapters", name, true);
    if (spec.placebo)
      placebo = true;
    else
      study.adapters.push_back(spec.adapter);
  }
  const bool enhanced = std::ranges::any_of(study.adapters, has_placebo);
  if (placebo && !enhanced)
    throw ConfigError("--adapters: a placebo stands beside the adapter it is a placebo of. Remedy: add reclm");
  if (placebo && options.no_placebo)
    throw ConfigError("--adapters names the placebo and --no-placebo leaves it out. Remedy: drop one of them");
  study.placebo = enhanced && !options.no_placebo;
}

void read_settings(const BenchOptions& options, StudyOptions& study) {
  study.settings.clear();
  if (options.settings == "all") {
    study.settings = {Setting::full_shot, Setting::sparse, Setting::zero_shot, Setting::generalised_zero_shot};
    return;
  }
  for (const std::string& name : split_list("--settings", options.settings)) {
    const Setting setting = parse_setting(name);
    if (std::ranges::count(study.settings, setting) > 0)
      throw ConfigError("--settings: " + name + " appears twice. Remedy: name it once");
    study.settings.push_back(setting);
  }
}

}  // namespace

BenchStudy::BenchStudy(const BenchOptions& options) {
  auto plan = std::make_unique<Plan>();
  StudyOptions& study = plan->study;
  read_models(options, study);
  read_settings(options, study);
  study.seeds.clear();
  for (Index k = 0; k < options.seeds; ++k) study.seeds.push_back(options.first_seed + static_cast<std::uint64_t>(k));
  study.baselines = !options.no_baselines;
  study.width = options.training.dim;
  study.l2 = options.training.l2;
  study.selection = parse_selection(options.training.selection);
  study.evaluation.metrics = metrics_of(options.training);
  study.metric = first_metric(study.evaluation.metrics);
  study.training = train_options_of(options.training);
  study.folder = options.report;
  plan_ = std::move(plan);
}

BenchStudy::~BenchStudy() = default;

Index BenchStudy::models() const {
  const StudyOptions& study = plan_->study;
  const auto placebos = study.placebo ? std::ranges::count_if(study.adapters, has_placebo) : 0;
  return static_cast<Index>(study.seeds.size() * study.backbones.size() *
                            (study.adapters.size() + static_cast<std::size_t>(placebos)));
}

bool BenchStudy::run(const Dataset& data, const Observer& observer, ReportInput& report,
                     const std::vector<ProfileSource>& sources, const std::function<void()>& ready) const {
  StudyOptions study = plan_->study;
  study.ready = ready;
  study.sources = sources;
  study.observer = observer;
  if (sources.empty() && std::ranges::any_of(study.adapters, takes_profiles)) check_profiles(data);
  StudyResult result = run_study(data, study);
  report.cube = std::move(result.cube);
  report.curves = std::move(result.curves);
  report.notes.insert(report.notes.end(), result.notes.begin(), result.notes.end());
  report.comparisons.metric = study.metric;
  return !result.interrupted;
}

}  // namespace reclm::cli
