#include "reclm/lm/weights/gguf.hpp"

#include "lm/gguf_builder.hpp"
#include "reclm/lm/weights/gguf_weights.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using namespace reclm::lm;
using test::GgufBuilder;

namespace {

// Opens the file as a model; the message of a refusal, or "" where there is none. Anything but a DataError fails.
std::string refusal(const std::filesystem::path& path) {
  try {
    const GgufWeights weights(path);
    for (const auto& name : weights.names()) (void)weights.get(name);
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("values and tensors come back from a GGUF file") {
  const test::TemporaryFolder folder;
  for (const std::uint32_t version : {2u, 3u}) {
    GgufBuilder builder;
    builder.version = version;
    builder.text("name", "Größe").integer("count", 7).number("ratio", 0.5f).boolean("yes", true);
    builder.texts("words", {"a", "", "ç"}).numbers<float>("scores", {1.5f, -2}).numbers<std::int32_t>("types", {3, 1});
    const auto values = test::some_weights(3 * 64, 1);
    builder.tensor("w", StorageType::f32, {3, 64}, values).tensor("v", StorageType::f16, {5}, std::vector<float>(5, 2));
    const auto file = GgufFile::open(folder.write("a.gguf", builder.bytes()));
    CHECK(file.text("name") == "Größe");
    CHECK(file.integer("count") == 7);
    CHECK(file.number("ratio") == 0.5);
    CHECK(file.number("count") == 7.0);
    CHECK(file.boolean("yes") == true);
    CHECK(file.texts("words") == std::vector<std::string_view>{"a", "", "ç"});
    CHECK(file.numbers("scores") == std::vector<double>{1.5, -2});
    CHECK(file.numbers("types") == std::vector<double>{3, 1});
    CHECK_FALSE(file.text("absent").has_value());
    CHECK_THROWS_AS(file.integer("name"), DataError);
    CHECK_THROWS_AS(file.text("count"), DataError);
    CHECK_THROWS_AS(file.texts("scores"), DataError);
    CHECK_THROWS_AS(file.numbers("words"), DataError);
    REQUIRE(file.tensors().size() == 2);
    const GgufTensor& w = file.tensors().find("w")->second;
    CHECK(w.shape == std::vector<Index>{3, 64});
    std::vector<float> back(values.size());
    dequantise_row(w.type, w.bytes, back);
    CHECK(back == values);
  }
}

TEST_CASE("a GGUF model has Hugging Face's names and order of rows") {
  const test::TemporaryFolder folder;
  for (const auto type : {StorageType::f32, StorageType::q8_0, StorageType::q4_1}) {
    const GgufWeights weights(folder.write("a.gguf", test::small_llama(type).bytes()));
    const ModelConfig& config = weights.config();
    CHECK(config.architecture == Architecture::llama);
    CHECK(config.vocabulary == 32);
    CHECK(config.head_width == 16);
    CHECK(config.norm_epsilon == 1e-5);
    CHECK(config.tied_embeddings);
    CHECK_FALSE(config.qkv_bias);
    CHECK(weights.names().size() == 2 + 2 * 9);

    // Row 2 i + s of a head of the file is row i + 8 s of Hugging Face's, in a head of 16 rows.
    const GgufFile& file = weights.file();
    for (const auto& [mine, theirs, rows] :
         {std::tuple("model.layers.1.self_attn.q_proj.weight", "blk.1.attn_q.weight", 64),
          std::tuple("model.layers.0.self_attn.k_proj.weight", "blk.0.attn_k.weight", 32)}) {
      const StoredTensor tensor = weights.get(mine);
      const auto stored = file.tensors().find(theirs)->second.bytes;
      CHECK(tensor.rows == rows);
      const std::size_t row = stored.size() / static_cast<std::size_t>(rows);
      for (std::size_t head = 0; head < static_cast<std::size_t>(rows) / 16; ++head)
        for (std::size_t i = 0; i < 8; ++i)
          for (std::size_t s = 0; s < 2; ++s)
            CHECK(std::equal(stored.begin() + static_cast<std::ptrdiff_t>((16 * head + 2 * i + s) * row),
                             stored.begin() + static_cast<std::ptrdiff_t>((16 * head + 2 * i + s + 1) * row),
                             tensor.bytes.begin() + static_cast<std::ptrdiff_t>((16 * head + i + 8 * s) * row)));
    }
    const StoredTensor v = weights.get("model.layers.0.self_attn.v_proj.weight");
    CHECK(v.bytes.data() == file.tensors().find("blk.0.attn_v.weight")->second.bytes.data());
    CHECK_THROWS_AS(weights.get("lm_head.weight"), DataError);
  }
}

TEST_CASE("damaged GGUF files are refused with the reason") {
  const test::TemporaryFolder folder;
  const auto refused = [&](const std::string& bytes, const std::string& reason) {
    const std::string message = refusal(folder.write("bad.gguf", bytes));
    INFO(message);
    CHECK(message.find(reason) != std::string::npos);
    CHECK(message.find("Remedy: ") != std::string::npos);
  };
  const auto with = [](const auto& change) {
    GgufBuilder builder = test::small_llama();
    change(builder);
    return builder.bytes();
  };
  refused("", "ends inside the magic number");
  refused("GGML" + std::string(100, '\0'), "no GGUF file");
  refused(with([](auto& b) { b.version = 1; }), "version 1");
  refused(with([](auto& b) { b.version = 0x03000000; }), "big-endian");
  refused(with([](auto& b) { b.value_count = ~0ull; }), "claims");
  refused(with([](auto& b) { b.tensor_count = 1ull << 60; }), "claims");
  refused(with([](auto& b) { b.text("llama.block_count", "2"); }), "appears twice");
  refused(with([](auto& b) { b.text("key", "\xFF"); }), "not UTF-8");
  refused(with([](auto& b) { b.text("a\xC0\x80", ""); }), "not UTF-8");
  refused(with([](auto& b) { b.integer("general.alignment", 0); }), "alignment");
  refused(with([](auto& b) { b.integer("general.alignment", 1 << 30); }), "alignment");
  refused(with([](auto& b) { b.describe("x", StorageType::f32, {4}, 1ull << 40); }), "lies at");
  refused(with([](auto& b) { b.describe("x", StorageType::f32, {4}, 4); }), "alignment");
  refused(with([](auto& b) { b.describe("x", StorageType::f32, {Index{1} << 40}, 0); }), "lies at");
  refused(with([](auto& b) { b.describe("x", StorageType::f32, {Index{1} << 40, Index{1} << 40}, 0); }), "dimension");
  refused(with([](auto& b) { b.describe("x", StorageType::f32, {0}, 0); }), "dimension");
  refused(with([](auto& b) { b.describe("x", StorageType::f32, {1, 1, 1, 1, 1}, 0); }), "5 dimensions");
  refused(with([](auto& b) { b.describe("x", StorageType::q8_0, {33}, 0); }), "whole number");
  refused(with([](auto& b) { b.describe("x", StorageType::f32, {4}, 32); }), "overlaps");
  refused(with([](auto& b) { b.describe("x", StorageType::f32, {4}, 0); }), "overlaps");
  refused(with([](auto& b) { b.describe("output_norm.weight", StorageType::f32, {64}, 0); }), "twice");
  refused(with([](auto& b) { b.describe("model.norm.weight", StorageType::f32, {1}, 0); }), "overlaps");
  refused(with([](auto& b) { b.tensor("model.norm.weight", StorageType::f32, {64}, std::vector<float>(64)); }),
          "two tensors mean");
  refused(with([](auto& b) {
            b.tensor("output.weight", StorageType::f32, {3, 64}, std::vector<float>(3 * 64));
          }),
          "is [3, 64]");
  refused(with([](auto& b) { b.text("llama.attention.key_length", "x"); }), "no whole number");
  refused(with([](auto& b) { b.integer("llama.attention.key_length", 15); }), "odd");
  refused(with([](auto& b) { b.text("llama.rope.scaling.type", "spiral"); }), "spiral");
  refused(GgufBuilder().text("general.architecture", "mamba").bytes(), "mamba");
  refused(GgufBuilder().text("general.architecture", "llama").bytes(), "llama.embedding_length");

  // Lists: more entries than bytes, lists of lists, an unknown type.
  const auto list = [](std::uint32_t element, std::uint64_t count) {
    GgufBuilder builder;
    builder.value_count = 1;
    std::string bytes = builder.header();
    GgufBuilder::put_text(bytes, "list");
    GgufBuilder::put(bytes, std::uint32_t{9});
    GgufBuilder::put(bytes, element);
    GgufBuilder::put(bytes, count);
    return bytes + std::string(64, '\0');
  };
  refused(list(8, ~0ull), "claims");
  refused(list(4, 1ull << 62), "claims");
  refused(list(9, 1), "list of lists");
  refused(list(77, 1), "unknown type 77");
}

TEST_CASE("tensors of Q5_0 and Q5_1 are read, types that are not are named") {
  const test::TemporaryFolder folder;
  const auto open = [&](std::uint32_t type) {
    GgufBuilder builder;
    builder.tensor("w", StorageType::q8_0, {2, 64}, test::some_weights(2 * 64, 1));
    std::string bytes = builder.bytes();
    const auto at = bytes.find(std::string("w\2\0\0\0", 5)) + 5 + 16;  // behind name, dimensions and sizes
    std::memcpy(bytes.data() + at, &type, sizeof type);
    return GgufFile::open(folder.write("t.gguf", bytes));
  };
  CHECK(open(6).tensors().find("w")->second.type == StorageType::q5_0);
  CHECK(open(7).tensors().find("w")->second.type == StorageType::q5_1);
  CHECK(open(7).tensors().find("w")->second.bytes.size() == 4 * 24);
  for (const auto& [type, name] :
       {std::pair(10u, "type Q2_K,"), std::pair(20u, "type IQ4_NL,"), std::pair(99u, "type 99,")}) {
    std::string message;
    try {
      (void)open(type);
    } catch (const DataError& error) {
      message = error.what();
    }
    INFO(message);
    CHECK(message.find(name) != std::string::npos);
    CHECK(message.find("Q5_1") != std::string::npos);  // the remedy
  }
}

TEST_CASE("a GGUF file cut off anywhere in its header is refused") {
  const test::TemporaryFolder folder;
  const GgufBuilder builder = test::small_llama();
  const std::string whole = builder.bytes();
  REQUIRE(refusal(folder.write("whole.gguf", whole)).empty());
  int accepted = 0;
  for (std::size_t length = 0; length < builder.header().size(); ++length)
    accepted += refusal(folder.write("cut.gguf", whole.substr(0, length))).empty();
  CHECK(accepted == 0);
  CHECK_FALSE(refusal(folder.write("cut.gguf", whole.substr(0, whole.size() - 33))).empty());
}

TEST_CASE("GGUF headers with bytes changed at random are refused or harmless") {
  const test::TemporaryFolder folder;
  GgufBuilder builder = test::small_llama();
  builder.texts("tokenizer.ggml.tokens", {"a", "b"});
  const std::string whole = builder.bytes();
  const std::size_t header = builder.header().size();
  std::uint64_t state = 42;
  const auto draw = [&](std::size_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::size_t>(state >> 33) % below;
  };
  int refusals = 0;
  for (int round = 0; round < 1500; ++round) {
    std::string bytes = whole;
    for (std::size_t k = 0; k <= draw(3); ++k) {
      static constexpr unsigned char bold[] = {0, 1, 0x7F, 0x80, 0xFF};
      bytes[draw(header)] = static_cast<char>(draw(2) == 0 ? bold[draw(5)] : draw(256));
    }
    refusals += !refusal(folder.write("mutant.gguf", bytes)).empty();  // any other exception fails the test
  }
  CHECK(refusals > 500);
}
