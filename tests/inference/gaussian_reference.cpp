#include "gaussian_reference.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace credo::testing {

double uniform(std::mt19937_64& random, double low, double high) {
  return low + (high - low) * static_cast<double>(random() >> 11U) * 0x1p-53;
}

std::size_t uniform_index(std::mt19937_64& random, std::size_t count) {
  return static_cast<std::size_t>(random() % count);
}

LinearGaussian random_kernel(std::mt19937_64& random, std::size_t parents, std::size_t child,
                             std::size_t rank) {
  LinearGaussian kernel;
  for (std::size_t i = 0; i < child * parents; ++i) {
    kernel.gain.push_back(uniform(random, -1.0, 1.0));
  }
  for (std::size_t i = 0; i < child; ++i) kernel.offset.push_back(uniform(random, -1.0, 1.0));
  std::vector<double> noise;
  for (std::size_t i = 0; i < child * rank; ++i) noise.push_back(uniform(random, -1.0, 1.0));
  for (std::size_t i = 0; i < child; ++i) {
    for (std::size_t j = 0; j < child; ++j) {
      double sum = rank == child && i == j ? 0.5 : 0.0;
      for (std::size_t k = 0; k < rank; ++k) sum += noise[i * rank + k] * noise[j * rank + k];
      kernel.covariance.push_back(sum);
    }
  }
  return kernel;
}

GaussianTable table_of(const SoftEquation& equation, const std::vector<std::size_t>& dimensions) {
  QuadraticForm form;
  for (const Real a : equation.coefficients) {
    for (const Real b : equation.coefficients) {
      form.precision.push_back(static_cast<double>(a * b / equation.variance));
    }
    form.linear.push_back(static_cast<double>(a * equation.right_hand_side / equation.variance));
  }
  form.constant =
      static_cast<double>(equation.constant - equation.right_hand_side * equation.right_hand_side /
                                                  (2.0L * equation.variance));
  return GaussianTable::quadratic({}, dimensions, {form});
}

namespace {

/// The joint moments of everything, before conditioning.
class Joint {
 public:
  explicit Joint(std::size_t size) : mean(size, 0.0L), covariance(size, size) {}

  /// Scalars to.. of y = gain x + offset + noise, given what the earlier ones are.
  void add(std::span<const std::size_t> parents, std::size_t to, const std::vector<Real>& gain,
           const std::vector<Real>& offset, const std::vector<Real>& noise) {
    const std::size_t rows = offset.size();
    for (std::size_t i = 0; i < rows; ++i) {
      mean[to + i] = offset[i];
      for (std::size_t j = 0; j < parents.size(); ++j) {
        mean[to + i] += gain[i * parents.size() + j] * mean[parents[j]];
      }
      for (std::size_t other = 0; other < to; ++other) {
        Real sum = 0.0L;
        for (std::size_t j = 0; j < parents.size(); ++j) {
          sum += gain[i * parents.size() + j] * covariance(parents[j], other);
        }
        covariance(to + i, other) = covariance(other, to + i) = sum;
      }
    }
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t k = 0; k < rows; ++k) {
        Real sum = noise[i * rows + k];
        for (std::size_t j = 0; j < parents.size(); ++j) {
          sum += gain[k * parents.size() + j] * covariance(to + i, parents[j]);
        }
        covariance(to + i, to + k) = sum;
      }
    }
  }

  /// Conditions on one scalar after the other. Returns the log density; regular turns false where
  /// a scalar was certain already.
  Real condition(std::span<const std::size_t> scalars, std::span<const Real> values,
                 bool& regular) {
    Real log_density = 0.0L;
    for (std::size_t o = 0; o < scalars.size(); ++o) {
      const std::size_t at = scalars[o];
      const Real variance = covariance(at, at);
      const Real residual = values[o] - mean[at];
      if (!(variance > 1e-9L)) {
        regular = false;
        return 0.0L;
      }
      log_density -=
          (residual * residual / variance + std::log(2.0L * std::numbers::pi_v<Real> * variance)) /
          2.0L;
      std::vector<Real> column(mean.size());
      for (std::size_t i = 0; i < mean.size(); ++i) column[i] = covariance(i, at);
      for (std::size_t i = 0; i < mean.size(); ++i) {
        mean[i] += column[i] * residual / variance;
        for (std::size_t j = 0; j < mean.size(); ++j) {
          covariance(i, j) -= column[i] * column[j] / variance;
        }
      }
    }
    return log_density;
  }

  std::vector<Real> mean;
  DenseMatrix covariance;
};

std::vector<Real> real(const std::vector<double>& numbers) {
  return {numbers.begin(), numbers.end()};
}

}  // namespace

DensePosterior condition_densely(const FactorGraph& graph, const Evidence& evidence,
                                 std::span<const SoftEquation> equations,
                                 std::span<const std::size_t> states) {
  DensePosterior posterior;
  std::size_t size = 0;
  for (const Variable& v : graph.variables()) {
    posterior.offset.push_back(size);
    size += v.dimension;
  }
  const auto scalars_of = [&](std::span<const VariableId> scope) {
    std::vector<std::size_t> scalars;
    for (const VariableId v : scope) {
      for (std::size_t i = 0; i < graph.variable(v).dimension; ++i) {
        scalars.push_back(posterior.offset[v] + i);
      }
    }
    return scalars;
  };
  Joint joint(size + equations.size());
  std::vector<GaussianFactorId> in_order;
  for (GaussianFactorId g = 0; g < graph.gaussian_factors().size(); ++g) {
    if (graph.gaussian_factor(g).child) in_order.push_back(g);
  }
  std::ranges::sort(in_order, {},
                    [&](GaussianFactorId g) { return graph.gaussian_factor(g).child; });
  for (const GaussianFactorId g : in_order) {
    const GaussianFactor& factor = graph.gaussian_factor(g);
    std::size_t entry = 0;
    for (const VariableId v : factor.scope) entry = entry * graph.cardinality(v) + states[v];
    const LinearGaussian& kernel = factor.table.kernels()[entry];
    const std::span<const VariableId> parents =
        std::span(factor.continuous).first(factor.continuous.size() - 1);
    joint.add(scalars_of(parents), posterior.offset[*factor.child], real(kernel.gain),
              real(kernel.offset), real(kernel.covariance));
  }
  std::vector<std::size_t> observed;
  std::vector<Real> values;
  for (const auto& [v, finding] : evidence.findings()) {
    for (std::size_t i = 0; i < finding.value.size(); ++i) {
      observed.push_back(posterior.offset[v] + i);
      values.push_back(finding.value[i]);
    }
  }
  for (std::size_t e = 0; e < equations.size(); ++e) {
    const SoftEquation& equation = equations[e];
    joint.add(scalars_of(equation.scope), size + e, equation.coefficients, {0.0L},
              {equation.variance});
    observed.push_back(size + e);
    values.push_back(equation.right_hand_side);
    // The factor is not normalised over its right-hand side.
    posterior.log_z +=
        equation.constant + std::log(2.0L * std::numbers::pi_v<Real> * equation.variance) / 2.0L;
  }
  posterior.regular = true;
  posterior.log_z += joint.condition(observed, values, posterior.regular);
  posterior.mean.assign(joint.mean.begin(), joint.mean.begin() + static_cast<std::ptrdiff_t>(size));
  posterior.covariance = joint.covariance;
  return posterior;
}

}  // namespace credo::testing
