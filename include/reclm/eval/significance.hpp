#pragma once
/// @file significance.hpp
/// Is the difference between two models more than the luck of the users drawn? Wilcoxon's signed-rank test, the paired
/// bootstrap, and Holm's correction for asking often.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/eval/detail/resampling.hpp"

namespace reclm {

/// Outcome of a two-sided signed-rank test.
struct WilcoxonResult {
  double positive = 0;  ///< W+: sum of the ranks of positive differences
  double negative = 0;  ///< W-: of negative ones
  Index used = 0;       ///< pairs that differ
  bool exact = false;   ///< exact distribution, not the normal approximation
  double p_value = 1;   ///< 1 when no pair differs
};

struct BootstrapOptions {
  Index resamples = 2000;    ///< >= 1; the smallest p-value is 1/(resamples + 1)
  double confidence = 0.95;  ///< of the interval, in (0, 1)
  std::uint64_t seed = 1;
};

/// Outcome of a paired bootstrap.
struct BootstrapResult {
  double difference = 0;     ///< mean of a - b
  double low = 0, high = 0;  ///< percentile interval of that mean
  double p_value = 1;        ///< two-sided, from resampling the differences centred at 0
};

namespace detail {

inline void check_paired(std::size_t a, std::size_t b, const char* test) {
  if (a != b)
    throw ShapeError(std::string(test) + ": " + std::to_string(a) + " values against " + std::to_string(b) +
                     "; paired tests need the same users on both sides");
}

/// P(W <= w) and its mirror are equal under the null; `counts[s]` = number of sign patterns with rank sum s.
inline double exact_wilcoxon_p(double smaller, Index n) {
  const auto total = static_cast<std::size_t>(n * (n + 1) / 2);
  std::vector<double> share(total + 1, 0.0);
  share[0] = 1;
  std::size_t reach = 0;
  for (std::size_t rank = 1; rank <= static_cast<std::size_t>(n); ++rank) {
    reach += rank;
    // Each rank is positive or negative with probability 1/2; from the top, so that `share[s - rank]` is still the old
    // one.
    for (std::size_t s = reach + 1; s-- > 0;) share[s] = 0.5 * (share[s] + (s >= rank ? share[s - rank] : 0.0));
  }
  double below = 0;
  for (std::size_t s = 0; s <= static_cast<std::size_t>(smaller); ++s) below += share[s];
  return std::min(1.0, 2 * below);
}

/// A non-zero difference.
struct SignedSize {
  double size;
  bool positive;
};

/// Differences beyond float rounding of the inputs, by size. `tolerance` receives what counts as equal.
inline std::vector<SignedSize> sorted_differences(std::span<const float> a, std::span<const float> b,
                                                  double& tolerance) {
  float largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max({largest, std::fabs(a[i]), std::fabs(b[i])});
  tolerance = static_cast<double>(largest) * 4 * static_cast<double>(std::numeric_limits<float>::epsilon());
  std::vector<SignedSize> result;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    if (!std::isfinite(difference)) throw NumericError("signed-rank test: a value is not finite");
    if (std::fabs(difference) > tolerance) result.push_back({std::fabs(difference), difference > 0});
  }
  std::sort(result.begin(), result.end(), [](const auto& x, const auto& y) { return x.size < y.size; });
  return result;
}

}  // namespace detail

/// Wilcoxon's signed-rank test of the pairs (a[i], b[i]), two-sided (Wilcoxon 1945).
///
/// Pairs that do not differ are dropped. Up to 50 pairs without ties use the exact distribution, others the normal
/// approximation with tie and continuity correction. Differences within four float roundings of the largest value count
/// as equal, so that 2/3 - 1/3 ties with 1/3 - 0.
/// @throws ShapeError when the lengths differ; NumericError on NaN or infinity
/// Cost: O(n log n).
inline WilcoxonResult wilcoxon_signed_rank(std::span<const float> a, std::span<const float> b) {
  constexpr Index kExactUpTo = 50;
  detail::check_paired(a.size(), b.size(), "signed-rank test");
  double tolerance = 0;
  const auto differences = detail::sorted_differences(a, b, tolerance);
  WilcoxonResult result;
  result.used = static_cast<Index>(differences.size());
  if (differences.empty()) return result;
  double tie_term = 0;  // sum over groups of t^3 - t
  for (std::size_t begin = 0; begin < differences.size();) {
    std::size_t end = begin + 1;
    while (end < differences.size() && differences[end].size - differences[end - 1].size <= tolerance) ++end;
    const auto group = static_cast<double>(end - begin);
    const double rank = (static_cast<double>(begin + 1) + static_cast<double>(end)) / 2;
    for (std::size_t i = begin; i < end; ++i) (differences[i].positive ? result.positive : result.negative) += rank;
    tie_term += group * group * group - group;
    begin = end;
  }
  const double smaller = std::min(result.positive, result.negative);
  result.exact = tie_term == 0 && result.used <= kExactUpTo;
  if (result.exact) {
    result.p_value = detail::exact_wilcoxon_p(smaller, result.used);
    return result;
  }
  const auto n = static_cast<double>(result.used);
  const double mean = n * (n + 1) / 4;
  const double deviation = std::sqrt(n * (n + 1) * (2 * n + 1) / 24 - tie_term / 48);
  const double z = std::max(0.0, mean - smaller - 0.5) / deviation;
  result.p_value = std::min(1.0, std::erfc(z / std::sqrt(2.0)));
  return result;
}

