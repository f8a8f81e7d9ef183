#include "random_models.hpp"

#include <credo/core/numerics.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace credo::testing {

std::vector<std::uint32_t> Random::subset(std::size_t n, std::size_t size) {
  std::vector<std::uint32_t> items(n);
  std::iota(items.begin(), items.end(), 0U);
  shuffle(items);
  items.resize(std::min(size, n));
  return items;
}

std::vector<ModelClass> model_classes() {
  return {
      {.name = "dense"},
      {.name = "pairwise binary",
       .variables = 9,
       .factors = 14,
       .largest_cardinality = 2,
       .smallest_cardinality = 2,
       .largest_scope = 2},
      {.name = "wide scopes",
       .variables = 6,
       .factors = 4,
       .largest_scope = 5,
       .smallest_scope = 3},
      {.name = "zeros", .zero_fraction = 0.4},
      {.name = "mostly zeros", .factors = 6, .zero_fraction = 0.7},
      {.name = "sparse tables", .zero_fraction = 0.5, .sparse_fraction = 0.7},
      {.name = "log tables", .zero_fraction = 0.1, .log_fraction = 0.7},
      {.name = "sparse log tables",
       .zero_fraction = 0.3,
       .sparse_fraction = 0.6,
       .log_fraction = 0.6},
      {.name = "shared tables",
       .factors = 10,
       .largest_cardinality = 2,
       .smallest_cardinality = 2,
       .sparse_fraction = 0.3,
       .shared_fraction = 0.8},
      {.name = "ties", .levels = 2},
      {.name = "ties with zeros", .zero_fraction = 0.3, .levels = 1},
      {.name = "disconnected", .variables = 8, .factors = 4, .largest_scope = 2},
      {.name = "one state", .largest_cardinality = 2, .smallest_cardinality = 1},
      {.name = "constant factors", .smallest_scope = 0},
      {.name = "network", .bayesian_network = true},
      {.name = "sparse network",
       .zero_fraction = 0.4,
       .sparse_fraction = 0.7,
       .bayesian_network = true},
      {.name = "deterministic network", .bayesian_network = true, .deterministic = true},
      {.name = "wide range", .log_scale = 300.0},
      {.name = "wide range with zeros",
       .zero_fraction = 0.3,
       .sparse_fraction = 0.3,
       .log_fraction = 0.3,
       .log_scale = 600.0},
      {.name = "mixed scales", .log_table_scale = 690.0},
      {.name = "large values in many factors",
       .variables = 2,
       .factors = 24,
       .largest_cardinality = 2,
       .smallest_cardinality = 2,
       .largest_scope = 1,
       .zero_fraction = 0.2,
       .log_table_scale = 68.0},
      {.name = "one sparse table in many places",
       .variables = 5,
       .factors = 6,
       .largest_cardinality = 5,
       .smallest_cardinality = 5,
       .smallest_scope = 3,
       .zero_fraction = 0.75,
       .sparse_fraction = 1.0,
       .shared_fraction = 0.7},
      {.name = "sparse log tables kept sparse",
       .variables = 5,
       .factors = 5,
       .cardinalities = {5, 4},
       .largest_scope = 4,
       .smallest_scope = 2,
       .zero_fraction = 0.75,
       .sparse_fraction = 0.8,
       .log_fraction = 0.6,
       .shared_fraction = 0.3},
      {.name = "wide range in tables kept sparse",
       .variables = 4,
       .factors = 5,
       .cardinalities = {5, 4},
       .largest_scope = 4,
       .smallest_scope = 2,
       .zero_fraction = 0.7,
       .sparse_fraction = 0.8,
       .log_fraction = 0.5,
       .shared_fraction = 0.3,
       .log_scale = 500.0},
      {.name = "cardinalities one and large",
       .variables = 3,
       .factors = 4,
       .cardinalities = {1, 50, 2},
       .largest_scope = 2,
       .smallest_scope = 0,
       .zero_fraction = 0.3,
       .sparse_fraction = 0.4},
      {.name = "repeated scopes",
       .zero_fraction = 0.1,
       .sparse_fraction = 0.3,
       .repeated_fraction = 0.6,
       .subsumed_fraction = 0.1},
      {.name = "subsumed scopes",
       .variables = 5,
       .factors = 9,
       .largest_cardinality = 4,
       .largest_scope = 4,
       .smallest_scope = 3,
       .zero_fraction = 0.6,
       .sparse_fraction = 0.5,
       .repeated_fraction = 0.2,
       .subsumed_fraction = 0.6},
      {.name = "nearly deterministic",
       .variables = 6,
       .factors = 4,
       .cardinalities = {3, 4},
       .largest_scope = 4,
       .smallest_scope = 2,
       .zero_fraction = 0.8,
       .sparse_fraction = 0.4},
      {.name = "network with parents that have no conditional",
       .zero_fraction = 0.2,
       .bayesian_network = true,
       .root_fraction = 0.3},
  };
}

