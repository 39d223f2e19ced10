#pragma once
/// @file grammar.hpp
/// The grammar of profiles: "User identity: a, b, c; User interests: x, y, z".
///
///     profile    = "User identity: " entries "; User interests: " entries ["."]
///     entries    = entry *(", " entry)
///     entry      = characters but ; [ ] line ends and commas outside round brackets; no blank at its borders

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"

namespace reclm::instruct {

inline constexpr std::string_view kIdentityLabel = "User identity:", kInterestLabel = "User interests:";

/// Behind an answer that max_tokens cut off, by the teacher that knows (ASCII: cancel). What the cut left of an entry
/// is no profile's; lists that had ended before it are whole.
inline constexpr char kCutOff = '\x18';

/// The answer itself, to be shown or encoded.
inline std::string without_cut_mark(std::string answer) {
  if (answer.ends_with(kCutOff)) answer.pop_back();
  return answer;
}

/// What a profile says.
struct Profile {
  std::vector<std::string> identities, interests;
  bool operator==(const Profile&) const = default;
};

/// How a profile is read. Strict: exactly the grammar, but for blanks around the text. Tolerant: labels in any case, in
/// singular or plural, in bold, behind other words; a line end or full stop for the semicolon, semicolons for commas;
/// list marks, quotes and square brackets around entries; repeated entries (dropped) and empty ones; words after a
/// blank line, and lists of another label, "; User habits:" (dropped). Entries of the exact form stay as they are, but
/// for marks that all of several have, "and" before the last, and repeats. What a tolerant reading takes,
/// `format_profile` writes so that a strict one reads the same.
struct GrammarRules {
  Index least = 1, most = 6;  ///< identities, and interests; teachers that are asked for 3 write 1 to 6
  Index longest_entry = 84;   ///< bytes, as lm::ListGrammar writes at most; longer ones are sentences without commas
  bool strict = false;

  bool operator==(const GrammarRules&) const = default;
};

/// Why a text is no profile, in the order in which it is looked at.
enum class ProfileFault {
  none,
  empty,          ///< nothing but blanks
  no_identities,  ///< no "User identity:"
  no_interests,   ///< no "User interests:" behind it
  too_few,        ///< fewer entries than `least`
  too_many,
  long_entry,
  echoed_form,     ///< an entry repeats the form that was asked for, "identity 1", instead of answering
  cut_off,         ///< `kCutOff` stands in an entry, or right behind it
  repeated_entry,  ///< strict only
  not_the_form,    ///< strict only: other words, blanks or marks than the grammar's
};
inline constexpr std::size_t kProfileFaults = 11;

constexpr std::string_view fault_name(ProfileFault fault) {
  constexpr std::array<std::string_view, kProfileFaults> names{"none",
                                                               "empty",
                                                               "no \"User identity:\"",
                                                               "no \"User interests:\"",
                                                               "too few entries",
                                                               "too many entries",
                                                               "an entry is too long",
                                                               "an entry echoes the form",
                                                               "cut off by max_tokens",
                                                               "an entry appears twice",
                                                               "not the form"};
  return names[static_cast<std::size_t>(fault)];
}

/// A profile, or what is wrong with the text.
struct ProfileReading {
  Profile profile;
  ProfileFault fault = ProfileFault::none;
  [[nodiscard]] bool valid() const { return fault == ProfileFault::none; }
};

/// How many texts are profiles, and why the others are not.
struct GrammarCounts {
  std::array<Index, kProfileFaults> of{};  ///< by fault; of[0]: valid

  void add(ProfileFault fault) { ++of[static_cast<std::size_t>(fault)]; }
  [[nodiscard]] Index valid() const { return of[0]; }
  [[nodiscard]] Index total() const { return std::accumulate(of.begin(), of.end(), Index{0}); }
  /// 1 where there are no texts.
  [[nodiscard]] double valid_rate() const {
    return total() == 0 ? 1.0 : static_cast<double>(valid()) / static_cast<double>(total());
  }
  /// "1,680 of 1,694 valid; 10 too few entries, 4 …", without the thousands' commas.
  [[nodiscard]] std::string text() const {
    std::string result = std::to_string(valid()) + " of " + std::to_string(total()) + " valid";
    for (std::size_t k = 1; k < of.size(); ++k)
      if (of[k] > 0)
        result += (result.find(';') == std::string::npos ? "; " : ", ") + std::to_string(of[k]) + " " +
                  std::string(fault_name(static_cast<ProfileFault>(k)));
    return result;
  }
};

namespace detail {

inline constexpr std::string_view kBlanks = " \t\r\n";

inline char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

inline std::string lowered(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), lower);
  return result;
}

