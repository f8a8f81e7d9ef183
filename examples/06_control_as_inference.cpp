// Lesson 6: control as inference - what does a trajectory look like, given that it was optimal?
//
// States s_t, actions a_t and optimality variables o_t form a chain; p(o_t = 1 | s, a, s') =
// exp(r / alpha). Observe every o_t = 1 and ask for the posterior. The backward message beta_t(s)
// says how well things can go from s, the forward message f_t(s) how plausible it is to be there;
// their product is where the trajectory goes. Nobody told the engine what a reward is. It takes the
// slippery floor as good news: given success, every slip was a lucky one. So its policy earns less
// than it believes. What is right in the world holds the dynamics fixed: a variational inference.

#include <credo/models/control/drawing.hpp>
#include <credo/models/control/environments.hpp>
#include <credo/models/control/posterior.hpp>

#include <cmath>
#include <cstdio>
#include <vector>

namespace control = credo::control;

namespace {

constexpr const char* kMap =
    "............\n"
    ".S...##.....\n"
    "....HHH.....\n"
    "......H...G.\n"
    "............\n";

/// The probability of entering a cell of this kind in the end, given p(s_{T+1}).
double ends_in(const control::Mdp& world, const std::vector<double>& states, char kind) {
  const control::GridLayout& grid = *world.layout();
  double probability = 0.0;
  for (std::size_t cell = 0; cell < grid.cells.size(); ++cell) {
    if (grid.cells[cell] == kind) probability += states[grid.state_of_cell[cell]];
  }
  return probability;
}

}  // namespace

int main() {
  const control::Mdp world = control::grid({.map = kMap, .slippery = true, .success_rate = 0.8});
  control::PosteriorOptions options;
  options.horizon = 24;
  options.temperature = 0.3;
  const control::Posterior posterior = control::solve_posterior(world, options);
  if (!posterior.ok()) {
    std::printf("no answer: %s\n", posterior.message.c_str());
    return 1;
  }

  std::printf("Where an optimal trajectory is (forward x backward message):\n");
  for (const std::size_t t : {2U, 6U, 10U, 13U}) {
    std::vector<double> tube = posterior.forward[t];
    for (std::size_t s = 0; s < tube.size(); ++s) {
      tube[s] *= std::exp(posterior.log_beta_state[t][s]);
    }
    std::printf("\nafter %zu steps\n%s", t, control::heat_text(world, tube).c_str());
  }
  std::printf("\nThe policy p(a | s, optimal), most likely action:\n\n%s",
              control::policy_text(world, posterior.policy()).c_str());

  std::printf("\nlog p(optimal) = %.6f\n", posterior.log_z);
  std::printf("The posterior believes it earns %8.4f, goal reached with probability %.4f.\n",
              posterior.believed_return, ends_in(world, posterior.state_marginals.back(), 'G'));
  std::printf("In the true world its policy earns %.4f: the difference, %.4f, is luck.\n",
              posterior.expected_return, posterior.believed_return - posterior.expected_return);

  // Luck is in the dynamics: walk down along the hole, and slip.
  const std::size_t edge = world.layout()->state_of_cell[3 * 12 + 5];
  const std::size_t hole = world.layout()->state_of_cell[3 * 12 + 6];
  for (const control::DynamicsEntry& e : posterior.dynamics()) {
    if (e.state == edge && e.action == 1 && e.next == hole) {
      std::printf(
          "Beside the hole one step in 10 slips into it; one in %.0e, says the posterior.\n",
          1.0 / e.probability);
    }
  }
}
