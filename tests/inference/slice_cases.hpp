#pragma once
// Random repeating slices, and what they mean written as plain loops.

#include "random_models.hpp"

#include <credo/inference/variational/slice.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace credo::testing {

struct SliceShape {
  std::size_t contexts = 13;
  std::size_t choices = 3;
  std::size_t successors = 4;  ///< at most, unless even
  bool even = false;           ///< every row has as many
  double end = 0.1;            ///< mass of the end, in some rows
  bool entry_scores = true;
  bool log_base = true;
  double absent = 0.1;  ///< chance that a choice does not exist
  double score_range = 3.0;
};

/// Kernel and scores; kinds and weights are the caller's.
inline SliceDescription random_slice(Random& random, const SliceShape& shape) {
  SliceDescription d;
  d.contexts = shape.contexts;
  d.choices = shape.choices;
  d.begin.push_back(0);
  for (std::size_t row = 0; row < shape.contexts * shape.choices; ++row) {
    const bool exists = row % shape.choices == 0 || random.uniform(0, 1) >= shape.absent;
    const std::size_t count = shape.even ? shape.successors : random.below(shape.successors + 1);
    const double end = count == 0 ? 1.0 : (row % 2 == 0 ? shape.end : 0.0);
    double sum = 0.0;
    for (std::size_t j = 0; j < count; ++j) {
      d.next.push_back(static_cast<std::uint32_t>(random.below(shape.contexts)));
      d.probability.push_back(random.uniform(0.05, 1.0));
      sum += d.probability.back();
      if (shape.entry_scores) d.entry_score.push_back(random.uniform(-shape.score_range, 0));
    }
    for (std::size_t j = 0; j < count; ++j) d.probability[d.begin.back() + j] *= (1.0 - end) / sum;
    d.begin.push_back(d.next.size());
    d.end_probability.push_back(end);
    if (shape.entry_scores) d.end_score.push_back(random.uniform(-shape.score_range, 0));
    d.row_score.push_back(exists ? random.uniform(-shape.score_range, 0) : -kInfinity);
    if (shape.log_base) d.log_base.push_back(random.uniform(-2, 0));
  }
  return d;
}

/// Rows of q that sum to 1 over the choices that exist.
inline void add_random_conditional(Random& random, SliceDescription& d) {
  d.choice_kind = ChoiceKind::clamped;
  d.choice_probability.assign(d.contexts * d.choices, 0.0);
  for (std::size_t x = 0; x < d.contexts; ++x) {
    double sum = 0.0;
    for (std::size_t c = 0; c < d.choices; ++c) {
      double& q = d.choice_probability[x * d.choices + c];
      if (d.row_score[x * d.choices + c] > -kInfinity) q = random.uniform(0.1, 1);
      sum += q;
    }
    for (std::size_t c = 0; c < d.choices; ++c) d.choice_probability[x * d.choices + c] /= sum;
  }
}

/// max + log sum of exp, terms weighted.
inline double weighted_log_sum(const std::vector<double>& mass, const std::vector<double>& t) {
  double largest = -kInfinity;
  for (std::size_t i = 0; i < t.size(); ++i)
    largest = mass[i] > 0 ? std::max(largest, t[i]) : largest;
  if (std::isinf(largest)) return largest;
  double sum = 0.0;
  for (std::size_t i = 0; i < t.size(); ++i) {
    if (mass[i] > 0) sum += mass[i] * std::exp(t[i] - largest);
  }
  return largest + std::log(sum);
}

/// J(x, d) by definition. `row_score` in place of the description's own.
inline double naive_score(const SliceDescription& d, std::size_t row, double row_score, double rho,
                          const std::vector<double>& v) {
  if (row_score == -kInfinity) return -kInfinity;
  std::vector<double> mass;
  std::vector<double> t;
  for (std::uint64_t e = d.begin[row]; e < d.begin[row + 1]; ++e) {
    mass.push_back(d.probability[e]);
    t.push_back(v[d.next[e]] + (d.entry_score.empty() ? 0.0 : d.entry_score[e]));
  }
  mass.push_back(d.end_probability[row]);
  t.push_back(d.end_score.empty() ? 0.0 : d.end_score[row]);
  double next = d.next_kind == NextKind::clamped ? 0.0 : -kInfinity;
  for (std::size_t i = 0; i < t.size(); ++i) {
    if (mass[i] == 0.0) continue;
    if (d.next_kind == NextKind::clamped) next += mass[i] * t[i];
    if (d.next_kind == NextKind::best_case) next = std::max(next, t[i]);
    if (d.next_kind == NextKind::viterbi) next = std::max(next, std::log(mass[i]) + t[i]);
  }
  if (d.next_kind == NextKind::charged) {
    for (double& x : t) x /= rho;
    next = rho * weighted_log_sum(mass, t);
  }
  return row_score + next;
}

/// U(x) by definition from the scores of its choices.
inline double naive_choice(const SliceDescription& d, std::size_t x, double weight,
                           const std::vector<double>& score) {
  double result = d.choice_kind == ChoiceKind::clamped ? 0.0 : -kInfinity;
  std::vector<double> mass(d.choices, 1.0);
  std::vector<double> t(d.choices);
  for (std::size_t c = 0; c < d.choices; ++c) {
    const std::size_t row = x * d.choices + c;
    const double base = d.log_base.empty() ? 0.0 : d.log_base[row];
    t[c] = score[c] / weight + base;
    if (d.choice_kind == ChoiceKind::arg_max) result = std::max(result, score[c]);
    if (d.choice_kind == ChoiceKind::clamped && d.choice_probability[row] > 0.0) {
      const double q = d.choice_probability[row];
      result += q * (score[c] - weight * (std::log(q) - base));
    }
  }
  return d.choice_kind == ChoiceKind::free ? weight * weighted_log_sum(mass, t) : result;
}

inline std::vector<double> naive_scores(const SliceDescription& d, const std::vector<double>& v) {
  std::vector<double> result;
  for (std::size_t row = 0; row < d.contexts * d.choices; ++row) {
    result.push_back(naive_score(d, row, d.row_score[row], d.rho, v));
  }
  return result;
}

inline std::vector<double> naive_sweep(const SliceDescription& d, const std::vector<double>& v) {
  const std::vector<double> score = naive_scores(d, v);
  std::vector<double> result;
  for (std::size_t x = 0; x < d.contexts; ++x) {
    const auto first = score.begin() + static_cast<std::ptrdiff_t>(x * d.choices);
    result.push_back(
        naive_choice(d, x, d.weight, {first, first + static_cast<std::ptrdiff_t>(d.choices)}));
  }
  return result;
}

inline std::vector<double> random_message(Random& random, std::size_t count, double range) {
  std::vector<double> v(count);
  for (double& x : v) x = random.uniform(-range, range);
  return v;
}

}  // namespace credo::testing
