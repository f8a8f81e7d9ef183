// LQR gains from elimination. A double integrator with noise is a factor graph of continuous
// variables: linear-Gaussian dynamics, quadratic log-factors for the reward. One reverse sweep of
// the generic engine solves it. Dynamics clamped: the textbook's Riccati recursion, printed beside
// it. Dynamics free: the posterior, which counts on lucky noise. Charged with rho: everything
// between and beyond, until for the worst noise no answer exists. With --picture and a new
// file's name: draws the swing-up of a pendulum, the same elimination around better and better
// trajectories.
#include <credo/core/formats/atomic_file.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/variational/variational.hpp>
#include <credo/models/control/iterated_linear_quadratic.hpp>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

namespace {

using namespace credo;

constexpr int kSteps = 20;
constexpr double kNoise = 0.1;  // variance of the velocity's noise

struct Chain {
  FactorGraph graph;
  std::vector<VariableId> x, u;
  std::vector<GaussianFactorId> moves;
};

std::string name_of(const char* letter, int t) {
  return std::string(letter).append(std::to_string(t));
}

Chain build() {
  Chain c;
  const auto cost =
      GaussianTable::quadratic({}, {2, 1}, {{{1, 0, 0, 0, 0.1, 0, 0, 0, 0.5}, {0, 0, 0}, 0.0}});
  const auto move = GaussianTable::conditional(
      {}, {2, 1, 2}, {{{1, 0.3, 0, 0, 1, 0.3}, {0, 0}, {0, 0, 0, kNoise}}});
  c.x.push_back(c.graph.add_continuous_variable("x1", 2));
  for (int t = 1; t <= kSteps; ++t) {
    c.u.push_back(c.graph.add_continuous_variable(name_of("u", t)));
    c.x.push_back(c.graph.add_continuous_variable(name_of("x", t + 1), 2));
    c.graph.add_gaussian_factor({c.x.end()[-2], c.u.back()}, cost);
    c.moves.push_back(c.graph.add_gaussian_factor({c.x.end()[-2], c.u.back(), c.x.back()}, move));
  }
  return c;
}

/// u_1 = K x_1 of the best member: the dynamics charged rho (infinite: clamped).
VariationalResult best(const Chain& c, double rho) {
  Evidence start;
  start.observe_value(c.x[0], {1.0, 0.0});
  Family family(c.graph);
  for (int t = 0; t < kSteps; ++t) {
    family.free(c.u[static_cast<std::size_t>(t)], {c.x[static_cast<std::size_t>(t)]});
    family.charge_gaussian(c.moves[static_cast<std::size_t>(t)], rho);
  }
  return maximize(c.graph, start, family);
}

/// The gain of u_2, whose parent is not observed.
void print(const char* name, const VariationalResult& result) {
  if (!result.ok()) {
    std::printf("%-22s %s\n", name, result.message.c_str());
    return;
  }
  const auto& k = result.gaussian_conditionals[2]->kernels()[0].gain;
  std::printf("%-22s K = (%9.6f, %9.6f)   L = %10.5f\n", name, k[0], k[1], result.value);
}

/// The textbook: P <- Q + A'PA - A'PB (R + B'PB)^-1 B'PA, from P = 0, all but the first step.
void print_textbook() {
  double p = 0, q = 0, r = 0, k0 = 0, k1 = 0;  // P = [p q; q r]
  for (int t = 2; t <= kSteps; ++t) {
    const double b0 = 0.3 * q, b1 = 0.3 * r;                             // B'P
    const double a0 = b0, a1 = 0.3 * b0 + b1;                            // B'PA
    const double m = 0.5 + 0.3 * b1;                                     // R + B'PB
    const double s0 = p, s1 = 0.3 * p + q, s2 = 0.09 * p + 0.6 * q + r;  // A'PA
    k0 = -a0 / m, k1 = -a1 / m;
    p = 1.0 + s0 - a0 * a0 / m, q = s1 - a0 * a1 / m, r = 0.1 + s2 - a1 * a1 / m;
  }
  std::printf("%-22s K = (%9.6f, %9.6f)\n", "Riccati recursion", k0, k1);
}

void draw_swing_up(const char* path) {
  const control::SmoothProblem problem = control::pendulum_swing_up();
  control::IteratedOptions options;
  options.initial_controls = control::pendulum_first_controls();
  options.tolerance = 1e-2;
  const control::IteratedSolution best_found = control::solve_iterated(problem, options);
  std::vector<control::Curve> curves = {{"angle from upright (rad)", {}, {0}},
                                        {"angular velocity (rad/s)", {}, {0}},
                                        {"torque (N m), at most 2", {}, {-2, 2}}};
  for (std::size_t t = 0; t < problem.horizon; ++t) {
    curves[0].values.push_back(best_found.states[2 * t]);
    curves[1].values.push_back(best_found.states[2 * t + 1]);
    curves[2].values.push_back(control::pendulum_torque(best_found.controls[t]));
  }
  credo::write_file_atomically(
      path, control::draw_curves(curves, 0.05,
                                 "Swing-up of a pendulum by repeated linear-quadratic control"));
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count > 2 && std::strcmp(arguments[1], "--picture") == 0) {
    if (std::filesystem::exists(arguments[2])) {
      std::fprintf(stderr, "%s is there already: give the picture a new name\n", arguments[2]);
      return 1;
    }
    draw_swing_up(arguments[2]);
    return 0;
  }
  const Chain chain = build();
  print_textbook();
  print("clamped", best(chain, kInfinity));
  print("charged, rho = 100", best(chain, 100));
  print("charged, rho = 10", best(chain, 10));
  print("posterior, rho = 1", best(chain, 1));
  print("robust, rho = -100", best(chain, -100));
  print("robust, rho = -10", best(chain, -10));
  print("robust, rho = -1", best(chain, -1));
  print("robust, rho = -0.5", best(chain, -0.5));
}
