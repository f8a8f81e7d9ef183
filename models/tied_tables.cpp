// Counting by groups of factors. Marginal likelihood: Cooper and Herskovits 1992, equation 5, with
// Dirichlet(c); Heckerman, Geiger and Chickering 1995 for BDeu. Cost: entries of the tables.

#include <credo/core/numerics.hpp>
#include <credo/inference/conjugate/special_functions.hpp>
#include <credo/models/tied_tables.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

namespace credo {

namespace {

std::vector<double> sum_of(const Tied& group, const std::vector<std::vector<double>>& counts) {
  std::vector<double> sums(group.values.size(), 0.0);
  for (const FactorId f : group.factors) {
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += counts[f][i];
  }
  return sums;
}

}  // namespace

TiedTables::TiedTables(const FactorGraph& structure, const LearnOptions& options)
    : structure_(&structure), options_(&options) {
  std::map<std::pair<const void*, std::size_t>, std::size_t> known;
  for (FactorId f = 0; f < structure_->factor_count(); ++f) {
    const Factor& factor = structure_->factor(f);
    const auto child = static_cast<std::size_t>(std::ranges::find(factor.scope, *factor.child) -
                                                factor.scope.begin());
    const bool fixed = std::ranges::find(options_->fixed, f) != options_->fixed.end();
    if (options_->tie_shared_tables && !fixed) {
      const auto [at, added] =
          known.emplace(std::pair(factor.table.identity(), child), groups_.size());
      if (!added) {
        groups_[at->second].factors.push_back(f);
        continue;
      }
    }
    groups_.push_back(group_of(f, child));
    groups_.back().fixed = fixed;
  }
}

Tied TiedTables::group_of(FactorId f, std::size_t child) const {
  const Factor& factor = structure_->factor(f);
  Tied group;
  group.factors = {f};
  const auto shape = factor.table.shape();
  group.states = shape[child];
  for (std::size_t d = child + 1; d < shape.size(); ++d) group.stride *= shape[d];
  group.values.resize(factor.table.size());
  for (std::size_t i = 0; i < group.values.size(); ++i) group.values[i] = factor.table.at(i);
  group.prior = options_->strength;
  if (options_->prior == PriorCounts::equivalent_sample) {
    group.prior /= static_cast<double>(group.values.size());
  }
  return group;
}

void TiedTables::take_counts(const std::vector<std::vector<double>>& counts) {
  for (Tied& group : groups_) {
    if (group.fixed) continue;
    const std::vector<double> sums = sum_of(group, counts);
    group.each_row([&](std::size_t first) {
      double total = 0.0;
      for (std::size_t s = 0; s < group.states; ++s) {
        total += sums[first + s * group.stride] + group.prior;
      }
      if (total <= 0.0) return;
      for (std::size_t s = 0; s < group.states; ++s) {
        const std::size_t at = first + s * group.stride;
        group.values[at] = (sums[at] + group.prior) / total;
      }
    });
  }
}

template <typename NewValue>
void TiedTables::change_rows(const NewValue& new_value) {
  for (Tied& group : groups_) {
    if (group.fixed) continue;
    group.each_row([&](std::size_t first) {
      double total = 0.0;
      for (std::size_t s = 0; s < group.states; ++s) {
        double& value = group.values[first + s * group.stride];
        if (value > 0.0) value = new_value(value);
        total += value;
      }
      for (std::size_t s = 0; s < group.states; ++s) {
        group.values[first + s * group.stride] /= total;
      }
    });
  }
}

void TiedTables::randomise(Random& random) {
  change_rows([&random](double) { return 1e-3 - std::log1p(-random.uniform()); });
}

void TiedTables::shake(Random& random, double size) {
  change_rows(
      [&random, size](double value) { return value * std::exp(random.uniform(-size, size)); });
}

std::size_t TiedTables::lasting_zeros() const {
  std::size_t zeros = 0;
  for (const Tied& group : groups_) {
    if (group.fixed || group.prior > 0.0) continue;
    zeros += static_cast<std::size_t>(std::ranges::count(group.values, 0.0));
  }
  return zeros;
}

FactorGraph TiedTables::graph() const {
  std::vector<Table> tables(structure_->factor_count());
  for (const Tied& group : groups_) {
    const auto shape = structure_->factor(group.factors[0]).table.shape();
    const Table table = group.fixed ? structure_->factor(group.factors[0]).table
                                    : Table::dense({shape.begin(), shape.end()}, group.values);
    for (const FactorId f : group.factors) tables[f] = table;
  }
  FactorGraph graph;
  graph.name = structure_->name;
  for (const Variable& variable : structure_->variables()) graph.add_variable(variable);
  for (FactorId f = 0; f < tables.size(); ++f) {
    const Factor& factor = structure_->factor(f);
    graph.add_conditional(factor.scope, *factor.child, tables[f]);
  }
  return graph;
}

double TiedTables::log_likelihood(const std::vector<std::vector<double>>& counts) const {
  CompensatedSum sum;
  for (const Tied& group : groups_) {
    const std::vector<double> sums = sum_of(group, counts);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      if (sums[i] > 0.0) sum.add(sums[i] * std::log(group.values[i]));
    }
  }
  return sum.value();
}

double TiedTables::log_prior() const {
  CompensatedSum sum;
  for (const Tied& group : groups_) {
    if (group.fixed || group.prior == 0.0) continue;
    for (const double value : group.values) sum.add(group.prior * std::log(value));
  }
  return sum.value();
}

double TiedTables::log_marginal_likelihood(const std::vector<std::vector<double>>& counts) const {
  CompensatedSum sum;
  for (const Tied& group : groups_) {
    const std::vector<double> sums = sum_of(group, counts);
    group.each_row([&](std::size_t first) {
      double total = 0.0;
      for (std::size_t s = 0; s < group.states; ++s) {
        const std::size_t at = first + s * group.stride;
        total += sums[at];
        if (sums[at] == 0.0) continue;
        sum.add(group.fixed ? sums[at] * std::log(group.values[at])
                            : conjugate::log_gamma(group.prior + sums[at]) -
                                  conjugate::log_gamma(group.prior));
      }
      if (group.fixed || total == 0.0) return;
      const double prior = group.prior * static_cast<double>(group.states);
      sum.add(conjugate::log_gamma(prior) - conjugate::log_gamma(prior + total));
    });
  }
  return sum.value();
}

}  // namespace credo
