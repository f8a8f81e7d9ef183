// Moment matching: the collapse against mixture moments in long doubles, answers against strong
// elimination, which lists the discrete states, and against what is known by hand.

#include "gaussian_reference.hpp"

#include <credo/inference/algorithms.hpp>
#include <credo/inference/gaussian/moment_collapse.hpp>
#include <credo/inference/infer.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

namespace credo::testing {
namespace {

using gaussian::Collapsed;
using gaussian::WeightedGaussian;

InferOptions by(std::string_view algorithm) {
  InferOptions options;
  options.algorithm = algorithm;
  return options;
}

/// Per mode a kernel of the next state given the one before.
GaussianTable moves(std::mt19937_64& random, std::size_t modes, std::size_t parents,
                    std::size_t child) {
  std::vector<LinearGaussian> kernels;
  for (std::size_t m = 0; m < modes; ++m) {
    kernels.push_back(random_kernel(random, parents, child, child));
  }
  const std::vector<std::size_t> dimensions =
      parents == 0 ? std::vector<std::size_t>{child} : std::vector<std::size_t>{parents, child};
  return GaussianTable::conditional({modes}, dimensions, std::move(kernels));
}

std::vector<double> rows(std::mt19937_64& random, std::size_t count, std::size_t states) {
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<double> row;
    for (std::size_t s = 0; s < states; ++s) row.push_back(uniform(random, 0.1, 1.0));
    normalize(row);
    values.insert(values.end(), row.begin(), row.end());
  }
  return values;
}

struct Chain {
  FactorGraph graph;
  Evidence evidence;
  std::vector<VariableId> modes;
  std::vector<VariableId> states;
};

struct ChainTables {
  Table start;
  Table step;
  GaussianTable first;
  GaussianTable move;
  GaussianTable look;
};

ChainTables random_tables(std::mt19937_64& random, std::size_t modes, std::size_t dimension) {
  return {Table::dense({modes}, rows(random, 1, modes)),
          Table::dense({modes, modes}, rows(random, modes, modes)),
          moves(random, modes, 0, dimension), moves(random, modes, dimension, dimension),
          GaussianTable::conditional({}, {dimension, 1}, {random_kernel(random, dimension, 1, 1)})};
}

/// A Markov chain of modes that choose the moves of a vector, seen with noise.
void add_chain(Chain& chain, const ChainTables& tables, std::mt19937_64& random, std::size_t steps,
               const std::string& suffix = "") {
  FactorGraph& graph = chain.graph;
  for (std::size_t t = 0; t < steps; ++t) {
    const std::string name = std::to_string(t) + suffix;
    const VariableId m = graph.add_variable("m" + name, tables.start.size());
    const VariableId x =
        graph.add_continuous_variable("x" + name, tables.first.dimensions().front());
    const VariableId y = graph.add_continuous_variable("y" + name);
    if (t == 0) graph.add_conditional({m}, m, tables.start);
    if (t > 0) graph.add_conditional({chain.modes.back(), m}, m, tables.step);
    if (t == 0) graph.add_gaussian_factor({m}, {x}, tables.first);
    if (t > 0) graph.add_gaussian_factor({m}, {chain.states.back(), x}, tables.move);
    graph.add_gaussian_factor({x, y}, tables.look);
    chain.evidence.observe_value(y, {uniform(random, -2.0, 2.0)});
    chain.modes.push_back(m);
    chain.states.push_back(x);
  }
}

Chain switching_chain(std::mt19937_64& random, std::size_t steps, std::size_t modes,
                      std::size_t dimension) {
  Chain chain;
  add_chain(chain, random_tables(random, modes, dimension), random, steps);
  return chain;
}

/// The largest differences of discrete marginals, means and covariances.
struct Differences {
  double log_z = 0.0;
  double probability = 0.0;
  double mean = 0.0;
  double covariance = 0.0;
};

Differences compare(const FactorGraph& graph, const Result& a, const Result& b) {
  Differences worst;
  worst.log_z = std::fabs(a.log_z - b.log_z);
  const auto widen = [](double& worst_so_far, const std::vector<double>& x,
                        const std::vector<double>& y) {
    REQUIRE(x.size() == y.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      REQUIRE(std::isfinite(x[i]));
      worst_so_far = std::max(worst_so_far, std::fabs(x[i] - y[i]) / (1.0 + std::fabs(y[i])));
    }
  };
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    if (!graph.variable(v).is_continuous()) {
      widen(worst.probability, a.marginal(v), b.marginal(v));
      continue;
    }
    widen(worst.mean, a.gaussian_marginal(v).mean, b.gaussian_marginal(v).mean);
    widen(worst.covariance, a.gaussian_marginal(v).covariance, b.gaussian_marginal(v).covariance);
  }
  return worst;
}

