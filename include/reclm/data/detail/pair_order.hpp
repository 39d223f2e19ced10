#pragma once
/// @file pair_order.hpp
/// What the splits share: an order of each user's pairs, shares, and the peeling of k-cores.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/data/interactions.hpp"

namespace reclm::detail {

// Steps of Stream::split: two choices never share random numbers.
inline constexpr std::uint32_t kRatioKeys = 0, kRatioRounding = 1, kLeaveOneOut = 2, kColdItems = 3, kSubsampleKeys = 4,
                               kSubsampleRounding = 5, kCarveKeys = 6, kCarveRounding = 7, kCarveItems = 8;

inline void check_one_each(const Interactions& all, std::size_t count, const char* what) {
  if (count != all.columns().size())
    throw ShapeError("there are " + std::to_string(count) + " " + what + " for " + std::to_string(all.size()) +
                     " pairs");
}

inline void check_shares(double first, double second) {
  if (!(first >= 0 && second >= 0 && first + second < 1))
    throw ConfigError("split shares must not be negative and must leave something for train; they are " +
                      std::to_string(first) + " and " + std::to_string(second));
}

/// share · n, rounded up with the probability of its fraction, at most `most`. @param draw uniform in [0, 1)
inline Index rounded_share(double share, Index n, float draw, Index most) {
  const auto count = static_cast<Index>(std::floor(share * static_cast<double>(n) + static_cast<double>(draw)));
  return std::clamp(count, Index{0}, std::max(most, Index{0}));
}

/// Calls `body(user, order)` for users that have pairs; `order` lists the places of the user's pairs, the latest first
/// and by random key among those of one moment (or all, when there are no timestamps).
template <class Body>
void for_each_user(const Interactions& all, std::span<const double> timestamps, Random keys, const Body& body) {
  if (!timestamps.empty()) check_one_each(all, timestamps.size(), "timestamps");
  struct Entry {
    double time;
    std::uint32_t key;
    Index place;
  };
  std::vector<Entry> entries;
  std::vector<Index> order;
  for (Id user = 0; user < all.users(); ++user) {
    const Index begin = all.offsets()[static_cast<std::size_t>(user)];
    const Index end = all.offsets()[static_cast<std::size_t>(user) + 1];
    if (begin == end) continue;
    entries.clear();
    for (Index k = begin; k < end; ++k)
      entries.push_back({timestamps.empty() ? 0.0 : timestamps[static_cast<std::size_t>(k)],
                         keys.bits(static_cast<std::uint64_t>(k)), k});
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
      if (a.time != b.time) return a.time > b.time;
      return std::pair(a.key, a.place) < std::pair(b.key, b.place);
    });
    order.clear();
    for (const Entry& entry : entries) order.push_back(entry.place);
    body(user, std::span<const Index>(order));
  }
}

/// Removes users and items with too few pairs until none is left; `drop(pair)` is called for each pair that falls.
template <class Drop>
void peel(const Interactions& all, Index user_least, Index item_least, const Drop& drop) {
  const auto users = static_cast<std::size_t>(all.users());
  // Where the pairs of each item stand.
  std::vector<std::size_t> starts(static_cast<std::size_t>(all.items()) + 1, 0);
  for (const Id item : all.columns()) ++starts[static_cast<std::size_t>(item) + 1];
  std::partial_sum(starts.begin(), starts.end(), starts.begin());
  std::vector<std::size_t> places(all.columns().size()), next(starts.begin(), starts.end() - 1);
  std::vector<Id> user_of(all.columns().size());
  for (std::size_t user = 0; user < users; ++user)
    for (auto k = static_cast<std::size_t>(all.offsets()[user]); k < static_cast<std::size_t>(all.offsets()[user + 1]);
         ++k) {
      places[next[static_cast<std::size_t>(all.columns()[k])]++] = k;
      user_of[k] = static_cast<Id>(user);
    }
  // Users and items are nodes of one graph: users first.
  std::vector<Index> left(users + static_cast<std::size_t>(all.items()));
  for (std::size_t user = 0; user < users; ++user) left[user] = all.offsets()[user + 1] - all.offsets()[user];
  for (std::size_t item = 0; item + 1 < starts.size(); ++item)
    left[users + item] = static_cast<Index>(starts[item + 1] - starts[item]);
  const auto too_few = [&](std::size_t node) { return left[node] < (node < users ? user_least : item_least); };
  std::vector<std::size_t> falling;
  std::vector<std::uint8_t> fallen(left.size(), 0), gone(all.columns().size(), 0);
  const auto look_at = [&](std::size_t node) {
    if (fallen[node] || !too_few(node)) return;
    fallen[node] = 1;
    falling.push_back(node);
  };
  for (std::size_t node = 0; node < left.size(); ++node) look_at(node);
  while (!falling.empty()) {
    const std::size_t node = falling.back();
    falling.pop_back();
    const auto remove = [&](std::size_t pair, std::size_t other) {
      if (std::exchange(gone[pair], std::uint8_t{1})) return;
      drop(pair);
      --left[other];
      look_at(other);
    };
    if (node < users)
      for (auto k = static_cast<std::size_t>(all.offsets()[node]);
           k < static_cast<std::size_t>(all.offsets()[node + 1]); ++k)
        remove(k, users + static_cast<std::size_t>(all.columns()[k]));
    else
      for (std::size_t k = starts[node - users]; k < starts[node - users + 1]; ++k)
        remove(places[k], static_cast<std::size_t>(user_of[places[k]]));
  }
}

}  // namespace reclm::detail
