// Message passing on graphs with cycles: fixed points, their free energy, schedules, limits.

#include "oracle.hpp"
#include "random_models.hpp"

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/message_passing/message_passing.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

using namespace credo;
using namespace credo::testing;

namespace {

/// Spins on a torus or a grid: exp(coupling) on equal neighbours, exp(field) on state 1.
FactorGraph spins(std::size_t side, double coupling, double field, bool torus) {
  FactorGraph graph;
  for (std::size_t i = 0; i < side * side; ++i) graph.add_variable(fmt::format("s{}", i), 2);
  const double equal = std::exp(coupling);
  const Table pair = Table::dense({2, 2}, {equal, 1.0 / equal, 1.0 / equal, equal});
  const auto id = [side](std::size_t r, std::size_t c) {
    return static_cast<VariableId>((r % side) * side + c % side);
  };
  for (std::size_t r = 0; r < side; ++r) {
    for (std::size_t c = 0; c < side; ++c) {
      if (torus || c + 1 < side) graph.add_factor({id(r, c), id(r, c + 1)}, Table(pair));
      if (torus || r + 1 < side) graph.add_factor({id(r, c), id(r + 1, c)}, Table(pair));
      graph.add_factor({id(r, c)}, {1.0, std::exp(field)});
    }
  }
  return graph;
}

/// A ring of binary variables with symmetric pair tables of random odds.
FactorGraph ring(Random& random, std::size_t length, double strength) {
  FactorGraph graph;
  for (std::size_t v = 0; v < length; ++v) graph.add_variable(fmt::format("x{}", v), 2);
  for (VariableId v = 0; v < length; ++v) {
    std::vector<double> values(4);
    for (double& x : values) x = std::exp(random.uniform(-strength, strength));
    graph.add_factor({v, static_cast<VariableId>((v + 1) % length)}, values);
  }
  return graph;
}

/// Six spins, everyone repels everyone: flooding swings to and fro for ever.
FactorGraph repelling() {
  FactorGraph graph;
  for (int v = 0; v < 6; ++v) graph.add_variable(fmt::format("x{}", v), 2);
  const double strong = std::exp(3.0);
  for (VariableId a = 0; a < 6; ++a) {
    for (VariableId b = a + 1; b < 6; ++b) {
      graph.add_factor({a, b}, {1.0 / strong, strong, strong, 1.0 / strong});
    }
    graph.add_factor({a}, {1.0, 1.1 + 0.1 * a});
  }
  return graph;
}

/// sum_f E[log f] + sum_f c_f H(b_f) + sum_v c_v H(b_v), from the definition.
double free_energy(const FactorGraph& graph, const std::vector<Belief>& factors,
                   const std::vector<std::vector<double>>& marginals,
                   const CountingNumbers& counting) {
  double sum = 0.0;
  for (FactorId f = 0; f < graph.factor_count(); ++f) {
    const double c = counting.of_factor.empty() ? 1.0 : counting.of_factor[f];
    for (std::uint64_t i = 0; i < factors[f].table.size(); ++i) {
      const double b = factors[f].table.at(i);
      if (b > 0.0) sum += b * (graph.factor(f).table.log_at(i) - c * std::log(b));
    }
  }
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    double c = 1.0;
    for (const FactorId f : graph.factors_of(v)) {
      c -= counting.of_factor.empty() ? 1.0 : counting.of_factor[f];
    }
    if (!counting.of_variable.empty()) c = counting.of_variable[v];
    for (const double b : marginals[v]) {
      if (b > 0.0) sum -= c * b * std::log(b);
    }
  }
  return sum;
}

MessagePassingOptions tight(MessageSchedule schedule = MessageSchedule::automatic) {
  MessagePassingOptions options;
  options.iteration.schedule = schedule;
  options.iteration.tolerance = 1e-12;
  options.iteration.maximum_iterations = 5000;
  options.factor_beliefs = true;
  return options;
}

}  // namespace

