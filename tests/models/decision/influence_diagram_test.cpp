#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/decision/influence_diagram.hpp>

#include "diagrams.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace credo::decision;
using credo::ModelError;
using Names = std::vector<std::string>;

namespace {

/// What throws says all of the words.
template <typename Throws>
void check_says(const Throws& throws, const Names& words) {
  try {
    throws();
    FAIL("nothing was thrown");
  } catch (const ModelError& e) {
    const std::string what = e.what();
    for (const std::string& word : words) {
      CHECK_MESSAGE(what.find(word) != std::string::npos, what);
    }
  }
}

Names sees(const InfluenceDiagram& diagram, const char* decision) {
  return diagram.names(diagram.parents(diagram.id(decision)));
}

}  // namespace

TEST_CASE("influence diagram: what is refused says which node and what was expected") {
  InfluenceDiagram d = diagrams::oil_wildcatter();
  const std::size_t before = d.graph().variable_count();
  check_says([&] { d.add_chance("oil", {"a"}, {}, {{1.0}}); }, {"'oil'", "taken"});
  check_says([&] { d.add_utility("drill", {}, {1.0}); }, {"'drill'", "taken"});
  check_says([&] { d.add_decision("profit", {"a"}, {}); }, {"'profit'", "taken"});
  check_says([&] { d.add_decision("", {"a"}, {}); }, {"''"});
  check_says([&] { d.add_chance("x", {"a", "b"}, {"oill"}, {{0.5, 0.5}}); },
             {"x", "oill", "did you mean oil"});
  check_says([&] { d.add_chance("x", {"a", "b"}, {"test"}, {{0.5, 0.5}}); },
             {"p(x given test)", "2 rows", "got 1"});
  check_says([&] { d.add_chance("x", {"a", "b"}, {"test"}, {{0.5, 0.5}, {0.5, 0.6}}); },
             {"test = no", "sum to 1", "1.1"});
  check_says([&] { d.add_chance("x", {"a", "b"}, {"test"}, {{0.5, 0.5}, {-0.5, 1.5}}); },
             {"test = no", "-0.5"});
  check_says([&] { d.add_chance("x", {"a", "b"}, {"oil", "oil"}, {}); }, {"oil twice"});
  check_says([&] { d.add_utility("more", {"oil"}, {1.0, 2.0}); }, {"utility more", "3", "got 2"});
  check_says([&] { d.add_utility("more", {"test"}, {1.0, credo::kNaN}); },
             {"utility more", "nan", "entry 1"});
  check_says([&] { d.add_utility("more", {"profit"}, {1.0}); }, {"profit", "not a chance"});
  check_says([&] { d.add_information("oil", "test"); }, {"oil", "chance"});
  check_says([&] { d.add_information("drill", "test"); }, {"drill", "test already"});
  check_says([&] { d.add_information("test", "result"); }, {"test", "cycle", "result -> test"});
  CHECK(d.graph().variable_count() == before);
  CHECK(d.utilities().size() == 2);
  d.add_information("drill", "oil");
  CHECK(sees(d, "drill") == Names{"test", "result", "oil"});
}

TEST_CASE("influence diagram: rows are normalised exactly, tables are shared as they are") {
  InfluenceDiagram d;
  d.add_chance("x", {"a", "b", "c"}, {}, {{0.3333333, 0.3333333, 0.3333333}});
  double sum = 0.0;
  for (const double p : d.graph().factor(0).table.values()) sum += p;
  CHECK(sum == doctest::Approx(1.0).epsilon(1e-15));
  const credo::Table table = credo::Table::dense({3, 2}, {1, 0, 0, 1, 0.5, 0.5});
  d.add_chance(credo::Variable{"y", 2, {}}, {"x"}, table);
  CHECK(d.graph().factor(1).table.same_object(table));
}

TEST_CASE("influence diagram: perfect recall remembers choices and what they were based on") {
  const InfluenceDiagram d = diagrams::pigs().with_perfect_recall();
  CHECK(sees(d, "d1") == Names{"t1"});
  CHECK(sees(d, "d2") == Names{"t2", "t1", "d1"});
  CHECK(sees(d, "d3") == Names{"t3", "t1", "d1", "t2", "d2"});
}

TEST_CASE("influence diagram: information about nothing goes") {
  const InfluenceDiagram d = diagrams::oil_wildcatter().without_irrelevant_information();
  CHECK(sees(d, "drill") == Names{"test", "result"});

  // A treatment depends on the history, since the pig's health is hidden.
  const InfluenceDiagram pigs = diagrams::pigs().with_perfect_recall();
  CHECK(sees(pigs.without_irrelevant_information(), "d3") == Names{"t3", "t1", "d1", "t2", "d2"});

  // With health seen, nothing else matters.
  InfluenceDiagram seen = pigs;
  seen.add_information("d3", "h3");
  CHECK(sees(seen.without_irrelevant_information(), "d3") == Names{"h3"});

  // A decision without consequences needs no information.
  InfluenceDiagram idle = diagrams::umbrella(true);
  idle.add_decision("hum", {"yes", "no"}, {"forecast", "umbrella"});
  CHECK(sees(idle.without_irrelevant_information(), "hum").empty());
  CHECK(sees(idle.without_irrelevant_information(), "umbrella") == Names{"forecast"});
}
