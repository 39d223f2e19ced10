#pragma once
/// @file graph.hpp
/// The user–item graph that graph backbones propagate over.

#include <cmath>
#include <cstddef>
#include <vector>

#include "reclm/data/interactions.hpp"
#include "reclm/tensor/sparse.hpp"

namespace reclm {

/// Â = D^-1/2 (A + I) D^-1/2 over users, then items; D holds the row sums of A + I (Kipf and Welling, ICLR 2017, eq.
/// 2). Kept in blocks: self-loops of users and items, and users × items.
template <class T>
struct NormalizedGraph {
  Index users = 0, items = 0;
  std::vector<T> user_loops, item_loops;  ///< diagonal of Â
  CsrMatrix<T> user_items;                ///< [users, items]; the other block is its transpose

  explicit NormalizedGraph(const Interactions& train)
      : users(train.users()), items(train.items()), user_items{users, items, {}, {}, {}} {
    const std::vector<Index> counts = train.item_counts();
    std::vector<double> item_scale(counts.size());
    for (std::size_t i = 0; i < counts.size(); ++i) {
      item_scale[i] = 1 / std::sqrt(static_cast<double>(counts[i] + 1));
      item_loops.push_back(static_cast<T>(item_scale[i] * item_scale[i]));
    }
    user_items.offsets.assign(train.offsets().begin(), train.offsets().end());
    user_items.columns.assign(train.columns().begin(), train.columns().end());
    user_items.values.reserve(user_items.columns.size());
    for (Id user = 0; user < train.users(); ++user) {
      const auto row = train.of(user);
      const double scale = 1 / std::sqrt(static_cast<double>(row.size() + 1));
      user_loops.push_back(static_cast<T>(scale * scale));
      for (const Id item : row)
        user_items.values.push_back(static_cast<T>(scale * item_scale[static_cast<std::size_t>(item)]));
    }
  }

  [[nodiscard]] Index nodes() const { return users + items; }

  /// Items that somebody touched, ascending.
  [[nodiscard]] std::vector<Id> connected_items() const {
    std::vector<char> touched(static_cast<std::size_t>(items), 0);
    for (const Id item : user_items.columns) touched[static_cast<std::size_t>(item)] = 1;
    std::vector<Id> result;
    for (std::size_t item = 0; item < touched.size(); ++item)
      if (touched[item]) result.push_back(static_cast<Id>(item));
    return result;
  }

  /// The graph without other items than these, which get new numbers in their order. @param chosen ascending, holding
  /// all connected items
  [[nodiscard]] NormalizedGraph restricted_to(const std::vector<Id>& chosen) const {
    NormalizedGraph part = *this;
    part.items = static_cast<Index>(chosen.size());
    part.item_loops.clear();
    std::vector<Id> place(static_cast<std::size_t>(items), -1);
    for (std::size_t k = 0; k < chosen.size(); ++k) {
      place[static_cast<std::size_t>(chosen[k])] = static_cast<Id>(k);
      part.item_loops.push_back(item_loops[static_cast<std::size_t>(chosen[k])]);
    }
    part.user_items.cols = part.items;
    for (Id& column : part.user_items.columns) column = place[static_cast<std::size_t>(column)];
    return part;
  }

  /// Â as one matrix [nodes, nodes], columns ascending, self-loops included.
  [[nodiscard]] CsrMatrix<T> square() const {
    const CsrMatrix<T> item_users = user_items.transposed();
    CsrMatrix<T> all{nodes(), nodes(), {0}, {}, {}};
    const auto entries = static_cast<std::size_t>(nodes() + 2 * user_items.entries());
    all.columns.reserve(entries);
    all.values.reserve(entries);
    const auto add = [&](Index column, T value) {
      all.columns.push_back(static_cast<Id>(column));
      all.values.push_back(value);
    };
    const auto add_row = [&](const CsrMatrix<T>& block, Index row, Index shift) {
      for (Index e = block.offsets[static_cast<std::size_t>(row)]; e < block.offsets[static_cast<std::size_t>(row) + 1];
           ++e)
        add(block.columns[static_cast<std::size_t>(e)] + shift, block.values[static_cast<std::size_t>(e)]);
    };
    for (Index user = 0; user < users; ++user) {
      add(user, user_loops[static_cast<std::size_t>(user)]);
      add_row(user_items, user, users);
      all.offsets.push_back(static_cast<Index>(all.columns.size()));
    }
    for (Index item = 0; item < items; ++item) {
      add_row(item_users, item, 0);
      add(users + item, item_loops[static_cast<std::size_t>(item)]);
      all.offsets.push_back(static_cast<Index>(all.columns.size()));
    }
    return all;
  }
};

/// For each stored entry (r, c) of a matrix whose structure is symmetric, the place of (c, r).
/// @throws ShapeError when the structure is not symmetric. O(entries)
template <class T>
std::vector<Index> transposed_places(const CsrMatrix<T>& m) {
  std::vector<Index> places(m.columns.size());
  std::vector<Index> next(m.offsets.begin(), m.offsets.end() - 1);
  for (Index row = 0; row < m.rows; ++row)
    for (Index e = m.offsets[static_cast<std::size_t>(row)]; e < m.offsets[static_cast<std::size_t>(row) + 1]; ++e) {
      const auto column = static_cast<std::size_t>(m.columns[static_cast<std::size_t>(e)]);
      const Index to = next[column]++;
      if (to >= m.offsets[column + 1] || m.columns[static_cast<std::size_t>(to)] != static_cast<Id>(row))
        throw ShapeError("transposed_places: the matrix has no entry (" + std::to_string(column) + ", " +
                         std::to_string(row) + ")");
      places[static_cast<std::size_t>(e)] = to;
    }
  return places;
}

}  // namespace reclm
