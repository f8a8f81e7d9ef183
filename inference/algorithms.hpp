#pragma once
// The table of algorithms: automatic choice, command line, documentation and
// bindings all read it.

#include <credo/inference/infer.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace credo {

/// Which of IterationOptions mean something to an algorithm.
enum class Iterates : std::uint8_t {
  no,
  sweeps,    ///< tolerance and maximum_iterations
  messages,  ///< schedule and damping too
};

/// One line of the table. The functions expect a valid question.
struct Algorithm {
  std::string_view name;     ///< as in InferOptions::algorithm
  std::string_view summary;  ///< for people
  Guarantee guarantee;       ///< of every answer it gives, or better
  /// "" when it can answer; else the reason, with numbers.
  std::string (*why_not)(const FactorGraph&, const Evidence&, const Query&, const InferOptions&);
  /// Status::refused, with the same reason (and the plan), when it cannot.
  Result (*run)(const FactorGraph&, const Evidence&, const Query&, const InferOptions&);
  /// Whether it knows continuous variables. Those that do not refuse graphs that have some.
  bool continuous = false;
  Iterates iterates = Iterates::no;
};

/// In the order automatic choice tries them.
[[nodiscard]] std::span<const Algorithm> algorithms() noexcept;

/// The algorithm of that name. Throws OptionError with the nearest names.
[[nodiscard]] const Algorithm& require_algorithm(std::string_view name);

}  // namespace credo
