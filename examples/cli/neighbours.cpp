// Who is like whom, and who says so: what `tune` and `run` know about their data before a language model does.

#include <algorithm>
#include <memory>

#include "compiled.hpp"
#include "reclm/eval/study.hpp"
#include "reclm/instruct/grammar.hpp"
#include "reclm/instruct/imported_answers.hpp"
#include "reclm/instruct/neighbours.hpp"
#include "tuning.hpp"

namespace reclm::cli {

void teach(TaughtData& taught, const std::string& file, bool needed) {
  if (!file.empty()) {
    const auto imported = open_input([&] { return instruct::read_answers(file, taught.data); });
    taught.teacher = file;
    taught.user_profiles.assign(static_cast<std::size_t>(taught.data.users.size()), "");
    taught.item_profiles.assign(static_cast<std::size_t>(taught.data.items.size()), "");
    for (const instruct::ImportedAnswer& answer : imported.answers) {
      const instruct::ProfileReading reading = instruct::read_profile(answer.text);
      if (!reading.valid()) continue;
      auto& texts = answer.user >= 0 ? taught.user_profiles : taught.item_profiles;
      texts[static_cast<std::size_t>(std::max(answer.user, answer.item))] = instruct::format_profile(reading.profile);
    }
  }
  if (needed && taught.user_profiles.empty())
    throw ConfigError(
        "there is no teacher to learn from. Remedy: --profiles FILE, as `reclm profile` writes it, by a server "
        "(--endpoint URL), a larger model on this machine (--model PATH) or from a file of answers (--answers FILE)");
}

std::vector<std::string> seen_item_profiles(const TaughtData& taught) {
  std::vector<std::string> profiles = taught.item_profiles;
  const std::vector<Index> clicks = taught.data.train.item_counts();
  for (std::size_t item = 0; item < profiles.size(); ++item)
    if (clicks[item] == 0) profiles[item].clear();
  const bool none = std::ranges::all_of(profiles, [](const std::string& text) { return text.empty(); });
  return none ? std::vector<std::string>{} : profiles;
}

bool find_neighbours(TaughtData& taught, int epochs, std::uint64_t seed, const Observer& observer) {
  const Dataset& data = taught.data;
  const AdapterKind kind = data.item_vectors.empty() ? AdapterKind::id : AdapterKind::base;
  const auto model = make_model({BackboneKind::light_gcn, kind}, data, 32, seed);
  TrainOptions how;
  how.epochs = epochs;
  // Small data need steps more than large ones.
  how.batch_size = std::clamp<Index>(data.train.size() / 32, 256, how.batch_size);
  how.seed = seed;
  how.l2 = default_l2(BackboneKind::light_gcn);
  how.selection = Selection::last;
  how.observer = observer;
  if (train(*model, data.train, how).interrupted) return false;
  const PairModel factors = model->ranking();
  // Stages tell of those alone who have a profile; where a teacher knows few of many users, hardly anybody's nearest
  // do.
  std::vector<Id> known;
  for (std::size_t user = 0; user < taught.user_profiles.size(); ++user)
    if (!taught.user_profiles[user].empty()) known.push_back(static_cast<Id>(user));
  taught.neighbours = instruct::user_neighbours(factors, 5, known).ids;
  taught.item_neighbours = instruct::item_neighbours(factors).ids;
  return true;
}

}  // namespace reclm::cli
