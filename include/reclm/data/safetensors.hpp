#pragma once
/// @file safetensors.hpp
/// The safetensors format (Hugging Face): every checkpoint of this library, and weights from elsewhere.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "reclm/core/atomic_file.hpp"
#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/half.hpp"
#include "reclm/core/mapped_file.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/data/detail/npy_header.hpp"
#include "reclm/data/detail/safetensors_header.hpp"
#include "reclm/data/dtype.hpp"

namespace reclm {

/// A tensor in somebody's memory.
struct TensorBytes {
  DType dtype = DType::f32;
  std::vector<Index> shape;          ///< empty: one number
  std::span<const std::byte> bytes;  ///< row-major, little-endian, of any alignment
};

/// A safetensors file, mapped into memory and checked: every tensor lies inside the file, has the size that its type
/// and shape ask for, and they neither overlap nor leave gaps.
class SafetensorsFile {
 public:
  /// @throws IoError; DataError saying what about the file is wrong. Cost: reads the header alone
  static SafetensorsFile open(const std::filesystem::path& path) {
    SafetensorsFile file(path);
    file.contents_ = detail::read_safetensors_header(file.mapped_.bytes(), file.mapped_.path());
    return file;
  }

  /// The names of the tensors, in the order of their data.
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const auto& entry : contents_.entries) result.push_back(entry.name);
    return result;
  }
  [[nodiscard]] bool contains(std::string_view name) const { return find(name) != nullptr; }
  [[nodiscard]] const std::map<std::string, std::string>& metadata() const { return contents_.metadata; }

  /// The tensor called `name`, valid while this object lives. @throws DataError when there is none
  [[nodiscard]] TensorBytes tensor(std::string_view name) const {
    const detail::SafetensorsEntry* const entry = find(name);
    if (entry == nullptr)
      throw DataError(mapped_.path(), 0, "there is no tensor \"" + std::string(name) + "\"",
                      "check that the file was written by the same model");
    return {entry->dtype, entry->shape, mapped_.bytes().subspan(contents_.data + entry->begin, entry->bytes)};
  }

  /// All elements of a tensor, row-major. Floating-point T takes f64, f32, f16 and bf16, rounding where it must;
  /// integral T takes the integer types and bool. @throws DataError when there is no such tensor, or T cannot hold its
  /// values
  template <class T>
  [[nodiscard]] std::vector<T> vector(std::string_view name) const {
    const TensorBytes source = tensor(name);
    const std::size_t each = size_of(source.dtype);
    std::vector<T> values(source.bytes.size() / each);
    for (std::size_t k = 0; k < values.size(); ++k) values[k] = element<T>(source, k * each, name);
    return values;
  }

  /// A tensor of two dimensions; one dimension makes a row. @throws DataError as `vector`, and on more dimensions
  template <class T>
  [[nodiscard]] Matrix<T> matrix(std::string_view name) const {
    const std::vector<Index> shape = tensor(name).shape;
    if (shape.empty() || shape.size() > 2)
      throw DataError(mapped_.path(), 0,
                      "tensor \"" + std::string(name) + "\" has the shape " + detail::shape_text(shape) +
                          " where a matrix is needed",
                      "check that the file was written by the same model");
    return Matrix<T>(shape.size() == 1 ? 1 : shape[0], shape.back(), vector<T>(name));
  }

  [[nodiscard]] const std::string& path() const { return mapped_.path(); }

 private:
  explicit SafetensorsFile(const std::filesystem::path& path) : mapped_(path) {}

  [[nodiscard]] const detail::SafetensorsEntry* find(std::string_view name) const {
    const auto place = contents_.places.find(std::string(name));
    return place == contents_.places.end() ? nullptr : &contents_.entries[place->second];
  }

  template <class T>
  T element(const TensorBytes& source, std::size_t offset, std::string_view name) const {
    const auto load = [&]<class Stored>(Stored value) {
      std::memcpy(&value, source.bytes.data() + offset, sizeof value);
      return value;
    };
    const auto refuse = [&](const std::string& problem) {
      return DataError(mapped_.path(), 0, "tensor \"" + std::string(name) + "\" " + problem,
                       "check that the file was written by the same model");
    };
    if constexpr (std::is_floating_point_v<T>) {
      switch (source.dtype) {
        case DType::f64: {
          const double value = load(double{});
          if (std::isfinite(value) && std::abs(value) > static_cast<double>(std::numeric_limits<T>::max()))
            throw refuse("holds " + std::to_string(value) + ", which is beyond the type asked for");
          return static_cast<T>(value);
        }
        case DType::f32:
          return static_cast<T>(load(float{}));
        case DType::f16:
          return static_cast<T>(from_half(load(std::uint16_t{})));
        case DType::bf16:
          return static_cast<T>(from_bfloat16(load(std::uint16_t{})));
        default:
          throw refuse("holds integers where floating-point numbers are needed");
      }
    } else {
      std::int64_t value = 0;
      switch (source.dtype) {
        case DType::i64:
          value = load(std::int64_t{});
          break;
        case DType::i32:
          value = load(std::int32_t{});
          break;
        case DType::i16:
          value = load(std::int16_t{});
          break;
        case DType::i8:
          value = load(std::int8_t{});
          break;
        case DType::u8:
        case DType::boolean:
          value = load(std::uint8_t{});
          break;
        default:
          throw refuse("holds floating-point numbers where integers are needed");
      }
      if (!std::in_range<T>(value)) throw refuse("holds " + std::to_string(value) + ", which does not fit");
      return static_cast<T>(value);
    }
  }

  MappedFile mapped_;
  detail::SafetensorsContents contents_;
};

