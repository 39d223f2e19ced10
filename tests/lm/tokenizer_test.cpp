#include "reclm/lm/tokenizer/load_tokenizer.hpp"

#include "lm/gguf_builder.hpp"
#include "lm/tokenizer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using namespace reclm::lm;

namespace {

std::string refusal(const std::string& document) {
  try {
    (void)test::tokenizer_of(document);
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

std::string replaced_once(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("tokenizers give the tokens and the texts of Hugging Face's library") {
  const lm::detail::JsonFile file(RECLM_SOURCE_DIR "/tests/fixtures/tokenizers/expected.json");
  const auto& texts = file.root()["texts"].parts;
  REQUIRE(texts.size() > 30);
  for (const char* name : {"gpt2", "smollm", "llama3", "qwen2", "llama2", "bert"}) {
    const Tokenizer tokenizer = test::tokenizer_of(test::tokenizer_document(name));
    const auto& expected = file.root()["expected"][name].parts;
    REQUIRE(expected.size() == texts.size());
    for (std::size_t k = 0; k < texts.size(); ++k) {
      INFO(name << ": " << texts[k].text);
      std::vector<TokenId> ids;
      for (const auto& id : expected[k].parts[0].parts) ids.push_back(static_cast<TokenId>(id.value));
      CHECK(tokenizer.encode(texts[k].text) == ids);
      CHECK(tokenizer.decode(ids) == expected[k].parts[1].text);
    }
  }
}

TEST_CASE("a byte-level tokenizer brings back every text, and the bytes of its tokens are the text") {
  const Tokenizer tokenizer = test::tokenizer_of(test::tokenizer_document("smollm"));
  for (const std::string text : {"Hello, wörld 2024!", "日本 \n\n x", "<|endoftext|>"}) {
    const auto ids = tokenizer.encode(text);
    CHECK(tokenizer.decode(ids, false) == text);
    std::string bytes;
    for (const TokenId id : ids) bytes += tokenizer.token_bytes(id);
    CHECK(bytes == (text == "<|endoftext|>" ? "" : text));
  }
  CHECK(tokenizer.decode(tokenizer.encode("a\xFF\xE2\x82z")) == "a\xEF\xBF\xBD\xEF\xBF\xBDz");
  const auto ids = tokenizer.encode("é");
  REQUIRE(ids.size() == 2);  // half a character
  CHECK(tokenizer.decode(std::span(ids).first(1)) == "\xEF\xBF\xBD");
  CHECK(tokenizer.id_of("<|endoftext|>") == 0);
  CHECK(tokenizer.is_special(0));
  CHECK_FALSE(tokenizer.id_of("no such token").has_value());
  CHECK_THROWS_AS(tokenizer.token_bytes(-1), ConfigError);
  CHECK_THROWS_AS(tokenizer.token(static_cast<TokenId>(tokenizer.vocabulary())), ConfigError);
  CHECK(tokenizer.decode(std::vector<TokenId>{-5, 1 << 30}).empty());
}

TEST_CASE("long words merge as short ones do") {
  const Tokenizer tokenizer = test::tokenizer_of(test::tokenizer_document("gpt2"));
  std::string word;
  for (int k = 0; k < 3000; ++k) word += static_cast<char>('a' + (k * k + k / 7) % 26);
  CHECK(tokenizer.decode(tokenizer.encode(word)) == word);
  // The same letters in pieces short enough for the other way, joined: never fewer tokens than the whole.
  std::size_t pieces = 0;
  for (std::size_t at = 0; at < word.size(); at += 60) pieces += tokenizer.encode(word.substr(at, 60)).size();
  CHECK(tokenizer.encode(word).size() <= pieces);
}

TEST_CASE("merges that lead to one another in a circle end: each makes two tokens one") {
  // ab + a makes aba, whose text a + ba makes too; ranks run against the order in which pairs arise; one merge is
  // twice.
  const Tokenizer tokenizer =
      test::tokenizer_of(R"({"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"ba":3,"aba":4,"bab":5},)"
                         R"("merges":["ab a","a ba","ba b","b ab","a b","b a","a b"]}})");
  std::string word;
  for (int k = 0; k < 400; ++k) word += "ab";
  for (const std::string& text : {word.substr(0, 40), word}) {  // short words and long ones merge in ways of their own
    const auto tokens = tokenizer.encode(text, false);
    CHECK(tokens.size() <= text.size() / 2);
    const std::string marks[] = {"a", "b", "ab", "ba", "aba", "bab"};
    std::string joined;
    for (const TokenId token : tokens) joined += marks[token];
    CHECK(joined == text);
    // Nothing that could merge is left.
    for (std::size_t k = 0; k + 1 < tokens.size(); ++k) {
      const std::string both = marks[tokens[k]] + "+" + marks[tokens[k + 1]];
      for (const char* merge : {"ab+a", "a+ba", "ba+b", "b+ab", "a+b", "b+a"}) CHECK(both != merge);
    }
  }
}

TEST_CASE("tokens of Llama-2 and BERT stand for their bytes") {
  const Tokenizer llama = test::tokenizer_of(test::tokenizer_document("llama2"));
  CHECK(llama.token_bytes(*llama.id_of("<0x0A>")) == "\n");
  CHECK(llama.token_bytes(*llama.id_of("\u2581the")) == " the");
  CHECK(llama.encode("x", false).size() + 1 == llama.encode("x").size());
  const Tokenizer bert = test::tokenizer_of(test::tokenizer_document("bert"));
  CHECK(bert.encode("").size() == 2);
  CHECK(bert.token_bytes(*bert.id_of("the")) == " the");
}

TEST_CASE("a GGUF file's tokenizer is the one that its metadata describe") {
  const test::TemporaryFolder folder;
  const Tokenizer known = test::tokenizer_of(test::tokenizer_document("smollm"));
  std::vector<std::string> tokens, merges;
  std::vector<std::int32_t> types;
  for (TokenId id = 0; id < static_cast<TokenId>(known.vocabulary()); ++id) {
    tokens.emplace_back(known.token(id));
    types.push_back(known.is_special(id) ? 3 : 1);
  }
  for (const auto& [left, right] : known.parts().merges)
    merges.push_back(std::string(known.token(left)) + " " + std::string(known.token(right)));
  const auto builder = [&](const std::vector<std::string>& all_merges) {
    test::GgufBuilder file;
    file.text("tokenizer.ggml.model", "gpt2")
        .text("tokenizer.ggml.pre", "smollm")
        .texts("tokenizer.ggml.tokens", tokens);
    file.numbers("tokenizer.ggml.token_type", types).texts("tokenizer.ggml.merges", all_merges);
    file.integer("tokenizer.ggml.eos_token_id", 0).integer("tokenizer.ggml.bos_token_id", 0);
    return file;
  };
  const Tokenizer tokenizer = load_tokenizer(folder.write("t.gguf", builder(merges).bytes()));
  const std::string text = "Where 12 users click, isn't it <|endoftext|>?";
  CHECK(tokenizer.encode(text) == known.encode(text));
  CHECK(tokenizer.eos() == 0);
  CHECK(tokenizer.stops() == std::vector<TokenId>{0});

  const auto refused = [&](const test::GgufBuilder& file, const std::string& reason) {
    std::string message;
    try {
      (void)load_tokenizer(folder.write("bad.gguf", file.bytes()));
    } catch (const DataError& error) {
      message = error.what();
    }
    INFO(message);
    CHECK(message.find(reason) != std::string::npos);
  };
  refused(test::GgufBuilder(), "no tokenizer");
  refused(builder({"a"}), "merge 0");
  refused(builder({" a"}), "merge 0");
  refused(builder({"a "}), "merge 0");
  refused(builder({"qq zz"}), "merge 0");
  refused(builder({"q z", "z q"}), "not in the vocabulary");
  refused(builder(merges).integer("tokenizer.ggml.padding_token_id", 1 << 20), "no token");
  refused(builder(merges).text("tokenizer.ggml.add_bos_token", "yes"), "no truth value");
}

TEST_CASE("what ends a text is found beside tokenizer.json, wherever it is written") {
  const test::TemporaryFolder folder;
  folder.write("m/tokenizer.json", R"({"model":{"type":"BPE","vocab":{"a":0,"b":1,"</s>":2,"<e>":3},"merges":[]}})");
  const auto stops = [&] {
    const Tokenizer tokenizer = load_tokenizer(folder / "m");
    return std::pair(tokenizer.eos(), tokenizer.stops());
  };
  CHECK(stops() == std::pair(TokenId{-1}, std::vector<TokenId>{}));
  folder.write("m/config.json", R"({"eos_token_id": 2})");
  CHECK(stops() == std::pair(TokenId{2}, std::vector<TokenId>{2}));
  folder.write("m/tokenizer_config.json", R"({"tokenizer_class": "PreTrainedTokenizerFast"})");
  folder.write("m/generation_config.json", R"({"eos_token_id": [2, 3]})");
  CHECK(stops() == std::pair(TokenId{2}, std::vector<TokenId>{2, 3}));
  folder.write("m/tokenizer_config.json", R"({"eos_token": "<e>"})");
  CHECK(stops() == std::pair(TokenId{3}, std::vector<TokenId>{3, 2}));
}

TEST_CASE("damaged tokenizer.json files are refused with the reason") {
  const std::string good = test::tokenizer_document("llama2");
  const auto refused = [&](const std::string& document, const std::string& reason) {
    const std::string message = refusal(document);
    INFO(message);
    CHECK(message.find(reason) != std::string::npos);
    CHECK(message.find("Remedy: ") != std::string::npos);
  };
  CHECK(refusal(good).empty());
  refused("{}", "no vocabulary");
  refused(R"({"model":{"type":"Unigram","vocab":[["a",0.1]]}})", "no vocabulary");
  refused(R"({"model":{"type":"WordLevel","vocab":{"a":0}}})", "WordLevel");
  refused(R"({"model":{"type":"BPE","vocab":{"a":4000000000},"merges":[]}})", "no number within");
  refused(R"({"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}})", "no number within");
  refused(R"({"model":{"type":"BPE","vocab":{"a":"x"},"merges":[]}})", "no number within");
  refused(R"({"model":{"type":"BPE","vocab":{"a":0,"b":0},"merges":[]}})", "two tokens");
  refused(R"({"model":{"type":"BPE","vocab":{"a":0,"a":1},"merges":[]}})", "twice");
  refused(R"({"model":{"type":"BPE","vocab":{"a":0},"merges":["a a"]}})", "not in the vocabulary");
  refused(R"({"model":{"type":"BPE","vocab":{"a":0},"merges":["a"]}})", "merge 0");
  refused(R"({"model":{"type":"BPE","vocab":{"a":0,"":1},"merges":[["","a"]]}})", "merge 0");  // would never end
  refused(R"({"model":{"type":"BPE","vocab":{"a":0},"merges":7}})", "no list");
  refused(R"({"model":{"type":"BPE","vocab":{"a":0},"merges":[],"unk_token":"?"}})", "unknown token");
  refused(R"({"model":{"type":"WordPiece","vocab":{"a":0}}})", "unknown token");
  const std::string small = R"({"model":{"type":"BPE","vocab":{"a":0},"merges":[]},)";
  refused(small + R"("normalizer":{"type":"Precompiled"}})", "Precompiled");
  refused(small + R"("pre_tokenizer":{"type":"Split","pattern":{"Regex":"(("},"behavior":"Isolated"}})",
          "not understood");
  refused(small + R"("pre_tokenizer":{"type":"Split","pattern":{},"behavior":"Isolated"}})", "pattern");
  refused(small + R"("pre_tokenizer":{"type":"Split","pattern":{"String":"x"},"behavior":"Sideways"}})", "Sideways");
  refused(small + R"("pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"ByteLevel"},{"type":"Digits"}]}})",
          "follows ByteLevel");
  refused(small + R"("decoder":{"type":"CTC"}})", "CTC");
  refused(small + R"("post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x"}}]}})",
          "describe");
  refused(small + R"("post_processor":{"type":"BertProcessing","sep":["x",70],"cls":["y",71]}})",
          "not in the vocabulary");
  refused(small + R"("added_tokens":[{"id":1e9,"content":"x"}]})", "no number within");
  refused(small + R"("added_tokens":[{"id":1,"content":""}]})", "empty");
  refused(small + R"("added_tokens":[{"id":0,"content":"b"}]})", "of the token \"a\"");
  refused(small + R"("added_tokens":[{"id":1,"content":"b"},{"id":1,"content":"c"}]})", "of the token \"b\"");
  CHECK(refusal(small + R"("added_tokens":[{"id":0,"content":"a"},{"id":1,"content":"b"}]})").empty());
  const std::string tenfold = R"({"type":"Replace","pattern":{"String":"a"},"content":"aaaaaaaaaa"})";
  std::string seven = tenfold;
  for (int k = 0; k < 6; ++k) seven += "," + tenfold;
  refused(small + R"("decoder":{"type":"Sequence","decoders":[)" + seven + "]}}", "beyond all measure");
  const Tokenizer growing =
      test::tokenizer_of(small + R"("normalizer":{"type":"Sequence","normalizers":[)" + seven + "]}}");
  CHECK_THROWS_AS(growing.encode("a"), DataError);
  CHECK(growing.encode("").empty());
  const Tokenizer usual = test::tokenizer_of(small + R"("normalizer":)" + tenfold + "}");
  CHECK(usual.encode(std::string(1000, 'a')).size() == 10000);
  for (std::size_t length = 0; length + 2 < good.size(); length += 997) refused(good.substr(0, length), "JSON");

  // Bytes changed at random: refused or usable, nothing else.
  std::uint64_t state = 9;
  const auto draw = [&](std::size_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::size_t>(state >> 33) % below;
  };
  for (int round = 0; round < 150; ++round) {
    std::string document = test::tokenizer_document("bert");
    for (int k = 0; k < 3; ++k) document[draw(document.size())] = static_cast<char>(draw(256));
    try {
      (void)test::tokenizer_of(document).encode("some Text, any");
    } catch (const DataError&) {
    }
  }
}

