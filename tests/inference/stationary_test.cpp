// Fixed points of slices: against plain loops run until nothing changes, closed forms, and the
// numbers of well-known processes; bounds at every sweep; what has no fixed point is refused.

#include "slice_cases.hpp"

#include <credo/core/error.hpp>
#include <credo/inference/variational/stationary.hpp>
#include <credo/models/control/environments.hpp>

#include <doctest/doctest.h>

#include <array>
#include <string>

using namespace credo;
using namespace credo::testing;

namespace {

/// Plain sweeps until they stand still (or so many).
std::vector<double> naive_fixed_point(const SliceDescription& d, std::vector<double> v,
                                      int sweeps = 20000) {
  for (int n = 0; n < sweeps; ++n) {
    std::vector<double> u = naive_sweep(d, v);
    double change = 0.0;
    for (std::size_t x = 0; x < u.size(); ++x) {
      if (u[x] != v[x]) change = std::max(change, std::fabs(u[x] - v[x]));
    }
    v = std::move(u);
    if (change < 1e-14) break;
  }
  return v;
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double worst = 0.0;
  for (std::size_t x = 0; x < a.size(); ++x) {
    if (a[x] != b[x]) worst = std::max(worst, std::fabs(a[x] - b[x]));
  }
  return worst;
}

/// Random rows of equal mass c; the rest ends.
SliceDescription discounted(Random& random, std::size_t contexts, double c) {
  SliceShape shape;
  shape.contexts = contexts;
  shape.end = 0.0;
  shape.entry_scores = false;
  SliceDescription d = random_slice(random, shape);
  for (double& p : d.probability) p *= c;
  for (std::size_t row = 0; row < d.end_probability.size(); ++row) {
    d.end_probability[row] = d.begin[row] == d.begin[row + 1] ? 1.0 : 1.0 - c;
  }
  return d;
}

/// Outcomes as entries, rewards over the temperature as scores, terminal states as ends.
SliceDescription slice_of(const control::Mdp& mdp, double temperature, double discount,
                          bool uniform) {
  SliceDescription d;
  d.contexts = mdp.state_count();
  d.choices = mdp.action_count();
  d.begin.push_back(0);
  for (std::size_t s = 0; s < d.contexts; ++s) {
    for (std::size_t a = 0; a < d.choices; ++a) {
      double end = 1.0 - discount;
      double end_score = 0.0;
      for (const control::Outcome& o : mdp.outcomes(s, a)) {
        if (mdp.is_terminal(s)) continue;
        if (mdp.is_terminal(o.next)) {
          end += discount * o.probability;
          end_score += o.probability * o.reward / temperature;
        } else {
          d.next.push_back(o.next);
          d.probability.push_back(discount * o.probability);
          d.entry_score.push_back(o.reward / temperature);
        }
      }
      if (discount < 1.0) end_score = 0.0;
      d.begin.push_back(d.next.size());
      d.end_probability.push_back(mdp.is_terminal(s) ? 1.0 : end);
      d.end_score.push_back(end > 0.0 ? end_score / end : 0.0);
      d.row_score.push_back(mdp.is_terminal(s) && a > 0 ? -kInfinity : 0.0);
      d.log_base.push_back(
          uniform && !mdp.is_terminal(s) ? -std::log(static_cast<double>(d.choices)) : 0.0);
    }
  }
  return d;
}

/// With a discount, rewards of every outcome count in full: expected ones per row.
SliceDescription discounted_slice_of(const control::Mdp& mdp, double temperature, double discount) {
  SliceDescription d = slice_of(mdp, temperature, discount, true);
  for (std::size_t row = 0; row < d.row_score.size(); ++row) {
    const std::size_t s = row / d.choices;
    if (mdp.is_terminal(s)) continue;
    for (const control::Outcome& o : mdp.outcomes(s, row % d.choices)) {
      d.row_score[row] += o.probability * o.reward / temperature;
    }
  }
  d.entry_score.clear();
  d.end_score.clear();
  return d;
}

StationaryResult solve(const SliceDescription& d, StationaryMethod method,
                       double tolerance = 1e-10) {
  StationaryOptions options;
  options.method = method;
  options.tolerance = tolerance;
  return solve_stationary(Slice(d), options);
}

control::Mdp slippery_cliff() {
  control::EnvironmentOptions options;
  options.slippery = true;
  return control::cliff_walking(options);
}

constexpr std::array kMethods = {StationaryMethod::automatic, StationaryMethod::sweeps,
                                 StationaryMethod::newton};

}  // namespace

