// Lesson 6: control as inference - what does a trajectory look like, given that it was optimal?
//
// States s_t, actions a_t and optimality variables o_t form a chain; p(o_t = 1 | s, a, s') =
// exp(r / alpha). Observe every o_t = 1 and ask for the posterior. The backward message beta_t(s)
// says how well things can go from s, the forward message f_t(s) how plausible it is to be there,
// and their product is where the trajectory goes. Nobody told the engine what a reward is.
//
// The floor is slippery, and the posterior takes that as good news: given success, every slip was a
// lucky one. So its policy earns less than it believes.

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
  for (const std::size_t t : {2U, 6U, 9U, 12U}) {
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
  std::printf("Its policy really earns         %8.4f: luck was %.4f of the belief.\n",
              posterior.expected_return, posterior.believed_return - posterior.expected_return);
}
