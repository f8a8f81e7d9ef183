#pragma once
// Data for the variables of a discrete model: one row per case, states or nothing.

#include <credo/core/evidence.hpp>
#include <credo/core/factor_graph.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace credo {

/// Cases in the order of addition; column v belongs to variable v of the graph.
class DataTable {
 public:
  static constexpr std::uint32_t kMissing = UINT32_MAX;

  /// No rows, one column per variable of the graph. Throws ModelError on continuous variables and
  /// those of kMissing states or more.
  explicit DataTable(const FactorGraph& graph);

  /// One state per variable, kMissing where it was not observed; weight: how many cases the row
  /// stands for. Throws EvidenceError naming row and variable on a wrong count, a state out of
  /// range and a weight that is not finite or below 0.
  void add_row(std::span<const std::uint32_t> states, double weight = 1.0);

  [[nodiscard]] std::size_t rows() const noexcept { return weights_.size(); }
  [[nodiscard]] std::size_t columns() const noexcept { return names_.size(); }
  /// Throw ModelError on r not below rows().
  [[nodiscard]] std::span<const std::uint32_t> row(std::size_t r) const {
    require_row(r);
    return std::span(states_).subspan(r * columns(), columns());
  }
  [[nodiscard]] double weight(std::size_t r) const {
    require_row(r);
    return weights_[r];
  }
  /// Sum of the weights.
  [[nodiscard]] double total_weight() const noexcept;
  /// Whether every state of every row was observed.
  [[nodiscard]] bool complete() const noexcept;
  /// Whether some variable was observed in no row of positive weight.
  [[nodiscard]] bool has_hidden_column() const noexcept;
  /// The observed states of a row as findings.
  [[nodiscard]] Evidence evidence(std::size_t r) const;

  /// Equal rows joined, their weights added; ordered by which variables are missing, then by
  /// states.
  [[nodiscard]] DataTable distinct() const;
  /// The same, asking may_continue now and then; nothing after its first no.
  [[nodiscard]] std::optional<DataTable> distinct(const std::function<bool()>& may_continue) const;
  /// Throws ModelError unless the columns are those of this graph (names and cardinalities).
  void require_fits(const FactorGraph& graph) const;

 private:
  DataTable() = default;
  void require_row(std::size_t r) const {
    if (r >= rows()) refuse_row(r);
  }
  [[noreturn]] void refuse_row(std::size_t r) const;

  std::vector<std::string> names_;
  std::vector<std::size_t> cardinalities_;
  std::vector<std::uint32_t> states_;
  std::vector<double> weights_;
};

/// Comma-separated values (RFC 4180: quotes around fields, doubled inside; lines end in LF or
/// CRLF). The first line names variables of the graph; those it leaves out are missing in every
/// row. Fields are names or numbers of states; an empty one and "?" are missing. Throws ParseError
/// (source:line:column) on anything else, FileError when the file cannot be read.
[[nodiscard]] DataTable read_data(const std::filesystem::path& path, const FactorGraph& graph);
/// The same from text, which messages call source_name.
[[nodiscard]] DataTable read_data(std::string_view text, const FactorGraph& graph,
                                  const std::string& source_name);

/// The rows as read_data() reads them, missing states empty ("?" where a state is called ""), each
/// row as often as its weight says. Throws ModelError on weights that are not whole numbers, and on
/// a missing state of a variable of which states are called "" and "?".
[[nodiscard]] std::string write_data(const DataTable& data, const FactorGraph& graph);

}  // namespace credo
