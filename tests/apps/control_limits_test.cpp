// Limits of credo control, meu and learn: sizes are refused before anything is made, and what is
// stopped prints what it has.

#include "program.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace credo::test {
namespace {

using Json = nlohmann::json;

constexpr const char* kHuge = "18446744073709551615";

void check_refused(const std::vector<std::string>& arguments, const char* part) {
  const Run run = run_credo(arguments);
  CAPTURE(run.err);
  CHECK(run.code == 2);
  CHECK(run.out.empty());
  CHECK(contains(run.err, part));
}

TEST_CASE("control limits: horizons that wrap around are refused") {
  for (const char* method : {"hard", "clamped", "risk", "exponential-utility", "best-case", "map",
                             "mmap", "posterior"}) {
    CAPTURE(method);
    check_refused({"control", "frozen_lake", "--method", method, "--horizon", kHuge},
                  "the limit is");
  }
}

TEST_CASE("control limits: answers that are too long to write are refused before the work") {
  check_refused({"control", "frozen_lake", "--horizon", "300000", "--format", "json", "--values",
                 "--memory-limit", "100MB"},
                "writing the values of 300000 steps");
  check_refused({"control", "frozen_lake", "--method", "clamped", "--horizon", "10000",
                 "--simulate", "5", "--memory-limit", "4MB"},
                "--simulate holds the policies of 10000 steps");
}

TEST_CASE("control limits: a simulation stops at the time limit, and says after how many") {
  const Run run = run_credo(
      {"control", "frozen_lake", "--simulate", kHuge, "--time-limit", "1.5", "--format", "json"});
  CAPTURE(run.err);
  CHECK(run.code == 0);
  CHECK(run.seconds < 9.0);
  const Json json = Json::parse(run.out);
  CHECK(json["simulation"]["episodes"].get<double>() > 0.0);
  CHECK(json["simulation"]["return"]["mean"].is_number());
  CHECK(contains(run.err, "stopped at the time limit after"));
}

TEST_CASE("meu limits: the best strategy so far is an answer") {
  const std::string file = data("decision/pigs.json");
  const Run run =
      run_credo({"meu", file, "--restarts", kHuge, "--time-limit", "1.5", "--format", "json"});
  CAPTURE(run.err);
  CHECK(run.code == 0);
  CHECK(run.seconds < 9.0);
  const Json json = Json::parse(run.out);
  CHECK(json["status"] == "ok");
  CHECK(json["guarantee"] != "exact");
  CHECK(json["strategy"].size() == 3);
  CHECK(contains(run.err, "when the time limit came"));
}

TEST_CASE("meu limits: histories are counted, not made") {
  const std::string tiger = data("control/tiger.POMDP");
  check_refused({"meu", tiger, "--horizon", "40"}, "histories");
  check_refused({"meu", tiger, "--horizon", kHuge}, "would fit");
  check_refused({"meu", tiger, "--horizon", kHuge, "--memory", "window"}, "would fit");
  check_refused({"meu", tiger, "--horizon", kHuge, "--memory", "state"}, "would fit");
}

TEST_CASE("learn limits: steps without end stop at the limit, lost files do not lose the answer") {
  const TemporaryFolder folder;
  const Run run = run_credo({"learn", "frozen_lake", "--steps", kHuge, "--time-limit", "1.5",
                             "--memory-limit", "100MB", "--curve", folder.path("c.csv")});
  CAPTURE(run.err);
  CHECK(run.code == 0);
  CHECK(run.seconds < 9.0);
  CHECK(contains(run.err, "by the time limit"));
  CHECK(contains(run.out, "soft-q"));
}

}  // namespace
}  // namespace credo::test
