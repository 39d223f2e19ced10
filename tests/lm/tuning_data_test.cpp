/// What training reads and leaves behind: dialogues as JSON lines, samples, PEFT folders; good input and bad.
#include <fstream>

#include "reclm/core/atomic_file.hpp"
#include "reclm/lm/training/jsonl.hpp"
#include "reclm/lm/training/peft.hpp"
#include "reclm/lm/training/samples.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using namespace reclm::lm;
using namespace reclm_test;

namespace {

/// A byte a token; <role>content; and a bar at the end.
TextCodec byte_codec() {
  return {[](std::string_view text) {
            std::vector<TokenId> tokens;
            for (const char c : text) tokens.push_back(static_cast<unsigned char>(c));
            return tokens;
          },
          [](std::span<const Message> messages, bool open) {
            std::string text;
            for (const Message& m : messages) text += "<" + m.role + ">" + m.content + "|";
            return open ? text + "<assistant>" : text;
          }};
}

std::string learned(const TrainingSample& sample) {
  std::string text;
  for (std::size_t k = 0; k < sample.tokens.size(); ++k)
    text += sample.learn[k] != 0 ? static_cast<char>(sample.tokens[k]) : '.';
  return text;
}

std::string whole(const TrainingSample& sample) { return {sample.tokens.begin(), sample.tokens.end()}; }

template <class E>
std::string message(const std::function<void()>& action) {
  try {
    action();
  } catch (const E& error) {
    return error.what();
  }
  return "no such error";
}

LoraAdapter small_adapter() {
  LoraAdapter adapter;
  for (const std::string name : {"model.layers.0.self_attn.q_proj", "model.layers.1.self_attn.q_proj"})
    adapter[name] = {Matrix<float>(2, 3, {1, 2, 3, 4, 5, 6}), Matrix<float>(4, 2, {1, 2, 3, 4, 5, 6, 7, 8}), 1.5f};
  return adapter;
}

void change(const std::filesystem::path& path, const std::string& from, const std::string& to) {
  std::ifstream in(path);
  std::string text((std::istreambuf_iterator<char>(in)), {});
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  write_file(path, text.replace(at, from.size(), to));
}

}  // namespace

TEST_CASE("only answers are learned, every one of them") {
  const auto codec = byte_codec();
  const Dialogue dialogue{{"system", "S"}, {"user", "Q"}, {"assistant", "A1"}, {"user", "R"}, {"assistant", "B2"}};
  const auto sample = chat_sample(codec, dialogue);
  CHECK(whole(sample) == "<system>S|<user>Q|<assistant>A1|<user>R|<assistant>B2|");
  CHECK(learned(sample) == ".............................A1|...................B2|");
  CHECK(sample.targets() == 6);
  CHECK(chat_sample(codec, dialogue, 30).targets() == 1);
  const auto plain = completion_sample(codec, "go ", "on", 7);
  CHECK(learned(plain) == "...on\7");
  CHECK(learned(completion_sample(codec, "go ", "on", -1)) == "...on");

  TextCodec forgetful = codec;
  forgetful.render = [](std::span<const Message> messages, bool) { return "only " + messages.back().content; };
  CHECK_THROWS_AS(chat_sample(forgetful, dialogue), DataError);
}

TEST_CASE("dialogues are read in TRL's forms") {
  const test::TemporaryFolder folder;
  const auto path = folder / "chat.jsonl";
  write_file(path,
             "{\"messages\": [{\"role\": \"user\", \"content\": \"Q\"}, {\"role\": \"assistant\", \"content\": "
             "\"A\"}], \"x\": 1}\n"
             "\n"
             "{\"prompt\": [{\"role\": \"user\", \"content\": \"Q\"}], \"completion\": [{\"role\": \"assistant\", "
             "\"content\": \"B\"}]}\n"
             "{\"prompt\": \"go \", \"completion\": \"on\"}\n");
  const auto texts = read_tuning_jsonl(path);
  REQUIRE(texts.size() == 3);
  CHECK(texts[0].messages.at(1).content == "A");
  CHECK(texts[1].messages.at(0).role == "user");
  CHECK(texts[1].messages.at(1).content == "B");
  CHECK(texts[2].messages.empty());
  CHECK(texts[2].completion == "on");
  CHECK(texts[2].line == 4);
}

TEST_CASE("bad lines end in errors that name them") {
  const test::TemporaryFolder folder;
  const auto path = folder / "chat.jsonl";
  const std::string good = "{\"prompt\": \"go \", \"completion\": \"on\"}\n";
  const std::pair<const char*, const char*> cases[] = {
      {"{\"messages\": [", "no JSON"},
      {"[1, 2]", "no object"},
      {"{\"text\": \"x\"}", "neither"},
      {"{\"messages\": []}", "no list of messages"},
      {"{\"messages\": [{\"role\": \"user\"}]}", "no text \"content\""},
      {"{\"messages\": [{\"role\": \"robot\", \"content\": \"x\"}]}", "\"robot\" is unknown"},
      {"{\"messages\": [{\"role\": \"user\", \"content\": \"x\"}]}", "no message is the assistant's"},
      {"{\"prompt\": \"x\", \"completion\": \"\"}", "completion is empty"},
      {"{\"prompt\": \"x\", \"completion\": 3}", "no list of messages"},
  };
  for (const auto& [line, problem] : cases) {
    write_file(path, good + line + "\n");
    const std::string what = message<DataError>([&] { read_tuning_jsonl(path); });
    INFO(line << " → " << what);
    CHECK(contains(what, "chat.jsonl:2: "));
    CHECK(contains(what, problem));
  }
  write_file(path, "\n");
  CHECK(contains(message<DataError>([&] { read_tuning_jsonl(path); }), "there is no line"));
  CHECK_THROWS_AS(read_tuning_jsonl(folder / "missing.jsonl"), IoError);
}

