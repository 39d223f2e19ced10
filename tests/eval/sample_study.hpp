#pragma once
// A made-up study, drawn from a seed, that has everything a report can show.

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "reclm/core/philox.hpp"
#include "reclm/eval/report_input.hpp"

namespace reclm::test {

/// A metric whose users' values are 0, 1/4, … 1 around `level`.
inline MetricResult sample_metric(const std::string& name, double level, std::uint32_t salt, std::uint64_t seed,
                                  const std::shared_ptr<const std::vector<Id>>& users) {
  MetricResult metric{name, 0, {}, users};
  const Random taste(77, Stream::world);
  const Random luck(seed, Stream::world, salt);
  for (const Id user : *users) {
    // Most of a user's luck is shared by all models, as it is in real tables.
    const float draw =
        0.8f * taste.uniform(static_cast<std::uint64_t>(user)) + 0.2f * luck.uniform(static_cast<std::uint64_t>(user));
    const double odds = level / (level + 1.2 * static_cast<double>(draw) * static_cast<double>(draw));
    metric.per_user.push_back(odds > 0.5 ? 1.0f : odds > 0.25 ? 0.5f : odds > 0.16 ? 0.25f : 0.0f);
  }
  metric.mean = mean_of(metric.per_user);
  return metric;
}

inline SettingResult sample_result(Setting setting, double level, double cold, std::uint32_t salt, std::uint64_t seed,
                                   Id user_count) {
  auto all = std::make_shared<std::vector<Id>>();
  for (Id user = 0; user < user_count; ++user) all->push_back(user);
  const std::shared_ptr<const std::vector<Id>> users = all;
  SettingResult result{setting, user_count, setting == Setting::zero_shot ? 120 : 800, {}};
  const double main = setting == Setting::zero_shot ? cold : level;
  for (const char* cutoff : {"@20", "@40"}) {
    const double wider = cutoff[1] == '4' ? 1.5 : 1.0;
    const auto add = [&](const std::string& name, double at) {
      result.metrics.push_back(sample_metric(name + cutoff, at * wider, salt, seed, users));
      return result.metrics.back().mean;
    };
    add("recall", main);
    add("ndcg", main * 0.5);
    if (setting == Setting::generalised_zero_shot) {
      const double warm_recall = add("warm_recall", level * 0.9);
      const double cold_recall = add("cold_recall", cold * 0.3);
      const std::string name = std::string("h_recall") + cutoff;
      result.metrics.push_back({name, harmonic_mean(warm_recall, cold_recall), {}, nullptr});
    }
    result.metrics.push_back({std::string("coverage") + cutoff, 0.2 + level * wider, {}, nullptr});
    result.metrics.push_back({std::string("gini") + cutoff, 0.9 - level * wider, {}, nullptr});
    result.metrics.push_back({std::string("novelty") + cutoff, 6.1 + 3 * level, {}, nullptr});
  }
  return result;
}

struct SampleOptions {
  std::string dataset = "world";
  int seeds = 3;
  Id users = 400;
  std::vector<Setting> settings{Setting::full_shot, Setting::zero_shot, Setting::generalised_zero_shot};
};

inline void add_sample(ReportInput& input, const SampleOptions& options = {}) {
  struct Row {
    const char* model;
    const char* adapter;
    double level, cold;
  };
  const std::vector<Row> rows{{"Random", "", .004, .02},
                              {"Popularity", "", .030, .012},
                              {"Content-kNN", "", .018, .060},
                              {"BiasMF", "Base", .026, .030},
                              {"BiasMF", "RecLM", .036, .052},
                              {"BiasMF", "RecLM (placebo)", .027, .026},
                              {"LightGCN", "Base", .034, .035},
                              {"LightGCN", "ID", .040, .012},
                              {"LightGCN", "RecLM", .047, .071},
                              {"LightGCN", "RecLM (placebo)", .045, .024},
                              {"SimGCL", "Base", .038, .037},
                              {"SimGCL", "RecLM", .033, .040},
                              {"SimGCL", "RecLM (placebo)", .036, .030}};
  std::uint32_t salt = 0;
  for (const Row& row : rows) {
    ++salt;
    const bool baseline = row.adapter[0] == '\0';
    for (int s = 1; s <= (baseline ? 1 : options.seeds); ++s) {
      const auto seed = static_cast<std::uint64_t>(s);
      const RunKey run{row.model, row.adapter, options.dataset, seed};
      const double wobble = 1 + 0.08 * (static_cast<double>(Random(seed, Stream::world, salt).uniform(9)) - 0.5);
      for (const Setting setting : options.settings)
        input.cube.add(run, sample_result(setting, row.level * wobble, row.cold * wobble, salt, seed, options.users));
      if (baseline) continue;
      Curve curve{run, {"loss", {}, {}}, {"recall@20", {}, {}}, 30};
      for (int epoch = 1; epoch <= 50; ++epoch) {
        const double shape = 1 - std::exp(-epoch / 9.0);
        curve.loss.x.push_back(epoch);
        curve.loss.y.push_back(0.69 - 0.4 * shape * (1 + 4 * row.level) + 0.02 * wobble);
        if (epoch % 5 != 0) continue;
        curve.validation.x.push_back(epoch);
        curve.validation.y.push_back(row.level * 3 * wobble * shape * (1 - 0.004 * epoch));
      }
      input.curves.push_back(std::move(curve));
    }
  }
  DatasetFacts facts{options.dataset, options.users, 800, 9 * options.users, 400, 900, 300, {}};
  for (int item = 1; item <= 800; ++item) facts.item_clicks.push_back(static_cast<Index>(900 / item));
  input.datasets.push_back(std::move(facts));
}

inline ReportInput sample_study() {
  ReportInput input;
  input.title = "RecLM on the embedded world";
  input.comparisons.bootstrap.resamples = 200;
  add_sample(input);
  input.run = {"reclm bench --world --backbones BiasMF,LightGCN,SimGCL --seeds 3 --report report",
               RECLM_VERSION_STRING,
               "2026-01-31 12:00",
               "2 cores, 8 GB",
               2,
               41.5,
               {{"Selection", "best validation recall@20"}}};
  return input;
}

}  // namespace reclm::test
