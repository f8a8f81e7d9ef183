#include <credo/core/error.hpp>
#include <credo/models/hidden_markov_model.hpp>
#include <credo/models/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>

using namespace credo;
using doctest::Approx;

namespace {

/// Russell and Norvig, section 14.2: state 0 = rain, 1 = dry; symbol 0 = umbrella, 1 = none.
HiddenMarkovModel umbrella() {
  return {std::vector{0.5, 0.5}, {{0.7, 0.3}, {0.3, 0.7}}, {{0.9, 0.1}, {0.2, 0.8}}};
}

HiddenMarkovModel::Rows random_rows(Random& random, std::size_t rows, std::size_t columns) {
  HiddenMarkovModel::Rows result(rows, std::vector<double>(columns));
  for (auto& row : result) {
    for (double& p : row) p = random.uniform(0.01, 1.0);
    normalize(row);
  }
  return result;
}

HiddenMarkovModel random_model(std::size_t states, std::size_t symbols, std::uint64_t seed) {
  Random random(seed);
  return {random_rows(random, 1, states)[0], random_rows(random, states, states),
          random_rows(random, states, symbols)};
}

Observations with_gaps(const std::vector<std::size_t>& symbols, std::uint64_t seed) {
  Random random(seed);
  Observations y;
  for (const std::size_t symbol : symbols) {
    y.push_back(random.uniform() < 0.3 ? std::nullopt : std::optional(symbol));
  }
  return y;
}

/// The forward-backward and Viterbi recursions on logarithms, written down plainly.
struct Reference {
  Reference(const HiddenMarkovModel& model, const LogLikelihoods& y) : n(model.state_count()) {
    const std::size_t steps = y.size();
    alpha.assign(steps, std::vector<double>(n));
    beta.assign(steps, std::vector<double>(n, 0.0));
    delta = alpha;
    const auto seen = [&](std::size_t t, std::size_t s) { return y[t].empty() ? 0.0 : y[t][s]; };
    const auto move = [&](std::size_t t, std::size_t i, std::size_t j) {
      return model.transition(t).log_at(i * n + j);
    };
    for (std::size_t t = 0; t < steps; ++t) {
      for (std::size_t j = 0; j < n; ++j) {
        double sum = t == 0 ? model.initial().log_at(j) : -kInfinity;
        double best = sum;
        for (std::size_t i = 0; t > 0 && i < n; ++i) {
          sum = log_add(sum, alpha[t - 1][i] + move(t - 1, i, j));
          best = std::max(best, delta[t - 1][i] + move(t - 1, i, j));
        }
        alpha[t][j] = sum + seen(t, j);
        delta[t][j] = best + seen(t, j);
      }
    }
    for (std::size_t t = steps - 1; t-- > 0;) {
      for (std::size_t i = 0; i < n; ++i) {
        beta[t][i] = -kInfinity;
        for (std::size_t j = 0; j < n; ++j) {
          beta[t][i] = log_add(beta[t][i], move(t, i, j) + seen(t + 1, j) + beta[t + 1][j]);
        }
      }
    }
    log_likelihood = log_sum_exp(alpha.back());
    log_best = *std::ranges::max_element(delta.back());
  }

  [[nodiscard]] std::vector<double> smoothed(std::size_t t) const {
    std::vector<double> logs(n);
    for (std::size_t s = 0; s < n; ++s) logs[s] = alpha[t][s] + beta[t][s];
    return softmax(logs);
  }

  std::size_t n;
  std::vector<std::vector<double>> alpha, beta, delta;
  double log_likelihood;
  double log_best;
};

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::fabs(a[i] - b[i]));
  return largest;
}

