#pragma once
/// @file dialogues.hpp
/// Dialogues and prompts from a data set with text: about users from their histories (A1 distillation, A4 policy), and
/// about items from their neighbours or readers (A5). collaborative.hpp adds A2, preferences.hpp A3.
///
/// Only train interactions are told. The same data, options and seed give the same dialogues.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/matrix.hpp"
#include "reclm/core/philox.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/instruct/grammar.hpp"
#include "reclm/instruct/item_texts.hpp"
#include "reclm/instruct/samples.hpp"
#include "reclm/instruct/templates.hpp"
#include "reclm/instruct/token_budget.hpp"

namespace reclm::instruct {

/// How dialogues are made.
struct DialogueOptions {
  Templates templates{};
  TokenBudget budget{};
  std::vector<std::string> columns{};  ///< of the item text, in this order; empty: all
  LeastInformative drop = LeastInformative::most_popular;
  Index most_items = 30;      ///< of a history; 0: all
  Index neighbour_items = 8;  ///< A2: of a neighbour's history; 0: all
  Index neighbours = 5;       ///< most neighbours told of
  Index alike = 0;            ///< most neighbours whose profiles a prompt about a user tells, see Company
  Index user_entries = 3;     ///< identities, and interests, that a user's profile is asked to have
  Index item_entries = 5;     ///< the same of an item's
  Index questions = 1;        ///< A2: pairs of a Yes and a No question for each user
  std::uint64_t seed = 1;
};

/// Whom users are like, and what is known of those: what prompts about users tell beside the history, as those about
/// items do. Nothing of the user's own. In tuning the stage collaborative learns from such prompts beside A2's
/// dialogues.
struct Company {
  MatrixView<const Id> neighbours{};        ///< [users, k], the nearest first, −1 where there are fewer
  std::span<const std::string> profiles{};  ///< of all users, "" where there is none
};

/// Makes dialogues. Holds references to the data; not for several threads at once.
class Dialogues {
 public:
  /// @param company is told of by prompts about users if `options.alike` is above 0; must outlive this object
  /// @throws ConfigError on a template, column or number that cannot be, ShapeError on a company of other users
  explicit Dialogues(const Dataset& data, DialogueOptions options = {}, Company company = {})
      : data_(data),
        options_(std::move(options)),
        company_(company),
        texts_(data, options_.columns),
        histories_(data, options_.drop) {
    check_templates(options_.templates);
    if (options_.user_entries < 1 || options_.item_entries < 1 || options_.neighbours < 1 || options_.questions < 1)
      throw ConfigError("DialogueOptions: entries, neighbours and questions must be at least 1");
    if (options_.alike < 0) throw ConfigError("DialogueOptions: alike must be at least 0");
    const bool known = company_.neighbours.rows() > 0;
    if (known && (company_.neighbours.rows() != data.train.users() ||
                  static_cast<Index>(company_.profiles.size()) != data.train.users()))
      throw ShapeError("Dialogues: a company of " + std::to_string(company_.neighbours.rows()) + " rows and " +
                       std::to_string(company_.profiles.size()) + " profiles, for " +
                       std::to_string(data.train.users()) + " users");
    if (options_.budget.limited() && !options_.budget.count)
      throw ConfigError("DialogueOptions: a budget needs a function that counts tokens");
    user_form_ = form_text(options_.user_entries, options_.user_entries);
    item_form_ = form_text(options_.item_entries, options_.item_entries);
  }

  /// Prompts for the profiles of `users`: for a teacher (A1), and for the model's own answers (A4).
  [[nodiscard]] Built<PromptSample> user_prompts(std::span<const Id> users, Stage stage = Stage::policy) const {
    Built<PromptSample> built;
    for (const Id user : users)
      if (auto prompt = user_prompt(user, options_.budget.answer, built.skipped))
        built.samples.push_back({stage, user, -1, std::move(*prompt)});
    return built;
  }

