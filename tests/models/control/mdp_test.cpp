#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/environments.hpp>
#include <credo/models/control/mdp.hpp>
#include <credo/models/control/mdp_json.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <string>

using namespace credo::control;
using credo::ModelError;

namespace {

MdpDescription two_states() {
  MdpDescription d;
  d.states = 2;
  d.actions = 2;
  d.initial = {1.0, 0.0};
  d.transitions = {{0, 0, 0, 0.5, -1.0}, {0, 0, 1, 0.5, -2.0}, {0, 1, 1, 1.0, -3.0}};
  d.terminal = {1};
  return d;
}

/// The message of the ModelError that a changed description gives.
template <typename Change>
std::string complaint(const Change& change) {
  MdpDescription d = two_states();
  change(d);
  try {
    const Mdp mdp(std::move(d));
  } catch (const ModelError& e) {
    return e.what();
  }
  return "no error";
}

bool has(const std::string& text, const std::string& part) {
  INFO(text);
  CHECK(text.find(part) != std::string::npos);
  return true;
}

std::string json_complaint(const std::string& text) {
  try {
    const Mdp mdp = parse_mdp_json(text, "bad.json");
  } catch (const credo::Error& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a process stores outcomes in rows and ends in terminal states") {
  const Mdp mdp(two_states());
  CHECK(mdp.outcomes(0, 0).size() == 2);
  CHECK(mdp.outcomes(0, 0)[1].next == 1);
  CHECK(mdp.outcomes(0, 0)[1].reward == -2.0);
  CHECK(mdp.is_available(1, 0));
  CHECK(mdp.outcomes(1, 1).size() == 1);
  CHECK(mdp.outcomes(1, 1)[0].next == 1);
  CHECK(mdp.outcomes(1, 1)[0].reward == 0.0);
  CHECK(mdp.reward_depends_on_outcome());
  CHECK(mdp.largest_reward() == 0.0);
}

TEST_CASE("equal outcomes merge, outcomes with different rewards stay apart") {
  MdpDescription d = two_states();
  d.transitions = {{0, 0, 1, 0.25, -1.0},
                   {0, 0, 1, 0.25, -1.0},
                   {0, 0, 1, 0.5, -2.0},
                   {0, 1, 0, 0.0, -9.0},
                   {0, 1, 1, 1.0, -3.0}};
  const Mdp mdp(d);
  CHECK(mdp.outcomes(0, 0).size() == 2);
  CHECK(mdp.outcomes(0, 0)[0].reward == -2.0);
  CHECK(mdp.outcomes(0, 0)[1].probability == 0.5);
  CHECK(mdp.outcomes(0, 1).size() == 1);
}

TEST_CASE("a malformed process is refused with its place") {
  has(complaint([](auto& d) { d.transitions[0].probability = 0.4; }), "state 0 action 0");
  has(complaint([](auto& d) { d.transitions[2].probability = 1.0 + 1e-8; }), "probability");
  has(complaint([](auto& d) { d.transitions[1].probability = -0.5; }), "transition 1");
  has(complaint([](auto& d) { d.transitions[1].reward = credo::kNaN; }), "reward nan");
  has(complaint([](auto& d) { d.transitions[1].reward = -credo::kInfinity; }), "reward");
  has(complaint([](auto& d) { d.transitions[1].next = 2; }), "state 2 out of range");
  has(complaint([](auto& d) { d.transitions[1].action = 2; }), "action 2 out of range");
  has(complaint([](auto& d) { d.terminal = {7}; }), "terminal state 7");
  has(complaint([](auto& d) { d.terminal.clear(); }), "state 1 has no action");
  has(complaint([](auto& d) { d.initial = {0.5, 0.4}; }), "sums to 0.9");
  has(complaint([](auto& d) { d.initial = {1.0}; }), "1 entries, expected 2");
  has(complaint([](auto& d) { d.discount = 0.0; }), "discount 0");
  has(complaint([](auto& d) { d.discount = credo::kNaN; }), "discount nan");
  has(complaint([](auto& d) { d.states = 1000000000000; }), "1000000000000 states");
  has(complaint([](auto& d) { d.actions = 3; }), "action 2 is never available");
  has(complaint([](auto& d) { d.final_reward = {1.0}; }), "final reward");
  has(complaint([](auto& d) { d.state_names = {"x"}; }), "state names");
}

TEST_CASE("a process as JSON") {
  const Mdp mdp = parse_mdp_json(R"({"states": 3, "actions": 2, "initial": 0,
    "transitions": [[0, 0, 1, 0.5, -1], [0, 0, 2, 0.5, -2], [0, 1, 0, 1, -3]],
    "terminal": [1, 2], "discount": 0.9, "final_reward": [0, 1, 2], "name": "small",
    "state_names": ["a", "b", "c"], "action_names": ["go", "stay"],
    "grid": {"map": ["S#", "GH"], "moves": [[0, 1], [0, 0]]}})",
                                 "small.json");
  CHECK(mdp.state_count() == 3);
  CHECK(mdp.initial()[0] == 1.0);
  CHECK(mdp.discount() == 0.9);
  CHECK(mdp.final_reward()[2] == 2.0);
  CHECK(mdp.state_name(2) == "c");
  CHECK(mdp.action_name(0) == "go");
  REQUIRE(mdp.layout().has_value());
  CHECK(mdp.layout()->state_of_cell[1] == kNoState);
  CHECK(mdp.layout()->state_of_cell[2] == 1);
}