TEST_CASE("moment matching: a collapse has the mass, mean and covariance of the mixture") {
  std::mt19937_64 random(41);
  for (int round = 0; round < 50; ++round) {
    CAPTURE(round);
    const std::size_t n = 1 + uniform_index(random, 3);
    const double far = round % 2 == 0 ? 0.0 : 1e6;
    const double low = round % 3 == 0 ? -1e4 : 0.0;
    std::vector<WeightedGaussian> mixture(2 + uniform_index(random, 4));
    for (WeightedGaussian& part : mixture) {
      const LinearGaussian kernel = random_kernel(random, 0, n, n);
      part = {low + uniform(random, -3.0, 3.0), kernel.offset, kernel.covariance};
      for (double& x : part.mean) x += far;
    }
    mixture.front().log_weight = -kInfinity;
    const Collapsed collapsed = gaussian::collapse(mixture);
    CHECK(collapsed.components == (mixture.size() == 2 ? 1 : mixture.size() - 1));
    long double mass = 0.0L;
    std::vector<long double> mean(n, 0.0L);
    for (const WeightedGaussian& part : mixture) {
      const long double w = std::exp(static_cast<long double>(part.log_weight) - low);
      mass += w;
      for (std::size_t i = 0; i < n && w > 0; ++i) mean[i] += w * part.mean[i];
    }
    for (long double& m : mean) m /= mass;
    CHECK(collapsed.gaussian.log_weight ==
          doctest::Approx(static_cast<double>(std::log(mass)) + low).epsilon(1e-14));
    for (std::size_t i = 0; i < n; ++i) {
      CHECK(std::fabs(collapsed.gaussian.mean[i] - static_cast<double>(mean[i])) <
            1e-12 * (1.0 + far * 1e-3));
      for (std::size_t j = 0; j < n; ++j) {
        long double sum = 0.0L;
        for (const WeightedGaussian& part : mixture) {
          const long double w = std::exp(static_cast<long double>(part.log_weight) - low) / mass;
          if (!(w > 0)) continue;
          sum += w *
                 (part.covariance[i * n + j] + (part.mean[i] - mean[i]) * (part.mean[j] - mean[j]));
        }
        CHECK(std::fabs(collapsed.gaussian.covariance[i * n + j] - static_cast<double>(sum)) <
              1e-12 * (1.0 + far * 1e-3));
      }
    }
    CHECK(gaussian::collapse_loss_bound(mixture, collapsed.gaussian) >= 0.0);
  }
  CHECK(gaussian::collapse({}).components == 0);
  const std::vector<WeightedGaussian> twice = {{-1.0, {2.0}, {3.0}}, {-2.0, {2.0}, {3.0}}};
  CHECK(gaussian::collapse(twice).components == 1);
  // Two certain points: nothing of the mixture is Gaussian.
  const std::vector<WeightedGaussian> points = {{0.0, {-1.0}, {0.0}}, {0.0, {1.0}, {0.0}}};
  const Collapsed wide = gaussian::collapse(points);
  CHECK(wide.gaussian.covariance.front() == 1.0);
  CHECK(gaussian::collapse_loss_bound(points, wide.gaussian) == kInfinity);
}

