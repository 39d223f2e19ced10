/// The model without a download, in a smaller size: it learns, is the same again, and lives in files and in memory.
#include "reclm/lm/tiny.hpp"

#include <algorithm>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "reclm/lm/decoder.hpp"
#include "reclm/lm/tokenizer/load_tokenizer.hpp"
#include "reclm/lm/weights/open_weights.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace reclm;
using namespace reclm::lm;

namespace {

const World& small_world() {
  static const World world = make_world({.users = 200, .items = 150, .vectors = false});
  return world;
}

TinyOptions small_options() {
  return {.vocabulary = 500,
          .width = 32,
          .layers = 2,
          .heads = 2,
          .kv_heads = 1,
          .inner_width = 64,
          .segment = 64,
          .tokens = 1};
}

}  // namespace

TEST_CASE("a tiny model learns, to the same bits again, and is read back from its folder", "[long]") {
  const TinyModel tiny = train_tiny(small_world(), small_options());
  CHECK(tiny.report.epoch_loss.front() < 0.8 * std::log(500.0));
  CHECK(tiny.weights.config().vocabulary == tiny.tokenizer.vocabulary());
  const std::string text = "User identity: opera goer, surfer; User interests: jazz\n";
  const auto tokens = tiny.tokenizer.encode(text, false);
  CHECK(tiny.tokenizer.decode(tokens) == text);
  CHECK(tokens.size() < text.size() / 2);

  const ThreadLimit one(1);
  const TinyModel again = train_tiny(small_world(), small_options());
  for (const std::string& name : tiny.weights.names()) {
    const StoredTensor a = tiny.weights.get(name), b = again.weights.get(name);
    CHECK(std::equal(a.bytes.begin(), a.bytes.end(), b.bytes.begin(), b.bytes.end()));
  }

  const test::TemporaryFolder folder;
  save_tiny(folder.path(), tiny);
  const Decoder<> in_memory(tiny.weights), from_file(*open_weights(folder.path()));
  CHECK(in_memory.logits(tokens) == from_file.logits(tokens));
  CHECK(load_tokenizer(folder.path()).encode(text, false) == tokens);

  // The training side computes what the decoder does.
  const TrainableDecoder<> trainable(tiny.weights);
  TrainingSample sample{tokens, std::vector<std::uint8_t>(tokens.size(), 1)};
  const Matrix<float> logits = in_memory.logits(tokens);
  double expected = 0;
  for (std::size_t k = 0; k + 1 < tokens.size(); ++k) {
    double total = 0;
    for (Index v = 0; v < logits.cols(); ++v) total += std::exp(static_cast<double>(logits(static_cast<Index>(k), v)));
    expected += std::log(total) - static_cast<double>(logits(static_cast<Index>(k), tokens[k + 1]));
  }
  CHECK(mean_loss(trainable, std::span<const TrainingSample>(&sample, 1)) ==
        Approx(expected / static_cast<double>(tokens.size() - 1)).epsilon(1e-4));
}

TEST_CASE("a tiny model learns from no profile of its world") {
  std::vector<std::string> texts = tiny_texts(small_world(), 1);
  std::sort(texts.begin(), texts.end());
  Index told = 0;
  for (const std::string& profile : small_world().user_profile_text)
    told += std::binary_search(texts.begin(), texts.end(), profile) ? 1 : 0;
  CHECK(told <= 1);  // by chance
  CHECK_THROWS_AS(train_tiny(std::vector<std::string>{"too short"}, small_options()), ConfigError);
}

