#pragma once
/// @file keyed_permutation.hpp
/// A shuffle without a list: the place of one element is computed alone.

#include <array>
#include <cstddef>
#include <cstdint>

#include "reclm/core/config.hpp"
#include "reclm/core/philox.hpp"

namespace reclm::detail {

/// A pseudo-random permutation of 0 … n−1, its keys drawn from Philox.
///
/// A Feistel network over the cells of a nearly square table of n cells and few more, adding modulo its sides; what it
/// throws on a cell beyond n is sent through again (cycle walking; Black and Rogaway 2002), which is rare. No memory,
/// so threads and devices share it freely.
class KeyedPermutation {
 public:
  /// @param n 1 … 2^62
  KeyedPermutation(std::uint64_t n, Random keys) : n_(n) {
    while (width_ * width_ < n) width_ *= 2;
    for (std::uint64_t step = width_ / 2; step > 0; step /= 2)
      if (width_ > step && (width_ - step) * (width_ - step) >= n) width_ -= step;
    height_ = (n + width_ - 1) / width_;
    for (std::size_t round = 0; round < keys_.size(); ++round) keys_[round] = keys.bits(round);
  }

  /// Where `position` goes, 0 ≤ position < n.
  [[nodiscard]] std::uint64_t operator()(std::uint64_t position) const {
    do position = once(position);
    while (position >= n_);
    return position;
  }

 private:
  [[nodiscard]] std::uint64_t once(std::uint64_t cell) const {
    std::uint64_t row = cell / width_, column = cell % width_;
    for (std::size_t round = 0; round < keys_.size(); round += 2) {
      column = shifted(column, row, keys_[round], width_);
      row = shifted(row, column, keys_[round + 1], height_);
    }
    return row * width_ + column;
  }
  /// (value + hash of `other`) mod size
  static std::uint64_t shifted(std::uint64_t value, std::uint64_t other, std::uint32_t key, std::uint64_t size) {
    std::uint32_t hash = (static_cast<std::uint32_t>(other) ^ key) * 0x9E3779B1u;
    hash ^= hash >> 15;
    hash *= 0x85EBCA77u;
    hash ^= hash >> 13;
    value += (hash * size) >> 32;
    return value >= size ? value - size : value;
  }

  std::uint64_t n_, width_ = 1, height_ = 1;
  std::array<std::uint32_t, 8> keys_{};
};

}  // namespace reclm::detail
