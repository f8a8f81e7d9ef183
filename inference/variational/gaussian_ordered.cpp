// Single updating in the order of a soluble family, with continuous variables.
//
// For v in the order, A(v, pa) = E_q[ scores and costs below v | v, pa ] does not depend on the
// conditionals that are still unsolved (Lauritzen and Nilsson 2001); standard normal and uniform
// ones stand for them. Under q everything continuous is jointly Gaussian given the discrete states,
// so that what v does not see is a linear-Gaussian function of what it sees (the filter of a
// linear-quadratic problem with hidden variables), and A is a quadratic form. A hidden discrete
// variable beside a continuous v would make it a mixture: refused. Invariant: q_ has a conditional
// for every node, solved or not. Cost: the cube of the sum of all dimensions, times joint states,
// per optimised conditional.

#include <credo/core/joint_states.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/variational/gaussian_moments.hpp>
#include <credo/inference/variational/gaussian_ordered.hpp>
#include <credo/inference/variational/relevance.hpp>
#include <credo/inference/variational/row_rule.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace credo::variational {

namespace {

using Eigen::Index;

class OrderedSolver {
 public:
  OrderedSolver(const GaussianProblem& problem, bool messages)
      : problem_(problem), messages_(messages) {
    for (const GaussianScore& score : problem.scores) {
      std::vector<Form> forms = score.kernels.empty() ? score.forms : densities_of(problem, score);
      scores_.push_back({score.scope, std::move(forms), {}, score.factor});
    }
    answer_.q = stand_in(problem);
  }

  GaussianSweepAnswer run(const std::vector<VariableId>& order, contraction::Monitor& monitor) {
    for (std::size_t i = 0; i < order.size(); ++i) {
      monitor.check("sweep", static_cast<double>(i) / static_cast<double>(order.size()));
      solve(problem_.plain.node_of[order[i]], monitor);
    }
    const Frontier joint = everything(monitor);
    CompensatedSum total;
    for (const GaussianScore& score : scores_) add_expectation(joint, score, total);
    answer_.value = total.value();
    return std::move(answer_);
  }

 private:
  [[nodiscard]] const FactorGraph& graph() const { return problem_.graph(); }

  Frontier everything(contraction::Monitor& monitor) const {
    MomentPlan plan = plan_moments(problem_, {});
    for (std::vector<VariableId>& dropped : plan.dropped) dropped.clear();
    Frontier joint;
    run_moments(
        problem_, answer_.q, plan, [&](std::size_t, const Frontier& frontier) { joint = frontier; },
        monitor);
    return joint;
  }

  void add_expectation(const Frontier& joint, const GaussianScore& score,
                       CompensatedSum& total) const {
    const StateIndex index(graph(), score.scope.discrete, joint.scope.discrete);
    const std::vector<Index> places =
        coordinates_of(graph(), score.scope.continuous, joint.scope.continuous);
    std::size_t at = 0;
    for_each_joint_state(
        graph().shape_of(joint.scope.discrete), [&](std::span<const std::size_t> states) {
          const Frontier::Cell& cell = joint.cells[at++];
          if (!(cell.weight > 0.0)) return;
          const Form& form = score.forms[index(states)];
          const Kernel all = conditional_of(cell.mean, cell.covariance, places, {});
          total.add(cell.weight * expectation(form, all).constant);
        });
  }

  /// Scores that v influences.
  [[nodiscard]] std::vector<const GaussianScore*> scores_below(std::size_t n) const {
    const std::vector<char> below = descendants(problem_.plain, n);
    std::vector<const GaussianScore*> result;
    const auto touches = [&](const Scope& scope) {
      return std::ranges::any_of(scope, [&](VariableId v) { return below[v] != 0; });
    };
    for (const GaussianScore& score : scores_) {
      if (touches(score.scope.discrete) || touches(score.scope.continuous)) {
        result.push_back(&score);
      }
    }
    return result;
  }

