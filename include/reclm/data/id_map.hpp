#pragma once
/// @file id_map.hpp
/// Tokens of data files ↔ dense numbers 0 … size−1.

#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"

namespace reclm {

/// Numbers tokens in the order in which they are first inserted, and finds them again.
///
/// Open addressing over one arena of bytes. Tokens of up to seven bytes are compared inside the table, so that a
/// look-up of a usual id touches one cache line. Memory: 8 bytes and its text a token, and 16 bytes a slot (at most
/// three quarters of the slots are taken).
class IdMap {
 public:
  /// The number of `token`, which is added when it is new. @throws ShapeError beyond 2^31 − 1 tokens.
  Id insert(std::string_view token) {
    if (4 * (names() + 1) > 3 * slots_.size()) grow();
    const std::uint64_t key = key_of(token);
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

  /// The number of `token`, or nothing.
  [[nodiscard]] std::optional<Id> find(std::string_view token) const {
    if (slots_.empty()) return std::nullopt;
    const Id id = slots_[place_of(token, key_of(token))].id;
    return id == kFree ? std::nullopt : std::optional<Id>(id);
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

  [[nodiscard]] std::size_t names() const { return ends_.size(); }

  static std::uint64_t mix(std::uint64_t a) {
    a ^= a >> 32;
    a *= 0x9E3779B97F4A7C15ull;
    a ^= a >> 29;
    a *= 0xBF58476D1CE4E5B9ull;
    return a ^ (a >> 32);
  }

  /// A short token itself, with its length in the top byte; of a longer one a hash.
  static std::uint64_t key_of(std::string_view token) {
    if (token.size() <= kShort) {
      std::uint64_t word = 0;
      if (!token.empty()) std::memcpy(&word, token.data(), token.size());
      return word | (static_cast<std::uint64_t>(token.size()) << 56);
    }
    std::uint64_t hash = token.size();
    std::size_t at = 0;
    for (; at + 8 <= token.size(); at += 8) {
      std::uint64_t word;
      std::memcpy(&word, token.data() + at, 8);
      hash = mix(hash ^ word) + 0x9E3779B97F4A7C15ull;
    }
    std::uint64_t word;  // the last eight bytes, whatever of them was read before
    std::memcpy(&word, token.data() + token.size() - 8, 8);
    return mix(hash ^ word) | kLong;
  }

  /// The slot that holds `token`, or the free one where it belongs.
  [[nodiscard]] std::size_t place_of(std::string_view token, std::uint64_t key) const {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t place = mix(key) & mask;; place = (place + 1) & mask) {
      const Slot& slot = slots_[place];
      if (slot.id == kFree) return place;
      if (slot.key == key && (key < kLong || name(slot.id) == token)) return place;
    }
  }

  void grow() { rehash(slots_.empty() ? kFewestSlots : 2 * slots_.size()); }

  void rehash(std::size_t slots) {
    std::vector<Slot> old(slots);
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
  std::vector<Slot> slots_;        // a power of two of them
};

}  // namespace reclm
