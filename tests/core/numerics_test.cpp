#include <credo/core/numerics.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

using namespace credo;

TEST_CASE("log_add: infinities, and terms far apart") {
  CHECK(log_add(-kInfinity, -kInfinity) == -kInfinity);
  CHECK(log_add(-kInfinity, -3.0) == -3.0);
  CHECK(log_add(kInfinity, -3.0) == kInfinity);
  CHECK(log_add(0.0, 0.0) == doctest::Approx(std::log(2.0)).epsilon(1e-15));
  CHECK(log_add(-1e4, -1e4) == doctest::Approx(-1e4 + std::log(2.0)).epsilon(1e-15));
  CHECK(log_add(0.0, -40.0) == std::log1p(std::exp(-40.0)));
}

TEST_CASE("log_sum_exp: empty, infinite, NaN, and out of the range of exp") {
  CHECK(log_sum_exp({}) == -kInfinity);
  CHECK(log_sum_exp(std::vector<double>{-kInfinity, -kInfinity}) == -kInfinity);
  CHECK(log_sum_exp(std::vector<double>{-kInfinity, kInfinity}) == kInfinity);
  CHECK(std::isnan(log_sum_exp(std::vector<double>{0.0, kNaN})));
  CHECK(std::isnan(log_sum_exp(std::vector<double>{kInfinity, kNaN})));
  CHECK(log_sum_exp(std::vector<double>(1000, -1e4)) ==
        doctest::Approx(-1e4 + std::log(1000.0)).epsilon(1e-15));
  CHECK(log_sum_exp(std::vector<double>{800.0, 800.0}) ==
        doctest::Approx(800.0 + std::log(2.0)).epsilon(1e-15));
}

TEST_CASE("normalize and softmax: zeros stay untouched") {
  std::vector<double> x{1, 3};
  CHECK(normalize(x) == 4.0);
  CHECK(x == std::vector<double>{0.25, 0.75});
  std::vector<double> zero{0, 0};
  CHECK(normalize(zero) == 0.0);
  CHECK(zero == std::vector<double>{0, 0});
  CHECK(softmax(std::vector<double>{-kInfinity, -1e5}) == std::vector<double>{0.0, 1.0});
  CHECK(softmax(std::vector<double>{-kInfinity, -kInfinity}) == std::vector<double>{0.0, 0.0});
}

TEST_CASE("saturating_product") {
  CHECK(saturating_product({}) == 1);
  CHECK(saturating_product(std::vector<std::size_t>{3, 4, 5}) == 60);
  CHECK(saturating_product(std::vector<std::size_t>(64, 2)) ==
        std::numeric_limits<std::uint64_t>::max());
  CHECK(saturating_product(std::vector<std::size_t>(63, 2)) == std::uint64_t{1} << 63);
  std::vector<std::size_t> zero(70, 2);
  zero.back() = 0;
  CHECK(saturating_product(zero) == 0);
}

TEST_CASE("CompensatedSum: keeps what plain summation loses") {
  CompensatedSum sum;
  sum.add(1e16);
  for (int i = 0; i < 1000; ++i) sum.add(1.0);
  sum.add(-1e16);
  CHECK(sum.value() == 1000.0);
  CompensatedSum infinite;
  infinite.add(1.0);
  infinite.add(-kInfinity);
  infinite.add(1.0);
  CHECK(infinite.value() == -kInfinity);
}
