#pragma once
/// Small decoders with torch's losses and gradients: fixtures/training.safetensors, made by make_training_fixture.py.

#include <filesystem>
#include <string>
#include <vector>

#include "reclm/data/safetensors.hpp"
#include "reclm/lm/memory_weights.hpp"
#include "reclm/lm/training/packed_batch.hpp"

namespace reclm_test {

struct TrainingFixture {
  reclm::SafetensorsFile file = reclm::SafetensorsFile::open(std::filesystem::path(RECLM_SOURCE_DIR) / "tests" /
                                                             "fixtures" / "training.safetensors");
  double divisor = 5;

  [[nodiscard]] std::vector<reclm::lm::TrainingSample> samples() const {
    const auto tokens = file.vector<reclm::lm::TokenId>("tokens");
    const auto learn = file.vector<std::uint8_t>("learn");
    std::vector<reclm::lm::TrainingSample> result;
    std::size_t at = 0;
    for (const int length : file.vector<int>("lengths")) {
      const auto end = at + static_cast<std::size_t>(length);
      result.push_back(
          {{tokens.begin() + static_cast<std::ptrdiff_t>(at), tokens.begin() + static_cast<std::ptrdiff_t>(end)},
           {learn.begin() + static_cast<std::ptrdiff_t>(at), learn.begin() + static_cast<std::ptrdiff_t>(end)}});
      at = end;
    }
    return result;
  }

  /// @param name  "llama" (tied embeddings) or "qwen2" (biases, a head of its own)
  [[nodiscard]] reclm::lm::MemoryWeights weights(const std::string& name) const {
    const bool qwen = name == "qwen2";
    reclm::lm::ModelConfig config;
    config.architecture = qwen ? reclm::lm::Architecture::qwen2 : reclm::lm::Architecture::llama;
    config.vocabulary = 48;
    config.width = 16;
    config.layers = 2;
    config.heads = 4;
    config.kv_heads = 2;
    config.head_width = 4;
    config.inner_width = 24;
    config.context = 64;
    config.rope_theta = qwen ? 500 : 10000;
    config.tied_embeddings = !qwen;
    config.qkv_bias = qwen;
    reclm::lm::MemoryWeights weights(config);
    const std::string prefix = name + ".w.";
    for (const std::string& tensor : file.names())
      if (tensor.starts_with(prefix)) weights.put(tensor.substr(prefix.size()), file.matrix<float>(tensor));
    return weights;
  }
};

}  // namespace reclm_test
