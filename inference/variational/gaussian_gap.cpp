// KL(q, p) as a sum over the family, with continuous variables.
//
// As in gap.cpp: eliminating the model children first along the family's order is the sweep of the
// fully structured family, whose value is log Z and whose conditionals are p(x_v | before). The
// divergence of two linear-Gaussian kernels is a quadratic form of their parents, and its
// expectation takes the first two moments of q. A discrete variable with continuous ones above it
// has no such conditional in this class; since a family never has one, all discrete variables may
// stand before the continuous ones, which is a strong elimination of the model. Where its tables do
// not fit, log Z comes from the exact engine alone. Cost: one sweep and one forward pass.

#include <credo/core/joint_states.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/variational/gaussian_gap.hpp>
#include <credo/inference/variational/gaussian_moments.hpp>
#include <credo/inference/variational/relevance.hpp>
#include <credo/inference/variational/sweep_plan.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <utility>

namespace credo::variational {

namespace {

using Eigen::Index;

/// E[form(x)] for x with these moments; coordinates: where the form's are.
double expected(const Form& form, const std::vector<Index>& coordinates,
                const Frontier::Cell& cell) {
  const Eigen::VectorXd mean = cell.mean(coordinates);
  const Eigen::MatrixXd covariance = cell.covariance(coordinates, coordinates);
  return form.constant + form.linear.dot(mean) -
         (mean.dot(form.precision * mean) + form.precision.cwiseProduct(covariance).sum()) / 2.0;
}

/// The same kernel with its parents among `parents`.
Kernel widened(const FactorGraph& graph, const Kernel& kernel, const Scope& own,
               const Scope& parents, Index width) {
  const std::vector<Index> places = coordinates_of(graph, own, parents);
  Kernel result{Eigen::MatrixXd::Zero(kernel.offset.size(), width), kernel.offset, kernel.root};
  for (std::size_t i = 0; i < places.size(); ++i) {
    result.gain.col(places[i]) = kernel.gain.col(static_cast<Index>(i));
  }
  return result;
}

class LocalDivergence {
 public:
  LocalDivergence(const GaussianProblem& problem, const GaussianFamily& q,
                  const GaussianProblem& posterior, const GaussianFamily& p)
      : problem_(problem), q_(q), posterior_(posterior), p_(p) {}

  /// Nothing when it is infinite.
  std::optional<double> operator()(std::size_t n, const Frontier& frontier) const {
    const FactorGraph& graph = problem_.graph();
    const VariableId v = problem_.plain.nodes[n].variable;
    const std::size_t m = posterior_.plain.node_of[v];
    double sum = 0.0;
    bool finite = true;
    std::size_t at = 0;
    for_each_joint_state(
        graph.shape_of(frontier.scope.discrete), [&](std::span<const std::size_t> states) {
          const Frontier::Cell& cell = frontier.cells[at++];
          if (!(cell.weight > 0.0)) return;
          const auto term = problem_.nodes[n].continuous ? continuous(n, m, frontier, cell, states)
                                                         : discrete(n, m, frontier, states);
          finite = finite && term;
          if (term) sum += cell.weight * *term;
        });
    return finite ? std::optional(sum) : std::nullopt;
  }

 private:
  [[nodiscard]] std::optional<double> discrete(std::size_t n, std::size_t m,
                                               const Frontier& frontier,
                                               std::span<const std::size_t> states) const {
    const auto probability = [&](const Problem& plain, const Table& table, std::size_t node) {
      const Scope scope = Problem::scope_of(plain.nodes[node]);
      return table.at(StateIndex(problem_.graph(), scope, frontier.scope.discrete)(states));
    };
    const double p = probability(posterior_.plain, p_.tables[m], m);
    if (!(p > 0.0)) return std::nullopt;
    return std::log(probability(problem_.plain, q_.tables[n], n)) - std::log(p);
  }