inline std::string_view trimmed(std::string_view text, std::string_view signs = kBlanks) {
  const auto first = text.find_first_not_of(signs);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(signs) - first + 1);
}

/// Where the entries after a label begin, and where the label itself did; npos: there is none.
struct LabelPlace {
  std::size_t begin = std::string_view::npos, end = std::string_view::npos;
};

// "identity", "identities", "interest", "interests", with "user" before or not, a colon after it, marks of Markdown
// anywhere.
inline LabelPlace find_label(std::string_view low, std::string_view stem, std::size_t from) {
  for (std::size_t at = low.find(stem, from); at != std::string_view::npos; at = low.find(stem, at + 1)) {
    std::size_t end = at + stem.size();
    while (end < low.size() && low[end] >= 'a' && low[end] <= 'z') ++end;
    const std::string_view suffix = low.substr(at + stem.size(), end - at - stem.size());
    if (suffix != "" && suffix != "s" && suffix != "y" && suffix != "ies") continue;
    while (end < low.size() && (low[end] == '*' || low[end] == '_' || low[end] == ' ')) ++end;
    if (end == low.size() || low[end] != ':') continue;
    ++end;
    while (end < low.size() && (low[end] == '*' || low[end] == '_')) ++end;
    const auto user = low.rfind("user", at);
    const bool named =
        user != std::string_view::npos && user >= from && trimmed(low.substr(user + 4, at - user - 4)) == "";
    return {named ? user : at, end};
  }
  return {};
}

/// Calls `entry(text)` for what stands between commas outside round brackets (and, tolerant, between semicolons and
/// lines, which end a bracket that is still open).
template <class Entry>
void for_each_entry(std::string_view list, bool tolerant, const Entry& entry) {
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t k = 0; k <= list.size(); ++k) {
    const bool end = k == list.size();
    const bool hard = !end && tolerant && (list[k] == ';' || list[k] == '\n' || list[k] == '\r');
    if (hard) depth = 0;
    if (!end && list[k] == '(') ++depth;
    if (!end && list[k] == ')' && depth > 0) --depth;
    if (!end && !(list[k] == ',' && depth == 0) && !hard) continue;
    entry(list.substr(begin, k - begin));
    begin = k + 1;
  }
}

/// Round brackets that are not closed.
inline std::size_t open_brackets(std::string_view entry) {
  std::size_t depth = 0;
  for (const char c : entry) {
    if (c == '(') ++depth;
    if (c == ')' && depth > 0) --depth;
  }
  return depth;
}

// "1. *Sports fan*" → "Sports fan".
inline std::string_view without_marks(std::string_view entry) {
  entry = trimmed(entry);
  auto digits = entry.find_first_not_of("0123456789");
  if (digits != 0 && digits < entry.size() && (entry[digits] == '.' || entry[digits] == ')') &&
      digits + 1 < entry.size() && entry[digits + 1] == ' ')
    entry = trimmed(entry.substr(digits + 1));
  if (entry.starts_with("- ") || entry.starts_with("* ")) entry = trimmed(entry.substr(2));
  entry = trimmed(entry, " \t\r\n*_");
  // A quote whose partner stands inside is the entry's own: The musical "Cats".
  const auto quotes = std::count(entry.begin(), entry.end(), '"');
  const bool around = quotes == 2 && entry.front() == '"' && entry.back() == '"';
  return around || quotes % 2 == 1 ? trimmed(entry, " \t\r\n\"*_") : entry;
}

