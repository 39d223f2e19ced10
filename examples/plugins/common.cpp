#include "common.hpp"

#include <cstdio>

#include "reclm/data/load.hpp"
#include "reclm/data/splits.hpp"
#include "reclm/data/world.hpp"
#include "reclm/eval/protocol.hpp"

namespace example {

reclm::Dataset data_of(int argc, char** argv) {
  reclm::Dataset data =
      argc > 1 ? reclm::load_dataset(argv[1]) : reclm::make_world({.users = 1000, .items = 800}).dataset;
  if (data.valid.empty()) reclm::carve_validation(data, {.by_time = !data.train_values.timestamps.empty()});
  return data;
}

int compare(const reclm::Dataset& data, const char* name, const Ranking& alone, const Ranking& enhanced) {
  struct Row {
    double full, warm, cold;
  };
  const auto measure = [&](const char* what, const Ranking& ranking) {
    const auto full = reclm::evaluate(data, reclm::Setting::full_shot, ranking);
    const auto joint = reclm::evaluate(data, reclm::Setting::generalised_zero_shot, ranking);
    const Row row{full.mean("recall@20"), joint.mean("warm_recall@20"), joint.mean("cold_recall@20")};
    std::printf("%-12s %-10s %9.3f %9.3f %9.3f\n", name, what, row.full, row.warm, row.cold);
    return row;
  };
  std::printf("%-12s %-10s %9s %9s %9s   Recall@20; seen and unseen targets in one list of all items\n", "", "",
              "full-shot", "seen", "unseen");
  const Row before = measure("alone", alone), after = measure("enhanced", enhanced);
  return after.cold > before.cold && after.full > 0.97 * before.full ? 0 : 1;
}

}  // namespace example
