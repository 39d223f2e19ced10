#include "reclm/data/jsonl.hpp"

#include <string>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;

TEST_CASE("a line that is no JSON object is named by file and line, whatever is wrong with it") {
  const test::TemporaryFolder folder;
  for (const std::string& line : {std::string("{\"score\": 1e999}"), std::string("{\"a\": }"),
                                  std::string("{\"a\": \"\xE9\"}"), std::string("[1]")}) {
    const auto path = folder.write("x.jsonl", "{\"user_id\": \"u\"}\n\n" + line + "\n");
    int read = 0;
    try {
      for_each_json_line(path, [&](const JsonRecord&) { ++read; });
      FAIL("no error about " + line);
    } catch (const DataError& error) {
      INFO(error.what());
      CHECK(error.file() == path.string());
      CHECK(error.line() == 3);
      CHECK(std::string(error.what()).find("Remedy: ") != std::string::npos);
    }
    CHECK(read == 1);
  }
}
