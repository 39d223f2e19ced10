#pragma once
/// @file simd.hpp
/// Vectors as wide as the processor's, by GCC's and Clang's vector extensions: the same source runs on AVX-512, AVX2,
/// SSE2 and NEON. Arithmetic and comparisons are the built-in operators; this file adds what has none.
///
/// A product followed by a sum must contract to one FMA instruction for full speed: GCC does so by default
/// (-std=gnu++20, or -ffp-contract=fast), Clang within an expression.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "reclm/core/config.hpp"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace reclm::simd {

#if defined(__AVX512F__)
inline constexpr int kBytes = 64;
#elif defined(__AVX__)
inline constexpr int kBytes = 32;
#else
inline constexpr int kBytes = 16;
#endif

/// Vector registers of the instruction set: decides how large a tile the kernels keep in them.
#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr int kRegisters = 32;
#else
inline constexpr int kRegisters = 16;
#endif

namespace detail {
template <class T>
struct VectorOf;
template <>
struct VectorOf<float> {
  typedef float type __attribute__((vector_size(kBytes)));
  typedef std::int32_t integers __attribute__((vector_size(kBytes)));
};
template <>
struct VectorOf<double> {
  typedef double type __attribute__((vector_size(kBytes)));
  typedef std::int64_t integers __attribute__((vector_size(kBytes)));
};
}  // namespace detail

/// A register of T (float or double).
template <class T>
using Vector = typename detail::VectorOf<T>::type;

/// Integers as wide as T: what comparing two Vector<T> yields (−1 where true, else 0).
template <class T>
using Integers = typename detail::VectorOf<T>::integers;

/// Elements of a register.
template <class T>
inline constexpr Index kLanes = kBytes / static_cast<Index>(sizeof(T));

