// credo control: reference values (docs/control.md says where they come from), files, errors.

#include "program.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <utility>

namespace credo::test {
namespace {

using Json = nlohmann::json;

Json control_json(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "control");
  arguments.insert(arguments.end(), {"--format", "json"});
  const Run run = run_credo(arguments);
  INFO(run.err);
  REQUIRE(run.code == 0);
  return Json::parse(run.out);
}

/// One state, three actions with rewards 2, 1, 0, all of them ending the episode.
constexpr std::string_view kBandit = R"({"states": 2, "actions": 3, "initial": 0,
  "transitions": [[0, 0, 1, 1.0, 2.0], [0, 1, 1, 1.0, 1.0], [0, 2, 1, 1.0, 0.0]],
  "terminal": [1]})";

TEST_CASE("control: a bandit by hand, under both priors") {
  const TemporaryFolder folder;
  const std::string bandit = folder.write("bandit.json", kBandit);
  const double sum = std::exp(2.0) + std::exp(1.0) + 1.0;
  const Json counting = control_json({bandit, "--horizon", "1", "--prior", "counting"});
  CHECK(counting["initial_value"].get<double>() == doctest::Approx(std::log(sum)).epsilon(1e-13));
  const Json uniform = control_json({bandit, "--horizon", "1"});
  CHECK(uniform["initial_value"].get<double>() ==
        doctest::Approx(std::log(sum / 3.0)).epsilon(1e-13));
  CHECK(uniform["log_z"].get<double>() == doctest::Approx(std::log(sum / 3.0)).epsilon(1e-13));
  for (std::size_t a = 0; a < 3; ++a) {
    CHECK(uniform["policy"][0][a].get<double>() ==
          doctest::Approx(std::exp(2.0 - static_cast<double>(a)) / sum).epsilon(1e-13));
  }
  CHECK(uniform["value"].size() == 2);
  CHECK(uniform["value"][1].get<double>() == doctest::Approx(0.0));
  for (const char* key :
       {"elbo", "expected_return", "believed_return", "iterations", "error_bound"}) {
    CHECK(uniform.contains(key));
  }
  for (const char* key : {"initial", "policy", "dynamics"}) {
    CHECK(uniform["gap"].contains(key));
  }
}

TEST_CASE("control: the temperature is in units of reward") {
  const TemporaryFolder folder;
  const std::string bandit = folder.write("bandit.json", kBandit);
  const Json json = control_json({bandit, "--horizon", "1", "--temperature", "0.5"});
  const double value = 0.5 * std::log((std::exp(4.0) + std::exp(2.0) + 1.0) / 3.0);
  CHECK(json["value"][0].get<double>() == doctest::Approx(value).epsilon(1e-13));
}

TEST_CASE("control: FrozenLake 4x4 shows how lucky the posterior is") {
  const Json json = control_json(
      {"frozen_lake", "--map", "4x4", "--slippery", "--horizon", "100", "--temperature", "0.1"});
  CHECK(json["initial_value"].get<double>() == doctest::Approx(0.5730198801).epsilon(1e-10));
  CHECK(json["believed_return"].get<double>() == doctest::Approx(0.9968).epsilon(1e-4));
  CHECK(json["expected_return"].get<double>() == doctest::Approx(0.03117).epsilon(2e-4));
  CHECK(json["policy"].size() == 16);
  CHECK(json["policy"][0].size() == 4);
}

TEST_CASE("control: cliff walking's infinite horizon, certified") {
  const Json json = control_json({"cliff_walking", "--temperature", "1"});
  CHECK(json["value"][36].get<double>() == doctest::Approx(-29.8086522723).epsilon(1e-11));
  CHECK(json["error_bound"].get<double>() <= 1e-8);
}

TEST_CASE("control: cliff walking by every method, to the printed digits") {
  const auto start = [](std::vector<std::string> more) {
    more.insert(more.begin(), "cliff_walking");
    return control_json(more)["value"][36].get<double>();
  };
  CHECK(std::fabs(start({"--method", "hard"}) + 13.0) < 5.1e-11);
  CHECK(std::fabs(start({"--method", "hard", "--slippery"}) + 64.7091759099) < 1e-10);
  const std::vector<std::pair<std::string, double>> rows = {{"0.5", -105.7206259915},
                                                            {"1", -140.7305752583},
                                                            {"2", -203.8883581293},
                                                            {"5", -377.8673897017},
                                                            {"10", -652.9958739035}};
  for (const auto& [temperature, value] : rows) {
    CAPTURE(temperature);
    CHECK(std::fabs(start({"--method", "clamped", "--slippery", "--temperature", temperature}) -
                    value) < 5.1e-11);
  }
  const Json clamped = control_json({"cliff_walking", "--slippery", "--method", "clamped"});
  CHECK(std::fabs(clamped["expected_return"].get<double>() + 74.04) < 5.1e-3);
  CHECK_FALSE(clamped["certificate"].get<std::string>().empty());
}

