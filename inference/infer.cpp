#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/conflict.hpp>
#include <credo/inference/driver.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>
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
  if (threads == 0) throw OptionError("option threads: expected at least 1, got 0");
  plan.validate();
  iteration.validate();
}

void validate_question(const FactorGraph& graph, const Evidence& evidence, const Query& query,
                       const InferOptions& options) {
  graph.require_discrete("infer");
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
      if (silent) {
        result.message =
            fmt::format("stopped at the time limit of {:.3g} s", options.time_limit_seconds);
      }
      break;
    case Status::cancelled:
      if (silent) result.message = "cancelled by the observer";
      break;
    case Status::impossible_evidence: {
      result.log_z = -kInfinity;
      result.guarantee = Guarantee::exact;
      InferOptions remaining = options;
      remaining.time_limit_seconds -= elapsed_seconds;
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

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Runs one algorithm; what it cannot answer comes back refused, with its name. why_not() is not
/// asked first: it would plan, and run() plans again.
Result attempt(const Algorithm& algorithm, const FactorGraph& graph, const Evidence& evidence,
               const Query& query, const InferOptions& options) {
  Result result = algorithm.run(graph, evidence, query, options);
  if (result.status == Status::refused) {
    result.message = fmt::format("{}: {}", algorithm.name, result.message);
  }
  return result;
}

/// The first algorithm of the table that does not refuse; when all do, the
/// first one's refusal (with its plan) and everyone's reasons.
std::pair<Result, std::string_view> choose(const FactorGraph& graph, const Evidence& evidence,
                                           const Query& query, const InferOptions& options,
                                           bool exactly) {
  Result refused;
  std::string reasons;
  for (const Algorithm& algorithm : algorithms()) {
    if (exactly && algorithm.guarantee != Guarantee::exact) continue;
    Result result = attempt(algorithm, graph, evidence, query, options);
    if (result.status != Status::refused) {
      if (result.ok() && result.guarantee != Guarantee::exact) {
        result.message = fmt::format("approximate{}{}, because {}",
                                     result.message.empty() ? "" : ", ", result.message, reasons);
      }
      return {std::move(result), algorithm.name};
    }
    reasons += (reasons.empty() ? "" : "; ") + result.message;
    if (refused.status == Status::not_run) refused = std::move(result);
  }
  refused.status = Status::refused;
  refused.message = std::move(reasons);
  return {std::move(refused), ""};
}

Result answer(const FactorGraph& graph, const Evidence& evidence, const Query& query,
              const InferOptions& options, bool exactly) {
  const Clock::time_point start = Clock::now();
  validate_question(graph, evidence, query, options);
  Result result;
  std::string_view used = options.algorithm;
  if (options.algorithm == "auto") {
    std::tie(result, used) = choose(graph, evidence, query, options, exactly);
  } else {
    result = attempt(require_algorithm(options.algorithm), graph, evidence, query, options);
  }
  complete_result(graph, evidence, options, used, seconds_since(start), result);
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