TEST_CASE("adapters come back from their folder as they were") {
  const test::TemporaryFolder folder;
  write_peft(folder / "adapter", small_adapter(), {"base/model", 0.1}, 2);
  const auto read = read_peft(folder / "adapter");
  REQUIRE(read.adapter.size() == 2);
  const LoraMatrices& m = read.adapter.at("model.layers.1.self_attn.q_proj");
  CHECK(m.a == small_adapter().begin()->second.a);
  CHECK(m.b == small_adapter().begin()->second.b);
  CHECK(m.scale == 1.5f);
  CHECK(read.info.base_model == "base/model");
  CHECK(read.options().rank == 2);
  CHECK(read.options().alpha == Approx(3));
  CHECK(read.options().dropout == Approx(0.1));
  CHECK(read.options().targets("model.layers.0.self_attn.q_proj"));
  CHECK_FALSE(read.options().targets("model.layers.2.self_attn.q_proj"));
  CHECK(lm::detail::target_modules(small_adapter(), 2) == std::vector<std::string>{"q_proj"});
  CHECK(lm::detail::target_modules(small_adapter(), 3).size() == 2);
}

TEST_CASE("adapters whose start left the model's weights as they were are read") {
  for (const char* start : {"false", "\"gaussian\"", "\"Gaussian\"", "\"eva\"", "\"orthogonal\"", "null"}) {
    const test::TemporaryFolder folder;
    write_peft(folder.path(), small_adapter(), {});
    change(folder / "adapter_config.json", "\"init_lora_weights\": true",
           "\"init_lora_weights\": " + std::string(start));
    CHECK(read_peft(folder.path()).adapter.size() == 2);
  }
}

TEST_CASE("folders that are no plain LoRA adapter are refused") {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"\"LORA\"", "\"IA3\"", "peft_type"},
      {"\"use_dora\": false", "\"use_dora\": true", "use_dora"},
      {"\"bias\": \"none\"", "\"bias\": \"all\"", "bias"},
      {"\"modules_to_save\": null", "\"modules_to_save\": [\"lm_head\"]", "modules_to_save"},
      {"\"r\": 2", "\"r\": 3", "rank"},
      {"\"r\": 2", "\"r\": \"two\"", "no number"},
      {"\"r\": 2", "\"r\": -1", "out of range"},
      {"\"init_lora_weights\": true", "\"init_lora_weights\": \"pissa_niter_4\"", "pissa_niter_4"},
      {"\"init_lora_weights\": true", "\"init_lora_weights\": \"olora\"", "init_lora_weights"},
      {"\"init_lora_weights\": true", "\"init_lora_weights\": \"loftq\"", "merge_and_unload"},
      {"{", "", "no JSON"},
  };
  for (const auto& [from, to, problem] : cases) {
    const test::TemporaryFolder folder;
    write_peft(folder.path(), small_adapter(), {});
    change(folder / "adapter_config.json", from, to);
    const std::string what = message<DataError>([&] { read_peft(folder.path()); });
    INFO(what);
    CHECK(contains(what, problem));
    CHECK(contains(what, "Remedy: "));
  }
  const test::TemporaryFolder folder;
  write_peft(folder.path(), small_adapter(), {});
  const auto weights = folder / "adapter_model.safetensors";
  const auto refuses = [&](const std::vector<NamedTensor>& tensors, const char* problem) {
    write_safetensors(weights, tensors);
    CHECK(contains(message<DataError>([&] { read_peft(folder.path()); }), problem));
  };
  const Matrix<float> a(2, 3, 1.0f), broken(2, 3, std::nanf(""));
  const std::string at = "base_model.model.model.layers.0.self_attn.q_proj.";
  refuses({NamedTensor::of(at + "lora_A.weight", a)}, "lacks one of its two matrices");
  refuses({NamedTensor::of(at + "lora_A.weight", broken)}, "not finite");
  refuses({NamedTensor::of("model.embed_tokens.weight", a)}, "no matrix of a LoRA layer");
  refuses({}, "no layer");
  std::filesystem::resize_file(weights, 5);
  CHECK_THROWS_AS(read_peft(folder.path()), DataError);
  std::filesystem::remove(weights);
  CHECK_THROWS_AS(read_peft(folder.path()), IoError);
  write_file(folder / "adapter_model.bin", "x");
  CHECK(contains(message<DataError>([&] { read_peft(folder.path()); }), "pickle"));
  CHECK_THROWS_AS(read_peft(folder / "nowhere"), IoError);
  LoraAdapter uneven = small_adapter();
  uneven.begin()->second.scale = 2;
  CHECK_THROWS_AS(write_peft(folder.path(), uneven, {}), ConfigError);
  CHECK_THROWS_AS(write_peft(folder.path(), {}, {}), ConfigError);
}