namespace {

struct TableMaker {
  Random& random;
  const ModelClass& of;

  double entry() {
    if (random.chance(of.zero_fraction)) return 0.0;
    if (of.levels > 0) return static_cast<double>(1 + random.below(of.levels));
    return random.uniform(0.05, 1.0) * std::exp(random.uniform(-of.log_scale, of.log_scale));
  }

  std::vector<double> entries(std::size_t count) {
    std::vector<double> values(count);
    for (double& v : values) v = entry();
    if (std::ranges::all_of(values, [](double v) { return v == 0.0; })) {
      values[random.below(count)] = 1.0;
    }
    return values;
  }

  /// Stores values densely or sparsely, linear or log, by the class's chances.
  Table stored(const std::vector<std::size_t>& shape, const std::vector<double>& values) {
    Table table = Table::dense(shape, values);
    if (random.chance(of.log_fraction)) table = table.in_domain(Domain::log);
    // Once in a while a sparse table also stores its zeros.
    if (!random.chance(of.sparse_fraction)) return table;
    if (random.chance(0.8)) return table.sparsified();
    std::vector<SparseEntry> all;
    for (std::size_t i = 0; i < values.size(); ++i) all.push_back({i, table.values()[i]});
    return Table::sparse(shape, std::move(all), table.domain());
  }
};

Scope random_scope(const FactorGraph& graph, TableMaker& make) {
  const ModelClass& of = make.of;
  // No numbers are drawn for what a class does not ask for: older classes keep their models.
  const double chance = of.repeated_fraction + of.subsumed_fraction;
  if (chance > 0.0 && graph.factor_count() > 0) {
    const double uniform = make.random.uniform();
    if (uniform < chance) {
      Scope scope =
          graph.factor(static_cast<FactorId>(make.random.below(graph.factor_count()))).scope;
      make.random.shuffle(scope);
      if (uniform < of.subsumed_fraction) scope.resize(make.random.below(scope.size() + 1));
      return scope;
    }
  }
  const std::size_t arity =
      of.smallest_scope + make.random.below(of.largest_scope - of.smallest_scope + 1);
  return make.random.subset(graph.variable_count(), arity);
}

void add_random_factor(FactorGraph& graph, TableMaker& make) {
  const ModelClass& of = make.of;
  const Scope scope = random_scope(graph, make);
  const std::vector<std::size_t> shape = graph.shape_of(scope);
  if (make.random.chance(of.shared_fraction)) {
    for (const Factor& earlier : graph.factors()) {
      if (std::ranges::equal(earlier.table.shape(), shape)) {
        graph.add_factor(scope, Table(earlier.table));
        return;
      }
    }
  }
  std::vector<double> values = make.entries(saturating_product(shape));
  if (of.log_table_scale > 0.0) {
    const double scale = std::exp(make.random.uniform(-of.log_table_scale, of.log_table_scale));
    for (double& value : values) value *= scale;
  }
  graph.add_factor(scope, make.stored(shape, values));
}

/// p(child given earlier variables), the child at a random position of the scope.
void add_random_conditional(FactorGraph& graph, VariableId child, TableMaker& make) {
  const std::size_t parents = make.random.below(std::min<std::size_t>(child, 3) + 1);
  Scope scope = make.random.subset(child, parents);
  scope.push_back(child);
  const std::size_t states = graph.cardinality(child);
  std::vector<double> values;
  std::size_t rows = 1;
  for (std::size_t i = 0; i < parents; ++i) rows *= graph.cardinality(scope[i]);
  for (std::size_t r = 0; r < rows; ++r) {
    std::vector<double> row(states, 0.0);
    if (make.of.deterministic) {
      row[make.random.below(states)] = 1.0;
    } else {
      row = make.entries(states);
      normalize(row);
    }
    values.insert(values.end(), row.begin(), row.end());
  }
  graph.add_conditional(scope, child, make.stored(graph.shape_of(scope), values));
}

}  // namespace

