#pragma once
/// A town of circles: people who read about the same taste, and the same three items of it. Everybody is in two circles
/// of different tastes and every item says its taste, so that all that stages are to learn can be learned from the
/// texts, by a model small enough for a test: whom somebody is, and what one of several people would choose.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "instruct/word_model.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/instruct/pipeline.hpp"

namespace reclm_test {

using namespace reclm;
using namespace reclm::instruct;

class Circles {
 public:
  Dataset data;
  std::vector<std::string> profiles;
  Matrix<Id> neighbours;  ///< [users, 2]: each shares one circle, not the other's taste
  std::vector<std::vector<std::string>> tastes;

  explicit Circles(Id users) {
    data.name = "circles";
    TextColumn title{"title", {}};
    for (const std::string& taste : kTastes)
      for (const std::string& kind : kKinds) {
        data.items.insert("i" + std::to_string(title.values.size()));
        title.values.push_back(taste + " " + kind);
      }
    data.item_text = {std::move(title)};
    RandomSequence draws(Random(7, Stream::world, 0));
    const auto below = [&](std::size_t n) { return draws.below(static_cast<std::uint32_t>(n)); };
    std::vector<Pair> pairs;
    for (Id user = 0; user < users; ++user) {
      data.users.insert("u" + std::to_string(user));
      const std::size_t first = below(kTastes.size()),
                        second = (first + 1 + below(kTastes.size() - 1)) % kTastes.size();
      circles_.push_back({{first, below(kCircles)}, {second, below(kCircles)}});
      std::string who = "User identity: ", what = "; User interests: ";
      tastes.emplace_back();
      for (const auto& [taste, circle] : circles_.back()) {
        for (std::size_t k = 0; k < 3; ++k)
          pairs.push_back({user, static_cast<Id>(taste * kKinds.size() + (circle + k) % kKinds.size())});
        const std::string gap = tastes.back().empty() ? "" : ", ";
        who += gap + kTastes[taste] + " friend";
        what += gap + kTastes[taste];
        tastes.back().push_back(kTastes[taste]);
      }
      profiles.push_back(who + what);
    }
    data.train = Interactions::from_pairs(users, static_cast<Id>(data.items.size()), pairs);
    neighbours = Matrix<Id>(users, 2);
    for (Id user = 0; user < users; ++user)
      for (Index k = 0; k < 2; ++k) neighbours(user, k) = alike(user, static_cast<std::size_t>(k));
  }

  [[nodiscard]] TuningData tuning() const {
    return {.data = &data, .user_profiles = profiles, .neighbours = neighbours, .truth = [this](Id user) {
              return tastes[static_cast<std::size_t>(user)];
            }};
  }

  /// A model of the words that are used here, which knows nothing.
  [[nodiscard]] LanguageModel model(Index width, Index layers) const {
    std::vector<std::string> corpus{"Question: Answer: Yes No . Chosen: Person 1: 2: 3: Would choose ?"};
    corpus.insert(corpus.end(), profiles.begin(), profiles.end());
    const auto& titles = data.item_text.front().values;
    corpus.insert(corpus.end(), titles.begin(), titles.end());
    return word_model(corpus, width, layers);
  }

  [[nodiscard]] static DialogueOptions dialogues() {
    DialogueOptions options;
    options.templates.user_profile = "Chosen:\n{history}";
    options.templates.history_item = "{item}";
    options.templates.collaborative = "{people}";
    options.templates.person = "Person {person}:\n{history}";
    options.templates.question = "Would Person {person} choose {item}?";
    options.columns = {"title"};
    options.user_entries = 2;
    options.neighbours = 1;
    return options;
  }

 private:
  using Circle = std::pair<std::size_t, std::size_t>;  // taste, and which three kinds

  // Somebody of the user's circle number `which`, with another second taste.
  [[nodiscard]] Id alike(Id user, std::size_t which) const {
    const auto& own = circles_[static_cast<std::size_t>(user)];
    const auto users = static_cast<Id>(circles_.size());
    for (Id step = 1; step < users; ++step) {
      const auto& other = circles_[static_cast<std::size_t>((user + step) % users)];
      for (std::size_t k = 0; k < 2; ++k)
        if (other[k] == own[which] && other[1 - k].first != own[1 - which].first) return (user + step) % users;
    }
    return -1;
  }

  inline static const std::vector<std::string> kTastes{"jazz", "chess", "tennis", "opera", "hiking", "pottery"};
  inline static const std::vector<std::string> kKinds{"club", "guide", "story", "evening", "record"};
  static constexpr std::size_t kCircles = 5;
  std::vector<std::vector<Circle>> circles_;
};

}  // namespace reclm_test
