/// Trains one backbone as bench/peers/cf/train.py does and writes the same JSON, for speed.py and parity.py.
///
///     peer_train --data DIR --backbone lightgcn --variant reclm --threads 1 --epochs 50 [--seed 1]
///                [--eval-at 10,20,50] [--out FILE]
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <map>
#include <sstream>
#include <string>

#include <nlohmann/json.hpp>

#include "reclm/align/make_vectors.hpp"
#include "reclm/backend/cpu.hpp"
#include "reclm/data/load.hpp"
#include "reclm/eval/protocol.hpp"
#include "reclm/model/make_backbone.hpp"
#include "reclm/model/trainer.hpp"

namespace {

using namespace reclm;

std::map<std::string, std::string> arguments(int argc, char** argv) {
  std::map<std::string, std::string> values{{"variant", "base"}, {"threads", "1"}, {"epochs", "1"},
                                            {"seed", "1"},       {"eval-at", ""},  {"out", ""}};
  for (int k = 1; k + 1 < argc; k += 2) values[std::string(argv[k]).substr(2)] = argv[k + 1];
  return values;
}

AdapterKind adapter_of(const std::string& variant) {
  return variant == "reclm" ? AdapterKind::reclm : variant == "id" ? AdapterKind::id : AdapterKind::base;
}

double peak_megabytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

nlohmann::json evaluation(const Dataset& data, JointModel<Cpu, float>& model) {
  const PairModel ranking = model.ranking();
  nlohmann::json result;
  const std::pair<const char*, Setting> settings[] = {{"full", Setting::full_shot}, {"zero", Setting::zero_shot}};
  for (const auto& [name, setting] : settings) {
    const SettingResult measured = evaluate(data, setting, ranking, {.metrics = {}, .catalogue = false});
    for (const char* metric : {"recall@20", "ndcg@20", "recall@40", "ndcg@40"})
      result[name][metric] = measured.mean(metric);
  }
  return result;
}

}  // namespace

int main(int argc, char** argv) try {
  auto options = arguments(argc, argv);
  const ThreadLimit limit(std::stoi(options["threads"]));
  const auto seed = static_cast<std::uint64_t>(std::stoull(options["seed"]));
  LoadOptions load;
  load.keep_timestamps = false;
  Dataset data = load_dataset(options["data"], load);
  const BackboneKind kind = parse_backbone(options["backbone"]);
  constexpr Index width = 32;
  const Initializer init(seed);
  JointModel<Cpu, float> model(
      options["backbone"],
      make_vectors<Cpu, float>(adapter_of(options["variant"]), data, width, default_id_start(kind), init),
      make_backbone<Cpu, float>(kind, data.train, width, init));

  std::vector<int> eval_at;
  std::istringstream list(options["eval-at"]);
  for (std::string epoch; std::getline(list, epoch, ',');) eval_at.push_back(std::stoi(epoch));
  nlohmann::json result = {{"engine", "reclm"},
                           {"backbone", options["backbone"]},
                           {"variant", options["variant"]},
                           {"seed", seed},
                           {"epoch_seconds", nlohmann::json::array()}};
  using Clock = std::chrono::steady_clock;
  auto start = Clock::now();
  const Evaluator<Cpu, float> evaluator = [&](JointModel<Cpu, float>& trained, int epoch) {
    result["epoch_seconds"].push_back(std::chrono::duration<double>(Clock::now() - start).count());
    if (std::find(eval_at.begin(), eval_at.end(), epoch) != eval_at.end())
      result["eval"][std::to_string(epoch)] = evaluation(data, trained);
    start = Clock::now();
    return 0.0;
  };
  TrainOptions training{.epochs = std::stoi(options["epochs"]), .seed = seed, .selection = Selection::last};
  training.l2 = default_l2(kind);
  const TrainReport report = train(model, data.train, training, evaluator);
  for (const EpochRecord& epoch : report.history) result["losses"].push_back(epoch.loss);
  result["peak_rss_mb"] = peak_megabytes();
  if (!options["out"].empty()) write_file(options["out"], result.dump(1));
  std::cout << result.dump() << std::endl;
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "peer_train: %s\n", e.what());
  return 1;
}
