#pragma once
/// @file tensor.hpp
/// `Tensor<Backend, T>`: a dense row-major array of up to four dimensions in a backend's memory.

#include <array>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "reclm/backend/backend.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/matrix.hpp"

namespace reclm {

/// Copying a Tensor shares its memory, as with std::shared_ptr; `clone()` copies the values.
/// Most operations see a tensor as a matrix: `cols()` is the last dimension, `rows()` the product of the others.
template <class B, class T>
class Tensor {
 public:
  using value_type = T;
  static constexpr int kMaxRank = 4;

  /// No elements, no memory.
  Tensor() = default;

  /// Uninitialised. @throws ShapeError on more than four dimensions or a negative one.
  explicit Tensor(std::initializer_list<Index> shape) {
    if (shape.size() > kMaxRank) throw ShapeError("Tensor: at most four dimensions");
    rank_ = static_cast<int>(shape.size());
    std::copy(shape.begin(), shape.end(), shape_.begin());
    for (const Index extent : shape)
      if (extent < 0) throw ShapeError("Tensor: negative dimension");
    data_ = B::template allocate<T>(size());
  }

  static Tensor zeros(Index rows, Index cols) {
    Tensor result{rows, cols};
    B::zero(result.data(), result.size());
    return result;
  }

  /// A copy of host values, converted to T.
  template <class U>
  static Tensor from_host(MatrixView<U> view) {
    Tensor result{view.rows(), view.cols()};
    if constexpr (std::is_same_v<std::remove_const_t<U>, T>) {
      if (view.contiguous()) {
        B::from_host(result.data(), view.data(), result.size());
        return result;
      }
    }
    const auto copy = Matrix<T>::copy_of(view);
    B::from_host(result.data(), copy.data(), result.size());
    return result;
  }
  static Tensor from_host(const Matrix<T>& values) { return from_host(values.view()); }

  /// A host copy, [rows, cols].
  [[nodiscard]] Matrix<T> to_host() const {
    Matrix<T> result(rows(), cols());
    B::to_host(result.data(), data(), size());
    return result;
  }

  [[nodiscard]] Tensor clone() const {
    Tensor result = like(*this);
    B::copy(result.data(), data(), size());
    return result;
  }

  /// Same shape, fresh uninitialised memory.
  static Tensor like(const Tensor& other) {
    Tensor result;
    result.rank_ = other.rank_;
    result.shape_ = other.shape_;
    result.data_ = B::template allocate<T>(other.size());
    return result;
  }

  /// The same shape without memory: `data()` is null.
  [[nodiscard]] Tensor shape_only() const {
    Tensor result = *this;
    result.data_ = nullptr;
    return result;
  }

  [[nodiscard]] T* data() { return data_.get(); }
  [[nodiscard]] const T* data() const { return data_.get(); }
  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] std::span<const Index> shape() const { return {shape_.data(), static_cast<std::size_t>(rank_)}; }
  [[nodiscard]] Index cols() const { return rank_ == 0 ? 0 : shape_[static_cast<std::size_t>(rank_ - 1)]; }
  [[nodiscard]] Index rows() const {
    if (rank_ == 0) return 0;
    Index product = 1;
    for (int i = 0; i + 1 < rank_; ++i) product *= shape_[static_cast<std::size_t>(i)];
    return product;
  }
  [[nodiscard]] Index size() const { return rows() * cols(); }
  [[nodiscard]] bool empty() const { return size() == 0; }

 private:
  std::array<Index, kMaxRank> shape_{};
  int rank_ = 0;
  std::shared_ptr<T> data_;
};

/// A tensor's values on the host, as floats.
template <class B, class T>
Matrix<float> host_floats(const Tensor<B, T>& tensor) {
  if constexpr (std::is_same_v<T, float>)
    return tensor.to_host();
  else {
    const Matrix<T> values = tensor.to_host();
    return Matrix<float>::copy_of(values.view());
  }
}

/// @throws ShapeError naming both shapes unless a and b have the same rows and columns.
template <class A, class C>
void require_same_shape(const char* where, const A& a, const C& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols())
    throw ShapeError(std::string(where) + ": [" + std::to_string(a.rows()) + ", " + std::to_string(a.cols()) +
                     "] does not match [" + std::to_string(b.rows()) + ", " + std::to_string(b.cols()) + "]");
}

/// @throws ShapeError unless `actual == expected`.
inline void require_size(const char* where, const char* what, Index actual, Index expected) {
  if (actual != expected)
    throw ShapeError(std::string(where) + ": " + what + " is " + std::to_string(actual) + ", expected " +
                     std::to_string(expected));
}

/// Host integers (row numbers, offsets) in a backend's memory.
template <class B, class I>
std::shared_ptr<I> upload(std::span<const I> values) {
  auto memory = B::template allocate<I>(static_cast<Index>(values.size()));
  B::from_host(memory.get(), values.data(), static_cast<Index>(values.size()));
  return memory;
}

}  // namespace reclm
