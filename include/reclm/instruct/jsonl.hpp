#pragma once
/// @file jsonl.hpp
/// Samples as JSON lines in the forms that TRL takes, so that any trainer can tune a model, and samples made elsewhere
/// can be used here.
///
/// | samples | line |
/// | --- | --- |
/// | ChatSample | {"messages": [{"role": …, "content": …}, …]} |
/// | PreferencePair | {"prompt": [messages], "chosen": [{"role": "assistant", …}], "rejected": [{"role": "assistant",
/// …}]} | | PromptSample | {"prompt": [messages]} |
///
/// "stage", "user_id", "item_id", "chose" and "kind" stand beside them where they are known; trainers ignore them. Ids
/// are those of the data set's files. Readers also take plain texts for "prompt", "chosen" and "rejected".

#include <array>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "reclm/core/atomic_file.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/data/jsonl.hpp"
#include "reclm/instruct/detail/json_id.hpp"
#include "reclm/instruct/samples.hpp"
#include "reclm/lm/training/jsonl.hpp"

namespace reclm::instruct {

namespace detail {

using OrderedJson = nlohmann::ordered_json;

inline OrderedJson to_json(const lm::Dialogue& messages) {
  OrderedJson list = OrderedJson::array();
  for (const lm::Message& message : messages) list.push_back({{"role", message.role}, {"content", message.content}});
  return list;
}

inline OrderedJson answer_json(const std::string& text) { return to_json({{"assistant", text}}); }

/// What of a line tells whom it is about.
inline void add_subject(OrderedJson& line, Stage stage, Id user, Id item, const Dataset* data) {
  line["stage"] = stage_name(stage);
  if (data == nullptr) return;
  if (user >= 0) line["user_id"] = json_id(data->users.name(user), "user");
  if (item >= 0) line["item_id"] = json_id(data->items.name(item), "item");
}

template <class Samples, class ToJson>
void write_lines(const std::filesystem::path& path, const Samples& samples, const ToJson& line_of) {
  AtomicFile file(path);
  for (const auto& sample : samples)
    // Broken UTF-8 of a model's output becomes U+FFFD: JSON has no other way.
    file.write(line_of(sample).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  file.commit();
}

using lm::read_messages;

inline std::string read_answer(const JsonRecord& record, const char* key) {
  const lm::Dialogue messages = read_messages(record, key, "assistant");
  if (messages.back().role != "assistant")
    record.fail("the last message of \"" + std::string(key) + "\" is not the assistant's", "end with the answer");
  return messages.back().content;
}

/// The number of an id, −1 where the line has none. @throws DataError on an id that the data set lacks
inline Id read_id(const JsonRecord& record, const char* key, const IdMap* ids) {
  const std::string token = ids == nullptr ? std::string() : record.id(key);
  if (token.empty()) return -1;
  const auto id = ids->find(token);
  if (!id)
    record.fail("the " + std::string(key) + " \"" + token.substr(0, 40) + "\" is not in the data set",
                "read the data set that the samples were made from");
  return *id;
}

inline const IdMap* users_of(const Dataset* data) { return data == nullptr ? nullptr : &data->users; }
inline const IdMap* items_of(const Dataset* data) { return data == nullptr ? nullptr : &data->items; }

/// @throws DataError on a stage's name that is unknown
inline Stage read_stage(const JsonRecord& record, Stage otherwise) {
  const std::string name = record.text("stage", std::string(stage_name(otherwise)));
  for (int k = 0; k <= static_cast<int>(Stage::items); ++k)
    if (name == stage_name(static_cast<Stage>(k))) return static_cast<Stage>(k);
  record.fail("the stage \"" + name.substr(0, 40) + "\" is unknown",
              "use distillation, collaborative, reward, policy or items, or leave it out");
}

}  // namespace detail

/// Writes samples, atomically. @param data whose ids the lines name; null: none. @throws IoError; ConfigError on an id
/// that is no UTF-8
inline void write_jsonl(const std::filesystem::path& path, std::span<const ChatSample> samples,
                        const Dataset* data = nullptr) {
  detail::write_lines(path, samples, [&](const ChatSample& sample) {
    detail::OrderedJson line{{"messages", detail::to_json(sample.messages)}};
    detail::add_subject(line, sample.stage, sample.user, sample.item, data);
    if (sample.chose) line["chose"] = *sample.chose;
    return line;
  });
}

inline void write_jsonl(const std::filesystem::path& path, std::span<const PreferencePair> samples,
                        const Dataset* data = nullptr) {
  detail::write_lines(path, samples, [&](const PreferencePair& pair) {
    detail::OrderedJson line{{"prompt", detail::to_json(pair.prompt)},
                             {"chosen", detail::answer_json(pair.chosen)},
                             {"rejected", detail::answer_json(pair.rejected)}};
    detail::add_subject(line, Stage::reward, pair.user, -1, data);
    if (pair.kind) line["kind"] = rejection_name(*pair.kind);
    return line;
  });
}

inline void write_jsonl(const std::filesystem::path& path, std::span<const PromptSample> samples,
                        const Dataset* data = nullptr) {
  detail::write_lines(path, samples, [&](const PromptSample& sample) {
    detail::OrderedJson line{{"prompt", detail::to_json(sample.messages)}};
    detail::add_subject(line, sample.stage, sample.user, sample.item, data);
    return line;
  });
}

/// Reads dialogues. @param data to number ids by; null: users and items stay −1
/// @throws IoError; DataError naming file and line on what is no such line, an unknown id, or a dialogue that teaches
/// nothing (no message of the assistant)
inline std::vector<ChatSample> read_chat_jsonl(const std::filesystem::path& path, const Dataset* data = nullptr) {
  std::vector<ChatSample> samples;
  for_each_json_line(path, [&](const JsonRecord& record) {
    ChatSample sample;
    sample.messages = detail::read_messages(record, "messages", "user");
    bool answered = false;
    for (const lm::Message& message : sample.messages) answered = answered || message.role == "assistant";
    if (!answered) record.fail("no message is the assistant's", "give the answer that is to be learned");
    sample.stage = detail::read_stage(record, Stage::distillation);
    sample.user = detail::read_id(record, "user_id", detail::users_of(data));
    sample.item = detail::read_id(record, "item_id", detail::items_of(data));
    if (record.has("chose")) {
      if (!record.object()["chose"].is_boolean()) record.fail("\"chose\" is not true or false", "write true or false");
      sample.chose = record.object()["chose"].get<bool>();
    }
    samples.push_back(std::move(sample));
  });
  return samples;
}

/// Reads preference pairs. @throws as `read_chat_jsonl`, and on equal answers
inline std::vector<PreferencePair> read_preference_jsonl(const std::filesystem::path& path,
                                                         const Dataset* data = nullptr) {
  std::vector<PreferencePair> pairs;
  for_each_json_line(path, [&](const JsonRecord& record) {
    PreferencePair pair;
    pair.prompt = detail::read_messages(record, "prompt", "user");
    pair.chosen = detail::read_answer(record, "chosen");
    pair.rejected = detail::read_answer(record, "rejected");
    if (pair.chosen == pair.rejected) record.fail("both answers are the same", "remove the pair");
    pair.user = detail::read_id(record, "user_id", detail::users_of(data));
    const std::string kind = record.text("kind", "");
    for (std::size_t k = 0; k < kRejections; ++k)
      if (kind == rejection_name(static_cast<Rejection>(k))) pair.kind = static_cast<Rejection>(k);
    pairs.push_back(std::move(pair));
  });
  return pairs;
}

/// Reads prompts. @throws as `read_chat_jsonl`
inline std::vector<PromptSample> read_prompt_jsonl(const std::filesystem::path& path, const Dataset* data = nullptr) {
  std::vector<PromptSample> prompts;
  for_each_json_line(path, [&](const JsonRecord& record) {
    PromptSample prompt;
    prompt.messages = detail::read_messages(record, "prompt", "user");
    prompt.stage = detail::read_stage(record, Stage::policy);
    prompt.user = detail::read_id(record, "user_id", detail::users_of(data));
    prompt.item = detail::read_id(record, "item_id", detail::items_of(data));
    prompts.push_back(std::move(prompt));
  });
  return prompts;
}

}  // namespace reclm::instruct
