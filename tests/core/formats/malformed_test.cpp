// Wrong input of every kind: the place, what was expected and what was got, at once and in little
// memory.

#include <credo/core/error.hpp>
#include <credo/core/formats/format.hpp>

#include <doctest/doctest.h>
#include <tests/core/parse.hpp>

#include <chrono>
#include <string>
#include <vector>

using namespace credo;
using credo::testing::parse;

namespace {

struct Bad {
  std::string text;
  std::string message;  ///< a part of it, from the start
};

void check_all(Format format, const std::vector<Bad>& cases) {
  for (const Bad& bad : cases) {
    CAPTURE(bad.text.substr(0, 300));
    try {
      static_cast<void>(parse(bad.text, format));
      FAIL_CHECK("expected: " << bad.message);
    } catch (const ParseError& error) {
      CHECK(std::string(error.what()).substr(0, bad.message.size()) == bad.message);
    }
  }
}

const std::string kBif =
    "network n {\n}\nvariable a {\n type discrete [ 2 ] { y, n };\n}\n"
    "variable b {\n type discrete [ 2 ] { y, n };\n}\nprobability ( a ) {\n table 0.5, 0.5;\n}\n";

std::string xml(const std::string& body) {
  return "<BIF><NETWORK>\n<VARIABLE><NAME>a</NAME><OUTCOME>y</OUTCOME><OUTCOME>n</OUTCOME></"
         "VARIABLE>\n" +
         body + "\n</NETWORK></BIF>";
}

std::string json(const std::string& body) {
  return "{\"format\": \"credo factor graph\", \"version\": 1,\n" + body + "}";
}

}  // namespace

TEST_CASE("malformed uai") {
  check_all(
      Format::uai,
      {{"", "f:1:1: expected MARKOV or BAYES, got end of file"},
       {"MARKOW 1", "f:1:1: expected MARKOV or BAYES, got \"MARKOW\""},
       {std::string("\0\x01\xff\x80 9", 6), "f:1:1: expected MARKOV or BAYES, got \"\\x00\\x01"},
       {"MARKOV\n", "f:2:1: expected the number of variables, got end of file"},
       {"MARKOV\n2\n2 0\n", "f:3:3: expected a cardinality of at least 1, got \"0\""},
       {"MARKOV\n2\n2 -2\n", "f:3:3: expected a cardinality of at least 1, got \"-2\""},
       {"MARKOV\n4000000000\n2 2", "f:3:4: expected a cardinality of at least 1, got end of file"},
       {"MARKOV\n1\n2\n1\n1 1\n", "f:5:3: expected a variable below 1, got \"1\""},
       {"MARKOV\n2\n2 2\n1\n2 1 1\n",
        "f:5:5: expected distinct variables in the scope of factor 0, got \"1\""},
       {"MARKOV\n1\n2\n1\n2 0 0\n",
        "f:5:1: expected the size of a scope, at most the number of variables, got \"2\""},
       {"MARKOV\n2\n2 2\n1\n2 0 1\n\n3\n1 2 3",
        "f:7:1: expected 4 entries for factor 0 over (x0, x1), got \"3\""},
       {"MARKOV\n1\n2\n1\n1 0\n2\n0.5",
        "f:7:4: expected a finite non-negative table entry, got end of file"},
       {"MARKOV\n1\n2\n1\n1 0\n2\n0.5 -0.5",
        "f:7:5: expected a finite non-negative table entry, got \"-0.5\""},
       {"MARKOV\n1\n2\n1\n1 0\n2\n0.5 nan",
        "f:7:5: expected a finite non-negative table entry, got \"nan\""},
       {"MARKOV\n1\n2\n1\n1 0\n2\n0.5 inf",
        "f:7:5: expected a finite non-negative table entry, got \"inf\""},
       {"MARKOV\n1\n2\n1\n1 0\n2\n0.5 1e400",
        "f:7:5: expected a finite non-negative table entry in the range of a double, got "
        "\"1e400\""},
       {"MARKOV\n1\n2\n1\n1 0\n2\n0.5 1e-400",
        "f:7:5: expected a finite non-negative table entry in the range of a double, got "
        "\"1e-400\""},
       {"MARKOV\n1\n2\n1\n1 0\n2\n0.5 0x1p3",
        "f:7:5: expected a finite non-negative table entry, got \"0x1p3\""},
       {"MARKOV\n1\n2\n1\n1 0\n2\n0.5 0.5 0.5", "f:7:9: expected end of file, got \"0.5\""},
       {"MARKOV\n1\n134217728\n1\n1 0\n134217728\n0.5",
        "f:7:4: expected a finite non-negative table entry, got end of file"},
       {"MARKOV\n2\n4294967296 4294967297\n1\n2 0 1\n4\n0.5",
        "f:6:1: expected 18446744073709551615 entries"},
       {"BAYES\n2\n2 2\n2\n2 0 1\n2 1 0\n4\n.5 .5 .5 .5\n4\n.5 .5 .5 .5",
        "f:6:1: expected directions without a cycle in a BAYES file, got the cycle x"},
       {"BAYES\n2\n2 2\n2\n1 0\n2 1 0\n",
        "f:6:1: expected one factor per child in a BAYES file, got a second one for variable 0"},
       {"BAYES\n1\n2\n1\n0\n1 1", "f:5:1: expected a scope that ends in its child"}});
}

