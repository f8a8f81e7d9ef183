// Fixed points that are hard to reach: maxima over paths with loops that cost nothing, and first
// messages from which Newton's method runs away.

#include "slice_cases.hpp"

#include <credo/inference/variational/stationary.hpp>
#include <credo/models/control/environments.hpp>
#include <credo/models/control/solve.hpp>

#include <doctest/doctest.h>

#include <array>
#include <string>

using namespace credo;
using namespace credo::testing;

namespace {

constexpr std::array kMethods = {StationaryMethod::automatic, StationaryMethod::sweeps,
                                 StationaryMethod::newton};
constexpr std::size_t kContexts = 4;
constexpr std::size_t kChoices = 2;

/// One context that stays with probability 0.9 and ends with 0.001.
SliceDescription stay_or_end() {
  SliceDescription d;
  d.contexts = 1;
  d.begin = {0, 1};
  d.next = {0};
  d.probability = {0.9};
  d.end_probability = {0.001};
  d.row_score = {0.0};
  d.next_kind = NextKind::viterbi;
  return d;
}

/// Whole scores, so that sums are exact: loops that cost nothing, lose or gain.
SliceDescription small_maze(Random& random, bool gains) {
  SliceDescription d;
  d.contexts = kContexts;
  d.choices = kChoices;
  d.choice_kind = ChoiceKind::arg_max;
  d.begin.push_back(0);
  for (std::size_t row = 0; row < kContexts * kChoices; ++row) {
    const std::size_t count = random.below(4);
    const bool end = random.chance(count == 0 ? 0.7 : 0.2);
    for (std::size_t j = 0; j < count; ++j) {
      d.next.push_back(static_cast<std::uint32_t>(random.below(kContexts)));
      d.probability.push_back(0.2);
      d.entry_score.push_back(random.chance(0.7) ? 0.0 : -1.0);
    }
    d.begin.push_back(d.next.size());
    d.end_probability.push_back(end ? 0.3 : 0.0);
    d.end_score.push_back(random.chance(0.5) ? 2.0 : -3.0);
    d.row_score.push_back(random.chance(0.6) ? 0.0 : gains && random.chance(0.2) ? 1.0 : -2.0);
  }
  return d;
}

double log_mass(const SliceDescription& d, double k) {
  return d.next_kind == NextKind::viterbi ? std::log(k) : 0.0;
}

/// The best of all paths from x that meet no context twice; gain: whether some loop gains.
struct Enumeration {
  explicit Enumeration(const SliceDescription& description) : d(description) {
    for (std::size_t x = 0; x < kContexts; ++x) {
      start = x;
      walk(x, 0.0, 1U << x);
    }
  }
  void walk(std::size_t x, double sum, unsigned seen) {
    for (std::size_t row = x * kChoices; row < (x + 1) * kChoices; ++row) {
      const double h = sum + d.row_score[row];
      if (d.end_probability[row] > 0.0) {
        value[start] =
            std::max(value[start], h + d.end_score[row] + log_mass(d, d.end_probability[row]));
      }
      for (std::uint64_t e = d.begin[row]; e < d.begin[row + 1]; ++e) {
        const double after = h + d.entry_score[e] + log_mass(d, d.probability[e]);
        const std::size_t next = d.next[e];
        if (next == start && after > 0.0) gain = true;
        if ((seen >> next & 1U) == 0) walk(next, after, seen | 1U << next);
      }
    }
  }
  const SliceDescription& d;
  std::size_t start = 0;
  std::array<double, kContexts> value = {-kInfinity, -kInfinity, -kInfinity, -kInfinity};
  bool gain = false;
};

/// From every context, following the conditional and the best successor that is not yet known to
/// end must lead to an end, and be worth V.
void check_conditional(const SliceDescription& d, const StationaryResult& result) {
  std::vector<double> earned(kContexts, -kInfinity);
  for (std::size_t round = 0; round <= kContexts; ++round) {
    for (std::size_t row = 0; row < kContexts * kChoices; ++row) {
      if (result.conditional[row] == 0.0) continue;
      CHECK(result.conditional[row] == 1.0);
      double& best = earned[row / kChoices];
      best = std::max(best, naive_score(d, row, d.row_score[row], 1.0, earned));
    }
  }
  for (std::size_t x = 0; x < kContexts; ++x) {
    CHECK(std::fabs(earned[x] - result.value[x]) <= 1e-12);
  }
}

}  // namespace

TEST_CASE("stationary: the best of all paths that end, loops that cost nothing among them") {
  Random random(41);
  int certified = 0;
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    SliceDescription d = small_maze(random, round % 3 == 0);
    d.next_kind = round % 2 == 0 ? NextKind::best_case : NextKind::viterbi;
    const Enumeration truth(d);
    StationaryOptions options;
    options.method = kMethods[static_cast<std::size_t>(round) % 3];
    const StationaryResult result = solve_stationary(Slice(d), options);
    if (!result.ok()) {
      ++refused;
      const bool stuck = result.message.find("no end can be reached") != std::string::npos;
      CHECK((stuck || truth.gain));
      continue;
    }
    ++certified;
    CHECK_FALSE(truth.gain);
    for (std::size_t x = 0; x < kContexts; ++x) {
      if (truth.value[x] == result.value[x]) continue;
      CHECK(std::fabs(truth.value[x] - result.value[x]) <= result.error_bound + 1e-14);
    }
    if (d.next_kind == NextKind::best_case) CHECK(result.error_bound == 0.0);
    if (result.impossible_contexts == 0) check_conditional(d, result);
  }
  MESSAGE(certified, " certified, ", refused, " refused");
  CHECK(certified > 800);
}

