#pragma once
/// @file world_vocabulary.hpp
/// How a vocabulary of the embedded world is written down.

#include <span>
#include <string_view>

namespace reclm::detail {

/// Interests of each topic; they stand next to each other in the table.
inline constexpr int kInterestsPerTopic = 3;

/// One interest that users may have and items are about.
struct InterestWords {
  std::string_view topic;     ///< also the items' category
  std::string_view interest;  ///< its name in profiles
  std::string_view identity;  ///< what a person with it is called in profiles
  std::string_view words;     ///< plural or mass nouns, separated by blanks; '_' stands for a blank inside one
};

}  // namespace reclm::detail
