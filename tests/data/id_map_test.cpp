#include "reclm/data/id_map.hpp"

#include <string>

#include "support/catch.hpp"

using reclm::Id;
using reclm::IdMap;

TEST_CASE("an empty IdMap finds nothing") {
  const IdMap map;
  CHECK(map.empty());
  CHECK(map.size() == 0);
  CHECK_FALSE(map.find("a").has_value());
  CHECK_FALSE(map.find("").has_value());
}

TEST_CASE("IdMap numbers tokens in the order of their first insertion") {
  IdMap map;
  CHECK(map.insert("b") == 0);
  CHECK(map.insert("a") == 1);
  CHECK(map.insert("b") == 0);
  CHECK(map.insert("") == 2);
  CHECK(map.size() == 3);
  CHECK(map.name(0) == "b");
  CHECK(map.name(1) == "a");
  CHECK(map.name(2).empty());
  CHECK(map.find("") == Id{2});
}

TEST_CASE("IdMap tells apart tokens that differ in length, zero bytes or the tail alone") {
  using namespace std::string_view_literals;
  IdMap map;
  const std::vector<std::string_view> tokens = {"1"sv,
                                                "01"sv,
                                                "001"sv,
                                                "1\0"sv,
                                                "1\0\0"sv,
                                                "\0"sv,
                                                "1234567"sv,
                                                "12345678"sv,
                                                "123456789"sv,
                                                "1234567a"sv,
                                                "12345678a"sv,
                                                "12345678\0"sv,
                                                "12345678\0\0"sv,
                                                "abcdefghabcdefgh"sv,
                                                "abcdefgh"sv,
                                                "\xFF\xFF\xFF\xFF\xFF\xFF\xFF"sv};
  for (std::size_t n = 0; n < tokens.size(); ++n) CHECK(map.insert(tokens[n]) == static_cast<Id>(n));
  for (std::size_t n = 0; n < tokens.size(); ++n) {
    CHECK(map.find(tokens[n]) == static_cast<Id>(n));
    CHECK(map.name(static_cast<Id>(n)) == tokens[n]);
  }
}

TEST_CASE("IdMap keeps every token over many growths") {
  IdMap map;
  const Id count = 200'000;
  const auto token = [](Id n) { return n % 3 == 0 ? "user-with-a-long-name-" + std::to_string(n) : std::to_string(n); };
  for (Id n = 0; n < count; ++n) REQUIRE(map.insert(token(n)) == n);
  for (Id n = 0; n < count; ++n) {
    REQUIRE(map.find(token(n)) == n);
    REQUIRE(map.name(n) == token(n));
  }
  CHECK_FALSE(map.find("absent").has_value());

  IdMap reserved;
  reserved.reserve(count);
  for (Id n = 0; n < count; ++n) reserved.insert(token(n));
  CHECK(reserved == map);
  reserved.insert("one more");
  CHECK_FALSE(reserved == map);
}
