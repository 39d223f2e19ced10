#include "reclm/data/read_interactions.hpp"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;

namespace {

struct Loaded {
  IdMap users, items;
  ReadInteractions file;
};

Loaded load(const std::filesystem::path& path, const InteractionReadOptions& options = {}) {
  Loaded loaded;
  loaded.file = read_interactions(path, loaded.users, loaded.items, options);
  return loaded;
}

// Checks that reading ends in a DataError at `line` that says `reason`.
void refused(const std::filesystem::path& path, long long line, const std::string& reason,
             const InteractionReadOptions& options = {}) {
  try {
    load(path, options);
    FAIL("no error, expected: " + reason);
  } catch (const DataError& error) {
    const std::string message = error.what();
    INFO(message);
    CHECK(error.file() == path.string());
    CHECK(error.line() == line);
    CHECK(message.find(reason) != std::string::npos);
    CHECK(message.find("Remedy: ") != std::string::npos);
  }
}

}  // namespace

TEST_CASE("an .inter file becomes a matrix, whatever its column order and line ends") {
  const test::TemporaryFolder folder;
  const std::string unix_text =
      "item_id:token\tnote:token_seq\tuser_id:token\n"
      "b\tsaid \"hello\tu2\n"
      "a\t\tu1\n"
      "b\tx\tu1\n"
      "a\t\tu1\n";
  std::string windows_text = "\xEF\xBB\xBF" + unix_text;
  for (std::size_t at = 0; (at = windows_text.find('\n', at)) != std::string::npos; at += 2)
    windows_text.insert(at, 1, '\r');
  for (const std::string& text :
       {unix_text, windows_text, unix_text.substr(0, unix_text.size() - 1), unix_text + "\n\n"}) {
    const Loaded data = load(folder.write("x.inter", text));
    CHECK(data.users.size() == 2);
    CHECK(data.users.name(0) == "u2");
    CHECK(data.items.name(0) == "b");
    CHECK(data.file.pairs.pairs() == std::vector<Pair>{{0, 0}, {1, 0}, {1, 1}});
    CHECK(data.file.records == 4);
    CHECK(data.file.repeated == 1);
    CHECK(data.file.values.empty());
  }
}

TEST_CASE("ratings and timestamps are kept when asked for; of a repeated pair the latest counts") {
  const test::TemporaryFolder folder;
  const auto path = folder.write("x.inter",
                                 "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
                                 "u\tb\t1\t10\nu\ta\t2.5\t20.25\nu\tb\t4\t30\nu\tb\t5\t5\nv\ta\t3\t1e9\n");
  const Loaded data = load(path, {.keep_ratings = true, .keep_timestamps = true});
  CHECK(data.file.pairs.pairs() == std::vector<Pair>{{0, 0}, {0, 1}, {1, 1}});
  CHECK(data.file.values.ratings == std::vector<float>{4, 2.5f, 3});
  CHECK(data.file.values.timestamps == std::vector<double>{30, 20.25, 1e9});
  CHECK(data.file.repeated == 2);

  const Loaded rated = load(path, {.min_rating = 3, .keep_timestamps = true});
  CHECK(rated.file.below_rating == 2);
  CHECK(rated.file.pairs.pairs() == std::vector<Pair>{{0, 0}, {1, 1}});
  CHECK(rated.file.values.ratings.empty());
  CHECK(rated.file.values.timestamps == std::vector<double>{30, 1e9});
}

TEST_CASE("CSV follows RFC 4180, TSV has plain names, columns may have any name") {
  const test::TemporaryFolder folder;
  const InteractionColumns columns{"userId", "movieId", "score", "when"};
  const auto csv = folder.write("x.csv",
                                "userId,\"movieId\",score,when\r\n"
                                "\"Smith, J\",\"say \"\"hi\"\"\",4,1\r\n"
                                "\"two\nlines\",plain,5,2\r\n"
                                "\"\"\"\",plain,5,2\r\n");
  const Loaded data = load(csv, {.format = TableFormat::csv(), .columns = columns});
  CHECK(data.users.name(0) == "Smith, J");
  CHECK(data.users.name(1) == "two\nlines");
  CHECK(data.users.name(2) == "\"");
  CHECK(data.items.name(0) == "say \"hi\"");
  CHECK(data.file.pairs.size() == 3);

  const auto tsv = folder.write("x.tsv", "movieId\tuserId\n\"1\t7\n");
  CHECK(load(tsv, {.format = TableFormat::tsv(), .columns = columns}).items.name(0) == "\"1");
}

