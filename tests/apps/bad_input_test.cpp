// Wrong input: its exit code, its message, quickly, and nothing on standard output.

#include "program.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace credo::test {
namespace {

/// The run said all of parts on standard error, in under a second, and nothing else.
void check_refused(const Run& run, int code, const std::vector<std::string>& parts) {
  CAPTURE(run.err);
  CHECK(run.code == code);
  CHECK(run.out.empty());
  CHECK(run.seconds < 1.0);
  CHECK(run.err.starts_with("credo: "));
  CHECK(run.err.ends_with("\n"));
  for (const std::string& part : parts) {
    CAPTURE(part);
    CHECK(contains(run.err, part));
  }
}

struct BadModel {
  const char* what;
  const char* format;
  std::string text;
  std::vector<std::string> parts;
};

std::string rain_with(std::string_view from, std::string_view to) {
  std::string text(kRain);
  text.replace(text.find(from), from.size(), to);
  return text;
}

std::vector<BadModel> bad_models() {
  const std::string head = "MARKOV\n2\n2 2\n1\n2 0 1\n4\n";
  return {
      {"truncated table", "uai", head + "0.1 0.2\n0.3\n", {":9:", "expected"}},
      {"negative entry", "uai", head + "0.1 0.2\n0.3 -4\n", {":8:5:", "-4"}},
      {"NaN entry", "uai", head + "0.1 0.2\n0.3 nan\n", {":8:5:", "nan"}},
      {"infinite entry", "uai", head + "0.1 0.2\n0.3 inf\n", {":8:5:", "inf"}},
      {"too many entries", "uai", head + "0.1 0.2 0.3 0.4 0.5\n", {":7:", "0.5"}},
      {"wrong count", "uai", "MARKOV\n2\n2 2\n1\n2 0 1\n3\n1 1 1\n", {":6:1:", "4", "3"}},
      {"variable out of range", "uai", "MARKOV\n2\n2 2\n1\n2 0 2\n4\n1 1 1 1\n", {":5:5:", "2"}},
      {"variable twice in a scope", "uai", "MARKOV\n2\n2 2\n1\n2 0 0\n4\n1 1 1 1\n", {":5:"}},
      {"cardinality 0", "uai", "MARKOV\n1\n0\n0\n", {":3:1:", "0"}},
      {"unknown kind", "uai", "MARKOW\n1\n2\n0\n", {":1:1:", "MARKOV"}},
      {"empty", "uai", "", {":1:1:", "MARKOV"}},
      {"1 GiB in 100 bytes",
       "uai",
       "MARKOV\n1\n134217728\n1\n1 0\n134217728\n0.1 0.2\n",
       {"expected"}},
      {"huge product",
       "uai",
       "MARKOV\n4\n65536 65536 65536 65536\n1\n4 0 1 2 3\n18446744073709551616\n1\n",
       {"expected"}},
      {"cycle",
       "uai",
       "BAYES\n2\n2 2\n2\n2 1 0\n2 0 1\n4\n.5 .5 .5 .5\n4\n.5 .5 .5 .5\n",
       {"cycle"}},
      {"BIF: cut short", "bif", std::string(kRain.substr(0, 150)), {"expected"}},
      {"BIF: duplicate variable", "bif", rain_with("variable wet", "variable rain"), {"rain"}},
      {"BIF: a state twice",
       "bif",
       rain_with("{ no, yes }", "{ no, no }"),
       {":2:", "distinct states", "rain", "1 different"}},
      {"BIF: unknown parent",
       "bif",
       rain_with("wet | rain", "wet | rian"),
       {"rian", "did you mean rain"}},
      {"BIF: unknown state", "bif", rain_with("(yes)", "(yse)"), {"yse", "yes"}},
      {"BIF: negative", "bif", rain_with("0.25", "-0.25"), {"-0.25"}},
      {"BIF: sums to 1.1", "bif", rain_with("table 0.8", "table 0.9"), {"rain", "1.1"}},
      {"JSON: not JSON", "json", "{\"variables\": [", {"expected"}},
      {"JSON: deep nesting", "json", std::string(100000, '['), {}},
      {"XMLBIF: not XML", "xmlbif", "<BIF><NETWORK>", {}},
      {"NET: cut short", "net", "net { } node a { states = (\"x\"", {"expected"}},
  };
}

TEST_CASE("bad models: exit code 1, a place, and what was expected") {
  const TemporaryFolder folder;
  for (const BadModel& bad : bad_models()) {
    CAPTURE(bad.what);
    std::string name = "bad.";
    const std::string path = folder.write(name + bad.format, bad.text);
    std::vector<std::string> parts = bad.parts;
    parts.push_back(path + ":");
    check_refused(run_credo({"mar", path}), 1, parts);
  }
}

TEST_CASE("binary garbage is refused by every format") {
  std::string garbage;
  unsigned state = 12345;
  for (int i = 0; i < 100000; ++i) {
    state = state * 1664525U + 1013904223U;
    garbage += static_cast<char>(state >> 24);
  }
  for (const char* format : {"uai", "bif", "xmlbif", "net", "json"}) {
    CAPTURE(format);
    check_refused(run_credo({"pr", "-", "--from", format}, garbage), 1, {"standard input:"});
    check_refused(run_credo({"pr", "-", "--from", format}, "\x1f\x8b\x08garbage"), 1,
                  {"standard input"});
  }
}

TEST_CASE("files that are not there, not readable, or of no format") {
  const TemporaryFolder folder;
  check_refused(run_credo({"pr", folder.path("none.uai")}), 1, {"none.uai", "No such file"});
  check_refused(run_credo({"pr", folder.path("")}), 1, {});
  check_refused(run_credo({"pr", folder.write("model.txt", kThree)}), 1, {"model.txt", "uai"});
  check_refused(run_credo({"pr", "-"}, kThree), 1, {"--from"});
  check_refused(run_credo({"pr", "-", "--from", "bfi"}, kThree), 1, {"bfi", "bif"});
  const std::string three = folder.write("three.uai", kThree);
  check_refused(run_credo({"pr", three, "--evid", folder.path("none.evid")}), 1, {"none.evid"});
  check_refused(run_credo({"mmap", three, "--query", folder.path("none")}), 1, {"none"});
}

TEST_CASE("evidence and queries that do not fit the model") {
  const TemporaryFolder folder;
  const std::string three = folder.write("three.uai", kThree);
  const auto with_evidence = [&](const char* text) {
    return run_credo({"mar", three, "--evid", folder.write("e.evid", text)});
  };
  check_refused(with_evidence("1 7 0"), 1, {"e.evid:1:3:", "7"});
  check_refused(with_evidence("1 0 2"), 1, {"e.evid:1:5:", "2"});
  check_refused(with_evidence("2 0 1"), 1, {"e.evid:1:"});
  check_refused(with_evidence("1 0 x"), 1, {"e.evid:1:5:", "x"});
  check_refused(run_credo({"mmap", three, "--query", folder.write("q", "1 9")}), 1, {"q:1:3:"});

  const std::string rain = folder.write("rain.bif", kRain);
  const auto with = [&](std::vector<std::string> options) {
    options.insert(options.begin(), {"mar", rain});
    return run_credo(options);
  };
  check_refused(with({"--set", "rian=yes"}), 1, {"rian", "did you mean rain"});
  check_refused(with({"--set", "rain=yess"}), 1, {"yess", "yes"});
  check_refused(with({"--set", "rain"}), 1, {"NAME=STATE"});
  check_refused(with({"--set", "rain=yes", "--set", "rain=no"}), 1, {"rain", "twice"});
  check_refused(with({"--likelihood", "rain=0.5"}), 1, {"rain", "2", "1"});
  check_refused(with({"--likelihood", "rain=0.5,-1"}), 1, {"rain", "-1"});
  check_refused(with({"--likelihood", "rain=0.5,x"}), 1, {"'x'"});
  check_refused(with({"--likelihood", "rain=0.5,"}), 1, {"number"});
}

TEST_CASE("options: unknown and ill-formed ones, with the nearest names") {
  const TemporaryFolder folder;
  const std::string three = folder.write("three.uai", kThree);
  check_refused(run_credo({}), 1, {"mar", "control"});
  check_refused(run_credo({"marg"}), 1, {"marg", "did you mean mar"});
  check_refused(run_credo({"pr", three, "--evdi", "x"}), 1, {"--evdi", "did you mean --evid"});
  check_refused(run_credo({"pr", three, "three"}), 1, {"unexpected argument"});
  check_refused(run_credo({"pr"}), 1, {"model", "required"});
  check_refused(run_credo({"pr", three, "--format", "jsn"}), 1, {"did you mean json"});
  check_refused(run_credo({"pr", three, "--algorithm", "enumerate"}), 1, {"enumeration"});
  check_refused(run_credo({"pr", three, "--threads", "-1"}), 1, {"-1"});
  check_refused(run_credo({"pr", three, "--threads", "0"}), 1, {"threads", "0"});
  check_refused(run_credo({"pr", three, "--threads", "99999999999999999999"}), 1,
                {"--threads", "2^64"});
  check_refused(run_credo({"pr", three, "--algorithm", "magic"}), 1,
                {"magic", "contraction", "enumeration", "auto"});
  check_refused(run_credo({"control", "frozen_lake", "--horizon", "99999999999999999999"}), 1,
                {"--horizon", "2^64"});
  check_refused(run_credo({"control", "frozen_lake", "--temperature", "1x"}), 1,
                {"--temperature", "a number", "1x"});
  check_refused(run_credo({"pr", three, "--seed", "x"}), 1, {"x"});
  check_refused(run_credo({"pr", three, "--memory-limit", "8QiB"}), 1, {"8QiB", "8GiB"});
  check_refused(run_credo({"pr", three, "--time-limit", "-1"}), 1, {"time limit"});
  check_refused(run_credo({"pr", three, "--time-limit", "soon"}), 1, {"soon"});
  check_refused(run_credo({"sample", three}), 1, {"-n"});
  check_refused(run_credo({"sample", three, "-n", "0"}), 1, {"0"});
  check_refused(run_credo({"map", three, "--k-best", "0"}), 1, {"0"});
  check_refused(run_credo({"mmap", three}), 1, {"--query"});
  check_refused(run_credo({"convert", three}), 1, {"--output"});
}

TEST_CASE("impossible evidence: exit code 3 and a minimal conflicting set by name") {
  const TemporaryFolder folder;
  // both = a and b.
  const std::string model = folder.write(
      "and.uai", "BAYES\n3\n2 2 2\n3\n1 0\n1 1\n3 0 1 2\n2\n.5 .5\n2\n.5 .5\n8\n1 0 1 0 1 0 0 1\n");
  const std::vector<std::string> arguments{"mar",   model,  "--set", "x0=0",
                                           "--set", "x2=1", "--set", "x1=1"};
  const Run run = run_credo(arguments);
  check_refused(run, 3, {"x0 = 0", "x2 = 1"});
  CHECK_FALSE(contains(run.err, "x1"));
  for (const char* command : {"pr", "map"}) {
    std::vector<std::string> other = arguments;
    other.front() = command;
    check_refused(run_credo(other), 3, {"x0 = 0", "x2 = 1"});
  }

  std::vector<std::string> json = arguments;
  json.insert(json.end(), {"--format", "json"});
  const Run said = run_credo(json);
  CHECK(said.code == 3);
  CHECK(contains(said.out, "\"log_z\": null"));
  CHECK(contains(said.out, "\"status\": \"impossible"));
  CHECK(contains(said.out, "\"conflict\": ["));
}

TEST_CASE("over budget: exit code 2 before anything is computed, with numbers") {
  const std::string grid = data("uai/Grids_11.uai");
  const Run run = run_credo({"mar", grid, "--memory-limit", "1KB"});
  check_refused(run, 2, {});
  check_refused(run_credo({"mar", grid, "--algorithm", "enumeration"}), 2, {"joint states"});
}

TEST_CASE("answers larger than the memory limit are refused before they are begun") {
  const TemporaryFolder folder;
  const std::string huge = folder.write("huge.uai", "MARKOV\n2\n4000000000 2\n1\n1 1\n2\n1 3\n");
  for (const char* command : {"pr", "mar", "map"}) {
    check_refused(run_credo({command, huge, "--memory-limit", "1GiB"}), 2, {"4e+09 states"});
  }
  const Run info = run_credo({"info", huge, "--memory-limit", "1GiB"});
  CHECK(info.code == 0);
  CHECK(contains(info.out, "pr, mar, map, sample: would not"));
  const std::string three = folder.write("three.uai", kThree);
  check_refused(run_credo({"sample", three, "-n", "1000000000000", "--memory-limit", "1GiB"}), 2,
                {"1000000000000 samples"});
}

TEST_CASE("a time limit without any answer: exit code 4") {
  const TemporaryFolder folder;
  const std::string output = folder.path("out.txt");
  const Run run = run_credo(
      {"sample", data("uai/Grids_11.uai"), "-n", "1", "--time-limit", "0.000001", "-o", output});
  check_refused(run, 4, {"time limit"});
  CHECK(folder.names().empty());
}

}  // namespace
}  // namespace credo::test
