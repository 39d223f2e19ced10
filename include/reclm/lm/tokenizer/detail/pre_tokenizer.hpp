#pragma once
/// @file pre_tokenizer.hpp
/// Cutting a text into the words that the model sees: the "pre_tokenizer" of tokenizer.json.

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/lm/tokenizer/detail/normalizer.hpp"
#include "reclm/lm/tokenizer/detail/parts.hpp"
#include "reclm/lm/tokenizer/detail/word_splitters.hpp"

namespace reclm::lm::detail {

/// What a piece of a text begins, for the marks that some models put before it: the whole text; a piece, behind a
/// special token; or nothing, as it goes on from what stands before.
enum class Start { text, piece, none };

class PreTokenizer {
 public:
  using Words = std::vector<std::string_view>;

  explicit PreTokenizer(const TokenizerParts& parts) { add(parts.pre_tokenizer, parts); }

  /// Whether words are bytes in GPT-2's alphabet.
  [[nodiscard]] bool byte_level() const { return byte_level_; }

  /// Cuts `text`. `storage` keeps what the words point to alive.
  void operator()(std::string_view text, Start start, Words& words, std::deque<std::string>& storage) const {
    words.assign(1, text);
    Words next;
    for (const Step& step : steps_) {
      next.clear();
      for (std::size_t k = 0; k < words.size(); ++k) run(step, words[k], k == 0 ? start : Start::piece, next, storage);
      std::swap(words, next);
    }
  }

 private:
  enum class Kind { words, digits, expression, byte_level_prefix, metaspace, spaces, bert, punctuation };
  enum class Behavior { isolated, removed, previous, next, contiguous };
  struct Step {
    Kind kind = Kind::words;
    WordEnd word = nullptr;
    bool individual = false;  // digits
    std::optional<TextPattern> pattern;
    Behavior behavior = Behavior::isolated;
    bool invert = false;
    std::string replacement;  // metaspace
    bool always = true, never = false, split = true;
  };

  void add(const Json& json, const TokenizerParts& parts) {
    if (json.is(Json::Kind::null)) return;
    if (byte_level_) throw parts.error("a step follows ByteLevel, which is not supported", "use another tokenizer");
    const std::string& type = json["type"].text;
    const auto flag = [&](std::string_view name, bool otherwise) {
      return json[name].is(Json::Kind::boolean) ? json[name].flag : otherwise;
    };
    Step step;
    if (type == "Sequence") {
      for (const Json& part : json["pretokenizers"].parts) add(part, parts);
      return;
    }
    if (type == "ByteLevel") {
      byte_level_ = true;
      if (flag("add_prefix_space", true)) {
        step.kind = Kind::byte_level_prefix;
        steps_.push_back(step);
      }
      if (!flag("use_regex", true)) return;
      step.kind = Kind::words;
      step.word = gpt2_word;
    } else if (type == "Digits") {
      step.kind = Kind::digits;
      step.individual = flag("individual_digits", false);
    } else if (type == "Split") {
      step.kind = Kind::expression;
      step.behavior = behavior(json["behavior"].text, parts);
      step.invert = flag("invert", false);
      step.word = known_pattern(json["pattern"]["Regex"].text);
      if (step.word != nullptr && step.behavior == Behavior::isolated && !step.invert)
        step.kind = Kind::words;
      else
        step.pattern.emplace(json["pattern"], parts);
    } else if (type == "Metaspace") {
      step.kind = Kind::metaspace;
      step.replacement = json["replacement"].text;
      if (step.replacement.empty()) throw parts.error("Metaspace has no replacement");
      const std::string& scheme = json["prepend_scheme"].text;
      step.never = scheme == "never" || (scheme.empty() && !flag("add_prefix_space", true));
      step.always = !step.never && scheme != "first";
      step.split = flag("split", true);
    } else if (type == "Whitespace") {
      step.kind = Kind::expression;
      step.behavior = Behavior::removed;
      step.invert = true;
      Json pattern;
      pattern.kind = Json::Kind::object;
      pattern.parts.resize(1);
      pattern.parts[0].kind = Json::Kind::text;
      pattern.parts[0].key = "Regex";
      pattern.parts[0].text = R"(\w+|[^\w\s]+)";
      step.pattern.emplace(pattern, parts);
    } else if (type == "WhitespaceSplit") {
      step.kind = Kind::spaces;
    } else if (type == "BertPreTokenizer") {
      step.kind = Kind::bert;
    } else if (type == "Punctuation") {
      step.kind = Kind::punctuation;
      step.behavior = json.has("behavior") ? behavior(json["behavior"].text, parts) : Behavior::isolated;
    } else {
      throw parts.error("the pre-tokenizer \"" + type + "\" is not supported", "use a tokenizer without it");
    }
    steps_.push_back(std::move(step));
  }

  static Behavior behavior(std::string_view name, const TokenizerParts& parts) {
    if (name == "Isolated") return Behavior::isolated;
    if (name == "Removed") return Behavior::removed;
    if (name == "MergedWithPrevious") return Behavior::previous;
    if (name == "MergedWithNext") return Behavior::next;
    if (name == "Contiguous") return Behavior::contiguous;
    throw parts.error("the behavior \"" + std::string(name) + "\" is not known");
  }

