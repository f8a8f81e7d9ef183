#pragma once
// Soft actor-critic as a line of the table of learners.

#include <credo/models/control/learning/learners.hpp>

namespace credo::control::learning {

/// "sac": learn_soft_actor_critic with its usual options and those of LearnRequest::network. The
/// learning rate is that of all three optimisers; without a temperature it is learned. Figures:
/// temperature, entropy, and the mean return of ten episodes without noise with its standard error.
[[nodiscard]] const Learner& soft_actor_critic_learner() noexcept;

}  // namespace credo::control::learning
