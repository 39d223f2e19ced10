#pragma once
/// @file json.hpp
/// JSON documents (RFC 8259) of model folders as a tree. A whole JSON library costs some 5 seconds in every file that
/// includes it; these few lines read a tokenizer.json of 10 MB in well under a second and refuse what is hostile.

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"
#include "reclm/core/mapped_file.hpp"
#include "reclm/core/utf8.hpp"

namespace reclm::lm::detail {

/// A value of a document. Lists and objects share `parts`; an object's part has its key in `key`.
struct Json {
  enum class Kind { null, boolean, number, text, list, object };
  Kind kind = Kind::null;
  bool flag = false;
  double value = 0;
  std::string text;         // of a text
  std::string key;          // in the object around it
  std::vector<Json> parts;  // in the document's order

  [[nodiscard]] bool is(Kind wanted) const { return kind == wanted; }

  /// A member of an object, or null; the last one where a key is repeated.
  [[nodiscard]] const Json& operator[](std::string_view name) const {
    static const Json none;
    if (kind == Kind::object)
      for (auto part = parts.rbegin(); part != parts.rend(); ++part)
        if (part->key == name) return *part;
    return none;
  }
  [[nodiscard]] bool has(std::string_view name) const { return !(*this)[name].is(Kind::null); }
};

/// Reads a whole document. Depth and number of values are bounded, so is the memory.
class JsonReader {
 public:
  JsonReader(std::string_view document, std::string_view file) : document_(document), file_(file) {}

  /// @throws DataError naming file and line
  Json read() {
    Json root;
    value(root, 0);
    blanks();
    if (at_ != document_.size()) fail("something follows the end of the document");
    return root;
  }

 private:
  static constexpr int kDeepest = 100;
  static constexpr std::size_t kMostValues = 20'000'000;

  [[noreturn]] void fail(const std::string& problem) const {
    const auto line = 1 + std::count(document_.begin(), document_.begin() + static_cast<std::ptrdiff_t>(at_), '\n');
    throw DataError(file_, line, "the JSON is wrong: " + problem, "the file is damaged; write or download it again");
  }
  void blanks() {
    while (at_ < document_.size() && std::string_view(" \t\r\n").find(document_[at_]) != std::string_view::npos) ++at_;
  }
  char peek() {
    if (at_ >= document_.size()) fail("the document ends too early");
    return document_[at_];
  }
  bool accept(char c) {
    blanks();
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(std::string("there is no '") + c + "'");
  }

  void value(Json& into, int depth) {
    if (depth > kDeepest) fail("values are nested too deep");
    if (++values_ > kMostValues) fail("there are too many values");
    blanks();
    switch (peek()) {
      case '{':
        return sequence(into, Json::Kind::object, '}', depth);
      case '[':
        return sequence(into, Json::Kind::list, ']', depth);
      case '"':
        into.kind = Json::Kind::text;
        into.text = text();
        return;
      case 't':
        return word(into, "true", Json::Kind::boolean);
      case 'f':
        return word(into, "false", Json::Kind::boolean);
      case 'n':
        return word(into, "null", Json::Kind::null);
      default:
        number(into);
    }
  }

  void sequence(Json& into, Json::Kind kind, char close, int depth) {
    ++at_;
    into.kind = kind;
    if (accept(close)) return;
    do {
      Json& part = into.parts.emplace_back();
      if (kind == Json::Kind::object) {
        blanks();
        part.key = text();
        expect(':');
      }
      value(part, depth + 1);
    } while (accept(','));
    expect(close);
  }

  void word(Json& into, std::string_view expected, Json::Kind kind) {
    if (document_.substr(at_, expected.size()) != expected) fail("there is an unknown word");
    at_ += expected.size();
    into.kind = kind;
    into.flag = expected == "true";
  }

  void number(Json& into) {
    const char first = peek();
    if (first != '-' && (first < '0' || first > '9')) fail("there is no value");
    const char* const begin = document_.data() + at_;
    const auto [stop, failure] = std::from_chars(begin, document_.data() + document_.size(), into.value);
    if (failure != std::errc{} || !std::isfinite(into.value)) fail("there is an impossible number");
    into.kind = Json::Kind::number;
    at_ += static_cast<std::size_t>(stop - begin);
  }

  std::string text() {
    if (peek() != '"') fail("a text is missing");
    ++at_;
    std::string result;
    for (;;) {
      const std::size_t stop = document_.find_first_of("\"\\", at_);
      if (stop == std::string_view::npos) {
        at_ = document_.size();
        fail("a text is not closed");
      }
      result.append(document_, at_, stop - at_);
      at_ = stop + 1;
      if (document_[stop] == '"') break;
      escape(result);
    }
    if (!is_utf8(result)) fail("a text is not UTF-8");
    return result;
  }

