// The same family told in another way: renumbered variables, permuted scopes, factors split and
// merged, a variable that nothing mentions, a factor scaled.

#include "random_models.hpp"

#include <credo/core/numerics.hpp>
#include <credo/inference/variational/variational.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <numeric>
#include <vector>

using namespace credo;
using namespace credo::testing;

namespace {

/// How a model is told.
struct Telling {
  std::vector<std::size_t> order;  ///< of adding the variables
  bool scopes_reversed = false;
  bool split = false;   ///< every score as two factors f^0.3 f^0.7
  bool merged = false;  ///< the scores of a step as one factor
  bool dummy = false;   ///< one more variable, of 3 states, free
  double scale = 1.0;   ///< of one factor
};

/// x_t -> d_t -> x_{t+1}, two steps: everything random but the shape.
struct Chain {
  std::vector<double> start, kernel, prior, gain, last;
  ConditionalKind next_kind = ConditionalKind::clamped;
  ConditionalKind choice_kind = ConditionalKind::free;
  double rho = 1.0;
  double weight = 1.0;
};

constexpr std::size_t kStates = 3;
constexpr std::size_t kChoices = 2;

Chain random_chain(Random& random) {
  Chain chain;
  const auto rows = [&](std::size_t count, std::size_t width) {
    std::vector<double> values;
    for (std::size_t r = 0; r < count; ++r) {
      std::vector<double> row(width);
      for (double& p : row) p = random.chance(0.2) ? 0.0 : 0.1 + random.uniform();
      row[random.below(width)] += 0.3;
      normalize(row);
      values.insert(values.end(), row.begin(), row.end());
    }
    return values;
  };
  const auto positive = [&](std::size_t count) {
    std::vector<double> values(count);
    for (double& v : values) v = std::exp(random.uniform(-2.0, 2.0));
    return values;
  };
  chain.start = rows(1, kStates);
  chain.kernel = rows(kStates * kChoices, kStates);
  chain.prior = positive(kStates * kChoices);
  chain.gain = positive(kStates * kChoices);
  chain.last = positive(kStates);
  if (random.chance(0.4)) {
    chain.next_kind = ConditionalKind::charged;
    chain.rho = random.chance(0.3) ? -2.0 : random.uniform(0.3, 3.0);
  }
  if (random.chance(0.3)) chain.choice_kind = ConditionalKind::arg_max;
  chain.weight = random.uniform(0.2, 2.0);
  return chain;
}

std::vector<double> power(std::vector<double> values, double exponent) {
  for (double& v : values) v = std::pow(v, exponent);
  return values;
}

/// Variables 0, 2, 4 are the states, 1 and 3 the choices; result by those numbers.
struct Told {
  double value = kNaN;
  std::vector<std::vector<double>> marginals;
};

Told tell(const Chain& chain, const Telling& telling) {
  FactorGraph graph;
  std::vector<VariableId> id(5);
  for (const std::size_t v : telling.order) {
    id[v] = graph.add_variable(fmt::format("v{}", v), v % 2 == 0 ? kStates : kChoices);
  }
  const auto add_pair = [&](std::size_t a, std::size_t b, const std::vector<double>& values) {
    if (!telling.scopes_reversed) {
      graph.add_factor({id[a], id[b]}, values);
      return;
    }
    std::vector<double> turned(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      turned[i % kChoices * kStates + i / kChoices] = values[i];
    }
    graph.add_factor({id[b], id[a]}, turned);
  };
  const FactorId start =
      graph.add_conditional({id[0]}, id[0], Table::dense({kStates}, chain.start));
  std::vector<FactorId> kernels;
  for (const std::size_t x : {std::size_t{0}, std::size_t{2}}) {
    kernels.push_back(
        graph.add_conditional({id[x], id[x + 1], id[x + 2]}, id[x + 2],
                              Table::dense({kStates, kChoices, kStates}, chain.kernel)));
    std::vector<double> gain = chain.gain;
    for (double& g : gain) g *= x == 0 ? telling.scale : 1.0;
    if (telling.merged) {
      for (std::size_t i = 0; i < gain.size(); ++i) gain[i] *= chain.prior[i];
      add_pair(x, x + 1, gain);
    } else if (telling.split) {
      add_pair(x, x + 1, power(gain, 0.3));
      add_pair(x, x + 1, chain.prior);
      add_pair(x, x + 1, power(gain, 0.7));
    } else {
      add_pair(x, x + 1, chain.prior);
      add_pair(x, x + 1, gain);
    }
  }
  graph.add_factor({id[4]}, chain.last);
  if (telling.dummy) graph.add_variable("dummy", 3);
  Family family(graph);
  family.clamp(start);
  for (const FactorId kernel : kernels) {
    chain.next_kind == ConditionalKind::clamped ? family.clamp(kernel)
                                                : family.charge(kernel, chain.rho);
  }
  for (const std::size_t d : {std::size_t{1}, std::size_t{3}}) {
    chain.choice_kind == ConditionalKind::arg_max ? family.arg_max(id[d], {id[d - 1]})
                                                  : family.free(id[d], {id[d - 1]}, chain.weight);
  }
  if (telling.dummy) family.free(graph.require_variable("dummy"), {}, 1.0);
  const VariationalResult result = maximize(graph, {}, family);
  REQUIRE_MESSAGE(result.ok(), result.message);
  CHECK(result.guarantee == Guarantee::exact);
  Told told{result.value, {}};
  for (const VariableId v : id) told.marginals.push_back(result.marginals[v]);
  return told;
}

}  // namespace

TEST_CASE("families: however a model is told, the best member and its value are the same") {
  Random random(20);
  const std::vector<std::size_t> natural = {0, 1, 2, 3, 4};
  for (int round = 0; round < 60; ++round) {
    CAPTURE(round);
    const Chain chain = random_chain(random);
    const Told plain = tell(chain, {.order = natural});
    std::vector<std::size_t> shuffled = natural;
    random.shuffle(shuffled);
    const double scale = std::exp(random.uniform(-300.0, 300.0));
    const std::vector<std::pair<Telling, double>> tellings = {
        {{.order = shuffled}, 0.0},
        {{.order = shuffled, .scopes_reversed = true}, 0.0},
        {{.order = natural, .split = true}, 0.0},
        {{.order = natural, .merged = true}, 0.0},
        {{.order = shuffled, .dummy = true}, std::log(3.0)},
        {{.order = natural, .scale = scale}, std::log(scale)}};
    for (std::size_t i = 0; i < tellings.size(); ++i) {
      CAPTURE(i);
      const Told other = tell(chain, tellings[i].first);
      CHECK(other.value - tellings[i].second ==
            doctest::Approx(plain.value).epsilon(1e-12).scale(std::fabs(tellings[i].second)));
      for (std::size_t v = 0; v < 5; ++v) {
        for (std::size_t x = 0; x < plain.marginals[v].size(); ++x) {
          CHECK(other.marginals[v][x] == doctest::Approx(plain.marginals[v][x]).epsilon(1e-11));
        }
      }
    }
  }
}