TEST_CASE("malformed bif") {
  check_all(
      Format::bif,
      {{"", "f:1:1: expected 'network', got end of file"},
       {"network n {\n", "f:2:1: expected 'property' or '}', got end of file"},
       {"network n { property \"x\" }",
        "f:1:27: expected ';' at the end of a property, got end of file"},
       {kBif, "f:12:1: expected a conditional for variable \"b\", got end of file"},
       {kBif + "variable a { type discrete [ 1 ] { y }; }",
        "f:12:10: expected each variable once, got \"a\" again"},
       {kBif + "variable c { type discrete [ 3 ] { y, n }; }",
        "f:12:30: expected the number of states listed, 2, got 3"},
       {kBif + "variable c { type discrete [ 2 ] { y, y }; }",
        "f:12:10: expected distinct states of variable \"c\", got only 1 different"},
       {kBif + "variable c { }",
        "f:12:10: expected at least one state of variable \"c\", got none"},
       {kBif + "variable c { type continuous; }",
        "f:12:19: expected 'discrete', got \"continuous\""},
       {kBif + "probability ( aa ) { table 1; }",
        "f:12:15: expected the name of a variable declared before, got \"aa\"; did you mean a"},
       {kBif + "probability ( b | b ) { table 1; }",
        "f:12:15: expected distinct variables in a conditional, got \"b\" twice"},
       {kBif + "probability ( a ) { table 1, 0; }",
        "f:12:15: expected one conditional per variable, got a second one for \"a\", after that of "
        "line 9"},
       {kBif + "probability ( b | a ) { (z) 1, 0; }",
        "f:12:26: expected a state of a (y, n), got \"z\""},
       {kBif + "probability ( b | a ) { (y) 1, 0; }",
        "f:12:15: expected 2 rows, one per state of the parents, got 1"},
       {kBif + "probability ( b | a ) { (y) 1, 0; (y) 0, 1; }",
        "f:12:35: expected each state of the parents once, got a row given before"},
       {kBif + "probability ( b | a ) { (y) 1, 0, 0; (n) 0, 1; }",
        "f:12:33: expected ';' after 2 probabilities, got \",\""},
       {kBif + "probability ( b | a ) { (y) 1; }",
        "f:12:30: expected 2 probabilities, got 1 before ';'"},
       {kBif + "probability ( b | a ) { (y) 1, -0; (n) 2, -1; }",
        "f:12:43: expected a finite non-negative probability, got \"-1\""},
       {kBif + "probability ( b | a ) { (y) 1, 0; (n) 0.5, 0.4; }",
        "f:12:15: expected p(b given a = n) to sum to 1, got 0.9"},
       {kBif + "probability ( b ) { table 0.5, 0.5; } /* open",
        "f:12:39: expected */ at the end of a comment, got end of file"},
       {kBif + "probability ( b ) { table 0.5, 0.5; } x",
        "f:12:39: expected 'variable' or 'probability', got \"x\""},
       {"network n {} variable a { type discrete [2] {y,n}; } variable b { type discrete [2] "
        "{y,n}; }\n"
        "probability (a|b) { default 0.5, 0.5; }\nprobability (b|a) { table 0.5 0.5 0.5 0.5; }",
        "f:2:14: expected directions without a cycle, got the cycle a -> b -> a"}});
}

