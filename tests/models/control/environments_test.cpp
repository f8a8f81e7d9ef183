#include <credo/core/error.hpp>
#include <credo/models/control/environments.hpp>
#include <credo/models/control/grid_map.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

// The facts of Gymnasium's toy_text tables, as its documentation states them.

using namespace credo::control;

namespace {

/// Greedy value iteration to convergence: an independent use of the tables.
std::vector<double> optimal_values(const Mdp& mdp, double discount) {
  std::vector<double> value(mdp.state_count(), 0.0);
  for (int sweep = 0; sweep < 20000; ++sweep) {
    double change = 0.0;
    for (std::size_t s = 0; s < mdp.state_count(); ++s) {
      double best = -1e300;
      for (std::size_t a = 0; a < mdp.action_count(); ++a) {
        double q = 0.0;
        for (const Outcome& o : mdp.outcomes(s, a)) {
          q += o.probability * (o.reward + discount * value[o.next]);
        }
        if (mdp.is_available(s, a)) best = std::max(best, q);
      }
      change = std::max(change, std::fabs(best - value[s]));
      value[s] = best;
    }
    if (change < 1e-15) break;
  }
  return value;
}

double probability(const Mdp& mdp, std::size_t s, std::size_t a, std::size_t next) {
  double p = 0.0;
  for (const Outcome& o : mdp.outcomes(s, a)) p += o.next == next ? o.probability : 0.0;
  return p;
}

}  // namespace

TEST_CASE("frozen lake: the 4 x 4 table") {
  const Mdp mdp = frozen_lake();
  CHECK(mdp.state_count() == 16);
  CHECK(mdp.action_count() == 4);
  CHECK(mdp.initial()[0] == 1.0);
  CHECK(std::vector<std::size_t>(mdp.terminal().begin(), mdp.terminal().end()) ==
        std::vector<std::size_t>{5, 7, 11, 12, 15});
  CHECK(probability(mdp, 0, 0, 0) == doctest::Approx(2.0 / 3.0).epsilon(1e-15));
  CHECK(probability(mdp, 14, 1, 15) == doctest::Approx(1.0 / 3.0).epsilon(1e-15));
  CHECK(probability(mdp, 14, 3, 15) == doctest::Approx(1.0 / 3.0).epsilon(1e-15));
  CHECK(probability(mdp, 14, 0, 15) == 0.0);
  CHECK(mdp.largest_reward() == 1.0);
}

TEST_CASE("frozen lake: optimal values of the literature") {
  // 14/17 undiscounted; 0.5420259320 at discount 0.99; 0.1804715784 at 0.95.
  CHECK(optimal_values(frozen_lake(), 1.0)[0] == doctest::Approx(14.0 / 17.0).epsilon(1e-10));
  CHECK(std::fabs(optimal_values(frozen_lake(), 0.99)[0] - 0.5420259320) < 5e-11);
  CHECK(std::fabs(optimal_values(frozen_lake(), 0.95)[0] - 0.1804715784) < 5e-11);
}

TEST_CASE("frozen lake: options") {
  CHECK(frozen_lake({.map = "8x8"}).state_count() == 64);
  CHECK(frozen_lake({.map = "8x8"}).terminal().size() == 11);
  CHECK(frozen_lake({.slippery = false}).outcome_count() == 64);
  const Mdp sure = frozen_lake({.success_rate = 0.8});
  CHECK(probability(sure, 0, 2, 1) == doctest::Approx(0.8));
  CHECK(probability(sure, 0, 2, 4) == doctest::Approx(0.1));
  const Mdp custom = frozen_lake({.map = "SF\nFG\n"});
  CHECK(custom.state_count() == 4);
  CHECK_THROWS_AS((void)frozen_lake({.map = "SF\nG\n"}), credo::ParseError);
  CHECK_THROWS_AS((void)frozen_lake({.map = "FF\nFG"}), credo::ParseError);
  CHECK_THROWS_AS((void)frozen_lake({.map = "SX\nFG"}), credo::ParseError);
  CHECK_THROWS_AS((void)frozen_lake({.map = "S#\nFG"}), credo::ParseError);
  CHECK_THROWS_AS((void)frozen_lake({.map = "SC\nFG"}), credo::ParseError);
  CHECK_THROWS_AS((void)grid({.map = "SC\n.G"}), credo::ParseError);
  CHECK_THROWS_AS((void)frozen_lake({.success_rate = 1.5}), credo::OptionError);
}

