// q(x) = prod_v q_v(x_v), the closest product to the posterior that coordinate ascent finds.
//
// L(q) = E_q[ log p~ - log q ] <= log Z for any q, converged or not; exact when every factor is
// left with one variable. Few starts of a fixed seed: the same question has the same answer. Cost:
// the entries of the tables per sweep. Saul and Jordan 1996; Wainwright and Jordan 2008, section 5.

#include <credo/core/joint_states.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/driver.hpp>
#include <credo/inference/variational/block.hpp>
#include <credo/inference/variational/mean_field.hpp>
#include <credo/inference/variational/table_arrangement.hpp>
#include <credo/inference/variational/variational.hpp>

#include <fmt/format.h>

#include <utility>
#include <vector>

namespace credo {

namespace {

constexpr std::size_t kStarts = 3;

VariationalOptions translate(const Query& query, const InferOptions& options) {
  VariationalOptions of;
  of.restarts = kStarts;
  of.maximum_sweeps = options.iteration.maximum_iterations;
  of.tolerance = options.iteration.tolerance;
  of.marginals = query.task == Task::marginals;
  of.messages = false;
  of.memory_limit_bytes = options.memory_limit_bytes;
  of.time_limit_seconds = options.time_limit_seconds;
  of.observer = options.observer;
  return of;
}

/// Bytes of the joints and factor marginals that are asked for.
double bytes_of_joints(const FactorGraph& graph, const Query& query) {
  double cells = 0.0;
  for (const Scope& joint : query.joints) {
    cells += static_cast<double>(saturating_product(graph.shape_of(joint)));
  }
  if (query.factor_marginals) {
    for (const Factor& factor : graph.factors()) {
      cells += static_cast<double>(factor.table.stored());
    }
  }
  return cells * sizeof(double);
}

/// prod_v q_v(x_v), at the stored entries of a sparse table if there is one: L > -infinity has no
/// probability elsewhere.
Belief product_of(const FactorGraph& graph, const Scope& scope,
                  const std::vector<std::vector<double>>& marginals, const Table* pattern) {
  const std::vector<std::size_t> shape = graph.shape_of(scope);
  const auto product = [&](auto state_of) {
    double p = 1.0;
    for (std::size_t d = 0; d < scope.size(); ++d) p *= marginals[scope[d]][state_of(d)];
    return p;
  };
  if (pattern == nullptr || !pattern->is_sparse()) {
    std::vector<double> values;
    for_each_joint_state(shape, [&](std::span<const std::size_t> states) {
      values.push_back(product([&](std::size_t d) { return states[d]; }));
    });
    return {scope, Table::dense(shape, std::move(values))};
  }
  const std::vector<std::uint64_t> strides = variational::strides_of(shape);
  std::vector<SparseEntry> entries;
  for (const std::uint64_t index : pattern->stored_indices()) {
    entries.push_back(
        {index, product([&](std::size_t d) { return index / strides[d] % shape[d]; })});
  }
  return {scope, Table::sparse(shape, std::move(entries))};
}

void fill_marginals(const FactorGraph& graph, const Query& query, VariationalResult& best,
                    Result& result) {
  for (const Scope& joint : query.joints) {
    result.joints.push_back(product_of(graph, joint, best.marginals, nullptr));
  }
  if (query.factor_marginals) {
    for (const Factor& factor : graph.factors()) {
      result.factor_marginals.push_back(
          product_of(graph, factor.scope, best.marginals, &factor.table));
    }
  }
  const bool all = query.targets.empty() && query.joints.empty() && !query.factor_marginals;
  result.marginals.resize(graph.variable_count());
  if (all) result.marginals = std::move(best.marginals);
  for (const VariableId v : query.targets) result.marginals[v] = best.marginals[v];
}

void fill_answer(const FactorGraph& graph, const Query& query, VariationalResult& best,
                 Result& result) {
  const bool exact = best.guarantee == Guarantee::exact;
  if (best.value == -kInfinity && exact) {
    result.status = Status::impossible_evidence;
    result.message.clear();
    return;
  }
  if (best.value == -kInfinity) {
    result.status = Status::refused;
    result.message = fmt::format(
        "no product of single variables found that avoids what has probability zero ({}); Z need "
        "not be 0",
        best.message);
    return;
  }
  result.guarantee = exact ? Guarantee::exact : Guarantee::lower_bound;
  if (exact) result.message.clear();
  result.log_z = best.value;
  result.log_z_lower = best.value;
  result.log_z_upper = kInfinity;
  if (query.task == Task::marginals) fill_marginals(graph, query, best, result);
}

}  // namespace

std::string why_not_mean_field(const FactorGraph& graph, const Evidence& evidence,
                               const Query& query, const InferOptions& options) {
  if (query.task != Task::log_partition && query.task != Task::marginals) {
    return fmt::format("answers pr and mar, not {}", task_name(query.task));
  }
  if (query.messages) return "has no messages";
  std::string reason = why_answer_too_large(graph, query, options);
  if (!reason.empty()) return reason;
  const variational::Problem problem =
      variational::make_problem(graph, evidence, mean_field(graph, evidence));
  const variational::BlockSolver solver(problem, variational::everything(problem));
  const double bytes = solver.plan().peak_bytes + bytes_of_joints(graph, query);
  if (bytes <= options.memory_limit_bytes) return "";
  return fmt::format("needs {} (and {:.3g} operations per sweep), the memory limit is {}",
                     describe_bytes(bytes), solver.plan().operations,
                     describe_bytes(options.memory_limit_bytes));
}

Result run_mean_field(const FactorGraph& graph, const Evidence& evidence, const Query& query,
                      const InferOptions& options) {
  Result result;
  result.message = why_not_mean_field(graph, evidence, query, options);
  if (!result.message.empty()) {
    result.status = Status::refused;
    return result;
  }
  VariationalResult best =
      maximize(graph, evidence, mean_field(graph, evidence), translate(query, options));
  result.status = best.status;
  result.message = best.message;
  result.timings = best.timings;
  result.scalar_used = "log-double";
  if (best.algorithm_used == "ascent") result.iterations = static_cast<int>(best.sweeps);
  result.residual = best.residual;
  result.plan.method = "mean-field";
  result.plan.operations = best.predicted_operations;
  result.plan.peak_bytes = best.predicted_peak_bytes;
  if (best.ok()) fill_answer(graph, query, best, result);
  return result;
}

}  // namespace credo