TEST_CASE("bad JSON files are refused with key, index or line") {
  const std::string head = R"({"states": 2, "actions": 1, "terminal": [1], "initial": 0, )";
  has(json_complaint(""), "bad.json:1:1: expected JSON");
  has(json_complaint("{\n\"states\": 2,\n  oops"), "bad.json:3:");
  has(json_complaint("\x01\x02\xff"), "bad.json:1:1");
  has(json_complaint(R"({"discount": NaN})"), "bad.json:1:14: expected JSON, got 'N'");
  has(json_complaint("[1]"), "expected an object");
  has(json_complaint("{}"), "key 'states' is missing");
  has(json_complaint(R"({"states": 1, "states": 2})"), "'states' is given twice");
  has(json_complaint(R"({"stats": 1})"), "did you mean states");
  has(json_complaint(head + R"("transitions": [[0, 0, 1, 1]]})"), "transitions[0]");
  has(json_complaint(head + R"("transitions": [[0, 0, 1, 1, 0], [0, -1, 1, 1, 0]]})"),
      "transitions[1][1]: expected a non-negative integer, got -1");
  has(json_complaint(head + R"("transitions": [[0, 0, 1, "1", 0]]})"), "transitions[0][3]");
  has(json_complaint(head + R"("transitions": [[0, 0, 1, 1, null]]})"), "transitions[0][4]");
  has(json_complaint(head + R"("transitions": [[0, 0, 1, 1, 1e999]]})"),
      "bad.json:1:89: expected a number in the range of a double, got 1e999");
  has(json_complaint(head + R"("transitions": [[0, 0, 1, 0.5, 0]]})"), "sum to 0.5");
  has(json_complaint(R"({"states": 1073741824, "actions": 1, "initial": 0, "transitions": []})"),
      "state 0 has neither");
  has(json_complaint(R"({"states": 1, "actions": 1, "initial": 4,
                        "transitions": [[0, 0, 0, 1, 0]]})"),
      "initial: expected a state");
  CHECK_THROWS_AS((void)read_mdp_json("/no/such/file.json"), credo::FileError);
}

TEST_CASE("a state without an end is found") {
  MdpDescription d;
  d.states = 4;
  d.actions = 2;
  d.initial = {1, 0, 0, 0};
  d.transitions = {{0, 0, 1, 1.0, 0.0},
                   {0, 1, 0, 1.0, 0.0},
                   {1, 0, 0, 0.9, 0.0},
                   {1, 0, 3, 0.1, 0.0},
                   {2, 0, 2, 1.0, 0.0}};
  d.terminal = {3};
  CHECK(Mdp(d).endless_state() == std::optional<std::size_t>(2));
  d.transitions.push_back({2, 1, 0, 1.0, 0.0});
  CHECK_FALSE(Mdp(d).endless_state());
  d.terminal = {2};
  d.transitions.push_back({3, 0, 3, 1.0, 0.0});
  CHECK(Mdp(d).endless_state() == std::optional<std::size_t>(0));
}

TEST_CASE("random processes are valid and repeat by seed") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const RandomMdpOptions options{.terminal_states = seed % 2, .unavailable = 0.4, .seed = seed};
    const Mdp a = random_mdp(options);
    const Mdp b = random_mdp(options);
    REQUIRE(a.outcome_count() == b.outcome_count());
    CHECK(a.outcomes(0, 0)[0].probability == b.outcomes(0, 0)[0].probability);
    CHECK(a.largest_reward() <= 0.0);
  }
}
