#pragma once
/// @file spectral_start.hpp
/// Token vectors for a model that is to learn from little text: near each other from the start where texts use tokens
/// alike, so that training need not find out first which words go together.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "reclm/core/matrix.hpp"
#include "reclm/data/sparse_spectrum.hpp"
#include "reclm/lm/tokenizer/tokenizer.hpp"

namespace reclm::lm {

/// Replaces rows of `vectors` [vocabulary, width] by latent semantic analysis (Deerwester et al., 1990): of the matrix
/// token × text, log(1 + count) · log((texts + 1) / (texts with it + 1)), rows of unit length, the leading left
/// singular vectors times their singular values, each row brought to a root mean square of `deviation`. Tokens that no
/// text holds, or every one, keep theirs. The same numbers for any number of threads.
inline void set_spectral_start(Matrix<float>& vectors, const std::vector<std::string>& texts,
                               const Tokenizer& tokenizer, double deviation) {
  std::vector<std::map<std::int32_t, float>> counts(static_cast<std::size_t>(vectors.rows()));
  for (std::size_t text = 0; text < texts.size(); ++text)
    for (const TokenId token : tokenizer.encode(texts[text], false))
      ++counts.at(static_cast<std::size_t>(token))[static_cast<std::int32_t>(text)];
  SparseRows uses;
  uses.cols = static_cast<Index>(texts.size());
  for (const auto& row : counts) {
    const double rarity = std::log(static_cast<double>(texts.size() + 1) / static_cast<double>(row.size() + 1));
    double squares = 0;
    for (const auto& [text, count] : row) squares += std::pow(std::log1p(static_cast<double>(count)) * rarity, 2);
    if (squares > 0)
      for (const auto& [text, count] : row) {
        uses.columns.push_back(text);
        uses.values.push_back(static_cast<float>(std::log1p(static_cast<double>(count)) * rarity / std::sqrt(squares)));
      }
    uses.offsets.push_back(static_cast<Index>(uses.columns.size()));
  }
  const Spectrum spectrum = leading_spectrum(uses, vectors.cols());
  for (Index token = 0; token < vectors.rows(); ++token) {
    std::vector<double> place(static_cast<std::size_t>(vectors.cols()));  // beyond the spectrum zero
    double squares = 0;
    for (std::size_t k = 0; k < spectrum.magnitude.size(); ++k) {
      place[k] = static_cast<double>(spectrum.left(token, static_cast<Index>(k))) * spectrum.magnitude[k];
      squares += place[k] * place[k];
    }
    if (squares <= 0) continue;
    const double scale = deviation * std::sqrt(static_cast<double>(vectors.cols()) / squares);
    std::ranges::transform(place, vectors.row(token).begin(), [&](double x) { return static_cast<float>(scale * x); });
  }
}

}  // namespace reclm::lm
