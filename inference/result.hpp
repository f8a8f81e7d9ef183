#pragma once
// What comes back: numbers that carry their warrant.

#include <credo/core/evidence.hpp>
#include <credo/core/factor_graph.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/plan.hpp>
#include <credo/inference/samples.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace credo {

struct Query;

enum class Status : std::uint8_t {
  not_run,              ///< no answer was computed
  ok,                   ///< answered
  impossible_evidence,  ///< Z = 0 exactly; conflict says why
  refused,              ///< over budget, or no algorithm can answer; message says why
  deadline,             ///< the time limit came first
  cancelled,            ///< the observer asked to stop
};
/// The enumerator with dashes: "not-run", "ok", "impossible-evidence", ...
[[nodiscard]] std::string_view status_name(Status status) noexcept;

/// What is known about the numbers of a result.
enum class Guarantee : std::uint8_t {
  none,         ///< nothing
  exact,        ///< equal up to rounding
  upper_bound,  ///< of log Z
  lower_bound,  ///< of log Z
  fixed_point,  ///< converged, no bound
  unconverged,  ///< stopped before its fixed point
};
/// The enumerator with dashes: "exact", "upper-bound", ...
[[nodiscard]] std::string_view guarantee_name(Guarantee guarantee) noexcept;

/// A joint marginal p(x_scope), linear domain, sums to 1. Sparse when the factor it belongs to is.
struct Belief {
  Scope scope;
  Table table;
};

/// A Gaussian, and its share of a mixture.
struct GaussianComponent {
  double weight = kNaN;            ///< linear; the weights of a mixture sum to 1
  std::vector<double> mean;        ///< one number per dimension
  std::vector<double> covariance;  ///< row-major, dimension x dimension
};

/// The marginal of continuous variables: mean and covariance, and where discrete variables are
/// unknown the mixture they are the moments of. No components: the marginal is that one Gaussian.
struct GaussianMarginal {
  Scope scope;
  std::vector<double> mean;        ///< over the concatenated variables of the scope
  std::vector<double> covariance;  ///< row-major
  std::vector<GaussianComponent> components = {};
};

/// A full assignment, one state per variable of the graph.
struct Assignment {
  /// 0 for continuous variables.
  std::vector<std::size_t> states;
  /// log p~(x), or for marginal MAP log sum over the other variables.
  double log_value = kNaN;
  /// Where some variable is continuous: its value, one vector per variable of the graph.
  std::vector<std::vector<double>> values = {};
};

/// A message of the contraction tree. upward = log sum (or max) of the product of everything below
/// the step; downward = log of the derivative of Z with respect to exp(upward). Their sum is, up
/// to log Z, the log marginal over scope. Natural logarithms of unnormalised
/// quantities: nothing was rescaled away.
struct Message {
  Scope scope;
  Scope eliminated;
  Table upward;
  /// Only when the query computes marginals.
  Table downward;
};

/// Both messages of one edge of a factor graph, natural logarithms, one entry per state, largest
/// entry 0. With Bethe's counting numbers their sum is, up to a constant, the logarithm of the
/// variable's belief.
struct EdgeMessages {
  FactorId factor = 0;
  VariableId variable = 0;
  std::vector<double> log_to_variable;
  std::vector<double> log_to_factor;
};

/// Wall-clock times; NaN for what did not happen.
struct Timings {
  double plan_seconds = kNaN;   ///< reduce, order, compile
  double infer_seconds = kNaN;  ///< contract
};

/// Poisoned until computed: NaN, empty, "not run yet".
struct Result {
  Status status = Status::not_run;
  std::string message = "not run yet";
  Guarantee guarantee = Guarantee::none;
  std::string algorithm_requested;
  std::string algorithm_used;

  /// Natural logarithm of Z; -infinity when status is impossible_evidence. NaN where the task
  /// maximises and the algorithm does not sum on the way.
  double log_z = kNaN;
  /// Bounds of log Z; both are log_z when it is exact.
  double log_z_lower = kNaN;
  double log_z_upper = kNaN;

  /// p(x_v), linear, as many entries as v has states: one vector per variable, empty for those not
  /// asked for.
  std::vector<std::vector<double>> marginals;
  /// In the order of Query::joints (those over discrete variables).
  std::vector<Belief> joints;
  /// One per factor when asked for.
  std::vector<Belief> factor_marginals;
  /// p(x_v) of continuous variables: one per variable, with an empty mean for discrete ones and
  /// those not asked for. Empty where no variable is continuous.
  std::vector<GaussianMarginal> gaussian_marginals;
  /// Of the joints of Query::joints that are over continuous variables, in their order.
  std::vector<GaussianMarginal> gaussian_joints;
  /// map and marginal_map: best first. For marginal MAP states of variables
  /// not maximised are those of the best completion (their MAP given the targets is not implied):
  /// they are left at 0.
  std::vector<Assignment> assignments;
  /// One state per variable of the graph each; drawn independently. When the status is deadline or
  /// cancelled, those that were drawn until then: fewer than asked for, each an exact draw.
  Samples samples;
  /// The values of continuous variables beside samples: [sample][variable][dimension]. Empty where
  /// no variable is continuous.
  std::vector<std::vector<std::vector<double>>> sample_values;
  /// One table per factor: d log Z / d f(x_f), signed values, row-major like
  /// the factor's dense table, or aligned with its stored entries when sparse.
  std::vector<std::vector<double>> sensitivity;
  /// One per step of the plan when Query::messages asks for them.
  std::vector<Message> messages;
  /// The same of message passing: one per edge between a factor and a variable without hard
  /// finding.
  std::vector<EdgeMessages> edge_messages;

  /// impossible_evidence: a minimal set of findings of probability zero; empty
  /// when the model itself has Z = 0.
  std::vector<Finding> conflict;

  Plan plan;
  Timings timings;
  /// Iterative algorithms: sweeps done, and the largest change of the last one in nats.
  int iterations = -1;
  double residual = kNaN;
  /// The same of every sweep.
  std::vector<double> residuals;
  /// The value after every iteration, and the seconds it took from the start: belief_propagation
  /// Bethe's free energy, when messages were asked for; mean_field the best bound so far, after
  /// every sweep of every start.
  std::vector<double> values;
  std::vector<double> iteration_seconds;
  /// "scaled-double" or "log-double": the scalar that was used.
  std::string scalar_used;

  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }
  /// Whether it holds what was asked, be it complete or the best until it was stopped.
  [[nodiscard]] bool has_answer(const Query& query) const noexcept;
  /// p(x_v). Throws QueryError when it was not computed, saying why.
  [[nodiscard]] const std::vector<double>& marginal(VariableId v) const;
  /// p(x_v) of a continuous variable. Throws QueryError as marginal().
  [[nodiscard]] const GaussianMarginal& gaussian_marginal(VariableId v) const;
  /// The best assignment. Throws QueryError when there is none.
  [[nodiscard]] const Assignment& assignment() const;
};

}  // namespace credo
