#include "reclm/lm/weight_matrix.hpp"

#include "reclm/core/philox.hpp"
#include "support/catch.hpp"
#include "support/random_matrix.hpp"

using namespace reclm;
using namespace reclm::lm;
using reclm_test::random_matrix;

namespace {

/// A stored matrix of random numbers, or of random blocks with scales within reason.
struct Stored {
  StoredTensor tensor;
  std::vector<std::byte> bytes;

  Stored(StorageType type, Index rows, Index cols, std::uint64_t seed) {
    RandomSequence random(Random(seed, Stream::bootstrap));
    bytes.resize(static_cast<std::size_t>(rows * row_bytes(type, cols)));
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.bits() & 255);
    const BlockFormat format = block_format(type);
    const auto scale = [&](std::byte* at) {
      const std::uint16_t half = to_half(random.uniform() * 0.02f - 0.01f);
      std::memcpy(at, &half, 2);
    };
    for (std::size_t at = 0; at < bytes.size(); at += static_cast<std::size_t>(format.bytes)) {
      std::byte* const block = bytes.data() + at;
      const float value = random.uniform() - 0.5f;
      if (type == StorageType::f32) std::memcpy(block, &value, 4);
      if (type == StorageType::f16 || type == StorageType::bf16) {
        const std::uint16_t bits = type == StorageType::f16 ? to_half(value) : to_bfloat16(value);
        std::memcpy(block, &bits, 2);
      }
      if (format.numbers == 1) continue;
      scale(type == StorageType::q6_k ? block + 208 : block);
      if (type == StorageType::q4_1 || type == StorageType::q4_k || type == StorageType::q5_k ||
          type == StorageType::q5_1)
        scale(block + 2);
    }
    tensor = {type, rows, cols, bytes, nullptr};
  }

  [[nodiscard]] Matrix<float> numbers() const {
    Matrix<float> values(tensor.rows, tensor.cols);
    dequantise(tensor, std::span<float>(values.data(), static_cast<std::size_t>(values.size())));
    return values;
  }
};

constexpr std::array kTypes{StorageType::f32,  StorageType::f16,  StorageType::bf16, StorageType::q8_0,
                            StorageType::q4_0, StorageType::q4_1, StorageType::q4_k, StorageType::q5_k,
                            StorageType::q6_k, StorageType::q5_0, StorageType::q5_1};

}  // namespace

TEST_CASE("products with stored weights are those with their numbers, in every format") {
  for (const StorageType type : kTypes) {
    const Index cols = block_format(type).numbers == 256 ? 768 : block_format(type).numbers == 32 ? 352 : 301;
    for (const Index outputs : {1, 16, 67}) {
      CAPTURE(block_format(type).name, outputs);
      const Stored stored(type, outputs, cols, 1);
      const Matrix<float> w = stored.numbers(), x = random_matrix(150, cols, 2);
      const WeightMatrix<Cpu> weights(stored.tensor, Precision::stored, "w"), f32(stored.tensor, Precision::f32, "w");
      Matrix<float> all(150, outputs);
      weights.multiply(x.data(), 150, all.data());
      double worst = 0;
      for (Index r = 0; r < 150; ++r)
        for (Index o = 0; o < outputs; ++o) {
          double expected = 0, size = 0;
          for (Index k = 0; k < cols; ++k) {
            const double term = static_cast<double>(x(r, k)) * static_cast<double>(w(o, k));
            expected += term;
            size += std::abs(term);
          }
          worst = std::max(worst, std::abs(expected - static_cast<double>(all(r, o))) / size);
        }
      CHECK(worst < 2e-6);

      // A row has the same bits whatever its company, added to what was there or not.
      for (const Index rows : {1, 2, 3, 5, 6, 7, 13, 31}) {
        Matrix<float> some(rows, outputs, -1);
        weights.multiply(x.data(), rows, some.data());
        CHECK(std::equal(some.data(), some.data() + some.size(), all.data()));
        Matrix<float> added(rows, outputs, 0), also(rows, outputs, 0);
        weights.multiply(x.data(), rows, added.data(), true);
        CHECK(added == some);
        // A bias begins the sum, in any company.
        const Matrix<float> bias = random_matrix(1, outputs, 5);
        Matrix<float> biased(rows, outputs, -1), last(1, outputs, -1);
        weights.multiply(LayerInput(x.data(), rows, cols), biased.data(), false, bias.data());
        weights.multiply(LayerInput(x.row(rows - 1).data(), 1, cols), last.data(), false, bias.data());
        CHECK(std::equal(last.data(), last.data() + outputs, biased.row(rows - 1).data()));
        for (Index o = 0; o < outputs; ++o) REQUIRE(last(0, o) == Approx(some(rows - 1, o) + bias(0, o)).margin(1e-4));
        f32.multiply(x.data(), rows, also.data());
        for (Index i = 0; i < also.size(); ++i) REQUIRE(also.data()[i] == Approx(some.data()[i]).margin(1e-3));
      }

      std::vector<Id> ids{static_cast<Id>(outputs - 1), 0};
      Matrix<float> gathered(2, cols);
      weights.gather(ids, gathered.data());
      for (Index k = 0; k < cols; ++k) {
        REQUIRE(gathered(0, k) == Approx(w(outputs - 1, k)).epsilon(1e-6).margin(1e-8));
        REQUIRE(gathered(1, k) == Approx(w(0, k)).epsilon(1e-6).margin(1e-8));
      }
    }
  }
}

