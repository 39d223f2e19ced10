#include "reclm/core/as_matrix.hpp"

#include <limits>

#include <Eigen/Core>

#include "foreign_matrices.hpp"
#include "support/catch.hpp"

using namespace reclm;
using reclm_test::Foreign;

namespace {

template <class M, class View>
void check_view(M& m, const View& view, Index rows, Index cols) {
  REQUIRE(view.rows() == rows);
  REQUIRE(view.cols() == cols);
  for (Index r = 0; r < rows; ++r)
    for (Index c = 0; c < cols; ++c) {
      CHECK(&view(r, c) == &m(r, c));  // the same memory, not a copy
      CHECK(view(r, c) == m(r, c));
    }
}

/// The message that `call` throws.
template <class E, class Call>
std::string message_of(const Call& call) {
  try {
    call();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing was thrown";
}

template <class M>
M filled(Index rows, Index cols) {
  M m(rows, cols);
  for (Index r = 0; r < rows; ++r)
    for (Index c = 0; c < cols; ++c) m(r, c) = static_cast<typename M::Scalar>(10 * r + c);
  return m;
}

}  // namespace

TEST_CASE("Eigen's matrices are viewed in place, whatever their layout") {
  using RowMajorF = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  auto columns = filled<Eigen::MatrixXf>(4, 3);
  check_view(columns, as_matrix(columns), 4, 3);
  auto rows = filled<RowMajorF>(4, 3);
  check_view(rows, as_matrix(rows), 4, 3);
  CHECK(as_matrix(rows).contiguous());
  auto doubles = filled<Eigen::MatrixXd>(2, 5);
  check_view(doubles, as_matrix(doubles), 2, 5);
  auto block = columns.block(1, 1, 2, 2);
  check_view(block, as_matrix(block), 2, 2);
  const Eigen::Ref<const Eigen::MatrixXf> ref(columns);
  CHECK(&as_matrix(ref)(2, 1) == &columns(2, 1));
  std::vector<double> memory(24, 1.5);
  Eigen::Map<Eigen::MatrixXd, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>> map(memory.data(), 3, 2, {12, 2});
  map(2, 1) = 9;
  check_view(map, as_matrix(map), 3, 2);
  CHECK(as_matrix(map)(2, 1) == 9);
  columns(3, 2) = -1;  // a later write shows through the view
  CHECK(as_matrix(columns.bottomRows(1))(0, 2) == -1);
}

TEST_CASE("xtensor's containers and views are viewed in place") {
  xt::xtensor<float, 2> tensor({3, 4});
  for (std::size_t k = 0; k < tensor.size(); ++k) tensor.data()[k] = static_cast<float>(k);
  check_view(tensor, as_matrix(tensor), 3, 4);
  xt::xarray<double> array = xt::ones<double>({2, 3});
  check_view(array, as_matrix(array), 2, 3);
  auto part = xt::view(tensor, xt::range(1, 3), xt::range(0, 4, 2));
  check_view(part, as_matrix(part), 2, 2);
  xt::xarray<float> cube = xt::ones<float>({2, 2, 2});
  CHECK_THROWS_AS(as_matrix(cube), ShapeError);
}

TEST_CASE("spans, pointers and own types are viewed, nested vectors copied") {
  std::vector<float> memory{1, 2, 3, 4, 5, 6};
  CHECK(&as_matrix(std::span<const float>(memory), 2, 3)(1, 2) == &memory[5]);
  CHECK(&as_matrix(memory.data(), 3, 2)(2, 1) == &memory[5]);
  CHECK(as_matrix(memory.data(), 2, 2, 1, 3)(1, 1) == 5);
  const Foreign foreign;
  CHECK(&as_matrix(foreign)(2, 1) == &foreign.cells[9]);
  Matrix<float> own(2, 2, 3.0f);
  CHECK(as_matrix(own).data() == own.data());

  const std::vector<std::vector<float>> nested{{1, 2}, {3, 4}};
  const Matrix<float> copy = as_matrix(nested);
  CHECK(copy(1, 0) == 3);
  CHECK(copy.data() != nested[0].data());
}

TEST_CASE("what is no matrix is refused") {
  const std::vector<float> memory(6);
  CHECK_THROWS_AS(as_matrix(std::span<const float>(memory), 2, 2), ShapeError);
  CHECK_THROWS_AS(as_matrix(memory.data(), -1, 2), ShapeError);
  const std::vector<std::vector<float>> ragged{{1, 2}, {3}};
  CHECK(message_of<ShapeError>([&] { as_matrix(ragged); }).find("row 1 has 1") != std::string::npos);
  const Eigen::MatrixXf a = Eigen::MatrixXf::Ones(2, 2);
  STATIC_REQUIRE(!MatrixLike<decltype(a + a)>);
  STATIC_REQUIRE(!MatrixLike<std::string>);
  Matrix<double> odd(1, 2);
  odd(0, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK(message_of<NumericError>([&] { float_copy(odd, "item factors"); }) ==
        "item factors: row 0, column 1 is not a finite number");
  odd(0, 1) = 1e300;  // beyond float32
  CHECK_THROWS_AS(float_copy(odd, "item factors"), NumericError);
}
