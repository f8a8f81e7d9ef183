#include <credo/core/error.hpp>
#include <credo/core/joint_states.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/conditional_rows.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace credo {

namespace {
constexpr double kSumTolerance = 1e-6;
}  // namespace

std::string describe_conditional(std::string_view child, const std::vector<std::string>& parents) {
  return parents.empty() ? fmt::format("p({})", child)
                         : fmt::format("p({} given {})", child, fmt::join(parents, ", "));
}

std::string describe_conditional(const FactorGraph& graph, std::string_view child,
                                 const Scope& parents) {
  std::vector<std::string> names;
  for (const VariableId p : parents) names.push_back(graph.variable(p).name);
  return describe_conditional(child, names);
}

std::string describe_conditional(const FactorGraph& graph, VariableId child, const Scope& parents) {
  return describe_conditional(graph, graph.variable(child).name, parents);
}

std::string describe_states(const FactorGraph& graph, const Scope& variables,
                            std::span<const std::size_t> states) {
  if (variables.empty()) return "no parents";
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < variables.size(); ++i) {
    const Variable& v = graph.variable(variables[i]);
    parts.push_back(fmt::format("{} = {}", v.name, v.state_name(states[i])));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

void require_distribution(std::span<const double> row, std::size_t count,
                          const std::function<std::string()>& where) {
  if (row.size() != count) {
    throw ModelError(
        fmt::format("{}: expected {} probabilities, got {}", where(), count, row.size()));
  }
  double sum = 0.0;
  for (const double p : row) {
    if (!(p >= 0.0 && p <= 1.0 + kSumTolerance)) {
      throw ModelError(fmt::format("{}: expected probabilities from 0 to 1, got {}", where(), p));
    }
    sum += p;
  }
  if (!(std::fabs(sum - 1.0) <= kSumTolerance)) {
    throw ModelError(fmt::format("{}: expected probabilities that sum to 1, got {}", where(), sum));
  }
}

void require_expandable_conditional(const Variable& child, const Scope& parents, double entries,
                                    std::uint64_t limit, double bytes_per_entry) {
  // Its parents may be many: the name of the child and their number say which table it is.
  require_expandable(
      fmt::format("table of {} given {} parents", child.name, parents.size()), entries, limit,
      fmt::format("put variables between {} and its parents that combine a few of them each, or "
                  "allow more entries",
                  child.name),
      bytes_per_entry);
}

Table table_of_rows(const FactorGraph& graph, const Variable& child, const Scope& parents,
                    const RowOf& row_of, std::uint64_t limit) {
  std::vector<std::size_t> shape = graph.shape_of(parents);
  require_expandable_conditional(child, parents,
                                 entries_of(shape) * static_cast<double>(child.cardinality), limit);
  const std::string who = describe_conditional(graph, child.name, parents);
  std::vector<double> values;
  for_each_joint_state(shape, [&](std::span<const std::size_t> states) {
    const std::vector<double> row = row_of(states);
    require_distribution(row, child.cardinality, [&] {
      return who + ", row of " + describe_states(graph, parents, states);
    });
    values.insert(values.end(), row.begin(), row.end());
  });
  shape.push_back(child.cardinality);
  return Table::dense(std::move(shape), std::move(values));
}

Table table_of_rows(const FactorGraph& graph, const Variable& child, const Scope& parents,
                    const std::vector<std::vector<double>>& rows) {
  const std::uint64_t expected = saturating_product(graph.shape_of(parents));
  if (rows.size() != expected) {
    throw ModelError(fmt::format("{}: expected {} rows, one per joint state of the parents, got {}",
                                 describe_conditional(graph, child.name, parents), expected,
                                 rows.size()));
  }
  std::size_t next = 0;
  // As large as what was given.
  return table_of_rows(
      graph, child, parents, [&](std::span<const std::size_t>) { return rows[next++]; },
      std::numeric_limits<std::uint64_t>::max());
}

Table normalised_rows(const Table& table, EmptyRow empty) {
  std::vector<double> values(table.size());
  for (std::uint64_t i = 0; i < values.size(); ++i) values[i] = table.at(i);
  const std::size_t states = table.shape().back();
  for (std::size_t row = 0; row < values.size(); row += states) {
    const std::span<double> entries(values.data() + row, states);
    double sum = 0.0;
    for (const double p : entries) sum += p;
    // Rows that only rounding keeps from 1 stay as they were written.
    if (std::fabs(sum - 1.0) <= static_cast<double>(states) * 0x1p-52) continue;
    if (normalize(entries) == 0.0 && empty == EmptyRow::uniform) {
      std::ranges::fill(entries, 1.0 / static_cast<double>(states));
    }
  }
  return Table::dense({table.shape().begin(), table.shape().end()}, std::move(values));
}

void require_distinct(const std::vector<std::string>& parents, std::string_view child) {
  for (std::size_t i = 0; i < parents.size(); ++i) {
    if (std::find(parents.begin(), parents.begin() + static_cast<std::ptrdiff_t>(i), parents[i]) !=
        parents.begin() + static_cast<std::ptrdiff_t>(i)) {
      throw ModelError(fmt::format("{}: expected distinct parents, got {} twice",
                                   describe_conditional(child, parents), parents[i]));
    }
  }
}

std::string cycle_text(const FactorGraph& graph, std::span<const VariableId> cycle) {
  std::string text;
  for (const VariableId v : cycle) text += graph.variable(v).name + " -> ";
  return text + graph.variable(cycle.front()).name;
}

}  // namespace credo
