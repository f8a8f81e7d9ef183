#include <credo/core/error.hpp>
#include <credo/models/bayesian_network.hpp>
#include <credo/models/expected_counts.hpp>
#include <credo/models/hidden_markov_model.hpp>
#include <credo/models/parameter_learning.hpp>
#include <credo/models/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

// Against plain counting, predictive probabilities one case after another, and expectation
// maximisation by enumeration of the hidden states.

namespace {

using credo::DataTable;
using credo::FactorGraph;
using credo::Guarantee;
using credo::LearnOptions;
using credo::ParameterFit;
using credo::Status;

constexpr std::uint32_t kMissing = DataTable::kMissing;

/// a -> b, (a, b) -> c with 2, 3 and 2 states and lopsided tables.
FactorGraph three() {
  credo::BayesianNetwork network;
  network.add("a", {"no", "yes"}, {}, {{0.6, 0.4}});
  network.add("b", {"x", "y", "z"}, {"a"}, {{0.5, 0.3, 0.2}, {0.1, 0.3, 0.6}});
  network.add("c", {"no", "yes"}, {"a", "b"},
              {{0.9, 0.1}, {0.7, 0.3}, {0.4, 0.6}, {0.8, 0.2}, {0.5, 0.5}, {0.15, 0.85}});
  return network.graph();
}

/// Cases drawn from three(), each state missing with the given probability; a is always missing
/// when hide_a.
DataTable cases(std::size_t count, double missing, bool hide_a, std::uint64_t seed) {
  const FactorGraph graph = three();
  const credo::BayesianNetwork network(graph);
  credo::Random random(seed);
  DataTable data(graph);
  for (const auto& sample : network.sample(count, seed)) {
    std::vector<std::uint32_t> row;
    for (std::size_t v = 0; v < 3; ++v) {
      const bool hidden = random.uniform() < missing || (hide_a && v == 0);
      row.push_back(hidden ? kMissing : static_cast<std::uint32_t>(sample[v]));
    }
    data.add_row(row);
  }
  return data;
}

/// The joint states of (a, b, c) that a row allows.
template <typename Body>
void each_completion(std::span<const std::uint32_t> row, const Body& body) {
  for (std::uint32_t a = 0; a < 2; ++a) {
    for (std::uint32_t b = 0; b < 3; ++b) {
      for (std::uint32_t c = 0; c < 2; ++c) {
        const std::uint32_t states[3] = {a, b, c};
        bool fits = true;
        for (std::size_t v = 0; v < 3; ++v)
          fits = fits && (row[v] == kMissing || row[v] == states[v]);
        if (fits) body(a, b, c);
      }
    }
  }
}

struct Tables {
  std::vector<double> a{0.6, 0.4};
  std::vector<double> b{0.5, 0.3, 0.2, 0.1, 0.3, 0.6};
  std::vector<double> c{0.9, 0.1, 0.7, 0.3, 0.4, 0.6, 0.8, 0.2, 0.5, 0.5, 0.15, 0.85};

  [[nodiscard]] double joint(std::size_t i, std::size_t j, std::size_t k) const {
    return a[i] * b[i * 3 + j] * c[(i * 3 + j) * 2 + k];
  }
};

void normalise(std::vector<double>& table, std::size_t width) {
  for (std::size_t i = 0; i < table.size(); i += width)
    credo::normalize(std::span(table).subspan(i, width));
}

/// One iteration by enumeration; returns the log likelihood before it.
double iterate(Tables& tables, const DataTable& data, double pseudo_count) {
  Tables counts;
  for (auto* const table : {&counts.a, &counts.b, &counts.c})
    std::ranges::fill(*table, pseudo_count);
  double log_likelihood = 0.0;
  for (std::size_t r = 0; r < data.rows(); ++r) {
    double total = 0.0;
    each_completion(data.row(r), [&](std::size_t i, std::size_t j, std::size_t k) {
      total += tables.joint(i, j, k);
    });
    log_likelihood += std::log(total);
    each_completion(data.row(r), [&](std::size_t i, std::size_t j, std::size_t k) {
      const double p = tables.joint(i, j, k) / total;
      counts.a[i] += p;
      counts.b[i * 3 + j] += p;
      counts.c[(i * 3 + j) * 2 + k] += p;
    });
  }
  normalise(counts.a, 2);
  normalise(counts.b, 3);
  normalise(counts.c, 2);
  tables = counts;
  return log_likelihood;
}

void check_tables(const FactorGraph& graph, const Tables& expected) {
  const std::vector<double>* const tables[3] = {&expected.a, &expected.b, &expected.c};
  for (credo::FactorId f = 0; f < 3; ++f) {
    for (std::size_t i = 0; i < tables[f]->size(); ++i) {
      CHECK(std::fabs(graph.factor(f).table.at(i) - (*tables[f])[i]) < 1e-12);
    }
  }
}

}  // namespace

