// What backends with a fast matrix product share with the GPU, run on the CPU: the same code as on a GPU but for the
// product and the team.
#include "info_nce_cases.hpp"
#include "product_cases.hpp"
#include "ranking_cases.hpp"
#include "reclm/backend/cpu.hpp"
#include "reclm/backend/tiled/info_nce.hpp"
#include "reclm/backend/tiled/sums.hpp"
#include "reclm/backend/tiled/top_k.hpp"

using namespace reclm;
using namespace reclm_test;

namespace {

/// The CPU with the general algorithms in place of its own. Tiles are small, so that there are several.
struct Tiled : Cpu {
  template <class T>
  static double sum(const T* x, Index n) {
    return tiled::sum<Cpu>(x, n);
  }
  template <class T>
  static void column_sums(const T* x, Index rows, Index cols, bool accumulate, T* out) {
    tiled::column_sums<Cpu>(x, rows, cols, accumulate, out);
  }
  template <class T>
  static double info_nce(const InfoNceProblem<T>& problem) {
    return tiled::info_nce<Tiled, T>(problem, nullptr, 20'000);
  }
  template <class T>
  static double info_nce(const InfoNceProblem<T>& problem, const InfoNceGradient<T>& gradient) {
    return tiled::info_nce<Tiled, T>(problem, &gradient, 20'000);
  }
  static TopK top_k(const PairFactors& f, std::span<const Id> users, std::span<const Id> candidates,
                    const MaskView& masked, Index k) {
    return tiled::top_k<Tiled>(f, users, candidates, masked, k, 5000);
  }
};
static_assert(Backend<Tiled>);

}  // namespace

TEMPLATE_TEST_CASE("tiled sums", "", float, double) { check_sums<Tiled, TestType>(); }
TEMPLATE_TEST_CASE("tiled InfoNCE is what its formula says", "", float, double) { check_info_nce<Tiled, TestType>(); }
TEMPLATE_TEST_CASE("tiled InfoNCE bears small temperatures", "", float, double) {
  check_info_nce_small_temperature<Tiled, TestType>();
  check_info_nce_long_rows<Tiled, TestType>();
}
TEMPLATE_TEST_CASE("tiled InfoNCE takes one memory for both views", "", float, double) {
  check_info_nce_one_memory<Tiled, TestType>();
}
TEST_CASE("tiled InfoNCE's gradients agree with differences") { check_info_nce_differences<Tiled>(); }
TEST_CASE("tiled InfoNCE refuses what does not fit") { check_info_nce_refusals<Tiled>(); }
TEST_CASE("tiled top_k agrees with a plain reference for every size") { check_ranking<Tiled>(); }
TEST_CASE("tiled top_k adds hidden layers and biases, as NCF and BiasMF need") { check_ranking_terms<Tiled>(); }
TEST_CASE("tiled top_k ranks a chosen subset for chosen users") { check_ranking_subset<Tiled>(); }
TEST_CASE("tiled top_k orders equal scores by item") { check_ranking_ties<Tiled>(); }
TEST_CASE("tiled top_k leaves out items whose bias is minus infinity") { check_ranking_bias<Tiled>(); }
TEST_CASE("tiled top_k refuses scores that are not numbers and says whose") { check_ranking_numbers<Tiled>(); }
TEST_CASE("tiled top_k refuses sizes that do not fit") { check_ranking_refusals<Tiled>(); }
TEST_CASE("tiled lists are the CPU's own") {
  // Whole numbers: every sum is exact, and many scores are equal.
  const Index users = 30, items = 3000, d = 6;
  Matrix<float> u = random_matrix(users, d, 1), i = random_matrix(items, d, 2);
  for (auto* m : {&u, &i})
    for (Index at = 0; at < m->size(); ++at) m->data()[at] = std::round(6 * m->data()[at]);
  const PairFactors factors{.users = u, .items = i};
  const auto mask = Mask::random(users, items, 3, 3);
  for (const Index k : {1, 20, 500, 3100}) {
    const auto own = Cpu::top_k(factors, first_ids(users), first_ids(items), mask.view(), k);
    const auto tiled = Tiled::top_k(factors, first_ids(users), first_ids(items), mask.view(), k);
    CHECK(own.items == tiled.items);
    CHECK(own.scores == tiled.scores);
  }
}