  void solve(std::size_t n, contraction::Monitor& monitor) {
    const GaussianNode& gaussian = problem_.nodes[n];
    const Node& node = problem_.plain.nodes[n];
    SplitScope seen = gaussian.parents;
    gaussian.continuous ? seen.continuous.insert(seen.continuous.begin(), node.variable)
                        : seen.discrete.insert(seen.discrete.end(), node.variable);
    const Frontier joint = everything(monitor);
    std::vector<Form> j = averaged(n, seen, joint);
    std::vector<Form> kept = messages_ ? j : std::vector<Form>();
    std::vector<Form> message = gaussian.continuous ? solve_continuous(n, j) : solve_discrete(n, j);
    add_cost(n);
    if (!messages_) return;
    GaussianScoreMessage handed;
    handed.eliminated = node.variable;
    handed.scope = gaussian.parents.discrete;
    handed.continuous = gaussian.parents.continuous;
    handed.score_scope = seen.discrete;
    handed.score_continuous = seen.continuous;
    for (const Form& form : message) handed.message.push_back(quadratic_form_of(form));
    for (const Form& form : kept) handed.score.push_back(quadratic_form_of(form));
    answer_.messages.push_back(std::move(handed));
  }

  /// E[ scores below | seen ], one per joint state of the discrete variables seen.
  std::vector<Form> averaged(std::size_t n, const SplitScope& seen, const Frontier& joint) const {
    const std::vector<Index> z = coordinates_of(graph(), seen.continuous, joint.scope.continuous);
    const StateIndex target(graph(), seen.discrete, joint.scope.discrete);
    std::size_t count = 1;
    for (const VariableId v : seen.discrete) count *= graph().cardinality(v);
    const std::vector<const GaussianScore*> scores = scores_below(n);
    check_hidden(n, seen, scores);
    std::vector<Form> sums(count, Form::zero(static_cast<Index>(z.size())));
    std::vector<double> weights(count, 0.0);
    std::size_t at = 0;
    const auto extents = graph().shape_of(joint.scope.discrete);
    for_each_joint_state(extents, [&](std::span<const std::size_t> states) {
      weights[target(states)] += joint.cells[at++].weight;
    });
    at = 0;
    for_each_joint_state(extents, [&](std::span<const std::size_t> states) {
      const Frontier::Cell& cell = joint.cells[at++];
      const std::size_t row = target(states);
      if (!(cell.weight > 0.0)) return;
      for (const GaussianScore* score : scores) {
        add_average(*score, joint, states, cell, z, cell.weight / weights[row], sums[row]);
      }
    });
    return sums;
  }

  void add_average(const GaussianScore& score, const Frontier& joint,
                   std::span<const std::size_t> states, const Frontier::Cell& cell,
                   const std::vector<Index>& z, double share, Form& sum) const {
    const Form& form =
        score.forms[StateIndex(graph(), score.scope.discrete, joint.scope.discrete)(states)];
    const std::vector<Index> own =
        coordinates_of(graph(), score.scope.continuous, joint.scope.continuous);
    std::vector<Index> hidden;
    for (const Index i : own) {
      if (std::ranges::find(z, i) == z.end()) hidden.push_back(i);
    }
    std::vector<Index> order = hidden;
    order.insert(order.end(), z.begin(), z.end());
    std::vector<Index> places;
    for (const Index i : own) {
      places.push_back(static_cast<Index>(std::ranges::find(order, i) - order.begin()));
    }
    Form whole = Form::zero(static_cast<Index>(order.size()));
    whole.add(form, places);
    if (!whole.feasible()) {
      sum.constant = -kInfinity;
      return;
    }
    std::vector<Index> identity(z.size());
    std::iota(identity.begin(), identity.end(), Index{0});
    sum.add(expectation(whole, conditional_of(cell.mean, cell.covariance, hidden, z)), identity,
            share);
  }

