#pragma once
#include <cstring>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reclm/lm/weights/block_formats.hpp"

namespace reclm::test {

/// The bytes of a GGUF file, version 3, put together piece by piece.
class GgufBuilder {
 public:
  GgufBuilder& text(std::string_view key, std::string_view value) {
    begin(key, 8);
    put_text(values_, value);
    return *this;
  }
  GgufBuilder& integer(std::string_view key, std::uint32_t value) {
    begin(key, 4);
    put(values_, value);
    return *this;
  }
  GgufBuilder& number(std::string_view key, float value) {
    begin(key, 6);
    put(values_, value);
    return *this;
  }
  GgufBuilder& boolean(std::string_view key, bool value) {
    begin(key, 7);
    put(values_, static_cast<std::uint8_t>(value));
    return *this;
  }
  GgufBuilder& texts(std::string_view key, const std::vector<std::string>& list) {
    begin_list(key, 8, list.size());
    for (const std::string& value : list) put_text(values_, value);
    return *this;
  }
  template <class T>  // float or std::int32_t
  GgufBuilder& numbers(std::string_view key, const std::vector<T>& list) {
    begin_list(key, std::is_floating_point_v<T> ? 6 : 5, list.size());
    for (const T value : list) put(values_, value);
    return *this;
  }
  /// Row-major values of a shape whose last dimension runs fastest.
  GgufBuilder& tensor(std::string_view name, lm::StorageType type, const std::vector<Index>& shape,
                      std::span<const float> values) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(lm::row_bytes(type, static_cast<Index>(values.size()))));
    lm::quantise_row(type, values, bytes);
    describe(name, type, shape, data_.size());
    data_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    data_.resize((data_.size() + 31) / 32 * 32, '\0');
    return *this;
  }
  /// A tensor's entry in the table, with no data behind it.
  void describe(std::string_view name, lm::StorageType type, const std::vector<Index>& shape, std::uint64_t offset) {
    static constexpr std::uint32_t types[] = {0, 1, 30, 8, 2, 3, 12, 13, 14, 6, 7};
    ++tensor_count;
    put_text(table_, name);
    put(table_, static_cast<std::uint32_t>(shape.size()));
    for (auto size = shape.rbegin(); size != shape.rend(); ++size) put(table_, static_cast<std::uint64_t>(*size));
    put(table_, types[static_cast<std::size_t>(type)]);
    put(table_, offset);
  }

  [[nodiscard]] std::string header() const {
    std::string file = "GGUF";
    put(file, version);
    put(file, tensor_count);
    put(file, value_count);
    return file + values_ + table_;
  }
  [[nodiscard]] std::string bytes() const {
    std::string file = header();
    file.resize((file.size() + 31) / 32 * 32, '\0');
    return file + data_;
  }

  std::uint32_t version = 3;
  std::uint64_t tensor_count = 0, value_count = 0;

  template <class T>
  static void put(std::string& bytes, T value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  static void put_text(std::string& bytes, std::string_view text) {
    put(bytes, static_cast<std::uint64_t>(text.size()));
    bytes += text;
  }

 private:
  void begin(std::string_view key, std::uint32_t type) {
    ++value_count;
    put_text(values_, key);
    put(values_, type);
  }
  void begin_list(std::string_view key, std::uint32_t type, std::size_t count) {
    begin(key, 9);
    put(values_, type);
    put(values_, static_cast<std::uint64_t>(count));
  }

  std::string values_, table_, data_;
};

/// Numbers of about the size of weights, the same for the same seed.
inline std::vector<float> some_weights(Index count, std::uint64_t seed) {
  std::vector<float> values(static_cast<std::size_t>(count));
  std::uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;
  for (float& value : values) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    value = 0.1f * (static_cast<float>(state >> 40) / static_cast<float>(1 << 23) - 1);
  }
  return values;
}

/// A decoder of llama's architecture as llama.cpp's converter writes it: 2 layers, 64 wide, 4 heads, 2 key-value heads.
inline GgufBuilder small_llama(lm::StorageType type = lm::StorageType::f32, Index vocabulary = 32) {
  using lm::StorageType;
  GgufBuilder file;
  file.text("general.architecture", "llama").integer("llama.block_count", 2).integer("llama.context_length", 128);
  file.integer("llama.embedding_length", 64).integer("llama.feed_forward_length", 96);
  file.integer("llama.attention.head_count", 4).integer("llama.attention.head_count_kv", 2);
  file.number("llama.attention.layer_norm_rms_epsilon", 1e-5f).number("llama.rope.freq_base", 10000);
  std::uint64_t seed = 1;
  const auto matrix = [&](const std::string& name, Index rows, Index cols) {
    file.tensor(name, type, {rows, cols}, some_weights(rows * cols, seed++));
  };
  const auto norm = [&](const std::string& name) {
    file.tensor(name, StorageType::f32, {64}, std::vector<float>(64, 1.0f));
  };
  matrix("token_embd.weight", vocabulary, 64);
  norm("output_norm.weight");
  for (int layer = 0; layer < 2; ++layer) {
    const std::string at = "blk." + std::to_string(layer) + ".";
    norm(at + "attn_norm.weight");
    norm(at + "ffn_norm.weight");
    matrix(at + "attn_q.weight", 64, 64);
    matrix(at + "attn_k.weight", 32, 64);
    matrix(at + "attn_v.weight", 32, 64);
    matrix(at + "attn_output.weight", 64, 64);
    matrix(at + "ffn_gate.weight", 96, 64);
    matrix(at + "ffn_up.weight", 96, 64);
    matrix(at + "ffn_down.weight", 64, 96);
  }
  return file;
}

}  // namespace reclm::test
