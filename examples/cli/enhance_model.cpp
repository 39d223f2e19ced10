// The model that `reclm enhance` is given, in the numbering of its data, and choices as JSON.

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include "enhance.hpp"
#include "reclm/data/features.hpp"
#include "reclm/data/npy.hpp"
#include "reclm/data/splits.hpp"

namespace reclm::cli {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// The factors of one side; ids without a row get zeros.
Matrix<float> read_factors(const fs::path& path, const IdMap& ids, const char* whose, std::vector<std::string>& notes) {
  fs::path beside = path;
  beside.replace_extension(".ids");
  std::error_code failure;
  FeatureRows rows =
      fs::exists(beside, failure) ? read_features(path, read_ids(beside), ids) : read_features(path, ids, ids);
  const std::string file = path.filename().string();
  if (rows.missing > 0)
    notes.push_back(std::to_string(rows.missing) + " " + whose + " have no row in " + file +
                    ": the model gives them nothing but zeros.");
  if (rows.unknown > 0)
    notes.push_back(std::to_string(rows.unknown) + " rows of " + file + " belong to " + whose +
                    " that the data set does not have; they are left out.");
  return std::move(rows.values);
}

GivenModel read_matrices(const EnhanceOptions& options, const Dataset& data) {
  GivenModel given;
  Matrix<float> users = read_factors(options.user_factors, data.users, "users", given.notes);
  Matrix<float> items = read_factors(options.item_factors, data.items, "items", given.notes);
  if (users.cols() != items.cols())
    throw DataError(
        options.item_factors, 0,
        "the items' rows are " + std::to_string(items.cols()) + " wide, the users' " + std::to_string(users.cols()),
        "name two matrices of one model");
  given.scores = PairModel(std::move(users), std::move(items));
  given.name = "Model";
  return given;
}

/// Where the rows of `from` are in the model's file; -1: nowhere.
std::vector<Id> places(const IdMap& ids, const IdMap& from) {
  std::vector<Id> result;
  for (Id id = 0; id < ids.size(); ++id) result.push_back(from.find(ids.name(id)).value_or(-1));
  return result;
}

Matrix<float> rows_at(const Matrix<float>& from, const std::vector<Id>& places) {
  if (from.empty()) return {};
  Matrix<float> rows(static_cast<Index>(places.size()), from.cols());
  for (std::size_t k = 0; k < places.size(); ++k)
    if (places[k] >= 0) std::ranges::copy(from.row(places[k]), rows.row(static_cast<Index>(k)).begin());
  return rows;
}

GivenModel read_trained(const EnhanceOptions& options, Dataset& data) {
  const TrainedModel model = read_model(options.model);
  const std::vector<Id> users = places(data.users, model.users), items = places(data.items, model.items);
  std::vector<Index> clicks;
  for (const Id item : items) clicks.push_back(item < 0 ? 0 : model.train_clicks[static_cast<std::size_t>(item)]);
  GivenModel given;
  given.name = model.name;
  if (clicks != data.train.item_counts() && data.valid.empty()) {
    carve_validation(data);  // as `reclm train` does
    given.notes.push_back("The data set has no validation split: choices are made on the " +
                          std::to_string(data.valid.size()) + " clicks that the model's own training set aside.");
  }
  if (clicks != data.train.item_counts())
    throw ConfigError("--model " + options.model +
                      " was trained on other clicks than these data hold. Remedy: name its data, with the options of "
                      "`reclm train`");
  given.scores = PairModel(rows_at(model.scores.user_factors(), users), rows_at(model.scores.item_factors(), items),
                           rows_at(model.scores.user_hidden(), users), rows_at(model.scores.item_hidden(), items));
  return given;
}

}  // namespace

GivenModel read_given_model(const EnhanceOptions& options, Dataset& data) {
  GivenModel given;
  try {
    given = options.model.empty() ? read_matrices(options, data) : read_trained(options, data);
  } catch (const IoError& e) {
    throw BadInput(e.what());
  }
  if (!options.label.empty()) given.name = options.label;
  if (data.valid.empty() && options.choice.empty())
    given.notes.push_back(
        "The data set has no validation split, so that nothing is chosen: seen items are ranked by the model alone, "
        "unseen ones behind the head of the list. `reclm split` makes one; the model must be trained without it.");
  return given;
}

std::string choice_text(const FrozenChoice& choice) {
  const Json json{
      {"ease", {{"ridge", choice.ease.ridge}, {"content", choice.ease.content}, {"items", choice.ease.items}}},
      {"residual", choice.residual},
      {"min_history", choice.min_history},
      {"sharpness", choice.sharpness},
      {"ridge", choice.ridge},
      {"cold_residual", choice.cold_residual},
      {"smoothing", choice.smoothing},
      {"cold_gain", choice.cold_gain},
      {"cold_offset", std::isfinite(choice.cold_offset) ? Json(choice.cold_offset) : Json()}};
  return json.dump(2) + "\n";
}

FrozenChoice read_choice(const fs::path& path) {
  std::ifstream file(path);
  if (!file) throw BadInput("cannot read " + path.string() + ". Remedy: name a choice.json of `reclm enhance`");
  const auto wrong = [&](const std::string& problem) {
    return DataError(path.string(), 0, problem, "name a choice.json of `reclm enhance`");
  };
  FrozenChoice choice;
  try {
    const Json json = Json::parse(file);
    choice.ease = {.ridge = json.at("ease").at("ridge"),
                   .content = json.at("ease").at("content"),
                   .items = json.at("ease").at("items")};
    choice.residual = json.at("residual");
    choice.min_history = json.at("min_history");
    choice.sharpness = json.at("sharpness");
    choice.ridge = json.at("ridge");
    choice.cold_residual = json.at("cold_residual");
    choice.smoothing = json.at("smoothing");
    choice.cold_gain = json.at("cold_gain");
    const Json& offset = json.at("cold_offset");
    choice.cold_offset = offset.is_null() ? -std::numeric_limits<double>::infinity() : offset.get<double>();
  } catch (const nlohmann::json::exception& e) {
    throw wrong(std::string("this is no choice: ") + e.what());
  }
  if (const char* const flaw = flaw_of(choice)) throw wrong(flaw);
  return choice;
}

}  // namespace reclm::cli
