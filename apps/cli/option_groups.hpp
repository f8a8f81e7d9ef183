#pragma once
// The options of every command, in the order in which its help lists them.

#include "arguments.hpp"
#include "option_list.hpp"

#include <optional>
#include <string>

namespace credo::cli {

/// Of the command that the arguments name.
void add_query_options(OptionList& list, Arguments& arguments);
void add_control_options(OptionList& list, Arguments& arguments);
void add_learning_options(OptionList& list, Arguments& arguments);
void add_decision_options(OptionList& list, Arguments& arguments);

// Shared by several commands.

void add_model(OptionList& list, Arguments& arguments);
/// Limits of commands that plan.
void add_budget(OptionList& list, EngineArguments& engine);
/// Where the output goes, and its format where `formats` is not null.
void add_output(OptionList& list, OutputArguments& output, const char* formats);
void add_quiet(OptionList& list, OutputArguments& output);
void add_trace(OptionList& list, OutputArguments& output);
/// Which table a built-in environment has.
void add_tables(OptionList& list, std::string& map, std::optional<bool>& slippery);

}  // namespace credo::cli
