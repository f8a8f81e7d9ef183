// Translates queries into message passing and its result into theirs. Joints are sums over the
// belief of a factor whose scope holds their unobserved variables.

#include <credo/core/joint_states.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/driver.hpp>
#include <credo/inference/message_passing/belief_propagation.hpp>
#include <credo/inference/message_passing/message_passing.hpp>
#include <credo/inference/message_passing/message_range.hpp>
#include <credo/inference/message_passing/problem.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

namespace credo {

namespace {

/// A factor whose scope holds all of these variables.
std::optional<FactorId> factor_around(const FactorGraph& graph, const Scope& variables) {
  for (const FactorId f : graph.factors_of(variables.front())) {
    const Scope& scope = graph.factor(f).scope;
    const bool holds_all = std::ranges::all_of(
        variables, [&scope](VariableId v) { return std::ranges::find(scope, v) != scope.end(); });
    if (holds_all) return f;
  }
  return std::nullopt;
}

/// Whether some joint is read off a factor's belief.
bool needs_factor_beliefs(const Evidence& evidence, const Query& query) {
  return query.factor_marginals || std::ranges::any_of(query.joints, [&](const Scope& joint) {
           return evidence.unobserved(joint).size() > 1;
         });
}

std::string why_not_joints(const FactorGraph& graph, const Evidence& evidence, const Query& query,
                           const InferOptions& options) {
  for (const Scope& joint : query.joints) {
    const Scope left = evidence.unobserved(joint);
    if (left.size() > 1 && !factor_around(graph, left)) {
      return fmt::format("the joint of {} and {} other variable{} lies inside no factor",
                         graph.variable(left.front()).name, left.size() - 1,
                         left.size() == 2 ? "" : "s");
    }
    const double bytes = 8.0 * static_cast<double>(saturating_product(graph.shape_of(joint)));
    if (bytes > options.memory_limit_bytes) {
      return fmt::format("a joint needs {}, the memory limit is {}", describe_bytes(bytes),
                         describe_bytes(options.memory_limit_bytes));
    }
  }
  return "";
}

MessagePassingOptions translate(const Evidence& evidence, const Query& query,
                                const InferOptions& options) {
  MessagePassingOptions of;
  of.iteration = options.iteration;
  of.maximise = query.task == Task::map;
  of.factor_beliefs = query.task == Task::marginals && needs_factor_beliefs(evidence, query);
  of.memory_limit_bytes = options.memory_limit_bytes;
  of.time_limit_seconds = std::max(0.0, options.time_limit_seconds - options.time_spent_seconds);
  of.messages = query.messages;
  of.value_history = query.messages;
  of.observer = options.observer;
  return of;
}

/// Sums a belief over `from` into the cells of a joint; variables of the joint outside `from` are
/// observed.
class JointSum {
 public:
  JointSum(const FactorGraph& graph, const Evidence& evidence, const Scope& joint,
           const Scope& from)
      : cells_(saturating_product(graph.shape_of(joint)), 0.0), steps_(from.size(), 0) {
    std::size_t stride = 1;
    for (std::size_t i = joint.size(); i-- > 0;) {
      const auto at = std::ranges::find(from, joint[i]);
      if (at != from.end()) {
        steps_[static_cast<std::size_t>(at - from.begin())] = stride;
      } else {
        base_ += stride * evidence.find(joint[i])->state;
      }
      stride *= graph.cardinality(joint[i]);
    }
  }

  void add(std::span<const std::size_t> states, double value) {
    std::size_t cell = base_;
    for (std::size_t i = 0; i < steps_.size(); ++i) cell += steps_[i] * states[i];
    cells_[cell] += value;
  }
  [[nodiscard]] std::vector<double> take() { return std::move(cells_); }

