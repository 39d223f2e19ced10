#pragma once
/// Kernels whose result is known number by number: random views against the scalar generator, Adam against its formula.

#include "cases.hpp"
#include "reclm/backend/kernels/adam.hpp"
#include "reclm/backend/kernels/views.hpp"

namespace reclm_test {

template <class B, class T>
void check_edge_drop() {
  using reclm::Random;
  for (const Index entries : {0, 1, 63, 64, 512, 513, 5003})
    for (const Index first : {Index{0}, Index{3}, Index{5003}, (Index{1} << 34) - 7})
      for (const float keep : {0.5f, 0.8f}) {
        CAPTURE(entries, first, keep);
        const Random random(12, reclm::Stream::edge_drop, 9);
        const auto in = numbers<T>(entries, 1);
        std::vector<double> expected;
        for (Index e = 0; e < entries; ++e)
          expected.push_back(random.uniform(static_cast<std::uint64_t>(first + e)) < keep
                                 ? static_cast<double>(in[static_cast<std::size_t>(e)]) / static_cast<double>(keep)
                                 : 0.0);
        const auto out = on<B>(garbage<T>(entries));
        reclm::kernels::drop_edges<B>(random, first, entries, keep, on<B>(in).data(), out.data());
        CHECK(difference(out.host(), expected) < rounding<T>());
      }
}

template <class B, class T>
void check_sign_noise() {
  using reclm::Random;
  struct Size {
    Index rows, cols, first;
  };
  // Widths of one number, of less than a block, of no whole blocks, of all a run can hold, and beyond it.
  for (const Size& size : {Size{5, 1, 0}, Size{100, 3, 2}, Size{77, 32, 64}, Size{31, 33, 5}, Size{3, 512, 1},
                           Size{4, 515, 0}, Size{2, 1300, 7}, Size{40, 32, (Index{1} << 33) + 1}}) {
    const Index rows = size.rows, cols = size.cols, first = size.first;
    CAPTURE(rows, cols, first);
    const Random random(7, reclm::Stream::view_noise, 3);
    auto x = numbers<T>(rows * cols, 2);
    x[0] = T(0);
    auto expected = in_double(x);
    for (Index row = 0; row < rows; ++row) {
      const auto u = [&](Index c) {
        return static_cast<double>(random.uniform(static_cast<std::uint64_t>(first + row * cols + c)));
      };
      double squares = 0;
      for (Index c = 0; c < cols; ++c) squares += u(c) * u(c);
      for (Index c = 0; c < cols; ++c) {
        double& value = expected[static_cast<std::size_t>(row * cols + c)];
        const double sign = value > 0 ? 1 : value < 0 ? -1 : 0;
        value += 0.9 * u(c) / std::sqrt(squares) * sign;
      }
    }
    const auto out = on<B>(x);
    reclm::kernels::add_sign_noise<B>(random, first, rows, cols, static_cast<T>(0.9), out.data());
    CHECK(difference(out.host(), expected) < rounding<T>(4));
  }
}

template <class B, class T>
void check_permutation() {
  const auto x = numbers<T>(100, 3);
  std::vector<Index> places;
  std::vector<double> expected;
  for (Index k = 0; k < 100; ++k) {
    places.push_back(k * 37 % 100);
    expected.push_back(static_cast<double>(x[static_cast<std::size_t>(places.back())]));
  }
  const auto out = on<B>(garbage<T>(100));
  B::for_rows(100, 1, reclm::kernels::Permute<T>{on<B>(x).data(), on<B>(places).data(), out.data()});
  CHECK(difference(out.host(), expected) == 0);
}

/// Adam's arrays and its formula in double, row by row.
struct PlainAdam {
  double beta1 = 0.9, beta2 = 0.99, epsilon = 1e-3, rate = 0.05, l2 = 0.02, decay = 0.01;
  std::vector<double> p, m, v;

