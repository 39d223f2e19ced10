// Full ranking on the CPU: the cases of all backends, and both ways through the items.
#include "reclm/backend/cpu/top_k.hpp"

#include <algorithm>
#include <span>

#include "ranking_cases.hpp"
#include "reclm/backend/cpu.hpp"
#include "support/sanitized.hpp"

using namespace reclm;
using namespace reclm_test;

namespace {

/// Whether `all`, from row `first` on, holds the lists of `top`, bit for bit.
bool stands_in(const TopK& top, const TopK& all, Index first = 0) {
  bool same = true;
  for (Index r = 0; r < top.items.rows(); ++r)
    same = same && std::ranges::equal(top.items.row(r), all.items.row(first + r)) &&
           std::ranges::equal(top.scores.row(r), all.scores.row(first + r));
  return same;
}

}  // namespace

TEST_CASE("top_k agrees with a plain reference for every size") { check_ranking<Cpu>(); }
TEST_CASE("top_k adds hidden layers and biases, as NCF and BiasMF need") { check_ranking_terms<Cpu>(); }
TEST_CASE("top_k ranks a chosen subset for chosen users") { check_ranking_subset<Cpu>(); }
TEST_CASE("top_k orders equal scores by item") { check_ranking_ties<Cpu>(); }
TEST_CASE("top_k leaves out items whose bias is minus infinity") { check_ranking_bias<Cpu>(); }
TEST_CASE("top_k refuses scores that are not numbers and says whose") { check_ranking_numbers<Cpu>(); }
TEST_CASE("top_k refuses sizes that do not fit") { check_ranking_refusals<Cpu>(); }

TEST_CASE("top_k cuts long item lists into strips") {
  const Index users = 11, items = 9001;
  for (const Index d : {3, 64}) {
    const auto u = random_matrix(users, d, 1), i = random_matrix(items, d, 2);
    const cpu::PairFactors factors{.users = u, .items = i};
    const auto mask = Mask::random(users, items, 4, 5);
    const auto listed = first_ids(users), candidates = first_ids(items);
    const Reference reference(factors, listed, candidates, mask.view());
    for (const Index k : {1, 20, 64, 65, 700, 9001, 9500}) {
      CAPTURE(d, k);
      reference.check(cpu::top_k(factors, listed, candidates, mask.view(), k), k);
    }
  }
}

TEST_CASE("top_k gives few users and very many items the same lists as a batch") {
  const Index items = 70'000, d = 12, k = 25;  // of so many items 256 users are few
  const auto u = random_matrix(260, d, 1), i = random_matrix(items, d, 2);
  const cpu::PairFactors factors{.users = u, .items = i};
  const auto mask = Mask::random(260, items, 50, 3);
  const auto batch = cpu::top_k(factors, first_ids(260), first_ids(items), mask.view(), k);
  for (const Index users : {1, 5, 20}) {
    const auto top = cpu::top_k(factors, first_ids(users), first_ids(items), mask.view(), k);
    bool close = true;
    for (Index r = 0; r < users; ++r)
      for (Index j = 0; j < k; ++j) close = close && std::abs(top.scores(r, j) - batch.scores(r, j)) < 1e-6f;
    CHECK(close);
    check_against_reference(top, factors, first_ids(items), mask.view(), k);
  }
  // From 16 users on sums run in the same order.
  CHECK(stands_in(cpu::top_k(factors, first_ids(20), first_ids(items), mask.view(), k), batch));
  // Also where the lists of all chunks would take too much memory; the next test has its code on fewer items.
  if (kSanitized) return;
  const auto long_lists = cpu::top_k(factors, first_ids(260), first_ids(items), mask.view(), 9000);
  CHECK(stands_in(cpu::top_k(factors, first_ids(160), first_ids(items), mask.view(), 9000), long_lists));
}

