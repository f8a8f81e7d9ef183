// Moment matching: grounds the graph (moment_problem.hpp), plans clusters in which every mixture
// has moments (moment_plan.hpp), and sends weak marginals up and down (moment_passes.hpp). What is
// here reads the posteriors of variables and joints off the clusters that eliminate them.
// Source: Lauritzen, Propagation of probabilities, means, and variances in mixed graphical
// association models, JASA 87, 1992; Koller and Friedman, 2009, section 14.3.

#include <credo/inference/gaussian/divergence.hpp>
#include <credo/inference/gaussian/mixed_scopes.hpp>
#include <credo/inference/gaussian/moment_matching.hpp>
#include <credo/inference/gaussian/moment_passes.hpp>
#include <credo/inference/joint_weights.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace credo {

namespace {

using contraction::Monitor;
using contraction::Stopped;
using namespace gaussian;

/// What it cannot answer whatever the numbers.
std::string why_not_asked(const FactorGraph& graph, const Query& query) {
  if (!graph.has_continuous_variables()) return "no variable is continuous; contraction answers";
  if (query.task == Task::map || query.task == Task::marginal_map) {
    return "keeps means and covariances of mixtures, which say nothing of their highest points";
  }
  if (query.task != Task::log_partition && query.task != Task::marginals) {
    return fmt::format("answers pr and mar, not {}", task_name(query.task));
  }
  if (query.messages) return "hands out no messages";
  if (query.factor_marginals) return "has no marginals of factors; ask for joints";
  return why_not_of_one_kind(graph, query);
}

class MomentQuestion {
 public:
  MomentQuestion(const FactorGraph& graph, const Evidence& evidence, const Query& query,
                 const InferOptions& options)
      : graph_(graph), query_(query), options_(options), monitor_(options) {
    problem_ = make_moment_problem(graph, evidence, query.joints);
  }

  /// Why the plan is refused; "" when it is not. Throws Stopped.
  std::string prepare() {
    if (!problem_.refusal.empty()) return problem_.refusal;
    plan_ = make_moment_plan(graph_, problem_, query_.joints.size(), options_,
                             [this] { return monitor_.may_continue("plan", 0.0); });
    monitor_.check("plan", 0.0);
    return plan_.refusal;
  }

  Result run() {
    Result result;
    double plan_seconds = kNaN;
    try {
      result.message = prepare();
      plan_seconds = monitor_.elapsed_seconds();
      result.status = Status::refused;
      if (result.message.empty()) answer(result);
    } catch (const Stopped& stopped) {
      result = {};
      result.status = stopped.status;
    }
    result.plan = std::move(plan_.plan);
    result.timings.plan_seconds = plan_seconds;
    result.timings.infer_seconds = monitor_.elapsed_seconds() - plan_seconds;
    return result;
  }

 private:
  void answer(Result& result) {
    MomentPasses passes(graph_, problem_, plan_, monitor_);
    const double log_z = passes.collect();
    if (!passes.culprit().empty()) {
      result.message = fmt::format(
          "the integral diverges: {} outweighs the distribution of its variables for some state",
          passes.culprit());
      return;
    }
    if (passes.overflowed() || log_z == kInfinity || std::isnan(log_z)) {
      result.message = "the numbers leave the range of doubles";
      return;
    }
    if (log_z == -kInfinity) {
      result.message = passes.doubtful()
                           ? "rounding made a combination of the observed values certain"
                           : rounded_certainty(graph_);
      if (result.message.empty()) {
        result.status = Status::impossible_evidence;
      } else {
        result.message += kRoundingProvesNothing;
      }
      return;
    }
    if (query_.task == Task::marginals) answer_marginals(passes, result);
    result.status = Status::ok;
    result.log_z = log_z;
    result.guarantee = passes.loss().collapses == 0 ? Guarantee::exact : Guarantee::none;
    result.message = describe(passes.loss());
    result.scalar_used = "double";
  }

