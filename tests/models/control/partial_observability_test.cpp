#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/environments.hpp>
#include <credo/models/control/partial_observability.hpp>
#include <credo/models/control/pomdp_file.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

// Belief-state recursion, and evaluation of window policies by a forward pass, are the oracles.

using namespace credo::control;
using credo::Guarantee;
using credo::kInfinity;

namespace {

double soft_max(const std::vector<double>& x, double temperature) {
  double largest = -kInfinity;
  for (const double v : x) largest = std::max(largest, v);
  if (temperature == 0.0) return largest;
  double sum = 0.0;
  for (const double v : x) sum += std::exp((v - largest) / temperature);
  return largest + temperature * std::log(sum);
}

/// V(b) = soft_max over a of [ r(b, a) + discount sum_o p(o | b, a) V(b') ], temperature scaling
/// with the discount as entropy does.
class BeliefRecursion {
 public:
  BeliefRecursion(const Pomdp& pomdp, double temperature, double discount)
      : d_(pomdp.description()),
        on_next_(pomdp.reward_depends_on_next()),
        temperature_(temperature),
        discount_(discount) {}

  double value(std::size_t steps) const {
    if (d_.first_observation.empty()) return value(d_.initial, steps);
    double total = 0.0;
    for (std::size_t o = 0; o < d_.observations; ++o) {
      std::vector<double> belief = d_.initial;
      for (std::size_t s = 0; s < d_.states; ++s) {
        belief[s] *= d_.first_observation[s * d_.observations + o];
      }
      const double p = credo::normalize(belief);
      if (p > 0.0) total += p * value(belief, steps);
    }
    return total;
  }

 private:
  double reward(std::size_t s, std::size_t a, std::size_t next) const {
    const std::size_t pair = s * d_.actions + a;
    return on_next_ ? d_.reward[pair * d_.states + next] : d_.reward[pair];
  }

  double value(const std::vector<double>& belief, std::size_t steps) const {
    if (steps == 0) {
      double total = 0.0;
      for (std::size_t s = 0; s < d_.states && !d_.final_reward.empty(); ++s) {
        total += belief[s] * d_.final_reward[s];
      }
      return total;
    }
    std::vector<double> values;
    for (std::size_t a = 0; a < d_.actions; ++a) {
      std::vector<double> next(d_.states, 0.0);
      double total = 0.0;
      for (std::size_t s = 0; s < d_.states; ++s) {
        for (std::size_t n = 0; n < d_.states; ++n) {
          const double p = belief[s] * d_.transition[(s * d_.actions + a) * d_.states + n];
          next[n] += p;
          total += p * reward(s, a, n);
        }
      }
      if (steps == 1) {
        values.push_back(total + discount_ * value(next, 0));
        continue;
      }
      for (std::size_t o = 0; o < d_.observations; ++o) {
        std::vector<double> posterior = next;
        for (std::size_t n = 0; n < d_.states; ++n) {
          posterior[n] *= d_.observation[(a * d_.states + n) * d_.observations + o];
        }
        const double p = credo::normalize(posterior);
        if (p > 0.0) total += discount_ * p * value(posterior, steps - 1);
      }
      values.push_back(total);
    }
    return soft_max(values, temperature_);
  }

  const PomdpDescription& d_;
  bool on_next_;
  double temperature_;
  double discount_;
};

PartialObservabilityOptions options_of(std::size_t horizon, double temperature,
                                       Memory memory = Memory::full) {
  PartialObservabilityOptions options;
  options.horizon = horizon;
  options.memory = memory;
  options.solve.temperature = temperature;
  return options;
}

double uniform(std::mt19937_64& engine) { return static_cast<double>(engine() >> 11) * 0x1p-53; }

std::vector<double> random_rows(std::mt19937_64& engine, std::size_t rows, std::size_t width) {
  std::vector<double> values;
  for (std::size_t r = 0; r < rows; ++r) {
    std::vector<double> row(width);
    for (double& p : row) p = uniform(engine) < 0.25 ? 0.0 : uniform(engine);
    row[engine() % width] += 0.1;
    credo::normalize(row);
    values.insert(values.end(), row.begin(), row.end());
  }
  return values;
}

Pomdp random_pomdp(std::mt19937_64& engine) {
  PomdpDescription d;
  d.states = 2 + engine() % 2;
  d.actions = 2;
  d.observations = 2 + engine() % 2;
  d.initial = random_rows(engine, 1, d.states);
  d.transition = random_rows(engine, d.states * d.actions, d.states);
  d.observation = random_rows(engine, d.actions * d.states, d.observations);
  if (engine() % 2 == 0) d.first_observation = random_rows(engine, d.states, d.observations);
  d.reward.resize(d.states * d.actions * (engine() % 2 == 0 ? d.states : 1));
  for (double& r : d.reward) r = 6.0 * uniform(engine) - 3.0;
  if (engine() % 2 == 0) d.final_reward.assign(d.states, 0.5);
  for (double& r : d.final_reward) r = 4.0 * uniform(engine);
  if (engine() % 2 == 0) d.discount = 0.8;
  return Pomdp(std::move(d));
}

}  // namespace

