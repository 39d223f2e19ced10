#pragma once
/// @file top_k.hpp
/// The best K items of some users: what every ranker returns and every metric reads.

#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/matrix.hpp"

namespace reclm {

/// What stands in an item cell behind the end of a list.
inline constexpr Id kNoItem = -1;

/// Ranked lists, one row a user.
///
/// Rows run from the best score down; equal scores are ordered by ascending item id, so that a list is a function of
/// the scores alone. A list that has fewer than K items (few candidates, many masked) ends in `kNoItem` with score
/// -infinity.
struct TopK {
  Matrix<Id> items;       ///< [users listed, K], distinct within a row
  Matrix<float> scores;   ///< [users listed, K]
  std::vector<Id> users;  ///< row r belongs to users[r]
};

}  // namespace reclm
