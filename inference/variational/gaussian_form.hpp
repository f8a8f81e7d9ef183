#pragma once
// Quadratic scores and linear-Gaussian kernels, and the rules that eliminate one block. Internal.

#include <credo/core/gaussian_table.hpp>

#include <Eigen/Core>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace credo::variational {

/// constant + linear' x - x' precision x / 2. A constant of -infinity: infeasible, whatever x.
struct Form {
  Eigen::MatrixXd precision;
  Eigen::VectorXd linear;
  double constant = 0.0;

  [[nodiscard]] static Form zero(Eigen::Index dimension);
  [[nodiscard]] static Form infeasible(Eigen::Index dimension);
  [[nodiscard]] Eigen::Index dimension() const { return linear.size(); }
  [[nodiscard]] bool feasible() const;
  /// Adds factor times part, whose coordinate i is coordinate places[i] here.
  void add(const Form& part, std::span<const Eigen::Index> places, double factor = 1.0);
  /// Coordinates [first, first + value.size()) held at a value.
  [[nodiscard]] Form at(Eigen::Index first, const Eigen::VectorXd& value) const;
};

/// y = gain z + offset + root e, e standard normal with as many entries as the covariance root
/// root' has rank.
struct Kernel {
  Eigen::MatrixXd gain;
  Eigen::VectorXd offset;
  Eigen::MatrixXd root;

  /// Whether there is noise in every direction: log p(y given z) is a quadratic form.
  [[nodiscard]] bool regular() const { return root.cols() == root.rows(); }
  /// log p over (z, y). Regular kernels only.
  [[nodiscard]] Form log_density() const;
  /// E[-log p(y | z)] = log det(2 pi e covariance) / 2. Regular kernels only.
  [[nodiscard]] double entropy() const;
  /// Parent coordinates [first, first + value.size()) held at a value.
  [[nodiscard]] Kernel at(Eigen::Index first, const Eigen::VectorXd& value) const;
};

[[nodiscard]] Form form_of(const QuadraticForm& form);
[[nodiscard]] QuadraticForm quadratic_form_of(const Form& form);
[[nodiscard]] Kernel kernel_of(const LinearGaussian& kernel);
[[nodiscard]] LinearGaussian linear_gaussian_of(const Kernel& kernel);

/// E[J(y, z) | z], y from the kernel: the mean substituted, less half the trace of curvature times
/// covariance. J is over (y, z), the kernel's parents are z.
[[nodiscard]] Form expectation(const Form& j, const Kernel& kernel);

/// KL(q(y | z), p(y | z)) as a function of z; nothing when it is infinite: q and p differ in the
/// directions they have noise in.
[[nodiscard]] std::optional<Form> divergence(const Kernel& q, const Kernel& p);

/// y given z when (y, z) is jointly Gaussian, or the best linear guess when it is not. `given`
/// coordinates are z, in this order; the others, in theirs, are y.
[[nodiscard]] Kernel conditional_of(const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                                    std::span<const Eigen::Index> others,
                                    std::span<const Eigen::Index> given);

/// What maximising over q(y | z) leaves.
struct Optimum {
  /// Smallest eigenvalue, in units of the diagonal, of what has to be positive definite; the other
  /// members mean nothing unless it is above 0.
  double curvature = 0.0;
  Form message;
  Kernel q;
};

/// How a conditional is optimised.
enum class Rule : std::uint8_t {
  entropic,  ///< U = w log integral k^(1/w) exp(J / w): free, with a kernel among its scores or
             ///< none
  charged,   ///< U = rho log integral k exp(J / rho); rho < 0 minimises
  largest,   ///< U = max (log k + J)
};

/// J over (y, z); kernel k(y | z), or nullptr (k = 1: entropic and largest only). A kernel that is
/// not regular needs weight 1 in the entropic rule. No inverse of a covariance is taken.
[[nodiscard]] Optimum optimum(const Form& j, Eigen::Index child, const Kernel* kernel, Rule rule,
                              double weight);

}  // namespace credo::variational
