#pragma once
/// @file error.hpp
/// One small family of exceptions. Every message says what is wrong, where, and what to do about it.

#include <stdexcept>
#include <string>
#include <string_view>

namespace reclm {

/// Base of everything this library throws on purpose.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A file's content is not what it should be. `what()` reads "FILE:LINE: problem. Remedy: …".
class DataError : public Error {
 public:
  /// @param file    the path as the caller gave it
  /// @param line    1-based line number; 0 when the format has no lines
  /// @param problem one clause, no full stop
  /// @param remedy  what the reader of the message can do
  DataError(std::string_view file, long long line, std::string_view problem, std::string_view remedy)
      : Error(text(file, line, problem, remedy)), file_(file), line_(line) {}

  [[nodiscard]] const std::string& file() const noexcept { return file_; }
  [[nodiscard]] long long line() const noexcept { return line_; }

 private:
  static std::string text(std::string_view file, long long line, std::string_view problem, std::string_view remedy) {
    std::string message(file);
    if (line > 0) message += ":" + std::to_string(line);
    message += ": ";
    message += problem;
    message += ". Remedy: ";
    message += remedy;
    return message;
  }

  std::string file_;
  long long line_;
};

/// The operating system refused a file operation (missing, not permitted, disk full).
class IoError : public Error {
 public:
  using Error::Error;
};

/// Sizes that must agree do not.
class ShapeError : public Error {
 public:
  using Error::Error;
};

/// An option is out of range or two options contradict each other.
class ConfigError : public Error {
 public:
  using Error::Error;
};

/// A computation left the finite numbers; the message names the step and the loss.
class NumericError : public Error {
 public:
  using Error::Error;
};

}  // namespace reclm
