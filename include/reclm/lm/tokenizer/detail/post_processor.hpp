#pragma once
/// @file post_processor.hpp
/// Special tokens around one text: the "post_processor" of tokenizer.json.

#include <string>
#include <string_view>
#include <vector>

#include "reclm/lm/tokenizer/detail/parts.hpp"

namespace reclm::lm::detail {

struct PostProcessor {
  std::vector<TokenId> before, after;

  PostProcessor() = default;
  explicit PostProcessor(const TokenizerParts& parts) { add(parts.post_processor, parts); }

 private:
  static TokenId number(const Json& json, const TokenizerParts& parts) {
    if (!json.is(Json::Kind::number) || !(json.value >= 0 && json.value < 1 << 24))
      throw parts.error("the post-processor names something that is no token");
    return static_cast<TokenId>(json.value);
  }

  void add(const Json& json, const TokenizerParts& parts) {
    if (json.is(Json::Kind::null)) return;
    const std::string& type = json["type"].text;
    if (type == "Sequence") {
      for (const Json& part : json["processors"].parts) add(part, parts);
    } else if (type == "TemplateProcessing") {
      bool text_seen = false;
      std::vector<TokenId> front, back;
      for (const Json& piece : json["single"].parts) {
        if (piece.has("Sequence")) {
          if (text_seen) throw parts.error("the template names its text twice");
          text_seen = true;
          continue;
        }
        const Json& described = json["special_tokens"][piece["SpecialToken"]["id"].text];
        if (described["ids"].parts.empty()) throw parts.error("the template names a token that it does not describe");
        for (const Json& id : described["ids"].parts) (text_seen ? back : front).push_back(number(id, parts));
      }
      if (!text_seen) throw parts.error("the template has no place for the text");
      before.insert(before.begin(), front.begin(), front.end());
      after.insert(after.end(), back.begin(), back.end());
    } else if (type == "BertProcessing" || type == "RobertaProcessing") {
      if (json["cls"].parts.size() != 2 || json["sep"].parts.size() != 2)
        throw parts.error("the post-processor has no cls and sep");
      before.insert(before.begin(), number(json["cls"].parts[1], parts));
      after.push_back(number(json["sep"].parts[1], parts));
    } else if (type != "ByteLevel") {  // which moves offsets alone
      throw parts.error("the post-processor \"" + type + "\" is not supported", "use a tokenizer without it");
    }
  }
};

}  // namespace reclm::lm::detail
