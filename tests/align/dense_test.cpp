/// Products' helpers of the frozen tier against what they promise.
#include "reclm/align/detail/dense.hpp"

#include <cmath>

#include "support/catch.hpp"

using namespace reclm;

namespace {

/// [rows, cols] of a given rank.
Matrix<float> of_rank(Index rows, Index cols, Index rank) {
  const Random random(7, Stream::init);
  Matrix<float> a(rows, rank), b(rank, cols);
  for (Index k = 0; k < a.size(); ++k) a.data()[k] = random.uniform(static_cast<std::uint64_t>(k)) - 0.3f;
  for (Index k = 0; k < b.size(); ++k) b.data()[k] = random.uniform(static_cast<std::uint64_t>(a.size() + k)) - 0.6f;
  return detail::product(a, b);
}

}  // namespace

TEST_CASE("a row space has as many columns as the matrix has rank, and spans it") {
  for (const Index rank : {1, 3, 20}) {
    const Matrix<float> m = of_rank(90, 70, rank);
    const Matrix<float> q = detail::row_space(m, 20, 1);
    CHECK(q.cols() == rank);
    const Matrix<float> gram = detail::product(q, Op::transpose, q, Op::none);
    for (Index i = 0; i < gram.rows(); ++i)
      for (Index j = 0; j < gram.cols(); ++j) CHECK(gram(i, j) == Approx(i == j ? 1.0 : 0.0).margin(2e-3));
    const Matrix<float> back = detail::product(detail::product(m, q), Op::none, q, Op::transpose);
    for (Index k = 0; k < m.size(); ++k) CHECK(back.data()[k] == Approx(m.data()[k]).margin(5e-3));
  }
  CHECK(detail::row_space(Matrix<float>(5, 4), 3, 1).cols() == 1);  // of zeros: one column of nothing
}
