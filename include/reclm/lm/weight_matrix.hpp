#pragma once
/// @file weight_matrix.hpp
/// A linear layer's weights W [outputs, inputs] in memory, multiplied from there: Y = X · Wᵀ, sums in float32.
///
/// On the CPU they are kept as stored (float32, halves, or GGUF's blocks of 8, 6, 5 and 4 bits) or in a chosen
/// precision, repacked once for streaming. A row of Y has the same bits whatever rows stand beside it in X, and for any
/// number of threads. Other backends keep float32.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "reclm/backend/cpu.hpp"
#include "reclm/backend/kernels/rows.hpp"
#include "reclm/lm/detail/pack_panels.hpp"
#include "reclm/tensor/tensor.hpp"

namespace reclm::lm {

/// What weights are kept as: as their file has them, or converted when they are read (bf16 rounds).
enum class Precision { stored, f32, bf16 };

template <class B>
class WeightMatrix {
 public:
  WeightMatrix() = default;

  /// @param name  of the weight, for messages  @throws DataError when the bytes are not those of the shape
  WeightMatrix(const StoredTensor& stored, Precision, const std::string& name) {
    detail::check_stored(stored, name);
    Matrix<float> values(stored.rows, stored.cols);
    dequantise(stored, std::span<float>(values.data(), static_cast<std::size_t>(values.size())));
    values_ = Tensor<B, float>::from_host(values);
  }

  [[nodiscard]] Index outputs() const { return values_.rows(); }
  [[nodiscard]] Index inputs() const { return values_.cols(); }

  /// Y[rows, outputs] = X[rows, inputs] · Wᵀ (+ Y), in the backend's memory, rows contiguous.
  void multiply(const float* x, Index rows, float* y, bool accumulate = false) const {
    B::gemm(Op::none, Op::transpose, rows, outputs(), inputs(), 1.0f, x, inputs(), values_.data(), inputs(),
            accumulate ? 1.0f : 0.0f, y, outputs());
  }

  /// out[i, :] = W[ids[i], :], as an embedding reads it. `ids` is the host's.
  void gather(std::span<const Id> ids, float* out) const {
    const auto device_ids = upload<B>(ids);
    B::for_rows(static_cast<Index>(ids.size()), inputs(),
                kernels::Gather<float>{values_.data(), device_ids.get(), out, inputs()});
  }

 private:
  Tensor<B, float> values_;
};

template <>
class WeightMatrix<Cpu> {
 public:
  WeightMatrix() = default;

  WeightMatrix(const StoredTensor& stored, Precision precision, const std::string& name)
      : outputs_(stored.rows), inputs_(stored.cols) {
    detail::check_stored(stored, name);
    kind_ = detail::panel_kind(stored.type);
    if (precision == Precision::f32) kind_ = detail::PanelKind::f32;
    if (precision == Precision::bf16) kind_ = detail::PanelKind::bf16;
    detail::with_format(kind_, [&](auto format) {
      const Index bytes = cpu::panel_bytes<decltype(format)>(inputs_), panels = chunk_count(outputs_, cpu::kPanelWidth);
      panels_ = Cpu::allocate<std::byte>(panels * bytes);
      parallel_for(panels, 4, [&](Index p) {
        const Index first = p * cpu::kPanelWidth;
        detail::pack_panel(format, stored, first, std::min(cpu::kPanelWidth, outputs_ - first),
                           panels_.get() + p * bytes);
      });
    });
  }

  [[nodiscard]] Index outputs() const { return outputs_; }
  [[nodiscard]] Index inputs() const { return inputs_; }

  void multiply(const float* x, Index rows, float* y, bool accumulate = false) const {
    detail::with_format(kind_, [&](auto format) {
      cpu::panel_product<decltype(format)>(panels_.get(), outputs_, inputs_, x, inputs_, rows, y, outputs_, accumulate);
    });
  }

  void gather(std::span<const Id> ids, float* out) const {
    constexpr Index width = cpu::kPanelWidth, block = cpu::kDepthBlock;
    detail::with_format(kind_, [&](auto format) {
      using Format = decltype(format);
      parallel_for(static_cast<Index>(ids.size()), 8, [&](Index i) {
        alignas(kAlignment) float decoded[block * width];
        const Index row = ids[static_cast<std::size_t>(i)];
        const std::byte* const panel = panels_.get() + row / width * cpu::panel_bytes<Format>(inputs_);
        for (Index k = 0; k < inputs_; k += block) {
          const Index depth = std::min(block, inputs_ - k);
          cpu::decode_panel<Format>(panel + k / Format::kGroup * Format::kGroupBytes, depth, decoded);
          for (Index j = 0; j < depth; ++j) out[i * inputs_ + k + j] = decoded[j * width + row % width];
        }
      });
    });
  }

 private:
  Index outputs_ = 0, inputs_ = 0;
  detail::PanelKind kind_ = detail::PanelKind::f32;
  std::shared_ptr<std::byte> panels_;
};

}  // namespace reclm::lm
