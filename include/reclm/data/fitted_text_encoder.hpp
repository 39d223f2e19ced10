#pragma once
/// @file fitted_text_encoder.hpp
/// The built-in text encoder, fitted once on a corpus, so that vectors of different calls can be compared.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/data/text_encoder.hpp"

namespace reclm {

/// The features, weights and directions of `encode_text`, learned from a corpus and then fixed. Immutable, so that
/// threads may share one.
///
/// A text's features that the corpus lacks are left out. Vectors are the same bits for any number of threads, but are
/// those of `encode_text` only up to the directions' approximation.
/// Memory: 4 bytes × features of the corpus (at most 2^hash_bits) × width.
class FittedTextEncoder {
 public:
  /// @throws ConfigError when an option is out of range  Cost: as encode_text of the corpus
  explicit FittedTextEncoder(std::span<const std::string> corpus, TextEncoderOptions options = {}) : options_(options) {
    detail::text::check(options_);
    const auto buckets = read(corpus);
    learn_rarity(buckets);
    const SparseRows all = weigh(buckets);
    const bool sampled = all.rows() > options_.fit_texts;
    const SparseRows fitted = sampled ? detail::text::spread_rows(all, options_.fit_texts, options_.seed) : all;
    const SparseRows turned = fitted.transposed();
    const detail::text::Spectrum spectrum =
        detail::text::leading_spectrum(fitted, turned, options_.width, options_.seed);
    const auto kept = static_cast<Index>(spectrum.magnitude.size());
    if (kept == 0) return;
    detail::text::SmallMatrix scale(kept, kept);
    for (Index k = 0; k < kept; ++k) scale(k, k) = std::pow(spectrum.magnitude[static_cast<std::size_t>(k)], -1.5);
    directions_ = detail::text::times(turned, detail::text::times(spectrum.left, scale));
  }

  [[nodiscard]] Index width() const { return options_.width; }

  /// [texts, width], rows of unit length; a text of which the corpus knows nothing gives a row of zeros.
  Matrix<float> operator()(std::span<const std::string> texts) const {
    Matrix<float> result(static_cast<Index>(texts.size()), options_.width);
    if (directions_.empty()) return result;
    const Matrix<float> reduced = detail::text::times(weigh(read(texts)), directions_);
    parallel_for(result.rows(), 256, [&](Index t) {
      double squares = 0;
      for (const float x : reduced.row(t)) squares += static_cast<double>(x) * x;
      if (squares < 1e-20) return;
      const auto inverse = static_cast<float>(1.0 / std::sqrt(squares));
      for (Index c = 0; c < reduced.cols(); ++c) result(t, c) = reduced(t, c) * inverse;
    });
    return result;
  }

 private:
  using SparseRows = detail::text::SparseRows;
  using Buckets = std::vector<std::vector<std::int32_t>>;  // of each text, ascending, repeated ones repeatedly

  [[nodiscard]] Buckets read(std::span<const std::string> texts) const {
    Buckets result(texts.size());
    parallel_chunks(static_cast<Index>(texts.size()), 64, [&](Index begin, Index end, Index) {
      detail::text::FeatureReader reader(
          {options_.word_ngrams, options_.shortest_gram, options_.longest_gram, options_.hash_bits});
      for (auto t = static_cast<std::size_t>(begin); t < static_cast<std::size_t>(end); ++t) {
        reader.read(texts[t], result[t]);
        std::sort(result[t].begin(), result[t].end());
      }
    });
    return result;
  }

  void learn_rarity(const Buckets& texts) {
    std::vector<double> texts_with(std::size_t{1} << options_.hash_bits, 0);
    for (const auto& buckets : texts)
      for (std::size_t k = 0; k < buckets.size(); ++k)
        if (k == 0 || buckets[k] != buckets[k - 1]) ++texts_with[static_cast<std::size_t>(buckets[k])];
    column_.assign(texts_with.size(), -1);
    for (std::size_t b = 0; b < texts_with.size(); ++b)
      if (texts_with[b] > 0) {
        column_[b] = static_cast<std::int32_t>(rarity_.size());
        rarity_.push_back(
            static_cast<float>(1 + std::log((1 + static_cast<double>(texts.size())) / (1 + texts_with[b]))));
      }
  }

  // TF-IDF rows of unit length over the corpus's features.
  [[nodiscard]] SparseRows weigh(const Buckets& texts) const {
    SparseRows rows;
    rows.cols = static_cast<Index>(rarity_.size());
    for (const auto& buckets : texts) {
      const std::size_t begin = rows.columns.size();
      double squares = 0;
      for (std::size_t k = 0, next = 0; k < buckets.size(); k = next) {
        for (next = k; next < buckets.size() && buckets[next] == buckets[k];) ++next;
        const std::int32_t column = column_[static_cast<std::size_t>(buckets[k])];
        if (column < 0) continue;
        const float weight = (1 + std::log(static_cast<float>(next - k))) * rarity_[static_cast<std::size_t>(column)];
        rows.columns.push_back(column);
        rows.values.push_back(weight);
        squares += static_cast<double>(weight) * weight;
      }
      for (std::size_t k = begin; k < rows.values.size(); ++k) rows.values[k] /= static_cast<float>(std::sqrt(squares));
      rows.offsets.push_back(static_cast<Index>(rows.columns.size()));
    }
    return rows;
  }

  TextEncoderOptions options_;
  std::vector<std::int32_t> column_;  // of each bucket; −1: the corpus does not have it
  std::vector<float> rarity_;         // of each column
  Matrix<float> directions_;          // [columns, kept]
};

}  // namespace reclm
