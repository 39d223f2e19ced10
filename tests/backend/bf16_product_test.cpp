#include "reclm/backend/cpu/bf16_product.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "reclm/core/philox.hpp"
#include "support/catch.hpp"

using namespace reclm;

namespace {

std::vector<float> random_numbers(Index count, std::uint64_t seed) {
  RandomSequence random(Random(seed, Stream::bootstrap));
  std::vector<float> x(static_cast<std::size_t>(count));
  for (float& value : x) value = random.uniform() - 0.5f;
  return x;
}

double rounded(float x) { return static_cast<double>(from_bfloat16(to_bfloat16(x))); }

bool ready(const char* what) {
  if (!cpu::bf16_products())
    WARN("no products in bf16 (RECLM_WITH_ONEDNN, AMX or AVX512-BF16): " << what << " skipped");
  return cpu::bf16_products();
}

struct Shape {
  Index rows, cols, outputs;
};

}  // namespace

TEST_CASE("rows are rounded to the nearest bf16, and padded by zeros") {
  std::vector<float> x = random_numbers(3 * 37, 1);
  x[5] = std::numeric_limits<float>::quiet_NaN();
  x[6] = std::numeric_limits<float>::infinity();
  x[7] = -0.0f;
  x[8] = std::numeric_limits<float>::max();
  x[9] = 1.00390625f;  // half-way: to the even one
  const cpu::Bf16Rows rows(x.data(), 37, 3, 37);
  REQUIRE(rows.padded_rows() == 16);
  REQUIRE(rows.depth() == 64);
  for (Index r = 0; r < 16; ++r)
    for (Index k = 0; k < 64; ++k) {
      const float from = r < 3 && k < 37 ? x[static_cast<std::size_t>(r * 37 + k)] : 0;
      CAPTURE(r, k);
      REQUIRE(rows.row(r, 0)[k] == to_bfloat16(from));
    }
}

TEST_CASE("panels hold pairs of columns, from rows and from columns of weights, float32 or bf16") {
  constexpr Index outputs = 45, cols = 75;
  const std::vector<float> w = random_numbers(outputs * cols, 2);
  std::vector<float> turned(w.size());
  std::vector<std::uint16_t> halves(w.size()), turned_halves(w.size());
  for (Index o = 0; o < outputs; ++o)
    for (Index k = 0; k < cols; ++k) {
      const auto from = static_cast<std::size_t>(o * cols + k), to = static_cast<std::size_t>(k * outputs + o);
      turned[to] = w[from];
      halves[from] = turned_halves[to] = to_bfloat16(w[from]);
    }
  for (Index p = 0; p < 2; ++p) {
    const Index first = p * cpu::kBf16Panel, count = std::min(cpu::kBf16Panel, outputs - first);
    std::vector<std::uint16_t> panel(static_cast<std::size_t>(cpu::bf16_panel_size(cols)), 0xFFFF);
    const auto check = [&](const char* how) {
      CAPTURE(how, p);
      for (Index r = 0; r < cpu::kBf16Panel; ++r)
        for (Index k = 0; k < cpu::bf16_depth(cols); ++k) {
          const std::uint16_t expected =
              r < count && k < cols ? halves[static_cast<std::size_t>((first + r) * cols + k)] : std::uint16_t{0};
          REQUIRE(panel[static_cast<std::size_t>(k / 2 * 64 + r * 2 + k % 2)] == expected);
        }
      panel.assign(panel.size(), 0xFFFF);
    };
    cpu::pack_rows_to_bf16(w.data() + first * cols, cols, count, cols, panel.data());
    check("rows");
    cpu::pack_rows_to_bf16(halves.data() + first * cols, cols, count, cols, panel.data());
    check("rows of bf16");
    cpu::pack_columns_to_bf16(turned.data() + first, outputs, count, cols, panel.data());
    check("columns");
    cpu::pack_columns_to_bf16(turned_halves.data() + first, outputs, count, cols, panel.data());
    check("columns of bf16");
  }
}

