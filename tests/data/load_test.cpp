#include "reclm/data/load.hpp"

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <utility>

#include "data/small_folder.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using namespace reclm::test;

namespace {

std::filesystem::path shared_data() {
  const char* set = std::getenv("RECLM_DATA");
  return set != nullptr ? std::filesystem::path(set) : std::filesystem::path(RECLM_SOURCE_DIR) / "../shared/data";
}

}  // namespace

TEST_CASE("a folder of split files becomes a data set") {
  const test::TemporaryFolder folder;
  write_small(folder);
  const Dataset data = load_dataset(folder.path());
  CHECK(data.name == "small");
  CHECK(data.items.size() == 4);
  CHECK(data.items.name(0) == "d");  // the order of the .item file
  CHECK(data.users.name(0) == "u");  // the order of appearance
  CHECK(data.users.size() == 3);
  CHECK(data.train.pairs() == std::vector<Pair>{{0, 2}, {0, 3}, {1, 1}, {1, 3}});
  CHECK(data.train_values.timestamps == std::vector<double>{2, 1, 4, 5});
  CHECK(data.valid.empty());
  CHECK(data.valid.users() == 3);
  CHECK(data.test.pairs() == std::vector<Pair>{{0, 1}, {1, 2}});
  CHECK(data.zero.pairs() == std::vector<Pair>{{2, 0}});
  CHECK(data.test_candidates == std::vector<Id>{1, 2});
  CHECK(data.zero_candidates == std::vector<Id>{0});
  REQUIRE(data.item_text.size() == 2);
  CHECK(data.item_text[0].name == "title");
  CHECK(data.item_text[0].values[0] == "The \"Dark");
  CHECK(data.item_text[1].values[3] == "comedy");
  CHECK(has_notice(data, "1 of 5 records repeat a pair"));

  // No vectors on file: text through the encoder, text as profiles, users from their histories.
  CHECK(data.item_vectors.rows() == 4);
  CHECK(data.item_profiles == data.item_vectors);
  CHECK(data.user_profiles == history_means(data.train, data.item_profiles));
  CHECK(data.user_profiles.row(2)[0] == 0);
  CHECK(has_notice(data, "built-in encoder"));
  CHECK(load_dataset(folder.path(), {.features = false}).item_vectors.empty());
}

TEST_CASE("vectors are picked up by row order or by ids, and gaps are filled by rule") {
  const test::TemporaryFolder folder;
  write_small(folder);
  write_matrix(folder / "item_text.npy", 4, 2, {1, 0, 2, 0, 3, 0, 4, 0});
  write_matrix(folder / "item_profile.npy", 3, 2, {0, 1, 0, 2, 9, 9});
  folder.write("item_profile.ids", "a\nb\nnobody\n");
  write_matrix(folder / "user_profile.npy", 1, 2, {5, 6});
  folder.write("user_profile.ids", "v\n");
  Dataset data = load_dataset(folder.path());
  CHECK(data.item_vectors == Matrix<float>(4, 2, std::vector<float>{1, 0, 2, 0, 3, 0, 4, 0}));
  CHECK(data.item_profiles == Matrix<float>(4, 2, std::vector<float>{1, 0, 2, 0, 0, 2, 0, 1}));
  CHECK(data.user_profiles == Matrix<float>(3, 2, std::vector<float>{0, 1, 5, 6, 0, 0}));
  CHECK(data.profile_from_history == std::vector<std::uint8_t>{1, 0, 1});
  CHECK(has_notice(data, "2 items have no row and get their text vectors"));
  CHECK(has_notice(data, "1 rows belong to ids that the data set does not have"));
  CHECK(has_notice(data, "2 users have no row"));

  // Rows that came from a file stay when train changes; the others follow it.
  make_sparse(data, {.share = 0, .keep = 0});
  CHECK(data.user_profiles == Matrix<float>(3, 2, std::vector<float>{0, 0, 5, 6, 0, 0}));

  // Other widths: zeros.
  write_matrix(folder / "item_profile.npy", 3, 1, {1, 2, 3});
  data = load_dataset(folder.path());
  CHECK(data.item_profiles == Matrix<float>(4, 1, std::vector<float>{0, 0, 2, 1}));
  CHECK(data.user_profiles == Matrix<float>(3, 2, std::vector<float>{0, 0, 5, 6, 0, 0}));
}

