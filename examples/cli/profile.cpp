// reclm profile: profiles of users and items, written by a model, kept in a store.

#include "profile.hpp"

#include <filesystem>
#include <iostream>
#include <memory>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "interrupt.hpp"
#include "language_teacher.hpp"
#include "reclm/core/parallel.hpp"
#include "reclm/instruct/dialogues.hpp"
#include "reclm/instruct/imported_answers.hpp"
#include "reclm/instruct/profile_store.hpp"
#include "reclm/instruct/profile_vectors.hpp"
#include "reclm/instruct/template_file.hpp"
#include "reclm/instruct/write_profiles.hpp"
#include "terminal.hpp"

namespace reclm::cli {

namespace {

using namespace instruct;

DialogueOptions dialogue_options(const ProfileOptions& options) {
  DialogueOptions dialogues;
  if (!options.templates.empty()) dialogues.templates = open_input([&] { return read_templates(options.templates); });
  if (!options.columns.empty()) dialogues.columns = split_list("--columns", options.columns);
  dialogues.drop = options.drop == "oldest" ? LeastInformative::oldest : LeastInformative::most_popular;
  dialogues.most_items = options.history;
  dialogues.budget.tokens = options.budget;
  dialogues.budget.answer = options.writer.max_tokens;
  dialogues.seed = options.seed;
  return dialogues;
}

/// What came of one kind of profiles.
struct Part {
  std::string about;
  WriteProfilesReport report;
  SkipCounts skipped;
  std::string sample;  // the last profile
};

class Run {
 public:
  explicit Run(const ProfileOptions& options) : options_(options) {
    for (const std::string& word : split_list("--about", options.about))
      if (word == "users" || word == "items")
        (word == "users" ? users_ : items_) = true;
      else
        throw ConfigError("--about: there is no \"" + word + "\". Remedy: choose from users, items");
    const int writers = (options.endpoint.empty() ? 0 : 1) + (options.answers.empty() ? 0 : 1);
    if (writers > 1) throw ConfigError("--endpoint and --answers exclude each other. Remedy: name one");
    if (options.consensus > 1 &&
        (options.writer.temperature <= 0 || !options.answers.empty() || (writers == 0 && options.model.empty())))
      throw ConfigError(
          "--consensus asks repeatedly, and here all answers would be the same. Remedy: name a server or a model and a "
          "--temperature above 0");
    if (writers == 0 && options.model.empty() && !options.data.world)
      throw ConfigError(
          "nobody is there to write. Remedy: name a server by --endpoint URL, a model by --model PATH, a file by "
          "--answers FILE, or "
          "take --world, whose own oracle writes");
  }

  /// @returns false when it was interrupted
  bool work(const Observer& observer) {
    TaughtData taught;
    if (options_.data.world)
      taught = taught_world(options_.data.world_seed);
    else
      taught.data = load(options_.data, false);
    data_ = std::move(taught.data);
    AnyTeacher teacher = choose_teacher(taught);
    if (options_.consensus > 1) teacher = consensus_teacher(std::move(teacher), options_.consensus, rules());
    ProfileStore store(options_.out);
    repaired_ = store.repaired();
    DialogueOptions how = dialogue_options(options_);
    if (teacher.count) how.budget.count = teacher.count;
    // What a chat template adds of its own is not counted: room for a default system message.
    if (how.budget.tokens == 0 && teacher.context > 0) how.budget.tokens = teacher.context - 64;
    const Dialogues dialogues(data_, how);
    if (users_) {
      std::vector<Id> users;
      for (Id user = 0;
           user < data_.users.size() && (options_.users == 0 || static_cast<Index>(users.size()) < options_.users);
           ++user)
        if (!data_.train.of(user).empty() || options_.users == 0) users.push_back(user);
      if (!write("users", store, teacher, dialogues.user_prompts(users), observer)) return false;
    }
    if (items_) {
      std::vector<Id> items;
      for (Id item = 0; item < data_.items.size() && (options_.items == 0 || item < options_.items); ++item)
        items.push_back(item);
      const auto readers = store.user_profiles(data_.users);
      if (!write("items", store, teacher, dialogues.reader_prompts(items, readers), observer)) return false;
    }
    if (!options_.vectors.empty()) {
      make_folder(options_.vectors);
      write_profile_vectors(options_.vectors,
                            encode_profiles(store.item_profiles(data_.items), store.user_profiles(data_.users)), data_);
    }
    return true;
  }

