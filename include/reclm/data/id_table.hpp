#pragma once
/// @file id_table.hpp
/// Tables of items or users: ids and their text.

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/data/dataset.hpp"
#include "reclm/data/delimited.hpp"
#include "reclm/data/id_map.hpp"

namespace reclm {

/// The rows of an .item or .user file.
struct IdTable {
  IdMap ids;  ///< in the order of the file
  std::vector<TextColumn>
      text;  ///< columns of type token and token_seq; without types, columns that are not all numbers
};

/// Reads a table with an id column and text columns.
/// @throws IoError; DataError naming file and line on an empty or repeated id, a missing id column, a record with
/// another
///         number of fields than the header, or no record at all
inline IdTable read_id_table(const std::filesystem::path& path, const std::string& id_column,
                             const TableFormat& format = TableFormat::atomic()) {
  TableReader table(path, format);
  const Index id = table.require(id_column);
  IdTable result;
  std::vector<Index> places;
  std::vector<bool> has_words;
  for (Index c = 0; c < static_cast<Index>(table.columns().size()); ++c) {
    const TableColumn& column = table.columns()[static_cast<std::size_t>(c)];
    if (c == id || column.type == ColumnType::real || column.type == ColumnType::real_seq) continue;
    places.push_back(c);
    has_words.push_back(column.type != ColumnType::any);
    result.text.push_back({column.name, {}});
  }
  Id rows = 0;
  while (table.next()) {
    const std::string_view token = table.field(id);
    if (token.empty()) table.fail("the id is empty", "write an id or remove the record");
    if (result.ids.insert(token) != rows++)
      table.fail("the id \"" + TableReader::shortened(token) + "\" appears twice", "keep one record for each id");
    for (std::size_t k = 0; k < places.size(); ++k) {
      const std::string_view value = table.field(places[k]);
      if (!has_words[k] && !value.empty() && !parse_number(value)) has_words[k] = true;
      result.text[k].values.emplace_back(value);
    }
  }
  if (rows == 0)
    throw DataError(table.path(), 0, "the file has a header and no records", "write records or remove the file");
  for (std::size_t k = places.size(); k-- > 0;)
    if (!has_words[k]) result.text.erase(result.text.begin() + static_cast<std::ptrdiff_t>(k));
  return result;
}

}  // namespace reclm