TEST_CASE("of a lesson the answer and the marked pieces are learned, nothing else") {
  const TinyModel tiny = train_tiny(small_world(), small_options());
  const TinyLesson lesson{{{"bread and ", false}, {"hiking", true}, {" again", false}}, "baker"};
  const TrainingSample sample = lm::detail::lesson_sample(lesson, tiny.tokenizer);
  std::vector<TokenId> learned;
  for (std::size_t k = 0; k < sample.tokens.size(); ++k)
    if (sample.learn[k] != 0) learned.push_back(sample.tokens[k]);
  std::vector<TokenId> expected = tiny.tokenizer.encode("hiking", false);
  for (const TokenId token : tiny.tokenizer.encode("baker", false)) expected.push_back(token);
  expected.push_back(tiny.tokenizer.eos());
  CHECK(learned == expected);
  const std::string whole = tiny.tokenizer.decode(sample.tokens, false);
  CHECK(whole.find("bread and hiking again") != std::string::npos);
  const Dialogue asked{{"user", "bread and hiking again"}};
  CHECK(whole.starts_with(tiny.tokenizer.chat(asked, true) + "baker"));
  CHECK(lm::detail::lesson_sample({{{"no answer", true}}, {}}, tiny.tokenizer).targets() ==
        static_cast<Index>(tiny.tokenizer.encode("no answer", false).size()));
}

TEST_CASE("of a lesson that is a dialogue the answers are learned") {
  const TinyModel tiny = train_tiny(small_world(), small_options());
  const Dialogue dialogue{{"user", "bread"}, {"assistant", "baker"}, {"user", "hiking?"}, {"assistant", "No"}};
  const TrainingSample sample = lm::detail::lesson_sample({{}, {}, dialogue}, tiny.tokenizer);
  CHECK(tiny.tokenizer.decode(sample.tokens, false).find(tiny.tokenizer.chat(dialogue, false)) == 0);
  std::vector<TokenId> learned;
  for (std::size_t k = 0; k < sample.tokens.size(); ++k)
    if (sample.learn[k] != 0) learned.push_back(sample.tokens[k]);
  const std::string answers = tiny.tokenizer.decode(learned, false);
  CHECK(answers.starts_with("baker"));
  CHECK(answers.find("No") != std::string::npos);
  CHECK(answers.find("bread") == std::string::npos);
  CHECK(answers.find("hiking") == std::string::npos);
}

TEST_CASE("a tiny model learns what its lessons teach and texts do not tell") {
  // Which of two words comes after which of four is said in lessons alone.
  const char* words[] = {"Alpha", "Beta", "Gamma", "Delta"};
  std::vector<TinyLesson> lessons;
  for (int k = 0; k < 1600; ++k) lessons.push_back({{{words[k % 4], false}}, k % 2 == 0 ? "even" : "odd"});
  std::vector<std::string> texts = tiny_texts(small_world(), 1);
  texts.resize(200);
  TinyOptions options = small_options();
  options.batch_tokens = 128;
  const TinyModel taught = train_tiny(std::move(texts), options, lessons);
  const TrainableDecoder<> model(taught.weights);
  const auto loss = [&](std::string told, std::string answer) {
    const TrainingSample sample =
        lm::detail::lesson_sample({{{std::move(told), false}}, std::move(answer)}, taught.tokenizer);
    return mean_loss(model, std::span<const TrainingSample>(&sample, 1));
  };
  for (int k = 0; k < 4; ++k)
    CHECK(loss(words[k], k % 2 == 0 ? "even" : "odd") < loss(words[k], k % 2 == 0 ? "odd" : "even"));
}

namespace {

// The first is learned at once, the second never: its answers are drawn.
std::vector<std::vector<TinyLesson>> two_courses() {
  std::vector<std::vector<TinyLesson>> courses(2);
  for (int k = 0; k < 300; ++k) courses[0].push_back({{{"bread", false}}, "baker"});
  for (int k = 0; k < 40; ++k) courses[1].push_back({{{"hiking", false}}, k % 2 == 0 ? "yes" : "no"});
  return courses;
}

TinyOptions course_options(std::vector<std::string>& phases) {
  TinyOptions options = small_options();
  options.batch_tokens = options.course_tokens = 256;
  options.observer = [&](const Progress& progress) {
    if (progress.step == 1) phases.emplace_back(progress.stage);
    return true;
  };
  return options;
}

}  // namespace

