#pragma once
// Exceptions for wrong input. Numerical outcomes (impossible evidence, deadline,
// over budget) are statuses on results, never exceptions; bugs are assertions.

#include <cstddef>
#include <stdexcept>
#include <string>

namespace credo {

/// Base of every exception the library throws on wrong input. The message says
/// who complains, what was given, what was expected and what to do.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A model that is not well formed: duplicate names, shapes that do not fit,
/// negative or NaN table entries, cycles among conditionals.
class ModelError : public Error {
 public:
  using Error::Error;
};

/// Evidence that does not fit its model: unknown names, states out of range.
class EvidenceError : public Error {
 public:
  using Error::Error;
};

/// A query whose targets do not fit its model.
class QueryError : public Error {
 public:
  using Error::Error;
};

/// An option outside its domain.
class OptionError : public Error {
 public:
  using Error::Error;
};

/// A file that cannot be opened, read, decompressed or written.
class FileError : public Error {
 public:
  using Error::Error;
};

/// Text that is not of its format. what() reads
/// "source:line:column: expected <expected>, got <got>".
class ParseError : public Error {
 public:
  ParseError(std::string source, std::size_t line, std::size_t column, std::string expected,
             std::string got);

  [[nodiscard]] const std::string& source() const noexcept { return source_; }
  /// 1-based.
  [[nodiscard]] std::size_t line() const noexcept { return line_; }
  /// 1-based, counted in bytes.
  [[nodiscard]] std::size_t column() const noexcept { return column_; }
  [[nodiscard]] const std::string& expected() const noexcept { return expected_; }
  [[nodiscard]] const std::string& got() const noexcept { return got_; }

 private:
  std::string source_;
  std::size_t line_;
  std::size_t column_;
  std::string expected_;
  std::string got_;
};

}  // namespace credo
