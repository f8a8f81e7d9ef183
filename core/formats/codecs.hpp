#pragma once
// The readers and writers behind the table of formats. Not for callers: use format.hpp.

#include <credo/core/factor_graph.hpp>

#include <string>

namespace credo {

class ByteSource;

[[nodiscard]] FactorGraph read_uai(ByteSource& source);
/// A file of type BAYES read as if it said MARKOV.
[[nodiscard]] FactorGraph read_uai_as_markov(ByteSource& source);
[[nodiscard]] std::string write_uai(const FactorGraph& graph);
[[nodiscard]] FactorGraph read_bif(ByteSource& source);
[[nodiscard]] std::string write_bif(const FactorGraph& graph);
[[nodiscard]] FactorGraph read_xmlbif(ByteSource& source);
[[nodiscard]] std::string write_xmlbif(const FactorGraph& graph);
[[nodiscard]] FactorGraph read_net(ByteSource& source);
[[nodiscard]] std::string write_net(const FactorGraph& graph);
[[nodiscard]] FactorGraph read_json(ByteSource& source);
[[nodiscard]] std::string write_json(const FactorGraph& graph);

}  // namespace credo