/// What the parts of a list name, each thing once.
/// @param exact they are of the exact form, where "1. FC fan" may be a name: marks are taken off where all of several
/// have them
inline std::vector<std::string> named_entries(std::vector<std::string> parts, bool exact) {
  std::erase_if(parts, [](const std::string& part) { return trimmed(part).empty(); });
  if (parts.size() > 1)
    while (trimmed(parts.back()).starts_with("and "))
      parts.back() = std::string(trimmed(trimmed(parts.back()).substr(4)));
  const bool marked = !exact || (parts.size() > 1 && std::all_of(parts.begin(), parts.end(), [](const auto& part) {
                                   return without_marks(part) != part;
                                 }));
  std::vector<std::string> entries, seen;
  for (std::size_t k = 0; k < parts.size(); ++k) {
    std::string entry(marked ? without_marks(parts[k]) : parts[k]);
    // A full stop at the end is the list's. An open bracket would swallow the entries behind it.
    if (k + 1 == parts.size()) entry.erase(entry.find_last_not_of(" .") + 1);
    if (!exact) entry.append(open_brackets(entry), ')');
    std::string low = lowered(entry);
    const bool says_nothing = entry.find_first_not_of(" \t.\"*_-") == std::string::npos;
    if (says_nothing || std::find(seen.begin(), seen.end(), low) != seen.end()) continue;
    entries.push_back(std::move(entry));
    seen.push_back(std::move(low));
  }
  return entries;
}

inline std::vector<std::string> tolerant_entries(std::string_view list) {
  // A blank line ends what belongs to the list, but not before its first word.
  list = trimmed(list);
  list = list.substr(0, std::min(list.find("\n\n"), list.size()));
  list = trimmed(list, " \t\r\n;*");
  list = list.substr(0, list.find_last_not_of(" \t\r\n;.*") + 1);
  std::vector<std::string> parts;
  bool ended = false;  // by a list that the form does not have: "; User habits: …"
  for_each_entry(list, true, [&](std::string_view part) {
    const bool behind_semicolon = part.data() != list.data() && part.data()[-1] == ';';
    ended = ended || (behind_semicolon && part.find(':') != part.npos && lowered(trimmed(part)).starts_with("user "));
    if (!ended) parts.emplace_back(part);
  });
  return named_entries(std::move(parts), false);
}

// "identity 2", "[Interest 1]", "interest": what weak models copy from the form.
inline bool echoes_form(std::string_view entry) {
  const std::string low = lowered(trimmed(entry, " []."));
  for (const std::string_view word : {"identity", "interest"})
    if (low.starts_with(word) && low.find_first_not_of(" 0123456789", word.size()) == std::string::npos) return true;
  return false;
}

inline ProfileFault check_entries(const std::vector<std::string>& entries, const GrammarRules& rules) {
  const auto count = static_cast<Index>(entries.size());
  if (count < rules.least) return ProfileFault::too_few;
  if (count > rules.most) return ProfileFault::too_many;
  for (const std::string& entry : entries)
    if (static_cast<Index>(entry.size()) > rules.longest_entry) return ProfileFault::long_entry;
  for (const std::string& entry : entries)
    if (echoes_form(entry)) return ProfileFault::echoed_form;
  for (const std::string& entry : entries)
    if (entry.find(kCutOff) != std::string::npos) return ProfileFault::cut_off;
  return ProfileFault::none;
}

inline bool has_repeats(const std::vector<std::string>& entries) {
  std::vector<std::string> low;
  for (const std::string& entry : entries) low.push_back(lowered(entry));
  std::sort(low.begin(), low.end());
  return std::adjacent_find(low.begin(), low.end()) != low.end();
}

/// The text by the grammar alone.
inline std::optional<Profile> exact_profile(std::string_view text) {
  const std::string head = std::string(kIdentityLabel) + " ", middle = "; " + std::string(kInterestLabel) + " ";
  const auto border = text.find(middle);
  if (!text.starts_with(head) || border == std::string_view::npos) return std::nullopt;
  std::string_view last = text.substr(border + middle.size());
  if (last.ends_with('.')) last.remove_suffix(1);
  Profile profile;
  bool exact = true;
  const auto read = [&](std::string_view list, std::vector<std::string>& entries) {
    for_each_entry(list, false, [&](std::string_view part) {
      if (!entries.empty()) exact = exact && part.starts_with(' ');
      if (!entries.empty() && !part.empty()) part.remove_prefix(1);
      exact =
          exact && !part.empty() && part == trimmed(part) && part.find_first_of(";[]\r\n") == std::string_view::npos;
      entries.emplace_back(part);
    });
  };
  read(text.substr(head.size(), border - head.size()), profile.identities);
  read(last, profile.interests);
  return exact ? std::optional(std::move(profile)) : std::nullopt;
}

}  // namespace detail

