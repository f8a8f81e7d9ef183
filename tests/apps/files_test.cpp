// Where answers go: atomic files, compressed files, conversions, traces.

#include "program.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

namespace credo::test {
namespace {

TEST_CASE("-o writes what standard output would get, and nothing else") {
  const TemporaryFolder folder;
  const std::string three = folder.write("three.uai", kThree);
  const std::string answer = folder.path("answer");
  const Run to_file = run_credo({"mar", three, "--format", "uai", "-o", answer});
  CHECK(to_file.code == 0);
  CHECK(to_file.out.empty());
  CHECK(to_file.err.empty());
  CHECK(read_text(answer) == run_credo({"mar", three, "--format", "uai"}).out);
  CHECK(folder.names() == std::vector<std::string>{"answer", "three.uai"});
}

TEST_CASE("-o leaves no file when something is wrong, and keeps an old one") {
  const TemporaryFolder folder;
  const std::string bad = folder.write("bad.uai", "MARKOV\n1\n2\n1\n1 0\n2\n1\n");
  CHECK(run_credo({"mar", bad, "-o", folder.path("answer")}).code == 1);
  CHECK(folder.names() == std::vector<std::string>{"bad.uai"});
  const std::string old = folder.write("old", "an earlier answer");
  CHECK(run_credo({"mar", bad, "-o", old}).code == 1);
  CHECK(read_text(old) == "an earlier answer");
  CHECK(run_credo({"convert", bad, "-o", folder.path("new.json")}).code == 1);
  CHECK(folder.names() == std::vector<std::string>{"bad.uai", "old"});
}

TEST_CASE("-o into a folder that is not there is an error with its name") {
  const TemporaryFolder folder;
  const std::string three = folder.write("three.uai", kThree);
  const Run run = run_credo({"mar", three, "-o", folder.path("none/answer")});
  CHECK(run.code == 1);
  CHECK(contains(run.err, "none/answer"));
}

TEST_CASE("convert: every format and back, compressed too, keeps every answer") {
  const TemporaryFolder folder;
  const std::string asia = data("bif/asia.bif");
  const std::string before = run_credo({"mar", asia, "--format", "uai"}).out;
  REQUIRE(before.size() > 20);
  for (const char* extension : {"uai", "bif", "xmlbif", "net", "json", "uai.gz", "bif.gz",
                                "xmlbif.gz", "net.gz", "json.gz"}) {
    CAPTURE(extension);
    const std::string path = folder.path(std::string("asia.") + extension);
    const Run run = run_credo({"convert", asia, "-o", path});
    INFO(run.err);
    REQUIRE(run.code == 0);
    CHECK(run.out.empty());
    const bool compressed = std::string_view(extension).ends_with(".gz");
    CHECK(read_text(path).starts_with("\x1f\x8b") == compressed);
    CHECK(run_credo({"mar", path, "--format", "uai"}).out == before);
  }
}

TEST_CASE("convert: a network has no place for factors that are no conditionals") {
  const TemporaryFolder folder;
  const std::string three = folder.write("three.uai", kThree);
  const Run run = run_credo({"convert", three, "-o", folder.path("three.bif")});
  CHECK(run.code == 1);
  CHECK(contains(run.err, "json"));
  CHECK(folder.names() == std::vector<std::string>{"three.uai"});
  const Run unknown = run_credo({"convert", three, "-o", folder.path("three.xyz")});
  CHECK(unknown.code == 1);
  CHECK(contains(unknown.err, "three.xyz"));
}

TEST_CASE("models come from standard input, compressed or not") {
  const Run plain = run_credo({"pr", "-", "--from", "uai", "--format", "uai"}, kThree);
  CHECK(plain.code == 0);
  const std::string packed = read_text(data("bif/alarm.bif.gz"));
  const Run piped = run_credo({"mar", "-", "--from", "bif", "--format", "uai"}, packed);
  CHECK(piped.code == 0);
  CHECK(piped.out == run_credo({"mar", data("bif/alarm.bif.gz"), "--format", "uai"}).out);
}

TEST_CASE("the same command gives the same bytes") {
  const std::string grid = data("uai/Grids_11.uai");
  for (const char* command : {"pr", "mar", "map"}) {
    const std::vector<std::string> arguments{command,    grid,  "--evid", grid + ".evid",
                                             "--format", "uai", "--seed", "3"};
    const Run run = run_credo(arguments);
    CHECK(run.code == 0);
    CHECK(run_credo(arguments).out == run.out);
  }
}

TEST_CASE("--trace: the run as JSON, beside the answer") {
  const TemporaryFolder folder;
  const std::string three = folder.write("three.uai", kThree);
  const std::string trace = folder.path("trace.json");
  const Run run = run_credo({"mar", three, "--trace", trace, "--format", "uai"});
  INFO(run.err);
  REQUIRE(run.code == 0);
  CHECK(run.out == run_credo({"mar", three, "--format", "uai"}).out);
  const auto json = nlohmann::json::parse(read_text(trace));
  CHECK(json["task"] == "mar");
  CHECK(json["plan"]["steps"].size() >= 1);
  CHECK(json["messages"].size() == json["plan"]["steps"].size());
  CHECK(json.contains("timings"));
  const Run listed =
      run_credo({"mar", three, "--trace", trace, "--algorithm", "enumeration", "--format", "uai"});
  CHECK(listed.code == 0);
}

TEST_CASE("--trace: message passing has its messages and values, mean field its bounds over time") {
  const TemporaryFolder folder;
  const std::string trace = folder.path("trace.json");
  const std::string grid = data("uai/Grids_11.uai");
  REQUIRE(run_credo({"pr", grid, "--algorithm", "belief_propagation", "--iterations", "20",
                     "--trace", trace})
              .code == 0);
  const auto passed = nlohmann::json::parse(read_text(trace));
  REQUIRE(passed["messages"].size() > 100);
  CHECK(passed["messages"][0]["log_to_variable"].size() == 2);
  CHECK(passed["messages"][0]["log_to_factor"].size() == 2);
  CHECK(passed["residuals"].size() == 20);
  REQUIRE(passed["values"].size() == 20);
  CHECK(passed["values"].back()["value"] == passed["bounds"].back()["log_z"]);
  REQUIRE(passed["bounds"].size() >= 2);
  CHECK(passed["bounds"][0]["guarantee"] == "unconverged");

  REQUIRE(run_credo({"pr", grid, "--algorithm", "mean_field", "--trace", trace}).code == 0);
  const auto bounded = nlohmann::json::parse(read_text(trace));
  REQUIRE(bounded["residuals"].size() >= 2);
  CHECK(bounded["values"].size() >= bounded["residuals"].size());
  for (const char* list : {"bounds", "values"}) {
    const char* key = std::string(list) == "bounds" ? "log_z_lower" : "value";
    for (std::size_t i = 1; i < bounded[list].size(); ++i) {
      CHECK(bounded[list][i][key] >= bounded[list][i - 1][key]);
      CHECK(bounded[list][i]["seconds"] >= bounded[list][i - 1]["seconds"]);
    }
  }
  CHECK(bounded["bounds"].size() >= 2);
}

TEST_CASE("--time-limit: a cheap answer stands when the exact one comes too late") {
  const TemporaryFolder folder;
  const std::string output = folder.path("answer.json");
  const std::string model = data("uai/DBN_11.uai");
  const Run run = run_credo({"pr", model, "--evid", model + ".evid", "--time-limit", "1", "-o",
                             output, "--format", "json"});
  INFO(run.err);
  REQUIRE(run.code == 0);
  const auto json = nlohmann::json::parse(read_text(output));
  CHECK(json["log_z"].is_number());
  if (json["guarantee"] == "exact") return;
  CHECK(contains(json["message"].get<std::string>(), "stopped at the time limit of 1 s"));
}

}  // namespace
}  // namespace credo::test
