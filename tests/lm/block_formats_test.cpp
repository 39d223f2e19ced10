#include "reclm/lm/weights/block_formats.hpp"

#include "reclm/core/philox.hpp"
#include "reclm/data/safetensors.hpp"
#include "support/catch.hpp"

using namespace reclm;
using namespace reclm::lm;

namespace {

const SafetensorsFile& fixture() {
  static const auto file = SafetensorsFile::open(RECLM_SOURCE_DIR "/tests/fixtures/block_formats.safetensors");
  return file;
}

}  // namespace

TEST_CASE("blocks of every format have the numbers that GGUF's reference reads in them") {
  for (const auto type : {StorageType::q8_0, StorageType::q4_0, StorageType::q4_1, StorageType::q4_k, StorageType::q5_k,
                          StorageType::q6_k}) {
    const std::string name(block_format(type).name);
    INFO(name);
    const auto expected = fixture().vector<float>(name + ".numbers");
    std::vector<float> numbers(expected.size());
    dequantise_row(type, fixture().tensor(name + ".blocks").bytes, numbers);
    for (std::size_t k = 0; k < numbers.size(); ++k)
      CHECK(numbers[k] == Approx(expected[k]).epsilon(1e-6).margin(1e-7));
  }
}

TEST_CASE("Q5_0 and Q5_1 have four bits of a number beside its fifth") {
  RandomSequence random(Random(4, Stream::bootstrap));
  for (const auto type : {StorageType::q5_0, StorageType::q5_1}) {
    const std::size_t head = type == StorageType::q5_0 ? 2 : 4, size = head + 4 + 16, blocks = 3;
    CHECK(row_bytes(type, 576) == static_cast<Index>(576 / 32 * size));
    std::vector<std::byte> bytes(blocks * size);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.bits() & 255);
    std::vector<float> numbers(32 * blocks);
    for (std::size_t b = 0; b < blocks; ++b) {
      lm::detail::put_half(bytes.data() + b * size, 0.01f * static_cast<float>(b + 1));
      if (head == 4) lm::detail::put_half(bytes.data() + b * size + 2, -0.2f);
    }
    dequantise_row(type, bytes, numbers);
    for (std::size_t b = 0; b < blocks; ++b) {
      const std::byte* const block = bytes.data() + b * size;
      std::uint32_t high = 0;
      std::memcpy(&high, block + head, 4);
      const float d = lm::detail::half_at(block), m = head == 4 ? lm::detail::half_at(block + 2) : -16 * d;
      for (std::uint32_t i = 0; i < 16; ++i) {
        const auto byte = std::to_integer<std::uint32_t>(block[head + 4 + i]);
        const std::uint32_t first = (byte & 15) + 16 * (high >> i & 1),
                            second = (byte >> 4) + 16 * (high >> (i + 16) & 1);
        CHECK(numbers[32 * b + i] == Approx(d * static_cast<float>(first) + m).margin(1e-6));
        CHECK(numbers[32 * b + i + 16] == Approx(d * static_cast<float>(second) + m).margin(1e-6));
      }
    }
  }
}

TEST_CASE("numbers become the bytes that GGUF's reference makes of them") {
  const auto numbers = fixture().vector<float>("to.numbers");
  for (const auto type :
       {StorageType::f16, StorageType::bf16, StorageType::q8_0, StorageType::q4_0, StorageType::q4_1}) {
    const std::string name(block_format(type).name);
    INFO(name);
    const auto expected = fixture().tensor("to." + name).bytes;
    std::vector<std::byte> bytes(expected.size());
    quantise_row(type, numbers, bytes);
    for (std::size_t k = 0; k < bytes.size(); ++k)
      CHECK(std::to_integer<int>(bytes[k]) == std::to_integer<int>(expected[k]));
  }
}

TEST_CASE("every half and bfloat16 number survives the way through float") {
  int wrong = 0;
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto word = static_cast<std::uint16_t>(bits);
    const bool half_nan = (bits & 0x7C00) == 0x7C00 && (bits & 0x3FF) != 0;
    const bool bfloat_nan = (bits & 0x7F80) == 0x7F80 && (bits & 0x7F) != 0;
    wrong += half_nan ? !std::isnan(from_half(to_half(from_half(word)))) : to_half(from_half(word)) != word;
    wrong += bfloat_nan ? !std::isnan(from_bfloat16(to_bfloat16(from_bfloat16(word))))
                        : to_bfloat16(from_bfloat16(word)) != word;
  }
  CHECK(wrong == 0);
  CHECK(to_half(65519) == 0x7BFF);
  CHECK(to_half(65520) == 0x7C00);
  CHECK(to_half(-1e30f) == 0xFC00);
  CHECK(to_half(0x1p-25f) == 0);  // a tie, to even
  CHECK(to_half(0x1.8p-25f) == 1);
  CHECK(to_half(1 + 0x1p-11f) == 0x3C00);
  CHECK(to_half(1 + 0x1.8p-10f) == 0x3C02);
  CHECK(to_bfloat16(3.4e38f) == 0x7F80);
}

TEST_CASE("rows that no whole number of blocks fills are refused") {
  std::vector<float> numbers(33);
  std::vector<std::byte> bytes(34);
  CHECK_THROWS_AS(row_bytes(StorageType::q4_k, 128), ShapeError);
  CHECK_THROWS_AS(dequantise_row(StorageType::q8_0, bytes, numbers), ShapeError);
  CHECK_THROWS_AS(quantise_row(StorageType::q8_0, std::span(numbers).first(64 - 32), std::span(bytes).first(33)),
                  ShapeError);
  std::vector<std::byte> block(144);
  CHECK_THROWS_AS(quantise_row(StorageType::q4_k, std::vector<float>(256), block), ConfigError);
}
