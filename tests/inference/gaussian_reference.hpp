#pragma once
// Dense Gaussian conditioning in moment form and long doubles: the truth for small graphs.

#include <credo/core/evidence.hpp>
#include <credo/core/factor_graph.hpp>

#include <cstddef>
#include <random>
#include <span>
#include <vector>

namespace credo::testing {

using Real = long double;

/// Row-major, rows x columns.
struct DenseMatrix {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<Real> entries;

  DenseMatrix() = default;
  DenseMatrix(std::size_t r, std::size_t c) : rows(r), columns(c), entries(r * c, 0.0L) {}
  Real& operator()(std::size_t i, std::size_t j) { return entries[i * columns + j]; }
  Real operator()(std::size_t i, std::size_t j) const { return entries[i * columns + j]; }
};

/// -(a' x - b)^2 / (2 s) + constant: a rank-one quadratic factor over some variables.
struct SoftEquation {
  Scope scope;
  std::vector<Real> coefficients;
  Real right_hand_side = 0.0L;
  Real variance = 1.0L;
  Real constant = 0.0L;
};

/// The quadratic table of a soft equation whose scope has these dimensions.
[[nodiscard]] GaussianTable table_of(const SoftEquation& equation,
                                     const std::vector<std::size_t>& dimensions);

struct DensePosterior {
  /// Whether the observed part has a regular covariance; nothing else is filled where not.
  bool regular = false;
  Real log_z = 0.0L;
  /// Over all scalars, in order of the variables.
  std::vector<Real> mean;
  DenseMatrix covariance;
  std::vector<std::size_t> offset;  ///< per variable
};

/// Every continuous variable must be the child of one kernel, parents before children; the states
/// choose the entries. Kernels may be singular. Conditions on the values of the evidence and on the
/// soft equations.
[[nodiscard]] DensePosterior condition_densely(const FactorGraph& graph, const Evidence& evidence,
                                               std::span<const SoftEquation> equations,
                                               std::span<const std::size_t> states = {});

/// A uniform number in [low, high).
[[nodiscard]] double uniform(std::mt19937_64& random, double low, double high);
[[nodiscard]] std::size_t uniform_index(std::mt19937_64& random, std::size_t count);
/// gain entries and offset in [-1, 1], a covariance of the given rank.
[[nodiscard]] LinearGaussian random_kernel(std::mt19937_64& random, std::size_t parents,
                                           std::size_t child, std::size_t rank);

}  // namespace credo::testing
