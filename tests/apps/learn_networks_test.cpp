// credo learn --method sac, where it is built.

#include "program.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace credo::test {
namespace {

using Json = nlohmann::json;

TEST_CASE("learn: soft actor-critic beside the exact answer") {
  const Run run = run_credo({"learn", "frozen_lake", "--no-slippery", "--method", "sac",
                             "--temperature", "0.1", "--discount", "0.7", "--steps", "2500",
                             "--exploring-starts", "--format", "json", "--quiet"});
  INFO(run.err);
  REQUIRE(run.code == 0);
  const Json json = Json::parse(run.out);
  CHECK(json["method"] == "sac");
  CHECK(json["status"] == "ok");
  CHECK(json["action_value"].size() == 16);
  CHECK(json["reference"]["policy_error"].get<double>() < 0.05);
  CHECK(json["reference"]["action_value_error"].get<double>() < 0.05);
}

TEST_CASE("learn: soft actor-critic goes on from a checkpoint with the same bits") {
  const TemporaryFolder folder;
  const auto learn = [&folder](const std::string& steps, const std::string& saved,
                               const std::string& resumed) {
    std::vector<std::string> arguments = {"learn",        "pendulum",         "--method",
                                          "sac",          "--steps",          steps,
                                          "--checkpoint", folder.path(saved), "--quiet"};
    if (!resumed.empty()) arguments.insert(arguments.end(), {"--resume", folder.path(resumed)});
    const Run run = run_credo(arguments);
    INFO(run.err);
    CHECK(run.code == 0);
    CHECK(contains(run.out, "temperature learned"));
  };
  learn("1100", "whole", "");
  learn("1040", "part", "");
  learn("1100", "rest", "part");
  CHECK((read_text(folder.path("rest")) == read_text(folder.path("whole"))));
}

}  // namespace
}  // namespace credo::test
