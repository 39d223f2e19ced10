#pragma once
/// @file dense.hpp
/// Dense products, Cholesky solves and a randomized range finder over plain matrices. Eigen factors, our products are
/// parallel; results are the same bits for any number of threads.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <Eigen/Cholesky>

#include "reclm/backend/cpu/gemm.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/core/philox.hpp"

namespace reclm::detail {

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// op_a(a) · op_b(b).
inline Matrix<float> product(const Matrix<float>& a, Op op_a, const Matrix<float>& b, Op op_b) {
  const Index m = op_a == Op::none ? a.rows() : a.cols(), k = op_a == Op::none ? a.cols() : a.rows();
  const Index n = op_b == Op::none ? b.cols() : b.rows();
  if ((op_b == Op::none ? b.rows() : b.cols()) != k) throw ShapeError("product: inner dimensions differ");
  Matrix<float> c(m, n);
  if (k > 0) cpu_gemm<float>(op_a, op_b, m, n, k, 1.0f, a.data(), a.cols(), b.data(), b.cols(), 0.0f, c.data(), n);
  return c;
}
inline Matrix<float> product(const Matrix<float>& a, const Matrix<float>& b) {
  return product(a, Op::none, b, Op::none);
}

/// The Cholesky factor of a symmetric positive definite matrix, for solves with many right sides.
class Cholesky {
 public:
  /// @param a [n, n]; the lower triangle is read  @throws NumericError when it is not positive definite
  explicit Cholesky(const Matrix<float>& a, const std::string& what) {
    Eigen::Map<const RowMajor> view(a.data(), a.rows(), a.cols());
    factor_.compute(view);
    if (factor_.info() != Eigen::Success)
      throw NumericError(what + ": the matrix is not positive definite. Remedy: a larger ridge");
  }

  /// a⁻¹ · b, b [n, m] overwritten; blocks of columns in parallel.
  void solve(Matrix<float>& b) const {
    constexpr Index kColumns = 64;
    parallel_chunks(b.cols(), kColumns, [&](Index begin, Index end, Index) {
      Eigen::Map<RowMajor> all(b.data(), b.rows(), b.cols());
      Eigen::MatrixXf part = all.middleCols(begin, end - begin);
      factor_.solveInPlace(part);
      all.middleCols(begin, end - begin) = part;
    });
  }

 private:
  Eigen::LLT<Eigen::MatrixXf> factor_;
};

/// Makes the columns of `y` [n, r] orthonormal by two rounds of Cholesky-QR; columns that depend on others become
/// shorter than half a unit.
inline void orthonormalize(Matrix<float>& y) {
  for (int round = 0; round < 2; ++round) {
    Matrix<float> gram = product(y, Op::transpose, y, Op::none);
    double trace = 0;
    for (Index k = 0; k < gram.rows(); ++k) trace += static_cast<double>(gram(k, k));
    if (trace <= 0) return;  // nothing there
    if (!std::isfinite(trace)) throw NumericError("orthonormalize: values are not finite");
    // Columns that depend on others leave a matrix that rounding makes indefinite: more is added until it is not.
    Eigen::LLT<Eigen::MatrixXf> factor;
    for (double jitter = 1e-5;; jitter *= 8) {
      const auto more = static_cast<float>(jitter * trace / static_cast<double>(gram.rows()));
      for (Index k = 0; k < gram.rows(); ++k) gram(k, k) += more;
      factor.compute(Eigen::Map<const RowMajor>(gram.data(), gram.rows(), gram.cols()));
      if (factor.info() == Eigen::Success) break;
      if (jitter > 1) throw NumericError("orthonormalize: values are not finite");
    }
    parallel_chunks(y.rows(), 512, [&](Index begin, Index end, Index) {
      Eigen::Map<RowMajor> rows(y.data() + begin * y.cols(), end - begin, y.cols());
      Eigen::MatrixXf turned = rows.transpose();
      factor.matrixL().solveInPlace(turned);
      rows = turned.transpose();
    });
  }
}

/// The columns of `y` that are longer than half a unit; the first, where there are none. What `orthonormalize` leaves
/// of the others is rounding, and soon numbers so small that processors take a hundred times as long for each.
inline Matrix<float> independent_columns(const Matrix<float>& y) {
  std::vector<double> squares(static_cast<std::size_t>(y.cols()), 0.0);
  for (Index r = 0; r < y.rows(); ++r)
    for (Index c = 0; c < y.cols(); ++c) squares[static_cast<std::size_t>(c)] += static_cast<double>(y(r, c)) * y(r, c);
  std::vector<Index> kept;
  for (Index c = 0; c < y.cols(); ++c)
    if (squares[static_cast<std::size_t>(c)] > 0.25) kept.push_back(c);
  if (static_cast<Index>(kept.size()) == y.cols()) return y;
  if (kept.empty()) kept.push_back(0);
  Matrix<float> result(y.rows(), static_cast<Index>(kept.size()));
  for (Index r = 0; r < y.rows(); ++r)
    for (std::size_t k = 0; k < kept.size(); ++k) result(r, static_cast<Index>(k)) = y(r, kept[k]);
  return result;
}

/// Orthonormal columns [m.cols(), rank] that span most of the rows of `m` (Halko et al., SIAM Review 2011): a random
/// start and three rounds of subspace iteration. The rank is cut to that of `m`; at least 1 unless `m` is empty.
inline Matrix<float> row_space(const Matrix<float>& m, Index rank, std::uint64_t seed) {
  constexpr int kRounds = 3;
  rank = std::min({rank, m.rows(), m.cols()});
  const Random random(seed, Stream::init, 0x72616E67u);
  Matrix<float> q(m.cols(), rank);
  for (Index k = 0; k < q.size(); ++k) q.data()[k] = random.uniform(static_cast<std::uint64_t>(k)) - 0.5f;
  for (int round = 0; round < kRounds; ++round) {
    Matrix<float> y = product(m, q);
    orthonormalize(y);
    q = product(m, Op::transpose, independent_columns(y), Op::none);
    orthonormalize(q);
    q = independent_columns(q);
  }
  return q;
}

/// Mean over the rows; zeros of none.
inline std::vector<float> mean_row(const Matrix<float>& rows) {
  std::vector<double> sum(static_cast<std::size_t>(rows.cols()));
  for (Index r = 0; r < rows.rows(); ++r)
    for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += static_cast<double>(rows(r, static_cast<Index>(c)));
  std::vector<float> mean;
  for (const double total : sum)
    mean.push_back(static_cast<float>(total / static_cast<double>(std::max<Index>(rows.rows(), 1))));
  return mean;
}

}  // namespace reclm::detail
