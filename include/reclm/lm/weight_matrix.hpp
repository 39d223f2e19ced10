#pragma once
/// @file weight_matrix.hpp
/// A linear layer's weights W [outputs, inputs] in memory, multiplied from there: Y = X · Wᵀ, sums in float32.
///
/// On the CPU they are kept as stored (float32, halves, or GGUF's blocks of 8, 6, 5 and 4 bits) or in a chosen
/// precision, repacked once for streaming, and multiplied in float32 or, where asked for, in bf16. A row of Y has the
/// same bits whatever rows stand beside it in X, and for any number of threads. Other backends keep float32.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "reclm/backend/cpu.hpp"
#include "reclm/backend/cpu/bf16_product.hpp"
#include "reclm/backend/cpu/weight_memory.hpp"
#include "reclm/backend/kernels/elementwise.hpp"
#include "reclm/backend/kernels/rows.hpp"
#include "reclm/lm/detail/pack_panels.hpp"
#include "reclm/tensor/tensor.hpp"

namespace reclm::lm {

/// What weights are kept as, as their file has them or converted when they are read (bf16 rounds), and how the CPU
/// multiplies them: `stored` and `f32` in float32, `bf16` and `stored_bf16` by bf16 products with sums in float32 where
/// there are such (cpu::bf16_products()), else in float32 too. A few times as fast for many rows, at about three
/// decimals. `automatic` is `stored_bf16` for blocks, whose own rounding is coarser than bf16's by far, and `stored`
/// for everything else.
enum class Precision { automatic, stored, f32, bf16, stored_bf16 };

/// What `automatic` is for weights of that type; every other precision is itself.
constexpr Precision chosen_precision(Precision precision, StorageType type) {
  if (precision != Precision::automatic) return precision;
  return is_blocks(type) ? Precision::stored_bf16 : Precision::stored;
}

/// What one or several layers read: X [rows, width] in the backend's memory, rounded once for all that multiply in
/// bf16.
class LayerInput {
 public:
  /// @param exact  float32 products, whatever the layers' precision
  LayerInput(const float* x, Index rows, Index width, bool exact = false)
      : x_(x), rows_(rows), width_(width), exact_(exact) {}
  /// Rows that are rounded already; only bf16 products read them.
  explicit LayerInput(cpu::Bf16Rows rounded, Index width)
      : x_(nullptr), rows_(rounded.rows()), width_(width), exact_(false), rounded_(std::move(rounded)) {}
  [[nodiscard]] bool exact() const { return exact_; }
  [[nodiscard]] const float* data() const { return x_; }
  [[nodiscard]] Index rows() const { return rows_; }
  [[nodiscard]] const cpu::Bf16Rows& rounded() const {
    if (!rounded_) rounded_.emplace(x_, width_, rows_, width_);
    return *rounded_;
  }

 private:
  const float* x_;
  Index rows_, width_;
  bool exact_;
  mutable std::optional<cpu::Bf16Rows> rounded_;
};

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
  /// Whether products round X, unless it is exact.
  [[nodiscard]] static constexpr bool bf16_products() { return false; }

  /// Y[rows, outputs] = X[rows, inputs] · Wᵀ (+ Y) (+ bias, `outputs` numbers or null), in the backend's memory, rows
  /// contiguous.
  void multiply(const LayerInput& x, float* y, bool accumulate = false, const float* bias = nullptr) const {
    B::gemm(Op::none, Op::transpose, x.rows(), outputs(), inputs(), 1.0f, x.data(), inputs(), values_.data(), inputs(),
            accumulate ? 1.0f : 0.0f, y, outputs());
    if (bias != nullptr) B::for_rows(x.rows(), outputs(), kernels::BiasActivation<float>{bias, false, y, outputs()});
  }
  void multiply(const float* x, Index rows, float* y, bool accumulate = false) const {
    multiply(LayerInput(x, rows, inputs()), y, accumulate);
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
    precision = chosen_precision(precision, stored.type);
    kind_ = detail::panel_kind(stored.type);
    if (precision == Precision::f32) kind_ = detail::PanelKind::f32;
    if (precision == Precision::bf16) kind_ = detail::PanelKind::bf16;
    bf16_products_ = (precision == Precision::bf16 || precision == Precision::stored_bf16) && cpu::bf16_products();
    pairs_ = bf16_products_ && kind_ == detail::PanelKind::bf16 && inputs_ % cpu::kBf16Depth == 0 &&
             cpu::kPanelWidth == cpu::kBf16Panel;
    if (pairs_)
      pack_pairs(stored);
    else
      pack(stored);
  }