double log_joint(const HiddenMarkovModel& model, const LogLikelihoods& y,
                 const std::vector<std::size_t>& path) {
  CompensatedSum sum;
  for (std::size_t t = 0; t < path.size(); ++t) {
    sum.add(t == 0 ? model.initial().log_at(path[0])
                   : model.transition(t - 1).log_at(path[t - 1] * model.state_count() + path[t]));
    if (!y[t].empty()) sum.add(y[t][path[t]]);
  }
  return sum.value();
}

}  // namespace

TEST_CASE("hidden markov model: umbrella world, as in the textbook") {
  const HiddenMarkovModel model = umbrella();
  const Observations y{0, 0};
  const Filtered filtered = model.filter(y);
  REQUIRE(filtered.ok());
  // 0.818 and 0.883 in the book: 9/11, and 0.9 p / (0.9 p + 0.2 (1 - p)) with p = 6.9/11.
  CHECK(filtered.states[0][0] == Approx(9.0 / 11).epsilon(1e-14));
  CHECK(filtered.predicted[1][0] == Approx(6.9 / 11).epsilon(1e-14));
  CHECK(filtered.states[1][0] == Approx(6.21 / 7.03).epsilon(1e-14));
  CHECK(filtered.log_increments[0] == Approx(std::log(0.55)).epsilon(1e-14));
  CHECK(filtered.log_likelihood == Approx(std::log(0.3515)).epsilon(1e-14));
  const Smoothed smoothed = model.smooth(y);
  REQUIRE(smoothed.ok());
  CHECK(smoothed.states[0][0] == Approx(0.883).epsilon(5e-4));
  CHECK(smoothed.states[0][0] == Approx(0.45 * 0.69 / 0.3515).epsilon(1e-14));
  const Decoded decoded = model.viterbi(Observations{0, 0, 1, 0, 0});
  REQUIRE(decoded.ok());
  CHECK(decoded.path == std::vector<std::size_t>{0, 0, 1, 0, 0});
  const Predicted predicted = model.predict(y, 40);
  REQUIRE(predicted.ok());
  CHECK(predicted.states[0][0] == Approx(0.7 * 6.21 / 7.03 + 0.3 * 0.82 / 7.03).epsilon(1e-14));
  CHECK(predicted.states[39][0] == Approx(0.5).epsilon(1e-14));
  CHECK(predicted.observations[39][0] == Approx(0.55).epsilon(1e-14));
}

TEST_CASE("hidden markov model: enumeration gives the same answers") {
  InferOptions enumerate;
  enumerate.algorithm = "enumeration";
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    CAPTURE(seed);
    const HiddenMarkovModel model = random_model(3, 4, seed);
    const Observations y = with_gaps(model.sample(6, seed).observations, seed);
    const Smoothed a = model.smooth_pairs(y);
    const Smoothed b = model.smooth_pairs(y, enumerate);
    REQUIRE(a.ok());
    REQUIRE(b.ok());
    CHECK(a.log_likelihood == Approx(b.log_likelihood).epsilon(1e-13));
    for (std::size_t t = 0; t < 6; ++t) CHECK(distance(a.states[t], b.states[t]) < 1e-14);
    REQUIRE(a.pairs.size() == 5);
    for (std::size_t t = 0; t < 5; ++t) CHECK(distance(a.pairs[t], b.pairs[t]) < 1e-14);
    CHECK(model.viterbi(y).path == model.viterbi(y, enumerate).path);
    CHECK(model.viterbi(y).log_joint ==
          Approx(model.viterbi(y, enumerate).log_joint).epsilon(1e-13));
    const Predicted p = model.predict(y, 2);
    const Predicted q = model.predict(y, 2, enumerate);
    CHECK(distance(p.states[1], q.states[1]) < 1e-14);
    CHECK(distance(p.observations[1], q.observations[1]) < 1e-14);
  }
}

