#include "reclm/data/safetensors.hpp"

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <utility>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;

namespace {

// A file with the given header text and data bytes.
std::string file_of(const std::string& header, const std::string& data, std::uint64_t claimed) {
  std::string text(8, '\0');
  std::memcpy(text.data(), &claimed, 8);
  return text + header + data;
}
std::string file_of(const std::string& header, const std::string& data) { return file_of(header, data, header.size()); }

std::string message_of(const std::filesystem::path& path) {
  try {
    SafetensorsFile::open(path);
  } catch (const DataError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("tensors of all types and shapes come back from a safetensors file") {
  const test::TemporaryFolder folder;
  Matrix<float> weights(2, 3, std::vector<float>{1, -2, 3.5f, 0, 5, std::numeric_limits<float>::infinity()});
  Matrix<double> exact(1, 2, std::vector<double>{1e300, -0.1});
  const std::vector<Index> big{1, -2, Index{1} << 40};
  const std::vector<Id> ids{7, -8};
  const std::vector<std::uint8_t> bytes{0, 255, 3};
  const std::vector<float> none;
  const float scalar = 42;
  const std::vector<NamedTensor> tensors{NamedTensor::of("bytes", bytes),
                                         NamedTensor::of("weights", weights),
                                         NamedTensor::of("exact", exact),
                                         NamedTensor::of("big", big),
                                         NamedTensor::of("ids", ids),
                                         NamedTensor::of("none", none),
                                         NamedTensor::of("scalar", std::span<const float>(&scalar, 1), {}),
                                         NamedTensor::of("a \"name\" · with ☃", std::span<const Id>(ids), {2, 1, 1})};
  const auto path = folder / "model.safetensors";
  write_safetensors(path, tensors, {{"step", "17"}, {"format", "pt"}});

  const auto file = SafetensorsFile::open(path);
  CHECK(file.metadata().at("step") == "17");
  CHECK(file.names().size() == tensors.size());
  CHECK(file.contains("weights"));
  CHECK_FALSE(file.contains("weight"));
  CHECK(file.matrix<float>("weights") == weights);
  CHECK(file.matrix<double>("exact") == exact);
  CHECK(file.vector<Index>("big") == big);
  CHECK(file.vector<Id>("ids") == ids);
  CHECK(file.vector<std::uint8_t>("bytes") == bytes);
  CHECK(file.vector<float>("none").empty());
  CHECK(file.vector<float>("scalar") == std::vector<float>{42});
  CHECK(file.tensor("scalar").shape.empty());
  CHECK(file.tensor("a \"name\" · with ☃").shape == std::vector<Index>{2, 1, 1});
  CHECK(file.matrix<Id>("ids").rows() == 1);
  CHECK(file.tensor("exact").dtype == DType::f64);
  // Aligned data: other readers map the bytes as they are.
  for (const auto& name : file.names())
    CHECK(reinterpret_cast<std::uintptr_t>(file.tensor(name).bytes.data()) % size_of(file.tensor(name).dtype) == 0);

  CHECK_THROWS_AS(file.tensor("absent"), DataError);
  CHECK_THROWS_AS(file.vector<float>("ids"), DataError);
  CHECK_THROWS_AS(file.vector<Id>("weights"), DataError);
  CHECK_THROWS_AS(file.vector<Id>("big"), DataError);
  CHECK_THROWS_AS(file.matrix<float>("scalar"), DataError);
}

TEST_CASE("writing the same tensors gives the same bytes") {
  const test::TemporaryFolder folder;
  const Matrix<float> weights(4, 4, 0.25f);
  const std::vector<NamedTensor> tensors{NamedTensor::of("b", weights), NamedTensor::of("a", weights)};
  const auto content = [&](const char* name) {
    write_safetensors(folder / name, tensors, {{"x", "1"}});
    std::ostringstream text;
    text << std::ifstream(folder / name, std::ios::binary).rdbuf();
    return text.str();
  };
  CHECK(content("one") == content("two"));
}

TEST_CASE("half and bfloat16 tensors are read as float") {
  const test::TemporaryFolder folder;
  // 1, -2, 65504, 2^-24, infinity in binary16; then the same words as bfloat16.
  const std::vector<std::uint16_t> words{0x3C00, 0xC000, 0x7BFF, 0x0001, 0x7C00, 0x3F80, 0xC000};
  const std::string data(reinterpret_cast<const char*>(words.data()), 2 * words.size());
  const auto path =
      folder.write("half.safetensors", file_of(R"({"h":{"dtype":"F16","shape":[5],"data_offsets":[0,10]},)"
                                               R"("b":{"dtype":"BF16","shape":[2],"data_offsets":[10,14]}})",
                                               data));
  const auto file = SafetensorsFile::open(path);
  CHECK(file.vector<float>("h") == std::vector<float>{1, -2, 65504, 0x1p-24f, std::numeric_limits<float>::infinity()});
  CHECK(file.vector<float>("b") == std::vector<float>{1, -2});
}

TEST_CASE("doubles that a float cannot hold are refused, not made infinite") {
  const test::TemporaryFolder folder;
  const std::vector<double> values{1e300, -std::numeric_limits<double>::infinity()};
  const std::string data(reinterpret_cast<const char*>(values.data()), 16);
  const auto path =
      folder.write("wide.safetensors", file_of(R"({"large":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},)"
                                               R"("endless":{"dtype":"F64","shape":[1],"data_offsets":[8,16]}})",
                                               data));
  const auto file = SafetensorsFile::open(path);
  CHECK(file.vector<double>("large") == std::vector<double>{1e300});
  CHECK_THROWS_AS(file.vector<float>("large"), DataError);
  CHECK(file.vector<float>("endless") == std::vector<float>{-std::numeric_limits<float>::infinity()});
}

TEST_CASE("damaged safetensors files are refused with the reason") {
  const test::TemporaryFolder folder;
  const auto refused = [&](const std::string& content, const std::string& reason) {
    const auto path = folder.write("bad.safetensors", content);
    const std::string message = message_of(path);
    INFO(message);
    CHECK(message.find(path.string()) == 0);
    CHECK(message.find(reason) != std::string::npos);
    CHECK(message.find("Remedy: ") != std::string::npos);
  };
  const std::string eight(8, 'x');
  const auto tensor = [](const std::string& name, const std::string& rest) {
    return "\"" + name + "\":{" + rest + "}";
  };
  const std::string good = R"("dtype":"F32","shape":[2],"data_offsets":[0,8])";

  refused("", "too few");
  refused("1234", "too few");
  refused(file_of("{}", "", 1u << 20), "claims");
  refused(file_of("{}", "", ~0ull), "claims");
  refused(file_of("{\"a\":", ""), "not valid JSON");
  refused(file_of("[1]", ""), "not a JSON object");
  refused(file_of(std::string(100000, '['), ""), "not a JSON object");
  refused(file_of(R"({"a":)" + std::string(100000, '{'), ""), "not valid JSON");
  refused(file_of("{" + tensor("a", good) + "," + tensor("a", good) + "}", eight), "twice");
  refused(file_of(R"({"a":3})", ""), "not described");
  refused(file_of("{" + tensor("a", R"("dtype":"F32","shape":[2])") + "}", ""), "not described");
  refused(file_of("{" + tensor("a", R"("dtype":"F7","shape":[2],"data_offsets":[0,8])") + "}", eight), "not supported");
  refused(file_of("{" + tensor("a", R"("dtype":"F32","shape":2,"data_offsets":[0,8])") + "}", eight), "shape");
  refused(file_of("{" + tensor("a", R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])") + "}", eight), "size");
  refused(file_of("{" + tensor("a", R"("dtype":"F32","shape":[2],"data_offsets":[0,8,9])") + "}", eight), "pair");
  refused(file_of("{" + tensor("a", R"("dtype":"F32","shape":[2],"data_offsets":[8,0])") + "}", eight), "lies at");
  refused(file_of("{" + tensor("a", good) + "}", "1234"), "lies at");  // declared beyond the file
  refused(file_of("{" + tensor("a", R"("dtype":"F32","shape":[3],"data_offsets":[0,8])") + "}", eight), "not what");
  refused(
      file_of("{" + tensor("a", R"("dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8])") + "}", eight),
      "not what");  // overflows to 0 elements in 64 bits
  refused(file_of("{" + tensor("a", good) + "}", eight + "tail"), "end at byte");
  refused(file_of("{" + tensor("a", R"("dtype":"F32","shape":[2],"data_offsets":[4,12])") + "}", eight + "tail"),
          "gap");
  refused(
      file_of("{" + tensor("a", good) + "," + tensor("b", R"("dtype":"F32","shape":[2],"data_offsets":[4,12])") + "}",
              eight + "tail"),
      "overlaps");
  refused(file_of(R"({"__metadata__":{"a":1}})", ""), "not text");
  refused(file_of(R"({"__metadata__":[]})", ""), "not an object");

  CHECK_THROWS_AS(SafetensorsFile::open(folder / "missing.safetensors"), IoError);
  CHECK_THROWS_AS(SafetensorsFile::open(folder.path()), IoError);
}

namespace {

template <class Values>
concept NamesTensor = requires(Values&& values) {
  NamedTensor::of("a", std::forward<Values>(values));
};

}  // namespace

TEST_CASE("a tensor is not named in memory that goes away") {
  STATIC_REQUIRE(NamesTensor<const std::vector<float>&>);
  STATIC_REQUIRE(NamesTensor<Matrix<float>&>);
  STATIC_REQUIRE_FALSE(NamesTensor<std::vector<float>>);
  STATIC_REQUIRE_FALSE(NamesTensor<const std::vector<float>>);
  STATIC_REQUIRE_FALSE(NamesTensor<Matrix<float>>);
}

TEST_CASE("write_safetensors refuses what it could not read back, and leaves the old file alone") {
  const test::TemporaryFolder folder;
  const auto path = folder.write("model.safetensors", "old");
  const std::vector<float> values{1, 2};
  const auto one = NamedTensor::of("a", values);
  NamedTensor short_one = one;
  short_one.tensor.shape = {3};
  CHECK_THROWS_AS(write_safetensors(path, std::vector{one, one}), ConfigError);
  CHECK_THROWS_AS(write_safetensors(path, std::vector{short_one}), ConfigError);
  CHECK_THROWS_AS(write_safetensors(path, std::vector{NamedTensor::of("\xFF", values)}), ConfigError);
  CHECK_THROWS_AS(write_safetensors(path, std::vector{NamedTensor::of("__metadata__", values)}), ConfigError);
  CHECK_THROWS_AS(write_safetensors(folder / "no-folder/x", std::vector{one}), IoError);
  CHECK_THROWS_AS(NamedTensor::of("a", std::span<const float>(values), {3}), ShapeError);
  CHECK(std::filesystem::file_size(path) == 3);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), std::filesystem::directory_iterator()) == 1);
}
