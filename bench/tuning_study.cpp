// What each stage of RecLM's tuning adds, on the embedded world with the tiny language model that is trained from
// nothing: true interests that profiles name, what a recommender makes of the profiles, and whether a reward trained on
// another world guides as well as one's own.
//   tuning_study OUT [seeds=5] [users=2000] [items=2600] [first_seed=1] [NAME=VALUE …]
//
// Settings are those of reclm/instruct/tiny_recipe.hpp but for what NAME=VALUE says (see tuning_command.hpp). All seeds
// begin with one model, OUT/tiny, which is trained first where it is not there (see tuning_reader.hpp).
// A seed makes its own worlds (leisure, and knowledge: other topics) and tuning. All figures are of users from
// whom nothing was learned, means over several profiles drawn of each. Truth is used to measure, not to tune (the
// recipe was made on seeds 1 and 2: study others). Finished seeds are kept in OUT and not run again; an unfinished one
// goes on from its stages' checkpoints.
#include <cstdio>
#include <exception>
#include <numeric>

#include "reclm/data/world.hpp"
#include "reclm/instruct/open_language_model.hpp"
#include "reclm/instruct/pipeline.hpp"
#include "reclm/instruct/profile_vectors.hpp"
#include "reclm/instruct/tiny_recipe.hpp"
#include "tuning_baselines.hpp"
#include "tuning_command.hpp"
#include "tuning_place.hpp"
#include "tuning_ranking.hpp"
#include "tuning_reader.hpp"
#include "tuning_tables.hpp"

using namespace reclm;
using namespace reclm::instruct;
using tuning_study::Arm;
using tuning_study::Seed;
using namespace tuning_study::arm_names;
using tuning_study::Adjustments;
using tuning_study::evaluation_users;
using tuning_study::frequent_profile;
using tuning_study::judged_pairs;
using tuning_study::Place;
using tuning_study::pretrained;
using tuning_study::voted_profiles;

namespace {

constexpr std::uint64_t kDraws = 32;  // profiles drawn of each user and model: single ones rank unlike each other

class OneSeed {
 public:
  OneSeed(std::filesystem::path folder, LanguageModel model, WorldOptions options, Adjustments adjustments)
      : folder_(std::move(folder)),
        seed_(options.seed),
        adjustments_(std::move(adjustments)),
        here_(options),
        there_(other(options)),
        model_(std::move(model)) {
    std::filesystem::create_directories(folder_);
  }

  Seed run() {
    const LanguageModel untuned = model_;
    report_ = tuned(here_, "here", {"sft", "collaborative", "reward", "ppo"}, {});
    const bool full = recipe().full_sft;
    if (full) model_ = with_tuned_weights(model_, lm::open_weights(folder_ / "here" / "sft"));
    describe(report_);
    // As many steps as the stage collaborative, on A1's dialogues alone.
    TuningOptions longer = recipe();
    if (!full) longer.start = folder_ / "here" / "sft";
    longer.full_sft = false;
    longer.sft = longer.collaborative;
    tuned(here_, "longer", {"sft"}, longer);
    // A reward model from the other world, which then guides PPO here.
    const TuningReport there = tuned(there_, "there", {"reward"}, {});
    TuningOptions guided = recipe();
    guided.full_sft = false;
    guided.start = folder_ / "here" / "collaborative";
    guided.given_reward = folder_ / "there" / "reward";
    tuned(here_, "guided", {"ppo"}, guided);
    transfer(there);
    measure(untuned, full);
    return std::move(result_);
  }

 private:
  static WorldOptions other(WorldOptions options) {
    options.vocabulary = 1 - options.vocabulary;
    options.seed += 1000;
    return options;
  }

  [[nodiscard]] TuningOptions recipe() const { return tuning_study::adjusted_recipe(seed_, adjustments_); }
  TuningReport tuned(const Place& place, const char* name, std::vector<std::string> stages,
                     std::optional<TuningOptions> how) const {
    TuningOptions options = how ? std::move(*how) : recipe();
    options.folder = folder_ / name;
    options.stages = std::move(stages);
    return tune(model_, place.data, options);
  }