TEST_CASE("parameter learning: complete data are counted") {
  const DataTable data = cases(400, 0.0, false, 3);
  const ParameterFit fit = credo::learn_parameters(three(), data);
  REQUIRE(fit.ok());
  CHECK(fit.guarantee == Guarantee::exact);
  Tables expected;
  iterate(expected, data, 0.0);
  check_tables(fit.graph, expected);
  Tables again = expected;
  CHECK(fit.log_likelihood == doctest::Approx(iterate(again, data, 0.0)).epsilon(1e-12));
  CHECK(std::isnan(fit.log_marginal_likelihood));
}

TEST_CASE("parameter learning: BDeu is the product of predictive probabilities") {
  const DataTable data = cases(50, 0.0, false, 4);
  LearnOptions options;
  options.prior = credo::PriorCounts::equivalent_sample;
  options.strength = 3.0;
  const ParameterFit fit = credo::learn_parameters(three(), data, options);
  // Each case predicted from those before it.
  Tables counts;
  std::ranges::fill(counts.a, 3.0 / 2.0);
  std::ranges::fill(counts.b, 3.0 / 6.0);
  std::ranges::fill(counts.c, 3.0 / 12.0);
  double log_marginal = 0.0;
  for (std::size_t r = 0; r < data.rows(); ++r) {
    Tables now = counts;
    normalise(now.a, 2);
    normalise(now.b, 3);
    normalise(now.c, 2);
    each_completion(data.row(r), [&](std::size_t i, std::size_t j, std::size_t k) {
      log_marginal += std::log(now.joint(i, j, k));
      counts.a[i] += 1.0;
      counts.b[i * 3 + j] += 1.0;
      counts.c[(i * 3 + j) * 2 + k] += 1.0;
    });
  }
  CHECK(fit.log_marginal_likelihood == doctest::Approx(log_marginal).epsilon(1e-12));
  normalise(counts.a, 2);
  normalise(counts.b, 3);
  normalise(counts.c, 2);
  check_tables(fit.graph, counts);
}

TEST_CASE("parameter learning: expectation maximisation step by step") {
  for (const bool hide_a : {false, true}) {
    const DataTable data = cases(60, 0.3, hide_a, 5);
    for (const double pseudo_count : {0.0, 0.5}) {
      Tables expected;
      std::vector<double> trace;
      for (int i = 0; i < 6; ++i) trace.push_back(iterate(expected, data, pseudo_count));
      LearnOptions options;
      options.strength = pseudo_count;
      options.maximum_iterations = 6;
      options.restarts = 1;
      const ParameterFit fit = credo::learn_parameters(three(), data, options);
      REQUIRE(fit.ok());
      CHECK(fit.guarantee == Guarantee::unconverged);
      check_tables(fit.graph, expected);
      REQUIRE(fit.trace.size() == 7);
      for (std::size_t i = 0; i < 6; ++i) {
        if (pseudo_count == 0.0) CHECK(fit.trace[i] == doctest::Approx(trace[i]).epsilon(1e-12));
        CHECK(fit.trace[i + 1] >= fit.trace[i] - 1e-11);
      }
    }
  }
}