  /// Prompts of random parts of the histories of `users`, `views` of each with three items or more: an item is told
  /// with probability 0.6, two are at least. A model that has learned whole histories by heart has to read these.
  [[nodiscard]] Built<PromptSample> partial_prompts(std::span<const Id> users, Index views) const {
    constexpr float share = 0.6f;
    Built<PromptSample> built;
    for (Index view = 0; view < views; ++view)
      for (const Id user : users) {
        const std::vector<Id> all = histories_.of(user);
        if (all.size() < 3) continue;
        const std::uint64_t of_view = 0x70617274ull + (static_cast<std::uint64_t>(view) << 32);
        RandomSequence random(Random(options_.seed ^ of_view, Stream::dialogues, static_cast<std::uint32_t>(user)));
        std::vector<Id> part;
        while (part.size() < 2) {
          part.clear();
          for (const Id item : all)
            if (random.uniform() < share) part.push_back(item);
        }
        if (auto prompt = history_prompt(part, options_.budget.answer, built.skipped, alike(user)))
          built.samples.push_back({Stage::policy, user, -1, std::move(*prompt)});
      }
    return built;
  }

  /// A1: the prompts of `users`, answered by `profiles` [users of the data set], "" where nobody wrote one. Profiles
  /// are written anew by the grammar; what does not follow it is left out.
  [[nodiscard]] Built<ChatSample> distillation(std::span<const Id> users, std::span<const std::string> profiles) const {
    Built<ChatSample> built;
    for (const Id user : users) {
      const std::string answer = profile_text(profiles, user, built.skipped);
      if (answer.empty()) continue;
      if (auto prompt = user_prompt(user, answer_tokens(answer), built.skipped))
        built.samples.push_back(answered({Stage::distillation, user, -1, {}, std::move(*prompt)}, answer));
    }
    return built;
  }

  /// Prompts for the profiles of `items` as an A5 model takes them. @param neighbours [items, k] similar items, −1
  /// where there are fewer  @param profiles of all items, "" where there is none; neighbours without one are not told
  /// of
  [[nodiscard]] Built<PromptSample> item_prompts(std::span<const Id> items, MatrixView<const Id> neighbours,
                                                 std::span<const std::string> profiles) const {
    Built<PromptSample> built;
    for (const Id item : items)
      if (auto prompt = item_prompt(item, neighbours, profiles, options_.budget.answer, built.skipped))
        built.samples.push_back({Stage::items, -1, item, std::move(*prompt)});
    return built;
  }

  /// A5: the same prompts, answered by the items' own profiles.
  [[nodiscard]] Built<ChatSample> item_dialogues(std::span<const Id> items, MatrixView<const Id> neighbours,
                                                 std::span<const std::string> profiles) const {
    Built<ChatSample> built;
    for (const Id item : items) {
      const std::string answer = profile_text(profiles, item, built.skipped);
      if (answer.empty()) continue;
      if (auto prompt = item_prompt(item, neighbours, profiles, answer_tokens(answer), built.skipped))
        built.samples.push_back(answered({Stage::items, -1, item, {}, std::move(*prompt)}, answer));
    }
    return built;
  }

  /// What a teacher is asked about items: their text, and the profiles of people who chose them, the most particular
  /// (shortest history) first. Items that nobody with a profile chose are asked about by their text alone.
  [[nodiscard]] Built<PromptSample> reader_prompts(std::span<const Id> items,
                                                   std::span<const std::string> user_profiles) const {
    Built<PromptSample> built;
    const Interactions readers = data_.train.transposed();
    for (const Id item : items) {
      const auto everybody = readers.of(item);
      std::vector<Id> told(everybody.begin(), everybody.end());
      std::erase_if(told, [&](Id user) { return !read_profile(at(user_profiles, user)).valid(); });
      std::stable_sort(told.begin(), told.end(),
                       [&](Id a, Id b) { return data_.train.of(a).size() < data_.train.of(b).size(); });
      if (static_cast<Index>(told.size()) > options_.neighbours)
        told.resize(static_cast<std::size_t>(options_.neighbours));
      if (auto prompt = about_item(item, told, user_profiles, options_.templates.item_readers, true,
                                   options_.budget.answer, built.skipped))
        built.samples.push_back({Stage::items, -1, item, std::move(*prompt)});
    }
    return built;
  }

