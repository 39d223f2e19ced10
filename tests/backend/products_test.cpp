// The CPU's products, sums and copies, in float and double.
#include <algorithm>
#include <cmath>
#include <limits>

#include "product_cases.hpp"
#include "reclm/backend/cpu.hpp"

using namespace reclm;
using namespace reclm_test;

TEMPLATE_TEST_CASE("dense products on the CPU", "", float, double) { check_gemm<Cpu, TestType>(); }
TEMPLATE_TEST_CASE("sparse products on the CPU", "", float, double) { check_spmm<Cpu, TestType>(); }
TEMPLATE_TEST_CASE("sums on the CPU", "", float, double) { check_sums<Cpu, TestType>(); }
TEMPLATE_TEST_CASE("copies on the CPU", "", float, double) { check_memory<Cpu, TestType>(); }

TEMPLATE_TEST_CASE("dot products and sums of positive parts, of any length", "", float, double) {
  using T = TestType;
  for (Index n = 0; n < 80; ++n) {
    const auto a = numbers<T>(n, 1), b = numbers<T>(n, 2);
    double sum = 0, positive = 0;
    for (std::size_t k = 0; k < a.size(); ++k) {
      sum += static_cast<double>(a[k]) * static_cast<double>(b[k]);
      positive += std::max(static_cast<double>(a[k]) + static_cast<double>(b[k]), 0.0);
    }
    CAPTURE(n);
    CHECK(std::abs(static_cast<double>(simd::dot(a.data(), b.data(), n)) - sum) <= rounding<T>(n));
    CHECK(std::abs(static_cast<double>(simd::relu_sum(a.data(), b.data(), n)) - positive) <= rounding<T>(n));
    for (const Index at : {Index{0}, n / 2, n - 1}) {
      if (n == 0) continue;
      auto broken = a;
      broken[static_cast<std::size_t>(at)] = std::numeric_limits<T>::quiet_NaN();
      CHECK(std::isnan(simd::relu_sum(broken.data(), b.data(), n)));
    }
  }
}

TEMPLATE_TEST_CASE("products of chosen rows equal products of their copy", "", float, double) {
  using T = TestType;
  for (const Index m : {1, 100, 4500})
    for (const Index n : {1, 32, 37}) {
      CAPTURE(m, n);
      const Index k = 45, rows = 90;
      const auto x = numbers<T>(rows * k, 1), w = numbers<T>(n * k, 2), dy = numbers<T>(m * n, 3);
      const auto chosen = ids(m, rows, 4);
      std::vector<double> y(static_cast<std::size_t>(m * n)), dw(in_double(w));
      for (double& value : dw) value *= -0.5;
      for (Index row = 0; row < m; ++row)
        for (Index col = 0; col < n; ++col)
          for (Index j = 0; j < k; ++j) {
            const auto at = static_cast<std::size_t>(row * n + col), weight = static_cast<std::size_t>(col * k + j);
            const auto from =
                static_cast<double>(x[static_cast<std::size_t>(chosen[static_cast<std::size_t>(row)] * k + j)]);
            y[at] += from * static_cast<double>(w[weight]);
            dw[weight] += from * static_cast<double>(dy[at]);
          }
      auto actual = garbage<T>(m * n);
      Cpu::gather_gemm(m, n, k, x.data(), chosen.data(), w.data(), actual.data());
      CHECK(difference(actual, y) < rounding<T>(k));
      auto gradient = w;
      Cpu::gather_gemm_backward(m, n, k, dy.data(), x.data(), chosen.data(), T(-0.5), gradient.data());
      CHECK(difference(gradient, dw) < 2 * rounding<T>(m + 1));  // on its way a sum is larger than in the end
      gradient = garbage<T>(n * k);
      Cpu::gather_gemm_backward(m, n, k, dy.data(), x.data(), chosen.data(), T(0), gradient.data());
      for (std::size_t at = 0; at < dw.size(); ++at) dw[at] += 0.5 * static_cast<double>(w[at]);
      CHECK(difference(gradient, dw) < 2 * rounding<T>(m + 1));  // on its way a sum is larger than in the end
    }
}
