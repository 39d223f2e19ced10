#pragma once
/// @file pipeline.hpp
/// RecLM's tuning as a whole: from a data set with text, a language model and a teacher's profiles to tuned adapters.
///
///     const TuningReport report = tune(model, {.data = &data, .user_profiles = teacher, .neighbours = near.ids},
///                                      {.folder = "tuned"});
///
/// Stages: `sft` (A1) and `collaborative` (A2) train one set of low-rank updates, `reward` (A3) trains a reward model,
/// `ppo` (A4) goes on with the updates by reinforcement learning, `items` (A5) trains updates of its own. Each keeps
/// its state in the folder; calling `tune` again with the same settings goes on where it stopped, to the same bits.

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reclm/data/fingerprint.hpp"
#include "reclm/instruct/collaborative.hpp"
#include "reclm/instruct/detail/ppo_dependences.hpp"
#include "reclm/instruct/detail/require_samples.hpp"
#include "reclm/instruct/detail/shown_profiles.hpp"
#include "reclm/instruct/detail/stage_start.hpp"
#include "reclm/instruct/preferences.hpp"
#include "reclm/instruct/reward/fit_evidence.hpp"
#include "reclm/instruct/reward/saved_reward.hpp"
#include "reclm/instruct/tuning_options.hpp"
#include "reclm/lm/training/peft.hpp"
#include "reclm/lm/weights/save_model.hpp"

namespace reclm::instruct {

namespace detail {

template <class B>
class Tuner {
 public:
  Tuner(const LanguageModel& model, const TuningData& from, TuningOptions options)
      : model_(model), from_(from), options_(std::move(options)), dialogues_(*from.data, options_.dialogues) {
    const Dataset& data = *from.data;
    if (static_cast<Index>(from.user_profiles.size()) != data.train.users() ||
        from.neighbours.rows() != data.train.users())
      throw ConfigError("tune: a profile (or \"\") and a row of neighbours are needed for each of the " +
                        std::to_string(data.train.users()) + " users");
    if (options_.folder.empty()) throw ConfigError("TuningOptions: a folder is needed");
    check_stages(options_.stages);
    check_reward(options_);
    if (options_.full_sft && !options_.start.empty())
      throw ConfigError("TuningOptions: full_sft begins with the model's own weights, and start names updates");
    std::filesystem::create_directories(options_.folder);
    split_ = tuning_split(from, options_.seed);
    learners_ = split_.reward;
    learners_.insert(learners_.end(), split_.policy.begin(), split_.policy.end());
    std::sort(learners_.begin(), learners_.end());
    taught_ = taught_profiles(from, split_);
    report_.shown = report_.held_out = split_.evaluation;
    if (static_cast<Index>(report_.shown.size()) > options_.shown)
      report_.shown.resize(static_cast<std::size_t>(options_.shown));
    // Alone a scorer must tell profiles from other texts, too, which it does beside anybody's prompt.
    if (!options_.reward_evidence) options_.mixture.strangers = 0;
    if (!options_.start.empty()) adapter_ = lm::read_peft(options_.start).adapter;
  }

  TuningReport run() {
    show("untuned");
    for (const std::string& stage : options_.stages) {
      if (stage == "sft") distil();
      if (stage == "collaborative") collaborate();
      if (stage == "reward" && options_.given_reward.empty()) train_reward();
      if (stage == "ppo") reinforce();
      if (stage == "items") tune_items();
      if (report_.interrupted) break;
      if (stage != "reward" && stage != "items") show(stage);
    }
    return std::move(report_);
  }

 private:
  [[nodiscard]] std::vector<ChatSample> distilled(std::span<const Id> users) const {
    return dialogues_.distillation(users, from_.user_profiles).samples;
  }

  // The same, told of neighbours as far as they are learners.
  [[nodiscard]] std::vector<ChatSample> distilled_in_company(std::span<const Id> users) const {
    const Dialogues informed(*from_.data, options_.dialogues, {from_.neighbours.view(), taught_});
    return informed.distillation(users, taught_).samples;
  }

