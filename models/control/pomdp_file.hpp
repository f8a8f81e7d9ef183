#pragma once
// Partially observed Markov decision processes in the .POMDP format.

#include <credo/models/control/pomdp.hpp>

#include <string>
#include <string_view>

namespace credo::control {

/// Reads Cassandra's format (pomdp.org, "POMDP file format"): discount, values (reward or cost),
/// states, actions, observations, start (a distribution, a state, uniform, or include and exclude
/// lists), then T:, O: and R: lines with names, numbers from 0 or *, single entries, rows or
/// matrices, uniform, identity and # comments; later lines override earlier ones. A reward that
/// depends on the observation becomes its mean r(s, a, s'), which changes no strategy's value (but
/// would change what conditioning believes). Throws ParseError (source:line:column) on text that
/// does not fit, ModelError with such a place for what Pomdp's constructor refuses.
[[nodiscard]] Pomdp parse_pomdp(std::string_view text, const std::string& source);

/// The same from a file, gunzipped when it is compressed. Throws FileError when it cannot be read.
[[nodiscard]] Pomdp read_pomdp(const std::string& path);

}  // namespace credo::control
