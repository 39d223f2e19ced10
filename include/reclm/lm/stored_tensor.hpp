#pragma once
/// @file stored_tensor.hpp
/// A weight as its file holds it, quantised or not, and where weights come from.

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/lm/model_config.hpp"

namespace reclm::lm {

/// Element formats of stored weights. The block formats are GGUF's: 32 (Q*_0, Q*_1) or 256 (Q*_K) numbers a block,
/// blocks along the last dimension.
enum class StorageType { f32, f16, bf16, q8_0, q4_0, q4_1, q4_k, q5_k, q6_k, q5_0, q5_1 };

/// Whether a type is one of the block formats.
constexpr bool is_blocks(StorageType type) {
  return type != StorageType::f32 && type != StorageType::f16 && type != StorageType::bf16;
}

/// Row-major bytes of [rows, cols] (a vector is one row); `owner` keeps them alive (a mapped file, or a copy).
struct StoredTensor {
  StorageType type = StorageType::f32;
  Index rows = 0, cols = 0;
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
};

/// A model's weights by Hugging Face's names ("model.layers.0.self_attn.q_proj.weight", "encoder.layer.0.…"), whatever
/// the file calls them and however it orders the rows of q and k: rotary halves are as in Hugging Face files.
class WeightSource {
 public:
  WeightSource() = default;
  WeightSource(const WeightSource&) = delete;
  WeightSource& operator=(const WeightSource&) = delete;
  virtual ~WeightSource() = default;
  [[nodiscard]] virtual const ModelConfig& config() const = 0;
  [[nodiscard]] virtual bool contains(std::string_view name) const = 0;
  /// @throws DataError when there is none of that name
  [[nodiscard]] virtual StoredTensor get(std::string_view name) const = 0;
  [[nodiscard]] virtual std::vector<std::string> names() const = 0;
};

}  // namespace reclm::lm
