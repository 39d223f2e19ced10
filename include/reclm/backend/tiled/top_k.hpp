#pragma once
/// @file top_k.hpp
/// Full ranking by any backend's dense products and row kernels: scores of a block of users, masked and selected by one
/// team a user. The block is bounded; the matrix of all scores never exists. The CPU has its own (cpu/top_k.hpp).

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "reclm/backend/backend.hpp"
#include "reclm/backend/candidates.hpp"
#include "reclm/backend/ranking.hpp"
#include "reclm/core/top_k.hpp"

namespace reclm::tiled {

namespace detail {

// scores[row, c] += Σ_k relu(user_hidden[row, k] + item_hidden[k, c]) + item_bias[c] + user_bias[row]; null parts are
// none.
struct AddPairTerms {
  const float* user_hidden;  // [rows, hidden]
  const float* item_hidden;  // [hidden, items]: neighbours read neighbours
  const float* item_bias;
  const float* user_bias;
  Index hidden, items;
  float* scores;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const float* const hu = user_hidden + (user_hidden == nullptr ? 0 : row * hidden);
    const float* const hi = item_hidden;
    const float* const bias = item_bias;
    float* const out = scores + row * items;
    const float of_user = user_bias == nullptr ? 0.0f : user_bias[row];
    const Index layer = hidden, n = items;
    team.each(n, [=](Index c) {
      float total = out[c] + of_user + (bias == nullptr ? 0.0f : bias[c]);
      for (Index k = 0; k < layer; ++k) {
        const float x = hu[k] + hi[k * n + c];
        total += x < 0.0f ? 0.0f : x;  // NaN stays NaN
      }
      out[c] = total;
    });
  }
};

// Masked cells become −infinity, unless they are NaN, which is an error masked or not.
struct MaskRows {
  const Index* offsets;  // of each row in `cells`
  const Id* cells;       // positions among the candidates
  Index items;
  float* scores;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    float* const out = scores + row * items;
    const Id* const masked = cells + offsets[row];
    team.each(offsets[row + 1] - offsets[row], [=](Index k) {
      float& score = out[masked[k]];
      if (score == score) score = -std::numeric_limits<float>::infinity();
    });
  }
};

inline constexpr std::int32_t kInfinityOrder = 0x7F800000, kNothingOrder = -0x7F800001;
// Orders cells by one integer: by score, then by ascending position; NaN above everything.
RECLM_HD inline std::int64_t cell_key(float score, Index position) {
  std::int32_t bits;
  std::memcpy(&bits, &score, sizeof bits);
  std::int32_t order = bits ^ ((bits >> 31) & 0x7FFFFFFF);
  if (score == 0.0f) order = 0;
  if (score != score) order = kInfinityOrder + 1;
  return static_cast<std::int64_t>(order) * (std::int64_t{1} << 32) + (0xFFFFFFFFll - position);
}

// The k best cells of a row by a tournament: `best_of` holds the best key of each run of cells, and only the winner's
// run is looked through again. Looks at items + k · (runs + run) cells.
struct SelectRows {
  const float* scores;
  Index items, k, run, runs;
  std::int64_t* best_of;  // [rows, runs]
  Id* positions;          // [rows, k]; −1 behind the end
  float* best;            // [rows, k]
  Id* not_a_number;       // [rows]: the first position whose score is NaN, or −1
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::min();
    const float* const x = scores + row * items;
    std::int64_t* const winners = best_of + row * runs;
    const auto look_through = [=, *this](Index number, std::int64_t below) {
      const Index begin = number * run, count = items - begin < run ? items - begin : run;
      const std::int64_t key = team.max(count, [=](Index c) {
        const std::int64_t own = cell_key(x[begin + c], begin + c);
        return own < below ? own : kNone;
      });
      if (team.leader()) winners[number] = key;
    };
    for (Index number = 0; number < runs; ++number) look_through(number, std::numeric_limits<std::int64_t>::max());
    if (team.leader()) not_a_number[row] = -1;
    bool ended = false;
    for (Index rank = 0; rank < k; ++rank) {
      team.sync();
      const std::int64_t key = ended ? kNone : team.max(runs, [=](Index number) { return winners[number]; });
      const auto order = static_cast<std::int32_t>(key >> 32);
      const Index position = 0xFFFFFFFFll - (key & 0xFFFFFFFFll);
      ended = ended || order <= kNothingOrder;
      if (team.leader()) {
        if (order > kInfinityOrder) not_a_number[row] = static_cast<Id>(position);
        positions[row * k + rank] = ended ? Id{-1} : static_cast<Id>(position);
        best[row * k + rank] = ended ? -std::numeric_limits<float>::infinity() : x[position];
      }
      ended = ended || order > kInfinityOrder;
      // Nobody may still be reading the winners.
      team.sync();
      if (!ended) look_through(position / run, key);
    }
  }
};

// Chosen rows of a host matrix without gaps; `transposed`: one row a column of them.
template <class B>
std::shared_ptr<float> upload_rows(MatrixView<const float> view, std::span<const Id> rows, bool transposed = false) {
  const auto count = static_cast<Index>(rows.size()), width = view.cols();
  std::vector<float> packed(static_cast<std::size_t>(count * width));
  for (Index r = 0; r < count; ++r)
    for (Index c = 0; c < width; ++c)
      packed[static_cast<std::size_t>(transposed ? c * count + r : r * width + c)] =
          view(rows[static_cast<std::size_t>(r)], c);
  auto memory = B::template allocate<float>(count * width);
  B::from_host(memory.get(), packed.data(), count * width);
  return memory;
}