  void print() const {
    if (repaired_) std::cout << "The last line of the store was unfinished; it was completed or removed.\n";
    for (const auto& [about, report, skipped, sample] : parts_) {
      std::cout << about << ": " << report.written + report.shared + report.kept << " of " << report.prompts
                << " have profiles (" << report.written << " written, " << report.shared
                << " shared with an equal prompt, " << report.kept << " there before)";
      if (report.failed > 0) std::cout << "; " << report.failed << " failed all attempts";
      if (report.unanswered > 0) std::cout << "; " << report.unanswered << " without an answer";
      if (skipped.no_history > 0) std::cout << "; " << skipped.no_history << " without a history";
      if (skipped.over_budget > 0) std::cout << "; " << skipped.over_budget << " beyond the budget";
      std::cout << "\n  answers: " << report.answers.text() << "\n";
      if (!sample.empty()) std::cout << "  e.g. " << sample << "\n";
    }
    std::cout << "Profiles: " << options_.out << "\n";
    if (!options_.vectors.empty())
      std::cout << "Vectors: " << options_.vectors
                << "; copied into the data's folder, `reclm bench --adapters base,reclm` takes them\n";
  }

  [[nodiscard]] nlohmann::ordered_json json() const {
    nlohmann::ordered_json result{{"out", options_.out}, {"repaired", repaired_}};
    for (const auto& [about, report, skipped, sample] : parts_) {
      nlohmann::ordered_json faults = nlohmann::ordered_json::object();
      for (std::size_t k = 1; k < kProfileFaults; ++k)
        if (report.answers.of[k] > 0)
          faults[std::string(fault_name(static_cast<ProfileFault>(k)))] = report.answers.of[k];
      result[about] = {{"prompts", report.prompts},
                       {"written", report.written},
                       {"shared", report.shared},
                       {"kept", report.kept},
                       {"failed", report.failed},
                       {"unanswered", report.unanswered},
                       {"answers", report.answers.total()},
                       {"valid", report.answers.valid()},
                       {"faults", faults},
                       {"no_history", skipped.no_history},
                       {"over_budget", skipped.over_budget}};
    }
    return result;
  }

 private:
  AnyTeacher choose_teacher(TaughtData& taught) {
    if (!options_.endpoint.empty()) return endpoint_teacher(options_);
    if (options_.answers.empty() && !options_.model.empty())
      return local_teacher(open_language_model(options_.model), options_.adapter, options_.writer);
    std::shared_ptr<const KnownAnswers> known;
    if (!options_.answers.empty()) {
      const auto imported = open_input([&] { return read_answers(options_.answers, data_); });
      known = std::make_shared<KnownAnswers>(
          imported_teacher(options_.model.empty() ? "imported" : options_.model, imported, data_));
    } else {
      known = std::make_shared<KnownAnswers>(taught.teacher, std::move(taught.user_profiles),
                                             std::move(taught.item_profiles));
    }
    return {.known = known->facts(),
            .ask = [known](auto requests, const auto& sink) { known->answer(requests, sink); }};
  }

  [[nodiscard]] GrammarRules rules() const { return {.strict = options_.strict}; }

  bool write(const std::string& about, ProfileStore& store, AnyTeacher& teacher, const Built<PromptSample>& prompts,
             const Observer& observer) {
    WriteProfilesOptions how;
    how.attempts = options_.writer.attempts;
    how.seed = options_.seed;
    how.grammar = rules();
    how.observer = observer;
    parts_.push_back({about, write_profiles(store, teacher, prompts.samples, data_, how), prompts.skipped, {}});
    for (const StoreLine& line : store.lines())
      if (!line.rejected() && line.about_item == (about == "items")) parts_.back().sample = line.text;
    return !parts_.back().report.interrupted;
  }

