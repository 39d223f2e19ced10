#pragma once
/// A data set small enough to be followed by hand: four users, six items with text.
#include <string>
#include <vector>

#include "reclm/core/matrix.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/data/interactions.hpp"

namespace reclm_test {

/// Users u0 … u3; u0 has items 0 1 2, u1 has 0 1 3, u2 has 0 4, u3 none. Item 0 is the most popular.
inline reclm::Dataset small_town() {
  using namespace reclm;
  Dataset data;
  data.name = "town";
  for (int k = 0; k < 4; ++k) data.users.insert("u" + std::to_string(k));
  for (int k = 0; k < 6; ++k) data.items.insert("i" + std::to_string(k));
  const std::vector<Pair> pairs{{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {1, 3}, {2, 0}, {2, 4}};
  data.train = Interactions::from_pairs(4, 6, pairs);
  data.item_text = {{"genre", {"news", "sport", "", "sport", "cooking", ""}},
                    {"title", {"Daily {paper}", "Ten  races", "A walk", "Goals\nand more", "Soups", ""}}};
  return data;
}

inline std::vector<std::string> town_profiles() {
  return {"User identity: Runner, Reader; User interests: Races, Walks",
          "User identity: Football fan; User interests: Goals, News",
          "User identity: Cook, Reader; User interests: Soups, News.", "I cannot say."};
}

/// [4, 2]: 1 2, 0 2, 0 1, none.
inline reclm::Matrix<reclm::Id> town_neighbours() { return {4, 2, std::vector<reclm::Id>{1, 2, 0, 2, 0, 1, -1, -1}}; }

}  // namespace reclm_test
