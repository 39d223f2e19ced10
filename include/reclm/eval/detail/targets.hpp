#pragma once
/// @file targets.hpp
/// Whose targets a setting asks for, what it ranks, what it hides; and whether a ranker kept to that.

#include <algorithm>
#include <iterator>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/core/top_k.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/eval/setting.hpp"

namespace reclm::detail {

/// One setting, made concrete.
struct EvalTask {
  Setting setting = Setting::full_shot;
  Interactions targets;
  std::vector<Id> users;                       ///< ascending, those with targets
  std::vector<Id> candidates;                  ///< ascending
  std::shared_ptr<const Interactions> masked;  ///< null: nothing; may point into the data set
};

/// The pairs of either; both have the same shape, or one is empty.
inline Interactions united(const Interactions& a, const Interactions& b) {
  if (a.empty()) return b;
  if (b.empty()) return a;
  if (a.users() != b.users() || a.items() != b.items()) throw ShapeError("splits of a data set differ in their shape");
  std::vector<Index> offsets{0};
  std::vector<Id> items;
  items.reserve(a.columns().size() + b.columns().size());
  for (Id u = 0; u < a.users(); ++u) {
    const auto left = a.of(u);
    const auto right = b.of(u);
    std::set_union(left.begin(), left.end(), right.begin(), right.end(), std::back_inserter(items));
    offsets.push_back(static_cast<Index>(items.size()));
  }
  return Interactions(a.users(), a.items(), std::move(offsets), std::move(items));
}

/// The pairs for which `keep(user, item)` holds.
template <class Keep>
Interactions filtered(const Interactions& all, const Keep& keep) {
  std::vector<Index> offsets{0};
  std::vector<Id> items;
  for (Id u = 0; u < all.users(); ++u) {
    for (const Id item : all.of(u))
      if (keep(u, item)) items.push_back(item);
    offsets.push_back(static_cast<Index>(items.size()));
  }
  return Interactions(all.users(), all.items(), std::move(offsets), std::move(items));
}

/// Targets whose item occurs in train, and those whose item does not.
inline std::pair<Interactions, Interactions> split_by_train(const Interactions& targets, const Interactions& train) {
  const std::vector<Index> counts = train.item_counts();
  const auto warm = [&](Id item) {
    const auto place = static_cast<std::size_t>(item);
    return place < counts.size() && counts[place] > 0;
  };
  return {filtered(targets, [&](Id, Id item) { return warm(item); }),
          filtered(targets, [&](Id, Id item) { return !warm(item); })};
}

/// Distinct items, ascending.
inline std::vector<Id> distinct_items(const Interactions& pairs) {
  std::vector<Id> items(pairs.columns().begin(), pairs.columns().end());
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
  return items;
}

/// Puts a split's candidates into the order that everything behind relies on.
/// @throws ShapeError when one is no item of the data set
inline void order_candidates(std::vector<Id>& candidates, Index items) {
  if (!std::is_sorted(candidates.begin(), candidates.end())) std::sort(candidates.begin(), candidates.end());
  candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
  if (!candidates.empty() && (candidates.front() < 0 || candidates.back() >= items))
    throw ShapeError("candidate " + std::to_string(candidates.front() < 0 ? candidates.front() : candidates.back()) +
                     " is none of the data set's " + std::to_string(items) + " items");
}

/// @throws ShapeError when splits differ in their shape or a candidate is no item
inline EvalTask make_task(const Dataset& data, Setting setting, Index sparse_clicks, bool mask_validation) {
  // Without an owner: the data set outlives the task.
  const auto borrow = [](const Interactions& pairs) {
    return std::shared_ptr<const Interactions>(std::shared_ptr<const Interactions>(), &pairs);
  };
  const auto known = [&] {
    return mask_validation && !(data.valid.empty() && data.valid_zero.empty())
               ? std::make_shared<const Interactions>(united(united(data.train, data.valid), data.valid_zero))
               : borrow(data.train);
  };
  EvalTask task;
  task.setting = setting;
  switch (setting) {
    case Setting::validation:
      task.targets = data.valid;
      task.candidates = data.valid_candidates;
      task.masked = borrow(data.train);
      break;
    case Setting::full_shot:
      task.targets = data.test;
      task.candidates = data.test_candidates;
      task.masked = known();
      break;
    case Setting::sparse:
      task.targets = filtered(
          data.test, [&](Id user, Id) { return static_cast<Index>(data.train.of(user).size()) <= sparse_clicks; });
      task.candidates = data.test_candidates.empty() ? distinct_items(data.test) : data.test_candidates;
      task.masked = known();
      break;
    case Setting::zero_shot:
      task.targets = data.zero;
      task.candidates = data.zero_candidates;
      break;
    case Setting::generalised_zero_shot:
      task.targets = united(data.test, data.zero);
      task.candidates.resize(static_cast<std::size_t>(std::max(data.train.items(), task.targets.items())));
      std::iota(task.candidates.begin(), task.candidates.end(), Id{0});
      task.masked = known();
      break;
  }
  if (task.candidates.empty()) task.candidates = distinct_items(task.targets);
  order_candidates(task.candidates, std::max(data.train.items(), task.targets.items()));
  for (Id u = 0; u < task.targets.users(); ++u)
    if (!task.targets.of(u).empty()) task.users.push_back(u);
  return task;
}

/// Checks that lists have the promised shape and hold only candidates that are not masked. A ranker that breaks this
/// would report figures of another task.
class ListCheck {
 public:
  ListCheck(std::span<const Id> candidates, const Interactions* masked) : masked_(masked) {
    if (!candidates.empty()) allowed_.assign(static_cast<std::size_t>(candidates.back()) + 1, 0);
    for (const Id item : candidates) allowed_[static_cast<std::size_t>(item)] = 1;
  }

  /// @throws ShapeError naming a list that is wrong
  void operator()(const TopK& lists, std::span<const Id> users, Index k) const {
    const auto rows = static_cast<Index>(users.size());
    if (lists.items.rows() != rows || lists.items.cols() != k || lists.scores.rows() != rows ||
        lists.scores.cols() != k || !std::equal(users.begin(), users.end(), lists.users.begin(), lists.users.end()))
      throw ShapeError("the ranker returned other users or another shape than [" + std::to_string(rows) + ", " +
                       std::to_string(k) + "]");
    parallel_for(rows, 1024, [&](Index r) { check_list(lists.items.row(r), users[static_cast<std::size_t>(r)]); });
  }

 private:
  void check_list(std::span<const Id> list, Id user) const {
    const auto hidden = masked_ != nullptr && user < masked_->users() ? masked_->of(user) : std::span<const Id>();
    for (std::size_t rank = 0; rank < list.size(); ++rank) {
      const Id item = list[rank];
      if (item == kNoItem) {
        if (rank + 1 < list.size() && list[rank + 1] != kNoItem) refuse(user, "has a gap");
        continue;
      }
      if (item < 0 || static_cast<std::size_t>(item) >= allowed_.size() ||
          allowed_[static_cast<std::size_t>(item)] == 0)
        refuse(user, "names item " + std::to_string(item) + ", which is no candidate");
      if (!hidden.empty() && item >= hidden.front() && item <= hidden.back() &&
          std::binary_search(hidden.begin(), hidden.end(), item))
        refuse(user, "names item " + std::to_string(item) + ", which is masked");
    }
  }
  [[noreturn]] static void refuse(Id user, const std::string& what) {
    throw ShapeError("the ranker's list of user " + std::to_string(user) + " " + what);
  }

  std::vector<char> allowed_;
  const Interactions* masked_;
};

}  // namespace reclm::detail