// Chosen elements of a host array; null where there is none.
template <class B>
std::shared_ptr<float> upload_chosen(std::span<const float> values, std::span<const Id> rows) {
  if (values.empty()) return nullptr;
  return upload_rows<B>({values.data(), static_cast<Index>(values.size()), 1}, rows);
}

// Positions of the users' masked items among the candidates, by user.
struct MaskedCells {
  std::vector<Index> offsets{0};
  std::vector<Id> cells{};
  MaskedCells(const MaskView& masked, std::span<const Id> users, std::span<const Id> candidates) {
    for (const Id user : users) {
      auto from = candidates.begin();
      for (const Id item : masked.of(user)) {
        from = std::lower_bound(from, candidates.end(), item);
        if (from != candidates.end() && *from == item) cells.push_back(static_cast<Id>(from - candidates.begin()));
      }
      offsets.push_back(static_cast<Index>(cells.size()));
    }
  }
};

// Cells of a run: about the square root, so that runs and their winners cost the same; whole warps.
inline Index run_length(Index items) {
  Index run = 32;
  while (run * run < items) run += 32;
  return run;
}

// A block of scores: 256 MB.
inline constexpr Index kScores = Index{1} << 26;

}  // namespace detail

/// As cpu::top_k, on any backend; arguments and result in host memory.
///
/// Cost: one product [users, d] · [d, candidates], one look at each score and 2k · √candidates more. Memory: at most
/// `most_scores` scores at a time (or one row of them).
/// @throws as cpu::top_k
template <class B>
TopK top_k(const PairFactors& f, std::span<const Id> users, std::span<const Id> candidates, const MaskView& masked,
           Index k, Index most_scores = detail::kScores) {
  TopK result = reclm::detail::empty_lists(users, k);
  const Candidates chosen(candidates, f.items.rows());
  reclm::detail::check_ranking(f, users);
  const auto count = static_cast<Index>(users.size()), items = chosen.size();
  if (count == 0 || items == 0) return result;
  const Index d = f.items.cols(), hidden = f.item_hidden.cols(), kept = std::min(k, items);
  const auto item_rows = detail::upload_rows<B>(f.items, chosen.ids());
  const auto item_hidden = hidden > 0 ? detail::upload_rows<B>(f.item_hidden, chosen.ids(), true) : nullptr;
  const auto item_bias = detail::upload_chosen<B>(f.item_bias, chosen.ids());
  const Index rows = std::clamp(most_scores / items, Index{1}, count);
  const Index run = detail::run_length(items), runs = (items + run - 1) / run;
  const auto scores = B::template allocate<float>(rows * items), best = B::template allocate<float>(rows * kept);
  const auto positions = B::template allocate<Id>(rows * kept), not_a_number = B::template allocate<Id>(rows);
  const auto winners = B::template allocate<std::int64_t>(rows * runs);
  std::vector<Id> listed(static_cast<std::size_t>(rows * kept)), broken(static_cast<std::size_t>(rows));
  std::vector<float> listed_scores(listed.size());
  for (Index first = 0; first < count; first += rows) {
    const Index here = std::min(rows, count - first);
    const auto block = users.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(here));
    const auto user_rows = detail::upload_rows<B>(f.users, block);
    B::gemm(Op::none, Op::transpose, here, items, d, 1.0f, static_cast<const float*>(user_rows.get()), d,
            static_cast<const float*>(item_rows.get()), d, 0.0f, scores.get(), items);
    const auto user_hidden = hidden > 0 ? detail::upload_rows<B>(f.user_hidden, block) : nullptr;
    const auto user_bias = detail::upload_chosen<B>(f.user_bias, block);
    if (hidden > 0 || item_bias || user_bias)
      B::for_rows(here, (hidden + 2) * items,
                  detail::AddPairTerms{user_hidden.get(), item_hidden.get(), item_bias.get(), user_bias.get(), hidden,
                                       items, scores.get()});
    const detail::MaskedCells mask(masked, block, chosen.ids());
    const auto offsets = B::template allocate<Index>(here + 1);
    const auto cells = B::template allocate<Id>(mask.offsets.back());
    B::from_host(offsets.get(), mask.offsets.data(), here + 1);
    B::from_host(cells.get(), mask.cells.data(), mask.offsets.back());
    B::for_rows(here, mask.offsets.back() / here + 1,
                detail::MaskRows{offsets.get(), cells.get(), items, scores.get()});
    B::for_rows(here, 2 * items,
                detail::SelectRows{scores.get(), items, kept, run, runs, winners.get(), positions.get(), best.get(),
                                   not_a_number.get()});
    B::to_host(broken.data(), not_a_number.get(), here);
    for (Index r = 0; r < here; ++r)
      if (const Id position = broken[static_cast<std::size_t>(r)]; position >= 0)
        reclm::detail::throw_nan_score(block[static_cast<std::size_t>(r)], chosen.at(position));
    B::to_host(listed.data(), positions.get(), here * kept);
    B::to_host(listed_scores.data(), best.get(), here * kept);
    for (Index r = 0; r < here; ++r)
      for (Index rank = 0; rank < kept; ++rank) {
        const auto at = static_cast<std::size_t>(r * kept + rank);
        if (listed[at] < 0) break;
        result.items(first + r, rank) = chosen.at(listed[at]);
        result.scores(first + r, rank) = listed_scores[at];
      }
  }
  return result;
}

}  // namespace reclm::tiled
