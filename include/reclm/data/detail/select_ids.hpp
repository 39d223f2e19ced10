#pragma once
/// @file select_ids.hpp
/// Taking users and items out of a data set.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/data/id_map.hpp"
#include "reclm/data/interactions.hpp"
#include "reclm/data/splits.hpp"

namespace reclm::detail {

/// New numbers of ids that stay, −1 of others.
inline std::vector<Id> renumbered(const std::vector<std::uint8_t>& stays) {
  std::vector<Id> numbers;
  numbers.reserve(stays.size());
  Id next = 0;
  for (const std::uint8_t flag : stays) numbers.push_back(flag ? next++ : -1);
  return numbers;
}

inline IdMap selected(const IdMap& ids, const std::vector<Id>& numbers) {
  IdMap result;
  for (Id id = 0; id < ids.size(); ++id)
    if (numbers[static_cast<std::size_t>(id)] >= 0) result.insert(ids.name(id));
  return result;
}

inline void select_text(std::vector<TextColumn>& columns, const std::vector<Id>& numbers) {
  for (TextColumn& column : columns) {
    std::vector<std::string> kept;
    for (std::size_t id = 0; id < numbers.size(); ++id)
      if (numbers[id] >= 0) kept.push_back(std::move(column.values[id]));
    column.values = std::move(kept);
  }
}

/// Takes users and items out of `data` that have pairs among `dropped` and none left in any split. Others stay, also
/// those that never had a pair. Features must not have been loaded yet.
inline void drop_emptied(Dataset& data, const Interactions& all, const Interactions& dropped) {
  std::vector<std::uint8_t> users(static_cast<std::size_t>(all.users()), 1);
  std::vector<std::uint8_t> items(static_cast<std::size_t>(all.items()), 1);
  for (const Pair& pair : dropped.pairs())
    users[static_cast<std::size_t>(pair.user)] = items[static_cast<std::size_t>(pair.item)] = 0;
  for (const Interactions* split : {&data.train, &data.valid, &data.test, &data.zero})
    for (const Pair& pair : split->pairs())
      users[static_cast<std::size_t>(pair.user)] = items[static_cast<std::size_t>(pair.item)] = 1;
  const std::vector<Id> user_numbers = renumbered(users), item_numbers = renumbered(items);
  data.users = selected(data.users, user_numbers);
  data.items = selected(data.items, item_numbers);
  select_text(data.user_text, user_numbers);
  select_text(data.item_text, item_numbers);
  // Numbers keep their order, so pairs keep theirs, and with it their values.
  for (Interactions* split : {&data.train, &data.valid, &data.test, &data.zero}) {
    std::vector<Pair> pairs = split->pairs();
    for (Pair& pair : pairs)
      pair = {user_numbers[static_cast<std::size_t>(pair.user)], item_numbers[static_cast<std::size_t>(pair.item)]};
    *split = Interactions::from_pairs(data.users.size(), data.items.size(), pairs);
  }
  data.valid_candidates = items_of(data.valid);
  data.test_candidates = items_of(data.test);
  data.zero_candidates = items_of(data.zero);
}

/// Item order[n] becomes item n. Texts, which belong to the first items only, stay: those must keep their numbers, and
/// the items of train their order, by which its values follow its pairs. Features must not have been loaded yet.
inline void renumber_items(Dataset& data, const std::vector<Id>& order) {
  std::vector<Id> numbers(order.size());
  IdMap items;
  for (std::size_t n = 0; n < order.size(); ++n) {
    numbers[static_cast<std::size_t>(order[n])] = static_cast<Id>(n);
    items.insert(data.items.name(order[n]));
  }
  data.items = std::move(items);
  for (Interactions* split : {&data.train, &data.valid, &data.test, &data.zero}) {
    std::vector<Pair> pairs = split->pairs();
    for (Pair& pair : pairs) pair.item = numbers[static_cast<std::size_t>(pair.item)];
    *split = Interactions::from_pairs(split->users(), split->items(), pairs);
  }
  data.valid_candidates = items_of(data.valid);
  data.test_candidates = items_of(data.test);
  data.zero_candidates = items_of(data.zero);
}

}  // namespace reclm::detail
