#pragma once
// Profiles without a language model, beside which tuning_study shows what one adds.
#include <algorithm>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/instruct/dialogues.hpp"
#include "reclm/instruct/grammar.hpp"

namespace tuning_study {

using namespace reclm;
using namespace reclm::instruct;

/// The three entries named most often; of equal ones those that come first.
inline std::vector<std::string> most_named(const std::vector<std::string>& entries) {
  std::vector<std::string> names;
  std::map<std::string, int> counts;
  for (const std::string& entry : entries)
    if (++counts[entry] == 1) names.push_back(entry);
  std::ranges::stable_sort(names, {}, [&](const std::string& name) { return -counts.at(name); });
  names.resize(std::min<std::size_t>(3, names.size()));
  return names;
}

/// What `profiles` name most often, the same for everybody.
inline std::string frequent_profile(std::span<const std::string> profiles) {
  std::vector<std::string> interests;
  for (const std::string& text : profiles)
    for (std::string& interest : read_profile(text).profile.interests) interests.push_back(std::move(interest));
  std::ranges::sort(interests);
  return format_profile({{"reader"}, most_named(interests)});
}

/// Of each user what most of the neighbours' profiles name that `dialogues` tells of, the nearest's first; "" where
/// there is none.
inline std::vector<std::string> voted_profiles(const Dialogues& dialogues, std::span<const Id> users) {
  std::vector<std::string> profiles;
  for (const Id user : users) {
    Profile all;
    for (const std::string& text : dialogues.alike(user)) {
      const Profile one = read_profile(text).profile;
      all.identities.insert(all.identities.end(), one.identities.begin(), one.identities.end());
      all.interests.insert(all.interests.end(), one.interests.begin(), one.interests.end());
    }
    profiles.push_back(all.interests.empty() ? ""
                                             : format_profile({most_named(all.identities), most_named(all.interests)}));
  }
  return profiles;
}

}  // namespace tuning_study
