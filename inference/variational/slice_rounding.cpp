#include <credo/inference/variational/slice_data.hpp>

#include <algorithm>
#include <cmath>

// What rounding does to one sweep, in units of roundoff. Sums of n terms lose n units of the sum of
// magnitudes; exp() and log() are right to 2 units in the last place, which is 4 of roundoff;
// relative errors of a positive sum are absolute ones of its logarithm. A logarithm of a sum of
// exponentials, and a maximum, pass the errors of their terms on by how much each of them counts.

namespace credo {

namespace {

constexpr double kUnit = 0x1p-53;
/// Of a sum of n products: n + this, with what they are made of.
constexpr double kSum = 4.0;
/// Of a logarithm of a sum of n exponentials: n + this.
constexpr double kLogSum = 9.0;
/// Of the same where it keeps the digits of what varies. The masses sum to 1 or to what they are:
/// the bound holds either way.
constexpr double kLogMean = 26.0;
/// Everything that is done to one score, at most.
constexpr double kAll = 16.0;
constexpr double kSecondOrder = 1.01;

double size(double x) { return x > -kInfinity ? std::fabs(x) : 0.0; }

}  // namespace

double Slice::rounding(std::span<const double> next_message) const {
  double largest = 0.0;
  for (const double v : next_message) largest = std::max(largest, size(v));
  const slice_kernel::SliceCall call = data_->call(next_message, nullptr);
  const auto length = static_cast<double>(data_->longest_row);
  const double terms = data_->largest_terms + largest;
  double bound = (length + kAll) * terms;
  const double charge = std::fabs(rho()) + (call.narrow_next ? 2.0 * terms : 0.0);
  if (next_kind() == NextKind::charged) bound += (length + kLogMean) * charge;
  const double soft = weight() + (call.narrow_choice ? 2.0 * terms : 0.0);
  if (choice_kind() != ChoiceKind::arg_max)
    bound += (static_cast<double>(choices()) + kLogMean) * soft;
  return kUnit * bound;
}

namespace {

/// Rounding of J of one row.
class RowRounding {
 public:
  RowRounding(const Slice& slice, std::span<const double> message, bool narrow)
      : slice_(slice), message_(message), narrow_(narrow) {}

  /// Reads the row.
  double units(std::size_t r) {
    slice_.read_row(r, row);
    collect();
    if (slice_.next_kind() == NextKind::clamped) return expectation();
    return slice_.next_kind() == NextKind::charged ? charged() : maximum();
  }

  Slice::Row row;

 private:
  void collect() {
    mass_.clear();
    term_.clear();
    score_.clear();
    const auto add = [&](double k, double g, double v) {
      mass_.push_back(k);
      term_.push_back(g + v);
      score_.push_back(g);
    };
    for (std::size_t j = 0; j < row.next.size(); ++j)
      add(row.probability[j], row.score[j], message_[row.next[j]]);
    if (row.end_probability > 0.0) add(row.end_probability, row.end_score, 0.0);
  }

  /// h and the g of a row are added up once.
  [[nodiscard]] double expectation() const {
    double constant = row.row_score;
    double scores = 0.0;
    double values = 0.0;
    for (std::size_t j = 0; j < mass_.size(); ++j) {
      constant += mass_[j] * score_[j];
      scores += mass_[j] * size(score_[j]);
      values += mass_[j] * size(term_[j] - score_[j]);
    }
    const double length = static_cast<double>(mass_.size()) + kSum;
    return length * (size(constant) + scores + values);
  }

  /// Shares of the terms, and log sum k exp(d), d the terms less the largest, over rho.
  [[nodiscard]] double charged() const {
    const double rho = slice_.rho();
    const double sign = rho < 0.0 ? -1.0 : 1.0;
    double top = -kInfinity;
    for (const double t : term_) top = std::max(top, sign * t);
    if (std::isinf(top)) return 0.0;
    std::vector<double> share;
    for (std::size_t j = 0; j < term_.size(); ++j) {
      const double below = sign * term_[j] - top;
      share.push_back(std::log(mass_[j]) + (below == 0.0 ? 0.0 : below / std::fabs(rho)));
    }
    const double power = std::fabs(rho * log_sum_exp(share));
    const std::vector<double> weight = softmax(share);
    double sum = 0.0;
    double spread = 0.0;
    for (std::size_t j = 0; j < term_.size(); ++j) {
      if (weight[j] == 0.0) continue;
      const double below = top - sign * term_[j];
      sum += weight[j] * (size(term_[j]) + 3.0 * below);
      spread = std::max(spread, below);
    }
    const auto length = static_cast<double>(term_.size());
    const double own = narrow_ ? (length + kLogMean) * (std::fabs(rho) + spread)
                               : (length + kLogSum) * std::fabs(rho);
    return sum + own + 5.0 * power + std::fabs(top) + power;
  }