TEST_CASE("control: frozen lake's optimal values by discount") {
  const std::vector<std::pair<std::string, double>> rows = {
      {"1", 0.8235294118}, {"0.99", 0.5420259320}, {"0.95", 0.1804715784}, {"0.9", 0.0688909049}};
  for (const auto& [discount, value] : rows) {
    CAPTURE(discount);
    const Json json = control_json(
        {"frozen_lake", "--method", "hard", "--discount", discount, "--tolerance", "1e-12"});
    CHECK(std::fabs(json["initial_value"].get<double>() - value) < 5.1e-11);
    CHECK(json["error_bound"].get<double>() <= 1e-12);
  }
}

TEST_CASE("control: problems without a value are refused with the reason") {
  const TemporaryFolder folder;
  const std::string stuck = folder.write("stuck.json", R"({"states": 3, "actions": 1, "initial": 0,
      "transitions": [[0, 0, 1, 1, -1], [1, 0, 0, 1, -1]], "terminal": [2]})");
  const std::string endless = folder.write("endless.json", R"({"states": 1, "actions": 1,
      "initial": 0, "transitions": [[0, 0, 0, 1, -1]]})");
  const std::string gain = folder.write("gain.json", R"({"states": 2, "actions": 2, "initial": 0,
      "transitions": [[0, 0, 0, 1, 1], [0, 1, 1, 1, 0]], "terminal": [1]})");
  for (const char* method : {"posterior", "clamped", "hard", "risk"}) {
    CAPTURE(std::string(method));
    const Run improper = run_credo({"control", stuck, "--method", method});
    CHECK(improper.code == 1);
    CHECK(contains(improper.err, "stuck.json: transitions of state 0: no terminal state"));
    CHECK(run_credo({"control", stuck, "--method", method, "--discount", "0.9"}).code == 0);
    CHECK(run_credo({"control", stuck, "--method", method, "--horizon", "2"}).code == 0);
    const Run forever = run_credo({"control", endless, "--method", method});
    CHECK(forever.code == 2);
    CHECK(contains(forever.err, "no terminal state can be reached from state 0"));
    const Run growing = run_credo({"control", gain, "--method", method});
    CHECK(growing.code == 2);
    CHECK(contains(growing.err, "no certified value"));
    CHECK(contains(growing.err, "state 0"));
  }
}

TEST_CASE("control: values of every step on request") {
  const TemporaryFolder folder;
  const std::string bandit = folder.write("bandit.json", kBandit);
  CHECK_FALSE(control_json({bandit, "--horizon", "3"}).contains("values"));
  const Json json = control_json({bandit, "--horizon", "3", "--values"});
  REQUIRE(json["values"].size() == 4);
  CHECK(json["values"][0] == json["value"]);
  CHECK(json["values"][3] == Json::parse("[0, 0]"));
}

TEST_CASE("control: text draws the policy, SVG is a picture") {
  const Run text = run_credo({"control", "frozen_lake", "--horizon", "30"});
  CHECK(text.code == 0);
  CHECK(contains(text.out, "expected return"));
  CHECK(contains(text.out, "H"));
  const Run svg = run_credo({"control", "frozen_lake", "--horizon", "30", "--format", "svg"});
  CHECK(svg.code == 0);
  CHECK(svg.out.find("<svg") != std::string::npos);
  CHECK(contains(svg.out, "</svg>"));
}

TEST_CASE("control: a map from a file") {
  const TemporaryFolder folder;
  const std::string map = folder.write("lake.txt", "SF\nFG\n");
  const Json json = control_json({"frozen_lake", "--map", map, "--no-slippery", "--horizon", "4"});
  CHECK(json["states"] == 4);
}

