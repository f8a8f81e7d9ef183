// Soluble families that need averages, the test of solubility, and L of given conditionals.

#include "variational_reference.hpp"

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/variational/variational.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>

using namespace credo;
using namespace credo::testing;

namespace {

/// A hidden chain h_1, h_2, ... moved by choices d_t, seen through noisy y_t.
struct HiddenChain {
  FactorGraph graph;
  std::vector<VariableId> h;
  std::vector<VariableId> y;
  std::vector<VariableId> d;
  std::vector<FactorId> kernels;  ///< of h and y
};

Table random_kernel(Random& random, std::vector<std::size_t> shape, bool sparse,
                    double zero_fraction = 0.2) {
  std::vector<double> values(saturating_product(shape));
  for (std::size_t i = 0; i < values.size(); i += shape.back()) {
    for (std::size_t k = 0; k < shape.back(); ++k) {
      values[i + k] = random.chance(zero_fraction) ? 0.0 : 0.1 + random.uniform();
    }
    values[i + random.below(shape.back())] += 0.3;
    normalize(std::span(values).subspan(i, shape.back()));
  }
  const Table table = Table::dense(std::move(shape), std::move(values));
  return sparse ? table.sparsified() : table;
}

Table random_score(Random& random, std::vector<std::size_t> shape) {
  std::vector<double> values(saturating_product(shape));
  for (double& v : values) v = random.uniform(-2.0, 2.0);
  return Table::dense(std::move(shape), std::move(values), Domain::log);
}

HiddenChain hidden_chain(Random& random, std::size_t steps, bool sparse) {
  HiddenChain chain;
  FactorGraph& graph = chain.graph;
  for (std::size_t t = 0; t < steps; ++t) {
    chain.h.push_back(graph.add_variable(fmt::format("h{}", t), 2));
    chain.y.push_back(graph.add_variable(fmt::format("y{}", t), 2));
    chain.d.push_back(graph.add_variable(fmt::format("d{}", t), 2));
  }
  for (std::size_t t = 0; t < steps; ++t) {
    if (t == 0) {
      chain.kernels.push_back(
          graph.add_conditional({chain.h[0]}, chain.h[0], random_kernel(random, {2}, false)));
    } else {
      chain.kernels.push_back(graph.add_conditional({chain.h[t - 1], chain.d[t - 1], chain.h[t]},
                                                    chain.h[t],
                                                    random_kernel(random, {2, 2, 2}, sparse)));
    }
    chain.kernels.push_back(graph.add_conditional({chain.h[t], chain.y[t]}, chain.y[t],
                                                  random_kernel(random, {2, 2}, sparse, 0.0)));
    graph.add_factor({chain.h[t], chain.d[t]}, random_score(random, {2, 2}));
  }
  return chain;
}

/// memory: what d_t sees: 0 nothing, 1 y_t, 2 everything before.
Family hidden_family(const HiddenChain& chain, int memory, ConditionalKind kind, double weight) {
  Family family(chain.graph);
  for (const FactorId f : chain.kernels) family.clamp(f);
  Scope past;
  for (std::size_t t = 0; t < chain.d.size(); ++t) {
    past.push_back(chain.y[t]);
    const Scope parents = memory == 2 ? past : memory == 1 ? Scope{chain.y[t]} : Scope{};
    if (kind == ConditionalKind::arg_max) {
      family.arg_max(chain.d[t], parents);
    } else {
      family.free(chain.d[t], parents, weight);
    }
    past.push_back(chain.d[t]);
  }
  return family;
}

}  // namespace

TEST_CASE("ordered: full recall of a hidden chain equals converged block updates") {
  Random random(21);
  for (int repetition = 0; repetition < 6; ++repetition) {
    CAPTURE(repetition);
    const HiddenChain chain = hidden_chain(random, 3, repetition % 2 == 0);
    Evidence evidence;
    if (repetition == 2) evidence.observe(chain.y[0], 1);
    if (repetition == 3) evidence.observe_likelihood(chain.h[2], {0.4, 0.9});
    for (const double weight : {0.0, 0.3, 1.0}) {
      CAPTURE(weight);
      const Family family = hidden_family(
          chain, 2, weight == 0.0 ? ConditionalKind::arg_max : ConditionalKind::free, weight);
      const VariationalResult result = maximize(chain.graph, evidence, family);
      CAPTURE(result.message);
      REQUIRE(result.ok());
      CHECK(result.solubility.soluble);
      CHECK(result.guarantee == Guarantee::exact);
      CHECK(result.algorithm_used == "sweep");
      // The last one is solved first: it influences no other.
      CHECK(result.solubility.order.front() == chain.d[2]);
      const VariationalReference reference(chain.graph, evidence, family);
      const auto q = VariationalReference::dense(result.conditionals);
      CHECK(std::fabs(result.value - reference.value(q)) < 1e-12);
      auto start = reference.uniform();
      CHECK(std::fabs(result.value - reference.converge(start, reference.optimised())) < 1e-11);
      CHECK(std::fabs(evidence_lower_bound(chain.graph, evidence, family, result.conditionals) -
                      result.value) < 1e-12);
      const auto marginals = reference.marginals(q);
      REQUIRE(result.marginals.size() == marginals.size());
      for (std::size_t v = 0; v < marginals.size(); ++v) {
        CHECK(std::fabs(result.marginals[v][0] - marginals[v][0]) < 1e-12);
      }
      // The message of the first choice's row average is what is left of L there.
      REQUIRE(result.messages.size() == 3);
      CHECK(result.messages[0].score_scope.back() == chain.d[2]);
    }
  }
}

