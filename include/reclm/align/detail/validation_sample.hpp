#pragma once
/// @file validation_sample.hpp
/// The users, targets and masks on which an adapter makes its choices, over the columns "seen items".

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/data/interactions.hpp"

namespace reclm::detail {

/// Seen items are columns 0 … n − 1. In each of `kFolds` rounds other columns play unseen ones. Every row has a target.
struct ValidationSample {
  static constexpr int kFolds = 3;
  std::vector<Id> users;
  std::vector<std::vector<Index>> masked, targets;  // columns by row, ascending
  std::vector<std::int8_t> fold;                    // by column: the round in which it plays an unseen item; −1: none
  double coverage = 0;                              // share of train's users who have clicks in validation

  /// @param column_of item → column or −1
  ValidationSample(const Interactions& train, const Interactions& valid, std::span<const Index> column_of,
                   Index columns, Index most_users, double cold_share, std::uint64_t seed) {
    const Random random(seed, Stream::split, 0x76616C69u);
    fold.assign(static_cast<std::size_t>(columns), -1);
    const double share = std::min(cold_share, 1.0 / kFolds);
    for (std::size_t c = 0; c < fold.size(); ++c)
      if (const double place = static_cast<double>(random.uniform(c)) / share; place < kFolds)
        fold[c] = static_cast<std::int8_t>(place);
    const auto columns_of = [&](std::span<const Id> items) {
      std::vector<Index> result;
      for (const Id item : items)
        if (const Index c = column_of[static_cast<std::size_t>(item)]; c >= 0) result.push_back(c);
      return result;
    };
    std::vector<std::pair<std::uint32_t, Id>> order;
    for (Id u = 0; u < valid.users(); ++u)
      if (!valid.of(u).empty())
        order.emplace_back(random.bits((std::uint64_t{1} << 40) + static_cast<std::uint64_t>(u)), u);
    std::sort(order.begin(), order.end());
    Index with_clicks = 0;
    for (Id u = 0; u < train.users(); ++u) with_clicks += !train.of(u).empty();
    coverage = std::min(1.0, static_cast<double>(order.size()) / static_cast<double>(std::max<Index>(with_clicks, 1)));
    if (static_cast<Index>(order.size()) > most_users) order.resize(static_cast<std::size_t>(most_users));
    std::vector<Id> asked;
    for (const auto& [key, u] : order) asked.push_back(u);
    std::sort(asked.begin(), asked.end());
    for (const Id u : asked) {
      std::vector<Index> clicked = columns_of(train.of(u)), wanted = columns_of(valid.of(u));
      for (const Index c : clicked) std::erase(wanted, c);
      if (wanted.empty()) continue;
      users.push_back(u), masked.push_back(std::move(clicked)), targets.push_back(std::move(wanted));
    }
  }
  [[nodiscard]] Index rows() const { return static_cast<Index>(users.size()); }
  /// Clicks in train of the user of a row.
  [[nodiscard]] Index history(Index row) const {
    return static_cast<Index>(masked[static_cast<std::size_t>(row)].size());
  }
};

/// Which columns are ranked and whose targets count.
struct Among {
  enum class Kind { all, warm, cold } kind = Kind::all;
  int fold = 0;
  static Among all() { return {}; }
  static Among warm(int fold) { return {Kind::warm, fold}; }
  static Among cold(int fold) { return {Kind::cold, fold}; }
  [[nodiscard]] bool holds(const ValidationSample& sample, std::size_t column) const {
    return kind == Kind::all || (sample.fold[column] == fold) == (kind == Kind::cold);
  }
};

/// The best `k` columns of one row, best first, masked ones and those of the other kind left out.
inline std::vector<std::pair<float, Index>> best_columns(const ValidationSample& sample, Index row,
                                                         std::span<const float> scores, Among among, Index k) {
  std::vector<std::pair<float, Index>> open;
  open.reserve(scores.size());
  std::size_t next = 0;
  const auto& masked = sample.masked[static_cast<std::size_t>(row)];
  for (std::size_t c = 0; c < scores.size(); ++c) {
    if (next < masked.size() && masked[next] == static_cast<Index>(c)) {
      ++next;
      continue;
    }
    if (among.holds(sample, c)) open.emplace_back(scores[c], static_cast<Index>(c));
  }
  const auto kept = std::min(static_cast<std::size_t>(k), open.size());
  const auto better = [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  };
  std::partial_sort(open.begin(), open.begin() + static_cast<std::ptrdiff_t>(kept), open.end(), better);
  open.resize(kept);
  return open;
}

/// What a list is worth by row, NaN for rows without a target of the kind.
struct Worth {
  std::vector<float> recall;  ///< Recall@K
  std::vector<float> choice;  ///< Recall@2K + NDCG@K: what choices go by, since it moves less by chance
};

inline Worth worth_by_row(const ValidationSample& sample, const Matrix<float>& scores, Among among, Index k) {
  Worth result{std::vector<float>(sample.users.size()), std::vector<float>(sample.users.size())};
  parallel_for(sample.rows(), 16, [&](Index r) {
    const auto& targets = sample.targets[static_cast<std::size_t>(r)];
    const auto counts = [&](Index c) { return among.holds(sample, static_cast<std::size_t>(c)); };
    const auto wanted = std::count_if(targets.begin(), targets.end(), counts);
    float& recall = result.recall[static_cast<std::size_t>(r)];
    float& choice = result.choice[static_cast<std::size_t>(r)];
    if (wanted == 0) {
      recall = choice = std::numeric_limits<float>::quiet_NaN();
      return;
    }
    double near = 0, far = 0, gain = 0, ideal = 0;
    const auto best = best_columns(sample, r, scores.row(r), among, 2 * k);
    for (std::size_t rank = 0; rank < best.size(); ++rank) {
      if (!std::binary_search(targets.begin(), targets.end(), best[rank].second)) continue;
      far += 1;
      if (static_cast<Index>(rank) < k) near += 1, gain += 1 / std::log2(static_cast<double>(rank) + 2);
    }
    for (Index rank = 0; rank < std::min<Index>(wanted, k); ++rank)
      ideal += 1 / std::log2(static_cast<double>(rank) + 2);
    const auto all = static_cast<double>(wanted);
    recall = static_cast<float>(near / all);
    choice = static_cast<float>(far / all + gain / ideal);
  });
  return result;
}

/// What `Worth::choice` is on average over all orders of the columns of a kind.
inline std::vector<float> chance_by_row(const ValidationSample& sample, Among among, Index k) {
  std::vector<float> result;
  const auto of_kind = [&](Index c) { return among.holds(sample, static_cast<std::size_t>(c)); };
  Index all = 0;
  for (std::size_t c = 0; c < sample.fold.size(); ++c) all += among.holds(sample, c);
  for (std::size_t r = 0; r < sample.users.size(); ++r) {
    const Index open = all - std::count_if(sample.masked[r].begin(), sample.masked[r].end(), of_kind);
    const Index wanted = std::count_if(sample.targets[r].begin(), sample.targets[r].end(), of_kind);
    double gain = 0, ideal = 0;
    for (Index rank = 0; rank < std::min(k, open); ++rank) {
      const double discount = 1 / std::log2(static_cast<double>(rank) + 2);
      gain += discount * static_cast<double>(wanted) / static_cast<double>(open);
      if (rank < wanted) ideal += discount;
    }
    const double recall = std::min(1.0, 2 * static_cast<double>(k) / static_cast<double>(std::max<Index>(open, 1)));
    result.push_back(wanted > 0 ? static_cast<float>(recall + gain / ideal) : std::numeric_limits<float>::quiet_NaN());
  }
  return result;
}

/// Mean over the rows that have a value; NaN when none has.
inline double mean_known(std::span<const float> values) {
  double sum = 0, count = 0;
  for (const float x : values)
    if (!std::isnan(x)) sum += static_cast<double>(x), count += 1;
  return count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace reclm::detail