TEST_CASE("a .user file numbers users, and candidates files say what is ranked") {
  const test::TemporaryFolder folder;
  write_small(folder);
  folder.write("small.user", "user_id:token\tabout:token_seq\nw\tnew here\nv\tx\nu\ty\nz\tnever seen\n");
  folder.write("small.test.candidates", "c\na\n");
  const Dataset data = load_dataset(folder.path());
  CHECK(data.users.size() == 4);
  CHECK(data.users.name(0) == "w");
  CHECK(data.train.of(1).size() == 2);
  CHECK(data.user_text[0].values[3] == "never seen");
  CHECK(data.test_candidates == std::vector<Id>{1, 3});
  CHECK(has_notice(data, "1 targets of the split are no candidates"));
}

TEST_CASE("history means have unit length and are zero without history") {
  const auto history = Interactions::from_pairs(4, 3, std::vector<Pair>{{0, 0}, {0, 1}, {1, 2}, {2, 0}, {2, 2}});
  const Matrix<float> rows(3, 2, std::vector<float>{3, 0, 1, 3, -3, 0});
  const Matrix<float> means = history_means(history, rows);
  CHECK(means(0, 0) == Approx(0.8));
  CHECK(means(0, 1) == Approx(0.6));
  CHECK(means(1, 0) == -1);
  for (const Id user : {2, 3}) CHECK((means(user, 0) == 0 && means(user, 1) == 0));
  CHECK_THROWS_AS(history_means(history, Matrix<float>(2, 2)), ShapeError);
}

TEST_CASE("one file of interactions is split, and a k-core takes out what falls below") {
  const test::TemporaryFolder folder;
  std::string text = kInter, items = "item_id:token\ttitle:token_seq\nnever\tNever touched\n";
  for (int user = 0; user < 60; ++user)
    for (int k = 0; k < 8; ++k)
      text += "u" + std::to_string(user) + "\ti" + std::to_string((user * 3 + k * k) % 30) + "\t" +
              std::to_string(100 * k + user) + "\n";
  text += "lonely\trare\t5\n";
  for (int item = 0; item < 30; ++item) items += "i" + std::to_string(item) + "\tTitle " + std::to_string(item) + "\n";
  folder.write("one.inter", text);
  folder.write("one.item", items + "rare\tRare\n");
  const Dataset plain = load_dataset(folder.path(), {.features = false});
  CHECK(plain.items.size() == 32);
  CHECK(plain.users.find("lonely").has_value());
  CHECK_FALSE(plain.zero.empty());
  CHECK_FALSE(plain.test.empty());
  CHECK(has_notice(plain, "came in one file"));

  const Dataset core = load_dataset(folder.path(), {.split = {.core = {2, 2}}});
  CHECK(core.items.size() == 31);  // "rare" is gone, what nobody touched stays
  CHECK(core.items.name(0) == "never");
  CHECK_FALSE(core.items.find("rare").has_value());
  CHECK_FALSE(core.users.find("lonely").has_value());
  CHECK(core.item_text[0].values.size() == 31);
  CHECK(core.item_text[0].values[1] == "Title 0");
  CHECK(core.item_vectors.rows() == 31);
  CHECK(core.train.items() == 31);
  CHECK(static_cast<Index>(core.train_values.timestamps.size()) == core.train.size());
  const Dataset untimed = load_dataset(folder.path(), {.keep_timestamps = false, .features = false});
  CHECK(untimed.train_values.empty());
  CHECK(untimed.train == plain.train);  // still split by time

  // Rows of vectors follow the .item file, whatever the core left out.
  std::vector<float> values(32);
  for (std::size_t k = 0; k < values.size(); ++k) values[k] = static_cast<float>(k);
  write_matrix(folder / "item_text.npy", 32, 1, values);
  const Dataset vectors = load_dataset(folder.path(), {.split = {.core = {2, 2}}});
  CHECK(vectors.item_vectors.rows() == 31);
  CHECK(vectors.item_vectors(30, 0) == 30);
}

