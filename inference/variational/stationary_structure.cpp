#include <credo/inference/variational/stationary_structure.hpp>

#include <algorithm>
#include <cassert>
#include <numeric>

// Worklists over the reversed support; every row and entry is visited a bounded number of times.

namespace credo::stationary {

namespace {

/// Whether one impossible successor makes the whole row impossible.
bool needs_all(const Slice& slice) {
  return slice.next_kind() == NextKind::clamped ||
         (slice.next_kind() == NextKind::charged && slice.rho() < 0.0);
}

class Analysis {
 public:
  explicit Analysis(const Slice& slice) : slice_(slice), predecessors_(slice) {}

  Structure run() {
    find_impossible();
    find_distances();
    find_ways_out();
    return std::move(s_);
  }

 private:
  [[nodiscard]] bool is_chosen(const Slice::Row& row) const {
    return slice_.choice_kind() != ChoiceKind::clamped || row.choice_probability > 0.0;
  }

  /// Successors that count, the end included; 0: the row is impossible by itself.
  [[nodiscard]] std::size_t ways(const Slice::Row& row) const {
    if (row.row_score == -kInfinity) return 0;
    if (slice_.choice_kind() == ChoiceKind::free && row.log_base == -kInfinity) return 0;
    const bool end = row.end_probability > 0.0;
    const auto lost =
        static_cast<std::size_t>(std::count(row.score.begin(), row.score.end(), -kInfinity)) +
        (end && row.end_score == -kInfinity ? 1 : 0);
    const std::size_t count = row.next.size() + (end ? 1 : 0);
    if (needs_all(slice_)) return lost > 0 ? 0 : count + 1;  // a mass of 0 has expectation 0
    return count - lost;
  }

  void find_impossible() {
    s_.row_alive.assign(slice_.rows(), 1);
    s_.alive.assign(slice_.contexts(), 1);
    ways_.assign(slice_.rows(), 0);
    live_rows_.assign(slice_.contexts(), 0);
    for (std::size_t r = 0; r < slice_.rows(); ++r) {
      slice_.read_row(r, row_);
      ways_[r] = ways(row_);
      live_rows_[r / slice_.choices()] += is_chosen(row_) ? 1 : 0;
    }
    for (std::size_t r = 0; r < slice_.rows(); ++r) {
      if (ways_[r] == 0) lose_row(r);
    }
    for (std::size_t x = 0; x < slice_.contexts(); ++x) {
      if (live_rows_[x] == 0) lose_context(x);
    }
    while (!queue_.empty()) {
      const std::size_t x = queue_.back();
      queue_.pop_back();
      for (const std::uint64_t r : predecessors_.of(x)) {
        if (s_.row_alive[r] == 0) continue;
        ways_[r] = needs_all(slice_) ? 0 : ways_[r] - 1;
        if (ways_[r] == 0) lose_row(r);
      }
    }
  }

  void lose_row(std::size_t r) {
    if (s_.row_alive[r] == 0) return;
    s_.row_alive[r] = 0;
    slice_.read_row(r, row_);
    if (!is_chosen(row_)) return;
    const std::size_t x = r / slice_.choices();
    --live_rows_[x];
    if (slice_.choice_kind() == ChoiceKind::clamped || live_rows_[x] == 0) lose_context(x);
  }

  void lose_context(std::size_t x) {
    if (s_.alive[x] == 0) return;
    s_.alive[x] = 0;
    ++s_.impossible;
    queue_.push_back(x);
  }

  /// Breadth first from the ends, against the direction of living rows.
  void find_distances() {
    s_.distance.assign(slice_.contexts(), kFar);
    std::vector<std::uint32_t> wave;
    for (std::size_t r = 0; r < slice_.rows(); ++r) {
      if (s_.row_alive[r] == 0) continue;
      slice_.read_row(r, row_);
      if (row_.end_probability > 0.0 && row_.end_score > -kInfinity) reach(r, 0, wave);
    }
    for (std::uint32_t steps = 1; !wave.empty(); ++steps) {
      std::vector<std::uint32_t> next_wave;
      for (const std::uint32_t x : wave) {
        for (const std::uint64_t r : predecessors_.of(x)) {
          if (s_.row_alive[r] != 0) reach(r, steps, next_wave);
        }
      }
      wave = std::move(next_wave);
    }
  }

