#pragma once
/// @file gguf.hpp
/// GGUF files (llama.cpp's format, versions 2 and 3, little-endian): metadata and a table of tensors, read in place.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/mapped_file.hpp"
#include "reclm/core/utf8.hpp"
#include "reclm/lm/stored_tensor.hpp"
#include "reclm/lm/weights/block_formats.hpp"

namespace reclm::lm {

/// A tensor of a GGUF file.
struct GgufTensor {
  StorageType type = StorageType::f32;
  std::vector<Index> shape;  ///< row-major: the last dimension runs fastest (the file has it first)
  std::span<const std::byte> bytes;
};

/// A GGUF file, mapped into memory and checked before anything of it is used: every length lies inside the file, names
/// and texts are UTF-8, tensors are aligned and do not overlap. Cost of opening: the header alone is read.
class GgufFile {
 public:
  /// @throws IoError; DataError saying what about the file is wrong
  static GgufFile open(const std::filesystem::path& path);

  [[nodiscard]] const std::string& path() const { return mapped_.path(); }
  [[nodiscard]] bool has(std::string_view key) const { return values_.find(key) != values_.end(); }

  // Metadata: nothing where the file has no such key. @throws DataError when it is of another type
  [[nodiscard]] std::optional<Index> integer(std::string_view key) const;
  [[nodiscard]] std::optional<double> number(std::string_view key) const;
  [[nodiscard]] std::optional<bool> boolean(std::string_view key) const;
  [[nodiscard]] std::optional<std::string_view> text(std::string_view key) const;
  [[nodiscard]] std::optional<std::vector<std::string_view>> texts(std::string_view key) const;
  [[nodiscard]] std::optional<std::vector<double>> numbers(std::string_view key) const;

  /// By the file's names, e.g. "blk.0.attn_q.weight".
  [[nodiscard]] const std::map<std::string, GgufTensor, std::less<>>& tensors() const { return tensors_; }

  /// An error about this file.
  [[nodiscard]] DataError error(const std::string& problem,
                                const std::string& remedy = "the file is damaged; write or download it again") const {
    return {path(), 0, problem, remedy};
  }

 private:
  enum class Kind : std::uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, text, list, u64, i64, f64 };
  struct Value {
    Kind kind = Kind::u8;
    Kind element = Kind::u8;  // of a list
    std::uint64_t count = 1;
    std::span<const std::byte> bytes;
  };

  explicit GgufFile(const std::filesystem::path& path) : mapped_(path) {}
  void read();
  void read_values(std::uint64_t count);
  [[nodiscard]] Value read_value(std::string_view key);
  void read_tensors(std::uint64_t count);
  void place_tensors(const std::vector<std::pair<std::string, std::uint64_t>>& offsets);

