// The command line on models with continuous variables. Expected numbers are worked out by hand
// beside the checks; the models are in tests/data/gaussian.

#include "program.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

namespace credo::test {
namespace {

using Json = nlohmann::json;

const std::string kChain = data("gaussian/chain.json");
const std::string kHarvest = data("gaussian/harvest.json");
const std::string kSum = data("gaussian/sum.json");
const std::string kImproper = data("gaussian/improper.json");

Json ask(std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--format", "json"});
  const Run run = run_credo(arguments);
  INFO(run.err);
  REQUIRE(run.code == 0);
  return Json::parse(run.out);
}

void check_close(const Json& got, const std::vector<double>& expected) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK(std::fabs(got[i].get<double>() - expected[i]) < 1e-12);
  }
}

double log_normal(double x, double mean, double variance) {
  return -0.5 * (std::log(2.0 * std::numbers::pi * variance) + (x - mean) * (x - mean) / variance);
}

TEST_CASE("continuous: a chain of three, by hand") {
  // Var z = 4 x 4 + 1, cov(y, z) = -2 x 4, cov(x, z) = -2 x 0.5 x 4; z is 4 below its mean of -1.
  const Json m = ask({"mar", kChain, "--set", "z=-5"});
  CHECK(m["guarantee"] == "exact");
  check_close(m["marginals"]["x"]["mean"], {50.0 / 17.0});
  check_close(m["marginals"]["x"]["covariance"], {52.0 / 17.0});
  check_close(m["marginals"]["y"]["mean"], {66.0 / 17.0});
  check_close(m["marginals"]["y"]["covariance"], {4.0 / 17.0});
  check_close(m["marginals"]["z"]["mean"], {-5.0});
  CHECK(std::fabs(m["log_z"].get<double>() - log_normal(-5.0, -1.0, 17.0)) < 1e-12);
  // The mode of a Gaussian is its mean.
  const Json best = ask({"map", kChain, "--set", "z=-5"});
  check_close(best["assignment"]["x"], {50.0 / 17.0});
  const double log_value = log_normal(50.0 / 17.0, 2.0, 4.0) +
                           log_normal(66.0 / 17.0, 42.0 / 17.0, 3.0) +
                           log_normal(-5.0, 3.0 - 132.0 / 17.0, 1.0);
  CHECK(std::fabs(best["log_value"].get<double>() - log_value) < 1e-12);
  const Run text = run_credo({"mar", kChain});
  CHECK(contains(text.out, "variable  mean  covariance\nx         2     4\ny         2     4\n"));
}

TEST_CASE("continuous: a mixed network, by hand") {
  const Json m = ask({"mar", kHarvest});
  check_close(m["marginals"]["weather"], {0.25, 0.75});
  check_close(m["marginals"]["crop"]["mean"], {5.0});
  check_close(m["marginals"]["crop"]["covariance"], {4.0});
  // 0.6 (0.25 x 10 + 0.75 x 6) + 0.4 (0.25 x 7 + 0.75 x 5); second moment 45.
  check_close(m["marginals"]["price"]["mean"], {6.4});
  check_close(m["marginals"]["price"]["covariance"], {4.04});
  CHECK(m["marginals"]["price"]["mixture"].size() == 4);
  // A price of 7: four densities, weighed.
  const double dry_no = 0.15 * std::exp(log_normal(7.0, 10.0, 2.0));
  const double dry_yes = 0.10 * std::exp(log_normal(7.0, 7.0, 0.5));
  const double wet_no = 0.45 * std::exp(log_normal(7.0, 6.0, 2.0));
  const double wet_yes = 0.30 * std::exp(log_normal(7.0, 5.0, 0.5));
  const double all = dry_no + dry_yes + wet_no + wet_yes;
  const Json posterior = ask({"mar", kHarvest, "--set", "price=7"});
  check_close(posterior["marginals"]["weather"],
              {(dry_no + dry_yes) / all, (wet_no + wet_yes) / all});
  check_close(posterior["marginals"]["subsidy"],
              {(dry_no + wet_no) / all, (dry_yes + wet_yes) / all});
  CHECK(std::fabs(posterior["log_z"].get<double>() - std::log(all)) < 1e-12);
  const Run pr = run_credo({"pr", kHarvest, "--set", "price=7", "--format", "uai"});
  CHECK(pr.code == 0);
  REQUIRE(pr.out.starts_with("PR\n"));
  CHECK(std::fabs(std::stod(pr.out.substr(3)) - std::log10(all)) < 1e-12);
}