  [[nodiscard]] Index outputs() const { return outputs_; }
  [[nodiscard]] Index inputs() const { return inputs_; }
  /// Whether products round X, unless it is exact.
  [[nodiscard]] bool bf16_products() const { return bf16_products_; }

  void multiply(const LayerInput& x, float* y, bool accumulate = false, const float* bias = nullptr) const {
    const bool exact = !bf16_products_ || x.exact();
    const float* const first = accumulate ? nullptr : bias;  // what exact sums begin with
    if (!exact) {
      with_source([&](const cpu::Bf16Source& w) {
        cpu::bf16_product(x.rounded(), w, outputs_, inputs_, y, outputs_, accumulate, bias);
      });
    } else if (pairs_) {
      multiply_pairs(x, y, accumulate, first);
    } else {
      detail::with_format(kind_, [&](auto format) {
        cpu::panel_product<decltype(format)>(panels_.get(), outputs_, inputs_, x.data(), inputs_, x.rows(), y, outputs_,
                                             accumulate, first);
      });
    }
    if (exact && bias != first)
      Cpu::for_rows(x.rows(), outputs_, kernels::BiasActivation<float>{bias, false, y, outputs_});
  }
  void multiply(const float* x, Index rows, float* y, bool accumulate = false) const {
    multiply(LayerInput(x, rows, inputs_), y, accumulate);
  }

  /// gelu(X · Wᵀ + bias) rounded, where products round X and `fuses_gelu()`.
  [[nodiscard]] cpu::Bf16Rows multiply_gelu(const LayerInput& x, const float* bias) const {
    std::optional<cpu::Bf16Rows> y;
    with_source([&](const cpu::Bf16Source& w) { y.emplace(cpu::bf16_gelu(x.rounded(), w, outputs_, inputs_, bias)); });
    return *std::move(y);
  }
  [[nodiscard]] bool fuses_gelu() const { return bf16_products_ && inputs_ <= cpu::kBf16GeluCols; }

