#pragma once
// One Gaussian in moment form, built up factor by factor: certain directions need no precision.

#include <credo/core/gaussian_table.hpp>
#include <credo/inference/gaussian/moment_collapse.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace credo::gaussian {

enum class Absorbed : std::uint8_t {
  ok,
  impossible,  ///< an observation contradicts what is certain
  doubtful,    ///< an observation contradicts what rounding made certain
  diverges,    ///< a quadratic factor outweighs the Gaussian: there is no integral
};

/// The scalars of one factor: where each stands in the Gaussian, or kObserved and its value.
struct Places {
  std::vector<std::uint32_t> positions;
  std::vector<double> values;
};

/// exp(log_weight) N(mean, covariance) over a fixed number of scalars, which are placed one after
/// another: messages and kernels add scalars, observations and quadratic factors reweigh.
class MomentGaussian {
 public:
  explicit MomentGaussian(std::size_t dimension);

  /// Weight 1 and no scalar placed.
  void clear();
  [[nodiscard]] double log_weight() const noexcept { return gaussian_.log_weight; }
  void scale(double log_factor) noexcept { gaussian_.log_weight += log_factor; }

  /// Scalars that do not depend on those placed before.
  void place(const WeightedGaussian& gaussian, std::span<const std::uint32_t> positions);
  /// y = gain x + offset + noise; places are those of x, which are placed, then those of y.
  void append(const LinearGaussian& kernel, const Places& places);
  /// The same kernel as an observation of what is placed: y - gain x - offset is noise.
  [[nodiscard]] Absorbed observe(const LinearGaussian& kernel, const Places& places);
  /// Multiplies by exp(constant + linear' z - z' precision z / 2), z = x - origin (origin empty:
  /// 0).
  [[nodiscard]] Absorbed multiply(const QuadraticForm& form, const Places& places,
                                  std::span<const double> origin = {});
  /// The same conditionals given the scalars at positions, whose marginal becomes N(mean,
  /// covariance); the weight stays. The new marginal's support lies within the old one's.
  void replace_marginal(const WeightedGaussian& marginal, std::span<const std::uint32_t> positions);

  [[nodiscard]] WeightedGaussian marginal(std::span<const std::uint32_t> positions) const {
    return sub_gaussian(gaussian_, positions);
  }

 private:
  struct Whitened;
  [[nodiscard]] Whitened whiten(std::vector<std::uint32_t> positions) const;
  void move(const Whitened& whitened, std::span<const double> mean,
            std::span<const double> covariance);

  std::size_t dimension_;
  WeightedGaussian gaussian_;
};

/// The likelihood N(x; after) / N(x; before) as a quadratic form of x - before.mean.
struct MomentRatio {
  /// False where `after` is certain in a direction in which `before` is not: no form says that.
  bool regular = false;
  QuadraticForm form;
};
[[nodiscard]] MomentRatio moment_ratio(const WeightedGaussian& after,
                                       const WeightedGaussian& before);

/// log N(x; mean, covariance) with respect to the support's own dimension, the rank; -infinity off
/// it.
struct MomentDensity {
  std::size_t rank = 0;
  double log_value = -kInfinity;
};
[[nodiscard]] MomentDensity moment_density(const WeightedGaussian& gaussian,
                                           std::span<const double> x);

/// A quadratic form as the kernel of some of its scalars given the others, and the form of the
/// others that is left. Kernel: first `others` (in their order), then `own`.
struct FormSplit {
  bool proper = false;  ///< false: own has no positive definite block
  LinearGaussian kernel;
  QuadraticForm rest;
};
[[nodiscard]] FormSplit split_form(const QuadraticForm& form, std::span<const std::uint32_t> others,
                                   std::span<const std::uint32_t> own);

}  // namespace credo::gaussian
