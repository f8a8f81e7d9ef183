// Families with continuous variables: choice of method, and what is read off the best q.
//
// Order and solubility come from the plain problem, which looks at scopes only. A soluble family is
// solved by the exact sweep; where the scores of a conditional mention what it does not see, they
// are first averaged under q (gaussian_ordered.cpp). An insoluble one is climbed component by
// component (gaussian_ascent.cpp).

#include <credo/core/joint_states.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/variational/answers.hpp>
#include <credo/inference/variational/ascent.hpp>
#include <credo/inference/variational/gaussian_ascent.hpp>
#include <credo/inference/variational/gaussian_family.hpp>
#include <credo/inference/variational/gaussian_gap.hpp>
#include <credo/inference/variational/gaussian_moments.hpp>
#include <credo/inference/variational/gaussian_ordered.hpp>
#include <credo/inference/variational/gaussian_proper.hpp>
#include <credo/inference/variational/gaussian_sweep.hpp>
#include <credo/inference/variational/relevance.hpp>
#include <credo/inference/variational/sweep_plan.hpp>

#include <fmt/format.h>

#include <cmath>
#include <string_view>
#include <utility>

namespace credo::variational {

namespace {

constexpr std::string_view kAllInfeasible =
    "L is minus infinity: every q of the family reaches what the scores exclude";

std::vector<double> entries_of(const Eigen::MatrixXd& symmetric) {
  return {symmetric.data(), symmetric.data() + symmetric.size()};
}

class GaussianMaximizer {
 public:
  GaussianMaximizer(const FactorGraph& graph, const Evidence& evidence, const Family& family,
                    const VariationalOptions& options)
      : graph_(graph),
        evidence_(evidence),
        family_(family),
        options_(options),
        infer_options_(contraction::limits_of(options)),
        monitor_(infer_options_) {}

  VariationalResult run() {
    try {
      answer();
    } catch (const contraction::Stopped& stopped) {
      result_ = {};
      result_.status = stopped.status;
      result_.message = contraction::stop_message(stopped.status, options_.time_limit_seconds);
    } catch (const Breakdown& breakdown) {
      Solubility solubility = std::move(result_.solubility);
      result_ = {};
      result_.solubility = std::move(solubility);
      result_.breakdown = breakdown.variable;
      refuse(breakdown.message);
    }
    return std::move(result_);
  }

 private:
  void refuse(std::string why) {
    result_.status = Status::refused;
    result_.message = std::move(why);
  }

  void answer() {
    monitor_.check("plan", 0.0);
    problem_ = make_gaussian_problem(graph_, evidence_, family_);
    const auto plan = plan_sweep(problem_.plain, options_.messages);
    result_.solubility =
        plan ? swept_solubility(problem_.plain, *plan) : test_solubility(problem_.plain);
    const bool wants_sweep = options_.method != VariationalMethod::ascent;
    if (wants_sweep && result_.solubility.soluble) {
      plan ? sweep(*plan) : solve();
    } else if (options_.method == VariationalMethod::sweep) {
      refuse(result_.solubility.explanation);
    } else {
      ascend();
    }
    if (!result_.algorithm_used.empty()) finish();
  }

  void sweep(const SweepPlan& plan) {
    if (!affordable("sweep", cost_of(problem_, plan))) return;
    take(run_gaussian_sweep(problem_, plan, options_.messages, monitor_));
    if (result_.value == -kInfinity) blame(plan);
  }

  void solve() {
    if (!affordable("sweep", cost_of_ordered(problem_))) return;
    take(run_gaussian_ordered(problem_, result_.solubility.order, options_.messages, monitor_));
    if (result_.value == -kInfinity) result_.message = kAllInfeasible;
  }

  void ascend() {
    for (const Node& node : problem_.plain.nodes) {
      if (node.kind != ConditionalKind::charged || node.weight > 0.0) continue;
      return refuse(fmt::format(
          "ascent: the conditional of {} minimises (rho = {}), which only a sweep can do; {}",
          graph_.variable(node.variable).name, node.weight, result_.solubility.explanation));
    }
    if (!affordable("ascent", cost_of_ascent(problem_))) return;
    take(run_gaussian_ascent(problem_, initial_rows(), options_, monitor_));
  }

  /// By node; none for continuous ones.
  [[nodiscard]] std::vector<Rows> initial_rows() const {
    const Problem discrete = discrete_problem();
    std::vector<Rows> given =
        variational::initial_rows(discrete, evidence_, family_, options_.initial);
    std::vector<Rows> rows(problem_.nodes.size());
    for (std::size_t i = 0; i < given.size(); ++i) {
      rows[problem_.plain.node_of[discrete.nodes[i].variable]] = std::move(given[i]);
    }
    return rows;
  }

