#pragma once
// Seeded random factor graphs for tests of core: every storage, domain and kind
// of name that some format has to carry.

#include <credo/core/factor_graph.hpp>
#include <credo/core/numerics.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace credo::testing {

class RandomGraphs {
 public:
  explicit RandomGraphs(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }

  /// Positive doubles of all sizes, with all 53 bits in use, and now and then 0 or 1.
  double value() {
    const std::size_t kind = below(10);
    if (kind == 0) return 0.0;
    if (kind == 1) return 1.0;
    const double mantissa = std::uniform_real_distribution<double>(0.5, 1.0)(random_);
    return std::ldexp(mantissa,
                      static_cast<int>(below(kind == 2 ? 2000 : 20)) - (kind == 2 ? 1000 : 10));
  }

  /// Names that are words, or hold blanks, punctuation and letters beyond ASCII.
  std::string name(std::size_t number, bool odd) {
    static const std::vector<std::string> kOdd{"rain today", "a|b",       "x,y",  "<5",
                                               ">=7.5",      "Asy/Patch", "{}",   "ä€𝄞",
                                               "-_10",       "50%",       "a//b", "&amp;"};
    const std::string stem = odd ? kOdd[below(kOdd.size())] : std::string("v");
    return stem + "_" + std::to_string(number);
  }

  std::vector<std::string> states(std::size_t cardinality, bool odd) {
    std::vector<std::string> names;
    if (below(3) == 0) return names;
    for (std::size_t i = 0; i < cardinality; ++i) names.push_back(name(i, odd));
    return names;
  }

  Scope scope(std::size_t variables, std::size_t most) {
    Scope all(variables);
    for (std::size_t v = 0; v < variables; ++v) all[v] = static_cast<VariableId>(v);
    std::ranges::shuffle(all, random_);
    all.resize(std::min(variables, below(most + 1)));
    return all;
  }

  /// Any factors over any scopes; tables dense or sparse, linear or log, some shared.
  FactorGraph any(bool plain_names, bool every_storage) {
    FactorGraph graph;
    const std::size_t count = 1 + below(8);
    for (std::size_t v = 0; v < count; ++v) {
      const std::size_t cardinality = 1 + below(4);
      if (plain_names) {
        graph.add_variable("x" + std::to_string(v), cardinality);
      } else {
        graph.add_variable(name(v, true), cardinality, states(cardinality, true));
      }
    }
    for (std::size_t f = below(10); f-- > 0;) {
      Scope s = scope(count, 4);
      std::vector<std::size_t> shape = graph.shape_of(s);
      std::vector<double> values(saturating_product(shape));
      for (double& x : values) x = value();
      Table table = Table::dense(std::move(shape), std::move(values));
      if (every_storage && below(2) == 0) table = table.sparsified();
      if (every_storage && below(3) == 0) table = table.in_domain(Domain::log);
      graph.add_factor(s, table);
      if (below(3) == 0) graph.add_factor(std::move(s), std::move(table));
    }
    return graph;
  }

  /// A Bayesian network whose arcs follow the order of addition; children stand last in their
  /// scopes, as every network format has them.
  FactorGraph network(bool odd_names) {
    FactorGraph graph;
    graph.name = below(2) == 0 ? "" : odd_names ? "a net, of \"names\"" : "net";
    if (odd_names) std::erase(graph.name, '"');
    const std::size_t count = 1 + below(7);
    for (std::size_t v = 0; v < count; ++v) {
      const std::size_t cardinality = 1 + below(4);
      graph.add_variable(name(v, odd_names), cardinality, states(cardinality, odd_names));
    }
    for (std::size_t v = 0; v < count; ++v) {
      Scope s = v == 0 ? Scope{} : scope(v, 3);
      s.push_back(static_cast<VariableId>(v));
      graph.add_conditional(s, static_cast<VariableId>(v), conditional(graph, s));
    }
    return graph;
  }

  /// A random p(last given the others of scope).
  Table conditional(const FactorGraph& graph, const Scope& s) {
    std::vector<std::size_t> shape = graph.shape_of(s);
    std::vector<double> values(saturating_product(shape));
    const std::size_t width = shape.back();
    for (std::size_t row = 0; row < values.size(); row += width) {
      for (std::size_t k = 0; k < width; ++k) {
        values[row + k] = std::uniform_real_distribution<double>(0.0, 1.0)(random_) + 1e-9;
      }
      normalize(std::span(values).subspan(row, width));
    }
    return Table::dense(std::move(shape), std::move(values));
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace credo::testing
