#include <credo/core/names.hpp>
#include <credo/models/control/pomdp_words.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

namespace credo::control {

namespace {

std::optional<std::size_t> whole_number(std::string_view word) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string PomdpWords::next_keyword() {
  if (!pending_.empty()) return std::exchange(pending_, "");
  if (cursor_.at_end()) return "";
  std::string keyword(cursor_.word("a keyword"));
  if (keyword == "start" && cursor_.peek() != ':') {
    keyword.append(" ").append(cursor_.word("include or exclude"));
  }
  cursor_.expect(':');
  return keyword;
}

std::vector<std::string> PomdpWords::words() {
  std::vector<std::string> result;
  while (!cursor_.at_end()) {
    std::string word(cursor_.word("a name"));
    const bool two_words =
        !result.empty() && result.back() == "start" && (word == "include" || word == "exclude");
    if (cursor_.peek() != ':') {
      result.push_back(std::move(word));
      continue;
    }
    cursor_.expect(':');
    if (two_words) result.pop_back();
    pending_ = two_words ? std::string("start ").append(word) : word;
    break;
  }
  return result;
}

void PomdpWords::read(PomdpNames& target) {
  if (target.count != 0) cursor_.fail(fmt::format("{} once", target.what), "them again");
  target.names = words();
  if (target.names.size() == 1) {
    if (const auto count = whole_number(target.names.front())) {
      target.count = *count;
      target.names.clear();
    }
  }
  if (!target.names.empty()) target.count = target.names.size();
  if (target.count == 0) cursor_.fail(fmt::format("at least one of the {}", target.what));
}

std::vector<std::size_t> PomdpWords::indices(const PomdpNames& names) {
  const std::string word(cursor_.word(fmt::format("one of the {}", names.what)));
  std::vector<std::size_t> result;
  if (word == "*") {
    for (std::size_t i = 0; i < names.count; ++i) result.push_back(i);
    return result;
  }
  return {index_of(names, word)};
}

std::size_t PomdpWords::index_of(const PomdpNames& names, const std::string& word) {
  const auto at = std::ranges::find(names.names, word);
  if (at != names.names.end()) return static_cast<std::size_t>(at - names.names.begin());
  const auto number = whole_number(word);
  if (number && *number < names.count) return *number;
  cursor_.fail(
      fmt::format("one of the {} {}{}", names.count, names.what, did_you_mean(word, names.names)));
}

}  // namespace credo::control