TEST_CASE("stationary: every method certifies the fixed point of discounted slices") {
  Random random(21);
  for (const double c : {0.5, 0.9, 0.99}) {
    for (const ChoiceKind choice : {ChoiceKind::free, ChoiceKind::arg_max, ChoiceKind::clamped}) {
      SliceDescription d = discounted(random, 30, c);
      d.choice_kind = choice;
      d.weight = 0.3;
      if (choice == ChoiceKind::clamped) add_random_conditional(random, d);
      const std::vector<double> truth = naive_fixed_point(d, std::vector<double>(30, 0.0));
      for (const StationaryMethod method : kMethods) {
        const StationaryResult result = solve(d, method);
        REQUIRE_MESSAGE(result.ok(), result.message);
        CHECK(result.guarantee == Guarantee::exact);
        CHECK(result.error_bound <= 1e-10);
        CHECK(distance(result.value, truth) <= result.error_bound + 1e-12);
        for (std::size_t x = 0; x < truth.size(); ++x) {
          CHECK(result.lower[x] <= truth[x] + 1e-12);
          CHECK(result.upper[x] >= truth[x] - 1e-12);
        }
        CHECK(solve(d, method).value == result.value);
      }
    }
  }
}

TEST_CASE("stationary: bounds of MacQueen hold at every sweep, sweeps are monotone and contract") {
  Random random(22);
  for (const double c : {0.3, 0.95}) {
    const SliceDescription d = discounted(random, 25, c);
    const std::vector<double> truth = naive_fixed_point(d, std::vector<double>(25, 0.0));
    for (std::size_t n = 1; n < 60; ++n) {
      StationaryOptions options;
      options.method = StationaryMethod::sweeps;
      options.maximum_sweeps = n;
      options.tolerance = 1e-15;
      options.start = random_message(random, 25, 50.0);
      const StationaryResult result = solve_stationary(Slice(d), options);
      REQUIRE(result.lower.size() == 25);
      for (std::size_t x = 0; x < 25; ++x) {
        CHECK(result.lower[x] <= truth[x] + 1e-11);
        CHECK(result.upper[x] >= truth[x] - 1e-11);
      }
    }
    const Slice slice(d);
    std::vector<double> a = random_message(random, 25, 10.0);
    std::vector<double> b = a;
    for (double& x : b) x += random.uniform(0.0, 5.0);
    std::vector<double> ua(25);
    std::vector<double> ub(25);
    slice.apply(a, ua);
    slice.apply(b, ub);
    for (std::size_t x = 0; x < 25; ++x) CHECK(ua[x] <= ub[x] + 1e-13);
    CHECK(distance(ua, ub) <= c * distance(a, b) + 1e-13);
  }
}

TEST_CASE("stationary: slices that end without a discount") {
  Random random(23);
  for (const NextKind next : {NextKind::clamped, NextKind::charged}) {
    for (const ChoiceKind choice : {ChoiceKind::free, ChoiceKind::arg_max, ChoiceKind::clamped}) {
      for (const double rho : {1.0, 3.0, -4.0}) {
        SliceShape shape;
        shape.contexts = 20;
        shape.end = 0.2;
        SliceDescription d = random_slice(random, shape);
        for (double& b : d.log_base) b = -std::log(3.0);
        d.next_kind = next;
        d.choice_kind = choice;
        d.rho = rho;
        if (choice == ChoiceKind::clamped) add_random_conditional(random, d);
        const std::vector<double> truth = naive_fixed_point(d, std::vector<double>(20, 0.0));
        for (const StationaryMethod method : kMethods) {
          const StationaryResult result = solve(d, method, 1e-9);
          REQUIRE_MESSAGE(result.ok(), result.message);
          CHECK(result.error_bound <= 1e-9);
          CHECK(distance(result.value, truth) <= result.error_bound + 1e-11);
        }
      }
    }
  }
}

