#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/linearly_solvable_parts.hpp>
#include <credo/models/control/trajectory_building.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

// Finite horizons: z_t(s) = exp(-c(s)) sum_s' p0(s' | s) z_{t+1}(s') are the messages that
// eliminate the chain backward in time; one contraction, cost T entries. Todorov 2009, PNAS
// 106(28), "Finite horizon" in table 1 of its supplement.

namespace credo::control {
namespace {

/// The logarithms of a message over one variable. A message without it is constant; none is log 1.
std::vector<double> read(const Message* message, std::size_t states) {
  std::vector<double> result(states, 0.0);
  if (message == nullptr) return result;
  for (std::size_t s = 0; s < states; ++s) {
    result[s] = message->upward.log_at(message->scope.empty() ? 0 : s);
  }
  return result;
}

/// Contracts the chain and reads its messages. Throws contraction::Stopped.
LinearlySolvableSolution contract_chain(const LinearlySolvable& problem,
                                        const LinearlySolvableOptions& options,
                                        contraction::Monitor& monitor) {
  const StateChain chain = make_passive_chain(problem, options.horizon, monitor);
  InferOptions infer_options = options.infer;
  infer_options.time_spent_seconds += monitor.elapsed_seconds();
  infer_options.plan.order.assign(chain.states.rbegin(), chain.states.rend());
  // Every state's value is wanted, not only those that can be reached from s_1.
  infer_options.propagate_zeros = false;
  infer_options.explain_conflict = false;
  Query query = Query::log_partition();
  query.messages = true;
  const Result result = infer_exactly(chain.graph, {}, query, infer_options);

  LinearlySolvableSolution solution;
  solution.status = result.status;
  solution.message = result.message;
  solution.guarantee = result.guarantee;
  solution.algorithm_used = "sum-product: " + result.algorithm_used;
  solution.timings = result.timings;
  if (!result.ok()) return solution;
  std::vector<const Message*> eliminating(chain.graph.variable_count(), nullptr);
  for (const Message& m : result.messages) {
    if (m.eliminated.size() == 1) eliminating[m.eliminated.front()] = &m;
  }
  const std::size_t states = problem.state_count();
  for (std::size_t t = 0; t < options.horizon; ++t) {
    monitor.check("read messages", 1.0);
    solution.log_desirability.push_back(read(eliminating[chain.states[t + 1]], states));
  }
  std::vector<double>& last = solution.log_desirability.emplace_back();
  for (std::size_t s = 0; s < states; ++s) last.push_back(-problem.final_cost(s));
  solution.log_z = result.log_z;
  solution.initial_cost = expected_initial_cost(problem, solution.log_desirability.front());
  solution.error_bound = 0.0;
  solution.iterations = options.horizon;
  return solution;
}

LinearlySolvableSolution solve_finite(const LinearlySolvable& problem,
                                      const LinearlySolvableOptions& options) {
  LinearlySolvableSolution solution;
  const double bytes = predicted_chain_bytes(problem, options.horizon);
  const double limit = largest_usable_bytes(options.infer.memory_limit_bytes);
  if (bytes > limit) {
    solution.status = Status::refused;
    solution.message = fmt::format("a horizon of {} steps needs {}, the limit is {}",
                                   options.horizon, describe_bytes(bytes), describe_bytes(limit));
    return solution;
  }
  contraction::Monitor monitor(options.infer);
  try {
    return contract_chain(problem, options, monitor);
  } catch (const contraction::Stopped& stopped) {
    solution.status = stopped.status;
    solution.message = contraction::stop_message(stopped.status, options.infer.time_limit_seconds);
    return solution;
  }
}

}  // namespace

double expected_initial_cost(const LinearlySolvable& problem, const std::vector<double>& log_z) {
  CompensatedSum sum;
  for (std::size_t s = 0; s < problem.state_count(); ++s) {
    if (problem.initial()[s] > 0.0) sum.add(-problem.initial()[s] * log_z[s]);
  }
  return sum.value();
}

void LinearlySolvableOptions::validate() const {
  if (horizon == 0) throw OptionError("horizon 0, expected at least 1 step");
  if (!(discount > 0.0 && discount < 1.0)) {
    throw OptionError(fmt::format("discount {}, expected a number in (0, 1)", discount));
  }
  if (!(tolerance > 0.0)) {
    throw OptionError(fmt::format("tolerance {}, expected a number above 0", tolerance));
  }
  if (maximum_steps == 0) throw OptionError("maximum_steps 0, expected at least 1");
  infer.validate();
}

std::vector<double> LinearlySolvableSolution::cost_to_go(std::size_t t) const {
  require_index("LinearlySolvableSolution", "step", t, log_desirability.size());
  std::vector<double> cost = log_desirability[t];
  for (double& c : cost) c = c == 0.0 ? 0.0 : -c;
  return cost;
}

LinearlySolvableSolution solve_linearly_solvable(const LinearlySolvable& problem,
                                                 const LinearlySolvableOptions& options) {
  options.validate();
  LinearlySolvableSolution solution;
  switch (options.criterion) {
    case CostCriterion::finite_horizon:
      solution = solve_finite(problem, options);
      break;
    case CostCriterion::first_exit:
    case CostCriterion::discounted:
      solution = solve_fixed_point(problem, options);
      break;
    case CostCriterion::average:
      solution = solve_average(problem, options);
      break;
  }
  solution.criterion = options.criterion;
  if (options.criterion == CostCriterion::discounted) solution.discount = options.discount;
  return solution;
}

std::vector<ChainEntry> controlled_dynamics(const LinearlySolvable& problem,
                                            const LinearlySolvableSolution& solution,
                                            std::size_t t) {
  const bool finite = solution.criterion == CostCriterion::finite_horizon;
  const std::size_t messages = solution.log_desirability.size();
  require_index("controlled_dynamics", "step", t, finite && messages > 0 ? messages - 1 : messages);
  const std::vector<double>& log_z = solution.log_desirability[finite ? t + 1 : t];
  if (log_z.size() != problem.state_count()) {
    throw OptionError(fmt::format(
        "controlled_dynamics: the solution is of {} states, the problem has {}; expected its own",
        log_z.size(), problem.state_count()));
  }
  std::vector<ChainEntry> result;
  std::vector<double> row;
  for (std::size_t s = 0; s < problem.state_count(); ++s) {
    row.clear();
    for (const ChainEntry& e : problem.passive(s)) {
      row.push_back(std::log(e.weight) + solution.discount * log_z[e.next]);
    }
    row = softmax(row);
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (row[i] > 0.0) result.push_back({s, problem.passive(s)[i].next, row[i]});
    }
  }
  return result;
}