TEST_CASE("top_k gives users whose long lists take turns the lists of fewer users") {
  const Index items = 9100, k = 9000;
  const auto u = random_matrix(160, 12, 1), i = random_matrix(items, 12, 2);
  const cpu::PairFactors factors{.users = u, .items = i};
  const auto mask = Mask::random(160, items, 50, 3);
  const auto listed = first_ids(160);
  const auto all = cpu::top_k(factors, listed, first_ids(items), mask.view(), k);
  for (const std::size_t first : {0, 130}) {
    const auto few = std::span(listed).subspan(first, 20);
    const auto top = cpu::top_k(factors, few, first_ids(items), mask.view(), k);
    CHECK(stands_in(top, all, static_cast<Index>(first)));
  }
  const auto last = std::span(listed).last(2);
  check_against_reference(cpu::top_k(factors, last, first_ids(items), mask.view(), k), factors, first_ids(items),
                          mask.view(), k);
}

TEST_CASE("top_k refuses scores that overflow in its own order of sums alone") {
  Matrix<float> u(1, 64), i(70'000, 64);
  std::fill_n(u.data(), 64, 1e19f);
  for (Index k = 0; k < 64; ++k) i(5, k) = k % 2 == 0 ? 3e19f : -3e19f;  // in the order of columns it comes to 0
  CHECK_THROWS_AS(cpu::top_k({.users = u, .items = i}, first_ids(1), first_ids(70'000), {}, 10), NumericError);
}

TEST_CASE("top_k does not depend on the number of threads") {
  const auto u = random_matrix(260, 20, 1), i = random_matrix(70'000, 20, 2);
  const cpu::PairFactors factors{.users = u, .items = i};
  for (const Index users : {2, 40, 260}) {  // few, more than 15, more than 256: each has its way through the items
    TopK results[2];
    for (const int threads : {1, 2}) {
      const ThreadLimit limit(threads);
      results[threads - 1] = cpu::top_k(factors, first_ids(users), first_ids(70'000), {}, 10);
    }
    CHECK(results[0].items == results[1].items);
    CHECK(results[0].scores == results[1].scores);
  }
}

TEST_CASE("top_k_scores ranks whatever a scorer writes") {
  const Index users = 1500, items = 6000, d = 5, k = 15;
  const auto u = random_matrix(users, d, 1), i = random_matrix(items, d, 2);
  const cpu::PairFactors factors{.users = u, .items = i};
  const auto mask = Mask::random(users, items, 40, 3);
  Index calls = 0;
  const auto fill = [&](std::span<const Id> rows, std::span<const Id> columns, MatrixView<float> out) {
    ++calls;
    for (std::size_t r = 0; r < rows.size(); ++r)
      for (std::size_t c = 0; c < columns.size(); ++c)
        out(static_cast<Index>(r), static_cast<Index>(c)) = static_cast<float>(score_of(factors, rows[r], columns[c]));
  };
  const auto listed = first_ids(users);
  const auto top = cpu::top_k_scores(listed, first_ids(items), mask.view(), k, fill);
  CHECK(calls > 1);
  const auto fused = cpu::top_k(factors, listed, first_ids(items), mask.view(), k);
  bool close = true;
  for (Index j = 0; j < top.scores.size(); ++j)
    close = close && std::abs(top.scores.data()[j] - fused.scores.data()[j]) < 1e-5f;
  CHECK(close);

  const auto broken = [](std::span<const Id> rows, std::span<const Id>, MatrixView<float> out) {
    for (Index r = 0; r < out.rows(); ++r)
      for (Index c = 0; c < out.cols(); ++c)
        out(r, c) = rows[static_cast<std::size_t>(r)] == 2 && c == 1 ? std::nanf("") : 0.0f;
  };
  const std::vector<Id> some{3, 8, 9};
  try {
    (void)cpu::top_k_scores(first_ids(4), some, {}, 2, broken);
    FAIL("a NaN score was accepted");
  } catch (const NumericError& error) {
    CHECK(contains(error.what(), "user 2 and item 8"));
  }
}
