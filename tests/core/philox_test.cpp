#include "reclm/core/philox.hpp"

#include "support/catch.hpp"

using namespace reclm;

TEST_CASE("Philox 4x32-10 gives the published known answers") {
  const auto zero = philox4x32({{0, 0, 0, 0}}, 0, 0);
  CHECK(zero.word[0] == 0x6627e8d5u);
  CHECK(zero.word[1] == 0xe169c58du);
  CHECK(zero.word[2] == 0xbc57ac4cu);
  CHECK(zero.word[3] == 0x9b00dbd8u);
  const auto ones = philox4x32({{~0u, ~0u, ~0u, ~0u}}, ~0u, ~0u);
  CHECK(ones.word[0] == 0x408f276du);
  CHECK(ones.word[1] == 0x41c83b0eu);
  CHECK(ones.word[2] == 0xa20bc7c6u);
  CHECK(ones.word[3] == 0x6d5451fdu);
}

TEST_CASE("Random numbers are uniform and streams differ") {
  const Random a(7, Stream::init), b(7, Stream::shuffle);
  double sum = 0, squares = 0;
  int equal = 0;
  const int n = 100000;
  for (int i = 0; i < n; ++i) {
    const double x = a.uniform(static_cast<std::uint64_t>(i));
    REQUIRE((x >= 0 && x < 1));
    sum += x;
    squares += x * x;
    equal += a.bits(static_cast<std::uint64_t>(i)) == b.bits(static_cast<std::uint64_t>(i));
  }
  CHECK(sum / n == Approx(0.5).margin(0.005));
  CHECK(squares / n - (sum / n) * (sum / n) == Approx(1.0 / 12).margin(0.002));
  CHECK(equal < 3);
}

TEST_CASE("below() covers its range evenly") {
  const Random random(3, Stream::negatives, 5);
  std::vector<int> counts(10);
  for (std::uint64_t i = 0; i < 50000; ++i) ++counts[random.below(i, 10)];
  for (const int count : counts) CHECK(count == Approx(5000).margin(350));
}
