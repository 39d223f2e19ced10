/// Texts to vectors: whose row is whose, and what those without a profile get.
#include "reclm/instruct/profile_vectors.hpp"

#include "reclm/data/load.hpp"
#include "small_town.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using namespace reclm::instruct;
using namespace reclm_test;

namespace {

/// Length and first letter; counts what it is given.
struct LengthEncoder {
  std::vector<std::string>* seen = nullptr;
  Matrix<float> operator()(std::span<const std::string> texts) const {
    Matrix<float> rows(static_cast<Index>(texts.size()), 2);
    for (std::size_t k = 0; k < texts.size(); ++k) {
      rows(static_cast<Index>(k), 0) = static_cast<float>(texts[k].size());
      rows(static_cast<Index>(k), 1) = static_cast<float>(texts[k][0]);
      if (seen != nullptr) seen->push_back(texts[k]);
    }
    return rows;
  }
};

const std::vector<std::string> kItems{"a", "", "bbb", "a", "", "cc"}, kUsers{"bbb", "", "dddd", ""};

std::vector<float> row(const Matrix<float>& m, Index r) { return {m.row(r).begin(), m.row(r).end()}; }

}  // namespace

TEST_CASE("each text is encoded once, and everybody gets the row of their text") {
  std::vector<std::string> seen;
  const Profiles profiles = encode_profiles(kItems, kUsers, LengthEncoder{&seen});
  CHECK(seen == std::vector<std::string>{"a", "bbb", "cc", "dddd"});
  CHECK(row(profiles.items, 2) == std::vector<float>{3, 'b'});
  CHECK(row(profiles.items, 3) == std::vector<float>{1, 'a'});
  CHECK(row(profiles.items, 4) == std::vector<float>{0, 0});
  CHECK(row(profiles.users, 2) == std::vector<float>{4, 'd'});
  CHECK(profiles.has_item == std::vector<std::uint8_t>{1, 0, 1, 1, 0, 1});
  CHECK(profiles.has_user == std::vector<std::uint8_t>{1, 0, 1, 0});
  CHECK(encode_profiles(kItems, {}, LengthEncoder{}).users.empty());
  const std::vector<std::string> none(6);
  CHECK_THROWS_AS(encode_profiles(none, {}, LengthEncoder{}), ConfigError);
  CHECK_THROWS_AS(encode_profiles(kItems, {}, [](std::span<const std::string>) { return Matrix<float>(1, 2); }),
                  ShapeError);
}

TEST_CASE("a data set takes profiles in memory as it would from files") {
  Dataset data = small_town();
  data.item_vectors = Matrix<float>(6, 2, 0.5f);
  const Profiles profiles = encode_profiles(kItems, kUsers, LengthEncoder{});
  use_profiles(data, profiles);
  CHECK(row(data.item_profiles, 1) == std::vector<float>{0.5f, 0.5f});
  CHECK(row(data.item_profiles, 5) == std::vector<float>{2, 'c'});
  CHECK(row(data.user_profiles, 0) == std::vector<float>{3, 'b'});
  CHECK(data.profile_from_history == std::vector<std::uint8_t>{0, 1, 0, 1});
  CHECK(data.user_profiles(1, 1) > 0.9f);  // the mean of its history, of unit length
  CHECK_THROWS_AS(use_profiles(data, encode_profiles(kUsers, {}, LengthEncoder{})), ShapeError);

  const test::TemporaryFolder folder;
  folder.write("town.train.inter",
               "user_id:token\titem_id:token\nu0\ti0\nu0\ti1\nu0\ti2\nu1\ti0\nu1\ti1\nu1\ti3\nu2\ti0\nu2\ti4\n");
  folder.write("town.user", "user_id:token\nu0\nu1\nu2\nu3\n");
  folder.write("town.item", "item_id:token\ni0\ni1\ni2\ni3\ni4\ni5\n");
  write_npy(folder / "item_text.npy", data.item_vectors);
  write_profile_vectors(folder.path(), profiles, data);
  const Dataset loaded = load_dataset(folder.path());
  CHECK(loaded.item_profiles == data.item_profiles);
  CHECK(loaded.user_profiles == data.user_profiles);
  CHECK(loaded.profile_from_history == data.profile_from_history);
}
