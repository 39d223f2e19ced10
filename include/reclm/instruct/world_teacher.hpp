#pragma once
/// @file world_teacher.hpp
/// The embedded world's oracle as a teacher.

#include <string>

#include "reclm/data/world.hpp"
#include "reclm/instruct/teachers.hpp"

namespace reclm::instruct {

/// The embedded world's oracle: profiles from the true interests, as a good but not all-knowing teacher writes them.
inline KnownAnswers world_teacher(const World& world) {
  return {"oracle of " + world.dataset.name + " " + std::to_string(world.options.seed), world.user_profile_text,
          world.item_profile_text};
}

}  // namespace reclm::instruct
