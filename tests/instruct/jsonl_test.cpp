/// Samples and templates as files: what is written is read back, and bad lines are named.
#include "reclm/instruct/jsonl.hpp"

#include "reclm/instruct/collaborative.hpp"
#include "reclm/instruct/preferences.hpp"
#include "reclm/instruct/template_file.hpp"
#include "small_town.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using namespace reclm::instruct;
using namespace reclm_test;

namespace {

const std::vector<Id> kEverybody{0, 1, 2, 3};

std::string slurp(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class Read>
std::string refusal(const Read& read) {
  try {
    read();
  } catch (const Error& e) {
    return e.what();
  }
  return "none";
}

}  // namespace

TEST_CASE("samples are written as TRL takes them and read back the same") {
  const test::TemporaryFolder folder;
  const auto path = folder / "samples.jsonl";
  const Dataset data = small_town();
  const Dialogues dialogues(data, {.templates = {.system = "Say \"a\\b\" – 7°"}});

  auto chats = collaborative_dialogues(dialogues, kEverybody, town_neighbours(), town_profiles()).samples;
  const auto taught = dialogues.distillation(kEverybody, town_profiles()).samples;
  chats.insert(chats.end(), taught.begin(), taught.end());
  write_jsonl(path, std::span<const ChatSample>(chats), &data);
  CHECK(read_chat_jsonl(path, &data) == chats);
  CHECK(read_chat_jsonl(path).front().user == -1);
  CHECK(read_chat_jsonl(path).front().messages == chats.front().messages);
  CHECK(slurp(path).starts_with(R"({"messages":[{"role":"system","content":"Say \"a\\b\" – 7°"},{"role":"user",)"));

  const auto pairs = preference_pairs(dialogues, kEverybody, town_neighbours(), town_profiles()).samples;
  REQUIRE(pairs.size() == 3);
  write_jsonl(path, std::span<const PreferencePair>(pairs), &data);
  CHECK(read_preference_jsonl(path, &data) == pairs);
  CHECK(contains(slurp(path), R"("chosen":[{"role":"assistant","content":"User identity: )"));

  const auto prompts = dialogues.user_prompts(kEverybody).samples;
  write_jsonl(path, std::span<const PromptSample>(prompts), &data);
  CHECK(read_prompt_jsonl(path, &data) == prompts);

  // A model may write broken UTF-8; the file stays JSON.
  std::vector<PreferencePair> broken{pairs[0]};
  broken[0].rejected = "caf\xC3";
  write_jsonl(path, std::span<const PreferencePair>(broken));
  CHECK(read_preference_jsonl(path)[0].rejected == "caf\xEF\xBF\xBD");
  // An id is not replaced: it would be somebody else's.
  Dataset latin;
  latin.users.insert("caf\xe9");
  broken[0].user = 0;
  CHECK(contains(refusal([&] { write_jsonl(path, std::span<const PreferencePair>(broken), &latin); }),
                 "user id \"caf\\xe9\" is no UTF-8"));
}

TEST_CASE("plain prompts and answers, numeric ids and blank lines are taken too") {
  const test::TemporaryFolder folder;
  const auto path =
      folder.write("pairs.jsonl",
                   "\xEF\xBB\xBF{\"prompt\": \"Who?\", \"chosen\": \"Me.\", \"rejected\": \"You.\"}\r\n\r\n"
                   "{\"prompt\": \"Why?\", \"chosen\": \"So.\", \"rejected\": \".\", \"extra\": [1]}");
  const auto pairs = read_preference_jsonl(path);
  REQUIRE(pairs.size() == 2);
  CHECK(pairs[0].prompt == lm::Dialogue{{"user", "Who?"}});
  CHECK(pairs[1].rejected == ".");
  Dataset data;
  data.users.insert("7");
  const auto numbered = folder.write("prompts.jsonl", "{\"prompt\": \"Who?\", \"user_id\": 7}\n");
  CHECK(read_prompt_jsonl(numbered, &data)[0].user == 0);
}

TEST_CASE("a bad line is named by file and number, with a remedy") {
  const test::TemporaryFolder folder;
  const Dataset data = small_town();
  const std::string good = R"({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]})";
  const auto chat = [&](const std::string& line) {
    const auto path = folder.write("chat.jsonl", good + "\n" + line + "\n");
    const std::string text = refusal([&] { read_chat_jsonl(path, &data); });
    CHECK(text.starts_with(path.string() + ":2: "));
    CHECK(contains(text, "Remedy: "));
    return text;
  };
  CHECK(contains(chat("{\"messages\": [{\"role\": \"us"), "no JSON"));
  CHECK(contains(chat("[1, 2]"), "no object"));
  CHECK(contains(chat("\x01\x02"), "no JSON"));
  CHECK(contains(chat("{}"), "no \"messages\""));
  CHECK(contains(chat(R"({"messages": []})"), "no list of messages"));
  CHECK(contains(chat(R"({"messages": 3})"), "no list of messages"));
  CHECK(contains(chat(R"({"messages": [{"role": "user"}]})"), "message 1 has no text \"content\""));
  CHECK(contains(chat(R"({"messages": [{"role": "tool", "content": "x"}]})"), "role \"tool\""));
  CHECK(contains(chat(R"({"messages": [{"role": "user", "content": null}]})"), "no text \"content\""));
  CHECK(contains(chat(R"({"messages": [{"role": "user", "content": "x"}]})"), "no message is the assistant's"));
  const std::string start = good.substr(0, good.size() - 1);
  CHECK(contains(chat(start + R"(, "user_id": "nobody"})"), "\"nobody\" is not in the data set"));
  CHECK(contains(chat(start + R"(, "user_id": 1.5})"), "\"user_id\" is no id"));
  CHECK(contains(chat(start + R"(, "stage": "dreams"})"), "stage \"dreams\""));
  CHECK(contains(chat(start + R"(, "chose": "yes"})"), "\"chose\" is not true or false"));
  const auto pair = folder.write("pair.jsonl", R"({"prompt": "a", "chosen": "b", "rejected": "b"})");
  CHECK(contains(refusal([&] { read_preference_jsonl(pair); }), ":1: both answers are the same"));
  std::string deep(100000, '[');
  CHECK(contains(chat("{\"messages\": " + deep), "no JSON"));
  CHECK_THROWS_AS(read_chat_jsonl(folder / "missing.jsonl"), IoError);
  CHECK(read_chat_jsonl(folder.write("empty.jsonl", "")).empty());
}

TEST_CASE("a file of templates replaces some, and says what is wrong with it") {
  const test::TemporaryFolder folder;
  const auto path = folder / "templates.json";
  write_templates(path);
  const Templates defaults = read_templates(path);
  for (const TemplateField& field : kTemplateFields) CHECK(defaults.*field.text == Templates{}.*field.text);
  const Templates own = read_templates(folder.write(
      "own.json", R"({"system": "Be kind.", "user_profile": ["Of {history}:", "{form} {{really}}"], "yes": "true"})"));
  CHECK(own.system == "Be kind.");
  CHECK(own.user_profile == "Of {history}:\n{form} {{really}}");
  CHECK(own.no == "No");
  const auto wrong = [&](const std::string& text) {
    const auto file = folder.write("wrong.json", text);
    const std::string message = refusal([&] { read_templates(file); });
    CHECK(message.starts_with(file.string() + ":"));
    return message;
  };
  CHECK(contains(wrong("{\"yes\": \"a\",\n\"no\" \"b\"}"), "wrong.json:2: this is no JSON"));
  CHECK(contains(wrong(""), "no JSON"));
  CHECK(contains(wrong("[]"), "no JSON object"));
  CHECK(contains(wrong(R"({"user_prfile": "x"})"), "choose from system, user_profile"));
  CHECK(contains(wrong(R"({"yes": 1})"), "\"yes\" is no text"));
  CHECK(contains(wrong(R"({"person": ["{person}", 2]})"), "\"person\" is no text"));
  CHECK(contains(wrong(R"({"person": "{person}"})"), "the place {history} is missing"));
  CHECK_THROWS_AS(read_templates(folder / "missing.json"), IoError);
}
