// Activations in float32 on the CPU: what replaces the library's functions and divisions, against double precision.
#include <cmath>
#include <limits>
#include <vector>

#include "reclm/backend/cpu/gelu.hpp"
#include "reclm/backend/cpu/simd.hpp"
#include "reclm/backend/kernels/gated.hpp"
#include "reclm/backend/kernels/norm.hpp"
#include "reclm/backend/team.hpp"
#include "support/catch.hpp"

using namespace reclm;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

double exact_gelu(double x) { return x / 2 * std::erfc(-x / std::sqrt(2.0)); }

}  // namespace

TEST_CASE("powers of two in vector lanes are near those of double precision, at the borders too") {
  const auto power = [](float x) { return simd::exp2<float>(simd::splat(x))[0]; };
  double worst = 0;
  for (float x = -126; x <= 127; x += 0.00137f) {
    const double expected = std::exp2(static_cast<double>(x));
    worst = std::max(worst, std::abs(static_cast<double>(power(x)) - expected) / expected);
  }
  CHECK(worst < 2.4e-7);  // four units in the last place
  CHECK(power(0) == 1);
  CHECK(power(-127) <= 0x1p-126f);
  CHECK(power(-1e30f) <= 0x1p-126f);
  CHECK(power(-kInfinity) >= 0);
  CHECK(std::isnan(power(std::numeric_limits<float>::quiet_NaN())));
  CHECK(simd::exp2<double>(simd::splat(-2.5))[0] == std::exp2(-2.5));
}

TEST_CASE("reciprocals, sigmoid and the error function are near those of double precision, at the borders too") {
  double worst = 0;
  for (float x = 1; x < 0x1p100f; x *= 1.0037f)
    worst = std::max(worst, std::abs(static_cast<double>(kernels::fast_reciprocal(x)) * static_cast<double>(x) - 1));
  CHECK(worst < 2.4e-7);

  double sigmoid = 0, erf = 0;
  for (float x = -30; x < 30; x += 0.00137f) {
    const double v = static_cast<double>(x), expected = 1 / (1 + std::exp(-v));
    sigmoid = std::max(sigmoid, std::abs(static_cast<double>(kernels::fast_sigmoid(x)) - expected) / expected);
    erf = std::max(erf, std::abs(static_cast<double>(kernels::fast_erf(x)) - std::erf(v)));
  }
  CHECK(sigmoid < 1e-6);
  CHECK(erf < 6e-7);
  CHECK(kernels::fast_sigmoid(-kInfinity) < 1e-30f);
  CHECK(kernels::fast_sigmoid(-kInfinity) >= 0);
  CHECK(kernels::fast_sigmoid(kInfinity) == 1);
  CHECK(kernels::fast_erf(kInfinity) == 1);
  CHECK(kernels::fast_erf(-kInfinity) == -1);
  CHECK(kernels::fast_erf(std::numeric_limits<float>::max()) == 1);
  CHECK(std::isnan(kernels::fast_sigmoid(std::nanf(""))));
  CHECK(std::isnan(kernels::fast_erf(std::nanf(""))));
}

TEST_CASE("GELU by registers is that of the row kernel, for any number of elements") {
  for (const Index n : {1, 15, 16, 17, 1000}) {
    std::vector<float> x(static_cast<std::size_t>(n)), expected(x.size());
    for (Index i = 0; i < n; ++i) x[static_cast<std::size_t>(i)] = -9.0f + 18.0f * static_cast<float>(i) / 999;
    kernels::Gelu<float>{x.data(), nullptr, kernels::GeluKind::exact, 0, expected.data(), n}(CpuTeam{}, 0);
    const std::vector<float> from = x;
    cpu::gelu(x.data(), n);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double v = static_cast<double>(from[i]);
      REQUIRE(std::abs(static_cast<double>(x[i]) - exact_gelu(v)) <= 5e-7 * std::abs(v));
      REQUIRE(std::abs(static_cast<double>(expected[i]) - exact_gelu(v)) <= 5e-7 * std::abs(v));
    }
  }
  std::vector<float> borders{std::nanf(""), 0, -0.0f, 1e30f, -1e30f, kInfinity};
  cpu::gelu(borders.data(), static_cast<Index>(borders.size()));
  CHECK(std::isnan(borders[0]));
  CHECK(borders[1] == 0);
  CHECK(borders[2] == 0);
  CHECK(borders[3] == 1e30f);
  CHECK(borders[4] == 0);
  CHECK(borders[5] == kInfinity);
}

TEST_CASE("LayerNorm of a sum, which may lie where the result goes") {
  constexpr Index cols = 53;
  std::vector<double> x(cols), more(cols), sum(cols), weight(cols), bias(cols), expected(cols), statistics(2), own(2);
  for (Index c = 0; c < cols; ++c) {
    const auto i = static_cast<std::size_t>(c);
    x[i] = std::sin(static_cast<double>(c));
    more[i] = std::cos(static_cast<double>(3 * c));
    sum[i] = x[i] + more[i];
    weight[i] = 1 + 0.1 * static_cast<double>(c % 7);
    bias[i] = 0.01 * static_cast<double>(c);
  }
  using Norm = kernels::LayerNorm<double>;
  Norm{sum.data(), weight.data(), bias.data(), 1e-5, expected.data(), statistics.data(), cols}(CpuTeam{}, 0);
  Norm{x.data(), weight.data(), bias.data(), 1e-5, more.data(), own.data(), cols, more.data()}(CpuTeam{}, 0);
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(more[i] == Approx(expected[i]).epsilon(1e-12).margin(1e-12));
  CHECK(own[0] == Approx(statistics[0]));
  CHECK(own[1] == Approx(statistics[1]));
}
