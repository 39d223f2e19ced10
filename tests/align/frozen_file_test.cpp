/// Files of the frozen tier: the same model back, what serving needs, and files that are not what they should be.
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "model/planted_clicks.hpp"
#include "reclm/adapt.hpp"
#include "reclm/data/npy.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using namespace reclm_test;
using reclm::test::TemporaryFolder;

namespace {

struct SmallModel {
  Matrix<float> u, v;
  explicit SmallModel(Index users = 61, Index items = 81, Index width = 6)
      : u(tastes(users, width, 11)), v(tastes(items, width, 12)) {}
  [[nodiscard]] const Matrix<float>& user_factors() const { return u; }
  [[nodiscard]] const Matrix<float>& item_factors() const { return v; }
};

struct SmallScorer {
  Id user_count = 61, item_count = 81, groups = 4;
  [[nodiscard]] Id users() const { return user_count; }
  [[nodiscard]] Id items() const { return item_count; }
  void score(Id user, std::span<const Id> items, std::span<float> out) const {
    for (std::size_t k = 0; k < items.size(); ++k)
      out[k] =
          (items[k] % groups == user % groups ? 1.0f : 0.0f) + 0.01f * static_cast<float>((items[k] * 7 + user) % 13);
  }
};

std::vector<char> bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}
void write(const std::filesystem::path& path, std::span<const char> bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// A copy of a file without the tensors `left_out`; where `damage` is given, with the values of tensor `name` damaged.
template <class T = float>
void copy_with(const std::filesystem::path& from, const std::filesystem::path& to, const std::string& name,
               const std::function<void(std::vector<T>&)>& damage, std::span<const std::string> left_out = {}) {
  const SafetensorsFile file = SafetensorsFile::open(from);
  std::vector<NamedTensor> tensors;
  std::vector<T> values;
  for (const std::string& each : file.names()) {
    if (std::find(left_out.begin(), left_out.end(), each) != left_out.end()) continue;
    NamedTensor tensor{each, file.tensor(each)};
    if (each == name) {
      values.resize(tensor.tensor.bytes.size() / sizeof(T));
      std::memcpy(values.data(), tensor.tensor.bytes.data(), tensor.tensor.bytes.size());
      damage(values);
      tensor.tensor.bytes = std::as_bytes(std::span<const T>(values));
    }
    tensors.push_back(tensor);
  }
  write_safetensors(to, tensors, file.metadata());
}
const std::vector<std::string> kSince03{"model", "model.seen_scores", "report.calibration", "report.curves"};

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
  const SmallModel model;
  check(model);
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
  std::vector<float> scores(2), served(2);
  enhanced.score(9, std::vector<Id>{3, 1}, scores);
  serving.score(9, std::vector<Id>{3, 1}, served);
  CHECK(served == scores);
  for (const Id beyond : {-1, 1 << 20}) {
    CHECK_THROWS_AS(serving.score(beyond, std::vector<Id>{3, 1}, served), ShapeError);
    CHECK_THROWS_AS(serving.score(9, std::vector<Id>{3, beyond}, served), ShapeError);
  }
  CHECK_THROWS_AS(serving.score(9, std::vector<Id>{3}, served), ShapeError);

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

TEST_CASE("files of a model of other sizes are refused") {
  const Dataset data = planted_data(), large = planted_data(70, 90);
  const TemporaryFolder folder;
  const auto path = folder / "large.safetensors", old = folder / "old.safetensors";
  const auto check = [&](const auto& model, const auto& larger, bool old_is_known) {
    auto source = adapt(larger, make_profiles(large.item_profiles));
    source.fit(large.train, large.valid);
    source.save(path);
    auto enhanced = adapt(model, make_profiles(data.item_profiles));
    CHECK_THROWS_AS(enhanced.load(path), DataError);
    copy_with<float>(path, old, "", {}, kSince03);
    if (old_is_known) CHECK_THROWS_AS(enhanced.load(old), DataError);
    enhanced.fit(data.train);
    enhanced.save(path);
    CHECK_THROWS_AS(source.load(path), DataError);
  };
  check(SmallScorer{}, SmallScorer{70, 90}, true);
  const SmallModel model, larger(70, 90), wider(61, 81, 8);
  check(model, larger, false);
  auto enhanced = adapt(model, make_profiles(data.item_profiles));
  enhanced.fit(data.train);
  enhanced.save(path);
  auto wide = adapt(wider, make_profiles(data.item_profiles));
  CHECK_THROWS_AS(wide.load(path), DataError);
}

TEST_CASE("files of another model of the same sizes are refused") {
  const Dataset data = planted_data();
  const TemporaryFolder folder;
  const auto path = folder / "model.safetensors";
  const auto check = [&](const auto& model, const auto& trained_anew) {
    auto enhanced = adapt(model, make_profiles(data.item_profiles));
    enhanced.fit(data.train, data.valid);
    enhanced.save(path);
    auto other = adapt(trained_anew, make_profiles(data.item_profiles));
    try {
      other.load(path);
      FAIL("another model's file was taken");
    } catch (const DataError& error) {
      CHECK(contains(error.what(), "another model"));
    }
  };
  check(SmallScorer{}, SmallScorer{.groups = 5});
  SmallModel turned;
  for (Index k = 0; k < turned.v.size(); ++k) turned.v.data()[k] *= -1;
  check(SmallModel{}, turned);
}

TEST_CASE("a file with a damaged number is refused by name") {
  const Dataset data = planted_data();
  const SmallScorer scorer;
  const TemporaryFolder folder;
  const auto good = folder / "good.safetensors", bad = folder / "bad.safetensors";
  auto enhanced = adapt(scorer, make_profiles(data.item_profiles, data.user_profiles), {.cutoff = 5});
  enhanced.fit(data.train, data.valid);
  enhanced.save(good);
  copy_with<float>(good, bad, "", {});
  enhanced.load(bad);  // the copy itself is fine
  const auto refused = [&]<class T>(const std::string& name, std::size_t place, T value) {
    copy_with<T>(good, bad, name, [&](std::vector<T>& values) { values.at(place) = value; });
    INFO(name << " " << place);
    CHECK_THROWS_AS(enhanced.load(bad), DataError);
  };
  for (const std::size_t place : {0, 2, 3, 5, 8, 9}) refused("choice", place, std::nan(""));
  refused("choice", 9, std::numeric_limits<double>::infinity());
  refused("choice", 8, -1.0);
  for (const double count : {-1.0, 1e300, std::nan("")}) refused("choice", 10, count);
  refused("report", 0, std::nan(""));
  for (const std::size_t place : {0, 1, 2}) refused("scale", place, std::nan(""));
  refused("mean_user", 0, NAN);
  refused("head.mean", 1, NAN);
  refused("user_head.mean", 1, INFINITY);
  refused("own", 1, NAN);
  refused("layout", 0, std::numeric_limits<Index>::max());
  refused("layout", 1, Index{-1});
  refused("cold_probes", 0, Id{-77});
  refused("cold_probes", 0, Id{81});
  refused("model", 0, Id{62});
  refused("model.seen_scores", 3, 1e3f);
  refused("model.seen_scores", 3, NAN);
  refused("head.base", 0, NAN);
  refused("report.curves", 0, std::nan(""));
  // The largest number of items that may be asked for is fine.
  copy_with<double>(good, bad, "choice", [](std::vector<double>& values) { values[2] = 0x1p63; });
  enhanced.load(bad);
  CHECK(enhanced.report().choice.ease.items > 1000000);
}

TEST_CASE("a scorer that knows nothing of unseen items is saved and loaded like any other") {
  const Dataset data = planted_data();
  struct : SmallScorer {
    const Interactions* train = nullptr;
    void score(Id user, std::span<const Id> items, std::span<float> out) const {
      SmallScorer::score(user, items, out);
      const std::vector<Index> clicks = train->item_counts();
      for (std::size_t k = 0; k < items.size(); ++k)
        if (clicks[static_cast<std::size_t>(items[k])] == 0) out[k] = NAN;
    }
  } scorer;
  scorer.train = &data.train;
  REQUIRE(items_of(data.train).back() < data.train.items() - 1);  // the last item is a probe no longer
  const TemporaryFolder folder;
  auto enhanced = adapt(scorer, make_profiles(data.item_profiles), {.cutoff = 5});
  enhanced.fit(data.train, data.valid);
  enhanced.save(folder / "model.safetensors");
  auto again = adapt(scorer, make_profiles(data.item_profiles), {.cutoff = 5});
  again.load(folder / "model.safetensors");
  CHECK(again.recommend(3, 10).front().score == enhanced.recommend(3, 10).front().score);
  CHECK(again.recommend(3, Index{1} << 40).size() == enhanced.recommend(3, 81).size());  // all there are
  CHECK(again.serving().recommend(3, Index{1} << 40).size() == again.serving().recommend(3, 81).size());
  CHECK_THROWS_AS(ServingModel::load(folder / "model.safetensors"), DataError);
}

TEST_CASE("the knob turns after loading as after the fit") {
  const Dataset data = planted_data();
  const SmallModel model;
  const TemporaryFolder folder;
  const auto path = folder / "model.safetensors", old = folder / "old.safetensors";
  auto enhanced = adapt(model, make_profiles(data.item_profiles), {.cutoff = 5});
  const FitReport report = enhanced.fit(data.train, data.valid);
  enhanced.save(path);
  auto again = adapt(model, make_profiles(data.item_profiles), {.cutoff = 5});
  again.load(path);
  const FitReport loaded = again.report();
  CHECK(loaded.coverage == report.coverage);
  CHECK(loaded.warm_enhanced == report.warm_enhanced);
  REQUIRE(loaded.curves.size() == report.curves.size());
  CHECK(loaded.curve.size() == report.curve.size());
  for (const double floor : {0.99, 0.5, 0.0}) {
    const FrozenChoice now = choice_for(loaded, floor), then = choice_for(report, floor);
    CHECK(now.cold_offset == then.cold_offset);
    CHECK(now.cold_gain == then.cold_gain);
  }
  // Files of 0.2 have no curves: they load, and the knob says that it cannot turn.
  copy_with<float>(path, old, "", {}, kSince03);
  again.load(old);
  CHECK(again.recommend(3, 5).front().item == enhanced.recommend(3, 5).front().item);
  REQUIRE(std::isfinite(again.report().choice.cold_offset));
  CHECK_THROWS_AS(choice_for(again.report(), 0.5), ConfigError);
}

TEST_CASE("profiles come from files of half precision, and are refused when no adapter could use them") {
  const TemporaryFolder folder;
  // What numpy.save writes for np.array([[1, -2, 0.5], [0, 65504, 2**-24]], np.float16).
  std::string npy("\x93NUMPY\x01\x00", 8), header = "{'descr': '<f2', 'fortran_order': False, 'shape': (2, 3), }";
  header.resize(117, ' ');
  npy += std::string("\x76\x00", 2) + header + "\n";
  for (const std::uint16_t bits : {0x3C00, 0xC000, 0x3800, 0x0000, 0x7BFF, 0x0001})
    npy += {static_cast<char>(bits & 0xFF), static_cast<char>(bits >> 8)};
  write(folder / "items.npy", std::vector<char>(npy.begin(), npy.end()));
  const Profiles profiles = load_profiles("", folder / "items.npy");
  REQUIRE(profiles.items.rows() == 2);
  const std::vector<float> expected{1, -2, 0.5f, 0, 65504, 5.9604645e-8f};
  CHECK(std::vector<float>(profiles.items.data(), profiles.items.data() + 6) == expected);
  CHECK(profiles.users.empty());

  write_npy(folder / "wide.npy", Matrix<float>(2, 4097));
  CHECK_THROWS_AS(load_profiles("", folder / "wide.npy"), ShapeError);
  CHECK_THROWS_AS(load_profiles(folder / "wide.npy", folder / "items.npy"), ShapeError);
  CHECK_THROWS_AS(load_profiles("", folder / "none.npy"), IoError);
  write(folder / "short.npy", std::vector<char>(npy.begin(), npy.end() - 1));
  CHECK_THROWS_AS(load_profiles("", folder / "short.npy"), DataError);
}
