#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/asking.hpp>
#include <credo/inference/conflict.hpp>
#include <credo/inference/contraction/monitor.hpp>
#include <credo/inference/driver.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <vector>

namespace credo {

void InferOptions::validate() const {
  if (algorithm != "auto") static_cast<void>(require_algorithm(algorithm));
  if (!(memory_limit_bytes > 0.0)) {
    throw OptionError(
        fmt::format("option memory_limit_bytes: expected more than 0, got {}", memory_limit_bytes));
  }
  if (!(time_limit_seconds >= 0.0)) {
    throw OptionError(
        fmt::format("option time_limit_seconds: expected at least 0, got {}", time_limit_seconds));
  }
  if (!(time_spent_seconds >= 0.0)) {
    throw OptionError(
        fmt::format("option time_spent_seconds: expected at least 0, got {}", time_spent_seconds));
  }
  constexpr std::size_t kMostThreads = 1024;
  if (threads == 0 || threads > kMostThreads) {
    throw OptionError(
        fmt::format("option threads: expected 1 to {}, got {}", kMostThreads, threads));
  }
  plan.validate();
  iteration.validate();
}

void validate_question(const FactorGraph& graph, const Evidence& evidence, const Query& query,
                       const InferOptions& options) {
  evidence.validate(graph);
  query.validate(graph);
  options.validate();
}

namespace {

/// Bytes of the samples, assignments and joints that the query asks for.
double bytes_of_answer(const FactorGraph& graph, const Query& query) {
  // While it is read: logarithms, probabilities, and those over all states.
  constexpr double kCopiesOfJoint = 3.0;
  const auto variables = static_cast<double>(graph.variable_count());
  double bytes = 0.0;
  if (query.task == Task::samples) {
    const auto samples = static_cast<double>(query.sample_count);
    bytes = Samples::bytes(samples, variables);
    if (graph.has_continuous_variables()) {
      double numbers = 0.0;
      for (const Variable& variable : graph.variables()) {
        numbers += static_cast<double>(variable.dimension);
      }
      bytes +=
          samples * ((variables + 1.0) * sizeof(std::vector<double>) + numbers * sizeof(double));
    }
  } else if (query.task == Task::map) {
    const double kept = std::min(static_cast<double>(query.k_best), joint_states(graph));
    bytes = kept * (sizeof(Assignment) + variables * sizeof(std::size_t));
  }
  for (const Scope& joint : query.joints) {
    double cells = 1.0;
    for (const VariableId v : joint) cells *= static_cast<double>(graph.cardinality(v));
    bytes += kCopiesOfJoint * cells * sizeof(double);
  }
  return bytes;
}

std::string describe_answer(const FactorGraph& graph, const Query& query) {
  switch (query.task) {
    case Task::samples:
      return fmt::format("{} samples of {} variables", query.sample_count, graph.variable_count());
    case Task::map:
      return fmt::format("the {} best assignments of {} variables", query.k_best,
                         graph.variable_count());
    default:
      return fmt::format("the {} joint{} asked for", query.joints.size(),
                         query.joints.size() == 1 ? "" : "s");
  }
}

std::string_view advice(Task task) {
  if (task == Task::samples) return "; draw fewer at a time, with different seeds";
  return "; ask for fewer";
}

}  // namespace

double joint_states(const FactorGraph& graph) {
  double states = 1.0;
  for (const Variable& variable : graph.variables()) {
    states *= static_cast<double>(variable.cardinality);
  }
  return states;
}

std::string why_answer_too_large(const FactorGraph& graph, const Query& query,
                                 const InferOptions& options) {
  // What is less than this lies within what any run needs.
  constexpr double kNegligibleBytes = 1 << 20;
  const double limit = std::max(options.memory_limit_bytes, kNegligibleBytes);
  double states = 0.0;
  for (const Variable& variable : graph.variables()) {
    states += static_cast<double>(variable.cardinality);
  }
  if (const double bytes = states * sizeof(double); bytes > limit) {
    return fmt::format(
        "the variables have {:.3g} states in all, {} at one number each; the memory limit is {}",
        states, describe_bytes(bytes), describe_bytes(options.memory_limit_bytes));
  }
  if (const double bytes = bytes_of_answer(graph, query); bytes > limit) {
    return fmt::format("{} take {}; the memory limit is {}{}", describe_answer(graph, query),
                       describe_bytes(bytes), describe_bytes(options.memory_limit_bytes),
                       advice(query.task));
  }
  return "";
}

void complete_result(const FactorGraph& graph, const Evidence& evidence,
                     const InferOptions& options, std::string_view algorithm,
                     double elapsed_seconds, Result& result) {
  constexpr std::string_view kPoison = "not run yet";
  result.algorithm_requested = options.algorithm;
  result.algorithm_used = algorithm;
  const bool silent = result.message.empty() || result.message == kPoison;
  switch (result.status) {
    case Status::ok:
      if (silent) result.message = "answered";
      break;
    case Status::deadline:
    case Status::cancelled:
      if (silent) {
        result.message = contraction::stop_message(result.status, options.time_limit_seconds);
      }
      break;
    case Status::impossible_evidence: {
      result.log_z = -kInfinity;
      result.guarantee = Guarantee::exact;
      InferOptions remaining = options;
      remaining.time_spent_seconds += elapsed_seconds;
      const Conflict conflict =
          options.explain_conflict ? find_conflict(graph, evidence, remaining) : Conflict{};
      result.conflict = conflict.findings;
      result.message = describe(graph, conflict);
      break;
    }
    case Status::not_run:
    case Status::refused:
      break;
  }
  if (result.guarantee == Guarantee::exact) {
    result.log_z_lower = result.log_z;
    result.log_z_upper = result.log_z;
  }
}

namespace {

Result answer(const FactorGraph& graph, const Evidence& evidence, const Query& query,
              const InferOptions& options, bool exactly) {
  validate_question(graph, evidence, query, options);
  Asking asking(graph, evidence, query, options);
  Result result;
  std::string_view used = options.algorithm;
  if (options.algorithm == "auto") {
    std::tie(result, used) = asking.choose(exactly);
  } else {
    result = asking.attempt(require_algorithm(options.algorithm), options.time_limit_seconds);
  }
  complete_result(graph, evidence, options, used, asking.elapsed_seconds(), result);
  return result;
}

}  // namespace

Result infer(const FactorGraph& graph, const Evidence& evidence, const Query& query,
             const InferOptions& options) {
  return answer(graph, evidence, query, options, false);
}

Result infer_exactly(const FactorGraph& graph, const Evidence& evidence, const Query& query,
                     const InferOptions& options) {
  return answer(graph, evidence, query, options, true);
}

Result infer(const FactorGraph& graph, const Query& query, const InferOptions& options) {
  return infer(graph, Evidence{}, query, options);
}

}  // namespace credo
