#pragma once
// Pulling credo's own JSON from a text: objects whose keys are known, arrays, strings, numbers.

#include <credo/core/error.hpp>
#include <credo/core/factor_graph.hpp>
#include <credo/core/formats/byte_source.hpp>
#include <credo/core/formats/json_words.hpp>
#include <credo/core/formats/text.hpp>
#include <credo/core/numerics.hpp>

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

namespace credo::json {

struct Named {
  std::string name;
  Position position;
};

class Pull {
 public:
  explicit Pull(ByteSource& source) : cursor_(source, {"{}[],:\"", Comments::none}) {}

  [[nodiscard]] Cursor& cursor() noexcept { return cursor_; }

  /// What the graph or a table refuses is an error of the text at `at`.
  template <typename Action>
  auto checked(Position at, std::string_view what, Action action) {
    try {
      return action();
    } catch (const ModelError& error) {
      cursor_.fail_at(at, fmt::format("{} that is well formed", what), error.what());
    }
  }

  /// {"key": ..., ...}: `member` reads the value of a key it knows and says whether it did.
  template <typename Member>
  void object(std::string_view expected, Member member) {
    if (!cursor_.accept('{')) cursor_.fail(expected);
    if (cursor_.accept('}')) return;
    std::vector<std::string> keys;
    do {
      const auto [key, at] = named("a key in quotes");
      for (const std::string& known : keys) {
        if (known == key) cursor_.fail_at(at, "each key once", shown(key));
      }
      cursor_.expect(':');
      if (!member(key)) cursor_.fail_at(at, expected, fmt::format("the key {}", shown(key)));
      keys.push_back(key);
    } while (cursor_.accept(','));
    cursor_.expect('}');
  }

  /// [..., ...]
  template <typename Element>
  void array(std::string_view expected, Element element) {
    if (!cursor_.accept('[')) cursor_.fail(fmt::format("an array of {}", expected));
    if (cursor_.accept(']')) return;
    do {
      element();
    } while (cursor_.accept(','));
    cursor_.expect(']');
  }

  std::string string(std::string_view expected) {
    if (cursor_.peek() != '"') cursor_.fail(expected);
    const Position at = cursor_.position();
    std::string text = cursor_.quoted(Escapes::json);
    if (!is_utf8(text))
      cursor_.fail_at(at,
                      "a string in UTF-8; read other ones with --encoding NAME (latin1, gbk, ...)",
                      shown(text));
    return text;
  }

  Named named(std::string_view expected) {
    cursor_.peek();
    const Position at = cursor_.position();
    return {string(expected), at};
  }

  double read_value() {
    if (cursor_.peek() != '"') return cursor_.number("a number or \"-inf\"");
    const Named text = named("");
    if (text.name == kMinusInfinity) return -kInfinity;
    cursor_.fail_at(text.position, "a number or \"-inf\"", shown(text.name));
  }

  /// Declared, and of the kind that this scope holds.
  VariableId variable(const FactorGraph& graph, const Named& named, bool continuous) {
    const auto found = graph.find_variable(named.name);
    if (!found) cursor_.fail_at(named.position, "the name of a variable", shown(named.name));
    if (graph.variable(*found).is_continuous() != continuous) {
      cursor_.fail_at(named.position,
                      continuous ? "a continuous variable"
                                 : "a discrete variable (continuous ones stand in "
                                   "\"continuous\" of \"gaussian_factors\")",
                      fmt::format("{}, which is {}", shown(named.name),
                                  continuous ? "discrete" : "continuous"));
    }
    return *found;
  }

 protected:
  Cursor cursor_;
};

}  // namespace credo::json