  static std::string describe(const MomentLoss& loss) {
    if (loss.collapses == 0) return "answered; no mixture was replaced";
    std::string text = fmt::format(
        "{} mixture{} of up to {} Gaussians replaced by one of the same mean and covariance, at a "
        "loss of at most {:.2g} nats each (Kullback-Leibler)",
        loss.collapses, loss.collapses == 1 ? "" : "s", loss.largest_mixture, loss.largest_bound);
    if (loss.not_reweighed > 0) {
      text += fmt::format(
          "; on the way back {} could not be reweighed and have the shares of the posterior's mean",
          loss.not_reweighed);
    }
    return text;
  }

  void answer_marginals(MomentPasses& passes, Result& result) {
    want(result);
    passes.distribute([&](std::uint32_t step, MomentCluster& cluster,
                          const std::vector<WeightedGaussian>& components) {
      for (const Wanted& wanted : wanted_[step]) read(wanted, cluster, components, result);
    });
  }

  /// A variable or a joint whose posterior is read off a cluster.
  struct Wanted {
    Scope scope;
    std::size_t joint = 0;
    bool is_joint = false;
    bool continuous = false;
  };

  /// Sets up what is wanted where, and answers at once what is known.
  void want(Result& result) {
    result.marginals.resize(graph_.variable_count());
    result.gaussian_marginals.resize(graph_.variable_count());
    wanted_.resize(plan_.steps.size());
    const bool all = query_.targets.empty() && query_.joints.empty();
    const std::size_t count = all ? graph_.variable_count() : query_.targets.size();
    for (std::size_t i = 0; i < count; ++i) {
      const VariableId v = all ? static_cast<VariableId>(i) : query_.targets[i];
      place({{v}, 0, false, graph_.variable(v).is_continuous()}, plan_.step_of[v], result);
    }
    for (std::size_t j = 0; j < query_.joints.size(); ++j) {
      const Scope& scope = query_.joints[j];
      const bool continuous = is_continuous(graph_, scope);
      Wanted wanted{scope, continuous ? result.gaussian_joints.size() : result.joints.size(), true,
                    continuous};
      result.joints.resize(result.joints.size() + (continuous ? 0 : 1));
      result.gaussian_joints.resize(result.gaussian_joints.size() + (continuous ? 1 : 0));
      place(std::move(wanted), plan_.joint_step[j], result);
    }
  }

  void place(Wanted wanted, std::uint32_t step, Result& result) {
    if (step < wanted_.size()) {
      wanted_[step].push_back(std::move(wanted));
    } else {
      read_known(wanted, result);
    }
  }

  void read_known(const Wanted& wanted, Result& result) {
    if (wanted.continuous) {
      GaussianMarginal marginal{wanted.scope, {}, {}, {}};
      for (const VariableId v : wanted.scope) append_observed(v, marginal.mean);
      marginal.covariance.assign(marginal.mean.size() * marginal.mean.size(), 0.0);
      store(wanted, std::move(marginal), result);
      return;
    }
    std::vector<double> values(table_size(wanted.scope), 0.0);
    values[cell_of(graph_, wanted.scope, problem_.states)] = 1.0;
    store(wanted, std::move(values), result);
  }

  void append_observed(VariableId v, std::vector<double>& mean) const {
    for (std::size_t i = 0; i < graph_.variable(v).dimension; ++i) {
      mean.push_back(problem_.observed[problem_.scalar_of[v] + i]);
    }
  }

  void read(const Wanted& wanted, MomentCluster& cluster,
            const std::vector<WeightedGaussian>& components, Result& result) {
    if (wanted.continuous) {
      read_gaussian(wanted, cluster, components, result);
      return;
    }
    std::vector<double> values(table_size(wanted.scope), 0.0);
    for (std::size_t state = 0; state < components.size(); ++state) {
      cluster.choose(state);
      values[cell_of(graph_, wanted.scope, cluster.states())] +=
          std::exp(components[state].log_weight);
    }
    normalize(values);
    store(wanted, std::move(values), result);
  }

