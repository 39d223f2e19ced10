#pragma once
/// @file byte_automaton.hpp
/// Finite automata over bytes: which texts a constrained generation may write. `list_automaton` builds those of
/// labelled lists, "User identity: a, b, c; User interests: x, y, z".

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"

namespace reclm::lm {

/// A deterministic automaton. State 0 is the start; a byte without a transition is forbidden.
class ByteAutomaton {
 public:
  using State = std::int32_t;
  static constexpr State kDead = -1;

  ByteAutomaton() { (void)add_state(); }

  State add_state(bool accepting = false) {
    next_.emplace_back().fill(kDead);
    accepting_.push_back(accepting);
    return static_cast<State>(next_.size() - 1);
  }
  void set_accepting(State state) { accepting_[static_cast<std::size_t>(state)] = true; }
  void connect(State from, unsigned char byte, State to) { next_[static_cast<std::size_t>(from)][byte] = to; }

  [[nodiscard]] Index states() const { return static_cast<Index>(next_.size()); }
  [[nodiscard]] State next(State from, char byte) const {
    return from == kDead ? kDead : next_[static_cast<std::size_t>(from)][static_cast<unsigned char>(byte)];
  }
  [[nodiscard]] State next(State from, std::string_view bytes) const {
    for (const char byte : bytes) {
      if (from == kDead) break;
      from = next(from, byte);
    }
    return from;
  }
  [[nodiscard]] bool accepting(State state) const {
    return state != kDead && accepting_[static_cast<std::size_t>(state)];
  }
  [[nodiscard]] bool accepts(std::string_view text) const { return accepting(next(0, text)); }

  /// By state: how many bytes are needed at least to reach acceptance; −1 where there is no way.
  [[nodiscard]] std::vector<Index> distances() const {
    std::vector<std::vector<State>> before(next_.size());
    for (std::size_t from = 0; from < next_.size(); ++from)
      for (const State to : next_[from])
        if (to != kDead && (before[static_cast<std::size_t>(to)].empty() ||
                            before[static_cast<std::size_t>(to)].back() != static_cast<State>(from)))
          before[static_cast<std::size_t>(to)].push_back(static_cast<State>(from));
    std::vector<Index> distance(next_.size(), -1);
    std::vector<State> queue;
    for (std::size_t s = 0; s < next_.size(); ++s)
      if (accepting_[s]) {
        distance[s] = 0;
        queue.push_back(static_cast<State>(s));
      }
    for (std::size_t at = 0; at < queue.size(); ++at)
      for (const State from : before[static_cast<std::size_t>(queue[at])])
        if (Index& d = distance[static_cast<std::size_t>(from)]; d < 0) {
          d = distance[static_cast<std::size_t>(queue[at])] + 1;
          queue.push_back(from);
        }
    return distance;
  }

 private:
  std::vector<std::array<State, 256>> next_;
  std::vector<bool> accepting_;
};

/// One labelled list of a text.
struct ListSection {
  std::string label;          ///< as it stands before the entries, e.g. "User identity: "
  Index least = 1, most = 5;  ///< entries, 1 ≤ least ≤ most
};

/// Texts of labelled lists: label entries separator label entries …, entries parted by ", ".
struct ListGrammar {
  std::vector<ListSection> sections;
  std::string separator = "; ";  ///< between sections; its first byte must end a word, see list_automaton
  Index most_words = 4;          ///< of an entry, parted by one space
  Index longest_word = 20;       ///< bytes

