#pragma once
/// @file chat_template.hpp
/// Dialogues as text, in the format that a model was tuned on. The families' formats are written out; which one a model
/// has is read off its template.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "reclm/core/error.hpp"
#include "reclm/lm/chat.hpp"

namespace reclm::lm {

/// A family of chat formats and what varies within it.
struct ChatFormat {
  enum class Family { none, chat_ml, llama2, llama3, mistral };
  Family family = Family::none;
  std::string default_system;       ///< of dialogues that do not begin with one; "" for none
  std::string bos, eos;             ///< as text
  bool begins_with_bos = false;     ///< ChatML; the others always do
  bool dated_header = false;        ///< Llama 3.1 and later: the system part begins with two dates
  bool system_before_last = false;  ///< Mistral: the system text stands before the last user's, else the first's
  std::string user_begin = "[INST] ", user_end = " [/INST]", assistant_begin = " ";  ///< Mistral
  bool trims_user = false, trims_assistant = false;  ///< Mistral: blanks around what they say go
};

namespace detail {

inline std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\n\r\f\v";
  const auto begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// What a ChatML template says where there is no system message: the first system part that is written out in it.
inline std::string default_system_of(std::string_view chat_template) {
  constexpr std::string_view end = "<|im_end|>";
  for (const std::string_view begin :
       {std::string_view("<|im_start|>system\n"), std::string_view("<|im_start|>system\\n")})
    for (auto at = chat_template.find(begin); at != std::string_view::npos; at = chat_template.find(begin, at + 1)) {
      const auto from = at + begin.size();
      const auto to = chat_template.find(end, from);
      if (to == std::string_view::npos) break;
      const std::string_view text = chat_template.substr(from, to - from);
      if (text.find_first_of("'\"{}") == std::string_view::npos) return std::string(text);
    }
  return {};
}

/// Whether a template prints a message trimmed in the expression that holds `mark`, or trims messages beforehand.
inline bool trims(std::string_view chat_template, std::string_view mark) {
  for (std::size_t at = 0; (at = chat_template.find('|', at)) != std::string_view::npos; ++at) {
    if (!trimmed(chat_template.substr(at + 1)).starts_with("trim")) continue;
    const std::size_t open = chat_template.rfind('{', at), close = chat_template.find('}', at);
    if (open == std::string_view::npos) continue;
    const std::string_view inside =
        chat_template.substr(open + 1, close == std::string_view::npos ? close : close - open - 1);
    if (open > 0 && chat_template[open - 1] == '{' ? inside.find(mark) != std::string_view::npos
                                                   : inside.find("set content") != std::string_view::npos)
      return true;
  }
  return false;
}

/// What stands before a user's text in a Mistral template, whose versions differ in the blanks: '[INST] ' + content,
/// ' [INST] ' + content (7B-Instruct v0.1 and v0.2), '[INST]' + content (Nemo, Ministral).
inline std::string inst_begin(std::string_view chat_template) {
  constexpr std::string_view inst = "[INST]";
  for (const std::string_view quoted : {std::string_view("' [INST] '"), std::string_view("\" [INST] \"")})
    if (chat_template.find(quoted) != std::string_view::npos) return " [INST] ";
  for (std::size_t at = 0; (at = chat_template.find(inst, at)) != std::string_view::npos; at += inst.size()) {
    const std::string_view rest = chat_template.substr(at + inst.size());
    const char quote = at > 0 ? chat_template[at - 1] : ' ';
    const bool whole = (quote == '\'' || quote == '"') && rest.starts_with(quote);
    if (whole && trimmed(rest.substr(1)).starts_with('+')) return "[INST]";
  }
  return "[INST] ";
}

inline void append_chat_ml(const ChatFormat& format, std::span<const Message> messages, bool prompt,
                           std::string& text) {
  const auto part = [&](std::string_view role, std::string_view content) {
    text.append("<|im_start|>").append(role).append("\n").append(content).append("<|im_end|>\n");
  };
  if (format.begins_with_bos) text += format.bos;
  if (!format.default_system.empty() && !messages.empty() && messages[0].role != "system")
    part("system", format.default_system);
  for (const Message& message : messages) part(message.role, message.content);
  if (prompt) text += "<|im_start|>assistant\n";
}

inline void append_llama3(const ChatFormat& format, std::span<const Message> messages, bool prompt, std::string& text) {
  const auto part = [&](std::string_view role, std::string_view content) {
    text.append("<|start_header_id|>")
        .append(role)
        .append("<|end_header_id|>\n\n")
        .append(content)
        .append("<|eot_id|>");
  };
  text += format.bos;
  if (format.dated_header) {
    std::string system = "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n";
    if (!messages.empty() && messages[0].role == "system") {
      system += trimmed(messages[0].content);
      messages = messages.subspan(1);
    }
    part("system", system);
  }
  for (const Message& message : messages) part(message.role, trimmed(message.content));
  if (prompt) text += "<|start_header_id|>assistant<|end_header_id|>\n\n";
}

// Llama-2's and Mistral's, in which user and assistant take turns.
inline void append_inst(const ChatFormat& format, std::span<const Message> messages, std::string& text) {
  const bool llama = format.family == ChatFormat::Family::llama2;
  std::string system;
  if (!messages.empty() && messages[0].role == "system") {
    system = llama ? "<<SYS>>\n" + messages[0].content + "\n<</SYS>>\n\n" : messages[0].content + "\n\n";
    messages = messages.subspan(1);
    if (messages.empty())
      throw ConfigError(
          "this model's chat format has no place for a system text alone. Remedy: let a user's follow it");
  }
  std::size_t last_user = 0;
  for (std::size_t k = 0; k < messages.size(); ++k)
    if (messages[k].role == "user") last_user = k;
  const std::size_t system_at = format.system_before_last ? last_user : 0;
  if (!llama) text += format.bos;
  for (std::size_t k = 0; k < messages.size(); ++k) {
    const Message& message = messages[k];
    if ((message.role == "user") != (k % 2 == 0) || (message.role != "user" && message.role != "assistant"))
      throw ConfigError("this model's chat format wants user and assistant in turns, and message " + std::to_string(k) +
                        " is by " + message.role);
    const bool trim = message.role == "user" ? format.trims_user : format.trims_assistant;
    std::string content = k == system_at ? system : std::string();
    content += trim ? detail::trimmed(message.content) : std::string_view(message.content);
    if (llama && message.role == "user")
      text.append(format.bos).append("[INST] ").append(trimmed(content)).append(" [/INST]");
    else if (llama)
      text.append(" ").append(trimmed(content)).append(" ").append(format.eos);
    else if (message.role == "user")
      text.append(format.user_begin).append(content).append(format.user_end);
    else
      text.append(format.assistant_begin).append(content).append(format.eos);
  }
}

}  // namespace detail

/// The format that a template (Jinja, of tokenizer_config.json or GGUF) describes; family none where it is not known.
/// @param bos, eos the texts of these tokens
inline ChatFormat recognise_chat_format(std::string_view chat_template, std::string bos, std::string eos) {
  const auto has = [&](std::string_view part) { return chat_template.find(part) != std::string_view::npos; };
  ChatFormat format;
  format.bos = std::move(bos);
  format.eos = std::move(eos);
  if (has("<|im_start|>")) {
    // Phi-4's looks alike, with a token of its own between role and content.
    format.family = has("<|im_sep|>") ? ChatFormat::Family::none : ChatFormat::Family::chat_ml;
    format.begins_with_bos = has("bos_token");
    format.default_system = detail::default_system_of(chat_template);
  } else if (has("<|start_header_id|>")) {
    format.family = ChatFormat::Family::llama3;
    format.dated_header = has("Cutting Knowledge Date");
  } else if (has("<<SYS>>")) {
    format.family = ChatFormat::Family::llama2;
  } else if (has("[INST]")) {
    format.family = ChatFormat::Family::mistral;
    format.user_begin = detail::inst_begin(chat_template);
    format.user_end = has(" [/INST]") ? " [/INST]" : "[/INST]";
    format.assistant_begin = has("' ' + message") || has("\" \" + message") ? " " : "";
    format.system_before_last = has("loop.last");
    format.trims_user = detail::trims(chat_template, "[INST]");
    format.trims_assistant = detail::trims(chat_template, "eos_token");
  }
  return format;
}

/// A dialogue as text, special tokens included: encode it with add_special = false.
/// @param add_generation_prompt ends it with the beginning of the assistant's answer
/// @throws ConfigError where the format is not known or the roles do not fit it
inline std::string chat_text(const ChatFormat& format, std::span<const Message> messages, bool add_generation_prompt) {
  std::string text;
  switch (format.family) {
    case ChatFormat::Family::chat_ml:
      detail::append_chat_ml(format, messages, add_generation_prompt, text);
      break;
    case ChatFormat::Family::llama3:
      detail::append_llama3(format, messages, add_generation_prompt, text);
      break;
    case ChatFormat::Family::llama2:
    case ChatFormat::Family::mistral:
      detail::append_inst(format, messages, text);
      break;
    case ChatFormat::Family::none:
      throw ConfigError(
          "the model has no chat template of a known family (ChatML, Llama-2, Llama-3, Mistral). Remedy: use an "
          "instruction-tuned model, or encode a prompt of your own");
  }
  return text;
}

}  // namespace reclm::lm
