// Exact inference on mixed graphs by strong elimination: every part of the continuous variables
// becomes a table over its discrete neighbours (parts.hpp), its logarithm log of the part's
// integral, or for MAP its value at the mode; the ordinary engine contracts the discrete graph.
// Invariant: the discrete graph has the variables of the given one, the continuous ones with one
// state and no factor, so that ids, evidence and plans need no translation.
// Source: Lauritzen, Propagation of probabilities, means, and variances in mixed graphical
// association models, JASA 87, 1992, section 6 (strong roots).

#include <credo/inference/gaussian/answers.hpp>
#include <credo/inference/gaussian/divergence.hpp>
#include <credo/inference/gaussian/fixed_factors.hpp>
#include <credo/inference/gaussian/gaussian_elimination.hpp>
#include <credo/inference/gaussian/mixed_scopes.hpp>

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
  if (!graph.has_continuous_variables()) {
    return "no variable is continuous; contraction answers";
  }
  if (query.messages) return "hands out no messages";
  if (query.task == Task::sensitivity) {
    return "has no derivatives with respect to table entries";
  }
  if (query.task == Task::marginal_map) {
    for (const VariableId v : query.targets) {
      if (graph.variable(v).is_continuous()) {
        return fmt::format("maximises marginals of discrete variables, and {} is continuous",
                           graph.variable(v).name);
      }
    }
  }
  return why_not_of_one_kind(graph, query);
}

/// Joints of continuous variables lie in one part.
std::string why_not_joints(const FactorGraph& graph, const Query& query, const Parts& parts) {
  for (const Scope& scope : query.joints) {
    const Part* common = nullptr;
    for (const VariableId v : scope) {
      for (const Part& part : parts.parts) {
        if (!std::ranges::binary_search(part.variables, v)) continue;
        if (common != nullptr && common != &part) {
          return fmt::format(
              "a joint of continuous variables that only discrete ones connect ({} and others)",
              graph.variable(v).name);
        }
        common = &part;
      }
    }
  }
  return "";
}

std::vector<Scope> continuous_joints(const FactorGraph& graph, const Query& query) {
  std::vector<Scope> joints;
  for (const Scope& scope : query.joints) {
    if (is_continuous(graph, scope)) joints.push_back(scope);
  }
  return joints;
}

/// The question after the continuous variables are gone.
class MixedQuestion {
 public:
  MixedQuestion(const FactorGraph& graph, const Evidence& evidence, const Query& query,
                const InferOptions& options)
      : graph_(graph), evidence_(evidence), query_(query), options_(options), monitor_(options) {}

  Result run() {
    Result result;
    try {
      answer(result);
    } catch (const Stopped& stopped) {
      result = {};
      result.status = stopped.status;
    }
    if (result.status == Status::impossible_evidence) {
      if (const std::string why = rounded_certainty(graph_); !why.empty()) {
        result = {};
        result.status = Status::refused;
        result.message = why + kRoundingProvesNothing;
      }
    }
    result.timings.plan_seconds = plan_seconds_;
    result.timings.infer_seconds = monitor_.elapsed_seconds() - plan_seconds_;
    return result;
  }

 private:
  void answer(Result& result) {
    parts_ =
        split_into_parts(graph_, evidence_, continuous_joints(graph_, query_), options_, monitor_);
    plan_seconds_ = monitor_.elapsed_seconds();
    std::string reason = parts_.refusal;
    if (reason.empty()) reason = why_not_joints(graph_, query_, parts_);
    if (reason.empty()) {
      for (const auto& permitted : parts_.permitted) states_.push_back(permitted.front());
      build_discrete_graph();
      integrate(result);
      if (result.status != Status::not_run) return;
      ask_discrete_graph(result);
      if (result.status != Status::ok) {
        result.samples = {};  // without values of the continuous variables they are no draws
        return;
      }
      finish(result);
      return;
    }
    result.status = Status::refused;
    result.message = std::move(reason);
  }

