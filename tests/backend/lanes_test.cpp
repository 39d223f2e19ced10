// Row kernels by teams of several lanes, as on a GPU, where no GPU is needed: each lane is a thread. Wrong results, or
// races under -fsanitize=thread, show a kernel that relies on one lane doing all the work or forgets to synchronise.
#include <barrier>
#include <cstring>
#include <thread>

#include "bpr_cases.hpp"
#include "info_nce_cases.hpp"
#include "product_cases.hpp"
#include "random_cases.hpp"
#include "ranking_cases.hpp"
#include "reclm/backend/cpu.hpp"
#include "reclm/backend/tiled/info_nce.hpp"
#include "reclm/backend/tiled/sums.hpp"
#include "reclm/backend/tiled/top_k.hpp"
#include "row_cases.hpp"

using namespace reclm;
using namespace reclm_test;

namespace {

constexpr Index kLanes = 3;

/// What the lanes of a team share.
struct Meeting {
  std::barrier<> barrier{kLanes};
  alignas(16) unsigned char slots[kLanes][16];
};

class LaneTeam {
 public:
  LaneTeam(Index lane, Meeting& meeting) : lane_(lane), meeting_(&meeting) {}

  template <class F>
  void each(Index n, const F& f) const {
    for (Index i = lane_; i < n; i += kLanes) f(i);
  }
  template <class F>
  auto sum(Index n, const F& f) const {
    decltype(f(Index{})) total{};
    for (Index i = lane_; i < n; i += kLanes) total += f(i);
    return join(total, [](auto a, auto b) { return a + b; });
  }
  template <class F>
  auto max(Index n, const F& f) const {
    auto largest = f(lane_ < n ? lane_ : 0);
    const auto larger = [](auto a, auto b) { return a < b ? b : a; };
    for (Index i = lane_ + kLanes; i < n; i += kLanes) largest = larger(largest, f(i));
    return join(largest, larger);
  }
  template <class T>
  void prefetch(const T*, Index) const {}
  [[nodiscard]] bool leader() const { return lane_ == 0; }
  void sync() const { meeting_->barrier.arrive_and_wait(); }

 private:
  template <class T, class Join>
  T join(T value, const Join& of_two) const {
    static_assert(sizeof(T) <= 16);
    std::memcpy(meeting_->slots[lane_], &value, sizeof value);
    sync();
    std::memcpy(&value, meeting_->slots[0], sizeof value);
    for (Index lane = 1; lane < kLanes; ++lane) {
      T other;
      std::memcpy(&other, meeting_->slots[lane], sizeof other);
      value = of_two(value, other);
    }
    sync();
    return value;
  }

  Index lane_;
  Meeting* meeting_;
};

/// The CPU, its row kernels run by one team of lanes.
struct Lanes : Cpu {
  template <class Kernel>
  static void for_rows(Index n, Index /*width*/, const Kernel& kernel) {
    Meeting meeting;
    std::vector<std::jthread> threads;
    for (Index lane = 0; lane < kLanes; ++lane)
      threads.emplace_back([&, lane] {
        for (Index row = 0; row < n; ++row) kernel(LaneTeam(lane, meeting), row);
      });
  }
  template <class T>
  static void spmm(const CsrView<T>& a, const T* x, Index width, T beta, const T* r, T* y) {
    for_rows(a.rows, width, kernels::Spmm<T, 32>{a, x, width, beta, r, y});
  }
  template <class T>
  static double sum(const T* x, Index n) {
    return tiled::sum<Lanes>(x, n);
  }
  template <class T>
  static void column_sums(const T* x, Index rows, Index cols, bool accumulate, T* out) {
    tiled::column_sums<Lanes>(x, rows, cols, accumulate, out);
  }
  template <class T>
  static double info_nce(const InfoNceProblem<T>& problem) {
    return tiled::info_nce<Lanes, T>(problem, nullptr);
  }
  template <class T>
  static double info_nce(const InfoNceProblem<T>& problem, const InfoNceGradient<T>& gradient) {
    return tiled::info_nce<Lanes, T>(problem, &gradient);
  }
  static TopK top_k(const PairFactors& f, std::span<const Id> users, std::span<const Id> candidates,
                    const MaskView& masked, Index k) {
    return tiled::top_k<Lanes>(f, users, candidates, masked, k);
  }
};

}  // namespace

TEST_CASE("several lanes: gathering, unit length, row products") {
  check_gathering<Lanes, float>();
  check_normalizing<Lanes, float>();
  check_row_products<Lanes, float>();
}
TEST_CASE("several lanes: elementwise kernels") { check_elementwise<Lanes, float>(); }
TEST_CASE("several lanes: BPR") { check_bpr<Lanes, float>(); }
TEST_CASE("several lanes: random views and Adam") {
  check_edge_drop<Lanes, float>();
  check_sign_noise<Lanes, float>();
  check_permutation<Lanes, float>();
  check_adam<Lanes, float>();
}
TEST_CASE("several lanes: sparse products and sums") {
  check_spmm<Lanes, float>();
  check_sums<Lanes, float>();
}
TEST_CASE("several lanes: InfoNCE") {
  for (const Index nodes : {1, 5, 120})
    check_info_nce_case<Lanes, float>({nodes, 19, ids(30, nodes, 3), 0.1}, info_nce_tolerance<float>(0.1));
}
TEST_CASE("several lanes: ranking") {
  check_ranking_terms<Lanes>();
  check_ranking_subset<Lanes>();
  check_ranking_bias<Lanes>();
  check_ranking_refusals<Lanes>();
}
