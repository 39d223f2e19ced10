#pragma once
/// @file paged_attention.hpp
/// Attention of new tokens to the keys and values of their sequences, which lie in pages of kPage positions, so that
/// sequences of any lengths share memory and beginnings (Kwon et al., SOSP 2023). For any backend;
/// cpu/paged_attention.hpp is the CPU's faster form.

#include <cmath>

#include "reclm/core/config.hpp"

namespace reclm {

/// Positions of a page.
inline constexpr Index kPage = 32;

/// How one layer's part of a page is laid out: keys as panels [kv_heads][kPage / lanes][head_width][lanes], then values
/// as panels [kv_heads][padded width / lanes][kPage][lanes]. `lanes` divides kPage.
struct PageLayout {
  Index kv_heads = 0, head_width = 0, lanes = kPage;

  [[nodiscard]] RECLM_HD Index padded_width() const { return (head_width + lanes - 1) / lanes * lanes; }
  [[nodiscard]] RECLM_HD Index keys_size() const { return kv_heads * kPage * head_width; }
  /// Floats of one layer.
  [[nodiscard]] RECLM_HD Index size() const { return keys_size() + kv_heads * kPage * padded_width(); }
  /// Where element 0 of a key is; element c is c · lanes behind it.
  [[nodiscard]] RECLM_HD Index key(Index kv_head, Index place) const {
    return ((kv_head * (kPage / lanes) + place / lanes) * head_width) * lanes + place % lanes;
  }
  /// Where element c of a value is.
  [[nodiscard]] RECLM_HD Index value(Index kv_head, Index place, Index c) const {
    return keys_size() + kv_head * padded_width() * kPage + (c / lanes * kPage + place) * lanes + c % lanes;
  }
};

/// New tokens and their sequences' pages. A row is a token.
struct PagedRows {
  PageLayout layout;
  float* const* pages = nullptr;      ///< the pages of all sequences, one sequence behind the other
  const Index* first_page = nullptr;  ///< by row: where its sequence's pages begin in `pages`
  const Id* positions = nullptr;      ///< by row
  const Id* ends = nullptr;           ///< by row: positions that it sees; null: those up to its own (causal)
  Index rows = 0, heads = 0, window = 0;
  Index layer_offset = 0;  ///< floats before this layer in a page
  float scale = 1;

  /// The first position that a row sees.
  [[nodiscard]] RECLM_HD Index first_seen(Index row) const {
    const Index position = positions[row];
    return window > 0 && position >= window ? position - window + 1 : 0;
  }
  /// One behind the last position that a row sees.
  [[nodiscard]] RECLM_HD Index seen_end(Index row) const {
    return ends == nullptr ? static_cast<Index>(positions[row]) + 1 : static_cast<Index>(ends[row]);
  }
};

namespace kernels {

/// Writes the keys and values [rows, kv_heads · head_width] of new tokens to their places.
struct StoreKeysValues {
  PagedRows in;
  const float* k;
  const float* v;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    const PageLayout layout = in.layout;
    const Index width = layout.head_width, place = in.positions[row] % kPage;
    float* const page = in.pages[in.first_page[row] + in.positions[row] / kPage] + in.layer_offset;
    for (Index head = 0; head < layout.kv_heads; ++head) {
      const float* RECLM_RESTRICT key = k + (row * layout.kv_heads + head) * width;
      const float* RECLM_RESTRICT value = v + (row * layout.kv_heads + head) * width;
      float* RECLM_RESTRICT to = page + layout.key(head, place);
      team.each(width, [=](Index c) { to[c * layout.lanes] = key[c]; });
      for (Index first = 0; first < width; first += layout.lanes) {
        float* RECLM_RESTRICT part = page + layout.value(head, place, first);
        const float* RECLM_RESTRICT from = value + first;
        team.each(width - first < layout.lanes ? width - first : layout.lanes, [=](Index c) { part[c] = from[c]; });
      }
    }
  }
};

/// Row (token · heads + head): y [tokens, heads · head_width] of queries q alike. `scores` holds `longest` floats a
/// row, at least the positions that the row sees.
struct PagedAttention {
  PagedRows in;
  const float* q;
  float* scores;
  Index longest;
  float* y;
  template <class Team>
  RECLM_HD void operator()(Team team, Index row) const {
    using std::exp;
    const PageLayout layout = in.layout;
    const Index token = row / in.heads, head = row % in.heads, width = layout.head_width;
    const Index kv_head = head / (in.heads / layout.kv_heads);
    const Index first = in.first_seen(token), count = in.seen_end(token) - first, offset = in.layer_offset;
    float* const* const pages = in.pages + in.first_page[token];
    const float* RECLM_RESTRICT query = q + row * width;
    float* RECLM_RESTRICT out = y + row * width;
    float* p = scores + row * longest;
    const float factor = in.scale;
    team.each(count, [=](Index i) {
      const Index position = first + i;
      const float* const key = pages[position / kPage] + offset + layout.key(kv_head, position % kPage);
      float dot = 0;
      for (Index c = 0; c < width; ++c) dot += query[c] * key[c * layout.lanes];
      p[i] = dot * factor;
    });
    team.sync();
    const float largest = team.max(count, [=](Index i) { return p[i]; });
    team.each(count, [=](Index i) { p[i] = exp(p[i] - largest); });
    team.sync();
    const float inverse = 1.0f / team.sum(count, [=](Index i) { return p[i]; });
    team.each(width, [=](Index c) {
      float total = 0;
      for (Index i = 0; i < count; ++i) {
        const Index position = first + i;
        total += p[i] * pages[position / kPage][offset + layout.value(kv_head, position % kPage, c)];
      }
      out[c] = total * inverse;
    });
  }
};

}  // namespace kernels
}  // namespace reclm
