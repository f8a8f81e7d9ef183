// Every query command in every output format, against values worked out by hand or published.

#include "program.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <sstream>

namespace credo::test {
namespace {

using Json = nlohmann::json;

Json ask_json(std::vector<std::string> arguments, std::string_view input = {}) {
  arguments.insert(arguments.end(), {"--format", "json"});
  const Run run = run_credo(arguments, input);
  INFO(run.err);
  REQUIRE(run.code == 0);
  CHECK(run.err.empty());
  return Json::parse(run.out);
}

const std::vector<std::string> kRainWet{"-", "--from", "bif", "--set", "wet=yes"};

std::vector<std::string> with(std::string command, std::vector<std::string> rest) {
  rest.insert(rest.begin(), std::move(command));
  return rest;
}

TEST_CASE("pr: log probability of evidence in every format") {
  const double z = 0.2 * 0.75 + 0.8 * 0.1;
  const Json json = ask_json(with("pr", kRainWet), kRain);
  CHECK(json["task"] == "pr");
  CHECK(json["status"] == "ok");
  CHECK(json["guarantee"] == "exact");
  CHECK(json["log_z"].get<double>() == doctest::Approx(std::log(z)).epsilon(1e-14));
  CHECK(json["log_z_lower"] == json["log_z"]);
  CHECK(json["log_z_upper"] == json["log_z"]);
  CHECK(json["marginals"].is_null());
  CHECK(json["assignment"].is_null());
  CHECK(json["log_value"].is_null());
  for (const char* key : {"load", "plan", "infer"}) {
    CHECK(json["timings"].contains(key));
  }
  for (const char* key : {"operations", "peak_bytes"}) {
    CHECK(json["predicted"].contains(key));
  }
  CHECK(json.contains("iterations"));
  CHECK(json.contains("residual"));
  CHECK(json.contains("algorithm"));

  const Run uai = run_credo({"pr", "-", "--from", "uai", "--format", "uai"}, kThree);
  CHECK(uai.code == 0);
  REQUIRE(uai.out.starts_with("PR\n"));
  CHECK(uai.out.back() == '\n');
  CHECK(std::stod(uai.out.substr(3)) == doctest::Approx(std::log10(21.9)).epsilon(1e-14));

  const Run text = run_credo(with("pr", kRainWet), kRain);
  CHECK(text.code == 0);
  CHECK(contains(text.out, "log10 Z"));
  CHECK(contains(text.out, "exact"));
}

TEST_CASE("mar: posteriors by name, observed variables included") {
  const double rain = 0.15 / 0.23;
  const Json json = ask_json(with("mar", kRainWet), kRain);
  CHECK(json["marginals"]["rain"][1].get<double>() == doctest::Approx(rain).epsilon(1e-14));
  CHECK(json["marginals"]["wet"] == Json::parse("[0, 1]"));

  const Run text = run_credo(with("mar", kRainWet), kRain);
  CHECK(contains(text.out, "0.6522"));
  CHECK(contains(text.out, "wet (observed)"));
  CHECK(contains(text.out, "yes"));
}

TEST_CASE("mar: soft evidence multiplies") {
  const Json json = ask_json({"mar", "-", "--from", "bif", "--likelihood", "wet=0.5,0.25"}, kRain);
  const double no = 0.8 * (0.9 * 0.5 + 0.1 * 0.25);
  const double yes = 0.2 * (0.25 * 0.5 + 0.75 * 0.25);
  CHECK(json["marginals"]["rain"][1].get<double>() ==
        doctest::Approx(yes / (no + yes)).epsilon(1e-14));
  CHECK(json["log_z"].get<double>() == doctest::Approx(std::log(no + yes)).epsilon(1e-14));
}

TEST_CASE("mar: the competition's file lists every variable") {
  const TemporaryFolder folder;
  const std::string evid = folder.write("e.evid", "1 0 1\n");
  const Run run =
      run_credo({"mar", "-", "--from", "uai", "--evid", evid, "--format", "uai"}, kThree);
  REQUIRE(run.code == 0);
  std::istringstream numbers(run.out.substr(4));
  CHECK(run.out.starts_with("MAR\n3 2 0 1 2 "));
  std::vector<double> read;
  for (double x = 0.0; numbers >> x;) {
    read.push_back(x);
  }
  // x0 = 1: x1 weighs 0.8 * 6 and 0.2 * 15; x2 weighs 0.8 (1, 2, 3) + 0.2 (4, 5, 6).
  const std::vector<double> expected{3,         2, 0,         1,         2,        4.8 / 7.8,
                                     3.0 / 7.8, 3, 1.6 / 7.8, 2.6 / 7.8, 3.6 / 7.8};
  REQUIRE(read.size() == expected.size());
  for (std::size_t i = 0; i < read.size(); ++i) {
    CHECK(read[i] == doctest::Approx(expected[i]).epsilon(1e-14));
  }
  CHECK(std::count(run.out.begin(), run.out.end(), '\n') == 2);
}

TEST_CASE("mar: the evidence file may have a leading line with its number of samples") {
  const TemporaryFolder folder;
  const std::string evid = folder.write("e.evid", "1\n1 0 1\n");
  const Json json = ask_json({"mar", "-", "--from", "uai", "--evid", evid}, kThree);
  CHECK(json["marginals"]["x0"] == Json::parse("[0, 1]"));
}

TEST_CASE("mar: asia without evidence has the published marginals") {
  // Lauritzen and Spiegelhalter 1988, from the network's own tables.
  const Json json = ask_json({"mar", data("bif/asia.bif")});
  CHECK(json["marginals"]["tub"][0].get<double>() == doctest::Approx(0.0104).epsilon(1e-12));
  CHECK(json["marginals"]["lung"][0].get<double>() == doctest::Approx(0.055).epsilon(1e-12));
  CHECK(json["marginals"]["either"][0].get<double>() == doctest::Approx(0.064828).epsilon(1e-12));
  CHECK(json["marginals"]["xray"][0].get<double>() ==
        doctest::Approx(0.064828 * 0.98 + 0.935172 * 0.05).epsilon(1e-12));
}

TEST_CASE("map: best assignment in every format, and the k best") {
  const Json named = ask_json(with("map", kRainWet), kRain);
  CHECK(named["assignment"] == Json::parse(R"({"rain": "yes", "wet": "yes"})"));
  CHECK(named["log_value"].get<double>() == doctest::Approx(std::log(0.15)).epsilon(1e-14));

  const Run uai = run_credo({"map", "-", "--from", "uai", "--format", "uai"}, kThree);
  CHECK(uai.out == "MAP\n3 0 1 2\n");

  const Json best = ask_json({"map", "-", "--from", "uai", "--k-best", "3"}, kThree);
  REQUIRE(best["assignments"].size() == 3);
  const std::vector<double> values{0.9 * 6, 0.9 * 5, 0.9 * 4};
  for (std::size_t k = 0; k < values.size(); ++k) {
    CHECK(best["assignments"][k]["log_value"].get<double>() ==
          doctest::Approx(std::log(values[k])).epsilon(1e-14));
  }
  const Run text = run_credo({"map", "-", "--from", "uai", "--k-best", "3"}, kThree);
  CHECK(contains(text.out, "#3"));
}

TEST_CASE("mmap: best states of the query's variables") {
  const TemporaryFolder folder;
  const std::string query = folder.write("q.query", "2 2 0\n");
  const std::vector<std::string> arguments{"mmap", "-", "--from", "uai", "--query", query};
  std::vector<std::string> uai = arguments;
  uai.insert(uai.end(), {"--format", "uai"});
  // sum over x1 of f(x0, x1) g(x1, x2): (0, 2): 0.1 * 3 + 0.9 * 6 is the largest.
  CHECK(run_credo(uai, kThree).out == "MMAP\n2 2 2 0 0\n");
  const Json json = ask_json(arguments, kThree);
  CHECK(json["assignment"] == Json::parse(R"({"x0": 0, "x2": 2})"));
  CHECK(json["log_value"].get<double>() == doctest::Approx(std::log(5.7)).epsilon(1e-14));
}

TEST_CASE("sample: CSV with names, and the same bits from the same seed") {
  const auto draw = [](const char* seed) {
    return run_credo({"sample", "-", "--from", "bif", "-n", "200", "--seed", seed}, kRain);
  };
  const Run first = draw("7");
  REQUIRE(first.code == 0);
  CHECK(first.out.starts_with("rain,wet\n"));
  CHECK(std::count(first.out.begin(), first.out.end(), '\n') == 201);
  CHECK(contains(first.out, "\nno,no\n"));
  CHECK(contains(first.out, "\nyes,yes\n"));
  CHECK(draw("7").out == first.out);
  CHECK(draw("8").out != first.out);
}

TEST_CASE("sample: names with commas and quotes are quoted") {
  const std::string model = R"(network odd { }
variable x { type discrete [ 2 ] { "a,b", c }; }
probability ( x ) { table 0.5, 0.5; }
)";
  const Run run = run_credo({"sample", "-", "--from", "bif", "-n", "50"}, model);
  INFO(run.err);
  REQUIRE(run.code == 0);
  CHECK(contains(run.out, "\n\"a,b\"\n"));
  CHECK(contains(run.out, "\nc\n"));
}

TEST_CASE("info: structure, cost and every algorithm's verdict") {
  const Json json = ask_json({"info", data("bif/asia.bif")});
  CHECK(json["variables"] == 8);
  CHECK(json["factors"] == 8);
  CHECK(json["bayesian_network"] == true);
  CHECK(json["forest"] == false);
  CHECK(json["components"] == 1);
  CHECK(json["largest_cardinality"] == 2);
  CHECK(json["algorithms"].size() >= 2);
  const Run text = run_credo({"info", data("bif/asia.bif")});
  CHECK(text.code == 0);
  CHECK(contains(text.out, "Bayesian network"));
  CHECK(contains(text.out, "enumeration"));
}

TEST_CASE("info: one short search serves every verdict") {
  // A 40 x 40 grid: a query searches its order for ten nominal seconds.
  constexpr std::size_t kSide = 40;
  std::string scopes;
  std::string tables;
  std::size_t count = 0;
  for (std::size_t i = 0; i < kSide * kSide; ++i) {
    for (const std::size_t step : {std::size_t{1}, kSide}) {
      const bool inside = step == 1 ? i % kSide + 1 < kSide : i + kSide < kSide * kSide;
      if (!inside) continue;
      scopes += "2 " + std::to_string(i) + " " + std::to_string(i + step) + "\n";
      tables += "4 1 2 3 5\n";
      ++count;
    }
  }
  std::string text = "MARKOV\n" + std::to_string(kSide * kSide) + "\n";
  for (std::size_t i = 0; i < kSide * kSide; ++i) text += "2 ";
  text += "\n" + std::to_string(count) + "\n" + scopes + tables;
  const TemporaryFolder folder;
  const Run run = run_credo(
      {"info", folder.write("grid.uai", text), "--memory-limit", "1MiB", "--time-limit", "12"});
  CHECK(run.code == 0);
  CHECK(contains(run.out, "order by min-"));
  CHECK(run.seconds < 20.0);
}

TEST_CASE("info: a model over budget is described, not refused") {
  const Json json = ask_json({"info", data("uai/Grids_11.uai"), "--memory-limit", "1KB"});
  bool refused = false;
  for (const Json& verdict : json["algorithms"]) {
    refused = refused || !verdict["answers"].get<bool>();
  }
  CHECK(refused);
}

TEST_CASE("over budget, automatic choice falls back to an estimate that says so") {
  const Json json = ask_json({"mar", data("uai/Grids_11.uai"), "--memory-limit", "1MiB",
                              "--schedule", "residual", "--iterations", "30"});
  CHECK(json["algorithm"] == "belief_propagation");
  CHECK(json["guarantee"] != "exact");
  CHECK(contains(json["message"].get<std::string>(), "contraction: needs"));
  CHECK(json["log_z_lower"].is_null());
  CHECK(json["iterations"] <= 30);
  CHECK(json["residual"].is_number());
  const Run exact = run_credo(
      {"mar", data("uai/Grids_11.uai"), "--memory-limit", "1MiB", "--algorithm", "contraction"});
  CHECK(exact.code == 2);

  const TemporaryFolder folder;
  const std::string trace = folder.path("trace.json");
  const Run text = run_credo({"pr", data("uai/Grids_11.uai"), "--algorithm", "belief_propagation",
                              "--iterations", "5", "--damping", "0.5", "--trace", trace});
  CHECK(text.code == 0);
  CHECK(contains(text.out, "unconverged, belief_propagation"));
  CHECK(contains(text.out, "not converged after 5 iterations"));
  CHECK(Json::parse(read_text(trace))["residuals"].size() == 5);
  const Run wrong = run_credo({"pr", data("uai/Grids_11.uai"), "--schedule", "floodin"});
  CHECK(wrong.code == 1);
  CHECK(contains(wrong.err, "parallel"));
}

TEST_CASE("competition models agree with their references") {
  for (const char* name : {"Promedus_27", "Pedigree_11", "Segmentation_11"}) {
    CAPTURE(name);
    const std::string model = data(std::string("uai/") + name + ".uai");
    const Run pr = run_credo({"pr", model, "--evid", model + ".evid", "--format", "uai"});
    INFO(pr.err);
    REQUIRE(pr.code == 0);
    const double reference = std::stod(read_text(model + ".PR").substr(3));
    CHECK(std::abs(std::stod(pr.out.substr(3)) - reference) < 1e-3);
  }
}

TEST_CASE("an explicit algorithm gives the same answer") {
  const Json automatic = ask_json({"mar", "-", "--from", "uai"}, kThree);
  const Json listed = ask_json({"mar", "-", "--from", "uai", "--algorithm", "enumeration"}, kThree);
  CHECK(listed["algorithm"] == "enumeration");
  for (const char* name : {"x0", "x1", "x2"}) {
    for (std::size_t s = 0; s < listed["marginals"][name].size(); ++s) {
      CHECK(automatic["marginals"][name][s].get<double>() ==
            doctest::Approx(listed["marginals"][name][s].get<double>()).epsilon(1e-14));
    }
  }
}

TEST_CASE("help: every command, and the engines' own table of algorithms") {
  const Run help = run_credo({"--help"});
  CHECK(help.code == 0);
  CHECK(help.err.empty());
  CHECK(contains(help.out, "enumeration"));
  for (const char* command :
       {"pr", "mar", "map", "mmap", "sample", "info", "convert", "draw", "control"}) {
    CAPTURE(command);
    CHECK(contains(help.out, std::string("  ") + command + " "));
    const Run own = run_credo({command, "--help"});
    CHECK(own.code == 0);
    CHECK(contains(own.out, std::string("Usage: credo ") + command));
    // Only where there is an algorithm to choose.
    const std::string name = command;
    CHECK(contains(own.out, "enumeration") ==
          (name != "convert" && name != "draw" && name != "control"));
  }
}

}  // namespace
}  // namespace credo::test
