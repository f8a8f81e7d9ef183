// The certified error is a true bound: against fixed points in long double, where scores cancel,
// rows differ in length, and weights are large.

#include "slice_cases.hpp"

#include <credo/inference/variational/stationary.hpp>

#include <doctest/doctest.h>

#include <array>

using namespace credo;
using namespace credo::testing;

namespace {

using Long = long double;

Long next_of(const SliceDescription& d, std::size_t row, const std::vector<Long>& v) {
  std::vector<Long> mass;
  std::vector<Long> t;
  Long left = 1;
  for (std::uint64_t e = d.begin[row]; e < d.begin[row + 1]; ++e) {
    mass.push_back(d.probability[e]);
    left -= mass.back();
    t.push_back(v[d.next[e]] + static_cast<Long>(d.entry_score.empty() ? 0.0 : d.entry_score[e]));
  }
  mass.push_back(d.end_probability.empty() ? left : static_cast<Long>(d.end_probability[row]));
  t.push_back(d.end_score.empty() ? 0.0L : static_cast<Long>(d.end_score[row]));
  const Long rho = d.rho;
  Long sum = 0;
  Long top = -kInfinity;
  for (std::size_t i = 0; i < t.size(); ++i)
    if (mass[i] > 0) top = std::max(top, t[i] / rho);
  for (std::size_t i = 0; i < t.size(); ++i) {
    if (mass[i] == 0) continue;
    sum += d.next_kind == NextKind::clamped ? mass[i] * t[i] : mass[i] * std::exp(t[i] / rho - top);
  }
  return d.next_kind == NextKind::clamped ? sum : rho * (top + std::log(sum));
}

Long message_of(const SliceDescription& d, std::size_t x, const std::vector<Long>& v) {
  const Long w = d.weight;
  std::vector<Long> score;
  Long top = -kInfinity;
  for (std::size_t row = x * d.choices; row < (x + 1) * d.choices; ++row) {
    score.push_back(d.row_score[row] + next_of(d, row, v));
    top = std::max(top, score.back());
  }
  if (d.choice_kind == ChoiceKind::arg_max) return top;
  Long sum = 0;
  for (std::size_t c = 0; c < d.choices; ++c) {
    const Long base = d.log_base.empty() ? 0.0L : d.log_base[x * d.choices + c];
    sum += std::exp((score[c] - top) / w + base);
  }
  return top + w * std::log(sum);
}

std::vector<Long> exact_fixed_point(const SliceDescription& d) {
  std::vector<Long> v(d.contexts, 0);
  for (int n = 0; n < 20000; ++n) {
    std::vector<Long> u;
    Long change = 0;
    Long size = 1;
    for (std::size_t x = 0; x < d.contexts; ++x) {
      u.push_back(message_of(d, x, v));
      change = std::max(change, std::fabs(u[x] - v[x]));
      size = std::max(size, std::fabs(u[x]));
    }
    v = std::move(u);
    if (change < 1e-19L * size) break;
  }
  return v;
}

/// Whether the bound holds, and is not an excuse.
void check_bound(const SliceDescription& d, double most) {
  const std::vector<Long> truth = exact_fixed_point(d);
  for (const StationaryMethod method :
       {StationaryMethod::automatic, StationaryMethod::sweeps, StationaryMethod::newton}) {
    StationaryOptions options;
    options.method = method;
    options.tolerance = 1e-15;
    const StationaryResult result = solve_stationary(Slice(d), options);
    REQUIRE_MESSAGE(result.ok(), result.message);
    CHECK(result.error_bound <= most);
    for (std::size_t x = 0; x < d.contexts; ++x) {
      CHECK(std::fabs(static_cast<double>(result.value[x] - truth[x])) <= result.error_bound);
      CHECK(static_cast<Long>(result.lower[x]) <= truth[x]);
      CHECK(static_cast<Long>(result.upper[x]) >= truth[x]);
    }
  }
}

}  // namespace

TEST_CASE("bounds: a row's score that its entries cancel") {
  for (const bool charged : {false, true}) {
    SliceDescription d;
    d.contexts = 1;
    d.begin = {0, 1};
    d.next = {0};
    d.probability = {0.9};
    d.row_score = {1e10};
    d.entry_score = {-1e10 / 0.9 * (1 + 1e-10)};
    if (charged) {
      d.next_kind = NextKind::charged;
      d.rho = 3.0;
      d.entry_score = {-1e10 - 1};
      d.end_probability = {0.1};
      d.end_score = {-1e10 - 2};
    }
    check_bound(d, 1e-3);
  }
}

TEST_CASE("bounds: one wide row among short ones") {
  Random random(51);
  SliceDescription d;
  d.contexts = 3000;
  d.begin.push_back(0);
  double sum = 0.0;
  for (std::uint32_t j = 0; j < 3000; ++j) {
    d.next.push_back(j);
    d.probability.push_back(random.uniform(0.1, 1.0));
    sum += d.probability.back();
  }
  for (double& p : d.probability) p *= 0.5 / sum;
  d.begin.push_back(3000);
  d.row_score.push_back(0.3);
  for (std::uint32_t x = 1; x < 3000; ++x) {
    d.next.push_back(0);
    d.probability.push_back(0.5);
    d.begin.push_back(d.next.size());
    d.row_score.push_back(random.uniform(1e6, 2e6));
  }
  check_bound(d, 1e-5);
}

TEST_CASE("bounds: scores that are not chosen do not widen them") {
  SliceDescription d;
  d.contexts = 2;
  d.choices = 2;
  d.begin = {0, 1, 2, 3, 4};
  d.next = {1, 0, 0, 1};
  d.probability = {0.9, 0.9, 0.9, 0.9};
  d.row_score = {-1.0, -1e12, 0.5, -1e12};
  d.weight = 0.1;
  for (const ChoiceKind choice : {ChoiceKind::free, ChoiceKind::arg_max}) {
    d.choice_kind = choice;
    d.next_kind = NextKind::clamped;
    d.end_probability.clear();
    check_bound(d, 1e-12);
    d.next_kind = NextKind::charged;
    d.end_probability.assign(4, 0.1);
    check_bound(d, 1e-12);
  }
}

TEST_CASE("bounds: random slices, with and without a discount") {
  Random random(52);
  for (int round = 0; round < 24; ++round) {
    SliceShape shape;
    shape.contexts = 8;
    shape.end = 0.2;
    shape.score_range = std::pow(10.0, random.uniform(-3, 6));
    shape.log_base = round % 2 == 0;
    SliceDescription d = random_slice(random, shape);
    for (double& b : d.log_base) b = -std::log(3.0) + std::min(b, 0.0) * 0.01;
    d.weight = std::pow(10.0, random.uniform(-1, 1));
    if (d.log_base.empty()) d.choice_kind = ChoiceKind::arg_max;
    d.next_kind = round % 3 == 0 ? NextKind::charged : NextKind::clamped;
    d.rho = round % 2 == 0 ? 4.0 : -50.0 * shape.score_range;
    check_bound(d, 1e-10 * (1.0 + shape.score_range) * (10.0 + std::fabs(d.rho)));
  }
}
