// Who is like whom, and who says so: what `tune` and `run` know about their data before a language model does.

#include <memory>

#include "compiled.hpp"
#include "reclm/eval/study.hpp"
#include "reclm/instruct/neighbours.hpp"
#include "reclm/instruct/profile_store.hpp"
#include "tuning.hpp"

namespace reclm::cli {

void teach(TaughtData& taught, const std::string& file) {
  if (!file.empty()) {
    if (!std::filesystem::exists(file)) throw BadInput("cannot open " + file + ". Remedy: check the path");
    const instruct::ProfileStore store(file);
    taught.teacher = file;
    taught.user_profiles = store.user_profiles(taught.data.users);
    taught.item_profiles = store.item_profiles(taught.data.items);
  }
  if (taught.user_profiles.empty())
    throw ConfigError(
        "there is no teacher to learn from. Remedy: --profiles FILE, as `reclm profile` writes it, by a server "
        "(--endpoint URL), a larger model on this machine (--model PATH) or from a file of answers (--answers FILE)");
}

std::vector<std::string> seen_item_profiles(const TaughtData& taught) {
  std::vector<std::string> profiles = taught.item_profiles;
  const std::vector<Index> clicks = taught.data.train.item_counts();
  for (std::size_t item = 0; item < profiles.size(); ++item)
    if (clicks[item] == 0) profiles[item].clear();
  return profiles;
}

bool find_neighbours(TaughtData& taught, int epochs, std::uint64_t seed, const Observer& observer) {
  const Dataset& data = taught.data;
  const AdapterKind kind = data.item_vectors.empty() ? AdapterKind::id : AdapterKind::base;
  const auto model = make_model({BackboneKind::light_gcn, kind}, data, 32, seed);
  TrainOptions how;
  how.epochs = epochs;
  how.seed = seed;
  how.l2 = default_l2(BackboneKind::light_gcn);
  how.selection = Selection::last;
  how.observer = observer;
  if (train(*model, data.train, how).interrupted) return false;
  const PairModel factors = model->ranking();
  taught.neighbours = instruct::user_neighbours(factors).ids;
  taught.item_neighbours = instruct::item_neighbours(factors).ids;
  return true;
}

}  // namespace reclm::cli