  const ProfileOptions& options_;
  bool users_ = false, items_ = false, repaired_ = false;
  Dataset data_;
  std::vector<Part> parts_;
};

ExitCode run(const ProfileOptions& options, const Invocation& call) {
  const ThreadLimit limit(options.common.threads);
  Run work(options);
  ProgressDisplay display(options.common.quiet);
  bool done = false;
  const std::string again = "What was answered is in " + options.out + ". Go on with:\n  " + command_line(call) + "\n";
  try {
    const InterruptGuard guard;
    done = work.work(display.observer());
  } catch (const ConfigError&) {
    throw;
  } catch (const DataError&) {
    throw;
  } catch (const BadInput&) {
    throw;
  } catch (const Error& e) {
    display.finish();
    std::cerr << "reclm: " << e.what() << "\n" << again;
    return exit_failed;
  }
  display.finish();
  if (!done) {
    std::cerr << "Interrupted. " << again;
    return exit_interrupted;
  }
  if (options.common.json)
    std::cout << work.json().dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
  else
    work.print();
  return exit_ok;
}

}  // namespace

void add_profile(CLI::App& app, Invocation& call) {
  const auto options = std::make_shared<ProfileOptions>();
  CLI::App* const command = add_command(
      app, "profile", "Has a language model write profiles of users and items.",
      "Asks for \"User identity: a, b, c; User interests: x, y, z\" about each user, from the user's train\n"
      "interactions, and then about each item, from its text and the profiles of some who chose it. Answers go\n"
      "into a file of JSON lines, each with model, seed and the prompt's hash; what breaks the form is asked\n"
      "again. Equal prompts are asked once. Nothing is asked twice of the same writer with the same settings: after\n"
      "an interruption, a failure or a crash the same command goes on. Who writes: a server that speaks OpenAI's\n"
      "interface (vLLM, llama-server, Ollama, hosted ones), a model on this machine, a file of answers, or the\n"
      "embedded world's own oracle. The key of a server is read from an environment variable, sent over https or\n"
      "to this machine alone, and never shown or stored.",
      "  reclm profile --world --out profiles.jsonl\n"
      "  reclm profile --data DIR --model SmolLM2.gguf --only-profiles --users 100 --about users --out profiles.jsonl\n"
      "  reclm profile --data DIR --endpoint http://127.0.0.1:8000/v1 --out profiles.jsonl --vectors DIR\n"
      "  reclm profile --data DIR --answers gpt.jsonl --out profiles.jsonl --about users");
  add_data_options(*command, options->data);
  const char* group = "Who writes";
  command->add_option("--endpoint", options->endpoint, "URL that /chat/completions is added to")
      ->option_text("URL")
      ->group(group);
  command
      ->add_option("--model", options->model,
                   "a GGUF file or Hugging Face folder; with --endpoint the server's\nname for it (else the first that "
                   "it lists)")
      ->option_text("NAME")
      ->group(group);
  command->add_option("--answers", options->answers, "JSON lines with user_id or item_id, and profile or output")
      ->option_text("FILE")
      ->group(group);
  command->add_option("--adapter", options->adapter, "LoRA updates of a local model: a PEFT folder")
      ->option_text("DIR")
      ->group(group);
  add_precision_option(*command, options->writer.precision)->group(group);
  command->add_option("--key-variable", options->key_variable, "environment variable that holds the server's key")
      ->option_text("NAME=OPENAI_API_KEY")
      ->group(group);
  command->add_option("--concurrency", options->writer.batch, "requests, or texts of a local model, at a time")
      ->option_text("N=4")
      ->group(group);
  command->add_option("--timeout", options->timeout, "seconds without a byte of an answer")
      ->option_text("X=120")
      ->group(group);
  command->add_option("--retries", options->retries, "after a busy, failing or silent server")
      ->option_text("N=5")
      ->group(group);
  command->add_option("--ca-file", options->ca_file, "certificates to trust beside the system's (PEM)")
      ->option_text("FILE")
      ->group(group);
  group = "What is asked";
  command->add_option("--about", options->about, "users, items")->option_text("LIST=users,items")->group(group);
  command->add_option("--users", options->users, "the first N users with a history; 0: all")
      ->check(CLI::NonNegativeNumber)
      ->option_text("N=0")
      ->group(group);
  command->add_option("--items", options->items, "the first N items; 0: all")
      ->check(CLI::NonNegativeNumber)
      ->option_text("N=0")
      ->group(group);
  command->add_option("--history", options->history, "most items told of a history; 0: all")
      ->check(CLI::NonNegativeNumber)
      ->option_text("N=30")
      ->group(group);
  command->add_option("--drop", options->drop, "what of a long history goes first: popular, oldest")
      ->check(CLI::IsMember({"popular", "oldest"}))
      ->option_text("RULE=popular")
      ->group(group);
  command->add_option("--budget", options->budget, "most tokens of prompt and answer, counted as bytes / 3; 0: any")
      ->check(CLI::NonNegativeNumber)
      ->option_text("N=0")
      ->group(group);
  command->add_option("--columns", options->columns, "text columns of the items, in this order; else all")
      ->option_text("LIST")
      ->group(group);
  command
      ->add_option("--templates", options->templates, "your wording, a JSON file: see reclm/instruct/template_file.hpp")
      ->option_text("FILE")
      ->group(group);
  group = "Answers";
  command->add_option("--max-tokens", options->writer.max_tokens, "of an answer")
      ->check(CLI::Range(1, 1 << 20))
      ->option_text("N=100")
      ->group(group);
  command->add_option("--temperature", options->writer.temperature, "of sampling")->option_text("X=0.9")->group(group);
  command->add_option("--top-p", options->writer.top_p, "of sampling")->option_text("X=0.9")->group(group);
  command->add_option("--repetition-penalty", options->writer.repetition_penalty, "of a local model's sampling")
      ->option_text("X=1.05")
      ->group(group);
  command
      ->add_flag("--distinct-entries", options->writer.distinct_entries,
                 "a local model begins no entry of a list like an earlier one")
      ->group(group);
  command
      ->add_flag("--only-profiles", options->writer.only_profiles,
                 "a local model is kept inside the form, token by token")
      ->group(group);
  command
      ->add_option("--extra", options->extra,
                   "JSON object merged into each request, e.g. {\"repetition_penalty\": 1.3}")
      ->option_text("JSON")
      ->group(group);
  command
      ->add_option("--consensus", options->consensus,
                   "a profile is what N answers agree on: each prompt is asked N times")
      ->check(CLI::Range(1, 1000))
      ->option_text("N=1")
      ->group(group);
  command->add_option("--attempts", options->writer.attempts, "at each prompt, when answers break the form")
      ->check(CLI::Range(1, 100))
      ->option_text("N=3")
      ->group(group);
  command->add_flag("--strict", options->strict, "take the exact form alone, not what can be read as it")->group(group);
  command->add_option("--seed", options->seed, "of sampling; another one writes anew")
      ->check(seed_fault)
      ->option_text("N=1")
      ->group(group);
  const char* const running = "Running";
  command->add_option("--out", options->out, "the store, NAME.jsonl; goes on where it is there")
      ->required()
      ->option_text("FILE REQUIRED")
      ->group(running);
  command
      ->add_option("--vectors", options->vectors, "also item_profile.npy and user_profile.npy by the built-in encoder")
      ->option_text("DIR")
      ->group(running);
  add_common_options(*command, options->common);
  command->callback([&call, options] { call.run = [&call, options] { return run(*options, call); }; });
}

}  // namespace reclm::cli
