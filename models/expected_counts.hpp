#pragma once
// What data say about the factors of a model, missing values filled in by inference.

#include <credo/inference/infer.hpp>
#include <credo/models/data_table.hpp>

#include <cstddef>
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

/// Complete rows are counted; each pattern of missing variables is one compiled query, asked for
/// all its rows together. A row of probability 0 has status impossible_evidence and message names
/// it. Throws ModelError when the data are not of this graph. Cost: one upward and one downward
/// pass per distinct row that misses something.
[[nodiscard]] ExpectedCounts expected_counts(const FactorGraph& graph, const DataTable& data,
                                             const InferOptions& options = {});

}  // namespace credo
