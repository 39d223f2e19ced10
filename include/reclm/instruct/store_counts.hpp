#pragma once
/// @file store_counts.hpp
/// How the writing of a store went, told by its lines: the same after any number of interruptions.

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "reclm/core/config.hpp"
#include "reclm/instruct/profile_store.hpp"

namespace reclm::instruct {

struct StoreCounts {
  Index profiles = 0;                       ///< users, or items, that have one
  Index answers = 0;                        ///< attempts that were made
  Index rejected = 0;                       ///< of them, those that broke the grammar
  Index shared = 0;                         ///< profiles copied from an equal prompt about somebody else
  Index failed = 0;                         ///< prompts without a profile after all their attempts
  std::map<std::string, Index> of_fault{};  ///< the rejected ones

  [[nodiscard]] double valid() const {
    return answers == 0 ? 0 : static_cast<double>(answers - rejected) / static_cast<double>(answers);
  }
};

/// @param items count lines about items, else those about users
inline StoreCounts count_lines(const ProfileStore& store, bool items) {
  StoreCounts counts;
  std::set<std::string> whose;
  std::set<std::pair<std::string, Index>> asked;
  std::map<std::string, bool> answered;  // by prompt
  for (const StoreLine& line : store.lines()) {
    if (line.about_item != items) continue;
    const bool first = asked.emplace(line.hash, line.attempt).second;
    bool& good = answered[line.hash];
    good = good || !line.rejected();
    if (line.rejected()) {
      ++counts.answers;
      ++counts.rejected;
      ++counts.of_fault[line.fault];
      continue;
    }
    ++(first ? counts.answers : counts.shared);
    whose.insert(line.id);
  }
  counts.profiles = static_cast<Index>(whose.size());
  for (const auto& [hash, good] : answered) counts.failed += good ? 0 : 1;
  return counts;
}

}  // namespace reclm::instruct
