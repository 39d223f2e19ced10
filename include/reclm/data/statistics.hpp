#pragma once
/// @file statistics.hpp
/// What a data set is like, in numbers.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reclm/data/dataset.hpp"

namespace reclm {

/// How a count is spread over users or items.
struct CountSummary {
  Index least = 0, most = 0;
  double mean = 0;
  double median = 0;  ///< of two middle ones the mean
  Index none = 0;     ///< users or items with a count of 0, which the figures above leave out
};

/// A split's interactions.
struct SplitSummary {
  std::string name;  ///< "train", "valid", "test", "zero", "valid_zero"
  Index interactions = 0;
  Id users = 0;          ///< with at least one
  Id items = 0;          ///< with at least one
  Index candidates = 0;  ///< items that its rankings hold; 0 for train
};

/// A matrix of vectors. All is 0 when there is none.
struct VectorSummary {
  std::string name;  ///< "item_vectors", "item_profiles", "user_profiles"
  Index rows = 0, width = 0;
  Index zero_rows = 0;
  Index not_finite = 0;     ///< rows that hold a NaN or an infinity; left out of the mean
  Index repeated_rows = 0;  ///< rows that equal an earlier one, zero rows left out
  double mean_norm = 0;     ///< of the rows that are not zero
};

/// A column of texts.
struct TextSummary {
  std::string name;
  Index rows = 0;
  Index empty = 0;
  Index repeated = 0;       ///< texts that equal an earlier one, empty ones left out
  double median_words = 0;  ///< of the texts that are not empty
};

struct DatasetStatistics {
  std::string name;
  Id users = 0, items = 0;
  std::vector<SplitSummary> splits;  ///< train, and those of the others that are there
  double density = 0;                ///< train interactions / (users · items), 0 … 1
  CountSummary per_user, per_item;   ///< of train
  double gini = 0;                   ///< of the items' train interactions, 0 (all alike) … 1
  double top_1_percent = 0;   ///< share of train that falls on the most popular hundredth of the items, at least one
  double top_10_percent = 0;  ///< the same of a tenth
  std::vector<VectorSummary> vectors;             ///< those that are there
  std::vector<TextSummary> item_text, user_text;  ///< a column each
};

namespace detail {

inline double median_of(std::vector<Index> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  const auto upper = static_cast<double>(values[half]);
  return values.size() % 2 == 1 ? upper : (upper + static_cast<double>(values[half - 1])) / 2;
}

inline CountSummary summary_of(const std::vector<Index>& counts) {
  std::vector<Index> there;
  for (const Index count : counts)
    if (count > 0) there.push_back(count);
  CountSummary s;
  s.none = static_cast<Index>(counts.size() - there.size());
  if (there.empty()) return s;
  const auto [least, most] = std::minmax_element(there.begin(), there.end());
  s.least = *least;
  s.most = *most;
  s.mean =
      static_cast<double>(std::accumulate(there.begin(), there.end(), Index{0})) / static_cast<double>(there.size());
  s.median = median_of(std::move(there));
  return s;
}

inline std::vector<Index> user_counts(const Interactions& pairs) {
  std::vector<Index> counts;
  counts.reserve(static_cast<std::size_t>(pairs.users()));
  for (Id user = 0; user < pairs.users(); ++user) counts.push_back(static_cast<Index>(pairs.of(user).size()));
  return counts;
}

inline Id positive(const std::vector<Index>& counts) {
  return static_cast<Id>(std::count_if(counts.begin(), counts.end(), [](Index c) { return c > 0; }));
}

inline SplitSummary summary_of(const char* name, const Interactions& pairs, const std::vector<Id>& candidates) {
  return {name, pairs.size(), positive(user_counts(pairs)), positive(pairs.item_counts()),
          static_cast<Index>(candidates.size())};
}

// Gini's coefficient and the shares of the most popular items, from counts in descending order.
inline void add_concentration(DatasetStatistics& s, std::vector<Index> counts) {
  const auto n = static_cast<Index>(counts.size());
  const auto total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), Index{0}));
  if (total == 0) return;
  std::sort(counts.begin(), counts.end(), std::greater<>());
  double weighted = 0;
  for (Index k = 0; k < n; ++k)
    weighted += static_cast<double>(n - 1 - 2 * k) * static_cast<double>(counts[static_cast<std::size_t>(k)]);
  s.gini = weighted / (static_cast<double>(n) * total);
  const auto share = [&](Index items) {
    return static_cast<double>(std::accumulate(counts.begin(), counts.begin() + items, Index{0})) / total;
  };
  s.top_1_percent = share(std::max<Index>(1, n / 100));
  s.top_10_percent = share(std::max<Index>(1, n / 10));
}

