#pragma once
// Hidden Markov models: p(x, y) = p(x_0) prod_t p(x_t given x_{t-1}) prod_t p(y_t given x_t),
// hidden states x_t, observations y_t, t = 0, ..., T-1. Every answer is a query of the
// generic engine on the unrolled chain, whose T - 1 transition factors share one table.

#include <credo/inference/infer.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace credo {

/// y_0, ..., y_{T-1}; std::nullopt: not observed at that time.
using Observations = std::vector<std::optional<std::size_t>>;

/// log p(y_t given x_t = s) for every time t and state s, natural logarithms up to a constant per
/// time (which the log likelihood then carries): any density fits. An empty vector: not observed.
using LogLikelihoods = std::vector<std::vector<double>>;

/// What all answers about a sequence carry. NaN unless ok.
struct SequenceAnswer {
  Status status = Status::not_run;
  std::string message = "not run yet";
  /// log p(y_0, ..., y_{T-1}).
  double log_likelihood = kNaN;

  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }
};

/// Forward in time.
struct Filtered : SequenceAnswer {
  /// p(x_t given y_0..y_t), one vector per time.
  std::vector<std::vector<double>> states;
  /// p(x_t given y_0..y_{t-1}): one step ahead; the initial distribution at t = 0.
  std::vector<std::vector<double>> predicted;
  /// log p(y_t given y_0..y_{t-1}); their sum is log_likelihood.
  std::vector<double> log_increments;
};

/// Given the whole sequence.
struct Smoothed : SequenceAnswer {
  /// p(x_t given y), one vector per time.
  std::vector<std::vector<double>> states;
  /// p(x_t = i, x_{t+1} = j given y) at [t][i * state_count + j]; T - 1 of them from
  /// smooth_pairs().
  std::vector<std::vector<double>> pairs;
};

/// A most probable hidden path (Viterbi 1967).
struct Decoded : SequenceAnswer {
  std::vector<std::size_t> path;
  /// log p(x = path, y). log_likelihood stays NaN: it would take another pass.
  double log_joint = kNaN;
};

/// The future of a sequence.
struct Predicted : SequenceAnswer {
  /// p(x_{T-1+h} given y) for h = 1, ..., horizon.
  std::vector<std::vector<double>> states;
  /// p(y_{T-1+h} given y).
  std::vector<std::vector<double>> observations;
};

/// Hidden paths drawn from p(x given y).
struct SampledPaths : SequenceAnswer {
  std::vector<std::vector<std::size_t>> paths;
};

/// Hidden states and observations drawn from the model.
struct SampledSequence {
  std::vector<std::size_t> states;
  std::vector<std::size_t> observations;
};

/// Tables are immutable: a model may be shared between threads.
class HiddenMarkovModel {
 public:
  using Rows = std::vector<std::vector<double>>;

  /// initial [S]: p(x_0); transition [S, S]: p(x_{t+1} given x_t), rows are x_t; emission [S, O]:
  /// p(y_t given x_t), rows are x_t. Tables may be sparse and in either domain. Throws ModelError
  /// on shapes that do not fit and rows that do not sum to 1 within 1e-6.
  HiddenMarkovModel(Table initial, Table transition, Table emission);
  HiddenMarkovModel(const std::vector<double>& initial, const Rows& transition,
                    const Rows& emission);
  /// Without emissions: all observations come as likelihoods.
  HiddenMarkovModel(Table initial, Table transition);

  /// A transition per time: transitions[t] leads from x_t to x_{t+1}. Sequences are then at most
  /// transitions.size() + 1 long. Throws ModelError as the constructor.
  void set_transitions(std::vector<Table> transitions);

  [[nodiscard]] std::size_t state_count() const noexcept { return initial_.size(); }
  /// 0 without emissions.
  [[nodiscard]] std::size_t observation_count() const noexcept;
  [[nodiscard]] const Table& initial() const noexcept { return initial_; }
  /// Throws ModelError on a time without one, and on a model that was moved from.
  [[nodiscard]] const Table& transition(std::size_t time) const;
  /// Throws ModelError when the model was built without emissions.
  [[nodiscard]] const Table& emission() const;

