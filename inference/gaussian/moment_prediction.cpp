// What a tree of clusters costs: messages of both passes stay until they are used, one cluster at a
// time is held in full.

#include <credo/core/numerics.hpp>
#include <credo/inference/gaussian/moment_collapse.hpp>
#include <credo/inference/gaussian/moment_plan.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace credo::gaussian {

namespace {

/// Of the whole plan.
constexpr double kOperationLimit = 1e12;

PlanStep described(const MomentStep& step) {
  PlanStep result;
  const auto add = [&result](const Scope& scope, std::size_t kept) {
    for (std::size_t i = 0; i < scope.size(); ++i) {
      result.scope.push_back(scope[i]);
      (i < kept ? result.message : result.eliminated).push_back(scope[i]);
    }
  };
  add(step.discrete, step.kept_discrete);
  add(step.continuous, step.kept_continuous);
  result.tables = step.potentials;
  result.children = step.children;
  result.parent = step.parent;
  const double order = step.dimension;
  result.operations = static_cast<double>(step.states) * (1.0 + order * order * order);
  return result;
}

double bytes_of(std::size_t states, std::uint32_t dimension) {
  const double scalars = dimension;
  return static_cast<double>(states) *
         (sizeof(WeightedGaussian) + (scalars + scalars * scalars) * sizeof(double));
}

void check_budget(MomentPlan& plan, const InferOptions& options) {
  if (!plan.refusal.empty()) return;
  if (plan.plan.peak_bytes > options.memory_limit_bytes) {
    plan.refusal = fmt::format(
        "messages and the widest cluster (2^{:.1f} joint states) take {}; the memory limit is {}",
        plan.plan.log2_widest, describe_bytes(plan.plan.peak_bytes),
        describe_bytes(options.memory_limit_bytes));
  } else if (plan.plan.operations > kOperationLimit) {
    plan.refusal = fmt::format(
        "{:.3g} operations (widest cluster: 2^{:.1f} joint states); at most {:.3g} are tried",
        plan.plan.operations, plan.plan.log2_widest, kOperationLimit);
  }
}

}  // namespace

void predict(MomentPlan& result, const InferOptions& options) {
  Plan& plan = result.plan;
  double messages = 0.0;
  double widest = 0.0;
  for (const MomentStep& step : result.steps) {
    plan.steps.push_back(described(step));
    // Up, again on the way down, and the posterior of the separator.
    plan.operations += 3.0 * plan.steps.back().operations;
    messages += 2.0 * bytes_of(step.kept_states, step.kept_dimension);
    widest = std::max(widest, 2.0 * bytes_of(step.states, step.dimension));
    plan.widest_front = std::max<std::size_t>(plan.widest_front, step.dimension);
    const double log2_states = std::log2(static_cast<double>(step.states));
    if (log2_states > plan.log2_widest) {
      plan.log2_widest = log2_states;
      plan.widest_step = plan.steps.size() - 1;
    }
  }
  plan.peak_bytes = messages + widest;
  check_budget(result, options);
}

}  // namespace credo::gaussian
