#include "dot.hpp"

#include <credo/core/escaping.hpp>

#include <fmt/format.h>

namespace credo::cli {
namespace {

// Graphviz takes three-digit hexadecimal colours for black: always six digits.
constexpr const char* kInk = "#2b3a4a";
constexpr const char* kVariableFill = "#e8f0fa";
constexpr const char* kFindingFill = "#f7c873";
constexpr const char* kFactorFill = "#4a5a6a";
constexpr const char* kEdge = "#8a97a5";

/// Above it force-directed layout needs the multilevel engine.
constexpr std::size_t kManyNodes = 250;
constexpr std::size_t kManyInLayers = 50;

std::string variable_node(const FactorGraph& graph, const Evidence& evidence, VariableId v) {
  const Finding* finding = evidence.find(v);
  const Variable& variable = graph.variable(v);
  const bool observed = finding != nullptr;
  const std::string label = observed ? describe(graph, *finding) : variable.name;
  const std::string tooltip =
      variable.is_continuous() ? fmt::format("{}: dimension {}", variable.name, variable.dimension)
                               : fmt::format("{}: {} states", variable.name, variable.cardinality);
  return fmt::format("  v{} [label={}, fillcolor=\"{}\", tooltip={}{}];\n", v, dot_string(label),
                     observed ? kFindingFill : kVariableFill, dot_string(tooltip),
                     variable.is_continuous() ? ", peripheries=2" : "");
}

std::string factor_node(const std::string& id, const std::string& tooltip) {
  return fmt::format(
      "  {} [shape=square, label=\"\", width=0.14, height=0.14, fillcolor=\"{}\", tooltip={}];\n",
      id, kFactorFill, dot_string(tooltip));
}

std::string head(const char* kind, const FactorGraph& graph, const std::string& layout) {
  std::string out = fmt::format("{} {} {{\n  graph [{}, bgcolor=\"#ffffff\", pad=0.3];\n", kind,
                                dot_string(graph.name.empty() ? "model" : graph.name), layout);
  out += fmt::format(
      "  node [shape=ellipse, style=filled, color=\"{0}\", fontcolor=\"{0}\", "
      "fontname=\"Helvetica\", fontsize=12, penwidth=1.1, margin=\"0.08,0.04\"];\n",
      kInk);
  return out + fmt::format("  edge [color=\"{}\", penwidth=1.1, arrowsize=0.7];\n", kEdge);
}

std::string directed_dot(const FactorGraph& graph, const Evidence& evidence) {
  // Names are wide: the layers of a large network fit a page only on their side.
  const bool wide = graph.variable_count() > kManyInLayers;
  const std::string layout =
      wide ? "rankdir=LR, nodesep=0.15, ranksep=0.8" : "rankdir=TB, nodesep=0.3, ranksep=0.45";
  std::string out = head("digraph", graph, layout);
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    out += variable_node(graph, evidence, v);
  }
  for (const Factor& factor : graph.factors()) {
    for (const VariableId parent : factor.scope) {
      if (parent != *factor.child) {
        out += fmt::format("  v{} -> v{};\n", parent, *factor.child);
      }
    }
  }
  return out + "}\n";
}

std::string bipartite_dot(const FactorGraph& graph, const Evidence& evidence) {
  const bool many = graph.variable_count() + graph.factor_count() > kManyNodes;
  const std::string layout =
      fmt::format("layout={}, overlap={}, splines=line, outputorder=edgesfirst",
                  many ? "sfdp" : "neato", many ? "prism" : "false");
  std::string out = head("graph", graph, layout);
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    out += variable_node(graph, evidence, v);
  }
  for (FactorId f = 0; f < graph.factor_count(); ++f) {
    out += factor_node(fmt::format("f{}", f), graph.describe(f));
    for (const VariableId v : graph.factor(f).scope) {
      out += fmt::format("  f{} -- v{};\n", f, v);
    }
  }
  for (GaussianFactorId g = 0; g < graph.gaussian_factors().size(); ++g) {
    out += factor_node(fmt::format("g{}", g), graph.describe_gaussian(g));
    for (const Scope* scope :
         {&graph.gaussian_factor(g).scope, &graph.gaussian_factor(g).continuous}) {
      for (const VariableId v : *scope) {
        out += fmt::format("  g{} -- v{};\n", g, v);
      }
    }
  }
  return out + "}\n";
}

}  // namespace

std::string to_dot(const FactorGraph& graph, const Evidence& evidence) {
  return graph.is_bayesian_network() ? directed_dot(graph, evidence)
                                     : bipartite_dot(graph, evidence);
}

}  // namespace credo::cli
