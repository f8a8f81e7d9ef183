// Families of conditionals: building and checking.
//
// Invariant: place_of_[v] is the place of v's conditional in conditionals_, or kNowhere. Tables are
// over (parents..., child); those of factors whose child is elsewhere are rearranged once per
// table.

#include <credo/core/error.hpp>
#include <credo/core/graph_structure.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/variational/family.hpp>
#include <credo/inference/variational/family_shape.hpp>
#include <credo/inference/variational/table_arrangement.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace credo {

using variational::check_shape;
using variational::check_variables;
using variational::describe;

namespace {

constexpr std::size_t kNowhere = std::numeric_limits<std::size_t>::max();
constexpr double kRowTolerance = 1e-6;

/// Sums over the last extent; for a sparse table those of the rows it lists.
std::vector<double> row_sums(const Table& table) {
  const bool linear = table.domain() == Domain::linear;
  const auto sum_of = [&](std::size_t first, std::size_t last) {
    double sum = 0.0;
    for (std::size_t i = first; i < last; ++i) {
      sum += linear ? table.values()[i] : std::exp(table.values()[i]);
    }
    return sum;
  };
  std::vector<double> sums;
  if (table.is_sparse()) {
    const Table::Rows rows = table.rows();
    for (std::size_t r = 0; r < rows.index.size(); ++r) {
      sums.push_back(sum_of(rows.begin[r], rows.begin[r + 1]));
    }
    return sums;
  }
  const std::size_t width = table.shape().back();
  for (std::size_t i = 0; i < table.values().size(); i += width) {
    sums.push_back(sum_of(i, i + width));
  }
  return sums;
}

}  // namespace

std::string_view conditional_kind_name(ConditionalKind kind) noexcept {
  switch (kind) {
    case ConditionalKind::free:
      return "free";
    case ConditionalKind::clamped:
      return "clamped";
    case ConditionalKind::charged:
      return "charged";
    case ConditionalKind::arg_max:
      return "arg-max";
  }
  return "";
}

Family::Family(const FactorGraph& graph) : graph_(&graph) {}

void Family::add(Conditional conditional) {
  check_variables(*graph_, conditional);
  place_of_.resize(graph_->variable_count(), kNowhere);  // it may have grown
  if (place_of_[conditional.child] != kNowhere) {
    throw ModelError(fmt::format("family: expected one conditional of {}, got a second: {}",
                                 graph_->variable(conditional.child).name,
                                 describe(*graph_, conditional)));
  }
  check_shape(*graph_, conditional);
  place_of_[conditional.child] = conditionals_.size();
  conditionals_.push_back(std::move(conditional));
}

void Family::free(VariableId child, Scope parents, double weight, std::optional<Table> base) {
  if (!(weight > 0.0 && weight < kInfinity)) {
    throw ModelError(
        fmt::format("family: expected a finite weight above 0 for the free conditional of "
                    "variable {}, got {}",
                    child, weight));
  }
  add({child, std::move(parents), ConditionalKind::free, weight, std::move(base), std::nullopt});
}

void Family::arg_max(VariableId child, Scope parents) {
  add({child, std::move(parents), ConditionalKind::arg_max, 0.0, std::nullopt, std::nullopt});
}

Conditional Family::kernel_of(FactorId id) {
  if (id >= graph_->factor_count()) {
    throw ModelError(
        fmt::format("family: expected factors below {}, got {}", graph_->factor_count(), id));
  }
  const Factor& factor = graph_->factor(id);
  if (!factor.child) {
    throw ModelError(fmt::format("family, {}: expected a factor that is marked as a conditional",
                                 graph_->describe(id)));
  }
  Conditional conditional;
  conditional.child = *factor.child;
  conditional.factor = id;
  std::vector<std::size_t> kept;
  std::size_t child_position = 0;
  for (std::size_t d = 0; d < factor.scope.size(); ++d) {
    if (factor.scope[d] == conditional.child) {
      child_position = d;
    } else {
      kept.push_back(d);
      conditional.parents.push_back(factor.scope[d]);
    }
  }
  kept.push_back(child_position);
  const auto seen = arranged_.find(factor.table.identity());
  if (seen != arranged_.end() && seen->second.child_position == child_position) {
    conditional.table = seen->second.arranged;
  } else {
    conditional.table = variational::arranged(factor.table, kept, {});
    arranged_.insert_or_assign(factor.table.identity(),
                               Prepared{factor.table, child_position, *conditional.table});
  }
  return conditional;
}

