#pragma once
/// @file decoder.hpp
/// From tokens back to text: the "decoder" of tokenizer.json.

#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reclm/lm/tokenizer/detail/normalizer.hpp"
#include "reclm/lm/tokenizer/detail/parts.hpp"

namespace reclm::lm::detail {

/// The byte that "<0x0A>" stands for, or −1.
inline int fallback_byte(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return -1;
  int value = 0;
  const auto [stop, failure] = std::from_chars(token.data() + 3, token.data() + 5, value, 16);
  return failure == std::errc{} && stop == token.data() + 5 ? value : -1;
}

class Decoder {
 public:
  explicit Decoder(const TokenizerParts& parts) {
    add(parts.decoder, parts);
    blanks_between_ = parts.decoder.is(Json::Kind::null);
  }

  /// Whether every token is bytes that simply follow one another.
  [[nodiscard]] bool byte_level() const { return steps_.size() == 1 && steps_[0].kind == Kind::byte_level; }

  [[nodiscard]] std::string operator()(std::vector<std::string> tokens) const {
    std::size_t bytes = 0;
    for (const std::string& token : tokens) bytes += token.size();
    for (const Step& step : steps_) run(step, tokens, most_replaced(bytes));
    std::string text;
    for (std::size_t k = 0; k < tokens.size(); ++k) {
      if (blanks_between_ && k > 0) text += ' ';
      text += tokens[k];
    }
    return text;
  }

  /// What a token adds in the middle of a text, as bytes.
  [[nodiscard]] std::string bytes(const std::string& token) const {
    if (byte_level()) {
      std::string bytes;
      return alphabet_to_bytes(token, bytes) ? bytes : token;
    }
    // A token before it takes what happens to the first one alone.
    std::string text = token;
    for (const Step& step : steps_) {
      if (step.kind == Kind::byte_fallback) {
        if (const int byte = fallback_byte(text); byte >= 0) return std::string(1, static_cast<char>(byte));
      } else if (step.kind == Kind::replace) {
        text = step.pattern->replace(text, step.content, most_replaced(token.size()));
      } else if (step.kind == Kind::metaspace) {
        text = replaced(text, step.content, " ");
      } else if (step.kind == Kind::word_piece) {
        text = text.starts_with(step.content) ? text.substr(step.content.size()) : " " + text;
      }
    }
    return blanks_between_ ? " " + text : text;
  }

 private:
  enum class Kind { byte_level, replace, byte_fallback, fuse, strip, metaspace, word_piece };
  struct Step {
    Kind kind = Kind::fuse;
    std::optional<TextPattern> pattern;
    std::string content;
    std::size_t start = 0, stop = 0;  // strip
    bool flag = true;                 // metaspace: the first mark goes; word_piece: tidy
  };

  void add(const Json& json, const TokenizerParts& parts) {
    if (json.is(Json::Kind::null)) return;
    const std::string& type = json["type"].text;
    const auto flag = [&](std::string_view name, bool otherwise) {
      return json[name].is(Json::Kind::boolean) ? json[name].flag : otherwise;
    };
    const auto count = [&](std::string_view name) {
      const double value = json[name].value;
      return value >= 0 && value < 1000 ? static_cast<std::size_t>(value) : 0;
    };
    Step step;
    if (type == "Sequence") {
      for (const Json& part : json["decoders"].parts) add(part, parts);
      return;
    }
    if (type == "ByteLevel") {
      step.kind = Kind::byte_level;
    } else if (type == "Replace") {
      step.kind = Kind::replace;
      step.pattern.emplace(json["pattern"], parts);
      step.content = json["content"].text;
    } else if (type == "ByteFallback") {
      step.kind = Kind::byte_fallback;
    } else if (type == "Fuse") {
      step.kind = Kind::fuse;
    } else if (type == "Strip") {
      step.kind = Kind::strip;
      step.content = json["content"].text;
      step.start = count("start");
      step.stop = count("stop");
      if (step.content.empty()) throw parts.error("the decoder Strip has no content");
    } else if (type == "Metaspace") {
      step.kind = Kind::metaspace;
      step.content = json["replacement"].text;
      if (step.content.empty()) throw parts.error("Metaspace has no replacement");
      const std::string& scheme = json["prepend_scheme"].text;
      step.flag = scheme.empty() ? flag("add_prefix_space", true) : scheme != "never";
    } else if (type == "WordPiece") {
      step.kind = Kind::word_piece;
      step.content = json["prefix"].is(Json::Kind::text) ? json["prefix"].text : "##";
      step.flag = flag("cleanup", true);
    } else {
      throw parts.error("the decoder \"" + type + "\" is not supported", "use a tokenizer without it");
    }
    steps_.push_back(std::move(step));
  }

