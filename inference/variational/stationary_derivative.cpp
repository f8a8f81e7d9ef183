#include <credo/inference/variational/stationary_linear.hpp>

#include <algorithm>
#include <cmath>

// dU / dV. The derivative of a log-sum-exp is its softmax, so a free choice is weighted by its
// conditional and a charged successor by its share of the power mean; a maximum has the derivative
// of the term that is taken.

namespace credo::stationary {

namespace {

/// Weights below do not change the direction of a step; what is computed with P is checked anyway.
constexpr double kNegligible = 1e-17;

class Builder {
 public:
  Builder(const Slice& slice, const Structure& structure, std::span<const double> message)
      : slice_(slice), structure_(structure), message_(message) {
    result_.begin.push_back(0);
    result_.follows.assign(slice.contexts(), 0);
  }

  /// Adds weight x (the row's tilted kernel) to the current context's row.
  void add_row(std::size_t row, double weight) {
    slice_.read_row(row, row_);
    if (slice_.next_kind() == NextKind::clamped) {
      for (std::size_t j = 0; j < row_.next.size(); ++j)
        add(row_.next[j], weight * row_.probability[j]);
    } else if (slice_.next_kind() == NextKind::charged) {
      add_tilted(weight);
    } else {
      add_best(weight);
    }
  }

  void add(std::uint32_t next, double weight) {
    if (weight > kNegligible && structure_.alive[next] != 0) pending_.emplace_back(next, weight);
  }

  void end_context() {
    std::sort(pending_.begin(), pending_.end());
    for (std::size_t k = 0; k < pending_.size(); ++k) {
      double sum = pending_[k].second;
      while (k + 1 < pending_.size() && pending_[k + 1].first == pending_[k].first)
        sum += pending_[++k].second;
      result_.next.push_back(pending_[k].first);
      result_.weight.push_back(sum);
    }
    pending_.clear();
    result_.begin.push_back(result_.next.size());
  }

  [[nodiscard]] Derivative& result() noexcept { return result_; }

 private:
  [[nodiscard]] double reached(std::size_t j) const {
    return row_.score[j] + message_[row_.next[j]];
  }

  /// The largest (rho < 0: smallest) of what the row reaches, where rho tends to 0.
  [[nodiscard]] double extreme() const {
    const double sign = slice_.rho() < 0.0 ? -1.0 : 1.0;
    double best = row_.end_probability > 0.0 ? sign * row_.end_score : -kInfinity;
    for (std::size_t j = 0; j < row_.next.size(); ++j) best = std::max(best, sign * reached(j));
    return sign * best;
  }

  /// Scores are subtracted before they are divided: no rho is too small.
  void add_tilted(double weight) {
    const double best = extreme();
    if (!std::isfinite(best)) return;
    const auto log_mass = [&](double k, double t) {
      return std::log(k) + (t == best ? 0.0 : (t - best) / slice_.rho());
    };
    std::vector<double> log_share(row_.next.size() + 1, -kInfinity);
    for (std::size_t j = 0; j < row_.next.size(); ++j)
      log_share[j] = log_mass(row_.probability[j], reached(j));
    if (row_.end_probability > 0.0)
      log_share.back() = log_mass(row_.end_probability, row_.end_score);
    const std::vector<double> share = softmax(log_share);
    for (std::size_t j = 0; j < row_.next.size(); ++j) add(row_.next[j], weight * share[j]);
  }

  void add_best(double weight) {
    const bool weighted = slice_.next_kind() == NextKind::viterbi;
    const auto log_mass = [weighted](double k) { return weighted ? std::log(k) : 0.0; };
    double best =
        row_.end_probability > 0.0 ? row_.end_score + log_mass(row_.end_probability) : -kInfinity;
    std::size_t place = row_.next.size();
    for (std::size_t j = 0; j < row_.next.size(); ++j) {
      const double t = reached(j) + log_mass(row_.probability[j]);
      if (t > best) {
        best = t;
        place = j;
      }
    }
    if (place < row_.next.size()) add(row_.next[place], weight);
  }

