#pragma once
/// @file constant_matrix.hpp
/// Weights that products read and nothing trains, in whatever form they are stored; products with them, tile by tile.

#include <algorithm>
#include <utility>

#include "reclm/tensor/tensor.hpp"

namespace reclm {

/// A matrix [rows, cols] of which some rows at a time can be had as T.
template <class B, class T>
class ConstantMatrix {
 public:
  ConstantMatrix() = default;
  ConstantMatrix(const ConstantMatrix&) = delete;
  ConstantMatrix& operator=(const ConstantMatrix&) = delete;
  virtual ~ConstantMatrix() = default;
  [[nodiscard]] virtual Index rows() const = 0;
  [[nodiscard]] virtual Index cols() const = 0;
  /// Whether `read` needs no buffer.
  [[nodiscard]] virtual bool in_memory() const = 0;
  /// Rows that are best read at once, 1 or more.
  [[nodiscard]] virtual Index tile_rows() const = 0;
  /// The address of the rows [first, first + count), one behind the other, in the backend's memory: the matrix's own,
  /// or `buffer` [count, cols] after it was filled.
  virtual const T* read(Index first, Index count, T* buffer) const = 0;

  /// y[n, rows] = x[n, cols] · Wᵀ.
  virtual void times_transposed(const T* x, Index n, T* y) const {
    const Index in = cols(), out = rows();
    for_tiles([&](Index first, Index count, const T* tile) {
      B::gemm(Op::none, Op::transpose, n, count, in, T(1), x, in, tile, in, T(0), y + first, out);
    });
  }
  /// y[n, cols] = beta · y + x[n, rows] · W.
  virtual void times(const T* x, Index n, T beta, T* y) const {
    const Index in = cols(), out = rows();
    for_tiles([&](Index first, Index count, const T* tile) {
      B::gemm(Op::none, Op::none, n, in, count, T(1), x + first, out, tile, in, first == 0 ? beta : T(1), y, in);
    });
  }

 protected:
  /// Calls body(first, count, address) for tiles of rows, in order.
  template <class Body>
  void for_tiles(const Body& body) const {
    const Index step = tile_rows();
    Tensor<B, T> buffer;
    if (!in_memory()) buffer = Tensor<B, T>{step, cols()};
    for (Index first = 0; first < rows(); first += step) {
      const Index count = std::min(step, rows() - first);
      body(first, count, read(first, count, buffer.data()));
    }
  }
};

/// One that lies in memory as T.
template <class B, class T>
class DenseConstant final : public ConstantMatrix<B, T> {
 public:
  explicit DenseConstant(Tensor<B, T> values) : values_(std::move(values)) {}
  [[nodiscard]] Index rows() const override { return values_.rows(); }
  [[nodiscard]] Index cols() const override { return values_.cols(); }
  [[nodiscard]] bool in_memory() const override { return true; }
  [[nodiscard]] Index tile_rows() const override { return std::max<Index>(1, values_.rows()); }
  const T* read(Index first, Index, T*) const override { return values_.data() + first * values_.cols(); }

 private:
  Tensor<B, T> values_;
};

}  // namespace reclm