  void build_discrete_graph() {
    for (const Variable& variable : graph_.variables()) {
      discrete_.add_variable(variable.is_continuous() ? Variable{variable.name, 1} : variable);
    }
    for (const Factor& factor : graph_.factors()) {
      if (factor.child) {
        discrete_.add_conditional(factor.scope, *factor.child, factor.table, kInfinity);
      } else {
        discrete_.add_factor(factor.scope, factor.table);
      }
    }
  }

  [[nodiscard]] bool maximises() const { return query_.task == Task::map; }

  /// Every part becomes a table, or a part of the constant.
  void integrate(Result& result) {
    for (Part& part : parts_.parts) {
      std::vector<double> log_values;
      std::vector<std::size_t> shape;
      double cells = 1.0;
      for (const VariableId v : part.discrete) {
        shape.push_back(graph_.cardinality(v));
        cells *= static_cast<double>(shape.back());
      }
      log_values.assign(static_cast<std::size_t>(cells), -kInfinity);
      for_each_state(parts_, part, states_, [&](const std::vector<std::size_t>& states) {
        if (result.status != Status::not_run) return;
        std::size_t cell = 0;
        for (const VariableId v : part.discrete) cell = cell * graph_.cardinality(v) + states[v];
        log_values[cell] = log_weight_of(part, states, result);
      });
      if (result.status != Status::not_run) return;
      part.solved = part.discrete.empty();
      if (part.discrete.empty()) {
        constant_ += log_values.front();
        if (log_values.front() == -kInfinity) result.status = Status::impossible_evidence;
      } else {
        discrete_.add_factor(part.discrete,
                             Table::dense(std::move(shape), std::move(log_values), Domain::log));
      }
    }
  }

  double log_weight_of(Part& part, const std::vector<std::size_t>& states, Result& result) {
    Solution solution = solve_part(graph_, parts_, part, states, monitor_);
    if (solution.status == Status::impossible_evidence) return -kInfinity;
    if (solution.status != Status::ok) {
      result.status = Status::refused;
      result.message = std::move(solution.message);
      if (!part.discrete.empty()) result.message += given(part, states);
      return kNaN;
    }
    redundant_ = std::max(redundant_, solution.redundant);
    if (!part.discrete.empty() && std::fabs(solution.log_z) > kLargestLogarithm) {
      result.status = Status::refused;
      result.message = "the numbers leave the range of doubles" + given(part, states);
      return kNaN;
    }
    if (!maximises() || !part.engine) return solution.log_z;
    double at_mode = part.engine->log_at_point();
    for (const GaussianFactorId g : part.fixed) at_mode += log_of_fixed_factor(g, states);
    return at_mode;
  }

  double log_of_fixed_factor(GaussianFactorId g, const std::vector<std::size_t>& states) const {
    return log_of_fixed(graph_, g, states, parts_.scalar_of, parts_.observed);
  }

  [[nodiscard]] std::string given(const Part& part, const std::vector<std::size_t>& states) const {
    std::string text;
    for (const VariableId v : part.discrete) {
      text += fmt::format("{}{} = {}", text.empty() ? " (for " : ", ", graph_.variable(v).name,
                          graph_.variable(v).state_name(states[v]));
    }
    return text + ")";
  }

  /// Asks what is asked of discrete variables, and the joints that mixtures need.
  void ask_discrete_graph(Result& result) {
    Query query = query_;
    std::erase_if(query.joints,
                  [this](const Scope& scope) { return is_continuous(graph_, scope); });
    own_joints_ = query.joints.size();
    std::erase_if(query.targets,
                  [this](VariableId v) { return graph_.variable(v).is_continuous(); });
    if (query.task == Task::marginals) {
      for (const Part& part : parts_.parts) {
        if (part.engine && !part.discrete.empty()) query.joints.push_back(part.discrete);
      }
      const bool all = query_.targets.empty() && query_.joints.empty() && !query_.factor_marginals;
      for (VariableId v = 0; all && v < graph_.variable_count(); ++v) {
        if (!graph_.variable(v).is_continuous()) query.targets.push_back(v);
      }
      if (query.targets.empty() && query.joints.empty() && !query.factor_marginals) {
        query.task = Task::log_partition;
      }
    }
    Evidence evidence = evidence_;
    for (const auto& [v, finding] : evidence_.findings()) {
      if (finding.kind == FindingKind::value) evidence.retract(v);
    }
    InferOptions options = options_;
    options.algorithm = "auto";
    options.explain_conflict = false;
    options.improvement = {};
    options.time_spent_seconds += monitor_.elapsed_seconds();
    options.plan.order.clear();
    for (const VariableId v : options_.plan.order) {
      if (!graph_.variable(v).is_continuous()) options.plan.order.push_back(v);
    }
    result = infer_exactly(discrete_, evidence, query, options);
  }

