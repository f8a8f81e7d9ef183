#include <credo/core/error.hpp>
#include <credo/core/factor_graph.hpp>
#include <credo/core/graph_structure.hpp>
#include <credo/core/names.hpp>
#include <credo/core/numerics.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <unordered_set>
#include <utility>

namespace credo {

std::string Variable::state_name(std::size_t state) const {
  if (states.empty()) return std::to_string(state);
  if (state < states.size()) return states[state];
  throw ModelError(fmt::format("variable {}: expected a state from 0 to {}, got {}", name,
                               states.size() - 1, state));
}

std::optional<std::size_t> Variable::find_state(std::string_view state) const {
  const auto named = std::ranges::find(states, state);
  if (named != states.end()) return static_cast<std::size_t>(named - states.begin());
  if (!states.empty()) return std::nullopt;
  std::size_t number = 0;
  const char* const end = state.data() + state.size();
  const auto [stop, error] = std::from_chars(state.data(), end, number);
  if (error == std::errc{} && stop == end && number < cardinality) return number;
  return std::nullopt;
}

FactorGraph::FactorGraph(FactorGraph&& other) noexcept { *this = std::move(other); }

FactorGraph& FactorGraph::operator=(FactorGraph&& other) noexcept {
  if (this == &other) return *this;
  // What a standard container is left with is its own affair.
  name = std::exchange(other.name, {});
  variables_ = std::exchange(other.variables_, {});
  factors_ = std::exchange(other.factors_, {});
  gaussian_factors_ = std::exchange(other.gaussian_factors_, {});
  continuous_count_ = std::exchange(other.continuous_count_, 0);
  factors_of_ = std::exchange(other.factors_of_, {});
  by_name_.swap(other.by_name_);
  other.by_name_.clear();
  return *this;
}

void FactorGraph::refuse_index(std::string_view what, std::size_t index, std::size_t count) {
  throw ModelError(
      count == 0
          ? fmt::format("factor graph: expected one of its {}, got number {} of a graph without "
                        "any (nothing was added, or it was moved from)",
                        what, index)
          : fmt::format("factor graph: expected one of its {}, numbers 0 to {}, got {}", what,
                        count - 1, index));
}

VariableId FactorGraph::add_variable(std::string variable_name, std::size_t cardinality,
                                     std::vector<std::string> states) {
  return add_variable(Variable{std::move(variable_name), cardinality, std::move(states)});
}

VariableId FactorGraph::add_continuous_variable(std::string variable_name, std::size_t dimension) {
  if (dimension == 0) {
    throw ModelError(
        fmt::format("variable {}: expected a dimension of at least 1, got 0", variable_name));
  }
  return add_variable(Variable{std::move(variable_name), 0, {}, dimension});
}

VariableId FactorGraph::add_variable(Variable variable) {
  if (variable.name.empty()) throw ModelError("variable: expected a name, got an empty one");
  if (variable.is_continuous() && (variable.cardinality != 0 || !variable.states.empty())) {
    throw ModelError(
        fmt::format("variable {}: expected states or a dimension, got both", variable.name));
  }
  if (variable.cardinality == 0 && !variable.is_continuous()) {
    throw ModelError(
        fmt::format("variable {}: expected a cardinality of at least 1, got 0", variable.name));
  }
  if (!variable.states.empty()) {
    if (variable.states.size() != variable.cardinality) {
      throw ModelError(fmt::format("variable {}: expected {} state names, got {}", variable.name,
                                   variable.cardinality, variable.states.size()));
    }
    std::unordered_set<std::string_view> seen;
    for (const std::string& state : variable.states) {
      if (!seen.insert(state).second) {
        throw ModelError(fmt::format("variable {}: expected distinct state names, got {} twice",
                                     variable.name, state));
      }
    }
  }
  if (variables_.size() >= std::numeric_limits<VariableId>::max()) {
    throw ModelError(fmt::format("variable {}: expected fewer than 2^32 variables", variable.name));
  }
  const auto id = static_cast<VariableId>(variables_.size());
  if (!by_name_.emplace(variable.name, id).second) {
    throw ModelError(
        fmt::format("variable {}: expected a new name, this one is taken", variable.name));
  }
  if (variable.is_continuous()) ++continuous_count_;
  variables_.push_back(std::move(variable));
  factors_of_.emplace_back();
  return id;
}

namespace {

/// Throws unless every variable is known and of the kind.
void check_known(FactorId id, const Scope& scope, std::span<const Variable> variables,
                 bool continuous = false) {
  for (const VariableId v : scope) {
    if (v >= variables.size()) {
      throw ModelError(
          fmt::format("factor {}: expected variables below {}, got {}", id, variables.size(), v));
    }
    if (variables[v].is_continuous() == continuous) continue;
    throw ModelError(fmt::format("factor {}: expected {} variables, got {}, which is {}", id,
                                 continuous ? "continuous" : "discrete", variables[v].name,
                                 continuous ? "discrete" : "continuous"));
  }
}

void check_distinct(FactorId id, Scope scope, std::span<const Variable> variables) {
  std::ranges::sort(scope);
  if (const auto twin = std::ranges::adjacent_find(scope); twin != scope.end()) {
    throw ModelError(fmt::format("factor {}: expected distinct variables, got {} twice", id,
                                 variables[*twin].name));
  }
}

void check_logarithms(FactorId id, const Table& table) {
  if (table.domain() != Domain::log) return;
  for (const double extreme : {table.log_smallest(), table.log_largest()}) {
    if (extreme == -kInfinity || std::fabs(extreme) <= kLargestLogarithm) continue;
    throw ModelError(
        fmt::format("factor {}: expected logarithms from -{} to {}, or -infinity, got {}: sums of "
                    "more leave the range of doubles",
                    id, kLargestLogarithm, kLargestLogarithm, extreme));
  }
}

}  // namespace

FactorId FactorGraph::add_factor(Scope scope, Table table) {
  const auto id = static_cast<FactorId>(factors_.size());
  check_known(id, scope, variables_);
  check_distinct(id, scope, variables_);
  const std::vector<std::size_t> expected = shape_of(scope);
  if (!std::ranges::equal(expected, table.shape())) {
    std::vector<std::string_view> names;
    for (const VariableId v : scope) names.push_back(variables_[v].name);
    throw ModelError(fmt::format("factor {} over ({}): expected a table of shape [{}], got [{}]",
                                 id, fmt::join(names, ", "), fmt::join(expected, ", "),
                                 fmt::join(table.shape(), ", ")));
  }
  check_logarithms(id, table);
  for (const VariableId v : scope) factors_of_[v].push_back(id);
  factors_.push_back(Factor{std::move(scope), std::move(table), std::nullopt});
  return id;
}

FactorId FactorGraph::add_factor(Scope scope, std::vector<double> values) {
  check_known(static_cast<FactorId>(factors_.size()), scope, variables_);
  Table table = Table::dense(shape_of(scope), std::move(values));
  return add_factor(std::move(scope), std::move(table));
}

std::vector<std::size_t> FactorGraph::shape_of(const Scope& scope) const {
  std::vector<std::size_t> shape;
  shape.reserve(scope.size());
  for (const VariableId v : scope) shape.push_back(cardinality(v));
  return shape;
}

Scope FactorGraph::scope_of(std::span<const std::string_view> names) const {
  Scope scope;
  for (const std::string_view wanted : names) scope.push_back(require_variable(wanted));
  return scope;
}

namespace {

/// A joint state of all variables but the child, row-major, and the child's sum there.
struct Column {
  std::uint64_t index;
  double sum;
};

/// The columns of a table. For a sparse table, those with no entry are absent (an unavailable
/// combination).
std::vector<Column> column_sums(const Table& table, std::size_t position) {
  std::uint64_t inner = 1;
  for (std::size_t d = position + 1; d < table.rank(); ++d) inner *= table.shape()[d];
  const std::uint64_t extent = table.shape()[position];
  const bool linear = table.domain() == Domain::linear;
  const std::span<const double> values = table.values();
  std::vector<Column> columns;
  if (!table.is_sparse()) {
    columns.resize(values.size() / extent);
    for (std::size_t c = 0; c < columns.size(); ++c) {
      columns[c] = {c, 0.0};
      const std::size_t first = c / inner * inner * extent + c % inner;
      for (std::size_t k = 0; k < extent; ++k) {
        const double value = values[first + k * inner];
        columns[c].sum += linear ? value : std::exp(value);
      }
    }
    return columns;
  }
  std::unordered_map<std::uint64_t, double> sums;
  const std::vector<std::uint64_t> indices = table.stored_indices();
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const std::uint64_t column = indices[i] / (inner * extent) * inner + indices[i] % inner;
    sums[column] += linear ? values[i] : std::exp(values[i]);
  }
  for (const auto& [index, sum] : sums) columns.push_back({index, sum});
  return columns;
}

}  // namespace