/// How many elements of `all` equal an earlier one. Cost: a sort.
template <class T>
Index repeated(std::vector<T> all) {
  std::sort(all.begin(), all.end());
  const auto distinct = std::unique(all.begin(), all.end()) - all.begin();
  return static_cast<Index>(all.size()) - static_cast<Index>(distinct);
}

inline VectorSummary summary_of(const char* name, const Matrix<float>& vectors) {
  VectorSummary s{.name = name, .rows = vectors.rows(), .width = vectors.cols()};
  std::vector<std::string_view> rows;  // as bytes, to be compared
  double norms = 0;
  for (Index row = 0; row < vectors.rows(); ++row) {
    const float* const at = vectors.data() + row * vectors.cols();
    double squares = 0;
    for (Index c = 0; c < vectors.cols(); ++c) squares += static_cast<double>(at[c]) * static_cast<double>(at[c]);
    if (!std::isfinite(squares)) {
      ++s.not_finite;
    } else if (squares == 0) {
      ++s.zero_rows;
    } else {
      norms += std::sqrt(squares);
      rows.emplace_back(reinterpret_cast<const char*>(at), static_cast<std::size_t>(vectors.cols()) * sizeof(float));
    }
  }
  if (!rows.empty()) s.mean_norm = norms / static_cast<double>(rows.size());
  s.repeated_rows = repeated(std::move(rows));
  return s;
}

inline Index words_in(std::string_view text) {
  Index words = 0;
  bool inside = false;
  for (const char c : text) {
    const bool blank = std::string_view(" \t\r\n").find(c) != std::string_view::npos;
    words += !blank && !inside ? 1 : 0;
    inside = !blank;
  }
  return words;
}

inline TextSummary summary_of(const TextColumn& column) {
  TextSummary s{.name = column.name, .rows = static_cast<Index>(column.values.size())};
  std::vector<Index> lengths;
  std::vector<std::string_view> texts;
  for (const std::string& text : column.values) {
    const Index words = words_in(text);
    if (words == 0) {
      ++s.empty;
    } else {
      lengths.push_back(words);
      texts.emplace_back(text);
    }
  }
  s.median_words = median_of(std::move(lengths));
  s.repeated = repeated(std::move(texts));
  return s;
}

}  // namespace detail

/// Counts everything once. Cost: O(interactions + vectors + texts), and sorts of users, items, rows and texts.
inline DatasetStatistics statistics(const Dataset& data) {
  DatasetStatistics s;
  s.name = data.name;
  s.users = data.train.users();
  s.items = data.train.items();
  s.splits.push_back(detail::summary_of("train", data.train, {}));
  const auto add_split = [&](const char* name, const Interactions& pairs, const std::vector<Id>& candidates) {
    if (!pairs.empty() || !candidates.empty()) s.splits.push_back(detail::summary_of(name, pairs, candidates));
  };
  add_split("valid", data.valid, data.valid_candidates);
  add_split("test", data.test, data.test_candidates);
  add_split("zero", data.zero, data.zero_candidates);
  add_split("valid_zero", data.valid_zero, data.valid_zero_candidates);
  if (s.users > 0 && s.items > 0)
    s.density = static_cast<double>(data.train.size()) / static_cast<double>(s.users) / static_cast<double>(s.items);
  s.per_user = detail::summary_of(detail::user_counts(data.train));
  s.per_item = detail::summary_of(data.train.item_counts());
  detail::add_concentration(s, data.train.item_counts());
  const auto add_vectors = [&](const char* name, const Matrix<float>& vectors) {
    if (!vectors.empty()) s.vectors.push_back(detail::summary_of(name, vectors));
  };
  add_vectors("item_vectors", data.item_vectors);
  add_vectors("item_profiles", data.item_profiles);
  add_vectors("user_profiles", data.user_profiles);
  for (const TextColumn& column : data.item_text) s.item_text.push_back(detail::summary_of(column));
  for (const TextColumn& column : data.user_text) s.user_text.push_back(detail::summary_of(column));
  return s;
}

}  // namespace reclm
