// The work of `reclm run` between tuning and the table: its data, its profiles, their vectors.

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "reclm/data/fingerprint.hpp"
#include "reclm/data/splits.hpp"
#include "reclm/eval/study_options.hpp"
#include "reclm/instruct/item_texts.hpp"
#include "reclm/instruct/kept_settings.hpp"
#include "reclm/instruct/profile_store.hpp"
#include "reclm/instruct/profile_vectors.hpp"
#include "reclm/instruct/raw_profiles.hpp"
#include "reclm/instruct/write_profiles.hpp"
#include "run.hpp"
#include "tuned_writers.hpp"

namespace reclm::cli {

namespace {

namespace fs = std::filesystem;
using namespace instruct;

std::vector<Id> first(Id all, Index wanted, const auto& wants) {
  std::vector<Id> ids;
  for (Id id = 0; id < all && (wanted == 0 || static_cast<Index>(ids.size()) < wanted); ++id)
    if (wants(id)) ids.push_back(id);
  return ids;
}

/// Bytes of a model's file, or of all files of its folder: enough to notice that it is another one.
std::string extent_of(const fs::path& path) {
  if (path.empty()) return "tiny";
  std::uintmax_t bytes = 0;
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    for (const auto& entry : fs::directory_iterator(path, ignored))
      if (entry.is_regular_file(ignored)) bytes += entry.file_size(ignored);
  } else {
    bytes = fs::file_size(path, ignored);
  }
  return path.filename().string() + ", " + std::to_string(bytes) + " bytes";
}

}  // namespace

TaughtData prepare_data(const RunOptions& options, std::vector<std::string>& notes) {
  TaughtData taught;
  if (options.data.world) {
    const RunDefaults usual = run_defaults(ModelSize::tiny);
    taught = taught_world(options.data.world_seed, options.users > 0 ? options.users : usual.users,
                          options.items > 0 ? options.items : usual.items, true);
  } else {
    taught.data = load(options.data);
    taught.data.item_profiles = taught.data.user_profiles = {};
    taught.data.profile_from_history.clear();
  }
  teach(taught, options.tuning.profiles, options.tuned.empty());
  Dataset& data = taught.data;
  notes.insert(notes.end(), data.notices.begin(), data.notices.end());
  if (!data.valid.empty()) return taught;
  carve_validation(data);
  notes.push_back("The data set has no validation split: " + std::to_string(data.valid.size()) +
                  " of its train interactions, drawn at random, were set aside for selection; no recommender" +
                  (options.tuned.empty() ? ", prompt or stage of tuning saw them."
                                         : " or prompt saw them. The tuning in " + options.tuned +
                                               " may have, if it was done on these data."));
  return taught;
}

void check_inputs(const RunOptions& options, const TaughtData& taught) {
  const ItemTexts texts(taught.data, columns_of(options.size(), options.tuning, taught.data));
  if (!options.encoder.model.path.empty()) open_model_weights(options.encoder.model.path);
}

void keep_run_settings(const RunOptions& options, const TaughtData& taught, const fs::path& model) {
  const TuningCommandOptions& t = options.tuning;
  const auto text = [](const auto& value) { return value ? std::to_string(*value) : std::string("the model's own"); };
  Fingerprint data;
  for (const Interactions* split : {&taught.data.train, &taught.data.valid, &taught.data.test, &taught.data.zero})
    data.add(*split);
  for (const TextColumn& column : taught.data.item_text)
    for (const std::string& value : column.values) data.add(std::span<const char>(value));
  for (const auto* profiles : {&taught.user_profiles, &taught.item_profiles})
    for (const std::string& profile : *profiles) data.add(std::span<const char>(profile));
  Fingerprint templates;
  if (!t.templates.empty()) {
    std::ifstream file(t.templates, std::ios::binary);
    const std::string words{std::istreambuf_iterator<char>(file), {}};
    templates.add(std::span<const char>(words));
  }
  keep_settings(fs::path(options.out) / "run.json",
                {{"data", taught.data.name + ", fingerprint " + data.text()},
                 {"--model", extent_of(model)},
                 {"--tiny-tokens", text(options.tiny_tokens)},
                 {"--users", std::to_string(options.users)},
                 {"--items", std::to_string(options.items)},
                 {"--columns", t.columns},
                 {"--templates", t.templates.empty() ? "" : "fingerprint " + templates.text()},
                 {"--history", text(t.history)},
                 {"--alike", text(t.alike)},
                 {"--budget", text(t.budget)},
                 {"--max-tokens", text(t.max_tokens)},
                 {"--precision", t.precision},
                 {"--tuned", options.tuned.empty() ? "" : updates_text(options.tuned)},
                 {"--stages", t.stages},
                 {"--full-sft", t.full_sft ? "yes" : "no"},
                 {"--reward", t.reward},
                 {"--rank", text(t.rank)},
                 {"--epochs", text(t.epochs)},
                 {"--lr", text(t.learning_rate)},
                 {"--batch-tokens", text(t.batch_tokens)},
                 {"--steps", text(t.steps)},
                 {"--questions", text(t.questions)},
                 {"--ppo-lr", text(t.ppo_rate)},
                 {"--shown", text(t.shown)},
                 {"--cf-epochs", std::to_string(t.cf_epochs)},
                 {"--seed", std::to_string(t.seed)},
                 {"--only-profiles", options.only_profiles ? "yes" : "no"},
                 {"--attempts", text(options.attempts)},
                 {"--best-of", std::to_string(options.best_of)},
                 {"--consensus", std::to_string(options.consensus)},
                 {"--encoder", options.encoder.model.path.empty() ? "" : extent_of(options.encoder.model.path)}});
}