FactorGraph random_graph(Random& random, const ModelClass& of) {
  FactorGraph graph;
  for (std::size_t v = 0; v < of.variables; ++v) {
    const std::size_t cardinality =
        of.cardinalities.empty()
            ? of.smallest_cardinality +
                  random.below(of.largest_cardinality - of.smallest_cardinality + 1)
            : of.cardinalities[random.below(of.cardinalities.size())];
    graph.add_variable(fmt::format("x{}", v), cardinality);
  }
  TableMaker make{random, of};
  if (of.bayesian_network) {
    for (VariableId v = 0; v < of.variables; ++v) {
      if (of.root_fraction > 0.0 && random.chance(of.root_fraction)) continue;
      add_random_conditional(graph, v, make);
    }
  } else {
    for (std::size_t f = 0; f < of.factors; ++f) add_random_factor(graph, make);
  }
  return graph;
}

Evidence random_evidence(Random& random, const FactorGraph& graph, double chance) {
  Evidence evidence;
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    if (!random.chance(chance)) continue;
    const std::size_t states = graph.cardinality(v);
    const std::size_t kind = random.below(3);
    if (kind == 0) {
      evidence.observe(v, random.below(states));
    } else if (kind == 1) {
      std::vector<double> likelihood(states);
      for (double& weight : likelihood) {
        weight = random.chance(0.2) ? 0.0 : random.uniform(0.1, 3.0);
      }
      evidence.observe_likelihood(v, likelihood);
    } else {
      const auto some = random.subset(states, 1 + random.below(states));
      evidence.allow(v, {some.begin(), some.end()});
    }
  }
  return evidence;
}

Evidence same_pattern(Random& random, const FactorGraph& graph, const Evidence& pattern,
                      double log_scale) {
  Evidence evidence;
  for (const auto& [v, finding] : pattern.findings()) {
    const std::size_t states = graph.cardinality(v);
    if (finding.kind == FindingKind::hard) evidence.observe(v, random.below(states));
    if (finding.kind == FindingKind::likelihood) {
      const double scale = log_scale > 0.0 ? std::exp(random.uniform(-log_scale, log_scale)) : 1.0;
      std::vector<double> likelihood(states);
      for (double& weight : likelihood) {
        weight = random.chance(0.15) ? 0.0 : scale * random.uniform(0.0, 2.0);
      }
      evidence.observe_likelihood(v, likelihood);
    }
    if (finding.kind == FindingKind::allowed) {
      const auto some = random.subset(states, 1 + random.below(states));
      evidence.allow(v, {some.begin(), some.end()});
    }
  }
  return evidence;
}

FactorGraph grid(std::size_t side) {
  FactorGraph graph;
  for (std::size_t i = 0; i < side * side; ++i) graph.add_variable(fmt::format("g{}", i), 2);
  const auto id = [side](std::size_t r, std::size_t c) {
    return static_cast<VariableId>(r * side + c);
  };
  const Table pair = Table::dense({2, 2}, {2.0, 1.0, 1.0, 3.0});
  for (std::size_t r = 0; r < side; ++r) {
    for (std::size_t c = 0; c < side; ++c) {
      if (c + 1 < side) graph.add_factor({id(r, c), id(r, c + 1)}, Table(pair));
      if (r + 1 < side) graph.add_factor({id(r, c), id(r + 1, c)}, Table(pair));
    }
  }
  return graph;
}