TEST_CASE("malformed xmlbif") {
  check_all(
      Format::xmlbif,
      {{"", "f:1:1: expected well-formed XML, got No document element found"},
       {"<BIF>\n<NETWORK>\n</BIF>", "f:3:3: expected well-formed XML, got "},
       {"<bif/>", "f:1:2: expected the element BIF, got \"bif\""},
       {"<BIF/>", "f:1:2: expected the element NETWORK in BIF, got \"BIF\""},
       {xml("<DECISION/>"),
        "f:3:2: expected NAME, PROPERTY, VARIABLE or DEFINITION, got \"DECISION\""},
       {xml("<VARIABLE TYPE='utility'><NAME>u</NAME></VARIABLE>"),
        "f:3:2: expected a variable of TYPE nature, got \"utility\""},
       {xml(""), "f:4:17: expected a conditional for variable \"a\", got end of file"},
       {xml("<DEFINITION><FOR>b</FOR></DEFINITION>"),
        "f:3:14: expected the name of a variable declared before, got \"b\""},
       {xml("<DEFINITION><FOR>a</FOR></DEFINITION>"),
        "f:3:2: expected a TABLE in the DEFINITION, got none"},
       {xml("<DEFINITION><TABLE>1</TABLE></DEFINITION>"),
        "f:3:2: expected one FOR in a DEFINITION, got 0"},
       {xml("<DEFINITION><FOR>a</FOR><TABLE>0.5</TABLE></DEFINITION>"),
        "f:3:26: expected 1 rows of 2 entries, got 1 entries"},
       {xml("<DEFINITION><FOR>a</FOR><TABLE>0.5 -.5</TABLE></DEFINITION>"),
        "f:3:36: expected a finite non-negative number in the range of a double, got \"-.5\""},
       {xml("<DEFINITION><FOR>a</FOR><TABLE>0.5 nan</TABLE></DEFINITION>"),
        "f:3:36: expected a finite non-negative number in the range of a double, got \"nan\""}});
}

TEST_CASE("malformed net") {
  const std::string a = "net {}\nnode a { states = (\"y\" \"n\"); }\n";
  check_all(
      Format::net,
      {{"", "f:1:1: expected 'net', got end of file"},
       {"net {} net {}", "f:1:8: expected one net per file, got \"net\""},
       {"class c {}", "f:1:1: expected 'net', 'node' or 'potential'"},
       {"net { x = ; }", "f:1:11: expected the value of an attribute, got \";\""},
       {"net { x = (((( }", "f:1:16: expected the value of an attribute, got \"}\""},
       {a + "node a { states = (\"y\"); }", "f:3:6: expected each node once, got \"a\" again"},
       {a + "utility u {}", "f:3:1: expected 'net', 'node' or 'potential'"},
       {a + "potential (a | b) {}",
        "f:3:16: expected the name of a variable declared before, got \"b\""},
       {a + "potential (a a) {}",
        "f:3:14: expected '|' or ')': one child per potential, got \"a\""},
       {a + "potential (a) {}", "f:3:12: expected a potential with data, got none"},
       {a + "potential (a) { data = (1); }",
        "f:3:26: expected 2 entries of p(a given its parents), got 1 before ')'"},
       {a + "potential (a) { data = (1 0 0); }", "f:3:29: expected ')', got \"0\""},
       {a + "potential (a) { data = (1 x); }",
        "f:3:27: expected a finite non-negative entry, got \"x\""},
       {a + "node b { states = (\"y\" \"n\"); } potential (b | a) { data = ((1 0 0 1)); }",
        "f:3:65: expected ')', got \"0\""}});
}

