#pragma once
/// @file alias_table.hpp
/// Weighted draws in constant time.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/philox.hpp"

namespace reclm::detail {

/// Walker's alias method (1977), built as Vose (1991): every slot holds two outcomes and the chance of the first.
class AliasTable {
 public:
  AliasTable() = default;
  /// @param weights not negative, their sum positive
  explicit AliasTable(std::span<const double> weights) : chance_(weights.size(), 1.0f), other_(weights.size()) {
    double total = 0;
    for (const double weight : weights) total += weight;
    std::vector<double> scaled(weights.size());
    std::vector<Id> small, large;
    for (std::size_t k = 0; k < weights.size(); ++k) {
      scaled[k] = weights[k] * static_cast<double>(weights.size()) / total;
      other_[k] = static_cast<Id>(k);
      (scaled[k] < 1 ? small : large).push_back(static_cast<Id>(k));
    }
    while (!small.empty() && !large.empty()) {
      const auto poor = static_cast<std::size_t>(small.back());
      const auto rich = static_cast<std::size_t>(large.back());
      small.pop_back();
      chance_[poor] = static_cast<float>(scaled[poor]);
      other_[poor] = large.back();
      scaled[rich] -= 1 - scaled[poor];
      if (scaled[rich] < 1) {
        small.push_back(large.back());
        large.pop_back();
      }
    }
  }

  /// The outcome of two random words.
  [[nodiscard]] Id draw(std::uint32_t slot_word, std::uint32_t coin_word) const {
    const auto slot = static_cast<std::size_t>((static_cast<std::uint64_t>(slot_word) * chance_.size()) >> 32);
    return Random::to_unit(coin_word) < chance_[slot] ? static_cast<Id>(slot) : other_[slot];
  }

 private:
  std::vector<float> chance_;
  std::vector<Id> other_;
};

}  // namespace reclm::detail
