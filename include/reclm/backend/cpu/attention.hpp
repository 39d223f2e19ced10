#pragma once
/// @file attention.hpp
/// Causal attention within segments on the CPU: blocks of scores stay in the first-level cache while keys stream by
/// (FlashAttention: Dao et al., NeurIPS 2022), products by register tiles. Memory beside the inputs: O(segment · width)
/// a thread. A task is a key-value head of a segment and those that continue it, so the results are the same bits for
/// any number of threads.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "reclm/backend/cpu/simd.hpp"
#include "reclm/backend/kernels/attention.hpp"
#include "reclm/core/parallel.hpp"

namespace reclm::cpu {

namespace detail {

inline constexpr Index kQueryBlock = 48, kKeyBlock = 128;
inline constexpr int kAttentionRows = simd::kRegisters == 32 ? 8 : 6;  // both divide kQueryBlock

template <class T>
constexpr Index padded_width(Index width) {
  return chunk_count(width, simd::kLanes<T>) * simd::kLanes<T>;
}

// C[Rows, Vectors · kLanes] (+)= A · B with A(r, k) at a[r · lda + k], or a[k · lda + r] when transposed.
template <bool Transposed, int Rows, int Vectors, class T>
RECLM_ALWAYS_INLINE void attention_tile(Index depth, const T* RECLM_RESTRICT a, Index lda, const T* RECLM_RESTRICT b,
                                        Index ldb, bool add, T* RECLM_RESTRICT c, Index ldc) {
  constexpr Index lanes = simd::kLanes<T>;
  simd::Vector<T> tile[Rows][Vectors];
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) tile[r][v] = add ? simd::load(c + r * ldc + v * lanes) : simd::Vector<T>{};
  for (Index k = 0; k < depth; ++k) {
    simd::Vector<T> row[Vectors];
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) row[v] = simd::load(b + k * ldb + v * lanes);
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
      const T factor = Transposed ? a[k * lda + r] : a[r * lda + k];
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; ++v) tile[r][v] += factor * row[v];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) simd::store<T>(c + r * ldc + v * lanes, tile[r][v]);
}

template <bool Transposed, int Rows, class T>
void attention_rows(Index width, Index depth, const T* a, Index lda, const T* b, Index ldb, bool add, T* c, Index ldc) {
  constexpr Index lanes = simd::kLanes<T>;
  Index col = 0;
  for (; col + 2 * lanes <= width; col += 2 * lanes)
    attention_tile<Transposed, Rows, 2>(depth, a, lda, b + col, ldb, add, c + col, ldc);
  if (col < width) attention_tile<Transposed, Rows, 1>(depth, a, lda, b + col, ldb, add, c + col, ldc);
}

// C[rows, width] (+)= A · B; `width` is a multiple of kLanes.
template <bool Transposed, class T>
void attention_product(Index rows, Index width, Index depth, const T* a, Index lda, const T* b, Index ldb, bool add,
                       T* c, Index ldc) {
  const Index step = Transposed ? 1 : lda;
  Index row = 0;
  for (; row + kAttentionRows <= rows; row += kAttentionRows)
    attention_rows<Transposed, kAttentionRows>(width, depth, a + row * step, lda, b, ldb, add, c + row * ldc, ldc);
  for (; row < rows; ++row)
    attention_rows<Transposed, 1>(width, depth, a + row * step, lda, b, ldb, add, c + row * ldc, ldc);
}

// A head's rows of a segment side by side, [rows, padded].
template <class T>
void pack_head(const T* from, Index step, Index rows, Index width, Index padded, T* to) {
  for (Index r = 0; r < rows; ++r) {
    std::copy_n(from + r * step, width, to + r * padded);
    std::fill(to + r * padded + width, to + (r + 1) * padded, T(0));
  }
}

// The same transposed in blocks of keys: [block][padded][kKeyBlock], zero behind the last key.
template <class T>
void pack_transposed(const T* from, Index step, Index rows, Index width, Index padded, T* to) {
  std::fill_n(to, chunk_count(rows, kKeyBlock) * padded * kKeyBlock, T(0));
  for (Index r = 0; r < rows; ++r) {
    T* const block = to + r / kKeyBlock * padded * kKeyBlock + r % kKeyBlock;
    const T* const row = from + r * step;
    for (Index c = 0; c < width; ++c) block[c * kKeyBlock] = row[c];
  }
}

