#pragma once
/// Data of many users, and how the texts of dialogues are looked at.
#include <string>
#include <string_view>
#include <vector>

#include "reclm/core/philox.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/data/interactions.hpp"
#include "support/contains.hpp"

namespace reclm_test {

using reclm::Id;
using reclm::Index;

/// Users of small_town().
inline const std::vector<Id> kEverybody{0, 1, 2, 3};

/// Plain words, which are easily counted.
inline Index words(std::string_view text) {
  Index count = 0;
  for (std::size_t k = 0; k < text.size(); ++k)
    count += text[k] != ' ' && text[k] != '\n' && (k == 0 || text[k - 1] == ' ' || text[k - 1] == '\n') ? 1 : 0;
  return count;
}

/// Many users of two tastes: even ones choose among the first 30 items, odd ones among the others.
inline reclm::Dataset two_tastes() {
  using namespace reclm;
  Dataset data;
  data.name = "tastes";
  std::vector<Pair> pairs;
  const Random random(5, Stream::evaluation);
  for (Id user = 0; user < 200; ++user) {
    data.users.insert(std::to_string(user));
    for (Id k = 0; k < 6; ++k)
      pairs.push_back({user, static_cast<Id>(random.below(static_cast<std::uint64_t>(8 * user + k), 30) +
                                             30u * static_cast<unsigned>(user % 2))});
  }
  data.train = Interactions::from_pairs(200, 60, pairs);
  TextColumn title{"title", {}};
  for (Id item = 0; item < 60; ++item) {
    data.items.insert(std::to_string(item));
    title.values.push_back("Item-" + std::to_string(item) + "-");
  }
  data.item_text.push_back(title);
  return data;
}

}  // namespace reclm_test