  const Slice& slice_;
  const Structure& structure_;
  std::span<const double> message_;
  Slice::Row row_;
  Derivative result_;
  std::vector<std::pair<std::uint32_t, double>> pending_;
};

/// The choice of an arg-max, ties broken as derivative() says.
class Maximiser {
 public:
  Maximiser(const Slice& slice, const Structure& structure, std::span<const double> scores,
            double tie)
      : slice_(slice), structure_(structure), scores_(scores), tie_(tie) {}

  [[nodiscard]] bool taken(std::size_t row) const {
    return structure_.row_alive[row] != 0 &&
           (structure_.inner_row.empty() || structure_.inner_row[row] == 0);
  }

  [[nodiscard]] double best(std::size_t x) const {
    double best = -kInfinity;
    for (std::size_t d = 0; d < slice_.choices(); ++d) {
      const std::size_t row = x * slice_.choices() + d;
      if (taken(row)) best = std::max(best, scores_[row]);
    }
    return best;
  }

  [[nodiscard]] std::uint32_t choice(std::size_t x, std::uint32_t previous) {
    const double least = best(x) - tie_;
    const auto ties = [&](std::uint32_t d) {
      return taken(x * slice_.choices() + d) && scores_[x * slice_.choices() + d] >= least;
    };
    if (previous != kFar && ties(previous)) return previous;
    std::uint32_t chosen = kFar;
    double shortest = kInfinity;
    for (std::uint32_t d = 0; d < slice_.choices(); ++d) {
      if (!ties(d)) continue;
      const double steps = steps_after(x * slice_.choices() + d, x);
      if (chosen == kFar || steps < shortest) {
        chosen = d;
        shortest = steps;
      }
    }
    return chosen;
  }

 private:
  /// Mean distance from an end after the row; rows that never come closer last.
  double steps_after(std::size_t row, std::size_t x) {
    slice_.read_row(row, row_);
    double sum = 0.0;
    bool closer = row_.end_probability > 0.0;
    for (std::size_t j = 0; j < row_.next.size(); ++j) {
      const std::uint32_t y = row_.next[j];
      sum += row_.probability[j] * (1.0 + structure_.distance[y]);
      closer = closer || structure_.distance[y] < structure_.distance[x];
    }
    return closer ? sum : sum + 1e12;
  }

  const Slice& slice_;
  const Structure& structure_;
  std::span<const double> scores_;
  double tie_;
  Slice::Row row_;
};

/// The member of every loop from which it is best left.
std::vector<std::size_t> best_members(const Structure& structure, const Maximiser& maximiser) {
  std::vector<std::size_t> member(structure.loops, 0);
  std::vector<double> best(structure.loops, -kInfinity);
  for (std::size_t x = 0; x < structure.loop_of.size(); ++x) {
    const std::uint32_t loop = structure.loop_of[x];
    if (loop == kFar || !(maximiser.best(x) > best[loop])) continue;
    best[loop] = maximiser.best(x);
    member[loop] = x;
  }
  return member;
}

Derivative of_maximum(const Slice& slice, const Structure& structure,
                      std::span<const double> message, Maximiser maximiser,
                      std::vector<std::uint32_t>& previous) {
  Builder builder(slice, structure, message);
  previous.resize(slice.contexts(), kFar);
  const std::vector<std::size_t> member = best_members(structure, maximiser);
  for (std::size_t x = 0; x < slice.contexts(); ++x) {
    const std::uint32_t loop = structure.loop_of.empty() ? kFar : structure.loop_of[x];
    if (loop != kFar && member[loop] != x) {
      builder.add(static_cast<std::uint32_t>(member[loop]), 1.0);
      builder.result().follows[x] = 1;
    } else if (structure.alive[x] != 0) {
      previous[x] = maximiser.choice(x, previous[x]);
      if (previous[x] != kFar) builder.add_row(x * slice.choices() + previous[x], 1.0);
    }
    builder.end_context();
  }
  return std::move(builder.result());
}

}  // namespace

Derivative derivative(const Slice& slice, const Structure& structure,
                      std::span<const double> message, std::span<const double> scores, double tie,
                      std::vector<std::uint32_t>& previous) {
  if (slice.choice_kind() == ChoiceKind::arg_max) {
    return of_maximum(slice, structure, message, Maximiser(slice, structure, scores, tie),
                      previous);
  }
  Builder builder(slice, structure, message);
  const std::vector<double> q = slice.conditional(message);
  for (std::size_t x = 0; x < slice.contexts(); ++x) {
    for (std::size_t d = 0; d < slice.choices() && structure.alive[x] != 0; ++d) {
      const std::size_t row = x * slice.choices() + d;
      if (q[row] > kNegligible) builder.add_row(row, q[row]);
    }
    builder.end_context();
  }
  return std::move(builder.result());
}

namespace {

/// One chain that ends, and what it scores: its value is at most V* unless rho < 0.
class WayOut {
 public:
  WayOut(const Slice& slice, const Structure& structure)
      : slice_(slice),
        structure_(structure),
        zero_(slice.contexts(), 0.0),
        builder_(slice, structure, zero_) {}