  void finish(Result& result) {
    result.log_z += constant_;
    if (std::isinf(result.log_z)) {
      result = {};
      result.status = Status::refused;
      result.message = "the numbers leave the range of doubles";
      return;
    }
    for (Assignment& assignment : result.assignments) assignment.log_value += constant_;
    MixedAnswer mixed{graph_, query_, parts_, {}, states_, monitor_};
    std::size_t joint = own_joints_;
    for (const Part& part : parts_.parts) {
      const bool has_joint =
          query_.task == Task::marginals && part.engine && !part.discrete.empty();
      mixed.neighbours.push_back(has_joint ? std::move(result.joints[joint++]) : Belief{});
    }
    result.joints.resize(std::min(own_joints_, result.joints.size()));
    for (VariableId v = 0; v < result.marginals.size(); ++v) {
      if (graph_.variable(v).is_continuous()) result.marginals[v].clear();
    }
    if (result.factor_marginals.size() > graph_.factor_count()) {
      result.factor_marginals.resize(graph_.factor_count());
    }
    if (query_.task == Task::marginals) {
      result.marginals.resize(graph_.variable_count());
      add_gaussian_marginals(mixed, result);
    }
    if (query_.task == Task::map) add_modes(mixed, result);
    if (query_.task == Task::samples) add_sample_values(mixed, query_.seed, result);
    result.guarantee = Guarantee::exact;
    result.message = redundant_ == 0 ? "answered"
                                     : fmt::format(
                                           "answered; {} observed combinations repeat what kernels "
                                           "without noise imply: log Z leaves their density out",
                                           redundant_);
    if (const std::string why = rounded_certainty(graph_); !why.empty()) {
      result.message += "; " + why;
    }
    if (const Part& first = parts_.parts.front(); parts_.parts.size() == 1 && first.engine) {
      result.plan = first.engine->structure().plan;
    }
    result.scalar_used = "double";
  }

  const FactorGraph& graph_;
  const Evidence& evidence_;
  const Query& query_;
  const InferOptions& options_;
  Monitor monitor_;
  Parts parts_;
  FactorGraph discrete_;
  std::vector<std::size_t> states_;
  double constant_ = 0.0;
  std::size_t redundant_ = 0;
  std::size_t own_joints_ = 0;
  double plan_seconds_ = 0.0;
};

}  // namespace

std::string why_not_gaussian_elimination(const FactorGraph& graph, const Evidence& evidence,
                                         const Query& query, const InferOptions& options) {
  std::string reason = why_not_asked(graph, query);
  if (!reason.empty()) return reason;
  Monitor monitor(options);
  try {
    const Parts parts =
        split_into_parts(graph, evidence, continuous_joints(graph, query), options, monitor);
    return parts.refusal.empty() ? why_not_joints(graph, query, parts) : parts.refusal;
  } catch (const Stopped& stopped) {
    return fmt::format("planning did not finish: {}", status_name(stopped.status));
  }
}

Result run_gaussian_elimination(const FactorGraph& graph, const Evidence& evidence,
                                const Query& query, const InferOptions& options) {
  if (std::string reason = why_not_asked(graph, query); !reason.empty()) {
    Result refused;
    refused.status = Status::refused;
    refused.message = std::move(reason);
    return refused;
  }
  return MixedQuestion(graph, evidence, query, options).run();
}

}  // namespace credo