/// Both algorithms agree up to rounding, and moment matching knows it.
void check_exact(const FactorGraph& graph, const Evidence& evidence,
                 const InferOptions& options = by("moment_matching")) {
  const Result matched = infer(graph, evidence, Query::marginals(), options);
  const Result exact = infer(graph, evidence, Query::marginals(), by("gaussian_elimination"));
  REQUIRE_MESSAGE(matched.ok(), matched.message);
  REQUIRE_MESSAGE(exact.ok(), exact.message);
  CHECK_MESSAGE(matched.guarantee == Guarantee::exact, matched.message);
  CHECK(matched.log_z_lower == matched.log_z);
  const Differences worst = compare(graph, matched, exact);
  CHECK(worst.log_z < 1e-10 * (1.0 + std::fabs(exact.log_z)));
  CHECK(worst.probability < 1e-10);
  CHECK(worst.mean < 1e-10);
  CHECK(worst.covariance < 1e-9);
}

TEST_CASE("moment matching: exact where no mixture is replaced") {
  std::mt19937_64 random(42);
  for (int round = 0; round < 20; ++round) {
    CAPTURE(round);
    // States before modes: all modes are summed with nothing continuous left.
    const std::size_t dimension = 1 + uniform_index(random, 2);
    const Chain chain = switching_chain(random, 1 + uniform_index(random, 4), 3, dimension);
    InferOptions options = by("moment_matching");
    for (const VariableId x : chain.states) options.plan.order.push_back(x);
    check_exact(chain.graph, chain.evidence, options);
    // One mode; and modes that follow from the one before, with some findings.
    const Chain single = switching_chain(random, 12, 1, dimension);
    check_exact(single.graph, single.evidence);
    ChainTables tables = random_tables(random, 3, dimension);
    tables.step = Table::dense({3, 3}, {0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0});
    Chain turning;
    add_chain(turning, tables, random, 8);
    if (round % 2 == 0) turning.evidence.observe_likelihood(turning.modes[3], {0.2, 1.0, 3.0});
    if (round % 3 == 0) turning.evidence.allow(turning.modes[5], {0, 2});
    check_exact(turning.graph, turning.evidence);
  }
}

TEST_CASE("moment matching: certain kernels and parts that do not hang together") {
  std::mt19937_64 random(43);
  ChainTables tables = random_tables(random, 2, 2);
  // Position and speed: noise enters the speed alone, and in one mode nothing does.
  tables.move =
      GaussianTable::conditional({2}, {2, 2},
                                 {{{1.0, 0.5, 0.0, 1.0}, {0.0, 0.0}, {0.0, 0.0, 0.0, 0.3}},
                                  {{1.0, 0.5, 0.0, 0.8}, {0.0, 0.1}, {0.0, 0.0, 0.0, 0.0}}});
  Chain chain;
  add_chain(chain, tables, random, 4);
  add_chain(chain, random_tables(random, 2, 1), random, 2, "other");
  chain.graph.add_variable("alone", 3);
  const VariableId apart = chain.graph.add_continuous_variable("apart", 2);
  chain.graph.add_gaussian_factor(
      {apart}, GaussianTable::conditional({}, {2}, {random_kernel(random, 0, 2, 1)}));
  InferOptions options = by("moment_matching");
  options.plan.order = chain.states;
  check_exact(chain.graph, chain.evidence, options);
  const Result matched =
      infer(chain.graph, chain.evidence, Query::marginals(), by("moment_matching"));
  const Result exact = infer(chain.graph, chain.evidence, Query::marginals());
  REQUIRE_MESSAGE(matched.ok(), matched.message);
  CHECK(matched.guarantee == Guarantee::none);
  CHECK(exact.algorithm_used == "gaussian_elimination");
  // A few collapses of two modes that share most of their moves.
  const Differences worst = compare(chain.graph, matched, exact);
  CHECK(worst.log_z < 0.015);
  CHECK(worst.probability < 0.01);
  CHECK(worst.mean < 0.03);
}

