// Shapes of conditionals, and conditionals of continuous children.

#include <credo/core/error.hpp>
#include <credo/inference/variational/family.hpp>
#include <credo/inference/variational/family_shape.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

namespace credo {

namespace variational {

std::string describe(const FactorGraph& graph, const Conditional& conditional) {
  std::vector<std::string_view> names;
  for (const VariableId v : conditional.parents) names.push_back(graph.variable(v).name);
  return fmt::format("q({}{}{})", graph.variable(conditional.child).name,
                     names.empty() ? "" : " | ", fmt::join(names, ", "));
}

void check_variables(const FactorGraph& graph, const Conditional& conditional) {
  Scope scope = conditional.parents;
  scope.push_back(conditional.child);
  for (const VariableId v : scope) {
    if (v < graph.variable_count()) continue;
    throw ModelError(
        fmt::format("family: expected variables below {}, got {}", graph.variable_count(), v));
  }
  std::ranges::sort(scope);
  if (const auto twin = std::ranges::adjacent_find(scope); twin != scope.end()) {
    throw ModelError(fmt::format("family, {}: expected distinct variables, got {} twice",
                                 describe(graph, conditional), graph.variable(*twin).name));
  }
  if (graph.variable(conditional.child).is_continuous()) return;
  for (const VariableId v : conditional.parents) {
    if (!graph.variable(v).is_continuous()) continue;
    throw ModelError(fmt::format(
        "family, {}: expected discrete parents of a discrete variable, got the continuous {}",
        describe(graph, conditional), graph.variable(v).name));
  }
}

namespace {

void check_gaussian_shape(const FactorGraph& graph, const Conditional& conditional) {
  if (conditional.table) {
    throw ModelError(fmt::format(
        "family, {}: expected no base measure and a linear-Gaussian kernel for a continuous "
        "variable, got a table",
        describe(graph, conditional)));
  }
  if (!conditional.gaussian) return;
  std::vector<std::size_t> extents;
  std::vector<std::size_t> dimensions;
  for (const VariableId v : conditional.parents) {
    const Variable& parent = graph.variable(v);
    if (parent.is_continuous()) {
      dimensions.push_back(parent.dimension);
    } else {
      extents.push_back(parent.cardinality);
    }
  }
  dimensions.push_back(graph.variable(conditional.child).dimension);
  const GaussianTable& kernel = *conditional.gaussian;
  if (std::ranges::equal(extents, kernel.shape()) &&
      std::ranges::equal(dimensions, kernel.dimensions()) && kernel.is_conditional()) {
    return;
  }
  throw ModelError(fmt::format(
      "family, {}: expected linear-Gaussian kernels of shape [{}] over blocks of dimensions [{}], "
      "got {} of shape [{}] and dimensions [{}]",
      describe(graph, conditional), fmt::join(extents, ", "), fmt::join(dimensions, ", "),
      kernel.is_conditional() ? "kernels" : "quadratic forms", fmt::join(kernel.shape(), ", "),
      fmt::join(kernel.dimensions(), ", ")));
}

}  // namespace

void check_shape(const FactorGraph& graph, const Conditional& conditional) {
  if (graph.variable(conditional.child).is_continuous()) {
    return check_gaussian_shape(graph, conditional);
  }
  if (conditional.gaussian) {
    throw ModelError(
        fmt::format("family, {}: expected a table for a discrete variable, got a "
                    "linear-Gaussian kernel",
                    describe(graph, conditional)));
  }
  if (!conditional.table) return;
  Scope scope = conditional.parents;
  scope.push_back(conditional.child);
  const std::vector<std::size_t> expected = graph.shape_of(scope);
  if (std::ranges::equal(expected, conditional.table->shape())) return;
  throw ModelError(fmt::format("family, {}: expected a table of shape [{}], got [{}]",
                               describe(graph, conditional), fmt::join(expected, ", "),
                               fmt::join(conditional.table->shape(), ", ")));
}

void check_rho(double rho) {
  if (!std::isnan(rho) && rho != 0.0) return;
  throw ModelError(
      fmt::format("family: expected a charge rho other than 0 (infinite: clamped), got {}", rho));
}

}  // namespace variational

Conditional Family::gaussian_kernel_of(GaussianFactorId id) const {
  if (id >= graph_->gaussian_factors().size()) {
    throw ModelError(fmt::format("family: expected Gaussian factors below {}, got {}",
                                 graph_->gaussian_factors().size(), id));
  }
  const GaussianFactor& factor = graph_->gaussian_factor(id);
  if (!factor.child) {
    throw ModelError(fmt::format("family, {}: expected a Gaussian factor that is a conditional",
                                 graph_->describe_gaussian(id)));
  }
  Conditional conditional;
  conditional.child = *factor.child;
  conditional.parents = factor.scope;
  conditional.parents.insert(conditional.parents.end(), factor.continuous.begin(),
                             factor.continuous.end() - 1);
  conditional.gaussian = factor.table;
  conditional.gaussian_factor = id;
  return conditional;
}

void Family::clamp_gaussian(GaussianFactorId factor) {
  charge_gaussian(factor, std::numeric_limits<double>::infinity());
}

void Family::charge_gaussian(GaussianFactorId factor, double rho) {
  variational::check_rho(rho);
  Conditional conditional = gaussian_kernel_of(factor);
  conditional.kind = std::isinf(rho) ? ConditionalKind::clamped : ConditionalKind::charged;
  conditional.weight = rho;
  add(std::move(conditional));
}

void Family::clamp(VariableId child, Scope parents, GaussianTable kernel) {
  Conditional conditional{child, std::move(parents), ConditionalKind::clamped,
                          1.0,   std::nullopt,       std::nullopt};
  conditional.gaussian = std::move(kernel);
  add(std::move(conditional));
}

void Family::charge(VariableId child, Scope parents, GaussianTable kernel, double rho) {
  variational::check_rho(rho);
  Conditional conditional{child,
                          std::move(parents),
                          std::isinf(rho) ? ConditionalKind::clamped : ConditionalKind::charged,
                          rho,
                          std::nullopt,
                          std::nullopt};
  conditional.gaussian = std::move(kernel);
  add(std::move(conditional));
}

}  // namespace credo
