#pragma once
// Profiles without a language model, beside which tuning_study shows what one adds.
#include <algorithm>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/instruct/consensus.hpp"
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
    std::vector<Profile> theirs;
    for (const std::string& text : dialogues.alike(user)) theirs.push_back(read_profile(text).profile);
    profiles.push_back(theirs.empty() ? "" : format_profile(consensus(theirs)));
  }
  return profiles;
}

/// Of each eight draws of all users' profiles their consensus.
inline std::vector<std::vector<std::string>> agreed_by_eights(const std::vector<std::vector<std::string>>& draws) {
  std::vector<std::vector<std::string>> agreed;
  for (std::size_t first = 0; first + 8 <= draws.size(); first += 8) {
    agreed.emplace_back();
    for (std::size_t user = 0; user < draws[first].size(); ++user) {
      std::vector<Profile> valid;
      for (std::size_t draw = first; draw < first + 8; ++draw)
        if (ProfileReading reading = read_profile(draws[draw][user]); reading.valid())
          valid.push_back(std::move(reading.profile));
      agreed.back().push_back(valid.empty() ? draws[first][user] : format_profile(consensus(valid)));
    }
  }
  return agreed;
}

/// Mean share of the true interests that the texts say anywhere, whatever their form.
inline double mentioned(std::span<const std::string> texts, std::span<const std::vector<std::string>> truth) {
  double share = 0;
  for (std::size_t user = 0; user < texts.size(); ++user) {
    const std::string text = instruct::detail::lowered(texts[user]);
    const auto said = std::ranges::count_if(truth[user], [&](const std::string& interest) {
      return text.find(instruct::detail::lowered(interest)) != std::string::npos;
    });
    share += static_cast<double>(said) / std::max<double>(1, static_cast<double>(truth[user].size()));
  }
  return share / std::max<double>(1, static_cast<double>(texts.size()));
}

}  // namespace tuning_study