TEST_CASE("moment matching: quadratic factors ground what no kernel does") {
  std::mt19937_64 random(44);
  FactorGraph graph;
  const VariableId m = graph.add_variable("m", 2);
  graph.add_factor({m}, {0.4, 1.7});
  std::vector<VariableId> x;
  for (int i = 0; i < 3; ++i) {
    x.push_back(graph.add_continuous_variable("x" + std::to_string(i), 1));
  }
  const auto pull = [&](double weight) {
    return QuadraticForm{{1.0, -weight, -weight, 1.0 + weight * weight},
                         {uniform(random, -1.0, 1.0), uniform(random, -1.0, 1.0)},
                         uniform(random, -1.0, 1.0)};
  };
  graph.add_gaussian_factor({m}, {x[0], x[1]},
                            GaussianTable::quadratic({2}, {1, 1}, {pull(0.5), pull(0.9)}));
  graph.add_gaussian_factor({x[1], x[2]}, GaussianTable::quadratic({}, {1, 1}, {pull(-0.7)}));
  graph.add_gaussian_factor({x[2], x[0]}, GaussianTable::quadratic({}, {1, 1}, {pull(0.2)}));
  check_exact(graph, {});
  Evidence evidence;
  evidence.observe_value(x[1], {0.7});
  check_exact(graph, evidence);

  FactorGraph outweighed = graph;
  outweighed.add_gaussian_factor({x[0]}, GaussianTable::quadratic({}, {1}, {{{-9.0}, {0.0}, 0.0}}));
  const Result diverges = infer(outweighed, {}, Query::log_partition(), by("moment_matching"));
  CHECK(diverges.status == Status::refused);
  CHECK(diverges.message.find("diverges: g3(x0)") != std::string::npos);
  const VariableId flat = graph.add_continuous_variable("flat");
  graph.add_gaussian_factor({flat, x[0]},
                            GaussianTable::conditional({}, {1, 1}, {{{1.0}, {0.0}, {1.0}}}));
  const Result improper = infer(graph, {}, Query::log_partition(), by("moment_matching"));
  CHECK(improper.status == Status::refused);
  CHECK(improper.message.find("flat has no proper distribution") != std::string::npos);
}

TEST_CASE("moment matching: twelve steps against all 4096 sequences of modes") {
  // Modes are drawn apart (gains and offsets in [-1, 1], noise of the same size): mixtures lose up
  // to half a nat. The bounds are a quarter above the worst of these six chains.
  std::mt19937_64 random(43);
  for (std::size_t round = 0; round < 6; ++round) {
    CAPTURE(round);
    const Chain chain = switching_chain(random, 12, 2, 1 + round % 2);
    const Result matched =
        infer(chain.graph, chain.evidence, Query::marginals(), by("moment_matching"));
    REQUIRE_MESSAGE(matched.ok(), matched.message);
    CHECK(matched.guarantee == Guarantee::none);
    CHECK(matched.message.find("mixtures of up to 2 Gaussians replaced") != std::string::npos);
    const Result exact = infer(chain.graph, chain.evidence, Query::marginals());
    REQUIRE(exact.guarantee == Guarantee::exact);
    const Differences worst = compare(chain.graph, matched, exact);
    CHECK(worst.log_z < 0.05);
    CHECK(worst.probability < 0.011);
    CHECK(worst.mean < 0.14);
    CHECK(worst.covariance < 0.2);
  }
}