  void step(std::size_t at, int t, double gradient) {
    const double g = gradient + l2 * p[at];
    m[at] = beta1 * m[at] + (1 - beta1) * g;
    v[at] = beta2 * v[at] + (1 - beta2) * g * g;
    const double m_hat = m[at] / (1 - std::pow(beta1, t)), v_hat = v[at] / (1 - std::pow(beta2, t));
    p[at] = p[at] * (1 - decay) - rate * m_hat / (std::sqrt(v_hat) + epsilon);
  }
  template <class T>
  [[nodiscard]] reclm::kernels::AdamRates<T> rates() const {
    return {static_cast<T>(beta1), static_cast<T>(beta2), static_cast<T>(epsilon), static_cast<T>(l2),
            static_cast<T>(decay)};
  }
  template <class T>
  [[nodiscard]] reclm::kernels::AdamStep<T> factors(int t) const {
    return {static_cast<T>(rate / (1 - std::pow(beta1, t))), static_cast<T>(1 / std::sqrt(1 - std::pow(beta2, t)))};
  }
};

/// Six steps: with a gradient, with none, for chosen rows; then the replay of what a row sat out.
template <class B, class T>
void check_adam() {
  using namespace reclm::kernels;
  const Index rows = 9;
  for (const Index cols : {1, 16, 31, 32, 50, 100}) {
    CAPTURE(cols);
    PlainAdam plain;
    const auto p = numbers<T>(rows * cols, 1), g = numbers<T>(rows * cols, 2);
    const std::vector<T> zeros(p.size(), T(0));
    plain.p = in_double(p);
    plain.m = plain.v = in_double(zeros);
    const auto dp = on<B>(p), dm = on<B>(zeros), dv = on<B>(zeros), dg = on<B>(g);
    const auto rates = plain.rates<T>();
    for (int t = 1; t <= 3; ++t) {
      const T* const gradient = t == 2 ? nullptr : dg.data();
      for (std::size_t at = 0; at < p.size(); ++at) plain.step(at, t, t == 2 ? 0 : static_cast<double>(g[at]));
      B::for_rows(rows, cols,
                  AdamDense<T>{rates, plain.factors<T>(t), gradient, dp.data(), dm.data(), dv.data(), cols});
    }
    const double tolerance = rounding<T>(100);
    CHECK(difference(dp.host(), plain.p) < tolerance);

    const std::vector<Id> chosen{7, 0, 4};
    const auto width = static_cast<std::size_t>(cols);
    for (std::size_t k = 0; k < chosen.size(); ++k)
      for (std::size_t c = 0; c < width; ++c)
        plain.step(static_cast<std::size_t>(chosen[k]) * width + c, 4, static_cast<double>(g[k * width + c]));
    const auto device_ids = on<B>(chosen);
    B::for_rows(3, cols,
                AdamRows<T>{rates, plain.factors<T>(4), device_ids.data(), 3, dg.data(), dp.data(), dm.data(),
                            dv.data(), cols});
    CHECK(difference(dp.host(), plain.p) < tolerance);

    // Rows 7, 0 and 4 have done 4 steps, the rest 3; first some rows catch up to 6 steps, then all.
    const auto since = on<B>(std::vector<std::uint32_t>(static_cast<std::size_t>(rows), 3));
    B::for_rows(3, 1, SetRows{device_ids.data(), 4, since.data()});
    std::vector<AdamStep<T>> table;
    for (int t = 1; t <= 8; ++t) table.push_back(plain.factors<T>(t));
    const auto steps = on<B>(table);
    const auto replay = [&](const Id* listed, Index count, std::uint32_t until) {
      B::for_rows(AdamReplay<T>::teams(count, B::on_device), cols,
                  AdamReplay<T>{rates, steps.data(), listed, count, since.data(), 0, until, dp.data(), dm.data(),
                                dv.data(), cols});
    };
    const auto done = since.host();
    for (std::size_t at = 0; at < p.size(); ++at)
      for (int t = static_cast<int>(done[at / width]) + 1; t <= 6; ++t) plain.step(at, t, 0);
    const std::vector<Id> some{4, 8, 1, 0, 3, 2};
    const auto device_some = on<B>(some);
    replay(device_some.data(), 6, 6);
    replay(nullptr, rows, 6);
    CHECK(since.host() == std::vector<std::uint32_t>(static_cast<std::size_t>(rows), 6));
    CHECK(difference(dp.host(), plain.p) < tolerance);
    // The same for all rows at once, without a count by row.
    for (std::size_t at = 0; at < p.size(); ++at)
      for (int t = 7; t <= 8; ++t) plain.step(at, t, 0);
    B::for_rows(
        AdamReplay<T>::teams(rows, B::on_device), cols,
        AdamReplay<T>{rates, steps.data(), nullptr, rows, nullptr, 6, 8, dp.data(), dm.data(), dv.data(), cols});
    CHECK(difference(dp.host(), plain.p) < tolerance);
    CHECK(difference(dm.host(), plain.m) < tolerance);
    CHECK(difference(dv.host(), plain.v) < tolerance);
  }
}

}  // namespace reclm_test