FactorId FactorGraph::add_conditional(Scope scope, VariableId child, Table table,
                                      double tolerance) {
  const auto at = std::ranges::find(scope, child);
  if (at == scope.end()) {
    throw ModelError(fmt::format("factor {}: expected the child, variable {}, in the scope",
                                 factors_.size(), child));
  }
  const auto position = static_cast<std::size_t>(at - scope.begin());
  const FactorId id = add_factor(std::move(scope), std::move(table));
  factors_[id].child = child;
  // The sums cost a pass over the table; a shared table may have been checked before.
  if (tolerance == kInfinity) return id;
  for (const auto& [column, sum] : column_sums(factors_[id].table, position)) {
    if (!(std::fabs(sum - 1.0) <= tolerance)) {
      const std::string what =
          fmt::format("{}: expected p({} given parents) to sum to 1, got {} for parent state {}",
                      describe(id), variables_[child].name, sum, column);
      for (const VariableId v : factors_[id].scope) factors_of_[v].pop_back();
      factors_.pop_back();
      throw ModelError(what);
    }
  }
  return id;
}

GaussianFactorId FactorGraph::add_gaussian_factor(Scope continuous, GaussianTable table) {
  return add_gaussian_factor({}, std::move(continuous), std::move(table));
}

GaussianFactorId FactorGraph::add_gaussian_factor(Scope scope, Scope continuous,
                                                  GaussianTable table) {
  const auto id = static_cast<GaussianFactorId>(gaussian_factors_.size());
  check_known(id, scope, variables_);
  check_known(id, continuous, variables_, true);
  check_distinct(id, scope, variables_);
  check_distinct(id, continuous, variables_);
  std::vector<std::size_t> dimensions;
  for (const VariableId v : continuous) dimensions.push_back(variables_[v].dimension);
  std::optional<VariableId> child;
  if (table.is_conditional() && !continuous.empty()) child = continuous.back();
  const std::vector<std::size_t> shape = shape_of(scope);
  const bool fits = std::ranges::equal(shape, table.shape()) &&
                    std::ranges::equal(dimensions, table.dimensions());
  gaussian_factors_.push_back({std::move(scope), std::move(continuous), std::move(table), child});
  if (fits) return id;
  const GaussianTable& given = gaussian_factors_.back().table;
  const std::string what = fmt::format(
      "{}: expected a Gaussian table of shape [{}] and dimensions [{}], got [{}] and [{}]",
      describe_gaussian(id), fmt::join(shape, ", "), fmt::join(dimensions, ", "),
      fmt::join(given.shape(), ", "), fmt::join(given.dimensions(), ", "));
  gaussian_factors_.pop_back();
  throw ModelError(what);
}

