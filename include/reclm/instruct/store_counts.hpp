#pragma once
/// @file store_counts.hpp
/// How the writing of a store went, told by its lines: the same after any number of interruptions.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "reclm/core/config.hpp"
#include "reclm/instruct/profile_store.hpp"

namespace reclm::instruct {

struct StoreCounts {
  Index profiles = 0;                       ///< users, or items, that have one
  Index answers = 0;                        ///< attempts that were made
  Index rejected = 0;                       ///< of them, those that broke the grammar
  Index shared = 0;                         ///< profiles copied from an equal prompt about somebody else
  Index failed = 0;                         ///< questions without a profile after all their attempts
  std::map<std::string, Index> of_fault{};  ///< the rejected ones

  [[nodiscard]] double valid() const {
    return answers == 0 ? 0 : static_cast<double>(answers - rejected) / static_cast<double>(answers);
  }
};

/// Models, adapters, settings and seeds each have answers of their own, as `write_profiles` asks them.
/// @param items count lines about items, else those about users
inline StoreCounts count_lines(const ProfileStore& store, bool items) {
  StoreCounts counts;
  std::set<std::string> whose;
  // A prompt and who was asked it; lines from elsewhere have no prompt's hash, but whom they are about.
  using Question = std::tuple<std::string, std::string, std::string, std::string, std::string, std::uint64_t>;
  std::set<std::pair<Question, Index>> asked;
  std::set<std::pair<Question, std::string>> told;  // of whom: what is written once more is no answer
  std::map<Question, bool> answered;
  for (const StoreLine& line : store.lines()) {
    if (line.about_item != items) continue;
    const Question question(line.hash, line.hash.empty() ? line.id : "", line.model, line.adapter, line.settings,
                            line.seed);
    const bool first = asked.emplace(question, line.attempt).second;
    bool& good = answered[question];
    good = good || !line.rejected();
    if (line.rejected()) {
      ++counts.answers;
      ++counts.rejected;
      ++counts.of_fault[line.fault];
      continue;
    }
    if (told.emplace(question, line.id).second) ++(first ? counts.answers : counts.shared);
    whose.insert(line.id);
  }
  counts.profiles = static_cast<Index>(whose.size());
  for (const auto& [question, good] : answered) counts.failed += good ? 0 : 1;
  return counts;
}

}  // namespace reclm::instruct
