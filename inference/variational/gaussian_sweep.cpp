// Structured variational elimination with continuous variables: one reverse sweep.
//
// The order and the groups are those of the discrete sweep (sweep.cpp); scores are quadratic forms,
// one per joint state of their discrete variables, and the rules those of gaussian_form.cpp. A
// clamped discrete conditional averages quadratic forms, which leaves quadratic forms (coupled
// Riccati equations of jump linear systems, Costa, Fragoso and Marques 2005); an optimised one has
// only discrete parents, so that its scores are numbers.
// A free or arg-max conditional whose scores include its factor k(v | some parents) takes k as a
// kernel: no covariance is inverted, and certain relations stay exact.
// Invariant: scores_[i] is alive until the step that consumes it. Cost: the cube of a step's
// dimension times its joint states.

#include <credo/core/joint_states.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/variational/gaussian_sweep.hpp>
#include <credo/inference/variational/row_rule.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

namespace credo::variational {

namespace {

using Eigen::Index;

/// A score's part in a sum over (discrete whole, continuous whole).
struct Reader {
  const GaussianScore* score;
  StateIndex index;
  std::vector<Index> coordinates;
  /// log densities in place of kernels.
  std::vector<Form> densities;

  [[nodiscard]] const Form& at(std::span<const std::size_t> states) const {
    return (score->kernels.empty() ? score->forms : densities)[index(states)];
  }
};

double infinite(double x) { return std::isfinite(x) ? 0.0 : 1.0; }

class GaussianSweep {
 public:
  GaussianSweep(const GaussianProblem& problem, const SweepPlan& plan, bool messages,
                std::size_t score_limit)
      : problem_(problem), plan_(plan), messages_(messages) {
    scores_.resize(plan.score_count);
    alive_.resize(plan.score_count, 0);
    for (std::size_t s = 0; s < problem.scores.size() && s < score_limit; ++s) {
      put(s, problem.scores[s]);
    }
    answer_.q.tables.resize(problem.nodes.size());
    answer_.q.kernels.resize(problem.nodes.size());
  }

  GaussianSweepAnswer run(contraction::Monitor& monitor) {
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      monitor.check("sweep", static_cast<double>(i) / static_cast<double>(plan_.steps.size()));
      const SweepStep& step = plan_.steps[i];
      node_ = step.node;
      if (!node().optimised()) {
        answer_.q.kernels[node_] = gaussian().kernels;
        if (!gaussian().continuous) answer_.q.tables[node_] = *node().table;
      }
      for (const ScoreGroup& group : step.groups) {
        gaussian().continuous ? eliminate_continuous(group) : eliminate_discrete(group);
        for (const std::size_t s : group.scores) {
          scores_[s] = {};
          alive_[s] = 0;
        }
      }
    }
    answer_.value = total_.value();
    return std::move(answer_);
  }

 private:
  [[nodiscard]] const Node& node() const { return problem_.plain.nodes[node_]; }
  [[nodiscard]] const GaussianNode& gaussian() const { return problem_.nodes[node_]; }
  [[nodiscard]] const FactorGraph& graph() const { return problem_.graph(); }

  void put(std::size_t s, GaussianScore score) {
    if (score.scope.discrete.empty() && score.scope.continuous.empty() && !score.forms.empty()) {
      total_.add(score.forms.front().constant);
    }
    scores_[s] = std::move(score);
    alive_[s] = 1;
  }

  [[nodiscard]] std::vector<Reader> readers(const ScoreGroup& group, const SplitScope& whole,
                                            const GaussianScore* skipped) const {
    std::vector<Reader> result;
    for (const std::size_t s : group.scores) {
      if (alive_[s] == 0 || &scores_[s] == skipped) continue;
      const GaussianScore& score = scores_[s];
      result.push_back({&score, StateIndex(graph(), score.scope.discrete, whole.discrete),
                        coordinates_of(graph(), score.scope.continuous, whole.continuous),
                        densities_of(problem_, score)});
    }
    return result;
  }

  /// A conditional of v among the scores of an optimised v: one without density if there is one.
  [[nodiscard]] const GaussianScore* own_kernel(const ScoreGroup& group) const {
    const GaussianScore* best = nullptr;
    for (const std::size_t s : group.scores) {
      if (alive_[s] == 0 || scores_[s].kernels.empty()) continue;
      if (scores_[s].scope.continuous.back() != node().variable) continue;
      const bool regular = std::ranges::all_of(scores_[s].kernels, &Kernel::regular);
      if (best == nullptr || !regular) best = &scores_[s];
      if (!regular) break;
    }
    return best;
  }