  void describe(const TuningReport& report) {
    auto& figures = result_.figures;
    for (const auto& [stage, loss] : report.loss_after) {
      figures["loss, held out: " + stage + ", before"] = report.loss_before.at(stage);
      figures["loss, held out: " + stage] = loss;
    }
    figures["Yes or No: AUC, before"] = report.questions_before.auc;
    figures["Yes or No: AUC"] = report.questions_after.auc;
    figures["Yes or No: accuracy, before"] = report.questions_before.accuracy;
    figures["Yes or No: accuracy"] = report.questions_after.accuracy;
    accuracies("reward", report.reward->held_out);
    accuracies("reward, its scorer alone", report.scorer_alone);
    const auto& course = report.ppo->history;
    const std::size_t some = std::min<std::size_t>(5, course.size());
    figures["PPO: reward, first steps"] = report.ppo->mean(&RlStats::reward, 0, some);
    figures["PPO: reward, last steps"] = report.ppo->mean(&RlStats::reward, course.size() - some, some);
    figures["PPO: KL, last steps"] = report.ppo->mean(&RlStats::kl, course.size() - some, some);
    figures["PPO: entropy, first steps"] = report.ppo->mean(&RlStats::entropy, 0, some);
    figures["PPO: entropy, last steps"] = report.ppo->mean(&RlStats::entropy, course.size() - some, some);
    for (std::size_t k = 0; report.weights && k < kRewardTerms; ++k)
      figures["weight: " + std::string(name_of(static_cast<RewardTerm>(k)))] = report.weights->weights[k];
  }

  void accuracies(const std::string& what, const PairAccuracy& held_out) {
    tuning_study::add_accuracies(result_, what, held_out);
  }

  // Each world's reward model on the other's held-out pairs.
  void transfer(const TuningReport& there) {
    accuracies("reward of the other world, at home", there.reward->held_out);
    accuracies("reward, transferred to the other world",
               judged_pairs(model_, there_, recipe(), folder_ / "here" / "reward"));
    accuracies("reward of the other world, transferred here",
               judged_pairs(model_, here_, recipe(), folder_ / "there" / "reward"));
  }

  // The reward that was trained in `trained`, with what is known of the users of `place`.
  template <class Use>
  void with_reward(const char* trained, const Place& place, const Use& use) const {
    SavedReward<> reward(model_, place.data, recipe(), folder_ / trained / "reward");
    use(*reward);
  }