TEST_CASE("stationary: the best case of the frozen lake") {
  control::ControlOptions options;
  options.method = control::Method::best_case;
  const control::ControlSolution lake = control::solve_control(control::frozen_lake(), options);
  REQUIRE_MESSAGE(lake.status == Status::ok, lake.message);
  CHECK(lake.initial_value == 1.0);
  CHECK(lake.error_bound == 0.0);
}

TEST_CASE("stationary: a most likely path that ends, from anywhere") {
  for (const StationaryMethod method : kMethods) {
    for (const ChoiceKind choice : {ChoiceKind::free, ChoiceKind::arg_max, ChoiceKind::clamped}) {
      for (const double start : {0.0, 50.0, -50.0, 1e4, -1e4}) {
        SliceDescription d = stay_or_end();
        d.choice_kind = choice;
        if (choice == ChoiceKind::clamped) d.choice_probability = {1.0};
        StationaryOptions options;
        options.method = method;
        options.start = {start};
        const StationaryResult result = solve_stationary(Slice(d), options);
        REQUIRE_MESSAGE(result.ok(), result.message);
        CHECK(std::fabs(result.value[0] - std::log(0.001)) <= result.error_bound);
        CHECK(result.error_bound <= 1e-12);
        options.start.clear();
        CHECK(solve_stationary(Slice(d), options).ok());
      }
    }
  }
}

TEST_CASE("stationary: a far start is no reason to refuse") {
  Random random(42);
  int compared = 0;
  for (int round = 0; round < 400; ++round) {
    SliceShape shape;
    shape.contexts = 2;
    shape.choices = 2;
    shape.end = 0.2;
    shape.log_base = false;
    SliceDescription d = random_slice(random, shape);
    d.weight = 0.1;
    d.next_kind = round % 2 == 0 ? NextKind::clamped : NextKind::charged;
    StationaryOptions options;
    options.method = StationaryMethod::sweeps;
    options.maximum_sweeps = 20000;
    const StationaryResult truth = solve_stationary(Slice(d), options);
    if (!truth.ok()) continue;
    ++compared;
    for (const double far : {5.0, 100.0, 1e6}) {
      options.start = {far, -far};
      for (const StationaryMethod method :
           {StationaryMethod::automatic, StationaryMethod::newton}) {
        options.method = method;
        const StationaryResult result = solve_stationary(Slice(d), options);
        REQUIRE_MESSAGE(result.ok(), result.message);
        for (std::size_t x = 0; x < 2; ++x) {
          CHECK(std::fabs(result.value[x] - truth.value[x]) <=
                result.error_bound + truth.error_bound);
        }
      }
    }
  }
  CHECK(compared > 200);
}

namespace {

/// Scores of -infinity here and there, in rows, entries and ends; all else loses something.
SliceDescription torn_slice(Random& random) {
  SliceDescription d;
  d.contexts = kContexts;
  d.choices = kChoices;
  d.weight = 0.5;
  d.begin.push_back(0);
  const auto score = [&](double torn) {
    return random.chance(torn) ? -kInfinity : -random.uniform(0.5, 1.5);
  };
  for (std::size_t row = 0; row < kContexts * kChoices; ++row) {
    const std::size_t count = random.below(3);
    const double end = random.chance(0.6) ? 0.3 : 0.0;
    for (std::size_t j = 0; j < count; ++j) {
      d.next.push_back(static_cast<std::uint32_t>(random.below(kContexts)));
      d.probability.push_back((1.0 - end) / static_cast<double>(count));
      d.entry_score.push_back(score(0.25));
    }
    d.begin.push_back(d.next.size());
    d.end_probability.push_back(end);
    d.end_score.push_back(score(0.2));
    d.row_score.push_back(score(0.15));
    d.choice_probability.push_back(random.chance(0.3) ? 0.0 : random.uniform(0.1, 1.0));
  }
  for (std::size_t row = 0; row < kContexts * kChoices; row += kChoices) {
    double sum = d.choice_probability[row] + d.choice_probability[row + 1];
    if (sum == 0.0) sum = d.choice_probability[row] = 1.0;
    for (std::size_t c = 0; c < kChoices; ++c) d.choice_probability[row + c] /= sum;
  }
  return d;
}

}  // namespace

TEST_CASE("stationary: contexts that only lead to the impossible are impossible, others not") {
  Random random(43);
  int mixed = 0;
  for (int round = 0; round < 500; ++round) {
    SliceDescription d = torn_slice(random);
    d.next_kind = std::array{NextKind::viterbi, NextKind::charged,
                             NextKind::best_case}[static_cast<std::size_t>(round) % 3];
    d.rho = round % 2 == 0 ? 1.0 : 2.5;
    d.choice_kind = round / 3 % 2 == 0 ? ChoiceKind::clamped : ChoiceKind::arg_max;
    if (d.choice_kind == ChoiceKind::arg_max) d.choice_probability.clear();
    const StationaryResult result = solve_stationary(Slice(d));
    if (!result.ok()) {
      CHECK(result.message.find("no end can be reached") != std::string::npos);
      continue;
    }
    std::vector<double> truth(kContexts, 0.0);
    for (int n = 0; n < 600; ++n) truth = naive_sweep(d, truth);
    std::size_t impossible = 0;
    for (std::size_t x = 0; x < kContexts; ++x) {
      impossible += truth[x] == -kInfinity ? 1 : 0;
      if (truth[x] == result.value[x]) continue;
      CHECK(std::fabs(truth[x] - result.value[x]) <= result.error_bound + 1e-12);
    }
    CHECK(result.impossible_contexts == impossible);
    mixed += impossible > 0 && impossible < kContexts ? 1 : 0;
  }
  CHECK(mixed > 60);
}
