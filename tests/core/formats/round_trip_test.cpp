// What is written reads back as the same graph, bit by bit, in every format.

#include <credo/core/error.hpp>
#include <credo/core/formats/format.hpp>

#include <doctest/doctest.h>
#include <tests/core/parse.hpp>
#include <tests/core/random_graphs.hpp>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

using namespace credo;
using credo::testing::parse;
using credo::testing::RandomGraphs;

namespace {

/// A folder that goes away with the test.
struct Folder {
  std::filesystem::path path;
  explicit Folder(const std::string& name)
      : path(std::filesystem::temp_directory_path() /
             (name + std::to_string(reinterpret_cast<std::uintptr_t>(this)))) {
    std::filesystem::create_directories(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

void check_round_trip(const FactorGraph& graph, Format format) {
  const std::string text = write_model(graph, format);
  CAPTURE(text);
  CHECK(parse(text, format) == graph);
  std::istringstream stream(text);
  CHECK(read_model(stream, format, "s") == graph);
}

}  // namespace

TEST_CASE("formats: random Bayesian networks survive every network format") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    RandomGraphs random(seed);
    const FactorGraph graph = random.network(seed % 2 == 1);
    for (const FormatInfo& info : formats()) {
      if (info.format == Format::uai) continue;
      CAPTURE(info.name);
      check_round_trip(graph, info.format);
    }
  }
}

TEST_CASE("formats: random factor graphs survive json, with sparse and log tables and sharing") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    RandomGraphs random(seed);
    const FactorGraph graph = random.any(false, true);
    check_round_trip(graph, Format::json);
    const FactorGraph again = parse(write_model(graph, Format::json), Format::json);
    for (FactorId f = 1; f < graph.factor_count(); ++f) {
      const auto shares = [f](const FactorGraph& g) {
        return g.factor(f).table.same_object(g.factor(f - 1).table);
      };
      CHECK(shares(graph) == shares(again));
    }
  }
}

TEST_CASE("formats: random factor graphs survive uai") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    RandomGraphs random(seed);
    const FactorGraph graph = random.any(true, false);
    CHECK(losses(graph, Format::uai).empty());
    check_round_trip(graph, Format::uai);
  }
}

TEST_CASE("formats: uai keeps directions and digits of Bayesian networks, and says what it loses") {
  RandomGraphs random(5);
  const FactorGraph graph = random.network(false);
  const FactorGraph again = parse(write_model(graph, Format::uai), Format::uai);
  CHECK(again.is_bayesian_network());
  CHECK(std::ranges::equal(graph.factors(), again.factors()));
  CHECK(losses(graph, Format::uai).find("names of variables and states") != std::string::npos);
  CHECK(losses(graph, Format::json).empty());
}

TEST_CASE("formats: files, compressed or not, by extension") {
  const Folder folder("credo_round_trip_");
  RandomGraphs random(11);
  const FactorGraph graph = random.network(false);
  for (const FormatInfo& info : formats()) {
    for (const std::string_view extension : info.extensions) {
      for (const char* suffix : {"", ".gz"}) {
        const auto path = folder.path / ("model." + std::string(extension) + suffix);
        CAPTURE(path.string());
        REQUIRE(format_of_path(path) == info.format);
        write_model(path, graph);
        CHECK(std::ranges::equal(read_model(path).factors(), graph.factors()));
        std::ifstream file(path, std::ios::binary);
        CHECK((file.get() == 0x1f) == (*suffix != '\0'));
      }
    }
  }
}

TEST_CASE("formats: extensions and names") {
  CHECK(format_of_path("a/b.UAI") == Format::uai);
  CHECK(format_of_path("b.bif.gz") == Format::bif);
  CHECK_FALSE(format_of_path("b.gz").has_value());
  CHECK_FALSE(format_of_path("bif").has_value());
  CHECK(format_of_name("net") == Format::net);
  CHECK_THROWS_WITH_AS(static_cast<void>(format_of_name("uia")),
                       "format: expected one of uai, bif, xmlbif, net, json, got uia", OptionError);
  for (const FormatInfo& info : formats()) CHECK(&format_info(info.format) == &info);
}

