#include <credo/core/numerics.hpp>
#include <credo/models/control/backup.hpp>

#include <algorithm>
#include <cassert>
#include <cmath>

// The two slices (s_t, a_t, s_{t+1}) of a trajectory, with o_t = 1 observed, as compressed rows:
// the transition's stored entries, log p(o_t = 1 | ...) as their score (or their row's, when it
// does not depend on s_{t+1}), p(a | s) as base measure. Everything is in nats, so that w = 1 and
// rho is the price of KL(q, p) in units of the temperature. Cost: outcomes.

namespace credo::control {
namespace {

constexpr double kUnavailable = -kInfinity;

/// Several ways of ending (s, a), with weights k and scores x, are one: its score.
double merged_score(const Backup& backup, std::span<const double> k, std::span<const double> x) {
  if (k.size() == 1) return x[0];
  double total = 0.0;
  double mean = 0.0;
  double top = -kInfinity;
  double best = -kInfinity;
  for (std::size_t i = 0; i < k.size(); ++i) {
    total += k[i];
    mean += k[i] * x[i];
    best = std::max(best, std::log(k[i]) + x[i]);
    top = std::max(top, x[i]);
  }
  switch (backup.next) {
    case NextKind::clamped:
      return mean / total;
    case NextKind::best_case:
      return top;
    case NextKind::viterbi:
      return best - std::log(total);
    case NextKind::charged:
      break;
  }
  std::vector<double> scaled;
  for (std::size_t i = 0; i < k.size(); ++i) scaled.push_back(std::log(k[i]) + x[i] / backup.rho);
  return backup.rho * (log_sum_exp(scaled) - std::log(total));
}

class StepWriter {
 public:
  StepWriter(const Trajectory& trajectory, const Backup& backup, const std::vector<char>& ended)
      : trajectory_(trajectory), backup_(backup), ended_(ended) {
    slice_.contexts = trajectory.state_count - (ended.back() != 0 && trajectory.has_sink ? 1 : 0);
    slice_.choices = trajectory.action_count;
    slice_.next_kind = backup.next;
    if (backup.next == NextKind::charged) slice_.rho = backup.rho;
    slice_.choice_kind = backup.choice;
  }

  SliceDescription write() {
    const std::size_t pairs = slice_.contexts * slice_.choices;
    slice_.begin.assign(1, 0);
    slice_.row_score.assign(pairs, kUnavailable);
    slice_.end_probability.assign(pairs, 0.0);
    if (!trajectory_.reward_on_pair) slice_.end_score.assign(pairs, 0.0);
    const Table::Rows rows = trajectory_.transition.rows();
    std::size_t row = 0;
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      if (row < rows.index.size() && rows.index[row] == pair) {
        add_row(pair, rows.begin[row], rows.begin[row + 1], rows.column);
        ++row;
      }
      slice_.begin.push_back(slice_.next.size());
    }
    drop_unused_ends();
    if (backup_.choice == ChoiceKind::free && backup_.prior) {
      slice_.log_base.assign(trajectory_.log_prior.begin(),
                             trajectory_.log_prior.begin() + static_cast<std::ptrdiff_t>(pairs));
    }
    return std::move(slice_);
  }

 private:
  void add_row(std::size_t pair, std::size_t begin, std::size_t end,
               std::span<const std::uint32_t> column) {
    const double log_prior = trajectory_.log_prior[pair];
    // An action without prior does not exist, whatever the prior's part otherwise.
    if (log_prior == -kInfinity) return;
    const bool scored = backup_.choice == ChoiceKind::arg_max && backup_.prior;
    slice_.row_score[pair] = (scored ? log_prior : 0.0) +
                             (trajectory_.reward_on_pair ? trajectory_.log_optimality[begin] : 0.0);
    ending_.clear();
    ending_score_.clear();
    for (std::size_t k = begin; k < end; ++k) {
      const double probability = trajectory_.transition.values()[k];
      if (ended_[column[k]] != 0) {
        ending_.push_back(probability);
        ending_score_.push_back(trajectory_.reward_on_pair ? 0.0 : trajectory_.log_optimality[k]);
        slice_.end_probability[pair] += probability;
        continue;
      }
      slice_.next.push_back(column[k]);
      slice_.probability.push_back(probability);
      if (!trajectory_.reward_on_pair) {
        slice_.entry_score.push_back(trajectory_.log_optimality[k]);
      }
    }
    if (!ending_.empty() && !trajectory_.reward_on_pair) {
      slice_.end_score[pair] = merged_score(backup_, ending_, ending_score_);
    }
  }

  void drop_unused_ends() {
    const auto& mass = slice_.end_probability;
    if (std::any_of(mass.begin(), mass.end(), [](double p) { return p > 0.0; })) return;
    slice_.end_probability.clear();
    slice_.end_score.clear();
  }

