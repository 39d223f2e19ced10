#pragma once
/// @file id_map.hpp
/// Tokens of data files ↔ dense numbers 0 … size−1.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/data/detail/large_table_allocator.hpp"

namespace reclm {

/// Numbers tokens in the order in which they are first inserted, and finds them again.
///
/// Open addressing over one arena of bytes. Tokens of up to seven bytes are compared inside the table, so that a
/// look-up of a usual id touches one cache line. Memory: 8 bytes and its text a token, and 16 bytes a slot (at most
/// three quarters of the slots are taken).
class IdMap {
 public:
  /// The number of `token`, which is added when it is new. @throws ShapeError beyond 2^31 − 1 tokens.
  Id insert(std::string_view token) { return insert(token, key_of(token)); }

  /// The number of `token`, or nothing.
  [[nodiscard]] std::optional<Id> find(std::string_view token) const {
    const Id id = find(token, key_of(token));
    return id == kFree ? std::nullopt : std::optional<Id>(id);
  }

  /// Inserts many tokens: `ids[k]` becomes the number of `tokens[k]`. In tables beyond the cache several times as fast
  /// as one by one, since the memory for many is asked for at once. @throws ShapeError when the spans differ in length
  void insert(std::span<const std::string_view> tokens, std::span<Id> ids) {
    in_groups(tokens, ids, [this](std::string_view token, std::uint64_t key) { return insert(token, key); });
  }

  /// Finds many tokens; `ids[k]` is −1 where `tokens[k]` is absent. Otherwise as the insertion of many.
  void find(std::span<const std::string_view> tokens, std::span<Id> ids) const {
    in_groups(tokens, ids, [this](std::string_view token, std::uint64_t key) { return find(token, key); });
  }

  /// The token of `id`, 0 ≤ id < size(). Valid until the next insertion.
  [[nodiscard]] std::string_view name(Id id) const {
    const auto n = static_cast<std::size_t>(id);
    const std::size_t begin = n == 0 ? 0 : ends_[n - 1];
    return {bytes_.data() + begin, ends_[n] - begin};
  }

  [[nodiscard]] Id size() const { return static_cast<Id>(names()); }
  [[nodiscard]] bool empty() const { return ends_.empty(); }

  /// Makes room for `count` tokens in all.
  void reserve(Id count) {
    ends_.reserve(static_cast<std::size_t>(count));
    std::size_t slots = kFewestSlots;
    while (4 * static_cast<std::size_t>(count) > 3 * slots) slots *= 2;
    if (slots > slots_.size()) rehash(slots);
  }

  /// True when both hold the same tokens under the same numbers.
  bool operator==(const IdMap& other) const { return ends_ == other.ends_ && bytes_ == other.bytes_; }

 private:
  static constexpr Id kFree = -1;
  static constexpr std::size_t kFewestSlots = 16;
  static constexpr std::size_t kShort = 7;               // bytes that fit beside the length in one word
  static constexpr std::uint64_t kLong = 0xFFull << 56;  // no short token has 255 bytes

  struct Slot {
    std::uint64_t key = 0;
    Id id = kFree;
  };

  using SlotTable = std::vector<Slot, detail::LargeTableAllocator<Slot>>;

  [[nodiscard]] std::size_t names() const { return ends_.size(); }

  static std::uint64_t mix(std::uint64_t a) {
    a ^= a >> 32;
    a *= 0x9E3779B97F4A7C15ull;
    a ^= a >> 29;
    a *= 0xBF58476D1CE4E5B9ull;
    return a ^ (a >> 32);
  }

  template <class Word>
  static std::uint64_t load(const char* from) {
    Word word;
    std::memcpy(&word, from, sizeof word);
    return word;
  }