  void read_gaussian(const Wanted& wanted, const MomentCluster& cluster,
                     const std::vector<WeightedGaussian>& components, Result& result) {
    Scope free;
    std::vector<std::size_t> rows;  // of the free scalars in the scope
    GaussianMarginal marginal{wanted.scope, {}, {}, {}};
    for (const VariableId v : wanted.scope) {
      if (!problem_.is_observed[v]) free.push_back(v);
      for (std::size_t i = 0; i < graph_.variable(v).dimension; ++i) {
        if (!problem_.is_observed[v]) rows.push_back(marginal.mean.size() + i);
      }
      append_observed(v, marginal.mean);
    }
    const std::vector<std::uint32_t> positions = cluster.positions(free);
    std::vector<WeightedGaussian> mixture;
    for (const WeightedGaussian& part : components) {
      if (std::exp(part.log_weight) > 0.0) mixture.push_back(sub_gaussian(part, positions));
    }
    const std::vector<double> known = marginal.mean;
    const auto widened = [&](const WeightedGaussian& part) {
      GaussianComponent whole{std::exp(part.log_weight), known,
                              std::vector<double>(known.size() * known.size(), 0.0)};
      for (std::size_t i = 0; i < rows.size(); ++i) {
        whole.mean[rows[i]] = part.mean[i];
        for (std::size_t j = 0; j < rows.size(); ++j) {
          whole.covariance[rows[i] * known.size() + rows[j]] = part.covariance[i * rows.size() + j];
        }
      }
      return whole;
    };
    const Collapsed collapsed = collapse(mixture);
    GaussianComponent total = widened(collapsed.gaussian);
    marginal.mean = std::move(total.mean);
    marginal.covariance = std::move(total.covariance);
    if (collapsed.components > 1) {
      for (const WeightedGaussian& part : mixture) marginal.components.push_back(widened(part));
    }
    store(wanted, std::move(marginal), result);
  }

  [[nodiscard]] std::size_t table_size(const Scope& scope) const {
    std::size_t size = 1;
    for (const VariableId v : scope) size *= graph_.cardinality(v);
    return size;
  }

  void store(const Wanted& wanted, GaussianMarginal marginal, Result& result) {
    (wanted.is_joint ? result.gaussian_joints[wanted.joint]
                     : result.gaussian_marginals[wanted.scope.front()]) = std::move(marginal);
  }

  void store(const Wanted& wanted, std::vector<double> values, Result& result) {
    if (wanted.is_joint) {
      result.joints[wanted.joint] = {
          wanted.scope, Table::dense(graph_.shape_of(wanted.scope), std::move(values))};
    } else {
      result.marginals[wanted.scope.front()] = std::move(values);
    }
  }

  const FactorGraph& graph_;
  const Query& query_;
  const InferOptions& options_;
  Monitor monitor_;
  MomentProblem problem_;
  MomentPlan plan_;
  std::vector<std::vector<Wanted>> wanted_;  ///< per step
};

}  // namespace

std::string why_not_moment_matching(const FactorGraph& graph, const Evidence& evidence,
                                    const Query& query, const InferOptions& options) {
  std::string reason = why_not_asked(graph, query);
  if (!reason.empty()) return reason;
  try {
    return MomentQuestion(graph, evidence, query, options).prepare();
  } catch (const Stopped& stopped) {
    return fmt::format("planning did not finish: {}", status_name(stopped.status));
  }
}

Result run_moment_matching(const FactorGraph& graph, const Evidence& evidence, const Query& query,
                           const InferOptions& options) {
  if (std::string reason = why_not_asked(graph, query); !reason.empty()) {
    Result refused;
    refused.status = Status::refused;
    refused.message = std::move(reason);
    return refused;
  }
  return MomentQuestion(graph, evidence, query, options).run();
}

}  // namespace credo
