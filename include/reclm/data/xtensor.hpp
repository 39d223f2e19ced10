#pragma once
/// @file xtensor.hpp
/// .npy files of any number of dimensions as xtensor arrays. Costs the compile time of xtensor; npy.hpp does without.

#if __has_include(<xtensor/containers/xarray.hpp>)
#include <xtensor/containers/xarray.hpp>
#else
#include <xtensor/xarray.hpp>
#endif

#include <algorithm>
#include <filesystem>
#include <span>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/data/npy.hpp"

namespace reclm {

/// Reads a .npy file as `read_npy_array` does.
template <class T>
xt::xarray<T> read_npy_xtensor(const std::filesystem::path& path, const NpyOptions& options = {}) {
  const NpyArray<T> array = read_npy_array<T>(path, options);
  typename xt::xarray<T>::shape_type shape(array.shape.begin(), array.shape.end());
  xt::xarray<T> result(shape);
  std::copy(array.values.begin(), array.values.end(), result.data());
  return result;
}

/// Writes a row-major xtensor array, atomically. @throws IoError
template <class T>
void write_npy(const std::filesystem::path& path, const xt::xarray<T>& array) {
  const std::vector<Index> shape(array.shape().begin(), array.shape().end());
  write_npy<T>(path, std::span<const T>(array.data(), array.size()), shape);
}

}  // namespace reclm
