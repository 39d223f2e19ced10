#pragma once
/// @file splits.hpp
/// Splits of a whole data set. The single ways to split pairs are in parts.hpp.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/data/detail/pair_order.hpp"
#include "reclm/data/features.hpp"
#include "reclm/data/parts.hpp"

namespace reclm {

/// The distinct items of some pairs, ascending: what a split ranks unless it names candidates.
inline std::vector<Id> items_of(const Interactions& pairs) {
  std::vector<Id> items;
  const std::vector<Index> counts = pairs.item_counts();
  for (std::size_t item = 0; item < counts.size(); ++item)
    if (counts[item] > 0) items.push_back(static_cast<Id>(item));
  return items;
}

/// How interactions that come in one piece are split.
struct SplitOptions {
  enum class Kind {
    automatic,  ///< temporal where there are timestamps, else ratio
    ratio,
    temporal,
    leave_one_out,
  };
  Kind kind = Kind::automatic;
  double valid = 0.1, test = 0.2;  ///< shares; leave_one_out only looks whether `valid` is above 0
  double cold_items = 0.1;         ///< share of the items that are kept from training, 0 to below 1
  KCore core{0, 0};                ///< fewest pairs of users and items, before anything is split
  std::uint64_t seed = 1;
};

/// The parts of interactions that come in one piece: first the k-core, then the split, then the cold items; targets
/// whose item train does not hold go to the part zero.
/// @throws ConfigError when an option is out of range or nothing is left for train
inline Parts split_parts(const Interactions& all, const InteractionValues& values, const SplitOptions& options = {}) {
  using Kind = SplitOptions::Kind;
  const Parts core = k_core(all, options.core);
  const Interactions kept = take(all, core, Part::train);
  const InteractionValues kept_values = take(values, core, Part::train);
  const bool times = !kept_values.timestamps.empty();
  if (options.kind == Kind::temporal && !times)
    throw ConfigError("SplitOptions: a temporal split needs timestamps. Remedy: name the column, or split by ratio");
  Parts parts;
  if (options.kind == Kind::temporal || (options.kind == Kind::automatic && times))
    parts = temporal_split(kept, kept_values.timestamps, {options.valid, options.test});
  else if (options.kind == Kind::leave_one_out)
    parts = leave_one_out_split(kept, kept_values.timestamps, {options.valid > 0, options.seed});
  else
    parts = ratio_split(kept, {options.valid, options.test, true, options.seed});
  if (options.cold_items > 0) hold_out_items(kept, parts, {options.cold_items, false, options.seed});
  separate_cold_targets(kept, parts);
  if (std::find(parts.begin(), parts.end(), Part::train) == parts.end())
    throw ConfigError("SplitOptions: nothing is left for train. Remedy: lower the k-core or the shares");

  Parts result(core.size(), Part::dropped);
  for (std::size_t k = 0, next = 0; k < core.size(); ++k)
    if (core[k] == Part::train) result[k] = parts[next++];
  return result;
}

/// Makes the splits of `data` and their candidates from pairs and their parts; profiles made from histories are made
/// anew. The pairs may be those of `data`.
inline void apply_parts(Dataset& data, const Interactions& all, const InteractionValues& values, const Parts& parts) {
  Interactions train = take(all, parts, Part::train), valid = take(all, parts, Part::valid),
               test = take(all, parts, Part::test), zero = take(all, parts, Part::zero);
  data.train_values = take(values, parts, Part::train);
  data.train = std::move(train);
  data.valid = std::move(valid);
  data.test = std::move(test);
  data.zero = std::move(zero);
  data.valid_zero = {};
  data.valid_zero_candidates.clear();
  data.valid_candidates = items_of(data.valid);
  data.test_candidates = items_of(data.test);
  data.zero_candidates = items_of(data.zero);
  refresh_history_profiles(data);
}

/// How a validation split is taken out of train.
struct CarveOptions {
  double share = 0.1;     ///< of each user's train pairs, 0 to below 1
  bool by_time = false;   ///< each user's latest pairs, else random ones; needs `train_values.timestamps`
  Index keep = 1;         ///< pairs of other than cold items that each user keeps in train at least
  double cold_items = 0;  ///< share of the train items whose pairs all go to `valid_zero`: selection for zero-shot;
                          ///< users who clicked nothing else have no train pair left
  std::uint64_t seed = 1;
};

namespace detail {

/// Train items that are to look unseen, as flags.
inline std::vector<std::uint8_t> pseudo_cold_items(const Interactions& train, const CarveOptions& options) {
  const std::vector<Id> trained = items_of(train);
  const Random keys(options.seed, Stream::split, kCarveItems);
  std::vector<std::pair<std::uint32_t, Id>> order;
  for (const Id item : trained) order.emplace_back(keys.bits(static_cast<std::uint64_t>(item)), item);
  std::sort(order.begin(), order.end());
  const auto wanted = static_cast<std::size_t>(std::llround(options.cold_items * static_cast<double>(order.size())));
  order.resize(std::min(wanted, order.size() - std::min<std::size_t>(order.size(), 1)));  // an item stays
  std::vector<std::uint8_t> cold(static_cast<std::size_t>(train.items()), 0);
  for (const auto& [key, item] : order) cold[static_cast<std::size_t>(item)] = 1;
  return cold;
}

/// Gives the first pair of each item that lost all its pairs back to train. Pairs of the part zero are left alone.
inline void keep_items_trained(const Interactions& train, Parts& parts) {
  std::vector<std::uint8_t> trained(static_cast<std::size_t>(train.items()), 0);
  for (std::size_t k = 0; k < parts.size(); ++k)
    if (parts[k] == Part::train) trained[static_cast<std::size_t>(train.columns()[k])] = 1;
  for (std::size_t k = 0; k < parts.size(); ++k)
    if (auto& known = trained[static_cast<std::size_t>(train.columns()[k])]; parts[k] == Part::valid && !known) {
      parts[k] = Part::train;
      known = 1;
    }
}

}  // namespace detail

/// Takes a validation split out of `data.train`: `valid` with warm targets, and `valid_zero` with targets whose items
/// train no longer holds when `cold_items` is above 0. Candidates are the items of each. Per user the share is rounded
/// up or down at random so that the expected share is exact, as far as `keep` allows (users with one pair give none by
/// default), and no item loses its last train pair to `valid`: sparse data give less than the share. Profiles
/// made from histories are made anew. What `cold_items` takes away is no longer trained on: train anew for the final
/// model.
/// @throws ConfigError when there is a validation split already, an option is out of range, or timestamps are missing
inline void carve_validation(Dataset& data, const CarveOptions& options = {}) {
  detail::check_shares(options.share, 0);
  detail::check_shares(options.cold_items, 0);
  if (!data.valid.empty() || !data.valid_zero.empty())
    throw ConfigError("carve_validation: the data set has a validation split already");
  if (options.by_time && data.train_values.timestamps.empty())
    throw ConfigError("carve_validation: by_time needs timestamps. Remedy: load them, or carve at random");
  const Interactions& train = data.train;
  const std::vector<std::uint8_t> cold = detail::pseudo_cold_items(train, options);
  Parts parts(train.columns().size(), Part::train);
  const Random keys(options.seed, Stream::split, detail::kCarveKeys);
  const Random rounding(options.seed, Stream::split, detail::kCarveRounding);
  const std::vector<double> none;
  detail::for_each_user(
      train, options.by_time ? data.train_values.timestamps : none, keys, [&](Id user, std::span<const Index> order) {
        const auto is_cold = [&](Index place) {
          return cold[static_cast<std::size_t>(train.columns()[static_cast<std::size_t>(place)])] != 0;
        };
        const auto warm = static_cast<Index>(order.size()) - std::count_if(order.begin(), order.end(), is_cold);
        Index wanted = detail::rounded_share(options.share, warm, rounding.uniform(static_cast<std::uint64_t>(user)),
                                             warm - std::max(options.keep, Index{0}));
        for (const Index place : order) {
          if (is_cold(place))
            parts[static_cast<std::size_t>(place)] = Part::zero;
          else if (wanted-- > 0)
            parts[static_cast<std::size_t>(place)] = Part::valid;
        }
      });
  detail::keep_items_trained(train, parts);
  data.valid = take(train, parts, Part::valid);
  data.valid_candidates = items_of(data.valid);
  data.valid_zero = take(train, parts, Part::zero);
  data.valid_zero_candidates = items_of(data.valid_zero);
  data.train_values = take(data.train_values, parts, Part::train);
  data.train = take(train, parts, Part::train);
  refresh_history_profiles(data);
}

/// Thins `data.train`, as the sparse setting asks; profiles made from histories are made anew.
inline void make_sparse(Dataset& data, const Subsample& options = {}) {
  const Parts parts = subsample(data.train, options);
  data.train_values = take(data.train_values, parts, Part::train);
  data.train = take(data.train, parts, Part::train);
  refresh_history_profiles(data);
}

}  // namespace reclm