TEST_CASE("control: every method of the contract answers with the same keys") {
  for (const char* method : {"posterior", "clamped", "hard", "map", "mmap", "risk",
                             "exponential-utility", "best-case"}) {
    CAPTURE(std::string(method));
    const Json json = control_json({"frozen_lake", "--horizon", "4", "--method", method});
    CHECK(json["method"] == method);
    CHECK(json["guarantee"] == "exact");
    for (const char* key : {"value", "initial_value", "policy", "log_z", "elbo", "gap",
                            "expected_return", "believed_return", "iterations", "error_bound"}) {
      CHECK(json.contains(key));
    }
    CHECK(json["policy"].size() == 16);
    CHECK(json.contains("trajectory") == (json["method"] == "map"));
    CHECK(json.contains("plan") == (json["method"] == "mmap"));
    const Run text = run_credo({"control", "frozen_lake", "--horizon", "4", "--method", method});
    CHECK(text.code == 0);
    CHECK(contains(text.out, "expected return"));
  }
}

TEST_CASE("control: FrozenLake 4x4, 100 steps, temperature 0.1, by every method") {
  const std::vector<std::string> lake = {"frozen_lake", "--horizon", "100", "--temperature", "0.1"};
  const auto by = [&](std::vector<std::string> more) {
    more.insert(more.begin(), lake.begin(), lake.end());
    return control_json(more);
  };
  const Json clamped = by({"--method", "clamped"});
  CHECK(std::fabs(clamped["initial_value"].get<double>() - 0.0219809320) < 5.1e-11);
  CHECK(std::fabs(clamped["expected_return"].get<double>() - 0.03036) < 5.1e-6);
  CHECK(clamped["believed_return"] == clamped["expected_return"]);
  CHECK(clamped["elbo"].get<double>() == doctest::Approx(0.219809320).epsilon(1e-9));
  double gap = 0.0;
  for (const char* part : {"initial", "policy", "dynamics"}) {
    gap += clamped["gap"][part].get<double>();
  }
  CHECK(clamped["log_z"].get<double>() - clamped["elbo"].get<double>() ==
        doctest::Approx(gap).epsilon(1e-12));
  const Json hard = by({"--method", "hard"});
  CHECK(std::fabs(hard["initial_value"].get<double>() - 0.7441902878) < 5.1e-11);
  const Json risk = by({"--method", "risk", "--rho", "1"});
  CHECK(std::fabs(risk["initial_value"].get<double>() - 0.5730198801) < 5.1e-11);
  const Json fair = by({"--method", "risk", "--rho", "inf"});
  CHECK(fair["initial_value"] == clamped["initial_value"]);
}

TEST_CASE("control: methods and options that do not go together") {
  const Run misplaced = run_credo({"control", "frozen_lake", "--horizon", "5", "--rho", "2"});
  CHECK(misplaced.code == 1);
  CHECK(contains(misplaced.err, "--rho belongs to --method risk"));
  const Run unknown = run_credo({"control", "frozen_lake", "--method", "posteriro"});
  CHECK(unknown.code == 1);
  CHECK(contains(unknown.err, "did you mean posterior"));
  for (const char* method : {"map", "mmap"}) {
    const Run endless = run_credo({"control", "frozen_lake", "--method", method});
    CHECK(endless.code == 1);
    CHECK(contains(endless.err, "needs a horizon"));
  }
  const Run zero =
      run_credo({"control", "frozen_lake", "--horizon", "5", "--method", "risk", "--rho", "0"});
  CHECK(zero.code == 1);
  CHECK(contains(zero.err, "rho 0"));
}

TEST_CASE("control: the trajectory and the plan are printed") {
  const Run map = run_credo({"control", "frozen_lake", "--horizon", "20", "--method", "map"});
  CHECK(contains(map.out, "most likely trajectory"));
  CHECK(contains(map.out, "15"));
  const Run plan = run_credo({"control", "frozen_lake", "--horizon", "6", "--method", "mmap"});
  CHECK(contains(plan.out, "plan: down"));
  const Json json = control_json({"frozen_lake", "--horizon", "6", "--method", "mmap"});
  CHECK(json["plan"]["actions"].size() == 6);
}

