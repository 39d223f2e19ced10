#pragma once
/// @file stored_matrix.hpp
/// Frozen weights as training reads them: kept as their file has them, or rounded to bf16, and decoded a tile at a
/// time.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "reclm/backend/cpu.hpp"
#include "reclm/core/half.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/lm/stored_tensor.hpp"
#include "reclm/lm/weights/block_formats.hpp"
#include "reclm/tensor/constant_matrix.hpp"

namespace reclm::lm {

/// A stored tensor as a constant matrix. float32 on the CPU is read in place, everything else a tile of rows at a time.
template <class B, class T>
class StoredMatrix final : public ConstantMatrix<B, T> {
 public:
  explicit StoredMatrix(StoredTensor stored) : stored_(std::move(stored)) {
    in_memory_ = !B::on_device && std::is_same_v<T, float> && stored_.type == StorageType::f32 &&
                 reinterpret_cast<std::uintptr_t>(stored_.bytes.data()) % alignof(float) == 0;
  }

  [[nodiscard]] Index rows() const override { return stored_.rows; }
  [[nodiscard]] Index cols() const override { return stored_.cols; }
  [[nodiscard]] bool in_memory() const override { return in_memory_; }
  /// About 4 MiB of floats: the second operand of a product, small beside what the step keeps.
  [[nodiscard]] Index tile_rows() const override {
    if (in_memory_) return std::max<Index>(1, stored_.rows);
    return std::clamp<Index>((Index{1} << 20) / std::max<Index>(1, stored_.cols), 1, std::max<Index>(1, stored_.rows));
  }

  const T* read(Index first, Index count, T* buffer) const override {
    if constexpr (std::is_same_v<T, float>)
      if (in_memory_) return reinterpret_cast<const float*>(stored_.bytes.data()) + first * stored_.cols;
    if constexpr (B::on_device) {
      std::vector<T> host(static_cast<std::size_t>(count * stored_.cols));
      decode(first, count, host.data());
      B::from_host(buffer, host.data(), count * stored_.cols);
    } else {
      decode(first, count, buffer);
    }
    return buffer;
  }

  /// Row `row` as floats, on the host.
  void row(Index row, std::span<float> out) const {
    const auto width = static_cast<std::size_t>(row_bytes(stored_.type, stored_.cols));
    dequantise_row(stored_.type, stored_.bytes.subspan(static_cast<std::size_t>(row) * width, width), out);
  }

  /// out[k, :] = row ids[k], on the host.
  void gather(std::span<const Id> ids, T* out) const {
    parallel_for(static_cast<Index>(ids.size()), 16,
                 [&](Index k) { decode_row(ids[static_cast<std::size_t>(k)], out + k * stored_.cols); });
  }

 private:
  void decode(Index first, Index count, T* out) const {
    parallel_for(count, 16, [&](Index r) { decode_row(first + r, out + r * stored_.cols); });
  }

  void decode_row(Index at, T* out) const {
    const auto numbers = static_cast<std::size_t>(stored_.cols);
    if constexpr (std::is_same_v<T, float>) {
      row(at, std::span(out, numbers));
    } else {
      std::vector<float> values(numbers);
      row(at, values);
      std::copy(values.begin(), values.end(), out);
    }
  }

  StoredTensor stored_;
  bool in_memory_;
};

/// The same numbers as float32.
inline StoredTensor decoded(const StoredTensor& tensor) {
  if (tensor.type == StorageType::f32) return tensor;
  const auto owner = std::make_shared<Matrix<float>>(tensor.rows, tensor.cols);
  const StoredMatrix<Cpu, float> source(tensor);
  parallel_for(tensor.rows, 16, [&](Index row) { source.row(row, owner->row(row)); });
  const std::span<const float> values(owner->data(), static_cast<std::size_t>(owner->size()));
  return {StorageType::f32, tensor.rows, tensor.cols, std::as_bytes(values), owner};
}

/// The nearest bf16 of every number, ties to even: half the memory of float32.
inline StoredTensor rounded_to_bf16(const StoredTensor& tensor) {
  if (tensor.type == StorageType::bf16) return tensor;
  const auto numbers = static_cast<std::size_t>(tensor.rows * tensor.cols);
  const auto owner = std::make_shared<std::vector<std::uint16_t>>(numbers);
  const StoredMatrix<Cpu, float> source(tensor);
  parallel_for(tensor.rows, 16, [&](Index row) {
    std::vector<float> values(static_cast<std::size_t>(tensor.cols));
    source.row(row, values);
    for (Index c = 0; c < tensor.cols; ++c)
      (*owner)[static_cast<std::size_t>(row * tensor.cols + c)] = to_bfloat16(values[static_cast<std::size_t>(c)]);
  });
  return {StorageType::bf16, tensor.rows, tensor.cols, std::as_bytes(std::span(*owner)), owner};
}

}  // namespace reclm::lm
