#pragma once
// Variational families by enumeration of all joint states: slow, and written from the definition.

#include "random_models.hpp"

#include <credo/inference/variational/family.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace credo::testing {

/// A model, its evidence and a family, as lists of joint states.
class VariationalReference {
 public:
  VariationalReference(const FactorGraph& graph, const Evidence& evidence, const Family& family);

  /// One dense linear table over (parents..., child) per conditional, as the engines return them.
  using Conditionals = std::vector<std::vector<double>>;
  /// Kernels and base measures, rows normalised; uniform where there are none.
  [[nodiscard]] Conditionals uniform() const;
  [[nodiscard]] Conditionals random(Random& random) const;
  [[nodiscard]] static Conditionals dense(std::span<const Table> tables);

  /// L(q) from the definition in family.hpp.
  [[nodiscard]] double value(const Conditionals& q) const;
  /// q(x) of every joint state, and p~(x).
  [[nodiscard]] std::vector<double> joint(const Conditionals& q) const;
  [[nodiscard]] double log_z() const;
  /// KL(q, p) by summation.
  [[nodiscard]] double divergence(const Conditionals& q) const;
  /// Replaces one conditional by its best given the others; rows without probability stay.
  void update(Conditionals& q, std::size_t which) const;
  /// Updates in the given order until L stops moving.
  double converge(Conditionals& q, std::span<const std::size_t> order) const;
  /// Places of the optimised conditionals, last added first.
  [[nodiscard]] std::vector<std::size_t> optimised() const;
  [[nodiscard]] std::vector<std::vector<double>> marginals(const Conditionals& q) const;

 private:
  [[nodiscard]] std::size_t entry(std::size_t which, std::span<const std::size_t> x) const;
  [[nodiscard]] double cost(std::size_t which, double q, std::size_t entry) const;
  [[nodiscard]] bool active(std::size_t which) const;

  const FactorGraph& graph_;
  const Family& family_;
  std::vector<std::vector<std::size_t>> states_;  ///< all joint states that hard evidence allows
  std::vector<double> log_weight_;                ///< log p~ with findings
  std::vector<double> log_score_;                 ///< the same without the factors taken out
  std::vector<char> observed_;
};

}  // namespace credo::testing
