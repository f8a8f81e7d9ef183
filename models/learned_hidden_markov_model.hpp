#pragma once
// Hidden Markov models whose rows are unknown, each with a Dirichlet prior: structured variational
// message passing, the hidden chains by exact forward and backward messages under E[log row].

#include <credo/inference/conjugate/conjugate.hpp>
#include <credo/models/hidden_markov_model.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace credo {

struct LearnedHmmOptions {
  std::size_t states = 2;
  std::size_t symbols = 2;
  /// Concentrations: one number for every entry, or all of them (initial [s], transition [s, s],
  /// emission [s, o]).
  std::vector<double> initial{1.0};
  std::vector<double> transition{1.0};
  std::vector<double> emission{1.0};
  ConjugateOptions inference{.restarts = 10};
};

struct LearnedHmm {
  /// value is a lower bound of log p(y).
  ConjugateResult inference;
  /// Dirichlet concentrations of q: shapes as above.
  std::vector<double> initial;
  std::vector<double> transition;
  std::vector<double> emission;
  /// q(x_t) for every sequence and time, as Smoothed::states.
  std::vector<std::vector<std::vector<double>>> states;

  [[nodiscard]] bool ok() const noexcept { return inference.ok(); }
  /// The model with E[row] in every row. Throws QueryError when there is none.
  [[nodiscard]] HiddenMarkovModel mean_model() const;
};

/// Throws ModelError on empty sequences, symbols out of range and concentrations, OptionError on
/// options. Cost per sweep: one sum-product pass over every sequence. MacKay 1997; Beal 2003,
/// chapter 3.
[[nodiscard]] LearnedHmm learn_hidden_markov_model(std::span<const Observations> sequences,
                                                   const LearnedHmmOptions& options);

}  // namespace credo
