#include <credo/core/error.hpp>
#include <credo/models/minimize.hpp>
#include <credo/models/random.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <span>
#include <vector>

// Functions whose minima are known in closed form.

namespace {

using credo::MinimizeOptions;
using credo::Minimum;

/// sum_i exp(x_i - c_i) - x_i: convex, minimum at x = c with value size.
double shifted_exponentials(std::span<const double> x, std::span<double> gradient) {
  double value = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double e = std::exp(x[i] - static_cast<double>(i));
    value += e - x[i] + static_cast<double>(i);
    gradient[i] = e - 1.0;
  }
  return value;
}

double rosenbrock(std::span<const double> x, std::span<double> gradient) {
  const double a = 1.0 - x[0];
  const double b = x[1] - x[0] * x[0];
  gradient[0] = -2.0 * a - 400.0 * x[0] * b;
  gradient[1] = 200.0 * b;
  return a * a + 100.0 * b * b;
}

}  // namespace

TEST_CASE("minimize: a badly scaled quadratic") {
  credo::Random random(3);
  std::vector<double> centre(20);
  for (double& c : centre) c = random.uniform(-2.0, 2.0);
  const auto quadratic = [&centre](std::span<const double> x, std::span<double> gradient) {
    double value = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double scale = std::pow(10.0, static_cast<double>(i % 5));
      const double difference = x[i] - centre[i];
      value += 0.5 * scale * difference * difference;
      gradient[i] = scale * difference;
    }
    return value;
  };
  const Minimum minimum = credo::minimize(quadratic, std::vector<double>(20, 0.0));
  REQUIRE(minimum.converged);
  for (std::size_t i = 0; i < centre.size(); ++i) {
    CHECK(std::fabs(minimum.x[i] - centre[i]) < 2e-9);
  }
  CHECK(minimum.gradient_norm <= 1e-9);
  CHECK(minimum.iterations < 200);
}

TEST_CASE("minimize: convex and not convex functions, the trace never rises") {
  for (const bool convex : {true, false}) {
    const Minimum minimum = convex ? credo::minimize(shifted_exponentials, {5.0, -3.0, 0.0, 9.0})
                                   : credo::minimize(rosenbrock, {-1.2, 1.0});
    CAPTURE(minimum.message);
    REQUIRE(minimum.converged);
    for (std::size_t i = 0; i < minimum.x.size(); ++i) {
      CHECK(std::fabs(minimum.x[i] - (convex ? static_cast<double>(i) : 1.0)) < 1e-7);
    }
    REQUIRE(minimum.trace.size() == minimum.iterations + 1);
    for (std::size_t k = 1; k < minimum.trace.size(); ++k) {
      CHECK(minimum.trace[k] <= minimum.trace[k - 1] + 1e-12);
    }
  }
}

TEST_CASE("minimize: points outside the domain are stepped around") {
  // x - log x on x > 0.
  const auto barrier = [](std::span<const double> x, std::span<double> gradient) {
    if (x[0] <= 0.0) return credo::kInfinity;
    gradient[0] = 1.0 - 1.0 / x[0];
    return x[0] - std::log(x[0]);
  };
  const Minimum minimum = credo::minimize(barrier, {30.0});
  REQUIRE(minimum.converged);
  CHECK(std::fabs(minimum.x[0] - 1.0) < 1e-8);
}

TEST_CASE("minimize: what has no minimum is not converged, and says why") {
  const auto falling = [](std::span<const double> x, std::span<double> gradient) {
    gradient[0] = -1.0;
    return -x[0];
  };
  MinimizeOptions options;
  options.maximum_iterations = 50;
  const Minimum unbounded = credo::minimize(falling, {0.0}, options);
  CHECK_FALSE(unbounded.converged);
  CHECK(unbounded.message != "converged");
  const auto nowhere = [](std::span<const double>, std::span<double>) { return credo::kNaN; };
  const Minimum undefined = credo::minimize(nowhere, {0.0});
  CHECK_FALSE(undefined.converged);
  CHECK(undefined.message.find("not finite at the start") != std::string::npos);
  options.memory = 0;
  CHECK_THROWS_AS((void)credo::minimize(falling, {0.0}, options), credo::OptionError);
}