TEST_CASE("message passing: spins on a torus have the Bethe lattice's fixed point") {
  // Every site has four neighbours: with no field the message's field u solves
  // tanh u = tanh J tanh 3u; F per site is Bethe's.
  constexpr double kCoupling = 0.5;  // above atanh(1/3): ordered
  const FactorGraph graph = spins(5, kCoupling, 1e-3, true);
  MessagePassingOptions options = tight();
  const MessagePassingResult result = propagate(graph, {}, options);
  REQUIRE(result.ok());
  CHECK(result.guarantee == Guarantee::fixed_point);
  double u = 1.0;
  const double field = 0.5e-3;
  for (int i = 0; i < 500; ++i) {
    u = std::atanh(std::tanh(kCoupling) * std::tanh(3.0 * u + field));
  }
  for (const std::vector<double>& b : result.marginals) {
    CHECK(b[1] - b[0] == doctest::Approx(std::tanh(4.0 * u + field)).epsilon(1e-9));
  }
  // Below the transition the only fixed point has no magnetisation.
  const MessagePassingResult disordered = propagate(spins(5, 0.3, 0.0, true), {}, options);
  REQUIRE(disordered.guarantee == Guarantee::fixed_point);
  for (const std::vector<double>& b : disordered.marginals) {
    CHECK(b[0] == doctest::Approx(0.5).epsilon(1e-12));
  }
}

TEST_CASE("message passing: F never exceeds log Z of attracting spins") {
  // Ruozzi 2012: Bethe's value is a lower bound for attractive binary models.
  for (const double coupling : {0.2, 0.5, 1.0}) {
    const FactorGraph graph = spins(4, coupling, 0.1, false);
    const double log_z = infer(graph, Query::log_partition()).log_z;
    const MessagePassingResult result = propagate(graph, {}, tight());
    REQUIRE(result.guarantee == Guarantee::fixed_point);
    CHECK(result.value <= log_z + 1e-9);
    CHECK(result.value > log_z - 2.0);
  }
}

TEST_CASE("message passing: on a single ring of two states the beliefs err by a known factor") {
  // Weiss 2000: the fixed point's beliefs are the principal eigenvectors of the product matrix, and
  // p = (l1 b + l2 (1 - b)) / (l1 + l2), with l1 > l2 its eigenvalues; F = log l1.
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const FactorGraph graph = ring(random, 5, 1.5);
    std::array<double, 4> product{1.0, 0.0, 0.0, 1.0};
    for (const Factor& f : graph.factors()) {
      const auto t = f.table.values();
      product = {product[0] * t[0] + product[1] * t[2], product[0] * t[1] + product[1] * t[3],
                 product[2] * t[0] + product[3] * t[2], product[2] * t[1] + product[3] * t[3]};
    }
    const double trace = product[0] + product[3];
    const double determinant = product[0] * product[3] - product[1] * product[2];
    const double first = 0.5 * trace + std::sqrt(0.25 * trace * trace - determinant);
    const double second = trace - first;
    const MessagePassingResult result = propagate(graph, {}, tight());
    REQUIRE(result.guarantee == Guarantee::fixed_point);
    CHECK(result.value == doctest::Approx(std::log(first)).epsilon(1e-10));
    const Result truth = truth_of(graph, {}, Query::marginals());
    for (VariableId v = 0; v < graph.variable_count(); ++v) {
      const double b = result.marginals[v][0];
      CHECK(truth.marginal(v)[0] ==
            doctest::Approx((first * b + second * (1.0 - b)) / trace).epsilon(1e-9));
      // Hence the larger belief is right.
      CHECK((b > 0.5) == (truth.marginal(v)[0] > 0.5));
    }
  }
}

TEST_CASE("message passing: max-product decodes a single ring when it converges") {
  std::size_t converged = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const FactorGraph graph = ring(random, 6, 2.0);
    MessagePassingOptions options = tight(MessageSchedule::parallel);
    options.maximise = true;
    const MessagePassingResult result = propagate(graph, {}, options);
    REQUIRE(result.ok());
    REQUIRE(result.assignment);
    const double best = truth_of(graph, {}, Query::map()).assignment().log_value;
    CHECK(result.assignment->log_value <= best + 1e-12);
    if (result.guarantee != Guarantee::fixed_point) continue;
    ++converged;
    // Weiss 2000: on a single loop converged max-product beliefs without ties give the MAP.
    const bool tied = std::ranges::any_of(
        result.marginals, [](const auto& b) { return std::fabs(b[0] - b[1]) < 1e-6; });
    if (!tied) CHECK(result.assignment->log_value == doctest::Approx(best).epsilon(1e-12));
  }
  CHECK(converged >= 10);
}

