#include "program.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace credo::test {
namespace {

TEST_CASE("fit: frequencies of complete data") {
  const TemporaryFolder folder;
  const std::string model = folder.write("rain.bif", kRain);
  const std::string data = folder.write("days.csv", "rain,wet\nyes,yes\nyes,yes\nno,no\nyes,no\n");
  const std::string learned = folder.path("learned.bif");
  const Run run = run_credo({"fit", model, "--data", data, "-o", learned});
  CHECK(run.code == 0);
  CHECK(run.err.empty());
  // (3/4)^3 (1/4) (2/3)^2 (1/3) = 2^-6.
  CHECK(run.out ==
        "cases           4\nlog likelihood  -4.158883083\niterations      0\n"
        "guarantee       exact\n");
  CHECK(contains(read_text(learned), "0.25, 0.75"));
  // One added to each of four entries of p(wet given rain): (2 + 1) / (3 + 2), exact in the file.
  const Run bayes =
      run_credo({"fit", model, "--data", data, "-o", learned, "--prior", "per-entry"});
  CHECK(contains(bayes.out, "log evidence"));
  CHECK(contains(read_text(learned), "0.4, 0.6"));
}

TEST_CASE("fit: a report to be read by programs") {
  using Json = nlohmann::json;
  const TemporaryFolder folder;
  const std::string model = folder.write("rain.bif", kRain);
  const std::string data = folder.write("days.csv", "rain,wet\nyes,yes\nyes,yes\nno,no\nyes,no\n");
  const std::string learned = folder.path("learned.bif");
  const Run run = run_credo({"fit", model, "--data", data, "-o", learned, "--format", "json"});
  REQUIRE(run.code == 0);
  const Json json = Json::parse(run.out);
  CHECK(json["task"] == "fit");
  CHECK(json["status"] == "ok");
  CHECK(json["guarantee"] == "exact");
  CHECK(json["written"] == learned);
  CHECK(json["cases"] == 4);
  CHECK(json["complete"] == true);
  CHECK(std::fabs(json["log_likelihood"].get<double>() - -6.0 * std::log(2.0)) < 1e-14);
  CHECK(json["log_evidence"].is_null());
  CHECK(json["counts"]["rain"]["values"] == Json::parse("[1, 3]"));
  CHECK(json["counts"]["wet"]["values"] == Json::parse("[1, 0, 1, 2]"));
  // One start at p(wet) = 0.23: the trace never falls, and ends at its last value.
  const std::string gaps = folder.write("gaps.csv", "wet\nyes\nno\nyes\n");
  const Run ascent = run_credo(
      {"fit", model, "--data", gaps, "-o", learned, "--format", "json", "--restarts", "1"});
  REQUIRE(ascent.code == 0);
  const Json steps = Json::parse(ascent.out);
  CHECK(steps["guarantee"] == "fixed-point");
  CHECK(steps["complete"] == false);
  const auto trace = steps["trace"].get<std::vector<double>>();
  REQUIRE(trace.size() == steps["iterations"].get<std::size_t>() + 1);
  CHECK(std::fabs(trace.front() - (2.0 * std::log(0.23) + std::log(0.77))) < 1e-12);
  CHECK(std::is_sorted(trace.begin(), trace.end()));
  CHECK(run_credo({"fit", model, "--data", gaps, "-o", learned, "--format", "uai"}).code == 1);
}

TEST_CASE("fit: missing values, a limit on time") {
  const TemporaryFolder folder;
  const std::string model = folder.write("rain.bif", kRain);
  const std::string data = folder.write("days.csv", "wet\nyes\nno\nyes\n");
  const std::string learned = folder.path("learned.json");
  const Run run = run_credo({"fit", model, "--data", data, "-o", learned});
  CHECK(run.code == 0);
  CHECK(contains(run.out, "fixed-point"));
  // p(wet) = 2/3 is all there is to learn: 3 log 3 - 2 log 2 less.
  CHECK(contains(run.out, "log likelihood  -1.909542"));
  // Starts without end: the best of those that were finished by the limit.
  const Run late = run_credo({"fit", model, "--data", data, "-o", learned, "--restarts",
                              "1000000000", "--time-limit", "1.5"});
  CHECK(late.code == 0);
  CHECK(contains(late.out, "log likelihood  -1.909542"));
  CHECK(late.seconds < 9.0);
}

TEST_CASE("fit: wrong input") {
  const TemporaryFolder folder;
  const std::string model = folder.write("rain.bif", kRain);
  const std::string data = folder.write("days.csv", "rain,wet\nyes,perhaps\n");
  const std::string learned = folder.path("learned.bif");
  const Run run = run_credo({"fit", model, "--data", data, "-o", learned});
  CHECK(run.code == 1);
  CHECK(contains(run.err, "days.csv:2:5: expected a state of wet"));
  CHECK(run_credo({"fit", model, "--data", data}).code == 1);
  const Run mixed = run_credo({"fit", model, "--data", data, "-o", "-", "--to", "bif"});
  CHECK(mixed.code == 1);
  CHECK(contains(mixed.err, "is for the report"));
  CHECK(run_credo({"fit", model, "--data", folder.path("no.csv"), "-o", learned}).code == 1);
  const Run prior = run_credo({"fit", model, "--data", data, "-o", learned, "--prior", "bdue"});
  CHECK(prior.code == 1);
  CHECK(contains(prior.err, "bdeu"));
  const std::string three = folder.write("three.uai", kThree);
  const std::string states = folder.write("states.csv", "x0\n1\n");
  const Run markov = run_credo({"fit", three, "--data", states, "-o", folder.path("m.uai")});
  CHECK(markov.code == 1);
  CHECK(contains(markov.err, "Bayesian network"));
}

}  // namespace
}  // namespace credo::test
