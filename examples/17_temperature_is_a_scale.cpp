// Lesson 17: the temperature is the reward's scale, for learners as for the engine.
//
// Only r / alpha enters the model, p(o = 1 given s, a) = exp(r / alpha). Learning with rewards r at
// temperature alpha is learning with rewards r / alpha at temperature 1, the values scaled: with
// powers of two, where scaling does not round, the two runs agree to the last bit. "Tuning the
// entropy coefficient" and "scaling the rewards" are one knob. On the way: where outcomes are
// certain every sample is the expectation, and a step size of 1 makes soft Q-learning find the
// exact fixed point of the cliff (without a discount).

#include <credo/models/control/environments.hpp>
#include <credo/models/control/learning/soft_q_learning.hpp>
#include <credo/models/control/learning/softmax.hpp>
#include <credo/models/control/learning/tabular_environment.hpp>
#include <credo/models/control/solve.hpp>

#include <cmath>
#include <cstdio>
#include <utility>
#include <vector>

namespace control = credo::control;
namespace learning = credo::control::learning;

namespace {

constexpr std::size_t kStart = 36;

/// The same process with its rewards divided by alpha.
control::Mdp scaled(const control::Mdp& mdp, double alpha) {
  control::MdpDescription d;
  d.states = mdp.state_count();
  d.actions = mdp.action_count();
  d.initial.assign(mdp.initial().begin(), mdp.initial().end());
  d.terminal.assign(mdp.terminal().begin(), mdp.terminal().end());
  for (std::size_t s = 0; s < d.states; ++s) {
    if (mdp.is_terminal(s)) continue;
    for (std::size_t a = 0; a < d.actions; ++a) {
      for (const control::Outcome& o : mdp.outcomes(s, a)) {
        d.transitions.push_back({s, a, o.next, o.probability, o.reward / alpha});
      }
    }
  }
  return control::Mdp(std::move(d));
}

/// Q of every state and action, from samples of random actions.
std::vector<double> learn(const control::Mdp& mdp, double alpha) {
  learning::TabularEnvironment world(mdp, {.time_limit = 50, .exploring_starts = true});
  learning::SoftQOptions options;
  options.run.steps = 150'000;
  options.objective = {.discount = 1.0, .temperature = alpha};
  options.step_size = learning::StepSize{.initial = 1.0, .power = 0.0};
  options.exploration = 1.0;
  return learning::learn_soft_q(world, options).action_value;
}

}  // namespace

int main() {
  const control::Mdp cliff = control::cliff_walking();
  std::printf("alpha   V(start), learned   exact            alpha x learned from r / alpha\n");
  for (const double alpha : {0.5, 1.0, 2.0}) {
    const std::vector<double> q = learn(cliff, alpha);
    const std::vector<double> unit = learn(scaled(cliff, alpha), 1.0);
    bool same = true;
    for (std::size_t i = 0; i < q.size(); ++i) same = same && q[i] == alpha * unit[i];
    const std::vector<double> log_prior(4, -std::log(4.0));
    std::vector<double> logits(q.begin() + kStart * 4, q.begin() + (kStart + 1) * 4);
    for (double& x : logits) x /= alpha;
    const double value = alpha * learning::log_mean_exp(log_prior, logits);
    const auto exact = control::solve_control(cliff, {.temperature = alpha, .gap = false});
    std::printf("%-5.1f %17.8f %16.8f   %s\n", alpha, value, exact.initial_value,
                same ? "the same bits" : "other values");
  }
}