TEST_CASE("partial observability: tiger with full recall") {
  const std::vector<std::pair<double, double>> rows = {
      {10.0, 7.983074920735}, {1.0, 2.720358230155}, {0.1, 2.72}, {0.0, 2.72}};
  for (const auto& [temperature, value] : rows) {
    CAPTURE(temperature);
    const auto result = solve_partially_observed(tiger(), options_of(3, temperature));
    REQUIRE_MESSAGE(result.ok(), result.solution.message);
    CHECK(result.solution.certified());
    CHECK(result.solution.solubility.soluble);
    CHECK(std::fabs(result.solution.value - value) < 1e-12);
  }
}

TEST_CASE("partial observability: the best strategy for the tiger is to listen twice") {
  const auto result = solve_partially_observed(tiger(), options_of(3, 0.0));
  REQUIRE(result.ok());
  CHECK(std::fabs(result.solution.expected_utility - 2.72) < 1e-12);
  CHECK(std::fabs(result.solution.evaluation.utilities[0] + 1.0) < 1e-12);
  CHECK(std::fabs(result.solution.evaluation.utilities[1] + 1.0) < 1e-12);
  // Given (listen, left, listen, left): open the right door; given (left, right): listen again.
  const credo::Table& last = result.solution.strategy[2].table;
  CHECK(last.at(last.index_of(std::vector<std::size_t>{0, 0, 0, 0, 2})) == 1.0);
  CHECK(last.at(last.index_of(std::vector<std::size_t>{0, 0, 0, 1, 0})) == 1.0);
}

TEST_CASE("partial observability: full memory is the belief recursion") {
  std::mt19937_64 engine(2);
  for (int repeat = 0; repeat < 12; ++repeat) {
    const Pomdp pomdp = random_pomdp(engine);
    for (const double temperature : {0.0, 0.5, 5.0}) {
      const double discount = pomdp.description().discount;
      const double expected = BeliefRecursion(pomdp, temperature, discount).value(3);
      const auto result = solve_partially_observed(pomdp, options_of(3, temperature));
      REQUIRE_MESSAGE(result.ok(), result.solution.message);
      CHECK(result.solution.certified());
      CHECK(std::fabs(result.solution.value - expected) < 1e-11);
    }
  }
}

TEST_CASE("partial observability: the naive posterior is clairvoyant") {
  PartialObservabilityOptions options = options_of(3, 1.0);
  options.naive_posterior = true;
  const auto result = solve_partially_observed(tiger(), options);
  REQUIRE(result.ok());
  REQUIRE(result.naive);
  REQUIRE(result.naive->ok());
  // Opening at once, believed to be the right door three times.
  // By enumeration of the 864 paths in Python.
  CHECK(std::fabs(result.naive->value - 30.000050105) < 1e-9);
  CHECK(std::fabs(result.naive->believed_utility - 29.999448853) < 1e-9);
  CHECK(std::fabs(result.naive->evaluation.total + 134.996895218) < 1e-8);
  CHECK(result.naive->value > result.solution.value);
}

TEST_CASE("partial observability: tables of histories beyond the limit are refused") {
  PartialObservabilityOptions options = options_of(40, 1.0);
  const auto result = solve_partially_observed(tiger(), options);
  CHECK(result.solution.status == credo::Status::refused);
  CHECK(result.solution.message.find("histories apart at the last one") != std::string::npos);
  CHECK(std::isnan(result.solution.value));
}

