#pragma once
// The rows of libtorch's matrix factorisation: torch_rows.cpp, or no_torch.cpp where the study is built without
// libtorch.
#include <cstdint>

namespace plugin_study {

class PluginStudy;

/// Finished, and trained together with profiles by each preset that factors allow (AlphaRec has no own vectors).
/// @throws ConfigError without libtorch
void torch_rows(PluginStudy& study, std::uint64_t seed);

}  // namespace plugin_study
