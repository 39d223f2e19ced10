#pragma once
/// @file vocabulary.hpp
/// Texts ↔ numbers, and pairs of numbers → what they merge to: hash tables made for the inner loops of tokenizers.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/lm/model_config.hpp"

namespace reclm::lm::detail {

inline std::uint64_t mix(std::uint64_t value) {
  value *= 0x9E3779B97F4A7C15u;
  return value ^ (value >> 29);
}

inline std::uint64_t hash_bytes(std::string_view text) {
  std::uint64_t hash = mix(text.size());
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    hash = mix(hash ^ word);
  }
  std::uint64_t rest = 0;
  for (int shift = 0; at < text.size(); ++at, shift += 8)
    rest |= static_cast<std::uint64_t>(static_cast<unsigned char>(text[at])) << shift;
  return mix(hash ^ rest);
}

/// Texts numbered by whoever adds them; one number a text.
class Vocabulary {
 public:
  explicit Vocabulary(std::size_t expected = 0) { slots_.resize(std::bit_ceil(2 * expected + 16)); }

  /// False when the text is there already; its number then stays.
  bool add(std::string_view text, TokenId id) {
    if (2 * (count_ + 1) > slots_.size()) grow();
    Slot& slot = find_slot(text, hash_bytes(text));
    if (slot.id >= 0) return false;
    slot = {static_cast<std::uint32_t>(hash_bytes(text) >> 32), id, static_cast<std::uint32_t>(texts_.size()),
            static_cast<std::uint32_t>(text.size())};
    texts_.append(text);
    ++count_;
    longest_ = std::max(longest_, text.size());
    return true;
  }
  /// The text's number, or −1.
  [[nodiscard]] TokenId find(std::string_view text) const {
    return text.size() > longest_ ? -1 : const_cast<Vocabulary*>(this)->find_slot(text, hash_bytes(text)).id;
  }
  [[nodiscard]] std::size_t longest() const { return longest_; }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    TokenId id = -1;
    std::uint32_t begin = 0, size = 0;
  };

  Slot& find_slot(std::string_view text, std::uint64_t hash) {
    const std::size_t mask = slots_.size() - 1;
    const auto high = static_cast<std::uint32_t>(hash >> 32);
    for (std::size_t place = hash & mask;; place = (place + 1) & mask) {
      Slot& slot = slots_[place];
      if (slot.id < 0 || (slot.hash == high && slot.size == text.size() &&
                          std::memcmp(texts_.data() + slot.begin, text.data(), text.size()) == 0))
        return slot;
    }
  }
  void grow() {
    std::vector<Slot> old(2 * slots_.size());
    std::swap(old, slots_);
    const std::size_t mask = slots_.size() - 1;
    for (const Slot& slot : old) {
      if (slot.id < 0) continue;
      std::size_t place = hash_bytes({texts_.data() + slot.begin, slot.size}) & mask;
      while (slots_[place].id >= 0) place = (place + 1) & mask;
      slots_[place] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::string texts_;
  std::size_t count_ = 0, longest_ = 0;
};

/// What a pair of tokens merges to, with the merge's rank in the upper half: smaller comes first.
class PairTable {
 public:
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};

  explicit PairTable(std::size_t count = 0) : slots_(std::bit_ceil(2 * count + 16)) {}

  /// A pair added again takes the new value, as in the reference.
  void add(TokenId left, TokenId right, std::uint32_t rank, TokenId merged) {
    const std::uint64_t key = pair(left, right);
    std::size_t place = mix(key) & (slots_.size() - 1);
    while (slots_[place].key != kNone && slots_[place].key != key) place = (place + 1) & (slots_.size() - 1);
    slots_[place] = {key, static_cast<std::uint64_t>(rank) << 32 | static_cast<std::uint32_t>(merged)};
  }
  [[nodiscard]] std::uint64_t find(TokenId left, TokenId right) const {
    const std::uint64_t key = pair(left, right);
    for (std::size_t place = mix(key) & (slots_.size() - 1);; place = (place + 1) & (slots_.size() - 1)) {
      if (slots_[place].key == key) return slots_[place].value;
      if (slots_[place].key == kNone) return kNone;
    }
  }
  [[nodiscard]] static TokenId merged(std::uint64_t value) { return static_cast<TokenId>(value & 0xFFFF'FFFFu); }

 private:
  struct Slot {
    std::uint64_t key = kNone, value = kNone;
  };
  static std::uint64_t pair(TokenId left, TokenId right) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 | static_cast<std::uint32_t>(right);
  }
  std::vector<Slot> slots_;
};

}  // namespace reclm::lm::detail