  /// The model over `steps` times as a Bayesian network with variables x0, y0, x1, y1, ... in that
  /// order (only x0, x1, ... without emissions). For files, drawings and queries not below.
  [[nodiscard]] FactorGraph unrolled(std::size_t steps) const;

  /// log p(y_t given x_t) of discrete observations. Throws EvidenceError naming the time.
  [[nodiscard]] LogLikelihoods log_likelihoods(const Observations& observations) const;

  /// \name Queries
  /// Each for discrete observations and for likelihoods. Sequences may be empty. An impossible
  /// sequence has status impossible_evidence and log likelihood -infinity. Throw EvidenceError,
  /// naming the time, on observations out of range and likelihoods that are NaN, +infinity or of
  /// the wrong length. Cost O(T S^2), for sparse transitions O(T entries).
  ///@{
  [[nodiscard]] Filtered filter(const Observations& y, const InferOptions& options = {}) const;
  [[nodiscard]] Filtered filter(const LogLikelihoods& y, const InferOptions& options = {}) const;
  [[nodiscard]] Smoothed smooth(const Observations& y, const InferOptions& options = {}) const;
  [[nodiscard]] Smoothed smooth(const LogLikelihoods& y, const InferOptions& options = {}) const;
  /// smooth() with Smoothed::pairs.
  [[nodiscard]] Smoothed smooth_pairs(const Observations& y,
                                      const InferOptions& options = {}) const;
  [[nodiscard]] Smoothed smooth_pairs(const LogLikelihoods& y,
                                      const InferOptions& options = {}) const;
  [[nodiscard]] Decoded viterbi(const Observations& y, const InferOptions& options = {}) const;
  [[nodiscard]] Decoded viterbi(const LogLikelihoods& y, const InferOptions& options = {}) const;
  [[nodiscard]] SequenceAnswer likelihood(const Observations& y,
                                          const InferOptions& options = {}) const;
  [[nodiscard]] SequenceAnswer likelihood(const LogLikelihoods& y,
                                          const InferOptions& options = {}) const;
  [[nodiscard]] Predicted predict(const Observations& y, std::size_t horizon,
                                  const InferOptions& options = {}) const;
  [[nodiscard]] Predicted predict(const LogLikelihoods& y, std::size_t horizon,
                                  const InferOptions& options = {}) const;
  [[nodiscard]] SampledPaths sample_paths(const Observations& y, std::size_t count,
                                          std::uint64_t seed,
                                          const InferOptions& options = {}) const;
  ///@}

  /// \name Ragged batches
  /// Sequences of any lengths, one answer each in their order; those of one length are planned once
  /// and contracted together.
  ///@{
  [[nodiscard]] std::vector<Smoothed> smooth_batch(std::span<const Observations> sequences,
                                                   const InferOptions& options = {}) const;
  [[nodiscard]] std::vector<SequenceAnswer> likelihood_batch(
      std::span<const Observations> sequences, const InferOptions& options = {}) const;
  ///@}

  /// A sequence drawn from the model. Throws ModelError without emissions.
  [[nodiscard]] SampledSequence sample(std::size_t steps, std::uint64_t seed) const;

 private:
  /// Throws ModelError on more times than there are transitions, or than fit a graph.
  void require_length(std::size_t steps) const;
  /// unrolled(), with or without the observed variables. Factor 0 is p(x_0), and without observed
  /// variables factor t > 0 is p(x_t given x_{t-1}), and x_t has id t.
  [[nodiscard]] FactorGraph chain(std::size_t steps, bool observed) const;
  /// One result per sequence; those of one length in one batch. Adds the log likelihood's part that
  /// scaling took out.
  [[nodiscard]] std::vector<Result> ask(std::span<const LogLikelihoods> sequences,
                                        const Query& query, InferOptions options) const;
  [[nodiscard]] Smoothed smooth(const LogLikelihoods& y, bool pairs,
                                const InferOptions& options) const;

  Table initial_;
  /// One for all times, or one per time.
  std::vector<Table> transitions_;
  bool time_varying_ = false;
  std::optional<Table> emission_;
};

}  // namespace credo