 private:
  std::vector<double> cells_;
  std::vector<std::size_t> steps_;
  std::size_t base_ = 0;
};

void add_all(const Table& belief, JointSum& sum) {
  if (!belief.is_sparse()) {
    std::size_t i = 0;
    for_each_joint_state(belief.shape(), [&](std::span<const std::size_t> states) {
      sum.add(states, belief.values()[i++]);
    });
    return;
  }
  const std::vector<std::uint64_t> stored = belief.stored_indices();
  std::vector<std::size_t> states(belief.rank());
  for (std::size_t e = 0; e < stored.size(); ++e) {
    std::uint64_t rest = stored[e];
    for (std::size_t a = states.size(); a-- > 0;) {
      states[a] = rest % belief.shape()[a];
      rest /= belief.shape()[a];
    }
    sum.add(states, belief.values()[e]);
  }
}

Belief joint_belief(const FactorGraph& graph, const Evidence& evidence, const Scope& joint,
                    const MessagePassingResult& passed) {
  const Scope left = evidence.unobserved(joint);
  if (left.size() > 1) {
    const Belief& around = passed.factor_beliefs[*factor_around(graph, left)];
    JointSum sum(graph, evidence, joint, around.scope);
    add_all(around.table, sum);
    return {joint, Table::dense(graph.shape_of(joint), sum.take())};
  }
  JointSum sum(graph, evidence, joint, left);
  if (left.empty()) {
    sum.add({}, 1.0);
  } else {
    for (std::size_t x = 0; x < graph.cardinality(left.front()); ++x) {
      sum.add(std::span(&x, 1), passed.marginals[left.front()][x]);
    }
  }
  return {joint, Table::dense(graph.shape_of(joint), sum.take())};
}

void fill_marginals(const FactorGraph& graph, const Evidence& evidence, const Query& query,
                    MessagePassingResult& passed, Result& result) {
  for (const Scope& joint : query.joints) {
    result.joints.push_back(joint_belief(graph, evidence, joint, passed));
  }
  if (query.factor_marginals) result.factor_marginals = std::move(passed.factor_beliefs);
  if (query.targets.empty() && query.joints.empty() && !query.factor_marginals) {
    result.marginals = std::move(passed.marginals);
    return;
  }
  result.marginals.resize(graph.variable_count());
  for (const VariableId v : query.targets) result.marginals[v] = std::move(passed.marginals[v]);
}

/// Bethe's value, or where it lies outside what the tables allow the nearest number inside, which
/// is nearer to log Z whatever that is; the message then says so.
double log_z_of(const FactorGraph& graph, const Evidence& evidence,
                const MessagePassingResult& passed, std::string& message) {
  if (passed.guarantee == Guarantee::exact) return passed.value;
  const message_passing::LogBounds bounds = message_passing::bounds_of_log_z(graph, evidence);
  const double inside = std::min(std::max(passed.value, bounds.lower), bounds.upper);
  if (std::fabs(inside - passed.value) > 1e-9 * (1.0 + std::fabs(inside))) {
    message += fmt::format(
        "{}Bethe's value, {:.6g}, lies outside what the tables' entries allow, which is {:.6g} to "
        "{:.6g} if anything is possible, and was replaced by the end nearer to it",
        message.empty() ? "" : "; ", passed.value, bounds.lower, bounds.upper);
  }
  return inside;
}

void fill_answer(const FactorGraph& graph, const Evidence& evidence, const Query& query,
                 MessagePassingResult& passed, Result& result) {
  result.guarantee = passed.guarantee;
  if (query.task == Task::map) {
    if (passed.assignment->log_value > -kInfinity) {
      result.assignments.push_back(*std::move(passed.assignment));
    } else {
      result = Result{};
      result.status = Status::refused;
      result.message =
          "the assignment decoded from the beliefs has p~ = 0; more damping or another schedule "
          "may find a better one";
    }
    return;
  }
  result.log_z = log_z_of(graph, evidence, passed, result.message);
  result.log_z_lower = -kInfinity;
  result.log_z_upper = kInfinity;
  if (query.task == Task::marginals) fill_marginals(graph, evidence, query, passed, result);
}

/// The answer to the query from what message passing has.
Result take(const FactorGraph& graph, const Evidence& evidence, const Query& query,
            MessagePassingResult passed) {
  Result result;
  result.status = passed.status;
  result.message = passed.message == "answered" ? "" : passed.message;
  result.timings = passed.timings;
  result.scalar_used = "log-double";
  result.iterations = static_cast<int>(passed.iterations);
  result.residual = passed.residual;
  result.residuals = std::move(passed.residuals);
  result.values = std::move(passed.values);
  result.iteration_seconds = std::move(passed.iteration_seconds);
  result.edge_messages = std::move(passed.messages);
  result.plan.method = "factor-graph";
  result.plan.operations = passed.predicted_operations;
  result.plan.peak_bytes = passed.predicted_bytes;
  if (result.status == Status::impossible_evidence) {
    result.message.clear();
    return result;
  }
  if (passed.guarantee != Guarantee::none) {
    fill_answer(graph, evidence, query, passed, result);
  }
  return result;
}

}  // namespace

std::string why_not_belief_propagation(const FactorGraph& graph, const Evidence& evidence,
                                       const Query& query, const InferOptions& options) {
  const bool answers =
      query.task == Task::log_partition || query.task == Task::marginals || query.task == Task::map;
  if (!answers) return fmt::format("answers pr, mar and map, not {}", task_name(query.task));
  if (query.k_best > 1) return fmt::format("decodes one assignment, not {}", query.k_best);
  std::string reason = why_answer_too_large(graph, query, options);
  if (reason.empty()) reason = why_not_joints(graph, evidence, query, options);
  if (reason.empty()) reason = message_passing::why_sums_overflow(graph, evidence);
  if (!reason.empty()) return reason;
  const MessagePassingOptions of = translate(evidence, query, options);
  const message_passing::Problem problem(graph, evidence, of);
  return problem.bytes > options.memory_limit_bytes
             ? problem.describe_need(options.memory_limit_bytes)
             : "";
}

Result run_belief_propagation(const FactorGraph& graph, const Evidence& evidence,
                              const Query& query, const InferOptions& options) {
  Result result;
  result.message = why_not_belief_propagation(graph, evidence, query, options);
  if (!result.message.empty()) {
    result.status = Status::refused;
    return result;
  }
  MessagePassingOptions of = translate(evidence, query, options);
  if (options.improvement) {
    of.improvement = [&](const MessagePassingResult& so_far) {
      options.improvement(take(graph, evidence, query, so_far));
    };
  }
  return take(graph, evidence, query, propagate(graph, evidence, of));
}

}  // namespace credo