void FactorGraph::require_discrete(std::string_view who) const {
  if (!has_continuous_variables()) return;
  const auto found = std::ranges::find_if(variables_, &Variable::is_continuous);
  throw ModelError(fmt::format("{}: expected discrete variables only, got {}, which is continuous",
                               who, found->name));
}

std::optional<VariableId> FactorGraph::find_variable(std::string_view wanted) const {
  const auto at = by_name_.find(std::string(wanted));
  return at == by_name_.end() ? std::nullopt : std::optional(at->second);
}

VariableId FactorGraph::require_variable(std::string_view wanted) const {
  if (const auto found = find_variable(wanted)) return *found;
  std::vector<std::string> names;
  for (const Variable& v : variables_) names.push_back(v.name);
  throw ModelError(fmt::format("unknown variable {}{}", wanted, did_you_mean(wanted, names)));
}

std::size_t FactorGraph::require_state(VariableId v, std::string_view wanted) const {
  const Variable& variable = this->variable(v);
  if (const auto found = variable.find_state(wanted)) return *found;
  if (variable.states.empty()) {
    throw ModelError(fmt::format("variable {}: expected a state from 0 to {}, got {}",
                                 variable.name, variable.cardinality - 1, wanted));
  }
  const std::size_t shown = std::min<std::size_t>(variable.states.size(), 12);
  throw ModelError(fmt::format("variable {}: expected one of the states {}{}, got {}{}",
                               variable.name,
                               fmt::join(std::span(variable.states).first(shown), ", "),
                               shown < variable.states.size() ? ", ..." : "", wanted,
                               did_you_mean(wanted, variable.states)));
}

