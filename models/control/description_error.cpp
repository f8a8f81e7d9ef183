#include <credo/models/control/description_error.hpp>

#include <fmt/format.h>

#include <unordered_map>

namespace credo::control {

void require_names(const std::string& who, const std::string& member,
                   const std::vector<std::string>& names, std::size_t count) {
  if (names.empty()) return;
  if (names.size() != count) {
    throw DescriptionError(
        member, std::nullopt,
        fmt::format("{}: {}: expected {} names or none, got {}", who, member, count, names.size()));
  }
  std::unordered_map<std::string_view, std::size_t> first;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto [known, is_new] = first.emplace(names[i], i);
    if (is_new) continue;
    throw DescriptionError(
        member, i,
        fmt::format("{}: {}: expected different names, got '{}' for number {} and number {}", who,
                    member, names[i], known->second, i));
  }
}

}  // namespace credo::control
