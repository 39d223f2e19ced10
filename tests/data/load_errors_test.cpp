#include <cmath>
#include <filesystem>

#include "data/small_folder.hpp"
#include "reclm/data/load.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using namespace reclm::test;

namespace {

// Loading the folder ends in a DataError about `file` that says `reason` at `line`.
void refused(const test::TemporaryFolder& folder, const std::string& file, long long line, const std::string& reason,
             const LoadOptions& options = {}) {
  try {
    load_dataset(folder.path(), options);
    FAIL("no error, expected: " + reason);
  } catch (const DataError& error) {
    const std::string message = error.what();
    INFO(message);
    CHECK(error.file() == (file.empty() ? folder.path() : folder / file).string());
    CHECK(error.line() == line);
    CHECK(message.find(reason) != std::string::npos);
    CHECK(message.find("Remedy: ") != std::string::npos);
  }
}

}  // namespace

TEST_CASE("ids that tables lack are an error, or are appended with a notice") {
  const test::TemporaryFolder folder;
  write_small(folder);
  folder.write("small.test.inter", kInter + "u\tc\t6\nv\tnew\t7\n");
  refused(folder, "small.test.inter", 3, "\"new\" is not in the .item file");
  const Dataset data = load_dataset(folder.path(), {.unknown_ids = UnknownIds::append});
  CHECK(data.items.size() == 5);
  CHECK(data.item_text[0].values[4].empty());
  CHECK(has_notice(data, "1 items are not in the .item file"));
  CHECK(has_notice(data, "1 targets are items that train does not hold"));
}

TEST_CASE("what is wrong with a folder is said with file, line and remedy") {
  const test::TemporaryFolder folder;
  refused(folder, "", 0, "no .inter file");
  CHECK_THROWS_AS(load_dataset(folder / "missing"), IoError);
  CHECK_THROWS_AS(load_dataset(folder.path(), {.name = "absent"}), IoError);
  folder.write("a.inter", kInter + "u\ti\t1\n");
  folder.write("b.test.inter", kInter + "u\ti\t1\n");
  refused(folder, "", 0, "several data sets: a, b");
  refused(folder, "b.train.inter", 0, "other splits", {.name = "b"});
}

TEST_CASE("what is wrong with a file of a folder is said with file, line and remedy") {
  const test::TemporaryFolder folder;
  const auto with = [&](const std::string& file, const std::string& content, long long line,
                        const std::string& reason) {
    write_small(folder);
    folder.write(file, content);
    refused(folder, file, line, reason);
    std::filesystem::remove(folder / file);
  };
  with("small.item", "item_id:token\ttitle:token_seq\na\tx\nb\ty\na\tz\n", 4, "\"a\" appears twice");
  with("small.item", "", 1, "empty");
  with("small.item", "item_id:token\ttitle:token_seq\n", 0, "no records");
  with("small.item", "id:token\ttitle:token_seq\na\tx\n", 1, "no column \"item_id\"");
  with("small.item", "item_id:token\ttitle:token_seq\na\n", 2, "1 fields");
  with("small.item", "item_id:token\ttitle:token_seq\n\tx\n", 2, "id is empty");
  with("small.user", "user_id:token\nu\nv\nw\nu\n", 5, "\"u\" appears twice");
  with("small.zero.inter", kInter + "u\td\t1\nu\ta\t2\n", 0, "also occurs in small.train.inter");
  with("small.valid.inter", kInter, 0, "no records");
  with("small.test.candidates", "a\nq\n", 2, "unknown");
  with("small.test.candidates", "a\na\n", 2, "twice");
  with("small.test.candidates", "a\n\nb\n", 2, "empty");
  with("small.test.candidates", "", 0, "empty");
  with("small.zero.candidates", "d\na\n", 2, "\"a\" occurs in train");

  write_small(folder);
  write_matrix(folder / "item_text.npy", 3, 1, {1, 2, 3});
  refused(folder, "item_text.npy", 0, "3 rows for 4 ids");
  write_matrix(folder / "item_text.npy", 4, 1, {1, 2, NAN, 3});
  refused(folder, "item_text.npy", 0, "row 2 ");
  folder.write("item_text.npy", "rubbish");
  refused(folder, "item_text.npy", 0, "not a .npy file");
  write_matrix(folder / "item_text.npy", 2, 1, {1, 2});
  folder.write("item_text.ids", "x\ny\n");
  refused(folder, "item_text.npy", 0, "none of its ids");
  folder.write("item_text.ids", "a\nb\nc\n");
  refused(folder, "item_text.npy", 0, "2 rows for 3 ids");
  folder.write("item_text.ids", "a\na\n");
  refused(folder, "item_text.ids", 2, "twice");
}
