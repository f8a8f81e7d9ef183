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
  if (threads == 0) throw OptionError("option threads: expected at least 1, got 0");
  plan.validate();
  iteration.validate();
}

void validate_question(const FactorGraph& graph, const Evidence& evidence, const Query& query,
                       const InferOptions& options) {
  evidence.validate(graph);
  query.validate(graph);
  options.validate();
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
  if (query.task != Task::samples) return "";
  const double samples = static_cast<double>(query.sample_count);
  const double numbers = static_cast<double>(graph.variable_count());
  const double bytes = samples * (sizeof(std::vector<std::size_t>) + numbers * sizeof(std::size_t));
  if (bytes <= limit) return "";
  return fmt::format(
      "{} samples of {} variables take {}; the memory limit is {}; draw fewer at a time, with "
      "different seeds",
      query.sample_count, graph.variable_count(), describe_bytes(bytes),
      describe_bytes(options.memory_limit_bytes));
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
