// Every operation of the CPU gives the same bits on one thread and on two, at sizes that are cut into many chunks.
#include <cstring>

#include "cases.hpp"
#include "reclm/backend/cpu.hpp"
#include "reclm/backend/kernels/rows.hpp"
#include "reclm/backend/kernels/views.hpp"
#include "support/sanitized.hpp"

using namespace reclm;
using namespace reclm_test;

namespace {

/// `run` on one thread and on two; its results must be the same to the bit.
template <class Run>
void check_threads(const Run& run) {
  const auto on_threads = [&](int threads) {
    const ThreadLimit limit(threads);
    return run();
  };
  const auto one = on_threads(1), two = on_threads(2);
  REQUIRE(one.size() == two.size());
  CHECK(std::memcmp(one.data(), two.data(), one.size() * sizeof(one[0])) == 0);
}

}  // namespace

TEMPLATE_TEST_CASE("dense products do not depend on the number of threads", "", float, double) {
  using T = TestType;
  struct Shape {
    Index m, n, k;
  };
  for (const auto& [m, n, k] :
       {Shape{3000, 33, 65}, {40, 50, 9001}, kSanitized ? Shape{1100, 130, 300} : Shape{1500, 300, 310}})
    for (const Op op_a : {Op::none, Op::transpose})
      for (const Op op_b : {Op::none, Op::transpose}) {
        CAPTURE(m, n, k);
        const auto a = numbers<T>(m * k, 1), b = numbers<T>(k * n, 2);
        check_threads([&, m = m, n = n, k = k] {
          auto c = numbers<T>(m * n, 3);
          Cpu::gemm(op_a, op_b, m, n, k, T(1), a.data(), op_a == Op::none ? k : m, b.data(), op_b == Op::none ? n : k,
                    T(0.5), c.data(), n);
          return c;
        });
      }
  const auto x = numbers<T>(900 * 65, 4), w = numbers<T>(32 * 65, 5), dy = numbers<T>(9000 * 32, 6);
  const auto chosen = ids(9000, 900, 7);
  check_threads([&] {
    std::vector<T> y(9000 * 32);
    Cpu::gather_gemm(9000, 32, 65, x.data(), chosen.data(), w.data(), y.data());
    return y;
  });
  check_threads([&] {
    auto dw = w;
    Cpu::gather_gemm_backward(9000, 32, 65, dy.data(), x.data(), chosen.data(), T(1), dw.data());
    return dw;
  });
}

TEMPLATE_TEST_CASE("sums do not depend on the number of threads", "", float, double) {
  using T = TestType;
  const auto x = numbers<T>(70'000 * 5, 1);
  check_threads([&] { return std::vector<double>{Cpu::sum(x.data(), 350'000)}; });
  check_threads([&] {
    std::vector<T> sums(5, T(1));
    Cpu::column_sums(x.data(), 70'000, 5, true, sums.data());
    return sums;
  });
}

TEMPLATE_TEST_CASE("InfoNCE does not depend on the number of threads", "", float, double) {
  using T = TestType;
  for (const Index d : {16, 21})
    for (const double temperature : {0.2, 0.0005}) {
      constexpr Index nodes = kSanitized ? 2000 : 5000;
      auto z1 = numbers<T>(nodes * d, 1), z2 = numbers<T>(nodes * d, 2);
      for (auto* z : {&z1, &z2})
        for (T& value : *z) value /= static_cast<T>(d);
      const auto anchors = ids(300, nodes, 3);
      check_threads([&] {
        std::vector<T> result(static_cast<std::size_t>(2 * nodes * d + 1));
        T* const d1 = result.data();
        result.back() = static_cast<T>(
            Cpu::info_nce(InfoNceProblem<T>{{z1.data(), nodes, d}, {z2.data(), nodes, d}, anchors, temperature},
                          InfoNceGradient<T>{{d1, nodes, d}, {d1 + nodes * d, nodes, d}, 1.0}));
        return result;
      });
    }
}

TEMPLATE_TEST_CASE("sparse products and row kernels do not depend on the number of threads", "", float, double) {
  using T = TestType;
  constexpr Index rows = 20'000, width = 24;
  const auto x = numbers<T>(rows * width, 1);
  std::vector<Index> offsets{0};
  for (Index row = 0; row < rows; ++row) offsets.push_back(offsets.back() + row % 7);
  const auto columns = ids(offsets.back(), rows, 2);
  const auto values = numbers<T>(offsets.back(), 3);
  check_threads([&] {
    std::vector<T> y(x.size());
    Cpu::spmm(CsrView<T>{rows, rows, offsets.data(), columns.data(), values.data()}, x.data(), width, T(0),
              static_cast<const T*>(nullptr), y.data());
    return y;
  });
  check_threads([&] {
    std::vector<T> y(x.size() + rows);
    Cpu::for_rows(rows, width, kernels::Normalize<T>{x.data(), y.data(), y.data() + rows * width, width});
    kernels::add_sign_noise<Cpu>(Random(1, Stream::view_noise), 5, rows, width, T(0.1), y.data());
    return y;
  });
  check_threads([&] {
    std::vector<T> y(x.size());
    kernels::drop_edges<Cpu>(Random(1, Stream::edge_drop), 5, rows * width, 0.5f, x.data(), y.data());
    return y;
  });
}