TEST_CASE("continuous: the best of a mixed network") {
  const TemporaryFolder folder;
  // The integral over crop and price is 1: the prior alone decides.
  const std::string query = folder.write("weather.query", "1 0\n");
  const Run uai = run_credo({"mmap", kHarvest, "--query", query, "--format", "uai"});
  CHECK(uai.code == 0);
  CHECK(uai.out == "MMAP\n1 0 1\n");
  const Run both = run_credo({"map", kHarvest, "--k-best", "2"});
  CHECK(both.code == 0);
  CHECK(contains(both.out, "price     5\n"));
  CHECK(contains(both.out, "with subsidy = no, price = 6\n"));
  const Run alone = run_credo({"map", kChain, "--k-best", "2"});
  CHECK(alone.code == 0);
  CHECK(contains(alone.err, "there is 1 only"));
  const std::string crop = folder.write("crop.query", "1 2\n");
  const Run refused = run_credo({"mmap", kHarvest, "--query", crop});
  CHECK(refused.code == 2);
  CHECK(contains(refused.err, "crop is continuous"));
}

TEST_CASE("continuous: singular covariances") {
  // first + second = 6 splits the surplus of 3 by variances 1 and 3.
  const Json m = ask({"mar", kSum, "--set", "total=6"});
  check_close(m["marginals"]["first"]["mean"], {1.75});
  check_close(m["marginals"]["second"]["covariance"], {0.75});
  check_close(m["marginals"]["pair"]["covariance"], {4.0, 4.0, 4.0, 4.0});
  CHECK(std::fabs(m["log_z"].get<double>() - log_normal(6.0, 3.0, 4.0)) < 1e-12);
  // What the others leave no room for has density zero, and what they say already adds none.
  const Run clash =
      run_credo({"pr", kSum, "--set", "total=6", "--set", "first=2", "--set", "second=3"});
  CHECK(clash.code == 3);
  CHECK(contains(clash.err, "{first = 2, second = 3, total = 6}"));
  const Run apart = run_credo({"pr", kSum, "--set", "pair=1,5"});
  CHECK(apart.code == 3);
  const Run drawn = run_credo({"sample", kSum, "-n", "3"});
  CHECK(drawn.code == 0);
  CHECK(drawn.out.starts_with("first,second,total,pair[0],pair[1]\n"));
}

TEST_CASE("continuous: an improper model is refused until it is held") {
  for (const char* command : {"pr", "mar", "map"}) {
    const Run run = run_credo({command, kImproper});
    CHECK(run.code == 2);
    CHECK(contains(run.err, "diverges"));
    CHECK(contains(run.err, "observe it"));
    CHECK(run.out.empty());
  }
  // -(1 - right - 2)^2 / 2.
  const Json m = ask({"mar", kImproper, "--set", "left=1"});
  check_close(m["marginals"]["right"]["mean"], {-1.0});
  CHECK(std::fabs(m["log_z"].get<double>() - 0.5 * std::log(2.0 * std::numbers::pi)) < 1e-12);
}

TEST_CASE("continuous: the closest product, with its bound") {
  const std::string rooms = data("gaussian/rooms.json");
  const Json exact = ask({"mar", rooms, "--algorithm", "gaussian_elimination"});
  const Json m = ask({"mar", rooms, "--algorithm", "mean_field"});
  CHECK(m["guarantee"] == "lower-bound");
  CHECK(m["log_z_lower"].get<double>() < exact["log_z"].get<double>());
  CHECK(std::fabs(m["marginals"]["hall"]["mean"][0].get<double>() -
                  exact["marginals"]["hall"]["mean"][0].get<double>()) < 1e-10);
  // The bedroom's precision: 1 / 4 of its prior and 1 / 2 of each of two doors.
  check_close(m["marginals"]["bedroom"]["covariance"], {0.8});
  const Run improper = run_credo({"pr", kImproper, "--algorithm", "mean_field"});
  CHECK(improper.code == 2);
  CHECK(contains(improper.err, "no finite log Z"));
}

TEST_CASE("continuous: formats that hold states only") {
  const TemporaryFolder folder;
  const std::string copy = folder.path("copy.json.gz");
  const std::string again = folder.path("again.json");
  CHECK(run_credo({"convert", kHarvest, "-o", copy}).code == 0);
  CHECK(run_credo({"convert", copy, "-o", again}).code == 0);
  const std::string direct = folder.path("direct.json");
  CHECK(run_credo({"convert", kHarvest, "-o", direct}).code == 0);
  CHECK((read_text(again) == read_text(direct)));
  for (const char* name : {"m.uai", "m.bif", "m.xmlbif", "m.net"}) {
    const Run run = run_credo({"convert", kHarvest, "-o", folder.path(name)});
    CHECK(run.code == 1);
    CHECK(contains(run.err, "(json holds any model): expected discrete variables only, got crop"));
  }
  const Run mar = run_credo({"mar", kHarvest, "--format", "uai"});
  CHECK(mar.code == 1);
  CHECK(contains(mar.err, "text and json hold any answer"));
  const std::string evidence = folder.write("crop.evid", "1 2 0\n");
  const Run observed = run_credo({"pr", kHarvest, "--evid", evidence});
  CHECK(observed.code == 1);
  CHECK(contains(observed.err, "crop.evid:1:3: expected a discrete variable"));
}