  [[nodiscard]] std::size_t left() const { return mapped_.bytes().size() - at_; }
  std::span<const std::byte> take(std::uint64_t bytes, std::string_view what) {
    if (bytes > left())
      throw error("the file ends inside " + std::string(what) + ": " + std::to_string(bytes) + " bytes at byte " +
                  std::to_string(at_) + " of " + std::to_string(mapped_.bytes().size()));
    at_ += static_cast<std::size_t>(bytes);
    return mapped_.bytes().subspan(at_ - static_cast<std::size_t>(bytes), static_cast<std::size_t>(bytes));
  }
  template <class T>
  T take_number(std::string_view what) {
    T value{};
    std::memcpy(&value, take(sizeof value, what).data(), sizeof value);
    return value;
  }
  std::string_view take_text(std::string_view what) {
    const auto bytes = take(take_number<std::uint64_t>(what), what);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (!is_utf8(text)) throw error(std::string(what) + " is not UTF-8");
    return text;
  }
  static std::size_t width(Kind kind) {
    constexpr std::array<std::uint8_t, 13> bytes{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return bytes[static_cast<std::size_t>(kind)];
  }
  Kind take_kind(std::string_view key) {
    const auto kind = take_number<std::uint32_t>("a value's type");
    if (kind > static_cast<std::uint32_t>(Kind::f64))
      throw error("the value of \"" + std::string(key) + "\" has the unknown type " + std::to_string(kind));
    return static_cast<Kind>(kind);
  }

  [[nodiscard]] const Value* find(std::string_view key) const {
    const auto place = values_.find(key);
    return place == values_.end() ? nullptr : &place->second;
  }
  [[nodiscard]] DataError wrong_type(std::string_view key, const char* wanted) const {
    return error("the value of \"" + std::string(key) + "\" is no " + wanted);
  }
  // What llama.cpp calls a type that is not read here, or its number.
  [[nodiscard]] static std::string type_name(std::uint32_t number) {
    using Name = std::pair<std::uint32_t, const char*>;
    static constexpr std::array<Name, 23> names{
        {{9, "Q8_1"},     {10, "Q2_K"},  {11, "Q3_K"},   {15, "Q8_K"},  {16, "IQ2_XXS"}, {17, "IQ2_XS"},
         {18, "IQ3_XXS"}, {19, "IQ1_S"}, {20, "IQ4_NL"}, {21, "IQ3_S"}, {22, "IQ2_S"},   {23, "IQ4_XS"},
         {24, "I8"},      {25, "I16"},   {26, "I32"},    {27, "I64"},   {28, "F64"},     {29, "IQ1_M"},
         {34, "TQ1_0"},   {35, "TQ2_0"}, {39, "MXFP4"},  {40, "NVFP4"}, {41, "Q1_0"}}};
    for (const auto& [known, name] : names)
      if (known == number) return name;
    return std::to_string(number);
  }
  // Element `place` of numbers of any kind. Integers up to 2^53 are exact.
  [[nodiscard]] static double number_at(const Value& value, Kind kind, std::size_t place);
  [[nodiscard]] static bool is_integer(Kind kind) {
    return kind <= Kind::i32 || kind == Kind::u64 || kind == Kind::i64;
  }
  [[nodiscard]] static bool is_number(Kind kind) { return is_integer(kind) || kind == Kind::f32 || kind == Kind::f64; }

  MappedFile mapped_;
  std::size_t at_ = 0;
  std::map<std::string_view, Value, std::less<>> values_;  // keys lie in the mapped file
  std::map<std::string, GgufTensor, std::less<>> tensors_;
};

inline GgufFile GgufFile::open(const std::filesystem::path& path) {
  static_assert(std::endian::native == std::endian::little, "GGUF files are read in place, little-endian");
  GgufFile file(path);
  file.read();
  return file;
}

inline void GgufFile::read() {
  const auto magic = take_number<std::uint32_t>("the magic number");
  if (magic != 0x46554747u) throw error("this is no GGUF file: it does not begin with GGUF", "check the path");
  const auto version = take_number<std::uint32_t>("the version");
  if (version != 2 && version != 3)
    throw error((version & 0xFFFFu) == 0 ? "the file is big-endian"
                                         : "the file's version " + std::to_string(version) + " is not 2 or 3",
                "convert the model again with a current llama.cpp");
  const auto tensors = take_number<std::uint64_t>("the number of tensors");
  const auto values = take_number<std::uint64_t>("the number of values");
  // The shortest entries: an empty name, a type and one byte; an empty name, one dimension, a type and an offset.
  constexpr std::uint64_t shortest_value = 8 + 4 + 1, shortest_tensor = 8 + 4 + 8 + 4 + 8;
  if (values > left() / shortest_value || tensors > left() / shortest_tensor)
    throw error("the header claims " + std::to_string(values) + " values and " + std::to_string(tensors) +
                " tensors in a file of " + std::to_string(mapped_.bytes().size()) + " bytes");
  read_values(values);
  read_tensors(tensors);
}

inline void GgufFile::read_values(std::uint64_t count) {
  for (std::uint64_t k = 0; k < count; ++k) {
    const std::string_view key = take_text("a value's name");
    if (!values_.emplace(key, read_value(key)).second) throw error("\"" + std::string(key) + "\" appears twice");
  }
}

inline GgufFile::Value GgufFile::read_value(std::string_view key) {
  const std::string what = "the value of \"" + std::string(key.substr(0, 80)) + "\"";
  Value value;
  value.kind = value.element = take_kind(key);
  if (value.kind == Kind::list) {
    value.element = take_kind(key);
    value.count = take_number<std::uint64_t>(what);
    if (value.element == Kind::list) throw error(what + " is a list of lists, which no model needs");
  }
  const std::size_t begin = at_;
  const std::size_t each = value.element == Kind::text ? sizeof(std::uint64_t) : width(value.element);
  if (value.count > left() / each)
    throw error("the file ends inside " + what + ", which claims " + std::to_string(value.count) + " entries");
  if (value.element == Kind::text)
    for (std::uint64_t k = 0; k < value.count; ++k) take_text(what);
  else
    take(value.count * each, what);
  value.bytes = mapped_.bytes().subspan(begin, at_ - begin);
  return value;
}

inline void GgufFile::read_tensors(std::uint64_t count) {
  std::vector<std::pair<std::string, std::uint64_t>> offsets;
  for (std::uint64_t k = 0; k < count; ++k) {
    const std::string name(take_text("a tensor's name"));
    const auto fail = [&](const std::string& problem) { return error("tensor \"" + name + "\" " + problem); };
    GgufTensor tensor;
    const auto dimensions = take_number<std::uint32_t>("a tensor's description");
    if (dimensions < 1 || dimensions > 4) throw fail("has " + std::to_string(dimensions) + " dimensions");
    std::uint64_t numbers = 1;
    for (std::uint32_t d = 0; d < dimensions; ++d) {
      const auto size = take_number<std::uint64_t>("a tensor's description");
      constexpr std::uint64_t most = std::uint64_t{1} << 48;  // keeps every product below far from overflow
      if (size == 0 || size > most || numbers > most / size) throw fail("has a dimension of " + std::to_string(size));
      numbers *= size;
      tensor.shape.insert(tensor.shape.begin(), static_cast<Index>(size));
    }
    static constexpr std::array<std::pair<std::uint32_t, StorageType>, 11> types{{{0, StorageType::f32},
                                                                                  {1, StorageType::f16},
                                                                                  {2, StorageType::q4_0},
                                                                                  {3, StorageType::q4_1},
                                                                                  {6, StorageType::q5_0},
                                                                                  {7, StorageType::q5_1},
                                                                                  {8, StorageType::q8_0},
                                                                                  {12, StorageType::q4_k},
                                                                                  {13, StorageType::q5_k},
                                                                                  {14, StorageType::q6_k},
                                                                                  {30, StorageType::bf16}}};
    const auto number = take_number<std::uint32_t>("a tensor's description");
    const auto* const known =
        std::find_if(types.begin(), types.end(), [&](const auto& pair) { return pair.first == number; });
    if (known == types.end())
      throw error("tensor \"" + name + "\" has the type " + type_name(number) + ", which is not supported",
                  "quantise the model as F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K or Q6_K");
    tensor.type = known->second;
    const BlockFormat format = block_format(tensor.type);
    if (tensor.shape.back() % format.numbers != 0)
      throw fail("has rows of " + std::to_string(tensor.shape.back()) + " numbers, no whole number of " +
                 std::string(format.name) + " blocks");
    offsets.emplace_back(name, take_number<std::uint64_t>("a tensor's description"));
    if (!tensors_.emplace(name, std::move(tensor)).second) throw fail("appears twice");
  }
  place_tensors(offsets);
}

inline void GgufFile::place_tensors(const std::vector<std::pair<std::string, std::uint64_t>>& offsets) {
  const Index alignment = integer("general.alignment").value_or(32);
  if (alignment < 1 || alignment > 1 << 20 || alignment % 8 != 0)
    throw error("general.alignment is " + std::to_string(alignment));
  const auto step = static_cast<std::size_t>(alignment);
  const std::size_t data = std::min((at_ + step - 1) / step * step, mapped_.bytes().size());
  const std::size_t there = mapped_.bytes().size() - data;
  std::map<std::uint64_t, std::pair<std::uint64_t, const std::string*>> places;  // begin → end and name
  for (const auto& [name, offset] : offsets) {
    GgufTensor& tensor = tensors_.find(name)->second;
    const BlockFormat format = block_format(tensor.type);
    std::uint64_t bytes = static_cast<std::uint64_t>(format.bytes);
    for (const Index size : tensor.shape) bytes *= static_cast<std::uint64_t>(size);
    bytes /= static_cast<std::uint64_t>(format.numbers);
    if (offset % step != 0 || offset > there || bytes > there - offset)
      throw error("tensor \"" + name + "\" lies at " + std::to_string(bytes) + " bytes from " + std::to_string(offset) +
                  " on, in data of " + std::to_string(there) + " bytes and alignment " + std::to_string(step));
    tensor.bytes = mapped_.bytes().subspan(data + static_cast<std::size_t>(offset), static_cast<std::size_t>(bytes));
    const auto [place, fresh] = places.emplace(offset, std::pair(offset + bytes, &name));
    const auto after = std::next(place);
    if (!fresh || (place != places.begin() && std::prev(place)->second.first > offset) ||
        (after != places.end() && after->first < offset + bytes))
      throw error("tensor \"" + name + "\" overlaps another");
  }
}

inline double GgufFile::number_at(const Value& value, Kind kind, std::size_t place) {
  const auto load = [&]<class T>(T number) {
    std::memcpy(&number, value.bytes.data() + place * sizeof number, sizeof number);
    return static_cast<double>(number);
  };
  switch (kind) {
    case Kind::u8:
      return load(std::uint8_t{});
    case Kind::i8:
      return load(std::int8_t{});
    case Kind::u16:
      return load(std::uint16_t{});
    case Kind::i16:
      return load(std::int16_t{});
    case Kind::u32:
      return load(std::uint32_t{});
    case Kind::i32:
      return load(std::int32_t{});
    case Kind::f32:
      return load(float{});
    case Kind::u64:
      return load(std::uint64_t{});
    case Kind::i64:
      return load(std::int64_t{});
    default:
      return load(double{});
  }
}

inline std::optional<Index> GgufFile::integer(std::string_view key) const {
  const Value* const value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!is_integer(value->kind)) throw wrong_type(key, "whole number");
  const double number = number_at(*value, value->kind, 0);
  if (std::abs(number) > 0x1p53) throw error("the value of \"" + std::string(key) + "\" is absurdly large");
  return static_cast<Index>(number);
}