TEST_CASE("control: pictures by name") {
  for (const char* picture : {"value", "tube", "luck", "gap"}) {
    const Run run = run_credo(
        {"control", "frozen_lake", "--horizon", "8", "--format", "svg", "--picture", picture});
    CHECK(run.code == 0);
    CHECK(contains(run.out, "</svg>"));
  }
  const Run misplaced = run_credo({"control", "frozen_lake", "--horizon", "8", "--format", "svg",
                                   "--method", "hard", "--picture", "tube"});
  CHECK(misplaced.code == 1);
}

TEST_CASE("control: options that would be passed over are refused") {
  const auto fails = [](std::vector<std::string> arguments, const char* part) {
    arguments.insert(arguments.begin(), {"control", "frozen_lake"});
    const Run run = run_credo(arguments);
    CAPTURE(run.err);
    CHECK(run.code == 1);
    CHECK(run.out.empty());
    CHECK(contains(run.err, part));
  };
  const TemporaryFolder folder;
  fails({"--slippery", "--no-slippery"}, "--slippery excludes --no-slippery");
  fails({"--horizon", "5", "--tolerance", "1e-3"}, "--tolerance belongs to the infinite horizon");
  fails({"--values"}, "--values belongs to --format json");
  fails({"--simulate", "3", "--format", "svg"}, "--simulate belongs to text and json");
  fails({"--picture", "luck"}, "--picture belongs to --format svg");
  fails({"--prior", "given"}, "expected one of uniform, counting");
  const std::string out = folder.path("out.json");
  fails({"-o", out, "--trace", folder.path("./out.json")}, "the same file");
  CHECK(folder.names().empty());
  const Run bp =
      run_credo({"pr", data("bif/asia.bif"), "--algorithm", "contraction", "--damping", "0.5"});
  CHECK(bp.code == 1);
  CHECK(contains(bp.err, "--damping belongs to --algorithm belief_propagation"));
  const Run noted = run_credo({"pr", data("bif/asia.bif"), "--damping", "0.5"});
  CHECK(noted.code == 0);
  CHECK(contains(noted.err, "have no part in contraction"));
  CHECK_FALSE(contains(run_credo({"control", "--help"}).out, "--algorithm"));
}

TEST_CASE("control: what does not fit is refused before it is made, with the numbers") {
  const TemporaryFolder folder;
  std::string rows = "S" + std::string(298, 'F') + "G\n";
  for (int i = 0; i < 299; ++i) rows += std::string(300, 'F') + "\n";
  const std::string map = folder.write("lake.txt", rows);
  const auto refused = [&](const std::vector<std::string>& arguments, const char* part) {
    const Run run = run_credo(arguments);
    CAPTURE(run.err);
    CHECK(run.code == 2);
    CHECK(run.out.empty());
    CHECK(contains(run.err, part));
    CHECK(contains(run.err, "the limit is 9.5 MiB"));
  };
  refused({"control", "frozen_lake", "--map", map, "--memory-limit", "10MB"}, "lake.txt needs");
  std::string lines;
  for (int s = 0; s < 30000; ++s) {
    lines += "[" + std::to_string(s) + ",0,0,0.5,-1],[" + std::to_string(s) + ",0,1,0.5,-1],";
  }
  lines.pop_back();
  const std::string file = folder.write(
      "wide.json",
      R"({"states":30000,"actions":1,"initial":0,"discount":0.9,"transitions":[)" + lines + "]}");
  refused({"control", file, "--memory-limit", "10MB"}, "reading ");
  const Run tables = run_credo({"control", file, "--memory-limit", "15MB"});
  CHECK(tables.code == 2);
  CHECK(contains(tables.err, "the tables of 30000 states, 1 actions and 60000 outcomes"));
  CHECK(run_credo({"control", file, "--horizon", "1", "--memory-limit", "1GB"}).code == 0);
}

TEST_CASE("control: actions available nowhere are noted, what was refused has a plain name") {
  const TemporaryFolder folder;
  const std::string text = R"({"states": 2, "actions": 3, "initial": 0, "terminal": [1],
    "action_names": ["go", "fly", "swim"], "transitions": [[0, 0, 1, 1, -1]]})";
  const std::string file = folder.write("fly.json", text);
  const Run noted = run_credo({"control", file});
  CHECK(noted.code == 0);
  CHECK(contains(noted.err, "note: action fly (and 1 more) is available in no state"));
  CHECK(run_credo({"control", file, "--quiet"}).err.empty());
  const Run json =
      run_credo({"control", "frozen_lake", "--format", "json", "--memory-limit", "1KB"});
  CHECK(json.code == 2);
  CHECK_FALSE(contains(json.out, "\"slice, \""));
  CHECK(control_json({file})["timings"].contains("load"));
}

