#pragma once
/// @file config.hpp
/// The library's integer types and the few compiler switches that the kernels need.

#include <cstddef>
#include <cstdint>

#if __cplusplus < 202002L
#error "reclm needs C++20: compile with -std=c++20 or newer"
#endif

/// Marks a function that must compile for host and device from one source.
#if defined(__CUDACC__)
#define RECLM_HD __host__ __device__
#else
#define RECLM_HD
#endif

#if defined(__GNUC__) || defined(__clang__)
#define RECLM_RESTRICT __restrict__
#define RECLM_ALWAYS_INLINE inline __attribute__((always_inline))
#define RECLM_INLINE_LAMBDA __attribute__((always_inline))  // behind a lambda's parameters
#else
#define RECLM_RESTRICT
#define RECLM_ALWAYS_INLINE inline
#define RECLM_INLINE_LAMBDA
#endif

namespace reclm {

/// Sizes, positions and offsets. Signed, so that differences and reversed loops are safe.
using Index = std::int64_t;

/// A dense user or item number, 0 … count−1. 32 bits keep interaction lists small.
using Id = std::int32_t;

/// Bytes between buffers' starts: one cache line, one AVX-512 register.
inline constexpr std::size_t kAlignment = 64;

}  // namespace reclm
