/// The CUDA backend against the CPU backend on the same input; both run the same row kernels.
#include "reclm/backend/cpu.hpp"
#include "reclm/backend/cpu/top_k.hpp"
#include "reclm/backend/cuda.cuh"
#include "reclm/backend/kernels/adam.hpp"
#include "reclm/backend/kernels/elementwise.hpp"
#include "reclm/backend/kernels/rows.hpp"
#include "reclm/backend/kernels/views.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/tensor/tensor.hpp"
#include "support/catch.hpp"
#include "support/cuda_available.hpp"

using namespace reclm;
using reclm_test::gpu;

namespace {

Matrix<float> noise(Index rows, Index cols, std::uint64_t seed) {
  const Random random(seed, Stream::evaluation);
  Matrix<float> m(rows, cols);
  for (Index k = 0; k < m.size(); ++k) m.data()[k] = random.uniform(static_cast<std::uint64_t>(k)) - 0.5f;
  return m;
}

void check_close(const Matrix<float>& a, const Matrix<float>& b, double tolerance = 1e-5) {
  REQUIRE(a.size() == b.size());
  for (Index k = 0; k < a.size(); ++k) CHECK(a.data()[k] == Approx(b.data()[k]).epsilon(tolerance).margin(tolerance));
}

template <class B>
Tensor<B, float> tensor(const Matrix<float>& m) {
  return Tensor<B, float>::from_host(m);
}

template <class B>
Matrix<float> product(Op a, Op b, Index m, Index n, Index k, float beta) {
  const auto x = tensor<B>(noise(a == Op::none ? m : k, a == Op::none ? k : m, 1));
  const auto y = tensor<B>(noise(b == Op::none ? k : n, b == Op::none ? n : k, 2));
  auto c = tensor<B>(noise(m, n, 3));
  B::gemm(a, b, m, n, k, 0.5f, x.data(), x.cols(), y.data(), y.cols(), beta, c.data(), n);
  return c.to_host();
}

template <class B>
Matrix<float> sparse(Index width, float beta) {
  const std::vector<Index> offsets{0, 2, 2, 5};
  const std::vector<Id> columns{0, 3, 1, 2, 3};
  const std::vector<float> values{0.5f, -1.0f, 2.0f, 0.25f, 1.0f};
  const auto o = upload<B, Index>(std::span<const Index>(offsets));
  const auto c = upload<B, Id>(std::span<const Id>(columns));
  const auto v = upload<B, float>(std::span<const float>(values));
  const auto x = tensor<B>(noise(4, width, 4)), r = tensor<B>(noise(3, width, 5));
  auto y = Tensor<B, float>::zeros(3, width);
  B::spmm(CsrView<float>{3, 4, o.get(), c.get(), v.get()}, x.data(), width, beta, r.data(), y.data());
  return y.to_host();
}

struct NceResult {
  double loss;
  Matrix<float> d1, d2;
};

template <class B>
NceResult nce() {
  auto unit = noise(300, 24, 6);
  for (Index row = 0; row < unit.rows(); ++row) {
    float squares = 0;
    for (const float x : unit.row(row)) squares += x * x;
    for (float& x : unit.row(row)) x /= std::sqrt(squares);
  }
  const auto z1 = tensor<B>(unit), z2 = tensor<B>(unit);
  auto d1 = Tensor<B, float>::zeros(300, 24), d2 = Tensor<B, float>::zeros(300, 24);
  const std::vector<Id> anchors{3, 299, 3, 17, 0, 120, 3};
  const double loss = B::info_nce(InfoNceProblem<float>{{z1.data(), 300, 24}, {z2.data(), 300, 24}, anchors, 0.1},
                                  InfoNceGradient<float>{{d1.data(), 300, 24}, {d2.data(), 300, 24}, 0.25});
  return {loss, d1.to_host(), d2.to_host()};
}

template <class B>
Matrix<float> views() {
  auto x = tensor<B>(noise(37, 20, 8));
  kernels::add_sign_noise<B>(Random(5, Stream::view_noise, 2), 740, 37, 20, 0.9f, x.data());
  auto y = Tensor<B, float>::zeros(1, 700);
  const auto in = tensor<B>(noise(1, 700, 9));
  kernels::drop_edges<B>(Random(5, Stream::edge_drop, 2), 700, 700, 0.5f, in.data(), y.data());
  auto all = Matrix<float>(1, 740 + 700);
  const auto a = x.to_host(), b = y.to_host();
  std::copy_n(a.data(), 740, all.data());
  std::copy_n(b.data(), 700, all.data() + 740);
  return all;
}

}  // namespace

