#pragma once
// The mean of a Gaussian plate: a sum of parents and dot products of parents.

#include <credo/inference/conjugate/links.hpp>

#include <cstddef>
#include <optional>
#include <vector>

namespace credo::conjugate {

/// E and Cov of a random vector; covariance nullptr: known exactly.
struct VectorMoments {
  const double* mean;
  const double* covariance;
};

/// One part of the mean.
struct MeanTerm {
  Link parent;
  std::optional<Link> times;
};

/// The moments of element e of a Gaussian node.
[[nodiscard]] inline VectorMoments element_moments(const Node& node, std::size_t e,
                                                   std::size_t dimension) noexcept {
  const Moments& m = node.moments();
  return {m.mean.data() + e * dimension,
          m.covariance.empty() ? nullptr : m.covariance.data() + e * dimension * dimension};
}

class GaussianMean {
 public:
  GaussianMean(const ConjugatePlate& plate, const Nodes& nodes);

  [[nodiscard]] const std::vector<MeanTerm>& terms() const noexcept { return terms_; }

  /// E and Cov of the mean of element i under state k, without the term `skip` (kAll: whole). The
  /// answer lives until the next call.
  [[nodiscard]] VectorMoments operator()(std::size_t i, std::size_t k,
                                         std::size_t skip = kAll) const;
  static constexpr std::size_t kAll = static_cast<std::size_t>(-1);

 private:
  void add_term(const MeanTerm& term, std::size_t i, std::size_t k) const;

  std::size_t dimension_;
  std::vector<MeanTerm> terms_;
  mutable std::vector<double> mean_;
  mutable std::vector<double> covariance_;
};

}  // namespace credo::conjugate