inline std::optional<double> GgufFile::number(std::string_view key) const {
  const Value* const value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!is_number(value->kind)) throw wrong_type(key, "number");
  return number_at(*value, value->kind, 0);
}

inline std::optional<bool> GgufFile::boolean(std::string_view key) const {
  const Value* const value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->kind != Kind::boolean) throw wrong_type(key, "truth value");
  return value->bytes[0] != std::byte{0};
}

inline std::optional<std::string_view> GgufFile::text(std::string_view key) const {
  const Value* const value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->kind != Kind::text) throw wrong_type(key, "text");
  return std::string_view(reinterpret_cast<const char*>(value->bytes.data()) + 8, value->bytes.size() - 8);
}

inline std::optional<std::vector<std::string_view>> GgufFile::texts(std::string_view key) const {
  const Value* const value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->kind != Kind::list || value->element != Kind::text) throw wrong_type(key, "list of texts");
  std::vector<std::string_view> texts(static_cast<std::size_t>(value->count));  // 8 bytes of the file each, or more
  const char* at = reinterpret_cast<const char*>(value->bytes.data());
  for (std::string_view& text : texts) {
    std::uint64_t length = 0;
    std::memcpy(&length, at, sizeof length);
    text = {at + sizeof length, static_cast<std::size_t>(length)};
    at += sizeof length + length;
  }
  return texts;
}

inline std::optional<std::vector<double>> GgufFile::numbers(std::string_view key) const {
  const Value* const value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->kind != Kind::list || !is_number(value->element)) throw wrong_type(key, "list of numbers");
  std::vector<double> numbers(static_cast<std::size_t>(value->count));
  for (std::size_t k = 0; k < numbers.size(); ++k) numbers[k] = number_at(*value, value->element, k);
  return numbers;
}

}  // namespace reclm::lm