// Keys that some queries may see: `first` … `last` − 1, all in one block.
struct KeyRange {
  Index block, first, last;
  [[nodiscard]] Index begin() const { return block * kKeyBlock; }
  [[nodiscard]] Index count() const { return last - begin(); }  // of the block's keys, up to the last
};

// Those of them that one query sees, as a range within the block.
struct VisibleKeys {
  Index first, last;
};
inline VisibleKeys visible_keys(Index query, Index window, const KeyRange& keys) {
  const Index first = window > 0 ? std::max(keys.first, query - window + 1) : keys.first;
  const Index last = std::min(query + 1, keys.last);
  return {std::clamp<Index>(first - keys.begin(), 0, kKeyBlock), std::max<Index>(last - keys.begin(), 0)};
}

// Queries of one segment and head. Rows are counted from the family's first.
struct QueryRows {
  Index head, first, count;
  Index segment;  // its first row
};

// One family of segments (see Segments) and key-value head.
template <class T>
class AttentionTask {
 public:
  /// @param borders of the family's segments
  AttentionTask(const AttentionInput<T>& in, std::span<const Index> borders, Index kv_head)
      : in_(in),
        borders_(borders),
        begin_(borders.front()),
        length_(borders.back() - begin_),
        kv_head_(kv_head),
        padded_(padded_width<T>(in.head_width)),
        blocks_(chunk_count(length_, kKeyBlock)),
        scores_(static_cast<std::size_t>(kQueryBlock * kKeyBlock)),
        q_(static_cast<std::size_t>(kQueryBlock * padded_)),
        keys_(static_cast<std::size_t>(length_ * padded_)),
        keys_turned_(static_cast<std::size_t>(blocks_ * kKeyBlock * padded_)),
        values_(static_cast<std::size_t>(length_ * padded_)) {
    const Index step = in.kv_heads * in.head_width, at = begin_ * step + kv_head * in.head_width;
    pack_transposed(in.k + at, step, length_, in.head_width, padded_, keys_turned_.data());
    pack_head(in.v + at, step, length_, in.head_width, padded_, values_.data());
  }

  void forward(T* y, T* log_sums) {
    std::vector<T> out(static_cast<std::size_t>(kQueryBlock * padded_));
    for_query_blocks([&](const QueryRows& queries) {
      const Index rows = queries.count;
      T largest[kQueryBlock], total[kQueryBlock];
      std::fill_n(largest, rows, -std::numeric_limits<T>::infinity());
      std::fill_n(total, rows, T(0));
      std::fill(out.begin(), out.end(), T(0));
      for_key_blocks(queries, [&](const KeyRange& keys) {
        score(rows, keys);
        for (Index r = 0; r < rows; ++r)
          add_row(visible_keys(queries.first + r, in_.window, keys), scores_.data() + r * kKeyBlock,
                  out.data() + r * padded_, largest[r], total[r]);
        attention_product<false>(rows, padded_, keys.count(), scores_.data(), kKeyBlock,
                                 values_.data() + keys.begin() * padded_, padded_, true, out.data(), padded_);
      });
      for (Index r = 0; r < rows; ++r) {
        const Index row = (begin_ + queries.first + r) * in_.heads + queries.head;
        const T inverse = T(1) / total[r];
        const T* RECLM_RESTRICT from = out.data() + r * padded_;
        T* RECLM_RESTRICT to = y + row * in_.head_width;
        for (Index c = 0; c < in_.head_width; ++c) to[c] = from[c] * inverse;
        log_sums[row] = largest[r] + std::log(total[r]);
      }
    });
  }

