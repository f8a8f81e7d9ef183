#include <credo/core/error.hpp>

#include <fmt/format.h>

#include <utility>

namespace credo {

ParseError::ParseError(std::string source, std::size_t line, std::size_t column,
                       std::string expected, std::string got)
    : Error(fmt::format("{}:{}:{}: expected {}, got {}", source, line, column, expected, got)),
      source_(std::move(source)),
      line_(line),
      column_(column),
      expected_(std::move(expected)),
      got_(std::move(got)) {}

}  // namespace credo
