#pragma once
/// @file imported_answers.hpp
/// Profiles that a teacher wrote before, from JSON lines:
///
/// | line | what it is |
/// | --- | --- |
/// | {"user_id" or "item_id": id, "profile": text} | a profile; the embedded world writes such files |
/// | {… id, "output": text, "input": text, "instruction", "suffix": texts or absent} | with its prompt: the three in
/// the order instruction, input, suffix | | {… id, "rejected": …} | a line of a profile store that is no profile: left
/// out |

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/data/jsonl.hpp"
#include "reclm/instruct/grammar.hpp"
#include "reclm/instruct/samples.hpp"
#include "reclm/instruct/teachers.hpp"

namespace reclm::instruct {

struct ImportedAnswer {
  Id user = -1, item = -1;
  std::string prompt;  ///< "" where the line has none
  std::string text;    ///< as it was written
};

struct ImportedAnswers {
  std::vector<ImportedAnswer> answers;  ///< in the order of the file; of several about one user or item all
  Index unknown = 0;                    ///< lines about users or items that the data set does not have
  GrammarCounts grammar;                ///< of the answers
};

/// @throws IoError; DataError naming file and line on what is no such line
inline ImportedAnswers read_answers(const std::filesystem::path& path, const Dataset& data) {
  ImportedAnswers imported;
  for_each_json_line(path, [&](const JsonRecord& record) {
    const std::string user = record.id("user_id"), item = record.id("item_id");
    if (user.empty() == item.empty())
      record.fail("there must be either a \"user_id\" or an \"item_id\"", "say whom the profile is about");
    if (record.has("rejected")) return;
    const auto id = user.empty() ? data.items.find(item) : data.users.find(user);
    ImportedAnswer answer;
    answer.text = record.has("output") ? record.text("output") : record.text("profile");
    answer.prompt = record.text("instruction", "") + record.text("input", "") + record.text("suffix", "");
    if (!id) {
      ++imported.unknown;
      return;
    }
    (user.empty() ? answer.item : answer.user) = *id;
    imported.grammar.add(read_profile(answer.text).fault);
    imported.answers.push_back(std::move(answer));
  });
  return imported;
}

/// The texts by user (or item), "" where there is none; the last one of several counts.
inline std::vector<std::string> texts_by_user(const ImportedAnswers& imported, const Dataset& data) {
  std::vector<std::string> texts(static_cast<std::size_t>(data.users.size()));
  for (const ImportedAnswer& answer : imported.answers)
    if (answer.user >= 0) texts[static_cast<std::size_t>(answer.user)] = answer.text;
  return texts;
}
inline std::vector<std::string> texts_by_item(const ImportedAnswers& imported, const Dataset& data) {
  std::vector<std::string> texts(static_cast<std::size_t>(data.items.size()));
  for (const ImportedAnswer& answer : imported.answers)
    if (answer.item >= 0) texts[static_cast<std::size_t>(answer.item)] = answer.text;
  return texts;
}

/// Imported answers as a teacher. @param name what stores call it
inline KnownAnswers imported_teacher(std::string name, const ImportedAnswers& imported, const Dataset& data) {
  return {std::move(name), texts_by_user(imported, data), texts_by_item(imported, data)};
}

/// A1 (users) and A5 (items) with the prompts that the answers were given to; answers without a prompt, or that break
/// the grammar, are left out and counted.
inline Built<ChatSample> imported_dialogues(const ImportedAnswers& imported) {
  Built<ChatSample> built;
  for (const ImportedAnswer& answer : imported.answers) {
    const ProfileReading reading = read_profile(answer.text);
    if (!reading.valid()) {
      ++built.skipped.no_profile;
    } else if (answer.prompt.empty()) {
      ++built.skipped.no_question;
    } else {
      built.samples.push_back({answer.user >= 0 ? Stage::distillation : Stage::items,
                               answer.user,
                               answer.item,
                               {},
                               {{"user", answer.prompt}, {"assistant", format_profile(reading.profile)}}});
    }
  }
  return built;
}

}  // namespace reclm::instruct
