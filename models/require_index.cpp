#include <credo/core/error.hpp>
#include <credo/models/require_index.hpp>
#include <credo/models/require_length.hpp>

#include <fmt/format.h>

namespace credo {

void refuse_index(std::string_view who, std::string_view what, std::size_t given,
                  std::size_t count) {
  if (count == 0) {
    throw OptionError(fmt::format(
        "{}: {} {} is out of range, there is none: nothing was computed, or it was moved from", who,
        what, given));
  }
  throw OptionError(
      fmt::format("{}: {} {} is out of range, expected 0 to {}", who, what, given, count - 1));
}

void require_length(std::string_view who, std::string_view what, std::size_t given,
                    std::size_t least) {
  if (given >= least) return;
  throw OptionError(fmt::format("{}: {} has {} entries, expected {}", who, what, given, least));
}

}  // namespace credo