TEST_CASE("partial observability: a reward by observation") {
  // The lie detector pays by what is heard; the mean is all that a strategy can change.
  const Pomdp pomdp = parse_pomdp(
      "discount: 0.9\nstates: 2\nactions: 2\nobservations: 2\nT: 0 uniform\nT: 1 identity\n"
      "O: *\n0.9 0.1\n0.2 0.8\nR: * : * : * : 0 1\nR: 1 : 0 : * : 1 -3\n",
      "x");
  const double expected = BeliefRecursion(pomdp, 0.5, 0.9).value(3);
  const auto result = solve_partially_observed(pomdp, options_of(3, 0.5));
  REQUIRE(result.ok());
  CHECK(std::fabs(result.solution.value - expected) < 1e-12);
}

TEST_CASE("partial observability: a thousand steps of ten thousand, seeing the state") {
  PomdpDescription d = tiger().description();
  for (double& r : d.reward) r = 1e4 * r - 1e4;
  const auto result =
      solve_partially_observed(Pomdp(std::move(d)), options_of(1000, 1.0, Memory::state));
  REQUIRE_MESSAGE(result.ok(), result.solution.message);
  CHECK(result.solution.certified());
  // Opening the right door earns 9e4 each time, and nothing comes near.
  CHECK(std::fabs(result.solution.value - 9e7) < 1e-6);
  CHECK(std::fabs(result.solution.expected_utility - 9e7) < 1e-6);
}
TEST_CASE("partial observability: the memoryless tiger is not certified") {
  const auto result = solve_partially_observed(tiger(), options_of(3, 1.0, Memory::window));
  REQUIRE_MESSAGE(result.ok(), result.solution.message);
  CHECK_FALSE(result.solution.certified());
  CHECK(result.solution.guarantee == Guarantee::fixed_point);
  REQUIRE(result.solution.solubility.offending);
  // -2.992398078159083 by ascent over the eleven free numbers, from twelve starts, in Python.
  CHECK(std::fabs(result.solution.value + 2.992398078159) < 1e-9);
}

TEST_CASE("partial observability: knowing more is worth no less") {
  std::mt19937_64 engine(3);
  for (int repeat = 0; repeat < 6; ++repeat) {
    const Pomdp pomdp = random_pomdp(engine);
    for (const double temperature : {0.0, 0.7}) {
      PartialObservabilityOptions options = options_of(3, temperature, Memory::window);
      std::vector<double> values;
      for (const std::size_t window : {0U, 1U, 2U}) {
        options.window = window;
        values.push_back(solve_partially_observed(pomdp, options).solution.value);
      }
      const double full =
          solve_partially_observed(pomdp, options_of(3, temperature)).solution.value;
      const auto seen = solve_partially_observed(pomdp, options_of(3, temperature, Memory::state));
      REQUIRE(seen.ok());
      CHECK(seen.solution.certified());
      for (const double value : values) CHECK(value <= full + 1e-9);
      CHECK(full <= seen.solution.value + 1e-11);
    }
  }
}

TEST_CASE("partial observability: an unknown parameter is worth exploring") {
  // A safe arm pays 0.55; a risky one 1 with probability 0.8 or 0.2, nobody knows which. Pulled
  // once more than it deserves, it tells: 0.5 + 0.5 x 0.68 + 0.5 x 0.55.
  PomdpDescription d;
  d.states = d.actions = d.observations = 2;
  d.initial = {0.5, 0.5};
  d.transition = {1, 0, 1, 0, 0, 1, 0, 1};
  d.observation = {0.5, 0.5, 0.5, 0.5, 0.8, 0.2, 0.2, 0.8};
  d.reward = {0.55, 0.8, 0.55, 0.2};
  const Pomdp bandit(std::move(d));
  const auto explorer = solve_partially_observed(bandit, options_of(2, 0.0));
  REQUIRE(explorer.ok());
  CHECK(std::fabs(explorer.solution.value - 1.115) < 1e-14);
  PartialObservabilityOptions blind = options_of(2, 0.0, Memory::window);
  blind.window = 0;
  const auto result = solve_partially_observed(bandit, blind);
  REQUIRE(result.ok());
  CHECK(std::fabs(result.solution.value - 1.1) < 1e-14);
}
