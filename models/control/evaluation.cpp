#include <credo/core/numerics.hpp>
#include <credo/models/control/policy_evaluation.hpp>
#include <credo/models/control/solve_parts.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

// What a solution q is worth: sums along trajectories of q,
//   believed return   E_q[r]
//   elbo              E_q[r / alpha + log p(a | s) - log q(a | s)] - KL(q(s' | s, a), p)
//   gap               KL(q(a | s), p(a | s, o)) and KL(q(s' | s, a), p(s' | s, a, o)),
//                     p(. | o) from the messages beta of the posterior
// and of the policy in the true dynamics. log Z - elbo = KL(q, p(. | o)) is the sum of the gap's
// terms and the one of s_1 by the chain rule of relative entropy. One backward pass (finite
// horizon) or one linear system (infinite) for all of them. Cost: that of the solution again,
// twice with the gap.

namespace credo::control {
namespace {

/// The sums, in the order of the vectors below.
enum Term : std::size_t { kBelieved, kElbo, kPolicyGap, kDynamicsGap, kTerms };

using Terms = std::array<std::vector<double>, kTerms>;

/// log beta of the posterior at one step.
struct Messages {
  std::vector<double> state;   ///< log beta_t(s)
  std::vector<double> action;  ///< log beta_t(s, a)
  std::vector<double> next;    ///< log beta_{t+1}(s')
};

/// KL of the outcomes within one stored transition: their tilt by exp(r / (alpha rho)).
double outcome_divergence(const SolvedStep& step, std::size_t entry) {
  const Trajectory& trajectory = step.trajectory;
  // The best case is a limit: its divergence is not asked for.
  if (step.backup.next == NextKind::clamped || step.backup.rho == 0.0) return 0.0;
  return (trajectory.believed_reward[entry] / trajectory.temperature -
          trajectory.log_optimality[entry]) /
         step.backup.rho;
}

/// What a step adds in every state, and where it leads: visit(s, next, q(next | s)).
class StepTerms {
 public:
  StepTerms(const SolvedStep& step, const SolvedStep* posterior)
      : step_(step), posterior_(posterior) {}

  template <typename Visit>
  void add(std::span<const double> policy, std::span<const double> next_value,
           const Messages& messages, Terms& into, const Visit& visit) const {
    const Trajectory& trajectory = step_.trajectory;
    const std::size_t actions = trajectory.action_count;
    for (std::vector<double>& x : into) x.assign(trajectory.state_count, 0.0);
    for (std::size_t pair = 0; pair < policy.size(); ++pair) {
      if (policy[pair] > 0.0) add_choice(pair, policy[pair], messages, into);
    }
    for_each_tilted_transition(step_, next_value,
                               [&](std::size_t pair, std::size_t next, std::size_t k, double q) {
                                 const double weight = policy[pair] * q;
                                 if (!(weight > 0.0)) return;
                                 add_outcome(pair, next, k, q, weight, messages, into);
                                 visit(pair / actions, next, weight);
                               });
  }

 private:
  void add_choice(std::size_t pair, double q, const Messages& messages, Terms& into) const {
    const std::size_t s = pair / step_.trajectory.action_count;
    if (step_.ended[s] != 0) return;
    const double log_ratio =
        std::log(q) - (posterior_ ? *posterior_ : step_).trajectory.log_prior[pair];
    into[kElbo][s] -= q * log_ratio;
    if (posterior_ == nullptr) return;
    // In the sink the posterior's messages are 0.
    const bool sink = s >= messages.state.size();
    if (!sink && messages.state[s] == -kInfinity) return;
    into[kPolicyGap][s] +=
        q * (log_ratio - (sink ? 0.0 : messages.action[pair] - messages.state[s]));
  }