namespace {

/// A sum of logarithms that are all finite; NaN where it leaves the range of doubles.
double in_range(const CompensatedSum& total) {
  return std::isfinite(total.value()) ? total.value() : kNaN;
}

}  // namespace

double FactorGraph::log_weight(std::span<const std::size_t> assignment) const {
  require_discrete("log weight of states alone");
  if (assignment.size() != variables_.size()) {
    throw ModelError(fmt::format("assignment: expected {} states, got {}", variables_.size(),
                                 assignment.size()));
  }
  CompensatedSum total;
  std::vector<std::size_t> states;
  for (const Factor& f : factors_) {
    states.clear();
    for (const VariableId v : f.scope) states.push_back(assignment[v]);
    const double log_value = f.table.log_at(f.table.index_of(states));
    if (log_value == -kInfinity) return -kInfinity;
    total.add(log_value);
  }
  return in_range(total);
}

double FactorGraph::log_weight(std::span<const std::size_t> states,
                               std::span<const std::vector<double>> values) const {
  if (states.size() != variables_.size() || values.size() != variables_.size()) {
    throw ModelError(fmt::format("assignment: expected {} states and values, got {} and {}",
                                 variables_.size(), states.size(), values.size()));
  }
  CompensatedSum total;
  const auto add = [&total](double log_value) {
    total.add(log_value);
    return log_value != -kInfinity;
  };
  const auto states_of = [&states](const Scope& scope) {
    std::vector<std::size_t> chosen;
    for (const VariableId v : scope) chosen.push_back(states[v]);
    return chosen;
  };
  for (const Factor& f : factors_) {
    if (!add(f.table.log_at(f.table.index_of(states_of(f.scope))))) return -kInfinity;
  }
  for (const GaussianFactor& f : gaussian_factors_) {
    std::uint64_t entry = 0;
    for (const VariableId v : f.scope) {
      if (states[v] >= cardinality(v)) {
        throw ModelError(fmt::format("assignment: expected a state of {} from 0 to {}, got {}",
                                     variables_[v].name, cardinality(v) - 1, states[v]));
      }
      entry = entry * cardinality(v) + states[v];
    }
    std::vector<double> x;
    for (const VariableId v : f.continuous) x.insert(x.end(), values[v].begin(), values[v].end());
    if (!add(f.table.log_at(entry, x))) return -kInfinity;
  }
  return in_range(total);
}

std::string FactorGraph::describe_gaussian(GaussianFactorId f) const {
  const GaussianFactor& factor = gaussian_factor(f);
  std::vector<std::string_view> discrete;
  std::vector<std::string_view> continuous;
  for (const VariableId v : factor.scope) discrete.push_back(variables_[v].name);
  for (const VariableId v : factor.continuous) continuous.push_back(variables_[v].name);
  return fmt::format("g{}({}{}{})", f, fmt::join(discrete, ", "), discrete.empty() ? "" : "; ",
                     fmt::join(continuous, ", "));
}

std::string FactorGraph::describe(FactorId f) const {
  std::vector<std::string_view> names;
  for (const VariableId v : factor(f).scope) names.push_back(variables_[v].name);
  return fmt::format("f{}({})", f, fmt::join(names, ", "));
}

bool FactorGraph::is_bayesian_network() const {
  if (has_continuous_variables()) return false;
  std::vector<char> has_conditional(variables_.size(), 0);
  std::vector<Arc> arcs;
  for (const Factor& f : factors_) {
    if (!f.child || has_conditional[*f.child]) return false;
    has_conditional[*f.child] = 1;
    for (const VariableId v : f.scope) {
      if (v != *f.child) arcs.push_back({v, *f.child});
    }
  }
  return factors_.size() == variables_.size() &&
         topological_order(variables_.size(), arcs).has_value();
}

}  // namespace credo
