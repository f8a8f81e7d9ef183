// The compiled slice against its definition in plain loops, every kind, every layout.

#include "slice_cases.hpp"

#include <credo/core/error.hpp>
#include <credo/inference/variational/slice.hpp>

#include <doctest/doctest.h>

#include <array>
#include <string>

using namespace credo;
using namespace credo::testing;

namespace {

constexpr std::array kNextKinds = {NextKind::clamped, NextKind::charged, NextKind::best_case,
                                   NextKind::viterbi};
constexpr std::array kChoiceKinds = {ChoiceKind::free, ChoiceKind::arg_max, ChoiceKind::clamped};

/// Equal up to `ulps` units of the largest number that took part.
bool close(double a, double b, double scale = 1.0) {
  return a == b || std::fabs(a - b) <= 1e-13 * std::max({scale, std::fabs(a), std::fabs(b)});
}

std::vector<double> sweep(const Slice& slice, const std::vector<double>& v) {
  std::vector<double> u(slice.contexts(), kNaN);
  slice.apply(v, u);
  return u;
}

SliceDescription of_kind(Random& random, const SliceShape& shape, NextKind next,
                         ChoiceKind choice) {
  SliceDescription d = random_slice(random, shape);
  d.next_kind = next;
  d.choice_kind = choice;
  if (choice == ChoiceKind::clamped) add_random_conditional(random, d);
  return d;
}

}  // namespace

TEST_CASE("a slice of any kind is its definition") {
  Random random(11);
  for (int round = 0; round < 40; ++round) {
    for (const NextKind next : kNextKinds) {
      for (const ChoiceKind choice : kChoiceKinds) {
        SliceShape shape;
        shape.contexts = 1 + random.below(30);
        shape.choices = 1 + random.below(5);
        shape.even = round % 2 == 0;
        shape.successors = 1 + random.below(8);
        shape.entry_scores = random.chance(0.5);
        shape.log_base = random.chance(0.5);
        SliceDescription d = of_kind(random, shape, next, choice);
        d.weight = std::pow(10.0, random.uniform(-3, 3));
        d.rho = (random.chance(0.5) ? 1 : -1) * std::pow(10.0, random.uniform(-2, 2));
        const Slice slice(d);
        const std::vector<double> v = random_message(random, d.contexts, 5.0);
        const std::vector<double> expected = naive_sweep(d, v);
        const std::vector<double> got = sweep(slice, v);
        const std::vector<double> scores = slice.score(v);
        const std::vector<double> expected_scores = naive_scores(d, v);
        const double scale = 10.0 + 10.0 * std::max(d.weight, std::fabs(d.rho));
        for (std::size_t x = 0; x < d.contexts; ++x) CHECK(close(got[x], expected[x], scale));
        for (std::size_t r = 0; r < scores.size(); ++r) {
          CHECK(close(scores[r], expected_scores[r], scale));
        }
        CHECK(sweep(slice, v) == got);
      }
    }
  }
}

TEST_CASE("a slice hands back its rows") {
  Random random(12);
  for (const bool even : {false, true}) {
    SliceShape shape;
    shape.even = even;
    SliceDescription d = of_kind(random, shape, NextKind::charged, ChoiceKind::clamped);
    if (!even) d.probability[1] = 0.0;
    const Slice slice(d);
    Slice::Row row;
    std::uint64_t entries = 0;
    for (std::size_t r = 0; r < slice.rows(); ++r) {
      slice.read_row(r, row);
      std::size_t place = 0;
      for (std::uint64_t e = d.begin[r]; e < d.begin[r + 1]; ++e) {
        if (d.probability[e] == 0.0) continue;
        REQUIRE(place < row.next.size());
        CHECK(row.next[place] == d.next[e]);
        CHECK(row.probability[place] == d.probability[e]);
        CHECK(row.score[place] == d.entry_score[e]);
        ++place;
      }
      CHECK(place == row.next.size());
      entries += place;
      CHECK(row.row_score == d.row_score[r]);
      CHECK(row.end_probability == d.end_probability[r]);
      CHECK(row.log_base == d.log_base[r]);
      CHECK(row.choice_probability ==
            doctest::Approx(d.choice_probability[r]).epsilon(1e-15));  // normalised
    }
    CHECK(slice.entries() == entries);
  }
}

TEST_CASE("the conditional of a slice maximises what the slice computes") {
  Random random(13);
  for (const ChoiceKind choice : {ChoiceKind::free, ChoiceKind::arg_max}) {
    SliceDescription d = of_kind(random, {}, NextKind::clamped, choice);
    d.weight = 0.7;
    const Slice slice(d);
    const std::vector<double> v = random_message(random, d.contexts, 4.0);
    SliceDescription given = d;
    given.choice_kind = ChoiceKind::clamped;
    given.choice_probability = slice.conditional(v);
    if (choice == ChoiceKind::arg_max) given.weight = 0.0;
    const std::vector<double> best = sweep(slice, v);
    const std::vector<double> reached = sweep(Slice(given), v);
    for (std::size_t x = 0; x < d.contexts; ++x) CHECK(close(best[x], reached[x], 10.0));
    add_random_conditional(random, given);
    const std::vector<double> other = sweep(Slice(given), v);
    for (std::size_t x = 0; x < d.contexts; ++x) CHECK(other[x] <= best[x] + 1e-12);
  }
}