LinearlySolvableSolution compose(std::span<const LinearlySolvableSolution> solutions,
                                 std::span<const double> weights) {
  if (solutions.empty() || solutions.size() != weights.size()) {
    throw OptionError(fmt::format("compose: {} solutions and {} weights, expected as many, above 0",
                                  solutions.size(), weights.size()));
  }
  LinearlySolvableSolution result = solutions.front();
  const bool linear = result.criterion == CostCriterion::finite_horizon ||
                      result.criterion == CostCriterion::first_exit;
  for (std::size_t k = 0; k < solutions.size(); ++k) {
    const LinearlySolvableSolution& each = solutions[k];
    if (!(weights[k] >= 0.0 && std::isfinite(weights[k]))) {
      throw OptionError(
          fmt::format("compose: weight {} is {}, expected at least 0", k, weights[k]));
    }
    if (!each.ok()) return each;
    if (!linear || each.criterion != result.criterion ||
        each.log_desirability.size() != result.log_desirability.size() ||
        each.log_desirability[0].size() != result.log_desirability[0].size()) {
      throw OptionError(fmt::format(
          "compose: solution {} is not of the same finite horizon or first exit problem", k));
    }
    result.error_bound = std::max(result.error_bound, each.error_bound);
  }
  for (std::size_t t = 0; t < result.log_desirability.size(); ++t) {
    for (std::size_t s = 0; s < result.log_desirability[t].size(); ++s) {
      std::vector<double> terms;
      for (std::size_t k = 0; k < solutions.size(); ++k) {
        terms.push_back(std::log(weights[k]) + solutions[k].log_desirability[t][s]);
      }
      result.log_desirability[t][s] = log_sum_exp(terms);
    }
  }
  // log Z is linear in the final factor too; the expected cost is not.
  std::vector<double> terms;
  for (std::size_t k = 0; k < solutions.size(); ++k) {
    terms.push_back(std::log(weights[k]) + solutions[k].log_z);
  }
  result.log_z = log_sum_exp(terms);
  result.initial_cost = kNaN;
  return result;
}

}  // namespace credo::control
