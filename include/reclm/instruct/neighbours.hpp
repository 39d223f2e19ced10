#pragma once
/// @file neighbours.hpp
/// Who is like whom, by the vectors of a trained model: the neighbours of A2, A3 and A5.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "reclm/backend/cpu/top_k.hpp"
#include "reclm/core/as_matrix.hpp"
#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/model/concepts.hpp"

namespace reclm::instruct {

/// The nearest rows of each row, the nearest first; rows without so many end in kNoItem (−1), −infinity.
struct Neighbours {
  Matrix<Id> ids;            ///< [rows, k]
  Matrix<float> similarity;  ///< [rows, k], cosines
};

/// The `k` nearest other rows of each row of `vectors` by cosine, exactly; equally near ones by ascending number. A row
/// never is its own neighbour; a row of zeros has none and is nobody's.
/// @param among  rows that may be neighbours, ascending; empty: all
/// @throws ConfigError on k < 1, NumericError on a value that is not finite
/// Cost: a product [n, d] · [d, n] near the processor's peak; memory O(n · (d + k)). The same bits for any number of
/// threads.
template <class T>
Neighbours nearest_rows(MatrixView<const T> vectors, Index k, std::span<const Id> among = {}) {
  if (k < 1) throw ConfigError("neighbours: k is " + std::to_string(k) + ". Remedy: ask for at least one");
  const Index n = vectors.rows();
  if (n > std::numeric_limits<Id>::max()) throw ShapeError("neighbours: more than 2^31 - 1 rows");
  if (!std::ranges::is_sorted(among) || (!among.empty() && (among.front() < 0 || among.back() >= n)))
    throw ConfigError("neighbours: those that may be are not ascending numbers of the " + std::to_string(n) + " rows");
  Matrix<float> unit(n, vectors.cols());
  std::vector<std::uint8_t> present(static_cast<std::size_t>(n));
  parallel_for(n, 256, [&](Index row) {
    double largest = 0, squares = 0;
    for (Index c = 0; c < vectors.cols(); ++c) {
      const auto x = static_cast<double>(vectors(row, c));
      if (!std::isfinite(x))
        throw NumericError("neighbours: row " + std::to_string(row) + ", column " + std::to_string(c) +
                           " is not a finite number. Remedy: look at the model's training");
      largest = std::max(largest, std::abs(x));
    }
    if (largest == 0) return;
    for (Index c = 0; c < vectors.cols(); ++c) {  // scaled: squares of extreme numbers would leave the range
      const double x = static_cast<double>(vectors(row, c)) / largest;
      squares += x * x;
    }
    const double scale = 1 / std::sqrt(squares);
    for (Index c = 0; c < vectors.cols(); ++c)
      unit(row, c) = static_cast<float>(static_cast<double>(vectors(row, c)) / largest * scale);
    present[static_cast<std::size_t>(row)] = 1;
  });
  std::vector<Id> rows, candidates, itself(static_cast<std::size_t>(n));
  std::iota(itself.begin(), itself.end(), Id{0});
  for (const Id row : itself)
    if (present[static_cast<std::size_t>(row)]) rows.push_back(row);
  for (const Id row : among)
    if (present[static_cast<std::size_t>(row)]) candidates.push_back(row);
  if (among.empty()) candidates = rows;
  std::vector<Index> offsets(itself.size() + 1);
  std::iota(offsets.begin(), offsets.end(), Index{0});

  Neighbours result{Matrix<Id>(n, k, kNoItem), Matrix<float>(n, k, -std::numeric_limits<float>::infinity())};
  if (candidates.empty()) return result;
  const TopK best = cpu::top_k({.users = unit, .items = unit}, rows, candidates, {offsets, itself}, k);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const auto from = static_cast<Index>(r);
    std::copy_n(best.items.row(from).begin(), k, result.ids.row(rows[r]).begin());
    std::copy_n(best.scores.row(from).begin(), k, result.similarity.row(rows[r]).begin());
  }
  return result;
}

/// Users alike by a model's user vectors: RecLM takes those of LightGCN, which hold the neighbourhood in the graph.
/// @param among as in nearest_rows: those with a profile, where stages are to tell of neighbours
template <FactorModel M>
Neighbours user_neighbours(const M& model, Index k = 5, std::span<const Id> among = {}) {
  const auto& factors = ModelTraits<M>::user_factors(model);
  return nearest_rows(MatrixView<const float>(float_copy(factors, "neighbours: user factors")), k, among);
}

/// Items alike by a model's item vectors.
template <FactorModel M>
Neighbours item_neighbours(const M& model, Index k = 5) {
  const auto& factors = ModelTraits<M>::item_factors(model);
  return nearest_rows(MatrixView<const float>(float_copy(factors, "neighbours: item factors")), k);
}

}  // namespace reclm::instruct