  void measure(const LanguageModel& untuned, bool full) {
    users_ = evaluation_users(here_, seed_);
    taught_ = here_.data.user_profiles;
    for (const Id user : users_) {
      truth_.push_back(here_.truth(user));
      taught_[static_cast<std::size_t>(user)].clear();
    }
    const std::pair<const char*, const char*> models[] = {
        {kUntuned, ""},          {kSft, full ? "" : "here/sft"},
        {kLonger, "longer/sft"}, {kCollaborative, "here/collaborative"},
        {kPpo, "here/ppo"},      {kTransferred, "guided/ppo"}};
    std::map<std::string, Draws> texts, greedy;
    for (const auto& [name, adapter] : models) {
      const LanguageModel& model = name == std::string_view(kUntuned) ? untuned : model_;
      for (std::uint64_t draw = 0; draw < kDraws; ++draw)
        texts[name].push_back(written(model, adapter, {.temperature = 0.9f, .top_p = 0.9f}, draw));
      greedy[name].push_back(written(model, adapter, {.temperature = 0}, 0));
      result_.arms[name].greedy = accuracy(greedy[name].front());
    }
    if (recipe().dialogues.alike > 0)
      for (std::uint64_t draw = 0; draw < kDraws; ++draw)
        texts[kInformed].push_back(
            written(model_, "here/collaborative", {.temperature = 0.9f, .top_p = 0.9f}, draw, true));
    const auto& drawn = texts[kCollaborative];
    const Draws eight(drawn.begin(), drawn.begin() + 8);
    texts[kChosen] = {chosen(eight, "here")};
    texts[kChosenTransferred] = {chosen(eight, "there")};
    for (const auto& [name, of] : {std::pair{kSftAgreed, kSft}, {kAgreed, kCollaborative}, {kPpoAgreed, kPpo}})
      texts[name] = tuning_study::agreed_by_eights(texts[of]);
    texts[kTeacher] = texts[kFrequent] = {{}};
    if (recipe().dialogues.alike > 0)
      texts[kVoted] = {voted_profiles(
          Dialogues(*here_.data.data, recipe().dialogues, {here_.data.neighbours.view(), taught_}), users_)};
    const std::string frequent = frequent_profile(here_.world.user_profile_text);
    for (const Id user : users_) {
      texts[kTeacher][0].push_back(here_.world.user_profile_text[static_cast<std::size_t>(user)]);
      texts[kFrequent][0].push_back(frequent);
    }
    texts[kShuffled] = texts[kPpo];
    for (auto& profiles : texts[kShuffled]) std::rotate(profiles.begin(), profiles.begin() + 1, profiles.end());
    for (const auto& [name, draws] : texts) {
      Arm& arm = result_.arms[name];
      for (const auto& profiles : draws) {
        add_share(arm.accuracy, accuracy(profiles), draws.size());
        const ProfileReport all = compare_profiles(profiles, truth_);
        const auto share = 1 / static_cast<double>(draws.size());
        arm.figures["valid"] += share * all.valid;
        arm.figures["precision"] += share * all.precision;
        arm.figures["mentioned"] += share * tuning_study::mentioned(profiles, truth_);
        arm.figures["distinct"] += share * all.distinct_interests;
      }
      for (std::size_t k = 0; k < std::min<std::size_t>(3, users_.size()); ++k)
        result_.samples[name].push_back(without_cut_mark(draws[0][k]));
    }
    for (std::size_t k = 0; k < 3; ++k) {
      std::string names;
      for (const std::string& interest : truth_[k]) names += (names.empty() ? "" : ", ") + interest;
      result_.samples["truth"].push_back(names);
    }
    recommend(texts, greedy);
  }

  using Draws = std::vector<std::vector<std::string>>;  // of each draw, a profile of each evaluation user

  static void add_share(std::vector<float>& total, const std::vector<float>& values, std::size_t draws) {
    total.resize(values.size());
    for (std::size_t k = 0; k < values.size(); ++k) total[k] += values[k] / static_cast<float>(draws);
  }

  // Of each user's profiles the one that a reward model prefers: what the reward knows, whatever a policy makes of it.
  [[nodiscard]] std::vector<std::string> chosen(const Draws& draws, const char* trained) const {
    const Dialogues dialogues(*here_.data.data, recipe().dialogues);
    const auto prompts = dialogues.user_prompts(users_).samples;
    std::vector<std::string> best;
    with_reward(trained, here_, [&](ProfileReward<>& reward) {
      for (std::size_t k = 0; k < users_.size(); ++k) {
        std::vector<ProfileAnswer> answers;
        for (const auto& profiles : draws) answers.push_back({users_[k], &prompts[k].messages, profiles[k]});
        double top = 0;
        std::size_t which = 0;
        const auto values = reward.evidence(answers);
        for (std::size_t d = 0; d < values.size(); ++d)
          if (const double score = reward.model_score(values[d]); d == 0 || score > top) {
            top = score;
            which = d;
          }
        best.push_back(draws[which][k]);
      }
    });
    return best;
  }

  // Profiles of the evaluation users by the model with an adapter's updates.
  [[nodiscard]] std::vector<std::string> written(const LanguageModel& model, const std::string& adapter,
                                                 const lm::SamplingOptions& sampling, std::uint64_t draw,
                                                 bool informed = false) const {
    const TuningOptions options = recipe();
    const Dialogues dialogues(*here_.data.data, options.dialogues,
                              informed ? Company{here_.data.neighbours.view(), taught_} : Company{});
    std::vector<lm::Dialogue> asked;
    for (PromptSample& prompt : dialogues.user_prompts(users_).samples) asked.push_back(std::move(prompt.messages));
    lm::Decoder<> decoder(*model.weights);
    if (!adapter.empty()) decoder.attach(lm::read_peft(folder_ / adapter).adapter);
    AnswerOptions how = options.answers;
    how.batch = 64;
    how.sampling = sampling;
    how.sampling.distinct_entries = options.answers.sampling.distinct_entries;
    how.seed += 1000 * draw;
    return answers(model, decoder, std::span<const lm::Dialogue>(asked), how);
  }

