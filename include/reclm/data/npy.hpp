#pragma once
/// @file npy.hpp
/// NumPy's .npy files: features in, results out.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "reclm/core/atomic_file.hpp"
#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/half.hpp"
#include "reclm/core/input_file.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/data/detail/npy_header.hpp"

namespace reclm {

/// How to read a .npy file.
struct NpyOptions {
  bool allow_nonfinite = false;  ///< else NaN and infinities are an error that names their row
};

/// A dense array of any number of dimensions, row-major.
template <class T>
struct NpyArray {
  std::vector<Index> shape;
  std::vector<T> values;
};

namespace detail {

/// The header of an open file and how many bytes stand before the data.
struct OpenNpy {
  NpyHeader header;
  Index elements = 0;
};

inline OpenNpy open_npy(InputFile& file) {
  const auto refuse = [&](const std::string& problem, const char* remedy) {
    throw DataError(file.path(), 0, problem, remedy);
  };
  const char* const rewrite = "write the file with numpy.save or reclm::write_npy";
  std::array<unsigned char, 12> start{};
  if (file.read_fully(start.data(), 8) != 8 || std::memcmp(start.data(), "\x93NUMPY", 6) != 0)
    refuse("this is not a .npy file", rewrite);
  const int version = start[6];
  if (version < 1 || version > 3) refuse("the format version is " + std::to_string(version), rewrite);
  const std::size_t length_bytes = version == 1 ? 2 : 4;
  if (file.read_fully(start.data() + 8, length_bytes) != length_bytes) refuse("the header is cut off", rewrite);
  std::size_t length = 0;
  for (std::size_t k = length_bytes; k-- > 0;) length = length << 8 | start[8 + k];
  if (length > std::size_t{1} << 20) refuse("the header claims " + std::to_string(length) + " bytes", rewrite);
  std::string text(length, '\0');
  if (file.read_fully(text.data(), length) != length) refuse("the header is cut off", rewrite);

  OpenNpy open{NpyHeaderParser(text, file.path()).parse()};
  const auto elements = element_count(open.header.shape, open.header.bytes);
  std::error_code failure;
  const auto size = std::filesystem::file_size(file.path(), failure);
  if (failure) throw IoError("cannot find the size of " + file.path() + ": " + failure.message());
  const auto there = static_cast<Index>(size) - static_cast<Index>(8 + length_bytes + length);
  if (!elements || *elements * open.header.bytes != there)
    refuse("the header declares " + shape_text(open.header.shape) + " elements of " +
               std::to_string(open.header.bytes) + " bytes, but " + std::to_string(there) + " bytes follow",
           "the file is cut off or damaged, write it again");
  open.elements = *elements;
  return open;
}

/// One stored element as a double or, for integers, exactly.
template <class T>
T npy_element(const unsigned char* from, const NpyHeader& header) {
  std::array<unsigned char, 8> bytes{};
  const auto count = static_cast<std::size_t>(header.bytes);
  if (header.swapped)
    for (std::size_t k = 0; k < count; ++k) bytes[(count - 1 - k) % bytes.size()] = from[k];
  else
    std::memcpy(bytes.data(), from, count);
  const auto as = [&]<class Stored>(Stored stored) {
    std::memcpy(&stored, bytes.data(), sizeof stored);
    return stored;
  };
  if (header.kind == 'i') return static_cast<T>(header.bytes == 4 ? as(std::int32_t{}) : as(std::int64_t{}));
  if (header.bytes == 2) return static_cast<T>(from_half(as(std::uint16_t{})));
  return header.bytes == 4 ? static_cast<T>(as(float{})) : static_cast<T>(as(double{}));
}

/// Where elements of a file in Fortran order go in a row-major array: a counter over the indices, the first fastest.
class FortranPlaces {
 public:
  explicit FortranPlaces(const std::vector<Index>& shape) : shape_(shape), index_(shape.size(), 0), strides_(shape) {
    Index stride = 1;
    for (std::size_t d = shape.size(); d-- > 0;) {
      strides_[d] = stride;
      stride *= shape[d];
    }
  }
  /// The place of the current element; moves on to the next.
  Index next() {
    const Index place = place_;
    for (std::size_t d = 0; d < shape_.size(); ++d) {
      place_ += strides_[d];
      if (++index_[d] < shape_[d]) break;
      place_ -= strides_[d] * shape_[d];
      index_[d] = 0;
    }
    return place;
  }

