#include "tuned_writers.hpp"

#include <array>
#include <fstream>
#include <iterator>
#include <memory>
#include <span>
#include <string>

#include "command.hpp"
#include "language_model.hpp"
#include "reclm/data/fingerprint.hpp"
#include "reclm/lm/training/peft.hpp"
#include "run.hpp"

namespace reclm::cli {

namespace {

namespace fs = std::filesystem;
using instruct::LanguageModel;

constexpr std::array kWritingStages{"sft", "collaborative", "ppo"};
constexpr const char* kItemStage = "items";

bool has_updates(const fs::path& stage) { return fs::exists(stage / "adapter_config.json"); }
bool has_weights(const fs::path& stage) { return fs::exists(stage / "config.json"); }

}  // namespace

void check_tuned(const fs::path& stages) {
  for (const char* stage : kWritingStages)
    if (has_updates(stages / stage) || has_weights(stages / stage)) return;
  throw BadInput(stages.string() +
                 ": there are no updates of sft, collaborative or ppo. Remedy: name OUT of `reclm tune`, or OUT/tuning "
                 "of `reclm run`");
}

std::vector<TunedWriter> tuned_writers(const LanguageModel& model, const fs::path& stages) {
  std::vector<TunedWriter> writers{{kUntuned, model, {}}};
  LanguageModel now = model;
  for (const char* stage : kWritingStages) {
    const fs::path folder = stages / stage;
    if (has_updates(folder)) {
      writers.push_back({stage, now, folder});
    } else if (has_weights(folder)) {
      now = with_tuned_weights(model, open_model_weights(folder.string()));
      writers.push_back({stage, now, {}});
    }
  }
  return writers;
}

std::optional<TunedWriter> tuned_item_writer(const std::vector<TunedWriter>& writers, const fs::path& stages) {
  const fs::path folder = stages / kItemStage;
  if (!has_updates(folder)) return std::nullopt;
  const std::string base = open_input([&] { return lm::read_peft(folder); }).info.base_model;
  for (const TunedWriter& writer : writers)
    if (writer.model.name == base) return TunedWriter{kItemStage, writer.model, folder};
  return TunedWriter{kItemStage, writers.front().model, folder};
}

std::string updates_text(const fs::path& stages) {
  Fingerprint all;
  const auto add = [&](const char* stage) {
    for (const char* file : {"adapter_model.safetensors", "model.safetensors"}) {
      std::ifstream in(stages / stage / file, std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(in), {}};
      all.add(std::span<const char>(bytes));
    }
  };
  for (const char* stage : kWritingStages) add(stage);
  add(kItemStage);
  return "fingerprint " + all.text();
}

}  // namespace reclm::cli
