#include "reclm/data/npy.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <numeric>

#include "reclm/data/xtensor.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;

namespace {

std::string npy(const std::string& dictionary, const std::string& data, int version = 1) {
  std::string text = "\x93NUMPY";
  text += static_cast<char>(version);
  text += '\0';
  const std::string header = dictionary + "\n";
  for (int byte = 0; byte < (version == 1 ? 2 : 4); ++byte)
    text += static_cast<char>(header.size() >> (8 * byte) & 0xFF);
  return text + header + data;
}

std::string dictionary(const std::string& type, const std::string& shape, bool fortran = false) {
  return "{'descr': '" + type + "', 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': " + shape + ", }";
}

template <class T>
std::string bytes_of(std::vector<T> values, bool swapped = false) {
  std::string data;
  for (const T& value : values) {
    std::string bytes(reinterpret_cast<const char*>(&value), sizeof value);
    if (swapped) std::reverse(bytes.begin(), bytes.end());
    data += bytes;
  }
  return data;
}

template <class Error = DataError, class Call>
std::string message_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("matrices of every type, byte order, memory order and version are read alike") {
  const test::TemporaryFolder folder;
  const Matrix<float> expected(2, 3, std::vector<float>{1, -2, 3, 0.5f, 0, 7});
  const Matrix<float> whole(2, 3, std::vector<float>{1, -2, 3, 4, 0, 7});
  const auto check = [&](const std::string& type, const std::string& data, const Matrix<float>& matrix, bool fortran,
                         int version = 1) {
    INFO(type << " fortran " << fortran << " version " << version);
    CHECK(read_npy(folder.write("a.npy", npy(dictionary(type, "(2, 3)", fortran), data, version))) == matrix);
  };
  const std::vector<double> rows{1, -2, 3, 0.5, 0, 7}, columns{1, 0.5, -2, 0, 3, 7};
  const std::vector<std::uint16_t> half{0x3C00, 0xC000, 0x4200, 0x3800, 0, 0x4700};
  for (const int version : {1, 2, 3}) check("<f8", bytes_of(rows), expected, false, version);
  for (const bool big : {false, true}) {
    const std::string order = big ? ">" : "<";
    check(order + "f8", bytes_of(rows, big), expected, false);
    check(order + "f8", bytes_of(columns, big), expected, true);
    check(order + "f4", bytes_of(std::vector<float>(rows.begin(), rows.end()), big), expected, false);
    check(order + "f4", bytes_of(std::vector<float>(columns.begin(), columns.end()), big), expected, true);
    check(order + "f2", bytes_of(half, big), expected, false);
    check(order + "i4", bytes_of(std::vector<std::int32_t>{1, -2, 3, 4, 0, 7}, big), whole, false);
    check(order + "i8", bytes_of(std::vector<std::int64_t>{1, 4, -2, 0, 3, 7}, big), whole, true);
  }
}

TEST_CASE("arrays of any number of dimensions keep their order") {
  const test::TemporaryFolder folder;
  std::vector<std::int32_t> values(24);
  std::iota(values.begin(), values.end(), 0);
  write_npy<Id>(folder / "c.npy", std::span<const Id>(values), {2, 3, 4});
  const auto array = read_npy_array<Index>(folder / "c.npy");
  CHECK(array.shape == std::vector<Index>{2, 3, 4});
  CHECK(std::equal(array.values.begin(), array.values.end(), values.begin(), values.end()));

  // The same array in Fortran order.
  std::vector<std::int32_t> turned;
  for (int k = 0; k < 4; ++k)
    for (int j = 0; j < 3; ++j)
      for (int i = 0; i < 2; ++i) turned.push_back(12 * i + 4 * j + k);
  const auto path = folder.write("f.npy", npy(dictionary("<i4", "(2, 3, 4)", true), bytes_of(turned)));
  CHECK(read_npy_array<Id>(path).values == values);

  const xt::xarray<double> tensor = read_npy_xtensor<double>(path);
  CHECK(tensor.dimension() == 3);
  CHECK(tensor(1, 2, 3) == 23);
  write_npy(folder / "x.npy", tensor);
  const bool equal = read_npy_xtensor<double>(folder / "x.npy") == tensor;
  CHECK(equal);

  // No dimension, one dimension, and no element.
  CHECK(read_npy_array<float>(folder.write("0.npy", npy(dictionary("<f4", "()"), bytes_of<float>({5})))).values ==
        std::vector<float>{5});
  CHECK(read_npy_array<float>(folder.write("1.npy", npy(dictionary("<f4", "(2,)"), bytes_of<float>({5, 6})))).shape ==
        std::vector<Index>{2});
  CHECK(read_npy(folder.write("e.npy", npy(dictionary("<f4", "(0, 384)"), ""))).cols() == 384);
  CHECK(read_npy_array<float>(folder.write("e.npy", npy(dictionary("<f4", "(3, 0)", true), ""))).values.empty());
}

TEST_CASE("an empty array may have sides whose product fits no number") {
  const test::TemporaryFolder folder;
  const std::string side = "4000000000000000000";  // the sanitizers look for overflow
  const std::string shape = "(" + side + ", 0, " + side + ", " + side + ")";
  const auto path = folder.write("x.npy", npy(dictionary("<f4", shape, true), ""));
  CHECK(read_npy_array<float>(path).values.empty());
}

TEST_CASE("what write_npy writes is read back, and starts on a multiple of 64 bytes") {
  const test::TemporaryFolder folder;
  Matrix<float> matrix(1000, 70);
  for (Index k = 0; k < matrix.size(); ++k) matrix.data()[k] = std::sin(static_cast<float>(k));
  write_npy(folder / "m.npy", matrix);
  CHECK(read_npy(folder / "m.npy") == matrix);
  CHECK((std::filesystem::file_size(folder / "m.npy") - 4 * 70000) % 64 == 0);
  const std::vector<double> one{3};
  write_npy<double>(folder / "v.npy", std::span<const double>(one), {1});
  CHECK(read_npy_array<double>(folder / "v.npy").shape == std::vector<Index>{1});
  CHECK_THROWS_AS(write_npy<double>(folder / "v.npy", std::span<const double>(one), {2}), ShapeError);
}

TEST_CASE("values that are not finite are refused with their row, unless they are allowed") {
  const test::TemporaryFolder folder;
  const auto nan = std::numeric_limits<float>::quiet_NaN();
  const auto path = folder.write("n.npy", npy(dictionary("<f4", "(3, 2)"), bytes_of<float>({0, 1, 2, 3, nan, 5})));
  CHECK(message_of([&] { read_npy(path); }).find("row 2 ") != std::string::npos);
  CHECK(std::isnan(read_npy(path, {.allow_nonfinite = true})(2, 0)));
  const auto turned =
      folder.write("t.npy", npy(dictionary("<f4", "(3, 2)", true), bytes_of<float>({0, nan, 2, 3, 4, 5})));
  CHECK(message_of([&] { read_npy(turned); }).find("row 1 ") != std::string::npos);
  const auto large = folder.write("d.npy", npy(dictionary("<f8", "(1, 1)"), bytes_of<double>({1e300})));
  CHECK(message_of([&] { read_npy(large); }).find("row 0 ") != std::string::npos);
  CHECK(read_npy_array<double>(large).values[0] == 1e300);
}

TEST_CASE("damaged .npy files are refused before memory is taken for them") {
  const test::TemporaryFolder folder;
  const auto refused = [&](const std::string& content, const std::string& reason) {
    const auto path = folder.write("bad.npy", content);
    const std::string message = message_of([&] { read_npy(path); });
    INFO(message);
    CHECK(message.find(path.string()) == 0);
    CHECK(message.find(reason) != std::string::npos);
    CHECK(message.find("Remedy: ") != std::string::npos);
  };
  const std::string four = bytes_of<float>({1, 2, 3, 4});
  refused("", "not a .npy file");
  refused("user_id:token\titem_id:token\n", "not a .npy file");
  refused(npy(dictionary("<f4", "(2, 2)"), four, 9), "version");
  refused(std::string("\x93NUMPY\x01\x00\xFF", 9), "cut off");
  refused(std::string("\x93NUMPY\x02\x00\xFF\xFF\xFF\xFF", 12), "claims");
  refused(npy(dictionary("<f4", "(2, 2)"), four).substr(0, 40), "cut off");
  refused(npy(dictionary("<f4", "(2, 2)"), four.substr(1)), "15 bytes follow");
  refused(npy(dictionary("<f4", "(2, 2)"), four + "tail"), "20 bytes follow");
  refused(npy(dictionary("<f4", "(1000000000000, 1000)"), four), "16 bytes follow");
  refused(npy(dictionary("<f4", "(4294967296, 4294967296)"), four), "16 bytes follow");
  refused(npy(dictionary("<f4", "(4611686018427387905, 1)"), four), "16 bytes follow");
  refused(npy(dictionary("<f4", "(99999999999999999999, 1)"), four), "not a size");
  refused(npy(dictionary("<f4", "(-2, 2)"), four), "not a size");
  refused(npy(dictionary("<f4", "(2, x)"), four), "not a size");
  refused(npy(dictionary("<f4", "(4,)"), four), "two dimensions");
  refused(npy(dictionary("<f4", "(2, 2, 1)"), four), "two dimensions");
  refused(npy(dictionary("<c8", "(2, 2)"), four), "not supported");
  refused(npy(dictionary("|O", "(2, 2)"), four), "not supported");
  refused(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4, 1)}", four), "named fields");
  refused(npy("{'descr': '<f4', 'shape': (2, 2)}", four), "lacks");
  refused(npy("{'descr': '<f4', 'descr': '<f4', 'shape': (2, 2)}", four), "repeated");
  refused(npy("{'descr': '<f4', 'fortran_order': None, 'shape': (2, 2)}", four), "neither");
  refused(npy("{'descr': '<f4", four), "damaged");
  refused(npy(dictionary("<f4", "(2, 2)") + "x", four), "text follows");
  std::string deep = "(1";
  for (int k = 0; k < 40; ++k) deep += ", 1";
  refused(npy(dictionary("<f4", deep + ")"), four), "32 dimensions");

  CHECK_THROWS_AS(read_npy(folder / "missing.npy"), IoError);
  CHECK_THROWS_AS(read_npy(folder.path()), IoError);
  const auto floats = folder.write("f.npy", npy(dictionary("<f4", "(2, 2)"), four));
  CHECK_THROWS_AS(read_npy_array<Id>(floats), DataError);
  const auto wide = folder.write("w.npy", npy(dictionary("<i8", "(1,)"), bytes_of<std::int64_t>({1LL << 40})));
  CHECK_THROWS_AS(read_npy_array<Id>(wide), DataError);
}
