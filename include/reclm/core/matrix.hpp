#pragma once
/// @file matrix.hpp
/// `MatrixView<T>`: a window on anybody's 2-D memory. `Matrix<T>`: the plain row-major owner used where data comes in
/// or goes out. Neither computes; the numeric work lives in backend/ and tensor/.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"

namespace reclm {

/// A non-owning strided window of shape [rows, cols]; strides count elements. Copying it copies no data.
/// Undefined behaviour when the memory behind it is gone, as with std::span.
template <class T>
class MatrixView {
 public:
  using value_type = std::remove_const_t<T>;

  constexpr MatrixView() = default;

  /// Row-major and contiguous.
  constexpr MatrixView(T* data, Index rows, Index cols) : MatrixView(data, rows, cols, cols, 1) {}

  constexpr MatrixView(T* data, Index rows, Index cols, Index row_stride, Index col_stride = 1)
      : data_(data), rows_(rows), cols_(cols), row_stride_(row_stride), col_stride_(col_stride) {}

  /// A writable window is also a read-only one.
  constexpr operator MatrixView<const T>() const  // NOLINT(google-explicit-constructor)
      requires(!std::is_const_v<T>) {
    return {data_, rows_, cols_, row_stride_, col_stride_};
  }

  [[nodiscard]] constexpr T* data() const { return data_; }
  [[nodiscard]] constexpr Index rows() const { return rows_; }
  [[nodiscard]] constexpr Index cols() const { return cols_; }
  [[nodiscard]] constexpr Index row_stride() const { return row_stride_; }
  [[nodiscard]] constexpr Index col_stride() const { return col_stride_; }
  [[nodiscard]] constexpr bool empty() const { return rows_ == 0 || cols_ == 0; }

  /// True when each row's elements lie next to each other, as all kernels want them.
  [[nodiscard]] constexpr bool rows_contiguous() const { return col_stride_ == 1 || cols_ <= 1; }

  /// True when the whole matrix is one run of memory, row after row.
  [[nodiscard]] constexpr bool contiguous() const { return rows_contiguous() && (row_stride_ == cols_ || rows_ <= 1); }

  [[nodiscard]] constexpr T& operator()(Index row, Index col) const {
    return data_[row * row_stride_ + col * col_stride_];
  }

  /// Row `row` as a span. @throws ShapeError when the rows are not contiguous.
  [[nodiscard]] std::span<T> row(Index row) const {
    if (!rows_contiguous()) throw ShapeError("MatrixView::row needs contiguous rows; copy into a Matrix first");
    return {data_ + row * row_stride_, static_cast<std::size_t>(cols_)};
  }

 private:
  T* data_ = nullptr;
  Index rows_ = 0, cols_ = 0, row_stride_ = 0, col_stride_ = 1;
};

/// A plain owning matrix [rows, cols], row-major, zero-initialised.
template <class T>
class Matrix {
 public:
  using value_type = T;

  Matrix() = default;
  Matrix(Index rows, Index cols, T fill = T{})
      : rows_(rows), cols_(cols), values_(static_cast<std::size_t>(checked_size(rows, cols)), fill) {}

  /// Takes `values` over. @throws ShapeError unless values.size() == rows·cols.
  Matrix(Index rows, Index cols, std::vector<T> values) : rows_(rows), cols_(cols), values_(std::move(values)) {
    if (static_cast<Index>(values_.size()) != checked_size(rows, cols))
      throw ShapeError("Matrix: " + std::to_string(values_.size()) + " values do not fill [" + std::to_string(rows) +
                       ", " + std::to_string(cols) + "]");
  }

  /// A dense copy of any view, whatever its strides.
  template <class U>
  static Matrix copy_of(MatrixView<U> view) {
    Matrix result(view.rows(), view.cols());
    for (Index r = 0; r < view.rows(); ++r)
      for (Index c = 0; c < view.cols(); ++c) result(r, c) = static_cast<T>(view(r, c));
    return result;
  }

  [[nodiscard]] Index rows() const { return rows_; }
  [[nodiscard]] Index cols() const { return cols_; }
  [[nodiscard]] Index size() const { return rows_ * cols_; }
  [[nodiscard]] bool empty() const { return values_.empty(); }
  [[nodiscard]] T* data() { return values_.data(); }
  [[nodiscard]] const T* data() const { return values_.data(); }
  [[nodiscard]] T& operator()(Index row, Index col) { return values_[static_cast<std::size_t>(row * cols_ + col)]; }
  [[nodiscard]] const T& operator()(Index row, Index col) const {
    return values_[static_cast<std::size_t>(row * cols_ + col)];
  }
  [[nodiscard]] std::span<T> row(Index row) { return {data() + row * cols_, static_cast<std::size_t>(cols_)}; }
  [[nodiscard]] std::span<const T> row(Index row) const {
    return {data() + row * cols_, static_cast<std::size_t>(cols_)};
  }
  [[nodiscard]] MatrixView<T> view() { return {data(), rows_, cols_}; }
  [[nodiscard]] MatrixView<const T> view() const { return {data(), rows_, cols_}; }
  operator MatrixView<T>() { return view(); }              // NOLINT(google-explicit-constructor)
  operator MatrixView<const T>() const { return view(); }  // NOLINT(google-explicit-constructor)

  bool operator==(const Matrix&) const = default;

 private:
  static Index checked_size(Index rows, Index cols) {
    if (rows < 0 || cols < 0) throw ShapeError("Matrix: negative size");
    return rows * cols;
  }

  Index rows_ = 0, cols_ = 0;
  std::vector<T> values_;
};

}  // namespace reclm
