// The gamma function and its relatives. Boost.Math computes them: std::lgamma writes a global, and
// the standard library has no psi. Arguments so small that the true value leaves the range of a
// double give an infinity, never an exception. Cost: some tens of nanoseconds.

#include <credo/inference/conjugate/special_functions.hpp>

// Of all Boost.Math in this project, which is this file: no exceptions, no errno, no long double.
#define BOOST_MATH_OVERFLOW_ERROR_POLICY ignore_error
#define BOOST_MATH_POLE_ERROR_POLICY ignore_error
#define BOOST_MATH_DOMAIN_ERROR_POLICY ignore_error
#define BOOST_MATH_PROMOTE_DOUBLE_POLICY false
#include <boost/math/special_functions/digamma.hpp>
#include <boost/math/special_functions/gamma.hpp>

#include <cassert>
#include <cmath>
#include <numbers>

namespace credo::conjugate {

double log_gamma(double x) {
  assert(x > 0.0);
  return boost::math::lgamma(x);
}

double digamma(double x) {
  assert(x > 0.0);
  return boost::math::digamma(x);
}

double log_multivariate_gamma(double x, std::size_t dimension) {
  const auto d = static_cast<double>(dimension);
  double sum = 0.25 * d * (d - 1.0) * std::log(std::numbers::pi);
  for (std::size_t i = 0; i < dimension; ++i) sum += log_gamma(x - 0.5 * static_cast<double>(i));
  return sum;
}

double multivariate_digamma(double x, std::size_t dimension) {
  double sum = 0.0;
  for (std::size_t i = 0; i < dimension; ++i) sum += digamma(x - 0.5 * static_cast<double>(i));
  return sum;
}

}  // namespace credo::conjugate
