#include <credo/core/formats/format.hpp>
#include <credo/models/bayesian_network.hpp>
#include <credo/models/gaussian_mixture.hpp>
#include <credo/models/learned_hidden_markov_model.hpp>
#include <credo/models/log_linear.hpp>
#include <credo/models/parameter_learning.hpp>
#include <credo/models/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

// Starts from which hidden states can never be told apart, against the best of many random starts.

namespace {

using credo::DataTable;
using credo::FactorGraph;
using credo::Guarantee;
using credo::LearnOptions;
using credo::ParameterFit;

constexpr std::uint32_t kMissing = DataTable::kMissing;

std::vector<double> random_row(credo::Random& random, std::size_t states) {
  std::vector<double> row;
  for (std::size_t s = 0; s < states; ++s) row.push_back(0.05 + random.uniform());
  credo::normalize(row);
  return row;
}

std::vector<std::string> names_of(std::size_t states) {
  std::vector<std::string> names;
  for (std::size_t s = 0; s < states; ++s) names.push_back("s" + std::to_string(s));
  return names;
}

/// A hidden variable and symptoms of three states each; the rows of state s are rows[s mod
/// distinct] of random ones, so that states beyond `distinct` are copies of others.
FactorGraph latent_class(std::size_t states, std::size_t symptoms, std::size_t distinct,
                         std::uint64_t seed) {
  credo::Random random(seed);
  credo::BayesianNetwork network;
  network.add("class", names_of(states), {},
              {std::vector<double>(states, 1.0 / static_cast<double>(states))});
  for (std::size_t i = 0; i < symptoms; ++i) {
    std::vector<std::vector<double>> rows;
    for (std::size_t s = 0; s < states; ++s) {
      rows.push_back(s < distinct ? random_row(random, 3) : rows[s % distinct]);
    }
    network.add("symptom" + std::to_string(i), names_of(3), {"class"}, rows);
  }
  return network.graph();
}

/// Cases of a graph, of which the given variables were not observed.
DataTable cases(const FactorGraph& graph, std::size_t count, const std::vector<std::size_t>& hidden,
                std::uint64_t seed) {
  DataTable data(graph);
  for (const auto& states : credo::BayesianNetwork(graph).sample(count, seed)) {
    std::vector<std::uint32_t> row(states.begin(), states.end());
    for (const std::size_t v : hidden) row[v] = kMissing;
    data.add_row(row);
  }
  return data;
}

double best_of(const FactorGraph& graph, const DataTable& data, std::size_t starts,
               LearnOptions options = {}) {
  options.restarts = starts;
  options.seed = 99;
  return credo::learn_parameters(graph, data, options).objective;
}

}  // namespace

TEST_CASE("learning saddles: flat tables reach the maximum, and the saddle is said") {
  const std::string folder = CREDO_TEST_DATA;
  const FactorGraph flat =
      credo::read_model(std::filesystem::path(folder + "/bif/latent_class_flat.bif"));
  const DataTable data =
      credo::read_data(std::filesystem::path(folder + "/csv/latent_class.csv"), flat);
  LearnOptions options;
  options.restarts = 1;
  const ParameterFit one = credo::learn_parameters(flat, data, options);
  REQUIRE(one.ok());
  CHECK(std::fabs(one.log_likelihood + 3532.250628) < 1e-4);
  CHECK(one.escaped_saddles == 1);
  CHECK(one.message.find("saddles") != std::string::npos);
  CHECK(std::ranges::is_sorted(one.trace));
  const ParameterFit several = credo::learn_parameters(flat, data);
  CHECK(several.start_objectives.size() == LearnOptions::kStartsWithHidden);
  CHECK(std::fabs(several.log_likelihood + 3532.250628) < 1e-4);
  CHECK(several.escaped_saddles == 1);
  CHECK(several.log_likelihood == several.start_objectives[several.best_start]);
}

TEST_CASE("learning saddles: with a prior, all states alike and two of three alike") {
  const FactorGraph truth = latent_class(3, 4, 3, 11);
  const DataTable data = cases(truth, 120, {0}, 12);
  LearnOptions options;
  options.strength = 1.0;
  options.tolerance = 1e-4;
  options.maximum_iterations = 200;
  options.restarts = 1;
  for (const std::size_t distinct : {1U, 2U}) {
    const FactorGraph start = latent_class(3, 4, distinct, 13);
    const ParameterFit fit = credo::learn_parameters(start, data, options);
    REQUIRE(fit.ok());
    CHECK(fit.guarantee == Guarantee::fixed_point);
    CHECK(fit.escaped_saddles >= 1);
  }
}

