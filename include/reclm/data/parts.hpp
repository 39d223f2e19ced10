#pragma once
/// @file parts.hpp
/// Who gets which interaction: each split gives every pair a part; parts become matrices.
///
/// All random choices come from Philox at fixed addresses, so that a split is a function of the pairs, the options and
/// the seed alone.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/data/detail/pair_order.hpp"
#include "reclm/data/interaction_values.hpp"
#include "reclm/data/interactions.hpp"

namespace reclm {

/// Where a pair goes.
enum class Part : std::uint8_t { train, valid, test, zero, dropped };

/// One part for each pair of an `Interactions`, in the order of its `pairs()`.
using Parts = std::vector<Part>;

/// The pairs of one part, in the same shape. @throws ShapeError unless there is a part for each pair. O(pairs)
inline Interactions take(const Interactions& all, const Parts& parts, Part part) {
  detail::check_one_each(all, parts.size(), "parts");
  std::vector<Index> offsets{0};
  offsets.reserve(all.offsets().size());
  std::vector<Id> items;
  items.reserve(static_cast<std::size_t>(std::count(parts.begin(), parts.end(), part)));
  for (Id user = 0; user < all.users(); ++user) {
    for (auto k = static_cast<std::size_t>(all.offsets()[static_cast<std::size_t>(user)]);
         k < static_cast<std::size_t>(all.offsets()[static_cast<std::size_t>(user) + 1]); ++k)
      if (parts[k] == part) items.push_back(all.columns()[k]);
    offsets.push_back(static_cast<Index>(items.size()));
  }
  return Interactions(all.users(), all.items(), std::move(offsets), std::move(items));
}

/// The values of the pairs of one part.
inline InteractionValues take(const InteractionValues& values, const Parts& parts, Part part) {
  InteractionValues taken;
  const auto copy = [&](const auto& from, auto& to) {
    if (from.empty()) return;
    if (from.size() != parts.size()) throw ShapeError("take: there are not as many values as pairs");
    for (std::size_t k = 0; k < parts.size(); ++k)
      if (parts[k] == part) to.push_back(from[k]);
  };
  copy(values.ratings, taken.ratings);
  copy(values.timestamps, taken.timestamps);
  return taken;
}

/// A share of each user's pairs, drawn at random.
struct RatioSplit {
  double valid = 0.1, test = 0.2;  ///< shares, 0 to 1, together below 1
  bool per_user = true;            ///< else pairs are drawn regardless of their user
  std::uint64_t seed = 1;
};

/// Random split by shares. Per user the counts are share · pairs, rounded up or down at random so that the expected
/// share is exact, but one pair stays in train, and test is served before valid: users with one pair give none, those
/// with two at most one. Sparse users make splits smaller than asked for.
/// @throws ConfigError on shares out of range
inline Parts ratio_split(const Interactions& all, const RatioSplit& options = {}) {
  detail::check_shares(options.valid, options.test);
  Parts parts(all.columns().size(), Part::train);
  const Random keys(options.seed, Stream::split, detail::kRatioKeys);
  if (!options.per_user) {
    for (std::size_t k = 0; k < parts.size(); ++k) {
      const double draw = keys.uniform(k);
      parts[k] = draw < options.test ? Part::test : draw < options.test + options.valid ? Part::valid : Part::train;
    }
    return parts;
  }
  const Random rounding(options.seed, Stream::split, detail::kRatioRounding);
  detail::for_each_user(all, {}, keys, [&](Id user, std::span<const Index> order) {
    const auto n = static_cast<Index>(order.size());
    const auto draw = 2 * static_cast<std::uint64_t>(user);
    const Index test = detail::rounded_share(options.test, n, rounding.uniform(draw), n - 1);
    const Index valid = detail::rounded_share(options.valid, n, rounding.uniform(draw + 1), n - 1 - test);
    for (Index k = 0; k < test + valid; ++k)
      parts[static_cast<std::size_t>(order[static_cast<std::size_t>(k)])] = k < test ? Part::test : Part::valid;
  });
  return parts;
}

/// One pair of each user for the test, and one for validation.
struct LeaveOneOut {
  bool valid = true;
  std::uint64_t seed = 1;
};

/// The last pair of each user with at least two goes to test, the one before, of users with at least three, to valid.
/// Last by time; pairs of one moment, and all pairs when `timestamps` is empty, come in random order.
inline Parts leave_one_out_split(const Interactions& all, std::span<const double> timestamps,
                                 const LeaveOneOut& options = {}) {
  Parts parts(all.columns().size(), Part::train);
  const Random keys(options.seed, Stream::split, detail::kLeaveOneOut);
  detail::for_each_user(all, timestamps, keys, [&](Id, std::span<const Index> order) {
    if (order.size() >= 2) parts[static_cast<std::size_t>(order[0])] = Part::test;
    if (options.valid && order.size() >= 3) parts[static_cast<std::size_t>(order[1])] = Part::valid;
  });
  return parts;
}

/// What happened first is train, what happened last is test.
struct TemporalSplit {
  double valid = 0.1, test = 0.2;  ///< shares of all pairs, 0 to 1, together below 1
};

/// Split at two moments for all users alike, as a recommender meets the world. Pairs of one moment stay together, on
/// the side that brings the share nearer to what was asked; neither train nor what comes after it is left empty for
/// that.
/// @throws ConfigError on shares out of range; ShapeError unless every pair has a timestamp
inline Parts temporal_split(const Interactions& all, std::span<const double> timestamps,
                            const TemporalSplit& options = {}) {
  detail::check_shares(options.valid, options.test);
  detail::check_one_each(all, timestamps.size(), "timestamps");
  std::vector<double> sorted(timestamps.begin(), timestamps.end());
  std::sort(sorted.begin(), sorted.end());
  // The moment from which on the last `share` of the pairs lies.
  const auto border = [&](double share) {
    const auto first = static_cast<std::size_t>(std::llround((1 - share) * static_cast<double>(sorted.size())));
    if (first >= sorted.size()) return std::numeric_limits<double>::infinity();
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(first);
    const auto [begin, end] = std::equal_range(sorted.begin(), sorted.end(), *middle);
    if (begin == sorted.begin())  // train is not left empty
      return end == sorted.end() ? std::numeric_limits<double>::infinity() : *end;
    return end == sorted.end() || middle - begin <= end - middle ? *begin : *end;
  };
  const double test = border(options.test), valid = border(options.valid + options.test);
  Parts parts(timestamps.size());
  std::transform(timestamps.begin(), timestamps.end(), parts.begin(), [&](double time) {
    return time >= test ? Part::test : time >= valid ? Part::valid : Part::train;
  });
  return parts;
}

/// Items that training shall never see.
struct ColdItems {
  double share = 0.1;   ///< of the items that have pairs, 0 to below 1
  bool newest = false;  ///< those that appear last in time, else random ones; needs timestamps
  std::uint64_t seed = 1;
};

/// Moves all pairs of some items to the part zero (dropped pairs stay dropped). @returns the items, ascending
/// @throws ConfigError on a share out of range; ShapeError when `newest` is asked for without a timestamp for every
/// pair
inline std::vector<Id> hold_out_items(const Interactions& all, Parts& parts, const ColdItems& options = {},
                                      std::span<const double> timestamps = {}) {
  detail::check_shares(options.share, 0);
  detail::check_one_each(all, parts.size(), "parts");
  if (options.newest) detail::check_one_each(all, timestamps.size(), "timestamps");
  const auto items = static_cast<std::size_t>(all.items());
  std::vector<double> born(items, std::numeric_limits<double>::infinity());
  for (std::size_t k = 0; k < parts.size(); ++k) {
    if (parts[k] == Part::dropped) continue;
    double& first = born[static_cast<std::size_t>(all.columns()[k])];
    first = std::min(first, options.newest ? timestamps[k] : 0.0);
  }
  std::vector<Id> order;
  for (std::size_t item = 0; item < items; ++item)
    if (std::isfinite(born[item])) order.push_back(static_cast<Id>(item));
  const Random keys(options.seed, Stream::split, detail::kColdItems);
  std::sort(order.begin(), order.end(), [&](Id a, Id b) {
    const double born_a = born[static_cast<std::size_t>(a)], born_b = born[static_cast<std::size_t>(b)];
    if (born_a != born_b) return born_a > born_b;
    return std::pair(keys.bits(static_cast<std::uint64_t>(a)), a) <
           std::pair(keys.bits(static_cast<std::uint64_t>(b)), b);
  });
  order.resize(static_cast<std::size_t>(std::llround(options.share * static_cast<double>(order.size()))));
  std::sort(order.begin(), order.end());
  for (std::size_t k = 0; k < parts.size(); ++k)
    if (parts[k] != Part::dropped && std::binary_search(order.begin(), order.end(), all.columns()[k]))
      parts[k] = Part::zero;
  return order;
}

/// Moves validation and test pairs whose item has no pair in train to the part zero: they are zero-shot targets.
inline void separate_cold_targets(const Interactions& all, Parts& parts) {
  detail::check_one_each(all, parts.size(), "parts");
  std::vector<std::uint8_t> trained(static_cast<std::size_t>(all.items()), 0);
  for (std::size_t k = 0; k < parts.size(); ++k)
    if (parts[k] == Part::train) trained[static_cast<std::size_t>(all.columns()[k])] = 1;
  for (std::size_t k = 0; k < parts.size(); ++k)
    if ((parts[k] == Part::valid || parts[k] == Part::test) && !trained[static_cast<std::size_t>(all.columns()[k])])
      parts[k] = Part::zero;
}

/// Fewest pairs of each user and each item.
struct KCore {
  Index users = 5, items = 5;
};

/// The largest set of pairs in which every user and every item has as many pairs as asked; the others are dropped.
/// O(pairs · log) in all: what falls is looked at once.
inline Parts k_core(const Interactions& all, const KCore& options = {}) {
  Parts parts(all.columns().size(), Part::train);
  detail::peel(all, options.users, options.items, [&](std::size_t pair) { parts[pair] = Part::dropped; });
  return parts;
}

/// A thinner train split.
struct Subsample {
  double share = 0.5;  ///< of each user's pairs that stays, 0 to 1
  Index keep = 1;      ///< pairs that every user keeps at least, where it has them
  std::uint64_t seed = 1;
};

/// Drops a part of each user's pairs, drawn at random. @throws ConfigError on a share out of range
inline Parts subsample(const Interactions& all, const Subsample& options = {}) {
  if (!(options.share >= 0 && options.share <= 1)) throw ConfigError("Subsample: share must lie in 0 … 1");
  Parts parts(all.columns().size(), Part::dropped);
  const Random keys(options.seed, Stream::split, detail::kSubsampleKeys);
  const Random rounding(options.seed, Stream::split, detail::kSubsampleRounding);
  detail::for_each_user(all, {}, keys, [&](Id user, std::span<const Index> order) {
    const auto n = static_cast<Index>(order.size());
    const float draw = rounding.uniform(static_cast<std::uint64_t>(user));
    const Index kept = std::max(detail::rounded_share(options.share, n, draw, n), std::min(options.keep, n));
    for (Index k = 0; k < kept; ++k) parts[static_cast<std::size_t>(order[static_cast<std::size_t>(k)])] = Part::train;
  });
  return parts;
}

/// Users with at least one and at most `clicks` pairs, ascending: the sparse users.
inline std::vector<Id> users_with_at_most(const Interactions& train, Index clicks) {
  std::vector<Id> users;
  for (Id user = 0; user < train.users(); ++user)
    if (const auto count = static_cast<Index>(train.of(user).size()); count > 0 && count <= clicks)
      users.push_back(user);
  return users;
}

}  // namespace reclm