  // Trains the updates that stand so far, or those of their own for items.
  void supervise(const std::string& stage, lm::FinetuneOptions options, const std::vector<ChatSample>& learned,
                 const std::vector<ChatSample>& held_out) {
    const bool full = stage == "sft" && options_.full_sft;
    std::optional<lm::LoraOptions> lora;
    if (!full) lora = options_.lora;
    const lm::TrainableOptions held = full ? lm::TrainableOptions{} : options_.held;
    lm::TrainableDecoder<B, float> decoder(*model_.weights, held, lora);
    lm::LoraAdapter& adapter = stage == "items" ? item_adapter_ : adapter_;
    if (!adapter.empty() && !full) decoder.set_adapter(adapter);
    const auto samples = training_samples(model_.codec, learned, model_.weights->config().context);
    const auto others = training_samples(model_.codec, held_out, model_.weights->config().context);
    report_.loss_before[stage] = lm::mean_loss(decoder, std::span<const lm::TrainingSample>(others));
    options.stage = stage;
    // What was trained from another beginning is no state of this stage.
    options.model_name = model_.name + ", " + start_text(decoder.parameters(), held, tuned_print_);
    options.checkpoint = options_.folder / (stage + ".safetensors");
    options.resume = true;
    options.observer = options_.observer;
    lm::FinetuneReport& report = report_.finetunes[stage];
    report = lm::finetune(decoder, std::span<const lm::TrainingSample>(samples), options);
    report_.interrupted = report.interrupted;
    if (report.interrupted) return;
    report_.loss_after[stage] = lm::mean_loss(decoder, std::span<const lm::TrainingSample>(others));
    if (full) return take_over(decoder.merged());
    adapter = decoder.adapter();
    lm::write_peft(options_.folder / stage, adapter, {.base_model = model_.name}, model_.weights->config().layers);
  }

  // What follows begins with these weights.
  void take_over(lm::MemoryWeights&& weights) {
    std::vector<std::pair<std::string, lm::StoredTensor>> tensors;
    for (const std::string& name : weights.names()) tensors.emplace_back(name, weights.get(name));
    lm::save_model(options_.folder / "sft", weights.config(), tensors);
    tuned_print_ = weights_print(weights);
    model_ = with_tuned_weights(model_, std::make_shared<const lm::MemoryWeights>(std::move(weights)));
    adapter_ = {};
  }

  void distil() {
    std::vector<ChatSample> learned = distilled(learners_);
    if (options_.distil_items && !from_.item_profiles.empty()) {
      const ItemSplit items(from_.item_profiles.size());
      for (ChatSample& sample : dialogues_.item_dialogues(items.learned, {}, from_.item_profiles).samples)
        learned.push_back(std::move(sample));
    }
    supervise("sft", options_.sft, learned, distilled(split_.evaluation));
  }

  void collaborate() {
    std::vector<Id> users = learners_;  // any of them: their order says nothing
    if (const auto most = static_cast<std::size_t>(options_.collaborative_users); most > 0 && users.size() > most)
      users.resize(most);
    auto built = collaborative_dialogues(dialogues_, users, from_.neighbours.view(), taught_);
    require_samples("collaborative", built);
    auto learned = std::move(built.samples);
    const auto held_out =
        collaborative_dialogues(dialogues_, split_.evaluation, from_.neighbours.view(), from_.user_profiles).samples;
    const auto again = distilled(learners_);
    const auto count =
        std::min(again.size(), static_cast<std::size_t>(options_.rehearsal * static_cast<double>(again.size())));
    learned.insert(learned.end(), again.begin(), again.begin() + static_cast<std::ptrdiff_t>(count));
    if (options_.dialogues.alike > 0)
      for (ChatSample& sample : distilled_in_company(learners_)) learned.push_back(std::move(sample));
    report_.questions_before = ask(held_out);
    supervise("collaborative", options_.collaborative, learned, held_out);
    if (!report_.interrupted) report_.questions_after = ask(held_out);
  }

