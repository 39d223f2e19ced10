#pragma once
/// @file top_k.cuh
/// Full ranking on the GPU: scores of a block of users by cuBLAS, masked and selected by one warp a user. The block is
/// bounded; the matrix of all scores never exists.

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "reclm/backend/cpu/pair_factors.hpp"
#include "reclm/backend/cuda/info_nce.cuh"
#include "reclm/core/top_k.hpp"

namespace reclm::cuda {

namespace detail {

// scores[row, c] += Σ_k relu(hu[row, k] + hi[c, k]) + item_bias[c] + user_bias[row]; null parts are none.
struct AddPairTerms {
  const float* user_hidden;
  const float* item_hidden;
  const float* item_bias;
  const float* user_bias;
  Index hidden, items;
  float* scores;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const AddPairTerms self = *this;
    team.each(items, [=](Index c) {
      float total = self.item_bias == nullptr ? 0.0f : self.item_bias[c];
      if (self.user_bias != nullptr) total += self.user_bias[row];
      for (Index k = 0; k < self.hidden; ++k) {
        const float x = self.user_hidden[row * self.hidden + k] + self.item_hidden[c * self.hidden + k];
        total += x > 0.0f ? x : 0.0f;
      }
      self.scores[row * self.items + c] += total;
    });
  }
};

// Masked cells become −infinity. offsets/cells: positions among the candidates, by row.
struct MaskRows {
  const Index* offsets;
  const Id* cells;
  Index items;
  float* scores;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const MaskRows self = *this;
    const Index begin = offsets[row];
    team.each(offsets[row + 1] - begin, [=](Index k) {
      self.scores[row * self.items + self.cells[begin + k]] = -std::numeric_limits<float>::infinity();
    });
  }
};

// The k best cells of a row, best first, equal scores by ascending position; −infinity ends the list. Each pass takes
// the best cell behind the last one taken, so scores are only read. nan[row] = 1 when a score is NaN.
struct SelectRows {
  const float* scores;
  Index items, k;
  Id* positions;  // [rows, k]; −1 behind the end
  float* best;    // [rows, k]
  int* nan;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const float* const x = scores + row * items;
    const Index n = items;
    const double bad = team.sum(n, [=](Index c) { return x[c] == x[c] ? 0.0 : 1.0; });
    if (team.leader()) nan[row] = bad > 0.0;
    float last = std::numeric_limits<float>::infinity();
    Index last_position = -1;
    bool ended = bad > 0.0;
    for (Index rank = 0; rank < k; ++rank) {
      const float bound = last;
      const Index behind = last_position;
      const float value = ended ? -std::numeric_limits<float>::infinity() : team.max(n, [=](Index c) {
        const bool left = x[c] < bound || (x[c] == bound && c > behind);
        return left ? x[c] : -std::numeric_limits<float>::infinity();
      });
      ended = ended || value == -std::numeric_limits<float>::infinity();
      Index position = -1;
      if (!ended) {
        // Largest negated position among the cells of that value: the first of them.
        const Index from = value == bound ? behind : -1;
        position = -team.max(n, [=](Index c) { return x[c] == value && c > from ? -c : -n; });
      }
      if (team.leader()) {
        positions[row * k + rank] = static_cast<Id>(position);
        best[row * k + rank] = value;
      }
      last = value;
      last_position = position;
    }
  }
};

/// Rows of a host matrix on the device, without gaps.
inline std::shared_ptr<float> upload_rows(MatrixView<const float> view, std::span<const Id> rows) {
  std::vector<float> packed(rows.size() * static_cast<std::size_t>(view.cols()));
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const auto row = view.row(rows[r]);
    std::copy(row.begin(), row.end(), packed.begin() + static_cast<std::ptrdiff_t>(r * row.size()));
  }
  return on_device(packed);
}

inline std::shared_ptr<float> upload_chosen(std::span<const float> values, std::span<const Id> rows) {
  if (values.empty()) return nullptr;
  std::vector<float> packed;
  packed.reserve(rows.size());
  for (const Id row : rows) packed.push_back(values[static_cast<std::size_t>(row)]);
  return on_device(packed);
}

// Positions of each user's masked items among the candidates (ascending).
inline void mask_cells(const cpu::MaskView& masked, std::span<const Id> users, const std::vector<Id>& candidates,
                       std::vector<Index>& offsets, std::vector<Id>& cells) {
  offsets.assign(1, 0);
  cells.clear();
  for (const Id user : users) {
    auto from = candidates.begin();
    for (const Id item : masked.of(user)) {
      from = std::lower_bound(from, candidates.end(), item);
      if (from != candidates.end() && *from == item) cells.push_back(static_cast<Id>(from - candidates.begin()));
    }
    offsets.push_back(static_cast<Index>(cells.size()));
  }
}

}  // namespace detail

