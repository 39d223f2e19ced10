#pragma once
/// @file delimited.hpp
/// Tables as text: RecBole's atomic files, CSV and TSV, read as a stream of records.

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/data/detail/line_reader.hpp"

namespace reclm {

/// How a text table is written. Lines end in \n or \r\n, the text is UTF-8 with or without a byte order mark, and the
/// first line names the columns.
struct TableFormat {
  char delimiter = '\t';
  bool quotes = false;       ///< fields may stand in double quotes, as RFC 4180 says; else a quote is a usual character
  bool typed_header = true;  ///< columns are called "name:type", as in RecBole's atomic files

  /// RecBole's atomic files: tabs, no quoting, typed header.
  static TableFormat atomic() { return {'\t', false, true}; }
  /// RFC 4180.
  static TableFormat csv() { return {',', true, false}; }
  /// Tabs, no quoting, plain names.
  static TableFormat tsv() { return {'\t', false, false}; }
};

/// The types of RecBole's headers. `any`: the header has no types.
enum class ColumnType { any, token, token_seq, real, real_seq };

/// One column of a table.
struct TableColumn {
  std::string name;
  ColumnType type = ColumnType::any;
};

namespace detail {

/// A plain decimal of at most 15 digits, which a double division rounds rightly; nothing for any other text.
inline std::optional<double> parse_short_decimal(std::string_view text) {
  static constexpr double kPowers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14};
  if (text.empty() || text.size() > 15) return std::nullopt;
  std::int64_t digits = 0;
  std::size_t point = text.size();
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto digit = static_cast<unsigned>(text[at] - '0');
    if (digit <= 9)
      digits = 10 * digits + digit;
    else if (text[at] == '.' && point == text.size() && at > 0 && at + 1 < text.size())
      point = at;
    else
      return std::nullopt;
  }
  return point == text.size() ? static_cast<double>(digits)
                              : static_cast<double>(digits) / kPowers[text.size() - point - 1];
}

}  // namespace detail

