#pragma once
/// @file tiny.hpp
/// A language model without any download: a decoder of about a million parameters and its tokenizer, learned from
/// nothing on the texts of the embedded world. It knows the world's words and the form of profiles; tuned on (history,
/// profile) pairs it writes profiles.
///
///     const TinyModel tiny = train_tiny(make_world({.vectors = false}));
///     Decoder<> decoder(tiny.weights);                     // or a TrainableDecoder, to tune it further
///     save_tiny("folder", tiny);                           // a Hugging Face folder

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/data/world.hpp"
#include "reclm/lm/memory_weights.hpp"
#include "reclm/lm/spectral_start.hpp"
#include "reclm/lm/tokenizer/save_tokenizer.hpp"
#include "reclm/lm/tokenizer/train_bpe.hpp"
#include "reclm/lm/training/finetune.hpp"
#include "reclm/lm/training/samples.hpp"
#include "reclm/lm/weights/save_model.hpp"

namespace reclm::lm {

struct TinyOptions {
  Index vocabulary = 1536;  ///< tokens, 259 or more
  Index width = 128, layers = 4, heads = 4, kv_heads = 2, inner_width = 320;
  Index context = 1024;
  Index segment = 256;     ///< tokens of a training sequence, 1 or more
  Index tokens = 500'000;  ///< of texts to train on; whole passes over them, at least one. Lessons are passed once
  Index batch_tokens = 1024;
  double learning_rate = 4e-3;
  bool spectral_start = true;  ///< token vectors start as set_spectral_start makes them of the texts; else at random
  // Of courses, where there are any (see train_tiny):
  Index course_tokens = 1024;     ///< of a batch: answers of one token are few in it
  double course_mastered = 0.35;  ///< loss of answers' first tokens at which one is done; Yes or No by chance: 0.69
  int course_passes = 3;          ///< over a course at most, while it is not mastered; 1 or more
  std::uint64_t seed = 1;
  std::filesystem::path checkpoint{};  ///< from which a training that was stopped or killed goes on; empty: none
  Observer observer{};                 ///< told as in `finetune`; returning false stops
};

/// A question with its answer, of which only some is learned: what a larger model knows how to do from its reading.
struct TinyLesson {
  std::vector<std::pair<std::string, bool>> told;  ///< the user's message in pieces, and whether a piece is learned
  std::string answer{};                            ///< the assistant's, learned; empty: the lesson ends before it
  Dialogue dialogue{};  ///< instead of both: messages of which all the assistant's are learned
};

struct TinyModel {
  Tokenizer tokenizer;
  MemoryWeights weights;
  FinetuneReport report;
};

/// What a tiny model learns from: each item's title and abstract; lists of what users chose, as histories are written;
/// and lines in the form of profiles, their interests drawn at random, so that no user's or item's own profile is told.
inline std::vector<std::string> tiny_texts(const World& world, std::uint64_t seed) {
  const auto& title = world.dataset.item_text.at(0).values;
  const auto& abstract = world.dataset.item_text.at(1).values;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < title.size(); ++i) texts.push_back(title[i] + "\n" + abstract[i]);
  constexpr std::size_t longest = 8;
  for (Id user = 0; user < world.dataset.train.users(); ++user) {
    const auto items = world.dataset.train.of(user);
    std::string text;
    for (std::size_t k = 0; k < std::min(items.size(), longest); ++k)
      text += "- " + title[static_cast<std::size_t>(items[k])] + "\n";
    if (user % 4 == 0 && !text.empty()) texts.push_back(std::move(text));
  }
  RandomSequence draws(Random(seed, Stream::world, 0x71717));
  const auto interests = static_cast<std::uint32_t>(world.interest_names.size());
  for (Id k = 0; k < 2000; ++k) {
    std::string who = "User identity: ", what = "; User interests: ";
    for (int n = 0; n < 3; ++n) {
      const std::size_t interest = draws.below(interests);
      const std::size_t last = n < 2 ? interest : draws.below(interests);
      who += (n == 0 ? "" : ", ") + world.interest_identities[last];
      what += (n == 0 ? "" : ", ") + world.interest_names[interest];
    }
    texts.push_back(who + what);
  }
  return texts;
}

