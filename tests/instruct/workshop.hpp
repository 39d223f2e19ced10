#pragma once
/// A small embedded world with the dialogues of all stages, and a model that knows their words.

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "instruct/word_model.hpp"
#include "reclm/data/world.hpp"
#include "reclm/instruct/collaborative.hpp"
#include "reclm/instruct/neighbours.hpp"
#include "reclm/instruct/preferences.hpp"
#include "reclm/instruct/reward/profile_reward.hpp"

namespace reclm_test {

using namespace reclm;
using namespace reclm::instruct;

inline World small_world() {
  WorldOptions options{.users = 120, .items = 150};
  options.vectors = false;
  return make_world(options);
}

inline DialogueOptions short_dialogues() {
  DialogueOptions options;
  options.templates.user_profile = "{form} of one who chose\n{history}";
  options.templates.collaborative = "{form} of people; items\n{items}\npeople\n{people}";
  options.columns = {"title", "category"};
  options.most_items = 4;
  options.neighbour_items = 3;
  options.neighbours = 1;
  return options;
}

inline const lm::LoraOptions kUpdates{.rank = 4, .alpha = 8, .layers = {"q_proj", "v_proj", "up_proj", "down_proj"}};

/// The world, its dialogues, and a model that knows their words.
struct Workshop {
  World world = small_world();
  Dialogues dialogues{world.dataset, short_dialogues()};
  std::vector<Id> train, held_out;
  Neighbours neighbours;
  std::vector<ChatSample> samples, held_out_samples, questions;
  std::vector<PreferencePair> pairs, held_out_pairs;
  LanguageModel model;

  explicit Workshop(Index width) {
    const Dataset& data = world.dataset;
    Matrix<float> clicks(data.train.users(), data.train.items());
    for (Id u = 0; u < static_cast<Id>(data.train.users()); ++u) {
      (u % 4 == 0 ? held_out : train).push_back(u);
      for (const Id item : data.train.of(u)) clicks(u, item) = 1;
    }
    neighbours = nearest_rows(MatrixView<const float>(clicks.view()), 5);
    const auto& profiles = world.user_profile_text;
    samples = dialogues.distillation(train, profiles).samples;
    held_out_samples = dialogues.distillation(held_out, profiles).samples;
    questions = collaborative_dialogues(dialogues, train, neighbours.ids.view(), profiles).samples;
    pairs = preference_pairs(dialogues, train, neighbours.ids.view(), profiles).samples;
    held_out_pairs = preference_pairs(dialogues, held_out, neighbours.ids.view(), profiles).samples;
    std::vector<std::string> corpus{"Question: Answer: Yes No ."};
    for (const auto* all : {&samples, &held_out_samples, &questions})
      for (const ChatSample& sample : *all)
        for (const lm::Message& message : sample.messages) corpus.push_back(message.content);
    model = word_model(corpus, width, 2);
  }

  /// How rewards see the users of this world. The workshop must outlive it.
  [[nodiscard]] std::unique_ptr<ProfileEvidence> evidence() const {
    return std::make_unique<ProfileEvidence>(EvidenceSources{.data = &world.dataset,
                                                             .neighbours = neighbours.ids.view(),
                                                             .profiles = world.user_profile_text,
                                                             .item_profiles = world.item_profile_text,
                                                             .held_out = &world.dataset.test},
                                             TextEncoderOptions{.width = 32});
  }
};

/// What a policy is asked, and about whom.
struct Prompts {
  std::vector<Id> users;
  std::vector<lm::Dialogue> dialogues;
  std::vector<std::vector<lm::TokenId>> tokens;
  Prompts(const Workshop& shop, std::span<const Id> whom) {
    for (PromptSample& prompt : shop.dialogues.user_prompts(whom).samples) {
      users.push_back(prompt.user);
      tokens.push_back(shop.model.prompt(prompt.messages));
      dialogues.push_back(std::move(prompt.messages));
    }
  }
};

}  // namespace reclm_test
