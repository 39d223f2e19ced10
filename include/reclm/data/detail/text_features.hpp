#pragma once
/// @file text_features.hpp
/// Texts as sparse rows of hashed word and character n-grams with TF-IDF weights.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/parallel.hpp"

namespace reclm::detail::text {

/// A sparse matrix in CSR with values; columns ascend within a row.
struct SparseRows {
  Index cols = 0;
  std::vector<Index> offsets{0};
  std::vector<std::int32_t> columns;
  std::vector<float> values;

  [[nodiscard]] Index rows() const { return static_cast<Index>(offsets.size()) - 1; }

  /// The transposed matrix. O(entries).
  [[nodiscard]] SparseRows transposed() const {
    SparseRows result;
    result.cols = rows();
    result.offsets.assign(static_cast<std::size_t>(cols) + 1, 0);
    for (const std::int32_t c : columns) ++result.offsets[static_cast<std::size_t>(c) + 1];
    for (std::size_t c = 1; c < result.offsets.size(); ++c) result.offsets[c] += result.offsets[c - 1];
    result.columns.resize(columns.size());
    result.values.resize(values.size());
    std::vector<Index> next(result.offsets.begin(), result.offsets.end() - 1);
    for (Index r = 0; r < rows(); ++r)
      for (Index k = offsets[static_cast<std::size_t>(r)]; k < offsets[static_cast<std::size_t>(r) + 1]; ++k) {
        const auto from = static_cast<std::size_t>(k);
        const auto to = static_cast<std::size_t>(next[static_cast<std::size_t>(columns[from])]++);
        result.columns[to] = static_cast<std::int32_t>(r);
        result.values[to] = values[from];
      }
    return result;
  }
};

/// Bytes of the code point that starts at `text[at]`; 1 where the bytes are no valid UTF-8.
inline std::size_t code_point_length(std::string_view text, std::size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  const std::size_t length = byte < 0xC2 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : byte < 0xF5 ? 4 : 1;
  if (at + length > text.size()) return 1;
  for (std::size_t k = 1; k < length; ++k)
    if ((static_cast<unsigned char>(text[at + k]) & 0xC0) != 0x80) return 1;
  return length;
}

/// True for a code point that belongs to a word: ASCII letters and digits, and everything beyond ASCII except the
/// signs of Latin-1, typographic punctuation and CJK punctuation.
inline bool is_word_code_point(std::string_view point) {
  const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(point[k]); };
  if (point.size() == 1) {
    const unsigned char c = byte(0);
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  }
  if (point.size() == 2) return !(byte(0) == 0xC2);
  if (point.size() == 3)
    return !(byte(0) == 0xE2 && (byte(1) == 0x80 || byte(1) == 0x81)) &&
           !(byte(0) == 0xE3 && byte(1) == 0x80 && byte(2) < 0x84);
  return true;
}

/// FNV-1a over bytes, and a last mix so that the low bits can number buckets.
struct ByteHash {
  std::uint64_t state = 0xcbf29ce484222325ull;
  explicit ByteHash(unsigned char salt) { add(static_cast<char>(salt)); }
  void add(char c) { state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3ull; }
  void add(std::string_view bytes) {
    for (const char c : bytes) add(c);
  }
  [[nodiscard]] std::uint64_t value() const {
    std::uint64_t x = state;
    x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdull;
    return x ^ (x >> 33);
  }
};

/// What counts as a feature of a text.
struct FeatureRule {
  int word_ngrams = 1;    ///< runs of up to so many words
  int shortest_gram = 3;  ///< code points of the character n-grams, the word's borders counted
  int longest_gram = 5;   ///< 0: no character n-grams
  int hash_bits = 15;     ///< 2^bits buckets
};

/// Collects the buckets of one text's features, repeated ones repeatedly.
class FeatureReader {
 public:
  explicit FeatureReader(const FeatureRule& rule) : rule_(rule), mask_((1u << rule.hash_bits) - 1u) {}