TEST_CASE("rows in the order of appearance count ids that a filter leaves out") {
  const test::TemporaryFolder folder;
  const std::string header = "user_id:token\titem_id:token\trating:float\n";
  folder.write("s.train.inter", header + "u\tA\t1\nu\tB\t5\nx\tD\t1\nv\tA\t5\nv\tB\t4\nw\tC\t5\n");
  folder.write("s.test.inter", header + "w\tE\t2\nu\tC\t5\n");
  write_matrix(folder / "item_text.npy", 5, 1, {10, 20, 40, 30, 50});
  write_matrix(folder / "user_profile.npy", 4, 1, {1, 4, 2, 3});
  for (const auto min_rating : {std::optional<double>(), std::optional<double>(4)}) {
    const Dataset data = load_dataset(folder.path(), {.min_rating = min_rating});
    CHECK(data.items.size() == (min_rating ? 3 : 5));
    for (const auto& [item, value] : {std::pair{"A", 10}, std::pair{"B", 20}, std::pair{"C", 30}})
      CHECK(data.item_vectors(*data.items.find(item), 0) == static_cast<float>(value));
    for (const auto& [user, value] : {std::pair{"u", 1}, std::pair{"v", 2}, std::pair{"w", 3}})
      CHECK(data.user_profiles(*data.users.find(user), 0) == static_cast<float>(value));
    CHECK(has_notice(data, "item_text.npy: 2 rows belong to ids that the data set does not have") ==
          min_rating.has_value());
  }

  const test::TemporaryFolder core;
  std::string text = kInter + "first\trare\t3\n";
  for (int user = 0; user < 20; ++user)
    for (int k = 0; k < 10; ++k)
      text += "u" + std::to_string(user) + "\ti" + std::to_string((user + k) % 15) + "\t" + std::to_string(k) + "\n";
  core.write("s.inter", text);
  std::vector<float> rows(16);  // "rare", then i0 … i14
  for (std::size_t k = 0; k < rows.size(); ++k) rows[k] = static_cast<float>(k);
  write_matrix(core / "item_text.npy", 16, 1, rows);
  const Dataset cored = load_dataset(core.path(), {.split = {.core = {2, 2}}});
  REQUIRE(cored.items.size() == 15);
  for (Id k = 0; k < 15; ++k)
    CHECK(cored.item_vectors(*cored.items.find("i" + std::to_string(k)), 0) == static_cast<float>(k + 1));
}

TEST_CASE("without a table the numbers of unseen items tell nothing of what was clicked") {
  const test::TemporaryFolder folder;
  std::string zero = kInter, rows;
  for (int item = 0; item < 40; ++item) zero += "u\tz" + std::to_string(item) + "\t1\n";
  folder.write("s.train.inter", kInter + "u\tb\t1\nv\ta\t2\n");
  folder.write("s.zero.inter", zero);
  std::vector<float> values(42);
  for (std::size_t k = 0; k < values.size(); ++k) values[k] = static_cast<float>(k);
  write_matrix(folder / "item_text.npy", 42, 1, values);
  const Dataset data = load_dataset(folder.path());
  CHECK(data.items.name(0) == "b");
  CHECK(data.items.name(1) == "a");
  CHECK(data.train.contains(1, 1));
  CHECK(data.zero.size() == 40);
  CHECK(data.zero_candidates == items_of(data.zero));
  double order = 0;  // of appearance among the first half of the numbers: 9.5 if told, 19.5 if not
  for (int item = 0; item < 40; ++item) {
    const Id id = *data.items.find("z" + std::to_string(item));
    CHECK(data.zero.contains(0, id));
    CHECK(data.item_vectors(id, 0) == static_cast<float>(item + 2));
    if (id < 22) order += item / 20.0;
  }
  CHECK(order == Approx(19.5).margin(5));
  CHECK(load_dataset(folder.path()).zero == data.zero);
}

