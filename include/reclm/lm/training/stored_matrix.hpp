#pragma once
/// @file stored_matrix.hpp
/// Frozen weights as training reads them: kept as their file has them, or rounded to bf16, and decoded a tile at a
/// time, for products in float32 or in bf16.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "reclm/backend/cpu.hpp"
#include "reclm/backend/cpu/bf16_product.hpp"
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
  /// @param bf16_products  on the CPU both operands of products are rounded to bf16, where cpu::bf16_products()
  explicit StoredMatrix(StoredTensor stored, bool bf16_products = false) : stored_(std::move(stored)) {
    in_memory_ = kFloats && readable_as<float>(StorageType::f32);
    bf16_products_ = kFloats && bf16_products && cpu::bf16_products();
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

  void times_transposed(const T* x, Index n, T* y) const override {
    if constexpr (kFloats)
      if (bf16_products_) {
        const auto panel = [&](Index p, Index k, Index depth, std::uint16_t* to) { row_panel(p, k, depth, to); };
        const cpu::Bf16Rows rounded(x, cols(), n, cols());
        return cpu::bf16_product(rounded, cpu::bf16_source(panel), rows(), cols(), y, rows(), false);
      }
    ConstantMatrix<B, T>::times_transposed(x, n, y);
  }

  void times(const T* x, Index n, T beta, T* y) const override {
    if constexpr (kFloats)
      if (bf16_products_) return rounded_times(x, n, beta, y);
    ConstantMatrix<B, T>::times(x, n, beta, y);
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
  static constexpr bool kFloats = !B::on_device && std::is_same_v<T, float>;

  template <class Number>
  [[nodiscard]] bool readable_as(StorageType type) const {
    return stored_.type == type && reinterpret_cast<std::uintptr_t>(stored_.bytes.data()) % alignof(Number) == 0;
  }
  [[nodiscard]] const std::uint16_t* halves() const {
    return reinterpret_cast<const std::uint16_t*>(stored_.bytes.data());
  }

  // Rows 32 p … of W, columns [k, k + depth), as a panel of bf16 products.
  void row_panel(Index p, Index k, Index depth, std::uint16_t* to) const {
    const Index first = p * cpu::kBf16Panel, count = std::min(cpu::kBf16Panel, rows() - first);
    if (readable_as<std::uint16_t>(StorageType::bf16))
      return cpu::pack_rows_to_bf16(halves() + first * cols() + k, cols(), count, depth, to);
    std::vector<float> values(static_cast<std::size_t>(count * depth));
    const auto at = static_cast<std::size_t>(row_bytes(stored_.type, k)),
               bytes = static_cast<std::size_t>(row_bytes(stored_.type, depth)),
               step = static_cast<std::size_t>(row_bytes(stored_.type, cols()));
    for (Index r = 0; r < count; ++r)
      dequantise_row(stored_.type, stored_.bytes.subspan(static_cast<std::size_t>(first + r) * step + at, bytes),
                     std::span(values).subspan(static_cast<std::size_t>(r * depth), static_cast<std::size_t>(depth)));
    cpu::pack_rows_to_bf16(values.data(), depth, count, depth, to);
  }

  // y = beta · y + x · W in bf16, some rows of W at a time, so that little of x stands rounded in memory.
  void rounded_times(const float* x, Index n, float beta, float* y) const {
    if (beta != 0.0f && beta != 1.0f)
      for (Index i = 0; i < n * cols(); ++i) y[i] *= beta;
    const auto add = [&](Index first, Index count, const auto* tile) {
      const auto panel = [&](Index p, Index k, Index depth, std::uint16_t* to) {
        const Index column = p * cpu::kBf16Panel;
        cpu::pack_columns_to_bf16(tile + k * cols() + column, cols(), std::min(cpu::kBf16Panel, cols() - column), depth,
                                  to);
      };
      const cpu::Bf16Rows rounded(x + first, rows(), n, count);
      cpu::bf16_product(rounded, cpu::bf16_source(panel), cols(), count, y, cols(), beta != 0.0f || first > 0);
    };
    if (!readable_as<std::uint16_t>(StorageType::bf16)) return this->for_tiles(add);
    for (Index first = 0; first < rows(); first += cpu::kBf16Block)
      add(first, std::min(cpu::kBf16Block, rows() - first), halves() + first * cols());
  }

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
  bool in_memory_, bf16_products_;
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
