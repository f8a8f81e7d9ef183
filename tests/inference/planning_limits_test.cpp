// Limits of planning: every symbolic phase can be stopped from within, an order that cannot be
// found or cannot be of use is refused with its reason, and hubs and long chains cost what their
// size says.

#include "oracle.hpp"
#include "random_models.hpp"

#include <credo/core/error.hpp>
#include <credo/inference/contraction/prepared.hpp>
#include <credo/inference/elimination_order.hpp>
#include <credo/inference/interaction_graph.hpp>
#include <credo/inference/width_bound.hpp>
#include <credo/inference/zero_propagation.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

using namespace credo;
using namespace credo::testing;

namespace {

FactorGraph pairwise_model(std::size_t variables, std::size_t states,
                           const std::vector<Scope>& pairs) {
  FactorGraph graph;
  for (std::size_t v = 0; v < variables; ++v) {
    graph.add_variable("x" + std::to_string(v), states);
  }
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> entry(0.2, 1.0);
  std::vector<double> values(states * states);
  for (double& value : values) value = entry(random);
  const Table table = Table::dense({states, states}, values);
  for (const Scope& pair : pairs) graph.add_factor(pair, table);
  return graph;
}

std::vector<Scope> star_edges(VariableId leaves) {
  std::vector<Scope> edges;
  for (VariableId leaf = 1; leaf <= leaves; ++leaf) edges.push_back({0, leaf});
  return edges;
}

std::vector<Scope> chain_edges(VariableId variables) {
  std::vector<Scope> edges;
  for (VariableId v = 0; v + 1 < variables; ++v) edges.push_back({v, v + 1});
  return edges;
}

std::vector<Scope> clique_edges(VariableId variables) {
  std::vector<Scope> edges;
  for (VariableId a = 0; a < variables; ++a) {
    for (VariableId b = a + 1; b < variables; ++b) edges.push_back({a, b});
  }
  return edges;
}

std::vector<Scope> grid_edges(VariableId side) {
  std::vector<Scope> edges;
  for (VariableId r = 0; r < side; ++r) {
    for (VariableId c = 0; c < side; ++c) {
      if (c + 1 < side) edges.push_back({r * side + c, r * side + c + 1});
      if (r + 1 < side) edges.push_back({r * side + c, (r + 1) * side + c});
    }
  }
  return edges;
}

OrderProblem order_problem(std::vector<double> log2_cardinality, std::vector<Scope> scopes) {
  OrderProblem problem;
  problem.group.assign(log2_cardinality.size(), 0);
  problem.variables.resize(log2_cardinality.size());
  std::iota(problem.variables.begin(), problem.variables.end(), VariableId{0});
  problem.log2_cardinality = std::move(log2_cardinality);
  problem.scopes = std::move(scopes);
  return problem;
}

/// The widest step of one order.
double widest_step(const OrderProblem& problem, const std::vector<VariableId>& order) {
  std::vector<std::vector<char>> edge(order.size(), std::vector<char>(order.size(), 0));
  for (const Scope& scope : problem.scopes) {
    for (const VariableId a : scope) {
      for (const VariableId b : scope) edge[a][b] = a != b;
    }
  }
  std::vector<char> there(order.size(), 1);
  double widest = 0.0;
  for (const VariableId v : order) {
    there[v] = 0;
    std::vector<VariableId> around;
    double states = problem.log2_cardinality[v];
    for (VariableId u = 0; u < order.size(); ++u) {
      if (!there[u] || !edge[v][u]) continue;
      around.push_back(u);
      states += problem.log2_cardinality[u];
    }
    for (const VariableId a : around) {
      for (const VariableId b : around) edge[a][b] = a != b;
    }
    widest = std::max(widest, states);
  }
  return widest;
}

/// The narrowest widest step of all orders, by trying them all.
double best_width(const OrderProblem& problem) {
  std::vector<VariableId> order = problem.variables;
  double best = std::numeric_limits<double>::infinity();
  do {
    best = std::min(best, widest_step(problem, order));
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}

double lower_bound(const OrderProblem& problem) {
  Pace pace;
  return widest_step_at_least(problem, InteractionGraph(problem, pace), 1e9, pace);
}

/// Lets the question be asked so many times, then says no; counts all that were asked.
struct Countdown {
  int allowed;
  int asked = 0;
  bool operator()() { return ++asked <= allowed; }
};

}  // namespace

TEST_CASE("planning limits: the lower bound never exceeds the best of all orders") {
  std::mt19937_64 random(11);
  for (int round = 0; round < 60; ++round) {
    const std::size_t count = 3 + random() % 5;
    std::vector<double> weights;
    for (std::size_t v = 0; v < count; ++v) {
      weights.push_back(round % 2 == 0 ? 1.0 : std::log2(static_cast<double>(1 + random() % 6)));
    }
    std::vector<Scope> scopes;
    for (VariableId a = 0; a < count; ++a) {
      for (VariableId b = a + 1; b < count; ++b) {
        if (random() % 100 < 30 + static_cast<unsigned>(round)) scopes.push_back({a, b});
      }
    }
    const OrderProblem problem = order_problem(weights, scopes);
    const double bound = lower_bound(problem);
    CHECK(bound <= best_width(problem) + 1e-9);
    CHECK(bound >= 0.0);
  }
}

TEST_CASE("planning limits: the lower bound is tight on cliques, trees and cycles") {
  const auto unit = [](std::size_t count) { return std::vector<double>(count, 1.0); };
  CHECK(lower_bound(order_problem(unit(12), clique_edges(12))) == doctest::Approx(12.0));
  CHECK(lower_bound(order_problem(unit(12), chain_edges(12))) == doctest::Approx(2.0));
  std::vector<Scope> cycle = chain_edges(12);
  cycle.push_back({0, 11});
  CHECK(lower_bound(order_problem(unit(12), cycle)) == doctest::Approx(3.0));
  CHECK(fewest_variables(order_problem({1.0, 3.0, 2.0}, {}), 4.0) == 2);
}

TEST_CASE("planning limits: a search asks every few milliseconds and stops where it is told") {
  // One elimination of the first clique takes more steps than lie between two questions.
  for (const OrderProblem& problem :
       {order_problem(std::vector<double>(900, 1.0), clique_edges(900)),
        order_problem(std::vector<double>(2500, 1.0), grid_edges(50))}) {
    PlanOptions options;
    options.restarts = 1;
    for (const int allowed : {0, 1, 3, 10}) {
      Countdown countdown{allowed};
      const OrderCandidate found = search_order(problem, options, [&] { return countdown(); });
      CHECK(found.order.empty());
      CHECK(found.end == SearchEnd::stopped);
      CHECK(countdown.asked == allowed + 1);
    }
  }
}

TEST_CASE("planning limits: every phase of a preparation can be the last one") {
  const FactorGraph graph = pairwise_model(3000, 2, chain_edges(3000));
  Evidence evidence;
  evidence.observe(5, 1);
  for (const Query& query : {Query::log_partition(), Query::marginals(), Query::map()}) {
    InferOptions options;
    options.observer = [](const Progress&) { return true; };
    // The observer is asked at most every 20 ms, so the clock stands in for it: no time at all.
    options.time_limit_seconds = 0.0;
    contraction::Monitor monitor(options);
    CHECK_THROWS_AS(
        static_cast<void>(contraction::prepare(graph, evidence, query, options, true, monitor)),
        contraction::Stopped);
  }
}

namespace {

struct Enough {};

/// Runs the symbolic phases one after the other; the number of questions so far after each.
std::vector<int> questions_after_phases(const FactorGraph& graph, int allowed, int& asked) {
  std::vector<int> after;
  Pace pace([&] {
    if (++asked > allowed) throw Enough{};
  });
  const auto done = [&] { after.push_back(asked); };
  static_cast<void>(propagate_zeros(graph, Evidence{}, SparseTables::passed_over, pace));
  done();
  const ReducedModel model = reduce(graph, Evidence{}, Query::marginals(), ReduceOptions{}, pace);
  done();
  std::vector<VariableId> order(model.variables.begin(), model.variables.end());
  const std::vector<char> maximise(graph.variable_count(), 0);
  const Plan plan = contraction::build_plan(model, order, maximise, false, pace);
  done();
  contraction::Tree tree = contraction::lower(model, plan, pace);
  done();
  contraction::ProgramOptions options;
  options.marginals = model.variables;
  static_cast<void>(contraction::compile(model, std::move(tree), options, pace));
  done();
  return after;
}

}  // namespace

TEST_CASE("planning limits: reducing, building, lowering and compiling ask and stop") {
  // Zeros, so that there is something to propagate.
  FactorGraph graph;
  for (int v = 0; v < 20000; ++v) graph.add_variable("x" + std::to_string(v), 3);
  const Table table = Table::dense({3, 3}, {0.5, 0.0, 0.2, 0.3, 0.7, 0.0, 0.1, 0.9, 0.4});
  for (const Scope& pair : chain_edges(20000)) graph.add_factor(pair, table);
  int asked = 0;
  const std::vector<int> after =
      questions_after_phases(graph, std::numeric_limits<int>::max(), asked);
  REQUIRE(after.size() == 5);
  for (std::size_t i = 0; i < after.size(); ++i) {
    const int before = i == 0 ? 0 : after[i - 1];
    CHECK(after[i] > before);
    // Every question of the phase may be the last.
    for (const int allowed : {before, (before + after[i]) / 2}) {
      int again = 0;
      CHECK_THROWS_AS(static_cast<void>(questions_after_phases(graph, allowed, again)), Enough);
      CHECK(again == allowed + 1);
    }
  }
}

TEST_CASE("planning limits: the plan's own limit holds inside the first order") {
  // No rule is quick on a clique, and nothing was asked of the lower bound.
  const OrderProblem problem = order_problem(std::vector<double>(1200, 1.0), clique_edges(1200));
  PlanOptions options;
  options.time_limit_seconds = 0.0;
  const OrderCandidate found = search_order(problem, options, [] { return true; });
  CHECK(found.order.empty());
  CHECK(found.end == SearchEnd::limit);
  CHECK(found.eliminated < 1200);
}

TEST_CASE("planning limits: where every order is too wide, the refusal proves it") {
  const FactorGraph graph = pairwise_model(400, 2, clique_edges(400));
  int questions = 0;
  InferOptions options;
  options.algorithm = "contraction";
  options.observer = [&questions](const Progress&) { return ++questions > 0; };
  const Result result = infer(graph, Query::log_partition(), options);
  CHECK(result.status == Status::refused);
  CHECK_MESSAGE(contains(result.message, "any elimination order has a step over at least 400"),
                result.message);
}

TEST_CASE("planning limits: a wide grid is given up after few orders") {
  const FactorGraph graph = pairwise_model(3600, 50, grid_edges(60));
  InferOptions options;
  options.algorithm = "contraction";
  options.memory_limit_bytes = 1e8;
  const Result result = infer(graph, Query::log_partition(), options);
  CHECK(result.status == Status::refused);
  CHECK(contains(result.message, "widest"));
  CHECK(result.plan.orders_tried <= 3);
}

TEST_CASE("planning limits: stars and chains cost what their size says") {
  PlanOptions options;
  // Half a nominal second is plenty for what is linear.
  options.time_limit_seconds = 0.5;
  for (const OrderProblem& problem :
       {order_problem(std::vector<double>(100001, 1.0), star_edges(100000)),
        order_problem(std::vector<double>(100000, 1.0), chain_edges(100000))}) {
    const OrderCandidate found = search_order(problem, options, [] { return true; });
    CHECK(found.order.size() == problem.variables.size());
    CHECK(found.log2_widest == 2.0);
  }
}

TEST_CASE("planning limits: a star and a chain are answered, each leaf and link counted once") {
  const VariableId count = 4000;
  const FactorGraph star = pairwise_model(count + 1, 2, star_edges(count));
  const FactorGraph chain = pairwise_model(count, 2, chain_edges(count));
  InferOptions options;
  options.algorithm = "contraction";
  const Table table = star.factor(0).table;
  // Z = sum_h (sum_l f(h, l))^count.
  const double first = std::log(table.at(0) + table.at(1)) * count;
  const double second = std::log(table.at(2) + table.at(3)) * count;
  const double larger = std::max(first, second);
  const double expected = larger + std::log1p(std::exp(std::min(first, second) - larger));
  const Result of_star = infer(star, Query::marginals(), options);
  REQUIRE_MESSAGE(of_star.ok(), of_star.message);
  CHECK(of_star.log_z == doctest::Approx(expected).epsilon(1e-12));
  const Result of_chain = infer(chain, Query::marginals(), options);
  REQUIRE_MESSAGE(of_chain.ok(), of_chain.message);
  double low = 0.0;
  double high = 0.0;
  double log_scale = 0.0;
  for (VariableId v = 0; v + 1 < count; ++v) {
    const double a = std::exp(low) * table.at(0) + std::exp(high) * table.at(1);
    const double b = std::exp(low) * table.at(2) + std::exp(high) * table.at(3);
    log_scale += std::log(a + b);
    low = std::log(a / (a + b));
    high = std::log(b / (a + b));
  }
  log_scale += std::log(std::exp(low) + std::exp(high));
  // Started from (1, 1), not from its half.
  CHECK(of_chain.log_z == doctest::Approx(log_scale).epsilon(1e-9));
}

TEST_CASE("planning limits: absurd plan options are refused or do no harm") {
  PlanOptions options;
  for (const double bad : {-1.0, std::numeric_limits<double>::quiet_NaN()}) {
    options = {};
    options.time_limit_seconds = bad;
    CHECK_THROWS_AS(options.validate(), OptionError);
    options = {};
    options.time_fraction = bad;
    CHECK_THROWS_AS(options.validate(), OptionError);
  }
  options = {};
  options.restarts = std::numeric_limits<int>::max();
  options.time_fraction = std::numeric_limits<double>::infinity();
  options.time_limit_seconds = 0.05;
  options.validate();
  const OrderProblem problem = order_problem(std::vector<double>(25, 1.0), grid_edges(5));
  CHECK(search_order(problem, options, [] { return true; }).order.size() == 25);
}