  void take(GaussianAscentAnswer answer) {
    report_ascent(answer, result_);
    result_.value = answer.value;
    q_ = std::move(answer.q);
    if (result_.value == -kInfinity) {
      result_.message = kAllInfeasible;
      return;
    }
    const Properness proper = check_proper(problem_, evidence_, q_, infer_options_, monitor_);
    if (proper.improper) {
      throw Breakdown{std::nullopt, "there is no finite log Z to bound: " + proper.message};
    }
    if (!proper.message.empty()) {
      result_.message += "; that log Z is finite was not checked, " + proper.message;
    }
  }

  bool affordable(std::string_view who, const GaussianCost& cost) {
    result_.predicted_operations = cost.operations;
    result_.predicted_peak_bytes = cost.peak_bytes;
    result_.timings.plan_seconds = monitor_.elapsed_seconds();
    if (cost.peak_bytes <= options_.memory_limit_bytes) return true;
    refuse(fmt::format("the {} needs {} (and {:.3g} operations); the memory limit is {}", who,
                       describe_bytes(cost.peak_bytes), cost.operations,
                       describe_bytes(options_.memory_limit_bytes)));
    return false;
  }

  void take(GaussianSweepAnswer answer) {
    result_.algorithm_used = "sweep";
    result_.message = "answered";
    result_.guarantee = Guarantee::exact;
    result_.value = answer.value;
    result_.gaussian_messages = std::move(answer.messages);
    q_ = std::move(answer.q);
  }

  void blame(const SweepPlan& plan) {
    const auto feasible = [&](std::size_t count) {
      return run_gaussian_sweep(problem_, plan, false, monitor_, count).value != -kInfinity;
    };
    std::string message = "a Gaussian factor or kernel excludes what every q must reach";
    // Without some scores an integral may diverge: then nobody is named.
    try {
      const Blame found = find_blame(problem_.plain, feasible);
      result_.infeasible_factor = found.factor;
      if (found.factor) message = found.message;
    } catch (const Breakdown&) {
      result_.infeasible_factor.reset();
    }
    result_.message = fmt::format("L is minus infinity: {}", message);
  }

  void finish() {
    result_.status = Status::ok;
    const bool feasible = result_.value != -kInfinity;
    if (feasible && options_.marginals) add_marginals();
    if (options_.gap) {
      GapAnswer gap =
          gaussian_divergences(graph_, evidence_, problem_, q_, feasible, infer_options_, monitor_);
      result_.log_z = gap.log_z;
      result_.gap = std::move(gap.terms);
      if (!gap.missing.empty()) result_.message += "; no gap, " + gap.missing;
    }
    if (is_lower_bound(problem_.plain) && keeps_densities()) result_.log_z_lower = result_.value;
    result_.gaussian_conditionals.resize(family_.conditionals().size());
    for (std::size_t n = 0; n < problem_.nodes.size(); ++n) {
      if (problem_.nodes[n].continuous) hand_back(n);
    }
    result_.conditionals = discrete_tables();
    result_.timings.infer_seconds = monitor_.elapsed_seconds() - result_.timings.plan_seconds;
  }

  /// Whether every entropy of a continuous variable counts once: unlike that of a discrete one it
  /// may be negative, so that leaving some of it out is no loss.
  [[nodiscard]] bool keeps_densities() const {
    for (std::size_t n = 0; n < problem_.nodes.size(); ++n) {
      const Node& node = problem_.plain.nodes[n];
      if (!problem_.nodes[n].continuous) continue;
      const bool is_factor = family_.conditionals()[node.place].gaussian_factor.has_value();
      if (node.kind == ConditionalKind::arg_max) return false;
      if (node.kind == ConditionalKind::free && node.weight != 1.0) return false;
      const bool uncounted = !node.optimised() && std::isinf(node.weight);
      if ((node.kind == ConditionalKind::charged || uncounted) && !is_factor) return false;
    }
    return true;
  }

  /// The discrete nodes.
  [[nodiscard]] Problem discrete_problem() const {
    Problem discrete = problem_.plain;
    std::erase_if(discrete.nodes, [this](const Node& node) {
      return graph_.variable(node.variable).is_continuous();
    });
    return discrete;
  }

  /// full_tables() for the discrete conditionals, scalars for the others.
  [[nodiscard]] std::vector<Table> discrete_tables() {
    std::vector<Table> tables;
    for (std::size_t n = 0; n < problem_.nodes.size(); ++n) {
      if (!problem_.nodes[n].continuous) tables.push_back(q_.tables[n]);
    }
    return full_tables(discrete_problem(), evidence_, family_, std::move(tables));
  }

