// Grounding: which factor gives which continuous variable its distribution.
//
// A kernel grounds its child once all its parents are grounded; where no kernel can go on, a
// quadratic factor grounds those of its variables that are not, if it is positive definite in them
// for every joint state of its discrete variables. The order in which this happens is a topological
// order of the directed graph that it makes. Everything else is a likelihood.
// Cost: linear in the graph, but for quadratic factors that must wait for one another.

#include <credo/inference/gaussian/fixed_factors.hpp>
#include <credo/inference/gaussian/moment_gaussian.hpp>
#include <credo/inference/gaussian/moment_problem.hpp>
#include <credo/inference/joint_weights.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace credo::gaussian {

namespace {

class Grounding {
 public:
  Grounding(const FactorGraph& graph, MomentProblem& problem)
      : graph_(graph),
        problem_(problem),
        grounded_(graph.variable_count(), 0),
        of_variable_(graph.variable_count()),
        missing_(graph.gaussian_factors().size(), 0),
        potential_of_(graph.gaussian_factors().size(), 0) {}

  void add_factors() {
    for (GaussianFactorId g = 0; g < graph_.gaussian_factors().size(); ++g) add_factor(g);
  }

  void run() {
    for (GaussianFactorId g = 0; g < missing_.size(); ++g) {
      if (missing_[g] == 0) ready_.push_back(g);
    }
    spread();
    bool again = true;
    while (again && left_ > 0) {
      again = false;
      for (const GaussianFactorId g : quadratic_) {
        if (!ground_by_form(g)) continue;
        spread();
        again = true;
      }
    }
    if (left_ > 0) refuse();
  }

 private:
  [[nodiscard]] bool is_free(VariableId v) const { return !problem_.is_observed[v]; }

  void add_factor(GaussianFactorId g) {
    const GaussianFactor& factor = graph_.gaussian_factor(g);
    Potential potential;
    potential.source = g;
    for (const VariableId v : factor.scope) {
      if (problem_.is_discrete_unknown(v)) potential.discrete.push_back(v);
    }
    for (const VariableId v : factor.continuous) {
      if (!is_free(v)) continue;
      potential.continuous.push_back(v);
      of_variable_[v].push_back(g);
    }
    const bool conditional = factor.table.is_conditional();
    potential.kind = potential.continuous.empty() ? PotentialKind::fixed
                     : conditional                ? PotentialKind::observation
                                                  : PotentialKind::quadratic;
    if (potential.kind == PotentialKind::quadratic) quadratic_.push_back(g);
    const bool may_ground = conditional && is_free(factor.continuous.back());
    missing_[g] = may_ground ? potential.continuous.size() - 1 : kNever;
    potential_of_[g] = problem_.potentials.size();
    problem_.potentials.push_back(std::move(potential));
  }

  /// Grounds all that kernels can.
  void spread() {
    while (next_ < ready_.size()) {
      const GaussianFactorId g = ready_[next_++];
      const VariableId child = graph_.gaussian_factor(g).continuous.back();
      if (grounded_[child]) continue;
      Potential& potential = problem_.potentials[potential_of_[g]];
      potential.kind = PotentialKind::kernel;
      potential.grounds = {child};
      settle(potential);
    }
  }

  void settle(Potential& potential) {
    potential.rank = rank_++;
    for (const VariableId v : potential.grounds) {
      grounded_[v] = 1;
      --left_;
      for (const GaussianFactorId g : of_variable_[v]) {
        const GaussianFactor& factor = graph_.gaussian_factor(g);
        if (missing_[g] == kNever || factor.continuous.back() == v) continue;
        if (--missing_[g] == 0) ready_.push_back(g);
      }
    }
  }

  bool ground_by_form(GaussianFactorId g) {
    Potential& potential = problem_.potentials[potential_of_[g]];
    if (potential.kind != PotentialKind::quadratic) return false;
    Scope grounds;
    for (const VariableId v : potential.continuous) {
      if (!grounded_[v]) grounds.push_back(v);
    }
    if (grounds.empty()) return false;
    const GaussianFactor& factor = graph_.gaussian_factor(g);
    const FormRows rows = form_rows(graph_, problem_, factor, grounds);
    for (std::uint64_t entry = 0; entry < factor.table.size(); ++entry) {
      if (factor.table.forms()[entry].constant == -kInfinity) continue;
      const QuadraticForm form = reduced_form(graph_, problem_, factor, entry);
      if (!split_form(form, rows.others, rows.own).proper) return false;
    }
    potential.kind = PotentialKind::grounding;
    potential.grounds = std::move(grounds);
    settle(potential);
    return true;
  }

  void refuse() {
    for (VariableId v = 0; v < graph_.variable_count(); ++v) {
      if (!graph_.variable(v).is_continuous() || !is_free(v) || grounded_[v]) continue;
      problem_.refusal = fmt::format(
          "{} has no proper distribution before the observations (no kernel whose parents have "
          "one, no positive definite quadratic factor), so that mixtures over it have no moments",
          graph_.variable(v).name);
      return;
    }
  }

  static constexpr std::size_t kNever = static_cast<std::size_t>(-1);

