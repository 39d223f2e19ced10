#pragma once
#include <cstdint>

#include "reclm/core/matrix.hpp"
#include "reclm/core/philox.hpp"

namespace reclm_test {

/// Uniform in [-1, 1), the same for equal seeds.
inline reclm::Matrix<float> random_matrix(reclm::Index rows, reclm::Index cols, std::uint64_t seed) {
  const reclm::Random random(seed, reclm::Stream::evaluation);
  reclm::Matrix<float> m(rows, cols);
  for (reclm::Index k = 0; k < m.size(); ++k) m.data()[k] = 2 * random.uniform(static_cast<std::uint64_t>(k)) - 1;
  return m;
}

}  // namespace reclm_test
