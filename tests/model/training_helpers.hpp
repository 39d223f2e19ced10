#pragma once
/// Small trainings, and what is compared of them.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "planted_data.hpp"
#include "reclm/model/trainer.hpp"

namespace reclm_test {

using reclm::JointModel;
using reclm::TrainOptions;
using reclm::TrainReport;
using Values = reclm::ParameterValues<float>;

inline Values values_of(const JointModel<>& model) { return reclm::copy_parameters(model.parameters()); }

/// Share of pairs that score above another item that the user never clicked: 0.5 by chance.
inline double area_under_curve(JointModel<>& model, const Interactions& pairs, const Interactions& train) {
  const auto ranking = model.ranking();
  const Random random(23, Stream::evaluation);
  std::uint64_t draw = 0;
  double above = 0, count = 0;
  for (const reclm::Pair& pair : pairs.pairs())
    for (int tries = 0; tries < 4; ++tries) {
      const auto other = static_cast<Id>(random.below(draw++, static_cast<std::uint32_t>(train.items())));
      if (train.contains(pair.user, other) || pairs.contains(pair.user, other)) continue;
      const std::vector<Id> items{pair.item, other};
      std::vector<float> scores(2);
      ranking.score(pair.user, items, scores);
      above += scores[0] > scores[1] ? 1 : scores[0] == scores[1] ? 0.5 : 0;
      count += 1;
    }
  return above / count;
}

/// An evaluator of the validation pairs.
inline reclm::Evaluator<reclm::Cpu, float> validation_of(const Dataset& data) {
  return [&data](JointModel<>& model, int) { return area_under_curve(model, data.valid, data.train); };
}

/// What two trainings that are the same have in common, to the bit.
struct Outcome {
  Values values;
  std::vector<double> losses, metrics;
  int best_epoch = 0;
  Index steps = 0;
  bool operator==(const Outcome&) const = default;
};

inline Outcome outcome_of(const JointModel<>& model, const TrainReport& report) {
  Outcome outcome{values_of(model), {}, {}, report.best_epoch, report.steps};
  for (const auto& epoch : report.history) {
    outcome.losses.push_back(epoch.loss);
    // NaN is not itself.
    outcome.metrics.push_back(std::isnan(epoch.metric) ? -1 : epoch.metric);
  }
  return outcome;
}

}  // namespace reclm_test
