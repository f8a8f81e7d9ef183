#include <credo/models/json_position.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <vector>

// The text has been parsed before, so brackets match and strings end. Cost: one pass over what
// comes before the value.

namespace credo::json_input {
namespace {

/// One step of a path: a key, or the number of an element.
struct Step {
  std::string_view key;
  std::size_t element = 0;
  bool is_key = false;
};

/// "grid.map[2]" in steps. Keys on a path are those that readers know: without '.' and '['.
std::vector<Step> steps_of(std::string_view path) {
  std::vector<Step> steps;
  while (!path.empty()) {
    if (path.front() == '[') {
      Step step;
      std::from_chars(path.data() + 1, path.data() + path.size(), step.element);
      steps.push_back(step);
      path.remove_prefix(std::min(path.find(']') + 1, path.size()));
      continue;
    }
    if (path.front() == '.') path.remove_prefix(1);
    const std::size_t end = std::min(path.find_first_of(".["), path.size());
    steps.push_back({path.substr(0, end), 0, true});
    path.remove_prefix(end);
  }
  return steps;
}

class Walker {
 public:
  explicit Walker(std::string_view text) : text_(text) {
    if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;
    skip_blanks();
  }

  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  [[nodiscard]] char next() const { return at_end() ? '\0' : text_[at_]; }
  void advance() {
    ++at_;
    skip_blanks();
  }

  /// Takes a string; its text, escapes resolved.
  std::string string() {
    const std::size_t begin = at_;
    for (++at_; !at_end() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\') ++at_;
    }
    const std::string token(text_.substr(begin, at_ + 1 - begin));
    advance();
    return token.find('\\') == std::string::npos ? token.substr(1, token.size() - 2)
                                                 : json::parse(token).get<std::string>();
  }

  void skip_value() {
    std::size_t depth = 0;
    do {
      if (next() == '"') {
        string();
        continue;
      }
      if (next() == '[' || next() == '{') ++depth;
      if (next() == ']' || next() == '}') --depth;
      if (std::string_view("[]{},:").find(next()) != std::string_view::npos) {
        advance();
      } else {
        at_ = std::min(text_.find_first_of(" \t\r\n,]}", at_), text_.size());
        skip_blanks();
      }
    } while (depth > 0 && !at_end());
  }

  /// To the value of an element or key of the value that is next; false, unmoved, without one. With
  /// key_itself to the key.
  bool enter(const Step& step, bool key_itself) {
    const std::size_t start = at_;
    if (next() == (step.is_key ? '{' : '[')) {
      advance();
      for (std::size_t i = 0; next() != ']' && next() != '}' && !at_end(); ++i) {
        const std::size_t begin = at_;
        const std::string key = step.is_key ? string() : "";
        if (step.is_key) advance();  // the colon
        if (step.is_key ? key == step.key : i == step.element) {
          if (key_itself) at_ = begin;
          return true;
        }
        skip_value();
        if (next() == ',') advance();
      }
    }
    at_ = start;
    return false;
  }

 private:
  void skip_blanks() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::size_t find_value(const Source& source, std::string_view path) {
  Walker walker(source.text);
  for (const Step& step : steps_of(path)) {
    if (!walker.enter(step, false)) break;
  }
  return walker.at();
}

std::size_t find_key(const Source& source, std::string_view path, std::string_view key) {
  Walker walker(source.text);
  for (const Step& step : steps_of(path)) {
    if (!walker.enter(step, false)) break;
  }
  walker.enter({key, 0, true}, true);
  return walker.at();
}

std::optional<RepeatedKey> find_repeated_key(std::string_view text) {
  std::vector<std::set<std::string>> seen;
  for (Walker walker(text); !walker.at_end();) {
    const char c = walker.next();
    if (c != '"') {
      if (c == '{') seen.emplace_back();
      if (c == '}') seen.pop_back();
      walker.advance();
      continue;
    }
    const std::size_t byte = walker.at();
    std::string key = walker.string();
    if (walker.next() != ':') continue;
    if (!seen.back().insert(key).second) return RepeatedKey{byte, std::move(key)};
  }
  return std::nullopt;
}

Position position_of(std::string_view text, std::size_t byte) {
  return position_after({}, text.substr(0, byte));
}

std::string describe_position(const Source& source, std::size_t byte) {
  const Position at = position_of(source.text, byte);
  return fmt::format("{}:{}:{}", source.name, at.line, at.column);
}

}  // namespace credo::json_input