TEST_CASE("hidden markov model: the unrolled network gives the same answers") {
  const HiddenMarkovModel model = random_model(3, 4, 11);
  const Observations y{2, std::nullopt, 0, 3};
  const FactorGraph graph = model.unrolled(4);
  CHECK(graph.is_bayesian_network());
  Evidence evidence;
  for (std::size_t t = 0; t < 4; ++t) {
    if (y[t]) evidence.observe(static_cast<VariableId>(2 * t + 1), *y[t]);
  }
  const Result result = infer(graph, evidence, Query::marginals());
  const Smoothed smoothed = model.smooth(y);
  REQUIRE(result.ok());
  REQUIRE(smoothed.ok());
  CHECK(smoothed.log_likelihood == Approx(result.log_z).epsilon(1e-13));
  for (VariableId t = 0; t < 4; ++t) {
    CHECK(distance(smoothed.states[t], result.marginal(2 * t)) < 1e-14);
  }
  // The unrolled network also predicts the missing observation.
  CHECK(graph.factor(2).table.same_object(graph.factor(4).table));
}

TEST_CASE("hidden markov model: 5000 steps agree with recursions on logarithms") {
  const HiddenMarkovModel model = random_model(8, 5, 3);
  const Observations y = with_gaps(model.sample(5000, 4).observations, 5);
  const LogLikelihoods seen = model.log_likelihoods(y);
  const Reference reference(model, seen);

  const Smoothed smoothed = model.smooth(y);
  REQUIRE(smoothed.ok());
  CHECK(smoothed.log_likelihood == Approx(reference.log_likelihood).epsilon(1e-11));
  double worst = 0.0;
  for (std::size_t t = 0; t < y.size(); ++t) {
    worst = std::max(worst, distance(smoothed.states[t], reference.smoothed(t)));
  }
  CHECK(worst < 1e-10);

  const Filtered filtered = model.filter(y);
  REQUIRE(filtered.ok());
  worst = 0.0;
  CompensatedSum increments;
  for (std::size_t t = 0; t < y.size(); ++t) {
    worst = std::max(worst, distance(filtered.states[t], softmax(reference.alpha[t])));
    increments.add(filtered.log_increments[t]);
  }
  CHECK(worst < 1e-10);
  CHECK(increments.value() == Approx(reference.log_likelihood).epsilon(1e-11));

  const Decoded decoded = model.viterbi(y);
  REQUIRE(decoded.ok());
  CHECK(decoded.log_joint == Approx(reference.log_best).epsilon(1e-11));
  CHECK(log_joint(model, seen, decoded.path) == Approx(reference.log_best).epsilon(1e-11));
}

TEST_CASE("hidden markov model: likelihoods of densities too small for doubles") {
  // Two states of means 0 and 100 seen through Gaussian noise of deviation 1: log densities of
  // -5000 beside 0, and a lag of which every state is below exp(-1e5).
  const HiddenMarkovModel model(Table::dense({2}, {0.5, 0.5}),
                                Table::dense({2, 2}, {0.999, 0.001, 0.001, 0.999}));
  LogLikelihoods y;
  for (const double value : {0.0, 1.0, 100.0, 50.0, 99.0, -500.0, 0.0}) {
    y.push_back({-0.5 * value * value, -0.5 * (value - 100.0) * (value - 100.0)});
  }
  y[3].clear();
  const Reference reference(model, y);
  const Smoothed smoothed = model.smooth(y);
  REQUIRE(smoothed.ok());
  CHECK(smoothed.log_likelihood == Approx(reference.log_likelihood).epsilon(1e-14));
  for (std::size_t t = 0; t < y.size(); ++t) {
    CHECK(distance(smoothed.states[t], reference.smoothed(t)) < 1e-10);
  }
  const Filtered filtered = model.filter(y);
  REQUIRE(filtered.ok());
  for (std::size_t t = 0; t < y.size(); ++t) {
    CHECK(distance(filtered.states[t], softmax(reference.alpha[t])) < 1e-10);
  }
  CHECK(model.viterbi(y).path == std::vector<std::size_t>{0, 0, 1, 1, 1, 0, 0});
  CHECK(model.viterbi(y).log_joint == Approx(reference.log_best).epsilon(1e-14));
}

