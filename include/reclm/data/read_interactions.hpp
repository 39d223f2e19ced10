#pragma once
/// @file read_interactions.hpp
/// Interaction files → a CSR matrix, streaming.

#include <array>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/data/delimited.hpp"
#include "reclm/data/detail/interaction_builder.hpp"
#include "reclm/data/id_map.hpp"
#include "reclm/data/interaction_values.hpp"
#include "reclm/data/interactions.hpp"

namespace reclm {

/// Which column of a file is what. The defaults are RecBole's names.
struct InteractionColumns {
  std::string user = "user_id";
  std::string item = "item_id";
  std::string rating = "rating";        ///< may be absent unless ratings are asked for
  std::string timestamp = "timestamp";  ///< may be absent unless timestamps are asked for
};

/// How to read a file of interactions.
struct InteractionReadOptions {
  TableFormat format = TableFormat::atomic();
  InteractionColumns columns = {};
  std::optional<double> min_rating = std::nullopt;  ///< only records rated at least so count
  bool keep_ratings = false;                        ///< 4 bytes a pair
  bool keep_timestamps = false;                     ///< 8 bytes a pair
  bool new_users = true;  ///< users that the map does not hold are added to it; else they are an error
  bool new_items = true;  ///< the same for items
};

/// What a file of interactions holds.
struct ReadInteractions {
  Interactions pairs;
  InteractionValues values;  ///< what was asked for
  Index records = 0;         ///< lines of the file
  Index repeated = 0;        ///< records that repeat a pair; of those the latest, then the best rated, counts
  Index below_rating = 0;    ///< records below `min_rating`
};

namespace detail {

inline constexpr double kLargestRating = std::numeric_limits<float>::max();
inline constexpr std::string_view kRatingRemedy =
    "correct the field, rename the column, or set columns.rating in the options (\"\" for none)";
inline constexpr std::string_view kTimestampRemedy =
    "correct the field, rename the column, or set columns.timestamp in the options (\"\" for none)";

/// Column positions of one file.
struct InteractionPlaces {
  Index user = 0, item = 0;
  std::optional<Index> rating, timestamp;
};

inline InteractionPlaces places_of(const TableReader& table, const InteractionReadOptions& options) {
  const auto number_column = [&](const std::string& name) -> std::optional<Index> {
    const auto place = table.find(name);
    if (!place) return std::nullopt;
    const ColumnType type = table.columns()[static_cast<std::size_t>(*place)].type;
    if (type != ColumnType::any && type != ColumnType::real)
      throw DataError(table.path(), 1, "column \"" + name + "\" is not of type float",
                      "write \"" + name + ":float\", rename the column, or say in the options which one holds numbers");
    return place;
  };
  const auto id_column = [&](const std::string& name) {
    const Index place = table.require(name);
    const ColumnType type = table.columns()[static_cast<std::size_t>(place)].type;
    if (type != ColumnType::any && type != ColumnType::token)
      throw DataError(table.path(), 1, "column \"" + name + "\" is not of type token", "write \"" + name + ":token\"");
    return place;
  };
  InteractionPlaces places{id_column(options.columns.user), id_column(options.columns.item),
                           number_column(options.columns.rating), number_column(options.columns.timestamp)};
  if (options.min_rating || options.keep_ratings) static_cast<void>(table.require(options.columns.rating));
  if (options.keep_timestamps) static_cast<void>(table.require(options.columns.timestamp));
  return places;
}

/// Ids of one column, gathered for some hundred records and then looked up together.
class IdBatch {
 public:
  static constexpr std::size_t kRecords = 256;

  IdBatch(IdMap& ids, bool add, const char* what) : ids_(&ids), add_(add), what_(what) {}

  void gather(const TableReader& table, Index column) {
    const std::string_view token = table.field(column);
    if (token.empty()) table.fail(std::string("the ") + what_ + " id is empty", "write an id or remove the record");
    text_.append(token);
    ends_[count_++] = text_.size();
  }

  /// The numbers of what was gathered. @param lines the line of each record, for the message
  std::span<const Id> look_up(const TableReader& table, std::span<const long long> lines) {
    for (std::size_t k = 0, begin = 0; k < count_; begin = ends_[k++])
      tokens_[k] = std::string_view(text_).substr(begin, ends_[k] - begin);
    const std::span<const std::string_view> tokens(tokens_.data(), count_);
    const std::span<Id> numbers(numbers_.data(), count_);
    if (add_)
      ids_->insert(tokens, numbers);
    else
      std::as_const(*ids_).find(tokens, numbers);
    for (std::size_t k = 0; k < count_ && !add_; ++k)
      if (numbers[k] < 0)
        throw DataError(
            table.path(), lines[k],
            std::string(what_) + " \"" + TableReader::shortened(tokens[k]) + "\" is not in the ." + what_ + " file",
            "add it there, remove the record, or allow unknown ids in the options");
    text_.clear();
    count_ = 0;
    return numbers;
  }

