#include <credo/core/error.hpp>
#include <credo/core/names.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/variational/variational.hpp>
#include <credo/models/control/rounding.hpp>
#include <credo/models/control/solve.hpp>
#include <credo/models/control/solve_parts.hpp>
#include <credo/models/control/trajectory_family.hpp>
#include <credo/models/require_index.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

// Every method is a kind for two conditionals of a trajectory's slice, the dynamics and the choice
// of an action (backup.cpp); the generic engine eliminates that slice, T times or until nothing
// changes. The family of a fully observed trajectory is soluble: a_t's parent s_t separates what
// comes after from the conditionals solved later, so one backward pass is the global optimum
// (Lauritzen and Nilsson 2001). Cost: T outcomes.

namespace credo::control {
namespace {

constexpr std::array<std::string_view, 8> kMethodNames = {
    "posterior", "clamped", "hard", "map", "mmap", "risk", "exponential-utility", "best-case"};

void check_rho(const ControlOptions& options) {
  if (std::isnan(options.rho) || options.rho == 0.0) {
    throw OptionError(fmt::format(
        "rho {}, expected a number other than 0: 1 is the posterior, infinity the true dynamics, "
        "below 0 the worst ones",
        options.rho));
  }
}

void check_final_value(const Mdp& mdp, const ControlOptions& options) {
  const std::vector<double>& value = options.final_value;
  if (value.empty()) return;
  if (value.size() != mdp.state_count()) {
    throw OptionError(fmt::format("final_value has {} entries, expected {} or none", value.size(),
                                  mdp.state_count()));
  }
  for (std::size_t s = 0; s < value.size(); ++s) {
    if (std::isnan(value[s]) || value[s] == kInfinity) {
      throw OptionError(fmt::format("final_value of state {} is {}, expected a number or -infinity",
                                    mdp.state_name(s), value[s]));
    }
  }
}

void take_over(const Posterior& posterior, ControlSolution& solution) {
  solution.status = posterior.status;
  solution.message = posterior.message;
  solution.guarantee = posterior.guarantee;
  solution.algorithm_used = posterior.algorithm_used;
  solution.complete = posterior.complete;
  solution.log_z = posterior.log_z;
  solution.initial_value = posterior.initial_value;
  solution.expected_return = posterior.expected_return;
  solution.believed_return = posterior.believed_return;
  solution.error_bound = posterior.error_bound;
  solution.iterations = posterior.iterations;
  solution.timings = posterior.timings;
  if (!posterior.ok()) return;
  const std::size_t count = posterior.infinite ? 1 : posterior.steps() + 1;
  for (std::size_t t = 0; t < count; ++t) solution.values.push_back(posterior.value(t));
  solution.certificate =
      posterior.infinite
          ? posterior.certificate
          : "sum-product on a tree of messages, eliminated backward in time, is exact";
  // The posterior is the best of all distributions: no gap.
  solution.elbo = posterior.log_z;
  if (!std::isnan(posterior.log_z)) solution.gap = {0.0, 0.0, 0.0};
}

/// Throws when there is no decision t: of an answer that was refused or stopped there is none.
void require_decision(const ControlSolution& solution, const char* what, std::size_t t) {
  if (!solution.ok() && solution.values.empty()) {
    throw OptionError(fmt::format("{} of a solution that has none: {} ({})", what,
                                  status_name(solution.status), solution.message));
  }
  require_index("ControlSolution", what, t, solution.step == nullptr ? 0 : solution.steps());
}

/// The message that step t is made from.
std::vector<double> message_after(const ControlSolution& solution, std::size_t t) {
  const std::size_t after = solution.infinite ? 0 : t + 1;
  return solution.step->message(after, solution.values.at(after));
}

/// The test of solubility, on two decisions: all later ones repeat them. States that are bent are
/// optimised like free ones, whatever the price.
std::string certify(const Mdp& mdp, const ControlOptions& options) {
  TrajectoryOptions two;
  two.horizon = 2;
  two.temperature = options.temperature;
  two.prior = ActionPrior::counting;
  const Trajectory trajectory = make_trajectory(mdp, two);
  const bool fair = backup_of(options.method, options.rho).next == NextKind::clamped;
  const Family family =
      make_family(trajectory, fair ? options.method : Method::posterior, kInfinity);
  const Solubility result = solubility(trajectory.graph, trajectory.evidence, family);
  if (!result.soluble) return result.explanation;
  return "one backward sweep is the global optimum: the family is soluble, every a_t sees the s_t "
         "that separates what follows from the decisions still to be made";
}

void solve_finite(const Mdp& mdp, const ControlOptions& options, const Watch& watch,
                  ControlSolution& solution) {
  auto step =
      std::make_shared<SolvedStep>(make_step(mdp, options, backup_of(options.method, options.rho)));
  if (options.method == Method::mmap && !find_plan(mdp, options, watch, *step, solution)) return;
  if (!run_backward(mdp, options, watch, *step, solution)) return;
  if (options.method == Method::map && !find_trajectory(mdp, options, watch, *step, solution)) {
    return;
  }
  solution.step = std::move(step);
  solution.iterations = *options.horizon;
  solution.error_bound =
      rounding_bound(mdp, {options.method, options.temperature, options.rho}, solution.values);
  const std::string missing = evaluate(mdp, options, watch, solution);
  solution.status = Status::ok;
  if (solution.guarantee == Guarantee::none) solution.guarantee = Guarantee::exact;
  if (solution.certificate.empty()) {
    solution.certificate = missing.empty() ? certify(mdp, options)
                                           : "one backward sweep; no time was left to test that "
                                             "the family is soluble";
  }
  solution.message =
      solution.infeasible_factor.empty()
          ? "answered" + missing
          : "no distribution of the family is feasible: " + solution.infeasible_factor;
}

void prepare(const Mdp& mdp, const ControlOptions& options, ControlSolution& solution) {
  solution.method = options.method;
  solution.states = mdp.state_count();
  solution.actions = mdp.action_count();
  solution.temperature = options.temperature;
  solution.rho =
      options.method == Method::posterior ? 1.0 : backup_of(options.method, options.rho).rho;
  solution.infinite = !options.horizon;
  solution.horizon = options.horizon;
}

}  // namespace

std::string_view method_name(Method method) noexcept {
  return kMethodNames[static_cast<std::size_t>(method)];
}

Method require_method(std::string_view name) {
  for (std::size_t i = 0; i < kMethodNames.size(); ++i) {
    if (kMethodNames[i] == name) return static_cast<Method>(i);
  }
  const std::vector<std::string> names(kMethodNames.begin(), kMethodNames.end());
  throw OptionError(fmt::format("unknown method '{}'{}; there are {}", name,
                                did_you_mean(name, names), fmt::join(names, ", ")));
}

void ControlOptions::validate(const Mdp& mdp) const {
  posterior_options(*this).validate(mdp);
  if (method == Method::risk) check_rho(*this);
  check_final_value(mdp, *this);
  if (!horizon && (method == Method::map || method == Method::mmap)) {
    throw OptionError(fmt::format("method {} needs a horizon: a {} has a last step",
                                  method_name(method),
                                  method == Method::map ? "trajectory" : "plan"));
  }
}

std::vector<double> ControlSolution::value(std::size_t t) const {
  if (posterior != nullptr) return posterior->value(t);
  if (values.empty()) require_decision(*this, "value", t);
  require_index("ControlSolution", "value", t, values.size());
  return values[t];
}

std::vector<double> ControlSolution::action_value(std::size_t t) const {
  if (posterior != nullptr) return posterior->action_value(t);
  require_decision(*this, "action_value", t);
  std::vector<double> result = step->slice(t).score(message_after(*this, t));
  result.resize(states * actions);
  const bool scored = step->backup.choice == ChoiceKind::arg_max && step->backup.prior;
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (scored && result[i] > -kInfinity) result[i] -= step->trajectory.log_prior[i];
    result[i] *= temperature;
  }
  return result;
}

