// Of the program with libtorch.

#include "network_learners.hpp"

#include <credo/models/control/learning/torch/soft_actor_critic_table.hpp>

namespace credo::cli {

std::vector<control::learning::Learner> network_learners() {
  return {control::learning::soft_actor_critic_learner()};
}

void run_with_networks() {}

}  // namespace credo::cli