  /// The profiles of RecLM's dialogues: "User identity: a, b, c; User interests: x, y, z".
  static ListGrammar profile(Index least = 3, Index most = 5) {
    return {{{"User identity: ", least, most}, {"User interests: ", least, most}}};
  }
};

/// The separators of list_automaton's entries.
inline constexpr std::string_view kEntrySeparator = ", ";

/// Words are printable ASCII but , ; : ( ) [ ] " and whole UTF-8 characters; a word begins with a letter, a digit or a
/// character beyond ASCII. @throws ConfigError when a section has no entries, nothing is allowed, or sections are
/// parted by what an entry may go on with
inline ByteAutomaton list_automaton(const ListGrammar& grammar) {
  using State = ByteAutomaton::State;
  if (grammar.sections.empty() || grammar.most_words < 1 || grammar.longest_word < 1)
    throw ConfigError("list_automaton: the grammar allows no text. Remedy: at least one section, word and byte");
  ByteAutomaton automaton;
  const auto literal = [&](State from, std::string_view text) {
    for (const char byte : text) {
      const State to = automaton.add_state();
      automaton.connect(from, static_cast<unsigned char>(byte), to);
      from = to;
    }
    return from;
  };
  const auto is_alphanumeric = [](int b) {
    return (b >= '0' && b <= '9') || (b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z');
  };
  constexpr std::string_view reserved = ",;:()[]\"";
  const auto in_word = [&](int b) {
    return b >= 0x80 || (b >= '!' && b <= '~' && reserved.find(static_cast<char>(b)) == std::string_view::npos);
  };
  // A section's end must show at once: the automaton has one way on from each byte.
  if (grammar.sections.size() > 1) {
    const int first = grammar.separator.empty() ? ' ' : static_cast<unsigned char>(grammar.separator.front());
    if (first == ' ' || first == ',' || in_word(first))
      throw ConfigError("list_automaton: the separator \"" + grammar.separator +
                        "\" cannot be told from an entry. Remedy: let it begin with one of ; : ( ) [ ] or a line end");
  }

  // The states behind 1 … longest_word bytes of a word that begins in `from`.
  const auto word = [&](State from) {
    std::vector<State> ends;
    std::vector<State> behind;  // by bytes of the word
    for (Index n = 0; n <= grammar.longest_word; ++n) behind.push_back(n == 0 ? from : automaton.add_state());
    // The state before the last `left` bytes of a character that ends behind `n` bytes.
    std::map<std::pair<Index, int>, State> pending;
    const std::function<State(Index, int)> inside = [&](Index n, int left) {
      if (left == 0) return behind[static_cast<std::size_t>(n)];
      const auto [place, is_new] = pending.try_emplace({n, left}, 0);
      if (is_new) {
        const State state = place->second = automaton.add_state(), to = inside(n, left - 1);
        for (int b = 0x80; b <= 0xBF; ++b) automaton.connect(state, static_cast<unsigned char>(b), to);
        return state;
      }
      return place->second;
    };
    for (Index n = 0; n < grammar.longest_word; ++n) {
      const State at = behind[static_cast<std::size_t>(n)];
      for (int b = '!'; b <= '~'; ++b)
        if (n == 0 ? is_alphanumeric(b) : in_word(b))
          automaton.connect(at, static_cast<unsigned char>(b), behind[static_cast<std::size_t>(n + 1)]);
      // Characters of two to four bytes, without overlong forms and surrogates.
      const auto range = [&](State state, int low, int high, State to) {
        for (int b = low; b <= high; ++b) automaton.connect(state, static_cast<unsigned char>(b), to);
      };
      const auto by_second = [&](int lead, int low, int high, State to) {
        const State second = automaton.add_state();
        range(at, lead, lead, second);
        range(second, low, high, to);
      };
      if (n + 2 <= grammar.longest_word) range(at, 0xC2, 0xDF, inside(n + 2, 1));
      if (n + 3 <= grammar.longest_word) {
        by_second(0xE0, 0xA0, 0xBF, inside(n + 3, 1));
        by_second(0xED, 0x80, 0x9F, inside(n + 3, 1));
        range(at, 0xE1, 0xEC, inside(n + 3, 2));
        range(at, 0xEE, 0xEF, inside(n + 3, 2));
      }
      if (n + 4 <= grammar.longest_word) {
        by_second(0xF0, 0x90, 0xBF, inside(n + 4, 2));
        by_second(0xF4, 0x80, 0x8F, inside(n + 4, 2));
        range(at, 0xF1, 0xF3, inside(n + 4, 3));
      }
      ends.push_back(behind[static_cast<std::size_t>(n + 1)]);
    }
    return ends;
  };

  State from = 0;
  for (std::size_t s = 0; s < grammar.sections.size(); ++s) {
    const ListSection& section = grammar.sections[s];
    if (section.least < 1 || section.most < section.least)
      throw ConfigError("list_automaton: \"" + section.label + "\" wants " + std::to_string(section.least) + " to " +
                        std::to_string(section.most) + " entries. Remedy: 1 <= least <= most");
    const bool last = s + 1 == grammar.sections.size();
    State entry = literal(from, section.label);
    // What follows an entry: the next one, the next section, or the end.
    State section_end = ByteAutomaton::kDead;
    if (!last) section_end = automaton.add_state();
    for (Index e = 1; e <= section.most; ++e) {
      State next_entry = ByteAutomaton::kDead;
      State comma = ByteAutomaton::kDead;
      if (e < section.most) {
        comma = automaton.add_state();
        next_entry = literal(comma, kEntrySeparator.substr(1));
      }
      State word_start = entry;
      for (Index w = 1; w <= grammar.most_words; ++w) {
        State next_word = ByteAutomaton::kDead;
        if (w < grammar.most_words) next_word = automaton.add_state();
        for (const State end : word(word_start)) {
          if (next_word != ByteAutomaton::kDead) automaton.connect(end, ' ', next_word);
          if (comma != ByteAutomaton::kDead) automaton.connect(end, ',', comma);
          if (e < section.least) continue;
          if (last)
            automaton.set_accepting(end);
          else
            automaton.connect(end, static_cast<unsigned char>(grammar.separator.front()), section_end);
        }
        word_start = next_word;
      }
      entry = next_entry;
    }
    if (!last) from = literal(section_end, std::string_view(grammar.separator).substr(1));
  }
  return automaton;
}

}  // namespace reclm::lm
