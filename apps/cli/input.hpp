#pragma once
// Reading what the command line names: models, evidence, queries.

#include "arguments.hpp"

#include <credo/core/evidence.hpp>
#include <credo/core/factor_graph.hpp>
#include <credo/core/formats/format.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace credo::cli {

struct LoadedModel {
  FactorGraph graph;
  /// As typed; "standard input" for "-".
  std::string source;
  double load_seconds = 0.0;
};

/// The model that the command line names, read as it says. Throws FileError, ParseError, ModelError
/// or OptionError.
[[nodiscard]] LoadedModel load_model(const Arguments& arguments);

/// The format of the model to write: --to, or what the extension of --output says. Throws
/// OptionError.
[[nodiscard]] Format model_format(const Arguments& arguments);

/// The file's findings, then those of --set and --likelihood, which replace them. Throws when the
/// command line speaks of one variable twice.
[[nodiscard]] Evidence load_evidence(const EvidenceArguments& arguments, const FactorGraph& graph);

/// The variables of a UAI query file.
[[nodiscard]] std::vector<VariableId> load_query(const std::string& path, const FactorGraph& graph);

/// The bytes of a file. Throws FileError naming what was expected when it cannot be read, Refusal
/// when it is larger than the limit.
[[nodiscard]] std::string read_text(const std::string& path, std::string_view expected,
                                    double memory_limit_bytes);

}  // namespace credo::cli