TEST_CASE("slices that differ in settings only are swept together") {
  Random random(14);
  for (const NextKind next : kNextKinds) {
    for (const ChoiceKind choice : kChoiceKinds) {
      for (const std::size_t count :
           {std::size_t{1}, std::size_t{7}, std::size_t{8}, std::size_t{19}}) {
        SliceShape shape;
        shape.even = count % 2 == 0;
        SliceDescription d = of_kind(random, shape, next, choice);
        SliceLanes lanes;
        lanes.count = count;
        for (std::size_t k = 0; k < count; ++k) {
          lanes.weight.push_back(std::pow(10.0, random.uniform(-2, 2)));
          lanes.rho.push_back(random.uniform(0.2, 3.0));
        }
        for (std::size_t i = 0; i < d.row_score.size() * count; ++i) {
          const bool exists = d.row_score[i / count] > -kInfinity;
          lanes.row_score.push_back(exists ? random.uniform(-2, 0) : -kInfinity);
        }
        const std::vector<double> v = random_message(random, d.contexts * count, 5.0);
        std::vector<double> together(v.size(), kNaN);
        Slice(d).apply(lanes, v, together);
        for (std::size_t k = 0; k < count; ++k) {
          SliceDescription one = d;
          one.weight = lanes.weight[k];
          one.rho = lanes.rho[k];
          std::vector<double> message;
          for (std::size_t r = 0; r < one.row_score.size(); ++r)
            one.row_score[r] = lanes.row_score[r * count + k];
          for (std::size_t x = 0; x < d.contexts; ++x) message.push_back(v[x * count + k]);
          const std::vector<double> alone = sweep(Slice(one), message);
          for (std::size_t x = 0; x < d.contexts; ++x) {
            CHECK(close(together[x * count + k], alone[x], 10.0 + 10.0 * one.weight));
          }
        }
      }
    }
  }
}

TEST_CASE("impossible contexts and choices stay impossible, and nothing becomes NaN") {
  Random random(15);
  for (const NextKind next : kNextKinds) {
    for (const ChoiceKind choice : kChoiceKinds) {
      for (const double rho : {0.5, -0.5}) {
        SliceShape shape;
        shape.even = rho > 0.0;
        SliceDescription d = of_kind(random, shape, next, choice);
        d.rho = rho;
        std::vector<double> v = random_message(random, d.contexts, 4.0);
        v[0] = v[3] = v[12] = -kInfinity;
        for (std::size_t c = 0; c < d.choices; ++c) d.row_score[5 * d.choices + c] = -kInfinity;
        if (choice == ChoiceKind::clamped) add_random_conditional(random, d);
        for (double& q : d.choice_probability) q = std::isnan(q) ? 0.0 : q;
        const Slice slice(d);
        const std::vector<double> got = sweep(slice, v);
        const std::vector<double> expected = naive_sweep(d, v);
        CHECK(got[5] == -kInfinity);
        for (std::size_t x = 0; x < d.contexts; ++x) {
          if (x != 5) CHECK(close(got[x], expected[x], 20.0));
        }
        for (const double q : slice.conditional(v)) CHECK(q >= 0.0);
      }
    }
  }
}

TEST_CASE("scores of any size") {
  // Two choices, scores h and h - 1; the next context is certain: U = V + h + log(1 + 1/e).
  for (const double h : {-1e4, -1e7, 3e5, 1e-12}) {
    SliceDescription d;
    d.contexts = 1;
    d.choices = 2;
    d.begin = {0, 1, 2};
    d.next = {0, 0};
    d.probability = {1.0, 1.0};
    d.row_score = {h, h - 1.0};
    for (const NextKind kind : {NextKind::clamped, NextKind::charged}) {
      d.next_kind = kind;
      const Slice slice(d);
      std::vector<double> v = {0.0};
      std::vector<double> u = {0.0};
      for (int t = 1; t <= 1000; ++t) {
        slice.apply(v, u);
        v = u;
      }
      CHECK(u[0] == doctest::Approx(1000.0 * (h + std::log1p(std::exp(-1.0)))).epsilon(1e-12));
    }
  }
}

TEST_CASE("a wrong slice is refused with its row") {
  Random random(16);
  const SliceDescription good = random_slice(random, {});
  const auto message_of = [](const SliceDescription& d) -> std::string {
    try {
      d.validate();
    } catch (const ModelError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(message_of(good).empty());
  SliceDescription d = good;
  d.row_score[7] = kNaN;
  CHECK(message_of(d).find("row 7 (x = 2, d = 1)") != std::string::npos);
  d = good;
  d.next[0] = 99;
  CHECK(message_of(d).find("leads to context 99; there are 13") != std::string::npos);
  d = good;
  d.probability[0] = -0.5;
  CHECK(message_of(d).find("-0.5") != std::string::npos);
  d = good;
  d.end_probability[4] = 1.5;
  CHECK(message_of(d).find("row 4 (x = 1, d = 1) sum to") != std::string::npos);
  d = good;
  d.begin[3] = 1000;
  CHECK(!message_of(d).empty());
  d = good;
  d.weight = 0.0;
  CHECK(message_of(d).find("arg-max") != std::string::npos);
  d = good;
  d.rho = 0.0;
  CHECK(!message_of(d).empty());
  d = good;
  d.choice_kind = ChoiceKind::clamped;
  CHECK(message_of(d).find("choice_probability has 0 entries; expected 39") != std::string::npos);
  d.choice_probability.assign(39, 0.25);
  CHECK(message_of(d).find("q of context 0 sums to 0.75") != std::string::npos);
  const Slice slice(good);
  std::vector<double> u(13);
  CHECK_THROWS_AS(slice.apply(std::vector<double>(12), u), QueryError);
  SliceLanes lanes;
  lanes.weight = {-1.0};
  CHECK_THROWS_AS(slice.apply(lanes, std::vector<double>(13), u), ModelError);
}