  void escape(std::string& into) {
    const char c = peek();
    ++at_;
    constexpr std::string_view signs = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    if (const auto k = signs.find(c); k != std::string_view::npos) {
      into += meanings[k];
      return;
    }
    if (c != 'u') fail("a text holds an unknown escape");
    std::uint32_t code = hex();
    if (code >= 0xD800 && code < 0xDC00 && document_.substr(at_, 2) == "\\u") {
      at_ += 2;
      const std::uint32_t low = hex();
      if (low < 0xDC00 || low > 0xDFFF) fail("half of a surrogate pair is missing");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    if (code >= 0xD800 && code < 0xE000) fail("half of a surrogate pair is missing");
    append_utf8(into, code);
  }

  std::uint32_t hex() {
    std::uint32_t code = 0;
    const char* const begin = document_.data() + at_;
    const char* const end = document_.data() + std::min(at_ + 4, document_.size());
    const auto [stop, failure] = std::from_chars(begin, end, code, 16);
    if (failure != std::errc{} || stop != begin + 4) fail("an escape has no four hexadecimal digits");
    at_ += 4;
    return code;
  }

  std::string_view document_, file_;
  std::size_t at_ = 0, values_ = 0;
};

/// A file read whole, with typed access to its members. Errors name the file.
class JsonFile {
 public:
  /// @throws IoError; DataError, also for a file beyond 1 GiB
  explicit JsonFile(const std::filesystem::path& path) : path_(path.string()) {
    const MappedFile file(path);
    if (file.bytes().size() > std::size_t{1} << 30) throw error("the file is larger than 1 GiB");
    root_ = JsonReader({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()}, path_).read();
    if (!root_.is(Json::Kind::object)) throw error("the document is no JSON object");
  }
  /// A document that is already in memory; `path` is for messages.
  JsonFile(std::string_view document, std::string path) : path_(std::move(path)) {
    root_ = JsonReader(document, path_).read();
  }

  [[nodiscard]] const Json& root() const { return root_; }
  [[nodiscard]] Json& root() { return root_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] DataError error(const std::string& problem,
                                const std::string& remedy = "check the file or download it again") const {
    return {path_, 0, problem, remedy};
  }

  // Members of an object; `otherwise` where there is none or null. @throws DataError when it is of another type
  [[nodiscard]] double number(const Json& in, std::string_view name, double otherwise) const {
    const Json& found = in[name];
    if (found.is(Json::Kind::null)) return otherwise;
    if (!found.is(Json::Kind::number)) throw wrong(name, "number");
    return found.value;
  }
  [[nodiscard]] Index integer(const Json& in, std::string_view name, Index otherwise) const {
    const double value = number(in, name, static_cast<double>(otherwise));
    if (value != std::floor(value) || std::abs(value) > 0x1p53) throw wrong(name, "whole number");
    return static_cast<Index>(value);
  }
  [[nodiscard]] bool boolean(const Json& in, std::string_view name, bool otherwise) const {
    const Json& found = in[name];
    if (found.is(Json::Kind::null)) return otherwise;
    if (!found.is(Json::Kind::boolean)) throw wrong(name, "truth value");
    return found.flag;
  }
  [[nodiscard]] std::string text(const Json& in, std::string_view name, std::string_view otherwise = "") const {
    const Json& found = in[name];
    if (found.is(Json::Kind::null)) return std::string(otherwise);
    if (!found.is(Json::Kind::text)) throw wrong(name, "text");
    return found.text;
  }
  [[nodiscard]] const std::vector<Json>& list(const Json& in, std::string_view name) const {
    const Json& found = in[name];
    if (!found.is(Json::Kind::null) && !found.is(Json::Kind::list)) throw wrong(name, "list");
    return found.parts;
  }

 private:
  [[nodiscard]] DataError wrong(std::string_view name, const char* wanted) const {
    return error("\"" + std::string(name) + "\" is no " + wanted);
  }

  std::string path_;
  Json root_;
};

/// `text` as a JSON string; it must be UTF-8.
inline std::string json_text(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (byte < 0x20) {
      constexpr std::string_view digits = "0123456789abcdef";
      quoted += "\\u00";
      quoted += digits[byte >> 4];
      quoted += digits[byte & 15];
    } else {
      quoted += c;
    }
  }
  return quoted += '"';
}

/// The shortest decimal that reads back as `value`; whole numbers without an exponent, as readers of integers want
/// them.
inline std::string json_number(double value) {
  std::array<char, 32> text{};
  const bool whole = std::abs(value) < 0x1p53 && value == std::trunc(value);
  const auto end = whole ? std::to_chars(text.begin(), text.end(), value, std::chars_format::fixed).ptr
                         : std::to_chars(text.begin(), text.end(), value).ptr;
  return {text.data(), end};
}

/// A value as a document without blanks.
inline std::string json_document(const Json& json) {
  switch (json.kind) {
    case Json::Kind::null:
      return "null";
    case Json::Kind::boolean:
      return json.flag ? "true" : "false";
    case Json::Kind::number:
      return json_number(json.value);
    case Json::Kind::text:
      return json_text(json.text);
    default:
      break;
  }
  const bool object = json.is(Json::Kind::object);
  std::string document(1, object ? '{' : '[');
  for (const Json& part : json.parts) {
    if (document.size() > 1) document += ',';
    if (object) document.append(json_text(part.key)).append(1, ':');
    document += json_document(part);
  }
  return document += object ? '}' : ']';
}

}  // namespace reclm::lm::detail
