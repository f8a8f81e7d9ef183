// A hidden Markov model as a conjugate model: one chain plate for all sequences, which selects the
// row of emissions that each observation comes from.

#include <credo/core/error.hpp>
#include <credo/core/expansion_limit.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/learned_hidden_markov_model.hpp>
#include <credo/models/random.hpp>

#include <fmt/format.h>

#include <cmath>
#include <utility>

namespace credo {

namespace {

std::vector<double> entries(const std::vector<double>& given, std::size_t size) {
  return given.size() == 1 ? std::vector<double>(size, given[0]) : given;
}

/// Rows that sum to 1.
Table rows_of(const std::vector<double>& concentrations, std::size_t rows, bool vector) {
  std::vector<double> values = concentrations;
  const std::size_t width = values.size() / rows;
  for (std::size_t r = 0; r < rows; ++r) normalize(std::span(values).subspan(r * width, width));
  if (vector) return Table::dense({width}, std::move(values));
  return Table::dense({rows, width}, std::move(values));
}

/// Weights of the states at every time: those of random rows of emissions. Weights that ignore the
/// symbols would start where all states look alike, which is nearly a stationary point.
std::vector<double> random_states(const std::vector<std::size_t>& symbols, std::size_t states,
                                  std::size_t count, Random& random) {
  std::vector<double> rows;
  for (std::size_t i = 0; i < states * count; ++i) {
    const double draw = -std::log1p(-random.uniform());
    rows.push_back(1e-3 + draw * draw);
  }
  std::vector<double> weights;
  for (const std::size_t y : symbols) {
    for (std::size_t s = 0; s < states; ++s) {
      weights.push_back(y == ConjugateModel::kMissing ? 1.0 : rows[s * count + y]);
    }
  }
  return weights;
}

/// The symbols of all sequences, one after another.
std::vector<std::size_t> joined(std::span<const Observations> sequences, std::size_t count) {
  std::vector<std::size_t> symbols;
  for (const Observations& sequence : sequences) {
    for (const auto& y : sequence) {
      if (y && *y >= count) {
        throw ModelError(
            fmt::format("hidden Markov model, observation {}: expected a symbol below "
                        "{}, got {}",
                        symbols.size(), count, *y));
      }
      symbols.push_back(y ? *y : ConjugateModel::kMissing);
    }
  }
  return symbols;
}

}  // namespace

LearnedHmm learn_hidden_markov_model(std::span<const Observations> sequences,
                                     const LearnedHmmOptions& options) {
  const std::size_t s = options.states;
  const std::size_t o = options.symbols;
  if (s == 0 || o == 0) throw OptionError("options states and symbols: expected at least 1, got 0");
  require_expandable("hidden Markov model, rows",
                     static_cast<double>(s) * (static_cast<double>(s) + static_cast<double>(o)),
                     kExpansionLimit, "choose fewer states or symbols");
  if (sequences.empty()) throw ModelError("hidden Markov model: expected sequences, got none");
  std::vector<std::size_t> lengths;
  for (const Observations& sequence : sequences) lengths.push_back(sequence.size());
  const std::vector<std::size_t> symbols = joined(sequences, o);
  ConjugateModel model;
  const auto initial =
      model.add_dirichlet("initial", {.concentration = entries(options.initial, s), .states = s});
  const auto transition = model.add_dirichlet(
      "transition", {.count = s, .concentration = entries(options.transition, s * s), .states = s});
  const auto emission = model.add_dirichlet(
      "emission", {.count = s, .concentration = entries(options.emission, s * o), .states = o});
  const auto x = model.add_chain("states", {lengths, initial, transition});
  const auto y = model.add_categorical(
      "observations",
      {.count = symbols.size(), .probabilities = emission, .selector = ConjugateParent(x)});
  model.observe_states(y, symbols);

  options.inference.validate();
  ConjugateOptions inference = options.inference;
  Random random(inference.seed);
  while (inference.starts.size() < inference.restarts) {
    inference.starts.push_back({{x, random_states(symbols, s, o, random)}});
  }
  LearnedHmm learned;
  learned.inference = maximize(model, inference);
  if (learned.inference.posteriors.empty()) return learned;
  learned.initial = learned.inference.posterior(initial).concentration;
  learned.transition = learned.inference.posterior(transition).concentration;
  learned.emission = learned.inference.posterior(emission).concentration;
  const ConjugatePosterior& states = learned.inference.posterior(x);
  std::size_t at = 0;
  for (const std::size_t length : lengths) {
    auto& sequence = learned.states.emplace_back();
    for (std::size_t t = 0; t < length; ++t, ++at) {
      const auto q = states.element(states.mean, at);
      sequence.emplace_back(q.begin(), q.end());
    }
  }
  return learned;
}

HiddenMarkovModel LearnedHmm::mean_model() const {
  if (initial.empty()) {
    throw QueryError(
        fmt::format("hidden Markov model: nothing was learned ({})", inference.message));
  }
  return {rows_of(initial, 1, true), rows_of(transition, initial.size(), false),
          rows_of(emission, initial.size(), false)};
}

}  // namespace credo