  void check_hidden(std::size_t n, const SplitScope& seen,
                    const std::vector<const GaussianScore*>& scores) const {
    if (seen.continuous.empty()) return;
    for (const GaussianScore* score : scores) {
      for (const Node& other : problem_.plain.nodes) {
        const VariableId u = other.variable;
        if (graph().variable(u).is_continuous()) continue;
        if (std::ranges::find(seen.discrete, u) != seen.discrete.end()) continue;
        throw Breakdown{
            problem_.plain.nodes[n].variable,
            fmt::format(
                "the scores of {0} have to be averaged over {1}, which it does not see: "
                "given a continuous variable that is a mixture, no quadratic form; expected "
                "{1} among the parents of {0}",
                graph().variable(problem_.plain.nodes[n].variable).name, graph().variable(u).name)};
      }
      if (score != nullptr) return;
    }
  }

  std::vector<Form> solve_continuous(std::size_t n, const std::vector<Form>& j) {
    const std::vector<Kernel> own = problem_.nodes[n].kernels;
    std::vector<Form> message;
    std::vector<Kernel>& solved = answer_.q.kernels[n];
    for (std::size_t i = 0; i < j.size(); ++i) {
      if (!j[i].feasible()) {
        message.push_back(Form::infeasible(solved[i].gain.cols()));
        continue;
      }
      Optimum best = ConditionalRule(problem_, n)(j[i], own.empty() ? nullptr : &own[i]);
      solved[i] = std::move(best.q);
      message.push_back(std::move(best.message));
    }
    return message;
  }

  std::vector<Form> solve_discrete(std::size_t n, const std::vector<Form>& j) {
    const Node& node = problem_.plain.nodes[n];
    const std::size_t width = graph().cardinality(node.variable);
    std::vector<double> q(j.size());
    std::vector<Form> message;
    for (std::size_t i = 0; i < j.size(); i += width) {
      std::vector<double> row;
      std::vector<double> log_base;
      for (std::size_t k = i; k < i + width; ++k) {
        row.push_back(j[k].constant);
        if (node.table) log_base.push_back(node.table->log_at(k));
      }
      message.push_back(Form::zero(0));
      message.back().constant =
          solve_row(node.kind, node.weight, log_base, row, std::span(q).subspan(i, width));
    }
    answer_.q.tables[n] = Table::dense(graph().shape_of(Problem::scope_of(node)), std::move(q));
    return message;
  }

  /// What the solved conditional pays for itself becomes a score.
  void add_cost(std::size_t n) {
    const Node& node = problem_.plain.nodes[n];
    if (node.kind == ConditionalKind::arg_max) return;
    GaussianScore cost;
    cost.scope = problem_.nodes[n].parents;
    if (!problem_.nodes[n].continuous) {
      cost.scope.discrete.push_back(node.variable);
      const Table& q = answer_.q.tables[n];
      for (std::size_t i = 0; i < q.size(); ++i) {
        Form form = Form::zero(0);
        form.constant = own_cost(node, q, i);
        cost.forms.push_back(std::move(form));
      }
    } else {
      for (std::size_t i = 0; i < answer_.q.kernels[n].size(); ++i) {
        cost.forms.push_back(own_cost(problem_, n, i, answer_.q.kernels[n][i]));
      }
    }
    scores_.push_back(std::move(cost));
  }

  const GaussianProblem& problem_;
  bool messages_;
  std::vector<GaussianScore> scores_;
  GaussianSweepAnswer answer_;
};

}  // namespace

GaussianCost cost_of_ordered(const GaussianProblem& problem) {
  double states = 1.0;
  double dimension = 1.0;
  double optimised = 1.0;
  for (const Node& node : problem.plain.nodes) {
    const Variable& v = problem.graph().variable(node.variable);
    v.is_continuous() ? dimension += static_cast<double>(v.dimension)
                      : states *= static_cast<double>(v.cardinality);
    if (node.optimised()) optimised += 1.0;
  }
  return {optimised * states * dimension * dimension * dimension,
          4.0 * sizeof(double) * states * (dimension * dimension + 16.0)};
}

GaussianSweepAnswer run_gaussian_ordered(const GaussianProblem& problem,
                                         const std::vector<VariableId>& order, bool messages,
                                         contraction::Monitor& monitor) {
  return OrderedSolver(problem, messages).run(order, monitor);
}

}  // namespace credo::variational