  [[nodiscard]] std::vector<float> accuracy(const std::vector<std::string>& texts) const {
    std::vector<float> result;
    for (std::size_t k = 0; k < texts.size(); ++k)
      result.push_back(static_cast<float>(
          compare_profiles(std::span(texts).subspan(k, 1), std::span(truth_).subspan(k, 1)).accuracy));
    return result;
  }

  // Whom each item is for, in the words of the model after SFT: the same for all arms, so that they differ in users'
  // profiles alone.
  [[nodiscard]] std::vector<std::string> item_profiles() const {
    const Dialogues dialogues(*here_.data.data, recipe().dialogues);
    std::vector<Id> all(static_cast<std::size_t>(here_.data.data->train.items()));
    std::iota(all.begin(), all.end(), Id{0});
    std::vector<lm::Dialogue> asked;
    for (PromptSample& prompt : dialogues.item_prompts(all, {}, here_.data.item_profiles).samples)
      asked.push_back(std::move(prompt.messages));
    lm::Decoder<> decoder(*model_.weights);
    if (!recipe().full_sft) decoder.attach(lm::read_peft(folder_ / "here" / "sft").adapter);
    AnswerOptions how = recipe().answers;
    how.batch = 64;
    how.sampling.temperature = 0;
    return answers(model_, decoder, std::span<const lm::Dialogue>(asked), how);
  }

  void recommend(const std::map<std::string, Draws>& texts, const std::map<std::string, Draws>& greedy) {
    const Dataset& data = *here_.data.data;
    const ItemTexts item_texts(data);
    std::vector<std::string> raw, items, profiles;
    const std::vector<std::string> about = item_profiles();
    for (Id i = 0; i < static_cast<Id>(data.train.items()); ++i) {
      raw.push_back(item_texts.text(i));
      items.push_back(raw.back() + " " + about[static_cast<std::size_t>(i)]);
    }
    for (const auto* all : {&texts, &greedy})
      for (const auto& [name, draws] : *all)
        for (const auto& written : draws)
          for (const std::string& profile : written) profiles.push_back(without_cut_mark(profile));
    const Profiles vectors = encode_profiles(items, profiles);
    const tuning_study::UnseenItems unseen(data, users_, raw, vectors.items);
    Index first = 0;
    for (const auto* all : {&texts, &greedy})
      for (const auto& [name, draws] : *all)
        for (std::size_t draw = 0; draw < draws.size(); ++draw) {
          Arm& arm = result_.arms[name];
          add_share(all == &texts ? arm.recall : arm.greedy_recall, unseen.by_profiles(vectors.users, first),
                    draws.size());
          if (all == &texts) add_share(arm.beside, unseen.beside_history(vectors.users, first), draws.size());
          first += static_cast<Index>(users_.size());
        }
    result_.arms[kHistory].recall = result_.arms[kHistory].beside = unseen.by_history();
    result_.arms[kDescribed].recall = unseen.by_described_history();
    result_.arms[kRandom].recall = unseen.by_chance(seed_);
  }

  std::filesystem::path folder_;
  std::uint64_t seed_;
  Adjustments adjustments_;
  Place here_, there_;
  LanguageModel model_;
  TuningReport report_;
  std::vector<Id> users_;
  std::vector<std::string> taught_;  // profiles, "" of the users that are measured
  std::vector<std::vector<std::string>> truth_;
  Seed result_;
};

int run(int argc, char** argv) {
  const auto command = tuning_study::read_command("tuning_study", argc, argv);
  if (!command) return 2;
  std::optional<LanguageModel> model;
  tuning_study::print_all(tuning_study::all_seeds(*command, [&](std::uint64_t seed, const auto& folder) {
    if (!model) model = pretrained(command->out / "tiny");
    return OneSeed(folder, *model, command->world(seed), command->adjustments).run();
  }));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tuning_study: %s\n", error.what());
    return 1;
  }
}
