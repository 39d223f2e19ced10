// Finished models alone and enhanced by `adapt`, beside closed forms, baselines and placebos.
//   plugin_study DATA_FOLDER|world OUT [seeds=3] [models=ease,ials,als,bpr,biasmf,ncf,lightgcn,sgl,simgcl,torch] [time]
//   plugin_study DATA_FOLDER|world OUT SEEDS clicks [time]
//
// For each seed a validation split is carved out of train, each user's latest clicks with `time`, else random ones;
// models are fitted without it, the adapter chooses on it, and model and adapter are fitted once more on all of train
// with what was chosen. als and bpr are factors of the Python library implicit: the second form writes what they are
// trained on to OUT/clicks/part-SEED and OUT/clicks/whole-SEED, examples/plugins/fit_implicit.py FOLDER SEED trains
// them there. The backbones have ID tables and know nothing but clicks; torch is a matrix factorisation in libtorch,
// which presets also train together with profiles. Finished rows are kept in OUT/runs and not run again, so a long
// table can be made in pieces; OUT/report.md is the table, OUT/calibration_*.svg show what the knob between seen and
// unseen items does.
#include <cstdio>
#include <exception>
#include <sstream>
#include <string>

#include "plugin_models.hpp"
#include "plugin_rows.hpp"
#include "reclm/core/error.hpp"
#include "reclm/data/load.hpp"
#include "reclm/data/world.hpp"
#include "torch_rows.hpp"

using namespace reclm;
using namespace plugin_study;

namespace {

int run(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: plugin_study DATA_FOLDER|world OUT [seeds] [ease,ials,als,bpr,torch,biasmf,… | clicks] [time]\n",
               stderr);
    return 2;
  }
  const std::string source = argv[1], names = argc > 4 ? argv[4] : "ease,ials";
  const std::uint64_t seeds = argc > 3 ? std::stoull(argv[3]) : 3;
  const bool by_time = argc > 5 && std::string(argv[5]) == "time";
  if (argc > 5 && !by_time)
    throw ConfigError("the fifth argument can be 'time' only, not '" + std::string(argv[5]) + "'");
  PluginStudy study(source == "world" ? make_world().dataset : load_dataset(source), argv[2], by_time);
  if (names == "clicks") {
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) study.write_clicks(seed);
    return 0;
  }
  study.baselines(seeds);
  std::istringstream list(names);
  for (std::string name; std::getline(list, name, ',');)
    for (std::uint64_t seed = 1; seed <= seeds; ++seed)
      if (name == "ease")
        study.model("EASE", seed, [](const Interactions& train, std::uint64_t) { return Ease(train); });
      else if (name == "ials")
        study.model("iALS", seed, ials);
      else if (name == "als" || name == "bpr")
        study.factors("implicit " + name, name, seed);
      else if (name == "torch")
        torch_rows(study, seed);
      else {
        const BackboneKind kind = parse_backbone(name);
        study.epoch_trained(std::string(backbone_name(kind)) + " ID", seed,
                            [kind](const Dataset& data, std::uint64_t of, int epochs) {
                              return train_backbone(kind, data, of, epochs);
                            });
      }
  std::string command;
  for (int k = 0; k < argc; ++k) command += (k > 0 ? " " : "") + std::string(argv[k]);
  study.publish(command);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "plugin_study: %s\n", error.what());
    return 1;
  }
}
