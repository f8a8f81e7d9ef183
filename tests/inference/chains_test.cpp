// Chains too long and too extreme for plain doubles, against forward and backward
// recursions in natural logarithms written here.

#include <credo/core/numerics.hpp>
#include <credo/inference/infer.hpp>

#include "random_models.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <array>
#include <cmath>

using namespace credo;
using namespace credo::testing;

namespace {

constexpr std::size_t kStates = 2;
using Pair = std::array<double, kStates>;

/// A chain of binary variables: log unary and log pairwise tables.
struct Chain {
  std::vector<Pair> unary;
  std::vector<std::array<Pair, kStates>> pairwise;
};

FactorGraph graph_of(const Chain& chain) {
  FactorGraph graph;
  for (std::size_t t = 0; t < chain.unary.size(); ++t) graph.add_variable(fmt::format("x{}", t), 2);
  for (VariableId t = 0; t < chain.unary.size(); ++t) {
    graph.add_factor({t}, {std::exp(chain.unary[t][0]), std::exp(chain.unary[t][1])});
    if (t == 0) continue;
    const auto& pair = chain.pairwise[t - 1];
    graph.add_factor({t - 1, t}, {std::exp(pair[0][0]), std::exp(pair[0][1]), std::exp(pair[1][0]),
                                  std::exp(pair[1][1])});
  }
  return graph;
}

/// Messages are kept as (offset, logs relative to it), the offsets summed with compensation, so
/// that nothing is lost over 20,000 steps.
struct Recursion {
  std::vector<Pair> relative;
  double log_offset = 0.0;
};

void push(Recursion& recursion, CompensatedSum& offset, Pair logs) {
  const double shift = std::max(logs[0], logs[1]);
  offset.add(shift);
  recursion.relative.push_back({logs[0] - shift, logs[1] - shift});
}

Recursion forward(const Chain& chain) {
  Recursion alpha;
  CompensatedSum offset;
  push(alpha, offset, chain.unary[0]);
  for (std::size_t t = 1; t < chain.unary.size(); ++t) {
    Pair next{};
    for (std::size_t x = 0; x < kStates; ++x) {
      const Pair& last = alpha.relative.back();
      next[x] = chain.unary[t][x] + log_add(last[0] + chain.pairwise[t - 1][0][x],
                                            last[1] + chain.pairwise[t - 1][1][x]);
    }
    push(alpha, offset, next);
  }
  alpha.log_offset = offset.value();
  return alpha;
}

/// relative[i] belongs to variable n - 1 - i.
Recursion backward(const Chain& chain) {
  Recursion beta;
  CompensatedSum offset;
  push(beta, offset, {0.0, 0.0});
  for (std::size_t t = chain.unary.size() - 1; t > 0; --t) {
    Pair next{};
    const Pair& last = beta.relative.back();
    for (std::size_t x = 0; x < kStates; ++x) {
      next[x] = log_add(chain.pairwise[t - 1][x][0] + chain.unary[t][0] + last[0],
                        chain.pairwise[t - 1][x][1] + chain.unary[t][1] + last[1]);
    }
    push(beta, offset, next);
  }
  return beta;
}

void check_chain(const Chain& chain) {
  const std::size_t n = chain.unary.size();
  const Recursion alpha = forward(chain);
  const Recursion beta = backward(chain);
  const double log_z =
      alpha.log_offset + log_add(alpha.relative.back()[0], alpha.relative.back()[1]);
  const FactorGraph graph = graph_of(chain);
  for (const Scalar scalar : {Scalar::automatic, Scalar::log_double}) {
    InferOptions options;
    options.scalar = scalar;
    const Result result = infer(graph, Query::marginals(), options);
    REQUIRE_MESSAGE(result.ok(), result.message);
    CHECK(std::fabs(result.log_z - log_z) <= 1e-9 * std::fabs(log_z));
    double worst = 0.0;
    for (std::size_t t = 0; t < n; ++t) {
      const Pair& b = beta.relative[n - 1 - t];
      const double one = alpha.relative[t][1] + b[1];
      const double expected = std::exp(one - log_add(alpha.relative[t][0] + b[0], one));
      worst = std::max(worst, std::fabs(result.marginal(static_cast<VariableId>(t))[1] - expected));
    }
    CHECK(worst <= 1e-9);
  }
}

Chain random_chain(std::size_t n, std::uint64_t seed, double log_low, double log_high) {
  Random random(seed);
  Chain chain;
  for (std::size_t t = 0; t < n; ++t) {
    const auto entry = [&] {
      // Through a double and back, so that the graph's tables hold the very same numbers.
      return std::log(std::exp(random.uniform(log_low, log_high)));
    };
    chain.unary.push_back({entry(), entry()});
    if (t > 0) chain.pairwise.push_back({Pair{entry(), entry()}, Pair{entry(), entry()}});
  }
  return chain;
}

}  // namespace

TEST_CASE("chains: 20,000 binary variables with positive tables") {
  check_chain(random_chain(20000, 5, std::log(0.1), std::log(10.0)));
}

TEST_CASE("chains: log Z far below the smallest double") {
  check_chain(random_chain(20000, 6, std::log(1e-3), std::log(1e-2)));
}

TEST_CASE("chains: entries down to 1e-300") {
  check_chain(random_chain(2000, 7, std::log(1e-300), 0.0));
  check_chain(random_chain(2000, 8, std::log(1e-300), std::log(1e300)));
}

TEST_CASE("chains: MAP of 20,000 variables has the value of a max recursion") {
  const Chain chain = random_chain(20000, 9, std::log(0.1), std::log(10.0));
  CompensatedSum offset;
  Pair best = chain.unary[0];
  for (std::size_t t = 1; t < chain.unary.size(); ++t) {
    Pair next{};
    for (std::size_t x = 0; x < kStates; ++x) {
      next[x] = chain.unary[t][x] + std::max(best[0] + chain.pairwise[t - 1][0][x],
                                             best[1] + chain.pairwise[t - 1][1][x]);
    }
    const double shift = std::max(next[0], next[1]);
    offset.add(shift);
    best = {next[0] - shift, next[1] - shift};
  }
  const double expected = offset.value() + std::max(best[0], best[1]);
  const FactorGraph graph = graph_of(chain);
  const Result result = infer(graph, Query::map());
  REQUIRE_MESSAGE(result.ok(), result.message);
  CHECK(std::fabs(result.assignment().log_value - expected) <= 1e-9 * std::fabs(expected));
  CHECK(std::fabs(graph.log_weight(result.assignment().states) - expected) <=
        1e-9 * std::fabs(expected));
}

TEST_CASE("chains: a long chain with a true zero is impossible, one with a tiny entry is not") {
  Chain chain = random_chain(3000, 10, std::log(1e-3), std::log(1e-2));
  FactorGraph graph = graph_of(chain);
  graph.add_factor({1500}, {1e-300, 0.0});
  CHECK(infer(graph, Query::log_partition()).ok());
  Evidence evidence;
  evidence.observe(1500, 1);
  evidence.observe(0, 0);
  const Result result = infer(graph, evidence, Query::log_partition());
  CHECK(result.status == Status::impossible_evidence);
  REQUIRE(result.conflict.size() == 1);
  CHECK(result.conflict.front().variable == 1500);
}
