#pragma once
// What planning needs to know of a graph: dimensions and scopes, in flat arrays.

#include <credo/core/factor_graph.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace credo::gaussian {

/// Made from a graph, or added to where a model knows its scopes and needs no names: building a
/// graph of a long chain costs more than solving it.
class Skeleton {
 public:
  Skeleton() = default;
  explicit Skeleton(const FactorGraph& graph);

  VariableId add_variable(std::size_t dimension);
  void add_factor(std::span<const VariableId> continuous);

  [[nodiscard]] std::size_t variable_count() const noexcept { return dimension_.size(); }
  [[nodiscard]] std::size_t factor_count() const noexcept { return end_.size(); }
  /// 0: discrete.
  [[nodiscard]] std::uint32_t dimension(VariableId v) const { return dimension_[v]; }
  /// The continuous variables of a Gaussian factor.
  [[nodiscard]] std::span<const VariableId> scope(GaussianFactorId g) const {
    const std::uint32_t begin = g == 0 ? 0 : end_[g - 1];
    return std::span(scopes_).subspan(begin, end_[g] - begin);
  }

  friend bool operator==(const Skeleton&, const Skeleton&) = default;

 private:
  std::vector<std::uint32_t> dimension_;
  std::vector<std::uint32_t> end_;  ///< of each factor's variables
  std::vector<VariableId> scopes_;
};

}  // namespace credo::gaussian
