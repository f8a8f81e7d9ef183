// Sweeps where weights and charges are far larger or smaller than scores, and masses next to
// nothing: against the definition in long double.

#include "slice_cases.hpp"

#include <credo/inference/variational/slice.hpp>

#include <doctest/doctest.h>

#include <array>
#include <limits>

using namespace credo;
using namespace credo::testing;

namespace {

using Long = long double;

std::vector<double> sweep(const SliceDescription& d, const std::vector<double>& v) {
  std::vector<double> u(d.contexts, kNaN);
  Slice(d).apply(v, u);
  return u;
}

/// Three choices, each to one context for certain: J = h + V.
SliceDescription three_ways(Random& random, std::size_t contexts, bool even) {
  SliceDescription d;
  d.contexts = contexts;
  d.choices = 3;
  d.begin.push_back(0);
  for (std::size_t row = 0; row < 3 * contexts; ++row) {
    const std::size_t count = even || row % 4 != 0 ? 2 : 1;
    for (std::size_t j = 0; j < count; ++j) {
      d.next.push_back(static_cast<std::uint32_t>(random.below(contexts)));
      d.probability.push_back(count == 2 ? 0.5 : 1.0);
    }
    d.begin.push_back(d.next.size());
    d.row_score.push_back(random.uniform(-3, 3));
  }
  return d;
}

Long exact_score(const SliceDescription& d, std::size_t row, const std::vector<double>& v) {
  Long j = d.row_score[row];
  for (std::uint64_t e = d.begin[row]; e < d.begin[row + 1]; ++e)
    j += static_cast<Long>(d.probability[e]) * static_cast<Long>(v[d.next[e]]);
  return j;
}

/// w log sum m exp(J / w) where the masses m sum to 1 and J / w is small.
Long exact_mean(const std::vector<Long>& mass, const std::vector<Long>& t, Long w) {
  Long sum = 0;
  for (std::size_t i = 0; i < t.size(); ++i) sum += mass[i] * std::expm1(t[i] / w);
  return w * std::log1p(sum);
}

/// rho log sum exp(log k + t / rho).
Long exact_charged(const std::vector<Long>& mass, const std::vector<Long>& t, Long rho) {
  std::vector<Long> term;
  for (std::size_t i = 0; i < t.size(); ++i) term.push_back(std::log(mass[i]) + t[i] / rho);
  const Long top = *std::max_element(term.begin(), term.end());
  Long sum = 0;
  for (const Long x : term) sum += std::exp(x - top);
  return rho * (top + std::log(sum));
}

void check_close(double got, Long expected, double tolerance) {
  CHECK(std::fabs(static_cast<double>(static_cast<Long>(got) - expected)) <= tolerance);
}

}  // namespace

TEST_CASE("a free choice of any weight keeps the digits of its scores") {
  Random random(31);
  const std::array<std::array<double, 3>, 2> bases = {{{0.125, 0.375, 0.5}, {0.3, 0.6, 0.1}}};
  for (const double w : {20.0, 1e4, 1e8, 1e12, 1e15, 1e200}) {
    for (const auto& base : bases) {
      for (const bool even : {true, false}) {
        SliceDescription d = three_ways(random, 21, even);
        d.weight = w;
        for (std::size_t row = 0; row < 63; ++row) d.log_base.push_back(std::log(base[row % 3]));
        const std::vector<double> v = random_message(random, 21, 2.0);
        const std::vector<double> got = sweep(d, v);
        std::vector<double> together(21 * 9, kNaN);
        SliceLanes lanes;
        lanes.count = 9;
        lanes.weight.assign(9, w);
        std::vector<double> message;
        for (std::size_t i = 0; i < 21 * 9; ++i) message.push_back(v[i / 9]);
        Slice(d).apply(lanes, message, together);
        lanes.row_score.resize(63 * 9);
        for (std::size_t i = 0; i < 63 * 9; ++i) lanes.row_score[i] = d.row_score[i / 9];
        std::vector<double> given(21 * 9, kNaN);
        Slice(d).apply(lanes, message, given);
        for (std::size_t x = 0; x < 21; ++x) {
          std::vector<Long> mass;
          std::vector<Long> t;
          for (std::size_t c = 0; c < 3; ++c) {
            mass.push_back(base[c]);
            t.push_back(exact_score(d, 3 * x + c, v));
          }
          const Long expected = exact_mean(mass, t, w);
          check_close(got[x], expected, 1e-14);
          check_close(together[9 * x + 8], expected, 1e-14);
          check_close(given[9 * x + 8], expected, 1e-14);
        }
      }
    }
  }
}

TEST_CASE("choices that do not exist leave a wide choice without base what it counts") {
  Random random(32);
  SliceDescription d = three_ways(random, 5, true);
  d.weight = 1e12;
  for (std::size_t x = 0; x < 5; ++x) d.row_score[3 * x + 2] = -kInfinity;
  d.row_score[1] = -kInfinity;
  std::vector<double> v = random_message(random, 5, 2.0);
  const std::vector<double> got = sweep(d, v);
  check_close(got[0], exact_score(d, 0, v), 1e-14);
  for (std::size_t x = 1; x < 5; ++x) {
    const Long a = exact_score(d, 3 * x, v);
    const Long b = exact_score(d, 3 * x + 1, v);
    const Long expected = 1e12L * std::log(2.0L) + (a + b) / 2;
    check_close(got[x], expected, 3e-4);  // 1 ulp of 7e11 is 1.2e-4
  }
}

