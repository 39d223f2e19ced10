#include "reclm/data/split_files.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "reclm/core/error.hpp"
#include "reclm/data/features.hpp"
#include "reclm/data/load.hpp"
#include "reclm/data/npy.hpp"
#include "reclm/data/world.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using reclm::test::TemporaryFolder;
using reclm_test::contains;
namespace fs = std::filesystem;

namespace {

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Dataset small_shop() {
  Dataset data;
  data.name = "shop";
  for (const char* user : {"ann", "bob"}) data.users.insert(user);
  for (const char* item : {"tea", "oil", "rye", "fig"}) data.items.insert(item);
  data.train = Interactions::from_pairs(2, 4, std::vector<Pair>{{0, 0}, {0, 1}, {1, 1}});
  data.train_values = {.ratings = {4, 2.5f, 1}, .timestamps = {964982703, 0.1, 1e18}};
  data.valid = Interactions::from_pairs(2, 4, std::vector<Pair>{{1, 0}});
  data.zero = Interactions::from_pairs(2, 4, std::vector<Pair>{{0, 3}});
  data.valid_candidates = items_of(data.valid);
  data.zero_candidates = {2, 3};
  return data;
}

}  // namespace

TEST_CASE("splits that are written and read are the same") {
  const TemporaryFolder folder;
  Dataset data = make_world({.users = 120, .items = 150, .seed = 5}).dataset;
  carve_validation(data, {.by_time = true});
  write_splits(folder.path(), data);
  const Dataset again = load_dataset(folder.path());
  CHECK(again.name == data.name);
  CHECK(again.train == data.train);
  CHECK(again.valid == data.valid);
  CHECK(again.test == data.test);
  CHECK(again.zero == data.zero);
  CHECK(again.train_values == data.train_values);
  CHECK(again.valid_candidates == data.valid_candidates);
  CHECK(again.test_candidates == data.test_candidates);
  CHECK(again.zero_candidates == data.zero_candidates);
  for (Id user = 0; user < data.users.size(); ++user) CHECK(again.users.name(user) == data.users.name(user));
  for (Id item = 0; item < data.items.size(); ++item) CHECK(again.items.name(item) == data.items.name(item));
}

TEST_CASE("split files hold values, candidates of their own, and the order of ids") {
  const TemporaryFolder folder;
  write_splits(folder.path() / "new", small_shop());
  const auto text = [&](const char* file) { return text_of(folder.path() / "new" / file); };
  CHECK(text("shop.train.inter") ==
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
        "ann\ttea\t4\t964982703\nann\toil\t2.5\t0.1\nbob\toil\t1\t1e+18\n");
  CHECK(text("shop.valid.inter") == "user_id:token\titem_id:token\nbob\ttea\n");
  CHECK(text("shop.zero.candidates") == "rye\nfig\n");
  CHECK(text("shop.user") == "user_id:token\nann\nbob\n");
  CHECK_FALSE(fs::exists(folder.path() / "new/shop.test.inter"));
  CHECK_FALSE(fs::exists(folder.path() / "new/shop.valid.candidates"));
  const Dataset again = load_dataset(folder.path() / "new", {.keep_ratings = true, .features = false});
  CHECK(again.train_values == small_shop().train_values);
  CHECK(again.zero_candidates == small_shop().zero_candidates);
}

TEST_CASE("a table that is there already stays") {
  const TemporaryFolder folder;
  folder.write("shop.item", "item_id:token\ttitle:token_seq\ntea\tGreen\noil\tOil\nrye\tRye\nfig\tFig\n");
  write_splits(folder.path(), small_shop());
  CHECK(contains(text_of(folder.path() / "shop.item"), "Green"));
}

TEST_CASE("splits that files cannot hold are refused") {
  const TemporaryFolder folder;
  Dataset data = small_shop();
  data.items.insert("two\nlines");
  CHECK_THROWS_AS(write_splits(folder.path() / "bad", data), DataError);
  CHECK_FALSE(fs::exists(folder.path() / "bad/shop.train.inter"));
  CHECK_THROWS_AS(write_ids(folder / "items.ids", data.items), DataError);
  write_ids(folder / "users.ids", data.users);
  CHECK(read_ids(folder / "users.ids").find("bob") == Id{1});
  folder.write("file", "x");
  CHECK_THROWS_AS(write_splits(folder.path() / "file/below", small_shop()), IoError);
}

TEST_CASE("splits replace those of an earlier write, candidates too") {
  const TemporaryFolder folder;
  Dataset data = small_shop();
  write_splits(folder.path(), data);
  data.zero_candidates = {3};
  data.valid = {};
  write_splits(folder.path(), data);
  CHECK_FALSE(fs::exists(folder / "shop.zero.candidates"));
  CHECK_FALSE(fs::exists(folder / "shop.valid.inter"));
  const Dataset again = load_dataset(folder.path());
  CHECK(again.valid.empty());
  CHECK(again.zero_candidates == std::vector<Id>{3});
  data.zero_candidates.clear();  // not said: those of the targets
  write_splits(folder.path(), data);
  CHECK(load_dataset(folder.path()).zero_candidates == std::vector<Id>{3});
}

TEST_CASE("data sets that files would change are refused") {
  const TemporaryFolder folder;
  Dataset hidden = small_shop();
  hidden.valid_zero = hidden.zero;
  CHECK_THROWS_AS(write_splits(folder.path(), hidden), ConfigError);
  Dataset nameless = small_shop();
  nameless.items = {};
  CHECK_THROWS_AS(write_splits(folder.path(), nameless), ShapeError);
  CHECK_FALSE(fs::exists(folder / "shop.train.inter"));
}

TEST_CASE("ratings are written as they are read") {
  const TemporaryFolder folder;
  Dataset data = small_shop();
  data.train_values.ratings = {4.1f, 0.3f, 5};
  write_splits(folder.path(), data);
  CHECK(contains(text_of(folder / "shop.train.inter"), "\t4.1\t"));
  CHECK(contains(text_of(folder / "shop.train.inter"), "\t0.3\t"));
}

TEST_CASE("vectors without ids keep their rows when the order of items changes") {
  const TemporaryFolder from;
  from.write("s.inter",
             "user_id:token\titem_id:token\trating:float\nu\tA\t1\nu\tB\t4.5\nv\tA\t5\nv\tC\t5\nw\tB\t5\nw\tC\t4.5\n");
  Matrix<float> vectors(3, 1);
  for (Index row = 0; row < 3; ++row) vectors(row, 0) = static_cast<float>(row + 1);
  write_npy(from / "item_text.npy", vectors);
  const Dataset data = load_dataset(from.path(), {.min_rating = 4, .split = {.cold_items = 0}});
  REQUIRE(data.items.name(0) == "B");
  const TemporaryFolder to;
  write_npy(to / "item_text.npy", vectors);
  CHECK_THROWS_AS(write_splits(to.path(), data), DataError);
  CHECK_FALSE(fs::exists(to / "s.item"));
  write_row_ids(from.path(), to.path());
  write_splits(to.path(), data);
  CHECK(load_dataset(to.path()).item_vectors == data.item_vectors);
  CHECK_FALSE(fs::exists(to / "user_profile.ids"));
}
