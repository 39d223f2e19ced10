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
#include <numeric>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
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
    const nlohmann::json header = parse(header_text());
    if (!header.is_object()) fail("the header is not a JSON object");
    SafetensorsContents contents;
    contents.data = data_;
    for (const auto& [name, value] : header.items()) {
      if (name == "__metadata__")
        read_metadata(value, contents);
      else
        contents.entries.push_back(entry_of(name, value));
    }
    check_layout(contents);
    for (std::size_t k = 0; k < contents.entries.size(); ++k) contents.places[contents.entries[k].name] = k;
    return contents;
  }

 private:
  using Json = nlohmann::json;
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

  // JSON libraries keep the last of repeated keys without a word; here they are an error, and so is deep nesting.
  Json parse(std::string_view text) const {
    std::vector<std::set<std::string>> keys;
    const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
      if (depth > 4) fail("the header is nested too deeply");
      if (event == Json::parse_event_t::object_start) keys.emplace_back();
      if (event == Json::parse_event_t::object_end) keys.pop_back();
      if (event == Json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second)
        fail("the header names \"" + value.get<std::string>() + "\" twice");
      return true;
    };
    try {
      return Json::parse(text, watch);
    } catch (const Json::exception&) {
      fail("the header is not valid JSON");
    }
  }

  void read_metadata(const Json& value, SafetensorsContents& contents) const {
    if (!value.is_object()) fail("__metadata__ is not an object");
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) fail("__metadata__ holds something that is not text under \"" + key + "\"");
      contents.metadata[key] = text.get<std::string>();
    }
  }

  [[nodiscard]] SafetensorsEntry entry_of(const std::string& name, const Json& value) const {
    const auto wrong = [&](const std::string& problem) { fail("tensor \"" + name + "\" " + problem); };
    if (!value.is_object() || value.size() != 3 || !value.contains("dtype") || !value.contains("shape") ||
        !value.contains("data_offsets"))
      wrong("is not described by dtype, shape and data_offsets");
    SafetensorsEntry entry;
    entry.name = name;
    const Json& type = value["dtype"];
    const auto known = std::find_if(kDTypeNames.begin(), kDTypeNames.end(),
                                    [&](const auto& pair) { return type.is_string() && type == pair.second; });
    if (known == kDTypeNames.end()) wrong("has the type " + type.dump() + ", which is not supported");
    entry.dtype = known->first;
    if (!value["shape"].is_array()) wrong("has no list as its shape");
    for (const Json& size : value["shape"]) {
      if (!size.is_number_unsigned() || size.get<std::uint64_t>() > kLargest) wrong("has a size that is no number");
      entry.shape.push_back(static_cast<Index>(size.get<std::uint64_t>()));
    }
    const Json& offsets = value["data_offsets"];
    if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
        !offsets[1].is_number_unsigned())
      wrong("has no pair of numbers as its data_offsets");
    const auto begin = offsets[0].get<std::uint64_t>(), end = offsets[1].get<std::uint64_t>();
    const std::uint64_t there = file_.size() - data_;
    if (begin > end || end > there)
      wrong("lies at bytes " + std::to_string(begin) + " to " + std::to_string(end) + " of " + std::to_string(there));
    const auto each = static_cast<Index>(size_of(entry.dtype));
    const auto elements = element_count(entry.shape, each);
    if (!elements || static_cast<std::uint64_t>(*elements * each) != end - begin)
      wrong("has " + std::to_string(end - begin) + " bytes, which is not what " + shape_text(entry.shape) +
            " elements of " + std::to_string(each) + " bytes take");
    entry.begin = static_cast<std::size_t>(begin);
    entry.bytes = static_cast<std::size_t>(end - begin);
    return entry;
  }

  void check_layout(SafetensorsContents& contents) const {
    std::sort(contents.entries.begin(), contents.entries.end(),
              [](const auto& a, const auto& b) { return std::pair(a.begin, a.bytes) < std::pair(b.begin, b.bytes); });
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

  static constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<Index>::max());

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
  std::vector<std::size_t> order(entries.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return size_of(entries[a].dtype) > size_of(entries[b].dtype); });
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
  nlohmann::json header = nlohmann::json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  for (const SafetensorsEntry& entry : entries) {
    const auto each = static_cast<Index>(size_of(entry.dtype));
    const auto elements = element_count(entry.shape, each);
    if (!elements || static_cast<std::size_t>(*elements * each) != entry.bytes)
      throw ConfigError("write_safetensors: the bytes of tensor \"" + entry.name + "\" do not fill " +
                        shape_text(entry.shape));
    if (entry.name == "__metadata__" || header.contains(entry.name))
      throw ConfigError("write_safetensors: two tensors are called \"" + entry.name + "\"");
    const auto type = std::find_if(kDTypeNames.begin(), kDTypeNames.end(),
                                   [&](const auto& pair) { return pair.first == entry.dtype; });
    header[entry.name] = {
        {"dtype", type->second}, {"shape", entry.shape}, {"data_offsets", {entry.begin, entry.begin + entry.bytes}}};
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception&) {
    throw ConfigError("write_safetensors: a name or the metadata are not UTF-8");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

}  // namespace reclm::detail