TEST_CASE("continuous: values that are none") {
  const auto complaint = [](const std::string& model, const std::string& setting) {
    const Run run = run_credo({"pr", model, "--set", setting});
    CHECK(run.code == 1);
    CHECK(run.out.empty());
    return run.err;
  };
  CHECK(contains(complaint(kChain, "z=1,2"), "on z: expected 1 finite number, got (1, 2)"));
  CHECK(contains(complaint(kSum, "pair=1"), "on pair: expected 2 finite numbers, got (1)"));
  CHECK(contains(complaint(kChain, "z=nan"), "expected 1 finite number"));
  CHECK(contains(complaint(kChain, "z=warm"), "expected a number, got 'warm'"));
  CHECK(contains(complaint(kChain, "z="), "expected a number, got ''"));
  CHECK(contains(complaint(kChain, "w=1"), "unknown variable w; did you mean x, y or z?"));
  CHECK(contains(complaint(kHarvest, "weather=1.5"), "expected one of the states dry, wet"));
  const Run soft = run_credo({"pr", kChain, "--likelihood", "z=1,2"});
  CHECK(soft.code == 1);
  CHECK(contains(soft.err, "the variable is continuous"));
}

TEST_CASE("continuous: ill-formed files") {
  const TemporaryFolder folder;
  const auto complaint = [&folder](const std::string& variables, const std::string& factor) {
    const std::string text =
        "{\"format\": \"credo factor graph\", \"version\": 1, \"variables\": [\n" + variables +
        "], \"gaussian_factors\": [\n" + factor + "]}\n";
    const Run run = run_credo({"pr", folder.write("m.json", text)});
    CHECK(run.code == 1);
    return run.err;
  };
  const auto kernel = [](const std::string& covariance) {
    return "{\"continuous\": [\"x\"], \"table\": {\"kernels\": [{\"gain\": [], \"offset\": [0, 0], "
           "\"covariance\": [" +
           covariance + "]}]}}";
  };
  const std::string x = R"({"name": "x", "dimension": 2})";
  CHECK(contains(complaint(R"({"name": "x", "dimension": 0})", ""),
                 "m.json:2:28: expected a dimension of at least 1"));
  CHECK(contains(complaint(x, kernel("1, 0, 0")), "m.json:3:32: "));
  CHECK(contains(complaint(x, kernel("1, 0, 0")), "expected 4 numbers in the covariance, got 3"));
  CHECK(contains(complaint(x, kernel("1, 0.5, 0.4, 1")), "expected a symmetric covariance"));
  CHECK(contains(complaint(x, kernel("1, 2, 2, 1")), "expected a positive semi-definite"));
  CHECK(contains(complaint(x, kernel("1, 0, 0, NaN")), "expected a number, got \"NaN\""));
  CHECK(contains(complaint(R"({"name": "x", "cardinality": 2})", kernel("1, 0, 0, 1")),
                 "m.json:3:17: expected a continuous variable, got \"x\", which is discrete"));
  // 3 x 12297829382473034411 = 1 modulo 2^64.
  CHECK(contains(complaint(x, R"({"continuous": ["x"], "table": {"shape": [3, 12297829382473034411],
                 "kernels": [{"gain": [], "offset": [0, 0], "covariance": [1, 0, 0, 1]}]}})"),
                 "expected 18446744073709551615 linear-Gaussian kernels, got 1"));
}

TEST_CASE("continuous: drawn with two outlines") {
  const TemporaryFolder folder;
  const std::string file = folder.path("harvest.dot");
  CHECK(run_credo({"draw", kHarvest, "-o", file, "--set", "price=7"}).code == 0);
  const std::string dot = read_text(file);
  CHECK(contains(dot,
                 "label=\"crop\", fillcolor=\"#e8f0fa\", tooltip=\"crop: dimension 1\", "
                 "peripheries=2"));
  CHECK(contains(dot, "label=\"price = 7\""));
  const Run info = run_credo({"info", kHarvest});
  CHECK(info.code == 0);
  CHECK(contains(info.out, "2 of them continuous"));
  CHECK(contains(info.out, "would not: crop is continuous"));
}