TEST_CASE("hidden markov model: certain transitions against an unlikely density") {
  // The path is fixed in state 1, whose density is exp(-2000) of the other's: small, not
  // impossible.
  const HiddenMarkovModel model(Table::dense({2}, {0.0, 1.0}), Table::dense({2, 2}, {1, 0, 0, 1}));
  const LogLikelihoods y{{0.0, -2000.0}, {0.0, -3000.0}, {}};
  const Smoothed smoothed = model.smooth(y);
  REQUIRE(smoothed.ok());
  CHECK(smoothed.log_likelihood == Approx(-5000.0).epsilon(1e-15));
  CHECK(smoothed.states[0] == std::vector{0.0, 1.0});
  const Filtered filtered = model.filter(y);
  REQUIRE(filtered.ok());
  CHECK(filtered.log_increments[1] == Approx(-3000.0).epsilon(1e-15));
}

TEST_CASE("hidden markov model: ragged batches equal one by one") {
  const HiddenMarkovModel model = random_model(4, 3, 21);
  std::vector<Observations> sequences;
  for (std::uint64_t i = 0; i < 12; ++i) {
    sequences.push_back(with_gaps(model.sample(3 + i % 4 * 5, i).observations, i));
  }
  sequences.emplace_back();
  sequences.push_back({std::nullopt, std::nullopt, std::nullopt});
  const auto batch = model.smooth_batch(sequences);
  const auto likelihoods = model.likelihood_batch(sequences);
  REQUIRE(batch.size() == sequences.size());
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    CAPTURE(i);
    const Smoothed alone = model.smooth(sequences[i]);
    REQUIRE(alone.ok());
    REQUIRE(batch[i].ok());
    CHECK(batch[i].log_likelihood == Approx(alone.log_likelihood).epsilon(1e-13));
    CHECK(likelihoods[i].log_likelihood == Approx(alone.log_likelihood).epsilon(1e-13));
    REQUIRE(batch[i].states.size() == sequences[i].size());
    for (std::size_t t = 0; t < sequences[i].size(); ++t) {
      CHECK(distance(batch[i].states[t], alone.states[t]) < 1e-14);
    }
  }
  CHECK(likelihoods[12].log_likelihood == Approx(0.0));
  CHECK(likelihoods[13].log_likelihood == Approx(0.0));
}

TEST_CASE("hidden markov model: time-varying transitions") {
  Random random(5);
  HiddenMarkovModel model = random_model(3, 2, 9);
  std::vector<Table> transitions;
  for (int t = 0; t < 4; ++t) {
    std::vector<double> values;
    for (const auto& row : random_rows(random, 3, 3))
      values.insert(values.end(), row.begin(), row.end());
    transitions.push_back(Table::dense({3, 3}, values));
  }
  model.set_transitions(transitions);
  const Observations y{0, 1, 1, 0, 1};
  const Reference reference(model, model.log_likelihoods(y));
  const Smoothed smoothed = model.smooth(y);
  REQUIRE(smoothed.ok());
  CHECK(smoothed.log_likelihood == Approx(reference.log_likelihood).epsilon(1e-14));
  for (std::size_t t = 0; t < 5; ++t) {
    CHECK(distance(smoothed.states[t], reference.smoothed(t)) < 1e-14);
  }
  CHECK_THROWS_AS((void)model.smooth(Observations(6)), ModelError);
}

