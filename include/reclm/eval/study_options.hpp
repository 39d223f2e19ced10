#pragma once
/// @file study_options.hpp
/// What a study runs: backbones × adapters × settings × seeds on one data set.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reclm/align/make_vectors.hpp"
#include "reclm/core/observer.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/data/splits.hpp"
#include "reclm/eval/protocol.hpp"
#include "reclm/eval/setting.hpp"
#include "reclm/model/make_backbone.hpp"
#include "reclm/model/train_options.hpp"

namespace reclm {

/// Which epoch a study evaluates.
enum class SelectionRule {
  validation,    ///< the best on the validation split, which is carved out of train where there is none
  best_on_test,  ///< the best on the test split: optimistic, the papers' rule, for parity alone
  last,          ///< the last; validation is neither needed nor carved
};

/// One model of a study.
struct ModelSpec {
  BackboneKind backbone = BackboneKind::light_gcn;
  AdapterKind adapter = AdapterKind::reclm;
  bool placebo = false;  ///< profiles shuffled among items, and among users, before the model sees them
};

/// The adapter's label in reports: "Base", "ID", "RecLM", "RecLM (placebo)".
inline std::string adapter_label(const ModelSpec& spec) {
  return std::string(adapter_name(spec.adapter)) + (spec.placebo ? " (placebo)" : "");
}

/// Which rows of profiles are written ones (1), where others (0) have something in their place, such as an item's text.
/// Who is written about is itself something to learn from, so that a placebo shuffles either among themselves.
struct WrittenRows {
  std::vector<std::uint8_t> items{}, users{};  ///< of all items, of all users; empty: all rows are alike
};

/// Profiles under a name, where a study compares several. User profiles of its own are trained on as they stand; where
/// they are no means of histories, it clears their flags in `profile_from_history`, by which the placebo makes rows
/// anew.
struct ProfileSource {
  std::string name;                     ///< the label in reports, in place of the adapter's; not "Base" or "placebo"
  std::function<void(Dataset&)> put{};  ///< leaves its profiles in a data set whose validation is carved already
  bool placebo = true;                  ///< whether the study's placebo is made of it
  WrittenRows written{};                ///< kept apart in the placebo
};

struct StudyOptions {
  std::vector<BackboneKind> backbones{BackboneKind::light_gcn};
  std::vector<AdapterKind> adapters{AdapterKind::base, AdapterKind::reclm};
  /// Every adapter that takes profiles is trained with each of them; empty: with the data set's own.
  std::vector<ProfileSource> sources{};
  bool placebo = true;    ///< also the placebo of every adapter that uses profiles
  bool baselines = true;  ///< also popularity, random order and content-kNN
  std::vector<Setting> settings{Setting::full_shot, Setting::zero_shot, Setting::generalised_zero_shot};
  std::vector<std::uint64_t> seeds{1};
  Index width = 32;            ///< d
  std::optional<double> l2{};  ///< λ; each backbone's own when empty
  SelectionRule selection = SelectionRule::validation;
  std::string metric = "recall@20";  ///< what selection looks at
  CarveOptions carve{};  ///< where the data set has no validation split; its seed stays for all runs, cold_items is 0
  TrainOptions training{.evaluate_every = 1, .patience = 10};  ///< its seed, l2, selection and checkpoint are set here
  EvalOptions evaluation{};
  std::string folder{};           ///< finished runs are kept in FOLDER/runs and not run again; empty: not kept
  std::function<void()> ready{};  ///< called when all of this is known to fit, before anything is trained or read back
  Observer observer{};            ///< sees all stages; returning false stops between two steps, finished runs stay
};

}  // namespace reclm
