#pragma once
// The best member of a variational family: max over q of L(q).

#include <credo/core/gaussian_table.hpp>
#include <credo/inference/infer.hpp>
#include <credo/inference/variational/family.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace credo {

/// Whether one reverse sweep over the conditionals is globally optimal.
struct Solubility {
  bool soluble = false;
  /// When soluble: the optimised conditionals in the order they are solved.
  std::vector<VariableId> order;
  /// When not: two optimised conditionals each of which needs the other first (or that lie on a
  /// cycle of such needs).
  std::optional<std::pair<VariableId, VariableId>> offending;
  /// The same for people, with names.
  std::string explanation;
};

/// The test: conditional v needs u when, with a parameter node theta_u above u, theta_u is not
/// d-separated given {v} and pa(v) from the scores that v influences; soluble when these needs have
/// no cycle. Lauritzen and Nilsson 2001 (extremality of limited-memory influence diagrams); Koller
/// and Milch 2003 (s-reachability). Cost: conditionals x edges.
[[nodiscard]] Solubility solubility(const FactorGraph& graph, const Evidence& evidence,
                                    const Family& family);

enum class VariationalMethod : std::uint8_t {
  automatic,  ///< the sweep when the family is soluble and affordable, else ascent
  sweep,      ///< one exact reverse sweep; refused when the family is not soluble
  ascent,     ///< coordinate ascent
};

/// Within a connected component of the family's graph; components come one after another.
enum class AscentSchedule : std::uint8_t {
  backward,  ///< reverse topological order: children before parents
  forward,   ///< topological order
  random,    ///< a new permutation per sweep, of components of q and within them
};

struct GaussianMoments;

/// What ascent has after a sweep.
struct AscentProgress {
  std::size_t start = 0;
  double value = kNaN;     ///< L; -infinity while infeasible
  double residual = kNaN;  ///< gain of the sweep, in nats
  /// The conditional of a variable without hard finding, row by row; valid during the call.
  std::function<std::span<const double>(VariableId)> conditional;
  /// Mean and covariance of a continuous variable without value that has no parents under q.
  std::function<GaussianMoments(VariableId)> moments = {};
};

struct VariationalOptions {
  VariationalMethod method = VariationalMethod::automatic;
  double memory_limit_bytes = 8.0 * 1024 * 1024 * 1024;
  double time_limit_seconds = kInfinity;
  Observer observer;
  /// Called after every sweep of ascent with the weights as they are (not annealed).
  std::function<void(const AscentProgress&)> sweep_observer;
  /// Also q's single-variable marginals (a forward pass).
  bool marginals = true;
  /// Also log Z and the local terms of log Z - L; NaN and none when log Z is not affordable, which
  /// message then says.
  bool gap = false;
  /// Keep the messages and scores of the sweep (tables of q are always kept).
  bool messages = true;

  // Ascent only.
  AscentSchedule schedule = AscentSchedule::backward;
  /// Independent starts; the first is uniform conditionals (or `initial`), the others random.
  std::size_t restarts = 8;
  std::uint64_t seed = 1;
  /// Stop when a whole sweep raises L by less, in nats.
  double tolerance = 1e-10;
  std::size_t maximum_sweeps = 1000;
  /// When the time limit or the observer stops ascent, hand back the best feasible q so far: status
  /// ok, guarantee unconverged or that of the best finished start, message says so; without
  /// marginals and gap. Otherwise, and without a feasible q, the status is that of the stop.
  bool keep_best = false;
  /// Multipliers of every weight, one stage each, ending with 1 (which is appended if missing).
  std::vector<double> annealing;
  /// One table per conditional in the order of Family::conditionals(), for the first start.
  std::vector<Table> initial;

  /// Throws OptionError naming option, value and bound.
  void validate() const;
};

/// What eliminating one conditional hands up: U over scope, and the sum of scores J it came from.
/// Signed natural-logarithmic quantities (tables in log domain), -infinity where infeasible.
struct ScoreMessage {
  VariableId eliminated = 0;
  Scope scope;        ///< of U: parents of the conditional (and, when clamped, of what it carries)
  Table message;      ///< U
  Scope score_scope;  ///< of J
  Table score;        ///< J; a scalar when not kept
};

/// The same where continuous variables are: quadratic forms over the continuous variables, one per
/// joint state of the discrete ones (of dimension 0 where there are none).
struct GaussianScoreMessage {
  VariableId eliminated = 0;
  Scope scope;       ///< discrete variables of U
  Scope continuous;  ///< continuous variables of U, the blocks of the forms in this order
  std::vector<QuadraticForm> message;  ///< U
  Scope score_scope;                   ///< of J
  Scope score_continuous;              ///< of J; a continuous `eliminated` is the first block
  std::vector<QuadraticForm> score;    ///< J
};

