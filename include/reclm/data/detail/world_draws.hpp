#pragma once
/// @file world_draws.hpp
/// Random draws of the embedded world: one address a purpose and entity, so that users and items can be made in any
/// order.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "reclm/core/config.hpp"
#include "reclm/core/philox.hpp"

namespace reclm::detail {

/// What the world draws numbers for.
enum class WorldPart : std::uint64_t {
  layout = 0,
  item = 1,
  text = 2,
  user = 3,
  user_profile = 4,
  item_profile = 5,
  rank = 6
};

/// Draws for one entity of one part.
class WorldDraws {
 public:
  WorldDraws(std::uint64_t seed, WorldPart part, Index entity)
      : source_(Random(seed * 0x9E3779B97F4A7C15ull + static_cast<std::uint64_t>(part), Stream::world,
                       static_cast<std::uint32_t>(entity))) {}

  /// In [0, 1).
  double uniform() { return static_cast<double>(source_.uniform()); }
  bool chance(double probability) { return uniform() < probability; }
  Index below(Index n) { return static_cast<Index>(source_.below(static_cast<std::uint32_t>(n))); }
  /// One of an array, vector or span.
  template <class Range>
  const auto& pick(const Range& from) {
    return from[static_cast<std::size_t>(below(static_cast<Index>(std::size(from))))];
  }
  /// Standard normal (Box and Muller).
  double normal() {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
    return radius * std::cos(2 * 3.14159265358979323846 * uniform());
  }
  /// Standard Gumbel: the largest of log-weight + Gumbel is a draw by weight.
  double gumbel() { return -std::log(-std::log(uniform() * (1 - 1e-7) + 5e-8)); }
  /// Gamma with a shape of at least 1 (Marsaglia and Tsang 2000), smaller shapes by the power rule.
  double gamma(double shape) {
    if (shape < 1) {
      const double larger = gamma(shape + 1);
      return larger * std::pow(1.0 - uniform(), 1.0 / shape);
    }
    const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
    for (;;) {
      const double x = normal(), v = std::pow(1 + c * x, 3);
      if (v > 0 && std::log(1.0 - uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
    }
  }

 private:
  RandomSequence source_;
};

}  // namespace reclm::detail