TEST_CASE("large files in any order give the matrix of their pairs") {
  const test::TemporaryFolder folder;
  std::mt19937 random(5);
  const Id users = 3000, items = 500;
  std::vector<Pair> pairs;
  std::string text = "user_id:token\titem_id:token\ttimestamp:float\n";
  for (int k = 0; k < 100'000; ++k) {
    pairs.push_back({static_cast<Id>(random() % users), static_cast<Id>(random() % items)});
    text += "a-long-user-name-" + std::to_string(pairs.back().user) + "\t" + std::to_string(pairs.back().item) + "\t" +
            std::to_string(k) + "\n";
  }
  const auto path = folder.write("x.inter", text);
  for (const bool times : {false, true}) {
    const Loaded data = load(path, {.keep_timestamps = times});
    for (Pair& pair : pairs) REQUIRE(data.users.find("a-long-user-name-" + std::to_string(pair.user)).has_value());
    std::vector<Pair> renumbered;
    for (const Pair& pair : pairs)
      renumbered.push_back({*data.users.find("a-long-user-name-" + std::to_string(pair.user)),
                            *data.items.find(std::to_string(pair.item))});
    CHECK(data.file.pairs == Interactions::from_pairs(data.users.size(), data.items.size(), renumbered));
    CHECK(data.file.repeated == 100'000 - data.file.pairs.size());
    if (!times) continue;
    std::map<Pair, double> latest;
    for (std::size_t k = 0; k < renumbered.size(); ++k) latest[renumbered[k]] = static_cast<double>(k);
    const auto all = data.file.pairs.pairs();
    bool equal = true;
    for (std::size_t k = 0; k < all.size(); ++k) equal &= latest[all[k]] == data.file.values.timestamps[k];
    CHECK(equal);
  }
}

TEST_CASE("a line may cross any block of the reader") {
  const test::TemporaryFolder folder;
  const std::string name(700'000, 'n');
  const Loaded data = load(folder.write("x.inter", "user_id:token\titem_id:token\n" + name + "\ti\nu\t" + name + "\n"));
  CHECK(data.users.name(0) == name);
  CHECK(data.items.name(1) == name);
  CHECK(data.file.pairs.size() == 2);
}

TEST_CASE("bad interaction files end in an error with file, line and remedy") {
  const test::TemporaryFolder folder;
  const auto file = [&](const std::string& text) { return folder.write("bad.inter", text); };
  const std::string header = "user_id:token\titem_id:token\trating:float\n";
  refused(file(""), 1, "empty");
  refused(file("\n" + header), 1, "line is empty");
  refused(file(header), 0, "no records");
  refused(file("user_id\titem_id\n1\t2\n"), 1, "no type");
  refused(file("user_id:token\titem_id:word\n1\t2\n"), 1, "unknown type");
  refused(file("user_id:token\titem_id:float\n1\t2\n"), 1, "not of type token");
  refused(file("user_id:token\titem_id:token\trating:token\n1\t2\t3\n"), 1, "not of type float");
  refused(file("user_id:token\tuser_id:token\n1\t2\n"), 1, "two columns");
  refused(file(":token\titem_id:token\n1\t2\n"), 1, "no name");
  refused(file("user_id:token\titem:token\n1\t2\n"), 1, "the columns are: user_id, item");
  refused(file(header + "1\t2\t3\n1\t2\n"), 3, "2 fields where the header has 3");
  refused(file(header + "1\t2\t3\t4\n"), 2, "4 fields");
  refused(file(header + "1\t2\t3\n\n1\t3\t3\n"), 3, "line is empty");
  refused(file(header + "1\t2\tgood\n"), 2, "not a finite number");
  refused(file(header + "1\t2\tnan\n"), 2, "not a finite number");
  refused(file(header + "1\t2\tinf\n"), 2, "not a finite number");
  refused(file(header + "1\t2\t1e999\n"), 2, "not a finite number");
  refused(file(header + "1\t2\t\n"), 2, "not a finite number");
  refused(file(header + "1\t2\t3\n\t2\t3\n"), 3, "user id is empty");
  refused(file(header + "1\t\t3\n"), 2, "item id is empty");
  refused(file(header + "1\t2\t3\n"), 0, "min_rating", {.min_rating = 4});
  refused(file("user_id:token\titem_id:token\n1\t2\n"), 1, "no column \"rating\"", {.min_rating = 4});
  refused(file(header + "1\t2\t3\n"), 2, "item \"2\" is not in the .item file", {.new_items = false});
  refused(file(header.substr(0, 34) + "\n"), 1, "no type");  // cut off in its header

  const InteractionReadOptions csv{.format = TableFormat::csv()};
  refused(file("user_id,item_id\n1,\"2\n"), 2, "never closed", csv);
  refused(file("user_id,item_id\n1,\"2\"3\n"), 2, "follows a closing quote", csv);
  refused(file("user_id,item_id\n1,\"2\n3\"\n4\n"), 4, "1 fields", csv);

  CHECK_THROWS_AS(load(folder / "missing.inter"), IoError);
  CHECK_THROWS_AS(load(folder.path()), IoError);
}

TEST_CASE("what is asked for must be there and fit") {
  const test::TemporaryFolder folder;
  const auto bare = folder.write("bare.inter", "user_id:token\titem_id:token\nu\ti\n");
  refused(bare, 1, "no column \"rating\"", {.keep_ratings = true});
  refused(bare, 1, "no column \"timestamp\"", {.keep_timestamps = true});
  const auto dated = folder.write("dated.inter", "user_id:token\titem_id:token\ttimestamp:float\nu\ti\t2019-01-01\n");
  refused(dated, 2, "columns.timestamp");
  CHECK(load(dated, {.columns = {.timestamp = ""}}).file.pairs.size() == 1);
  const auto rated = folder.write("rated.inter", "user_id:token\titem_id:token\trating:float\nu\ti\t-1e300\n");
  refused(rated, 2, "beyond what 32 bits hold", {.keep_ratings = true});
  CHECK(load(rated).file.pairs.size() == 1);
  CHECK_THROWS_AS(load(rated, {.min_rating = std::nan("")}), ConfigError);
}

TEST_CASE("numbers are read as strtod reads them") {
  for (const char* text : {"0", "3", "4.5", "0.1", "964980499", "-7.25", "1e3", "123456789012345",
                           "1.234567890123456789", "99999999999999.9", "+2", " 5 ", "1e-320", "0.000001", "00012.50"})
    CHECK(parse_number(text) == std::strtod(text, nullptr));
  for (const char* text :
       {"", " ", ".", "1.", ".5.", "1,5", "0x10", "nan", "-inf", "1e400", "+-1", "1 2", "--1", "five"}) {
    INFO(text);
    if (std::string(text) == "1.")
      CHECK(parse_number(text) == 1.0);
    else
      CHECK_FALSE(parse_number(text).has_value());
  }
}
