#pragma once
/// @file rope.hpp
/// Rotary positions (Su et al., 2021), halves as in Hugging Face files: element c of a head turns with element c +
/// half.

#include "reclm/core/config.hpp"

namespace reclm::kernels {

/// y = beta · y + x with the heads of row `row` turned by the angles of position positions[row]; `direction` −1 turns
/// back. cosines, sines: [positions, head_width / 2].
template <class T>
struct Rope {
  const T* x;
  const Id* positions;
  const T* cosines;
  const T* sines;
  Index heads, head_width;
  T direction;
  T beta;
  T* y;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const Index half = head_width / 2, at = static_cast<Index>(positions[row]) * half;
    const T* RECLM_RESTRICT cosine = cosines + at;
    const T* RECLM_RESTRICT sine = sines + at;
    const T turn = direction, keep = beta;
    for (Index head = 0; head < heads; ++head) {
      const T* RECLM_RESTRICT in = x + (row * heads + head) * head_width;
      T* RECLM_RESTRICT out = y + (row * heads + head) * head_width;
      if (keep == T(0)) {
        team.each(half, [=](Index c) {
          const T a = in[c], b = in[c + half], s = turn * sine[c];
          out[c] = a * cosine[c] - b * s;
          out[c + half] = b * cosine[c] + a * s;
        });
      } else {
        team.each(half, [=](Index c) {
          const T a = in[c], b = in[c + half], s = turn * sine[c];
          out[c] += a * cosine[c] - b * s;
          out[c + half] += b * cosine[c] + a * s;
        });
      }
    }
  }
};

}  // namespace reclm::kernels
