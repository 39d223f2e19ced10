#pragma once
/// @file top_k.hpp
/// Full ranking on the CPU: scores, masks and selects tile by tile, so that the matrix of all scores never exists.
///
/// Results are a function of the arguments alone: equal scores are ordered by ascending item, and the number of threads
/// does not change a bit. Nor do the other users of the call, but for one thing: fewer than 16 users of 65,536
/// candidates or more are ranked without packing, in sums of another order, so that their scores can differ in the last
/// bits.

#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "reclm/backend/candidates.hpp"
#include "reclm/backend/cpu/best_list.hpp"
#include "reclm/backend/cpu/pair_ranker.hpp"
#include "reclm/backend/ranking.hpp"
#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/core/top_k.hpp"

namespace reclm::cpu {

namespace detail {

// Writes list `list` as row `row` of the result.
inline void finish_row(BestLists& lists, Index list, const Candidates& candidates, Index kept, Index row,
                       TopK& result) {
  const auto items = result.items.row(row).first(static_cast<std::size_t>(kept));
  lists.finish(list, items.data(), result.scores.row(row).data());
  for (Id& item : items)
    if (item != kNoItem) item = candidates.at(item);
}

// Many users: blocks of packed items pass by groups of users, whose lists stay.
inline void rank_by_users(PairRanker& ranker, const Candidates& candidates, Index kept, TopK& result) {
  constexpr Index kPackedElements = Index{1} << 21, kListBytes = Index{1} << 23;
  const auto users = static_cast<Index>(result.users.size());
  const Index group =
      std::clamp(kListBytes / BestLists::bytes(kept), PairRanker::kUserChunk, std::max(users, PairRanker::kUserChunk));
  const Index strips = chunk_count(candidates.size(), ranker.strip());
  const Index block = std::clamp(kPackedElements / ranker.strip_elements(), Index{1}, strips);
  std::vector<float> packed(static_cast<std::size_t>(block * ranker.strip_elements()));
  BestLists lists(std::min(group, users), kept);

  const auto for_strips = [&](Index first, Index last, const auto& body) {
    for (Index s = first; s < last; ++s)
      body(s * ranker.strip(), std::min(candidates.size(), (s + 1) * ranker.strip()),
           packed.data() + (s - first) * ranker.strip_elements());
  };
  for (Index g = 0; g < users; g += group) {
    for (Index s = 0; s < strips; s += block) {
      const Index last = std::min(strips, s + block);
      if (g == 0 || strips > block)
        parallel_chunks(last - s, 1, [&](Index begin, Index, Index) {
          const Index from = (s + begin) * ranker.strip();
          ranker.pack_items(from, std::min(candidates.size(), from + ranker.strip()),
                            packed.data() + begin * ranker.strip_elements());
        });
      parallel_chunks(std::min(group, users - g), PairRanker::kUserChunk, [&](Index begin, Index end, Index) {
        PairRanker::Users chunk;
        ranker.pack_users(g + begin, g + end, chunk);
        ranker.seek(chunk, s * ranker.strip());
        for_strips(s, last,
                   [&](Index from, Index to, const float* panels) { ranker.rank(chunk, from, to, panels, lists, g); });
        if (last == strips)
          for (Index u = begin; u < end; ++u) finish_row(lists, u, candidates, kept, g + u, result);
      });
    }
  }
}

// Few users: every chunk of items has its own lists, joined in the end. Items are packed a strip at a time, in cache.
inline constexpr Index kItemChunk = Index{1} << 15;
// Packing costs as much as ranking so many users directly.
inline constexpr Index kDirectUsers = 16;
// Of all chunks' lists together; beyond, long lists of many users, rank_by_users takes less.
inline constexpr Index kChunkListBytes = Index{1} << 26;
inline void rank_by_items(PairRanker& ranker, const Candidates& candidates, Index kept, TopK& result) {
  const auto users = static_cast<Index>(result.users.size());
  const Index chunks = chunk_count(candidates.size(), kItemChunk);
  BestLists lists(chunks * users, kept);
  parallel_chunks(candidates.size(), kItemChunk, [&](Index begin, Index end, Index number) {
    PairRanker::Users all;
    ranker.pack_users(0, users, all);
    ranker.seek(all, begin);
    std::vector<float> packed(static_cast<std::size_t>(users < kDirectUsers ? 0 : ranker.strip_elements()));
    for (Index from = begin; from < end; from += ranker.strip()) {
      const Index to = std::min(end, from + ranker.strip());
      if (users < kDirectUsers) {
        ranker.rank_directly(all, from, to, lists, -number * users);
      } else {
        ranker.pack_items(from, to, packed.data());
        ranker.rank(all, from, to, packed.data(), lists, -number * users);
      }
    }
  });
  for (Index u = 0; u < users; ++u) {
    for (Index c = 1; c < chunks; ++c) lists.join(u, lists, c * users + u);
    finish_row(lists, u, candidates, kept, u, result);
  }
}

}  // namespace detail

/// The best `k` of the candidates for each listed user, masked pairs left out.
///
/// @param factors    what scores are made of
/// @param users      rows to rank, in any order, repeats allowed
/// @param candidates item rows to choose from; sorted (fastest) or not, repeats count once
/// @param masked     pairs that must not be listed
/// @param k          1 …; lists shorter than k (few candidates, many masked) end in kNoItem, −infinity
/// @throws ShapeError on sizes or ids that do not fit, ConfigError on k < 1, NumericError naming a user and an item
/// when
///         a score is NaN (so is one that overflows to ∞ − ∞)
///
/// Cost: one product [users, d] · [d, candidates] near the processor's peak, and about a fifth for selecting. Memory
/// beyond the arguments and the result: at most 8 MB of packed items and 8 MB of lists (more only for k above 10⁴), or,
/// for up to 256 users of many candidates, 64 MB of lists.
inline TopK top_k(const PairFactors& factors, std::span<const Id> users, std::span<const Id> candidates,
                  const MaskView& masked, Index k) {
  TopK result = reclm::detail::empty_lists(users, k);
  const Candidates chosen(candidates, factors.items.rows());
  PairRanker ranker(factors, users, chosen, masked);
  if (users.empty() || chosen.size() == 0) return result;
  const Index kept = std::min(k, chosen.size());
  const auto count = static_cast<Index>(users.size());
  if (count <= 4 * PairRanker::kUserChunk && chosen.size() >= 2 * detail::kItemChunk &&
      chunk_count(chosen.size(), detail::kItemChunk) * count * BestLists::bytes(kept) <= detail::kChunkListBytes)
    detail::rank_by_items(ranker, chosen, kept, result);
  else
    detail::rank_by_users(ranker, chosen, kept, result);
  ranker.check_numbers();
  return result;
}

/// The same for any scorer: `fill(users, candidates, scores)` writes scores[r, c] of users[r] and candidates[c] for a
/// batch of users (candidates ascending, without repeats). It is called from one thread at a time.
///
/// Memory: 16 MB of scores, or 8 rows of them where that is more.
/// @throws as top_k
template <class Fill>
TopK top_k_scores(std::span<const Id> users, std::span<const Id> candidates, const MaskView& masked, Index k,
                  const Fill& fill) {
  TopK result = reclm::detail::empty_lists(users, k);
  const Candidates chosen(candidates, std::numeric_limits<Id>::max());
  const auto n = static_cast<Index>(users.size()), items = chosen.size();
  if (n == 0 || items == 0) return result;
  const Index kept = std::min(k, items), step = chunk_count(items, BestLists::kStep) * BestLists::kStep;
  const Index batch = std::min(n, std::clamp((Index{1} << 22) / step, Index{8}, Index{1024}));
  std::vector<float> scores(static_cast<std::size_t>(batch * step), -std::numeric_limits<float>::infinity());
  BestLists lists(batch, kept);
  for (Index first = 0; first < n; first += batch) {
    const auto here =
        users.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(std::min(batch, n - first)));
    const auto rows = static_cast<Index>(here.size());
    fill(here, chosen.ids(), MatrixView<float>(scores.data(), rows, items, step));
    parallel_chunks(rows, 4, [&](Index begin, Index end, Index) {
      for (Index r = begin; r < end; ++r) {
        float* const row = scores.data() + r * step;
        const Id user = here[static_cast<std::size_t>(r)];
        Magnitude magnitude;
        magnitude.add({row, static_cast<std::size_t>(items)});
        if (magnitude.has_nan())
          for (Index c = 0; c < items; ++c)
            if (std::isnan(row[c])) reclm::detail::throw_nan_score(user, chosen.at(c));
        std::size_t next = 0;
        chosen.mask(masked.of(user), next, 0, items, row);
        lists.offer(r, row, step, 0);
        detail::finish_row(lists, r, chosen, kept, first + r, result);
      }
    });
  }
  return result;
}

}  // namespace reclm::cpu