std::vector<WrittenProfiles> write_sources(const RunOptions& options, const LanguageModel& model,
                                           const TaughtData& taught, const Observer& observer) {
  const Dataset& data = taught.data;
  WriterOptions how = writing_of(options.size(), options.tuning);
  how.only_profiles = options.only_profiles;
  if (options.attempts) how.attempts = *options.attempts;
  const Dialogues dialogues(data, dialogues_of(model, options.size(), options.tuning, data));
  const auto limit = [&](Index wanted) { return options.data.world ? 0 : wanted; };
  const std::vector<Id> users =
      first(data.users.size(), limit(options.users), [&](Id user) { return !data.train.of(user).empty(); });
  const std::vector<Id> items = first(data.items.size(), limit(options.items), [](Id) { return true; });
  const auto user_prompts = dialogues.user_prompts(users).samples;
  const std::vector<std::string> told = seen_item_profiles(taught);
  const Matrix<Id> nobody;
  const auto item_prompts =
      dialogues.item_prompts(items, (told.empty() ? nobody : taught.item_neighbours).view(), told).samples;

  std::vector<TunedWriter> writers = tuned_writers(model, options.stages_folder());
  const std::optional<TunedWriter> item_writer = tuned_item_writer(writers, options.stages_folder());

  const TunedWriter last = writers.back();
  if (options.consensus > 1) {
    writers.push_back(last);
    writers.back().name = kConsensus + std::to_string(options.consensus);
    writers.back().consensus = options.consensus;
  }
  if (options.best_of > 1) {
    writers.push_back(last);
    writers.back().name = kBestOf + std::to_string(options.best_of);
    writers.back().best_of = options.best_of;
  }

  std::vector<WrittenProfiles> written;
  std::map<std::string, std::string> known;  // of items, by id: all tuned sources have the same
  StoreCounts known_counts;
  for (const auto& [name, tuned_model, adapter, best_of, consensus] : writers) {
    ProfileStore store(fs::path(options.out) / "profiles" / (name + ".jsonl"));
    const auto write = [&](AnyTeacher teacher, const std::vector<PromptSample>& prompts, const std::string& whose) {
      WriteProfilesOptions writing{.attempts = how.attempts, .seed = options.tuning.seed};
      const std::string stage = "profiles of " + whose + ", " + name;
      writing.observer = [&](const Progress& progress) {
        Progress shown = progress;
        shown.stage = stage;
        return notify(observer, shown);
      };
      if (write_profiles(store, teacher, prompts, data, writing).interrupted) throw Stopped{};
    };
    AnyTeacher of_users = local_teacher(tuned_model, adapter, how);
    if (best_of > 1)
      of_users = best_of_teacher(std::move(of_users), best_of, tuned_model, options.size(), taught, options.tuning,
                                 options.reward_folder());
    if (consensus > 1) of_users = consensus_teacher(std::move(of_users), consensus);
    write(std::move(of_users), user_prompts, "users");
    const bool tuned = name != kUntuned && item_writer;
    AnyTeacher of_items =
        tuned ? local_teacher(item_writer->model, item_writer->adapter, how) : local_teacher(tuned_model, adapter, how);
    if (tuned && !known.empty())
      of_items.ask = [&](auto requests, const AnswerSink& sink) {
        for (std::size_t k = 0; k < requests.size(); ++k) {
          const auto found = known.find(std::string(data.items.name(requests[k].prompt->item)));
          if (found != known.end() && !sink(static_cast<Index>(k), found->second)) return;
        }
      };
    write(std::move(of_items), item_prompts, "items");
    const bool first_tuned = tuned && known.empty();
    for (const StoreLine& line : store.lines())
      if (first_tuned && line.about_item && !line.rejected()) known[line.id] = line.text;
    if (first_tuned) known_counts = count_lines(store, true);
    written.push_back({name, store.user_profiles(data.users), store.item_profiles(data.items),
                       count_lines(store, false), tuned ? known_counts : count_lines(store, true)});
  }
  if (!taught.teacher.empty()) written.push_back({kTeacher, taught.user_profiles, taught.item_profiles});
  return written;
}

