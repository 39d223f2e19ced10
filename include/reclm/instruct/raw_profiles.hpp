#pragma once
/// @file raw_profiles.hpp
/// Texts themselves in the place of profiles: what a language model's profiles must beat.

#include <string>
#include <vector>

#include "reclm/instruct/dialogues.hpp"

namespace reclm::instruct {

/// Each item's text.
inline std::vector<std::string> raw_item_profiles(const Dialogues& dialogues) {
  std::vector<std::string> texts;
  for (Id item = 0; item < dialogues.data().items.size(); ++item) texts.push_back(dialogues.texts().text(item));
  return texts;
}

/// The texts of each user's history, as many items as a prompt tells of; "" without a history.
inline std::vector<std::string> raw_user_profiles(const Dialogues& dialogues) {
  std::vector<std::string> texts;
  const Histories& histories = dialogues.histories();
  for (Id user = 0; user < dialogues.data().users.size(); ++user) {
    std::string text;
    for (const Id item : histories.limited(histories.of(user), dialogues.options().most_items))
      text.append(text.empty() ? "" : "\n").append(dialogues.texts().text(item));
    texts.push_back(std::move(text));
  }
  return texts;
}

}  // namespace reclm::instruct