  void read(std::string_view text, std::vector<std::int32_t>& buckets) {
    buckets.clear();
    words_.clear();
    starts_.assign(1, 0);
    word_.assign(1, ' ');
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t length = code_point_length(text, at);
      const std::string_view point = text.substr(at, length);
      if (is_word_code_point(point)) {
        starts_.push_back(word_.size());
        if (length == 1 && point[0] >= 'A' && point[0] <= 'Z')
          word_ += static_cast<char>(point[0] + ('a' - 'A'));
        else
          word_ += point;
      } else {
        finish_word(buckets);
      }
      at += length;
    }
    finish_word(buckets);
    add_word_runs(buckets);
  }

 private:
  void emit(const ByteHash& hash, std::vector<std::int32_t>& buckets) const {
    buckets.push_back(static_cast<std::int32_t>(hash.value() & mask_));
  }

  // word_ is " word" here, starts_ the places of its code points.
  void finish_word(std::vector<std::int32_t>& buckets) {
    if (starts_.size() > 1) {
      words_.emplace_back(word_, 1);
      starts_.push_back(word_.size());
      word_ += ' ';
      starts_.push_back(word_.size());
      const auto points = static_cast<int>(starts_.size()) - 1;
      for (int first = 0; first < points; ++first) {
        ByteHash hash('c');
        for (int n = 1; n <= rule_.longest_gram && first + n <= points; ++n) {
          const std::size_t from = starts_[static_cast<std::size_t>(first + n - 1)];
          hash.add(std::string_view(word_).substr(from, starts_[static_cast<std::size_t>(first + n)] - from));
          if (n >= rule_.shortest_gram) emit(hash, buckets);
        }
      }
    }
    word_.assign(1, ' ');
    starts_.assign(1, 0);
  }

  void add_word_runs(std::vector<std::int32_t>& buckets) const {
    for (std::size_t first = 0; first < words_.size(); ++first) {
      ByteHash hash('w');
      for (std::size_t n = 0; n < static_cast<std::size_t>(rule_.word_ngrams) && first + n < words_.size(); ++n) {
        if (n > 0) hash.add(' ');
        hash.add(words_[first + n]);
        emit(hash, buckets);
      }
    }
  }

  FeatureRule rule_;
  std::uint64_t mask_;
  std::string word_;
  std::vector<std::size_t> starts_;
  std::vector<std::string> words_;
};

/// TF-IDF rows of unit length: (1 + log count) · (1 + log((1 + texts) / (1 + texts with the feature))).
/// A text without a word gives an empty row. Columns are the buckets in use, in their order.
inline SparseRows tf_idf(std::span<const std::string> texts, const FeatureRule& rule) {
  using Count = std::pair<std::int32_t, std::int32_t>;  // bucket, occurrences
  const auto count = static_cast<Index>(texts.size());
  std::vector<std::vector<Count>> rows(texts.size());
  parallel_chunks(count, 64, [&](Index begin, Index end, Index) {
    FeatureReader reader(rule);
    std::vector<std::int32_t> buckets;
    for (Index t = begin; t < end; ++t) {
      reader.read(texts[static_cast<std::size_t>(t)], buckets);
      std::sort(buckets.begin(), buckets.end());
      auto& row = rows[static_cast<std::size_t>(t)];
      for (const std::int32_t bucket : buckets)
        if (!row.empty() && row.back().first == bucket)
          ++row.back().second;
        else
          row.emplace_back(bucket, 1);
    }
  });

  std::vector<std::int32_t> texts_with(std::size_t{1} << rule.hash_bits, 0);
  SparseRows result;
  result.offsets.reserve(texts.size() + 1);
  for (const auto& row : rows) {
    for (const Count& entry : row) ++texts_with[static_cast<std::size_t>(entry.first)];
    result.offsets.push_back(result.offsets.back() + static_cast<Index>(row.size()));
  }
  std::vector<std::int32_t> column(texts_with.size(), -1);
  std::vector<float> rarity(texts_with.size(), 0.0f);
  for (std::size_t b = 0; b < texts_with.size(); ++b)
    if (texts_with[b] > 0) {
      column[b] = static_cast<std::int32_t>(result.cols++);
      rarity[b] = static_cast<float>(1.0 + std::log((1.0 + static_cast<double>(count)) / (1.0 + texts_with[b])));
    }

  result.columns.resize(static_cast<std::size_t>(result.offsets.back()));
  result.values.resize(result.columns.size());
  parallel_for(count, 256, [&](Index t) {
    auto at = static_cast<std::size_t>(result.offsets[static_cast<std::size_t>(t)]);
    const std::size_t begin = at;
    double squares = 0;
    for (const auto& [bucket, times] : rows[static_cast<std::size_t>(t)]) {
      const float weight = (1.0f + std::log(static_cast<float>(times))) * rarity[static_cast<std::size_t>(bucket)];
      result.columns[at] = column[static_cast<std::size_t>(bucket)];
      result.values[at++] = weight;
      squares += static_cast<double>(weight) * weight;
    }
    if (squares > 0)
      for (std::size_t k = begin; k < at; ++k) result.values[k] /= static_cast<float>(std::sqrt(squares));
  });
  return result;
}

}  // namespace reclm::detail::text