  /// Kernel with its parents among z, columns of zeros for the others.
  static Kernel widened(const Kernel& kernel, const std::vector<Index>& places, Index columns) {
    Kernel result;
    result.gain = Eigen::MatrixXd::Zero(kernel.offset.size(), columns);
    for (std::size_t i = 0; i < places.size(); ++i) {
      result.gain.col(places[i]) = kernel.gain.col(static_cast<Index>(i));
    }
    result.offset = kernel.offset;
    result.root = kernel.root;
    return result;
  }

  void eliminate_continuous(const ScoreGroup& group) {
    const SplitScope z = problem_.split(group.message_scope);
    SplitScope whole = z;
    whole.continuous.insert(whole.continuous.begin(), node().variable);
    const bool has_own = !gaussian().kernels.empty();
    const GaussianScore* own =
        node().optimised() && node().kind != ConditionalKind::charged ? own_kernel(group) : nullptr;
    const std::vector<Reader> inputs = readers(group, whole, own);
    Scope kernel_parents = gaussian().parents.continuous;
    Scope kernel_states = gaussian().parents.discrete;
    if (own != nullptr) {
      kernel_parents.assign(own->scope.continuous.begin(), own->scope.continuous.end() - 1);
      kernel_states = own->scope.discrete;
    }
    const std::vector<Index> places = coordinates_of(graph(), kernel_parents, z.continuous);
    const StateIndex kernel_index(graph(), kernel_states, z.discrete);
    const Index m = problem_.dimension_of({node().variable});
    const Index n = problem_.dimension_of(z.continuous);
    std::vector<Form> message;
    std::vector<Form> kept;
    for_each_joint_state(graph().shape_of(z.discrete), [&](std::span<const std::size_t> states) {
      Form j = Form::zero(m + n);
      for (const Reader& input : inputs) j.add(input.at(states), input.coordinates);
      std::optional<Kernel> kernel;
      if (own != nullptr || has_own) {
        const std::vector<Kernel>& from = own != nullptr ? own->kernels : gaussian().kernels;
        kernel = widened(from[kernel_index(states)], places, n);
      }
      message.push_back(eliminate(j, kernel ? &*kernel : nullptr, m));
      if (messages_) kept.push_back(std::move(j));
    });
    hand_up(group, z, std::move(message), whole, kept);
  }

  Form eliminate(const Form& j, const Kernel* kernel, Index m) {
    const Index n = j.dimension() - m;
    if (!node().optimised()) {
      assert(kernel != nullptr);  // a held conditional has one
      return checked(j.feasible() ? expectation(j, *kernel) : Form::infeasible(n));
    }
    if (!j.feasible()) {
      answer_.q.kernels[node_].push_back(
          {Eigen::MatrixXd::Zero(m, n), Eigen::VectorXd::Zero(m), Eigen::MatrixXd(m, 0)});
      return Form::infeasible(n);
    }
    Optimum best = ConditionalRule(problem_, node_)(j, kernel);
    answer_.q.kernels[node_].push_back(std::move(best.q));
    return checked(std::move(best.message));
  }

  Form checked(Form form) const {
    const double bad = infinite(form.precision.sum()) + infinite(form.linear.sum()) +
                       (form.constant < kInfinity ? 0.0 : 1.0);
    if (bad == 0.0) return form;
    throw Breakdown{node().variable, fmt::format("the scores of {} leave the range of numbers",
                                                 graph().variable(node().variable).name)};
  }