TEST_CASE("parameter learning: converged, nothing near is better") {
  const DataTable data = cases(80, 0.1, false, 6);
  LearnOptions options;
  options.restarts = 2;
  options.tolerance = 1e-9;
  const ParameterFit fit = credo::learn_parameters(three(), data, options);
  REQUIRE(fit.ok());
  CHECK(fit.guarantee == Guarantee::fixed_point);
  Tables best;
  for (std::size_t i = 0; i < 2; ++i) best.a[i] = fit.graph.factor(0).table.at(i);
  for (std::size_t i = 0; i < 6; ++i) best.b[i] = fit.graph.factor(1).table.at(i);
  for (std::size_t i = 0; i < 12; ++i) best.c[i] = fit.graph.factor(2).table.at(i);
  Tables copy = best;
  const double value = iterate(copy, data, 0.0);
  CHECK(value == doctest::Approx(fit.log_likelihood).epsilon(1e-12));
  for (const double step : {1e-3, -1e-3}) {
    Tables moved = best;
    moved.a[0] += step;
    moved.a[1] -= step;
    CHECK(iterate(moved, data, 0.0) < value);
    moved = best;
    moved.b[1] += step;
    moved.b[2] -= step;
    CHECK(iterate(moved, data, 0.0) < value);
  }
}

TEST_CASE("parameter learning: tables that are shared stay shared") {
  const credo::HiddenMarkovModel model({0.5, 0.5}, {{0.8, 0.2}, {0.3, 0.7}},
                                       {{0.7, 0.2, 0.1}, {0.1, 0.3, 0.6}});
  const FactorGraph graph = model.unrolled(4);
  DataTable data(graph);
  // The hidden path of the first case is known: x0, y0, x1, y1, ...
  data.add_row(std::vector<std::uint32_t>{0, 2, 0, 0, 1, 2, 1, 1});
  const ParameterFit known = credo::learn_parameters(graph, data);
  // 0 -> 0, 0 -> 1, 1 -> 1; and 0 emits 2, 0 while 1 emits 2, 1.
  for (const credo::Factor& factor : known.graph.factors()) {
    if (factor.scope.size() != 2) continue;
    if (factor.table.shape()[1] == 2) {
      CHECK(factor.table.at(0) == 0.5);
      CHECK(factor.table.at(3) == 1.0);
    } else {
      CHECK(factor.table.at(0) == 0.5);
      CHECK(factor.table.at(2) == 0.5);
      CHECK(factor.table.at(4) == 0.5);
    }
  }
  data.add_row(std::vector<std::uint32_t>{kMissing, 0, kMissing, 0, kMissing, 2, kMissing, 2});
  data.add_row(std::vector<std::uint32_t>{kMissing, 2, kMissing, 1, kMissing, 0, kMissing, 0});
  LearnOptions options;
  options.strength = 0.1;
  const ParameterFit fit = credo::learn_parameters(graph, data, options);
  REQUIRE(fit.ok());
  CHECK(fit.guarantee == Guarantee::fixed_point);
  const void* transition = nullptr;
  for (const credo::Factor& factor : fit.graph.factors()) {
    if (factor.scope.size() != 2 || factor.table.shape()[1] != 2) continue;
    if (transition != nullptr) CHECK(factor.table.identity() == transition);
    transition = factor.table.identity();
  }
  for (std::size_t i = 1; i < fit.trace.size(); ++i)
    CHECK(fit.trace[i] >= fit.trace[i - 1] - 1e-11);
}

TEST_CASE("parameter learning: fixed tables, zeros, unseen rows, impossible rows") {
  LearnOptions options;
  options.fixed = {1};
  options.tolerance = 1e-3;
  const DataTable data = cases(40, 0.2, false, 7);
  const ParameterFit fit = credo::learn_parameters(three(), data, options);
  CHECK(fit.graph.factor(1) == three().factor(1));
  CHECK_FALSE(fit.graph.factor(0) == three().factor(0));

  DataTable one(three());
  one.add_row(std::vector<std::uint32_t>{0, 1, kMissing});
  const ParameterFit single = credo::learn_parameters(three(), one);
  CHECK(single.graph.factor(0).table.at(0) == 1.0);
  CHECK(single.graph.factor(1).table.at(3) == 0.1);  // a = yes was never seen

  credo::BayesianNetwork network;
  network.add("a", {"no", "yes"}, {}, {{1.0, 0.0}});
  network.add("b", {"no", "yes"}, {"a"}, {{1.0, 0.0}, {0.5, 0.5}});
  DataTable impossible(network.graph());
  impossible.add_row(std::vector<std::uint32_t>{kMissing, 1});
  const ParameterFit none = credo::learn_parameters(network.graph(), impossible);
  CHECK(none.status == Status::impossible_evidence);
  CHECK(none.message == "the model gives probability 0 to the row b = yes");
}