TEST_CASE("message passing: a fixed point is where the free energy is stationary, and agrees") {
  for (const bool fractional : {false, true}) {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
      CAPTURE(fractional);
      CAPTURE(seed);
      Random random(seed);
      const FactorGraph graph = ring(random, 4, 0.8);
      MessagePassingOptions options = tight();
      if (fractional) {
        for (FactorId f = 0; f < graph.factor_count(); ++f) {
          options.counting.of_factor.push_back(random.uniform(0.5, 1.5));
        }
        for (VariableId v = 0; v < graph.variable_count(); ++v) {
          options.counting.of_variable.push_back(random.uniform(-0.7, 0.5));
        }
      }
      const MessagePassingResult result = propagate(graph, {}, options);
      REQUIRE(result.guarantee == Guarantee::fixed_point);
      const double value =
          free_energy(graph, result.factor_beliefs, result.marginals, options.counting);
      CHECK(result.value == doctest::Approx(value).epsilon(1e-10));
      // Moving mass along any direction that keeps beliefs consistent changes F in second order.
      for (int direction = 0; direction < 6; ++direction) {
        std::vector<double> shift(graph.variable_count());
        for (double& s : shift) s = random.uniform(-1.0, 1.0);
        std::vector<double> twist(graph.factor_count());
        for (double& t : twist) t = random.uniform(-1.0, 1.0);
        const auto moved = [&](double step) {
          std::vector<std::vector<double>> marginals = result.marginals;
          for (VariableId v = 0; v < marginals.size(); ++v) {
            marginals[v][0] += step * shift[v];
            marginals[v][1] -= step * shift[v];
          }
          std::vector<Belief> beliefs = result.factor_beliefs;
          for (FactorId f = 0; f < beliefs.size(); ++f) {
            const auto b = beliefs[f].table.values();
            const double s = step * shift[beliefs[f].scope[0]];
            const double t = step * shift[beliefs[f].scope[1]];
            const double w = step * twist[f];
            beliefs[f].table =
                Table::dense({2, 2}, {b[0] + w, b[1] + s - w, b[2] + t - w, b[3] - s - t + w});
          }
          return free_energy(graph, beliefs, marginals, options.counting);
        };
        constexpr double kStep = 1e-5;
        CHECK(std::fabs(moved(kStep) - moved(-kStep)) / (2.0 * kStep) < 1e-7);
      }
    }
  }
}

TEST_CASE("message passing: schedules and damping lead to one fixed point") {
  const FactorGraph graph = spins(6, 0.25, 0.4, false);
  const MessagePassingResult first = propagate(graph, {}, tight());
  REQUIRE(first.guarantee == Guarantee::fixed_point);
  for (const MessageSchedule schedule :
       {MessageSchedule::sequential, MessageSchedule::parallel, MessageSchedule::residual}) {
    for (const double damping : {0.0, 0.5}) {
      CAPTURE(schedule_name(schedule));
      CAPTURE(damping);
      MessagePassingOptions options = tight(schedule);
      options.iteration.damping = damping;
      options.value_history = true;
      const MessagePassingResult result = propagate(graph, {}, options);
      REQUIRE(result.guarantee == Guarantee::fixed_point);
      CHECK(result.schedule_used == schedule_name(schedule));
      CHECK(result.value == doctest::Approx(first.value).epsilon(1e-11));
      CHECK(result.residual <= options.iteration.tolerance);
      CHECK(result.residuals.size() == result.iterations);
      CHECK(result.values.size() == result.iterations);
      for (VariableId v = 0; v < graph.variable_count(); ++v) {
        CHECK(result.marginals[v][0] == doctest::Approx(first.marginals[v][0]).epsilon(1e-9));
      }
    }
  }
}

TEST_CASE("message passing: states of positive probability keep positive messages") {
  for (const ModelClass& of : model_classes()) {
    CAPTURE(of.name);
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      Random random(seed);
      const FactorGraph graph = random_graph(random, of);
      const Evidence evidence = random_evidence(random, graph, 0.2);
      const Result truth = truth_of(graph, evidence, Query::marginals());
      MessagePassingOptions options;
      options.messages = true;
      options.iteration.maximum_iterations = 30;
      const MessagePassingResult result = propagate(graph, evidence, options);
      if (!truth.ok()) continue;
      REQUIRE(result.ok());
      bool keeps_support = true;
      for (const EdgeMessages& edge : result.messages) {
        for (std::size_t x = 0; x < edge.log_to_variable.size(); ++x) {
          CHECK_FALSE(std::isnan(edge.log_to_variable[x]));
          CHECK(edge.log_to_variable[x] <= 0.0);
          keeps_support =
              keeps_support && (truth.marginal(edge.variable)[x] == 0.0 ||
                                edge.log_to_variable[x] + edge.log_to_factor[x] > -kInfinity);
        }
      }
      CHECK(keeps_support);
    }
  }
}

