#pragma once
/// @file paired_gain.hpp
/// Is one ranking better than another, and for whom: paired differences over the users of a validation sample.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

#include "reclm/align/detail/validation_sample.hpp"
#include "reclm/core/config.hpp"

namespace reclm::detail {

/// The paired differences a − b of the rows that both know.
struct PairedGain {
  double mean = 0, error = 0;  ///< the mean, and its standard error
  Index rows = 0, differing = 0;
  PairedGain(std::span<const float> a, std::span<const float> b) {
    double sum = 0, squares = 0;
    for (std::size_t k = 0; k < a.size(); ++k) {
      if (std::isnan(a[k]) || std::isnan(b[k])) continue;
      const double d = static_cast<double>(a[k]) - static_cast<double>(b[k]);
      sum += d, squares += d * d, ++rows, differing += d != 0;
    }
    if (rows < 2) return;
    const auto n = static_cast<double>(rows);
    mean = sum / n;
    error = std::sqrt(std::max(squares / n - mean * mean, 0.0) / (n - 1));
  }
};

/// True when `a` lies above `b` by more than the standard error: a gain that would not vanish with other users as
/// likely as not.
inline bool clearly_better(std::span<const float> a, std::span<const float> b) {
  const PairedGain gain(a, b);
  return gain.rows >= 2 && gain.mean > gain.error;
}

/// Fewer users show nothing, whatever their figures are.
inline constexpr Index kEnoughUsers = 20;
/// No history is so long.
inline constexpr Index kNoLength = Index{1} << 40;

/// True when `a` lies above `b` by more than `errors` standard errors, and enough rows differ for that to mean
/// something.
inline bool surely_better(std::span<const float> a, std::span<const float> b, double errors) {
  const PairedGain gain(a, b);
  return gain.differing >= kEnoughUsers && gain.mean > errors * gain.error;
}

/// The length of histories from which on the sample vouches for `a` against `b`: of its users in the order of their
/// clicks, in groups of a fifth and at least kEnoughUsers, those are left out at the short end to whom `a` clearly does
/// harm. kNoLength where there are too few users. Longer histories than the sample's count as vouched for.
inline Index vouched_from(const ValidationSample& sample, std::span<const float> a, std::span<const float> b) {
  const auto n = static_cast<Index>(sample.users.size());
  std::vector<std::size_t> order(sample.users.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto length = [&](Index place) {
    return sample.history(static_cast<Index>(order[static_cast<std::size_t>(place)]));
  };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) {
    return sample.history(static_cast<Index>(x)) < sample.history(static_cast<Index>(y));
  });
  const Index group = std::max(kEnoughUsers, n / 5);
  for (Index begin = 0; begin + kEnoughUsers <= n;) {
    Index end = std::min(begin + group, n);
    while (end < n && length(end) == length(end - 1)) ++end;  // equals stay together
    std::vector<float> of_a, of_b;
    for (Index k = begin; k < end; ++k) {
      of_a.push_back(a[order[static_cast<std::size_t>(k)]]);
      of_b.push_back(b[order[static_cast<std::size_t>(k)]]);
    }
    // Nine in ten of a group have so many clicks: one short history among long ones vouches for nobody.
    if (!clearly_better(of_b, of_a)) return length(begin + (end - begin) / 10);
    begin = end;
  }
  return kNoLength;
}

}  // namespace reclm::detail