TEST_CASE("moment matching: the error falls with the cube of the distance between modes") {
  // Mean and covariance of the mixture are kept, so that its third moment is the first lost.
  const auto error = [](double apart) {
    std::mt19937_64 random(45);
    ChainTables tables = random_tables(random, 2, 1);
    const auto move = [&](double shift) { return LinearGaussian{{0.8}, {shift}, {0.5}}; };
    const LinearGaussian same{{}, {0.0}, {1.0}};
    tables.first = GaussianTable::conditional({2}, {1}, {same, same});
    tables.move = GaussianTable::conditional({2}, {1, 1}, {move(-apart), move(2.0 * apart)});
    Chain chain;
    add_chain(chain, tables, random, 8);
    const Result matched =
        infer(chain.graph, chain.evidence, Query::marginals(), by("moment_matching"));
    const Result exact = infer(chain.graph, chain.evidence, Query::marginals());
    return compare(chain.graph, matched, exact);
  };
  // 64 times less at a quarter of the distance; terms of higher order leave some of it. log Z,
  // where they nearly cancel at the larger distance, is only checked to be small.
  const Differences far = error(0.4);
  const Differences near = error(0.1);
  CHECK(near.log_z < 1e-5);
  CHECK(near.probability < far.probability / 30.0);
  CHECK(near.mean < far.mean / 30.0);
  CHECK(near.log_z > 0.0);
}

TEST_CASE("moment matching: many outliers of one unknown") {
  std::mt19937_64 random(46);
  FactorGraph graph;
  Evidence evidence;
  const VariableId x = graph.add_continuous_variable("x");
  graph.add_gaussian_factor({x}, GaussianTable::conditional({}, {1}, {{{}, {0.0}, {4.0}}}));
  const GaussianTable look =
      GaussianTable::conditional({2}, {1, 1}, {{{1.0}, {0.0}, {0.25}}, {{0.0}, {0.0}, {25.0}}});
  const auto add = [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::string name = std::to_string(graph.variable_count());
      const VariableId outlier = graph.add_variable("o" + name, 2);
      const VariableId y = graph.add_continuous_variable("y" + name);
      graph.add_factor({outlier}, {0.9, 0.1});
      graph.add_gaussian_factor({outlier}, {x, y}, look);
      evidence.observe_value(y, {uniform_index(random, 5) == 0 ? uniform(random, -9.0, 9.0)
                                                               : 1.0 + uniform(random, -0.8, 0.8)});
    }
  };
  add(10);
  const Result few = infer(graph, evidence, Query::marginals(), by("moment_matching"));
  const Result exact = infer(graph, evidence, Query::marginals());
  REQUIRE_MESSAGE(few.ok(), few.message);
  REQUIRE(exact.guarantee == Guarantee::exact);
  const Differences worst = compare(graph, few, exact);
  // Looks are taken in one after another: the first mixtures, of the narrow and the wide, are far
  // from Gaussian, and what they lose goes to log Z (0.19 here); later looks mend the posterior.
  CHECK(worst.log_z < 0.25);
  CHECK(worst.probability < 1e-3);
  CHECK(worst.mean < 5e-3);
  CHECK(worst.covariance < 5e-3);
  add(50);
  const Result many = infer(graph, evidence, Query::marginals());
  REQUIRE_MESSAGE(many.ok(), many.message);
  CHECK(many.algorithm_used == "moment_matching");
  CHECK(many.guarantee == Guarantee::none);
  CHECK(many.message.find("because gaussian_elimination") != std::string::npos);
  CHECK(std::fabs(many.gaussian_marginal(x).mean[0] - 1.0) < 0.2);
}