  [[nodiscard]] const Dataset& data() const { return data_; }
  [[nodiscard]] const DialogueOptions& options() const { return options_; }
  [[nodiscard]] const ItemTexts& texts() const { return texts_; }
  [[nodiscard]] const Histories& histories() const { return histories_; }
  [[nodiscard]] const std::string& user_form() const { return user_form_; }

  /// The prompt for one user's profile, or nothing and why. @param reserved tokens of the answer
  [[nodiscard]] std::optional<lm::Dialogue> user_prompt(Id user, Index reserved, SkipCounts& skipped) const {
    return history_prompt(histories_.of(user), reserved, skipped, alike(user));
  }

  /// Profiles of the people whom a prompt about `user` tells of, the nearest first.
  [[nodiscard]] std::vector<std::string> alike(Id user) const {
    std::vector<std::string> told;
    for (Index k = 0; company_.neighbours.rows() > 0 && k < company_.neighbours.cols(); ++k) {
      const Id other = company_.neighbours(user, k);
      if (other < 0 || static_cast<Index>(told.size()) == options_.alike) break;
      if (const ProfileReading reading = read_profile(at(company_.profiles, other)); reading.valid())
        told.push_back(format_profile(reading.profile));
    }
    return told;
  }

  /// The same of somebody who took `all`, to be told in this order, and is like people of the profiles `alike`. Beyond
  /// the budget the farthest of these are given up first, then items.
  [[nodiscard]] std::optional<lm::Dialogue> history_prompt(const std::vector<Id>& all, Index reserved,
                                                           SkipCounts& skipped,
                                                           std::vector<std::string> alike = {}) const {
    if (all.empty()) {
      ++skipped.no_history;
      return std::nullopt;
    }
    std::vector<Id> told = histories_.limited(all, options_.most_items);
    const std::vector<Id> order = histories_.least_informative_first(told);
    bool brief = false;
    const auto write = [&] {
      std::string lines;
      for (const Id item : told)
        lines += (lines.empty() ? "" : "\n") +
                 fill(options_.templates.history_item, {{"item", brief ? texts_.short_text(item) : texts_.text(item)}});
      if (alike.empty())
        return start(fill(options_.templates.user_profile, {{"form", user_form_}, {"history", lines}}));
      std::string people;
      for (const std::string& profile : alike)
        people += (people.empty() ? "" : "\n") + fill(options_.templates.user_neighbour, {{"profile", profile}});
      return start(
          fill(options_.templates.user_alike, {{"form", user_form_}, {"history", lines}, {"neighbours", people}}));
    };
    lm::Dialogue dialogue = write();
    while (!alike.empty() && surplus_of(dialogue, reserved) > 0) {
      alike.pop_back();
      dialogue = write();
    }
    // Tokens of joined lines are nearly those of the lines, so that most of the surplus goes at once.
    std::size_t next = 0;
    for (Index surplus = surplus_of(dialogue, reserved); surplus > 0; surplus = surplus_of(dialogue, reserved)) {
      if (next + 1 >= order.size()) {
        if (std::exchange(brief, true)) {
          ++skipped.over_budget;
          return std::nullopt;
        }
      }
      while (surplus > 0 && next + 1 < order.size()) {
        const Id item = order[next++];
        surplus -= options_.budget.count(fill(options_.templates.history_item, {{"item", texts_.text(item)}}));
        told.erase(std::find(told.begin(), told.end(), item));
      }
      dialogue = write();
    }
    skipped.dropped_items += static_cast<Index>(all.size() - told.size());
    return dialogue;
  }

  /// A user's or item's profile written by the grammar; "" and a count where there is none.
  [[nodiscard]] static std::string profile_text(std::span<const std::string> profiles, Id whose, SkipCounts& skipped) {
    const ProfileReading reading = read_profile(at(profiles, whose));
    if (reading.valid()) return format_profile(reading.profile);
    ++skipped.no_profile;
    return {};
  }