TEST_CASE("continuous: messages give elimination's means, and say what else they are") {
  const std::string rooms = data("gaussian/rooms.json");
  const Json exact = ask({"mar", rooms, "--algorithm", "gaussian_elimination"});
  const Json loopy = ask({"mar", rooms, "--algorithm", "gaussian_belief_propagation", "--damping",
                          "0.2", "--schedule", "parallel"});
  CHECK(loopy["guarantee"] == "fixed-point");
  CHECK(contains(loopy["message"].get<std::string>(), "walk-summable, rho(|R|) <= 0.69"));
  for (const char* room : {"hall", "kitchen", "study", "bedroom"}) {
    const Json& mine = loopy["marginals"][room];
    const Json& truth = exact["marginals"][room];
    CHECK(std::fabs(mine["mean"][0].get<double>() - truth["mean"][0].get<double>()) < 1e-8);
    CHECK(mine["covariance"][0].get<double>() < truth["covariance"][0].get<double>());
  }
  const std::string frustrated = data("gaussian/frustrated.json");
  const Run broken = run_credo({"mar", frustrated, "--algorithm", "gaussian_belief_propagation"});
  CHECK(broken.code == 2);
  CHECK(contains(broken.err, "broke down in iteration"));
  CHECK(contains(broken.err, "not walk-summable, rho(|R|) >= 1.076"));
  const Json cut =
      ask({"mar", frustrated, "--algorithm", "gaussian_belief_propagation", "--set", "c=1"});
  CHECK(cut["guarantee"] == "exact");
}

TEST_CASE("continuous: switches that exact elimination can list, and their moments") {
  // A pump that is on or off for twelve hours: 2048 sequences matter.
  const std::string tank = data("gaussian/tank.json");
  const Json exact = ask({"mar", tank});
  const Json matched = ask({"mar", tank, "--algorithm", "moment_matching"});
  CHECK(exact["algorithm"] == "gaussian_elimination");
  CHECK(matched["guarantee"] == "none");
  CHECK(contains(matched["message"].get<std::string>(), "mixtures of up to 2 Gaussians replaced"));
  CHECK(std::fabs(matched["log_z"].get<double>() - exact["log_z"].get<double>()) < 0.01);
  for (const auto& [name, got] : matched["marginals"].items()) {
    CAPTURE(name);
    const Json& wanted = exact["marginals"][name];
    if (got.is_array()) {
      CHECK(std::fabs(got[0].get<double>() - wanted[0].get<double>()) < 0.005);
    } else {
      CHECK(std::fabs(got["mean"][0].get<double>() - wanted["mean"][0].get<double>()) < 0.002);
      CHECK(std::fabs(got["covariance"][0].get<double>() - wanted["covariance"][0].get<double>()) <
            0.012);
    }
  }
}

TEST_CASE("continuous: numbers beyond the range of doubles are not called impossible") {
  for (const char* algorithm : {"auto", "gaussian_elimination", "moment_matching"}) {
    CAPTURE(algorithm);
    for (const char* finding : {"price=1e300", "price=-1e200"}) {
      const Run run = run_credo({"pr", kHarvest, "--set", finding, "--algorithm", algorithm});
      CHECK(run.code == 2);
      CHECK(contains(run.err, "the numbers leave the range of doubles"));
    }
  }
  CHECK(run_credo({"mar", kHarvest, "--set", "price=1e150"}).code == 0);
}

TEST_CASE("continuous: switches that are too many are answered, labelled, or refused") {
  const std::string day = data("gaussian/tank_day.json");
  const Run answered = run_credo({"mar", day});
  CHECK(answered.code == 0);
  CHECK(contains(answered.out, "\nnone, moment_matching, "));
  CHECK(contains(answered.out, "approximate, 42 mixtures of up to 2 Gaussians replaced"));
  CHECK(contains(answered.out, "because gaussian_elimination: "));
  CHECK(contains(run_credo({"pr", day}).out, "natural logarithm, estimate"));
  const Run best = run_credo({"map", day});
  CHECK(best.code == 2);
  CHECK(contains(best.err, "moment_matching: keeps means and covariances of mixtures"));
  const Run small = run_credo({"mar", day, "--memory-limit", "1KiB"});
  CHECK(small.code == 2);
  CHECK(contains(small.err, "moment_matching: messages and the widest cluster"));
  const Run late =
      run_credo({"mar", day, "--algorithm", "moment_matching", "--time-limit", "1e-6"});
  CHECK(late.code == 4);
  const Run info = run_credo({"info", day});
  CHECK(contains(info.out, "[none]\n    pr, mar: would answer\n"));
}

}  // namespace
}  // namespace credo::test
