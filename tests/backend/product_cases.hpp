#pragma once
/// Dense and sparse products, sums and copies of any backend against plain loops in double.

#include "cases.hpp"
#include "support/sanitized.hpp"

namespace reclm_test {

/// C = alpha · op(A) · op(B) + beta · C with gaps behind the rows, which must stay as they are.
template <class B, class T>
void check_gemm_case(reclm::Op op_a, reclm::Op op_b, Index m, Index n, Index k, T alpha, T beta, Index gap) {
  using reclm::Op;
  CAPTURE(op_a == Op::transpose, op_b == Op::transpose, m, n, k, alpha, beta, gap);
  const Index lda = (op_a == Op::none ? k : m) + gap, ldb = (op_b == Op::none ? n : k) + gap, ldc = n + gap;
  const auto a = numbers<T>((op_a == Op::none ? m : k) * lda, 1), b = numbers<T>((op_b == Op::none ? k : n) * ldb, 2);
  auto c = numbers<T>(m * ldc, 3);
  auto expected = in_double(c);
  const Index step_a = op_a == Op::none ? 1 : lda, step_b = op_b == Op::none ? ldb : 1;
  for (Index row = 0; row < m; ++row)
    for (Index col = 0; col < n; ++col) {
      double total = 0;
      const T* x = a.data() + (op_a == Op::none ? row * lda : row);
      const T* y = b.data() + (op_b == Op::none ? col : col * ldb);
      for (Index j = 0; j < k; ++j) total += static_cast<double>(x[j * step_a]) * static_cast<double>(y[j * step_b]);
      const auto at = static_cast<std::size_t>(row * ldc + col);
      expected[at] = static_cast<double>(alpha) * total + static_cast<double>(beta) * expected[at];
      if (beta == T(0)) c[at] = std::numeric_limits<T>::quiet_NaN();
    }
  const auto out = on<B>(c);
  B::gemm(op_a, op_b, m, n, k, alpha, on<B>(a).data(), lda, on<B>(b).data(), ldb, beta, out.data(), ldc);
  CHECK(difference(out.host(), expected) < rounding<T>(k + 1));
}

template <class B, class T>
void check_gemm() {
  using reclm::Op;
  struct Shape {
    Index m, n, k;
  };
  // Small and odd; long and narrow both ways; a long inner dimension; several blocks of rows; nothing to add up.
  for (const auto& [m, n, k] : {Shape{1, 1, 1},
                                {3, 5, 7},
                                {63, 17, 9},
                                {64, 32, 384},
                                {301, 33, 40},
                                {17, 31, 5001},
                                {32, 40, 9001},
                                {600, 130, 260},
                                {7, 3, 0},
                                {70, 3, 0}})
    for (const Op op_a : {Op::none, Op::transpose})
      for (const Op op_b : {Op::none, Op::transpose})
        for (const T beta : {T(0), T(1), T(-0.5)}) {
          const bool small = m * n * k < 300'000;
          if (!small && beta == T(1)) continue;
          if (!small && kSanitized && (op_a == op_b) == (beta == T(0))) continue;  // one of two
          check_gemm_case<B, T>(op_a, op_b, m, n, k, T(1), beta, beta == T(1) ? 0 : 3);
          if (small) check_gemm_case<B, T>(op_a, op_b, m, n, k, T(1.5), beta, 1);
        }
  // Nothing happens to an empty result.
  const T* const none = nullptr;
  B::gemm(Op::none, Op::none, 0, 4, 2, T(1), none, 2, none, 4, T(0), static_cast<T*>(nullptr), 4);
}

/// A random CSR matrix; every third row is empty, one is long.
template <class T>
struct HostCsr {
  Index rows, cols;
  std::vector<Index> offsets{0};
  std::vector<Id> columns{};
  std::vector<T> values{};
  HostCsr(Index row_count, Index col_count, std::uint64_t seed) : rows(row_count), cols(col_count) {
    const reclm::Random random(seed, reclm::Stream::evaluation);
    for (Index row = 0; row < rows; ++row) {
      const std::uint32_t in = row % 3 == 1 ? 0 : row == 2 ? 2 : 9;  // one cell in so many
      for (Index col = 0; col < cols && in > 0; ++col)
        if (random.below(static_cast<std::uint64_t>(row * cols + col), in) == 0)
          columns.push_back(static_cast<Id>(col));
      offsets.push_back(static_cast<Index>(columns.size()));
    }
    values = numbers<T>(static_cast<Index>(columns.size()), seed + 1);
  }
};

template <class B, class T>
void check_spmm() {
  const HostCsr<T> a(101, 83, 5);
  const auto offsets = on<B>(a.offsets);
  const auto columns = on<B>(a.columns);
  const auto values = on<B>(a.values);
  const reclm::CsrView<T> view{a.rows, a.cols, offsets.data(), columns.data(), values.data()};
  for (const Index width : {1, 7, 16, 32, 33, 64, 100}) {
    const auto x = numbers<T>(a.cols * width, 6), r = numbers<T>(a.rows * width, 7);
    const auto device_x = on<B>(x), device_r = on<B>(r);
    const auto expected = [&](double beta) {
      std::vector<double> y(r.size(), 0.0);
      for (Index row = 0; row < a.rows; ++row)
        for (Index c = 0; c < width; ++c) {
          const auto at = static_cast<std::size_t>(row * width + c);
          if (beta != 0) y[at] = beta * static_cast<double>(r[at]);
          for (Index e = a.offsets[static_cast<std::size_t>(row)]; e < a.offsets[static_cast<std::size_t>(row) + 1];
               ++e)
            y[at] +=
                static_cast<double>(a.values[static_cast<std::size_t>(e)]) *
                static_cast<double>(x[static_cast<std::size_t>(a.columns[static_cast<std::size_t>(e)] * width + c)]);
        }
      return y;
    };
    CAPTURE(width);
    const auto y = on<B>(garbage<T>(a.rows * width));
    B::spmm(view, device_x.data(), width, T(0), static_cast<const T*>(nullptr), y.data());
    CHECK(difference(y.host(), expected(0)) < rounding<T>(50));
    for (const T beta : {T(1), T(-0.5)}) {
      const auto fresh = on<B>(garbage<T>(a.rows * width));
      B::spmm(view, device_x.data(), width, beta, device_r.data(), fresh.data());
      CHECK(difference(fresh.host(), expected(static_cast<double>(beta))) < rounding<T>(50));
      const auto own = on<B>(r);
      B::spmm(view, device_x.data(), width, beta, own.data(), own.data());
      CHECK(own.host() == fresh.host());
    }
  }
}

template <class B, class T>
void check_sums() {
  for (const Index n : {0, 1, 31, 1000, 16384, 16385, 100'003}) {
    CAPTURE(n);
    const auto x = numbers<T>(n, 8);
    double expected = 0;
    for (const T value : x) expected += static_cast<double>(value);
    CHECK(B::sum(on<B>(x).data(), n) == Approx(expected).epsilon(1e-13).margin(1e-10));
  }
  for (const Index rows : {0, 1, 37, 2048, 5001})
    for (const Index cols : {1, 7, 32, 45, 300}) {
      CAPTURE(rows, cols);
      const auto x = numbers<T>(rows * cols, 9), held = numbers<T>(cols, 10);
      for (const bool accumulate : {false, true}) {
        auto expected = accumulate ? in_double(held) : std::vector<double>(held.size(), 0.0);
        for (std::size_t at = 0; at < x.size(); ++at) expected[at % held.size()] += static_cast<double>(x[at]);
        const auto out = on<B>(accumulate ? held : garbage<T>(cols));
        B::column_sums(on<B>(x).data(), rows, cols, accumulate, out.data());
        CHECK(difference(out.host(), expected) < rounding<T>(rows + 1));
      }
    }
}

template <class B, class T>
void check_memory() {
  for (const Index n : {0, 1, 1000}) {
    const auto x = numbers<T>(n, 11);
    const auto a = on<B>(x);
    CHECK(reinterpret_cast<std::uintptr_t>(a.data()) % reclm::kAlignment == 0);
    CHECK(a.host() == x);
    const auto b = on<B>(garbage<T>(n));
    B::copy(b.data(), a.data(), n);
    CHECK(b.host() == x);
    B::zero(b.data(), n);
    CHECK(b.host() == std::vector<T>(x.size(), T(0)));
    CHECK(a.host() == x);
  }
}

}  // namespace reclm_test
