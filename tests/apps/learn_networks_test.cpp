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

TEST_CASE("learn: the options of soft actor-critic's networks") {
  const TemporaryFolder folder;
  const std::string saved = folder.path("saved");
  const auto learn = [](std::vector<std::string> options) {
    options.insert(options.begin(), {"learn", "pendulum", "--method", "sac", "--quiet"});
    return run_credo(options);
  };
  const Run run = learn(
      {"--steps",          "60",    "--start-steps",         "40",    "--hidden",      "7,5",
       "--batch",          "9",     "--replay-capacity",     "50",    "--actor-rate",  "0.002",
       "--critic-rate",    "0.003", "--temperature-rate",    "0.004", "--target-rate", "0.25",
       "--target-entropy", "-0.5",  "--initial-temperature", "0.3",   "--updates",     "2",
       "--checkpoint",     saved});
  INFO(run.err);
  REQUIRE(run.code == 0);
  // A checkpoint says what was asked.
  const std::string bytes = read_text(saved);
  CHECK(contains(bytes,
                 "temperature none from 0.3, prior uniform, entropy -0.5, hidden 7-5, rates 0.002 "
                 "0.003 0.004, batch 9, replay 50, tau 0.25, start 40, updates 2"));
  const Run other = learn({"--steps", "80", "--hidden", "7", "--resume", saved});
  CHECK(other.code == 1);
  CHECK(contains(other.err, "hidden 7-5"));
  const auto complaint = [&learn](const std::vector<std::string>& options) {
    const Run refused = learn(options);
    CHECK(refused.code == 1);
    return refused.err;
  };
  CHECK(contains(complaint({"--hidden", "64,"}), "--hidden '64,': expected whole numbers"));
  CHECK(contains(complaint({"--hidden", "1000000,1000000"}), "expected at most 2^28"));
  CHECK(contains(complaint({"--batch", "0"}), "batch 0, expected at least 1"));
  CHECK(contains(complaint({"--batch", "9", "--replay-capacity", "5"}), "expected at least 9"));
  CHECK(contains(complaint({"--target-rate", "2"}), "expected a number in (0, 1]"));
  CHECK(contains(complaint({"--temperature", "1", "--target-entropy", "1"}), "have no part"));
}

}  // namespace
}  // namespace credo::test