std::vector<ProfileSource> encode_sources(const RunOptions& options, const LanguageModel& model, TaughtData& taught,
                                          const std::vector<WrittenProfiles>& written, std::vector<std::string>& notes,
                                          const Observer& observer) {
  const Dialogues dialogues(taught.data, dialogues_of(model, options.size(), options.tuning, taught.data));
  const bool own = !options.encoder.model.path.empty();
  const auto by_model = [&](std::span<const std::string> texts) {
    EncodedTexts encoded = encode_texts(options.encoder, texts, fs::path(options.out) / "vectors", observer);
    if (encoded.done < static_cast<Index>(texts.size())) throw Stopped{};
    return std::move(encoded.vectors);
  };
  const auto encode = [&](std::span<const std::string> items, std::span<const std::string> users) {
    return std::make_shared<const Profiles>(own ? encode_profiles(items, users, by_model)
                                                : encode_profiles(items, users));
  };
  const std::vector<std::string> texts = raw_item_profiles(dialogues), histories = raw_user_profiles(dialogues);
  if (own) taught.data.item_vectors = by_model(texts);
  std::vector<ProfileSource> sources;
  const auto add = [&](const std::string& name, std::shared_ptr<const Profiles> profiles, WrittenRows rows = {}) {
    sources.push_back({name, [profiles](Dataset& data) { use_profiles(data, *profiles); }, true, std::move(rows)});
  };
  add(kRawText, encode(texts, histories));
  for (const WrittenProfiles& source : written) {
    // An item without a profile is left its text, encoded beside the profiles: other vectors would not compare.
    std::vector<std::string> items = source.items;
    items.resize(texts.size());
    WrittenRows rows;
    Index missing = 0;
    for (std::size_t item = 0; item < items.size(); ++item) {
      rows.items.push_back(items[item].empty() ? 0 : 1);
      if (items[item].empty()) {
        items[item] = texts[item];
        ++missing;
      }
    }
    for (const std::string& user : source.users) rows.users.push_back(user.empty() ? 0 : 1);
    add(source.name, encode(items, source.users), std::move(rows));
    if (missing > 0)
      notes.push_back("The source \"" + source.name + "\" has profiles of " +
                      std::to_string(static_cast<Index>(items.size()) - missing) + " of " +
                      std::to_string(items.size()) + " items: its row has the others' texts in their place.");
  }
  return sources;
}

std::string source_meaning(const std::string& name) {
  if (name == kRawText) return "Items' texts, and the texts of users' histories, in the place of profiles.";
  if (name == kUntuned) return "Profiles by the language model before any tuning.";
  if (name == "sft") return "Profiles after distillation: the model has learned a teacher's profiles.";
  if (name == "collaborative")
    return "After collaborative tuning: it has also read neighbours and answered what a user would choose.";
  if (name == "ppo") return "After reinforcement learning towards the reward and diversity.";
  if (name.starts_with(kBestOf))
    return "By the last of these models, asked repeatedly about each user: the reward chose among its answers.";
  if (name.starts_with(kConsensus))
    return "By the last of these models, asked repeatedly about each user: what most of its answers name.";
  return "The teacher's own profiles, from which the model learned: what it could be worth to write as well.";
}

}  // namespace reclm::cli