  [[nodiscard]] double maximum() const {
    const bool weighted = slice_.next_kind() == NextKind::viterbi;
    const auto log_mass = [&](std::size_t j) { return weighted ? std::log(mass_[j]) : 0.0; };
    double best = -kInfinity;
    for (std::size_t j = 0; j < term_.size(); ++j) best = std::max(best, term_[j] + log_mass(j));
    double most = 0.0;
    for (std::size_t j = 0; j < term_.size(); ++j) {
      const double units = 2.0 * size(term_[j]) + 5.0 * std::fabs(log_mass(j));
      if (term_[j] + log_mass(j) + 2.0 * kUnit * units >= best) most = std::max(most, units);
    }
    return most;
  }

  const Slice& slice_;
  std::span<const double> message_;
  bool narrow_;
  std::vector<double> mass_;
  std::vector<double> term_;
  std::vector<double> score_;
};

}  // namespace

namespace {

/// Rounding of U of one context, from its scores J and their rounding.
class ChoiceRounding {
 public:
  ChoiceRounding(const Slice& slice, bool narrow) : slice_(slice), narrow_(narrow) {}

  void start() {
    score_.clear();
    units_.clear();
    base_.clear();
    share_.clear();
  }
  /// J itself is a sum.
  void add(double score, double units, double log_base, double share) {
    if (score == -kInfinity) return;
    score_.push_back(score);
    units_.push_back(units + size(score));
    base_.push_back(log_base);
    share_.push_back(share);
  }

  [[nodiscard]] double units() const {
    if (score_.empty()) return 0.0;
    if (slice_.choice_kind() == ChoiceKind::arg_max) return maximum();
    return slice_.choice_kind() == ChoiceKind::clamped ? average() : log_sum();
  }

 private:
  [[nodiscard]] double maximum() const {
    const double best = *std::max_element(score_.begin(), score_.end());
    double most = 0.0;
    for (std::size_t d = 0; d < score_.size(); ++d) {
      if (score_[d] + 4.0 * kUnit * units_[d] >= best) most = std::max(most, units_[d]);
    }
    return most;
  }

  [[nodiscard]] double average() const {
    const double w = slice_.weight();
    const double length = static_cast<double>(score_.size()) + kSum;
    double sum = 0.0;
    for (std::size_t d = 0; d < score_.size(); ++d) {
      if (share_[d] == 0.0) continue;
      const double cost = w * (1.0 + std::fabs(std::log(share_[d])) + std::fabs(base_[d]));
      sum += share_[d] * (units_[d] + 6.0 * cost + length * (size(score_[d]) + cost));
    }
    return sum;
  }

  [[nodiscard]] double log_sum() const {
    const double w = slice_.weight();
    const auto at = [&](std::size_t d) { return score_[d] + (narrow_ ? 0.0 : w * base_[d]); };
    double top = -kInfinity;
    double bottom = kInfinity;
    for (std::size_t d = 0; d < score_.size(); ++d) {
      top = std::max(top, at(d));
      bottom = std::min(bottom, at(d));
    }
    if (top == -kInfinity) return 0.0;
    std::vector<double> term;
    double sum = 0.0;
    for (std::size_t d = 0; d < score_.size(); ++d) {
      term.push_back((at(d) - top) / w + (narrow_ ? base_[d] : 0.0));
      if (share_[d] == 0.0) continue;
      const double added = narrow_ || base_[d] == 0.0 ? 0.0 : size(w * base_[d]) + size(at(d));
      sum += share_[d] * (units_[d] + added + 3.0 * (top - at(d)));
    }
    const double power = std::fabs(w * log_sum_exp(term));
    const auto length = static_cast<double>(score_.size());
    const double own = narrow_ ? (length + kLogMean) * (w + top - bottom) : (length + kLogSum) * w;
    return sum + own + 6.0 * power + std::fabs(top);
  }

  const Slice& slice_;
  bool narrow_;
  std::vector<double> score_;
  std::vector<double> units_;
  std::vector<double> base_;
  std::vector<double> share_;
};

}  // namespace

std::vector<double> Slice::roundings(std::span<const double> next_message) const {
  const slice_kernel::SliceCall call = data_->call(next_message, nullptr);
  const std::vector<double> scores = score(next_message);
  const std::vector<double> q = conditional(next_message);
  RowRounding of_row(*this, next_message, call.narrow_next);
  ChoiceRounding of_choice(*this, call.narrow_choice);
  std::vector<double> result(contexts(), 0.0);
  for (std::size_t x = 0; x < contexts(); ++x) {
    of_choice.start();
    for (std::size_t r = x * choices(); r < (x + 1) * choices(); ++r) {
      if (scores[r] == -kInfinity) continue;
      const double units = of_row.units(r);
      of_choice.add(scores[r], units, of_row.row.log_base, q[r]);
    }
    const double units = of_choice.units();
    result[x] = units < kInfinity ? kSecondOrder * kUnit * units : 0.0;
  }
  return result;
}

}  // namespace credo
