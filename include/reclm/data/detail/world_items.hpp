#pragma once
/// @file world_items.hpp
/// The embedded world's items: what they are about, their style, popularity and first day; and pools to draw them from.

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/data/detail/world_draws.hpp"
#include "reclm/data/detail/world_tuning.hpp"
#include "reclm/data/detail/world_vocabulary.hpp"

namespace reclm::detail {

/// Draws by weight: cumulative sums and a binary search.
class WeightedDraw {
 public:
  WeightedDraw() = default;
  explicit WeightedDraw(std::span<const double> weights) : sums_(weights.size()) {
    std::partial_sum(weights.begin(), weights.end(), sums_.begin());
  }
  [[nodiscard]] std::size_t size() const { return sums_.size(); }
  /// A position in [begin, end), begin < end, for a uniform number.
  [[nodiscard]] std::size_t at(double uniform, std::size_t begin, std::size_t end) const {
    const double low = begin == 0 ? 0.0 : sums_[begin - 1];
    const double target = low + uniform * (sums_[end - 1] - low);
    const auto first = sums_.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto found = std::upper_bound(first, sums_.begin() + static_cast<std::ptrdiff_t>(end), target);
    return std::min(static_cast<std::size_t>(found - sums_.begin()), end - 1);
  }
  [[nodiscard]] std::size_t at(double uniform) const { return at(uniform, 0, size()); }

 private:
  std::vector<double> sums_;
};

/// Which interests are common, and which one goes along with each.
struct WorldLayout {
  WeightedDraw interests;
  std::vector<Id> companion;

  WorldLayout(std::uint64_t seed, Index count) : companion(static_cast<std::size_t>(count)) {
    WorldDraws draws(seed, WorldPart::layout, 0);
    std::vector<double> weights(static_cast<std::size_t>(count));
    for (double& w : weights) w = std::exp(0.7 * draws.normal());
    interests = WeightedDraw(weights);
    for (std::size_t k = 0; k < companion.size(); ++k) {
      // Of another topic, so that text alone does not show that the two go together.
      do companion[k] = static_cast<Id>(draws.below(count));
      while (companion[k] / kInterestsPerTopic == static_cast<Id>(k) / kInterestsPerTopic);
    }
  }
};

/// Items in the order of their numbers.
struct WorldItems {
  std::vector<std::vector<Id>> interests;  ///< one or two, the main one first
  Matrix<float> styles;                    ///< [items, kStyles], standard normal
  std::vector<double> weights;             ///< popularity
  std::vector<double> births;              ///< first day, 0 … 1; item 0 is there from the start
  std::vector<char> told;                  ///< whether the text says what the item is about

  WorldItems(std::uint64_t seed, Index count, double new_share, double cut, const WorldLayout& layout,
             const WorldTuning& tuning)
      : interests(static_cast<std::size_t>(count)),
        styles(count, kStyles),
        weights(static_cast<std::size_t>(count)),
        births(static_cast<std::size_t>(count)),
        told(static_cast<std::size_t>(count)) {
    const std::vector<Index> ranks = shuffled_ranks(seed, count);
    parallel_for(count, 256, [&](Index i) {
      WorldDraws draws(seed, WorldPart::item, i);
      const auto at = static_cast<std::size_t>(i);
      interests[at].push_back(static_cast<Id>(layout.interests.at(draws.uniform())));
      if (draws.chance(tuning.second_interest)) {
        const auto second = static_cast<Id>(layout.interests.at(draws.uniform()));
        if (second != interests[at].front()) interests[at].push_back(second);
      }
      for (float& style : styles.row(i)) style = static_cast<float>(draws.normal());
      // The last, never told style is quality: better things are seen more often.
      weights[at] = std::pow(static_cast<double>(ranks[at]) + tuning.popularity_offset, -tuning.popularity_exponent) *
                    std::exp(0.3 * static_cast<double>(styles(i, kStyles - 1)));
      told[at] = draws.chance(1 - tuning.untold) ? 1 : 0;
      if (i == 0)
        births[at] = 0;
      else if (draws.chance(new_share))
        births[at] = cut + (1 - cut) * draws.uniform();
      else
        births[at] = draws.chance(tuning.oldest_share) ? 0.0 : cut * draws.uniform();
    });
  }

 private:
  static std::vector<Index> shuffled_ranks(std::uint64_t seed, Index count) {
    std::vector<std::pair<double, Index>> keys(static_cast<std::size_t>(count));
    parallel_for(count, 1024, [&](Index i) {
      keys[static_cast<std::size_t>(i)] = {WorldDraws(seed, WorldPart::rank, i).uniform(), i};
    });
    std::sort(keys.begin(), keys.end());
    std::vector<Index> ranks(keys.size());
    for (std::size_t k = 0; k < keys.size(); ++k)
      ranks[static_cast<std::size_t>(keys[k].second)] = static_cast<Index>(k);
    return ranks;
  }
};

/// Some items in the order of their first day, so that those there at a time are a prefix.
class WorldPool {
 public:
  WorldPool() = default;
  WorldPool(const WorldItems& all, std::vector<Id> members) : items_(std::move(members)) {
    const auto birth = [&](Id i) { return all.births[static_cast<std::size_t>(i)]; };
    std::sort(items_.begin(), items_.end(),
              [&](Id a, Id b) { return birth(a) != birth(b) ? birth(a) < birth(b) : a < b; });
    std::vector<double> weights;
    for (const Id item : items_) {
      births_.push_back(birth(item));
      weights.push_back(all.weights[static_cast<std::size_t>(item)]);
    }
    draw_ = WeightedDraw(weights);
  }

  /// A popular item that came between `since` and `now`; -1 where none did.
  Id draw(WorldDraws& draws, double now, double since = -1) const {
    const auto end = static_cast<std::size_t>(std::upper_bound(births_.begin(), births_.end(), now) - births_.begin());
    const auto begin =
        static_cast<std::size_t>(std::upper_bound(births_.begin(), births_.end(), since) - births_.begin());
    return begin >= end ? Id{-1} : items_[draw_.at(draws.uniform(), begin, end)];
  }

 private:
  std::vector<Id> items_;
  std::vector<double> births_;
  WeightedDraw draw_;
};

}  // namespace reclm::detail
