#pragma once
/// @file catalogue.hpp
/// What the lists of all users together do to the catalogue: coverage, concentration, novelty.

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/top_k.hpp"
#include "reclm/data/interactions.hpp"

namespace reclm {

/// Figures of a whole set of lists; NaN where nothing was listed.
struct CatalogueFigures {
  double coverage = 0;  ///< share of the candidates that somebody was shown, in [0, 1]
  double gini = 0;      ///< of the candidates' exposures: 0 all alike, (n - 1)/n when one item takes all
  double novelty = 0;   ///< mean of -log2 p(item) over all listed items, in bits
};

/// Gini coefficient of non-negative counts: 0 for equal counts, (n - 1)/n when one has everything. NaN when all are 0.
inline double gini_coefficient(std::vector<Index> counts) {
  std::sort(counts.begin(), counts.end());
  double total = 0;
  double weighted = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    total += static_cast<double>(counts[i]);
    weighted += static_cast<double>(i + 1) * static_cast<double>(counts[i]);
  }
  if (total == 0) return std::numeric_limits<double>::quiet_NaN();
  const auto n = static_cast<double>(counts.size());
  return 2 * weighted / (n * total) - (n + 1) / n;
}

/// Measures the first `k` columns of `lists`.
///
/// p(item) = (train users of the item + 1) / (users + 1): mean self-information (Zhou et al., PNAS 2010), with one
/// added so that unseen items count as log2(users + 1) bits instead of infinitely many.
/// @param candidates ascending; what could have been listed
/// @throws ShapeError when candidates are not ascending, a listed item is none, or lists have fewer than `k` columns
/// Cost: O(users · k + items), in one thread.
inline CatalogueFigures catalogue_figures(const TopK& lists, std::span<const Id> candidates, const Interactions& train,
                                          Index k) {
  constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
  if (lists.items.rows() == 0 || candidates.empty()) return {kUndefined, kUndefined, kUndefined};
  if (k < 1 || k > lists.items.cols())
    throw ShapeError("catalogue figures: k = " + std::to_string(k) + " for lists of " +
                     std::to_string(lists.items.cols()) + " items");
  if (candidates.front() < 0 || !std::ranges::is_sorted(candidates))
    throw ShapeError("catalogue figures: candidates must be ascending item ids. Remedy: sort them");
  constexpr Index kNoCandidate = -1;
  std::vector<Index> exposure_of(static_cast<std::size_t>(candidates.back()) + 1, kNoCandidate);  // by item id
  for (const Id item : candidates) exposure_of[static_cast<std::size_t>(item)] = 0;
  for (Index r = 0; r < lists.items.rows(); ++r) {
    for (const Id item : lists.items.row(r).first(static_cast<std::size_t>(k))) {
      if (item == kNoItem) break;
      const auto place = static_cast<std::size_t>(item);
      if (item < 0 || place >= exposure_of.size() || exposure_of[place] == kNoCandidate)
        throw ShapeError("catalogue figures: item " + std::to_string(item) + " is listed but no candidate");
      ++exposure_of[place];
    }
  }
  const std::vector<Index> popularity = train.item_counts();
  const double everyone = static_cast<double>(train.users()) + 1;
  double listed = 0;
  double shown = 0;
  double bits = 0;
  std::vector<Index> exposures;
  exposures.reserve(candidates.size());
  for (const Id candidate : candidates) {
    const auto item = static_cast<std::size_t>(candidate);
    exposures.push_back(exposure_of[item]);
    if (exposures.back() == 0) continue;
    const auto fans = item < popularity.size() ? static_cast<double>(popularity[item]) : 0.0;
    const auto times = static_cast<double>(exposures.back());
    shown += 1;
    listed += times;
    bits -= times * std::log2((fans + 1) / everyone);
  }
  if (listed == 0) return {0, kUndefined, kUndefined};
  return {shown / static_cast<double>(candidates.size()), gini_coefficient(std::move(exposures)), bits / listed};
}

}  // namespace reclm