TEST_CASE("ordered: a bound of given conditionals is what the definition says") {
  Random random(22);
  for (int repetition = 0; repetition < 8; ++repetition) {
    CAPTURE(repetition);
    const HiddenChain chain = hidden_chain(random, 3, repetition % 2 == 0);
    for (const int memory : {0, 1, 2}) {
      const Family family = hidden_family(chain, memory, ConditionalKind::free, 0.7);
      const VariationalReference reference(chain.graph, {}, family);
      const auto q = reference.random(random);
      std::vector<Table> tables;
      for (std::size_t c = 0; c < q.size(); ++c) {
        const Conditional& conditional = family.conditionals()[c];
        Scope scope = conditional.parents;
        scope.push_back(conditional.child);
        tables.push_back(Table::dense(chain.graph.shape_of(scope), q[c]));
      }
      CHECK(std::fabs(evidence_lower_bound(chain.graph, {}, family, tables) - reference.value(q)) <
            1e-12);
      tables.pop_back();
      CHECK_THROWS_AS(static_cast<void>(evidence_lower_bound(chain.graph, {}, family, tables)),
                      ModelError);
    }
  }
}

TEST_CASE("solubility: who needs whom") {
  Random random(23);
  const HiddenChain chain = hidden_chain(random, 3, false);
  const auto test = [&](int memory, ConditionalKind kind) {
    return solubility(chain.graph, {}, hidden_family(chain, memory, kind, 1.0));
  };
  CHECK(test(2, ConditionalKind::free).soluble);
  CHECK(test(2, ConditionalKind::arg_max).soluble);
  // Without memory each choice needs the others: the past ones say what h is, the later ones what
  // it is worth.
  for (const ConditionalKind kind : {ConditionalKind::free, ConditionalKind::arg_max}) {
    for (const int memory : {0, 1}) {
      const Solubility insoluble = test(memory, kind);
      CHECK_FALSE(insoluble.soluble);
      REQUIRE(insoluble.offending.has_value());
      CHECK(insoluble.explanation.find("d0") != std::string::npos);
      CHECK(insoluble.offending->first == chain.d[0]);
    }
  }
  // One choice alone is always soluble.
  const HiddenChain single = hidden_chain(random, 1, false);
  CHECK(solubility(single.graph, {}, hidden_family(single, 0, ConditionalKind::free, 1.0)).soluble);
}

TEST_CASE("solubility: a team that cannot talk is not soluble, one that can is") {
  FactorGraph graph;
  graph.add_variable("a", 2);
  graph.add_variable("b", 2);
  graph.add_factor({0, 1}, Table::dense({2, 2}, {10, 0, 0, 9}, Domain::log));
  Family apart(graph);
  apart.free(0, {});
  apart.free(1, {});
  const Solubility no = solubility(graph, {}, apart);
  CHECK_FALSE(no.soluble);
  CHECK(no.offending == std::pair<VariableId, VariableId>{0, 1});
  VariationalOptions sweep;
  sweep.method = VariationalMethod::sweep;
  const VariationalResult refused = maximize(graph, {}, apart, sweep);
  CHECK(refused.status == Status::refused);
  CHECK(refused.message.find("not soluble") != std::string::npos);
  CHECK(std::isnan(refused.value));
  Family together(graph);
  together.free(0, {});
  together.free(1, {0});
  const VariationalResult result = maximize(graph, {}, together);
  CHECK(result.solubility.order == std::vector<VariableId>{1, 0});
  CHECK(std::fabs(result.value - std::log(std::exp(10.0) + std::exp(9.0) + 2.0)) < 1e-13);
}
