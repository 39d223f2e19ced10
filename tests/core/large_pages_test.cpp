#include "reclm/core/large_pages.hpp"

#include <numeric>
#include <vector>

#include "support/catch.hpp"

TEST_CASE("large pages keep what the memory holds, wherever it begins", "[core]") {
  std::vector<int> numbers((std::size_t{12} << 20) / sizeof(int));
  std::iota(numbers.begin(), numbers.end(), 7);
  const std::vector<int> before = numbers;
  reclm::use_large_pages(numbers.data() + 3, (numbers.size() - 5) * sizeof(int));
  CHECK(numbers == before);
  numbers.back() = 1;
  CHECK(numbers.back() == 1);
}

TEST_CASE("memory too small for large pages, or none, is left alone", "[core]") {
  const std::vector<int> few{1, 2, 3};
  reclm::use_large_pages(few.data(), few.size() * sizeof(int));
  reclm::use_large_pages(nullptr, 0);
  CHECK(few == std::vector<int>{1, 2, 3});
}
