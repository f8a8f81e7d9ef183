#pragma once
// Variational message passing on a conjugate model: max over q of L(q), q a product over nodes.

#include <credo/inference/conjugate/conjugate_model.hpp>
#include <credo/inference/infer.hpp>
#include <credo/inference/variational/variational.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace credo {

/// First moments of one node: E[x] of a Gaussian plate, probabilities of a categorical or a chain
/// (weights that are scaled to sum to 1); count x dimension numbers.
struct ConjugateStart {
  ConjugateNode node;
  std::vector<double> mean;
  /// Of a Gaussian: the covariance is the prior's times this.
  double narrowing = 1.0;
};

struct ConjugateOptions {
  /// backward: last added node first; forward: in order of addition (parents first); random: a new
  /// permutation per sweep.
  AscentSchedule schedule = AscentSchedule::forward;
  /// Independent starts; the best is returned. Nodes start at their prior; categorical nodes at
  /// random, Gaussian ones at a draw from the prior.
  std::size_t restarts = 1;
  std::uint64_t seed = 1;
  /// starts[r]: what start r begins with, in place of the above.
  std::vector<std::vector<ConjugateStart>> starts = {};
  /// Stop when a whole sweep raises L by less, in nats (or by less than L's rounding).
  double tolerance = 1e-8;
  std::size_t maximum_sweeps = 1000;
  double time_limit_seconds = kInfinity;
  Observer observer = {};

  /// Throws OptionError naming option, value and bound.
  void validate() const;
};

/// q of one node, element after element; only what its kind has. `mean` is E[x] of every kind
/// (Dirichlet: E[pi]; categorical and chain: the probabilities of the states).
struct ConjugatePosterior {
  std::string name;
  ConjugateKind kind = ConjugateKind::gaussian;
  std::size_t count = 0;
  std::size_t dimension = 0;
  std::vector<double> mean;           ///< [count, d], Wishart [count, d, d]
  std::vector<double> covariance;     ///< Gaussian [count, d, d]
  std::vector<double> shape;          ///< gamma [count, d]
  std::vector<double> rate;           ///< gamma [count, d]
  std::vector<double> degrees;        ///< Wishart [count]
  std::vector<double> inverse_scale;  ///< Wishart [count, d, d]
  std::vector<double> concentration;  ///< Dirichlet [count, d]

  /// Numbers of element i of an array with the same number for each element.
  /// Throws QueryError on i not below count.
  [[nodiscard]] std::span<const double> element(const std::vector<double>& of,
                                                std::size_t i) const {
    if (i >= count) refuse_element(i);
    return std::span(of).subspan(i * (of.size() / count), of.size() / count);
  }

 private:
  [[noreturn]] void refuse_element(std::size_t i) const;
};

/// Poisoned until computed.
struct ConjugateResult {
  Status status = Status::not_run;
  std::string message = "not run yet";
  /// Of value as log p(data): exact when no two unknown nodes meet in a factor (q is then the
  /// posterior); else of the ascent: fixed_point or unconverged. value is a lower bound always.
  Guarantee guarantee = Guarantee::none;

  /// The best L(q) = E_q[log p(x, data) - log q(x)] <= log p(data), natural logarithm.
  double value = kNaN;
  /// The same: every q of this family gives a lower bound.
  double log_z_lower = kNaN;
  /// What each node adds to it, in order of addition: E_q[log p(x | parents)] + H(q).
  std::vector<double> terms;
  /// In order of addition; empty ones for nodes that are known.
  std::vector<ConjugatePosterior> posteriors;

  /// L after every sweep of the best start, and of which start it was.
  std::vector<double> trace;
  std::size_t best_start = 0;
  /// L that every start reached, in their order; -infinity where it failed.
  std::vector<double> start_values;
  /// How often the best start came to rest where a small random change of q led to a higher L: at a
  /// saddle, as where labels start alike. The answer is where the sweeps went from there.
  std::size_t escaped_saddles = 0;
  std::size_t sweeps = 0;
  /// Gain of the last sweep, in nats.
  double residual = kNaN;
  Timings timings;

  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }
  /// Throws QueryError when there is none, saying why.
  [[nodiscard]] const ConjugatePosterior& posterior(ConjugateNode node) const;
};

/// Coordinate ascent of L over the nodes: each is put at its optimum, the prior's natural
/// parameters plus the messages of the children, so that L never falls. Throws ModelError and
/// OptionError on wrong input. A deadline or the observer's no leaves the best so far, if a sweep
/// was complete.
[[nodiscard]] ConjugateResult maximize(const ConjugateModel& model,
                                       const ConjugateOptions& options = {});

}  // namespace credo