 private:
  std::vector<Index> shape_, index_, strides_;
  Index place_ = 0;
};

/// Memory beside the result: one block.
template <class T>
NpyArray<T> read_npy_values(InputFile& file, OpenNpy open, const NpyOptions& options) {
  const NpyHeader& header = open.header;
  if (std::is_integral_v<T> && header.kind != 'i')
    throw DataError(file.path(), 0, "the array holds floating-point numbers where integers are needed",
                    "save it as int32 or int64");
  NpyArray<T> array{header.shape, std::vector<T>(static_cast<std::size_t>(open.elements))};
  const Index row_size = header.shape.empty() || header.shape[0] == 0 ? 1 : open.elements / header.shape[0];
  const auto each = static_cast<Index>(header.bytes);
  const Index block = Index{1} << 16;
  std::vector<unsigned char> buffer(static_cast<std::size_t>(std::min(block, open.elements) * each));
  // Strides of an empty array are not needed, and may not fit.
  FortranPlaces places(open.elements > 0 ? header.shape : std::vector<Index>{});
  for (Index begin = 0; begin < open.elements; begin += block) {
    const Index count = std::min(block, open.elements - begin);
    const auto bytes = static_cast<std::size_t>(count * each);
    if (file.read_fully(buffer.data(), bytes) != bytes)
      throw DataError(file.path(), 0, "the file ends early", "write it again");
    for (Index k = 0; k < count; ++k) {
      const unsigned char* const from = buffer.data() + k * each;
      const Index place = header.fortran_order ? places.next() : begin + k;
      if constexpr (std::is_integral_v<T>) {
        const auto value = npy_element<std::int64_t>(from, header);
        if (!std::in_range<T>(value))
          throw DataError(
              file.path(), 0,
              "row " + std::to_string(place / row_size) + " holds " + std::to_string(value) + ", which does not fit",
              "correct the value");
        array.values[static_cast<std::size_t>(place)] = static_cast<T>(value);
      } else {
        const T value = npy_element<T>(from, header);
        if (!std::isfinite(value) && !options.allow_nonfinite)
          throw DataError(
              file.path(), 0,
              "row " + std::to_string(place / row_size) + " (counted from 0) holds a value that is not finite",
              "replace NaN and infinities before saving");
        array.values[static_cast<std::size_t>(place)] = value;
      }
    }
  }
  return array;
}

template <class T>
constexpr const char* npy_type() {
  const bool little = std::endian::native == std::endian::little;
  if constexpr (std::is_same_v<T, float>) return little ? "<f4" : ">f4";
  if constexpr (std::is_same_v<T, double>) return little ? "<f8" : ">f8";
  if constexpr (std::is_same_v<T, std::int32_t>) return little ? "<i4" : ">i4";
  if constexpr (std::is_same_v<T, std::int64_t>) return little ? "<i8" : ">i8";
}

}  // namespace detail

/// Reads an array of float16, float32, float64, int32 or int64, in either byte order and in C or Fortran order.
///
/// T is float, double, Id or Index; floating-point T takes integers as well, integral T takes integers alone and
/// exactly.
/// @throws IoError; DataError on anything but a whole, plain .npy file, before memory for its data is taken, and on
///         values that T cannot hold or that are not finite
/// Cost: one pass over the file; memory of the result and one block.
template <class T>
NpyArray<T> read_npy_array(const std::filesystem::path& path, const NpyOptions& options = {}) {
  InputFile file(path);
  detail::OpenNpy open = detail::open_npy(file);
  return detail::read_npy_values<T>(file, std::move(open), options);
}

/// Reads a matrix of two dimensions as `read_npy_array` does. @throws DataError also on other numbers of dimensions
inline Matrix<float> read_npy(const std::filesystem::path& path, const NpyOptions& options = {}) {
  InputFile file(path);
  detail::OpenNpy open = detail::open_npy(file);
  if (open.header.shape.size() != 2)
    throw DataError(file.path(), 0, "the array has the shape " + detail::shape_text(open.header.shape),
                    "save a matrix of two dimensions, a row for each user or item");
  NpyArray<float> array = detail::read_npy_values<float>(file, std::move(open), options);
  return Matrix<float>(array.shape[0], array.shape[1], std::move(array.values));
}

/// Writes a row-major array, atomically. T is float, double, Id or Index.
/// @throws IoError; ShapeError when the values do not fill the shape
template <class T>
void write_npy(const std::filesystem::path& path, std::span<const T> values, const std::vector<Index>& shape) {
  const auto elements = detail::element_count(shape, sizeof(T));
  if (!elements || *elements != static_cast<Index>(values.size()))
    throw ShapeError("write_npy: " + std::to_string(values.size()) + " values do not fill " +
                     detail::shape_text(shape));
  std::string dictionary = "{'descr': '" + std::string(detail::npy_type<T>()) + "', 'fortran_order': False, 'shape': (";
  for (const Index size : shape) dictionary += std::to_string(size) + ", ";
  if (shape.size() > 1) dictionary.resize(dictionary.size() - 2);
  dictionary += "), }";
  // The data start on a multiple of 64 bytes; a newline ends the header.
  while ((10 + dictionary.size() + 1) % 64 != 0) dictionary += ' ';
  dictionary += '\n';
  AtomicFile file(path);
  file.write(std::string_view("\x93NUMPY\x01\x00", 8));
  const std::array<char, 2> length{static_cast<char>(dictionary.size() & 0xFF),
                                   static_cast<char>(dictionary.size() >> 8)};
  file.write(length.data(), length.size());
  file.write(dictionary);
  file.write(values.data(), values.size_bytes());
  file.commit();
}

/// Writes a matrix, atomically. @throws IoError
template <class T>
void write_npy(const std::filesystem::path& path, const Matrix<T>& matrix) {
  write_npy<T>(path, std::span<const T>(matrix.data(), static_cast<std::size_t>(matrix.size())),
               {matrix.rows(), matrix.cols()});
}

}  // namespace reclm