  /// A short token itself, with its length in the top byte; of a longer one a hash.
  static std::uint64_t key_of(std::string_view token) {
    const std::size_t n = token.size();
    const char* const text = token.data();
    if (n <= kShort) {
      // Loads that overlap bring the same bytes to the same place.
      std::uint64_t word = static_cast<std::uint64_t>(n) << 56;
      if (n >= 4) return word | load<std::uint32_t>(text) | load<std::uint32_t>(text + n - 4) << (8 * (n - 4));
      if (n >= 2) return word | load<std::uint16_t>(text) | load<std::uint16_t>(text + n - 2) << (8 * (n - 2));
      return n == 1 ? word | load<std::uint8_t>(text) : word;
    }
    std::uint64_t hash = n;
    for (std::size_t at = 0; at + 8 < n; at += 8)
      hash = mix(hash ^ load<std::uint64_t>(text + at)) + 0x9E3779B97F4A7C15ull;
    return mix(hash ^ load<std::uint64_t>(text + n - 8)) | kLong;
  }

  [[nodiscard]] std::size_t home_of(std::uint64_t key) const { return mix(key) & (slots_.size() - 1); }

  // The keys of a group are made, and the memory that they need is asked for, before the first is looked up.
  template <class LookUp>
  void in_groups(std::span<const std::string_view> tokens, std::span<Id> ids, const LookUp& look_up) const {
    if (tokens.size() != ids.size()) throw ShapeError("IdMap: as many ids as tokens are needed");
    constexpr std::size_t kGroup = 64;
    std::uint64_t keys[kGroup];
    for (std::size_t begin = 0; begin < tokens.size(); begin += kGroup) {
      const auto group = tokens.subspan(begin, std::min(kGroup, tokens.size() - begin));
      bool any_long = false;
      for (std::size_t k = 0; k < group.size(); ++k) {
        keys[k] = key_of(group[k]);
        any_long |= keys[k] >= kLong;
        if (!slots_.empty()) __builtin_prefetch(&slots_[home_of(keys[k])]);
      }
      if (any_long && !slots_.empty()) prefetch_names({keys, group.size()});
      for (std::size_t k = 0; k < group.size(); ++k) ids[begin + k] = look_up(group[k], keys[k]);
    }
  }

  // Longer tokens are compared in the arena.
  void prefetch_names(std::span<const std::uint64_t> keys) const {
    for (const std::uint64_t key : keys)
      if (const Id id = slots_[home_of(key)].id; key >= kLong && id != kFree)
        __builtin_prefetch(&ends_[static_cast<std::size_t>(id)]);
    for (const std::uint64_t key : keys)
      if (const Id id = slots_[home_of(key)].id; key >= kLong && id != kFree) __builtin_prefetch(name(id).data());
  }

  Id insert(std::string_view token, std::uint64_t key) {
    if (4 * (names() + 1) > 3 * slots_.size()) grow();
    Slot& slot = slots_[place_of(token, key)];
    if (slot.id == kFree) {
      if (names() >= static_cast<std::size_t>(std::numeric_limits<Id>::max()))
        throw ShapeError("IdMap: more than 2^31 - 1 distinct ids");
      bytes_.insert(bytes_.end(), token.begin(), token.end());
      slot = {key, size()};
      ends_.push_back(bytes_.size());
    }
    return slot.id;
  }

  [[nodiscard]] Id find(std::string_view token, std::uint64_t key) const {
    return slots_.empty() ? kFree : slots_[place_of(token, key)].id;
  }

  /// The slot that holds `token`, or the free one where it belongs.
  [[nodiscard]] std::size_t place_of(std::string_view token, std::uint64_t key) const {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t place = home_of(key);; place = (place + 1) & mask) {
      const Slot& slot = slots_[place];
      if (slot.id == kFree) return place;
      if (slot.key == key && (key < kLong || name(slot.id) == token)) return place;
    }
  }

  void grow() { rehash(slots_.empty() ? kFewestSlots : 2 * slots_.size()); }

  void rehash(std::size_t slots) {
    SlotTable old(slots);
    old.swap(slots_);
    const std::size_t mask = slots - 1;
    for (const Slot& slot : old) {
      if (slot.id == kFree) continue;
      std::size_t place = mix(slot.key) & mask;
      while (slots_[place].id != kFree) place = (place + 1) & mask;
      slots_[place] = slot;
    }
  }

  std::vector<char> bytes_;        // all tokens, end to end
  std::vector<std::size_t> ends_;  // where each token ends in bytes_
  SlotTable slots_;                // a power of two of them
};

}  // namespace reclm