TEST_CASE("stationary: best cases and most likely paths that end") {
  Random random(24);
  for (const NextKind next : {NextKind::best_case, NextKind::viterbi}) {
    for (int round = 0; round < 5; ++round) {
      SliceShape shape;
      shape.contexts = 20;
      SliceDescription d = random_slice(random, shape);
      d.next_kind = next;
      d.choice_kind = ChoiceKind::arg_max;
      const std::vector<double> truth = naive_fixed_point(d, std::vector<double>(20, 0.0));
      const StationaryResult result = solve(d, StationaryMethod::automatic, 1e-9);
      REQUIRE_MESSAGE(result.ok(), result.message);
      CHECK(distance(result.value, truth) <= result.error_bound + 1e-11);
    }
  }
}

TEST_CASE("stationary: a line with free exits is a hyperbolic cosine") {
  // z_i = cosh((i - 4) t) / cosh(4 t), cosh t = exp(0.3): a random walk on 0..8 that pays 0.3 per
  // inner step (Todorov 2009).
  SliceDescription d;
  d.contexts = 9;
  d.begin.push_back(0);
  for (std::uint32_t x = 0; x < 9; ++x) {
    const bool inner = x > 0 && x < 8;
    if (inner) {
      d.next.insert(d.next.end(), {x - 1, x + 1});
      d.probability.insert(d.probability.end(), {0.5, 0.5});
    }
    d.begin.push_back(d.next.size());
    d.row_score.push_back(inner ? -0.3 : 0.0);
  }
  d.next_kind = NextKind::charged;
  const double t = std::acosh(std::exp(0.3));
  for (const StationaryMethod method : kMethods) {
    const StationaryResult result = solve(d, method, 1e-12);
    REQUIRE_MESSAGE(result.ok(), result.message);
    for (std::size_t x = 0; x < 9; ++x) {
      const double exact =
          std::log(std::cosh((static_cast<double>(x) - 4.0) * t) / std::cosh(4.0 * t));
      CHECK(std::fabs(result.value[x] - exact) <= 1e-12);
    }
  }
}

TEST_CASE("stationary: the cliff, soft, at five temperatures, sure-footed and slippery") {
  const std::array temperature = {0.5, 1.0, 2.0, 5.0, 10.0};
  const std::array sure = {-21.8892193259, -29.8086522723, -42.6847889984, -71.8647336204,
                           -111.4837535855};
  const std::array slippery = {-105.7206259915, -140.7305752583, -203.8883581293, -377.8673897017,
                               -652.9958739035};
  const control::Mdp cliff = control::cliff_walking();
  for (std::size_t i = 0; i < temperature.size(); ++i) {
    const double a = temperature[i];
    const StationaryResult soft =
        solve(slice_of(cliff, a, 1.0, true), StationaryMethod::automatic, 1e-9);
    REQUIRE_MESSAGE(soft.ok(), soft.message);
    CHECK(soft.error_bound <= 1e-9);
    CHECK(std::fabs(a * soft.value[36] - sure[i]) < 1e-9);
    SliceDescription d = slice_of(slippery_cliff(), a, 1.0, true);
    const StationaryResult clamped = solve(d, StationaryMethod::automatic, 1e-9);
    REQUIRE_MESSAGE(clamped.ok(), clamped.message);
    CHECK(clamped.error_bound <= 1e-9);
    CHECK(std::fabs(a * clamped.value[36] - slippery[i]) < 1e-9);
    d.next_kind = NextKind::charged;
    const StationaryResult charged = solve(d, StationaryMethod::automatic, 1e-9);
    REQUIRE_MESSAGE(charged.ok(), charged.message);
    CHECK(charged.error_bound <= 1e-9);
    CHECK(std::fabs(a * charged.value[36] - sure[i]) < 1e-9);
  }
}