  void backward(const T* y, const T* log_sums, const T* dy, T* dq, T* dk, T* dv) {
    const Index width = in_.head_width, step = in_.kv_heads * width, at = begin_ * step + kv_head_ * width;
    pack_head(in_.k + at, step, length_, width, padded_, keys_.data());
    std::vector<T> values_turned(keys_turned_.size());
    pack_transposed(in_.v + at, step, length_, width, padded_, values_turned.data());
    std::vector<T> d_keys(keys_.size(), T(0)), d_values(keys_.size(), T(0));
    std::vector<T> g(q_.size()), d_queries(q_.size()), slopes(scores_.size());
    for_query_blocks([&](const QueryRows& queries) {
      const Index rows = queries.count, first = begin_ + queries.first, head = queries.head;
      const Index row_step = in_.heads * width, row = first * row_step + head * width;
      pack_head(dy + row, row_step, rows, width, padded_, g.data());
      std::fill(d_queries.begin(), d_queries.end(), T(0));
      T level[kQueryBlock];
      for (Index r = 0; r < rows; ++r) {
        const T* RECLM_RESTRICT out = y + row + r * row_step;
        const T* RECLM_RESTRICT upstream = g.data() + r * padded_;
        T sum(0);
#pragma omp simd reduction(+ : sum)
        for (Index c = 0; c < width; ++c) sum += upstream[c] * out[c];
        level[r] = sum;
      }
      for_key_blocks(queries, [&](const KeyRange& keys) {
        const Index count = keys.count(), at_keys = keys.begin() * padded_;
        score(rows, keys);
        attention_product<false>(rows, padded_width<T>(count), padded_, g.data(), padded_,
                                 values_turned.data() + at_keys, kKeyBlock, false, slopes.data(), kKeyBlock);
        for (Index r = 0; r < rows; ++r)
          differentiate_row(visible_keys(queries.first + r, in_.window, keys), log_sums[(first + r) * in_.heads + head],
                            level[r], scores_.data() + r * kKeyBlock, slopes.data() + r * kKeyBlock);
        attention_product<true>(count, padded_, rows, scores_.data(), kKeyBlock, g.data(), padded_, true,
                                d_values.data() + at_keys, padded_);
        attention_product<true>(count, padded_, rows, slopes.data(), kKeyBlock, q_.data(), padded_, true,
                                d_keys.data() + at_keys, padded_);
        attention_product<false>(rows, padded_, count, slopes.data(), kKeyBlock, keys_.data() + at_keys, padded_, true,
                                 d_queries.data(), padded_);
      });
      for (Index r = 0; r < rows; ++r) std::copy_n(d_queries.data() + r * padded_, width, dq + row + r * row_step);
    });
    for (Index r = 0; r < length_; ++r) {
      std::copy_n(d_keys.data() + r * padded_, width, dk + at + r * step);
      std::copy_n(d_values.data() + r * padded_, width, dv + at + r * step);
    }
  }

 private:
  // body(queries), which are packed into q_.
  template <class Body>
  void for_query_blocks(const Body& body) {
    const Index group = in_.heads / in_.kv_heads, step = in_.heads * in_.head_width;
    for (Index head = kv_head_ * group; head < (kv_head_ + 1) * group; ++head)
      for (std::size_t s = 0; s + 1 < borders_.size(); ++s) {
        const Index segment = borders_[s] - begin_, end = borders_[s + 1] - begin_;
        for (Index first = segment; first < end; first += kQueryBlock) {
          const Index rows = std::min(kQueryBlock, end - first);
          pack_head(in_.q + (begin_ + first) * step + head * in_.head_width, step, rows, in_.head_width, padded_,
                    q_.data());
          body(QueryRows{head, first, rows, segment});
        }
      }
  }

  // body(keys) for what the queries see, block by block: first the segment's prefix, then the segment itself.
  template <class Body>
  void for_key_blocks(const QueryRows& queries, const Body& body) const {
    const auto each_block = [&](Index first, Index last) {
      for (Index block = first / kKeyBlock; block * kKeyBlock < last; ++block)
        body(KeyRange{block, std::max(first, block * kKeyBlock), std::min((block + 1) * kKeyBlock, last)});
    };
    if (queries.segment > 0) each_block(0, borders_[1] - begin_);
    const Index oldest = in_.window > 0 ? queries.first - in_.window + 1 : 0;
    each_block(std::max(queries.segment, oldest), queries.first + queries.count);
  }