  QuestionReport ask(const std::vector<ChatSample>& questions) const {
    lm::TrainableDecoder<B, float> decoder(*model_.weights, options_.held, options_.lora);
    if (!adapter_.empty()) decoder.set_adapter(adapter_);
    const Templates& words = options_.dialogues.templates;
    return ask_questions(decoder, model_.codec, questions, words.yes, words.no);
  }

  void make_scorer() {
    if (options_.reward_from_tuned)
      scorer_.emplace(model_, options_.lora, adapter_, options_.held);
    else
      scorer_.emplace(model_, options_.reward_lora, lm::LoraAdapter{}, options_.held);
  }

  void train_reward() {
    make_scorer();
    std::vector<PreferencePair> learned, apart;
    auto built = preference_pairs(dialogues_, split_.reward, from_.neighbours.view(), taught_);
    require_samples("reward", built);
    for (PreferencePair& pair : built.samples) {
      // Scores of pairs that a scorer has learned say more than those of others would: its weight needs pairs of its
      // own.
      const bool weighs = options_.reward_evidence && (learned.size() + apart.size()) % 4 == 3;
      (weighs ? apart : learned).push_back(std::move(pair));
    }
    const auto held_out =
        preference_pairs(dialogues_, split_.evaluation, from_.neighbours.view(), from_.user_profiles).samples;
    TrainScorerOptions options = options_.reward;
    options.depends_on = weights_text(options_.held, tuned_print_);
    options.checkpoint = options_.folder / "reward.safetensors";
    options.resume = true;
    options.observer = options_.observer;
    report_.reward = train_scorer(*scorer_, std::span<const PreferencePair>(learned), held_out, options);
    report_.interrupted = report_.reward->interrupted;
    if (report_.interrupted) return;
    report_.scorer_alone = report_.reward->held_out;
    if (!apart.empty()) {
      ProfileReward<B> reward(&*scorer_, evidence());
      reward.wanted = options_.dialogues.user_entries;
      reward.strangers = Strangers(dialogues_, options_.mixture.strangers);
      auto heard = evidence_differences(reward, std::span<const PreferencePair>(apart));
      // Of the pairs that the scorer has learned all else.
      ProfileReward<B> silent(nullptr, evidence());
      silent.wanted = reward.wanted;
      for (const EvidenceValues& pair : evidence_differences(silent, std::span<const PreferencePair>(learned)))
        heard.push_back(pair);
      options_.mixture.evidence = fit_evidence(heard);
      reward.mixture = options_.mixture;
      report_.reward->held_out = pair_accuracy(reward, std::span<const PreferencePair>(held_out));
    }
    // Not calibrated yet: that is done by the profiles of the policy that it is to guide, here or elsewhere.
    save_mixture(options_.folder / "reward", options_.mixture);
    scorer_->save(options_.folder / "reward" / "scorer.safetensors");
  }

  ProfileEvidence& evidence() {
    if (!evidence_) {
      if (!options_.given_reward.empty()) options_.encoder = reward_encoder(options_.given_reward, options_.encoder);
      evidence_ = std::make_unique<ProfileEvidence>(evidence_of(from_, taught_, options_.seed), options_.encoder);
      options_.mixture.width = evidence_->width();
    }
    return *evidence_;
  }