TEST_CASE("stationary: worst cases on the slippery cliff") {
  for (const double temperature : {10.0, 20.0}) {
    SliceDescription d = slice_of(slippery_cliff(), temperature, 1.0, true);
    d.next_kind = NextKind::charged;
    d.choice_kind = ChoiceKind::arg_max;
    d.rho = -5.0;
    const StationaryResult result = solve(d, StationaryMethod::automatic, 1e-9);
    REQUIRE_MESSAGE(result.ok(), result.message);
    CHECK(result.error_bound <= 1e-8);
    const std::vector<double> truth = naive_fixed_point(d, std::vector<double>(48, 0.0));
    CHECK(distance(result.value, truth) <= 1e-7);
    // Dearer than the expectation.
    d.next_kind = NextKind::clamped;
    const StationaryResult expected = solve(d, StationaryMethod::automatic, 1e-9);
    for (std::size_t x = 0; x < 48; ++x) CHECK(result.value[x] <= expected.value[x] + 1e-8);
  }
}

TEST_CASE("stationary: arg-max, with and without discount, on the cliff and the frozen lake") {
  SliceDescription d = slice_of(slippery_cliff(), 1.0, 1.0, false);
  d.choice_kind = ChoiceKind::arg_max;
  for (const StationaryMethod method : kMethods) {
    const StationaryResult result = solve(d, method, 1e-9);
    REQUIRE_MESSAGE(result.ok(), result.message);
    CHECK(std::fabs(result.value[36] + 64.7091759099) < 1e-9);
  }
  d = slice_of(control::cliff_walking(), 1.0, 1.0, false);
  d.choice_kind = ChoiceKind::arg_max;
  CHECK(std::fabs(solve(d, StationaryMethod::automatic).value[36] + 13.0) < 1e-10);

  const control::Mdp lake = control::frozen_lake();
  d = slice_of(lake, 1.0, 1.0, false);
  d.choice_kind = ChoiceKind::arg_max;
  const StationaryResult undiscounted = solve(d, StationaryMethod::automatic);
  REQUIRE_MESSAGE(undiscounted.ok(), undiscounted.message);
  CHECK(std::fabs(undiscounted.value[0] - 14.0 / 17.0) < 1e-10);
  const std::array discount = {0.99, 0.95, 0.9};
  const std::array value = {0.5420259320, 0.1804715784, 0.0688909049};
  for (std::size_t i = 0; i < discount.size(); ++i) {
    for (const StationaryMethod method : kMethods) {
      d = discounted_slice_of(lake, 1.0, discount[i]);
      d.choice_kind = ChoiceKind::arg_max;
      const StationaryResult result = solve(d, method);
      REQUIRE_MESSAGE(result.ok(), result.message);
      CHECK(std::fabs(result.value[0] - value[i]) < 1e-10);
    }
  }
}

TEST_CASE("stationary: what never ends is held to its value by the choice that leaves it") {
  const control::Mdp lake = control::frozen_lake();
  SliceDescription d = slice_of(lake, 1.0, 1.0, false);
  d.choice_kind = ChoiceKind::arg_max;
  const StationaryResult result = solve(d, StationaryMethod::automatic);
  REQUIRE_MESSAGE(result.ok(), result.message);
  // The conditional handed back earns the value: it does not walk in circles.
  d.choice_kind = ChoiceKind::clamped;
  d.weight = 0.0;
  d.choice_probability = result.conditional;
  const StationaryResult earned = solve(d, StationaryMethod::automatic);
  REQUIRE_MESSAGE(earned.ok(), earned.message);
  CHECK(distance(earned.value, result.value) < 1e-9);
}

