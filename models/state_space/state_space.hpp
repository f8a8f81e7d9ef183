#pragma once
// Linear-Gaussian state space models: filter, smoother, likelihood, missing observations.

#include <credo/core/factor_graph.hpp>
#include <credo/inference/gaussian/compiled_gaussian.hpp>
#include <credo/inference/result.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace credo {

/// n states, k observations; matrices row-major, empty ones are 0 but for A and C.
///   y_t   = C x_t + d + v,   v ~ N(0, V)
///   x_t+1 = A x_t + a + w,   w ~ N(0, W)
struct StateSpaceStep {
  std::vector<double> transition = {};          ///< A, n x n
  std::vector<double> offset = {};              ///< a, n
  std::vector<double> noise = {};               ///< W, n x n, positive semi-definite
  std::vector<double> observation = {};         ///< C, k x n
  std::vector<double> observation_offset = {};  ///< d, k
  std::vector<double> observation_noise = {};   ///< V, k x k, positive semi-definite
};

struct StateSpaceModel {
  std::size_t states = 0;
  std::size_t observations = 0;
  /// One for all times, or one per observation (the transition of the last is not used).
  std::vector<StateSpaceStep> steps = {};
  std::vector<double> initial_mean = {};        ///< of x_1, n
  std::vector<double> initial_covariance = {};  ///< n x n, positive semi-definite

  /// Throws ModelError naming the matrix (and the step) that is of the wrong size or not finite;
  /// covariances are checked when a graph is built from them.
  void validate() const;
  /// Throws ModelError on a time without a step.
  [[nodiscard]] const StateSpaceStep& step(std::size_t t) const {
    if (steps.size() != 1 && t >= steps.size()) refuse_step(t);
    return steps.size() == 1 ? steps.front() : steps[t];
  }

 private:
  [[noreturn]] void refuse_step(std::size_t t) const;
};

/// y_1 .. y_T, each k numbers; NaN: that component is missing; an empty vector: all are.
using ObservationSequence = std::vector<std::vector<double>>;

/// The model over these observations: variables x1 .. xT, and y_t (its components that are there)
/// observed. Throws ModelError.
struct StateSpaceGraph {
  FactorGraph graph;
  Evidence evidence;
  std::vector<VariableId> states;
};
[[nodiscard]] StateSpaceGraph state_space_graph(const StateSpaceModel& model,
                                                const ObservationSequence& observations);

/// Poisoned until computed. Row t: mean (n) and covariance (n x n) of x_t.
struct StateSpaceAnswer {
  Status status = Status::not_run;
  std::string message = "not run yet";
  Guarantee guarantee = Guarantee::none;
  /// log p(y_1 .. y_T), natural logarithm.
  double log_likelihood = kNaN;
  std::vector<std::vector<double>> means;
  std::vector<std::vector<double>> covariances;

  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }
};

/// p(x_t | y_1 .. y_T) for every t, exact: elimination of the whole chain (forward and backward
/// pass of Rauch, Tung and Striebel 1965). Throws ModelError on observations of another length.
[[nodiscard]] StateSpaceAnswer smooth(const StateSpaceModel& model,
                                      const ObservationSequence& observations);

/// The smoother planned once, for many runs over sequences of the same length with the same
/// components missing.
class CompiledSmoother {
 public:
  /// The values of pattern are ignored. Throws ModelError.
  CompiledSmoother(const StateSpaceModel& model, const ObservationSequence& pattern);
  ~CompiledSmoother();
  CompiledSmoother(CompiledSmoother&&) noexcept;
  CompiledSmoother& operator=(CompiledSmoother&&) noexcept;

  /// The answer lives until the next run. Throws ModelError when the sequence is not of the
  /// pattern.
  const GaussianAnswer& run(const ObservationSequence& observations);
  /// E[x_t | y_1 .. y_T], n numbers, and its covariance, n x n, of the last run; t from 0. Empty
  /// when that has no answer. Throw ModelError on other times.
  [[nodiscard]] std::span<const double> mean(std::size_t t) const;
  [[nodiscard]] std::span<const double> covariance(std::size_t t) const;

 private:
  struct Implementation;
  /// Throws ModelError on an object that was moved from.
  [[nodiscard]] Implementation& implementation() const;
  std::unique_ptr<Implementation> implementation_;
};

/// p(x_t | y_1 .. y_t) for every t, exact: one slice of the chain, its prior replaced at every step
/// (Kalman 1960).
[[nodiscard]] StateSpaceAnswer filter(const StateSpaceModel& model,
                                      const ObservationSequence& observations);

/// The filter's covariance when it no longer changes: of x_t given y_1 .. y_t, of x_t+1 given the
/// same, and the gain L of x^ = predicted + L (y - C predicted - d). For models of one step.
struct SteadyState {
  Status status = Status::not_run;
  std::string message = "not run yet";
  std::vector<double> filtered_covariance;
  std::vector<double> predicted_covariance;
  std::vector<double> gain;  ///< n x k
  std::size_t iterations = 0;
  /// Largest change of the last iteration, relative to the largest entry.
  double residual = kNaN;

  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }
};
/// Fixed point of one slice. Throws ModelError on models of several steps.
[[nodiscard]] SteadyState steady_state(const StateSpaceModel& model, double tolerance = 1e-13,
                                       std::size_t maximum_iterations = 100'000);

}  // namespace credo