  using Segment = std::pair<std::size_t, bool>;  // its end, and whether it is a match

  static void arrange(std::string_view text, const std::vector<Segment>& segments, Behavior behavior, Words& words) {
    const std::size_t before = words.size();
    std::size_t begin = 0;
    bool last = false;
    for (std::size_t k = 0; k < segments.size(); ++k) {
      const auto [end, match] = segments[k];
      const std::string_view piece = text.substr(begin, end - begin);
      const bool has = words.size() > before;
      const auto extend = [&] { words.back() = {words.back().data(), words.back().size() + piece.size()}; };
      switch (behavior) {
        case Behavior::removed:
          if (!match) words.push_back(piece);
          break;
        case Behavior::contiguous:
          has&& match == last ? extend() : words.push_back(piece);
          break;
        case Behavior::previous:
          has&& match && !last ? extend() : words.push_back(piece);
          break;
        case Behavior::next:
          // A match goes to what follows, unless that is a match.
          has&& last && !match ? extend() : words.push_back(piece);
          break;
        default:
          words.push_back(piece);
      }
      begin = end;
      last = match;
    }
  }

  template <class Match>
  static void by_class(std::string_view text, Behavior behavior, const Match& is_match, Words& words) {
    std::vector<Segment> segments;
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t here = at;
      if (!is_match(char_classes()[next_char(text, at)])) continue;
      if (here > begin) segments.emplace_back(here, false);
      segments.emplace_back(at, true);
      begin = at;
    }
    if (begin < text.size()) segments.emplace_back(text.size(), false);
    arrange(text, segments, behavior, words);
  }

  static void run(const Step& step, std::string_view text, Start start, Words& words,
                  std::deque<std::string>& storage) {
    switch (step.kind) {
      case Kind::words:
        return split_words(text, step.word, words);
      case Kind::digits:
        return by_class(
            text, step.individual ? Behavior::isolated : Behavior::contiguous,
            [](std::uint16_t type) { return (type & kDigit) != 0; }, words);
      case Kind::expression:
        return expression(step, text, words);
      case Kind::byte_level_prefix:
        words.push_back(start == Start::none || text.starts_with(' ') ? text
                                                                      : storage.emplace_back(" " + std::string(text)));
        return;
      case Kind::metaspace:
        return metaspace(step, text, start, words, storage);
      case Kind::spaces:
        return by_class(
            text, Behavior::removed, [](std::uint16_t type) { return (type & kSpace) != 0; }, words);
      case Kind::bert:
        return bert(text, words);
      case Kind::punctuation:
        return by_class(
            text, step.behavior, [](std::uint16_t type) { return (type & kPunctuation) != 0; }, words);
    }
  }

  // Spaces go, punctuation stands alone.
  static void bert(std::string_view text, Words& words) {
    const std::uint16_t* const classes = char_classes().data();
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t here = at;
      const unsigned type = classes[next_char(text, at)] & (kSpace | kPunctuation);
      if (type == 0) continue;
      if (here > begin) words.push_back(text.substr(begin, here - begin));
      if ((type & kSpace) == 0) words.push_back(text.substr(here, at - here));
      begin = at;
    }
    if (begin < text.size()) words.push_back(text.substr(begin));
  }

  static void expression(const Step& step, std::string_view text, Words& words) {
    std::vector<Segment> segments;
    std::size_t reached = 0;
    const auto match = [&](std::size_t begin, std::size_t end) {
      if (begin > reached) segments.emplace_back(begin, step.invert);
      segments.emplace_back(end, !step.invert);
      reached = end;
    };
    if (step.pattern->expression) {
      step.pattern->expression->each(text, match);
    } else {
      const std::string& what = step.pattern->text;
      for (std::size_t at = 0; (at = text.find(what, at)) != std::string_view::npos; at += what.size())
        match(at, at + what.size());
    }
    if (reached < text.size()) segments.emplace_back(text.size(), step.invert);
    arrange(text, segments, step.behavior, words);
  }

  static void metaspace(const Step& step, std::string_view text, Start start, Words& words,
                        std::deque<std::string>& storage) {
    std::string marked = replaced(text, " ", step.replacement);
    const bool begins = start == Start::text || (step.always && start == Start::piece);
    if (!step.never && begins && !marked.starts_with(step.replacement)) marked.insert(0, step.replacement);
    const std::string_view kept = storage.emplace_back(std::move(marked));
    if (!step.split) {
      words.push_back(kept);
      return;
    }
    std::vector<Segment> segments;
    std::size_t begin = 0;
    for (std::size_t at = 0; (at = kept.find(step.replacement, at)) != std::string_view::npos;) {
      if (at > begin) segments.emplace_back(at, false);
      at += step.replacement.size();
      segments.emplace_back(at, true);
      begin = at;
    }
    if (begin < kept.size()) segments.emplace_back(kept.size(), false);
    arrange(kept, segments, Behavior::next, words);
  }

  std::vector<Step> steps_;
  bool byte_level_ = false;
};

}  // namespace reclm::lm::detail