TEST_CASE("formats: a child in the middle of its scope is written last, its parents in order") {
  FactorGraph graph;
  graph.add_variable("a", 2, {"n", "y"});
  graph.add_variable("b", 2, {"n", "y"});
  graph.add_variable("c", 3, {"l", "m", "h"});
  graph.add_conditional({0}, 0, Table::dense({2}, {0.25, 0.75}));
  graph.add_conditional({1}, 1, Table::dense({2}, {0.5, 0.5}));
  graph.add_conditional({0, 2, 1}, 2,
                        Table::dense({2, 3, 2}, {0.1, 0.5, 0.2, 0.25, 0.7, 0.25,  //
                                                 0.0, 0.125, 0.5, 0.125, 0.5, 0.75}));
  const std::vector<double> expected{0.1, 0.2, 0.7, 0.5,   0.25,  0.25,
                                     0.0, 0.5, 0.5, 0.125, 0.125, 0.75};
  for (const Format format : {Format::uai, Format::bif, Format::xmlbif, Format::net}) {
    const FactorGraph again = parse(write_model(graph, format), format);
    CHECK(again.factor(2).scope == Scope{0, 1, 2});
    CHECK(again.factor(2).child == VariableId{2});
    CHECK(std::ranges::equal(again.factor(2).table.values(), expected));
  }
  CHECK(parse(write_model(graph, Format::json), Format::json) == graph);
}

TEST_CASE("formats: what a format cannot hold is refused with the one that can") {
  FactorGraph graph;
  graph.add_variable("a", 2);
  graph.add_factor({0}, Table::dense({2}, {-1e4, -2.0}, Domain::log));
  for (const Format format : {Format::bif, Format::xmlbif, Format::net}) {
    CHECK_THROWS_WITH_AS(static_cast<void>(write_model(graph, format)),
                         doctest::Contains("expected a Bayesian network"), ModelError);
  }
  CHECK_THROWS_WITH_AS(
      static_cast<void>(write_model(graph, Format::uai)),
      doctest::Contains("leave the range of a double when exponentiated; write it as json"),
      ModelError);
  CHECK(parse(write_model(graph, Format::json), Format::json) == graph);

  FactorGraph quote;
  quote.add_variable("a\"b", 1);
  quote.add_conditional({0}, 0, Table::dense({1}, {1.0}));
  CHECK_THROWS_WITH_AS(static_cast<void>(write_model(quote, Format::bif)),
                       doctest::Contains("it holds a quote; write it as json"), ModelError);
  CHECK(parse(write_model(quote, Format::net), Format::net) == quote);
  CHECK(parse(write_model(quote, Format::json), Format::json) == quote);
  FactorGraph padded;
  padded.add_variable(" a", 1);
  padded.add_conditional({0}, 0, Table::dense({1}, {1.0}));
  CHECK_THROWS_WITH_AS(static_cast<void>(write_model(padded, Format::xmlbif)),
                       doctest::Contains("blanks at its ends"), ModelError);
  FactorGraph latin;
  latin.add_variable("\xe4", 1);
  CHECK_THROWS_WITH_AS(static_cast<void>(write_model(latin, Format::json)),
                       doctest::Contains("not valid UTF-8"), ModelError);
}

TEST_CASE("formats: a sparse table goes to uai as a dense one") {
  FactorGraph graph;
  graph.add_variable("x0", 2);
  graph.add_variable("x1", 2);
  graph.add_factor({0, 1}, Table::sparse({2, 2}, {{3, 0.5}, {0, 2.0}}));
  const FactorGraph again = parse(write_model(graph, Format::uai), Format::uai);
  CHECK(std::ranges::equal(again.factor(0).table.values(), std::vector<double>{2, 0, 0, 0.5}));
}