  void add_outcome(std::size_t pair, std::size_t next, std::size_t k, double q, double weight,
                   const Messages& messages, Terms& into) const {
    const Trajectory& trajectory = step_.trajectory;
    const std::size_t s = pair / trajectory.action_count;
    const double reward = trajectory.believed_reward[k] / trajectory.temperature;
    double divergence = outcome_divergence(step_, k);
    if (step_.backup.next != NextKind::clamped) {
      divergence += std::log(q / trajectory.transition.values()[k]);
    }
    into[kBelieved][s] += weight * trajectory.believed_reward[k];
    into[kElbo][s] += weight * (reward - divergence);
    if (posterior_ == nullptr || s >= messages.state.size()) return;
    if (messages.action[pair] == -kInfinity) return;
    const bool ends = step_.ended[next] != 0 || next >= messages.next.size();
    const double after = ends ? 0.0 : messages.next[next];
    into[kDynamicsGap][s] += weight * (divergence + messages.action[pair] - reward - after);
  }

  const SolvedStep& step_;
  const SolvedStep* posterior_;
};

/// Moves the messages of the posterior one step back.
void step_back(const SolvedStep& posterior, Messages& messages) {
  messages.next = messages.state;
  messages.action = posterior.slices.front().score(messages.next);
  posterior.slices.front().apply(messages.next, messages.state);
}

/// A state without a feasible action has no return.
void mark_undefined(std::span<const double> policy, std::size_t actions,
                    std::vector<double>& value) {
  for (std::size_t s = 0; s < value.size(); ++s) {
    const auto row = policy.subspan(s * actions, actions);
    if (std::all_of(row.begin(), row.end(), [](double p) { return p == 0.0; })) value[s] = kNaN;
  }
}

class Evaluation {
 public:
  Evaluation(const Mdp& mdp, const ControlOptions& options, ControlSolution& solution)
      : mdp_(mdp), options_(options), solution_(solution), step_(*solution.step) {
    if (!options.gap || options.method == Method::best_case) return;
    ControlOptions question = options;
    question.method = Method::posterior;
    posterior_ = make_step(mdp, question, backup_of(Method::posterior, 1.0));
  }

  std::string run_finite(const Watch& watch) {
    const std::size_t horizon = *options_.horizon;
    const std::vector<double> last = last_value(mdp_, options_);
    Terms value;
    for (std::vector<double>& x : value) x.assign(step_.trajectory.state_count, 0.0);
    std::copy(last.begin(), last.end(), value[kBelieved].begin());
    value[kElbo] = in_nats(value[kBelieved], options_.temperature);
    Messages messages;
    messages.state = in_nats(last, options_.temperature);
    std::vector<double> expected = last;
    Terms before;
    for (std::size_t t = horizon; t-- > 0;) {
      if (is_stopped(solution_, options_, watch, 1.0)) return missing("returns, bound and gap");
      if (posterior_) step_back(*posterior_, messages);
      const std::vector<double> next = step_.message(t + 1, solution_.values[t + 1]);
      const std::vector<double> policy = step_.policy(t, next);
      StepTerms(step_, pointer())
          .add(policy, next, messages, before, [&](std::size_t s, std::size_t to, double weight) {
            for (std::size_t i = 0; i < kTerms; ++i) {
              before[i][s] += weight * value[i][to];
            }
          });
      std::swap(before, value);
      expected = evaluate_step(mdp_, policy, discount(), expected);
      mark_undefined(policy, mdp_.action_count(), expected);
      for (const std::size_t i : {kBelieved, kElbo}) mark_ended(policy, i, value);
    }
    solution_.expected_return = initial_mean(mdp_, expected);
    summarise(value, messages);
    return "";
  }

  std::string run_infinite(const Watch& watch) {
    Messages messages;
    std::string left_out;
    if (posterior_) {
      StationaryResult beta = fixed_point(posterior_->slices.front(), options_, watch);
      if (beta.status == Status::deadline || beta.status == Status::cancelled) {
        solution_.status = beta.status;
        left_out = missing("log Z and the gap");
      }
      if (beta.ok()) {
        messages.state = std::move(beta.value);
        step_back(*posterior_, messages);
        messages.state = messages.next;
      } else {
        posterior_.reset();  // without a posterior there is no gap
      }
    }
    const std::vector<double> next = step_.message(0, solution_.values[0]);
    const std::vector<double> policy = step_.policy(0, next);
    Terms costs;
    std::vector<ChainEntry> entries;
    StepTerms(step_, pointer())
        .add(policy, next, messages, costs, [&](std::size_t s, std::size_t to, double weight) {
          entries.push_back({s, to, weight});
        });
    std::vector<std::vector<double>> solved = solve_chain(entries, costs, step_.ended);
    solution_.expected_return = initial_mean(mdp_, evaluate_policy(mdp_, policy, discount()));
    if (solved.empty()) return left_out;
    Terms value;
    std::move(solved.begin(), solved.end(), value.begin());
    summarise(value, messages);
    return left_out;
  }

