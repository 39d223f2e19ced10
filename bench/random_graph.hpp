#pragma once
/// Generated interactions for benchmarks: popularity and activity follow power laws, as in real data.
#include <cmath>
#include <cstdint>
#include <vector>

#include "reclm/core/philox.hpp"
#include "reclm/data/interactions.hpp"

namespace reclm_bench {

/// About `pairs` distinct interactions (repeats fall together; a few percent). Item i is drawn with a density ∝
/// (i + 1)^-0.6 over the items, users with ∝ (u + 1)^-0.3.
inline reclm::Interactions random_graph(reclm::Id users, reclm::Id items, reclm::Index pairs, std::uint64_t seed = 1) {
  const reclm::Random random(seed, reclm::Stream::world);
  // Inverse of the cumulated density x^(1 − a) of a power law with exponent a.
  const auto draw = [&](std::uint64_t index, reclm::Id n, double exponent) {
    const double u = static_cast<double>(random.uniform(index));
    const auto id = static_cast<reclm::Id>(std::pow(u, 1 / (1 - exponent)) * static_cast<double>(n));
    return id < n ? id : n - 1;
  };
  std::vector<reclm::Pair> list;
  list.reserve(static_cast<std::size_t>(pairs));
  for (reclm::Index k = 0; k < pairs; ++k) {
    const auto at = static_cast<std::uint64_t>(2 * k);
    list.push_back({draw(at, users, 0.3), draw(at + 1, items, 0.6)});
  }
  return reclm::Interactions::from_pairs(users, items, list);
}

}  // namespace reclm_bench