/// Reads kLanes elements; no alignment is needed.
template <class T>
RECLM_ALWAYS_INLINE Vector<T> load(const T* from) {
  Vector<T> v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

template <class T>
RECLM_ALWAYS_INLINE void store(T* to, Vector<T> v) {
  std::memcpy(to, &v, sizeof v);
}

/// Reads `count` ≤ kLanes elements, zero behind them.
template <class T>
RECLM_ALWAYS_INLINE Vector<T> load_part(const T* from, Index count) {
  Vector<T> v{};
  std::memcpy(&v, from, static_cast<std::size_t>(count) * sizeof(T));
  return v;
}

/// `value` in every lane.
template <class T>
RECLM_ALWAYS_INLINE Vector<T> splat(T value) {
  return value - Vector<T>{};
}

/// Lane-wise maximum; where `a` is NaN, `b`.
template <class V>
RECLM_ALWAYS_INLINE V max(V a, V b) {
  return a > b ? a : b;
}

namespace detail {
// Lane i of the result: lane i + Size of `v`.
template <class T, int Size, int... Lane>
RECLM_ALWAYS_INLINE Vector<T> upper_lanes(Vector<T> v, std::integer_sequence<int, Lane...>) {
#if defined(__CUDACC__)
  // nvcc's front end cannot pass a pack on to the builtin.
  Vector<T> moved = v;
  for (int lane = 0; lane < Size; ++lane) moved[lane] = v[lane + Size];
  return moved;
#else
  return __builtin_shufflevector(v, v, ((Lane + Size) % static_cast<int>(sizeof...(Lane)))...);
#endif
}

// Joins the upper half's lanes to the lower half's until one is left.
template <class T, int Size = static_cast<int>(kLanes<T>) / 2, class Join>
RECLM_ALWAYS_INLINE T reduce(Vector<T> v, const Join& join) {
  if constexpr (Size == 0) {
    return v[0];
  } else {
    const auto lanes = std::make_integer_sequence<int, static_cast<int>(kLanes<T>)>{};
    return reduce<T, Size / 2>(join(v, upper_lanes<T, Size>(v, lanes)), join);
  }
}
}  // namespace detail

/// Sum of all lanes, in a fixed order.
template <class T>
RECLM_ALWAYS_INLINE T sum(Vector<T> v) {
  return detail::reduce<T>(v, [](Vector<T> a, Vector<T> b) { return a + b; });
}

namespace detail {
// add(sum, a, b) over the registers of two rows; what lies behind their ends counts as zeros.
template <class T, class Add>
RECLM_ALWAYS_INLINE T sum_pairs(const T* a, const T* b, Index n, const Add& add) {
  constexpr Index lanes = kLanes<T>;
  Vector<T> sums[4] = {};
  Index k = 0;
  for (; k + 4 * lanes <= n; k += 4 * lanes)
    for (int v = 0; v < 4; ++v) sums[v] = add(sums[v], load(a + k + v * lanes), load(b + k + v * lanes));
  for (; k + lanes <= n; k += lanes) sums[0] = add(sums[0], load(a + k), load(b + k));
  if (k < n) sums[1] = add(sums[1], load_part(a + k, n - k), load_part(b + k, n - k));
  return sum<T>((sums[0] + sums[1]) + (sums[2] + sums[3]));
}
}  // namespace detail

/// Sum over k < n of a[k] · b[k], in a fixed order.
template <class T>
RECLM_ALWAYS_INLINE T dot(const T* a, const T* b, Index n) {
  using V = Vector<T>;
  return detail::sum_pairs(a, b, n, [](V sum, V x, V y) RECLM_INLINE_LAMBDA { return sum + x * y; });
}

/// Sum over k < n of max(a[k] + b[k], 0), in a fixed order; NaN stays NaN.
template <class T>
RECLM_ALWAYS_INLINE T relu_sum(const T* a, const T* b, Index n) {
  using V = Vector<T>;
  return detail::sum_pairs(a, b, n, [](V sum, V x, V y) RECLM_INLINE_LAMBDA { return sum + max(V{}, x + y); });
}

/// Largest lane.
template <class T>
RECLM_ALWAYS_INLINE T largest(Vector<T> v) {
  return detail::reduce<T>(v, [](Vector<T> a, Vector<T> b) { return a > b ? a : b; });
}

/// Bit i is set where lane i of `v` is above lane i of `bound`; never for NaN.
/// The vector extensions have no spelling for a comparison's bits, hence x86's own instruction.
RECLM_ALWAYS_INLINE std::uint32_t bits_above(Vector<float> v, Vector<float> bound) {
#if defined(__AVX512F__)
  return _mm512_cmp_ps_mask(reinterpret_cast<__m512>(v), reinterpret_cast<__m512>(bound), _CMP_GT_OQ);
#elif defined(__AVX__)
  return static_cast<std::uint32_t>(_mm256_movemask_ps(reinterpret_cast<__m256>(v > bound)));
#elif defined(__SSE2__)
  return static_cast<std::uint32_t>(_mm_movemask_ps(reinterpret_cast<__m128>(v > bound)));
#else
  std::uint32_t bits = 0;
  for (Index i = 0; i < kLanes<float>; ++i) bits |= static_cast<std::uint32_t>(v[i] > bound[i]) << i;
  return bits;
#endif
}

/// eˣ lane by lane. float: at most 2 units in the last place from exp(x) on [−87.3, 88.7], 0 below; a NaN that
/// arithmetic makes stays NaN (one with a payload may not). About 15 instructions: x = n·ln 2 + r, |r| ≤ ln 2 / 2; eʳ
/// by a polynomial fitted to the relative error (3e-9); n goes into the exponent. double: the C library, a lane at a
/// time (for gradient checks).
template <class T>
RECLM_ALWAYS_INLINE Vector<T> exp(Vector<T> x) {
  if constexpr (std::is_same_v<T, float>) {
    using V = Vector<float>;
    using I = Integers<float>;
    constexpr float kLowest = -87.33654f, kHighest = 88.72283f, kRound = 12582912.0f;  // 1.5 · 2²³: rounds a sum to 1
    const I below = x < kLowest;
    x = x < kLowest ? splat(kLowest) : x;
    x = x > kHighest ? splat(kHighest) : x;
    const V shifted = x * 1.44269504f + kRound;
    // Through the integer, so that no compiler option may cancel the rounding.
    const I n = reinterpret_cast<I>(shifted) - reinterpret_cast<I>(splat(kRound));
    const V whole = __builtin_convertvector(n, V);
    V r = x - whole * 0.693145752f;  // ln 2 in two parts; the product with the first is exact
    r = r - whole * 1.42860677e-6f;
    V p = r * 0.00138143206f + 0.00836885069f;
    p = p * r + 0.0416684002f;
    p = p * r + 0.16666519642f;
    p = p * r + 0.4999999404f;
    p = p * (r * r) + r;
    p = p + 1.0f;
    const V result = reinterpret_cast<V>(reinterpret_cast<I>(p) + (n << 23));
    return below ? V{} : result;
  } else {
    for (Index i = 0; i < kLanes<T>; ++i) x[i] = std::exp(x[i]);
    return x;
  }
}

/// 2ˣ lane by lane for x ≤ 127 and, float, at most 4 units in the last place off; below −126 at most 2⁻¹²⁶, NaN as
/// in exp. Two thirds of exp's instructions: nothing is multiplied by ln 2, and there is no border above. double: the C
/// library, a lane at a time.
template <class T>
RECLM_ALWAYS_INLINE Vector<T> exp2(Vector<T> x) {
  if constexpr (std::is_same_v<T, float>) {
    using V = Vector<float>;
    using I = Integers<float>;
    constexpr float kLowest = -126.0f, kRound = 12582912.0f;  // 1.5 · 2²³: rounds a sum to 1
    x = x < kLowest ? splat(kLowest) : x;
    // Through the integer, so that no compiler option may cancel the rounding.
    const V shifted = x + kRound;
    const I n = reinterpret_cast<I>(shifted) - reinterpret_cast<I>(splat(kRound));
    const V r = x - __builtin_convertvector(n, V);
    V p = r * 0.001326472731f + 0.009671512991f;
    p = p * r + 0.05550733581f;
    p = p * r + 0.2402224243f;
    p = p * r + 0.6931470037f;
    p = p * r + 1.0f;
    return reinterpret_cast<V>(reinterpret_cast<I>(p) + (n << 23));
  } else {
    for (Index i = 0; i < kLanes<T>; ++i) x[i] = std::exp2(x[i]);
    return x;
  }
}

namespace detail {
// One butterfly of the transposition: swaps the off-diagonal blocks of size `Size`.
template <class T, int Size, int... Lane>
RECLM_ALWAYS_INLINE void transpose_stage(Vector<T>* rows, std::integer_sequence<int, Lane...>) {
  constexpr int width = static_cast<int>(kLanes<T>);
#if defined(__GNUC__)
#pragma GCC unroll 16
#endif
  for (int i = 0; i < width; ++i) {
    if ((i & Size) != 0) continue;
    const Vector<T> a = rows[i], b = rows[i + Size];
#if defined(__CUDACC__)
    // nvcc's front end cannot pass a pack on to the builtin.
    for (int lane = 0; lane < width; ++lane) {
      rows[i][lane] = (lane & Size) != 0 ? b[lane - Size] : a[lane];
      rows[i + Size][lane] = (lane & Size) != 0 ? b[lane] : a[lane + Size];
    }
#else
    rows[i] = __builtin_shufflevector(a, b, ((Lane & Size) != 0 ? width + Lane - Size : Lane)...);
    rows[i + Size] = __builtin_shufflevector(a, b, ((Lane & Size) != 0 ? width + Lane : Lane + Size)...);
#endif
  }
  if constexpr (Size > 1) transpose_stage<T, Size / 2>(rows, std::integer_sequence<int, Lane...>{});
}
}  // namespace detail

/// Transposes the square matrix of kLanes rows of kLanes elements.
template <class T>
RECLM_ALWAYS_INLINE void transpose(Vector<T>* rows) {
  constexpr int width = static_cast<int>(kLanes<T>);
  detail::transpose_stage<T, width / 2>(rows, std::make_integer_sequence<int, width>{});
}

}  // namespace reclm::simd
