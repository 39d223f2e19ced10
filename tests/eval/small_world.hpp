#pragma once
// A world that studies of a second are run on.
#include "reclm/data/world.hpp"

namespace reclm_test {

using namespace reclm;

inline const Dataset& small_world() {
  static const Dataset data =
      make_world({.users = 120, .items = 160, .clicks = 10, .encoder = {.width = 24, .hash_bits = 10}, .seed = 3})
          .dataset;
  return data;
}

}  // namespace reclm_test