void Family::check_kernel(VariableId child, const Table& kernel) {
  if (kernel.rank() == 0 || checked_.contains(kernel.identity())) return;  // add() checks shapes
  const std::vector<double> sums = row_sums(kernel);
  for (std::size_t r = 0; r < sums.size(); ++r) {
    if (sums[r] == 0.0 || std::fabs(sums[r] - 1.0) <= kRowTolerance) continue;
    throw ModelError(
        fmt::format("family: expected rows of the kernel of variable {} to sum to 1 (or 0: never "
                    "reached), got {} in row {}",
                    child, sums[r], kernel.is_sparse() ? kernel.rows().index[r] : r));
  }
  checked_.emplace(kernel.identity(), kernel);
}

void Family::clamp(FactorId factor) { charge(factor, kInfinity); }

void Family::clamp(VariableId child, Scope parents, Table kernel) {
  check_kernel(child, kernel);
  add({child, std::move(parents), ConditionalKind::clamped, 1.0, std::move(kernel), std::nullopt});
}

void Family::charge(FactorId factor, double rho) {
  variational::check_rho(rho);
  Conditional conditional = kernel_of(factor);
  conditional.kind = std::isinf(rho) ? ConditionalKind::clamped : ConditionalKind::charged;
  conditional.weight = rho;
  add(std::move(conditional));
}

void Family::charge(VariableId child, Scope parents, Table kernel, double rho) {
  variational::check_rho(rho);
  check_kernel(child, kernel);
  add({child, std::move(parents),
       std::isinf(rho) ? ConditionalKind::clamped : ConditionalKind::charged, rho,
       std::move(kernel), std::nullopt});
}

const Conditional* Family::find(VariableId v) const {
  const std::size_t place = v < place_of_.size() ? place_of_[v] : kNowhere;
  return place == kNowhere ? nullptr : &conditionals_[place];
}

void Family::validate(const FactorGraph& graph, const Evidence& evidence) const {
  if (graph.variable_count() < place_of_.size()) {
    throw ModelError(fmt::format("family: built for a graph of {} variables, got one of {}",
                                 place_of_.size(), graph.variable_count()));
  }
  std::vector<Arc> arcs;
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    if (evidence.is_observed(v)) continue;
    const Conditional* conditional = find(v);
    if (conditional == nullptr) {
      throw ModelError(fmt::format(
          "family: the unobserved variable {} has no conditional; free or clamp it, or observe it",
          graph.variable(v).name));
    }
    check_shape(graph, *conditional);
    if (conditional->gaussian_factor &&
        (*conditional->gaussian_factor >= graph.gaussian_factors().size() ||
         graph.gaussian_factor(*conditional->gaussian_factor).child != v)) {
      throw ModelError(
          fmt::format("family, {}: Gaussian factor {} of the graph is not its "
                      "conditional",
                      describe(graph, *conditional), *conditional->gaussian_factor));
    }
    if (conditional->factor && (*conditional->factor >= graph.factor_count() ||
                                graph.factor(*conditional->factor).child != v)) {
      throw ModelError(fmt::format("family, {}: factor {} of the graph is not its conditional",
                                   describe(graph, *conditional), *conditional->factor));
    }
    for (const VariableId u : conditional->parents) {
      if (!evidence.is_observed(u)) arcs.push_back({u, v});
    }
  }
  const std::vector<std::uint32_t> cycle = find_cycle(graph.variable_count(), arcs);
  if (cycle.empty()) return;
  std::vector<std::string_view> names;
  for (const std::uint32_t v : cycle) names.push_back(graph.variable(v).name);
  throw ModelError(fmt::format("family: expected an acyclic directed graph, got the cycle {}",
                               fmt::join(names, " -> ")));
}

}  // namespace credo
