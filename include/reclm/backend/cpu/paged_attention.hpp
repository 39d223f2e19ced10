#pragma once
/// @file paged_attention.hpp
/// Attention over pages on the CPU: a strip of queries of one sequence that share keys, by the register tiles of
/// panel_product.hpp. A token's result has the same bits whatever tokens stand beside it.

#include <algorithm>
#include <vector>

#include "reclm/backend/cpu/panel_product.hpp"
#include "reclm/backend/kernels/paged_attention.hpp"

namespace reclm::cpu {

/// Lanes of pages that this file reads.
inline constexpr Index kPageLanes = kPanelWidth;
static_assert(kPage % kPageLanes == 0);

namespace detail {

/// p[0 … n) = softmax of factor · p over [low, high), 0 elsewhere; n a multiple of the lanes. The order of the sum
/// counts from `origin` ≤ low, a multiple of the lanes that the row alone determines.
inline void masked_softmax(float* p, Index n, Index origin, Index low, Index high, float factor) {
  using V = simd::Vector<float>;
  constexpr Index lanes = simd::kLanes<float>;
  float largest = p[low];
  for (Index i = low + 1; i < high; ++i) largest = std::max(largest, p[i]);
  std::fill(p, p + low, 0.0f);
  std::fill(p + high, p + n, 0.0f);
  const V shift = simd::splat(largest);
  V total{};
  for (Index i = origin; i < high; i += lanes) {
    V e = simd::exp<float>((simd::load(p + i) - shift) * factor);
    if (i < low || i + lanes > high)
      for (Index j = 0; j < lanes; ++j)
        if (i + j < low || i + j >= high) e[j] = 0;
    total += e;
    simd::store<float>(p + i, e);
  }
  float sum = 0;
  for (Index j = 0; j < lanes; ++j) sum += total[j];
  const V inverse = simd::splat(1.0f / sum);
  for (Index i = origin; i < high; i += lanes) simd::store<float>(p + i, simd::load(p + i) * inverse);
}

/// The queries of tokens [begin, end) of one sequence with one key-value head; at most kStripRows of them.
struct QueryStrip {
  Index begin = 0, end = 0, first_head = 0, heads = 0;  ///< heads [first_head, first_head + heads)
};

inline void attend(const PagedRows& in, const QueryStrip& strip, const float* q, float* y, std::vector<float>& scores) {
  const PageLayout& layout = in.layout;
  const Index width = layout.head_width, lanes = layout.lanes;
  const Index kv_head = strip.first_head / (in.heads / layout.kv_heads);
  const Index first_page = in.first_seen(strip.begin) / kPage, last_page = (in.seen_end(strip.end - 1) - 1) / kPage;
  const Index origin = first_page * kPage, span = (last_page + 1 - first_page) * kPage;
  scores.resize(static_cast<std::size_t>(kStripRows * span));
  float* const* const pages = in.pages + in.first_page[strip.begin];

  const float* queries[kStripRows];
  const float* probabilities[kStripRows];
  float* weights[kStripRows];
  float* out[kStripRows];
  Index tokens[kStripRows];
  int rows = 0;
  for (Index token = strip.begin; token < strip.end; ++token)
    for (Index h = 0; h < strip.heads; ++h, ++rows) {
      const Index at = (token * in.heads + strip.first_head + h) * width;
      queries[rows] = q + at;
      out[rows] = y + at;
      weights[rows] = scores.data() + rows * span;
      tokens[rows] = token;
    }
  for (Index page = first_page; page <= last_page; ++page) {
    const float* const keys = pages[page] + in.layer_offset + layout.key(kv_head, 0);
    for (Index part = 0; part < kPage; part += lanes)
      panel_strip(rows, queries, keys + part * width, width, weights, (page - first_page) * kPage + part, lanes, false);
  }
  for (int r = 0; r < rows; ++r) {
    const Index low = in.first_seen(tokens[r]), high = in.seen_end(tokens[r]);
    masked_softmax(weights[r], span, low / kPage * kPage - origin, low - origin, high - origin, in.scale);
  }
  for (Index page = first_page; page <= last_page; ++page) {
    for (int r = 0; r < rows; ++r) probabilities[r] = weights[r] + (page - first_page) * kPage;
    for (Index c = 0; c < width; c += lanes)
      panel_strip(rows, probabilities, pages[page] + in.layer_offset + layout.value(kv_head, 0, c), kPage, out, c,
                  std::min(lanes, width - c), page > first_page);
  }
}

}  // namespace detail

/// y [rows, heads · head_width] of queries q alike. Rows of a sequence stand together, in the order of their positions.
/// Pages hold finite numbers throughout.
inline void paged_attention(const PagedRows& in, const float* q, float* y) {
  const Index group = in.heads / in.layout.kv_heads, height = std::max<Index>(1, kStripRows / group);
  std::vector<detail::QueryStrip> strips;
  for (Index row = 0, end = 0; row < in.rows; row = end) {
    for (end = row + 1; end < in.rows && end - row < height && in.first_page[end] == in.first_page[row];) ++end;
    for (Index head = 0; head < in.heads; head += group)
      for (Index h = 0; h < group; h += kStripRows)
        strips.push_back({row, end, head + h, std::min<Index>(kStripRows, group - h)});
  }
  parallel_chunks(static_cast<Index>(strips.size()), 8, [&](Index begin, Index end, Index) {
    std::vector<float> scores;
    for (Index s = begin; s < end; ++s) detail::attend(in, strips[static_cast<std::size_t>(s)], q, y, scores);
  });
}

}  // namespace reclm::cpu
