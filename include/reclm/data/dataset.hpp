#pragma once
/// @file dataset.hpp
/// Everything a recommendation experiment reads: ids, splits, candidates, text and vectors.

#include <optional>
#include <string>
#include <vector>

#include "reclm/core/matrix.hpp"
#include "reclm/data/id_map.hpp"
#include "reclm/data/interactions.hpp"

namespace reclm {

/// One column of text, a value per row ("title", "abstract", …).
struct TextColumn {
  std::string name;
  std::vector<std::string> values;
};

/// A data set with its splits. Users and items are numbered densely, in the order of their files.
///
/// Splits share the numbering. `valid` may be empty (see splits.hpp to carve one from `train`); `zero` holds targets whose
/// items never occur in `train`. Feature matrices are [items, width] or [users, width], empty when there are none.
struct Dataset {
  std::string name;
  IdMap users, items;
  Interactions train, valid, test, zero;
  std::vector<Id> valid_candidates, test_candidates, zero_candidates;  ///< ascending; what a split ranks
  std::vector<TextColumn> item_text;                                   ///< columns of the .item file
  Matrix<float> item_vectors;                                          ///< text vectors, [items, p]
  Matrix<float> item_profiles;                                         ///< profile vectors, [items, q]
  Matrix<float> user_profiles;                                         ///< profile vectors, [users, q]
};

}  // namespace reclm