/// Paired bootstrap of the mean of a - b: users are drawn with replacement, `resamples` times (Efron 1979).
///
/// The interval is the percentile interval; the p-value asks how often the centred differences give a mean at least as
/// far from 0 as the one seen. Same seed, same result, whatever the number of threads.
/// No pairs give NaN.
/// @throws ShapeError when the lengths differ; ConfigError on bad options; NumericError on NaN or infinity
/// Cost: O(resamples · n), parallel.
inline BootstrapResult paired_bootstrap(std::span<const float> a, std::span<const float> b,
                                        const BootstrapOptions& options = {}) {
  detail::check_paired(a.size(), b.size(), "paired bootstrap");
  if (options.resamples < 1 || !(options.confidence > 0 && options.confidence < 1))
    throw ConfigError("paired bootstrap: needs resamples >= 1 and 0 < confidence < 1");
  const std::size_t n = a.size();
  if (n == 0) {
    constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
    return {kUndefined, kUndefined, kUndefined, kUndefined};
  }
  std::vector<float> differences(n);
  for (std::size_t i = 0; i < n; ++i) {
    differences[i] = a[i] - b[i];
    if (!std::isfinite(differences[i])) throw NumericError("paired bootstrap: a value is not finite");
  }
  const double seen = std::accumulate(differences.begin(), differences.end(), 0.0) / static_cast<double>(n);
  std::vector<double> means(static_cast<std::size_t>(options.resamples));
  parallel_for(options.resamples, 16, [&](Index r) {
    means[static_cast<std::size_t>(r)] =
        detail::resampled_sum(differences, options.seed, Stream::bootstrap, static_cast<std::uint32_t>(r)) /
        static_cast<double>(n);
  });
  // Rounding of the sums must not decide whether a mean is as far out as the one seen.
  const double edge = std::fabs(seen) * (1 - 1e-9);
  const auto extreme =
      std::count_if(means.begin(), means.end(), [&](double mean) { return std::fabs(mean - seen) >= edge; });
  std::sort(means.begin(), means.end());
  const auto quantile = [&](double q) {
    const double place = q * static_cast<double>(means.size() - 1);
    const auto lower = static_cast<std::size_t>(place);
    const std::size_t upper = std::min(lower + 1, means.size() - 1);
    return means[lower] + (place - static_cast<double>(lower)) * (means[upper] - means[lower]);
  };
  const double tail = (1 - options.confidence) / 2;
  return {seen, quantile(tail), quantile(1 - tail),
          static_cast<double>(extreme + 1) / static_cast<double>(options.resamples + 1)};
}

/// Holm's step-down adjustment (Holm 1979): comparing each result with alpha keeps the chance of any false alarm in the
/// family at most alpha. NaN entries (not tested) stay NaN and do not count. O(n log n).
inline std::vector<double> holm_adjusted(std::span<const double> p_values) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < p_values.size(); ++i)
    if (!std::isnan(p_values[i])) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) { return p_values[x] < p_values[y]; });
  std::vector<double> adjusted(p_values.begin(), p_values.end());
  double floor = 0;
  for (std::size_t step = 0; step < order.size(); ++step) {
    const double scaled = p_values[order[step]] * static_cast<double>(order.size() - step);
    floor = std::max(floor, std::min(1.0, scaled));
    adjusted[order[step]] = floor;
  }
  return adjusted;
}

}  // namespace reclm