std::vector<NamedGraph> degenerate_graphs() {
  std::vector<NamedGraph> graphs;
  const auto add = [&graphs](std::string name, std::vector<std::size_t> cardinalities) {
    FactorGraph graph;
    for (std::size_t v = 0; v < cardinalities.size(); ++v) {
      graph.add_variable(fmt::format("x{}", v), cardinalities[v]);
    }
    graphs.push_back({std::move(name), std::move(graph)});
    return std::ref(graphs.back().graph);
  };
  add("no variables", {});
  add("no factors", {2, 3});
  add("one variable without factors", {4});
  add("one variable of one state", {1}).get().add_factor({0}, {0.25});
  add("constant factor only", {}).get().add_factor({}, {0.5});
  {
    FactorGraph& g = add("constant factors beside a pair", {2, 2});
    g.add_factor({}, {3.0});
    g.add_factor({0, 1}, {1, 2, 3, 4});
    g.add_factor({}, {1e-200});
  }
  add("constant factor zero", {2}).get().add_factor({}, {0.0});
  add("zero table", {2, 2}).get().add_factor({0, 1}, {0, 0, 0, 0});
  add("sparse table without entries", {2, 2}).get().add_factor({0, 1}, Table::sparse({2, 2}, {}));
  {
    FactorGraph& g = add("contradicting deltas", {2});
    g.add_factor({0}, {1, 0});
    g.add_factor({0}, {0, 1});
  }
  {
    FactorGraph& g = add("parity of three", {2, 2, 2});
    g.add_factor({0, 1, 2}, {1, 0, 0, 1, 0, 1, 1, 0});
  }
  {
    FactorGraph& g = add("all ones", {2, 3, 2});
    g.add_factor({0, 1}, std::vector<double>(6, 1.0));
    g.add_factor({1, 2}, std::vector<double>(6, 1.0));
  }
  {
    FactorGraph& g = add("star", {3, 2, 2, 2, 2, 2});
    for (VariableId leaf = 1; leaf < 6; ++leaf) {
      g.add_factor({0, leaf}, {1, 2, 3, 4, 5, 6.0 + leaf});
    }
  }
  {
    FactorGraph& g = add("same scope many times", {2, 2});
    for (int i = 0; i < 5; ++i) g.add_factor({0, 1}, {1, 2, 3, 4});
    for (int i = 0; i < 5; ++i) g.add_factor({1, 0}, {4, 3, 2, 1});
  }
  {
    FactorGraph& g = add("smallest and largest doubles", {2, 2});
    g.add_factor({0}, {5e-324, 1.7e308});
    g.add_factor({0, 1}, {1.7e308, 5e-324, 1e-300, 1e-308});
    g.add_factor({1}, {1e-300, 1e300});
  }
  {
    FactorGraph& g = add("logarithms beyond doubles", {2, 2});
    g.add_factor({0, 1}, Table::dense({2, 2}, {-1e4, -1e4 - 1, -2e4, -kInfinity}, Domain::log));
    g.add_factor({1}, Table::dense({2}, {3e4, 3e4 + 2}, Domain::log));
  }
  {
    FactorGraph& g = add("cycle of four", {2, 2, 2, 2});
    for (VariableId v = 0; v < 4; ++v) g.add_factor({v, (v + 1) % 4}, {3, 1, 1, 2});
  }
  return graphs;
}

std::vector<Query> every_task(Random& random, const FactorGraph& graph) {
  const std::size_t n = graph.variable_count();
  std::vector<Query> queries;
  queries.push_back(Query::log_partition());
  queries.push_back(Query::marginals());
  Query everything = Query::marginals(random.subset(n, random.below(n + 1)));
  for (int j = 0; j < 3; ++j) everything.joints.push_back(random.subset(n, random.below(4)));
  everything.factor_marginals = true;
  queries.push_back(everything);
  if (n > 0) queries.push_back(Query::marginals(random.subset(n, 1)));
  queries.push_back(Query::joint(random.subset(n, std::min<std::size_t>(n, 2))));
  queries.push_back(Query::map());
  queries.push_back(Query::map(1 + random.below(12)));
  queries.push_back(Query::marginal_map(random.subset(n, random.below(n + 1))));
  queries.push_back(Query::marginal_map(random.subset(n, random.below(3))));
  queries.push_back(Query::samples(5, 1 + random.below(1000)));
  queries.push_back(Query::sensitivity());
  for (Query query : {Query::log_partition(), Query::marginals(), Query::map()}) {
    query.messages = true;
    queries.push_back(query);
  }
  std::vector<VariableId> all = random.subset(n, n);
  queries.push_back(Query::marginal_map(all));
  queries.push_back(Query::marginal_map({}));
  // The same joint in another order; more assignments than there are.
  Scope some(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(n, 2)));
  Query permuted = Query::joint(some);
  permuted.joints.emplace_back(some.rbegin(), some.rend());
  permuted.joints.emplace_back();
  queries.push_back(permuted);
  std::size_t assignments = 1;
  for (const Variable& v : graph.variables()) assignments *= v.cardinality;
  if (assignments <= 150) queries.push_back(Query::map(assignments + 3));
  return queries;
}

}  // namespace credo::testing