  const Trajectory& trajectory_;
  const Backup& backup_;
  const std::vector<char>& ended_;
  SliceDescription slice_;
  std::vector<double> ending_;
  std::vector<double> ending_score_;
};

/// All of q on the entry with the largest key.
template <typename Key>
void concentrate(std::size_t size, std::vector<double>& q, const Key& key) {
  std::size_t best = size;
  double top = -kInfinity;
  for (std::size_t i = 0; i < size; ++i) {
    if (key(i) > top) {
      top = key(i);
      best = i;
    }
  }
  if (best < size) q[best] = 1.0;
}

void tilt_charged(double rho, std::span<const double> k, std::span<const double> x,
                  std::vector<double>& q) {
  double top = -kInfinity;
  for (std::size_t i = 0; i < k.size(); ++i) {
    if (k[i] > 0.0) top = std::max(top, x[i] / rho);
  }
  if (top == -kInfinity) return;
  for (std::size_t i = 0; i < k.size(); ++i) {
    const double scaled = x[i] / rho;
    // rho < 0 and an impossible next state: the worst there is, whatever it costs.
    q[i] = k[i] > 0.0 ? k[i] * (scaled == top ? 1.0 : std::exp(scaled - top)) : 0.0;
  }
  normalize(q);
}

}  // namespace

Backup backup_of(Method method, double rho) {
  switch (method) {
    case Method::clamped:
      return {NextKind::clamped, kInfinity, ChoiceKind::free, true};
    case Method::hard:
      return {NextKind::clamped, kInfinity, ChoiceKind::arg_max, false};
    case Method::map:
      return {NextKind::viterbi, 1.0, ChoiceKind::arg_max, true};
    case Method::exponential_utility:
      return {NextKind::charged, 1.0, ChoiceKind::arg_max, false};
    case Method::best_case:
      return {NextKind::best_case, 0.0, ChoiceKind::arg_max, false};
    case Method::risk:
      if (std::isinf(rho)) return backup_of(Method::clamped, rho);
      return {NextKind::charged, rho, ChoiceKind::free, true};
    case Method::posterior:
    case Method::mmap:
      break;
  }
  return {NextKind::charged, 1.0, ChoiceKind::free, true};
}

SliceDescription describe_step(const Trajectory& trajectory, const Backup& backup,
                               const std::vector<char>& ended) {
  assert(ended.size() == trajectory.state_count);
  return StepWriter(trajectory, backup, ended).write();
}

void tilt(const Backup& backup, std::span<const double> k, std::span<const double> x,
          std::vector<double>& q) {
  q.assign(k.size(), 0.0);
  switch (backup.next) {
    case NextKind::clamped:
      q.assign(k.begin(), k.end());
      return;
    case NextKind::charged:
      return tilt_charged(backup.rho, k, x, q);
    case NextKind::best_case:
      return concentrate(k.size(), q,
                         [&](std::size_t i) { return k[i] > 0.0 ? x[i] : -kInfinity; });
    case NextKind::viterbi:
      return concentrate(k.size(), q, [&](std::size_t i) { return std::log(k[i]) + x[i]; });
  }
}

bool is_tied(double score, double best, double tolerance) {
  return score > -kInfinity && score >= best - tolerance * std::fabs(best);
}

std::vector<double> greedy_policy(std::span<const double> score, std::size_t actions,
                                  double tolerance) {
  std::vector<double> policy(score.size(), 0.0);
  for (std::size_t begin = 0; begin < score.size(); begin += actions) {
    const auto row = score.subspan(begin, actions);
    const double best = *std::max_element(row.begin(), row.end());
    for (std::size_t a = 0; a < actions; ++a) {
      if (!is_tied(row[a], best, tolerance)) continue;
      policy[begin + a] = 1.0;
      break;
    }
  }
  return policy;
}

std::vector<double> SolvedStep::message(std::size_t t, std::span<const double> value) const {
  std::vector<double> result(value.begin(), value.end());
  for (double& v : result) v /= trajectory.temperature;
  if (!sink_value.empty()) result.push_back(sink_value.at(t));
  return result;
}

std::vector<double> SolvedStep::policy(std::size_t t, std::span<const double> next) const {
  std::vector<double> result = stationary_policy;
  if (result.empty() && backup.choice == ChoiceKind::arg_max) {
    result = greedy_policy(slice(t).score(next), trajectory.action_count);
  }
  if (result.empty()) result = slice(t).conditional(next);
  if (backup.choice == ChoiceKind::free || backup.prior) return result;
  const std::size_t actions = trajectory.action_count;
  for (const std::size_t s : terminal) {
    for (std::size_t a = 0; a < actions; ++a) {
      result[s * actions + a] = 1.0 / static_cast<double>(actions);
    }
  }
  return result;
}

}  // namespace credo::control
