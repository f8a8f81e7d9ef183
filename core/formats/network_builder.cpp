#include <credo/core/error.hpp>
#include <credo/core/formats/dense_tables.hpp>
#include <credo/core/formats/network_builder.hpp>
#include <credo/core/graph_structure.hpp>
#include <credo/core/names.hpp>
#include <credo/core/numerics.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

namespace credo {

namespace {

// Published networks round their rows to three digits and more; what is
// further from 1 is a mistake.
constexpr double kColumnTolerance = 1e-3;

/// Names near enough to suggest; long lists and long names are not searched.
std::string suggestion(std::string_view name, const FactorGraph& graph) {
  constexpr std::size_t kMostVariables = 20000;
  constexpr std::size_t kLongestName = 128;
  if (name.size() > kLongestName || graph.variable_count() > kMostVariables) return "";
  std::vector<std::string> candidates;
  for (const Variable& v : graph.variables()) {
    if (v.name.size() <= kLongestName) candidates.push_back(v.name);
  }
  return did_you_mean(name, candidates);
}

bool are_numbers(const std::vector<std::string>& states) {
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (states[i] != std::to_string(i)) return false;
  }
  return true;
}

}  // namespace

void NetworkBuilder::fail(Position at, std::string_view expected, std::string_view got) const {
  throw ParseError(source_, at.line, at.column, std::string(expected), std::string(got));
}

void NetworkBuilder::check_name(std::string_view name, Position at) const {
  const std::size_t good = std::min(utf8_prefix(name), name.find('\0'));
  if (good >= name.size()) return;
  const auto byte = static_cast<unsigned char>(name[good]);
  fail(position_after(at, name.substr(0, good)),
       byte == 0 ? "a name without the byte 0"
                 : "names in UTF-8; read other ones with --encoding NAME (latin1, gbk, ...)",
       fmt::format("the byte 0x{:02x} in {}", byte, shown(name)));
}

void NetworkBuilder::add_variable(std::string name, std::vector<std::string> states, Position at) {
  if (name.empty()) fail(at, "a variable with a name", "an empty one");
  if (states.empty()) {
    fail(at, fmt::format("at least one state of variable {}", shown(name)), "none");
  }
  if (graph_.find_variable(name)) {
    fail(at, "each variable once", fmt::format("{} again", shown(name)));
  }
  const std::set<std::string_view> distinct(states.begin(), states.end());
  if (distinct.size() < states.size()) {
    fail(at, fmt::format("distinct states of variable {}", shown(name)),
         fmt::format("only {} different names among {}", distinct.size(), states.size()));
  }
  const std::size_t cardinality = states.size();
  if (are_numbers(states)) states.clear();
  try {
    graph_.add_variable(std::move(name), cardinality, std::move(states));
  } catch (const ModelError& error) {
    fail(at, "distinct state names", error.what());
  }
  conditional_at_.push_back({0, 0});
  mentioned_.push_back(0);
  states_.emplace_back();
}

VariableId NetworkBuilder::variable(std::string_view name, Position at) const {
  const auto found = graph_.find_variable(name);
  if (!found) {
    fail(at, "the name of a variable declared before", shown(name) + suggestion(name, graph_));
  }
  return *found;
}

std::size_t NetworkBuilder::state(VariableId v, std::string_view name, Position at) {
  const Variable& variable = graph_.variable(v);
  auto& known = states_[v];
  if (known.empty()) {
    for (std::size_t i = 0; i < variable.cardinality; ++i) known.emplace(variable.state_name(i), i);
  }
  const auto found = known.find(std::string(name));
  if (found != known.end()) return found->second;
  constexpr std::size_t kMost = 12;
  std::string states;
  for (std::size_t i = 0; i < variable.cardinality && i < kMost; ++i) {
    states += (i == 0 ? "" : ", ") + variable.state_name(i);
  }
  if (variable.cardinality > kMost) states += ", ...";
  fail(at, fmt::format("a state of {} ({})", variable.name, states), shown(name));
}

void NetworkBuilder::begin_conditional(VariableId child, std::vector<VariableId> parents,
                                       Position at) {
  if (conditional_at_[child].line != 0) {
    fail(at, "one conditional per variable",
         fmt::format("a second one for {}, after that of line {}",
                     shown(graph_.variable(child).name), conditional_at_[child].line));
  }
  scope_ = std::move(parents);
  scope_.push_back(child);
  const std::size_t stamp = graph_.factor_count() + 1;
  for (const VariableId v : scope_) {
    if (mentioned_[v] == stamp) {
      fail(at, "distinct variables in a conditional",
           fmt::format("{} twice", shown(graph_.variable(v).name)));
    }
    mentioned_[v] = stamp;
  }
  conditional_at_[child] = at;
  position_ = at;
}

std::uint64_t NetworkBuilder::parent_states() const {
  std::vector<std::size_t> extents;
  for (std::size_t i = 0; i + 1 < scope_.size(); ++i) {
    extents.push_back(graph_.cardinality(scope_[i]));
  }
  return saturating_product(extents);
}

void NetworkBuilder::check_columns(std::span<const double> values) const {
  const std::size_t width = states_of_child();
  for (std::size_t row = 0; row < values.size() / width; ++row) {
    double sum = 0.0;
    for (const double p : values.subspan(row * width, width)) sum += p;
    if (std::fabs(sum - 1.0) <= kColumnTolerance) continue;
    std::string given;
    std::size_t rest = row;
    for (std::size_t i = scope_.size() - 1; i-- > 0;) {
      const Variable& parent = graph_.variable(scope_[i]);
      given = fmt::format("{}{} = {}", i == 0 ? " given " : ", ", parent.name,
                          parent.state_name(rest % parent.cardinality)) +
              given;
      rest /= parent.cardinality;
    }
    fail(position_, fmt::format("p({}{}) to sum to 1", graph_.variable(scope_.back()).name, given),
         fmt::format("{}", sum));
  }
}

void NetworkBuilder::end_conditional(std::vector<double> values) {
  check_columns(values);
  std::vector<std::size_t> shape = graph_.shape_of(scope_);
  const VariableId child = scope_.back();
  try {
    graph_.add_conditional(std::move(scope_), child,
                           Table::dense(std::move(shape), std::move(values)),
                           2.0 * kColumnTolerance);
  } catch (const ModelError& error) {
    fail(position_, "a conditional", error.what());
  }
}

void NetworkBuilder::check_acyclic() const {
  std::vector<Arc> arcs;
  for (const Factor& f : graph_.factors()) {
    for (const VariableId v : f.scope) {
      if (v != *f.child) arcs.push_back({v, *f.child});
    }
  }
  const std::vector<std::uint32_t> cycle = find_cycle(graph_.variable_count(), arcs);
  if (cycle.empty()) return;
  fail(conditional_at_[cycle.front()], "directions without a cycle", describe_cycle(graph_, cycle));
}

FactorGraph NetworkBuilder::finish(std::string name, Position end) {
  for (VariableId v = 0; v < graph_.variable_count(); ++v) {
    if (conditional_at_[v].line != 0) continue;
    fail(end, fmt::format("a conditional for variable {}", shown(graph_.variable(v).name)),
         "end of file");
  }
  check_acyclic();
  graph_.name = std::move(name);
  return std::move(graph_);
}

}  // namespace credo