TEST_CASE("moment matching: impossible evidence, and what is only far away") {
  std::mt19937_64 random(47);
  ChainTables tables = random_tables(random, 2, 1);
  tables.step = Table::dense({2, 2}, {1.0, 0.0, 0.0, 1.0});
  Chain chain;
  add_chain(chain, tables, random, 6);
  Evidence evidence = chain.evidence;
  evidence.observe(chain.modes[1], 0);
  evidence.observe(chain.modes[4], 1);
  const Result impossible = infer(chain.graph, evidence, Query::marginals(), by("moment_matching"));
  CHECK(impossible.status == Status::impossible_evidence);
  CHECK(impossible.log_z == -kInfinity);
  CHECK(impossible.conflict.size() == 2);

  FactorGraph certain;
  const VariableId m = certain.add_variable("m", 2);
  certain.add_factor({m}, {0.5, 0.5});
  const VariableId x = certain.add_continuous_variable("x");
  const VariableId y = certain.add_continuous_variable("y");
  certain.add_gaussian_factor(
      {m}, {x}, GaussianTable::conditional({2}, {1}, {{{}, {1.0}, {0.0}}, {{}, {2.0}, {0.0}}}));
  certain.add_gaussian_factor({x, y},
                              GaussianTable::conditional({}, {1, 1}, {{{1.0}, {0.0}, {0.0}}}));
  Evidence third;
  third.observe_value(y, {3.0});
  CHECK(infer(certain, third, Query::marginals(), by("moment_matching")).status ==
        Status::impossible_evidence);
  third.observe_value(y, {2.0});
  const Result second = infer(certain, third, Query::marginals(), by("moment_matching"));
  REQUIRE_MESSAGE(second.ok(), second.message);
  CHECK(second.marginal(m)[1] == 1.0);
  CHECK(second.log_z == doctest::Approx(std::log(0.5)).epsilon(1e-14));

  // A thousand steps, each a thousand standard deviations from what any mode says.
  const Chain far = switching_chain(random, 1000, 2, 1);
  Evidence wild;
  for (const auto& [v, finding] : far.evidence.findings()) {
    wild.observe_value(v, {v % 2 == 0 ? 1e3 : -1e3});
  }
  const Result small = infer(far.graph, wild, Query::marginals(), by("moment_matching"));
  REQUIRE_MESSAGE(small.ok(), small.message);
  CHECK(small.log_z < -1e6);
  for (const VariableId v : far.modes) {
    CHECK(small.marginal(v)[0] + small.marginal(v)[1] == doctest::Approx(1.0).epsilon(1e-12));
  }
}

TEST_CASE("moment matching: certain observations, and components of next to no weight") {
  // Two certain looks at x leave nothing open: a third that differs is impossible, not unlikely.
  FactorGraph graph;
  const VariableId m = graph.add_variable("m", 2);
  graph.add_factor({m}, {0.5, 0.5});
  const VariableId x = graph.add_continuous_variable("x", 2);
  const VariableId y = graph.add_continuous_variable("y", 2);
  const VariableId z = graph.add_continuous_variable("z");
  graph.add_gaussian_factor({m}, {x},
                            GaussianTable::conditional({2}, {2},
                                                       {{{}, {0.3, 0.1}, {1.1, 0.3, 0.3, 0.7}},
                                                        {{}, {0.1, 0.7}, {0.9, 0.2, 0.2, 1.3}}}));
  graph.add_gaussian_factor(
      {x, y}, GaussianTable::conditional(
                  {}, {2, 2}, {{{0.3, -0.7, 1.1, 0.9}, {0.1, 0.2}, {0.0, 0.0, 0.0, 0.0}}}));
  graph.add_gaussian_factor({x, z},
                            GaussianTable::conditional({}, {2, 1}, {{{1.3, 0.7}, {0.4}, {0.0}}}));
  Evidence evidence;
  evidence.observe_value(y, {0.1 - 0.4, 0.2 + 2.0});  // x = (1, 1)
  evidence.observe_value(z, {2.5});
  CHECK(infer(graph, evidence, Query::marginals(), by("moment_matching")).status ==
        Status::impossible_evidence);
  // One that agrees says nothing new.
  evidence.observe_value(z, {2.4});
  const Result repeated = infer(graph, evidence, Query::marginals(), by("moment_matching"));
  REQUIRE_MESSAGE(repeated.ok(), repeated.message);
  CHECK(repeated.gaussian_marginal(x).mean[0] == doctest::Approx(1.0).epsilon(1e-12));
  evidence.retract(z);
  check_exact(graph, evidence);

  // One mode is certain of x, the other next to impossible: what is left of it must not come back.
  FactorGraph lone;
  const VariableId mode = lone.add_variable("mode", 2);
  lone.add_factor({mode}, Table::dense({2}, {-110.0, 0.0}, Domain::log));
  const VariableId place = lone.add_continuous_variable("place");
  const VariableId next = lone.add_continuous_variable("next");
  lone.add_gaussian_factor(
      {mode}, {place},
      GaussianTable::conditional({2}, {1}, {{{}, {5.0}, {0.02}}, {{}, {0.7}, {0.0}}}));
  lone.add_gaussian_factor({place, next},
                           GaussianTable::conditional({}, {1, 1}, {{{0.9}, {0.1}, {0.5}}}));
  Evidence seen;
  seen.observe_value(next, {0.4});
  InferOptions options = by("moment_matching");
  options.plan.order = {mode, place};
  const Result result = infer(lone, seen, Query::marginals(), options);
  REQUIRE_MESSAGE(result.ok(), result.message);
  CHECK(result.marginal(mode)[1] == doctest::Approx(1.0).epsilon(1e-12));
  CHECK(result.gaussian_marginal(place).mean[0] == doctest::Approx(0.7).epsilon(1e-12));
}