TEST_CASE("control: names do not steer the terminal, limits are named as asked") {
  const TemporaryFolder folder;
  const std::string text = R"({"states": 2, "actions": 1, "initial": 0, "terminal": [1],
    "action_names": ["g\u001b[31mo"], "state_names": ["a\nb", "end\r"],
    "transitions": [[0, 0, 1, 1, -1]]})";
  const Run run = run_credo({"control", folder.write("names.json", text), "--horizon", "1"});
  CHECK(run.code == 0);
  CHECK(contains(run.out, "2 states, 1 action, posterior, 1 decision,"));
  CHECK(contains(run.out, "a?b   g?[31mo (1.0000)\nend?  ends\n"));
  const Run late = run_credo({"control", "taxi", "--horizon", "50", "--time-limit", "1e-9"});
  CHECK(late.code == 4);
  CHECK(contains(late.err, "time limit of 1e-09 s"));
  const Run decided = run_credo({"meu", data("decision/pigs.json"), "--time-limit", "1e-9"});
  CHECK(decided.code == 4);
  CHECK(contains(decided.err, "time limit of 1e-09 s"));
}

TEST_CASE("control: wrong environments, files and options") {
  const TemporaryFolder folder;
  const std::string bandit = folder.write("bandit.json", kBandit);
  const auto fails = [](std::vector<std::string> arguments, const char* part) {
    arguments.insert(arguments.begin(), "control");
    const Run run = run_credo(arguments);
    CAPTURE(run.err);
    CHECK(run.code == 1);
    CHECK(run.out.empty());
    CHECK(contains(run.err, part));
  };
  fails({"frozenlake"}, "did you mean frozen_lake");
  fails({folder.path("none.json")}, "none.json");
  fails({folder.write("cut.json", kBandit.substr(0, 60))}, "cut.json:");
  fails({folder.write("sum.json", R"({"states": 1, "actions": 1, "initial": 0,
      "transitions": [[0, 0, 0, 0.5, 0]]})")},
        "0.5");
  const auto broken = [&](const std::string& lines, const char* part) {
    const std::string text = R"({"states": 2, "actions": 1, "initial": 0, "terminal": [1],
"transitions": )" + lines + "}";
    fails({folder.write("broken.json", text), "--method", "hard"}, part);
  };
  broken("[[0, 0, 0, 0.5, -1], [0, 0, 1, 0.4, 0]]", "state 0 action 0");
  broken("[[0, 0, 0, 1.5, -1], [0, 0, 1, -0.5, 0]]", "transition 0");
  broken("[[0, 0, 0, 0.5, -1], [0, 0, 1, -0.5, 0]]", "transition 1 [0, 0, 1, -0.5, 0]");
  broken("[[0, 0, 1, 1, NaN]]", "broken.json:2:");
  broken("[[0, 0, 1, 1, 1e999]]", "broken.json:2:");
  broken("[[0, 0, 1, 1, null]]", "transitions[0][4]");
  broken("[[0, 0, 5, 1, 0]]", "state 5 out of range");
  fails({folder.write("missing.json", R"({"states": 3, "actions": 1, "initial": 0,
      "transitions": [[0, 0, 2, 1, 0]], "terminal": [2]})")},
        "state 1 has no action");
  fails({bandit, "--horizon", "1", "--temperature", "0"}, "temperature");
  fails({bandit, "--horizon", "1", "--temperature", "-1"}, "temperature");
  fails({bandit, "--horizon", "0"}, "horizon");
  fails({bandit, "--discount", "1.5"}, "discount");
  fails({bandit, "--prior", "unifrom"}, "uniform");
  fails({bandit, "--map", "4x4"}, "--map");
  fails({"frozen_lake", "--map", folder.path("none.txt")}, "none.txt");
  fails({"taxi", "--slippery"}, "slippery");
  fails({folder.path("")}, "is a directory");
  fails({"frozen_lake", "--map", folder.write("bad.txt", "SF\nFX\n")}, "bad.txt:2:2: expected");
  fails({"frozen_lake", "--map", folder.write("ragged.txt", "SF\nF\n")},
        "ragged.txt:2:2: expected");
}

}  // namespace
}  // namespace credo::test