 private:
  IdMap* ids_;
  bool add_;
  const char* what_;
  std::string text_;
  std::size_t count_ = 0;
  std::array<std::size_t, kRecords> ends_{};
  std::array<std::string_view, kRecords> tokens_{};
  std::array<Id, kRecords> numbers_{};
};

/// Reads all records into `events`. @returns the counts; the matrix is still to be built
template <class Event>
ReadInteractions read_events(TableReader& table, IdMap& users, IdMap& items, const InteractionReadOptions& options,
                             PagedArray<Event>& events) {
  const InteractionPlaces places = places_of(table, options);
  ReadInteractions result;
  IdBatch user_batch(users, options.new_users, "user"), item_batch(items, options.new_items, "item");
  std::array<Event, IdBatch::kRecords> pending{};
  std::array<long long, IdBatch::kRecords> lines{};
  std::size_t waiting = 0;
  const auto flush = [&] {
    const std::span<const long long> places_in_file(lines.data(), waiting);
    const auto user = user_batch.look_up(table, places_in_file), item = item_batch.look_up(table, places_in_file);
    for (std::size_t k = 0; k < waiting; ++k) {
      pending[k].user = user[k];
      pending[k].item = item[k];
      events.push_back(pending[k]);
    }
    waiting = 0;
  };
  while (table.next()) {
    ++result.records;
    const double rating = places.rating ? table.number(*places.rating, kRatingRemedy) : 0;
    const double timestamp = places.timestamp ? table.number(*places.timestamp, kTimestampRemedy) : 0;
    if (options.min_rating && rating < *options.min_rating) {
      ++result.below_rating;
      continue;
    }
    if constexpr (!std::is_same_v<Event, Pair>) {
      if (options.keep_ratings && std::abs(rating) > kLargestRating)
        table.fail("the rating is beyond what 32 bits hold", "correct the field or remove the record");
      pending[waiting].rating = static_cast<float>(rating);
      pending[waiting].timestamp = timestamp;
    }
    lines[waiting] = table.line();
    user_batch.gather(table, places.user);
    item_batch.gather(table, places.item);
    if (++waiting == IdBatch::kRecords) flush();
  }
  flush();
  if (result.records == 0)
    throw DataError(table.path(), 0, "the file has a header and no records", "write records or remove the file");
  if (events.size() == 0)
    throw DataError(table.path(), 0, "no record is rated at least as min_rating asks", "lower min_rating");
  return result;
}

template <class Event>
ReadInteractions read_interactions_as(TableReader& table, IdMap& users, IdMap& items,
                                      const InteractionReadOptions& options) {
  PagedArray<Event> events;
  ReadInteractions result = read_events(table, users, items, options, events);
  const Index used = events.size();
  BuiltInteractions built =
      build_interactions(std::move(events), users.size(), items.size(), options.keep_ratings, options.keep_timestamps);
  result.pairs = std::move(built.pairs);
  result.values = std::move(built.values);
  result.repeated = used - result.pairs.size();
  return result;
}

}  // namespace detail

/// Reads a file of interactions; new ids are added to `users` and `items` in the order in which they appear.
///
/// Ratings and timestamps must be finite numbers wherever the file has those columns; other columns are not looked at.
/// Cost: one pass, then an in-place sort. Memory at the peak: 8 bytes a record (24 with values) and 8 a user.
/// @throws IoError, or DataError naming file and line; ConfigError when `min_rating` is NaN
inline ReadInteractions read_interactions(const std::filesystem::path& path, IdMap& users, IdMap& items,
                                          const InteractionReadOptions& options = {}) {
  if (options.min_rating && std::isnan(*options.min_rating))
    throw ConfigError("InteractionReadOptions: min_rating is NaN. Remedy: give a number, or none to keep all records");
  TableReader table(path, options.format);
  return options.keep_ratings || options.keep_timestamps
             ? detail::read_interactions_as<detail::ValuedPair>(table, users, items, options)
             : detail::read_interactions_as<Pair>(table, users, items, options);
}

}  // namespace reclm