  void reach(std::size_t r, std::uint32_t steps, std::vector<std::uint32_t>& wave) {
    const std::size_t x = r / slice_.choices();
    if (s_.alive[x] == 0 || s_.distance[x] != kFar) return;
    slice_.read_row(r, row_);
    if (!is_chosen(row_)) return;
    s_.distance[x] = steps;
    wave.push_back(static_cast<std::uint32_t>(x));
  }

  void find_ways_out() {
    s_.way_out.assign(slice_.contexts(), kFar);
    std::vector<double> best(slice_.contexts(), kInfinity);
    for (std::size_t r = 0; r < slice_.rows(); ++r) {
      const std::size_t x = r / slice_.choices();
      if (s_.row_alive[r] == 0 || s_.alive[x] == 0 || s_.distance[x] == kFar) continue;
      slice_.read_row(r, row_);
      if (!is_chosen(row_)) continue;
      const double mean = mean_distance(x);
      if (mean < best[x]) {
        best[x] = mean;
        s_.way_out[x] = static_cast<std::uint32_t>(r % slice_.choices());
      }
    }
  }

  /// Of what row_ leads to; infinite unless it leads closer to an end.
  [[nodiscard]] double mean_distance(std::size_t x) const {
    bool closer = row_.end_probability > 0.0;
    double sum = 0.0;
    double mass = row_.end_probability;
    for (std::size_t j = 0; j < row_.next.size(); ++j) {
      const std::size_t y = row_.next[j];
      if (s_.alive[y] == 0 || s_.distance[y] == kFar) continue;
      closer = closer || s_.distance[y] < s_.distance[x];
      sum += row_.probability[j] * (1.0 + s_.distance[y]);
      mass += row_.probability[j];
    }
    return closer ? sum / mass : kInfinity;
  }

  const Slice& slice_;
  Predecessors predecessors_;
  Structure s_;
  Slice::Row row_;
  std::vector<std::size_t> ways_;
  std::vector<std::size_t> live_rows_;
  std::vector<std::size_t> queue_;
};

}  // namespace

Predecessors::Predecessors(const Slice& slice) : begin(slice.contexts() + 1, 0) {
  const auto counts = [](const Slice::Row& row, std::size_t j) -> std::uint64_t {
    return row.score[j] > -kInfinity ? 1 : 0;
  };
  Slice::Row row;
  for (std::size_t r = 0; r < slice.rows(); ++r) {
    slice.read_row(r, row);
    for (std::size_t j = 0; j < row.next.size(); ++j) begin[row.next[j] + 1] += counts(row, j);
  }
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  rows.resize(begin.back());
  std::vector<std::uint64_t> at(begin.begin(), begin.end() - 1);
  for (std::size_t r = 0; r < slice.rows(); ++r) {
    slice.read_row(r, row);
    for (std::size_t j = 0; j < row.next.size(); ++j) {
      if (counts(row, j) > 0) rows[at[row.next[j]]++] = r;
    }
  }
}

std::size_t Structure::first_stuck() const noexcept {
  for (std::size_t x = 0; x < alive.size(); ++x) {
    if (alive[x] != 0 && distance[x] == kFar) return x;
  }
  return alive.size();
}

Structure analyse(const Slice& slice) {
  Structure structure = Analysis(slice).run();
  const bool averaged =
      slice.next_kind() == NextKind::clamped || slice.next_kind() == NextKind::charged;
  if (slice.choice_kind() == ChoiceKind::arg_max && averaged) find_free_loops(slice, structure);
  return structure;
}

}  // namespace credo::stationary
