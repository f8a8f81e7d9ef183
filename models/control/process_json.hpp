#pragma once
// What readers of processes as JSON share. Internal.

#include <credo/models/control/description_error.hpp>
#include <credo/models/json_input.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace credo::control {

/// A Process made of describe(object, source) from a file with these keys, the first `required` of
/// which must be there. What its constructor refuses is an error of the text at
/// where(error, object), a path.
template <typename Process, typename Describe, typename Where>
Process parse_process(std::string_view text, const std::string& name,
                      std::span<const std::string_view> keys, std::size_t required,
                      const Describe& describe, const Where& where) {
  const json_input::Source source{name, text};
  const json_input::json object = json_input::parse_strict(source);
  check_keys(object, json_input::Place{source, ""}, keys, required);
  auto description = describe(object, source);
  try {
    return Process(std::move(description));
  } catch (const DescriptionError& e) {
    json_input::Place{source, where(e, object)}.refuse(e.what());
  }
}

/// The path of the member, or of its element.
[[nodiscard]] inline std::string member_path(const DescriptionError& error) {
  const std::string& member = error.member();
  return error.element() ? member + "[" + std::to_string(*error.element()) + "]" : member;
}

}  // namespace credo::control
