#pragma once
// What the ways of solving a process share. Internal.

#include <credo/models/control/backup.hpp>
#include <credo/models/control/stationary_step.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace credo::control {

/// Options of the posterior of the same question.
[[nodiscard]] PosteriorOptions posterior_options(const ControlOptions& options);
/// The step of a trajectory of one decision, with its outcomes summed out as the backup says;
/// terminal states have ended when the horizon is infinite. Its slice is described by it.
[[nodiscard]] SolvedStep make_step(const Mdp& mdp, const ControlOptions& options,
                                   const Backup& backup);
/// V_{T+1}, in units of reward, one per state.
[[nodiscard]] std::vector<double> last_value(const Mdp& mdp, const ControlOptions& options);
/// x / alpha.
[[nodiscard]] std::vector<double> in_nats(std::span<const double> value, double temperature);
/// sum_s p(s_1 = s) x(s) over the possible first states; NaN when x is empty.
[[nodiscard]] double initial_mean(const Mdp& mdp, std::span<const double> x);

/// Fills in a refusal.
void refuse(ControlSolution& solution, std::string why);
/// Takes stock between two pieces of work: true when the observer or the time limit ends it, and
/// then the solution says so.
[[nodiscard]] bool is_stopped(ControlSolution& solution, const ControlOptions& options,
                              const Watch& watch, double fraction);

/// Values of every step with a finite horizon, by horizon applications of the steps' slices. False
/// when stopped.
[[nodiscard]] bool run_backward(const Mdp& mdp, const ControlOptions& options, const Watch& watch,
                                SolvedStep& step, ControlSolution& solution);
/// Returns, elbo, log Z and the gap of a solution whose values are known. False when stopped.
[[nodiscard]] bool evaluate(const Mdp& mdp, const ControlOptions& options, const Watch& watch,
                            ControlSolution& solution);

/// What makes a bound -infinity, in words: the final factor and a forbidden state that cannot be
/// avoided.
[[nodiscard]] std::string infeasible_factor(const Mdp& mdp, const ControlOptions& options,
                                            const ControlSolution& solution);
/// The stationary message of the slice, in nats, with the options' tolerance, limits and observer.
[[nodiscard]] StationaryResult fixed_point(const Slice& slice, const ControlOptions& options,
                                           const Watch& watch);
/// The solution of an infinite horizon.
void solve_infinite(const Mdp& mdp, const ControlOptions& options, const Watch& watch,
                    ControlSolution& solution);
/// map: fills in the trajectory; mmap: the plan, and replaces the step's slices by the plan's.
/// False, with a status, when there is none.
[[nodiscard]] bool find_trajectory(const Mdp& mdp, const ControlOptions& options,
                                   ControlSolution& solution);
[[nodiscard]] bool find_plan(const Mdp& mdp, const ControlOptions& options, SolvedStep& step,
                             ControlSolution& solution);

}  // namespace credo::control
