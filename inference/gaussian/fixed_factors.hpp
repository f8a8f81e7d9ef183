#pragma once
// What evidence makes of Gaussian factors, and reading blocks of covariances.

#include <credo/core/evidence.hpp>
#include <credo/inference/gaussian/engine.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace credo::gaussian {

/// Gaussian factors whose continuous variables are all observed.
[[nodiscard]] std::vector<GaussianFactorId> fixed_factors(const FactorGraph& graph,
                                                          const Evidence& evidence);

/// Row-major index of a factor's entry for the states of all variables.
[[nodiscard]] std::uint64_t entry_of(const FactorGraph& graph, const GaussianFactor& factor,
                                     std::span<const std::size_t> states);

/// log f of one of them at the point, natural logarithm; with `table` in place of its own.
[[nodiscard]] double log_of_fixed(const FactorGraph& graph, GaussianFactorId factor,
                                  const GaussianTable& table, std::span<const std::size_t> states,
                                  std::span<const std::uint32_t> scalar_of,
                                  std::span<const double> point);
[[nodiscard]] double log_of_fixed(const FactorGraph& graph, GaussianFactorId factor,
                                  std::span<const std::size_t> states,
                                  std::span<const std::uint32_t> scalar_of,
                                  std::span<const double> point);

/// The front that holds all of a scope; nothing when none does.
[[nodiscard]] std::optional<std::uint32_t> common_front(const Structure& structure,
                                                        std::span<const VariableId> scope);

/// First position of a variable in a front that holds it.
[[nodiscard]] std::uint32_t position_in(const Structure& structure, std::uint32_t front,
                                        VariableId v);

/// cov(x_a, x_b), row-major, after spread(); empty when no front holds both.
[[nodiscard]] std::vector<double> cross_covariance(const Engine& engine, VariableId a,
                                                   VariableId b);

}  // namespace credo::gaussian