TEST_CASE("a spectral start is worth steps of training", "[long]") {
  TinyOptions options = small_options();
  const double spectral = train_tiny(small_world(), options).report.epoch_loss.front();
  options.spectral_start = false;
  const double random = train_tiny(small_world(), options).report.epoch_loss.front();
  CAPTURE(spectral, random);
  CHECK(spectral < random - 0.05);
}

TEST_CASE("courses come after all else, one after the other, each until it is mastered; then all is read again") {
  std::vector<std::string> phases;
  std::vector<Index> steps;
  const std::vector<std::vector<TinyLesson>> courses = two_courses();
  TinyOptions options = course_options(phases);
  options.observer = [&, note = options.observer](const Progress& progress) {
    if (progress.step == 1) steps.push_back(progress.total);
    return note(progress);
  };
  const TinyModel tiny = train_tiny(tiny_texts(small_world(), 1), options, {}, courses);
  const std::string name = "train the tiny model";
  // What is answered by chance is never mastered.
  CHECK(phases == std::vector<std::string>{name, name + ", course 1", name + ", course 2", name + ", course 2",
                                           name + ", course 2", name + ", all once more"});
  CHECK(tiny.report.epoch_loss.size() == phases.size());
  CHECK(tiny.report.steps == std::accumulate(steps.begin(), steps.end(), Index{0}));
  CHECK(steps[2] > steps[1]);  // the second course goes with the first, all with the second
  CHECK(steps[5] > steps[0]);
  const auto again = train_tiny(tiny_texts(small_world(), 1), options, {}, courses);
  CHECK(again.report.last_loss == tiny.report.last_loss);

  // The last course is not forgotten.
  const TrainableDecoder<> model(tiny.weights);
  const auto loss = [&](std::string told, std::string answer) {
    const TrainingSample sample =
        lm::detail::lesson_sample({{{std::move(told), false}}, std::move(answer)}, tiny.tokenizer);
    return mean_loss(model, std::span<const TrainingSample>(&sample, 1));
  };
  CHECK(loss("hiking", "yes") < loss("hiking", "baker"));
}

TEST_CASE("courses that are never passed over, or hold nothing, and empty sequences are refused") {
  TinyOptions options = small_options();
  options.segment = 0;
  CHECK_THROWS_AS(train_tiny(tiny_texts(small_world(), 1), options), ConfigError);
  options = small_options();
  CHECK_THROWS_AS(train_tiny(tiny_texts(small_world(), 1), options, {}, std::vector<std::vector<TinyLesson>>(1)),
                  ConfigError);
  options.course_passes = 0;
  CHECK_THROWS_AS(train_tiny(tiny_texts(small_world(), 1), options, {}, two_courses()), ConfigError);
}

TEST_CASE("a tiny model stopped in any phase goes on to the same bits", "[long]") {
  const test::TemporaryFolder folder;
  std::vector<std::string> phases;
  const std::vector<std::vector<TinyLesson>> courses = two_courses();
  TinyOptions options = course_options(phases);
  const TinyModel whole = train_tiny(tiny_texts(small_world(), 1), options, {}, courses);
  options.checkpoint = folder.path() / "tiny.checkpoint";
  for (const std::string where : {"course 1", "course 2", "all once more"}) {
    options.observer = [&](const Progress& progress) { return !progress.stage.ends_with(where) || progress.step < 2; };
    CHECK(train_tiny(tiny_texts(small_world(), 1), options, {}, courses).report.interrupted);
  }
  options.observer = {};
  const TinyModel resumed = train_tiny(tiny_texts(small_world(), 1), options, {}, courses);
  CHECK(!resumed.report.interrupted);
  CHECK(resumed.report.epoch_loss == whole.report.epoch_loss);
  for (const std::string& tensor : whole.weights.names())
    CHECK(std::ranges::equal(resumed.weights.get(tensor).bytes, whole.weights.get(tensor).bytes));
}
