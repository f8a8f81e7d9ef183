// The tasks as sums over the list: marginals are sums of p(x) = exp(w(x) - log Z),
// MAP is the largest w, marginal MAP the largest log-sum within a group, samples
// invert the cumulative sum, and
//   d log Z / d f(x_f) = sum over x that extend x_f of exp(w(x) - log f(x_f) - log Z),
// where the product of the *other* factors is formed without dividing, so that it is
// right for entries that are zero.
// Cost: states x scopes asked for; MAP sorts only the k best.

#include <credo/core/numerics.hpp>
#include <credo/inference/enumeration_tasks.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <utility>

namespace credo {

namespace {

/// sums[i][cell] = sum of p(x) over the states x that fall in the cell of scope i.
bool sum_over(JointWeights& list, const std::vector<Scope>& scopes,
              std::vector<std::vector<double>>& sums) {
  std::vector<std::vector<CompensatedSum>> cells;
  for (const Scope& scope : scopes)
    cells.emplace_back(saturating_product(list.graph().shape_of(scope)));
  const bool finished =
      list.for_each_state([&](std::uint64_t index, const std::vector<std::size_t>& states) {
        const double probability = list.probability(index);
        if (probability == 0.0) return;
        for (std::size_t i = 0; i < scopes.size(); ++i) {
          cells[i][cell_of(list.graph(), scopes[i], states)].add(probability);
        }
      });
  for (const std::vector<CompensatedSum>& of_scope : cells) {
    std::vector<double>& values = sums.emplace_back();
    for (const CompensatedSum& cell : of_scope) values.push_back(cell.value());
    normalize(values);
  }
  return finished;
}

/// The belief over a factor's scope, stored as the factor stores its table.
Table belief_like(const Factor& factor, const std::vector<double>& dense) {
  std::vector<std::size_t> shape(factor.table.shape().begin(), factor.table.shape().end());
  if (!factor.table.is_sparse()) return Table::dense(std::move(shape), dense);
  std::vector<SparseEntry> entries;
  for (const std::uint64_t cell : factor.table.stored_indices()) {
    entries.push_back({cell, dense[cell]});
  }
  return Table::sparse(std::move(shape), std::move(entries));
}

/// Adds one joint state's share to the derivative of every factor: the product of the others.
void add_derivatives(const JointWeights& list, const std::vector<std::size_t>& states,
                     std::vector<std::vector<CompensatedSum>>& cells) {
  std::vector<double> logs(list.graph().factor_count());
  CompensatedSum positive;
  positive.add(list.log_evidence(states));
  std::size_t zeros = 0;
  for (FactorId f = 0; f < list.graph().factor_count(); ++f) {
    logs[f] = list.log_factor(f, states);
    if (logs[f] == -kInfinity) {
      ++zeros;
    } else {
      positive.add(logs[f]);
    }
  }
  if (zeros > 1) return;
  for (FactorId f = 0; f < list.graph().factor_count(); ++f) {
    if (zeros == 1 && logs[f] > -kInfinity) continue;
    CompensatedSum others = positive;
    if (zeros == 0) others.add(-logs[f]);
    cells[f][cell_of(list.graph(), list.graph().factor(f).scope, states)].add(
        std::exp(others.value() - list.log_z()));
  }
}

}  // namespace

bool marginals_by_listing(JointWeights& list, const Query& query, Result& result) {
  std::vector<VariableId> singles = query.targets;
  if (singles.empty() && query.joints.empty() && !query.factor_marginals) {
    singles.resize(list.graph().variable_count());
    std::iota(singles.begin(), singles.end(), VariableId{0});
  }
  std::vector<Scope> scopes;
  for (const VariableId v : singles) scopes.push_back({v});
  scopes.insert(scopes.end(), query.joints.begin(), query.joints.end());
  if (query.factor_marginals) {
    for (const Factor& factor : list.graph().factors()) scopes.push_back(factor.scope);
  }
  std::vector<std::vector<double>> sums;
  if (!sum_over(list, scopes, sums)) return false;
  std::size_t next = 0;
  result.marginals.resize(list.graph().variable_count());
  for (const VariableId v : singles) result.marginals[v] = sums[next++];
  for (const Scope& scope : query.joints) {
    result.joints.push_back({scope, Table::dense(list.graph().shape_of(scope), sums[next++])});
  }
  if (query.factor_marginals) {
    for (const Factor& factor : list.graph().factors()) {
      result.factor_marginals.push_back({factor.scope, belief_like(factor, sums[next++])});
    }
  }
  return true;
}

bool map_by_listing(JointWeights& list, const Query& query, Result& result) {
  std::vector<std::uint64_t> order;
  const std::uint64_t count = list.log_weights().size();
  for (std::uint64_t i = 0; i < count; ++i) {
    if (!list.may_go_on(i, count)) return false;
    if (list.log_weights()[i] > -kInfinity) order.push_back(i);
  }
  const std::size_t wanted = std::min<std::size_t>(query.k_best, order.size());
  std::ranges::partial_sort(order, order.begin() + static_cast<std::ptrdiff_t>(wanted),
                            [&list](std::uint64_t a, std::uint64_t b) {
                              return list.log_weights()[a] != list.log_weights()[b]
                                         ? list.log_weights()[a] > list.log_weights()[b]
                                         : a < b;
                            });
  for (std::size_t i = 0; i < wanted; ++i) {
    result.assignments.push_back({list.states_of(order[i]), list.log_weights()[order[i]]});
  }
  return true;
}

bool marginal_map_by_listing(JointWeights& list, const Query& query, Result& result) {
  std::vector<double> largest(saturating_product(list.graph().shape_of(query.targets)), -kInfinity);
  const auto fold = [&](auto&& into_cell) {
    return list.for_each_state([&](std::uint64_t index, const std::vector<std::size_t>& states) {
      into_cell(cell_of(list.graph(), query.targets, states), list.log_weights()[index]);
    });
  };
  if (!fold([&](std::uint64_t cell, double w) { largest[cell] = std::max(largest[cell], w); })) {
    return false;
  }
  std::vector<CompensatedSum> sums(largest.size());
  if (!fold([&](std::uint64_t cell, double w) {
        if (w > -kInfinity) sums[cell].add(std::exp(w - largest[cell]));
      })) {
    return false;
  }
  std::uint64_t best = 0;
  double best_value = -kInfinity;
  for (std::uint64_t cell = 0; cell < largest.size(); ++cell) {
    if (largest[cell] == -kInfinity) continue;
    const double value = largest[cell] + std::log(sums[cell].value());
    if (value > best_value) std::tie(best, best_value) = std::pair(cell, value);
  }
  Assignment assignment{std::vector<std::size_t>(list.graph().variable_count(), 0), best_value};
  for (std::size_t i = query.targets.size(); i-- > 0;) {
    const VariableId v = query.targets[i];
    assignment.states[v] = best % list.graph().cardinality(v);
    best /= list.graph().cardinality(v);
  }
  result.assignments.push_back(std::move(assignment));
  return true;
}

bool samples_by_listing(JointWeights& list, const Query& query, Result& result) {
  const std::uint64_t count = list.log_weights().size();
  result.samples = Samples(list.graph().variable_count());
  result.samples.reserve(query.sample_count);
  std::vector<double> cumulative(count);
  CompensatedSum sum;
  std::uint64_t last_possible = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (!list.may_go_on(i, count)) return false;
    const double probability = list.probability(i);
    if (probability > 0.0) last_possible = i;
    sum.add(probability);
    cumulative[i] = sum.value();
  }
  std::mt19937_64 generator(query.seed);
  for (std::size_t n = 0; n < query.sample_count; ++n) {
    if (!list.may_go_on(n, query.sample_count)) return !result.samples.empty();
    // 53 random bits: a double in [0, 1), the same on every platform.
    const double u = static_cast<double>(generator() >> 11) * 0x1p-53 * sum.value();
    const auto at = std::ranges::upper_bound(cumulative, u);
    const auto index = static_cast<std::uint64_t>(at - cumulative.begin());
    result.samples.append(list.states_of(std::min(index, last_possible)));
  }
  return true;
}

bool sensitivity_by_listing(JointWeights& list, Result& result) {
  std::vector<std::vector<CompensatedSum>> cells;
  for (const Factor& factor : list.graph().factors()) cells.emplace_back(factor.table.size());
  const bool finished =
      list.for_each_state([&](std::uint64_t, const std::vector<std::size_t>& states) {
        add_derivatives(list, states, cells);
      });
  for (FactorId f = 0; f < list.graph().factor_count(); ++f) {
    std::vector<double> dense;
    for (const CompensatedSum& cell : cells[f]) dense.push_back(cell.value());
    const Factor& factor = list.graph().factor(f);
    std::vector<double>& derivative = result.sensitivity.emplace_back();
    if (!factor.table.is_sparse()) {
      derivative = std::move(dense);
      continue;
    }
    for (const std::uint64_t cell : factor.table.stored_indices())
      derivative.push_back(dense[cell]);
  }
  return finished;
}

}  // namespace credo