namespace detail {

template <class V>
void shuffle(std::span<V> values, RandomSequence& draws) {
  for (std::size_t k = values.size(); k > 1; --k)
    std::swap(values[k - 1], values[draws.below(static_cast<std::uint32_t>(k))]);
}

/// Texts one behind the other in a new order, cut into sequences of one length; the last, shorter one is left out.
inline std::vector<TrainingSample> text_samples(std::vector<std::string> texts, const Tokenizer& tokenizer,
                                                const TinyOptions& options) {
  RandomSequence draws(Random(options.seed, Stream::shuffle, 0x717));
  shuffle(std::span(texts), draws);
  std::vector<TrainingSample> samples;
  TrainingSample sample;
  for (const std::string& text : texts) {
    std::vector<TokenId> tokens = tokenizer.encode(text, false);
    tokens.push_back(tokenizer.eos());
    for (const TokenId token : tokens) {
      sample.tokens.push_back(token);
      if (static_cast<Index>(sample.tokens.size()) < options.segment) continue;
      sample.learn.assign(sample.tokens.size(), 1);
      samples.push_back(std::exchange(sample, {}));
    }
  }
  return samples;
}

inline std::string told_text(const TinyLesson& lesson) {
  std::string text;
  for (const auto& [piece, learned] : lesson.told) text += piece;
  for (const Message& message : lesson.dialogue) text += message.content + "\n";
  return text;
}

inline TrainingSample lesson_sample(const TinyLesson& lesson, const Tokenizer& tokenizer) {
  if (!lesson.dialogue.empty())
    return chat_sample({[&](std::string_view text) { return tokenizer.encode(text, false); },
                        [&](std::span<const Message> messages, bool open) { return tokenizer.chat(messages, open); }},
                       lesson.dialogue);
  const std::string told = told_text(lesson);
  const Dialogue asked{{"user", told}};
  const std::string whole = tokenizer.chat(asked, true);
  const std::size_t at = whole.find(told);
  if (at == std::string::npos) throw ConfigError("TinyLesson: the chat format changes what is told");
  TrainingSample sample;
  append(sample, tokenizer.encode(std::string_view(whole).substr(0, at), false), false);
  for (const auto& [piece, learned] : lesson.told) append(sample, tokenizer.encode(piece, false), learned);
  if (lesson.answer.empty()) return sample;
  append(sample, tokenizer.encode(std::string_view(whole).substr(at + told.size()), false), false);
  append(sample, tokenizer.encode(lesson.answer, false), true);
  sample.tokens.push_back(tokenizer.eos());
  sample.learn.push_back(1);
  return sample;
}

/// Weights to start from: with spectral vectors, which say much from the start, the others are larger than usual, too;
/// in the few steps that a tiny model is trained more is learned so.
inline MemoryWeights start_weights(const ModelConfig& config, const std::vector<std::string>& texts,
                                   const Tokenizer& tokenizer, const TinyOptions& options) {
  constexpr double spread = 0.08, of_tokens = 0.15;
  if (!options.spectral_start) return random_weights(config, options.seed);
  MemoryWeights weights = random_weights(config, options.seed, spread);
  const std::string name = "model.embed_tokens.weight";
  Matrix<float> vectors(config.vocabulary, config.width);
  std::memcpy(vectors.data(), weights.get(name).bytes.data(), weights.get(name).bytes.size());
  set_spectral_start(vectors, texts, tokenizer, of_tokens);
  weights.put(name, std::move(vectors));
  return weights;
}

/// The checkpoint of a phase of training, from 0.
inline std::filesystem::path checkpoint_of(std::filesystem::path checkpoint, int phase) {
  if (phase > 0) checkpoint += "." + std::to_string(phase);
  return checkpoint;
}

/// Trains phase by phase, each with a rate that rises and falls anew and a checkpoint of its own, so that a training
/// that was killed goes through the finished ones at once.
class TinyTraining {
 public:
  TinyTraining(TrainableDecoder<>& model, const TinyOptions& options) : model_(model), options_(options) {}

  void learn(std::span<const TrainingSample> samples, const std::string& phase, int epochs, Index batch_tokens) {
    if (report_.interrupted) return;
    FinetuneOptions options{.epochs = epochs,
                            .batch_tokens = batch_tokens,
                            .learning_rate = options_.learning_rate,
                            .warmup = 0.05,
                            .final_rate = 0.05,
                            .beta2 = 0.98,
                            .decay = 0.01,
                            .seed = options_.seed + static_cast<std::uint64_t>(phases_),
                            .stage = "train the tiny model" + (phase.empty() ? "" : ", " + phase),
                            .checkpoint = {},
                            .checkpoint_every = 100,
                            .resume = true,
                            .observer = options_.observer};
    if (!options_.checkpoint.empty()) options.checkpoint = checkpoint_of(options_.checkpoint, phases_);
    ++phases_;
    FinetuneReport now = finetune(model_, samples, options);
    now.epoch_loss.insert(now.epoch_loss.begin(), report_.epoch_loss.begin(), report_.epoch_loss.end());
    now.steps += report_.steps;
    now.tokens += report_.tokens;
    now.seconds += report_.seconds;
    report_ = std::move(now);
  }

  /// Passes over the course until its loss is that of one who masters it, mixed with `known`, which it builds on.
  void master(std::vector<TrainingSample> course, std::span<const TrainingSample> known, std::size_t number) {
    const std::vector<TrainingSample> judged =
        first_words(std::span(course).first(std::min<std::size_t>(512, course.size())));
    course.insert(course.end(), known.begin(), known.end());
    for (int pass = 0; pass < options_.course_passes && !report_.interrupted; ++pass) {
      learn(course, "course " + std::to_string(number), 1, options_.course_tokens);
      if (mean_loss(model_, std::span<const TrainingSample>(judged)) < options_.course_mastered) return;
    }
  }

