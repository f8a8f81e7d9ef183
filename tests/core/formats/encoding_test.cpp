// Names in other encodings are read as what they are, or refused where they stand.

#include "../parse.hpp"

#include <credo/core/error.hpp>
#include <credo/core/formats/format.hpp>

#include <doctest/doctest.h>

#include <string>

namespace credo {
namespace {

/// Variables of these names, the first with these states, as BIF.
std::string bif(const std::string& a, const std::string& b, const std::string& state) {
  return "network u {\n}\nvariable " + a + " { type discrete [ 2 ] { " + state +
         ", n }; }\nvariable " + b + " { type discrete [ 2 ] { n, y }; }\nprobability ( " + a +
         " ) { table 0.3, 0.7; }\nprobability ( " + b + " | " + a + " ) { (" + state +
         ") 0.2, 0.8; (n) 0.6, 0.4; }\n";
}

FactorGraph read(const std::string& text, Format format, const std::string& encoding) {
  return read_model(text, format, "f", {.encoding = encoding});
}

TEST_CASE("encodings: bytes that are no UTF-8 are refused with their place and the way out") {
  CHECK_THROWS_WITH_AS(testing::parse(bif("m\xe9m", "B", "y"), Format::bif),
                       doctest::Contains("f:3:11: expected names in UTF-8; read other ones with "
                                         "--encoding NAME"),
                       ParseError);
  CHECK_THROWS_WITH_AS(testing::parse(bif("A", "B", "\xe9"), Format::bif),
                       doctest::Contains("0xe9"), ParseError);
  // Two names that a lenient writer would give one key.
  CHECK_THROWS_AS(testing::parse(bif("\xc7\xe7", "\xd3\xea", "y"), Format::bif), ParseError);
}

TEST_CASE("encodings: a name in the encoding asked for is the same as in UTF-8") {
  const FactorGraph latin = read(bif("m\xe9m", "B", "y"), Format::bif, "latin1");
  CHECK(latin.variable(0).name == "m\xc3\xa9m");
  const FactorGraph chinese =
      read(bif("\xcc\xec\xc6\xf8", "\xca\xaa", "\xc7\xe7"), Format::bif, "gbk");
  CHECK(chinese == testing::parse(bif("\xe5\xa4\xa9\xe6\xb0\x94", "\xe6\xb9\xbf", "\xe6\x99\xb4"),
                                  Format::bif));
  CHECK_THROWS_AS(read(bif("A", "B", "y"), Format::bif, "no-such-encoding"), OptionError);
  CHECK_THROWS_AS(read(bif("A", "B", "y"), Format::bif, "latin1//TRANSLIT"), OptionError);
  CHECK_THROWS_WITH_AS(read(bif("A\xff\xff", "B", "y"), Format::bif, "gbk"),
                       doctest::Contains("f:3:"), ParseError);
  CHECK_THROWS_AS(read(bif("A\xff", "B", "y"), Format::bif, "utf-8"), ParseError);
}

TEST_CASE("encodings: UTF-16 with a byte order mark is decoded") {
  const std::string text = bif("A", "B", "y");
  std::string little = "\xff\xfe";
  std::string big = "\xfe\xff";
  for (const char c : text) {
    little += {c, '\0'};
    big += {'\0', c};
  }
  CHECK(testing::parse(little, Format::bif) == testing::parse(text, Format::bif));
  CHECK(testing::parse(big, Format::bif) == testing::parse(text, Format::bif));
  CHECK_THROWS_AS(testing::parse(little + "x", Format::bif), ParseError);
  CHECK(testing::parse("\xef\xbb\xbf" + text, Format::bif) == testing::parse(text, Format::bif));
}

std::string xml(const std::string& encoding, const std::string& name) {
  return "<?xml version=\"1.0\" encoding=\"" + encoding +
         "\"?>\n<BIF VERSION=\"0.3\"><NETWORK><VARIABLE><NAME>" + name +
         "</NAME><OUTCOME>y</OUTCOME><OUTCOME>n</OUTCOME></VARIABLE><DEFINITION><FOR>" + name +
         "</FOR><TABLE>0.3 0.7</TABLE></DEFINITION></NETWORK></BIF>\n";
}

TEST_CASE("encodings: XMLBIF is read as its declaration says") {
  CHECK(testing::parse(xml("ISO-8859-1", "\xe9"), Format::xmlbif).variable(0).name == "\xc3\xa9");
  CHECK(testing::parse(xml("GBK", "\xcc\xec"), Format::xmlbif).variable(0).name == "\xe5\xa4\xa9");
  CHECK(testing::parse(xml("utf-8", "\xc3\xa9"), Format::xmlbif).variable(0).name == "\xc3\xa9");
  CHECK_THROWS_AS(testing::parse(xml("UTF-8", "\xe9"), Format::xmlbif), ParseError);
  CHECK_THROWS_AS(testing::parse(xml("no-such", "A"), Format::xmlbif), OptionError);
}

TEST_CASE("xmlbif: nothing may follow the end") {
  const std::string whole = xml("UTF-8", "A");
  CHECK_NOTHROW(testing::parse(whole + "<!-- fine -->\n", Format::xmlbif));
  for (const std::string& more : {std::string("garbage"), std::string(1, '\0'), whole,
                                  std::string("<BIF/>"), std::string("\0<x/>", 5)}) {
    CHECK_THROWS_AS(testing::parse(whole + more, Format::xmlbif), ParseError);
  }
}

TEST_CASE("names: the byte 0 is refused in every network format") {
  const std::string zero("A\0B", 3);
  CHECK_THROWS_AS(testing::parse(bif("\"" + zero + "\"", "B", "y"), Format::bif), ParseError);
  CHECK_THROWS_AS(testing::parse(bif("A", "B", "\"" + zero + "\""), Format::bif), ParseError);
  CHECK_THROWS_AS(testing::parse("net{} node A { states = (\"" + zero +
                                     "\" \"n\"); } potential (A) { data = (0.3 0.7); }",
                                 Format::net),
                  ParseError);
}

TEST_CASE("names: what other parsers refuse is not written") {
  for (const std::string& name :
       {std::string("\xe9"), std::string("a\x1b"), std::string("a\0", 2)}) {
    FactorGraph graph;
    const VariableId v = graph.add_variable(name, 2);
    graph.add_conditional({v}, v, Table::dense({2}, {0.3, 0.7}));
    for (const Format format : {Format::bif, Format::xmlbif, Format::net}) {
      CHECK_THROWS_AS(static_cast<void>(write_model(graph, format)), ModelError);
    }
  }
}

TEST_CASE("uai: columns of a BAYES file that do not sum to 1 are refused, or read as MARKOV") {
  // x1 -> x2 with the child first and slowest, as some writers do.
  const std::string text = "BAYES\n2\n2 3\n2\n1 0\n2 1 0\n2\n0.4 0.6\n6\n0.3 0.2 0.6 0.2 0.1 0.6\n";
  CHECK_THROWS_WITH_AS(testing::parse(text, Format::uai), doctest::Contains("one factor per child"),
                       ParseError);
  const std::string slowest =
      "BAYES\n2\n2 3\n2\n1 0\n2 0 1\n2\n0.4 0.6\n6\n0.3 0.2 0.6 0.2 0.1 0.6\n";
  CHECK_THROWS_WITH_AS(testing::parse(slowest, Format::uai),
                       doctest::Contains("factor 1 over (x0, x1)"), ParseError);
  const FactorGraph markov =
      read_model(slowest, Format::uai, "f", {.encoding = "", .uai_as_markov = true});
  CHECK_FALSE(markov.is_bayesian_network());
  CHECK(markov.factor_count() == 2);
  // Rounded to three digits.
  CHECK_NOTHROW(testing::parse("BAYES\n1\n3\n1\n1 0\n3\n0.333 0.333 0.333\n", Format::uai));
  CHECK_THROWS_AS((void)read_model(bif("A", "B", "y"), Format::bif, "f",
                                   {.encoding = "", .uai_as_markov = true}),
                  OptionError);
}

TEST_CASE("states: a number names one only where states have no names, or where it is a name") {
  FactorGraph graph;
  const VariableId named = graph.add_variable("a", 2, {"yes", "no"});
  const VariableId numbered = graph.add_variable("b", 2);
  const VariableId shifted = graph.add_variable("c", 2, {"1", "2"});
  CHECK_THROWS_WITH_AS((void)graph.require_state(named, "1"), doctest::Contains("yes, no"),
                       ModelError);
  CHECK(graph.require_state(numbered, "1") == 1);
  CHECK(graph.require_state(shifted, "1") == 0);
  CHECK_THROWS_AS((void)graph.require_state(shifted, "0"), ModelError);
}

}  // namespace
}  // namespace credo