TEST_CASE("moment matching: joints, refusals, budgets") {
  std::mt19937_64 random(48);
  const Chain chain = switching_chain(random, 3, 2, 2);
  InferOptions options = by("moment_matching");
  options.plan.order = chain.states;
  Query query = Query::joint({chain.modes[2], chain.modes[0]});
  query.joints.push_back({chain.states[2], chain.states[0]});
  const Result matched = infer(chain.graph, chain.evidence, query, options);
  const Result exact = infer(chain.graph, chain.evidence, query, by("gaussian_elimination"));
  REQUIRE_MESSAGE(matched.ok(), matched.message);
  REQUIRE(matched.joints.size() == 1);
  REQUIRE(matched.gaussian_joints.size() == 1);
  for (std::uint64_t i = 0; i < 4; ++i) {
    CHECK(std::fabs(matched.joints[0].table.at(i) - exact.joints[0].table.at(i)) < 1e-10);
  }
  for (std::size_t i = 0; i < 16; ++i) {
    CHECK(std::fabs(matched.gaussian_joints[0].covariance[i] -
                    exact.gaussian_joints[0].covariance[i]) < 1e-9);
  }
  const auto refusal = [&](const Query& asked, const InferOptions& how) {
    const Result result = infer(chain.graph, chain.evidence, asked, how);
    CHECK(result.status == Status::refused);
    CHECK(!require_algorithm("moment_matching")
               .why_not(chain.graph, chain.evidence, asked, how)
               .empty());
    return result.message;
  };
  CHECK(refusal(Query::map(), options).find("highest points") != std::string::npos);
  CHECK(refusal(Query::samples(1, 1), options).find("not sample") != std::string::npos);
  query.joints = {{chain.modes[0], chain.states[0]}};
  CHECK(refusal(query, options).find("one is continuous") != std::string::npos);
  options.memory_limit_bytes = 500.0;
  CHECK(refusal(Query::marginals(), options).find("the memory limit is 500 bytes") !=
        std::string::npos);
  options = by("moment_matching");
  options.time_limit_seconds = 0.0;
  CHECK(infer(chain.graph, chain.evidence, Query::marginals(), options).status == Status::deadline);
}

TEST_CASE("moment matching: a chain of 20000 steps") {
#ifdef CREDO_SANITIZED
  constexpr std::size_t kSteps = 1000;
#else
  constexpr std::size_t kSteps = 20000;
#endif
  std::mt19937_64 random(49);
  const Chain chain = switching_chain(random, kSteps, 2, 1);
  const Result result = infer(chain.graph, chain.evidence, Query::marginals());
  REQUIRE_MESSAGE(result.ok(), result.message);
  CHECK(result.algorithm_used == "moment_matching");
  CHECK(result.guarantee == Guarantee::none);
  CHECK(result.plan.operations > 0.0);
  CHECK(result.plan.peak_bytes < 1e8);
  for (const VariableId x : chain.states) {
    REQUIRE(result.gaussian_marginal(x).covariance.front() > 0.0);
  }
}

}  // namespace
}  // namespace credo::testing
