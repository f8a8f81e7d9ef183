// The algorithm "gaussian_elimination": graphs with discrete and continuous variables against
// listing the discrete states and conditioning densely for each.

#include "gaussian_reference.hpp"

#include <credo/core/error.hpp>
#include <credo/inference/algorithms.hpp>
#include <credo/inference/infer.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

namespace credo::testing {
namespace {

struct MixedQuestion {
  FactorGraph graph;
  Evidence evidence;
};

/// Three discrete variables in a chain; every continuous variable has up to one discrete and two
/// continuous parents. Roughly a third of the continuous ones are observed.
MixedQuestion random_mixed(std::mt19937_64& random) {
  MixedQuestion question;
  FactorGraph& graph = question.graph;
  graph.add_variable("a", 2);
  graph.add_variable("b", 3);
  graph.add_variable("c", 2);
  const auto weights = [&](std::size_t count) {
    std::vector<double> values;
    for (std::size_t i = 0; i < count; ++i) values.push_back(uniform(random, 0.05, 1.0));
    return values;
  };
  graph.add_factor({0, 1}, weights(6));
  graph.add_factor({1, 2}, weights(6));
  const std::size_t count = 1 + uniform_index(random, 4);
  for (std::size_t k = 0; k < count; ++k) {
    const VariableId v =
        graph.add_continuous_variable("x" + std::to_string(k), 1 + uniform_index(random, 2));
    Scope discrete;
    std::vector<std::size_t> shape;
    if (uniform_index(random, 3) > 0) {
      discrete.push_back(static_cast<VariableId>(uniform_index(random, 3)));
      shape.push_back(graph.cardinality(discrete.front()));
    }
    Scope scope;
    std::size_t parents = 0;
    if (k > 0 && uniform_index(random, 3) > 0) {
      scope.push_back(3 + static_cast<VariableId>(uniform_index(random, k)));
      parents = graph.variable(scope.front()).dimension;
    }
    scope.push_back(v);
    std::vector<std::size_t> dimensions;
    for (const VariableId u : scope) dimensions.push_back(graph.variable(u).dimension);
    std::vector<LinearGaussian> kernels;
    for (std::size_t i = 0; i < (shape.empty() ? 1 : shape.front()); ++i) {
      kernels.push_back(random_kernel(random, parents, dimensions.back(), dimensions.back()));
    }
    graph.add_gaussian_factor(discrete, scope,
                              GaussianTable::conditional(shape, dimensions, std::move(kernels)));
    if (uniform_index(random, 3) == 0) {
      std::vector<double> value;
      for (std::size_t i = 0; i < dimensions.back(); ++i) {
        value.push_back(uniform(random, -2.0, 2.0));
      }
      question.evidence.observe_value(v, value);
    }
  }
  if (uniform_index(random, 3) == 0) question.evidence.observe(0, 1);
  if (uniform_index(random, 3) == 0) question.evidence.allow(1, {0, 2});
  if (uniform_index(random, 3) == 0) question.evidence.observe_likelihood(2, {0.5, 2.0});
  return question;
}

struct ListedState {
  std::vector<std::size_t> states;
  double log_weight = 0.0;
  DensePosterior posterior;
};

Evidence discrete_part(const FactorGraph& graph, const Evidence& evidence) {
  Evidence part = evidence;
  for (const auto& [v, finding] : evidence.findings()) {
    if (graph.variable(v).is_continuous()) part.retract(v);
  }
  return part;
}

Evidence values_part(const FactorGraph& graph, const Evidence& evidence) {
  Evidence part = evidence;
  for (const auto& [v, finding] : evidence.findings()) {
    if (!graph.variable(v).is_continuous()) part.retract(v);
  }
  return part;
}

std::vector<ListedState> list_states(const MixedQuestion& question) {
  const FactorGraph& graph = question.graph;
  FactorGraph discrete;
  for (VariableId v = 0; v < 3; ++v) discrete.add_variable(graph.variable(v));
  for (const Factor& factor : graph.factors()) discrete.add_factor(factor.scope, factor.table);
  std::vector<ListedState> list;
  const Evidence values = values_part(graph, question.evidence);
  const Evidence findings = discrete_part(graph, question.evidence);
  for (std::size_t i = 0; i < 12; ++i) {
    ListedState state;
    state.states = {i / 6, i / 2 % 3, i % 2};
    state.log_weight = discrete.log_weight(state.states);
    for (const auto& [v, finding] : findings.findings()) {
      const std::size_t s = state.states[v];
      if (finding.kind == FindingKind::hard && finding.state != s) state.log_weight = -kInfinity;
      if (finding.kind == FindingKind::allowed && s == 1) state.log_weight = -kInfinity;
      if (finding.kind == FindingKind::likelihood) {
        state.log_weight += std::log(finding.likelihood[s]);
      }
    }
    if (state.log_weight == -kInfinity) continue;
    state.posterior = condition_densely(graph, values, {}, state.states);
    state.log_weight += static_cast<double>(state.posterior.log_z);
    list.push_back(std::move(state));
  }
  return list;
}

double log_total(const std::vector<ListedState>& list) {
  std::vector<double> log_weights;
  for (const ListedState& state : list) log_weights.push_back(state.log_weight);
  return log_sum_exp(log_weights);
}

void check_marginals(const MixedQuestion& question) {
  const std::vector<ListedState> list = list_states(question);
  const double log_z = log_total(list);
  const Result result = infer(question.graph, question.evidence, Query::marginals());
  REQUIRE_MESSAGE(result.ok(), result.message);
  CHECK(result.guarantee == Guarantee::exact);
  CHECK(result.algorithm_used == "gaussian_elimination");
  CHECK(result.log_z == doctest::Approx(log_z).epsilon(1e-11));
  for (VariableId v = 0; v < question.graph.variable_count(); ++v) {
    const Variable& variable = question.graph.variable(v);
    std::vector<double> expected(variable.is_continuous() ? variable.dimension
                                                          : variable.cardinality);
    std::vector<double> second(variable.dimension * variable.dimension);
    for (const ListedState& state : list) {
      const double p = std::exp(state.log_weight - log_z);
      if (!variable.is_continuous()) {
        expected[state.states[v]] += p;
        continue;
      }
      const std::size_t at = state.posterior.offset[v];
      for (std::size_t i = 0; i < variable.dimension; ++i) {
        const auto m = static_cast<double>(state.posterior.mean[at + i]);
        expected[i] += p * m;
        for (std::size_t j = 0; j < variable.dimension; ++j) {
          second[i * variable.dimension + j] +=
              p * (static_cast<double>(state.posterior.covariance(at + i, at + j)) +
                   m * static_cast<double>(state.posterior.mean[at + j]));
        }
      }
    }
    const std::vector<double>& got =
        variable.is_continuous() ? result.gaussian_marginal(v).mean : result.marginal(v);
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      CHECK(std::fabs(got[i] - expected[i]) < 1e-10 * (1.0 + std::fabs(expected[i])));
    }
    for (std::size_t i = 0; i < second.size(); ++i) {
      const double wanted =
          second[i] - expected[i / variable.dimension] * expected[i % variable.dimension];
      CHECK(std::fabs(result.gaussian_marginal(v).covariance[i] - wanted) <
            1e-9 * (1.0 + std::fabs(second[i])));
    }
  }
}

TEST_CASE("gaussian mixed: marginals against listing the discrete states") {
  std::mt19937_64 random(21);
  for (int round = 0; round < 120; ++round) {
    CAPTURE(round);
    check_marginals(random_mixed(random));
  }
}

TEST_CASE("gaussian mixed: moment matching is exact where it says so, and near elsewhere") {
  std::mt19937_64 random(24);
  InferOptions options;
  options.algorithm = "moment_matching";
  int exact = 0;
  for (int round = 0; round < 120; ++round) {
    CAPTURE(round);
    const MixedQuestion question = random_mixed(random);
    const Result matched = infer(question.graph, question.evidence, Query::marginals(), options);
    REQUIRE_MESSAGE(matched.ok(), matched.message);
    const Result listed = infer(question.graph, question.evidence, Query::marginals());
    const bool is_exact = matched.guarantee == Guarantee::exact;
    exact += is_exact ? 1 : 0;
    const double tolerance = is_exact ? 1e-10 : 0.1;
    CHECK(std::fabs(matched.log_z - listed.log_z) < tolerance * (1.0 + std::fabs(listed.log_z)));
    for (VariableId v = 0; v < question.graph.variable_count(); ++v) {
      const bool continuous = question.graph.variable(v).is_continuous();
      const auto& got = continuous ? matched.gaussian_marginal(v).mean : matched.marginal(v);
      const auto& wanted = continuous ? listed.gaussian_marginal(v).mean : listed.marginal(v);
      for (std::size_t i = 0; i < got.size(); ++i) {
        CHECK(std::fabs(got[i] - wanted[i]) < tolerance * (1.0 + std::fabs(wanted[i])));
      }
    }
  }
  // Most of these graphs are so small that no mixture has to be replaced.
  CHECK(exact > 100);
  CHECK(exact < 120);
}

TEST_CASE("gaussian mixed: the most likely assignment takes the mode") {
  std::mt19937_64 random(22);
  for (int round = 0; round < 60; ++round) {
    CAPTURE(round);
    const MixedQuestion question = random_mixed(random);
    const Result result = infer(question.graph, question.evidence, Query::map(2));
    REQUIRE_MESSAGE(result.ok(), result.message);
    // log p~ at the mode, with the evidence's likelihoods.
    std::vector<double> values;
    for (ListedState& state : list_states(question)) {
      std::vector<std::vector<double>> x(question.graph.variable_count());
      state.states.resize(x.size(), 0);
      for (VariableId v = 3; v < x.size(); ++v) {
        for (std::size_t i = 0; i < question.graph.variable(v).dimension; ++i) {
          x[v].push_back(static_cast<double>(state.posterior.mean[state.posterior.offset[v] + i]));
        }
      }
      double value = question.graph.log_weight(state.states, x);
      if (const Finding* soft = question.evidence.find(2)) {
        value += std::log(soft->likelihood[state.states[2]]);
      }
      values.push_back(value);
    }
    std::ranges::sort(values, std::greater<>());
    CHECK(result.assignment().log_value == doctest::Approx(values.front()).epsilon(1e-10));
    if (values.size() > 1) {
      REQUIRE(result.assignments.size() == 2);
      CHECK(result.assignments[1].log_value == doctest::Approx(values[1]).epsilon(1e-10));
    }
    const Assignment& best = result.assignment();
    double value = question.graph.log_weight(best.states, best.values);
    if (const Finding* soft = question.evidence.find(2)) {
      value += std::log(soft->likelihood[best.states[2]]);
    }
    CHECK(value == doctest::Approx(best.log_value).epsilon(1e-10));
  }
}

TEST_CASE("gaussian mixed: samples have the posterior's moments, and the same seed the same bits") {
  std::mt19937_64 random(23);
  const MixedQuestion question = random_mixed(random);
  const Result exact = infer(question.graph, question.evidence, Query::marginals());
  const Result drawn = infer(question.graph, question.evidence, Query::samples(20000, 5));
  REQUIRE(drawn.ok());
  const Result again = infer(question.graph, question.evidence, Query::samples(20000, 5));
  CHECK(drawn.sample_values == again.sample_values);
  for (VariableId v = 3; v < question.graph.variable_count(); ++v) {
    const GaussianMarginal& marginal = exact.gaussian_marginal(v);
    const std::size_t n = marginal.mean.size();
    for (std::size_t i = 0; i < n; ++i) {
      double sum = 0.0;
      double squares = 0.0;
      for (const auto& sample : drawn.sample_values) {
        const double difference = sample[v][i] - marginal.mean[i];
        sum += difference;
        squares += difference * difference;
      }
      const double count = static_cast<double>(drawn.sample_values.size());
      const double variance = marginal.covariance[i * n + i];
      CHECK(std::fabs(sum / count) <= 5.0 * std::sqrt(variance / count));
      CHECK(std::fabs(squares / count - variance) <= 0.1 * variance);
    }
  }
}

TEST_CASE("gaussian mixed: every algorithm for discrete variables says why not") {
  FactorGraph graph;
  const VariableId x = graph.add_continuous_variable("speed");
  graph.add_gaussian_factor({x}, GaussianTable::conditional({}, {1}, {{{}, {1.0}, {4.0}}}));
  for (const Algorithm& algorithm : algorithms()) {
    InferOptions options;
    options.algorithm = algorithm.name;
    const Result result = infer(graph, Query::marginals(), options);
    CAPTURE(algorithm.name);
    CHECK((result.status == Status::refused) == !algorithm.continuous);
    if (algorithm.continuous) continue;
    CHECK(result.message.find("speed is continuous") != std::string::npos);
    CHECK(!algorithm.why_not(graph, {}, Query::marginals(), options).empty());
    CHECK(algorithm.run(graph, {}, Query::marginals(), options).status == Status::refused);
  }
  CHECK_THROWS_AS(CompiledQuery(graph, {}, Query::marginals()), ModelError);
}

TEST_CASE("gaussian mixed: what diverges, contradicts or costs too much is said") {
  FactorGraph flat;
  const VariableId x = flat.add_continuous_variable("x");
  const VariableId y = flat.add_continuous_variable("y");
  flat.add_gaussian_factor({x, y}, GaussianTable::conditional({}, {1, 1}, {{{1.0}, {0.0}, {1.0}}}));
  const Result diverges = infer(flat, Query::marginals());
  CHECK(diverges.status == Status::refused);
  CHECK(diverges.message.find("diverges") != std::string::npos);
  Evidence at_two;
  at_two.observe_value(y, {2.0});
  const Result proper = infer(flat, at_two, Query::marginals());
  REQUIRE_MESSAGE(proper.ok(), proper.message);
  CHECK(proper.gaussian_marginal(x).mean[0] == doctest::Approx(2.0));

  FactorGraph certain;
  const VariableId a = certain.add_continuous_variable("a");
  const VariableId b = certain.add_continuous_variable("b");
  const VariableId c = certain.add_continuous_variable("c");
  certain.add_gaussian_factor({a}, GaussianTable::conditional({}, {1}, {{{}, {0.0}, {1.0}}}));
  const auto copy = GaussianTable::conditional({}, {1, 1}, {{{1.0}, {0.0}, {0.0}}});
  certain.add_gaussian_factor({a, b}, copy);
  certain.add_gaussian_factor({a, c}, copy);
  Evidence evidence;
  evidence.observe_value(b, {1.0});
  evidence.observe_value(c, {2.0});
  const Result impossible = infer(certain, evidence, Query::marginals());
  CHECK(impossible.status == Status::impossible_evidence);
  CHECK(impossible.conflict.size() == 2);
  evidence.observe_value(c, {1.0});
  const Result repeated = infer(certain, evidence, Query::marginals());
  REQUIRE_MESSAGE(repeated.ok(), repeated.message);
  CHECK(repeated.message.find("repeat") != std::string::npos);
  CHECK(repeated.gaussian_marginal(a).mean[0] == doctest::Approx(1.0));
  CHECK(repeated.log_z ==
        doctest::Approx(-0.5 - std::log(2.0 * std::numbers::pi) / 2.0).epsilon(1e-12));
}

TEST_CASE(
    "gaussian mixed: strong elimination over too many joint states is refused, with numbers") {
  FactorGraph graph;
  const auto kernel =
      GaussianTable::conditional({2}, {1, 1}, {{{1.0}, {0.0}, {1.0}}, {{0.5}, {1.0}, {2.0}}});
  VariableId before = graph.add_continuous_variable("x0");
  graph.add_gaussian_factor({before}, GaussianTable::conditional({}, {1}, {{{}, {0.0}, {1.0}}}));
  for (int t = 1; t <= 40; ++t) {
    const VariableId regime = graph.add_variable("regime" + std::to_string(t), 2);
    graph.add_factor({regime}, {0.5, 0.5});
    const VariableId next = graph.add_continuous_variable("x" + std::to_string(t));
    graph.add_gaussian_factor({regime}, {before, next}, kernel);
    before = next;
  }
  InferOptions options;
  options.algorithm = "gaussian_elimination";
  const Result result = infer(graph, Query::marginals(), options);
  CHECK(result.status == Status::refused);
  CHECK(result.message.find("40 discrete variables") != std::string::npos);
  CHECK(result.message.find("1.1e+12 joint states") != std::string::npos);
}

}  // namespace
}  // namespace credo::testing
