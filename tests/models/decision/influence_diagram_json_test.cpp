#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/decision/influence_diagram_json.hpp>

#include "diagrams.hpp"
#include "oracle.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

using namespace credo::decision;

namespace {

void check_says(const std::string& text, const std::vector<std::string>& words) {
  try {
    (void)parse_influence_diagram_json(text, "x.json");
    FAIL("nothing was thrown");
  } catch (const credo::Error& e) {
    const std::string what = e.what();
    for (const std::string& word : words) {
      CHECK_MESSAGE(what.find(word) != std::string::npos, what);
    }
  }
}

/// A file with these nodes.
std::string nodes(const std::string& list) { return R"({"nodes": [)" + list + "]}"; }

}  // namespace

TEST_CASE("influence diagram JSON: nodes in any order") {
  const std::string path = std::string(CREDO_TEST_DATA) + "/decision/pigs.json";
  const InfluenceDiagram pigs = read_influence_diagram_json(path);
  CHECK(pigs.name == "pigs");
  CHECK(pigs.decisions().size() == 3);
  CHECK(std::fabs(oracle::best_pure(pigs) - 726.8121) < 1e-9);
  const InfluenceDiagram oil =
      read_influence_diagram_json(std::string(CREDO_TEST_DATA) + "/decision/oil_wildcatter.json");
  CHECK(std::fabs(oracle::rolled_back(oil, 0.0) - 22.5) < 1e-12);
  CHECK(std::fabs(oracle::rolled_back(oil, 10.0) - 29.00553691) < 5e-9);
}

TEST_CASE("influence diagram JSON: what is written is read back") {
  InfluenceDiagram oil = diagrams::oil_wildcatter();
  oil.add_utility("forbidden", {"drill"}, {-credo::kInfinity, 0.1});
  const std::string text = influence_diagram_json(oil);
  const InfluenceDiagram again = parse_influence_diagram_json(text, "written");
  CHECK(again.graph() == oil.graph());
  CHECK(influence_diagram_json(again) == text);
  REQUIRE(again.utilities().size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(again.utilities()[i].name == oil.utilities()[i].name);
    CHECK(again.utilities()[i].values == oil.utilities()[i].values);
  }
}

TEST_CASE("influence diagram JSON: perfect recall is a key") {
  const std::string list = R"({"chance": "c", "states": ["a", "b"], "rows": [[0.5, 0.5]]},)"
                           R"({"decision": "d", "states": ["a", "b"], "sees": ["c"]},)"
                           R"({"decision": "e", "states": ["a", "b"], "sees": ["d"]})";
  const auto limited = parse_influence_diagram_json(nodes(list), "x");
  CHECK(limited.parents(limited.id("e")).size() == 1);
  const auto recall =
      parse_influence_diagram_json(R"({"perfect_recall": true, "nodes": [)" + list + "]}", "x");
  CHECK(recall.parents(recall.id("e")).size() == 2);
}

TEST_CASE("influence diagram JSON: errors say where") {
  check_says("{", {"x.json:1:"});
  check_says("[]", {"the file", "an object"});
  check_says(R"({"node": []})", {"unknown key 'node'", "nodes"});
  check_says("{}", {"'nodes' is missing"});
  check_says(nodes(R"({"chanse": "a"})"), {"nodes[0]", "chance, decision or utility"});
  check_says(nodes(R"({"chance": "a", "rows": []})"), {"nodes[0]", "'states' is missing"});
  check_says(nodes(R"({"chance": "a", "states": ["x", "y"], "rows": [[0.5, "z"]]})"),
             {"nodes[0].rows[0][1]", "a number", "\"z\""});
  check_says(nodes(R"({"chance": "a", "states": ["x", "y"], "rows": [[0.5, 0.4]]})"),
             {"x.json", "p(a)", "sum to 1", "0.9"});
  check_says(nodes(R"({"decision": "a", "states": ["x"], "sees": ["b"]})"),
             {"decision a", "parent b"});
  check_says(nodes(R"({"decision": "a", "states": ["x"], "sees": ["b"]},)"
                   R"({"decision": "b", "states": ["x"], "sees": ["a"]})"),
             {"cycle", "a -> b"});
  check_says(nodes(R"({"utility": "u", "values": [1, "inf"]})"), {"nodes[0].values[1]", "-inf"});
  check_says(nodes(R"({"utility": "u", "values": [1, 2]})"), {"utility u", "1 values", "got 2"});
}
