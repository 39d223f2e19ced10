#pragma once
/// @file normalizer.hpp
/// What happens to a text before it is cut: the "normalizer" of tokenizer.json.

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reclm/lm/tokenizer/detail/parts.hpp"
#include "reclm/lm/tokenizer/detail/pattern.hpp"
#include "reclm/lm/tokenizer/detail/unicode.hpp"

namespace reclm::lm::detail {

/// Every occurrence of `what` (not empty) in `text`, replaced; no further where the result is longer than `most` bytes.
inline std::string replaced(std::string_view text, std::string_view what, std::string_view by,
                            std::size_t most = std::string::npos) {
  std::string result;
  std::size_t at = 0;
  for (std::size_t found; result.size() <= most && (found = text.find(what, at)) != std::string_view::npos;
       at = found + what.size())
    result.append(text, at, found - at).append(by);
  return result.append(text, at);
}

/// Bytes that replacements may make of a text of `bytes`: far more than any model's, far fewer than a hostile file's.
constexpr std::size_t most_replaced(std::size_t bytes) { return 64 * bytes + 4096; }

/// The text or pattern of a "pattern" member.
struct TextPattern {
  std::string text;
  std::optional<Pattern> expression;
  std::string path;  // for messages

  TextPattern(const Json& json, const TokenizerParts& parts) : path(parts.path) {
    if (json["String"].is(Json::Kind::text)) {
      text = json["String"].text;
    } else if (json["Regex"].is(Json::Kind::text)) {
      text = json["Regex"].text;
      expression.emplace(text, parts.path);
    }
    if (text.empty()) throw parts.error("a step has neither a String nor a Regex as its pattern");
  }
  /// @throws DataError where the result is longer than `most` bytes
  [[nodiscard]] std::string replace(std::string_view in, std::string_view by, std::size_t most) const {
    std::string result;
    if (expression) {
      std::size_t at = 0;
      expression->each(in, [&](std::size_t begin, std::size_t end) {
        if (result.size() <= most) result.append(in, at, begin - at).append(by);
        at = end;
      });
      result.append(in, at);
    } else {
      result = replaced(in, text, by, most);
    }
    if (result.size() > most)
      throw DataError(path, 0, "its replacements make texts grow beyond all measure",
                      "use a tokenizer from a source that you trust");
    return result;
  }
};

class Normalizer {
 public:
  explicit Normalizer(const TokenizerParts& parts) { add(parts.normalizer, parts); }

  [[nodiscard]] bool empty() const { return steps_.empty(); }
  /// @param begins  whether the text may get what the model wants before one (Llama-2's "▁")
  /// @throws DataError where it grows beyond all measure
  [[nodiscard]] std::string operator()(std::string_view text, bool begins = true) const {
    std::string result(text);
    for (const Step& step : steps_)
      if (begins || step.kind != Kind::prepend) result = run(step, result, most_replaced(text.size()));
    return result;
  }

 private:
  enum class Kind { form, lowercase, strip_accents, replace, prepend, strip, bert };
  struct Step {
    Kind kind = Kind::form;
    NormalForm form = NormalForm::nfc;
    std::optional<TextPattern> pattern;
    std::string content;
    bool left = true, right = true;                                   // strip
    bool clean = true, chinese = true, accents = true, lower = true;  // bert
  };

  void add(const Json& json, const TokenizerParts& parts) {
    if (json.is(Json::Kind::null)) return;
    const std::string& type = json["type"].text;
    const auto flag = [&](std::string_view name, bool otherwise) {
      return json[name].is(Json::Kind::boolean) ? json[name].flag : otherwise;
    };
    Step step;
    if (type == "Sequence") {
      for (const Json& part : json["normalizers"].parts) add(part, parts);
      return;
    }
    if (type == "NFC" || type == "NFD" || type == "NFKC" || type == "NFKD") {
      step.form = type == "NFC"    ? NormalForm::nfc
                  : type == "NFD"  ? NormalForm::nfd
                  : type == "NFKC" ? NormalForm::nfkc
                                   : NormalForm::nfkd;
    } else if (type == "Lowercase") {
      step.kind = Kind::lowercase;
    } else if (type == "StripAccents") {
      step.kind = Kind::strip_accents;
    } else if (type == "Replace") {
      step.kind = Kind::replace;
      step.pattern.emplace(json["pattern"], parts);
      step.content = json["content"].text;
    } else if (type == "Prepend") {
      step.kind = Kind::prepend;
      step.content = json["prepend"].text;
    } else if (type == "Strip") {
      step.kind = Kind::strip;
      step.left = flag("strip_left", true);
      step.right = flag("strip_right", true);
    } else if (type == "BertNormalizer") {
      step.kind = Kind::bert;
      step.clean = flag("clean_text", true);
      step.chinese = flag("handle_chinese_chars", true);
      step.lower = flag("lowercase", true);
      step.accents = flag("strip_accents", step.lower);
    } else {
      throw parts.error("the normalizer \"" + type + "\" is not supported", "use a tokenizer without it");
    }
    steps_.push_back(std::move(step));
  }

  static std::string without(std::string_view text, std::uint16_t bit) {
    std::string result;
    for (std::size_t at = 0, begin = 0; at < text.size(); begin = at)
      if ((char_classes()[next_char(text, at)] & bit) == 0) result.append(text, begin, at - begin);
    return result;
  }
  static std::string lowered(std::string_view text) {
    std::string result;
    for (std::size_t at = 0; at < text.size();) append_lower(result, next_char(text, at));
    return result;
  }

  static std::string run(const Step& step, std::string_view text, std::size_t most) {
    switch (step.kind) {
      case Kind::form:
        return normalised(text, step.form);
      case Kind::lowercase:
        return lowered(text);
      case Kind::strip_accents:
        return without(text, kAccent);
      case Kind::replace:
        return step.pattern->replace(text, step.content, most);
      case Kind::prepend:
        return text.empty() ? std::string() : step.content + std::string(text);
      case Kind::strip:
        return stripped(text, step.left, step.right);
      default:
        return bert(step, text);
    }
  }

  static std::string stripped(std::string_view text, bool left, bool right) {
    std::size_t begin = 0, end = text.size();
    for (std::size_t at = 0; left && at < end; begin = at)
      if ((char_classes()[next_char(text, at)] & kSpace) == 0) break;
    while (right && end > begin && (char_classes()[previous_char(text, end)] & kSpace) != 0) do
        --end;
      while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80);
    return std::string(text.substr(begin, end - begin));
  }

  static std::string bert(const Step& step, std::string_view text) {
    const std::vector<std::uint16_t>& classes = char_classes();
    std::string result;
    result.reserve(text.size());
    bool ascii = true;
    for (std::size_t at = 0, begin = 0; at < text.size(); begin = at) {
      const std::uint32_t c = next_char(text, at);
      ascii = ascii && c < 0x80;
      if (step.clean) {
        // Vertical tab, form feed and U+0085 are controls and go; tab and line ends are spaces.
        if ((classes[c] & kControl) != 0) continue;
        if ((classes[c] & kSpace) != 0) {
          result += ' ';
          continue;
        }
      }
      const bool apart = step.chinese && (classes[c] & kChinese) != 0;
      if (apart) result += ' ';
      result.append(text, begin, at - begin);
      if (apart) result += ' ';
    }
    if (step.accents && !ascii) result = without(normalised(result, NormalForm::nfd), kBertAccent);
    if (!step.lower) return result;
    if (!ascii) return lowered(result);
    for (char& c : result)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return result;
  }

  std::vector<Step> steps_;
};

}  // namespace reclm::lm::detail