TEST_CASE("products in bf16 with stored weights, in every format; a row's bits do not depend on its company") {
  for (const StorageType type : kTypes) {
    const Index cols = block_format(type).numbers == 256 ? 2304 : block_format(type).numbers == 32 ? 352 : 301;
    for (const Precision precision : {Precision::bf16, Precision::stored_bf16}) {
      constexpr Index outputs = 67, rows = 53;
      CAPTURE(block_format(type).name, static_cast<int>(precision));
      const Stored stored(type, outputs, cols, 1);
      const Matrix<float> w = stored.numbers(), x = random_matrix(rows, cols, 2);
      const WeightMatrix<Cpu> weights(stored.tensor, precision, "w");
      Matrix<float> all(rows, outputs);
      weights.multiply(x.data(), rows, all.data());
      // Weights are rounded, and x where the processor multiplies bf16. What blocks decode to may lie on a border of
      // rounding, and fall to the other side by a float's last bit: a few products differ by 2⁻⁸ of themselves.
      const auto nearest = [](float v) { return static_cast<double>(from_bfloat16(to_bfloat16(v))); };
      double worst = 0, against_exact = 0;
      for (Index r = 0; r < rows; ++r)
        for (Index o = 0; o < outputs; ++o) {
          double expected = 0, exact = 0, size = 0;
          for (Index k = 0; k < cols; ++k) {
            const double term = static_cast<double>(x(r, k)) * static_cast<double>(w(o, k));
            exact += term;
            expected += nearest(x(r, k)) * nearest(w(o, k));
            size += std::abs(term);
          }
          worst = std::max(worst, std::abs(expected - static_cast<double>(all(r, o))) / size);
          against_exact = std::max(against_exact, std::abs(exact - static_cast<double>(all(r, o))) / size);
        }
      if (cpu::bf16_products()) CHECK(worst < 2e-5);
      CHECK(against_exact < 0.004);

      for (const Index some : {1, 2, 7, 16, 17, 40}) {
        Matrix<float> few(some, outputs, -1), added(some, outputs, 0);
        weights.multiply(x.data() + (rows - some) * cols, some, few.data());
        CHECK(std::equal(few.data(), few.data() + few.size(), all.data() + (rows - some) * outputs));
        weights.multiply(x.data() + (rows - some) * cols, some, added.data(), true);
        CHECK(added == few);
      }
      {
        const ThreadLimit one(1);
        Matrix<float> alone(rows, outputs);
        weights.multiply(x.data(), rows, alone.data());
        CHECK(alone == all);
      }

      std::vector<Id> ids{static_cast<Id>(outputs - 1), 0};
      Matrix<float> gathered(2, cols);
      weights.gather(ids, gathered.data());
      for (Index k = 0; k < cols; ++k)
        for (Index i = 0; i < 2; ++i) {
          const float from = w(ids[static_cast<std::size_t>(i)], k);
          const double expected = precision == Precision::bf16 ? nearest(from) : static_cast<double>(from);
          REQUIRE(static_cast<double>(gathered(i, k)) == Approx(expected).epsilon(1e-6).margin(1e-8));
        }
    }
  }
}

TEST_CASE("blocks are multiplied in bf16 unless told otherwise, everything else exactly") {
  for (const StorageType type : kTypes) {
    const bool floats = type == StorageType::f32 || type == StorageType::f16 || type == StorageType::bf16;
    CHECK(chosen_precision(Precision::automatic, type) == (floats ? Precision::stored : Precision::stored_bf16));
    CHECK(chosen_precision(Precision::stored, type) == Precision::stored);
    const Stored stored(type, 40, 512, 1);
    CHECK(WeightMatrix<Cpu>(stored.tensor, Precision::automatic, "w").bf16_products() ==
          (!floats && cpu::bf16_products()));
  }
}

TEST_CASE("halves become exact floats: subnormals, infinities, NaN and signed zeros") {
  std::vector<std::uint16_t> halves;
  for (Index bits = 0; bits < 65536; ++bits) halves.push_back(static_cast<std::uint16_t>(bits));
  const StoredTensor stored{StorageType::f16, 1024, 64, std::as_bytes(std::span<const std::uint16_t>(halves)), nullptr};
  const WeightMatrix<Cpu> weights(stored, Precision::stored, "w");
  std::vector<Id> ids;
  for (Id row = 0; row < 1024; ++row) ids.push_back(row);
  std::vector<float> out(65536);
  weights.gather(ids, out.data());
  for (std::size_t bits = 0; bits < out.size(); ++bits) {
    const float expected = from_half(static_cast<std::uint16_t>(bits));
    if (std::isnan(expected))
      REQUIRE(std::isnan(out[bits]));
    else
      REQUIRE(std::bit_cast<std::uint32_t>(out[bits]) == std::bit_cast<std::uint32_t>(expected));
  }
}

TEST_CASE("weights of the wrong size are refused") {
  const Stored stored(StorageType::q8_0, 4, 64, 3);
  StoredTensor cut = stored.tensor;
  cut.bytes = cut.bytes.first(cut.bytes.size() - 1);
  CHECK_THROWS_AS(WeightMatrix<Cpu>(cut, Precision::stored, "layer.weight"), DataError);
  cut.cols = 65;
  CHECK_THROWS_AS(WeightMatrix<Cpu>(cut, Precision::stored, "layer.weight"), ShapeError);
}
