// The algorithm "gaussian_belief_propagation" against dense conditioning on trees, against exact
// elimination on grids, and against closed forms on cycles.

#include "gaussian_reference.hpp"

#include <credo/inference/infer.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

namespace credo::testing {
namespace {

constexpr double kLogTwoPi = 1.8378770664093454836;

InferOptions by_messages() {
  InferOptions options;
  options.algorithm = "gaussian_belief_propagation";
  return options;
}

Result exactly(const FactorGraph& graph, const Evidence& evidence, const Query& query) {
  InferOptions options;
  options.algorithm = "gaussian_elimination";
  return infer(graph, evidence, query, options);
}

/// -(x' J x) / 2 + h' x over scalars, J with a unit diagonal and -couplings elsewhere.
struct ScalarModel {
  FactorGraph graph;

  explicit ScalarModel(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      graph.add_continuous_variable("x" + std::to_string(i));
    }
  }
  void pull(VariableId v, double h, double precision = 1.0) {
    graph.add_gaussian_factor({v}, GaussianTable::quadratic({}, {1}, {{{precision}, {h}, 0.0}}));
  }
  void couple(VariableId a, VariableId b, double r) {
    const QuadraticForm form{{0.0, -r, -r, 0.0}, {0.0, 0.0}, 0.0};
    graph.add_gaussian_factor({a, b}, GaussianTable::quadratic({}, {1, 1}, {form}));
  }
};

/// side x side, unit diagonal, couplings drawn from [low, high).
ScalarModel grid(std::size_t side, double low, double high, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  ScalarModel model(side * side);
  const auto at = [side](std::size_t i, std::size_t j) {
    return static_cast<VariableId>(i * side + j);
  };
  for (std::size_t i = 0; i < side; ++i) {
    for (std::size_t j = 0; j < side; ++j) {
      model.pull(at(i, j), uniform(random, -3.0, 3.0));
      if (i > 0) model.couple(at(i - 1, j), at(i, j), uniform(random, low, high));
      if (j > 0) model.couple(at(i, j - 1), at(i, j), uniform(random, low, high));
    }
  }
  return model;
}

/// Four variables in a cycle with one chord, one of the five couplings of opposite sign: walk-sums
/// converge for r < 2 / (1 + sqrt 17) = 0.3904, the model is proper for r < 1/2.
ScalarModel chorded_cycle(double r) {
  ScalarModel model(4);
  for (VariableId v = 0; v < 4; ++v) model.pull(v, 1.0 + v);
  model.couple(0, 1, -r);
  model.couple(0, 2, r);
  model.couple(0, 3, r);
  model.couple(1, 2, r);
  model.couple(2, 3, r);
  return model;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

void check_near(double got, double expected, double tolerance) {
  CHECK_MESSAGE(std::fabs(got - expected) <= tolerance * std::max(1.0, std::fabs(expected)), got,
                " for ", expected);
}

struct TreeQuestion {
  FactorGraph graph;
  Evidence evidence;
};

/// Every variable has one parent or none: components, dimensions 1 to 3, some observed.
TreeQuestion random_tree(std::mt19937_64& random, std::size_t count) {
  TreeQuestion question;
  for (VariableId v = 0; v < count; ++v) {
    const std::size_t dimension = 1 + uniform_index(random, 3);
    question.graph.add_continuous_variable("x" + std::to_string(v), dimension);
    Scope scope;
    std::vector<std::size_t> dimensions;
    if (v > 0 && uniform_index(random, 5) > 0) {
      scope.push_back(static_cast<VariableId>(uniform_index(random, v)));
      dimensions.push_back(question.graph.variable(scope.front()).dimension);
    }
    const std::size_t parents = dimensions.empty() ? 0 : dimensions.front();
    scope.push_back(v);
    dimensions.push_back(dimension);
    question.graph.add_gaussian_factor(
        scope, GaussianTable::conditional({}, dimensions,
                                          {random_kernel(random, parents, dimension, dimension)}));
    if (uniform_index(random, 3) > 0) continue;
    std::vector<double> value(dimension);
    for (double& x : value) x = uniform(random, -2.0, 2.0);
    question.evidence.observe_value(v, value);
  }
  return question;
}

void check_tree(const TreeQuestion& question, const InferOptions& options) {
  const DensePosterior truth = condition_densely(question.graph, question.evidence, {});
  REQUIRE(truth.regular);
  const Result result = infer(question.graph, question.evidence, Query::marginals(), options);
  REQUIRE_MESSAGE(result.ok(), result.message);
  CHECK(result.guarantee == Guarantee::exact);
  check_near(result.log_z, static_cast<double>(truth.log_z), 1e-10);
  std::vector<std::vector<double>> mode;
  for (VariableId v = 0; v < question.graph.variable_count(); ++v) {
    const GaussianMarginal& marginal = result.gaussian_marginal(v);
    const std::size_t n = marginal.mean.size();
    for (std::size_t i = 0; i < n; ++i) {
      check_near(marginal.mean[i], static_cast<double>(truth.mean[truth.offset[v] + i]), 1e-10);
      for (std::size_t j = 0; j < n; ++j) {
        const Real expected = truth.covariance(truth.offset[v] + i, truth.offset[v] + j);
        check_near(marginal.covariance[i * n + j], static_cast<double>(expected), 1e-10);
      }
    }
    mode.push_back(marginal.mean);
  }
  const Result best = infer(question.graph, question.evidence, Query::map(), options);
  REQUIRE(best.ok());
  const std::vector<std::size_t> states(mode.size(), 0);
  check_near(best.assignment().log_value, question.graph.log_weight(states, mode), 1e-10);
  CHECK(best.assignment().values == mode);
}

TEST_CASE("gaussian messages: exact on trees, whatever the schedule") {
  std::mt19937_64 random(31);
  for (int round = 0; round < 100; ++round) {
    CAPTURE(round);
    const TreeQuestion question = random_tree(random, 1 + uniform_index(random, 12));
    InferOptions options = by_messages();
    options.iteration.schedule = static_cast<MessageSchedule>(round % 4);
    check_tree(question, options);
  }
}

TEST_CASE("gaussian messages: covariances of neighbours on trees") {
  std::mt19937_64 random(32);
  for (int round = 0; round < 30; ++round) {
    const TreeQuestion question = random_tree(random, 8);
    const DensePosterior truth = condition_densely(question.graph, question.evidence, {});
    for (const GaussianFactor& factor : question.graph.gaussian_factors()) {
      const Scope& scope = factor.continuous;
      const Result result =
          infer(question.graph, question.evidence, Query::joint(scope), by_messages());
      REQUIRE_MESSAGE(result.ok(), result.message);
      const GaussianMarginal& joint = result.gaussian_joints.front();
      std::vector<std::size_t> rows;
      for (const VariableId v : scope) {
        for (std::size_t i = 0; i < question.graph.variable(v).dimension; ++i) {
          rows.push_back(truth.offset[v] + i);
        }
      }
      for (std::size_t i = 0; i < rows.size(); ++i) {
        for (std::size_t j = 0; j < rows.size(); ++j) {
          check_near(joint.covariance[i * rows.size() + j],
                     static_cast<double>(truth.covariance(rows[i], rows[j])), 1e-10);
        }
      }
    }
  }
}

TEST_CASE("gaussian messages: trees of large blocks") {
  std::mt19937_64 random(34);
  TreeQuestion question;
  for (VariableId v = 0; v < 4; ++v) {
    const std::size_t dimension = v == 1 ? 2 : 5 + v;
    question.graph.add_continuous_variable("x" + std::to_string(v), dimension);
    const std::size_t parents = v == 0 ? 0 : question.graph.variable(v - 1).dimension;
    const Scope scope = v == 0 ? Scope{0} : Scope{v - 1, v};
    const std::vector<std::size_t> dimensions =
        v == 0 ? std::vector<std::size_t>{5} : std::vector<std::size_t>{parents, dimension};
    question.graph.add_gaussian_factor(
        scope, GaussianTable::conditional({}, dimensions,
                                          {random_kernel(random, parents, dimension, dimension)}));
  }
  check_tree(question, by_messages());
  question.evidence.observe_value(1, {0.5, -0.5});
  check_tree(question, by_messages());
  InferOptions exact;
  exact.algorithm = "gaussian_elimination";
  check_tree(question, exact);
}

TEST_CASE("gaussian messages: walk-summable grids have exact means") {
  for (const double low : {0.0, -0.24}) {
    CAPTURE(low);
    const ScalarModel model = grid(12, low, 0.24, 5);
    const Result truth = exactly(model.graph, {}, Query::marginals());
    const Result result = infer(model.graph, {}, Query::marginals(), by_messages());
    REQUIRE_MESSAGE(result.ok(), result.message);
    CHECK(result.guarantee == Guarantee::fixed_point);
    CHECK(result.message.starts_with("walk-summable, rho(|R|) <= 0."));
    CHECK(contains(result.message, "means exact, variances approximate"));
    CHECK(result.residuals.size() == static_cast<std::size_t>(result.iterations));
    CHECK(result.residual <= 1e-9);
    double most = 0.0;
    for (VariableId v = 0; v < model.graph.variable_count(); ++v) {
      check_near(result.gaussian_marginal(v).mean[0], truth.gaussian_marginal(v).mean[0], 1e-8);
      const double missed = 1.0 - result.gaussian_marginal(v).covariance[0] /
                                      truth.gaussian_marginal(v).covariance[0];
      most = std::max(most, std::fabs(missed));
      // Without negative couplings every walk that is missed was positive.
      if (low == 0.0) CHECK(missed > -1e-9);
    }
    CHECK(most > 1e-4);
    CHECK(most < 0.1);
    // The orbits that Bethe's log Z lacks have factors above 1 there.
    if (low == 0.0) CHECK(result.log_z < truth.log_z);
    CHECK(result.log_z_lower == -kInfinity);
    const Result best = infer(model.graph, {}, Query::map(), by_messages());
    const Result mode = exactly(model.graph, {}, Query::map());
    check_near(best.assignment().log_value, mode.assignment().log_value, 1e-12);
  }
}

TEST_CASE("gaussian messages: a cycle has the beliefs of the endless path") {
  // The path that winds around the cycle: cavities c = 1 - r^2 / c, so c = (1 + sqrt(1 - 4 r^2))/2.
  constexpr std::size_t kLength = 6;
  const double r = 0.37;
  ScalarModel model(kLength);
  for (VariableId v = 0; v < kLength; ++v) {
    model.pull(v, 0.0);
    model.couple(v, (v + 1) % kLength, r);
  }
  const double root = std::sqrt(1.0 - 4.0 * r * r);
  const double expected_log_z =
      static_cast<double>(kLength) * (kLogTwoPi - std::log((1.0 + root) / 2.0)) / 2.0;
  for (const MessageSchedule schedule : {MessageSchedule::automatic, MessageSchedule::sequential,
                                         MessageSchedule::parallel, MessageSchedule::residual}) {
    for (const double damping : {0.0, 0.4}) {
      InferOptions options = by_messages();
      options.iteration.schedule = schedule;
      options.iteration.damping = damping;
      options.iteration.tolerance = 1e-13;
      const Result result = infer(model.graph, {}, Query::marginals(), options);
      REQUIRE_MESSAGE(result.ok(), result.message);
      CHECK(result.guarantee == Guarantee::fixed_point);
      check_near(result.log_z, expected_log_z, 1e-12);
      for (VariableId v = 0; v < kLength; ++v) {
        check_near(result.gaussian_marginal(v).covariance[0], 1.0 / root, 1e-11);
        CHECK(result.gaussian_marginal(v).mean[0] == 0.0);
      }
    }
  }
}

TEST_CASE("gaussian messages: beyond walk-summability every answer says so") {
  for (const double r : {0.2, 0.39, 0.3903}) {
    const Result result = infer(chorded_cycle(r).graph, {}, Query::marginals(), by_messages());
    REQUIRE_MESSAGE(result.ok(), result.message);
    CHECK(result.message.starts_with("walk-summable"));
  }
  for (const double r : {0.3905, 0.42}) {
    CAPTURE(r);
    const ScalarModel model = chorded_cycle(r);
    const Result truth = exactly(model.graph, {}, Query::marginals());
    REQUIRE(truth.ok());
    const Result result = infer(model.graph, {}, Query::marginals(), by_messages());
    CHECK(contains(result.message, "not walk-summable, rho(|R|) >= "));
    const auto at = result.message.find(">= ") + 3;
    check_near(std::stod(result.message.substr(at)), r * (1.0 + std::sqrt(17.0)) / 2.0, 1e-3);
    if (!result.ok()) {
      CHECK(contains(result.message, "broke down"));
      continue;
    }
    if (result.guarantee == Guarantee::unconverged) continue;
    for (VariableId v = 0; v < 4; ++v) {
      check_near(result.gaussian_marginal(v).mean[0], truth.gaussian_marginal(v).mean[0], 1e-7);
    }
  }
  const ScalarModel improper = chorded_cycle(0.51);
  const Result refused = infer(improper.graph, {}, Query::marginals(), by_messages());
  CHECK(refused.status == Status::refused);
  CHECK(contains(refused.message, "diverges: the precision is indefinite"));
  CHECK(exactly(improper.graph, {}, Query::marginals()).status == Status::refused);
}

TEST_CASE("gaussian messages: an improper model whose messages would settle is refused") {
  // All pairs of five at r: J is positive definite for 4 r < 1, while the tree of messages, of
  // degree four, stays so until 2 sqrt(3) r = 1.
  for (const double r : {0.24, 0.26, 0.28}) {
    ScalarModel model(5);
    for (VariableId v = 0; v < 5; ++v) {
      model.pull(v, 0.0);
      for (VariableId u = 0; u < v; ++u) model.couple(u, v, r);
    }
    const Result result = infer(model.graph, {}, Query::log_partition(), by_messages());
    CHECK(result.ok() == (r < 0.25));
    if (result.ok()) continue;
    CHECK(result.status == Status::refused);
    CHECK(contains(result.message, "indefinite"));
  }
}

TEST_CASE("gaussian messages: messages that break down are a refusal with its reason") {
  // A frustrated triangle is proper for r < 1; its endless path only for r <= 1/2.
  ScalarModel model(3);
  for (VariableId v = 0; v < 3; ++v) model.pull(v, 1.0);
  model.couple(0, 1, -0.7);
  model.couple(1, 2, -0.7);
  model.couple(0, 2, -0.7);
  REQUIRE(exactly(model.graph, {}, Query::marginals()).ok());
  for (const double damping : {0.0, 0.5}) {
    InferOptions options = by_messages();
    options.iteration.damping = damping;
    const Result result = infer(model.graph, {}, Query::marginals(), options);
    CHECK(result.status == Status::refused);
    CHECK(contains(result.message, "broke down in iteration"));
    CHECK(contains(result.message, "not walk-summable, rho(|R|) >= 1.4"));
    CHECK(result.gaussian_marginals.empty());
  }
}

TEST_CASE("gaussian messages: blocks are measured by spectral norms") {
  // A ring of planes coupled by turns of 45 degrees: every norm is r and rho = 2 r, where the
  // absolute entries alone would give 2 sqrt(2) r > 1.
  constexpr double r = 0.4;
  constexpr VariableId kLength = 5;
  const double c = r * std::numbers::sqrt2 / 2.0;
  FactorGraph graph;
  for (VariableId v = 0; v < kLength; ++v) {
    graph.add_continuous_variable("p" + std::to_string(v), 2);
    graph.add_gaussian_factor(
        {v}, GaussianTable::quadratic({}, {2}, {{{1.0, 0.0, 0.0, 1.0}, {1.0, 0.5 * v}, 0.0}}));
  }
  const std::vector<double> turn{0.0, 0.0, -c,  c,   0.0, 0.0, -c,  -c,
                                 -c,  -c,  0.0, 0.0, c,   -c,  0.0, 0.0};
  for (VariableId v = 0; v < kLength; ++v) {
    graph.add_gaussian_factor(
        {v, (v + 1) % kLength},
        GaussianTable::quadratic({}, {2, 2}, {{turn, {0.0, 0.0, 0.0, 0.0}, 0.0}}));
  }
  const Result truth = exactly(graph, {}, Query::marginals());
  const Result result = infer(graph, {}, Query::marginals(), by_messages());
  REQUIRE_MESSAGE(result.ok(), result.message);
  CHECK(result.message.starts_with("walk-summable, rho(|R|) <= 0.8:"));
  const double variance = 1.0 / std::sqrt(1.0 - 4.0 * r * r);
  for (VariableId v = 0; v < kLength; ++v) {
    for (std::size_t i = 0; i < 2; ++i) {
      check_near(result.gaussian_marginal(v).mean[i], truth.gaussian_marginal(v).mean[i], 1e-8);
    }
    check_near(result.gaussian_marginal(v).covariance[0], variance, 1e-8);
    check_near(result.gaussian_marginal(v).covariance[1], 0.0, 1e-8);
  }
}

TEST_CASE("gaussian messages: kernels of several parents, evidence and observed discrete ones") {
  std::mt19937_64 random(33);
  for (int round = 0; round < 40; ++round) {
    CAPTURE(round);
    FactorGraph graph;
    const VariableId gear = graph.add_variable("gear", 2);
    graph.add_factor({gear}, {0.25, 0.75});
    Scope parents;
    for (int p = 0; p < 3; ++p) {
      parents.push_back(graph.add_continuous_variable("p" + std::to_string(p)));
      graph.add_gaussian_factor(
          {parents.back()}, GaussianTable::conditional({}, {1}, {random_kernel(random, 0, 1, 1)}));
    }
    const VariableId child = graph.add_continuous_variable("child", 2);
    Scope scope = parents;
    scope.push_back(child);
    LinearGaussian low = random_kernel(random, 3, 2, 2);
    LinearGaussian high = random_kernel(random, 3, 2, 2);
    for (double& g : high.gain) g *= 0.1;
    graph.add_gaussian_factor(
        {gear}, scope, GaussianTable::conditional({2}, {1, 1, 1, 2}, {std::move(low), high}));
    Evidence evidence;
    evidence.observe(gear, 1);
    const bool seen = round % 2 == 0;
    if (seen) evidence.observe_value(child, {uniform(random, -1.0, 1.0), 0.5});
    const std::vector<std::size_t> states{1, 0, 0, 0, 0};
    const DensePosterior truth = condition_densely(graph, evidence, {}, states);
    const Result result = infer(graph, evidence, Query::marginals(), by_messages());
    REQUIRE_MESSAGE(result.ok(), result.message);
    CHECK(result.marginal(gear) == std::vector<double>{0.0, 1.0});
    for (const VariableId v : parents) {
      check_near(result.gaussian_marginal(v).mean[0],
                 static_cast<double>(truth.mean[truth.offset[v]]), 1e-7);
    }
    const Result reference = exactly(graph, evidence, Query::log_partition());
    CHECK(std::fabs(result.log_z - reference.log_z) < 0.1);
  }
}

TEST_CASE("gaussian messages: one variable, all observed, apart, and without coupling") {
  FactorGraph graph;
  const VariableId x = graph.add_continuous_variable("x", 2);
  graph.add_gaussian_factor(
      {x}, GaussianTable::conditional({}, {2}, {{{}, {1.0, 2.0}, {2.0, 1.0, 1.0, 3.0}}}));
  const Result one = infer(graph, {}, Query::marginals(), by_messages());
  REQUIRE_MESSAGE(one.ok(), one.message);
  CHECK(one.guarantee == Guarantee::exact);
  check_near(one.log_z, 0.0, 1e-14);
  check_near(one.gaussian_marginal(x).covariance[1], 1.0, 1e-14);
  Evidence all;
  all.observe_value(x, {1.0, 2.0});
  const Result none = infer(graph, all, Query::marginals(), by_messages());
  REQUIRE_MESSAGE(none.ok(), none.message);
  check_near(none.log_z, -kLogTwoPi - std::log(5.0) / 2.0, 1e-14);
  CHECK(none.gaussian_marginal(x).covariance == std::vector<double>(4, 0.0));
  // Four pairs of a cycle without coupling are four variables.
  ScalarModel apart(4);
  for (VariableId v = 0; v < 4; ++v) {
    apart.pull(v, 1.0);
    apart.couple(v, (v + 1) % 4, 0.0);
  }
  const Result result = infer(apart.graph, {}, Query::log_partition(), by_messages());
  CHECK(result.guarantee == Guarantee::exact);
  check_near(result.log_z, 2.0 * kLogTwoPi + 2.0, 1e-14);
  const Result joint = infer(apart.graph, {}, Query::joint({0, 1}), by_messages());
  CHECK(joint.status == Status::refused);
  CHECK(contains(joint.message, "no message passes between x0 and x1"));
}

TEST_CASE("gaussian messages: a chain of 20,000 variables") {
  // x_t = 0.9 x_{t-1} + noise, started in its stationary law and seen at the end alone.
  constexpr std::size_t kLength = 20000;
  FactorGraph graph;
  const double variance = 1.0 / (1.0 - 0.81);
  const auto step = GaussianTable::conditional({}, {1, 1}, {{{0.9}, {0.0}, {1.0}}});
  for (std::size_t t = 0; t < kLength; ++t) {
    const VariableId x = graph.add_continuous_variable("x" + std::to_string(t));
    if (t == 0) {
      graph.add_gaussian_factor({x},
                                GaussianTable::conditional({}, {1}, {{{}, {0.0}, {variance}}}));
    } else {
      graph.add_gaussian_factor({x - 1, x}, step);
    }
  }
  Evidence evidence;
  evidence.observe_value(kLength - 1, {3.0});
  const Result result = infer(graph, evidence, Query::marginals(), by_messages());
  REQUIRE_MESSAGE(result.ok(), result.message);
  CHECK(result.guarantee == Guarantee::exact);
  check_near(result.log_z, -(9.0 / variance + kLogTwoPi + std::log(variance)) / 2.0, 1e-10);
  for (std::size_t back = 1; back < kLength; back *= 3) {
    const auto v = static_cast<VariableId>(kLength - 1 - back);
    const double correlation = std::pow(0.9, static_cast<double>(back));
    check_near(result.gaussian_marginal(v).mean[0], 3.0 * correlation, 1e-12);
    check_near(result.gaussian_marginal(v).covariance[0],
               variance * (1.0 - correlation * correlation), 1e-12);
  }
}

TEST_CASE("gaussian messages: scales from 1e-150 to 1e150 side by side") {
  // The chorded cycle in other units: x_v = u_v y_v.
  const std::vector<double> units{1e-150, 1e-3, 1e150, 7.0};
  const ScalarModel plain = chorded_cycle(0.3);
  ScalarModel scaled(4);
  for (const GaussianFactor& factor : plain.graph.gaussian_factors()) {
    QuadraticForm form = factor.table.forms().front();
    const Scope& scope = factor.continuous;
    for (std::size_t i = 0; i < scope.size(); ++i) {
      form.linear[i] /= units[scope[i]];
      for (std::size_t j = 0; j < scope.size(); ++j) {
        form.precision[i * scope.size() + j] /= units[scope[i]];
        form.precision[i * scope.size() + j] /= units[scope[j]];
      }
    }
    const std::vector<std::size_t> dimensions(scope.size(), 1);
    scaled.graph.add_gaussian_factor(scope, GaussianTable::quadratic({}, dimensions, {form}));
  }
  const Result truth = infer(plain.graph, {}, Query::marginals(), by_messages());
  const Result result = infer(scaled.graph, {}, Query::marginals(), by_messages());
  REQUIRE_MESSAGE(result.ok(), result.message);
  double log_units = 0.0;
  for (VariableId v = 0; v < 4; ++v) {
    log_units += std::log(units[v]);
    check_near(result.gaussian_marginal(v).mean[0] / units[v], truth.gaussian_marginal(v).mean[0],
               1e-8);
    check_near(result.gaussian_marginal(v).covariance[0] / units[v] / units[v],
               truth.gaussian_marginal(v).covariance[0], 1e-8);
  }
  check_near(result.log_z, truth.log_z + log_units, 1e-8);
}

TEST_CASE("gaussian messages: far from the origin means keep their digits") {
  // A ring around 1e8 with deviations of 1e-3.
  ScalarModel model(4);
  const double precision = 1e6;
  for (VariableId v = 0; v < 4; ++v) {
    model.graph.add_gaussian_factor(
        {v}, GaussianTable::conditional({}, {1}, {{{}, {1e8 + v}, {1.0 / precision}}}));
    model.graph.add_gaussian_factor(
        {v, (v + 1) % 4}, GaussianTable::conditional({}, {1, 1}, {{{1.0}, {0.0}, {1e-6}}}));
  }
  const Result truth = exactly(model.graph, {}, Query::marginals());
  const Result result = infer(model.graph, {}, Query::marginals(), by_messages());
  REQUIRE_MESSAGE(result.ok(), result.message);
  CHECK(result.guarantee == Guarantee::fixed_point);
  for (VariableId v = 0; v < 4; ++v) {
    CHECK(std::fabs(result.gaussian_marginal(v).mean[0] - truth.gaussian_marginal(v).mean[0]) <
          1e-7);
  }
}

TEST_CASE("gaussian messages: what it does not answer") {
  FactorGraph graph;
  const VariableId x = graph.add_continuous_variable("x");
  const VariableId y = graph.add_continuous_variable("y");
  graph.add_gaussian_factor({x, y},
                            GaussianTable::conditional({}, {1, 1}, {{{1.0}, {0.0}, {1.0}}}));
  Result result = infer(graph, Query::marginals(), by_messages());
  CHECK(result.status == Status::refused);
  CHECK(
      contains(result.message, "diverges: the factors leave a direction of it without curvature"));
  graph.add_gaussian_factor({x}, GaussianTable::conditional({}, {1}, {{{}, {0.0}, {1.0}}}));
  CHECK(infer(graph, Query::marginals(), by_messages()).ok());
  graph.add_gaussian_factor({y, x},
                            GaussianTable::conditional({}, {1, 1}, {{{1.0}, {0.0}, {0.0}}}));
  result = infer(graph, Query::marginals(), by_messages());
  CHECK(result.status == Status::refused);
  CHECK(contains(result.message, "g2(y, x) has a direction without noise"));

  ScalarModel model = grid(4, 0.0, 0.2, 1);
  const auto reason = [&](const Query& query) {
    const Result refused = infer(model.graph, {}, query, by_messages());
    CHECK(refused.status == Status::refused);
    return refused.message;
  };
  CHECK(contains(reason(Query::samples(3, 1)), "answers pr, mar and map, not sample"));
  CHECK(contains(reason(Query::joint({0, 1, 2})), "not of x0 and 2 other unobserved variables"));
  CHECK(contains(reason(Query::joint({0, 5})), "not of x0 and 1 other unobserved variable"));
  const VariableId coin = model.graph.add_variable("coin", 2);
  CHECK(contains(reason(Query::marginals()), "coin is discrete and unobserved"));
  Evidence evidence;
  evidence.observe(coin, 0);
  CHECK(infer(model.graph, evidence, Query::marginals(), by_messages()).ok());
  model.graph.add_factor({coin}, {0.0, 1.0});
  CHECK(infer(model.graph, evidence, Query::marginals(), by_messages()).status ==
        Status::impossible_evidence);
}

TEST_CASE("gaussian messages: limits, observers and automatic choice") {
  const ScalarModel model = grid(30, 0.0, 0.249, 2);
  InferOptions options = by_messages();
  options.iteration.maximum_iterations = 3;
  Result result = infer(model.graph, {}, Query::marginals(), options);
  CHECK(result.guarantee == Guarantee::unconverged);
  CHECK(contains(result.message, "not converged after 3 iterations"));
  CHECK(result.iterations == 3);
  options = by_messages();
  std::vector<int> offered;
  options.improvement = [&](const Result& better) { offered.push_back(better.iterations); };
  result = infer(model.graph, {}, Query::marginals(), options);
  REQUIRE(result.ok());
  REQUIRE(offered.size() > 2);
  CHECK(offered[2] == 4);
  options.observer = [](const Progress&) { return false; };
  CHECK(infer(model.graph, {}, Query::marginals(), options).status == Status::cancelled);
  options = by_messages();
  options.time_limit_seconds = 0.0;
  CHECK(infer(model.graph, {}, Query::marginals(), options).status == Status::deadline);
  options = InferOptions{};
  CHECK(infer(model.graph, {}, Query::log_partition(), options).algorithm_used ==
        "gaussian_elimination");
  options.memory_limit_bytes = 400e3;
  result = infer(model.graph, {}, Query::log_partition(), options);
  REQUIRE_MESSAGE(result.ok(), result.message);
  CHECK(result.algorithm_used == "gaussian_belief_propagation");
  CHECK(result.guarantee == Guarantee::fixed_point);
  CHECK(contains(result.message, "approximate, walk-summable"));
  CHECK(contains(result.message, "because gaussian_elimination: "));
  options = by_messages();
  options.memory_limit_bytes = 1000.0;
  CHECK(contains(infer(model.graph, {}, Query::log_partition(), options).message,
                 "the memory limit is 1000 bytes"));
}

}  // namespace
}  // namespace credo::testing
