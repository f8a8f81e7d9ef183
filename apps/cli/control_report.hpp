#pragma once
// What credo control prints: JSON, text, a trace, pictures.

#include "arguments.hpp"
#include "session.hpp"

#include <credo/models/control/mdp.hpp>
#include <credo/models/control/solve.hpp>

#include <string>
#include <vector>

namespace credo::cli {

[[nodiscard]] std::string control_json(const control::Mdp& mdp,
                                       const control::ControlSolution& solution,
                                       const ControlArguments& arguments);
[[nodiscard]] std::string control_text(const control::Mdp& mdp,
                                       const control::ControlSolution& solution,
                                       const ControlArguments& arguments);
/// Messages over time and progress.
[[nodiscard]] std::string control_trace(const control::ControlSolution& solution,
                                        const std::vector<Session::Event>& events);
/// Throws OptionError when the picture and the method do not go together.
void check_picture(const ControlArguments& arguments);
[[nodiscard]] std::string control_picture(const control::Mdp& mdp,
                                          const control::ControlSolution& solution,
                                          const ControlArguments& arguments);

}  // namespace credo::cli
