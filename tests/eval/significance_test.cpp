#include <cmath>

#include "reclm/core/parallel.hpp"
#include "reclm/eval/significance.hpp"
#include "support/catch.hpp"

using namespace reclm;

// Reference values come from scipy 1.17.1, scipy.stats.wilcoxon(x - y, zero_method="wilcox") on the same float32 inputs
// taken to float64: method="exact" where the case says exact, otherwise method="approx", correction=True.

TEST_CASE("signed-rank test: exact p-values of small samples") {
  const std::vector<float> a{1.83f, 0.50f, 1.62f, 2.48f, 1.68f, 1.88f, 1.55f, 3.06f, 1.30f};
  const std::vector<float> b{0.878f, 0.647f, 0.598f, 2.05f, 1.06f, 1.29f, 1.06f, 3.14f, 1.29f};
  const auto result = wilcoxon_signed_rank(a, b);
  CHECK(result.exact);
  CHECK(result.used == 9);
  CHECK(result.positive == 40);
  CHECK(result.negative == 5);
  CHECK(result.p_value == Approx(0.0390625).epsilon(1e-12));

  std::vector<float> x, y;
  for (int i = 1; i <= 20; ++i) {
    x.push_back(static_cast<float>((7 * i * i + 3 * i) % 101) / 128.0f);
    y.push_back(static_cast<float>((5 * i * i + 11 * i) % 103 / 97.0));
  }
  const auto twenty = wilcoxon_signed_rank(x, y);
  CHECK(twenty.exact);
  CHECK(std::min(twenty.positive, twenty.negative) == 48);
  CHECK(twenty.p_value == Approx(0.03276824951171875).epsilon(1e-12));
  CHECK(wilcoxon_signed_rank(y, x).p_value == twenty.p_value);
}

TEST_CASE("signed-rank test: ties and zeros go through the normal approximation") {
  std::vector<float> p, q;
  for (int i = 0; i < 60; ++i) {
    p.push_back(static_cast<float>(i * 7 % 5) / 4);
    q.push_back(static_cast<float>(i * 3 % 4) / 4);
  }
  const auto result = wilcoxon_signed_rank(p, q);
  CHECK_FALSE(result.exact);
  CHECK(result.used == 48);
  CHECK(result.positive == 780);
  CHECK(result.negative == 396);
  CHECK(result.p_value == Approx(0.04620735353026579).epsilon(1e-10));

  const std::vector<float> d{1, 1, 2, -1, 3, 0, 2, 2};
  const std::vector<float> zero(d.size(), 0.0f);
  CHECK(wilcoxon_signed_rank(d, zero).p_value == Approx(0.048582930923358435).epsilon(1e-10));
}

TEST_CASE("signed-rank test: larger samples without ties") {
  std::vector<float> x, y;
  for (int i = 1; i <= 200; ++i) {
    x.push_back(static_cast<float>(7919 * i % 1009) / 1024);
    y.push_back(static_cast<float>(104729 * i % 1013) / 1024 * 0.875f);
  }
  const auto result = wilcoxon_signed_rank(x, y);
  CHECK(std::min(result.positive, result.negative) == 8243);
  CHECK(result.p_value == Approx(0.02750765033284712).epsilon(1e-10));
}

TEST_CASE("signed-rank test: rounding of equal differences does not break ties") {
  // Thirds: 2/3 - 1/3 and 1/3 - 0 differ in their last bits.
  const std::vector<float> a{2.0f / 3, 1.0f / 3, 1.0f, 1.0f};
  const std::vector<float> b{1.0f / 3, 0.0f, 2.0f / 3, 0.0f};
  const auto result = wilcoxon_signed_rank(a, b);
  CHECK_FALSE(result.exact);
  CHECK(result.positive == 10);
}

TEST_CASE("signed-rank test: edges") {
  const std::vector<float> same{1, 2, 3};
  const auto equal = wilcoxon_signed_rank(same, same);
  CHECK(equal.used == 0);
  CHECK(equal.p_value == 1);
  CHECK(wilcoxon_signed_rank({}, {}).p_value == 1);
  const std::vector<float> one{2};
  const std::vector<float> other{1};
  CHECK(wilcoxon_signed_rank(one, other).p_value == Approx(1));
  CHECK_THROWS_AS(wilcoxon_signed_rank(same, one), ShapeError);
  const std::vector<float> broken{std::nanf("")};
  CHECK_THROWS_AS(wilcoxon_signed_rank(broken, one), NumericError);
}