namespace {

/// Small slices without a discount, scores 0, -1 (and sometimes 1): loops that cost nothing, lose
/// or gain, ends here and there.
SliceDescription small_slice(Random& random, bool gains) {
  SliceDescription d;
  d.contexts = 4;
  d.choices = 2;
  d.choice_kind = ChoiceKind::arg_max;
  d.begin.push_back(0);
  for (std::size_t row = 0; row < 8; ++row) {
    const std::size_t count = random.below(3);
    const double end = count == 0 ? 1.0 : random.chance(0.3) ? 0.25 : 0.0;
    for (std::size_t j = 0; j < count; ++j) {
      d.next.push_back(static_cast<std::uint32_t>(random.below(4)));
      d.probability.push_back((1.0 - end) / static_cast<double>(count));
    }
    d.begin.push_back(d.next.size());
    d.end_probability.push_back(end);
    d.row_score.push_back(random.chance(0.5) ? 0.0 : gains && random.chance(0.3) ? 1.0 : -1.0);
  }
  return d;
}

/// v of one choice per context by Gaussian elimination; empty when it never ends from somewhere.
std::vector<double> value_of(const SliceDescription& d, std::size_t choices) {
  std::vector<std::vector<double>> m(4, std::vector<double>(5, 0.0));
  for (std::size_t x = 0; x < 4; ++x) {
    const std::size_t row = 2 * x + (choices >> x & 1);
    m[x][x] = 1.0;
    m[x][4] = d.row_score[row];
    for (std::uint64_t e = d.begin[row]; e < d.begin[row + 1]; ++e)
      m[x][d.next[e]] -= d.probability[e];
  }
  for (std::size_t i = 0; i < 4; ++i) {
    std::size_t pivot = i;
    for (std::size_t r = i; r < 4; ++r)
      pivot = std::fabs(m[r][i]) > std::fabs(m[pivot][i]) ? r : pivot;
    if (std::fabs(m[pivot][i]) < 1e-9) return {};
    std::swap(m[i], m[pivot]);
    for (std::size_t r = 0; r < 4; ++r) {
      const double f = r == i ? 0.0 : m[r][i] / m[i][i];
      for (std::size_t c = 0; c < 5; ++c) m[r][c] -= f * m[i][c];
    }
  }
  std::vector<double> v;
  for (std::size_t i = 0; i < 4; ++i) v.push_back(m[i][4] / m[i][i]);
  return v;
}

}  // namespace

TEST_CASE("stationary: arg-max is the best of the choices that end, by enumeration") {
  Random random(27);
  int certified = 0;
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    const SliceDescription d = small_slice(random, round % 3 == 0);
    std::vector<double> best(4, -kInfinity);
    for (std::size_t choices = 0; choices < 16; ++choices) {
      const std::vector<double> v = value_of(d, choices);
      for (std::size_t x = 0; x < v.size(); ++x) best[x] = std::max(best[x], v[x]);
    }
    const StationaryResult result = solve(d, StationaryMethod::automatic);
    if (!result.ok()) {
      ++refused;
      if (round % 3 != 0) {
        CHECK(result.message.find("no end can be reached") != std::string::npos);
      }
      continue;
    }
    ++certified;
    CHECK(distance(result.value, best) <= 1e-9);
    SliceDescription held = d;
    held.choice_kind = ChoiceKind::clamped;
    held.weight = 0.0;
    held.choice_probability = result.conditional;
    const StationaryResult earned = solve(held, StationaryMethod::automatic);
    REQUIRE_MESSAGE(earned.ok(), earned.message);
    CHECK(distance(earned.value, best) <= 1e-9);
    // What is certified is a fixed point, so that no loop gains.
    CHECK(distance(naive_sweep(d, result.value), result.value) <= 1e-9);
  }
  MESSAGE(certified, " certified, ", refused, " refused");
  CHECK(certified > 1500);
}

TEST_CASE("stationary: soft values of the frozen lake, undiscounted") {
  SliceDescription d = slice_of(control::frozen_lake(), 0.1, 1.0, true);
  const std::vector<double> truth = naive_fixed_point(d, std::vector<double>(16, 0.0));
  for (const StationaryMethod method : kMethods) {
    const StationaryResult result = solve(d, method, 1e-9);
    REQUIRE_MESSAGE(result.ok(), result.message);
    CHECK(distance(result.value, truth) <= 2e-9);
  }
}

