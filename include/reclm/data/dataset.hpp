#pragma once
/// @file dataset.hpp
/// Everything a recommendation experiment reads: ids, splits, candidates, text and vectors.

#include <cstdint>
#include <string>
#include <vector>

#include "reclm/core/matrix.hpp"
#include "reclm/data/id_map.hpp"
#include "reclm/data/interaction_values.hpp"
#include "reclm/data/interactions.hpp"

namespace reclm {

/// One column of text, a value per row ("title", "abstract", …).
struct TextColumn {
  std::string name;
  std::vector<std::string> values;
};

/// A data set with its splits. Users and items are numbered densely, in the order of their files.
///
/// Splits share the numbering. `valid` may be empty (see `carve_validation` of splits.hpp); `zero` holds targets whose
/// items never occur in `train`. Feature matrices are [items, width] or [users, width], empty when there are none.
struct Dataset {
  std::string name;
  IdMap users, items;
  Interactions train, valid, test, zero;
  std::vector<Id> valid_candidates, test_candidates, zero_candidates;  ///< ascending; what a split ranks
  Interactions valid_zero;                ///< validation targets whose items were taken out of train; may be empty
  std::vector<Id> valid_zero_candidates;  ///< ascending
  InteractionValues train_values;         ///< of the pairs of `train`, in their order; empty unless read
  std::vector<TextColumn> item_text;      ///< text columns of the .item file
  std::vector<TextColumn> user_text;      ///< text columns of the .user file
  Matrix<float> item_vectors;             ///< text vectors, [items, p]
  Matrix<float> item_profiles;            ///< profile vectors, [items, q]
  Matrix<float> user_profiles;            ///< profile vectors, [users, q]
  /// One flag a user: 1 where the row of `user_profiles` was made from the train history, and must be made anew when
  /// that changes (`refresh_history_profiles`). Empty: nowhere. Who sets a row by hand clears its flag.
  std::vector<std::uint8_t> profile_from_history;
  std::vector<std::string> notices;  ///< what loading merged, left out or made up, a sentence each
};

}  // namespace reclm
