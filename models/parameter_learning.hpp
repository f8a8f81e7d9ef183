#pragma once
// Parameters of a Bayesian network from data: p(x) = prod_f p(child given parents), one free
// distribution per factor and joint state of its parents.

#include <credo/inference/infer.hpp>
#include <credo/models/data_table.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace credo {

/// Pseudo-counts c added to the counts N of every entry.
enum class PriorCounts : std::uint8_t {
  per_entry,          ///< c = strength: 1 is Laplace's rule, 1/2 Jeffreys' prior
  equivalent_sample,  ///< c = strength / entries of the table: BDeu (Heckerman et al. 1995)
};

struct LearnOptions {
  PriorCounts prior = PriorCounts::per_entry;
  /// 0: maximum likelihood.
  double strength = 0.0;
  /// Factors that share one table keep sharing one: their counts are added (the transitions of a
  /// hidden Markov model are learned so).
  bool tie_shared_tables = true;
  /// Factors whose tables stay as they are.
  std::vector<FactorId> fixed;

  // With missing values only.
  /// How many starts: the first has the given tables, the others random ones (zeros stay zeros in
  /// all). Unless given, kStartsWithHidden where some variable is observed in no row, else one.
  std::optional<std::size_t> restarts;
  static constexpr std::size_t kStartsWithHidden = 8;
  /// Of the random tables, and of what tells a maximum from a saddle.
  std::uint64_t seed = 1;
  /// Stop when an iteration gains less, in nats.
  double tolerance = 1e-8;
  std::size_t maximum_iterations = 1000;
  /// Looked at inside an iteration, too; what the last whole one reached is returned.
  double time_limit_seconds = kInfinity;
  /// How much of the limit was gone before the call. At least 0.
  double time_spent_seconds = 0.0;
  Observer observer;
  /// Of the expected counts.
  InferOptions infer;

  /// Throws OptionError naming option, value and bound.
  void validate() const;
};

/// Poisoned until computed.
struct ParameterFit {
  Status status = Status::not_run;
  std::string message = "not run yet";
  /// Of objective as a maximum: exact from complete data; with missing values fixed_point or
  /// unconverged.
  Guarantee guarantee = Guarantee::none;

  /// The given graph with theta = (N + c) / sum (N + c) in its tables: the posterior mean under a
  /// Dirichlet(c) prior, and the maximum of likelihood times prod theta^c. Rows without counts stay
  /// as they were given.
  FactorGraph graph;
  /// N per factor, row-major over its scope: of the data, expected under the tables of the
  /// iteration before where values are missing.
  std::vector<std::vector<double>> counts;
  /// log p(data given graph), natural logarithm.
  double log_likelihood = kNaN;
  /// log_likelihood + sum c log theta: what is maximised.
  double objective = kNaN;
  /// Complete data and strength > 0: log p(data), the tables integrated out under Dirichlet(c)
  /// (BDeu score of this structure when prior is equivalent_sample); else NaN.
  double log_marginal_likelihood = kNaN;

  /// The objective at the start and after every iteration of the best start. Where a saddle was
  /// left, the iterations before the objective was above it again are not listed.
  std::vector<double> trace;
  std::size_t best_start = 0;
  /// The objective that every start reached, in their order: how far they lie apart tells how much
  /// the limit depends on the start. Empty for complete data.
  std::vector<double> start_objectives;
  /// How many points were stationary and yet no maximum: a small random change of the tables led to
  /// a higher objective, and the iterations went on from there. Tables that treat hidden states
  /// alike lead to such points. The first start and the best are tested.
  std::size_t escaped_saddles = 0;
  /// Entries of learned tables that are 0 in the given ones and therefore in every start.
  std::size_t kept_zeros = 0;
  /// Distinct sets of missing variables in the rows, the empty one among them: each is one plan.
  std::size_t patterns = 0;
  double residual = kNaN;

  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }
};

/// Learns the tables of `structure`, in which every factor must be a conditional, each variable the
/// child of one. Complete data: one pass of counting. Missing values (a variable without
/// a column is missing everywhere): expectation maximisation with exact expected counts, whose
/// objective never falls (asserted); a time limit leaves the tables of the last whole iteration,
/// and before the first those of the start with log_likelihood NaN. Throws ModelError and
/// OptionError. Dempster, Laird and Rubin 1977; Lauritzen 1995.
[[nodiscard]] ParameterFit learn_parameters(const FactorGraph& structure, const DataTable& data,
                                            const LearnOptions& options = {});

}  // namespace credo
