// Queries of hidden Markov models. A sequence becomes a chain of hidden variables
// with one likelihood finding per time, scaled so that the likeliest state has weight
// 1, so that all sequences of a length share one pattern, hence one plan. Chains are
// eliminated forward in time, so that message t - 1 is, over x_t,
//
//   log p(x_t, y_0..y_{t-1}),
//
// which filtering reads (Rabiner 1989, equation 20, with our message = his alpha
// before the emission). A time whose likelihoods range over more than a double can hold
// becomes a factor with logarithms in a graph of its own instead of a finding.

#include <credo/core/error.hpp>
#include <credo/models/hidden_markov_model.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

namespace credo {

namespace {

/// exp(-600) still has full precision; exp(-745) is 0.
constexpr double kWidestFinding = 600.0;

/// Scaled log likelihoods: the largest of every time is 0 (or all are -infinity).
struct Scaled {
  LogLikelihoods log_weights;
  double log_scale = 0.0;
  std::vector<std::size_t> wide_times;
};

double largest(std::span<const double> values) {
  return values.empty() ? 0.0 : *std::ranges::max_element(values);
}

void require_likelihoods(std::span<const double> values, std::size_t states, std::size_t time) {
  if (values.size() != states) {
    throw EvidenceError(
        fmt::format("hidden Markov model, time {}: expected {} log likelihoods, got {}", time,
                    states, values.size()));
  }
  for (const double value : values) {
    if (std::isnan(value) || value == kInfinity) {
      throw EvidenceError(fmt::format(
          "hidden Markov model, time {}: expected log likelihoods below infinity, got {}", time,
          value));
    }
  }
}

Scaled scale(const LogLikelihoods& sequence, std::size_t states) {
  Scaled result;
  CompensatedSum log_scale;
  for (std::size_t t = 0; t < sequence.size(); ++t) {
    std::vector<double> weights = sequence[t];
    if (weights.empty()) weights.assign(states, 0.0);
    require_likelihoods(weights, states, t);
    const double top = largest(weights);
    bool wide = false;
    if (top != -kInfinity) {
      log_scale.add(top);
      for (double& w : weights) {
        w -= top;
        wide = wide || (w < -kWidestFinding && w != -kInfinity);
      }
    }
    if (wide) result.wide_times.push_back(t);
    result.log_weights.push_back(std::move(weights));
  }
  result.log_scale = log_scale.value();
  return result;
}

Evidence findings_of(const Scaled& sequence) {
  Evidence evidence;
  for (std::size_t t = 0; t < sequence.log_weights.size(); ++t) {
    std::vector<double> weights = sequence.log_weights[t];
    if (std::ranges::binary_search(sequence.wide_times, t)) {
      weights.assign(weights.size(), 1.0);
    } else {
      for (double& w : weights) w = std::exp(w);
    }
    evidence.observe_likelihood(static_cast<VariableId>(t), std::move(weights));
  }
  return evidence;
}

void add_wide_factors(FactorGraph& graph, const Scaled& sequence) {
  for (const std::size_t t : sequence.wide_times) {
    const std::vector<double>& weights = sequence.log_weights[t];
    graph.add_factor({static_cast<VariableId>(t)},
                     Table::dense({weights.size()}, weights, Domain::log));
  }
}

/// The part of the answer that every query has.
template <typename Answer>
Answer begin_answer(const Result& result) {
  Answer answer;
  answer.status = result.status;
  answer.message = result.message;
  answer.log_likelihood = result.log_z;
  return answer;
}

}  // namespace

std::vector<Result> HiddenMarkovModel::ask(std::span<const LogLikelihoods> sequences,
                                           const Query& query, InferOptions options) const {
  std::vector<Scaled> scaled;
  // Sequences of one length; those with wide times alone, under their index + 1.
  std::map<std::pair<std::size_t, std::size_t>, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    scaled.push_back(scale(sequences[i], state_count()));
    const std::size_t alone = scaled.back().wide_times.empty() ? 0 : i + 1;
    groups[{sequences[i].size(), alone}].push_back(i);
  }
  std::vector<Result> results(sequences.size());
  for (const auto& [key, members] : groups) {
    FactorGraph graph = chain(key.first, false);
    add_wide_factors(graph, scaled[members.front()]);
    options.plan.order.resize(key.first);
    std::iota(options.plan.order.begin(), options.plan.order.end(), VariableId{0});
    std::vector<Evidence> evidences;
    for (const std::size_t i : members) evidences.push_back(findings_of(scaled[i]));
    if (members.size() == 1) {
      results[members.front()] = infer(graph, evidences.front(), query, options);
      continue;
    }
    const CompiledQuery compiled(graph, evidences.front(), query, options);
    std::vector<Result> answers = compiled.run_batch(evidences);
    for (std::size_t m = 0; m < members.size(); ++m) results[members[m]] = std::move(answers[m]);
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    results[i].log_z += scaled[i].log_scale;
    for (Assignment& a : results[i].assignments) a.log_value += scaled[i].log_scale;
  }
  return results;
}

