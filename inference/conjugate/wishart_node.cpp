// Wishart plates: log p(Lambda) = ((n - d - 1) log |Lambda| - tr(V^-1 Lambda)) / 2 + log B(V, n),
//   log B = -n/2 log |V| - n d / 2 log 2 - log Gamma_d(n / 2).
// Natural parameters: degrees n [count], then V^-1 [count, d, d], to which a Gaussian child adds 1
// and E[(x - m)(x - m)^T]. E[Lambda] = n V and E[log |Lambda|] = sum psi((n - i) / 2) + d log 2 +
// log |V|. Cost count x d^3. Bishop 2006, appendix B.

#include <credo/core/numerics.hpp>
#include <credo/inference/conjugate/node.hpp>
#include <credo/inference/conjugate/small_matrix.hpp>
#include <credo/inference/conjugate/special_functions.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace credo::conjugate {

namespace {

class WishartNode final : public Node {
 public:
  explicit WishartNode(const ConjugatePlate& plate)
      : Node(plate), d_(plate.dimension), log_det_scale_(plate.count) {
    SmallInverse inverse(d_);
    std::vector<double> unused(plate.size());
    if (plate.known()) {
      moments_.mean = plate.values;
      for (std::size_t i = 0; i < plate.count; ++i) {
        const auto matrix = std::span(plate.values).subspan(i * plate.size(), plate.size());
        moments_.log_mean.push_back(inverse.invert(matrix, unused));
      }
      return;
    }
    moments_.mean.resize(plate.count * plate.size());
    moments_.log_mean.resize(plate.count);
    natural_.resize(plate.count * (1 + plate.size()));
    prior_log_det_ = -inverse.invert(std::span(plate.prior).subspan(1), unused);
  }

  void take_prior() override {
    const std::span<const double> prior = plate().prior;
    for (std::size_t i = 0; i < plate().count; ++i) {
      natural_[i] = prior[0];
      std::ranges::copy(prior.subspan(1), inverse_scale(i).begin());
    }
  }

  void send(Node& /*parent*/) const override {}

  void absorb() override {
    SmallInverse inverse(d_);
    for (std::size_t i = 0; i < plate().count; ++i) {
      const auto mean =
          std::span<double>(moments_.mean).subspan(i * plate().size(), plate().size());
      log_det_scale_[i] = -inverse.invert(inverse_scale(i), mean);
      if (std::isnan(log_det_scale_[i])) {
        throw Failure{
            fmt::format("wishart \"{}\", element {}: the inverse scale is not positive "
                        "definite in double arithmetic",
                        plate().name, i)};
      }
      for (double& entry : mean) entry *= natural_[i];
      moments_.log_mean[i] = multivariate_digamma(0.5 * natural_[i], d_) +
                             static_cast<double>(d_) * std::numbers::ln2 + log_det_scale_[i];
    }
  }

  void begin(const ConjugateStart* /*given*/, Draws& /*draws*/) override {
    take_prior();
    absorb();
  }

  [[nodiscard]] double log_density() const override {
    CompensatedSum sum;
    const std::span<const double> prior = plate().prior;
    for (std::size_t i = 0; !known() && i < plate().count; ++i) {
      sum.add(log_normaliser(prior[0], prior_log_det_) +
              expected_exponent(i, prior[0], prior.subspan(1)));
    }
    return sum.value();
  }

  [[nodiscard]] double entropy() const override {
    CompensatedSum sum;
    for (std::size_t i = 0; !known() && i < plate().count; ++i) {
      const auto own = std::span<const double>(natural_).subspan(plate().count + i * plate().size(),
                                                                 plate().size());
      sum.add(-log_normaliser(natural_[i], log_det_scale_[i]) -
              expected_exponent(i, natural_[i], own));
    }
    return sum.value();
  }

 private:
  std::span<double> inverse_scale(std::size_t i) {
    return natural().subspan(plate().count + i * plate().size(), plate().size());
  }

  /// log B(V, n).
  [[nodiscard]] double log_normaliser(double degrees, double log_det_scale) const {
    return -0.5 * degrees * (log_det_scale + static_cast<double>(d_) * std::numbers::ln2) -
           log_multivariate_gamma(0.5 * degrees, d_);
  }

  /// E[(n - d - 1) log |Lambda| - tr(V^-1 Lambda)] / 2 of element i.
  [[nodiscard]] double expected_exponent(std::size_t i, double degrees,
                                         std::span<const double> inverse) const {
    double trace = 0.0;
    for (std::size_t j = 0; j < inverse.size(); ++j) {
      trace += inverse[j] * moments_.mean[i * inverse.size() + j];
    }
    return 0.5 * ((degrees - static_cast<double>(d_) - 1.0) * moments_.log_mean[i] - trace);
  }

  std::size_t d_;
  double prior_log_det_ = kNaN;  ///< log |V| of the prior
  std::vector<double> log_det_scale_;
};

}  // namespace

std::unique_ptr<Node> make_wishart(const ConjugatePlate& plate) {
  return std::make_unique<WishartNode>(plate);
}

}  // namespace credo::conjugate