  void eliminate_discrete(const ScoreGroup& group) {
    const SplitScope z = problem_.split(group.message_scope);
    SplitScope whole = z;
    whole.discrete.push_back(node().variable);
    const std::vector<Reader> inputs = readers(group, whole, nullptr);
    const std::size_t width = graph().cardinality(node().variable);
    const Index n = problem_.dimension_of(z.continuous);
    Scope table_scope = Problem::scope_of(node());
    const StateIndex entry(graph(), table_scope, whole.discrete);
    std::vector<Form> message;
    std::vector<Form> kept;
    std::vector<double> q;
    std::vector<Form> row;
    std::vector<std::size_t> entries;
    for_each_joint_state(
        graph().shape_of(whole.discrete), [&](std::span<const std::size_t> states) {
          row.push_back(Form::zero(n));
          entries.push_back(entry(states));
          for (const Reader& input : inputs) {
            row.back().add(input.at(states), input.coordinates);
          }
          if (row.size() < width) return;
          message.push_back(
              checked(node().optimised() ? largest(row, entries, q) : average(row, entries)));
          if (messages_) std::ranges::move(row, std::back_inserter(kept));
          row.clear();
          entries.clear();
        });
    if (node().optimised()) {
      answer_.q.tables[node_] = Table::dense(graph().shape_of(table_scope), std::move(q));
    }
    hand_up(group, z, std::move(message), whole, kept);
  }

  [[nodiscard]] Form average(const std::vector<Form>& row,
                             const std::vector<std::size_t>& entries) const {
    const Index n = row.front().dimension();
    std::vector<Index> places(static_cast<std::size_t>(n));
    for (Index i = 0; i < n; ++i) places[static_cast<std::size_t>(i)] = i;
    Form sum = Form::zero(n);
    bool reached = false;
    for (std::size_t x = 0; x < row.size(); ++x) {
      const double k = node().table->at(entries[x]);
      if (!(k > 0.0)) continue;
      if (!row[x].feasible()) return Form::infeasible(n);
      sum.add(row[x], places, k);
      reached = true;
    }
    return reached ? sum : Form::infeasible(n);
  }

  Form largest(const std::vector<Form>& row, const std::vector<std::size_t>& entries,
               std::vector<double>& q) const {
    std::vector<double> j;
    std::vector<double> log_base;
    for (std::size_t x = 0; x < row.size(); ++x) {
      j.push_back(row[x].constant);
      if (node().table) log_base.push_back(node().table->log_at(entries[x]));
    }
    std::vector<double> solved(j.size());
    Form message = Form::zero(0);
    message.constant = solve_row(node().kind, node().weight, log_base, j, solved);
    q.insert(q.end(), solved.begin(), solved.end());
    return message;
  }

  void hand_up(const ScoreGroup& group, const SplitScope& scope, std::vector<Form> message,
               const SplitScope& whole, const std::vector<Form>& kept) {
    if (messages_) {
      GaussianScoreMessage handed;
      handed.eliminated = node().variable;
      handed.scope = scope.discrete;
      handed.continuous = scope.continuous;
      for (const Form& form : message) handed.message.push_back(quadratic_form_of(form));
      handed.score_scope = whole.discrete;
      handed.score_continuous = whole.continuous;
      for (const Form& form : kept) handed.score.push_back(quadratic_form_of(form));
      answer_.messages.push_back(std::move(handed));
    }
    put(group.message, {scope, std::move(message), {}, std::nullopt});
  }

  const GaussianProblem& problem_;
  const SweepPlan& plan_;
  bool messages_;
  std::vector<GaussianScore> scores_;
  std::vector<char> alive_;
  CompensatedSum total_;
  std::size_t node_ = 0;
  GaussianSweepAnswer answer_;
};

}  // namespace

GaussianCost cost_of(const GaussianProblem& problem, const SweepPlan& plan) {
  GaussianCost cost;
  for (const SweepStep& step : plan.steps) {
    const VariableId v = problem.plain.nodes[step.node].variable;
    const double own =
        static_cast<double>(std::max<std::size_t>(1, problem.graph().cardinality(v)));
    for (const ScoreGroup& group : step.groups) {
      const SplitScope z = problem.split(group.message_scope);
      double states = own;
      for (const VariableId u : z.discrete) {
        states *= static_cast<double>(problem.graph().cardinality(u));
      }
      const auto dimension =
          static_cast<double>(problem.dimension_of(z.continuous) + problem.dimension_of({v}));
      cost.operations += states * (dimension * dimension * dimension + 1.0);
      cost.peak_bytes += 3.0 * sizeof(double) * states * (dimension * dimension + dimension + 8.0);
    }
  }
  return cost;
}

GaussianSweepAnswer run_gaussian_sweep(const GaussianProblem& problem, const SweepPlan& plan,
                                       bool messages, contraction::Monitor& monitor,
                                       std::size_t score_limit) {
  return GaussianSweep(problem, plan, messages, score_limit).run(monitor);
}

}  // namespace credo::variational
