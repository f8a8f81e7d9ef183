// credo control on linear-quadratic problems.

#include "program.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace credo::test {
namespace {

using Json = nlohmann::json;

/// The problem of docs/linear-quadratic.md.
constexpr const char* kProblem = R"({
  "A": [[1.1, 0], [0.1, 1.1]], "B": [[0.1], [0]], "offset": [-0.1, 0], "W": [[0.01, 0], [0, 0.01]],
  "Q": [[10, 0], [0, 10]], "R": [[1]], "goal": [1, -1],
  "Q_final": [[10, 0], [0, 10]], "goal_final": [1, -1],
  "initial_mean": [0, 0], "initial_covariance": [[1, 0], [0, 1]]})";

TEST_CASE("control: a linear-quadratic file, finite and infinite") {
  const TemporaryFolder folder;
  const std::string file = folder.write("lqr.json", kProblem);
  const Run run =
      run_credo({"control", file, "--method", "clamped", "--horizon", "60", "--format", "json"});
  INFO(run.err);
  REQUIRE(run.code == 0);
  const Json json = Json::parse(run.out);
  CHECK(json["horizon"] == 60);
  CHECK(json["decisions"].size() == 60);
  const Json& first = json["decisions"][0];
  CHECK(std::fabs(first["gain"][1].get<double>() - -8.2253625131) < 5.1e-11);
  CHECK(std::fabs(first["P"][3].get<double>() - 556.1184072812) < 5.1e-11);
  CHECK(std::fabs(first["p"][0].get<double>() - 52.7317210715) < 5.1e-11);
  CHECK(std::fabs(first["offset"][0].get<double>() - -2.3475755379) < 5.1e-11);
  const Run infinite = run_credo({"control", file, "--method", "hard"});
  INFO(infinite.err);
  REQUIRE(infinite.code == 0);
  CHECK(contains(infinite.out, "infinite horizon"));
  CHECK(contains(infinite.out, "Riccati residual"));
  CHECK(contains(infinite.out, "-8.22537"));
  CHECK(contains(infinite.out, "2 states, 1 control, infinite horizon"));
  // The last gain does not see the second state: B'Q_f A is 1.1 and 0.
  const Run last = run_credo({"control", file, "--horizon", "1", "--method", "hard"});
  CHECK(contains(last.out, "1 decision,"));
  CHECK(contains(last.out, "[-1, 0]"));
}

TEST_CASE("control: linear-quadratic breakdown and wrong input") {
  const TemporaryFolder folder;
  const std::string file = folder.write("lqr.json", kProblem);
  const Run worst =
      run_credo({"control", file, "--method", "risk", "--rho", "-10", "--horizon", "60"});
  CHECK(worst.code == 2);
  CHECK(contains(worst.err, "breakdown"));
  CHECK(worst.out.empty());
  const Run method = run_credo({"control", file, "--method", "map"});
  CHECK(method.code == 1);
  CHECK(contains(method.err, "expected the method clamped"));
  CHECK(run_credo({"control", file, "--discount", "0.9"}).code == 1);
  const Run wrong = run_credo(
      {"control", folder.write("wrong.json", R"({"A": [[1]], "B": [[1]], "R": [[-1]]})")});
  CHECK(wrong.code == 1);
  CHECK(contains(wrong.err, "R (control cost)"));
  const Run alone = run_credo({"control", folder.write("alone.json", R"({"A": [[1]]})")});
  CHECK(alone.code == 1);
  CHECK(contains(alone.err, "key 'B' is missing"));
  for (const char* option : {"--values", "--trace=t.json", "--prior=counting"}) {
    CAPTURE(option);
    const Run ignored = run_credo({"control", file, option});
    CHECK(ignored.code == 1);
    CHECK(contains(ignored.err, "linear-quadratic"));
  }
}

TEST_CASE("control: linear-quadratic problems keep to limits") {
  const TemporaryFolder folder;
  const std::string file = folder.write("lqr.json", kProblem);
  const Run large = run_credo({"control", file, "--horizon", "1000", "--memory-limit", "1MB"});
  CHECK(large.code == 2);
  CHECK(contains(large.err, "1000 steps"));
  CHECK(run_credo({"control", file, "--horizon", "1000", "--time-limit", "1e-9"}).code == 4);
  CHECK(run_credo({"control", file, "--time-limit", "1e-9"}).code == 4);
}

}  // namespace
}  // namespace credo::test
