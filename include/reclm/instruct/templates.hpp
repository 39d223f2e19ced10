#pragma once
/// @file templates.hpp
/// The wording of all dialogues, replaceable one by one. template_file.hpp reads them from a JSON file.

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"

namespace reclm::instruct {

/// Texts with places in braces; {{ and }} stand for braces. What all prompts of a kind share comes first, so that a
/// server or a key-value cache computes it once. `{form}` is the line that is asked for, "User identity: [identity 1],
/// …"; a model that is tuned on it need not be told, so that its place alone may be left out.
struct Templates {
  std::string system{};  ///< empty: no system message
  /// A1, A3, A4: {form}, {history}
  std::string user_profile =
      "Work out who somebody is from what this person chose. Answer with one line of exactly this form and nothing "
      "else, the surest guesses first:\n{form}\n\nThe person chose, oldest first:\n{history}\n\nNow write the line "
      "about this person. It begins with \"User identity:\".";
  std::string history_item = "- {item}";  ///< {item}
  /// The same where it is known who people alike are: {form}, {history}, {neighbours}
  std::string user_alike =
      "Work out who somebody is from what this person chose. Answer with one line of exactly this form and nothing "
      "else, the surest guesses first:\n{form}\n\nPeople of similar taste:\n{neighbours}\n\nThe person chose, oldest "
      "first:\n{history}\n\nNow write the line about this person alone. It begins with \"User identity:\".";
  std::string user_neighbour = "- {profile}";  ///< {profile}
  /// A2, first turn: {form}, {items}, {people}. Without {items} each person's items are written out behind the person
  /// instead of numbers: longer, but a small model reads it that does not follow numbers.
  std::string collaborative =
      "Here are some items, and people who chose among them; the people are alike in taste. Describe each person by "
      "one "
      "line of exactly this form:\nPerson 1: {form}\n\nItems:\n{items}\n\nWho chose what:\n{people}";
  std::string numbered_item = "[{number}] {item}";    ///< {number}, {item}
  std::string person = "Person {person}: {history}";  ///< {person}, {history}: the items' numbers, or a line of each
  std::string person_profile = "Person {person}: {profile}";  ///< A2, first answer: {person}, {profile}
  /// A2, second turn: {person}, {number}, {item}
  std::string question = "Would person {person} also choose [{number}] {item}? Answer Yes or No.";
  std::string yes = "Yes", no = "No";
  /// A5: {form}, {item}, {neighbours}
  std::string item_profile =
      "Work out whom an item is for. Answer with one line of exactly this form and nothing else, the surest guesses "
      "first:\n{form}\n\nSimilar items and whom they are for:\n{neighbours}\n\nThe item: {item}\n\nNow write the line "
      "about its audience. It begins with \"User identity:\".";
  std::string item_neighbour = "- {item}: {profile}";  ///< {item}, {profile}
  /// A5 without neighbours: {form}, {item}
  std::string item_alone =
      "Work out whom an item is for. Answer with one line of exactly this form and nothing else, the surest guesses "
      "first:\n{form}\n\nThe item: {item}\n\nNow write the line about its audience. It begins with \"User identity:\".";
  /// What a teacher is asked about an item: {form}, {item}, {readers}
  std::string item_readers =
      "Work out whom an item is for, from what it is and from some people who chose it. Answer with one line of "
      "exactly "
      "this form and nothing else, the surest guesses first:\n{form}\n\nPeople who chose it:\n{readers}\n\nThe item: "
      "{item}\n\nNow write the line about its audience. It begins with \"User identity:\".";
  std::string reader = "- {profile}";  ///< {profile}
};

/// A template by its name, and the places that it may hold: all of them it must, but for those with a question mark.
struct TemplateField {
  std::string_view name;
  std::string Templates::*text;
  std::array<std::string_view, 3> places;  ///< empty ones: none
};

inline constexpr std::array<TemplateField, 17> kTemplateFields{{
    {"system", &Templates::system, {}},
    {"user_profile", &Templates::user_profile, {"?form", "history"}},
    {"history_item", &Templates::history_item, {"item"}},
    {"user_alike", &Templates::user_alike, {"?form", "history", "neighbours"}},
    {"user_neighbour", &Templates::user_neighbour, {"profile"}},
    {"collaborative", &Templates::collaborative, {"?form", "?items", "people"}},
    {"numbered_item", &Templates::numbered_item, {"number", "item"}},
    {"person", &Templates::person, {"person", "history"}},
    {"person_profile", &Templates::person_profile, {"person", "profile"}},
    {"question", &Templates::question, {"person", "?number", "item"}},
    {"yes", &Templates::yes, {}},
    {"no", &Templates::no, {}},
    {"item_profile", &Templates::item_profile, {"?form", "item", "neighbours"}},
    {"item_neighbour", &Templates::item_neighbour, {"item", "profile"}},
    {"item_alone", &Templates::item_alone, {"?form", "item"}},
    {"item_readers", &Templates::item_readers, {"?form", "item", "readers"}},
    {"reader", &Templates::reader, {"profile"}},
}};

/// Name and value of a place.
using PlaceValue = std::pair<std::string_view, std::string_view>;

namespace detail {

/// Calls `text(piece)` and `place(name)` along a template. @throws ConfigError on a single brace
template <class Text, class Place>
void walk_template(std::string_view form, const Text& text, const Place& place) {
  std::size_t at = 0;
  while (at < form.size()) {
    const std::size_t brace = std::min(form.find_first_of("{}", at), form.size());
    text(form.substr(at, brace - at));
    at = brace;
    if (at == form.size()) return;
    if (form.substr(at, 2) == "{{" || form.substr(at, 2) == "}}") {
      text(form.substr(at, 1));
      at += 2;
      continue;
    }
    const std::size_t close = form.find_first_of("{}", at + 1);
    if (form[at] == '}' || close == std::string_view::npos || form[close] == '{')
      throw ConfigError("a brace stands alone at byte " + std::to_string(at) + ". Remedy: write {{ or }} for a brace");
    place(form.substr(at + 1, close - at - 1));
    at = close + 1;
  }
}

}  // namespace detail

/// `form` with its places filled; what is filled in is not looked at again. @throws ConfigError on an unknown place
inline std::string fill(std::string_view form, std::initializer_list<PlaceValue> values) {
  std::string result;
  detail::walk_template(
      form, [&](std::string_view piece) { result += piece; },
      [&](std::string_view name) {
        for (const auto& [place, value] : values)
          if (place == name) {
            result += value;
            return;
          }
        throw ConfigError("there is no place {" + std::string(name) + "} here");
      });
  return result;
}

/// Whether `form` holds {`name`}. @throws ConfigError on a single brace
inline bool holds_place(std::string_view form, std::string_view name) {
  bool found = false;
  detail::walk_template(
      form, [](std::string_view) {}, [&](std::string_view place) { found = found || place == name; });
  return found;
}

/// Whether A2 writes items out behind the people who chose them.
inline bool items_in_place(const Templates& templates) { return !holds_place(templates.collaborative, "items"); }

/// @throws ConfigError naming the template and what is wrong with it
inline void check_templates(const Templates& templates) {
  for (const TemplateField& field : kTemplateFields) {
    const std::string& text = templates.*field.text;
    std::vector<std::string_view> found;
    const std::string name = "template \"" + std::string(field.name) + "\": ";
    const auto known = [&](std::string_view place) {
      return std::any_of(field.places.begin(), field.places.end(), [&](std::string_view one) {
        return !place.empty() && one.substr(one.starts_with('?') ? 1 : 0) == place;
      });
    };
    try {
      detail::walk_template(
          text, [](std::string_view) {}, [&](std::string_view place) { found.push_back(place); });
    } catch (const ConfigError& e) {
      throw ConfigError(name + e.what());
    }
    for (const std::string_view place : found)
      if (!known(place)) throw ConfigError(name + "there is no place {" + std::string(place) + "} here");
    for (const std::string_view place : field.places)
      if (!place.empty() && place.front() != '?' && std::find(found.begin(), found.end(), place) == found.end())
        throw ConfigError(name + "the place {" + std::string(place) + "} is missing");
  }
  if (items_in_place(templates) && holds_place(templates.question, "number"))
    throw ConfigError(
        "template \"question\": {number} says nothing where the template \"collaborative\" does not hold {items}. "
        "Remedy: leave it out here, or put {items} there");
  if (templates.yes.empty() || templates.no.empty() || templates.yes == templates.no)
    throw ConfigError("templates \"yes\" and \"no\": two different words are needed");
}

/// "User identity: [identity 1], [identity 2]; User interests: [interest 1], [interest 2]".
inline std::string form_text(Index identities, Index interests) {
  std::string text = "User identity:";
  for (Index k = 1; k <= identities; ++k) text += (k > 1 ? ", [identity " : " [identity ") + std::to_string(k) + "]";
  text += "; User interests:";
  for (Index k = 1; k <= interests; ++k) text += (k > 1 ? ", [interest " : " [interest ") + std::to_string(k) + "]";
  return text;
}

}  // namespace reclm::instruct