TEST_CASE("CUDA: dense products equal the CPU's") {
  if (!gpu()) return;
  for (const Op a : {Op::none, Op::transpose})
    for (const Op b : {Op::none, Op::transpose})
      for (const float beta : {0.0f, 1.0f, -0.5f})
        check_close(product<Cuda>(a, b, 67, 35, 129, beta), product<Cpu>(a, b, 67, 35, 129, beta), 1e-4);
}

TEST_CASE("CUDA: sparse products equal the CPU's") {
  if (!gpu()) return;
  for (const Index width : {1, 16, 32, 33, 100})
    for (const float beta : {0.0f, 1.0f}) check_close(sparse<Cuda>(width, beta), sparse<Cpu>(width, beta));
}

TEST_CASE("CUDA: sums equal the CPU's") {
  if (!gpu()) return;
  const auto m = noise(1000, 45, 7);
  CHECK(Cuda::sum(tensor<Cuda>(m).data(), m.size()) == Approx(Cpu::sum(m.data(), m.size())).epsilon(1e-9));
  for (const bool accumulate : {false, true}) {
    auto device = tensor<Cuda>(noise(1, 45, 1));
    auto host = tensor<Cpu>(noise(1, 45, 1));
    Cuda::column_sums(tensor<Cuda>(m).data(), 1000, 45, accumulate, device.data());
    Cpu::column_sums(m.data(), 1000, 45, accumulate, host.data());
    check_close(device.to_host(), host.to_host(), 1e-4);
  }
}

TEST_CASE("CUDA: rows are brought to unit length as on the CPU") {
  if (!gpu()) return;
  const auto run = [](auto backend) {
    using B = decltype(backend);
    const auto x = tensor<B>(noise(50, 37, 10));
    Tensor<B, float> y{50, 37}, norms{50, 1};
    B::for_rows(50, 37, kernels::Normalize<float>{x.data(), y.data(), norms.data(), 37});
    auto dx = Tensor<B, float>::zeros(50, 37);
    B::for_rows(50, 37, kernels::NormalizeBackward<float>{y.data(), norms.data(), x.data(), 1.0f, dx.data(), 37});
    return std::pair(y.to_host(), dx.to_host());
  };
  const auto device = run(Cuda{}), host = run(Cpu{});
  check_close(device.first, host.first);
  check_close(device.second, host.second, 1e-4);
}

TEST_CASE("CUDA: InfoNCE and its gradients equal the CPU's") {
  if (!gpu()) return;
  const auto device = nce<Cuda>(), host = nce<Cpu>();
  CHECK(device.loss == Approx(host.loss).epsilon(1e-5));
  check_close(device.d1, host.d1, 1e-4);
  check_close(device.d2, host.d2, 1e-4);
}

TEST_CASE("CUDA: random views are the CPU's") {
  if (!gpu()) return;
  check_close(views<Cuda>(), views<Cpu>());
}

TEST_CASE("CUDA: top-k lists are the CPU's") {
  if (!gpu()) return;
  const auto users = noise(40, 16, 11), items = noise(500, 16, 12), hu = noise(40, 8, 13), hi = noise(500, 8, 14);
  const auto bias = noise(1, 500, 15);
  std::vector<Id> who, what;
  for (Id u = 0; u < 40; ++u) who.push_back(u);
  for (Id i = 0; i < 500; i += 2) what.push_back(i);
  std::vector<Index> offsets{0};
  std::vector<Id> masked;
  for (Id u = 0; u < 40; ++u) {
    for (Id i = u; i < 500; i += 7) masked.push_back(i);
    offsets.push_back(static_cast<Index>(masked.size()));
  }
  const cpu::PairFactors plain{.users = users, .items = items};
  const cpu::PairFactors full{.users = users,
                              .items = items,
                              .user_hidden = hu,
                              .item_hidden = hi,
                              .item_bias = std::span<const float>(bias.data(), 500)};
  for (const auto* factors : {&plain, &full})
    for (const Index k : {1, 20, 300}) {
      const TopK device = cuda::top_k(*factors, who, what, {offsets, masked}, k);
      const TopK host = cpu::top_k(*factors, who, what, {offsets, masked}, k);
      check_close(device.scores, host.scores);
      Index same = 0;
      for (Index at = 0; at < device.items.size(); ++at) same += device.items.data()[at] == host.items.data()[at];
      CHECK(same >= device.items.size() * 99 / 100);  // scores that agree to rounding may swap
    }
}