TEST_CASE("targets that validation holds too, files that are not read and small splits are noticed") {
  const test::TemporaryFolder folder;
  write_small(folder);
  folder.write("small.valid.inter", kInter + "u\tc\t6\n");
  Dataset data = load_dataset(folder.path());
  CHECK(has_notice(data, "small.test.inter: 1 targets are validation interactions too"));
  CHECK_FALSE(has_notice(data, "small.valid.inter: "));
  CHECK_FALSE(has_notice(data, "is not read"));
  folder.write("small.inter", kInter + "u\tc\t6\n");
  CHECK(has_notice(load_dataset(folder.path()), "small.inter is not read, since there are split files"));

  const test::TemporaryFolder sparse;  // of two users in a hundred with two clicks each
  std::string text = "user_id:token\titem_id:token\n";
  for (int user = 0; user < 100; ++user) text += std::to_string(user) + "\ta\n";
  sparse.write("s.inter", text + "0\tb\n1\tb\n");
  const SplitOptions split{.cold_items = 0};
  data = load_dataset(sparse.path(), {.split = split});
  CHECK(has_notice(data, "the test split holds "));
  CHECK(has_notice(data, "20% were asked for"));
}

TEST_CASE("CSV tables are loaded by the names of their columns") {
  const test::TemporaryFolder folder;
  DatasetFiles files;
  files.interactions = folder.write("ratings.csv",
                                    "userId,movieId,rating,timestamp\n1,10,4,1\n1,20,5,2\n2,10,2,3\n2,20,4.5,4\n"
                                    "3,10,5,5\n3,20,5,6\n3,30,5,7\n");
  files.items =
      folder.write("movies.csv", "movieId,title,year\n10,\"Heat, (1995)\",1995\n20,\"A \"\"B\"\"\",1990\n30,C,\n");
  LoadOptions options;
  options.format = TableFormat::csv();
  options.columns = {"userId", "movieId", "rating", "timestamp"};
  options.min_rating = 3;
  options.split = {.kind = SplitOptions::Kind::leave_one_out, .valid = 0, .cold_items = 0};
  const Dataset data = load_files(files, options);
  CHECK(data.name == "ratings");
  CHECK(data.items.size() == 3);
  REQUIRE(data.item_text.size() == 1);  // the year is a number
  CHECK(data.item_text[0].values[0] == "Heat, (1995)");
  CHECK(data.item_text[0].values[1] == "A \"B\"");
  CHECK(data.test.size() + data.zero.size() == 2);
  CHECK(data.train.size() == 4);
  CHECK(has_notice(data, "1 records are rated too low"));
  CHECK_THROWS_AS(load_files({}, options), ConfigError);
  for (auto split : {&DatasetFiles::train, &DatasetFiles::valid, &DatasetFiles::test, &DatasetFiles::zero}) {
    DatasetFiles both = files;
    both.*split = files.interactions;
    CHECK_THROWS_AS(load_files(both, options), ConfigError);
  }
  // What is no number of seconds is left alone when no column is said to hold them.
  files.interactions = folder.write("dated.csv", "userId,movieId,rating,timestamp\n1,10,4,2019-01-01\n1,20,5,2019\n");
  CHECK_THROWS_AS(load_files(files, options), DataError);
  options.columns.timestamp = "";
  CHECK(load_files(files, options).train.size() == 1);
}

TEST_CASE("the MIND and MovieLens folders load as they are known to be") {
  const auto mind = shared_data() / "mind";
  const auto movies = shared_data() / "ml-small";
  if (!std::filesystem::exists(mind) || !std::filesystem::exists(movies)) {
    WARN("skipped: there is no data folder");
    return;
  }
  const Dataset news = load_dataset(mind);
  CHECK(news.name == "mind");
  CHECK(news.train.users() == 57128);
  CHECK(news.items.size() == 3827);
  CHECK(news.train.size() == 89734);
  CHECK(news.test.size() == 87974);
  CHECK(news.zero.size() == 25928);
  CHECK(news.item_text.size() == 4);
  CHECK(news.item_vectors.cols() == 384);
  CHECK(news.item_profiles.cols() == 384);
  CHECK_FALSE(news.item_profiles == news.item_vectors);
  CHECK(news.user_profiles.rows() == 57128);
  for (Id user = 0; user < 100; ++user) {
    double squares = 0;
    for (const float x : news.user_profiles.row(user)) squares += static_cast<double>(x) * x;
    CHECK(squares == Approx(news.train.of(user).empty() ? 0 : 1));
  }
  const Dataset films = load_dataset(movies);
  CHECK(films.items.size() == 3650);
  CHECK(films.train.size() == 57997);
  CHECK(static_cast<Index>(films.train_values.timestamps.size()) == films.train.size());
  CHECK(films.item_profiles == films.item_vectors);
}
