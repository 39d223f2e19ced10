#pragma once
/// @file world_users.hpp
/// The embedded world's users: interests, taste, and the clicks that follow from them.

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/data/detail/world_draws.hpp"
#include "reclm/data/detail/world_items.hpp"
#include "reclm/data/detail/world_tuning.hpp"

namespace reclm {

/// A share of somebody's attention.
struct WorldInterest {
  Id interest = 0;   ///< number of the interest, see World::interest_names
  float weight = 0;  ///< a user's weights sum to 1
  bool operator==(const WorldInterest&) const = default;
};

namespace detail {

/// One click; time 0 … 1.
struct WorldClick {
  Id item;
  double time;
};

struct WorldUser {
  std::vector<WorldInterest> interests;  ///< heaviest first
  std::vector<float> taste;              ///< [kStyles]
  std::vector<WorldClick> clicks;        ///< by time
};

/// Makes users one at a time, each from its own draws.
class WorldPopulation {
 public:
  WorldPopulation(std::uint64_t seed, double clicks, double cut, const WorldLayout& layout, const WorldItems& items,
                  const WorldTuning& tuning)
      : seed_(seed), median_clicks_(clicks), cut_(cut), layout_(layout), items_(items), tuning_(tuning) {
    std::vector<Id> everything(items.weights.size());
    std::iota(everything.begin(), everything.end(), Id{0});
    std::vector<std::vector<Id>> about(layout.companion.size());
    for (const Id item : everything)
      for (const Id interest : items.interests[static_cast<std::size_t>(item)])
        about[static_cast<std::size_t>(interest)].push_back(item);
    everywhere_ = WorldPool(items, std::move(everything));
    for (auto& members : about) pools_.emplace_back(items, std::move(members));
  }

  [[nodiscard]] WorldUser make(Index user) const {
    WorldDraws draws(seed_, WorldPart::user, user);
    WorldUser result;
    choose_interests(draws, result);
    for (int k = 0; k < kStyles; ++k) result.taste.push_back(static_cast<float>(draws.normal()));
    live(draws, result);
    return result;
  }

 private:
  void choose_interests(WorldDraws& draws, WorldUser& user) const {
    const auto has = [&](Id interest) {
      return std::any_of(user.interests.begin(), user.interests.end(),
                         [&](const WorldInterest& known) { return known.interest == interest; });
    };
    constexpr std::size_t kMost = 5;
    do {
      Id next = static_cast<Id>(layout_.interests.at(draws.uniform()));
      const double source = draws.uniform();
      if (!user.interests.empty()) {
        const Id last = user.interests.back().interest;
        if (source < tuning_.same_topic)
          next = static_cast<Id>(last / kInterestsPerTopic * kInterestsPerTopic + draws.below(kInterestsPerTopic));
        else if (source < tuning_.same_topic + tuning_.companion)
          next = layout_.companion[static_cast<std::size_t>(last)];
      }
      if (!has(next)) user.interests.push_back({next, static_cast<float>(draws.gamma(tuning_.interest_concentration))});
    } while (user.interests.size() < kMost && draws.chance(tuning_.more_interests));
    float total = 0;
    for (const WorldInterest& interest : user.interests) total += interest.weight;
    for (WorldInterest& interest : user.interests) interest.weight /= total;
    std::stable_sort(user.interests.begin(), user.interests.end(),
                     [](const WorldInterest& a, const WorldInterest& b) { return a.weight > b.weight; });
  }

  void live(WorldDraws& draws, WorldUser& user) const {
    const double most = std::max(2.0, static_cast<double>(items_.weights.size()) / 8);
    const double many = median_clicks_ * std::exp(tuning_.activity_spread * draws.normal());
    const auto count = static_cast<std::size_t>(1 + std::min(many, most));
    std::vector<double> times{cut_ * 0.97 * draws.uniform()};  // everybody's first click comes before the cut
    while (times.size() < count) times.push_back(times.front() + (1 - times.front()) * draws.uniform());
    std::sort(times.begin(), times.end());
    for (const double now : times) {
      const Id item = choose(draws, user, now);
      if (item >= 0) user.clicks.push_back({item, now});
    }
  }

  [[nodiscard]] Id show(WorldDraws& draws, const WorldUser& user, double now) const {
    const WorldPool* pool = &everywhere_;
    if (draws.chance(tuning_.by_interest)) {
      double left = draws.uniform();
      std::size_t k = 0;
      while (k + 1 < user.interests.size() && left >= user.interests[k].weight) left -= user.interests[k++].weight;
      pool = &pools_[static_cast<std::size_t>(user.interests[k].interest)];
    }
    if (draws.chance(tuning_.by_freshness)) {
      const Id item = pool->draw(draws, now, now - tuning_.fresh_days);
      if (item >= 0) return item;
    }
    const Id item = pool->draw(draws, now);
    return item >= 0 ? item : everywhere_.draw(draws, now);
  }

  // The liked one of a slate that the user has not had yet; -1 where all are known.
  [[nodiscard]] Id choose(WorldDraws& draws, const WorldUser& user, double now) const {
    Id best = -1;
    double best_value = 0;
    for (int shown = 0; shown < tuning_.slate; ++shown) {
      const Id item = show(draws, user, now);
      const double luck = draws.gumbel();
      if (item < 0 ||
          std::any_of(user.clicks.begin(), user.clicks.end(), [&](const WorldClick& c) { return c.item == item; }))
        continue;
      double match = 0;
      const auto style = items_.styles.row(item);
      for (std::size_t k = 0; k < style.size(); ++k) match += static_cast<double>(style[k] * user.taste[k]);
      const double value = tuning_.taste * match / std::sqrt(static_cast<double>(kStyles)) + luck;
      if (best < 0 || value > best_value) best = item, best_value = value;
    }
    return best;
  }

  std::uint64_t seed_;
  double median_clicks_, cut_;
  const WorldLayout& layout_;
  const WorldItems& items_;
  WorldTuning tuning_;
  WorldPool everywhere_;
  std::vector<WorldPool> pools_;
};

}  // namespace detail
}  // namespace reclm
