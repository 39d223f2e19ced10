#pragma once
/// @file sparse_spectrum.hpp
/// The leading part of a wide sparse matrix, as the built-in text encoder uses it, for whoever else counts things.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include "reclm/core/error.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/data/detail/spectral_projection.hpp"
#include "reclm/data/detail/text_features.hpp"

namespace reclm {

/// A sparse matrix in CSR with values: `cols`, `offsets` (beginning with 0), `columns` ascending within a row,
/// `values`.
using detail::text::SparseRows;

/// Leading left singular vectors `left` [rows, kept] and singular values `magnitude` [kept], descending.
using detail::text::Spectrum;

/// Truncated SVD by a randomized Nyström approximation (Halko, Martinsson and Tropp 2011, section 5.4): at most `width`
/// columns, fewer where the rest is hardly there. The same bits for a seed, whatever the number of threads.
/// Cost: three sparse products with width + 8 columns.
/// @throws ConfigError on a width below 1, ShapeError where offsets, columns and values do not fit each other,
/// NumericError on a value that is not finite
inline Spectrum leading_spectrum(const SparseRows& a, Index width, std::uint64_t seed = 1) {
  if (width < 1) throw ConfigError("leading_spectrum: width must be 1 or more");
  if (a.offsets.empty() || a.offsets.front() != 0 || !std::ranges::is_sorted(a.offsets) ||
      a.offsets.back() != static_cast<Index>(a.columns.size()) || a.columns.size() != a.values.size())
    throw ShapeError("leading_spectrum: the offsets must rise from 0 to the number of columns and values");
  if (!std::ranges::all_of(a.columns, [&](std::int32_t column) { return column >= 0 && column < a.cols; }))
    throw ShapeError("leading_spectrum: every column must lie in 0 … " + std::to_string(a.cols - 1));
  float largest = 0;
  for (const float value : a.values) {
    if (!std::isfinite(value)) throw NumericError("leading_spectrum: a value is not finite");
    largest = std::max(largest, std::abs(value));
  }
  const auto spectrum = [&](const SparseRows& rows) {
    return detail::text::leading_spectrum(rows, rows.transposed(), width, seed);
  };
  // Fourth powers of the values are summed on the way, in float.
  if (largest == 0 || (largest > 1e-4f && largest < 1e4f)) return spectrum(a);
  const int exponent = std::ilogb(largest);
  SparseRows scaled = a;
  for (float& value : scaled.values) value = std::ldexp(value, -exponent);
  Spectrum result = spectrum(scaled);
  for (double& magnitude : result.magnitude) magnitude = std::ldexp(magnitude, exponent);
  return result;
}

}  // namespace reclm
