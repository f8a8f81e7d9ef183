#pragma once
// What credo control reads and prints: processes, JSON, text, a trace, pictures.

#include "arguments.hpp"
#include "json_writer.hpp"
#include "session.hpp"

#include <credo/models/control/mdp.hpp>
#include <credo/models/control/simulation.hpp>
#include <credo/models/control/solve.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace credo::cli {

/// The built-in environment or the file that is named. Throws OptionError, FileError, ParseError,
/// ModelError, and Refusal for what does not fit the limit.
[[nodiscard]] control::Mdp load_process(const ControlArguments& arguments,
                                        double memory_limit_bytes);

[[nodiscard]] std::string control_json(const control::Mdp& mdp,
                                       const control::ControlSolution& solution,
                                       const ControlArguments& arguments,
                                       const std::optional<control::Simulation>& simulation,
                                       double load_seconds);
[[nodiscard]] std::string control_text(const control::Mdp& mdp,
                                       const control::ControlSolution& solution,
                                       const ControlArguments& arguments,
                                       const std::optional<control::Simulation>& simulation);
/// Episodes of the policy in the true world when --simulate asks for them, as many as the time
/// limit and the observer leave time for. Throws Refusal when the policies of all steps do not fit.
[[nodiscard]] std::optional<control::Simulation> control_simulation(
    const control::Mdp& mdp, const control::ControlSolution& solution,
    const ControlArguments& arguments, std::uint64_t seed, const InferOptions& limits,
    const Stopwatch& since_start);
/// The policies of all steps; nothing when the limits come first. Throws Refusal, naming the
/// option, when they do not fit.
[[nodiscard]] std::optional<std::vector<std::vector<double>>> all_policies(
    const control::ControlSolution& solution, const char* option, const InferOptions& limits,
    const Stopwatch& since_start);
void write_simulation(JsonWriter& json, const control::Simulation& simulation);
/// Cells of a table: what, how much, how sure.
[[nodiscard]] std::vector<std::string> simulation_row(const control::Simulation& simulation);
/// Messages over time and progress.
[[nodiscard]] std::string control_trace(const control::ControlSolution& solution,
                                        const std::vector<Session::Event>& events);
/// Throws OptionError when the picture and the method do not go together.
void check_picture(const ControlArguments& arguments);
[[nodiscard]] std::string control_picture(const control::Mdp& mdp,
                                          const control::ControlSolution& solution,
                                          const ControlArguments& arguments,
                                          const InferOptions& limits, const Stopwatch& since_start);

}  // namespace credo::cli
