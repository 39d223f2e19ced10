#pragma once
/// @file item_texts.hpp
/// An item in one line of text, and what of a history is worth telling.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/data/dataset.hpp"

namespace reclm::instruct {

/// Items in a line each: "Toy Story (1995) (genres: Adventure Animation; tags: pixar, fun)". The leading column,
/// `title` or `name` or else the first, stands alone; empty values are left out; an item without any text is "item 17"
/// by its id.
class ItemTexts {
 public:
  /// @param columns of `data.item_text`, in this order; empty: all. `data` must outlive the object.
  /// @throws ConfigError on a column that does not exist, or when the data set has no item text at all
  explicit ItemTexts(const Dataset& data, std::span<const std::string> columns = {}) : data_(data) {
    if (data.item_text.empty())
      throw ConfigError("data set " + data.name +
                        " has no item text, which dialogues need. Remedy: text columns in its .item file");
    if (columns.empty())
      for (const TextColumn& column : data.item_text) columns_.push_back(&column);
    for (const std::string& name : columns) columns_.push_back(&column_of(name));
    if (!columns.empty()) return;
    for (const std::string_view lead : {"name", "title"})
      std::stable_partition(columns_.begin(), columns_.end(), [&](const TextColumn* c) { return c->name == lead; });
  }

  [[nodiscard]] std::string text(Id item) const {
    std::string line = short_text(item), rest;
    for (const TextColumn* column : columns_) {
      const std::string value = one_line(column->values[static_cast<std::size_t>(item)]);
      if (value.empty() || column == lead_of(item)) continue;
      rest += (rest.empty() ? " (" : "; ") + column->name + ": " + value;
    }
    return rest.empty() ? line : line + rest + ")";
  }

  /// The leading column alone.
  [[nodiscard]] std::string short_text(Id item) const {
    const TextColumn* lead = lead_of(item);
    return lead == nullptr ? "item " + std::string(data_.items.name(item))
                           : one_line(lead->values[static_cast<std::size_t>(item)]);
  }

 private:
  [[nodiscard]] const TextColumn& column_of(const std::string& name) const {
    std::string known;
    for (const TextColumn& column : data_.item_text) {
      if (column.name == name) return column;
      known += (known.empty() ? "" : ", ") + column.name;
    }
    throw ConfigError("there is no item text \"" + name + "\". Remedy: choose from " + known);
  }

  [[nodiscard]] const TextColumn* lead_of(Id item) const {
    for (const TextColumn* column : columns_)
      if (column->values[static_cast<std::size_t>(item)].find_first_not_of(" \t\r\n") != std::string::npos)
        return column;
    return nullptr;
  }

  static std::string one_line(std::string_view text) {
    std::string result;
    for (const char c : text) {
      const bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
      if (!blank)
        result += c;
      else if (!result.empty() && result.back() != ' ')
        result += ' ';
    }
    if (result.ends_with(' ')) result.pop_back();
    return result;
  }

  const Dataset& data_;
  std::vector<const TextColumn*> columns_;
};

/// What of a history goes first when not all of it has room.
enum class LeastInformative {
  most_popular,  ///< what everybody chose says least about one person: −log p(item) is its information
  oldest,        ///< by timestamp; without timestamps by popularity
};

/// Histories of train, each in the order to tell (by time where timestamps are known, else by item), and the order in
/// which items are given up.
class Histories {
 public:
  /// `data` must outlive the object.
  explicit Histories(const Dataset& data, LeastInformative drop = LeastInformative::most_popular)
      : data_(data), counts_(data.train.item_counts()), by_time_(!data.train_values.timestamps.empty()) {
    drop_oldest_ = drop == LeastInformative::oldest && by_time_;
  }

  /// The items of `user`, to be told in this order.
  [[nodiscard]] std::vector<Id> of(Id user) const {
    const auto items = data_.train.of(user);
    std::vector<Id> told(items.begin(), items.end());
    if (!by_time_) return told;
    const auto first = static_cast<std::size_t>(data_.train.offsets()[static_cast<std::size_t>(user)]);
    std::vector<std::size_t> order(told.size());
    for (std::size_t k = 0; k < order.size(); ++k) order[k] = k;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return data_.train_values.timestamps[first + a] < data_.train_values.timestamps[first + b];
    });
    for (std::size_t k = 0; k < order.size(); ++k) told[k] = items[order[k]];
    return told;
  }

  /// `told`, least informative first: the most popular (or the oldest) one; equally popular ones as they are told.
  [[nodiscard]] std::vector<Id> least_informative_first(std::span<const Id> told) const {
    std::vector<Id> order(told.begin(), told.end());
    if (drop_oldest_) return order;
    std::stable_sort(order.begin(), order.end(), [&](Id a, Id b) { return popularity(a) > popularity(b); });
    return order;
  }

  /// Leaves at most `most` items, the most informative ones, in the order to tell; `kept` stays. 0: all.
  [[nodiscard]] std::vector<Id> limited(std::vector<Id> told, Index most, Id kept = -1) const {
    const auto size = static_cast<Index>(told.size());
    if (most <= 0 || size <= most) return told;
    Index surplus = size - most;
    for (const Id item : least_informative_first(told)) {
      if (surplus == 0) break;
      if (item == kept) continue;
      told.erase(std::find(told.begin(), told.end(), item));
      --surplus;
    }
    return told;
  }

  /// Train interactions of `item`.
  [[nodiscard]] Index popularity(Id item) const { return counts_[static_cast<std::size_t>(item)]; }

 private:
  const Dataset& data_;
  std::vector<Index> counts_;
  bool by_time_, drop_oldest_ = false;
};

}  // namespace reclm::instruct
