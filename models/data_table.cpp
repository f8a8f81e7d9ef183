// Rows of states in one array. Joining equal rows costs a sort; everything that learns from data
// pays per distinct row.

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/data_table.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace credo {

namespace {

/// Of rows of data, while they are sorted: a fraction of a millisecond.
constexpr std::size_t kComparisonsBetweenLooks = 1024;

}  // namespace

DataTable::DataTable(const FactorGraph& graph) {
  graph.require_discrete("data table");
  for (const Variable& variable : graph.variables()) {
    if (variable.cardinality >= kMissing) {
      throw ModelError(fmt::format("data table: expected fewer than {} states of {}, got {}",
                                   kMissing, variable.name, variable.cardinality));
    }
    names_.push_back(variable.name);
    cardinalities_.push_back(variable.cardinality);
  }
}

void DataTable::add_row(std::span<const std::uint32_t> states, double weight) {
  if (states.size() != columns()) {
    throw EvidenceError(
        fmt::format("data, row {}: expected {} states, got {}", rows(), columns(), states.size()));
  }
  if (!(weight >= 0.0 && std::isfinite(weight))) {
    throw EvidenceError(fmt::format("data, row {}: expected a finite weight of at least 0, got {}",
                                    rows(), weight));
  }
  for (std::size_t v = 0; v < columns(); ++v) {
    if (states[v] == kMissing || states[v] < cardinalities_[v]) continue;
    throw EvidenceError(fmt::format("data, row {}: expected a state of {} below {}, got {}", rows(),
                                    names_[v], cardinalities_[v], states[v]));
  }
  states_.insert(states_.end(), states.begin(), states.end());
  weights_.push_back(weight);
}

void DataTable::refuse_row(std::size_t r) const {
  throw ModelError(rows() == 0
                       ? fmt::format("data: expected one of its rows, got row {} of none", r)
                       : fmt::format("data: expected a row from 0 to {}, got {}", rows() - 1, r));
}

double DataTable::total_weight() const noexcept {
  CompensatedSum sum;
  for (const double weight : weights_) sum.add(weight);
  return sum.value();
}

bool DataTable::complete() const noexcept {
  return std::ranges::find(states_, kMissing) == states_.end();
}

bool DataTable::has_hidden_column() const noexcept {
  for (std::size_t v = 0; v < columns(); ++v) {
    bool seen = false;
    for (std::size_t r = 0; r < rows() && !seen; ++r) {
      seen = states_[r * columns() + v] != kMissing && weights_[r] > 0.0;
    }
    if (!seen) return true;
  }
  return false;
}

Evidence DataTable::evidence(std::size_t r) const {
  Evidence evidence;
  const auto states = row(r);
  for (std::size_t v = 0; v < states.size(); ++v) {
    if (states[v] != kMissing) evidence.observe(static_cast<VariableId>(v), states[v]);
  }
  return evidence;
}

DataTable DataTable::distinct() const {
  return *distinct([] { return true; });
}

std::optional<DataTable> DataTable::distinct(const std::function<bool()>& may_continue) const {
  struct Stopped {};
  std::size_t comparisons = 0;
  const auto count_comparison = [&] {
    if (++comparisons % kComparisonsBetweenLooks == 0 && !may_continue()) throw Stopped{};
  };
  const auto pattern_before = [](std::uint32_t a, std::uint32_t b) {
    return (a == kMissing) < (b == kMissing);
  };
  const auto equal_rows = [this](std::size_t a, std::size_t b) {
    return std::ranges::equal(row(a), row(b));
  };
  const auto row_before = [&](std::size_t a, std::size_t b) {
    count_comparison();
    const auto one = row(a);
    const auto other = row(b);
    if (std::ranges::lexicographical_compare(one, other, pattern_before)) return true;
    if (std::ranges::lexicographical_compare(other, one, pattern_before)) return false;
    if (!equal_rows(a, b)) return std::ranges::lexicographical_compare(one, other);
    return a < b;
  };
  std::vector<std::size_t> order(rows());
  std::iota(order.begin(), order.end(), std::size_t{0});
  try {
    if (std::ranges::is_sorted(order, row_before) &&
        std::ranges::adjacent_find(order, equal_rows) == order.end()) {
      return *this;
    }
    std::ranges::sort(order, row_before);
  } catch (const Stopped&) {
    return std::nullopt;
  }
  DataTable joined;
  joined.names_ = names_;
  joined.cardinalities_ = cardinalities_;
  for (const std::size_t r : order) {
    if (joined.rows() > 0 && std::ranges::equal(joined.row(joined.rows() - 1), row(r))) {
      joined.weights_.back() += weights_[r];
    } else {
      joined.states_.insert(joined.states_.end(), row(r).begin(), row(r).end());
      joined.weights_.push_back(weights_[r]);
    }
  }
  return joined;
}

void DataTable::require_fits(const FactorGraph& graph) const {
  bool fits = graph.variable_count() == columns();
  for (VariableId v = 0; fits && v < columns(); ++v) {
    fits = graph.variable(v).name == names_[v] && graph.cardinality(v) == cardinalities_[v];
  }
  if (fits) return;
  throw ModelError(fmt::format(
      "data: expected a table made for this model of {} variables, got one of {} columns",
      graph.variable_count(), columns()));
}

}  // namespace credo