/// The first two moments of a vector x in R^n: of a Gaussian, or of a mixture.
struct GaussianMoments {
  std::vector<double> mean;        ///< n
  std::vector<double> covariance;  ///< n x n, row-major, symmetric
};

/// One local term of log Z - L(q): E_q[ log q_v(x_v | x_pa) - log p(x_v | what comes before) ] >=
/// 0.
struct GapTerm {
  VariableId variable = 0;
  double nats = kNaN;
};

/// Poisoned until computed.
struct VariationalResult {
  Status status = Status::not_run;
  std::string message = "not run yet";
  /// Of value: exact (certified global maximum), fixed_point (ascent converged: a stationary point,
  /// not certified) or unconverged.
  Guarantee guarantee = Guarantee::none;
  Solubility solubility;
  /// "sweep" or "ascent".
  std::string algorithm_used;

  /// max L (of the sweep) or the best L found. -infinity when every q of the family gives some
  /// impossible state probability. That is an answer: status ok, guarantee exact when certified;
  /// message says which factor or finding excludes what q must reach, and infeasible_factor is it.
  /// There are no marginals then.
  double value = kNaN;
  /// value, when L is a lower bound of log Z: every w <= 1 with m <= 1, every rho >= 1; else NaN.
  double log_z_lower = kNaN;
  std::optional<FactorId> infeasible_factor;

  /// q_v over (parents..., child), linear, aligned with Family::conditionals(). Rows that q never
  /// reaches are still optimal for the sweep, unless nothing in the family reaches them; rows
  /// without any feasible state, and rows where an observed parent is in another state, are all 0.
  /// Sparse where the kernel, the base measure or a score over all of (parents, child) is. A
  /// clamped conditional hands back its kernel. The scalar 1 for observed variables.
  std::vector<Table> conditionals;
  /// In the order of elimination. Sweep only. A clamped variable hands up one message for every set
  /// of variables that its scores have beyond (parents, child), none when nothing mentions it.
  /// Where a conditional does not see all that its scores mention, only the optimised conditionals
  /// are listed, each with its score averaged under q.
  std::vector<ScoreMessage> messages;
  /// Under q; one vector per variable, empty when not computed; observed: 1 on the state.
  std::vector<std::vector<double>> marginals;

  /// \name Graphs with continuous variables
  ///@{
  /// In place of `conditionals` for continuous children: kernels over (parents..., child), aligned
  /// with Family::conditionals(); nothing for discrete and for observed variables. An arg-max has
  /// covariance 0; gains on observed parents are 0, and states of observed parents other than the
  /// observed one repeat its kernel.
  std::vector<std::optional<GaussianTable>> gaussian_conditionals;
  /// In place of `messages`.
  std::vector<GaussianScoreMessage> gaussian_messages;
  /// In place of `marginals` for continuous variables: mean and covariance under q (of a mixture
  /// where discrete variables are above); observed: the value and 0.
  std::vector<GaussianMoments> gaussian_marginals;
  /// Status refused: the variable whose integral, maximum or minimum does not exist.
  std::optional<VariableId> breakdown;
  ///@}

  /// When options.gap: natural log of Z, and terms that add up to log_z - value when every weight
  /// is 1.
  double log_z = kNaN;
  std::vector<GapTerm> gap;

  /// Ascent: L after every block update of the best start, and of which start it was.
  std::vector<double> trace;
  std::size_t best_start = 0;
  /// With keep_best: deadline or cancelled when ascent ended before all of its starts had.
  Status stopped = Status::ok;
  std::size_t sweeps = 0;
  /// Gain of the last sweep, in nats.
  double residual = kNaN;
  /// What the plan predicted.
  double predicted_operations = kNaN;
  double predicted_peak_bytes = kNaN;
  Timings timings;

  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }
};

/// Maximises L(q) over the family. Ascent with continuous variables updates whole components of q;
/// where all are continuous that is block Gauss-Seidel, which converges for every positive definite
/// J. Throws EvidenceError, ModelError, OptionError on wrong input; everything else is a status.
[[nodiscard]] VariationalResult maximize(const FactorGraph& graph, const Evidence& evidence,
                                         const Family& family,
                                         const VariationalOptions& options = {});

/// L(q) of given conditionals (one per conditional of the family; clamped ones are ignored), by one
/// all-clamped sweep. -infinity when q is infeasible.
[[nodiscard]] double evidence_lower_bound(const FactorGraph& graph, const Evidence& evidence,
                                          const Family& family,
                                          std::span<const Table> conditionals);

}  // namespace credo
