#pragma once
/// @file paged_attention.hpp
/// Attention over pages on the CPU: a strip of queries of one sequence that share keys, by the register tiles of
/// panel_product.hpp. A token's result has the same bits whatever tokens stand beside it.

#include <algorithm>
#include <limits>
#include <vector>

#include "reclm/backend/cpu/packed_gemm.hpp"
#include "reclm/backend/cpu/panel_product.hpp"
#include "reclm/backend/kernels/paged_attention.hpp"

namespace reclm::cpu {

/// Lanes of pages that this file reads.
inline constexpr Index kPageLanes = kPanelWidth;
static_assert(kPage % kPageLanes == 0);

namespace detail {

/// p[0 … n) = e^(factor · (p − the largest)) over [low, high), 0 elsewhere; n a multiple of the lanes. Returns 1 /
/// their sum, whose order counts from `origin` ≤ low, a multiple of the lanes that the row alone determines.
inline float masked_exponentials(float* p, Index n, Index origin, Index low, Index high, float factor) {
  using V = simd::Vector<float>;
  constexpr Index lanes = simd::kLanes<float>;
  // Behind the borders stand numbers whose exponentials are 0, as far as whole registers read.
  constexpr float kNothing = -std::numeric_limits<float>::infinity();
  const Index end = origin + chunk_count(high - origin, lanes) * lanes;
  std::fill(p, p + origin, 0.0f);
  std::fill(p + origin, p + low, kNothing);
  std::fill(p + high, p + end, kNothing);
  std::fill(p + end, p + n, 0.0f);
  V most = simd::load(p + origin);
  for (Index i = origin + lanes; i < end; i += lanes) most = simd::max(simd::load(p + i), most);
  const V shift = simd::splat(simd::largest<float>(most));
  V total{};
  for (Index i = origin; i < end; i += lanes) {
    const V e = simd::exp<float>((simd::load(p + i) - shift) * factor);
    total += e;
    simd::store<float>(p + i, e);
  }
  return 1.0f / simd::sum<float>(total);
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
      panel_strip(rows, queries, keys + part * width, width, weights, (page - first_page) * kPage + part, lanes, {});
  }
  float inverse[kStripRows];
  for (int r = 0; r < rows; ++r) {
    const Index low = in.first_seen(tokens[r]), high = in.seen_end(tokens[r]);
    inverse[r] =
        masked_exponentials(weights[r], span, low / kPage * kPage - origin, low - origin, high - origin, in.scale);
  }
  for (Index page = first_page; page <= last_page; ++page) {
    for (int r = 0; r < rows; ++r) probabilities[r] = weights[r] + (page - first_page) * kPage;
    for (Index c = 0; c < width; c += lanes)
      panel_strip(rows, probabilities, pages[page] + in.layer_offset + layout.value(kv_head, 0, c), kPage, out, c,
                  std::min(lanes, width - c), {.accumulate = page > first_page});
  }
  for (int r = 0; r < rows; ++r)
    for (Index c = 0; c < width; ++c) out[r][c] *= inverse[r];
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

/// Keys and values of new tokens into their sequences' pages (kernels::StoreKeysValues), up to a page's width of tokens
/// at a time: keys are turned by squares of registers.
inline void store_keys_values(const PagedRows& in, const float* k, const float* v) {
  const PageLayout& layout = in.layout;
  const Index lanes = layout.lanes, width = layout.head_width, step = layout.kv_heads * width;
  std::vector<Index> strips;  // beginnings: tokens of one sequence and one panel of a page
  for (Index row = 0; row < in.rows; ++row)
    if (row == 0 || in.first_page[row] != in.first_page[row - 1] || in.positions[row] % lanes == 0)
      strips.push_back(row);
  strips.push_back(in.rows);
  parallel_chunks(static_cast<Index>(strips.size()) - 1, 4, [&](Index first, Index last, Index) {
    for (Index s = first; s < last; ++s) {
      const Index row = strips[static_cast<std::size_t>(s)], end = strips[static_cast<std::size_t>(s) + 1];
      const Index place = in.positions[row] % kPage;
      float* const page = in.pages[in.first_page[row] + in.positions[row] / kPage] + in.layer_offset;
      for (Index head = 0; head < layout.kv_heads; ++head) {
        reclm::cpu::detail::transpose_block(k + row * step + head * width, step, end - row, width,
                                            page + layout.key(head, place), lanes);
        for (Index r = row; r < end; ++r)
          for (Index c = 0; c < width; c += lanes) {
            const float* const from = v + r * step + head * width + c;
            float* const to = page + layout.value(head, place + r - row, c);
            if (width - c < lanes) {
              std::copy_n(from, width - c, to);
              continue;
            }
            for (Index i = 0; i < lanes; i += simd::kLanes<float>) simd::store<float>(to + i, simd::load(from + i));
          }
      }
    }
  });
}

}  // namespace reclm::cpu