  void gather(std::span<const Id> ids, float* out) const {
    constexpr Index width = cpu::kPanelWidth, block = cpu::kDepthBlock;
    if (pairs_) {
      parallel_for(static_cast<Index>(ids.size()), 8, [&](Index i) {
        for (Index begin = 0; begin < inputs_; begin += cpu::kBf16Block) {
          const std::uint16_t* const from = pair_numbers() + pair_at(ids[static_cast<std::size_t>(i)], begin);
          for (Index k = 0; k < std::min(cpu::kBf16Block, inputs_ - begin); ++k)
            out[i * inputs_ + begin + k] = from_bfloat16(from[k / 2 * 2 * cpu::kBf16Panel + k % 2]);
        }
      });
      return;
    }
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
  // body(the panels of bf16 products)
  template <class Body>
  void with_source(const Body& body) const {
    if (pairs_) return body(cpu::Bf16Source{pair_numbers()});
    detail::with_format(kind_, [&](auto format) {
      const auto make = [&](Index p, Index k, Index depth, std::uint16_t* to) {
        decode<decltype(format)>(p, k, depth, to);
      };
      body(cpu::bf16_source(make));
    });
  }

  // In float32.
  void multiply_pairs(const LayerInput& x, float* y, bool accumulate, const float* bias) const {
    for (Index k = 0; k < inputs_; k += cpu::kBf16Block)
      cpu::panel_product<cpu::panel::Bf16Pairs>(panels_.get() + 2 * k * padded_outputs(), outputs_,
                                                std::min(cpu::kBf16Block, inputs_ - k), x.data() + k, inputs_, x.rows(),
                                                y, outputs_, accumulate || k > 0, bias);
  }

  // Panel p of bf16 products, of the panels of this file's formats that stand there.
  template <class Format>
  void decode(Index p, Index k, Index depth, std::uint16_t* to) const {
    const Index bytes = cpu::panel_bytes<Format>(inputs_);
    for (Index row = 0; row < cpu::kBf16Panel; row += cpu::kPanelWidth) {
      const Index panel = (p * cpu::kBf16Panel + row) / cpu::kPanelWidth;
      const bool there = panel * cpu::kPanelWidth < outputs_;
      const std::byte* const from =
          panels_.get() + (there ? panel * bytes + k / Format::kGroup * Format::kGroupBytes : 0);
      cpu::decode_to_bf16<Format>(from, there ? depth : 0, cpu::bf16_depth(depth), to + 2 * row);
    }
  }

  [[nodiscard]] Index padded_outputs() const { return chunk_count(outputs_, cpu::kBf16Panel) * cpu::kBf16Panel; }
  [[nodiscard]] const std::uint16_t* pair_numbers() const {
    return reinterpret_cast<const std::uint16_t*>(panels_.get());
  }
  // Where the weight of an output and a column lies, as cpu::Bf16Source has it.
  [[nodiscard]] Index pair_at(Index output, Index column) const {
    const Index block = column / cpu::kBf16Block * cpu::kBf16Block, k = column - block;
    const Index depth = std::min(cpu::kBf16Block, cpu::bf16_depth(inputs_) - block);
    return block * padded_outputs() + output / cpu::kBf16Panel * depth * cpu::kBf16Panel + k / 2 * 2 * cpu::kBf16Panel +
           output % cpu::kBf16Panel * 2 + k % 2;
  }

  void pack(const StoredTensor& stored) {
    detail::with_format(kind_, [&](auto format) {
      const Index bytes = cpu::panel_bytes<decltype(format)>(inputs_), panels = chunk_count(outputs_, cpu::kPanelWidth);
      panels_ = cpu::weight_memory(panels * bytes);
      parallel_for(panels, 4, [&](Index p) {
        const Index first = p * cpu::kPanelWidth;
        detail::pack_panel(format, stored, first, std::min(cpu::kPanelWidth, outputs_ - first),
                           panels_.get() + p * bytes);
      });
    });
  }

  void pack_pairs(const StoredTensor& stored) {
    const Index numbers = padded_outputs() * cpu::bf16_depth(inputs_), bytes = row_bytes(stored.type, inputs_);
    panels_ = cpu::weight_memory(2 * numbers);
    auto* const to = reinterpret_cast<std::uint16_t*>(panels_.get());
    parallel_for(chunk_count(outputs_, cpu::kBf16Panel), 4, [&](Index p) {
      const Index first = p * cpu::kBf16Panel, count = std::min(cpu::kBf16Panel, outputs_ - first);
      std::vector<float> rows(static_cast<std::size_t>(count * inputs_));
      for (Index r = 0; r < count; ++r)
        dequantise_row(
            stored.type,
            stored.bytes.subspan(static_cast<std::size_t>((first + r) * bytes), static_cast<std::size_t>(bytes)),
            std::span(rows).subspan(static_cast<std::size_t>(r * inputs_), static_cast<std::size_t>(inputs_)));
      for (Index k = 0; k < inputs_; k += cpu::kBf16Block)
        cpu::pack_rows_to_bf16(rows.data() + k, inputs_, count, std::min(cpu::kBf16Block, inputs_ - k),
                               to + pair_at(first, k));
    });
  }

  Index outputs_ = 0, inputs_ = 0;
  detail::PanelKind kind_ = detail::PanelKind::f32;
  bool bf16_products_ = false;
  bool pairs_ = false;  // panels_ holds bf16 pairs (backend/cpu/bf16_panels.hpp), not panels of kind_
  std::shared_ptr<std::byte> panels_;
};

/// A table that is only looked up: rows by their numbers, no products.
template <class B>
class EmbeddingTable : public WeightMatrix<B> {
 public:
  using WeightMatrix<B>::WeightMatrix;
};

/// On the CPU row after row as stored, so that a row is read in one piece.
template <>
class EmbeddingTable<Cpu> {
 public:
  EmbeddingTable() = default;
  EmbeddingTable(const StoredTensor& stored, Precision, const std::string& name)
      : cols_(stored.cols), type_(stored.type), rows_(stored.bytes.begin(), stored.bytes.end()) {
    detail::check_stored(stored, name);
  }

  /// out[i, :] = row ids[i].
  void gather(std::span<const Id> ids, float* out) const {
    const auto width = static_cast<std::size_t>(cols_), bytes = static_cast<std::size_t>(row_bytes(type_, cols_));
    parallel_for(static_cast<Index>(ids.size()), 64, [&](Index i) {
      const auto at = static_cast<std::size_t>(ids[static_cast<std::size_t>(i)]) * bytes;
      dequantise_row(type_, std::span<const std::byte>(rows_).subspan(at, bytes), std::span(out + i * cols_, width));
    });
  }

 private:
  Index cols_ = 0;
  StorageType type_ = StorageType::f32;
  std::vector<std::byte> rows_;
};

}  // namespace reclm::lm
