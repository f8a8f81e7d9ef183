// Published models: sizes as their repositories give them, and entries checked by hand.

#include <credo/core/formats/format.hpp>
#include <credo/core/formats/uai_evidence.hpp>

#include <doctest/doctest.h>
#include <tests/core/parse.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

using namespace credo;
using credo::testing::parse;

namespace {

const std::filesystem::path kData = CREDO_TEST_DATA;

std::size_t arcs(const FactorGraph& graph) {
  std::size_t count = 0;
  for (const Factor& f : graph.factors()) count += f.scope.size() - 1;
  return count;
}

/// Free parameters: (states - 1) per joint state of the parents.
std::size_t parameters(const FactorGraph& graph) {
  std::size_t count = 0;
  for (const Factor& f : graph.factors()) {
    const std::size_t states = graph.cardinality(*f.child);
    count += static_cast<std::size_t>(f.table.size()) / states * (states - 1);
  }
  return count;
}

}  // namespace

TEST_CASE(
    "bif: the repository's networks have the repository's numbers of nodes, arcs, parameters") {
  struct Published {
    const char* file;
    std::size_t nodes, arcs, parameters;
  };
  // bnlearn.com/bnrepository
  const std::vector<Published> networks{
      {"asia.bif", 8, 8, 18},          {"cancer.bif", 5, 4, 10},
      {"earthquake.bif", 5, 4, 10},    {"child.bif.gz", 20, 25, 230},
      {"alarm.bif.gz", 37, 46, 509},   {"insurance.bif.gz", 27, 52, 1008},
      {"water.bif.gz", 32, 66, 10083}, {"hailfinder.bif.gz", 56, 66, 2656}};
  for (const Published& p : networks) {
    CAPTURE(p.file);
    const FactorGraph graph = read_model(kData / "bif" / p.file);
    CHECK(graph.is_bayesian_network());
    CHECK(graph.variable_count() == p.nodes);
    CHECK(arcs(graph) == p.arcs);
    CHECK(parameters(graph) == p.parameters);
    for (const Format format : {Format::bif, Format::xmlbif, Format::net, Format::json}) {
      CHECK(parse(write_model(graph, format), format) == graph);
    }
  }
}

TEST_CASE("bif: rows land on the states of their parents") {
  const FactorGraph graph = read_model(kData / "bif" / "earthquake.bif");
  const VariableId alarm = graph.require_variable("Alarm");
  const Factor& f = graph.factor(graph.factors_of(alarm).front());
  REQUIRE(f.child == alarm);
  CHECK(graph.variable(f.scope[0]).name == "Burglary");
  CHECK(graph.variable(f.scope[1]).name == "Earthquake");
  // True is state 0: rows (T,T), (T,F), (F,T), (F,F).
  CHECK(std::ranges::equal(f.table.values(),
                           std::vector<double>{0.95, 0.05, 0.94, 0.06, 0.29, 0.71, 0.001, 0.999}));
}

TEST_CASE("bif: odd names of published networks") {
  const FactorGraph graph = read_model(kData / "bif" / "child.bif.gz");
  CHECK(graph.variable(graph.require_variable("LowerBodyO2")).states ==
        std::vector<std::string>{"<5", "5-12", "12+"});
  CHECK(graph.variable(graph.require_variable("CO2Report")).states ==
        std::vector<std::string>{"<7.5", ">=7.5"});
}

TEST_CASE("uai: competition models with their evidence and references") {
  for (const char* name : {"Alchemy_11", "CSP_11", "DBN_11", "Grids_11", "ObjectDetection_11",
                           "Pedigree_11", "Promedus_27", "Segmentation_11", "linkage_11"}) {
    CAPTURE(name);
    const std::string path = (kData / "uai" / name).string() + ".uai";
    const FactorGraph graph = read_model(std::filesystem::path(path));
    CHECK(parse(write_model(graph, Format::uai), Format::uai) == graph);
    const auto evidence = read_uai_evidence(std::filesystem::path(path + ".evid"), graph);
    const UaiMarginals reference = read_uai_marginals(path + ".MAR");
    REQUIRE(reference.marginals.size() == graph.variable_count());
    for (VariableId v = 0; v < graph.variable_count(); ++v) {
      CHECK(reference.marginals[v].size() == graph.cardinality(v));
    }
    for (const auto& [v, finding] : evidence.findings()) {
      CHECK(reference.marginals[v][finding.state] == 1.0);
    }
  }
}

TEST_CASE("uai: entries, evidence and references, by hand") {
  const FactorGraph graph = read_model(kData / "uai" / "Promedus_27.uai");
  CHECK(graph.variable_count() == 410);
  const auto evidence = read_uai_evidence(kData / "uai" / "Promedus_27.uai.evid", graph);
  CHECK(write_uai_evidence(evidence) == "5 14 1 26 1 95 1 148 1 174 1\n");
  CHECK(read_uai_partition(kData / "uai" / "Promedus_27.uai.PR").log10_z == -8.13576);
  CHECK(read_uai_marginals(kData / "uai" / "Promedus_27.uai.MAR").marginals[0] ==
        std::vector<double>{0.997737, 0.00226349});
  const FactorGraph grid = read_model(kData / "uai" / "Grids_29.uai");
  CHECK(read_uai_query(kData / "uai" / "Grids_29.uai.query", grid).front() == 59);
  CHECK(read_uai_assignment(kData / "uai" / "Grids_29.uai.MAP").states.size() ==
        grid.variable_count());
  const UaiPartialAssignment partial =
      read_uai_partial_assignment(kData / "uai" / "Promedas_69.uai.MMAP");
  CHECK(partial.variables.empty());
  CHECK(partial.states.size() == 345);
}
