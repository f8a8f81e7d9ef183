#pragma once
// What data say about the factors of a model, missing values filled in by inference.

#include <credo/inference/infer.hpp>
#include <credo/models/data_table.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace credo {

/// Poisoned until computed.
struct ExpectedCounts {
  Status status = Status::not_run;
  std::string message = "not run yet";
  /// counts[f][x_f] = sum_n w_n p(x_f given row n), row-major over the scope of factor f.
  std::vector<std::vector<double>> counts;
  /// sum_n w_n log sum_{missing} p~(row n, missing): for a Bayesian network the log likelihood.
  double log_weight = kNaN;

  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }
};

/// Counts the same rows under one set of tables after the other. Complete rows are counted; each
/// pattern of missing variables is one compiled query, planned at first and then given new tables,
/// and asked for all its rows together.
class ExpectedCounter {
 public:
  /// Throws OptionError.
  explicit ExpectedCounter(const DataTable& data, InferOptions options = {});

  /// A row of probability 0 has status impossible_evidence and message names it. The observer and
  /// the time limit of the options are asked within a count; after a no the status is cancelled or
  /// deadline, and the counts are of some rows only. All graphs differ
  /// in the numbers of their tables only. Throws ModelError when they do not, or when the data are
  /// not of this graph. Cost: one upward and one downward pass per distinct row that misses
  /// something.
  [[nodiscard]] ExpectedCounts count(FactorGraph graph);
  /// Distinct sets of missing variables, the empty one among them.
  [[nodiscard]] std::size_t pattern_count() const noexcept { return patterns_.size(); }

 private:
  /// Rows that miss the same variables.
  struct Pattern {
    std::size_t begin = 0;
    std::size_t end = 0;
    bool complete = false;
    std::optional<CompiledQuery> query = {};
  };
  class Pass;

  DataTable data_;
  InferOptions options_;
  std::vector<Pattern> patterns_;
  /// What the queries borrow.
  std::unique_ptr<const FactorGraph> graph_;
};

/// The same, once.
[[nodiscard]] ExpectedCounts expected_counts(const FactorGraph& graph, const DataTable& data,
                                             const InferOptions& options = {});

}  // namespace credo
