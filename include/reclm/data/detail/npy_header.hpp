#pragma once
/// @file npy_header.hpp
/// The header of .npy files (NumPy enhancement proposal 1, versions 1.0, 2.0 and 3.0).

#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/core/error.hpp"

namespace reclm::detail {

/// What the header says of the array behind it.
struct NpyHeader {
  char kind = 'f';             ///< 'f' floating point, 'i' signed integer
  int bytes = 4;               ///< of one element
  bool swapped = false;        ///< elements are in the other byte order than this machine's
  bool fortran_order = false;  ///< the first index runs fastest
  std::vector<Index> shape;
};

/// Reads the Python dictionary of a header; every problem is a DataError about `file`.
class NpyHeaderParser {
 public:
  NpyHeaderParser(std::string_view text, const std::string& file) : text_(text), file_(&file) {}

  NpyHeader parse() {
    NpyHeader header;
    bool descr = false, order = false, shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr" && !descr) {
        read_type(header);
        descr = true;
      } else if (key == "fortran_order" && !order) {
        header.fortran_order = boolean();
        order = true;
      } else if (key == "shape" && !shape) {
        header.shape = tuple();
        shape = true;
      } else {
        fail("the header has an unexpected or repeated key");
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    if (!descr || !order || !shape) fail("the header lacks descr, fortran_order or shape");
    skip_blanks();
    if (at_ != text_.size()) fail("text follows the header's dictionary");
    return header;
  }

 private:
  [[noreturn]] void fail(const std::string& problem) const {
    throw DataError(*file_, 0, problem, "write the file with numpy.save or reclm::write_npy");
  }
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\0'))
      ++at_;
  }
  bool accept(char c) {
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(std::string("the header is damaged: '") + c + "' is missing");
  }
  std::string_view quoted() {
    skip_blanks();
    const char quote = at_ < text_.size() ? text_[at_] : ' ';
    if (quote != '\'' && quote != '"') fail("the header is damaged: a quoted word is missing");
    const auto end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail("the header is damaged: a quote is not closed");
    const auto word = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return word;
  }
  bool accept_word(std::string_view word) {
    skip_blanks();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  bool boolean() {
    if (accept_word("True")) return true;
    if (!accept_word("False")) fail("fortran_order is neither True nor False");
    return false;
  }
  std::vector<Index> tuple() {
    std::vector<Index> sizes;
    expect('(');
    while (!accept(')')) {
      skip_blanks();
      Index size = -1;
      const auto [stop, failure] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), size);
      if (failure != std::errc() || size < 0) fail("the shape holds something that is not a size");
      at_ = static_cast<std::size_t>(stop - text_.data());
      accept('L');  // Python 2 wrote long integers so
      sizes.push_back(size);
      if (sizes.size() > 32) fail("the shape has more than 32 dimensions");
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return sizes;
  }
  void read_type(NpyHeader& header) {
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == '[') fail("the array has named fields; a plain array is needed");
    const std::string_view type = quoted();
    const std::string_view name = type.empty() ? type : type.substr(1);
    if (name != "f2" && name != "f4" && name != "f8" && name != "i4" && name != "i8")
      throw DataError(*file_, 0, "the element type \"" + std::string(type.substr(0, 20)) + "\" is not supported",
                      "save it as float16, float32, float64, int32 or int64");
    header.kind = name[0];
    header.bytes = name[1] - '0';
    const bool little = std::endian::native == std::endian::little;
    switch (type[0]) {
      case '<':
        header.swapped = !little;
        break;
      case '>':
        header.swapped = little;
        break;
      case '=':
      case '|':
        break;
      default:
        fail("the element type has no byte order");
    }
  }

  std::string_view text_;
  const std::string* file_;
  std::size_t at_ = 0;
};

/// Elements of a shape, or nothing when their bytes do not fit 63 bits.
inline std::optional<Index> element_count(const std::vector<Index>& shape, Index bytes_each) {
  Index count = 1;
  for (const Index size : shape)
    if (size == 0) return 0;
  for (const Index size : shape) {
    if (size < 0 || count > std::numeric_limits<Index>::max() / bytes_each / size) return std::nullopt;
    count *= size;
  }
  return count;
}

/// "[3, 4]"
inline std::string shape_text(const std::vector<Index>& shape) {
  std::string text = "[";
  for (const Index size : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

}  // namespace reclm::detail
