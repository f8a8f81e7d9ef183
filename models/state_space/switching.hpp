#pragma once
// Switching linear-Gaussian models: a hidden Markov chain of modes chooses the step.

#include <credo/models/state_space/state_space.hpp>

#include <cstddef>
#include <vector>

namespace credo {

/// Mode m_t is a Markov chain; given it, x_t and y_t follow the steps of models[m_t]: y_t that of
/// m_t, and x_t+1 that of m_t+1.
struct SwitchingModel {
  /// One step each, all of the same sizes; initial mean and covariance are those of the first.
  std::vector<StateSpaceModel> modes;
  std::vector<double> initial;     ///< p(m_1), linear
  std::vector<double> transition;  ///< p(m_t+1 | m_t), row-major, linear

  /// Throws ModelError.
  void validate() const;
};

/// The model over these observations: variables m1 .. mT and x1 .. xT, and y_t (its components that
/// are there) observed. Throws ModelError.
struct SwitchingGraph {
  FactorGraph graph;
  Evidence evidence;
  std::vector<VariableId> modes;
  std::vector<VariableId> states;
};
[[nodiscard]] SwitchingGraph switching_graph(const SwitchingModel& model,
                                             const ObservationSequence& observations);

/// Moments of x_t are those of all modes together.
struct SwitchingAnswer : StateSpaceAnswer {
  /// Row t: p(m_t | y_1 .. y_t), of the smoother p(m_t | y_1 .. y_T).
  std::vector<std::vector<double>> modes;
};

/// Approximate: for every mode the mixture over the modes before is replaced by the Gaussian of its
/// mean and covariance (second-order generalised pseudo-Bayes, Bar-Shalom and Li 1993; Lauritzen
/// 1992 for weak marginals). Guarantee none, and message says so; exact, and said to be, where no
/// mixture of different Gaussians was replaced before the last observation: for one mode, and for
/// up to two observations. Cost: modes^2 filter steps per observation. Throws ModelError.
[[nodiscard]] SwitchingAnswer filter(const SwitchingModel& model,
                                     const ObservationSequence& observations);

/// p(m_t, x_t | y_1 .. y_T) for every t by the algorithm "moment_matching" on the whole chain: a
/// pass of the same kind forward, and one back that reweighs every pair of modes (Heskes and
/// Zoeter, Expectation propagation for approximate inference in dynamic Bayesian networks, 2002).
/// Labelled like the filter; message has the number of mixtures replaced and a bound of their loss.
/// Throws ModelError.
[[nodiscard]] SwitchingAnswer smooth(const SwitchingModel& model,
                                     const ObservationSequence& observations);

}  // namespace credo