TEST_CASE("malformed json") {
  check_all(
      Format::json,
      {{"", "f:1:1: expected an object with \"format\""},
       {"{}", "f:1:3: expected \"format\": \"credo factor graph\" in the object, got end of file"},
       {"{\"format\": \"x\"}", "f:1:12: expected \"credo factor graph\", got \"x\""},
       {json("\"version\": 1"), "f:2:1: expected each key once, got \"version\""},
       {"{\"format\": \"credo factor graph\", \"version\": 2}",
        "f:1:45: expected version 1, got \"2\""},
       {json("\"nodes\": []"),
        "f:2:1: expected an object with \"format\", \"version\", \"variables\" and \"factors\", "
        "got the key \"nodes\""},
       {json("\"variables\": [{\"name\": \"a\"}]"),
        "f:2:15: expected a variable that is well formed, got variable a: expected a cardinality "
        "of at least 1"},
       {json("\"factors\": [{\"scope\": [\"a\"], \"table\": 0}]"),
        "f:2:24: expected the name of a variable, got \"a\""},
       {json("\"factors\": [{\"scope\": [], \"table\": 0}]"),
        "f:2:13: expected a table below 0, got 0"},
       {json("\"factors\": [{\"scope\": []}]"),
        "f:2:13: expected a factor with \"scope\" and \"table\""},
       {json("\"tables\": [{\"shape\": [2], \"values\": [1]}]"),
        "f:2:12: expected a table that is well formed, got table of shape [2]"},
       {json("\"tables\": [{\"shape\": [1], \"values\": [-1]}]"),
        "f:2:12: expected a table that is well formed, got table entry 0"},
       {json("\"tables\": [{\"shape\": [1], \"values\": [NaN]}]"),
        "f:2:38: expected a number or \"-inf\", got \"NaN\""},
       {json("\"tables\": [{\"shape\": [1], \"values\": [null]}]"),
        "f:2:38: expected a number or \"-inf\", got \"null\""},
       {json("\"tables\": [{\"shape\": [1], \"values\": [\"inf\"]}]"),
        "f:2:38: expected a number or \"-inf\", got \"inf\""},
       {json("\"tables\": [{\"shape\": [134217728], \"values\": [1]}]"),
        "f:2:12: expected a table that is well formed"},
       {json("\"tables\": [{\"shape\": [4], \"index\": [4], \"values\": [1]}]"),
        "f:2:12: expected a table that is well formed"},
       {json("\"name\": \"\\ud800x\""),
        "f:2:16: expected the second half of a surrogate, got \"x\""},
       {json("\"name\": \"\\q\""), "f:2:11: expected an escape among"},
       {json("\"name\": \"a\nb\""), "f:2:11: expected a string without raw control characters"},
       {json("\"name\": \"\xff\""), "f:2:9: expected a string in UTF-8"},
       {json("\"name\": \"a\"") + "x", "f:2:13: expected end of file, got \"x\""},
       {json("\"variables\": [{\"name\": \"a\", \"cardinality\": 2}], \"factors\": [{\"scope\": "
             "[\"a\"], \"child\": \"a\", \"table\": {\"values\": [0.5, 0.6]}}]"),
        "f:2:61: expected a factor that is well formed, got f0(a): expected p(a given parents) to "
        "sum to 1, got 1.1"}});
}

TEST_CASE(
    "hostile text: deep nesting, declared sizes and long words cost no more than their bytes") {
  const auto start = std::chrono::steady_clock::now();
  const std::string deep(2'000'000, '[');
  const std::string xml_deep = [] {
    std::string text = "<BIF><NETWORK><DEFINITION>";
    for (int i = 0; i < 200'000; ++i) text += "<a>";
    return text;
  }();
  std::string defaults = "network n {}\n";
  for (int i = 0; i < 40; ++i) {
    defaults += "variable v" + std::to_string(i) + " { type discrete [ 2 ] { y, n }; }\n";
  }
  defaults += "probability (v0 | v1";
  for (int i = 2; i < 40; ++i) defaults += ", v" + std::to_string(i);
  CHECK_THROWS_WITH_AS(static_cast<void>(parse(defaults + ") { default 0.5, 0.5; }", Format::bif)),
                       doctest::Contains("expected defaults that fill at most"), ParseError);
  CHECK_THROWS_AS(static_cast<void>(parse("{\"format\":" + deep, Format::json)), ParseError);
  CHECK_THROWS_AS(static_cast<void>(parse("net { x = " + std::string(2'000'000, '('), Format::net)),
                  ParseError);
  CHECK_THROWS_AS(static_cast<void>(parse(xml_deep, Format::xmlbif)), ParseError);
  for (const FormatInfo& info : formats()) {
    CAPTURE(info.name);
    CHECK_THROWS_AS(static_cast<void>(parse(std::string(5'000'000, 'a'), info.format)), ParseError);
    CHECK_THROWS_AS(static_cast<void>(parse(std::string(5'000'000, '"'), info.format)), ParseError);
    CHECK_THROWS_AS(static_cast<void>(parse(std::string(5'000'000, '\0'), info.format)),
                    ParseError);
    CHECK_THROWS_AS(static_cast<void>(parse(std::string(5'000'000, '\n'), info.format)),
                    ParseError);
    CHECK_THROWS_AS(static_cast<void>(parse(std::string(5'000'000, '/'), info.format)), ParseError);
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  // Milliseconds in a release build; a quadratic step would take hours.
  CHECK(elapsed.count() < 20.0);
}

TEST_CASE("files: missing, a folder, without a known extension") {
  CHECK_THROWS_WITH_AS(static_cast<void>(read_model(std::filesystem::path("/nowhere/a.uai"))),
                       "/nowhere/a.uai: cannot open: No such file or directory", FileError);
  CHECK_THROWS_WITH_AS(static_cast<void>(read_model(std::filesystem::path("/"), Format::uai)),
                       doctest::Contains("it is a folder"), FileError);
  CHECK_THROWS_WITH_AS(
      static_cast<void>(read_model(std::filesystem::path("a.txt"))),
      doctest::Contains("expected an extension among .uai, .bif, .xmlbif, .xml, .net, .json"),
      FileError);
}
