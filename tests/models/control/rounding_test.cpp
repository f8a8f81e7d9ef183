#include <credo/models/control/environments.hpp>
#include <credo/models/control/solve.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

// The bound on rounding over a finite horizon, against the same recursion in long double.

using namespace credo::control;

namespace {

using Number = long double;

Number log_sum(const std::vector<Number>& x) {
  const Number top = *std::max_element(x.begin(), x.end());
  Number sum = 0.0L;
  for (const Number v : x) sum += std::exp(v - top);
  return top + std::log(sum);
}

/// Q(s, a) in units of reward, charged rho (0: under the true dynamics).
Number backup(const Mdp& mdp, std::size_t s, std::size_t a, const std::vector<Number>& next,
              Number alpha, Number rho) {
  Number mean = 0.0L;
  std::vector<Number> weighted;
  for (const Outcome& o : mdp.outcomes(s, a)) {
    const Number score = static_cast<Number>(o.reward) + next[o.next];
    mean += static_cast<Number>(o.probability) * score;
    if (rho != 0.0L) {
      weighted.push_back(std::log(static_cast<Number>(o.probability)) + score / (alpha * rho));
    }
  }
  return rho == 0.0L ? mean : alpha * rho * log_sum(weighted);
}

std::vector<Number> first_values(const Mdp& mdp, const ControlOptions& options) {
  const auto alpha = static_cast<Number>(options.temperature);
  const bool charged = options.method == Method::risk || options.method == Method::posterior;
  const Number rho = !charged                         ? 0.0L
                     : options.method == Method::risk ? static_cast<Number>(options.rho)
                                                      : 1.0L;
  std::vector<Number> value(mdp.state_count(), 0.0L);
  for (std::size_t t = 0; t < *options.horizon; ++t) {
    std::vector<Number> now;
    for (std::size_t s = 0; s < mdp.state_count(); ++s) {
      std::vector<Number> q;
      for (std::size_t a = 0; a < mdp.action_count(); ++a) {
        if (mdp.is_available(s, a)) q.push_back(backup(mdp, s, a, value, alpha, rho));
      }
      if (options.method == Method::hard) {
        now.push_back(*std::max_element(q.begin(), q.end()));
        continue;
      }
      for (Number& x : q) x /= alpha;
      now.push_back(alpha * (log_sum(q) - std::log(static_cast<Number>(q.size()))));
    }
    value = now;
  }
  return value;
}

}  // namespace

TEST_CASE("rounding: what a finite horizon claims holds, and is no wild guess") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const Mdp mdp =
        random_mdp({.states = 6, .actions = 3, .successors = 4, .unavailable = 0.2, .seed = seed});
    for (const Method method : {Method::posterior, Method::clamped, Method::hard, Method::risk}) {
      for (const double temperature : {0.01, 1.0, 30.0}) {
        ControlOptions options{.method = method, .temperature = temperature, .horizon = 150};
        options.rho = seed % 2 == 0 ? 5.0 : -5.0;
        options.gap = false;
        CAPTURE(method_name(method));
        CAPTURE(temperature);
        const ControlSolution solution = solve_control(mdp, options);
        REQUIRE(solution.ok());
        const std::vector<Number> exact = first_values(mdp, options);
        for (std::size_t s = 0; s < exact.size(); ++s) {
          CHECK(std::fabs(static_cast<Number>(solution.values[0][s]) - exact[s]) <=
                static_cast<Number>(solution.error_bound));
        }
        CHECK(solution.error_bound > 0.0);
        CHECK(solution.error_bound < 1e-9);
      }
    }
  }
}
