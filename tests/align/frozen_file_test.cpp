/// Files of the frozen tier: the same model back, what serving needs, and files that are not what they should be.
#include <fstream>

#include "model/planted_clicks.hpp"
#include "reclm/adapt.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using namespace reclm_test;
using reclm::test::TemporaryFolder;

namespace {

struct SmallModel {
  Matrix<float> u = tastes(61, 6, 11), v = tastes(81, 6, 12);
  [[nodiscard]] const Matrix<float>& user_factors() const { return u; }
  [[nodiscard]] const Matrix<float>& item_factors() const { return v; }
};

struct SmallScorer {
  [[nodiscard]] Id users() const { return 61; }
  [[nodiscard]] Id items() const { return 81; }
  void score(Id user, std::span<const Id> items, std::span<float> out) const {
    for (std::size_t k = 0; k < items.size(); ++k)
      out[k] = (items[k] % 4 == user % 4 ? 1.0f : 0.0f) + 0.01f * static_cast<float>((items[k] * 7 + user) % 13);
  }
};

std::vector<char> bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}
void write(const std::filesystem::path& path, std::span<const char> bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

TEST_CASE("a saved enhanced model comes back whole, newcomers and all") {
  const Dataset data = planted_data();
  const TemporaryFolder folder;
  const auto check = [&](const auto& model) {
    auto enhanced = adapt(model, make_profiles(data.item_profiles, data.user_profiles));
    enhanced.fit(data.train, data.valid);
    enhanced.add_item(std::vector<float>(10, 0.1f));
    enhanced.add_user(std::array<Id, 2>{1, 5});
    enhanced.save(folder / "model.safetensors");

    auto again = adapt(model, make_profiles(data.item_profiles, data.user_profiles));
    again.load(folder / "model.safetensors");
    std::vector<Id> users(62);
    std::iota(users.begin(), users.end(), Id{0});
    CHECK(again.users() == 62);
    CHECK(again.items() == 82);
    CHECK(again.top_k(users, 10).items == enhanced.top_k(users, 10).items);
    CHECK(again.top_k(users, 10).scores == enhanced.top_k(users, 10).scores);
    CHECK(again.report().enhanced == enhanced.report().enhanced);
    CHECK(again.add_item(std::vector<float>(10, 0.2f)) == 82);
    CHECK(again.recommend(again.add_user({}, std::vector<float>(10, 0.2f)), 4).size() == 4);
    again.save(folder / "again.safetensors");
  };
  check(SmallModel{});
  const SmallScorer scorer;
  check(scorer);
}

TEST_CASE("a serving model ranks as the enhanced one did, from its own file") {
  const Dataset data = planted_data();
  const SmallModel model;
  const TemporaryFolder folder;
  auto enhanced = adapt(model, make_profiles(data.item_profiles));
  enhanced.fit(data.train, data.valid);
  enhanced.serving().save(folder / "serving.safetensors");
  const ServingModel serving = ServingModel::load(folder / "serving.safetensors");
  const std::vector<Id> users{4, 9, 60};
  CHECK(serving.top_k(users, 12).items == enhanced.top_k(users, 12).items);
  CHECK(serving.recommend(9, 3).front().item == enhanced.recommend(9, 3).front().item);
  static_assert(Scorer<ServingModel> && FactorModel<ServingModel>);

  auto whole = bytes_of(folder / "serving.safetensors");
  write(folder / "short.safetensors", std::span(whole).first(whole.size() - 9));
  CHECK_THROWS_AS(ServingModel::load(folder / "short.safetensors"), DataError);
}

TEST_CASE("files that are no enhanced model of this kind are refused, and the model stays as it was") {
  const Dataset data = planted_data();
  const SmallModel model;
  const SmallScorer scorer;
  const TemporaryFolder folder;
  auto enhanced = adapt(model, make_profiles(data.item_profiles));
  enhanced.fit(data.train, data.valid);
  enhanced.save(folder / "good.safetensors");
  const auto list = enhanced.recommend(3, 5);
  const auto good = bytes_of(folder / "good.safetensors");

  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, good.size() / 2, good.size() - 1}) {
    write(folder / "bad.safetensors", std::span(good).first(size));
    CHECK_THROWS_AS(enhanced.load(folder / "bad.safetensors"), DataError);
  }
  auto huge = good;  // a header that claims 2^60 bytes
  huge[7] = 0x10;
  write(folder / "bad.safetensors", huge);
  CHECK_THROWS_AS(enhanced.load(folder / "bad.safetensors"), DataError);
  enhanced.serving().save(folder / "serving.safetensors");
  CHECK_THROWS_AS(enhanced.load(folder / "serving.safetensors"), DataError);
  CHECK_THROWS_AS(enhanced.load(folder / "absent.safetensors"), IoError);
  auto other = adapt(scorer, make_profiles(data.item_profiles));
  CHECK_THROWS_AS(other.load(folder / "good.safetensors"), DataError);
  auto broken = good;  // flags of seen items that are no flags
  for (std::size_t k = broken.size() - 8; k < broken.size(); ++k) broken[k] = static_cast<char>(0xFF);
  write(folder / "bad.safetensors", broken);
  CHECK_THROWS_AS(enhanced.load(folder / "bad.safetensors"), DataError);
  CHECK(enhanced.recommend(3, 5).front().item == list.front().item);
}
