#pragma once
/// @file written_profiles.hpp
/// Profiles of all users and items from one source, as studies and reports take them.

#include <string>
#include <vector>

#include "reclm/instruct/store_counts.hpp"

namespace reclm {

/// Texts by number of user or item, "" where there is none.
struct WrittenProfiles {
  std::string name;  ///< of the source
  std::vector<std::string> users, items;
  instruct::StoreCounts user_counts{}, item_counts{};  ///< where a model wrote them
};

}  // namespace reclm
