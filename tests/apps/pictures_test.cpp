// credo draw.

#include "program.hpp"

#include <doctest/doctest.h>

#include <regex>

namespace credo::test {
namespace {

TEST_CASE("draw: a Bayesian network is a directed graph, anything else is bipartite") {
  const Run directed = run_credo({"draw", "-", "--from", "bif", "--set", "wet=yes"}, kRain);
  CHECK(directed.code == 0);
  CHECK(directed.out.starts_with("digraph"));
  CHECK(contains(directed.out, "v0 -> v1"));
  CHECK(contains(directed.out, "wet = yes"));
  const Run bipartite = run_credo({"draw", "-", "--from", "uai"}, kThree);
  CHECK(bipartite.out.starts_with("graph"));
  CHECK(contains(bipartite.out, "f0 -- v0"));
  CHECK(contains(bipartite.out, "f1 -- v2"));
}

TEST_CASE("draw: colours have six digits, because Graphviz takes three for black") {
  const std::regex short_colour("\"#[0-9a-fA-F]{3}\"");
  for (const std::string& out : {run_credo({"draw", "-", "--from", "bif"}, kRain).out,
                                 run_credo({"draw", "-", "--from", "uai"}, kThree).out}) {
    CHECK_FALSE(std::regex_search(out, short_colour));
  }
}

TEST_CASE("draw: names with quotes and backslashes stay names") {
  std::string model(kThree);
  const Run run = run_credo({"draw", "-", "--from", "uai", "--format", "dot"}, model);
  CHECK(run.code == 0);
}

TEST_CASE("draw: SVG and PNG through Graphviz, by extension") {
  const TemporaryFolder folder;
  const std::string svg = folder.path("asia.svg");
  const Run run = run_credo({"draw", data("bif/asia.bif"), "-o", svg});
  if (run.code == 2) {  // Graphviz is not installed
    CHECK(contains(run.err, "graphviz"));
    CHECK(folder.names().empty());
    return;
  }
  INFO(run.err);
  REQUIRE(run.code == 0);
  CHECK(contains(read_text(svg), "<svg"));
  CHECK(contains(read_text(svg), "bronc"));
  CHECK(contains(read_text(svg), "</svg>"));
  const std::string png = folder.path("asia.png");
  CHECK(run_credo({"draw", data("bif/asia.bif"), "-o", png}).code == 0);
  CHECK(read_text(png).starts_with("\x89PNG"));
}

TEST_CASE("draw: the plan as a tree") {
  const Run run = run_credo({"draw", data("bif/asia.bif"), "--plan"});
  CHECK(run.code == 0);
  CHECK(contains(run.out, "digraph"));
  // Without findings nothing but log Z = 0 is left of a network; its marginals have a plan.
  CHECK(contains(run.out, "dysp"));
}

TEST_CASE("draw: a picture of no known format is refused by name") {
  const Run run = run_credo({"draw", data("bif/asia.bif"), "-o", "asia.jpg"});
  CHECK(run.code == 1);
  CHECK(contains(run.err, ".svg"));
}

}  // namespace
}  // namespace credo::test
