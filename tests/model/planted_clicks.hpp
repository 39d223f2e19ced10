#pragma once
/// A small data set with four tastes, and its vectors.

#include <cmath>
#include <vector>

#include "reclm/core/philox.hpp"
#include "reclm/data/dataset.hpp"
#include "support/random_matrix.hpp"

namespace reclm_test {

using reclm::Dataset;
using reclm::Id;
using reclm::Index;
using reclm::Interactions;
using reclm::Matrix;
using reclm::Random;
using reclm::Stream;

/// Rows near the axis of their taste (row number mod 4), of unit length.
inline Matrix<float> tastes(Index rows, Index cols, std::uint64_t seed) {
  Matrix<float> m = random_matrix(rows, cols, seed);
  for (Index r = 0; r < rows; ++r) {
    double squares = 0;
    for (Index c = 0; c < cols; ++c) {
      m(r, c) = 0.2f * m(r, c) + (c == r % 4 ? 1.0f : 0.0f);
      squares += static_cast<double>(m(r, c)) * static_cast<double>(m(r, c));
    }
    for (Index c = 0; c < cols; ++c) m(r, c) = static_cast<float>(static_cast<double>(m(r, c)) / std::sqrt(squares));
  }
  return m;
}

/// Users click items of their own taste five times in six. `valid` holds a few more such clicks; the last user and the
/// last item have none at all.
inline Dataset planted_data(Id users = 61, Id items = 81, Id clicks = 9) {
  const Random random(17, Stream::evaluation);
  std::vector<reclm::Pair> train, valid;
  for (Id user = 0; user + 1 < users; ++user)
    for (Id click = 0; click < clicks; ++click) {
      const auto at = static_cast<std::uint64_t>(3 * (user * clicks + click));
      const Id taste = random.below(at, 6) == 0 ? static_cast<Id>(random.below(at + 1, 4)) : user % 4;
      const Id item = 4 * static_cast<Id>(random.below(at + 2, static_cast<std::uint32_t>((items - 1) / 4))) + taste;
      (click + 2 >= clicks ? valid : train).push_back({user, item});
    }
  Dataset data;
  data.name = "planted";
  data.train = Interactions::from_pairs(users, items, train);
  std::erase_if(valid, [&](const reclm::Pair& pair) { return data.train.contains(pair.user, pair.item); });
  data.valid = Interactions::from_pairs(users, items, valid);
  data.item_vectors = tastes(items, 12, 2);
  data.item_profiles = tastes(items, 10, 3);
  data.user_profiles = tastes(users, 10, 4);
  return data;
}

}  // namespace reclm_test
