#include "model_file.hpp"

#include <cstdint>
#include <string_view>
#include <utility>

#include "reclm/core/error.hpp"
#include "reclm/data/safetensors.hpp"

namespace reclm::cli {

namespace {

constexpr const char* kFormat = "reclm model 1";

struct IdBytes {
  std::vector<std::uint8_t> bytes;
  std::vector<Index> ends;

  explicit IdBytes(const IdMap& ids) {
    for (Id id = 0; id < ids.size(); ++id) {
      const std::string_view name = ids.name(id);
      bytes.insert(bytes.end(), name.begin(), name.end());
      ends.push_back(static_cast<Index>(bytes.size()));
    }
  }
};

DataError not_a_model(const SafetensorsFile& file, const std::string& problem) {
  return {file.path(), 0, problem, "name a file that `reclm train` of this version wrote, or train anew"};
}

IdMap stored_ids(const SafetensorsFile& file, const std::string& of) {
  const auto bytes = file.vector<std::uint8_t>(of + ".ids");
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  IdMap ids;
  std::size_t begin = 0;
  for (const Index end : file.vector<Index>(of + ".id_ends")) {
    if (end < static_cast<Index>(begin) || static_cast<std::size_t>(end) > text.size())
      throw not_a_model(file, "the ends of the ids of " + of + " are wrong");
    const Id expected = ids.size();
    if (ids.insert(text.substr(begin, static_cast<std::size_t>(end) - begin)) != expected)
      throw not_a_model(file, "an id of " + of + " appears twice");
    begin = static_cast<std::size_t>(end);
  }
  return ids;
}

}  // namespace

TrainedModel packed_model(std::string name, PairModel scores, const Dataset& data) {
  TrainedModel model;
  model.name = std::move(name);
  model.scores = std::move(scores);
  model.train_clicks = data.train.item_counts();
  std::vector<Pair> seen = data.train.pairs();
  if (!data.valid.empty()) {
    const std::vector<Pair> valid = data.valid.pairs();
    seen.insert(seen.end(), valid.begin(), valid.end());
  }
  model.seen = Interactions::from_pairs(data.train.users(), data.train.items(), seen);
  model.users = data.users;
  model.items = data.items;
  return model;
}

void write_model(const std::filesystem::path& path, const TrainedModel& model) {
  const IdBytes users(model.users), items(model.items);
  std::vector<NamedTensor> tensors{NamedTensor::of("users.factors", model.scores.user_factors()),
                                   NamedTensor::of("items.factors", model.scores.item_factors()),
                                   NamedTensor::of("users.ids", users.bytes),
                                   NamedTensor::of("users.id_ends", users.ends),
                                   NamedTensor::of("items.ids", items.bytes),
                                   NamedTensor::of("items.id_ends", items.ends),
                                   NamedTensor::of("items.train_clicks", model.train_clicks)};
  const auto all = [](auto values) { return std::vector(values.begin(), values.end()); };
  const std::vector<Index> offsets = all(model.seen.offsets());
  const std::vector<Id> columns = all(model.seen.columns());
  tensors.push_back(NamedTensor::of("seen.offsets", offsets));
  tensors.push_back(NamedTensor::of("seen.items", columns));
  if (!model.scores.is_product()) {
    tensors.push_back(NamedTensor::of("users.hidden", model.scores.user_hidden()));
    tensors.push_back(NamedTensor::of("items.hidden", model.scores.item_hidden()));
  }
  write_safetensors(path, tensors, {{"format", kFormat}, {"name", model.name}, {"details", model.details}});
}

TrainedModel read_model(const std::filesystem::path& path) {
  const auto file = SafetensorsFile::open(path);
  const auto text = [&](const char* key) {
    const auto found = file.metadata().find(key);
    return found == file.metadata().end() ? std::string() : found->second;
  };
  if (text("format") != kFormat)
    throw not_a_model(file, text("format").empty() ? "the file holds no model of the reclm command"
                                                   : "the file is a \"" + text("format") + "\", no model");
  TrainedModel model;
  model.name = text("name");
  model.details = text("details");
  model.users = stored_ids(file, "users");
  model.items = stored_ids(file, "items");
  model.train_clicks = file.vector<Index>("items.train_clicks");
  const bool hidden = file.contains("users.hidden");
  try {
    model.scores = PairModel(file.matrix<float>("users.factors"), file.matrix<float>("items.factors"),
                             hidden ? file.matrix<float>("users.hidden") : Matrix<float>(),
                             hidden ? file.matrix<float>("items.hidden") : Matrix<float>());
    model.seen = Interactions(model.users.size(), model.items.size(), file.vector<Index>("seen.offsets"),
                              file.vector<Id>("seen.items"));
  } catch (const ShapeError& e) {
    throw not_a_model(file, std::string("its parts do not fit together: ") + e.what());
  }
  if (model.scores.users() != model.users.size() || model.scores.items() != model.items.size() ||
      static_cast<Id>(model.train_clicks.size()) != model.items.size())
    throw not_a_model(file, "it has ids for another number of users or items than vectors");
  return model;
}

}  // namespace reclm::cli
