#include <credo/core/error.hpp>
#include <credo/models/log_linear.hpp>
#include <credo/models/random.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <vector>

// Gradients against finite differences and against the derivatives of log Z; maxima against the
// frequencies that they must reproduce.

namespace {

using credo::DataTable;
using credo::FactorGraph;
using credo::Guarantee;
using credo::LogLinearModel;
using credo::LogLinearValue;

constexpr std::uint32_t kMissing = DataTable::kMissing;

/// A loop of four variables, two of them with three states.
FactorGraph variables() {
  FactorGraph graph;
  graph.add_variable("a", 2);
  graph.add_variable("b", 3);
  graph.add_variable("c", 2);
  graph.add_variable("d", 3);
  return graph;
}

/// Free pair potentials round the loop, and one parameter that two scopes share.
LogLinearModel loop() {
  FactorGraph base = variables();
  base.add_factor({1}, std::vector<double>{0.2, 1.0, 3.0});
  LogLinearModel model(base);
  for (const credo::Scope& scope : {credo::Scope{0, 1}, {1, 2}, {2, 3}, {3, 0}}) {
    static_cast<void>(model.add_potential(scope));
  }
  const std::size_t shared = model.add_parameter();
  model.add_feature(shared, {0}, {-1.0, 1.0});
  model.add_feature(shared, {2}, {-1.0, 2.0});
  return model;
}

DataTable cases(double missing, std::uint64_t seed) {
  DataTable data(variables());
  credo::Random random(seed);
  for (int r = 0; r < 30; ++r) {
    std::vector<std::uint32_t> row;
    for (const std::size_t states : std::vector<std::size_t>{2, 3, 2, 3}) {
      const auto state = static_cast<std::uint32_t>(random.below(states));
      row.push_back(random.uniform() < missing ? kMissing : state);
    }
    data.add_row(row, 1.0 + r % 2);
  }
  return data;
}

std::vector<double> some_theta(const LogLinearModel& model) {
  credo::Random random(11);
  std::vector<double> theta;
  for (std::size_t k = 0; k < model.parameter_count(); ++k)
    theta.push_back(random.uniform(-1.0, 1.0));
  return theta;
}

}  // namespace

TEST_CASE("log-linear: the gradient is that of finite differences") {
  const LogLinearModel model = loop();
  for (const double missing : {0.0, 0.4}) {
    const DataTable data = cases(missing, 2);
    std::vector<double> theta = some_theta(model);
    const LogLinearValue value = credo::log_likelihood(model, data, theta);
    REQUIRE(value.ok());
    for (std::size_t k = 0; k < theta.size(); ++k) {
      const double step = 1e-5;
      const double here = theta[k];
      theta[k] = here + step;
      const double above = credo::log_likelihood(model, data, theta).log_likelihood;
      theta[k] = here - step;
      const double below = credo::log_likelihood(model, data, theta).log_likelihood;
      theta[k] = here;
      CHECK(std::fabs(value.gradient[k] - (above - below) / (2.0 * step)) < 2e-7);
    }
  }
}

TEST_CASE("log-linear: the gradient of log Z is the sensitivity of its factors") {
  const LogLinearModel model = loop();
  const std::vector<double> theta = some_theta(model);
  const FactorGraph graph = model.graph(theta);
  const credo::Result sensitivity = credo::infer(graph, credo::Query::sensitivity());
  REQUIRE(sensitivity.ok());
  // d log Z / d log f(x) = f(x) d log Z / d f(x).
  std::vector<std::vector<double>> derivatives;
  for (credo::FactorId f = 0; f < graph.factor_count(); ++f) {
    std::vector<double>& table = derivatives.emplace_back();
    for (std::size_t i = 0; i < graph.factor(f).table.size(); ++i) {
      table.push_back(graph.factor(f).table.at(i) * sensitivity.sensitivity[f][i]);
    }
  }
  std::vector<double> expected(theta.size(), 0.0);
  model.add_expectations(derivatives, -1.0, expected);
  // A row without any observation tells nothing, hence one with weight 0 leaves - d log Z / d theta
  // out; a complete one adds its features.
  DataTable data(variables());
  data.add_row(std::vector<std::uint32_t>{0, 0, 0, 0});
  const LogLinearValue value = credo::log_likelihood(model, data, theta);
  std::vector<std::vector<double>> first_entries;
  for (const auto& table : derivatives) {
    first_entries.emplace_back(table.size(), 0.0).front() = 1.0;
  }
  model.add_expectations(first_entries, 1.0, expected);
  for (std::size_t k = 0; k < theta.size(); ++k) {
    CHECK(std::fabs(value.gradient[k] - expected[k]) < 1e-12);
  }
}

TEST_CASE("log-linear: the maximum has the expectations of the data") {
  // Free potentials: the pair marginals are the frequencies.
  LogLinearModel model(variables());
  for (const credo::Scope& scope : {credo::Scope{0, 1}, {1, 2}, {2, 3}}) {
    static_cast<void>(model.add_potential(scope));
  }
  const DataTable data = cases(0.0, 9);
  const credo::LogLinearFit fit = credo::fit(model, data);
  REQUIRE(fit.ok());
  CHECK(fit.guarantee == Guarantee::exact);
  std::vector<double> frequencies(6, 0.0);
  for (std::size_t r = 0; r < data.rows(); ++r) {
    frequencies[data.row(r)[0] * 3 + data.row(r)[1]] += data.weight(r) / data.total_weight();
  }
  const credo::Result joint = credo::infer(model.graph(fit.theta), credo::Query::joint({0, 1}));
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(std::fabs(joint.joints[0].table.at(i) - frequencies[i]) < 1e-8);
  }
}

TEST_CASE("log-linear: a penalty, missing values, no maximum") {
  const LogLinearModel model = loop();
  credo::LogLinearOptions options;
  options.penalty = 0.1;
  const credo::LogLinearFit missing = credo::fit(model, cases(0.3, 12), options);
  REQUIRE(missing.ok());
  CHECK(missing.guarantee == Guarantee::fixed_point);
  CHECK(missing.gradient_norm <= 1e-9);
  // All cases equal: the likelihood rises without end.
  DataTable same(variables());
  same.add_row(std::vector<std::uint32_t>{1, 2, 1, 0}, 5.0);
  options.penalty = 0.0;
  options.minimize.maximum_iterations = 30;
  const credo::LogLinearFit endless = credo::fit(model, same, options);
  CHECK(endless.ok());
  CHECK(endless.log_likelihood > -1e-3);
  options.penalty = 0.1;
  CHECK(credo::fit(model, same, options).guarantee == Guarantee::exact);
}

TEST_CASE("log-linear: wrong input is named") {
  LogLinearModel model(variables());
  CHECK_THROWS_AS(model.add_feature(0, {0}, {0.0, 1.0}), credo::ModelError);
  const std::size_t k = model.add_parameter();
  CHECK_THROWS_AS(model.add_feature(k, {0, 0}, {0.0, 1.0, 0.0, 1.0}), credo::ModelError);
  CHECK_THROWS_AS(model.add_feature(k, {7}, {0.0, 1.0}), credo::ModelError);
  CHECK_THROWS_AS(model.add_feature(k, {0}, {0.0}), credo::ModelError);
  CHECK_THROWS_AS(model.add_feature(k, {0}, {0.0, credo::kInfinity}), credo::ModelError);
  CHECK_THROWS_AS(static_cast<void>(model.graph(std::vector<double>{})), credo::ModelError);
  CHECK_THROWS_AS(static_cast<void>(credo::fit(model, DataTable(variables()))), credo::ModelError);
}