TEST_CASE("stationary: what has no value is refused with the reason") {
  SUBCASE("no end in reach") {
    SliceDescription d;
    d.contexts = 3;
    d.begin = {0, 1, 2, 2};
    d.next = {2, 1};
    d.probability = {1.0, 1.0};
    d.row_score = {-1.0, -1.0, 0.0};
    const StationaryResult result = solve(d, StationaryMethod::automatic);
    CHECK(result.status == Status::refused);
    CHECK(result.message.find("from context 1 no end can be reached") != std::string::npos);
  }
  SUBCASE("entropy outweighs the cost of going on") {
    SliceDescription d = slice_of(control::cliff_walking(), 10.0, 1.0, false);
    for (const StationaryMethod method : kMethods) {
      StationaryOptions options;
      options.method = method;
      options.maximum_sweeps = 3000;
      const StationaryResult result = solve_stationary(Slice(d), options);
      CHECK(result.status == Status::refused);
      CHECK(result.message.find("raises the value") != std::string::npos);
      CHECK(result.guarantee == Guarantee::unconverged);
    }
  }
  SUBCASE("a loop that gains") {
    SliceDescription d;
    d.contexts = 1;
    d.choices = 2;
    d.begin = {0, 1, 1};
    d.next = {0};
    d.probability = {1.0};
    d.row_score = {0.5, 0.0};
    d.choice_kind = ChoiceKind::arg_max;
    CHECK(solve(d, StationaryMethod::newton).status == Status::refused);
  }
  SUBCASE("a worst case that is infinitely bad") {
    // Half of the time it goes on, for 1: E[exp(cost)] is infinite as soon as exp(1) / 2 > 1.
    SliceDescription d;
    d.contexts = 1;
    d.begin = {0, 1};
    d.next = {0};
    d.probability = {0.5};
    d.row_score = {-1.0};
    d.next_kind = NextKind::charged;
    d.rho = -1.0;
    StationaryOptions options;
    for (const StationaryMethod method : kMethods) {
      options.method = method;
      options.maximum_sweeps = 5000;
      CHECK(solve_stationary(Slice(d), options).status == Status::refused);
    }
    // With rho = -2, exp(1/2) / 2 < 1: x = -1 - 2 log(e^(-x/2) / 2 + 1/2), a quadratic-free
    // equation in z = e^(-x/2): z = e^(1/2) (z + 1) / 2.
    d.rho = -2.0;
    const double z = 0.5 * std::exp(0.5) / (1.0 - 0.5 * std::exp(0.5));
    const StationaryResult result = solve(d, StationaryMethod::automatic);
    REQUIRE_MESSAGE(result.ok(), result.message);
    CHECK(std::fabs(result.value[0] + 2.0 * std::log(z)) < 1e-10);
  }
  SUBCASE("limits") {
    Random random(25);
    const Slice slice(discounted(random, 40, 0.999));
    StationaryOptions options;
    options.method = StationaryMethod::sweeps;
    options.maximum_sweeps = 5;
    StationaryResult result = solve_stationary(slice, options);
    CHECK(result.status == Status::refused);
    CHECK(result.sweeps == 5);
    CHECK(result.error_bound > 1e-10);
    options = {};
    options.time_limit_seconds = 0.0;
    CHECK(solve_stationary(slice, options).status == Status::deadline);
    options = {};
    options.observer = [](const Progress&) { return false; };
    CHECK(solve_stationary(slice, options).status == Status::cancelled);
    options = {};
    options.memory_limit_bytes = 100.0;
    CHECK(solve_stationary(slice, options).status == Status::refused);
  }
}

