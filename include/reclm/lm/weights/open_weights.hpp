#pragma once
/// @file open_weights.hpp
/// Weights from whatever a path holds.

#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "reclm/core/error.hpp"
#include "reclm/lm/stored_tensor.hpp"
#include "reclm/lm/weights/gguf_weights.hpp"
#include "reclm/lm/weights/hf_folder.hpp"

namespace reclm::lm {

/// The .gguf file that `path` means: itself, or the only one of a folder without config.json; else an empty path.
inline std::filesystem::path gguf_of(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) return path;
  if (std::filesystem::exists(path / "config.json")) return {};
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(path))
    if (entry.path().extension() == ".gguf") found.push_back(entry.path());
  if (found.size() > 1)
    throw DataError(path.string(), 0, "the folder has " + std::to_string(found.size()) + " .gguf files",
                    "name one of them");
  return found.empty() ? std::filesystem::path() : found.front();
}

/// Opens a GGUF file, a folder with one, or a Hugging Face folder. Nothing is read beyond headers.
/// @throws IoError, DataError
inline std::unique_ptr<WeightSource> open_weights(const std::filesystem::path& path) {
  if (const auto gguf = gguf_of(path); !gguf.empty()) return std::make_unique<GgufWeights>(gguf);
  return std::make_unique<HfFolder>(path);
}

}  // namespace reclm::lm
