#pragma once
// The small files around a UAI model: evidence, queries, and results.

#include <credo/core/evidence.hpp>
#include <credo/core/factor_graph.hpp>

#include <filesystem>
#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace credo {

class ByteSource;

/// Evidence file: "n var state ...", or the same after a leading "1" (the number
/// of samples); empty means none. Throws ParseError on variables or states
/// outside the graph, a variable twice, and wrong counts; FileError.
[[nodiscard]] Evidence read_uai_evidence(ByteSource& source, const FactorGraph& graph);
[[nodiscard]] Evidence read_uai_evidence(const std::filesystem::path& path,
                                         const FactorGraph& graph);
[[nodiscard]] Evidence read_uai_evidence(std::string_view text, const FactorGraph& graph,
                                         std::string source_name);
/// "n var state ...\n". Throws EvidenceError when a finding is not hard: the format has no other.
[[nodiscard]] std::string write_uai_evidence(const Evidence& evidence);

/// Query file: "n var ...", distinct variables of the graph. Throws ParseError; FileError.
[[nodiscard]] std::vector<VariableId> read_uai_query(ByteSource& source, const FactorGraph& graph);
[[nodiscard]] std::vector<VariableId> read_uai_query(const std::filesystem::path& path,
                                                     const FactorGraph& graph);
[[nodiscard]] std::vector<VariableId> read_uai_query(std::string_view text,
                                                     const FactorGraph& graph,
                                                     std::string source_name);
[[nodiscard]] std::string write_uai_query(std::span<const VariableId> query);

/// PR: log10 of the partition function; -infinity for impossible evidence.
struct UaiPartition {
  double log10_z = 0.0;
  friend bool operator==(const UaiPartition&, const UaiPartition&) = default;
};
/// MAR: p(x_v given evidence), one vector per variable.
struct UaiMarginals {
  std::vector<std::vector<double>> marginals;
  friend bool operator==(const UaiMarginals&, const UaiMarginals&) = default;
};
/// MAP: one state per variable.
struct UaiAssignment {
  std::vector<std::size_t> states;
  friend bool operator==(const UaiAssignment&, const UaiAssignment&) = default;
};
/// MMAP: states of the query variables. The files of the 2014 competition list
/// states only, by increasing variable of the query: then variables is empty.
struct UaiPartialAssignment {
  std::vector<VariableId> variables;
  std::vector<std::size_t> states;
  friend bool operator==(const UaiPartialAssignment&, const UaiPartialAssignment&) = default;
};

/// Readers of result files. Throw ParseError; from a path also FileError.
[[nodiscard]] UaiPartition read_uai_partition(ByteSource& source);
[[nodiscard]] UaiMarginals read_uai_marginals(ByteSource& source);
[[nodiscard]] UaiAssignment read_uai_assignment(ByteSource& source);
[[nodiscard]] UaiPartialAssignment read_uai_partial_assignment(ByteSource& source);
[[nodiscard]] UaiPartition read_uai_partition(const std::filesystem::path& path);
[[nodiscard]] UaiMarginals read_uai_marginals(const std::filesystem::path& path);
[[nodiscard]] UaiAssignment read_uai_assignment(const std::filesystem::path& path);
[[nodiscard]] UaiPartialAssignment read_uai_partial_assignment(const std::filesystem::path& path);

/// "PR\n<log10 Z>\n", "MAR\n<n> <card> <p...> ...\n", "MAP\n<n> <state> ...\n",
/// "MMAP\n<q> <var> <state> ...\n", in shortest round-trip decimals.
[[nodiscard]] std::string write_uai(const UaiPartition& result);
[[nodiscard]] std::string write_uai(const UaiMarginals& result);
[[nodiscard]] std::string write_uai(const UaiAssignment& result);
[[nodiscard]] std::string write_uai(const UaiPartialAssignment& result);

}  // namespace credo