TEST_CASE("parameter learning: patterns planned once count as those planned anew") {
  const DataTable data = cases(120, 0.3, false, 12);
  std::set<std::vector<bool>> missing;
  for (std::size_t r = 0; r < data.rows(); ++r) {
    std::vector<bool> of_row;
    for (const std::uint32_t state : data.row(r)) of_row.push_back(state == kMissing);
    missing.insert(of_row);
  }
  credo::ExpectedCounter counter(data);
  CHECK(counter.pattern_count() == missing.size());
  CHECK(credo::learn_parameters(three(), data).patterns == missing.size());
  credo::Random random(3);
  const FactorGraph structure = three();
  for (std::size_t round = 0; round < 6; ++round) {
    FactorGraph graph;
    for (const credo::Variable& variable : structure.variables()) graph.add_variable(variable);
    for (const credo::Factor& factor : structure.factors()) {
      std::vector<double> values;
      for (std::size_t i = 0; i < factor.table.size(); ++i) {
        // In the third round no row is possible.
        values.push_back(round == 2 ? 0.0 : random.uniform(0.1, 1.0));
      }
      const auto shape = factor.table.shape();
      graph.add_conditional(factor.scope, *factor.child,
                            credo::Table::dense({shape.begin(), shape.end()}, values),
                            credo::kInfinity);
    }
    const credo::ExpectedCounts once = counter.count(graph);
    const credo::ExpectedCounts anew = credo::expected_counts(graph, data);
    CHECK(once.status == anew.status);
    CHECK(once.ok() == (round != 2));
    CHECK(once.counts == anew.counts);
    if (once.ok()) CHECK(once.log_weight == anew.log_weight);
  }
  FactorGraph other = three();
  other.add_factor({0}, {1.0, 1.0});
  CHECK_THROWS_AS(static_cast<void>(counter.count(other)), credo::ModelError);
  CHECK(counter.count(three()).counts == credo::expected_counts(three(), data).counts);
}

TEST_CASE("parameter learning: stopped, the best so far is left") {
  const DataTable data = cases(100, 0.5, true, 8);
  LearnOptions options;
  options.time_limit_seconds = 0.0;
  const ParameterFit late = credo::learn_parameters(three(), data, options);
  CHECK(late.status == Status::deadline);
  // Not even the first iteration was whole: the tables are those of the start.
  CHECK(late.trace.empty());
  CHECK(std::isnan(late.log_likelihood));
  CHECK(late.guarantee == Guarantee::unconverged);
  CHECK(late.graph == three());
  CHECK(late.message.find("before the first iteration") != std::string::npos);
  options.time_limit_seconds = credo::kInfinity;
  options.observer = [](const credo::Progress&) { return false; };
  CHECK(credo::learn_parameters(three(), data, options).status == Status::cancelled);
}

TEST_CASE("parameter learning: wrong input is named") {
  FactorGraph graph = three();
  const DataTable data(graph);
  LearnOptions options;
  options.strength = -1.0;
  CHECK_THROWS_AS(static_cast<void>(credo::learn_parameters(graph, data, options)),
                  credo::OptionError);
  options.strength = 0.0;
  options.fixed = {9};
  CHECK_THROWS_AS(static_cast<void>(credo::learn_parameters(graph, data, options)),
                  credo::ModelError);
  graph.add_factor({0}, std::vector<double>{1.0, 2.0});
  CHECK_THROWS_AS(static_cast<void>(credo::learn_parameters(graph, data)), credo::ModelError);
  DataTable rows(graph);
  CHECK_THROWS_AS(rows.add_row(std::vector<std::uint32_t>{0, 3, 0}), credo::EvidenceError);
  CHECK_THROWS_AS(rows.add_row(std::vector<std::uint32_t>{0, 1}), credo::EvidenceError);
}
