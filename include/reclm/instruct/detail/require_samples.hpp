#pragma once
/// @file require_samples.hpp
/// Says why a stage has nothing to learn from.

#include <string>

#include "reclm/core/error.hpp"
#include "reclm/instruct/samples.hpp"

namespace reclm::instruct::detail {

/// @throws ConfigError when there is no sample
template <class T>
void require_samples(const std::string& stage, const Built<T>& built) {
  if (!built.samples.empty()) return;
  const SkipCounts& s = built.skipped;
  throw ConfigError("tune: the stage " + stage + " has nothing to learn from: " + std::to_string(s.no_profile) +
                    " users are without a profile, " + std::to_string(s.no_history) + " without two train items, " +
                    std::to_string(s.no_neighbour) + " without a neighbour who has a profile, " +
                    std::to_string(s.no_question) + " share no item with one, " + std::to_string(s.over_budget) +
                    " are beyond the budget. Remedy: profiles of more users, a larger budget, or other stages");
}

}  // namespace reclm::instruct::detail
