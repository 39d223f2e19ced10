#pragma once
/// @file safetensors_header.hpp
/// The JSON header of safetensors files, read with suspicion and written.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/data/detail/json_scanner.hpp"
#include "reclm/data/detail/npy_header.hpp"
#include "reclm/data/dtype.hpp"

namespace reclm::detail {

static_assert(std::endian::native == std::endian::little, "safetensors files are read in place, little-endian");

/// One tensor of a file; `begin` counts from the end of the header.
struct SafetensorsEntry {
  std::string name;
  DType dtype = DType::f32;
  std::vector<Index> shape;
  std::size_t begin = 0, bytes = 0;
};

/// A file's header, understood.
struct SafetensorsContents {
  std::vector<SafetensorsEntry> entries;                // ascending begin
  std::unordered_map<std::string, std::size_t> places;  // name → entry
  std::map<std::string, std::string> metadata;
  std::size_t data = 0;  // where the data begin in the file
};

inline constexpr std::array<std::pair<DType, const char*>, 10> kDTypeNames{{{DType::f64, "F64"},
                                                                            {DType::f32, "F32"},
                                                                            {DType::f16, "F16"},
                                                                            {DType::bf16, "BF16"},
                                                                            {DType::i64, "I64"},
                                                                            {DType::i32, "I32"},
                                                                            {DType::i16, "I16"},
                                                                            {DType::i8, "I8"},
                                                                            {DType::u8, "U8"},
                                                                            {DType::boolean, "BOOL"}}};

class SafetensorsHeaderReader {
 public:
  SafetensorsHeaderReader(std::span<const std::byte> file, const std::string& path) : file_(file), path_(&path) {}

  SafetensorsContents read() {
    JsonScanner header(header_text());
    SafetensorsContents contents;
    contents.data = data_;
    try {
      if (!header.at('{')) fail("the header is not a JSON object");
      header.object([&](const std::string& name) {
        if (name == "__metadata__")
          read_metadata(header, contents);
        else
          contents.entries.push_back(read_entry(name, header));
      });
      header.end();
    } catch (const JsonError& e) {
      fail(std::string("the header is not valid JSON: ") + e.what());
    }
    check_layout(contents);
    for (std::size_t k = 0; k < contents.entries.size(); ++k) contents.places[contents.entries[k].name] = k;
    return contents;
  }

 private:
  static constexpr std::uint64_t kLongestHeader = 100'000'000;  // as the reference implementation

  [[noreturn]] void fail(const std::string& problem) const {
    throw DataError(*path_, 0, problem, "the file is damaged or no safetensors file; write or download it again");
  }

  std::string_view header_text() {
    std::uint64_t length = 0;
    if (file_.size() < sizeof length)
      fail("the file has " + std::to_string(file_.size()) + " bytes, too few for a header");
    std::memcpy(&length, file_.data(), sizeof length);
    if (length > kLongestHeader || length > file_.size() - sizeof length)
      fail("the header claims " + std::to_string(length) + " bytes of a file of " + std::to_string(file_.size()));
    data_ = sizeof length + static_cast<std::size_t>(length);
    return {reinterpret_cast<const char*>(file_.data()) + sizeof length, static_cast<std::size_t>(length)};
  }

  void read_metadata(JsonScanner& header, SafetensorsContents& contents) const {
    if (!header.at('{')) fail("__metadata__ is not an object");
    header.object([&](const std::string& key) {
      if (!header.at('"')) fail("__metadata__ holds something that is not text under \"" + key + "\"");
      contents.metadata[key] = header.string();
    });
  }

  [[noreturn]] void fail_at(const std::string& tensor, const std::string& problem) const {
    fail("tensor \"" + tensor + "\" " + problem);
  }

  [[nodiscard]] SafetensorsEntry read_entry(const std::string& name, JsonScanner& header) const {
    constexpr auto undescribed = "is not described by dtype, shape and data_offsets";
    SafetensorsEntry entry;
    entry.name = name;
    int fields = 0;
    if (!header.at('{')) fail_at(name, undescribed);
    header.object([&](const std::string& field) {
      ++fields;
      if (field == "dtype")
        entry.dtype = read_type(name, header);
      else if (field == "shape")
        entry.shape = read_shape(name, header);
      else if (field == "data_offsets")
        read_place(header, entry);
      else
        fail_at(name, undescribed);
    });
    if (fields != 3) fail_at(name, undescribed);
    const auto each = static_cast<Index>(size_of(entry.dtype));
    const auto elements = element_count(entry.shape, each);
    if (!elements || static_cast<std::size_t>(*elements * each) != entry.bytes)
      fail_at(name, "has " + std::to_string(entry.bytes) + " bytes, which is not what " + shape_text(entry.shape) +
                        " elements of " + std::to_string(each) + " bytes take");
    return entry;
  }

  [[nodiscard]] DType read_type(const std::string& name, JsonScanner& header) const {
    const std::string type = header.at('"') ? header.string() : "that is no text";
    const auto known =
        std::find_if(kDTypeNames.begin(), kDTypeNames.end(), [&](const auto& pair) { return type == pair.second; });
    if (known == kDTypeNames.end()) fail_at(name, "has the type \"" + type + "\", which is not supported");
    return known->first;
  }

