#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/pomdp_file.hpp>
#include <credo/models/control/pomdp_json.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

using namespace credo::control;

namespace {

const std::string kFolder = std::string(CREDO_TEST_DATA) + "/control/";

template <typename Throws>
void check_says(const Throws& throws, const std::string& word) {
  try {
    (void)throws();
    FAIL("nothing was thrown");
  } catch (const credo::Error& e) {
    CHECK_MESSAGE(std::string(e.what()).find(word) != std::string::npos, e.what());
  }
}

void check_near(const std::vector<double>& got, const std::vector<double>& expected) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(std::fabs(got[i] - expected[i]) < 1e-15);
}

/// A small file of two states, one action and two observations, then the rest.
std::string small(const std::string& rest) {
  return "discount: 0.9\nstates: 2\nactions: 1\nobservations: a b\n" + rest;
}
constexpr const char* kRest = "T: 0 identity\nO: * uniform\nR: * : * : * : * 1\n";

}  // namespace

TEST_CASE("pomdp: what is refused says which row") {
  const auto says = [](PomdpDescription d, const char* word) {
    check_says([&] { return Pomdp(std::move(d)); }, word);
  };
  const PomdpDescription good = tiger().description();
  PomdpDescription d = good;
  d.transition[6] = 0.6;
  says(d, "transition of state 1, action 0");
  d = good;
  d.observation[1] = -0.15;
  says(d, "observation after action 0 in state 0");
  d = good;
  d.reward.pop_back();
  says(d, "reward: expected 6 entries");
  d = good;
  d.reward[0] = credo::kNaN;
  says(d, "nan at entry 0");
  d = good;
  d.discount = 1.5;
  says(d, "discount");
  d = good;
  d.states = 0;
  says(d, "at least one state");
}

TEST_CASE("pomdp: JSON") {
  const Pomdp read = read_pomdp_json(kFolder + "tiger.json");
  const PomdpDescription expected = tiger().description();
  CHECK(read.description().transition == expected.transition);
  check_near(read.description().observation, expected.observation);
  CHECK(read.description().state_names == expected.state_names);
  REQUIRE(read.reward_depends_on_next());
  CHECK(read.description().reward ==
        std::vector<double>{-1, 0, -100, -100, 10, 10, 0, -1, 10, 10, -100, -100});
}

TEST_CASE("pomdp: errors in JSON say where") {
  const auto says = [](const std::string& middle, const char* word) {
    check_says(
        [&] {
          return parse_pomdp_json(
              R"({"states": 1, "actions": 1, "observations": 1, "initial": 0, )" + middle + "}",
              "x.json");
        },
        word);
  };
  const std::string sensor = R"("sensor": [[0, 0, 0, 1]])";
  says(sensor, "'transitions' is missing");
  says(R"("transitions": [[0, 0, 0, 1]], )" + sensor, "transitions[0]: expected [state, action");
  says(R"("transitions": [[0, 0, 1, 1, 0]], )" + sensor, "transitions[0][2]: expected 0 to 0");
  says(R"("transitions": [[0, 0, 0, 0.5, 0], [0, 0, 0, 0.5, 0]], )" + sensor, "transitions[1]");
  says(R"("transitions": [[0, 0, 0, 0.5, 0]], )" + sensor,
       "transition of state 0, action 0: expected probabilities that sum to 1");
  says(R"("transitions": [[0, 0, 0, 1, 0]], "sensor": [])",
       "x.json:1:106: pomdp: observation after action 0");
  says(
      "\n"
      R"("transitions": [[0, 0, 0, 0.5, 0]], )" +
          sensor,
      "x.json:2:17: pomdp: transition");
  says(sensor + R"(, "transitions": [[0, 0, 0, 1, 0]], "state_names": ["a", "b"])",
       "state_names: expected 1 names");
}

TEST_CASE("pomdp: .POMDP files") {
  const Pomdp read = read_pomdp(kFolder + "tiger.POMDP");
  const PomdpDescription expected = tiger().description();
  CHECK(read.description().initial == expected.initial);
  CHECK(read.description().transition == expected.transition);
  check_near(read.description().observation, expected.observation);
  CHECK(read.description().reward == expected.reward);
  CHECK(read.description().action_names == expected.action_names);
}

TEST_CASE("pomdp: .POMDP rewards by observation become means, costs are negative rewards") {
  const Pomdp read =
      parse_pomdp(small("values: cost\nstart: 1\nT: 0\n0.5 0.5\n0 1\n"
                        "O: 0\n0.25 0.75\n1 0\nR: * : * : * : * 4\nR: 0 : 0 : 0 : b 8\n"),
                  "x.POMDP");
  CHECK(read.description().initial == std::vector<double>{0.0, 1.0});
  CHECK(read.description().reward == std::vector<double>{-7, -4, -4, -4});
  CHECK(read.description().discount == 0.9);
}

TEST_CASE("pomdp: ways to start in a .POMDP file") {
  const auto start = [](const std::string& line) {
    return parse_pomdp(small(line + "\n" + kRest), "x").description().initial;
  };
  CHECK(start("") == std::vector<double>{0.5, 0.5});
  CHECK(start("start: 0.25 0.75") == std::vector<double>{0.25, 0.75});
  CHECK(start("start include: 1") == std::vector<double>{0.0, 1.0});
  CHECK(start("start exclude: 1") == std::vector<double>{1.0, 0.0});
}

TEST_CASE("pomdp: errors in .POMDP files say where") {
  const auto says = [](const std::string& rest, const char* word) {
    check_says([&] { return parse_pomdp(small(rest), "x.POMDP"); }, word);
  };
  says("T: 0 : 2 : 0 1\n", "x.POMDP:5:8: expected one of the 2 states");
  says("T: 1 identity\n", "x.POMDP:5:4: expected one of the 1 actions");
  says("O: 0 : 0 : c 1\n", "x.POMDP:5:12: expected one of the 2 observations");
  says("T: 0\n1 0\n0\n", "expected a probability");
  says("T: 0 : 0 : 0 -0.5\n", "expected a probability");
  says("Q: 0\n", "discount, values");
  says("T: 0\n0.5 0.5\n0.5 0.4\nO: * uniform\n", "x.POMDP:5:2: pomdp: transition of state 1");
  says("T: 0 identity\nO: 0 : 0 : a 0.5\nO: 0 : 1 uniform\n", "x.POMDP:6:2: pomdp: observation");
  says("start: 0.5 0.4\nT: 0 identity\nO: * uniform\n", "x.POMDP:5:6: pomdp: initial");
  says("start: 0.5 0.2 0.3\n", "one state or 2 probabilities");
  says("T: 0 identity\n", "observation after action 0");
  says("O: * uniform\nT: 0 : 0 : 0 1\n", "transition of state 1, action 0");
  check_says([] { return parse_pomdp("states: 2\nT: 0 identity\n", "x"); }, "the actions before");
  check_says([] { return read_pomdp("no such file"); }, "no such file");
}
