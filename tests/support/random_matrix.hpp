#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "reclm/core/matrix.hpp"

namespace reclm_test {

/// Uniform in [−1, 1), the same for equal seeds; by SplitMix64: without optimisation Philox would take longer than what
/// is tested.
template <class T>
void fill_random(T* values, std::size_t count, std::uint64_t seed) {
  std::uint64_t state = seed * 0x632BE59BD9B4E019u;
  for (std::size_t k = 0; k < count; ++k) {
    std::uint64_t bits = state += 0x9E3779B97F4A7C15u;
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9u;
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EBu;
    values[k] = static_cast<T>(bits >> 40) * T(0x1p-23) - T(1);
  }
}

/// n such numbers.
template <class T>
std::vector<T> numbers(reclm::Index n, std::uint64_t seed) {
  std::vector<T> values(static_cast<std::size_t>(n));
  fill_random(values.data(), values.size(), seed);
  return values;
}

inline reclm::Matrix<float> random_matrix(reclm::Index rows, reclm::Index cols, std::uint64_t seed) {
  reclm::Matrix<float> m(rows, cols);
  fill_random(m.data(), static_cast<std::size_t>(m.size()), seed);
  return m;
}

}  // namespace reclm_test
