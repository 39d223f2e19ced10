#pragma once
/// @file jsonl.hpp
/// Dialogues to learn from as JSON lines, in the forms that TRL's SFTTrainer takes:
///
///     {"messages": [{"role": "user", "content": …}, {"role": "assistant", "content": …}]}
///     {"prompt": [messages], "completion": [messages]}
///     {"prompt": "text", "completion": "text"}
///
/// Anything else on a line is ignored.

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "reclm/data/jsonl.hpp"
#include "reclm/lm/chat.hpp"

namespace reclm::lm {

/// One line. Messages, or a prompt and its completion as plain texts.
struct TuningText {
  Dialogue messages;  ///< empty: plain texts
  std::string prompt, completion;
  long long line = 0;
};

/// The list of messages under `key`; a plain text is one message of `role_of_plain_text`.
/// @throws DataError naming file, line and message
inline Dialogue read_messages(const JsonRecord& record, const char* key, const char* role_of_plain_text) {
  const auto found = record.object().find(key);
  const std::string name = "\"" + std::string(key) + "\"";
  if (found == record.object().end()) record.fail("there is no " + name, "give it as a list of messages");
  if (found->is_string()) return {{role_of_plain_text, found->get<std::string>()}};
  if (!found->is_array() || found->empty())
    record.fail(name + " is no list of messages", "write [{\"role\": \"user\", \"content\": …}, …]");
  Dialogue messages;
  for (const auto& message : *found) {
    const auto text = [&](const char* part) {
      if (!message.is_object() || !message.contains(part) || !message[part].is_string())
        record.fail(name + ": message " + std::to_string(messages.size() + 1) + " has no text \"" + part + "\"",
                    "write each message as {\"role\": …, \"content\": …}");
      return message[part].get<std::string>();
    };
    std::string role = text("role");
    if (role != "system" && role != "user" && role != "assistant")
      record.fail(name + ": the role \"" + role.substr(0, 40) + "\" is unknown", "use system, user or assistant");
    messages.push_back({std::move(role), text("content")});
  }
  return messages;
}

/// Reads a file of dialogues.
/// @throws IoError; DataError naming file and line on what is no such line or teaches nothing, and when there is no
/// line
inline std::vector<TuningText> read_tuning_jsonl(const std::filesystem::path& path) {
  std::vector<TuningText> texts;
  for_each_json_line(path, [&](const JsonRecord& record) {
    TuningText text;
    text.line = record.line();
    if (record.has("messages")) {
      text.messages = read_messages(record, "messages", "user");
    } else if (record.has("prompt") && record.has("completion")) {
      const bool plain = record.object()["prompt"].is_string() && record.object()["completion"].is_string();
      if (plain) {
        text.prompt = record.text("prompt");
        text.completion = record.text("completion");
        if (text.completion.empty()) record.fail("the completion is empty", "give what is to be learned");
      } else {
        text.messages = read_messages(record, "prompt", "user");
        for (Message& message : read_messages(record, "completion", "assistant"))
          text.messages.push_back(std::move(message));
      }
    } else {
      record.fail("there are neither \"messages\" nor \"prompt\" and \"completion\"",
                  "write {\"messages\": [{\"role\": …, \"content\": …}, …]}");
    }
    bool answered = text.messages.empty();
    for (const Message& message : text.messages) answered = answered || message.role == "assistant";
    if (!answered) record.fail("no message is the assistant's", "give the answer that is to be learned");
    texts.push_back(std::move(text));
  });
  if (texts.empty()) throw DataError(path.string(), 0, "there is no line in it", "write one dialogue on each line");
  return texts;
}

}  // namespace reclm::lm
