// What the library is built on, and nothing of the library: how fast this machine compiles.
#include <tbb/parallel_for.h>

#include <Eigen/Dense>
#include <nlohmann/json.hpp>
#if __has_include(<xtensor/xarray.hpp>)
#include <xtensor/xarray.hpp>
#else
#include <xtensor/containers/xarray.hpp>
#endif

int main() {
  const Eigen::MatrixXf square = Eigen::MatrixXf::Identity(3, 3) * Eigen::MatrixXf::Identity(3, 3);
  const nlohmann::json all{{"trace", square.trace()}};
  const xt::xarray<float> copy = xt::ones<float>({3, 3});
  return all.dump().empty() || copy.size() != 9 ? 1 : 0;
}