/// The one way a profile is written, without a full stop but behind an entry that ends with one.
inline std::string format_profile(const Profile& profile) {
  std::string text(kIdentityLabel);
  const auto add = [&](const std::vector<std::string>& entries) {
    for (std::size_t k = 0; k < entries.size(); ++k) text += (k == 0 ? " " : ", ") + entries[k];
  };
  add(profile.identities);
  text += "; ";
  text += kInterestLabel;
  add(profile.interests);
  if (text.ends_with('.')) text += '.';
  return text;
}

/// Reads a profile. @throws ConfigError on rules that no profile can fulfil
/// Cost: linear in the text but for the search for repeats, quadratic in the number of entries (beyond 64 of them a
/// tolerant reading gives up as `too_many`).
inline ProfileReading read_profile(std::string_view text, const GrammarRules& rules = {}) {
  if (rules.least < 1 || rules.most < rules.least || rules.longest_entry < 1)
    throw ConfigError("GrammarRules: 1 ≤ least ≤ most and longest_entry ≥ 1 are needed");
  ProfileReading result;
  const auto refuse = [&](ProfileFault fault) {
    result.fault = fault;
    return result;
  };
  if (detail::trimmed(text).empty()) return refuse(ProfileFault::empty);
  constexpr std::size_t kLongest = 1 << 14;  // whatever a model that does not stop writes
  std::string plain(text.substr(0, kLongest));
  std::erase_if(plain, [](char c) { return c == '[' || c == ']'; });
  const std::string_view read = plain;
  const std::string low = detail::lowered(read);
  const detail::LabelPlace identity = detail::find_label(low, "identit", 0);
  if (identity.begin == std::string_view::npos) return refuse(ProfileFault::no_identities);
  const detail::LabelPlace interest = detail::find_label(low, "interest", identity.end);
  if (interest.begin == std::string_view::npos) return refuse(ProfileFault::no_interests);
  const std::string_view first = read.substr(identity.end, interest.begin - identity.end),
                         second = read.substr(interest.end);
  const auto count = [](std::string_view list, std::string_view signs) {
    return std::count_if(list.begin(), list.end(), [&](char c) { return signs.find(c) != std::string_view::npos; });
  };
  if (count(first, ",;\r\n") > 64) return refuse(ProfileFault::too_many);
  // What another profile or a second list brings is not part of this one.
  const auto next = std::min(detail::find_label(low.substr(interest.end), "identit", 0).begin,
                             detail::find_label(low.substr(interest.end), "interest", 0).begin);
  const std::string_view last = second.substr(0, std::min(next, second.size()));
  if (count(last, ",;") > 64) return refuse(ProfileFault::too_many);
  std::optional<Profile> form;
  if (next == std::string_view::npos) form = detail::exact_profile(detail::trimmed(text.substr(0, kLongest)));
  if (form)
    result.profile = {detail::named_entries(std::move(form->identities), true),
                      detail::named_entries(std::move(form->interests), true)};
  else
    result.profile = {detail::tolerant_entries(first), detail::tolerant_entries(last)};
  for (const auto* entries : {&result.profile.identities, &result.profile.interests})
    if (const ProfileFault fault = detail::check_entries(*entries, rules); fault != ProfileFault::none)
      return refuse(fault);
  if (!rules.strict) return result;

  if (const auto exact = detail::exact_profile(detail::trimmed(text)))
    result.profile = *exact;
  else
    return refuse(ProfileFault::not_the_form);
  for (const auto* entries : {&result.profile.identities, &result.profile.interests}) {
    if (detail::has_repeats(*entries)) return refuse(ProfileFault::repeated_entry);
    if (const ProfileFault fault = detail::check_entries(*entries, rules); fault != ProfileFault::none)
      return refuse(fault);
  }
  return result;
}

/// Reads many texts. @param counts what is added to
inline std::vector<ProfileReading> read_profiles(const std::vector<std::string>& texts, GrammarCounts& counts,
                                                 const GrammarRules& rules = {}) {
  std::vector<ProfileReading> readings;
  readings.reserve(texts.size());
  for (const std::string& text : texts) {
    readings.push_back(read_profile(text, rules));
    counts.add(readings.back().fault);
  }
  return readings;
}

}  // namespace reclm::instruct
