#pragma once
// Pictures through Graphviz's `dot` program.

#include <string>

namespace credo::cli {

/// Runs `dot -T<format>` on a text in its language, without a shell. Throws
/// Refusal when the program is missing or fails.
[[nodiscard]] std::string run_graphviz(const std::string& dot, const std::string& format);

}  // namespace credo::cli