/// A finite number, or nothing. Blanks around it and a leading plus are accepted.
inline std::optional<double> parse_number(std::string_view text) {
  if (const auto quick = detail::parse_short_decimal(text)) return quick;
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  if (text.size() > 1 && text.front() == '+' && text[1] != '-') text.remove_prefix(1);
  double value = 0;
  const auto [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || stop != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

/// Reads a table record by record. Memory: a few blocks of the file, whatever its size.
class TableReader {
 public:
  /// Opens the file and reads its header.
  /// @throws IoError when the file cannot be read; DataError when it is empty or its header is wrong
  explicit TableReader(const std::filesystem::path& path, TableFormat format = {}) : lines_(path), format_(format) {
    if (!read_record()) fail("the file is empty", "write a header line that names the columns");
    for (const std::string_view field : fields_) columns_.push_back(column_of(field));
    std::set<std::string_view> names;
    for (const TableColumn& column : columns_)
      if (!names.insert(column.name).second)
        fail("two columns are called \"" + column.name + "\"", "name each column once");
  }

  [[nodiscard]] std::span<const TableColumn> columns() const { return columns_; }

  /// The position of the column called `name`, or nothing.
  [[nodiscard]] std::optional<Index> find(std::string_view name) const {
    for (std::size_t c = 0; c < columns_.size(); ++c)
      if (columns_[c].name == name) return static_cast<Index>(c);
    return std::nullopt;
  }

  /// The position of the column called `name`. @throws DataError listing the columns there are
  [[nodiscard]] Index require(std::string_view name) const {
    if (const auto place = find(name)) return *place;
    std::string there;
    for (const TableColumn& column : columns_) there += (there.empty() ? "" : ", ") + column.name;
    throw DataError(path(), 1, "there is no column \"" + std::string(name) + "\"; the columns are: " + there,
                    "rename a column or say in the options which one it is");
  }

  /// Moves to the next record; false at the end. Empty lines may stand at the end of the file only.
  /// @throws DataError on a record with another number of fields than the header
  bool next() {
    if (!read_record()) return false;
    if (fields_.size() != columns_.size()) wrong_count();
    return true;
  }

  /// A field of the current record, valid until the next one.
  [[nodiscard]] std::string_view field(Index column) const { return fields_[static_cast<std::size_t>(column)]; }

  /// The field as a number. @throws DataError with that remedy unless it is a finite one
  [[nodiscard]] double number(Index column, std::string_view remedy = "correct the field or remove the record") const {
    const auto value = parse_number(field(column));
    if (!value)
      fail("column \"" + columns_[static_cast<std::size_t>(column)].name + "\" holds \"" + shortened(field(column)) +
               "\", which is not a finite number",
           remedy);
    return *value;
  }

  /// 1-based line of the file where the current record starts.
  [[nodiscard]] long long line() const { return first_line_; }
  [[nodiscard]] const std::string& path() const { return lines_.path(); }

  /// Throws a DataError about the current record.
  [[noreturn]] void fail(std::string_view problem, std::string_view remedy) const {
    throw DataError(path(), line(), problem, remedy);
  }

  /// At most 40 bytes of a field, for messages.
  static std::string shortened(std::string_view field) {
    std::string text(field.substr(0, field.size() <= 40 ? 40 : 37));
    if (field.size() > 40) text.append("...");
    return text;
  }

 private:
  static constexpr std::size_t kLongestRecord = std::size_t{1} << 28;

  bool read_record() {
    std::string_view text;
    for (first_line_ = lines_.line() + 1; lines_.next(text); first_line_ = lines_.line() + 1) {
      if (text.empty()) {
        if (empty_line_ == 0) empty_line_ = lines_.line();
        continue;
      }
      if (empty_line_ != 0)
        throw DataError(path(), empty_line_, "the line is empty", "remove empty lines between records");
      fields_.clear();
      if (format_.quotes && std::memchr(text.data(), '"', text.size()) != nullptr)
        split_quoted(text);
      else
        split_plain(text);
      return true;
    }
    return false;
  }

  void split_plain(std::string_view text) {
    const char* begin = text.data();
    const char* const end = begin + text.size();
    while (const void* found = std::memchr(begin, format_.delimiter, static_cast<std::size_t>(end - begin))) {
      const char* const stop = static_cast<const char*>(found);
      fields_.emplace_back(begin, static_cast<std::size_t>(stop - begin));
      begin = stop + 1;
    }
    fields_.emplace_back(begin, static_cast<std::size_t>(end - begin));
  }

  // A record may go on over several lines, so its text is gathered, unquoted, in `unquoted_`.
  void split_quoted(std::string_view text) {
    unquoted_.clear();
    ends_.clear();
    bool inside = false, closed = false, field_start = true;
    for (std::size_t at = 0;; ++at) {
      if (at == text.size()) {
        if (!inside) break;
        if (!lines_.next(text) || unquoted_.size() > kLongestRecord)
          fail("a quote is opened and never closed", "close the quote, or double quotes inside quoted fields");
        unquoted_ += '\n';
        at = static_cast<std::size_t>(-1);
        continue;
      }
      const char c = text[at];
      if (inside) {
        if (c != '"') {
          unquoted_ += c;
        } else if (at + 1 < text.size() && text[at + 1] == '"') {
          unquoted_ += '"';
          ++at;
        } else {
          inside = false;
          closed = true;
        }
      } else if (c == format_.delimiter) {
        ends_.push_back(unquoted_.size());
        field_start = true;
        closed = false;
        continue;
      } else if (closed) {
        fail("text follows a closing quote", "double the quotes inside quoted fields");
      } else if (c == '"' && field_start) {
        inside = true;
      } else {
        unquoted_ += c;
      }
      field_start = false;
    }
    ends_.push_back(unquoted_.size());
    std::size_t begin = 0;
    for (const std::size_t end : ends_) {
      fields_.emplace_back(unquoted_.data() + begin, end - begin);
      begin = end;
    }
  }

  [[nodiscard]] TableColumn column_of(std::string_view field) const {
    TableColumn column;
    std::string_view type;
    if (format_.typed_header) {
      const auto colon = field.rfind(':');
      if (colon == std::string_view::npos)
        fail("column \"" + shortened(field) + "\" has no type",
             "write the header as name:type, the types are token, token_seq, float and float_seq");
      type = field.substr(colon + 1);
      field = field.substr(0, colon);
    }
    if (field.empty()) fail("a column has no name", "name every column in the first line");
    column.name = field;
    if (!format_.typed_header) return column;
    if (type == "token")
      column.type = ColumnType::token;
    else if (type == "token_seq")
      column.type = ColumnType::token_seq;
    else if (type == "float")
      column.type = ColumnType::real;
    else if (type == "float_seq")
      column.type = ColumnType::real_seq;
    else
      fail("column \"" + column.name + "\" has the unknown type \"" + shortened(type) + "\"",
           "use token, token_seq, float or float_seq");
    return column;
  }

  [[noreturn]] void wrong_count() const {
    fail("the record has " + std::to_string(fields_.size()) + " fields where the header has " +
             std::to_string(columns_.size()),
         format_.quotes ? "correct the record; a field that holds the delimiter stands in double quotes"
                        : "correct the record; fields may not hold the delimiter");
  }

  detail::LineReader lines_;
  TableFormat format_;
  std::vector<TableColumn> columns_;
  std::vector<std::string_view> fields_;
  std::string unquoted_;
  std::vector<std::size_t> ends_;
  long long first_line_ = 0, empty_line_ = 0;
};

}  // namespace reclm
