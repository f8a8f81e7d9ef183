#pragma once
// Seeded random factor graphs, evidence and queries for the tests of inference.

#include <credo/core/evidence.hpp>
#include <credo/core/factor_graph.hpp>
#include <credo/inference/query.hpp>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace credo::testing {

/// The same numbers on every platform, which <random>'s distributions do not promise.
class Random {
 public:
  explicit Random(std::uint64_t seed) : generator_(seed) {}
  /// In [0, 1).
  double uniform() { return static_cast<double>(generator_() >> 11) * 0x1p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// In 0 .. n - 1.
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(generator_() % n); }
  bool chance(double p) { return uniform() < p; }
  template <typename T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }
  /// size distinct numbers below n, in random order.
  std::vector<std::uint32_t> subset(std::size_t n, std::size_t size);

 private:
  std::mt19937_64 generator_;
};

/// What a class of random models looks like.
struct ModelClass {
  std::string name;
  std::size_t variables = 7;
  std::size_t factors = 8;
  std::size_t largest_cardinality = 3;
  std::size_t smallest_cardinality = 1;
  /// When not empty: cardinalities are drawn from these.
  std::vector<std::size_t> cardinalities = {};
  std::size_t largest_scope = 3;
  std::size_t smallest_scope = 1;
  double zero_fraction = 0.0;
  /// Entries are 1 .. levels when not 0, so that ties are common.
  std::size_t levels = 0;
  double sparse_fraction = 0.0;
  double log_fraction = 0.0;
  /// Factors that take an earlier factor's table when the shapes agree.
  double shared_fraction = 0.0;
  /// Every entry is multiplied by exp(uniform(-log_scale, log_scale)).
  double log_scale = 0.0;
  /// Every table is multiplied by exp(uniform(-log_table_scale, log_table_scale)).
  double log_table_scale = 0.0;
  /// Factors over an earlier factor's scope, permuted, or a part of it.
  double repeated_fraction = 0.0;
  double subsumed_fraction = 0.0;
  /// A Bayesian network: one conditional per variable instead of factors.
  bool bayesian_network = false;
  /// One state per parent state has all the mass.
  bool deterministic = false;
  /// Chance that a variable of a network has no conditional of its own: it is a parent only.
  double root_fraction = 0.0;
};

/// Dense, sparse, log, shared, zeros, ties, deterministic, scales, networks, disconnected, ...
[[nodiscard]] std::vector<ModelClass> model_classes();

[[nodiscard]] FactorGraph random_graph(Random& random, const ModelClass& of);

/// Hard, likelihood and allowed findings, each variable with the given chance; may be impossible.
[[nodiscard]] Evidence random_evidence(Random& random, const FactorGraph& graph, double chance);

/// Other findings on the same variables, of the same kinds; likelihoods within
/// exp(+-log_scale) of one.
[[nodiscard]] Evidence same_pattern(Random& random, const FactorGraph& graph,
                                    const Evidence& pattern, double log_scale = 0.0);

/// A side x side grid of binary variables g0, g1, ..., row by row, attracting its neighbours.
[[nodiscard]] FactorGraph grid(std::size_t side);

/// Corner cases by name: no variables, no factors, one state, constants, empty scopes, ...
struct NamedGraph {
  std::string name;
  FactorGraph graph;
};
[[nodiscard]] std::vector<NamedGraph> degenerate_graphs();

/// One query of every task, with random targets that fit the graph.
[[nodiscard]] std::vector<Query> every_task(Random& random, const FactorGraph& graph);

}  // namespace credo::testing