TEST_CASE("bootstrap: interval and p-value agree with a long reference run") {
  // scipy.stats.bootstrap((x - y,), np.mean, n_resamples=100000, method="percentile"): 0.01350 … 0.11397;
  // mean 0.063712158203125, its standard error 0.0255848, so that the normal p-value is 0.0128.
  std::vector<float> x, y;
  for (int i = 1; i <= 200; ++i) {
    x.push_back(static_cast<float>(7919 * i % 1009) / 1024);
    y.push_back(static_cast<float>(104729 * i % 1013) / 1024 * 0.875f);
  }
  const auto result = paired_bootstrap(x, y, {.resamples = 20000});
  CHECK(result.difference == Approx(0.063712158203125).epsilon(1e-6));
  CHECK(result.low == Approx(0.01350).margin(0.0015));
  CHECK(result.high == Approx(0.11397).margin(0.0015));
  CHECK(result.p_value == Approx(0.0128).margin(0.003));
  const auto mirrored = paired_bootstrap(y, x, {.resamples = 20000});
  CHECK(mirrored.low == Approx(-result.high));
  CHECK(mirrored.p_value == Approx(result.p_value));
}

TEST_CASE("bootstrap: the same bits for one thread and for several, other bits for another seed") {
  std::vector<float> x, y;
  for (int i = 0; i < 1000; ++i) {
    x.push_back(static_cast<float>(i % 7) / 7);
    y.push_back(static_cast<float>(i % 11) / 11);
  }
  const auto many = paired_bootstrap(x, y, {.resamples = 300});
  const auto other = paired_bootstrap(x, y, {.resamples = 300, .seed = 2});
  const ThreadLimit one(1);
  const auto single = paired_bootstrap(x, y, {.resamples = 300});
  CHECK(single.low == many.low);
  CHECK(single.high == many.high);
  CHECK(single.p_value == many.p_value);
  CHECK(other.low != many.low);
}

TEST_CASE("bootstrap: resampled sums draw what the random stream says") {
  const Random random(0x123456789abcdefULL, Stream::bootstrap, 7);
  for (const std::size_t n : {1u, 3u, 4u, 255u, 256u, 259u, 1000u}) {
    std::vector<float> values;
    for (std::size_t i = 0; i < n; ++i) values.push_back(static_cast<float>(i * i % 97));
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i)
      sum += static_cast<double>(values[random.below(i, static_cast<std::uint32_t>(n))]);
    CHECK(detail::resampled_sum(values, 0x123456789abcdefULL, Stream::bootstrap, 7) == sum);
  }
}

TEST_CASE("bootstrap: edges") {
  const std::vector<float> a{1, 1, 1};
  const std::vector<float> b{0, 0, 0};
  const auto constant = paired_bootstrap(a, b, {.resamples = 100});
  CHECK(constant.low == 1);
  CHECK(constant.high == 1);
  CHECK(constant.p_value == Approx(1.0 / 101));
  CHECK(paired_bootstrap(a, a, {.resamples = 100}).p_value == 1);
  CHECK(std::isnan(paired_bootstrap({}, {}).difference));
  CHECK_THROWS_AS(paired_bootstrap(a, {}), ShapeError);
  CHECK_THROWS_AS(paired_bootstrap(a, std::vector<float>{0, std::nanf(""), 0}), NumericError);
  CHECK_THROWS_AS(paired_bootstrap(a, b, {.resamples = 0}), ConfigError);
  CHECK_THROWS_AS(paired_bootstrap(a, b, {.confidence = 1}), ConfigError);
}

TEST_CASE("Holm's adjustment equals R's p.adjust and skips what was not tested") {
  // R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") is 0.03 0.06 0.06 0.02.
  const std::vector<double> raw{0.01, 0.04, 0.03, 0.005};
  const auto adjusted = holm_adjusted(raw);
  CHECK(adjusted[0] == Approx(0.03));
  CHECK(adjusted[1] == Approx(0.06));
  CHECK(adjusted[2] == Approx(0.06));
  CHECK(adjusted[3] == Approx(0.02));
  const std::vector<double> gaps{std::nan(""), 0.02, 0.9, 0.7};
  const auto with_gaps = holm_adjusted(gaps);
  CHECK(std::isnan(with_gaps[0]));
  CHECK(with_gaps[1] == Approx(0.06));
  CHECK(with_gaps[2] == 1);
  CHECK(with_gaps[3] == 1);
  CHECK(holm_adjusted({}).empty());
}
