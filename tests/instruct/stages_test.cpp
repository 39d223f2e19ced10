/// The stages of tuning on the embedded world, with a model of whole words: each learns.
#include <numeric>

#include "instruct/workshop.hpp"
#include "reclm/instruct/measures.hpp"
#include "reclm/instruct/reward/train_scorer.hpp"
#include "reclm/lm/training/finetune.hpp"
#include "support/catch.hpp"

using namespace reclm;
using namespace reclm::instruct;
using namespace reclm_test;

TEST_CASE("supervised tuning and the reward model learn, one after the other") {
  Workshop shop(32);
  const auto train = training_samples(shop.model.codec, shop.samples),
             held_out = training_samples(shop.model.codec, shop.held_out_samples);

  lm::TrainableDecoder<> base(*shop.model.weights);
  const double untuned = lm::mean_loss(base, std::span<const lm::TrainingSample>(held_out));
  lm::finetune(base, std::span<const lm::TrainingSample>(train),
               {.epochs = 4, .batch_tokens = 400, .learning_rate = 6e-3});
  CHECK(lm::mean_loss(base, std::span<const lm::TrainingSample>(held_out)) < 0.5 * untuned);
  shop.model = with_weights(shop.model, base.merged());

  SequenceScorer<> scorer(shop.model, kUpdates);
  CHECK(pair_accuracy(scorer, shop.held_out_pairs).all < 0.1);  // the head is zero: nothing is preferred
  const auto trained = train_scorer(scorer, std::span<const PreferencePair>(shop.pairs), shop.held_out_pairs,
                                    {.epochs = 4, .learning_rate = 5e-3});
  CHECK(trained.losses.front() == Approx(std::log(2.0)).epsilon(1e-3));
  CHECK(std::accumulate(trained.losses.end() - 5, trained.losses.end(), 0.0) / 5 < 0.55);
  CHECK(trained.held_out.count == static_cast<Index>(shop.held_out_pairs.size()));
  double malformed = 0, right = 0;  // what is no profile at all, or half of one
  for (std::size_t k = 1; k < kRejections; ++k)
    if (trained.held_out.pairs[k] > 0) {
      malformed += static_cast<double>(trained.held_out.pairs[k]);
      right += static_cast<double>(trained.held_out.pairs[k]) * trained.held_out.by_kind[k];
    }
  CHECK(right > 0.6 * malformed);
}

TEST_CASE("answers to Yes and No questions are learned and measured") {
  Workshop shop(32);
  REQUIRE(shop.questions.size() >= 24);
  shop.questions.resize(24);
  for (ChatSample& sample : shop.questions)  // the question alone, so that the test is short
    sample.messages.erase(sample.messages.begin(), sample.messages.end() - 2);
  const auto samples = training_samples(shop.model.codec, shop.questions);
  lm::TrainableDecoder<> model(*shop.model.weights);
  CHECK(ask_questions(model, shop.model.codec, shop.questions).questions == 24);
  lm::finetune(model, std::span<const lm::TrainingSample>(samples),
               {.epochs = 60, .batch_tokens = 250, .learning_rate = 5e-3});
  const QuestionReport after = ask_questions(model, shop.model.codec, shop.questions);
  CHECK(after.auc > 0.7);
  CHECK(after.accuracy > 0.6);
}