TEST_CASE("a charge of any size keeps the digits of what is charged") {
  Random random(33);
  for (const double size : {30.0, 1e4, 1e8, 1e12, 1e200}) {
    for (const double sign : {1.0, -1.0}) {
      SliceDescription d = three_ways(random, 13, false);
      d.next_kind = NextKind::charged;
      d.choice_kind = ChoiceKind::arg_max;
      d.rho = sign * size;
      for (std::size_t e = 0; e < d.next.size(); ++e)
        d.entry_score.push_back(random.uniform(-2, 2));
      const std::vector<double> v = random_message(random, 13, 2.0);
      const std::vector<double> got = sweep(d, v);
      SliceLanes lanes;
      lanes.rho = {d.rho};
      std::vector<double> lane(13, kNaN);
      Slice(d).apply(lanes, v, lane);
      for (std::size_t x = 0; x < 13; ++x) {
        Long best = -std::numeric_limits<Long>::infinity();
        for (std::size_t row = 3 * x; row < 3 * x + 3; ++row) {
          std::vector<Long> mass;
          std::vector<Long> t;
          for (std::uint64_t e = d.begin[row]; e < d.begin[row + 1]; ++e) {
            mass.push_back(d.probability[e]);
            t.push_back(static_cast<Long>(d.entry_score[e]) + static_cast<Long>(v[d.next[e]]));
          }
          best = std::max(best, d.row_score[row] + exact_mean(mass, t, d.rho));
        }
        check_close(got[x], best, 1e-14);
        check_close(lane[x], best, 1e-14);
      }
    }
  }
}

TEST_CASE("masses, charges and weights below the smallest normal number") {
  // Two contexts; from 0 with mass 1e-310 to itself, else to 1; the end has 3e-311.
  SliceDescription d;
  d.contexts = 2;
  d.begin = {0, 2, 2};
  d.next = {0, 1};
  d.probability = {1e-310, 1.0};
  d.end_probability = {3e-311, 1e-320};
  d.row_score = {0.5, -1.0};
  d.choice_kind = ChoiceKind::arg_max;
  std::vector<std::vector<double>> messages = {{0.0, 0.0}, {0.0, -710.0}, {3.0, -720.0}};
  const Long k0 = 1e-310;
  const Long end0 = 3e-311;
  const Long end1 = 1e-320;
  for (const std::vector<double>& v : messages) {
    d.next_kind = NextKind::charged;
    for (const double rho : {1.0, 0.7, -2.0}) {
      d.rho = rho;
      const std::vector<double> got = sweep(d, v);
      SliceLanes lanes;
      lanes.rho = {rho};
      std::vector<double> lane(2, kNaN);
      Slice(d).apply(lanes, v, lane);
      const Long expected = 0.5L + exact_charged({k0, 1.0L, end0}, {v[0], v[1], 0.0L}, rho);
      check_close(got[0], expected, 1e-12);
      check_close(lane[0], expected, 1e-12);
      check_close(got[1], -1.0L + rho * std::log(end1), 1e-12);
    }
    d.next_kind = NextKind::viterbi;
    const std::vector<double> got = sweep(d, v);
    const Long best = std::max({std::log(k0) + v[0], static_cast<Long>(v[1]), std::log(end0)});
    check_close(got[0], 0.5L + best, 1e-12);
    check_close(got[1], -1.0L + std::log(end1), 1e-12);
  }
}

TEST_CASE("charges and weights next to nothing are maxima") {
  SliceDescription d;
  d.contexts = 2;
  d.choices = 2;
  d.begin = {0, 2, 3, 4, 5};
  d.next = {0, 1, 1, 0, 1};
  d.probability = {0.5, 0.5, 1.0, 1.0, 1.0};
  d.row_score = {0.5, 0.0, -1.0, 2.0};
  d.log_base.assign(4, -std::log(2.0));
  const std::vector<double> v = {3.0, -4.0};
  const double least = std::numeric_limits<double>::denorm_min();
  for (const double tiny : {1e-300, 1e-310, least}) {
    d.next_kind = NextKind::charged;
    for (const ChoiceKind choice : {ChoiceKind::free, ChoiceKind::arg_max}) {
      d.choice_kind = choice;
      d.weight = tiny;
      d.rho = tiny;
      CHECK(sweep(d, v) == std::vector<double>{3.5, 2.0});
      CHECK(Slice(d).conditional(v) == std::vector<double>{1.0, 0.0, 1.0, 0.0});
      d.rho = -tiny;
      CHECK(sweep(d, v) == std::vector<double>{-3.5, 2.0});
      SliceLanes lanes;
      lanes.rho = {-tiny};
      lanes.weight = {tiny};
      std::vector<double> lane(2, kNaN);
      Slice(d).apply(lanes, v, lane);
      CHECK(lane == std::vector<double>{-3.5, 2.0});
    }
  }
}

TEST_CASE("a given conditional may have entries next to nothing") {
  SliceDescription d;
  d.contexts = 1;
  d.choices = 2;
  d.begin = {0, 0, 0};
  d.row_score = {0.0, -1e300};
  d.choice_kind = ChoiceKind::clamped;
  d.choice_probability = {1.0, 1e-310};
  d.weight = 1e300;
  // 1e-310 (-1e300 - 1e300 log 1e-310), about 7e-8.
  const Long q = 1e-310;
  check_close(sweep(d, {0.0})[0], q * (-1e300L - 1e300L * std::log(q)), 1e-21);
}
