#pragma once
/// @file rows_of_batch.hpp
/// What alignments see of a batch: the vectors of the users and items it holds, each once.

#include <span>
#include <utility>
#include <vector>

#include "reclm/model/backbone.hpp"
#include "reclm/tensor/ops/rows.hpp"

namespace reclm {

/// The distinct nodes of one side of a batch.
struct BatchNodes {
  Var vectors;              ///< [nodes, d], as they are scored
  std::vector<Id> ids;      ///< whose vectors they are
  std::vector<Id> anchors;  ///< for each triple, the row of its user or positive
};

/// `count` of the rows 0 … rows − 1, evenly spread; count ≤ rows. Nodes come in the order of their ids: the first ones
/// would be much the same in every batch.
inline std::vector<Id> spread_rows(Index rows, Index count) {
  std::vector<Id> some;
  some.reserve(static_cast<std::size_t>(count));
  for (Index k = 0; k < count; ++k) some.push_back(static_cast<Id>(k * rows / count));
  return some;
}

/// @param scored [m, d]  @param ids whose rows these are; empty: row k is k  @param rows a row for each triple
template <class B, class T>
BatchNodes nodes_of_batch(Tape<B, T>& tape, Var scored, std::span<const Id> ids, std::span<const Id> rows) {
  UniqueRows unique = unique_rows({rows});
  BatchNodes nodes;
  // All rows in their order: nothing to gather.
  const bool all = static_cast<Index>(unique.ids.size()) == tape.value(scored).rows();
  nodes.vectors = all ? scored : gather_distinct_rows(tape, scored, std::span<const Id>(unique.ids));
  nodes.anchors = std::move(unique.places.front());
  nodes.ids = std::move(unique.ids);
  if (!ids.empty())
    for (Id& id : nodes.ids) id = ids[static_cast<std::size_t>(id)];
  return nodes;
}

/// The two sides of a batch: its users, and its positive items.
template <class B, class T>
std::pair<BatchNodes, BatchNodes> sides_of_batch(Tape<B, T>& tape, const ScoredBatch& batch) {
  return {nodes_of_batch(tape, batch.scores.users, batch.user_ids, batch.triples.users),
          nodes_of_batch(tape, batch.scores.items, batch.item_ids, batch.triples.positives)};
}

}  // namespace reclm
