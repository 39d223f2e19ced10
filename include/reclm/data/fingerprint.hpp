#pragma once
/// @file fingerprint.hpp
/// 64 bits of data, by which kept results and checkpoints tell whether they belong to the data at hand.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>

#include "reclm/core/matrix.hpp"
#include "reclm/data/interactions.hpp"

namespace reclm {

/// Different data have different fingerprints but for one chance in 2^64; not a defence against forgers. Depends on
/// the order in which things are added. About 4 GB/s.
///
/// Text keeps a plainer mix: stores of profiles hold its value, and seeds of their answers come from it.
class Fingerprint {
 public:
  template <class T>
  Fingerprint& add(std::span<const T> values) {
    static_assert(std::has_unique_object_representations_v<T> || std::is_floating_point_v<T>);
    mix(values.size());
    const auto bytes = std::as_bytes(values);
    for (std::size_t at = 0; at < bytes.size(); at += sizeof(std::uint64_t)) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes.data() + at, std::min(sizeof word, bytes.size() - at));
      mix(std::is_same_v<T, char> ? word : scattered(word));
    }
    return *this;
  }
  template <class T>
  Fingerprint& add(const Matrix<T>& matrix) {
    mix(static_cast<std::uint64_t>(matrix.cols()));
    return add(std::span<const T>(matrix.data(), static_cast<std::size_t>(matrix.size())));
  }
  Fingerprint& add(const Interactions& interactions) {
    mix(static_cast<std::uint64_t>(interactions.items()));
    return add(interactions.offsets()).add(interactions.columns());
  }

  /// Sixteen hexadecimal digits.
  [[nodiscard]] std::string text() const {
    constexpr char digits[] = "0123456789abcdef";
    std::string result;
    for (int shift = 60; shift >= 0; shift -= 4) result += digits[(state_ >> shift) & 15];
    return result;
  }

 private:
  // Every bit of the word changes every bit of the result (the finaliser of MurmurHash3, Appleby 2011): flipped signs
  // of neighbouring floats, say, do not cancel.
  static std::uint64_t scattered(std::uint64_t word) {
    word = (word ^ word >> 33) * 0xFF51AFD7ED558CCDull;
    word = (word ^ word >> 33) * 0xC4CEB9FE1A85EC53ull;
    return word ^ word >> 33;
  }

  // Multiply and fold; the constant is 2^64 divided by the golden ratio.
  void mix(std::uint64_t word) {
    state_ = (state_ ^ word) * 0x9E3779B97F4A7C15ull;
    state_ ^= state_ >> 32;
  }

  std::uint64_t state_ = 0x9E3779B97F4A7C15ull;
};

}  // namespace reclm