std::vector<double> ControlSolution::policy(std::size_t t) const {
  if (posterior != nullptr) return posterior->policy(t);
  require_decision(*this, "policy", t);
  std::vector<double> result = step->policy(t, message_after(*this, t));
  result.resize(states * actions);
  return result;
}

std::vector<DynamicsEntry> ControlSolution::dynamics(std::size_t t) const {
  if (posterior != nullptr) return posterior->dynamics(t);
  require_decision(*this, "dynamics", t);
  std::vector<DynamicsEntry> result;
  for_each_tilted_transition(
      *step, message_after(*this, t),
      [&](std::size_t pair, std::size_t next, std::size_t, double probability) {
        result.push_back({pair / actions, pair % actions, next, probability});
      });
  return result;
}

ControlSolution solve_control(const Mdp& mdp, const ControlOptions& options) {
  options.validate(mdp);
  ControlSolution solution;
  prepare(mdp, options, solution);
  const Watch watch;
  if (std::string why = why_too_large(mdp, options); !why.empty()) {
    refuse(solution, std::move(why));
    return solution;
  }
  if (options.method == Method::posterior) {
    solution.posterior =
        std::make_shared<const Posterior>(solve_posterior(mdp, posterior_options(options)));
    take_over(*solution.posterior, solution);
    return solution;
  }
  if (options.horizon) {
    solve_finite(mdp, options, watch, solution);
  } else {
    solve_infinite(mdp, options, watch, solution);
  }
  solution.timings.infer_seconds = watch.seconds();
  return solution;
}

}  // namespace credo::control