Filtered HiddenMarkovModel::filter(const LogLikelihoods& y, const InferOptions& options) const {
  Query query = Query::log_partition();
  query.messages = true;
  const Result result = ask({&y, 1}, query, options).front();
  auto answer = begin_answer<Filtered>(result);
  if (!result.ok()) return answer;
  std::vector<double> log_joint(state_count());
  for (std::size_t t = 0; t < y.size(); ++t) {
    const Message* const message = t == 0 ? nullptr : &result.messages.at(t - 1);
    assert(!message || message->scope == Scope{static_cast<VariableId>(t)});
    const Table& upward = message ? message->upward : initial_;
    for (std::size_t s = 0; s < log_joint.size(); ++s) log_joint[s] = upward.log_at(s);
    const double log_before = log_sum_exp(log_joint);
    answer.predicted.push_back(softmax(log_joint));
    for (std::size_t s = 0; s < log_joint.size(); ++s) {
      log_joint[s] += (y[t].empty() ? 0.0 : y[t][s]) - log_before;
    }
    answer.log_increments.push_back(log_sum_exp(log_joint));
    answer.states.push_back(softmax(log_joint));
  }
  return answer;
}

Smoothed HiddenMarkovModel::smooth(const LogLikelihoods& y, bool pairs,
                                   const InferOptions& options) const {
  Query query = Query::marginals();
  query.factor_marginals = pairs;
  if (pairs) {
    query.targets.resize(y.size());
    std::iota(query.targets.begin(), query.targets.end(), VariableId{0});
  }
  Result result = ask({&y, 1}, query, options).front();
  auto answer = begin_answer<Smoothed>(result);
  if (!result.ok()) return answer;
  answer.states = std::move(result.marginals);
  for (std::size_t t = 1; pairs && t < y.size(); ++t) {
    const Table& belief = result.factor_marginals.at(t).table;
    std::vector<double>& pair = answer.pairs.emplace_back(belief.size());
    for (std::size_t i = 0; i < pair.size(); ++i) pair[i] = belief.at(i);
  }
  return answer;
}

Decoded HiddenMarkovModel::viterbi(const LogLikelihoods& y, const InferOptions& options) const {
  const Result result = ask({&y, 1}, Query::map(), options).front();
  auto answer = begin_answer<Decoded>(result);
  answer.log_likelihood = kNaN;
  if (!result.ok()) return answer;
  answer.path = result.assignment().states;
  answer.log_joint = result.assignment().log_value;
  return answer;
}

SequenceAnswer HiddenMarkovModel::likelihood(const LogLikelihoods& y,
                                             const InferOptions& options) const {
  return begin_answer<SequenceAnswer>(ask({&y, 1}, Query::log_partition(), options).front());
}

