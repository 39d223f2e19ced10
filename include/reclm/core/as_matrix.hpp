#pragma once
/// @file as_matrix.hpp
/// `as_matrix(x)`: anybody's matrix as a `MatrixView`, without copying and without including its library.
///
/// | x | result |
/// | --- | --- |
/// | Eigen Matrix, Array, Map, Ref, Block: row- or column-major, any strides, float or double | view, no copy |
/// | xtensor containers, adaptors and strided views of two dimensions | view, no copy |
/// | `MatrixView`, `Matrix` | view, no copy |
/// | pointer or `std::span`, with rows and columns, and strides where they are not row-major | view, no copy |
/// | `std::vector<std::vector<T>>` | `Matrix<T>`: a copy, since its rows lie apart |
/// | your own type | what its `MatrixTraits` says |

#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/matrix.hpp"

namespace reclm {

/// The way in for other matrix types: specialise it with `static MatrixView<const T> view(const M&)`.
template <class M>
struct MatrixTraits;

namespace detail {

template <class M>
concept HasMatrixTraits = requires(const M& m) {
  MatrixTraits<M>::view(m);
};

/// Eigen's types with memory behind them; expressions have no data().
template <class M>
concept EigenLike = requires(const M& m) {
  { m.rows() } -> std::convertible_to<Index>;
  { m.cols() } -> std::convertible_to<Index>;
  { m.innerStride() } -> std::convertible_to<Index>;
  { m.outerStride() } -> std::convertible_to<Index>;
  { m.data() } -> std::convertible_to<const void*>;
  M::IsRowMajor;
};

template <class M>
concept XtensorLike = requires(const M& m) {
  { m.dimension() } -> std::convertible_to<std::size_t>;
  { m.data() } -> std::convertible_to<const void*>;
  { m.data_offset() } -> std::convertible_to<std::size_t>;
  m.shape()[0];
  m.strides()[0];
};

template <class M>
concept OwnMatrix = requires(const M& m) {
  typename M::value_type;
  requires std::same_as<M, Matrix<typename M::value_type>> || std::same_as<M, MatrixView<typename M::value_type>> ||
      std::same_as<M, MatrixView<const typename M::value_type>>;
};

/// True for what owns its memory: a view of a temporary one would dangle.
template <class M>
constexpr bool owns_memory() {
  if constexpr (requires { typename M::PlainObject; })
    return std::same_as<typename M::PlainObject, M>;
  else if constexpr (XtensorLike<M>)
    return requires(M m) { m.resize({std::size_t{1}, std::size_t{1}}); };
  else if constexpr (OwnMatrix<M>)
    return std::same_as<M, Matrix<typename M::value_type>>;
  else
    return false;
}

template <class M>
inline constexpr bool is_nested_vector = false;
template <class T, class A, class B>
inline constexpr bool is_nested_vector<std::vector<std::vector<T, A>, B>> = true;

inline void check_sizes(Index rows, Index cols) {
  if (rows < 0 || cols < 0)
    throw ShapeError("as_matrix: negative size [" + std::to_string(rows) + ", " + std::to_string(cols) + "]");
}

template <class M>
auto eigen_view(const M& m) {
  using T = std::remove_cvref_t<decltype(*m.data())>;
  const auto inner = static_cast<Index>(m.innerStride()), outer = static_cast<Index>(m.outerStride());
  const auto rows = static_cast<Index>(m.rows()), cols = static_cast<Index>(m.cols());
  return M::IsRowMajor ? MatrixView<const T>(m.data(), rows, cols, outer, inner)
                       : MatrixView<const T>(m.data(), rows, cols, inner, outer);
}

template <class M>
auto xtensor_view(const M& m) {
  using T = std::remove_cvref_t<decltype(*m.data())>;
  if (m.dimension() != 2)
    throw ShapeError("as_matrix: an array of " + std::to_string(m.dimension()) +
                     " dimensions is no matrix. Remedy: reshape it to [rows, columns]");
  return MatrixView<const T>(m.data() + m.data_offset(), static_cast<Index>(m.shape()[0]),
                             static_cast<Index>(m.shape()[1]), static_cast<Index>(m.strides()[0]),
                             static_cast<Index>(m.strides()[1]));
}

}  // namespace detail

/// What `as_matrix` takes as a single argument, nested vectors aside.
template <class M>
concept MatrixLike =
    detail::HasMatrixTraits<M> || detail::OwnMatrix<M> || detail::EigenLike<M> || detail::XtensorLike<M>;

/// A view of `m`, valid while its memory is. @throws ShapeError when it has not two dimensions
template <class M>
requires(!detail::is_nested_vector<std::remove_cvref_t<M>>) auto as_matrix(M&& m) {
  using Plain = std::remove_cvref_t<M>;
  static_assert(
      MatrixLike<Plain>,
      "reclm::as_matrix: this type is no matrix with memory. Evaluate a lazy expression first (Eigen: .eval(), "
      "xtensor: xt::eval), or specialise reclm::MatrixTraits for your own type");
  static_assert(std::is_lvalue_reference_v<M> || !detail::owns_memory<Plain>(),
                "reclm::as_matrix: a view of this temporary would outlive its memory; give it a name first");
  if constexpr (detail::HasMatrixTraits<Plain>)
    return MatrixTraits<Plain>::view(m);
  else if constexpr (detail::OwnMatrix<Plain>)
    return MatrixView<const typename Plain::value_type>(m);
  else if constexpr (detail::EigenLike<Plain>)
    return detail::eigen_view(m);
  else if constexpr (detail::XtensorLike<Plain>)
    return detail::xtensor_view(m);
}

/// Row-major memory. @throws ShapeError on a negative size
template <class T>
MatrixView<const T> as_matrix(const T* data, Index rows, Index cols) {
  detail::check_sizes(rows, cols);
  return {data, rows, cols};
}

/// Memory with strides, counted in elements: element (r, c) lies at data[r·row_stride + c·col_stride].
template <class T>
MatrixView<const T> as_matrix(const T* data, Index rows, Index cols, Index row_stride, Index col_stride) {
  detail::check_sizes(rows, cols);
  return {data, rows, cols, row_stride, col_stride};
}

/// Row-major values. @throws ShapeError unless they fill [rows, cols]
template <class T, std::size_t N>
auto as_matrix(std::span<T, N> values, Index rows, Index cols) {
  detail::check_sizes(rows, cols);
  if (static_cast<Index>(values.size()) != rows * cols)
    throw ShapeError("as_matrix: " + std::to_string(values.size()) + " values do not fill [" + std::to_string(rows) +
                     ", " + std::to_string(cols) + "]");
  return MatrixView<const std::remove_const_t<T>>(values.data(), rows, cols);
}

/// A copy, row by row. @throws ShapeError naming the first row of another length
template <class T>
Matrix<T> as_matrix(const std::vector<std::vector<T>>& rows) {
  Matrix<T> result(static_cast<Index>(rows.size()), rows.empty() ? 0 : static_cast<Index>(rows.front().size()));
  for (std::size_t r = 0; r < rows.size(); ++r) {
    if (static_cast<Index>(rows[r].size()) != result.cols())
      throw ShapeError("as_matrix: row " + std::to_string(r) + " has " + std::to_string(rows[r].size()) +
                       " elements, row 0 has " + std::to_string(result.cols()));
    for (std::size_t c = 0; c < rows[r].size(); ++c) result(static_cast<Index>(r), static_cast<Index>(c)) = rows[r][c];
  }
  return result;
}

/// A float32, row-major copy of any matrix that `as_matrix` takes. @throws NumericError on a value that is not finite
template <class M>
Matrix<float> float_copy(const M& m, const char* what) {
  const auto& view = as_matrix(m);
  Matrix<float> result(view.rows(), view.cols());
  for (Index r = 0; r < view.rows(); ++r)
    for (Index c = 0; c < view.cols(); ++c) {
      result(r, c) = static_cast<float>(view(r, c));
      if (!(result(r, c) - result(r, c) == 0.0f))
        throw NumericError(std::string(what) + ": row " + std::to_string(r) + ", column " + std::to_string(c) +
                           " is not a finite number");
    }
  return result;
}

}  // namespace reclm