  [[nodiscard]] FinetuneReport report() && { return std::move(report_); }

 private:
  // The same with only the first token of each answer to learn.
  static std::vector<TrainingSample> first_words(std::span<const TrainingSample> samples) {
    std::vector<TrainingSample> all(samples.begin(), samples.end());
    for (TrainingSample& sample : all)
      for (std::size_t k = sample.learn.size(); k-- > 1;)
        if (sample.learn[k - 1] != 0) sample.learn[k] = 0;
    return all;
  }

  TrainableDecoder<>& model_;
  const TinyOptions& options_;
  int phases_ = 0;
  FinetuneReport report_;
};

}  // namespace detail

/// Learns a tokenizer and a decoder from texts, and from lessons if there are any.
/// @param lessons  learned once, mixed with the texts
/// @param courses  lessons that build on each other, for a model that has read all else: learned one course after the
///                 other, mixed with the one before, until it is mastered. Then all else is read once more, as it would
///                 be forgotten, with the last course among it
/// @throws ConfigError when there are too few texts for one training sequence, or options are out of range
/// Cost: 6 MFLOP a token and million parameters; at the defaults under a minute on two cores
inline TinyModel train_tiny(std::vector<std::string> texts, const TinyOptions& options = {},
                            std::span<const TinyLesson> lessons = {},
                            std::span<const std::vector<TinyLesson>> courses = {}) {
  if (options.course_passes < 1) throw ConfigError("TinyOptions: course_passes must be 1 or more");
  if (options.segment < 1) throw ConfigError("TinyOptions: segment must be 1 or more");
  constexpr std::size_t spelled = 4000;  // lessons that the tokenizer learns its words from
  std::string corpus;
  for (const std::string& text : texts) corpus += text + "\n";
  for (const TinyLesson& lesson : lessons.first(std::min(spelled, lessons.size())))
    corpus += detail::told_text(lesson) + "\n" + lesson.answer + "\n";
  Tokenizer tokenizer = train_bpe(corpus, options.vocabulary);
  ModelConfig config;
  config.vocabulary = tokenizer.vocabulary();
  config.width = options.width;
  config.layers = options.layers;
  config.heads = options.heads;
  config.kv_heads = options.kv_heads;
  config.head_width = options.width / std::max<Index>(1, options.heads);
  config.inner_width = options.inner_width;
  config.context = options.context;
  config.tied_embeddings = true;
  config.eos = tokenizer.eos();
  config.pad = tokenizer.pad();
  config.stops = tokenizer.stops();
  TrainableDecoder<> model(detail::start_weights(config, texts, tokenizer, options));
  const auto written = [&](std::span<const TinyLesson> some) {
    std::vector<TrainingSample> all;
    for (const TinyLesson& lesson : some) all.push_back(detail::lesson_sample(lesson, tokenizer));
    return all;
  };
  std::vector<TrainingSample> samples = detail::text_samples(std::move(texts), tokenizer, options);
  if (samples.empty())
    throw ConfigError("train_tiny: the texts do not fill a sequence of " + std::to_string(options.segment) +
                      " tokens. Remedy: give more text, or a smaller segment");
  const auto pass = static_cast<Index>(samples.size());
  const Index passes = std::max<Index>(1, (options.tokens / options.segment + pass / 2) / pass);
  int epochs = static_cast<int>(passes);
  if (!lessons.empty()) {
    samples.reserve(static_cast<std::size_t>(pass * passes) + lessons.size());
    for (Index k = pass; k < pass * passes; ++k) samples.push_back(samples[static_cast<std::size_t>(k - pass)]);
    for (TrainingSample& sample : written(lessons)) samples.push_back(std::move(sample));
    epochs = 1;
  }
  detail::TinyTraining training(model, options);
  training.learn(samples, "", epochs, options.batch_tokens);
  std::vector<TrainingSample> known;
  for (std::size_t k = 0; k < courses.size(); ++k) {
    std::vector<TrainingSample> course = written(courses[k]);
    training.master(course, known, k + 1);
    known = std::move(course);
  }
  samples.insert(samples.end(), std::move_iterator(known.begin()), std::move_iterator(known.end()));
  if (!courses.empty()) training.learn(samples, "all once more", epochs, options.batch_tokens);
  return {std::move(tokenizer), model.merged(), std::move(training).report()};
}
inline TinyModel train_tiny(const World& world, const TinyOptions& options = {}) {
  return train_tiny(tiny_texts(world, options.seed), options);
}

/// Writes the model as a Hugging Face folder that `open_weights`, `load_tokenizer` and `transformers` read.
/// @throws IoError
inline void save_tiny(const std::filesystem::path& folder, const TinyModel& tiny) {
  std::vector<std::pair<std::string, StoredTensor>> tensors;
  for (const std::string& name : tiny.weights.names()) tensors.emplace_back(name, tiny.weights.get(name));
  save_model(folder, tiny.weights.config(), tensors);
  save_tokenizer(folder, tiny.tokenizer);
}

}  // namespace reclm::lm
