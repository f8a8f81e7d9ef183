#pragma once
// A family and a model with continuous variables after their evidence. Internal.

#include <credo/inference/variational/gaussian_form.hpp>
#include <credo/inference/variational/problem.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace credo::variational {

/// A numerical outcome that ends the work: no number is an answer.
struct Breakdown {
  std::optional<VariableId> variable;
  std::string message;
};

/// A scope in its two kinds, each in the order of the scope.
struct SplitScope {
  Scope discrete;
  Scope continuous;
};

/// A score over discrete and continuous variables: a quadratic form, or a linear-Gaussian kernel of
/// continuous.back(), per joint state of the discrete ones.
struct GaussianScore {
  SplitScope scope;
  std::vector<Form> forms;
  std::vector<Kernel> kernels;
  std::optional<GaussianFactorId> factor;
};

/// What a node of Problem lacks.
struct GaussianNode {
  bool continuous = false;
  SplitScope parents;
  /// By joint state of the discrete parents; empty when there is none.
  std::vector<Kernel> kernels;
};

/// The plain problem keeps the structure (kinds, weights, parents, tables of discrete
/// conditionals); tables of its continuous nodes and scores are scalars that mean nothing.
struct GaussianProblem {
  Problem plain;
  std::vector<GaussianNode> nodes;    ///< by node
  std::vector<GaussianScore> scores;  ///< by score of the plain problem

  [[nodiscard]] const FactorGraph& graph() const { return *plain.graph; }
  [[nodiscard]] SplitScope split(const Scope& scope) const;
  [[nodiscard]] std::vector<std::size_t> dimensions_of(const Scope& continuous) const;
  /// The sum of the dimensions.
  [[nodiscard]] Eigen::Index dimension_of(const Scope& continuous) const;
};

/// Where the coordinates of `part` are among those of `whole`.
[[nodiscard]] std::vector<Eigen::Index> coordinates_of(const FactorGraph& graph, const Scope& part,
                                                       const Scope& whole);

/// Row-major index of the states of `part`, given those of `whole`.
class StateIndex {
 public:
  StateIndex(const FactorGraph& graph, const Scope& part, const Scope& whole);
  [[nodiscard]] std::size_t operator()(std::span<const std::size_t> states) const;

 private:
  std::vector<std::size_t> places_;
  std::vector<std::size_t> strides_;
};

/// Expects a family that is valid for the evidence. Throws Breakdown when an observed variable is a
/// certain function of unobserved ones.
[[nodiscard]] GaussianProblem make_gaussian_problem(const FactorGraph& graph,
                                                    const Evidence& evidence, const Family& family);

}  // namespace credo::variational