TEST_CASE("cliff walking: the table") {
  const Mdp mdp = cliff_walking();
  CHECK(mdp.state_count() == 48);
  CHECK(mdp.initial()[36] == 1.0);
  CHECK(mdp.outcomes(36, 1).size() == 1);
  CHECK(mdp.outcomes(36, 1)[0].next == 36);
  CHECK(mdp.outcomes(36, 1)[0].reward == -100.0);
  CHECK(mdp.outcomes(35, 2)[0].next == 47);
  CHECK(mdp.outcomes(35, 2)[0].reward == -1.0);
  CHECK(mdp.outcomes(0, 3)[0].next == 0);
  CHECK(mdp.is_terminal(47));
  CHECK(optimal_values(mdp, 1.0)[36] == -13.0);
  const Mdp slippery = cliff_walking({.slippery = true});
  // Right from the start slips up (24), into the cliff (back to 36, -100) or against the edge (36).
  CHECK(slippery.outcomes(36, 1).size() == 3);
  CHECK(std::fabs(optimal_values(slippery, 1.0)[36] - -64.7091759099) < 1e-9);
  CHECK_THROWS_AS((void)cliff_walking({.map = "4x4"}), credo::OptionError);
}

TEST_CASE("taxi: the table") {
  const Mdp mdp = taxi();
  CHECK(mdp.state_count() == 500);
  CHECK(mdp.action_count() == 6);
  CHECK(std::count_if(mdp.initial().begin(), mdp.initial().end(), [](double p) { return p > 0; }) ==
        300);
  CHECK(mdp.terminal().size() == 4);
  // Documented example: state 328 is row 3, column 1, passenger at Y, destination R.
  const auto only = [&mdp](std::size_t s, std::size_t a) { return mdp.outcomes(s, a)[0]; };
  CHECK(only(328, 0).next == 428);
  CHECK(only(328, 1).next == 228);
  CHECK(only(328, 2).next == 348);
  CHECK(only(328, 3).next == 328);  // a wall
  CHECK(only(328, 4).reward == -10.0);
  CHECK(only(328, 5).reward == -10.0);
  // At Y with the passenger there: pick up; at R with the passenger for R: deliver.
  CHECK(only(408, 4).next == 416);
  CHECK(only(408, 4).reward == -1.0);
  CHECK(only(16, 5).next == 0);
  CHECK(only(16, 5).reward == 20.0);
  CHECK(mdp.is_terminal(0));
  // At G with a passenger for R: dropping off is allowed, costs 1 and does not end.
  CHECK(only(96, 5).next == 84);
  CHECK(only(96, 5).reward == -1.0);
  const std::vector<double> value = optimal_values(mdp, 1.0);
  double mean = 0.0;
  for (std::size_t s = 0; s < 500; ++s) mean += mdp.initial()[s] * value[s];
  // The known average best return of Taxi is 7.93.
  CHECK(mean == doctest::Approx(7.93).epsilon(1e-3));
}

TEST_CASE("grid: walls, holes and edges") {
  const Mdp mdp = grid({.map = "S#G\n..H"});
  CHECK(mdp.state_count() == 5);
  CHECK(mdp.outcomes(0, 2)[0].next == 0);  // into the wall
  CHECK(mdp.outcomes(0, 0)[0].next == 0);  // off the map
  CHECK(mdp.outcomes(0, 1)[0].next == 2);
  CHECK(mdp.outcomes(3, 2)[0].reward == -100.0);
  CHECK(mdp.is_terminal(1));
  CHECK(mdp.is_terminal(4));
  CHECK(grid().state_count() == 15);
  CHECK_THROWS_AS((void)grid({.map = ""}), credo::ParseError);
}

TEST_CASE("environments are found by name") {
  for (const Environment& e : environments()) CHECK(e.make({}).state_count() > 1);
  CHECK(require_environment("taxi").name == "taxi");
  try {
    (void)require_environment("frozen_lak");
    FAIL("accepted");
  } catch (const credo::OptionError& e) {
    CHECK(std::string(e.what()).find("did you mean frozen_lake") != std::string::npos);
  }
}