  Derivative follow() {
    builder_.result().score.assign(slice_.contexts(), 0.0);
    for (std::size_t x = 0; x < slice_.contexts(); ++x) {
      if (structure_.way_out[x] != kFar) add_context(x);
      builder_.end_context();
    }
    return std::move(builder_.result());
  }

 private:
  void add_context(std::size_t x) {
    if (slice_.choice_kind() != ChoiceKind::clamped) {
      const std::size_t row = x * slice_.choices() + structure_.way_out[x];
      slice_.read_row(row, row_);
      const bool free = slice_.choice_kind() == ChoiceKind::free;
      add_row(x, 1.0, free ? slice_.weight() * row_.log_base : 0.0);
      return;
    }
    for (std::size_t d = 0; d < slice_.choices(); ++d) {
      slice_.read_row(x * slice_.choices() + d, row_);
      const double q = row_.choice_probability;
      if (q > 0.0) add_row(x, q, -slice_.weight() * (std::log(q) - row_.log_base));
    }
  }

  void add_row(std::size_t x, double weight, double cost) {
    double& score = builder_.result().score[x];
    score += weight * (row_.row_score + cost);
    const NextKind kind = slice_.next_kind();
    if (kind == NextKind::best_case || kind == NextKind::viterbi) return add_step(weight, score);
    double mass = row_.end_score > -kInfinity ? row_.end_probability : 0.0;
    for (std::size_t j = 0; j < row_.next.size(); ++j)
      mass += is_possible(j) ? row_.probability[j] : 0.0;
    // Jensen's inequality under the possible part of the kernel.
    const bool charged = kind == NextKind::charged && mass > 0.0;
    const double scale = charged ? weight / mass : weight;
    if (charged) score += weight * slice_.rho() * std::log(mass);
    for (std::size_t j = 0; j < row_.next.size(); ++j) {
      if (!is_possible(j)) continue;
      score += scale * row_.probability[j] * row_.score[j];
      builder_.add(row_.next[j], scale * row_.probability[j]);
    }
    if (row_.end_probability > 0.0 && row_.end_score > -kInfinity)
      score += scale * row_.end_probability * row_.end_score;
  }

  [[nodiscard]] bool is_possible(std::size_t j) const {
    return row_.score[j] > -kInfinity && structure_.alive[row_.next[j]] != 0;
  }

  /// A maximum follows one step: the end, or the one that is nearest to it.
  void add_step(double weight, double& score) {
    const bool weighted = slice_.next_kind() == NextKind::viterbi;
    const auto log_mass = [weighted](double k) { return weighted ? std::log(k) : 0.0; };
    if (row_.end_probability > 0.0 && row_.end_score > -kInfinity) {
      score += weight * (log_mass(row_.end_probability) + row_.end_score);
      return;
    }
    std::size_t nearest = row_.next.size();
    for (std::size_t j = 0; j < row_.next.size(); ++j) {
      if (!is_possible(j)) continue;
      if (nearest == row_.next.size() ||
          structure_.distance[row_.next[j]] < structure_.distance[row_.next[nearest]]) {
        nearest = j;
      }
    }
    if (nearest == row_.next.size()) return;
    score += weight * (log_mass(row_.probability[nearest]) + row_.score[nearest]);
    builder_.add(row_.next[nearest], weight);
  }

  const Slice& slice_;
  const Structure& structure_;
  std::vector<double> zero_;
  Builder builder_;
  Slice::Row row_;
};

}  // namespace

Derivative way_out(const Slice& slice, const Structure& structure) {
  return WayOut(slice, structure).follow();
}

}  // namespace credo::stationary
