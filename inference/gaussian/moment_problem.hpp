#pragma once
// A mixed graph as potentials, with a proper distribution found for every continuous variable.

#include <credo/core/evidence.hpp>
#include <credo/core/factor_graph.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace credo::gaussian {

enum class PotentialKind : std::uint8_t {
  table,        ///< a factor over discrete variables
  likelihood,   ///< a finding: weights of one discrete variable's states
  fixed,        ///< a Gaussian factor whose continuous variables are all observed
  kernel,       ///< grounds its child
  observation,  ///< a kernel of what is observed, or is grounded elsewhere
  quadratic,
  grounding,  ///< a quadratic factor read as the kernel of `grounds`, times what is left
  scope,      ///< 1: variables that are asked for together
};

/// A factor after evidence.
struct Potential {
  PotentialKind kind = PotentialKind::table;
  /// FactorId, GaussianFactorId, VariableId or index of a joint, by kind.
  std::uint32_t source = 0;
  Scope discrete;    ///< variables of more than one permitted state
  Scope continuous;  ///< variables that are not observed
  /// Continuous variables that it gives a proper distribution, given its others.
  Scope grounds;
  /// Kernels and groundings: parents come earlier.
  std::uint32_t rank = 0;
};

struct MomentProblem {
  /// States of every variable that the evidence permits; {0} for continuous ones.
  std::vector<std::vector<std::size_t>> permitted;
  /// One state per variable, permitted.
  std::vector<std::size_t> states;
  /// Scalars of the graph: values of observed variables, 0 elsewhere; first scalar per variable.
  std::vector<double> observed;
  std::vector<std::uint32_t> scalar_of;
  std::vector<char> is_observed;  ///< per variable: a value was observed
  /// Weights of the states of variables with a soft finding, linear.
  std::map<VariableId, std::vector<double>> likelihoods;
  std::vector<Potential> potentials;
  /// Why some continuous variable has no proper distribution; empty when all have.
  std::string refusal;

  [[nodiscard]] bool is_discrete_unknown(VariableId v) const { return permitted[v].size() > 1; }
};

/// Every continuous variable is grounded once: by a kernel whose parents are, or by a quadratic
/// factor that is positive definite in it. A product of such potentials in any part that is closed
/// under parents is a proper density (times likelihoods), so that its moments exist.
[[nodiscard]] MomentProblem make_moment_problem(const FactorGraph& graph, const Evidence& evidence,
                                                const std::vector<Scope>& joints);

/// A quadratic factor's entry with the observed scalars put in: over those that are not observed.
[[nodiscard]] QuadraticForm reduced_form(const FactorGraph& graph, const MomentProblem& problem,
                                         const GaussianFactor& factor, std::uint64_t entry);

/// Positions in a reduced form: scalars of the variables `grounds`, and the others.
struct FormRows {
  std::vector<std::uint32_t> own;
  std::vector<std::uint32_t> others;
};
[[nodiscard]] FormRows form_rows(const FactorGraph& graph, const MomentProblem& problem,
                                 const GaussianFactor& factor, const Scope& grounds);

}  // namespace credo::gaussian
