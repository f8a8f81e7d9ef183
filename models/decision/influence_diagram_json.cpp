// Nodes are read one by one, then added parents first: what is left when nothing can be added lies
// on a cycle, or names a parent that is nowhere.

#include <credo/core/error.hpp>
#include <credo/core/graph_structure.hpp>
#include <credo/core/names.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/decision/influence_diagram_json.hpp>
#include <credo/models/json_input.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

namespace credo::decision {

namespace {

using namespace json_input;

constexpr std::array<std::string_view, 3> kKeys = {"nodes", "name", "perfect_recall"};
constexpr std::array<std::string_view, 4> kChanceKeys = {"chance", "states", "rows", "parents"};
constexpr std::array<std::string_view, 3> kDecisionKeys = {"decision", "states", "sees"};
constexpr std::array<std::string_view, 3> kUtilityKeys = {"utility", "values", "parents"};

struct Node {
  std::string path;
  std::string kind;
  std::string name;
  std::vector<std::string> states;
  std::vector<std::string> parents;
  std::vector<std::vector<double>> rows;
  std::vector<double> values;
};

double utility_value(const json& value, const Place& place) {
  if (value == "-inf") return -kInfinity;
  if (!value.is_number()) place.fail("a number or \"-inf\"", value);
  return value.get<double>();
}

std::vector<double> row(const json& value, const Place& place) {
  return list(value, place, number);
}

std::vector<std::string> names_at(const json& object, const Place& place, std::string_view key) {
  if (!object.contains(key)) return {};
  return list(object[std::string(key)], place.at(key), text);
}

Node node(const json& object, const Place& place) {
  Node result;
  if (object.contains("chance")) {
    check_keys(object, place, kChanceKeys, 3);
    result.kind = "chance";
    result.rows = list(object["rows"], place.at("rows"), row);
  } else if (object.contains("decision")) {
    check_keys(object, place, kDecisionKeys, 2);
    result.kind = "decision";
  } else if (object.contains("utility")) {
    check_keys(object, place, kUtilityKeys, 2);
    result.kind = "utility";
    result.values = list(object["values"], place.at("values"), utility_value);
  } else {
    place.fail("an object with the key chance, decision or utility", object);
  }
  result.path = place.what;
  result.name = text(object[result.kind], place.at(result.kind));
  result.states = names_at(object, place, "states");
  result.parents = names_at(object, place, result.kind == "decision" ? "sees" : "parents");
  return result;
}

void add(const Node& node, InfluenceDiagram& diagram) {
  if (node.kind == "chance") {
    diagram.add_chance(node.name, node.states, node.parents, node.rows);
  } else if (node.kind == "decision") {
    diagram.add_decision(node.name, node.states, node.parents);
  } else {
    diagram.add_utility(node.name, node.parents, node.values);
  }
}

/// Throws: why none of the nodes can be added.
[[noreturn]] void fail_stuck(const std::vector<Node>& nodes, const Source& source) {
  std::vector<std::string> names;
  for (const Node& n : nodes) {
    if (n.kind != "utility") names.push_back(n.name);
  }
  std::vector<Arc> arcs;
  for (std::uint32_t i = 0; i < nodes.size(); ++i) {
    for (std::uint32_t j = 0; j < nodes.size(); ++j) {
      if (std::ranges::count(nodes[i].parents, nodes[j].name) > 0) arcs.push_back({j, i});
    }
  }
  std::vector<std::string> cycle;
  for (const std::uint32_t i : find_cycle(nodes.size(), arcs)) cycle.push_back(nodes[i].name);
  if (!cycle.empty()) cycle.push_back(cycle.front());
  const auto on_cycle = std::ranges::find(nodes, cycle.empty() ? "" : cycle.back(), &Node::name);
  Place{source, on_cycle == nodes.end() ? "nodes" : on_cycle->path}.refuse(
      fmt::format("expected arcs without a directed cycle, got {}", fmt::join(cycle, " -> ")));
}

InfluenceDiagram assemble(std::vector<Node> nodes, const Source& source) {
  std::vector<std::string> known;
  for (const Node& n : nodes) {
    if (n.kind != "utility") known.push_back(n.name);
  }
  for (const Node& n : nodes) {
    for (const std::string& p : n.parents) {
      if (std::ranges::find(known, p) != known.end()) continue;
      Place{source, n.path}.refuse(
          fmt::format("{} {}: parent {} is not a chance or decision node{}", n.kind, n.name, p,
                      did_you_mean(p, known)));
    }
  }
  InfluenceDiagram diagram;
  const auto ready = [&](const Node& n) {
    return std::ranges::all_of(n.parents, [&](const std::string& p) {
      return diagram.graph().find_variable(p).has_value();
    });
  };
  while (!nodes.empty()) {
    const auto next = std::ranges::find_if(nodes, ready);
    if (next == nodes.end()) fail_stuck(nodes, source);
    try {
      add(*next, diagram);
    } catch (const ModelError& e) {
      Place{source, next->path}.refuse(e.what());
    }
    nodes.erase(next);
  }
  return diagram;
}

}  // namespace

InfluenceDiagram parse_influence_diagram_json(std::string_view text_of_file,
                                              const std::string& name_of_source) {
  const Source source{name_of_source, text_of_file};
  const json object = parse_strict(source);
  check_keys(object, {source, ""}, kKeys, 1);
  std::vector<Node> nodes = list(object["nodes"], {source, "nodes"}, node);
  bool recall = false;
  if (object.contains("perfect_recall")) {
    const json& value = object["perfect_recall"];
    if (!value.is_boolean()) Place{source, "perfect_recall"}.fail("true or false", value);
    recall = value.get<bool>();
  }
  std::string name;
  if (object.contains("name")) name = text(object["name"], {source, "name"});
  InfluenceDiagram diagram = assemble(std::move(nodes), source);
  if (recall) diagram = diagram.with_perfect_recall();
  diagram.name = std::move(name);
  return diagram;
}

InfluenceDiagram read_influence_diagram_json(const std::string& path) {
  return parse_influence_diagram_json(read_text(path), path);
}

namespace {

json table_rows(const Table& table) {
  json rows = json::array();
  const std::size_t states = table.shape().back();
  for (std::uint64_t i = 0; i < table.size(); i += states) {
    json row = json::array();
    for (std::uint64_t s = 0; s < states; ++s) row.push_back(table.at(i + s));
    rows.push_back(std::move(row));
  }
  return rows;
}

json state_names(const Variable& variable) {
  json names = json::array();
  for (std::size_t s = 0; s < variable.cardinality; ++s) names.push_back(variable.state_name(s));
  return names;
}

json utility_json(const InfluenceDiagram& diagram, const Utility& utility) {
  json values = json::array();
  for (const double u : utility.values) {
    values.push_back(u == -kInfinity ? json("-inf") : json(u));
  }
  return {{"utility", utility.name},
          {"parents", diagram.names(utility.parents)},
          {"values", std::move(values)}};
}

}  // namespace

std::string influence_diagram_json(const InfluenceDiagram& diagram) {
  std::vector<std::string> lines;
  const FactorGraph& graph = diagram.graph();
  std::size_t next_factor = 0;
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    const Variable& variable = graph.variable(v);
    json node = {{"states", state_names(variable)}};
    const json parents = diagram.names(diagram.parents(v));
    if (diagram.is_decision(v)) {
      node["decision"] = variable.name;
      node["sees"] = parents;
    } else {
      node["chance"] = variable.name;
      node["parents"] = parents;
      node["rows"] = table_rows(graph.factor(static_cast<FactorId>(next_factor++)).table);
    }
    lines.push_back(node.dump());
  }
  for (const Utility& u : diagram.utilities()) lines.push_back(utility_json(diagram, u).dump());
  return fmt::format("{{\"name\": {}, \"nodes\": [\n{}]}}\n", json(diagram.name).dump(),
                     fmt::join(lines, ",\n"));
}

}  // namespace credo::decision