  [[nodiscard]] std::optional<double> continuous(std::size_t n, std::size_t m,
                                                 const Frontier& frontier,
                                                 const Frontier::Cell& cell,
                                                 std::span<const std::size_t> states) const {
    const FactorGraph& graph = problem_.graph();
    Scope parents = posterior_.nodes[m].parents.continuous;
    for (const VariableId u : problem_.nodes[n].parents.continuous) {
      if (std::ranges::find(parents, u) == parents.end()) parents.push_back(u);
    }
    const Index width = problem_.dimension_of(parents);
    const auto kernel = [&](const GaussianNode& node, const std::vector<Kernel>& kernels) {
      const StateIndex index(graph, node.parents.discrete, frontier.scope.discrete);
      return widened(graph, kernels[index(states)], node.parents.continuous, parents, width);
    };
    const auto form = divergence(kernel(problem_.nodes[n], q_.kernels[n]),
                                 kernel(posterior_.nodes[m], p_.kernels[m]));
    if (!form) return std::nullopt;
    return expected(*form, coordinates_of(graph, parents, frontier.scope.continuous), cell);
  }

  const GaussianProblem& problem_;
  const GaussianFamily& q_;
  const GaussianProblem& posterior_;
  const GaussianFamily& p_;
};

/// The model eliminated children first.
struct Posterior {
  GaussianProblem problem;
  GaussianSweepAnswer answer;
};

/// Parents first, and every discrete node before the continuous ones.
std::vector<std::size_t> strong_order(const GaussianProblem& problem) {
  std::vector<std::size_t> order;
  const std::vector<std::size_t> nodes = parents_first(problem.plain);
  for (const bool continuous : {false, true}) {
    std::ranges::copy_if(nodes, std::back_inserter(order),
                         [&](std::size_t n) { return problem.nodes[n].continuous == continuous; });
  }
  return order;
}

/// Nothing when its tables do not fit.
std::optional<Posterior> posterior_along(const FactorGraph& graph, const Evidence& evidence,
                                         const GaussianProblem& problem,
                                         const std::vector<std::size_t>& first_to_last,
                                         const InferOptions& options,
                                         contraction::Monitor& monitor) {
  std::vector<VariableId> order;
  for (std::size_t i = first_to_last.size(); i-- > 0;) {
    order.push_back(problem.plain.nodes[first_to_last[i]].variable);
  }
  const Family family = fully_structured(graph, evidence, std::move(order));
  Posterior posterior{make_gaussian_problem(graph, evidence, family), {}};
  const auto plan = plan_sweep(posterior.problem.plain, false);
  if (!plan || cost_of(posterior.problem, *plan).peak_bytes > options.memory_limit_bytes) {
    return std::nullopt;
  }
  posterior.answer = run_gaussian_sweep(posterior.problem, *plan, false, monitor);
  return posterior;
}

}  // namespace

GapAnswer gaussian_divergences(const FactorGraph& graph, const Evidence& evidence,
                               const GaussianProblem& problem, const GaussianFamily& q,
                               bool feasible, const InferOptions& options,
                               contraction::Monitor& monitor) {
  GapAnswer result;
  try {
    const std::vector<std::size_t> order = strong_order(problem);
    const auto posterior = posterior_along(graph, evidence, problem, order, options, monitor);
    if (!posterior) return log_z_alone(graph, evidence, options, monitor);
    result.log_z = posterior->answer.value;
    if (!feasible) return result;
    std::vector<Scope> needs(problem.nodes.size());
    for (std::size_t n = 0; n < needs.size(); ++n) {
      needs[n] = posterior->problem.plain.node(problem.plain.nodes[n].variable).parents;
    }
    const MomentPlan plan = plan_moments(problem, needs, order);
    const LocalDivergence term(problem, q, posterior->problem, posterior->answer.q);
    bool finite = plan.peak_bytes <= options.memory_limit_bytes;
    if (!finite) return result;
    run_moments(
        problem, q, plan,
        [&](std::size_t n, const Frontier& frontier) {
          const std::optional<double> nats = term(n, frontier);
          finite = finite && nats;
          result.terms.push_back({problem.plain.nodes[n].variable, nats.value_or(kNaN)});
        },
        monitor);
    if (!finite) {
      result.terms.clear();
      result.missing = "q has no density with respect to the posterior";
    }
  } catch (const Breakdown& breakdown) {
    result.missing = breakdown.message;
  }
  return result;
}

}  // namespace credo::variational
