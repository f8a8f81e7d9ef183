// The meaning of each network format's tables, from examples written by hand:
// p(b = y given a = y) = 0.9, p(b = y given a = n) = 0.2; c has two parents.

#include <credo/core/formats/format.hpp>

#include <doctest/doctest.h>
#include <tests/core/parse.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace credo;
using credo::testing::parse;

namespace {

// Row-major over (a, b, c): c = l, m, h is fastest.
const std::vector<double> kTable{0.1, 0.2, 0.7, 0.3, 0.3, 0.4, 0.5, 0.25, 0.25, 0.0, 0.0, 1.0};

void check_example(const FactorGraph& graph) {
  REQUIRE(graph.is_bayesian_network());
  CHECK(graph.variable(0) == Variable{"a", 2, {"y", "n"}});
  CHECK(graph.variable(2) == Variable{"c", 3, {"l", "m", "h"}});
  CHECK(std::ranges::equal(graph.factor(0).table.values(), std::vector<double>{0.25, 0.75}));
  CHECK(graph.factor(1).scope == Scope{0, 1});
  CHECK(
      std::ranges::equal(graph.factor(1).table.values(), std::vector<double>{0.9, 0.1, 0.2, 0.8}));
  CHECK(graph.factor(2).scope == Scope{0, 1, 2});
  CHECK(graph.factor(2).child == VariableId{2});
  CHECK(std::ranges::equal(graph.factor(2).table.values(), kTable));
}

}  // namespace

TEST_CASE("bif: tables, rows in any order, defaults, properties, quotes and comments") {
  const FactorGraph graph = parse(R"~(// a comment
network "my net" { property "author somebody" ; property version 1.0 (x; }
variable a { /* first */ type discrete [ 2 ] { y, n }; property "position = (1, 2)";
}
variable "b" { type discrete[2]{y, n}; }
variable c { type discrete[3]{l, m, "h"}; }
probability(a) { table 0.25, 0.75; }
probability(b | a) {
  table 0.9 0.2 0.1 0.8;
  property x;
}
probability(c | a, b) {
  (n, n)0, 0, 1;
  default 0.3, 0.3, 0.4;
  (y, y)0.1 0.2 0.7;
  (n, "y")0.5, 0.25, 2.5e-1;
}
)~",
                                  Format::bif);
  CHECK(graph.name == "my net");
  check_example(graph);
}

TEST_CASE("bif: a network without a name, and one that is called unknown") {
  FactorGraph graph;
  CHECK(write_model(graph, Format::bif) == "network unknown {\n}\n");
  CHECK(parse("network unknown {}", Format::bif).name.empty());
  graph.name = "unknown";
  CHECK(parse(write_model(graph, Format::bif), Format::bif).name == "unknown");
}

TEST_CASE("bif: states that are numbers are the same as none") {
  const FactorGraph graph = parse(
      "network n {} variable a { type discrete [ 2 ] { 0, 1 }; } probability ( a ) { (  ) 0.5, "
      "0.5; }",
      Format::bif);
  CHECK(graph.variable(0).states.empty());
  CHECK(graph.variable(0).state_name(1) == "1");
}

TEST_CASE("xmlbif: the child is fastest, comments and entities inside") {
  check_example(parse(R"~(<?xml version="1.0"?>
<!DOCTYPE BIF [ <!ELEMENT BIF ( NETWORK )*> <!ENTITY lol "lollollol"> ]>
<BIF VERSION="0.3"><NETWORK><NAME>n</NAME><PROPERTY>x</PROPERTY>
<VARIABLE TYPE="nature"><NAME> a </NAME><OUTCOME>y</OUTCOME><OUTCOME>n</OUTCOME></VARIABLE>
<VARIABLE><NAME>b</NAME><OUTCOME>y</OUTCOME><OUTCOME>n</OUTCOME></VARIABLE>
<VARIABLE><NAME>c</NAME><OUTCOME>l</OUTCOME><OUTCOME>m</OUTCOME><OUTCOME>&#104;</OUTCOME></VARIABLE>
<DEFINITION><FOR>a</FOR><TABLE>0.25 0.75</TABLE></DEFINITION>
<DEFINITION><FOR>b</FOR><GIVEN>a</GIVEN><TABLE>0.9 0.1 <!-- a = n --> 0.2 0.8</TABLE></DEFINITION>
<DEFINITION><FOR>c</FOR><GIVEN>a</GIVEN><GIVEN>b</GIVEN>
<TABLE>.1 .2 .7 .3 .3 .4 .5 .25 .25 0 0 1</TABLE></DEFINITION>
</NETWORK></BIF>)~",
                      Format::xmlbif));
}

TEST_CASE("net: nested or flat data, attributes skipped, first parent outermost") {
  const std::string head = R"~(% Hugin
net { node_size = (80 40); name = "n"; HR_Font = "a \"b\" (c"; }
node a { states = ("y" "n"); label = "A % not a comment"; position = (1 2); }
discrete node b { states = ("y" "n"); }
node c { subtype = label; states = ("l" "m" "h"); }
potential (a) { data = ( 0.25 0.75 ); }
potential (b | a) { data = ((0.9 0.1)(0.2 0.8)); % trailing
}
potential (c | a b) { data = )~";
  const FactorGraph nested =
      parse(head + "(((.1 .2 .7)(.3 .3 .4))((.5 .25 .25)(0 0 1))); }", Format::net);
  CHECK(nested.name == "n");
  check_example(nested);
  check_example(parse(head + "(.1 .2 .7 .3 .3 .4 .5 .25 .25 0 0 1); }", Format::net));
}

TEST_CASE("json: hand-written, members in any order, shared and inline tables, escapes") {
  const FactorGraph graph = parse(R"~({
    "factors": [{"table": {"values": [1, 2]}, "scope": ["\u00e4\ud834\udd1e"]},
                {"scope": ["b"], "table": 0}, {"table": 0, "scope": ["b"], "child": "b"}],
    "tables": [{"values": [0.5, 0.5], "shape": [3], "index": [2, 0]}, {"shape": [], "values": ["-inf"], "domain": "log"}],
    "variables": [{"name": "\u00e4\ud834\udd1e", "states": ["\"", "\\\/\n"]}, {"cardinality": 3, "name": "b"}],
    "version": 1, "comment": "x", "format": "credo factor graph"})~",
                                  Format::json);
  CHECK(graph.variable(0).name == "\xc3\xa4\xf0\x9d\x84\x9e");
  CHECK(graph.variable(0).states[1] == "\\/\n");
  CHECK(graph.factor_count() == 3);
  CHECK(graph.factor(1).table.same_object(graph.factor(2).table));
  CHECK(graph.factor(2).child == VariableId{1});
  CHECK(graph.factor(1).table.at(2) == 0.5);
  CHECK(graph.factor(1).table.at(1) == 0.0);
}
