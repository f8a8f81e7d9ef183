// From a question to a program: reduce, order, tree, budget, compile; and the
// run with its fallback to logarithms.

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/contraction/contraction.hpp>
#include <credo/inference/contraction/leaf_plan.hpp>
#include <credo/inference/contraction/prepared.hpp>
#include <credo/inference/driver.hpp>
#include <credo/inference/elimination_order.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <new>
#include <utility>

namespace credo::contraction {

namespace {

// Loops are counted in 64-bit integers; wider steps are refused before that.
constexpr double kWidestStep = 55.0;
constexpr std::size_t kVariablesShown = 16;
// Bytes of plan, program and run per variable and per table, tables of numbers apart: measured on
// chains and stars.
constexpr double kSymbolicBytes = 1500.0;
// What is less than this lies within what any run needs.
constexpr double kNegligibleBytes = 64.0 * 1024 * 1024;

bool is_marginals(const Query& query) { return query.task == Task::marginals; }

bool wants_all_marginals(const Query& query) {
  return is_marginals(query) && query.targets.empty() && query.joints.empty() &&
         !query.factor_marginals;
}

ReduceOptions reduce_options(const Query& query, const InferOptions& options, bool one_shot) {
  ReduceOptions reduce;
  const bool every_entry =
      query.messages || query.factor_marginals || query.task == Task::sensitivity;
  reduce.propagate_zeros =
      one_shot && options.propagate_zeros && !query.messages && query.task != Task::sensitivity;
  reduce.split_products = one_shot && !every_entry;
  const bool some_targets = is_marginals(query) && !wants_all_marginals(query);
  reduce.drop_barren = !every_entry && (query.task == Task::log_partition || some_targets);
  return reduce;
}

/// Which operator eliminates each variable, and in which group.
struct Operators {
  std::vector<char> maximise;
  std::vector<std::uint8_t> group;
};

Operators operators_of(const FactorGraph& graph, const Query& query) {
  Operators operators;
  const bool all = query.task == Task::map;
  operators.maximise.assign(graph.variable_count(), all ? 1 : 0);
  operators.group.assign(graph.variable_count(), 0);
  if (query.task == Task::marginal_map) {
    for (const VariableId v : query.targets) operators.maximise[v] = operators.group[v] = 1;
  }
  return operators;
}

std::vector<VariableId> given_order(const Prepared& p, const Operators& operators) {
  std::vector<VariableId> given;
  std::vector<char> seen(p.graph->variable_count(), 0);
  std::vector<char> in_model(p.graph->variable_count(), 0);
  for (const VariableId v : p.model.variables) in_model[v] = 1;
  for (const VariableId v : p.options.plan.order) {
    if (v >= seen.size() || seen[v]) {
      throw QueryError(fmt::format(
          "elimination order: expected distinct variables below {}, got {}", seen.size(), v));
    }
    seen[v] = 1;
    if (!given.empty() && operators.group[v] < operators.group[given.back()]) {
      throw QueryError(fmt::format(
          "elimination order: expected every summed variable before the maximised ones, got {} "
          "after {}",
          p.graph->variable(v).name, p.graph->variable(given.back()).name));
    }
    if (in_model[v]) given.push_back(v);
  }
  return given;
}

OrderCandidate choose_order(const Prepared& p, const Operators& operators, Monitor& monitor) {
  OrderProblem problem;
  problem.group = operators.group;
  problem.variables = p.model.variables;
  for (const std::size_t cardinality : p.model.cardinality) {
    problem.log2_cardinality.push_back(std::log2(static_cast<double>(cardinality)));
  }
  for (const ReducedTable& table : p.model.tables) {
    if (!table.scope.empty()) problem.scopes.push_back(table.scope);
  }
  problem.given = given_order(p, operators);
  problem.log2_message_limit = std::log2(p.options.memory_limit_bytes / sizeof(double));
  problem.log2_step_limit = kWidestStep;
  problem.graph_limit_bytes = p.options.memory_limit_bytes;
  return search_order(problem, p.options.plan,
                      [&monitor] { return monitor.may_continue("plan", 0.0); });
}

/// "any elimination order has a step over at least 61 variables ...", where that is known to
/// matter.
std::string proof_text(const OrderCandidate& order) {
  if (order.log2_widest_at_least <= kWidestStep) return "";
  return fmt::format(
      "any elimination order has a step over at least {} variables with at least 2^{:.1f} joint "
      "states, and steps of at most 2^{:.0f} can be run",
      order.variables_at_least, order.log2_widest_at_least, kWidestStep);
}

/// Why there is no elimination order, though nobody stopped the search.
std::string no_order_text(const Prepared& p, const OrderCandidate& order) {
  if (order.end == SearchEnd::graph_too_large) {
    return fmt::format(
        "the graph of variables that share a table needs {}, the limit is {}; try a larger memory "
        "limit or evidence on the variables of the largest tables",
        describe_bytes(order.graph_bytes), describe_bytes(p.options.memory_limit_bytes));
  }
  if (order.end == SearchEnd::too_wide) {
    return proof_text(order) + "; try evidence on some of the variables";
  }
  return fmt::format(
      "no elimination order was finished within the plan's limit of {:.3g} nominal seconds: at "
      "most {} of {} variables were eliminated; try a higher limit, an order of your own, or "
      "evidence on some of the variables",
      p.options.plan.time_limit_seconds, order.eliminated, p.model.variables.size());
}

std::string refusal_text(const Prepared& p, double bytes, double operations) {
  const PlanStep& widest = p.plan.steps.at(p.plan.widest_step);
  std::vector<std::string_view> names;
  for (const VariableId v : widest.scope) names.push_back(p.graph->variable(v).name);
  const std::size_t shown = std::min(names.size(), kVariablesShown);
  return fmt::format(
      "needs {} and {:.3g} operations, the limit is {}; the widest step eliminates {} among {} "
      "variables with 2^{:.1f} joint states ({}{}); try a larger memory limit, more plan restarts, "
      "an order of your own, or evidence on these variables",
      describe_bytes(bytes), operations, describe_bytes(p.options.memory_limit_bytes),
      p.graph->variable(widest.eliminated.front()).name, names.size(), p.plan.log2_widest,
      fmt::join(std::span(names).first(shown), " "), shown < names.size() ? " ..." : "");
}

/// Largest messages and operations straight from the steps: safe for any width.
bool check_width(Prepared& p) {
  double bytes = 0.0;
  double operations = 0.0;
  for (PlanStep& step : p.plan.steps) {
    step.operations = state_count(p.model, step.scope);
    operations += step.operations;
    bytes = std::max(bytes, state_count(p.model, step.message) * sizeof(double));
  }
  if (p.query.task == Task::map) {
    bytes *= static_cast<double>(p.query.k_best);
    operations *= static_cast<double>(p.query.k_best);
  }
  p.plan.operations = operations;
  p.plan.peak_bytes = bytes;
  if (p.plan.log2_widest <= kWidestStep && bytes <= p.options.memory_limit_bytes) return true;
  p.refusal = refusal_text(p, bytes, operations);
  return false;
}

/// Copies of the messages that the results of all lanes hand out.
double message_bytes(const Prepared& p, const ProgramOptions& options) {
  double entries = 0.0;
  for (const PlanStep& step : p.plan.steps) entries += state_count(p.model, step.message);
  const double sides = options.message_adjoints ? 2.0 : 1.0;
  return entries * sides * static_cast<double>(options.lanes) * sizeof(double);
}

bool log_needed(const Prepared& p) {
  if (p.options.scalar == Scalar::log_double) return true;
  return std::ranges::any_of(p.model.tables, [&p](const ReducedTable& table) {
    if (table.kind == ReducedTable::Kind::factor) {
      return !fits_linear(p.graph->factor(table.source).table);
    }
    return table.kind == ReducedTable::Kind::part && !fits_linear(*table.owned);
  });
}

void list_wanted(Prepared& p) {
  const Query& query = p.query;
  if (wants_all_marginals(query)) {
    for (VariableId v = 0; v < p.graph->variable_count(); ++v) p.wanted.push_back(v);
  } else if (is_marginals(query)) {
    p.wanted = query.targets;
  }
  for (const VariableId v : p.wanted) {
    if (p.model.is_free(v)) p.free_marginals.push_back(v);
  }
}

/// Likelihoods come with the evidence, so they are looked at when it comes.
bool findings_need_log(const Evidence& evidence) {
  return std::ranges::any_of(evidence.findings(), [](const auto& entry) {
    const Finding& finding = entry.second;
    return finding.kind == FindingKind::likelihood &&
           !fits_linear(Table::dense({finding.likelihood.size()}, finding.likelihood));
  });
}

Result refused(const Prepared& p, std::string message) {
  Result result = blank_result(p);
  result.status = Status::refused;
  result.message = std::move(message);
  return result;
}

/// Runs a program and reads the answer; false when the range of doubles was left.
bool answer(const Prepared& p, const Program& program, const Evidence& evidence,
            std::span<const LeafValues> static_leaves, Monitor& monitor, Result& result) {
  const Evidence* const lane[] = {&evidence};
  Execution execution(program, p.model, lane, static_leaves, p.options.threads, monitor);
  if (p.query.task == Task::map && p.query.k_best > 1) {
    extract_k_best(p, execution, evidence, monitor, result);
    return true;
  }
  if (execution.run(false) == Outcome::range_exceeded) return false;
  extract(p, execution, 0, evidence, monitor, result);
  return true;
}

/// Per factor kept sparse: the first that has the same table. Those share their numbers, and the
/// bytes of a program know it.
std::vector<FactorId> sharing_of(const FactorGraph& graph) {
  std::map<const void*, FactorId> first;
  std::vector<FactorId> sharing;
  for (FactorId f = 0; f < graph.factor_count(); ++f) {
    const Table& table = graph.factor(f).table;
    if (stays_sparse(table)) sharing.push_back(first.emplace(table.identity(), f).first->second);
  }
  return sharing;
}

/// No more lists than there are joint states.
std::size_t assignments_wanted(const Prepared& p) {
  const double states = state_count(p.model, p.model.variables);
  const auto wanted = static_cast<double>(p.query.k_best);
  return states < wanted ? static_cast<std::size_t>(states) : p.query.k_best;
}

/// The program, and whether it fits the budget.
void compile_prepared(Prepared& p, Pace& pace) {
  p.needs_log = log_needed(p);
  p.program = compile_for(p, p.needs_log ? Arithmetic::log : Arithmetic::linear, 1, pace);
  const double lists = p.query.task == Task::map ? static_cast<double>(p.query.k_best) : 1.0;
  p.plan.operations = p.program.operations * lists;
  p.plan.peak_bytes = p.program.peak_bytes * lists;
  if (p.plan.peak_bytes <= p.options.memory_limit_bytes) return;
  p.refusal = refusal_text(p, p.plan.peak_bytes, p.plan.operations);
}

/// Why the plan itself, whatever its tables, would not fit; empty when it does.
std::string why_plan_too_large(const Prepared& p) {
  const double variables = static_cast<double>(p.model.variables.size());
  const double tables = static_cast<double>(p.model.tables.size());
  const double bytes = kSymbolicBytes * (variables + tables);
  if (bytes <= std::max(p.options.memory_limit_bytes, kNegligibleBytes)) return "";
  return fmt::format(
      "the plan of {:.0f} variables and {:.0f} tables needs about {}, the limit is {}; try a "
      "larger "
      "memory limit",
      variables, tables, describe_bytes(bytes), describe_bytes(p.options.memory_limit_bytes));
}

/// Order, steps and program of a reduced model that is possible.
void plan_contraction(Prepared& p, Monitor& monitor, Pace& pace) {
  const Operators operators = operators_of(*p.graph, p.query);
  const OrderCandidate order = choose_order(p, operators, monitor);
  p.plan.method = order.method.empty() ? "none" : order.method;
  p.plan.orders_tried = order.orders_tried;
  p.plan.seconds = order.seconds;
  if (order.order.size() < p.model.variables.size()) {
    pace.ask();
    p.refusal = no_order_text(p, order);
    return;
  }
  const bool fuse = p.options.plan.order.empty() && !p.query.messages;
  Plan plan = build_plan(p.model, order.order, operators.maximise, fuse, pace);
  plan.method = p.plan.method;
  plan.orders_tried = p.plan.orders_tried;
  plan.seconds = p.plan.seconds;
  p.plan = std::move(plan);
  if (check_width(p)) {
    compile_prepared(p, pace);
  } else if (const std::string proof = proof_text(order); !proof.empty()) {
    p.refusal += "; " + proof;
  }
}

}  // namespace

Program compile_for(const Prepared& p, Arithmetic arithmetic, std::size_t lanes, Pace& pace) {
  ProgramOptions options;
  options.arithmetic = arithmetic;
  options.lanes = lanes;
  options.marginals = p.free_marginals;
  const bool traces = p.query.task == Task::map || p.query.task == Task::marginal_map ||
                      p.query.task == Task::samples;
  options.keep_messages = traces || p.query.messages;
  options.message_adjoints = p.query.messages && is_marginals(p.query);
  for (std::uint32_t t = 0; t < p.model.tables.size(); ++t) {
    const ReducedTable::Kind kind = p.model.tables[t].kind;
    const bool factor = kind == ReducedTable::Kind::factor &&
                        (p.query.factor_marginals || p.query.task == Task::sensitivity);
    if (factor || kind == ReducedTable::Kind::joint) options.table_adjoints.push_back(t);
  }
  const double handed_out = p.query.messages ? message_bytes(p, options) : 0.0;
  Program program = compile(p.model, lower(p.model, p.plan, pace), std::move(options), pace);
  program.peak_bytes += handed_out;
  return program;
}

Prepared prepare(const FactorGraph& graph, const Evidence& evidence, const Query& query,
                 const InferOptions& options, bool one_shot, Monitor& monitor) {
  const double start = monitor.elapsed_seconds();
  Prepared p;
  p.graph = &graph;
  p.query = query;
  p.options = options;
  p.refusal = why_answer_too_large(graph, query, options);
  if (!p.refusal.empty()) return p;
  Pace pace([&monitor] { monitor.check("plan", 0.0); });
  pace.ask();
  p.model = reduce(graph, evidence, query, reduce_options(query, options, one_shot), pace);
  if (query.task == Task::map) p.query.k_best = assignments_wanted(p);
  list_wanted(p);
  if (!p.model.impossible) p.refusal = why_plan_too_large(p);
  if (!p.model.impossible && p.refusal.empty()) plan_contraction(p, monitor, pace);
  p.plan_seconds = monitor.elapsed_seconds() - start;
  return p;
}

bool rebind(const FactorGraph& graph, const Evidence& pattern, Prepared& p) {
  Pace unlimited;
  ReducedModel model =
      reduce(graph, pattern, p.query, reduce_options(p.query, p.options, false), unlimited);
  if (!p.refusal.empty() || !same_structure(model, p.model)) return false;
  if (!why_answer_too_large(graph, p.query, p.options).empty()) return false;
  const bool same_sharing = sharing_of(graph) == sharing_of(*p.graph);
  p.model = std::move(model);
  p.graph = &graph;
  if (!same_sharing || log_needed(p) != p.needs_log || !reads_fit(p.model, p.program)) {
    compile_prepared(p, unlimited);
  }
  return true;
}

Result blank_result(const Prepared& p) {
  Result result;
  result.plan = p.plan;
  result.timings.plan_seconds = p.plan_seconds;
  return result;
}

namespace {

Result contract(const Prepared& p, const Evidence& evidence,
                std::span<const LeafValues> static_leaves, Monitor& monitor) {
  if (!p.refusal.empty()) return refused(p, p.refusal);
  Result result = blank_result(p);
  const double start = monitor.elapsed_seconds();
  if (p.model.impossible) {
    result.status = Status::impossible_evidence;
    result.guarantee = Guarantee::exact;
    result.timings.infer_seconds = 0.0;
    return result;
  }
  const bool linear = !p.needs_log && !findings_need_log(evidence);
  result.scalar_used = linear ? "scaled-double" : "log-double";
  bool answered = false;
  if (linear || p.needs_log) {
    answered = answer(p, p.program, evidence, static_leaves, monitor, result);
  }
  if (!answered) {
    if (p.options.scalar == Scalar::scaled_double) {
      return refused(p, "some product leaves the range of scaled doubles; use log-doubles");
    }
    result = blank_result(p);
    result.scalar_used = "log-double";
    Pace pace([&monitor] { monitor.check("plan", 0.0); });
    const Program program = compile_for(p, Arithmetic::log, 1, pace);
    result.plan.peak_bytes = program.peak_bytes;
    if (program.peak_bytes > p.options.memory_limit_bytes) {
      return refused(p, refusal_text(p, program.peak_bytes, program.operations));
    }
    answer(p, program, evidence, {}, monitor, result);
  }
  result.timings.infer_seconds = monitor.elapsed_seconds() - start;
  return result;
}

}  // namespace

Result run_prepared(const Prepared& p, const Evidence& evidence,
                    std::span<const LeafValues> static_leaves, Monitor& monitor) {
  Result result = blank_result(p);
  try {
    return contract(p, evidence, static_leaves, monitor);
  } catch (const Stopped& stopped) {
    result.status = stopped.status;
  } catch (const std::bad_alloc&) {
    return refused(p,
                   "the machine has less memory free than the limit allows; lower the memory "
                   "limit");
  }
  return result;
}

}  // namespace credo::contraction

namespace credo {

std::string why_not_contraction(const FactorGraph& graph, const Evidence& evidence,
                                const Query& query, const InferOptions& options) {
  contraction::Monitor monitor(options);
  try {
    return contraction::prepare(graph, evidence, query, options, true, monitor).refusal;
  } catch (const contraction::Stopped& stopped) {
    return fmt::format("planning did not finish: {}", status_name(stopped.status));
  }
}

Result run_contraction(const FactorGraph& graph, const Evidence& evidence, const Query& query,
                       const InferOptions& options) {
  contraction::Monitor monitor(options);
  try {
    const contraction::Prepared prepared =
        contraction::prepare(graph, evidence, query, options, true, monitor);
    return contraction::run_prepared(prepared, evidence, {}, monitor);
  } catch (const contraction::Stopped& stopped) {
    Result result;
    result.status = stopped.status;
    return result;
  }
}

}  // namespace credo
