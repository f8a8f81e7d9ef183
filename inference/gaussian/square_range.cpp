// A value 1e160 standard deviations away has the log density -5e319, which a double holds as
// -infinity: as if it were impossible. Engines for continuous variables take -infinity for a zero,
// and so that claim is let pass only where no square can get there. Bounds one step: a chain whose
// gains multiply values by 1e100 and more is not followed.

#include <credo/core/numerics.hpp>
#include <credo/inference/gaussian/square_range.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

namespace credo::gaussian {

namespace {

constexpr double kMostDecades = 280.0;

/// Logarithms to base ten, at least 0.
class Magnitudes {
 public:
  void add_values(std::span<const double> numbers) { raise(values_, numbers); }
  void add_coefficients(std::span<const double> numbers) { raise(coefficients_, numbers); }
  /// The diagonal of a matrix whose inverse is used; zeros mark what has none.
  void add_inverse(std::span<const double> matrix, std::size_t rows) {
    for (std::size_t i = 0; i < rows; ++i) {
      const double x = std::fabs(matrix[i * rows + i]);
      if (x > 0.0) coefficients_ = std::max(coefficients_, -std::log10(x));
    }
  }
  void add_log_weight(double x) {
    if (std::isfinite(x)) log_weights_ += std::fabs(x);
  }
  [[nodiscard]] double decades() const {
    return std::max(2.0 * values_ + 3.0 * coefficients_, std::log10(1.0 + log_weights_));
  }

 private:
  static void raise(double& largest, std::span<const double> numbers) {
    for (const double x : numbers) {
      if (x != 0.0) largest = std::max(largest, std::log10(std::fabs(x)));
    }
  }

  double values_ = 0.0;
  double coefficients_ = 0.0;
  double log_weights_ = 0.0;
};

void add_table(const GaussianTable& table, Magnitudes& magnitudes) {
  for (const LinearGaussian& kernel : table.kernels()) {
    magnitudes.add_values(kernel.offset);
    magnitudes.add_coefficients(kernel.gain);
    magnitudes.add_coefficients(kernel.covariance);
    magnitudes.add_inverse(kernel.covariance, kernel.offset.size());
  }
  for (const QuadraticForm& form : table.forms()) {
    magnitudes.add_values(form.linear);
    magnitudes.add_coefficients(form.precision);
    magnitudes.add_inverse(form.precision, form.linear.size());
    magnitudes.add_log_weight(form.constant);
  }
}

}  // namespace

std::string why_squares_overflow(const FactorGraph& graph, const Evidence& evidence) {
  Magnitudes magnitudes;
  for (const auto& [v, finding] : evidence.findings()) magnitudes.add_values(finding.value);
  for (const GaussianFactor& factor : graph.gaussian_factors()) {
    add_table(factor.table, magnitudes);
  }
  for (const Factor& factor : graph.factors()) {
    magnitudes.add_log_weight(factor.table.log_smallest());
    magnitudes.add_log_weight(factor.table.log_largest());
  }
  if (magnitudes.decades() < kMostDecades) return "";
  return fmt::format(
      "the numbers leave the range of doubles: squared deviations may reach 1e{:.0f}, so that what "
      "is "
      "far away cannot be told from what is impossible",
      magnitudes.decades());
}

}  // namespace credo::gaussian
