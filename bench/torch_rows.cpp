#include "torch_rows.hpp"

#include <string>

#include "plugin_rows.hpp"
#include "torch_mf.hpp"

namespace plugin_study {

void torch_rows(PluginStudy& study, std::uint64_t seed) {
  const std::string name = "libtorch MF";
  const auto make = [](const Interactions& train, std::uint64_t of) { return TorchMf(train, of); };
  study.epoch_trained(name, seed, train_torch_mf);
  study.joint<presets::RecLM>(name, "RecLM", seed, make);
  study.joint<presets::RlmRecCon>(name, "RLMRec-Con", seed, make);
  study.joint<presets::RlmRecGen>(name, "RLMRec-Gen", seed, make);
  study.joint<presets::Kar>(name, "KAR", seed, make);
}

}  // namespace plugin_study
