#include "reclm/core/error.hpp"
#include "torch_rows.hpp"

namespace plugin_study {

void torch_rows(PluginStudy&, std::uint64_t) {
  throw reclm::ConfigError("this program was built without libtorch (Debian: libtorch-dev)");
}

}  // namespace plugin_study
