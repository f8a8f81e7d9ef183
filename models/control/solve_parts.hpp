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

/// Why the values of all steps, the tables, and a plan's graph or a trajectory do not fit the
/// memory limit, by counts alone; "" when they do.
[[nodiscard]] std::string why_too_large(const Mdp& mdp, const ControlOptions& options);
/// Values of every step with a finite horizon, by horizon applications of the steps' slices. False
/// when stopped.
[[nodiscard]] bool run_backward(const Mdp& mdp, const ControlOptions& options, const Watch& watch,
                                SolvedStep& step, ControlSolution& solution);
/// Returns, elbo, log Z and the gap of a solution whose values are known. What the limits do not
/// leave time for stays NaN: the answer is which, "" when nothing is missing.
[[nodiscard]] std::string evaluate(const Mdp& mdp, const ControlOptions& options,
                                   const Watch& watch, ControlSolution& solution);

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
/// map: reads the trajectory off the values of every step. mmap: fills in the plan, before there
/// are values, and replaces the step's slices by the plan's. False, with a status, when there is
/// none.
[[nodiscard]] bool find_trajectory(const Mdp& mdp, const ControlOptions& options,
                                   const Watch& watch, const SolvedStep& step,
                                   ControlSolution& solution);
[[nodiscard]] bool find_plan(const Mdp& mdp, const ControlOptions& options, const Watch& watch,
                             SolvedStep& step, ControlSolution& solution);

}  // namespace credo::control
