// Two sweeps: factors in reverse breadth-first order send towards their root, then in that order to
// everyone else (Pearl 1988). Sequential and parallel: every factor renews all its messages, in
// place or from the messages of the iteration before. Residual: the factor whose incoming messages
// changed most since it was renewed goes first (Elidan, McGraw and Koller 2006); the change is
// bounded by the sum of the changes of what it received, which costs no computation (Sutton and
// McCallum 2007). Invariant of the residual schedule: priority(f) bounds what renewing f would
// change, so that all priorities within the tolerance mean a fixed point within it.
// Ties go to the factor farthest down the breadth-first order: runs are deterministic.

#include <credo/core/numerics.hpp>
#include <credo/inference/message_passing/schedule.hpp>

#include <algorithm>
#include <cmath>

namespace credo::message_passing {

Schedule::Schedule(const EdgeGraph& edges, FactorRule& rule, MessageState& state,
                   const MessageRange& range, const IterationOptions& options,
                   contraction::Monitor& monitor)
    : edges_(edges),
      rule_(rule),
      state_(state),
      range_(range),
      options_(options),
      monitor_(monitor) {
  monitor_.check("messages", 0.0);
}

bool Schedule::compute(FactorId f, std::uint32_t only) {
  constexpr std::size_t kStatesPerCheck = 1 << 12;
  states_since_check_ +=
      edges_.message_at[edges_.first_edge[f + 1]] - edges_.message_at[edges_.first_edge[f]];
  if (states_since_check_ > kStatesPerCheck) {
    states_since_check_ = 0;
    monitor_.check("messages", static_cast<double>(residuals_.size()) /
                                   static_cast<double>(options_.maximum_iterations + 1));
  }
  ++updates_;
  last_ = f;
  rule_.compute(f, state_, only);
  found_zero_ = found_zero_ || rule_.all_zero();
  return !found_zero_;
}

double Schedule::two_sweeps() {
  CompensatedSum log_total;
  for (std::size_t i = edges_.order.size(); i-- > 0;) {
    const FactorId f = edges_.order[i];
    const std::uint32_t e = edges_.edge_to_root[f];
    if (e == kNone) {
      log_total.add(rule_.log_partition(f, state_));
      continue;
    }
    if (!compute(f, e)) return -kInfinity;
    log_total.add(rule_.scale(e));
    state_.assign(e, rule_.message(e));
  }
  for (const VariableId root : edges_.variable_roots) {
    log_total.add(rule_.total(state_.log_products(root)));
  }
  for (const FactorId f : edges_.order) {
    if (!compute(f, kNone)) return -kInfinity;
    for (std::uint32_t e = edges_.first_edge[f]; e < edges_.first_edge[f + 1]; ++e) {
      if (e != edges_.edge_to_root[f]) state_.assign(e, rule_.message(e));
    }
  }
  for (FactorId f = 0; f < edges_.factor_count(); ++f) {
    if (edges_.degree(f) > 0 || edges_.absorbed(f)) continue;
    log_total.add(rule_.log_partition(f, state_));
  }
  return log_total.value();
}

double Schedule::settle(std::uint32_t edge, std::span<double> logs) const {
  const double floor = range_.floor[edges_.factor[edge]];
  for (double& x : logs) {
    if (x < floor && x != -kInfinity) x = floor;
  }
  const std::span<const double> old = state_.to_variable(edge);
  const double change = difference(old, logs);
  const double kept = options_.damping;
  if (kept > 0.0) {
    for (std::size_t x = 0; x < logs.size(); ++x) {
      if (logs[x] == -kInfinity || old[x] == -kInfinity) continue;
      logs[x] = (1.0 - kept) * logs[x] + kept * old[x];
    }
    scale_to_zero(logs);
  }
  return change;
}

double Schedule::renew(FactorId f, bool and_record_changes) {
  if (!compute(f, kNone)) return kInfinity;
  double largest = 0.0;
  changes_.clear();
  for (std::uint32_t e = edges_.first_edge[f]; e < edges_.first_edge[f + 1]; ++e) {
    const std::span<double> logs = rule_.message(e);
    const double change = settle(e, logs);
    largest = std::max(largest, change);
    if (and_record_changes) changes_.push_back(difference(state_.to_variable(e), logs));
    state_.assign(e, logs);
  }
  return largest;
}

double Schedule::sequential_iteration(bool towards_root) {
  double residual = 0.0;
  for (std::size_t i = 0; i < edges_.order.size() && !found_zero_; ++i) {
    const FactorId f = edges_.order[towards_root ? edges_.order.size() - 1 - i : i];
    residual = std::max(residual, renew(f, false));
  }
  return residual;
}

double Schedule::parallel_iteration() {
  next_.resize(edges_.message_at.back());
  double residual = 0.0;
  for (const FactorId f : edges_.order) {
    if (!compute(f, kNone)) return kInfinity;
    for (std::uint32_t e = edges_.first_edge[f]; e < edges_.first_edge[f + 1]; ++e) {
      const std::span<double> logs = rule_.message(e);
      residual = std::max(residual, settle(e, logs));
      std::ranges::copy(logs, next_.begin() + static_cast<std::ptrdiff_t>(edges_.message_at[e]));
    }
  }
  for (std::uint32_t e = 0; e < edges_.edge_count(); ++e) {
    state_.assign(e, std::span(next_).subspan(edges_.message_at[e], edges_.states_of_edge(e)));
  }
  return residual;
}

bool Schedule::finish_iteration(double residual, const std::function<void()>& observe) {
  if (found_zero_) return true;
  residuals_.push_back(residual);
  if (observe) observe();
  converged_ = residual <= options_.tolerance;
  return converged_ || residuals_.size() >= options_.maximum_iterations;
}

bool Schedule::at_floor() const {
  for (std::uint32_t e = 0; e < edges_.edge_count(); ++e) {
    const double floor = range_.floor[edges_.factor[e]];
    for (const double x : state_.to_variable(e)) {
      if (x <= floor && x != -kInfinity) return true;
    }
  }
  return false;
}

void Schedule::iterate(MessageSchedule schedule, const std::function<void()>& observe) {
  if (schedule == MessageSchedule::residual) {
    iterate_by_residual(observe);
    return;
  }
  for (bool towards_root = true;; towards_root = !towards_root) {
    const double residual = schedule == MessageSchedule::parallel
                                ? parallel_iteration()
                                : sequential_iteration(towards_root);
    if (finish_iteration(residual, observe)) return;
  }
}

namespace {

/// Factors by decreasing priority; entries whose priority changed since are skipped when met.
class PriorityQueue {
 private:
  struct Entry {
    double priority;
    FactorId factor;
  };
  [[nodiscard]] auto before() const {
    return [this](const Entry& a, const Entry& b) {
      if (a.priority != b.priority) return a.priority < b.priority;
      return place_[a.factor] < place_[b.factor];
    };
  }