TEST_CASE("learning saddles: random latent classes, the default against the best of many starts") {
  // A prior, and differences that can be seen: else the likelihood is flat around its maximum, and
  // hundreds of iterations pass.
  LearnOptions options;
  options.strength = 1.0;
  options.tolerance = 1e-5;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const FactorGraph truth = latent_class(2, 4, 2, seed);
    const DataTable data = cases(truth, 100, {0}, 100 + seed);
    const ParameterFit fit = credo::learn_parameters(latent_class(2, 4, 1, seed), data, options);
    REQUIRE(fit.ok());
    CAPTURE(seed);
    CHECK(fit.objective > best_of(truth, data, 12, options) - 0.05);
  }
}

TEST_CASE("learning saddles: zeros of the given tables stay, and are counted") {
  credo::BayesianNetwork network;
  network.add("class", {"a", "b"}, {}, {{1.0, 0.0}});
  network.add("x", {"no", "yes"}, {"class"}, {{0.5, 0.5}, {0.1, 0.9}});
  DataTable data(network.graph());
  data.add_row(std::vector<std::uint32_t>{kMissing, 0}, 3.0);
  data.add_row(std::vector<std::uint32_t>{kMissing, 1}, 1.0);
  LearnOptions options;
  const ParameterFit dead = credo::learn_parameters(network.graph(), data, options);
  CHECK(dead.kept_zeros == 1);
  CHECK(dead.message.find("entries that are 0") != std::string::npos);
  options.strength = 1.0;  // which adds to every entry
  CHECK(credo::learn_parameters(network.graph(), data, options).kept_zeros == 0);
}

TEST_CASE("learning saddles: a log-linear model whose hidden variable starts as if it were not") {
  const FactorGraph truth = latent_class(2, 3, 2, 5);
  const DataTable data = cases(truth, 200, {0}, 6);
  FactorGraph base;
  for (const credo::Variable& variable : truth.variables()) base.add_variable(variable);
  credo::LogLinearModel model(base);
  // Every entry has its parameter, so that nothing but the data tells the hidden states apart.
  for (credo::VariableId v = 1; v < 4; ++v) {
    for (std::size_t entry = 0; entry < 6; ++entry) {
      std::vector<double> values(6, 0.0);
      values[entry] = 1.0;
      model.add_feature(model.add_parameter(), {0, v}, std::move(values));
    }
  }
  credo::LogLinearOptions options;
  options.penalty = 1e-3;
  options.restarts = 1;
  options.minimize.gradient_tolerance = 1e-6;
  const credo::LogLinearFit one = credo::fit(model, data, options);
  REQUIRE(one.ok());
  options.restarts = 6;
  const credo::LogLinearFit several = credo::fit(model, data, options);
  CHECK(several.start_objectives.size() == 6);
  CHECK(one.log_likelihood > several.log_likelihood - 1.0);
  options.infer.observer = [](const credo::Progress&) { return false; };
  CHECK(credo::fit(model, data, options).status == credo::Status::cancelled);
}

TEST_CASE("learning saddles: labels and chains that start alike") {
  std::vector<double> points;
  for (int i = 0; i < 30; ++i) {
    points.push_back(std::sin(i) + (i % 2 == 0 ? -6.0 : 6.0));
  }
  credo::MixtureOptions mixture;
  const credo::MixtureFit best = credo::gaussian_mixture(points, 1, mixture);
  REQUIRE(best.ok());
  CHECK(best.inference.start_values.size() == mixture.inference.restarts);
  // Node 3 of the mixture's model is its labels.
  const auto& posteriors = best.inference.posteriors;
  const auto labels = std::ranges::find(posteriors, "labels", &credo::ConjugatePosterior::name);
  REQUIRE(labels != posteriors.end());
  credo::MixtureOptions alike;
  alike.inference.restarts = 1;
  alike.inference.starts = {
      {{{static_cast<std::uint32_t>(labels - posteriors.begin())}, std::vector<double>(60, 0.5)}}};
  const credo::MixtureFit shaken = credo::gaussian_mixture(points, 1, alike);
  REQUIRE(shaken.ok());
  CHECK(shaken.inference.escaped_saddles >= 1);
  CHECK(shaken.inference.value > best.inference.value - 1e-3);
  CHECK(std::fabs(shaken.means[0] - shaken.means[1]) > 8.0);
}