  void reinforce() {
    std::vector<std::vector<lm::TokenId>> tokens;
    std::vector<PromptSample> prompts = dialogues_.user_prompts(split_.policy).samples;
    for (PromptSample& prompt : dialogues_.partial_prompts(split_.policy, options_.partial_prompts).samples)
      prompts.push_back(std::move(prompt));
    Fingerprint prompt_print;
    for (const PromptSample& prompt : prompts) {
      tokens.push_back(model_.prompt(prompt.messages));
      prompt_print.add(std::span<const lm::TokenId>(tokens.back()));
    }
    LmPolicyOptions policy_options = options_.policy;
    policy_options.held = options_.held;
    policy_options.lora = options_.lora;
    policy_options.lora.dropout = 0;
    LmPolicy<B> policy(model_, adapter_, std::move(tokens), policy_options);

    if (!options_.given_reward.empty())
      scorer_.emplace(model_, scorer_updates(options_.given_reward, options_), lm::LoraAdapter{}, options_.held);
    SequenceScorer<B>* const scorer = scorer_ ? &*scorer_ : nullptr;
    ProfileReward<B> reward(scorer, evidence());
    reward.wanted = options_.dialogues.user_entries;
    reward.mixture = options_.mixture;
    if (!options_.given_reward.empty()) load_reward(options_.given_reward, reward, scorer);
    reward.strangers = Strangers(dialogues_, reward.mixture.strangers);
    const auto answers_of = [&](std::span<const Response> responses) {
      std::vector<ProfileAnswer> answers;
      for (std::size_t k = 0; k < responses.size(); ++k) {
        const PromptSample& prompt = prompts[static_cast<std::size_t>(responses[k].question)];
        answers.push_back({prompt.user, &prompt.messages, policy.texts()[k]});
      }
      return answers;
    };
    if (reward.mixture.scales[0].count == 0) {
      // What the policy writes before the first step is the measure of all later profiles.
      std::vector<Index> first(static_cast<std::size_t>(std::min<Index>(128, policy.questions())));
      for (std::size_t k = 0; k < first.size(); ++k) first[k] = static_cast<Index>(k);
      const auto drawn = policy.draw(first, (std::uint64_t{1} << 32) - 1);
      reward.calibrate(answers_of(drawn));
      if (calibrated(reward) < kFewProfiles) reward.calibrate(taught_answers(prompts, first));
      if (options_.weighing_users > 0 && from_.data->valid.size() > 0) report_.weights = weigh_terms(reward);
      if (report_.reward) save_reward(options_.folder / "reward", reward, scorer);
    }
    TunePolicyOptions options = options_.ppo;
    options.checkpoint = options_.folder / "ppo.safetensors";
    options.depends_on =
        ppo_dependences(model_.name + ", " + start_text(policy.parameters(), options_.held, tuned_print_), options_,
                        prompt_print, reward.mixture, scorer);
    options.resume = true;
    options.observer = options_.observer;
    const auto score = [&](std::span<const Response> responses) {
      std::vector<Score> scores;
      for (const EntryRewards& rewards : reward.by_entry(answers_of(responses))) {
        const Response& response = responses[scores.size()];
        Score& whole = scores.emplace_back(Score{.total = rewards.total});
        if (!options_.credit_entries) continue;
        for (const EntryRewards::Entry& entry : rewards.entries)
          whole.parts.push_back({policy.token_before(response, entry.end), entry.amount});
      }
      return scores;
    };
    report_.ppo = tune_policy<B, float>(policy, score, options);
    report_.interrupted = report_.ppo->interrupted;
    if (report_.interrupted) return;
    adapter_ = policy.adapter();
    lm::write_peft(options_.folder / "ppo", adapter_, {.base_model = model_.name}, model_.weights->config().layers);
  }

  // Terms have a scale by so many profiles; of a policy that writes fewer the teacher's stand beside its own.
  static constexpr double kFewProfiles = 8;
  static double calibrated(const ProfileReward<B>& reward) {
    double most = 0;
    for (const RunningScale& scale : reward.mixture.scales) most = std::max(most, scale.count);
    return most;
  }
  [[nodiscard]] std::vector<ProfileAnswer> taught_answers(const std::vector<PromptSample>& prompts,
                                                          std::span<const Index> which) const {
    std::vector<ProfileAnswer> answers;
    for (const Index k : which) {
      const PromptSample& prompt = prompts[static_cast<std::size_t>(k)];
      answers.push_back({prompt.user, &prompt.messages, taught_[static_cast<std::size_t>(prompt.user)]});
    }
    return answers;
  }