 public:
  explicit PriorityQueue(const EdgeGraph& edges)
      : priority_(edges.factor_count(), 0.0), place_(edges.factor_count(), 0) {
    most_ = 8 * edges.order.size() + 64;
    // Nothing was renewed yet: from the leaves.
    for (std::size_t i = 0; i < edges.order.size(); ++i) {
      place_[edges.order[i]] = i;
      set(edges.order[i], kInfinity);
    }
  }

  [[nodiscard]] double priority(FactorId f) const { return priority_[f]; }

  void set(FactorId f, double priority) {
    priority_[f] = priority;
    if (priority <= 0.0) return;
    heap_.push_back({priority, f});
    std::ranges::push_heap(heap_, before());
    if (heap_.size() > most_) drop_stale();
  }

  /// The largest priority; 0 when there is none.
  [[nodiscard]] double largest() {
    while (!heap_.empty() && priority_[heap_.front().factor] != heap_.front().priority) pop();
    return heap_.empty() ? 0.0 : heap_.front().priority;
  }
  /// Its factor, after largest() said that there is one.
  FactorId take() {
    const FactorId f = heap_.front().factor;
    pop();
    priority_[f] = 0.0;
    return f;
  }

 private:
  void pop() {
    std::ranges::pop_heap(heap_, before());
    heap_.pop_back();
  }
  void drop_stale() {
    std::erase_if(heap_, [this](const Entry& e) { return priority_[e.factor] != e.priority; });
    std::ranges::sort(heap_, [this](const Entry& a, const Entry& b) { return before()(a, b); });
    const auto repeated = std::ranges::unique(heap_, {}, &Entry::factor);
    heap_.erase(repeated.begin(), repeated.end());
    std::ranges::make_heap(heap_, before());
  }

  std::vector<double> priority_;
  std::vector<std::size_t> place_;
  std::vector<Entry> heap_;
  std::size_t most_ = 0;
};

}  // namespace

void Schedule::iterate_by_residual(const std::function<void()>& observe) {
  PriorityQueue queue(edges_);
  const std::size_t per_iteration = std::max<std::size_t>(edges_.order.size(), 1);
  for (std::size_t done = 0;; ++done) {
    const double largest = queue.largest();
    const bool at_rest = largest <= options_.tolerance;
    if (done == per_iteration || at_rest) {
      if (finish_iteration(largest, observe)) return;
      done = 0;
    }
    const FactorId f = queue.take();
    const double change = renew(f, true);
    if (found_zero_) return;
    // A damped message is still on its way.
    queue.set(f, options_.damping > 0.0 ? options_.damping * change : 0.0);
    for (std::uint32_t e = edges_.first_edge[f]; e < edges_.first_edge[f + 1]; ++e) {
      const double moved = changes_[e - edges_.first_edge[f]];
      if (moved == 0.0) continue;
      for (const std::uint32_t other : edges_.edges(edges_.variable[e])) {
        const FactorId g = edges_.factor[other];
        const double sensitivity = std::fabs(rule_.share(other) - (g == f ? 1.0 : 0.0));
        if (sensitivity > 0.0) queue.set(g, queue.priority(g) + sensitivity * moved);
      }
    }
  }
}

}  // namespace credo::message_passing
