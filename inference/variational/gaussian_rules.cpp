// Rules for one conditional: its optimum, what it pays, and what stands for it before it is solved.

#include <credo/core/numerics.hpp>
#include <credo/inference/variational/block.hpp>
#include <credo/inference/variational/gaussian_rules.hpp>

#include <fmt/format.h>

#include <numeric>
#include <utility>

namespace credo::variational {

using Eigen::Index;

Optimum ConditionalRule::operator()(const Form& j, const Kernel* kernel) const {
  const Node& node = problem_.plain.nodes[node_];
  const Index m = problem_.dimension_of({node.variable});
  if (node.kind == ConditionalKind::free && kernel != nullptr && !kernel->regular() &&
      node.weight != 1.0) {
    throw Breakdown{node.variable,
                    fmt::format("{} is free with weight {} and its factor has no noise in some "
                                "direction; expected weight 1, or noise in all directions",
                                problem_.graph().variable(node.variable).name, node.weight)};
  }
  const Rule rule = node.kind == ConditionalKind::charged   ? Rule::charged
                    : node.kind == ConditionalKind::arg_max ? Rule::largest
                                                            : Rule::entropic;
  Optimum best = optimum(j, m, kernel, rule, node.weight);
  if (!(best.curvature > 0.0)) complain(best, kernel != nullptr);
  return best;
}

void ConditionalRule::complain(const Optimum& failed, bool has_kernel) const {
  const Node& node = problem_.plain.nodes[node_];
  const std::string& name = problem_.graph().variable(node.variable).name;
  if (node.kind == ConditionalKind::charged) {
    throw Breakdown{
        node.variable,
        fmt::format("breakdown at {}: with rho = {} the {} does not exist, since I + P W / rho has "
                    "an eigenvalue of {:.3g} (relative to its diagonal) where it must be positive; "
                    "{}",
                    name, node.weight,
                    node.weight < 0.0 ? "worst kernel" : "integral over the kernel",
                    failed.curvature,
                    node.weight < 0.0 ? "take rho further below 0" : "take a larger rho")};
  }
  const char* what = failed.curvature < 0.0 ? "curve upwards" : "have no curvature";
  throw Breakdown{
      node.variable,
      fmt::format("breakdown at {0}: its scores {1} in some direction{2}, so that {3}", name, what,
                  has_kernel ? " (its factor included)" : "",
                  node.kind == ConditionalKind::arg_max ? "there is no largest value"
                                                        : "the integral over it diverges")};
}

std::vector<Form> densities_of(const GaussianProblem& problem, const GaussianScore& score) {
  std::vector<Form> densities;
  for (const Kernel& kernel : score.kernels) {
    if (!kernel.regular()) {
      const VariableId child = score.scope.continuous.back();
      throw Breakdown{child,
                      fmt::format("{} has no noise in some direction, so that its logarithm is no "
                                  "quadratic form; expected noise in all directions, or {} to be "
                                  "clamped to it, charged with it, or free with its parents and "
                                  "weight 1",
                                  problem.graph().describe_gaussian(*score.factor),
                                  problem.graph().variable(child).name)};
    }
    densities.push_back(kernel.log_density());
  }
  return densities;
}

Form own_cost(const GaussianProblem& problem, std::size_t n, std::size_t i, const Kernel& q) {
  const Node& node = problem.plain.nodes[n];
  Form form = Form::zero(q.gain.cols());
  if (!node.optimised() || node.kind == ConditionalKind::arg_max) return form;
  if (node.kind == ConditionalKind::free) {
    form.constant = q.regular() ? node.weight * q.entropy() : -kInfinity;
    return form;
  }
  const auto divergent = divergence(q, problem.nodes[n].kernels[i]);
  if (!divergent) return Form::infeasible(q.gain.cols());
  std::vector<Index> identity(static_cast<std::size_t>(q.gain.cols()));
  std::iota(identity.begin(), identity.end(), Index{0});
  form.add(*divergent, identity, -node.weight);
  return form;
}

double own_cost(const Node& node, const Table& q, std::size_t entry) {
  if (!node.optimised() || node.kind == ConditionalKind::arg_max || !(q.at(entry) > 0.0)) {
    return 0.0;
  }
  const double base = node.table ? node.table->log_at(entry) : 0.0;
  return node.weight * (base - q.log_at(entry));
}

GaussianFamily stand_in(const GaussianProblem& problem) {
  GaussianFamily q;
  std::vector<Rows> rows = uniform_start(problem.plain);
  for (std::size_t n = 0; n < problem.nodes.size(); ++n) {
    const Node& node = problem.plain.nodes[n];
    const GaussianNode& gaussian = problem.nodes[n];
    q.tables.emplace_back();
    q.kernels.push_back(gaussian.kernels);
    if (!gaussian.continuous) {
      q.tables[n] =
          node.optimised()
              ? Table::dense(problem.graph().shape_of(Problem::scope_of(node)), std::move(rows[n]))
              : *node.table;
      continue;
    }
    if (!q.kernels[n].empty()) continue;
    const Index m = problem.dimension_of({node.variable});
    const Index width = problem.dimension_of(gaussian.parents.continuous);
    q.kernels[n].assign(saturating_product(problem.graph().shape_of(gaussian.parents.discrete)),
                        {Eigen::MatrixXd::Zero(m, width), Eigen::VectorXd::Zero(m),
                         Eigen::MatrixXd::Identity(m, m)});
  }
  return q;
}

}  // namespace credo::variational