  // The block's keys up to the last; what stands behind them in a row is left as it was.
  void score(Index rows, const KeyRange& keys) {
    attention_product<false>(rows, padded_width<T>(keys.count()), padded_, q_.data(), padded_,
                             keys_turned_.data() + keys.begin() * padded_, kKeyBlock, false, scores_.data(), kKeyBlock);
  }

  // Scores → weights relative to the largest score so far; what was summed before is scaled down to it.
  void add_row(VisibleKeys keys, T* RECLM_RESTRICT s, T* RECLM_RESTRICT out, T& largest, T& total) const {
    if (keys.first >= keys.last) {
      std::fill_n(s, kKeyBlock, T(0));
      return;
    }
    const T scale = in_.scale;
    T top = s[keys.first];
#pragma omp simd reduction(max : top)
    for (Index j = keys.first; j < keys.last; ++j) top = top < s[j] ? s[j] : top;
    top *= scale;
    if (top > largest) {
      const T keep = kernels::fast_exp(largest - top);
      if (total > T(0)) {
        total *= keep;
#pragma omp simd
        for (Index c = 0; c < padded_; ++c) out[c] *= keep;
      }
      largest = top;
    }
    const T base = largest;
    T sum(0);
#pragma omp simd reduction(+ : sum)
    for (Index j = keys.first; j < keys.last; ++j) {
      s[j] = kernels::fast_exp(scale * s[j] - base);
      sum += s[j];
    }
    total += sum;
    std::fill(s, s + keys.first, T(0));
    std::fill(s + keys.last, s + kKeyBlock, T(0));
  }

  // Scores → weights p, slopes dy · v → scale · p · (slope − level).
  void differentiate_row(VisibleKeys keys, T log_sum, T level, T* RECLM_RESTRICT s, T* RECLM_RESTRICT slope) const {
    const Index first = std::min(keys.first, keys.last);
    const T scale = in_.scale;
#pragma omp simd
    for (Index j = first; j < keys.last; ++j) {
      s[j] = kernels::fast_exp(scale * s[j] - log_sum);
      slope[j] = scale * s[j] * (slope[j] - level);
    }
    std::fill(s, s + first, T(0));
    std::fill(s + keys.last, s + kKeyBlock, T(0));
    std::fill(slope, slope + first, T(0));
    std::fill(slope + keys.last, slope + kKeyBlock, T(0));
  }

  const AttentionInput<T>& in_;
  std::span<const Index> borders_;
  Index begin_, length_, kv_head_, padded_, blocks_;
  std::vector<T> scores_, q_, keys_, keys_turned_, values_;
};

template <class T, class Body>
void for_attention_tasks(const AttentionInput<T>& in, const Body& body) {
  const auto families = static_cast<Index>(in.families.size()) - 1;
  parallel_for(families * in.kv_heads, 1, [&](Index task) {
    const auto family = static_cast<std::size_t>(task / in.kv_heads);
    const auto first = static_cast<std::size_t>(in.families[family]);
    const auto last = static_cast<std::size_t>(in.families[family + 1]);
    if (in.borders[first] == in.borders[last]) return;
    body(AttentionTask<T>(in, in.borders.subspan(first, last - first + 1), task % in.kv_heads));
  });
}

}  // namespace detail

/// y and log_sums as kernels::Attention leaves them.
template <class T>
void attention(const AttentionInput<T>& in, T* y, T* log_sums) {
  detail::for_attention_tasks(in, [&](auto&& task) { task.forward(y, log_sums); });
}

/// dq, dk, dv (overwritten) as kernels::AttentionQueriesBackward and AttentionKeysBackward leave them.
template <class T>
void attention_backward(const AttentionInput<T>& in, const T* y, const T* log_sums, const T* dy, T* dq, T* dk, T* dv) {
  detail::for_attention_tasks(in, [&](auto&& task) { task.backward(y, log_sums, dy, dq, dk, dv); });
}

}  // namespace reclm::cpu