/// As cpu::top_k; factors on the host, results on the host.
/// @throws as cpu::top_k, and CudaError
/// Cost of selecting: k passes over a user's scores.
inline TopK top_k(const cpu::PairFactors& f, std::span<const Id> users, std::span<const Id> candidates,
                  const cpu::MaskView& masked, Index k) {
  constexpr Index kScoreElements = Index{1} << 26;
  if (k < 1) throw ConfigError("top_k: k is " + std::to_string(k) + ". Remedy: ask for at least one item");
  std::vector<Id> chosen(candidates.begin(), candidates.end());
  std::sort(chosen.begin(), chosen.end());
  chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
  const auto count = static_cast<Index>(users.size()), items = static_cast<Index>(chosen.size());
  const auto inside = [](std::span<const Id> ids, Index rows) {
    return std::all_of(ids.begin(), ids.end(), [=](Id id) { return id >= 0 && id < rows; });
  };
  if (f.users.cols() != f.items.cols() || f.user_hidden.cols() != f.item_hidden.cols() ||
      !inside(users, f.users.rows()) || !inside(chosen, f.items.rows()))
    throw ShapeError("top_k: factors of users and items do not fit each other, or an id lies outside them");
  TopK result{Matrix<Id>(count, k, kNoItem), Matrix<float>(count, k, -std::numeric_limits<float>::infinity()),
              std::vector<Id>(users.begin(), users.end())};
  if (count == 0 || items == 0) return result;
  const Index d = f.items.cols(), hidden = f.item_hidden.cols();
  const auto item_rows = detail::upload_rows(f.items, chosen);
  const auto item_hidden = hidden > 0 ? detail::upload_rows(f.item_hidden, chosen) : nullptr;
  const auto item_bias = detail::upload_chosen(f.item_bias, chosen);
  const Index rows = std::clamp(kScoreElements / items, Index{1}, count);
  const auto scores = allocate<float>(rows * items), best = allocate<float>(rows * k);
  const auto positions = allocate<Id>(rows * k);
  const auto nan = allocate<int>(rows);
  std::vector<Index> offsets;
  std::vector<Id> cells;
  for (Index first = 0; first < count; first += rows) {
    const Index here = std::min(rows, count - first);
    const auto block = users.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(here));
    const auto user_rows = detail::upload_rows(f.users, block);
    gemm(Op::none, Op::transpose, here, items, d, 1.0f, user_rows.get(), d, item_rows.get(), d, 0.0f, scores.get(),
         items);
    const auto user_hidden = hidden > 0 ? detail::upload_rows(f.user_hidden, block) : nullptr;
    const auto user_bias = detail::upload_chosen(f.user_bias, block);
    if (hidden > 0 || item_bias || user_bias)
      for_rows(here, detail::AddPairTerms{user_hidden.get(), item_hidden.get(), item_bias.get(), user_bias.get(),
                                          hidden, items, scores.get()});
    detail::mask_cells(masked, block, chosen, offsets, cells);
    const auto device_offsets = detail::on_device(offsets);
    const auto device_cells = detail::on_device(cells);
    for_rows(here, detail::MaskRows{device_offsets.get(), device_cells.get(), items, scores.get()});
    for_rows(here, detail::SelectRows{scores.get(), items, k, positions.get(), best.get(), nan.get()});
    std::vector<int> bad(static_cast<std::size_t>(here));
    copy(bad.data(), nan.get(), here, cudaMemcpyDeviceToHost);
    copy(result.items.data() + first * k, positions.get(), here * k, cudaMemcpyDeviceToHost);
    copy(result.scores.data() + first * k, best.get(), here * k, cudaMemcpyDeviceToHost);
    wait();
    for (Index r = 0; r < here; ++r)
      if (bad[static_cast<std::size_t>(r)] != 0)
        throw NumericError("top_k: a score of user " + std::to_string(block[static_cast<std::size_t>(r)]) +
                           " is NaN. Remedy: look for NaN or very large values in the model's factors");
  }
  for (Index at = 0; at < result.items.size(); ++at)
    if (Id& item = result.items.data()[at]; item >= 0) item = chosen[static_cast<std::size_t>(item)];
  return result;
}

}  // namespace reclm::cuda