  [[nodiscard]] std::vector<Index> read_shape(const std::string& name, JsonScanner& header) const {
    constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<Index>::max());
    if (!header.at('[')) fail_at(name, "has no list as its shape");
    std::vector<Index> shape;
    header.list([&] {
      const auto size = header.count();
      if (!size || *size > largest) fail_at(name, "has a size that is no number");
      shape.push_back(static_cast<Index>(*size));
    });
    return shape;
  }

  void read_place(JsonScanner& header, SafetensorsEntry& entry) const {
    std::vector<std::uint64_t> offsets;
    const auto wrong = [&] { fail_at(entry.name, "has no pair of numbers as its data_offsets"); };
    if (!header.at('[')) wrong();
    header.list([&] {
      const auto offset = header.count();
      if (!offset) wrong();
      offsets.push_back(*offset);
    });
    if (offsets.size() != 2) wrong();
    const std::uint64_t begin = offsets[0], end = offsets[1], there = file_.size() - data_;
    if (begin > end || end > there)
      fail_at(entry.name,
              "lies at bytes " + std::to_string(begin) + " to " + std::to_string(end) + " of " + std::to_string(there));
    entry.begin = static_cast<std::size_t>(begin);
    entry.bytes = static_cast<std::size_t>(end - begin);
  }

  void check_layout(SafetensorsContents& contents) const {
    std::multimap<std::pair<std::size_t, std::size_t>, SafetensorsEntry> by_place;
    for (SafetensorsEntry& entry : contents.entries)
      by_place.emplace(std::pair(entry.begin, entry.bytes), std::move(entry));
    contents.entries.clear();
    for (auto& [place, entry] : by_place) contents.entries.push_back(std::move(entry));
    std::size_t reached = 0;
    for (const SafetensorsEntry& entry : contents.entries) {
      if (entry.begin != reached)
        fail("tensor \"" + entry.name + "\" " + (entry.begin < reached ? "overlaps" : "leaves a gap behind") +
             " the one before it");
      reached += entry.bytes;
    }
    if (reached != file_.size() - contents.data)
      fail("tensors end at byte " + std::to_string(reached) + " of " + std::to_string(file_.size() - contents.data));
  }

  std::span<const std::byte> file_;
  const std::string* path_;
  std::size_t data_ = 0;
};

inline SafetensorsContents read_safetensors_header(std::span<const std::byte> file, const std::string& path) {
  return SafetensorsHeaderReader(file, path).read();
}

/// Gives every tensor its place: wide elements first, so that each is aligned in the file. @returns the order of the
/// data
inline std::vector<std::size_t> place_safetensors(std::vector<SafetensorsEntry>& entries) {
  std::vector<std::size_t> order;
  for (const std::size_t width : {8, 4, 2, 1})
    for (std::size_t k = 0; k < entries.size(); ++k)
      if (size_of(entries[k].dtype) == width) order.push_back(k);
  std::size_t reached = 0;
  for (const std::size_t k : order) {
    entries[k].begin = reached;
    reached += entries[k].bytes;
  }
  return order;
}

/// The header, padded with blanks so that the data begin on a multiple of 8 bytes.
inline std::string safetensors_header_text(const std::vector<SafetensorsEntry>& entries,
                                           const std::map<std::string, std::string>& metadata) {
  std::map<std::string, std::string> members;  // by name: the same tensors give the same header
  for (const SafetensorsEntry& entry : entries) {
    const auto each = static_cast<Index>(size_of(entry.dtype));
    const auto elements = element_count(entry.shape, each);
    if (!elements || static_cast<std::size_t>(*elements * each) != entry.bytes)
      throw ConfigError("write_safetensors: the bytes of tensor \"" + entry.name + "\" do not fill " +
                        shape_text(entry.shape));
    const auto type = std::find_if(kDTypeNames.begin(), kDTypeNames.end(),
                                   [&](const auto& pair) { return pair.first == entry.dtype; });
    std::string shape;
    for (const Index size : entry.shape) shape.append(shape.empty() ? 0 : 1, ',').append(std::to_string(size));
    const std::string value = std::string(R"({"dtype":")") + type->second + R"(","shape":[)" + shape +
                              R"(],"data_offsets":[)" + std::to_string(entry.begin) + "," +
                              std::to_string(entry.begin + entry.bytes) + "]}";
    if (entry.name == "__metadata__" || !members.emplace(entry.name, value).second)
      throw ConfigError("write_safetensors: two tensors are called \"" + entry.name + "\"");
  }
  std::string text;
  const auto add = [](std::string& object, const std::string& name, const std::string& value) {
    object.append(1, object.empty() ? '{' : ',').append(json_quoted(name)).append(1, ':').append(value);
  };
  try {
    std::string described;
    for (const auto& [key, value] : metadata) add(described, key, json_quoted(value));
    if (!metadata.empty()) add(text, "__metadata__", described + "}");
    for (const auto& [name, value] : members) add(text, name, value);
  } catch (const JsonError&) {
    throw ConfigError("write_safetensors: a name or the metadata are not UTF-8");
  }
  text += text.empty() ? "{}" : "}";
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

}  // namespace reclm::detail
