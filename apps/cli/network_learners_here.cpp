// Of the program with libtorch.

#include "network_learners.hpp"

#include <credo/models/control/learning/torch/soft_actor_critic_table.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

namespace credo::cli {

std::vector<control::learning::Learner> network_learners() {
  return {control::learning::soft_actor_critic_learner()};
}

void run_with_networks() {}

double seconds_before_start() {
  // The program that became this one left its number and the time.
  const char* const left = std::getenv(kStartVariable.data());
  if (left == nullptr) return 0.0;
  long process = 0;
  double seconds = 0.0;
  std::istringstream(left) >> process >> seconds;
  return process == getpid() ? std::max(0.0, steady_seconds() - seconds) : 0.0;
}

}  // namespace credo::cli
