// credo meu: influence diagrams and partially observed processes.

#include "program.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace credo::test {
namespace {

using Json = nlohmann::json;

/// Raiffa 1968: drill for oil, after a seismic test or not; 22.5 by hand.
constexpr std::string_view kOil = R"({"name": "oil", "nodes": [
  {"chance": "oil", "states": ["dry", "wet", "soaking"], "rows": [[0.5, 0.3, 0.2]]},
  {"decision": "test", "states": ["yes", "no"], "sees": []},
  {"chance": "seismic", "states": ["closed", "open", "diffuse", "none"],
   "parents": ["oil", "test"],
   "rows": [[0.1, 0.3, 0.6, 0], [0, 0, 0, 1], [0.3, 0.4, 0.3, 0], [0, 0, 0, 1],
            [0.5, 0.4, 0.1, 0], [0, 0, 0, 1]]},
  {"decision": "drill", "states": ["yes", "no"], "sees": ["test", "seismic"]},
  {"utility": "cost", "parents": ["test"], "values": [-10, 0]},
  {"utility": "profit", "parents": ["oil", "drill"], "values": [-70, 0, 50, 0, 200, 0]}]})";

Json meu_json(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "meu");
  arguments.insert(arguments.end(), {"--format", "json"});
  const Run run = run_credo(arguments);
  INFO(run.err);
  REQUIRE(run.code == 0);
  return Json::parse(run.out);
}

TEST_CASE("meu: an influence diagram, hard and soft") {
  const TemporaryFolder folder;
  const std::string oil = folder.write("oil.json", kOil);
  const Json hard = meu_json({oil});
  CHECK(hard["expected_utility"].get<double>() == doctest::Approx(22.5).epsilon(1e-13));
  CHECK(hard["certified"].get<bool>());
  CHECK(hard["guarantee"] == "exact");
  CHECK(hard["utilities"]["cost"].get<double>() == doctest::Approx(-10.0));
  CHECK(hard["strategy"]["test"]["rows"] == Json::parse("[[1, 0]]"));
  CHECK(hard["strategy"]["drill"]["sees"] == Json::parse(R"(["test", "seismic"])"));
  // Seismic results closed and open: drill; diffuse: do not.
  CHECK(hard["strategy"]["drill"]["rows"][0] == Json::parse("[1, 0]"));
  CHECK(hard["strategy"]["drill"]["rows"][1] == Json::parse("[1, 0]"));
  CHECK(hard["strategy"]["drill"]["rows"][2] == Json::parse("[0, 1]"));
  const Json soft = meu_json({oil, "--temperature", "10", "--naive"});
  CHECK(soft["value"].get<double>() == doctest::Approx(29.00553691).epsilon(1e-9));
  // Conditioning on profit finds oil: it believes to earn almost the 200 of a soaking well.
  CHECK(soft["naive_posterior"]["believed_utility"].get<double>() > 190.0);
  CHECK(soft["naive_posterior"]["expected_utility"].get<double>() < 22.5);
  const Run text = run_credo({"meu", oil});
  CHECK(contains(text.out, "drill given test = yes, seismic = diffuse (0.41): no"));
  CHECK(contains(text.out, "22.5"));
}

TEST_CASE("meu: limited memory is not certified, recall is") {
  const std::string pigs = data("decision/pigs.json");
  // Lauritzen and Nilsson 2001.
  CHECK(meu_json({pigs})["expected_utility"].get<double>() ==
        doctest::Approx(726.8121).epsilon(1e-6));
  const Json recall = meu_json({pigs, "--recall"});
  CHECK(recall["expected_utility"].get<double>() == doctest::Approx(729.225).epsilon(1e-12));
  CHECK(recall["certified"].get<bool>());
}

TEST_CASE("meu: a hidden process, from both formats") {
  for (const char* file : {"control/tiger.json", "control/tiger.POMDP"}) {
    CAPTURE(file);
    const std::string tiger = data(file);
    const Json soft = meu_json({tiger, "--horizon", "3", "--temperature", "1", "--discount", "1"});
    CHECK(soft["value"].get<double>() == doctest::Approx(2.720358230155).epsilon(1e-11));
    const Json hard = meu_json({tiger, "--horizon", "3", "--discount", "1"});
    CHECK(hard["expected_utility"].get<double>() == doctest::Approx(2.72).epsilon(1e-12));
  }
  const Json window = meu_json({data("control/tiger.json"), "--horizon", "3", "--memory", "window",
                                "--temperature", "1", "--discount", "1"});
  CHECK_FALSE(window["certified"].get<bool>());
  CHECK(window["guarantee"] == "fixed-point");
}

TEST_CASE("meu: what is wrong") {
  const TemporaryFolder folder;
  const std::string oil = folder.write("oil.json", kOil);
  const auto fails = [](const std::vector<std::string>& arguments, int code, const char* part) {
    const Run run = run_credo(arguments);
    CHECK(run.code == code);
    CHECK(run.out.empty());
    CHECK_MESSAGE(contains(run.err, part), run.err);
  };
  fails({"meu", folder.path("none.json")}, 1, "cannot read this file");
  fails({"meu", folder.write("bad.json", R"({"nodes": [)")}, 1, "bad.json:1:");
  fails({"meu", folder.write("row.json",
                             R"({"nodes": [{"chance": "x", "states": ["a", "b"],
                                 "rows": [[0.5, 0.6]]}]})")},
        1, "x");
  fails({"meu", oil, "--horizon", "3"}, 1, "belong to processes");
  fails({"meu", oil, "--temperature", "-1"}, 1, "temperature");
  fails({"meu", data("control/tiger.json")}, 1, "--horizon");
  fails({"meu", data("control/tiger.json"), "--horizon", "3", "--recall"}, 1, "--recall");
  fails({"meu", data("control/tiger.json"), "--horizon", "3", "--memory", "fulll"}, 1, "full");
  fails({"meu", data("control/tiger.json"), "--horizon", "30"}, 2, "GiB");
}

}  // namespace
}  // namespace credo::test
