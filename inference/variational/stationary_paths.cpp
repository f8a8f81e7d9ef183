#include <credo/inference/variational/stationary_paths.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

// V_n(x), the value of the best path of at most n steps, from V_0 = -infinity: only what a change
// reaches is looked at again (Moore 1959). Paths without a loop have fewer steps than
// there are contexts, so that a value that rises for longer than that rises for ever. Sums are
// rounded; the rounding of each step is known exactly (Knuth's two-sum), and at most `contexts`
// steps add up. Cost: entries x rounds at worst, entries where values settle in the order of their
// distance.

namespace credo::stationary {

namespace {

constexpr double kUnit = 0x1p-53;

/// a + b, and what rounding took from it.
double add_exactly(double a, double b, double& lost) {
  const double sum = a + b;
  const double part = sum - a;
  lost += (a - (sum - part)) + (b - part);
  return sum;
}

/// One way of going on: h, g and log k (0 in the best case) of an entry, or of an end.
struct Step {
  double row_score;
  double score;
  double log_mass;

  /// log k itself is rounded.
  [[nodiscard]] double value(double next, double& error) const {
    error = 0.0;
    const double reached = add_exactly(next, score, error);
    const double best = log_mass == 0.0 ? reached : add_exactly(log_mass, reached, error);
    const double value = row_score == 0.0 ? best : add_exactly(row_score, best, error);
    error = std::fabs(error) * (1.0 + 8.0 * kUnit) + 4.0 * kUnit * std::fabs(log_mass);
    return value;
  }
};

class Search {
 public:
  Search(const Slice& slice, const Structure& structure)
      : slice_(slice), structure_(structure), predecessors_(slice) {
    paths_.value.assign(slice.contexts(), -kInfinity);
    paths_.choice.assign(slice.contexts(), kFar);
    paths_.gaining = slice.contexts();
    waiting_.assign(slice.contexts(), 0);
  }

  BestPaths run(std::size_t maximum_rounds, const std::function<bool()>& go_on) {
    for (std::size_t r = 0; r < slice_.rows(); ++r) raise(r);
    const std::size_t limit = std::min(maximum_rounds, slice_.contexts() + 1);
    for (; !next_.empty(); ++paths_.rounds) {
      if (!go_on()) break;
      if (paths_.rounds >= limit) {
        paths_.gaining = next_.front();
        break;
      }
      one_round();
    }
    paths_.error_bound = excess() * static_cast<double>(slice_.contexts());
    return std::move(paths_);
  }

 private:
  void one_round() {
    const std::vector<std::uint32_t> wave = std::exchange(next_, {});
    for (const std::uint32_t x : wave) waiting_[x] = 0;
    for (const std::uint32_t x : wave) {
      for (const std::uint64_t r : predecessors_.of(x)) raise(r);
    }
  }

  [[nodiscard]] double log_mass(double k) const {
    return slice_.next_kind() == NextKind::viterbi ? std::log(k) : 0.0;
  }

  /// Visits (value, rounding error) of every living step of a row.
  template <typename Visit>
  void visit(std::size_t r, Visit visit) {
    if (structure_.row_alive[r] == 0) return;
    slice_.read_row(r, row_);
    double error = 0.0;
    for (std::size_t j = 0; j < row_.next.size(); ++j) {
      const double next = paths_.value[row_.next[j]];
      if (next == -kInfinity || row_.score[j] == -kInfinity) continue;
      const Step step{row_.row_score, row_.score[j], log_mass(row_.probability[j])};
      const double value = step.value(next, error);
      visit(value, error);
    }
    if (row_.end_probability > 0.0 && row_.end_score > -kInfinity) {
      const Step step{row_.row_score, row_.end_score, log_mass(row_.end_probability)};
      const double value = step.value(0.0, error);
      visit(value, error);
    }
  }

  void raise(std::size_t r) {
    const std::size_t x = r / slice_.choices();
    double best = paths_.value[x];
    visit(r, [&](double value, double) { best = std::max(best, value); });
    if (!(best > paths_.value[x])) return;
    paths_.value[x] = best;
    paths_.choice[x] = static_cast<std::uint32_t>(r % slice_.choices());
    if (waiting_[x] != 0) return;
    waiting_[x] = 1;
    next_.push_back(static_cast<std::uint32_t>(x));
  }

  /// The most by which a step may truly be better than, or the chosen one worse than, its value.
  [[nodiscard]] double excess() {
    double most = 0.0;
    for (std::size_t r = 0; r < slice_.rows(); ++r) {
      const double known = paths_.value[r / slice_.choices()];
      visit(r, [&](double value, double error) {
        if (value + 2.0 * error >= known) most = std::max(most, error);
      });
    }
    return most;
  }

  const Slice& slice_;
  const Structure& structure_;
  Predecessors predecessors_;
  Slice::Row row_;
  BestPaths paths_;
  std::vector<char> waiting_;
  std::vector<std::uint32_t> next_;
};

}  // namespace

BestPaths best_paths(const Slice& slice, const Structure& structure, std::size_t maximum_rounds,
                     const std::function<bool()>& go_on) {
  return Search(slice, structure).run(maximum_rounds, go_on);
}

}  // namespace credo::stationary