TEST_CASE("dialogues are written as the families' templates write them") {
  const std::vector<Message> dialogue{{"user", " Hi "}, {"assistant", "Hello."}, {"user", "Bye"}};
  std::vector<Message> with_system = dialogue;
  with_system.insert(with_system.begin(), {"system", "Be brief."});
  const auto text = [&](const std::string& chat_template, const std::vector<Message>& messages) {
    return chat_text(recognise_chat_format(chat_template, "<s>", "</s>"), messages, true);
  };
  const std::string smollm =
      "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou "
      "are a "
      "helpful AI assistant named SmolLM<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role']}}{% endfor %}";
  const std::string turns =
      "<|im_start|>user\n Hi <|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n<|im_start|>user\n"
      "Bye<|im_end|>\n<|im_start|>assistant\n";
  CHECK(text(smollm, dialogue) ==
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM<|im_end|>\n" + turns);
  CHECK(text(smollm, with_system) == "<|im_start|>system\nBe brief.<|im_end|>\n" + turns);
  CHECK(text("{{- '<|im_start|>system\\n' }}{{- '<|im_start|>system\\nYou are Qwen.<|im_end|>\\n' }}", dialogue) ==
        "<|im_start|>system\nYou are Qwen.<|im_end|>\n" + turns);
  CHECK(text("{{ '<|im_start|>' + message.role }}", dialogue) == turns);

  CHECK(text("'<<SYS>>' '[INST] '", with_system) ==
        "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\n Hi [/INST] Hello. </s><s>[INST] Bye [/INST]");
  CHECK(text("'<<SYS>>' '[INST] '", dialogue) == "<s>[INST] Hi [/INST] Hello. </s><s>[INST] Bye [/INST]");
  CHECK(text("bos_token '[INST] ' + message['content'] + ' [/INST]'", dialogue) ==
        "<s>[INST]  Hi  [/INST]Hello.</s>[INST] Bye [/INST]");
  CHECK(
      text("'<|start_header_id|>'", with_system) ==
      "<s><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n"
      "Hi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nHello.<|eot_id|><|start_header_id|>user"
      "<|end_header_id|>\n\nBye<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n");
  CHECK(text("'<|start_header_id|>' Cutting Knowledge Date", dialogue)
            .starts_with("<s><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December "
                         "2023\nToday Date: 26 Jul 2024\n\n"
                         "<|eot_id|><|start_header_id|>user"));
  // The beginning of a text, blanks around what is said, and what is not supported.
  CHECK(text("{{bos_token}}{% for message in messages %}{{'<|im_start|>' + message['role']}}{% endfor %}", dialogue) ==
        "<s>" + turns);
  CHECK_THROWS_AS(text("{{'<|im_start|>user<|im_sep|>' + message['content'] + '<|im_end|>'}}", dialogue), ConfigError);
  const std::vector<Message> blanks{{"user", " Hi "}, {"assistant", " Hello. "}, {"user", "Bye "}};
  const std::string user = "{{ '[INST] ' + m['content'] + '[/INST]' }}";
  CHECK(text("{{ bos_token }}" + user + "{{- ' ' + message['content']|trim + eos_token}}", blanks) ==
        "<s>[INST]  Hi [/INST] Hello.</s>[INST] Bye [/INST]");
  CHECK(text(user + "{{ ' ' + message['content'] + eos_token}}", blanks) ==
        "<s>[INST]  Hi [/INST]  Hello. </s>[INST] Bye [/INST]");
  CHECK(text("{{ '[INST] ' + m['content'] | trim + '[/INST]' }}{{ m['content'] + eos_token}}", blanks) ==
        "<s>[INST] Hi[/INST] Hello. </s>[INST] Bye[/INST]");
  CHECK(text("{%- set content = m['content'] | trim %}{{ '[INST] ' + content + '[/INST]' }}{{ content + eos_token}}",
             blanks) == "<s>[INST] Hi[/INST]Hello.</s>[INST] Bye[/INST]");
  // Blanks before a user's text: Nemo and Ministral have none, the newer templates of 7B-Instruct v0.1 and v0.2 two.
  const std::vector<Message> four{{"user", "Hi"}, {"assistant", "Hello."}, {"user", "Bye"}};
  for (const char* plus : {" + ", "+"}) {
    const std::string content = plus + std::string("message[\"content\"]") + plus;
    CHECK(text("{{- bos_token }}{{- \"[INST]\"" + content + "\"[/INST]\" }}{{- message[\"content\"] + eos_token}}",
               four) == "<s>[INST]Hi[/INST]Hello.</s>[INST]Bye[/INST]");
    CHECK(text("{{- '[INST]'" + content + "'[/INST]' }}{{- \" \" + message[\"content\"]|trim + eos_token}}", four) ==
          "<s>[INST]Hi[/INST] Hello.</s>[INST]Bye[/INST]");
    for (const std::string quote : {"\"", "'"})
      CHECK(text("{{- " + quote + " [INST] " + quote + content + quote + " [/INST]" + quote +
                     " }}{{- \" \" + message[\"content\"] + eos_token}}",
                 four) == "<s> [INST] Hi [/INST] Hello.</s> [INST] Bye [/INST]");
  }
  for (const char* inst : {"'<<SYS>>' '[INST] '", "'[INST] '"})
    CHECK_THROWS_AS(text(inst, std::vector<Message>{{"system", "Be brief."}}), ConfigError);
  CHECK_THROWS_AS(text("", dialogue), ConfigError);
  CHECK_THROWS_AS(text("[INST]", std::vector<Message>{{"assistant", "x"}}), ConfigError);
}

TEST_CASE("patterns that are not written out are read by a general engine") {
  const std::string document = replaced_once(test::tokenizer_document("llama3"), R"((?i:'s)", R"((?i:'z|'s)");
  const Tokenizer special = test::tokenizer_of(document);
  const Tokenizer usual = test::tokenizer_of(test::tokenizer_document("llama3"));
  for (const std::string text :
       {"It's 12345 o'clock;\n\n  isn't it?", "a\u180e b\u0085\u00a0 c", "日本 x!? \r\n\r\n  y"})
    CHECK(special.encode(text) == usual.encode(text));
}

TEST_CASE("normal forms are those of Unicode, and stop at characters that the reference does not know") {
  using lm::detail::NormalForm;
  using lm::detail::normalised;
  CHECK(normalised("e\u0301 A\u030A", NormalForm::nfc) == "\u00E9 \u00C5");
  CHECK(normalised("\u00E9\uAC01", NormalForm::nfd) == "e\u0301\u1100\u1161\u11A8");
  CHECK(normalised("\uFB01 \u00B2 \u00A0", NormalForm::nfkc) == "fi 2  ");
  CHECK(normalised("a\u0315\u0300", NormalForm::nfd) == "a\u0300\u0315");
  CHECK(normalised("\uC790\u11A7", NormalForm::nfc) == "\uC790\u11A7");  // no final consonant, so nothing to compose
  CHECK(normalised("\uC790\u11A8", NormalForm::nfc) == "\uC791");
  CHECK(normalised("plain text", NormalForm::nfkd) == "plain text");
  CHECK(normalised("", NormalForm::nfc).empty());
}
