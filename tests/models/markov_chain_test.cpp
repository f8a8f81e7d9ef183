// Markov chains: a second application of the repeating slice, against closed forms.

#include <credo/core/error.hpp>
#include <credo/models/markov_chain.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <vector>

namespace {

using namespace credo;

/// States 0 .. n; from 0 < i < n up with probability p, else down; 0 and n stay.
MarkovChain gambler(std::size_t n, double p) {
  std::vector<MarkovTransition> list = {{0, 0, 1.0}, {n, n, 1.0}};
  for (std::size_t i = 1; i < n; ++i) {
    list.push_back({i, i + 1, p});
    list.push_back({i, i - 1, 1.0 - p});
  }
  return {n + 1, list};
}

}  // namespace

TEST_CASE("a gambler's ruin: probabilities and times of the closed forms") {
  constexpr std::size_t kTop = 30;
  for (const double p : {0.5, 0.45, 0.7}) {
    CAPTURE(p);
    const MarkovChain chain = gambler(kTop, p);
    const std::array<std::size_t, 1> top = {kTop};
    const std::array<std::size_t, 2> ends = {0, kTop};
    const PassageAnswer reach = chain.log_reach_probability(top);
    const PassageAnswer steps = chain.expected_steps(ends);
    const PassageAnswer forever = chain.expected_steps(top);
    REQUIRE_MESSAGE(reach.ok(), reach.message);
    REQUIRE_MESSAGE(steps.ok(), steps.message);
    REQUIRE_MESSAGE(forever.ok(), forever.message);
    CHECK(reach.error_bound <= 1e-9);
    CHECK(reach.value[0] == -kInfinity);
    const double r = (1.0 - p) / p;
    const double n = kTop;
    for (std::size_t i = 1; i < kTop; ++i) {
      const double x = static_cast<double>(i);
      const double win = p == 0.5 ? x / n : (1.0 - std::pow(r, x)) / (1.0 - std::pow(r, n));
      const double time = p == 0.5 ? x * (n - x) : (x - n * win) / (1.0 - 2.0 * p);
      CHECK(reach.value[i] == doctest::Approx(std::log(win)).epsilon(1e-9));
      CHECK(steps.value[i] == doctest::Approx(time).epsilon(1e-9));
      CHECK(forever.value[i] == kInfinity);
    }
    CHECK(forever.value[kTop] == 0.0);
  }
}

TEST_CASE("the generating function of a first passage") {
  // One state that leaves with probability q per step: T is geometric.
  constexpr double kLeave = 0.2;
  const std::vector<MarkovTransition> list = {{0, 0, 1.0 - kLeave}, {0, 1, kLeave}, {1, 1, 1.0}};
  const MarkovChain chain(2, list);
  const std::array<std::size_t, 1> target = {1};
  for (const double cost : {0.0, 0.01, 1.0, 50.0, 400.0}) {
    const PassageAnswer answer = chain.log_discounted_passage(target, cost);
    REQUIRE_MESSAGE(answer.ok(), answer.message);
    const double z = std::exp(-cost);
    CHECK(
        answer.value[0] ==
        doctest::Approx(std::log(kLeave) - cost - std::log1p(-(1.0 - kLeave) * z)).epsilon(1e-10));
  }
}

TEST_CASE("a distribution after some steps, and what is refused") {
  const MarkovChain chain = gambler(4, 0.5);
  const std::vector<double> start = {0, 0, 1, 0, 0};
  CHECK(chain.distribution_after(0, start)[2] == doctest::Approx(1.0));
  const std::vector<double> after = chain.distribution_after(4, start);
  // Half of the walks end in two steps, of the rest half in two more.
  CHECK(after[0] == doctest::Approx(0.375).epsilon(1e-12));
  CHECK(after[2] == doctest::Approx(0.25).epsilon(1e-12));
  using List = std::vector<MarkovTransition>;
  CHECK_THROWS_AS(MarkovChain(0, List{}), ModelError);
  CHECK_THROWS_WITH_AS(MarkovChain(2, (List{{0, 1, 0.5}, {1, 1, 1.0}})),
                       "transitions of state 0 sum to 0.5, expected 1", ModelError);
  CHECK_THROWS_AS(MarkovChain(1, (List{{0, 1, 1.0}})), ModelError);
  CHECK_THROWS_AS(MarkovChain(1, (List{{0, 0, -1.0}})), ModelError);
  CHECK_THROWS_AS(MarkovChain(1, (List{{0, 0, 0.5}, {0, 0, 0.5}})), ModelError);
  CHECK_THROWS_AS((void)chain.expected_steps({}), ModelError);
  CHECK_THROWS_AS((void)chain.distribution_after(1, std::vector<double>{1.0}), ModelError);
}
