// credo control --simulate: what a policy earns, drawn.

#include "program.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace credo::test {
namespace {

using Json = nlohmann::json;

Json drawn(const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"control", "frozen_lake", "--simulate",
                                        "4000",    "--format",    "json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const Run run = run_credo(arguments);
  INFO(run.err);
  REQUIRE(run.code == 0);
  return Json::parse(run.out);
}

TEST_CASE("control: simulated returns agree with the expected ones, horizon or not") {
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{"--method", "hard", "--horizon", "100"},
        std::vector<std::string>{"--method", "clamped", "--discount", "0.95", "--seed", "2"}}) {
    const Json json = drawn(more);
    const Json& simulation = json["simulation"];
    CHECK(simulation["episodes"] == 4000);
    CHECK(simulation["cut_off"] == 0);
    const double error = simulation["return"]["standard_error"].get<double>();
    CHECK(error > 0.0);
    CHECK(error < 0.02);
    CHECK(std::fabs(simulation["return"]["mean"].get<double>() -
                    json["expected_return"].get<double>()) <= 4.0 * error);
  }
}

TEST_CASE("control: a seed fixes the simulation, without --simulate there is none") {
  const std::vector<std::string> clamped = {"--method", "clamped", "--seed", "5"};
  CHECK(drawn(clamped)["simulation"] == drawn(clamped)["simulation"]);
  CHECK(drawn(clamped)["simulation"] != drawn({"--method", "clamped"})["simulation"]);
  const Run run = run_credo({"control", "frozen_lake", "--format", "json"});
  CHECK_FALSE(Json::parse(run.out).contains("simulation"));
  const Run one = run_credo({"control", "cliff_walking", "--method", "hard", "--simulate", "1"});
  CHECK(one.out.find("1 episode, 13 steps on average") != std::string::npos);
  CHECK(run_credo({"control", "frozen_lake", "--simulate", "0"}).code == 1);
}

}  // namespace
}  // namespace credo::test
