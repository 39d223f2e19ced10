#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "reclm/data/detail/json_scanner.hpp"
#include "support/catch.hpp"

using reclm::detail::json_quoted;
using reclm::detail::JsonError;
using reclm::detail::JsonScanner;

namespace {

std::string string_of(const std::string& json) { return JsonScanner(json).string(); }

// What the text holds, when it is an object of lists of counts.
std::map<std::string, std::vector<std::uint64_t>> counts_of(const std::string& json) {
  std::map<std::string, std::vector<std::uint64_t>> found;
  JsonScanner scanner(json);
  scanner.object([&](const std::string& key) {
    scanner.list([&] {
      const auto count = scanner.count();
      if (!count) throw JsonError("no count");
      found[key].push_back(*count);
    });
  });
  scanner.end();
  return found;
}

}  // namespace

TEST_CASE("texts are read as a JSON library reads them") {
  for (const char* json : {R"("")", R"("plain")", R"("\"\\\/\b\f\n\r\t")", R"("\u0041\u00e9\u20AC")",
                           R"("\ud83d\ude00")", "\"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80\"", R"("\u0000")"})
    CHECK(string_of(json) == nlohmann::json::parse(json).get<std::string>());
}

TEST_CASE("what a JSON library refuses is refused") {
  for (const std::string json :
       {"\"", "\"a", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\ud83d\"", "\"\\ud83d\\u0041\"", "\"\\ude00\"",
        "\"\n\"", "\"\xC3\"", "\"\xC0\x80\"", "\"\xED\xA0\x80\"", "\"\xF4\x90\x80\x80\"", "\"\xE0\x80\x80\"",
        "\"\xFF\"", "\"\x80\"", "abc"}) {
    INFO(json);
    CHECK_FALSE(nlohmann::json::accept(json));
    CHECK_THROWS_AS(string_of(json), JsonError);
  }
  for (const std::string json : {"{\"a\":[1,]}", "{\"a\":[1}", "{\"a\" [1]}", "{\"a\":[1] \"b\":[2]}", "{\"a\":[1],}",
                                 "{\"a\":[1]} x", "{a:[1]}", "{", "[1]", ""}) {
    INFO(json);
    CHECK_THROWS_AS(counts_of(json), JsonError);
  }
  CHECK_THROWS_AS(counts_of("{\"a\":[1],\"a\":[2]}"), JsonError);
}

TEST_CASE("objects, lists and counts are read with blanks anywhere") {
  CHECK(counts_of(" { \"a\" : [ 1 , 20 ] ,\n\t\"b\":[] , \"c\":[18446744073709551615] } ") ==
        std::map<std::string, std::vector<std::uint64_t>>{{"a", {1, 20}}, {"c", {18446744073709551615ull}}});
  for (const char* json : {"-1", "1.5", "1e3", "01", "18446744073709551616", "true", "\"1\""})
    CHECK_FALSE(JsonScanner(json).count());
}

TEST_CASE("quoted texts come back from a JSON library") {
  std::string text;
  for (char c = 0; c < 127; ++c) text += c;
  text += "\xC3\xA9\xF0\x9F\x98\x80";
  CHECK(nlohmann::json::parse(json_quoted(text)).get<std::string>() == text);
  CHECK(string_of(json_quoted(text)) == text);
  CHECK_THROWS_AS(json_quoted("\xFF"), JsonError);
}
