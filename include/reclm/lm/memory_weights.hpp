#pragma once
/// @file memory_weights.hpp
/// A model's weights in memory: what training makes, and a start from nothing.

#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/core/error.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/lm/stored_tensor.hpp"
#include "reclm/lm/weights/expected_tensors.hpp"

namespace reclm::lm {

/// Weights by name. Copying a tensor shares its memory.
class MemoryWeights final : public WeightSource {
 public:
  explicit MemoryWeights(ModelConfig config) : config_(std::move(config)) {}
  MemoryWeights(const MemoryWeights& other) : WeightSource(), config_(other.config_), tensors_(other.tensors_) {}
  MemoryWeights(MemoryWeights&& other) noexcept
      : config_(std::move(other.config_)), tensors_(std::move(other.tensors_)) {}
  MemoryWeights& operator=(const MemoryWeights&) = delete;
  ~MemoryWeights() override = default;

  [[nodiscard]] const ModelConfig& config() const override { return config_; }
  [[nodiscard]] bool contains(std::string_view name) const override { return tensors_.contains(std::string(name)); }
  [[nodiscard]] StoredTensor get(std::string_view name) const override {
    const auto found = tensors_.find(std::string(name));
    if (found == tensors_.end())
      throw DataError("the model in memory", 0, "there is no weight \"" + std::string(name) + "\"",
                      "check the model's architecture");
    return found->second;
  }
  [[nodiscard]] std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, tensor] : tensors_) names.push_back(name);
    return names;
  }

  /// Takes a weight of that name in, or another in its place.
  void put(std::string name, StoredTensor tensor) { tensors_[std::move(name)] = std::move(tensor); }
  void put(std::string name, Matrix<float> values) {
    const auto owner = std::make_shared<const Matrix<float>>(std::move(values));
    const auto bytes = std::as_bytes(std::span(owner->data(), static_cast<std::size_t>(owner->size())));
    put(std::move(name), StoredTensor{StorageType::f32, owner->rows(), owner->cols(), bytes, owner});
  }

 private:
  ModelConfig config_;
  std::map<std::string, StoredTensor> tensors_;
};

/// Start values of a decoder: norms 1, biases 0, matrices normal with a deviation of `spread`, those that end a layer's
/// branches divided by √(2 · layers) (Radford et al., 2019). The same numbers for the same seed, whatever the number of
/// threads.
inline MemoryWeights random_weights(const ModelConfig& config, std::uint64_t seed, double spread = 0.02) {
  MemoryWeights weights(config);
  std::uint32_t number = 0;
  for (const ExpectedTensor& expected : expected_tensors(config)) {
    const Random random(seed, Stream::init, number++);
    Matrix<float> values(expected.rows, expected.cols);
    const std::string_view name = expected.name;
    if (name.ends_with("norm.weight") || name.ends_with("LayerNorm.weight")) {
      values = Matrix<float>(expected.rows, expected.cols, 1.0f);
    } else if (!name.ends_with(".bias")) {
      const bool ends_branch = name.ends_with("o_proj.weight") || name.ends_with("down_proj.weight");
      const double deviation = spread / (ends_branch ? std::sqrt(2.0 * static_cast<double>(config.layers)) : 1.0);
      // Box and Muller: two uniform numbers, two normal ones.
      for (Index k = 0; k < values.size(); k += 2) {
        const auto at = static_cast<std::uint64_t>(k);
        const double radius = std::sqrt(-2 * std::log(1.0 - static_cast<double>(random.uniform(at))));
        const double angle = 6.283185307179586 * static_cast<double>(random.uniform(at + 1));
        values.data()[k] = static_cast<float>(deviation * radius * std::cos(angle));
        if (k + 1 < values.size()) values.data()[k + 1] = static_cast<float>(deviation * radius * std::sin(angle));
      }
    }
    weights.put(expected.name, std::move(values));
  }
  return weights;
}

}  // namespace reclm::lm