TEST_CASE("message passing: runs are deterministic, stop when told, and say what they need") {
  const FactorGraph graph = spins(8, 0.9, 0.0, true);
  MessagePassingOptions options = tight(MessageSchedule::residual);
  options.iteration.maximum_iterations = 7;
  const MessagePassingResult a = propagate(graph, {}, options);
  const MessagePassingResult b = propagate(graph, {}, options);
  CHECK(a.marginals == b.marginals);
  CHECK(a.residuals == b.residuals);
  CHECK(a.iterations <= 7);

  // Never converges: stopped between iterations, it has beliefs, labelled.
  options = tight(MessageSchedule::parallel);
  options.iteration.maximum_iterations = 1000000000;
  options.time_limit_seconds = 0.1;
  const MessagePassingResult late = propagate(repelling(), {}, options);
  CHECK(late.status == Status::deadline);
  CHECK(late.guarantee == Guarantee::unconverged);
  CHECK(late.marginals.size() == 6);
  CHECK(late.iterations > 0);
  options.time_limit_seconds = kInfinity;
  int calls = 0;
  options.observer = [&calls](const Progress&) { return ++calls < 3; };
  const MessagePassingResult cancelled = propagate(repelling(), {}, options);
  CHECK(cancelled.status == Status::cancelled);
  CHECK(calls == 3);

  options = {};
  options.memory_limit_bytes = 1000.0;
  const MessagePassingResult refused = propagate(graph, {}, options);
  CHECK(refused.status == Status::refused);
  CHECK(contains(refused.message, "memory limit"));
  CHECK(refused.marginals.empty());
}

TEST_CASE("message passing: what does not converge is called so") {
  InferOptions options;
  options.algorithm = "belief_propagation";
  options.iteration.schedule = MessageSchedule::parallel;
  options.iteration.maximum_iterations = 30;
  const Result result = infer(repelling(), Query::marginals(), options);
  REQUIRE(result.ok());
  CHECK(result.guarantee == Guarantee::unconverged);
  CHECK(contains(result.message, "not converged after 30 iterations"));
  CHECK(result.iterations == 30);
  CHECK(result.residual > options.iteration.tolerance);
}

TEST_CASE("message passing: zeros on a cycle prove Z = 0, silence does not") {
  FactorGraph graph;
  for (int v = 0; v < 3; ++v) graph.add_variable(fmt::format("x{}", v), 2);
  for (VariableId v = 0; v < 3; ++v) graph.add_factor({v, (v + 1) % 3}, {1, 0, 0, 1});
  Evidence evidence;
  evidence.allow(0, {0});
  evidence.observe_likelihood(2, {0.0, 1.0});
  CHECK(propagate(graph, evidence).status == Status::impossible_evidence);
  // Three that all differ pairwise: no two of them prove it.
  FactorGraph odd;
  for (int v = 0; v < 3; ++v) odd.add_variable(fmt::format("x{}", v), 2);
  for (VariableId v = 0; v < 3; ++v) odd.add_factor({v, (v + 1) % 3}, {0, 1, 1, 0});
  const MessagePassingResult unproven = propagate(odd, {});
  CHECK(unproven.status == Status::ok);
  CHECK(unproven.guarantee != Guarantee::exact);
}

TEST_CASE("message passing: wrong options are errors with their bounds") {
  const FactorGraph graph = grid(2);
  MessagePassingOptions options;
  options.iteration.damping = 1.0;
  CHECK_THROWS_WITH_AS(static_cast<void>(propagate(graph, {}, options)),
                       "option damping: expected at least 0 and less than 1, got 1", OptionError);
  options = {};
  options.iteration.tolerance = 0.0;
  CHECK_THROWS_AS(static_cast<void>(propagate(graph, {}, options)), OptionError);
  options = {};
  options.iteration.maximum_iterations = 0;
  CHECK_THROWS_AS(static_cast<void>(propagate(graph, {}, options)), OptionError);
  options = {};
  options.counting.of_factor = {1.0};
  CHECK_THROWS_AS(static_cast<void>(propagate(graph, {}, options)), OptionError);
  options.counting.of_factor = {1.0, 1.0, 1.0, 0.0};
  CHECK_THROWS_AS(static_cast<void>(propagate(graph, {}, options)), OptionError);
  CHECK(require_schedule("auto") == MessageSchedule::automatic);
  CHECK_THROWS_WITH_AS(static_cast<void>(require_schedule("paralel")),
                       "unknown schedule paralel; did you mean parallel?; expected one of auto, "
                       "sequential, parallel, residual",
                       OptionError);
}