  // By profiles of users whom the policy is not asked about.
  std::optional<WeightChoice> weigh_terms(ProfileReward<B>& reward) {
    std::vector<Id> users = split_.reward;
    std::erase_if(users, [&](Id user) { return from_.data->valid.of(user).empty(); });
    if (static_cast<Index>(users.size()) > options_.weighing_users)
      users.resize(static_cast<std::size_t>(options_.weighing_users));
    const auto prompts = dialogues_.user_prompts(users).samples;
    std::vector<lm::Dialogue> asked;
    for (const PromptSample& prompt : prompts) asked.insert(asked.end(), 4, prompt.messages);
    lm::Decoder<B> decoder(*model_.weights, options_.precision);
    if (!adapter_.empty()) decoder.attach(adapter_);
    AnswerOptions how = options_.answers;
    how.sampling = {.temperature = 1};
    const auto texts = answers(model_, decoder, std::span<const lm::Dialogue>(asked), how);
    std::vector<ProfileAnswer> all;
    for (std::size_t k = 0; k < texts.size(); ++k)
      all.push_back({prompts[k / 4].user, &prompts[k / 4].messages, texts[k]});
    return weigh(reward, std::span<const ProfileAnswer>(all));
  }

  void tune_items() {
    if (from_.item_profiles.empty()) return;
    const ItemSplit split(from_.item_profiles.size());
    const auto samples = [&](std::span<const Id> items) {
      return dialogues_.item_dialogues(items, from_.item_neighbours.view(), from_.item_profiles).samples;
    };
    show_items(split.held_out, "untuned");
    supervise("items", options_.items, samples(split.learned), samples(split.held_out));
    if (!report_.interrupted) show_items(split.held_out, "items");
  }

  void show(const std::string& after) {
    const auto prompts = dialogues_.user_prompts(report_.shown).samples;
    if (prompts.empty() || prompts.size() != report_.shown.size()) return;
    std::vector<std::vector<std::string>> truth;
    if (from_.truth)
      for (const Id user : report_.shown) truth.push_back(from_.truth(user));
    report_.profiles.push_back(shown_profiles<B>(after, model_, adapter_, prompts, truth, options_));
  }

  // Of the items of the held-out loss.
  void show_items(const std::vector<Id>& held_out, const std::string& after) {
    std::vector<Id>& items = report_.shown_items;
    items.clear();
    for (const Id item : held_out)
      if (static_cast<Index>(items.size()) < options_.shown &&
          read_profile(from_.item_profiles[static_cast<std::size_t>(item)]).valid())
        items.push_back(item);
    const auto prompts = dialogues_.item_prompts(items, from_.item_neighbours.view(), from_.item_profiles).samples;
    if (prompts.empty() || prompts.size() != items.size()) return;
    report_.item_profiles.push_back(shown_profiles<B>(after, model_, item_adapter_, prompts, {}, options_));
  }

  LanguageModel model_;
  const TuningData& from_;
  TuningOptions options_;
  Dialogues dialogues_;
  TuningSplit split_;
  std::vector<Id> learners_;
  std::vector<std::string> taught_;  // profiles, "" of the evaluation users: they are neighbours of learners, too
  lm::LoraAdapter adapter_, item_adapter_;
  std::string tuned_print_;  // of the weights that sft left, where it trained all of them
  std::optional<SequenceScorer<B>> scorer_;
  std::unique_ptr<ProfileEvidence> evidence_;
  TuningReport report_;
};

}  // namespace detail

/// Runs the stages. @param from must outlive the call
/// @throws ConfigError, DataError, IoError, NumericError
template <class B = Cpu>
TuningReport tune(const LanguageModel& model, const TuningData& from, const TuningOptions& options) {
  return detail::Tuner<B>(model, from, options).run();
}

}  // namespace reclm::instruct