  const FactorGraph& graph_;
  MomentProblem& problem_;
  std::vector<char> grounded_;
  std::vector<std::vector<GaussianFactorId>> of_variable_;
  std::vector<std::size_t> missing_;  ///< parents that are not grounded; kNever: grounds nothing
  std::vector<std::size_t> potential_of_;
  std::vector<GaussianFactorId> quadratic_;
  std::vector<GaussianFactorId> ready_;
  std::size_t next_ = 0;
  std::uint32_t rank_ = 0;

 public:
  std::size_t left_ = 0;
};

void add_discrete(const FactorGraph& graph, const Evidence& evidence, MomentProblem& problem) {
  const auto add = [&](PotentialKind kind, std::uint32_t source, const Scope& scope) {
    Potential potential;
    potential.kind = kind;
    potential.source = source;
    for (const VariableId v : scope) {
      if (problem.is_discrete_unknown(v)) potential.discrete.push_back(v);
    }
    problem.potentials.push_back(std::move(potential));
  };
  for (FactorId f = 0; f < graph.factor_count(); ++f) {
    add(PotentialKind::table, f, graph.factor(f).scope);
  }
  for (const auto& [v, finding] : evidence.findings()) {
    if (finding.kind != FindingKind::likelihood) continue;
    problem.likelihoods[v] = finding.likelihood;
    add(PotentialKind::likelihood, v, {v});
  }
}

void add_scopes(const FactorGraph& graph, const std::vector<Scope>& joints,
                MomentProblem& problem) {
  for (std::uint32_t j = 0; j < joints.size(); ++j) {
    Potential potential;
    potential.kind = PotentialKind::scope;
    potential.source = j;
    for (const VariableId v : joints[j]) {
      if (problem.is_discrete_unknown(v)) potential.discrete.push_back(v);
      if (graph.variable(v).is_continuous() && !problem.is_observed[v]) {
        potential.continuous.push_back(v);
      }
    }
    problem.potentials.push_back(std::move(potential));
  }
}

}  // namespace

MomentProblem make_moment_problem(const FactorGraph& graph, const Evidence& evidence,
                                  const std::vector<Scope>& joints) {
  MomentProblem problem;
  problem.permitted = permitted_states(graph, evidence);
  problem.is_observed.assign(graph.variable_count(), 0);
  std::size_t free = 0;
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    const Variable& variable = graph.variable(v);
    problem.scalar_of.push_back(static_cast<std::uint32_t>(problem.observed.size()));
    if (variable.is_continuous()) problem.permitted[v] = {0};
    problem.states.push_back(problem.permitted[v].front());
    const Finding* finding = variable.is_continuous() ? evidence.find(v) : nullptr;
    problem.is_observed[v] = finding != nullptr ? 1 : 0;
    if (variable.is_continuous() && finding == nullptr) ++free;
    for (std::size_t i = 0; i < variable.dimension; ++i) {
      problem.observed.push_back(finding != nullptr ? finding->value[i] : 0.0);
    }
  }
  add_discrete(graph, evidence, problem);
  Grounding grounding(graph, problem);
  grounding.left_ = free;
  grounding.add_factors();
  grounding.run();
  add_scopes(graph, joints, problem);
  return problem;
}

QuadraticForm reduced_form(const FactorGraph& graph, const MomentProblem& problem,
                           const GaussianFactor& factor, std::uint64_t entry) {
  const QuadraticForm& form = factor.table.forms()[entry];
  std::vector<std::size_t> free;
  std::vector<double> value;
  std::vector<char> known;
  for (const VariableId v : factor.continuous) {
    for (std::size_t i = 0; i < graph.variable(v).dimension; ++i) {
      if (!problem.is_observed[v]) free.push_back(value.size());
      known.push_back(problem.is_observed[v]);
      value.push_back(problem.observed[problem.scalar_of[v] + i]);
    }
  }
  const std::size_t n = value.size();
  QuadraticForm reduced;
  reduced.constant = form.constant;
  for (std::size_t i = 0; i < n; ++i) {
    double pull = 0.0;  // of the known scalars
    for (std::size_t j = 0; j < n; ++j) {
      if (known[j]) pull += form.precision[i * n + j] * value[j];
    }
    if (known[i]) {
      reduced.constant += (form.linear[i] - pull / 2.0) * value[i];
      continue;
    }
    reduced.linear.push_back(form.linear[i] - pull);
    for (const std::size_t j : free) reduced.precision.push_back(form.precision[i * n + j]);
  }
  return reduced;
}

FormRows form_rows(const FactorGraph& graph, const MomentProblem& problem,
                   const GaussianFactor& factor, const Scope& grounds) {
  FormRows rows;
  std::uint32_t next = 0;
  for (const VariableId v : factor.continuous) {
    if (problem.is_observed[v]) continue;
    const bool own = std::ranges::find(grounds, v) != grounds.end();
    for (std::size_t i = 0; i < graph.variable(v).dimension; ++i) {
      (own ? rows.own : rows.others).push_back(next++);
    }
  }
  return rows;
}

}  // namespace credo::gaussian