TEST_CASE("hidden markov model: sparse left-to-right transitions, an impossible sequence") {
  const Table transition =
      Table::sparse({3, 3}, {{0, 0.5}, {1, 0.5}, {4, 0.5}, {5, 0.5}, {8, 1.0}});
  const HiddenMarkovModel model(Table::dense({3}, {1, 0, 0}), transition,
                                Table::dense({3, 3}, {1, 0, 0, 0, 1, 0, 0, 0, 1}));
  const Smoothed possible = model.smooth_pairs(Observations{0, std::nullopt, std::nullopt, 2});
  REQUIRE(possible.ok());
  // Paths 0002 has none; 0012 and 0112, 0122 have 1/8, 1/8, 1/4.
  CHECK(possible.log_likelihood == Approx(std::log(0.5)).epsilon(1e-14));
  CHECK(possible.states[1][0] == Approx(0.25).epsilon(1e-14));
  CHECK(possible.pairs[1][1 * 3 + 2] == Approx(0.5).epsilon(1e-14));
  for (const Observations& y : {Observations{0, 2}, Observations{0, 1, 0}}) {
    const Filtered impossible = model.filter(y);
    CHECK(impossible.status == Status::impossible_evidence);
    CHECK(impossible.log_likelihood == -kInfinity);
    CHECK(model.viterbi(y).status == Status::impossible_evidence);
    CHECK(model.smooth(y).states.empty());
  }
}

TEST_CASE("hidden markov model: samples, prior and posterior") {
  const HiddenMarkovModel model = umbrella();
  const SampledSequence drawn = model.sample(20000, 1);
  CHECK(drawn.states == model.sample(20000, 1).states);
  double stays = 0.0;
  for (std::size_t t = 1; t < 20000; ++t) stays += drawn.states[t] == drawn.states[t - 1];
  CHECK(std::fabs(stays / 19999 - 0.7) < 0.015);
  const Observations y{0, 1, 0};
  const SampledPaths paths = model.sample_paths(y, 20000, 9);
  REQUIRE(paths.ok());
  const Smoothed smoothed = model.smooth(y);
  for (std::size_t t = 0; t < 3; ++t) {
    double rain = 0.0;
    for (const auto& path : paths.paths) rain += path[t] == 0;
    CHECK(std::fabs(rain / 20000 - smoothed.states[t][0]) < 0.016);
  }
}

TEST_CASE("hidden markov model: one time and none") {
  const HiddenMarkovModel model = umbrella();
  CHECK(model.filter(Observations{}).log_likelihood == 0.0);
  CHECK(model.smooth(Observations{}).states.empty());
  const Filtered one = model.filter(Observations{0});
  REQUIRE(one.ok());
  CHECK(one.states[0][0] == Approx(9.0 / 11).epsilon(1e-14));
  CHECK(model.viterbi(Observations{1}).path == std::vector<std::size_t>{1});
  CHECK(model.predict(Observations{}, 1).states[0][0] == Approx(0.5).epsilon(1e-15));
}

TEST_CASE("hidden markov model: wrong input is refused with the time and the shape") {
  const HiddenMarkovModel model = umbrella();
  CHECK_THROWS_WITH_AS((void)model.smooth(Observations{0, 2}),
                       doctest::Contains("time 1: expected 0 to 1, got 2"), EvidenceError);
  CHECK_THROWS_WITH_AS((void)model.smooth(LogLikelihoods{{0.0, 0.0}, {0.0}}),
                       doctest::Contains("time 1: expected 2 log likelihoods, got 1"),
                       EvidenceError);
  CHECK_THROWS_AS((void)model.smooth(LogLikelihoods{{kNaN, 0.0}}), EvidenceError);
  CHECK_THROWS_WITH_AS(
      HiddenMarkovModel(std::vector{0.5, 0.5}, {{0.7, 0.2}, {0.3, 0.7}}, {{1.0}, {1.0}}),
      doctest::Contains("transition"), ModelError);
  CHECK_THROWS_AS(HiddenMarkovModel(std::vector{0.5, 0.5}, {{0.7, 0.3}}, {{1.0}, {1.0}}),
                  ModelError);
  CHECK_THROWS_AS(HiddenMarkovModel(std::vector{0.5, 0.5}, {{0.7, 0.3}, {0.3, 0.7}}, {{1.0}}),
                  ModelError);
}