 private:
  /// What the status that stopped the evaluation leaves out, to be added to "answered".
  [[nodiscard]] std::string missing(std::string_view what) {
    solution_.complete = false;
    return fmt::format(
        "; {} did not come {}", what,
        solution_.status == Status::cancelled ? "before the interrupt" : "within the time limit");
  }

  [[nodiscard]] const SolvedStep* pointer() const { return posterior_ ? &*posterior_ : nullptr; }
  [[nodiscard]] double discount() const { return options_.discount.value_or(mdp_.discount()); }

  /// Where nothing is feasible there is no believed return, and the bound is -infinity.
  void mark_ended(std::span<const double> policy, std::size_t term, Terms& value) const {
    std::vector<double>& x = value[term];
    std::vector<double> marked(x.begin(),
                               x.begin() + static_cast<std::ptrdiff_t>(mdp_.state_count()));
    mark_undefined(policy, mdp_.action_count(), marked);
    for (std::size_t s = 0; s < marked.size(); ++s) {
      if (std::isnan(marked[s])) x[s] = term == kElbo ? -kInfinity : kNaN;
    }
  }

  void summarise(const Terms& value, const Messages& messages) {
    const std::span<const double> p = mdp_.initial();
    std::vector<double> q;
    tilt(step_.backup, p, in_nats(solution_.values[0], options_.temperature), q);
    std::vector<double> log_weight;
    std::array<CompensatedSum, kTerms> sums;
    CompensatedSum initial;
    bool feasible = false;
    for (std::size_t s = 0; s < p.size(); ++s) {
      if (p[s] > 0.0 && posterior_) log_weight.push_back(std::log(p[s]) + messages.state[s]);
      if (!(q[s] > 0.0)) continue;
      feasible = true;
      const double divergence = std::log(q[s] / p[s]);
      for (std::size_t i = 0; i < kTerms; ++i) sums[i].add(q[s] * value[i][s]);
      sums[kElbo].add(-q[s] * divergence);
      if (posterior_) initial.add(q[s] * (divergence - messages.state[s]));
    }
    if (posterior_) solution_.log_z = log_sum_exp(log_weight);
    solution_.believed_return = feasible ? sums[kBelieved].value() : kNaN;
    if (options_.method == Method::best_case) return;
    solution_.elbo = feasible ? sums[kElbo].value() : -kInfinity;
    if (options_.method == Method::clamped) {
      solution_.elbo = solution_.initial_value / options_.temperature;
    }
    if (solution_.elbo == -kInfinity) {
      solution_.infeasible_factor = infeasible_factor(mdp_, options_, solution_);
    }
    if (posterior_) set_gap(sums, initial.value() + solution_.log_z);
  }

  void set_gap(const std::array<CompensatedSum, kTerms>& sums, double initial) {
    if (solution_.elbo == -kInfinity) {
      if (solution_.log_z > -kInfinity) solution_.gap.dynamics = kInfinity;
      return;
    }
    // Relative entropies; below 0 by rounding only.
    solution_.gap = {std::max(0.0, initial), std::max(0.0, sums[kPolicyGap].value()),
                     std::max(0.0, sums[kDynamicsGap].value())};
  }

  const Mdp& mdp_;
  const ControlOptions& options_;
  ControlSolution& solution_;
  const SolvedStep& step_;
  std::optional<SolvedStep> posterior_;
};

}  // namespace

std::string evaluate(const Mdp& mdp, const ControlOptions& options, const Watch& watch,
                     ControlSolution& solution) {
  Evaluation evaluation(mdp, options, solution);
  return options.horizon ? evaluation.run_finite(watch) : evaluation.run_infinite(watch);
}

}  // namespace credo::control