  /// The messages that a prompt begins with.
  [[nodiscard]] lm::Dialogue start(std::string user_message) const {
    lm::Dialogue messages;
    if (!options_.templates.system.empty()) messages.push_back({"system", fill(options_.templates.system, {})});
    messages.push_back({"user", std::move(user_message)});
    return messages;
  }

  /// Tokens beyond the budget; 0 without one.
  [[nodiscard]] Index surplus_of(const lm::Dialogue& messages, Index reserved) const {
    return options_.budget.limited() ? options_.budget.of(messages) + reserved - options_.budget.tokens : 0;
  }

 private:
  static const std::string& at(std::span<const std::string> texts, Id k) {
    if (k < 0 || static_cast<std::size_t>(k) >= texts.size())
      throw ShapeError("dialogues: there are " + std::to_string(texts.size()) + " profiles, none for number " +
                       std::to_string(k) + ". Remedy: give one text for each, empty where there is none");
    return texts[static_cast<std::size_t>(k)];
  }

  static ChatSample answered(ChatSample sample, const std::string& answer) {
    sample.messages.push_back({"assistant", answer});
    return sample;
  }

  [[nodiscard]] Index answer_tokens(const std::string& answer) const {
    return options_.budget.limited() ? options_.budget.count(answer) + options_.budget.per_message : 0;
  }

  [[nodiscard]] std::optional<lm::Dialogue> item_prompt(Id item, MatrixView<const Id> neighbours,
                                                        std::span<const std::string> profiles, Index reserved,
                                                        SkipCounts& skipped) const {
    std::vector<Id> told;
    if (item >= neighbours.rows() && neighbours.rows() > 0)
      throw ShapeError("dialogues: " + std::to_string(neighbours.rows()) + " rows of neighbours, none for item " +
                       std::to_string(item));
    for (Index k = 0; neighbours.rows() > 0 && k < neighbours.cols(); ++k)
      if (const Id other = neighbours(item, k); other >= 0 && static_cast<Index>(told.size()) < options_.neighbours &&
                                                read_profile(at(profiles, other)).valid())
        told.push_back(other);
    return about_item(item, told, profiles, options_.templates.item_profile, false, reserved, skipped);
  }

  // `told` comes best first; the last one is given up first.
  [[nodiscard]] std::optional<lm::Dialogue> about_item(Id item, std::vector<Id> told,
                                                       std::span<const std::string> profiles, const std::string& form,
                                                       bool readers, Index reserved, SkipCounts& skipped) const {
    const Templates& t = options_.templates;
    const auto write = [&](bool brief) {
      std::string lines;
      for (const Id other : told) {
        const std::string profile = format_profile(read_profile(at(profiles, other)).profile);
        lines += lines.empty() ? "" : "\n";
        lines += readers ? fill(t.reader, {{"profile", profile}})
                         : fill(t.item_neighbour, {{"item", texts_.short_text(other)}, {"profile", profile}});
      }
      const std::string text = brief ? texts_.short_text(item) : texts_.text(item);
      if (told.empty()) return start(fill(t.item_alone, {{"form", item_form_}, {"item", text}}));
      return start(fill(form, {{"form", item_form_}, {"item", text}, {readers ? "readers" : "neighbours", lines}}));
    };
    lm::Dialogue dialogue = write(false);
    while (surplus_of(dialogue, reserved) > 0 && !told.empty()) {
      told.pop_back();
      dialogue = write(false);
    }
    if (surplus_of(dialogue, reserved) > 0) dialogue = write(true);
    if (surplus_of(dialogue, reserved) <= 0) return dialogue;
    ++skipped.over_budget;
    return std::nullopt;
  }

  const Dataset& data_;
  DialogueOptions options_;
  Company company_;
  ItemTexts texts_;
  Histories histories_;
  std::string user_form_, item_form_;
};

}  // namespace reclm::instruct