Predicted HiddenMarkovModel::predict(const LogLikelihoods& y, std::size_t horizon,
                                     const InferOptions& options) const {
  // Their sum may leave the whole numbers.
  require_length(std::max(horizon, horizon + y.size()));
  LogLikelihoods extended = y;
  extended.resize(y.size() + horizon);
  std::vector<VariableId> future(horizon);
  std::iota(future.begin(), future.end(), static_cast<VariableId>(y.size()));
  const Query query = horizon == 0 ? Query::log_partition() : Query::marginals(future);
  Result result = ask({&extended, 1}, query, options).front();
  auto answer = begin_answer<Predicted>(result);
  if (!result.ok()) return answer;
  for (const VariableId x : future) {
    const std::vector<double>& states = answer.states.emplace_back(result.marginal(x));
    if (!emission_) continue;
    std::vector<double>& symbols = answer.observations.emplace_back(observation_count(), 0.0);
    for (std::size_t s = 0; s < states.size(); ++s) {
      for (std::size_t o = 0; o < symbols.size(); ++o) {
        symbols[o] += states[s] * emission_->at(s * symbols.size() + o);
      }
    }
  }
  return answer;
}

SampledPaths HiddenMarkovModel::sample_paths(const Observations& y, std::size_t count,
                                             std::uint64_t seed,
                                             const InferOptions& options) const {
  const LogLikelihoods likelihoods = log_likelihoods(y);
  Result result = ask({&likelihoods, 1}, Query::samples(count, seed), options).front();
  auto answer = begin_answer<SampledPaths>(result);
  if (result.ok()) answer.paths.assign(result.samples.begin(), result.samples.end());
  return answer;
}

Filtered HiddenMarkovModel::filter(const Observations& y, const InferOptions& options) const {
  return filter(log_likelihoods(y), options);
}

Smoothed HiddenMarkovModel::smooth(const LogLikelihoods& y, const InferOptions& options) const {
  return smooth(y, false, options);
}

Smoothed HiddenMarkovModel::smooth(const Observations& y, const InferOptions& options) const {
  return smooth(log_likelihoods(y), false, options);
}

Smoothed HiddenMarkovModel::smooth_pairs(const LogLikelihoods& y,
                                         const InferOptions& options) const {
  return smooth(y, true, options);
}

Smoothed HiddenMarkovModel::smooth_pairs(const Observations& y, const InferOptions& options) const {
  return smooth(log_likelihoods(y), true, options);
}

Decoded HiddenMarkovModel::viterbi(const Observations& y, const InferOptions& options) const {
  return viterbi(log_likelihoods(y), options);
}

SequenceAnswer HiddenMarkovModel::likelihood(const Observations& y,
                                             const InferOptions& options) const {
  return likelihood(log_likelihoods(y), options);
}

Predicted HiddenMarkovModel::predict(const Observations& y, std::size_t horizon,
                                     const InferOptions& options) const {
  return predict(log_likelihoods(y), horizon, options);
}

std::vector<Smoothed> HiddenMarkovModel::smooth_batch(std::span<const Observations> sequences,
                                                      const InferOptions& options) const {
  std::vector<LogLikelihoods> likelihoods;
  for (const Observations& y : sequences) likelihoods.push_back(log_likelihoods(y));
  std::vector<Smoothed> answers;
  for (Result& result : ask(likelihoods, Query::marginals(), options)) {
    auto& answer = answers.emplace_back(begin_answer<Smoothed>(result));
    if (result.ok()) answer.states = std::move(result.marginals);
  }
  return answers;
}

std::vector<SequenceAnswer> HiddenMarkovModel::likelihood_batch(
    std::span<const Observations> sequences, const InferOptions& options) const {
  std::vector<LogLikelihoods> likelihoods;
  for (const Observations& y : sequences) likelihoods.push_back(log_likelihoods(y));
  std::vector<SequenceAnswer> answers;
  for (const Result& result : ask(likelihoods, Query::log_partition(), options)) {
    answers.push_back(begin_answer<SequenceAnswer>(result));
  }
  return answers;
}

}  // namespace credo