  void add_marginals() {
    const MomentPlan plan = plan_moments(problem_, {});
    result_.marginals.resize(graph_.variable_count());
    result_.gaussian_marginals.resize(graph_.variable_count());
    if (plan.peak_bytes > options_.memory_limit_bytes) {
      result_.message +=
          fmt::format("; no marginals, they need {}", describe_bytes(plan.peak_bytes));
      return;
    }
    run_moments(
        problem_, q_, plan, [&](std::size_t n, const Frontier& f) { read(n, f); }, monitor_);
    for (const auto& [v, finding] : evidence_.findings()) {
      if (finding.kind == FindingKind::hard) {
        result_.marginals[v].assign(graph_.cardinality(v), 0.0);
        result_.marginals[v][finding.state] = 1.0;
      }
      if (finding.kind == FindingKind::value) {
        const std::size_t dimension = finding.value.size();
        result_.gaussian_marginals[v] = {finding.value,
                                         std::vector<double>(dimension * dimension, 0.0)};
      }
    }
  }

  void read(std::size_t n, const Frontier& frontier) {
    const VariableId v = problem_.plain.nodes[n].variable;
    Scope others = frontier.scope.discrete;
    others.insert(others.end(), frontier.scope.continuous.begin(), frontier.scope.continuous.end());
    std::erase(others, v);
    const Frontier alone = without(graph_, frontier, others);
    if (problem_.nodes[n].continuous) {
      const Frontier::Cell& cell = alone.cells.front();
      result_.gaussian_marginals[v] = {{cell.mean.data(), cell.mean.data() + cell.mean.size()},
                                       entries_of(cell.covariance)};
      return;
    }
    for (const Frontier::Cell& cell : alone.cells) result_.marginals[v].push_back(cell.weight);
  }

  void hand_back(std::size_t n) {
    const Node& node = problem_.plain.nodes[n];
    const Conditional& conditional = family_.conditionals()[node.place];
    std::optional<GaussianTable>& result = result_.gaussian_conditionals[node.place];
    if (!node.optimised()) {
      result = conditional.gaussian;
      return;
    }
    const SplitScope all = problem_.split(conditional.parents);
    const SplitScope& kept = problem_.nodes[n].parents;
    const std::vector<Eigen::Index> places =
        coordinates_of(graph_, kept.continuous, all.continuous);
    const StateIndex index(graph_, kept.discrete, all.discrete);
    const Eigen::Index width = problem_.dimension_of(all.continuous);
    std::vector<LinearGaussian> kernels;
    for_each_joint_state(graph_.shape_of(all.discrete), [&](std::span<const std::size_t> states) {
      Kernel kernel = q_.kernels[n][index(states)];
      Eigen::MatrixXd gain = Eigen::MatrixXd::Zero(kernel.gain.rows(), width);
      for (std::size_t i = 0; i < places.size(); ++i) {
        gain.col(places[i]) = kernel.gain.col(static_cast<Eigen::Index>(i));
      }
      kernel.gain = std::move(gain);
      kernels.push_back(linear_gaussian_of(kernel));
    });
    std::vector<std::size_t> dimensions = problem_.dimensions_of(all.continuous);
    dimensions.push_back(graph_.variable(node.variable).dimension);
    result = GaussianTable::conditional(graph_.shape_of(all.discrete), std::move(dimensions),
                                        std::move(kernels));
  }

  const FactorGraph& graph_;
  const Evidence& evidence_;
  const Family& family_;
  const VariationalOptions& options_;
  InferOptions infer_options_;
  contraction::Monitor monitor_;
  GaussianProblem problem_;
  GaussianFamily q_;
  VariationalResult result_;
};

}  // namespace

VariationalResult maximize_gaussian(const FactorGraph& graph, const Evidence& evidence,
                                    const Family& family, const VariationalOptions& options) {
  return GaussianMaximizer(graph, evidence, family, options).run();
}

Solubility gaussian_solubility(const FactorGraph& graph, const Evidence& evidence,
                               const Family& family) {
  try {
    const GaussianProblem problem = make_gaussian_problem(graph, evidence, family);
    const auto plan = plan_sweep(problem.plain, false);
    return plan ? swept_solubility(problem.plain, *plan) : test_solubility(problem.plain);
  } catch (const Breakdown& breakdown) {
    Solubility result;
    result.explanation = breakdown.message;
    return result;
  }
}

}  // namespace credo::variational
