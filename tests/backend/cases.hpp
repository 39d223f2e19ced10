#pragma once
/// What the tests of all backends share: values in a backend's memory, made and compared on the host.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "reclm/backend/backend.hpp"
#include "reclm/core/philox.hpp"
#include "support/catch.hpp"
#include "support/random_matrix.hpp"

namespace reclm_test {

using reclm::Id;
using reclm::Index;

/// n values in a backend's memory.
template <class B, class T>
class Array {
 public:
  explicit Array(const std::vector<T>& host)
      : size_(static_cast<Index>(host.size())), memory_(B::template allocate<T>(size_)) {
    B::from_host(memory_.get(), host.data(), size_);
  }
  [[nodiscard]] T* data() const { return memory_.get(); }
  [[nodiscard]] std::vector<T> host() const {
    std::vector<T> values(static_cast<std::size_t>(size_));
    B::to_host(values.data(), memory_.get(), size_);
    return values;
  }

 private:
  Index size_;
  std::shared_ptr<T> memory_;
};
template <class B, class T>
Array<B, T> on(const std::vector<T>& host) {
  return Array<B, T>(host);
}

/// n ids in [0, below), with repeats.
inline std::vector<Id> ids(Index n, Index below, std::uint64_t seed) {
  const reclm::Random random(seed, reclm::Stream::evaluation);
  std::vector<Id> values(static_cast<std::size_t>(n));
  for (std::size_t k = 0; k < values.size(); ++k)
    values[k] = static_cast<Id>(random.below(k, static_cast<std::uint32_t>(below)));
  return values;
}

/// What an operation must overwrite without reading.
template <class T>
std::vector<T> garbage(Index n) {
  return std::vector<T>(static_cast<std::size_t>(n), std::numeric_limits<T>::quiet_NaN());
}

inline std::vector<double> in_double(const std::vector<float>& values) { return {values.begin(), values.end()}; }
inline std::vector<double> in_double(const std::vector<double>& values) { return values; }

/// Largest |actual − expected| over max(1, |expected|); infinite where sizes differ or a value is NaN.
template <class T>
double difference(const std::vector<T>& actual, const std::vector<double>& expected) {
  if (actual.size() != expected.size()) return std::numeric_limits<double>::infinity();
  double worst = 0;
  for (std::size_t k = 0; k < actual.size(); ++k) {
    const double apart = std::abs(static_cast<double>(actual[k]) - expected[k]) / std::max(1.0, std::abs(expected[k]));
    worst = apart <= worst ? worst : std::isnan(apart) ? std::numeric_limits<double>::infinity() : apart;
  }
  return worst;
}

/// Rounding that a sum of `terms` numbers about 1 may show, in any order.
template <class T>
double rounding(Index terms = 1) {
  return 8 * static_cast<double>(std::numeric_limits<T>::epsilon()) * std::sqrt(static_cast<double>(terms));
}

/// Groups 0 … n−1 by `keys`: offsets (rows + 1) and members, as the gradients of look-ups need them.
struct Groups {
  std::vector<Index> offsets;
  std::vector<Id> members;
  Groups(const std::vector<Id>& keys, Index rows) : offsets(1, 0) {
    for (Index row = 0; row < rows; ++row) {
      for (std::size_t k = 0; k < keys.size(); ++k)
        if (keys[k] == row) members.push_back(static_cast<Id>(k));
      offsets.push_back(static_cast<Index>(members.size()));
    }
  }
};

}  // namespace reclm_test
