#pragma once
/// @file text_encoder.hpp
/// The built-in text encoder: no weights, no downloads. Texts that share words and word parts get close vectors.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "reclm/core/error.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/data/detail/spectral_projection.hpp"
#include "reclm/data/detail/text_features.hpp"

namespace reclm {

inline constexpr Index kWidestText = 4096;

/// How texts become vectors. The defaults were chosen on ml-small (titles, genres, tags), where content-kNN zero-shot
/// Recall@20 reads: random signs instead of the SVD .12 to .15, SVD .20, a sentence transformer .26; two-word runs,
/// other n-gram lengths and other hash sizes moved it by less than .01.
struct TextEncoderOptions {
  Index width = 256;       ///< columns of the result, 1 to kWidestText
  int word_ngrams = 1;     ///< runs of up to so many words are features; 0 to 3
  int shortest_gram = 3;   ///< code points of character n-grams, the word's borders counted; at least 1
  int longest_gram = 5;    ///< at most 16; 0 for none
  int hash_bits = 15;      ///< features share 2^bits buckets; 8 to 24
  Index fit_texts = 2048;  ///< the SVD is fitted on at most so many texts, evenly spread; at least 1
  std::uint64_t seed = 1;
};

namespace detail::text {

inline void check(const TextEncoderOptions& options) {
  const auto require = [](bool fine, const char* rule) {
    if (!fine) throw ConfigError(std::string("TextEncoderOptions: ") + rule);
  };
  require(options.width >= 1 && options.width <= kWidestText, "width must lie in 1 … 4096");
  require(options.word_ngrams >= 0 && options.word_ngrams <= 3, "word_ngrams must lie in 0 … 3");
  require(options.longest_gram >= 0 && options.longest_gram <= 16, "longest_gram must lie in 0 … 16");
  require(options.shortest_gram >= 1, "shortest_gram must be at least 1");
  require(options.longest_gram == 0 || options.shortest_gram <= options.longest_gram,
          "shortest_gram must not exceed longest_gram");
  require(options.word_ngrams > 0 || options.longest_gram > 0, "words or character n-grams are needed");
  require(options.hash_bits >= 8 && options.hash_bits <= 24, "hash_bits must lie in 8 … 24");
  require(options.fit_texts >= 1, "fit_texts must be at least 1");
}

/// `count` rows of a sparse matrix, one drawn from each of as many equal stretches.
inline SparseRows spread_rows(const SparseRows& all, Index count, std::uint64_t seed) {
  const Random random(seed, Stream::init, 0x726f7773u);  // the step as in random_signs
  SparseRows some;
  some.cols = all.cols;
  for (Index k = 0; k < count; ++k) {
    const Index first = k * all.rows() / count, last = (k + 1) * all.rows() / count;
    const auto row = static_cast<std::size_t>(
        first + random.below(static_cast<std::uint64_t>(k), static_cast<std::uint32_t>(last - first)));
    const auto begin = all.offsets[row], end = all.offsets[row + 1];
    some.columns.insert(some.columns.end(), all.columns.begin() + begin, all.columns.begin() + end);
    some.values.insert(some.values.end(), all.values.begin() + begin, all.values.begin() + end);
    some.offsets.push_back(static_cast<Index>(some.columns.size()));
  }
  return some;
}

}  // namespace detail::text

/// Vectors [texts, width] of `texts`: TF-IDF of hashed words and character n-grams, reduced by a randomized SVD with
/// columns weighted by the root of their singular values, rows of unit length.
///
/// ASCII is lower-cased; UTF-8 is read by code point, and broken UTF-8 byte by byte. A text without a word gives a row
/// of zeros, and so does one whose words none of the fitted texts has. Vectors of two calls are not comparable: encode
/// together what is to be compared. The same texts and options give the same bits for any number of threads.
/// @throws ConfigError when an option is out of range
/// Cost: 4,000 short texts in about 0.3 s on one core; beyond `fit_texts` linear in the texts' length × width.
inline Matrix<float> encode_text(std::span<const std::string> texts, TextEncoderOptions options = {}) {
  detail::text::check(options);
  const auto count = static_cast<Index>(texts.size());
  Matrix<float> result(count, options.width);
  const detail::text::SparseRows all = detail::text::tf_idf(
      texts, {options.word_ngrams, options.shortest_gram, options.longest_gram, options.hash_bits});
  const bool sampled = count > options.fit_texts;
  const detail::text::SparseRows some =
      sampled ? detail::text::spread_rows(all, options.fit_texts, options.seed) : detail::text::SparseRows{};
  const detail::text::SparseRows& fitted = sampled ? some : all;
  const detail::text::SparseRows turned = fitted.transposed();
  const detail::text::Spectrum spectrum = detail::text::leading_spectrum(fitted, turned, options.width, options.seed);
  const auto kept = static_cast<Index>(spectrum.magnitude.size());
  if (kept == 0) return result;

  // Fitted texts: U·S^½. Others, by their features: x·Aᵀ·U·S^-3/2, which is the same on fitted ones.
  detail::text::SmallMatrix scale(kept, kept);
  for (Index k = 0; k < kept; ++k)
    scale(k, k) = std::pow(spectrum.magnitude[static_cast<std::size_t>(k)], sampled ? -1.5 : 0.5);
  Matrix<float> reduced = detail::text::times(spectrum.left, scale);
  if (sampled) reduced = detail::text::times(all, detail::text::times(turned, reduced));
  parallel_for(count, 256, [&](Index t) {
    double squares = 0;
    for (const float x : reduced.row(t)) squares += static_cast<double>(x) * x;
    if (squares < 1e-20) return;
    const auto inverse = static_cast<float>(1.0 / std::sqrt(squares));
    for (Index c = 0; c < kept; ++c) result(t, c) = reduced(t, c) * inverse;
  });
  return result;
}

}  // namespace reclm
