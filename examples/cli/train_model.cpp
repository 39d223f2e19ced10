// Trains one model by the library and packs it for `reclm recommend`.

#include <span>
#include <string>

#include <nlohmann/json.hpp>

#include "compiled.hpp"
#include "names.hpp"
#include "reclm/core/version.hpp"
#include "reclm/data/fingerprint.hpp"
#include "reclm/data/splits.hpp"
#include "reclm/eval/study.hpp"
#include "train.hpp"

namespace reclm::cli {

namespace {

ModelSpec spec_of(const TrainCommandOptions& options) {
  ModelSpec spec = parse_adapter("--adapter", options.adapter, false);
  spec.backbone = parse_backbone(options.backbone);
  return spec;
}

/// Makes sure that the split which selects is there. @returns what it is called in messages
Setting selecting_split(SelectionRule rule, Dataset& data, std::vector<std::string>& notes) {
  if (rule == SelectionRule::best_on_test) {
    if (data.test.empty())
      throw ConfigError("--selection best-on-test: data set " + data.name +
                        " has no test split. Remedy: select on validation, or take the last epoch");
    notes.emplace_back("The epoch was selected on the test split: figures on it are optimistic.");
    return Setting::full_shot;
  }
  if (data.valid.empty()) {
    carve_validation(data);
    if (data.valid.empty())
      throw ConfigError("--selection validation: data set " + data.name +
                        " has no validation split and is too small to give one. Remedy: --selection last");
    notes.push_back("There is no validation split: " + std::to_string(data.valid.size()) +
                    " train interactions were set aside to select the epoch. --selection last trains on all of them.");
  }
  return Setting::validation;
}

/// What a checkpoint must agree on beside the trainer's own settings. @param selection  what selects the epoch
std::string subject_of(const Dataset& data, const std::string& selection) {
  Fingerprint vectors, held_out;
  for (const auto* rows : {&data.item_vectors, &data.item_profiles, &data.user_profiles}) vectors.add(*rows);
  for (const Interactions* split : {&data.valid, &data.test}) held_out.add(*split);
  for (const auto* items : {&data.valid_candidates, &data.test_candidates}) held_out.add(std::span<const Id>(*items));
  return selection + " of clicks " + held_out.text() + ", vectors " + vectors.text();
}

std::string details_of(const TrainCommandOptions& options, const ModelSpec& spec, const Dataset& data, double l2,
                       const TrainReport& report) {
  const TrainingOptions& t = options.training;
  nlohmann::ordered_json details{{"reclm", RECLM_VERSION_STRING},
                                 {"dataset", data.name},
                                 {"backbone", backbone_name(spec.backbone)},
                                 {"adapter", adapter_label(spec)},
                                 {"seed", options.seed},
                                 {"dim", t.dim},
                                 {"batch_size", t.batch_size},
                                 {"learning_rate", t.learning_rate},
                                 {"l2", l2},
                                 {"selection", t.selection},
                                 {"epochs", report.history.size()}};
  if (report.best_epoch > 0) details["selected_epoch"] = report.best_epoch;
  return details.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

void check_model(const TrainCommandOptions& options) {
  spec_of(options);
  metrics_of(options.training);
}

TrainOutcome train_model(const TrainCommandOptions& options, Dataset& data, const std::filesystem::path& checkpoint,
                         const Observer& observer) {
  TrainOutcome outcome;
  const ModelSpec spec = spec_of(options);
  if (takes_profiles(spec.adapter)) check_profiles(data);
  const SelectionRule rule = parse_selection(options.training.selection);
  Evaluator<Cpu, float> evaluator;
  std::string selection = "the last epoch";
  if (rule != SelectionRule::last) {
    EvalOptions how;
    how.metrics = metrics_of(options.training);
    how.catalogue = false;
    const Setting split = selecting_split(rule, data, outcome.notes);
    selection = first_metric(how.metrics) + " on " + (split == Setting::validation ? "validation" : "test");
    evaluator = [&data, split, how](JointModel<Cpu, float>& model, int) {
      return evaluate(data, split, model.ranking(), how).mean(first_metric(how.metrics));
    };
  }
  TrainOptions how = train_options_of(options.training);
  how.seed = options.seed;
  how.l2 = options.training.l2.value_or(default_l2(spec.backbone));
  how.selection = rule == SelectionRule::last ? Selection::last : Selection::best;
  how.checkpoint = checkpoint;
  how.resume = options.resume;
  how.subject = subject_of(data, selection);
  how.observer = observer;
  const auto model = make_model(spec, data, options.training.dim, options.seed);
  outcome.report = train(*model, data.train, how, evaluator);
  if (outcome.report.interrupted) return outcome;
  const std::string details = details_of(options, spec, data, how.l2, outcome.report);
  outcome.model = packed_model(model->name(), model->ranking(), data);
  outcome.model.details = details;
  return outcome;
}

}  // namespace reclm::cli
