#include <credo/core/error.hpp>
#include <credo/core/formats/byte_source.hpp>
#include <credo/core/formats/uai_evidence.hpp>
#include <credo/core/numerics.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace credo;

namespace {

FactorGraph three() {
  FactorGraph graph;
  for (const char* name : {"x0", "x1", "x2"}) graph.add_variable(name, 3);
  return graph;
}

Evidence hard(std::vector<std::pair<VariableId, std::size_t>> pairs) {
  Evidence evidence;
  for (const auto& [v, state] : pairs) evidence.observe(v, state);
  return evidence;
}

template <typename Read>
auto from(std::string_view text, Read read) {
  ByteSource source = ByteSource::from_memory(text, "r");
  return read(source);
}

}  // namespace

TEST_CASE("uai evidence: every accepted spelling") {
  const FactorGraph graph = three();
  for (const char* none : {"", "0", "0\n", " \n", "1 0", "1\n0\n"}) {
    CAPTURE(none);
    CHECK(read_uai_evidence(none, graph, "e").empty());
  }
  for (const char* one : {"1 2 1", "1\n1 2 1\n"})
    CHECK(read_uai_evidence(one, graph, "e") == hard({{2, 1}}));
  for (const char* two : {"2 0 1 2 2", "1\n2 0 1 2 2", "2\n0 1\n2 2"}) {
    CHECK(read_uai_evidence(two, graph, "e") == hard({{0, 1}, {2, 2}}));
  }
}

TEST_CASE("uai evidence: errors name the place, what was expected and what was got") {
  struct Bad {
    const char* text;
    const char* message;
  };
  const std::vector<Bad> bad{
      {"1 3 0", "e:1:3: expected a variable below 3, got 3"},
      {"1 2 3", "e:1:5: expected a state of x2 below 3, got 3"},
      {"2 1 0\n 1 1", "e:2:2: expected each variable once, got variable 1 again"},
      {"2 1 0",
       "e:1:1: expected the number of pairs of variable and state that follow, got 2 before 2 "
       "numbers"},
      {"1",
       "e:1:1: expected the number of pairs of variable and state that follow, got 1 before 0 "
       "numbers"},
      {"1 0 x", "e:1:5: expected a whole number, got \"x\""},
      {"1 0 -1", "e:1:5: expected a whole number, got \"-1\""},
      {"18446744073709551615 0 0",
       "e:1:1: expected the number of pairs of variable and state that follow, got "
       "18446744073709551615 before 2 numbers"},
      {"99999999999999999999 0 0", "e:1:1: expected a whole number, got \"99999999999999999999\""},
  };
  for (const Bad& b : bad) {
    CAPTURE(b.text);
    CHECK_THROWS_WITH_AS(static_cast<void>(read_uai_evidence(b.text, three(), "e")), b.message,
                         ParseError);
  }
  CHECK_THROWS_AS(
      static_cast<void>(read_uai_evidence(std::filesystem::path("/nonexistent.evid"), three())),
      FileError);
}

TEST_CASE("uai evidence and queries: written and read back, soft findings refused") {
  const FactorGraph graph = three();
  const Evidence evidence = hard({{0, 2}, {1, 0}});
  CHECK(write_uai_evidence(evidence) == "2 0 2 1 0\n");
  CHECK(read_uai_evidence(write_uai_evidence(evidence), graph, "e") == evidence);
  CHECK(write_uai_evidence({}) == "0\n");
  Evidence soft;
  soft.observe_likelihood(1, {1, 2, 3});
  CHECK_THROWS_AS(static_cast<void>(write_uai_evidence(soft)), EvidenceError);
  const std::vector<VariableId> query{2, 0};
  CHECK(write_uai_query(query) == "2 2 0\n");
  CHECK(read_uai_query(write_uai_query(query), graph, "e") == query);
  CHECK_THROWS_WITH_AS(static_cast<void>(read_uai_query("2 1 1", graph, "q")),
                       "q:1:5: expected each variable once, got variable 1 again", ParseError);
  CHECK_THROWS_WITH_AS(static_cast<void>(read_uai_query("", graph, "q")),
                       "q:1:1: expected the number of query variables, got end of file",
                       ParseError);
  CHECK_THROWS_AS(static_cast<void>(read_uai_query("3 1 2", graph, "e")), ParseError);
}

TEST_CASE("uai results: the competition's spelling, read back") {
  CHECK(write_uai(UaiPartition{-8.5}) == "PR\n-8.5\n");
  CHECK(write_uai(UaiPartition{-kInfinity}) == "PR\n-inf\n");
  const UaiMarginals marginals{{{0.25, 0.75}, {1.0}}};
  CHECK(write_uai(marginals) == "MAR\n2 2 0.25 0.75 1 1\n");
  CHECK(write_uai(UaiAssignment{{1, 0, 2}}) == "MAP\n3 1 0 2\n");
  const UaiPartialAssignment partial{{4, 2}, {1, 0}};
  CHECK(write_uai(partial) == "MMAP\n2 4 1 2 0\n");
  CHECK(from(write_uai(UaiPartition{0.1}), [](auto& s) { return read_uai_partition(s); }).log10_z ==
        0.1);
  CHECK(from("PR\n-inf", [](auto& s) { return read_uai_partition(s); }).log10_z == -kInfinity);
  CHECK(from(write_uai(marginals), [](auto& s) { return read_uai_marginals(s); }) == marginals);
  CHECK(from(write_uai(UaiAssignment{{1, 0, 2}}), [](auto& s) {
          return read_uai_assignment(s);
        }).states == std::vector<std::size_t>{1, 0, 2});
  CHECK(from(write_uai(partial), [](auto& s) { return read_uai_partial_assignment(s); }) ==
        partial);
  CHECK_THROWS_WITH_AS(from("MAR 1 2 0.5", [](auto& s) { return read_uai_marginals(s); }),
                       "r:1:12: expected a probability, got end of file", ParseError);
  CHECK_THROWS_WITH_AS(from("PR x", [](auto& s) { return read_uai_partition(s); }),
                       "r:1:4: expected log10 of the partition function, got \"x\"", ParseError);
  CHECK_THROWS_AS(from("MAP 3 1 1", [](auto& s) { return read_uai_assignment(s); }), ParseError);
}