TEST_CASE("products in bf16 are those of the rounded numbers, on any shape") {
  if (!ready("products")) return;
  for (const auto& [rows, cols, outputs] :
       {Shape{1, 1, 1}, {5, 301, 67}, {33, 576, 192}, {150, 96, 130}, {70, 2100, 40}}) {
    CAPTURE(rows, cols, outputs);
    const std::vector<float> x = random_numbers(rows * cols, 3), w = random_numbers(outputs * cols, 4);
    const auto panel = [&, k_all = cols, out = outputs](Index p, Index k, Index depth, std::uint16_t* to) {
      const Index first = p * cpu::kBf16Panel;
      cpu::pack_rows_to_bf16(w.data() + first * k_all + k, k_all, std::min(cpu::kBf16Panel, out - first), depth, to);
    };
    const cpu::Bf16Rows rounded_x(x.data(), cols, rows, cols);
    std::vector<float> y(static_cast<std::size_t>(rows * outputs), -1), added(y.size(), 2);
    cpu::bf16_product(rounded_x, cpu::bf16_source(panel), outputs, cols, y.data(), outputs, false);
    double worst = 0;
    for (Index r = 0; r < rows; ++r)
      for (Index o = 0; o < outputs; ++o) {
        double expected = 0, size = 1e-30;
        for (Index k = 0; k < cols; ++k) {
          const double term =
              rounded(x[static_cast<std::size_t>(r * cols + k)]) * rounded(w[static_cast<std::size_t>(o * cols + k)]);
          expected += term;
          size += std::abs(term);
        }
        const double got = static_cast<double>(y[static_cast<std::size_t>(r * outputs + o)]);
        worst = std::max(worst, std::abs(expected - got) / size);
      }
    CHECK(worst < 1e-6);

    cpu::bf16_product(rounded_x, cpu::bf16_source(panel), outputs, cols, added.data(), outputs, true);
    for (std::size_t i = 0; i < y.size(); ++i) REQUIRE(added[i] == Approx(y[i] + 2).margin(1e-5));

    // The same bits for one thread and for several, and for a row whatever its company.
    std::vector<float> alone(y.size());
    {
      const ThreadLimit one(1);
      cpu::bf16_product(rounded_x, cpu::bf16_source(panel), outputs, cols, alone.data(), outputs, false);
    }
    CHECK(alone == y);
    for (const Index some : {1, 2, 7, 16, 17, 40, 69}) {
      if (some >= rows) continue;
      const cpu::Bf16Rows few(x.data(), cols, some, cols);
      cpu::bf16_product(few, cpu::bf16_source(panel), outputs, cols, alone.data(), outputs, false);
      CHECK(std::equal(alone.begin(), alone.begin() + some * outputs, y.begin()));
      const cpu::Bf16Rows last(x.data() + (rows - some) * cols, cols, some, cols);
      cpu::bf16_product(last, cpu::bf16_source(panel), outputs, cols, alone.data(), outputs, false);
      CHECK(std::equal(alone.begin(), alone.begin() + some * outputs, y.end() - some * outputs));
    }
  }
}

TEST_CASE("a product's GELU, rounded for the next one, is that of the product apart") {
  if (!ready("products")) return;
  for (const auto& [rows, cols, outputs] : {Shape{1, 40, 20}, {33, 96, 2100}, {70, 384, 150}}) {
    CAPTURE(rows, cols, outputs);
    const std::vector<float> x = random_numbers(rows * cols, 3), w = random_numbers(outputs * cols, 4),
                             bias = random_numbers(outputs, 5);
    const auto panel = [&, k_all = cols, out = outputs](Index p, Index k, Index depth, std::uint16_t* to) {
      const Index first = p * cpu::kBf16Panel;
      cpu::pack_rows_to_bf16(w.data() + first * k_all + k, k_all, std::min(cpu::kBf16Panel, out - first), depth, to);
    };
    const cpu::Bf16Rows rounded_x(x.data(), cols, rows, cols);
    std::vector<float> y(static_cast<std::size_t>(rows * outputs));
    cpu::bf16_product(rounded_x, cpu::bf16_source(panel), outputs, cols, y.data(), outputs, false, bias.data());
    cpu::gelu(y.data(), rows * outputs);
    const cpu::Bf16Rows expected(y.data(), outputs, rows, outputs),
        got = cpu::bf16_gelu(rounded_x, cpu::bf16_source(panel), outputs, cols, bias.data());
    REQUIRE(got.rows() == rows);
    REQUIRE(got.depth() == expected.depth());
    // The padding too: products read it.
    for (Index k = 0; k < got.depth(); k += cpu::kBf16Block)
      for (Index r = 0; r < got.padded_rows(); ++r)
        CHECK(std::equal(got.row(r, k), got.row(r, k) + got.block_depth(k), expected.row(r, k)));
  }
}
