#pragma once
/// @file jsonl.hpp
/// Files with a JSON object a line. Costs some 5 s to compile: include it where such files are read, not in headers
/// that everybody needs.

#include <filesystem>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "reclm/core/error.hpp"
#include "reclm/data/detail/line_reader.hpp"

namespace reclm {

/// One object of a file, and where it stands.
class JsonRecord {
 public:
  JsonRecord(nlohmann::json object, std::string path, long long line)
      : object_(std::move(object)), path_(std::move(path)), line_(line) {}

  [[nodiscard]] const nlohmann::json& object() const { return object_; }
  [[nodiscard]] bool has(const char* key) const { return object_.contains(key); }

  /// @throws DataError unless there is a text under `key`
  [[nodiscard]] std::string text(const char* key) const {
    const auto found = object_.find(key);
    if (found == object_.end()) fail("there is no \"" + std::string(key) + "\"", "give it as a text");
    if (!found->is_string()) fail("\"" + std::string(key) + "\" is no text", "put it in quotes");
    return found->get<std::string>();
  }
  [[nodiscard]] std::string text(const char* key, const std::string& otherwise) const {
    return has(key) ? text(key) : otherwise;
  }

  /// An id: a text, or a whole number, which other tools make of ids that look like one; "" where there is none.
  [[nodiscard]] std::string id(const char* key) const {
    const auto found = object_.find(key);
    if (found == object_.end() || found->is_null()) return {};
    if (found->is_number_integer()) return found->dump();
    if (!found->is_string()) fail("\"" + std::string(key) + "\" is no id", "give a text or a whole number");
    return found->get<std::string>();
  }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] long long line() const { return line_; }
  [[noreturn]] void fail(const std::string& problem, const std::string& remedy) const {
    throw DataError(path_, line_, problem, remedy);
  }

 private:
  nlohmann::json object_;
  std::string path_;
  long long line_;
};

/// Parses one line. @throws DataError when it is no JSON object
inline JsonRecord parse_json_line(std::string_view text, const std::string& path, long long line) {
  try {
    nlohmann::json object = nlohmann::json::parse(text);
    if (object.is_object()) return {std::move(object), path, line};
  } catch (const nlohmann::json::exception& e) {
    // "[json.exception.parse_error.101] parse error at line 1, column 5: …", or that a number is out of range
    const std::string what = e.what();
    const auto detail = what.find("column");
    throw DataError(path, line, "this is no JSON (" + what.substr(detail == std::string::npos ? 0 : detail) + ")",
                    "write one JSON object on each line");
  }
  throw DataError(path, line, "there is JSON, but no object", "write one JSON object on each line");
}

/// Calls `record(JsonRecord)` for each line that is not blank. @throws IoError; DataError on a line that is no object
template <class Body>
void for_each_json_line(const std::filesystem::path& path, const Body& body) {
  detail::LineReader reader(path);
  for (std::string_view line; reader.next(line);)
    if (line.find_first_not_of(" \t") != std::string_view::npos)
      body(parse_json_line(line, reader.path(), reader.line()));
}

}  // namespace reclm