TEST_CASE("stationary: impossible contexts are -infinity and their neighbours are not") {
  for (const NextKind next : {NextKind::clamped, NextKind::charged}) {
    SliceDescription d;
    d.contexts = 4;
    d.choices = 2;
    // 0: to 1 or to 2; 1: impossible; 2: half to 3, half ends, or to 0 and 1; 3: ends.
    d.begin = {0, 1, 2, 2, 2, 3, 5, 5, 5};
    d.next = {1, 2, 3, 0, 1};
    d.probability = {1.0, 1.0, 0.5, 0.5, 0.5};
    d.row_score = {0.0, -1.0, -kInfinity, -kInfinity, -1.0, 0.0, 0.0, -kInfinity};
    d.next_kind = next;
    const std::vector<double> truth = naive_fixed_point(
        [&] {
          SliceDescription full = d;
          full.end_probability = {0, 0, 1, 1, 0.5, 0, 1, 1};
          return full;
        }(),
        std::vector<double>{0, -kInfinity, 0, 0});
    for (const StationaryMethod method : kMethods) {
      const StationaryResult result = solve(d, method);
      REQUIRE_MESSAGE(result.ok(), result.message);
      CHECK(result.impossible_contexts == 1);
      CHECK(result.value[1] == -kInfinity);
      CHECK(distance(result.value, truth) <= 1e-10);
      for (const double q : result.conditional) CHECK(q >= 0.0);
      CHECK(result.conditional[2] + result.conditional[3] == 0.0);
    }
  }
}

TEST_CASE("stationary: options and lengths are checked") {
  Random random(26);
  const Slice slice(discounted(random, 5, 0.9));
  StationaryOptions options;
  options.tolerance = 0.0;
  CHECK_THROWS_AS((void)solve_stationary(slice, options), OptionError);
  options = {};
  options.start = {1.0};
  CHECK_THROWS_AS((void)solve_stationary(slice, options), OptionError);
  options.start = std::vector<double>(5, kInfinity);
  CHECK_THROWS_AS((void)solve_stationary(slice, options), OptionError);
  options.start = std::vector<double>(5, 3.0);
  const StationaryResult warm = solve_stationary(slice, options);
  const StationaryResult cold = solve_stationary(slice);
  CHECK(warm.ok());
  CHECK(distance(warm.value, cold.value) <= 2e-10);
}

TEST_CASE("stationary: q that sums to nearly 1 is normalised before anything is certified") {
  SliceDescription d;
  d.contexts = 1;
  d.choices = 6;
  d.begin = {0, 1, 2, 3, 4, 5, 6};
  d.next.assign(6, 0);
  d.probability.assign(6, 0.999);
  d.row_score.assign(6, 1.0);
  d.choice_kind = ChoiceKind::clamped;
  d.weight = 0.0;
  d.choice_probability.assign(6, 0.1666667);
  const StationaryResult result = solve_stationary(Slice(d));
  REQUIRE(result.ok());
  CHECK(std::fabs(result.value[0] - 1000.0) <= result.error_bound + 1e-12);
}

TEST_CASE("stationary: the rounding of large charges is in the error bound") {
  for (const double rho : {1e4, 1e8, 1e12}) {
    CAPTURE(rho);
    SliceDescription d;
    d.contexts = 2;
    d.begin = {0, 2, 4};
    d.next = {0, 1, 0, 1};
    d.probability = {0.3, 0.6, 0.5, 0.4};
    d.row_score = {1.0, -2.0};
    d.next_kind = NextKind::charged;
    d.rho = rho;
    d.choice_kind = ChoiceKind::arg_max;
    const StationaryResult result = solve_stationary(Slice(d));
    REQUIRE_MESSAGE(result.ok(), result.message);
    // To first order in 1 / rho around the expectation's -5.
    const double expected = rho == 1e4 ? -4.9975011410667 : -5.0 + 25.0 / rho;
    CHECK(std::fabs(result.value[0] - expected) <= result.error_bound + 1e-11);
  }
}

TEST_CASE("stationary: a row without mass is impossible for the worst case, too") {
  SliceDescription d;
  d.contexts = 1;
  d.begin = {0, 0};
  d.end_probability = {0.0};
  d.row_score = {0.0};
  d.next_kind = NextKind::charged;
  d.rho = -1.0;
  const Slice slice(d);
  std::vector<double> message(1);
  slice.apply(std::vector<double>{0.0}, message);
  CHECK(message[0] == -kInfinity);
}