  static std::string joined(const std::vector<std::string>& tokens) {
    std::string text;
    for (const std::string& token : tokens) text += token;
    return text;
  }

  static void run(const Step& step, std::vector<std::string>& tokens, std::size_t most) {
    switch (step.kind) {
      case Kind::byte_level: {
        std::string all, bytes;
        for (const std::string& token : tokens) all += alphabet_to_bytes(token, bytes) ? bytes : token;
        tokens.assign(1, repaired_utf8(all));
        return;
      }
      case Kind::replace:
        for (std::string& token : tokens) {
          token = step.pattern->replace(token, step.content, most);
          most -= token.size();
        }
        return;
      case Kind::byte_fallback:
        return join_bytes(tokens);
      case Kind::fuse:
        tokens.assign(1, joined(tokens));
        return;
      case Kind::strip:
        for (std::string& token : tokens) {
          for (std::size_t k = 0; k < step.start && token.starts_with(step.content); ++k)
            token.erase(0, step.content.size());
          for (std::size_t k = 0; k < step.stop && token.ends_with(step.content); ++k)
            token.resize(token.size() - step.content.size());
        }
        return;
      case Kind::metaspace:
        for (std::size_t k = 0; k < tokens.size(); ++k)
          tokens[k] = replaced(tokens[k], step.content, k == 0 && step.flag ? "" : " ");
        return;
      case Kind::word_piece:
        for (std::size_t k = 0; k < tokens.size(); ++k) {
          if (k > 0)
            tokens[k] = tokens[k].starts_with(step.content) ? tokens[k].substr(step.content.size()) : " " + tokens[k];
          if (step.flag) tidy(tokens[k]);
        }
        return;
    }
  }

  // Runs of byte tokens become the text that they spell, or one U+FFFD a byte.
  static void join_bytes(std::vector<std::string>& tokens) {
    std::vector<std::string> result;
    std::string bytes;
    const auto flush = [&] {
      if (bytes.empty()) return;
      if (is_utf8(bytes))
        result.push_back(bytes);
      else
        result.insert(result.end(), bytes.size(), "\xEF\xBF\xBD");
      bytes.clear();
    };
    for (std::string& token : tokens) {
      if (const int byte = fallback_byte(token); byte >= 0) {
        bytes += static_cast<char>(byte);
        continue;
      }
      flush();
      result.push_back(std::move(token));
    }
    flush();
    tokens = std::move(result);
  }

  static void tidy(std::string& token) {
    static constexpr std::array<std::array<std::string_view, 2>, 11> pairs{{{" .", "."},
                                                                            {" ?", "?"},
                                                                            {" !", "!"},
                                                                            {" ,", ","},
                                                                            {" ' ", "'"},
                                                                            {" n't", "n't"},
                                                                            {" 'm", "'m"},
                                                                            {" do not", " don't"},
                                                                            {" 's", "'s"},
                                                                            {" 've", "'ve"},
                                                                            {" 're", "'re"}}};
    for (const auto& [from, to] : pairs)
      if (token.find(from) != std::string::npos) token = replaced(token, from, to);
  }

  std::vector<Step> steps_;
  bool blanks_between_ = false;
};

}  // namespace reclm::lm::detail
