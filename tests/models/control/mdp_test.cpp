#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/environments.hpp>
#include <credo/models/control/mdp.hpp>
#include <credo/models/control/mdp_json.hpp>
#include <credo/models/control/solve.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

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
  has(complaint([](auto& d) { d.actions = 1U << 30U; }), "expected at most 1048576 pairs");
  has(complaint([](auto& d) { d.final_reward = {1.0}; }), "final reward");
  has(complaint([](auto& d) { d.state_names = {"x"}; }), "state_names: expected 2 names");
  has(complaint([](auto& d) { d.state_names = {"x", "x"}; }), "'x' for number 0 and number 1");
  has(complaint([](auto& d) { d.action_names = {"go", "go"}; }),
      "action_names: expected different");
}

TEST_CASE("an action that is available nowhere changes nothing") {
  MdpDescription d = two_states();
  const Mdp without(d);
  CHECK(without.unused_actions().empty());
  d.actions = 4;
  for (Transition& line : d.transitions) line.action += line.action > 0 ? 1 : 0;
  const Mdp with(d);
  CHECK(with.unused_actions() == std::vector<std::size_t>{1, 3});
  CHECK_FALSE(with.is_available(0, 1));
  for (const Method method : {Method::posterior, Method::clamped, Method::hard}) {
    const auto a = solve_control(without, {.method = method, .horizon = 3});
    const auto b = solve_control(with, {.method = method, .horizon = 3});
    CHECK(a.value() == b.value());
    CHECK(b.policy()[1] == 0.0);
  }
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
      "bad.json:1:12: Mdp: 1073741824 states, but state 0 has no action");
  has(json_complaint(R"({"states": 1, "actions": 1, "initial": 4,
                        "transitions": [[0, 0, 0, 1, 0]]})"),
      "initial: expected a state");
  CHECK_THROWS_AS((void)read_mdp_json("/no/such/file.json"), credo::FileError);
}

TEST_CASE("what is wrong in a JSON file is found again, line and column") {
  const auto says = [](const std::string& from, const std::string& to, const std::string& part) {
    std::string text =
        "{\"states\": 2, \"actions\": 1,\n \"initial\": [0.5, 0.5],\n"
        " \"name\": \"a \\\"[{\", \"terminal\": [1],\n"
        " \"state_names\": [\"a,]\", \"b\"],\n"
        " \"transitions\": [\n  [0, 0, 1, 0.75, -1],\n  [0, 0, 0, 0.25, -2]\n]}";
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    text.replace(at, from.size(), to);
    has(json_complaint(text), part);
  };
  says("-1", "-1", "no error");
  says("0.75", "0.5", "bad.json:6:3: Mdp: probabilities of state 0 action 0");
  says("0.25", "null", "bad.json:7:13: transitions[1][3]: expected a number, got null");
  says("0.25", "1.25", "bad.json:7:3: Mdp: transition 1");
  says("-2]", "-2, 3]", "bad.json:7:3: transitions[1]: expected [state");
  says("0.5]", "0.4]", "bad.json:2:13: Mdp: initial distribution sums to 0.9");
  says("0.5]", "1.5]", "bad.json:2:19: Mdp: initial probability of state 1");
  says("[0.5, 0.5]", "2", "bad.json:2:13: initial: expected a state, 0 to 1");
  says("\"b\"", "\"a,]\"", "bad.json:4:25: Mdp: state_names: expected different names");
  says("terminal\"", "terminals\"",
       "bad.json:3:20: unknown key 'terminals'; did you mean terminal?");
  says("\"name\"", "\"\\u0069nitial\"", "bad.json:3:2: key 'initial' is given twice");
  says("[1]", "[2]", "bad.json:3:33: Mdp: terminal state 2");
  says("{", "{\"grid\": {\"map\": [\"SG\",\n \"X.\"], \"moves\": [[0, 1]]}, ",
       "bad.json:2:2: column 1: expected one of the cells");
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