/// A tensor to be written; the memory stays the caller's, so that temporaries are refused.
struct NamedTensor {
  std::string name;
  TensorBytes tensor;

  /// A matrix under its name. T is double, float or a signed integer type, or std::uint8_t.
  template <class T>
  static NamedTensor of(std::string name, const Matrix<T>& matrix) {
    return of(std::move(name), std::span<const T>(matrix.data(), static_cast<std::size_t>(matrix.size())),
              {matrix.rows(), matrix.cols()});
  }
  template <class T>
  static NamedTensor of(std::string name, const Matrix<T>&& matrix) = delete;
  /// Row-major values of any shape. @throws ShapeError unless they fill it
  template <class T>
  static NamedTensor of(std::string name, std::span<const T> values, std::vector<Index> shape) {
    if (detail::element_count(shape, sizeof(T)) != static_cast<Index>(values.size()))
      throw ShapeError("tensor \"" + name + "\": " + std::to_string(values.size()) + " values do not fill " +
                       detail::shape_text(shape));
    return {std::move(name), {dtype_of<T>(), std::move(shape), std::as_bytes(values)}};
  }
  /// A vector.
  template <class T>
  static NamedTensor of(std::string name, const std::vector<T>& values) {
    return of(std::move(name), std::span<const T>(values), {static_cast<Index>(values.size())});
  }
  template <class T>
  static NamedTensor of(std::string name, const std::vector<T>&& values) = delete;
};

/// Writes tensors and text `metadata`, atomically: readers see the old file or the whole new one. The same input gives
/// the same bytes.
/// @throws IoError; ConfigError on a repeated name, a name or metadata that is not UTF-8, or bytes that do not fill a
/// shape
inline void write_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                              const std::map<std::string, std::string>& metadata = {}) {
  std::vector<detail::SafetensorsEntry> entries;
  for (const NamedTensor& named : tensors)
    entries.push_back({named.name, named.tensor.dtype, named.tensor.shape, 0, named.tensor.bytes.size()});
  const std::vector<std::size_t> order = detail::place_safetensors(entries);
  const std::string header = detail::safetensors_header_text(entries, metadata);
  AtomicFile file(path);
  const std::uint64_t length = header.size();
  file.write(&length, sizeof length);
  file.write(header);
  for (const std::size_t k : order) file.write(tensors[k].tensor.bytes.data(), tensors[k].tensor.bytes.size());
  file.commit();
}

}  // namespace reclm
