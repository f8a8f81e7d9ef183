// A factor's messages. Free factors: incoming messages and table are scaled to largest entry 1 and
// multiplied as doubles while the smallest product stays far above underflow, as logarithms
// otherwise (both exact for zeros). Constrained factors b(x_pa, x_c) = q(x_c | x_pa) b(x_pa): the
// child's message becomes a table W over the parents,
//   W = sum_c k log m_c                   clamped
//   W = rho log sum_c k m_c^(1/rho)       charged; rho = 1 is the free factor
// with which the parents' messages are those of a free factor, and the child receives the marginal
// of b over itself divided by its own message. Stationarity of the Bethe free energy under
// b(x_c | x_pa) = k, respectively with -rho KL in place of E[log k] + H: the local free energy is
// max over b(x_pa) of E[W + sum log m] + H(b(x_pa)).

#include <credo/core/joint_states.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/message_passing/factor_rule.hpp>

#include <algorithm>
#include <cmath>

namespace credo::message_passing {

FactorRule::FactorRule(const EdgeGraph& edges, PreparedTables& tables, const Entropies& entropies,
                       const Constraints& constraints, Operator op)
    : edges_(edges), tables_(tables), entropies_(entropies), constraints_(constraints), op_(op) {}

void FactorRule::gather(FactorId f, const MessageState& state, std::uint32_t except) {
  const std::uint32_t first = edges_.first_edge[f];
  const std::uint32_t end = edges_.first_edge[f + 1];
  const std::size_t states = edges_.message_at[end] - edges_.message_at[first];
  if (in_.size() < states) {
    in_.resize(states);
    out_.resize(states);
    in_linear_.resize(states);
  }
  last_ = f;
  gathered_.assign(end - first, {});
  scale_.assign(end - first, 0.0);
  const double c = entropies_.factor(f);
  for (std::uint32_t e = first; e < end; ++e) {
    if (e == except) continue;
    const std::span<double> in = std::span(in_).subspan(
        edges_.message_at[e] - edges_.message_at[first], edges_.states_of_edge(e));
    gathered_[e - first] = state.gather(e, share(e), 1.0 / c, in);
  }
}

double FactorRule::scales_without(FactorId f, std::uint32_t except) const {
  double sum = 0.0;
  for (std::uint32_t e = edges_.first_edge[f]; e < edges_.first_edge[f + 1]; ++e) {
    if (e != except) sum += gathered_[e - edges_.first_edge[f]].log_scale;
  }
  return sum;
}

std::span<double> FactorRule::message(std::uint32_t edge) {
  const std::size_t first = edges_.message_at[edges_.first_edge[last_]];
  return std::span(out_).subspan(edges_.message_at[edge] - first, edges_.states_of_edge(edge));
}

double FactorRule::scale(std::uint32_t edge) const {
  return scale_[edge - edges_.first_edge[last_]];
}

void FactorRule::finish(std::uint32_t edge, double log_scale) {
  const std::span<double> logs = message(edge);
  const double c = entropies_.factor(last_);
  if (c != 1.0) {
    for (double& x : logs) x *= c;
  }
  const double largest = scale_to_zero(logs);
  scale_[edge - edges_.first_edge[last_]] = largest + c * log_scale;
  all_zero_ = all_zero_ || largest == -kInfinity;
}

void FactorRule::compute(FactorId f, const MessageState& state, std::uint32_t only) {
  all_zero_ = false;
  const bool constrained = constraints_.on(f);
  gather(f, state, constrained ? kNone : only);
  for (const Gathered& in : gathered_) {
    if (in.log_scale != -kInfinity) continue;
    all_zero_ = true;
    std::ranges::fill(out_, -kInfinity);
    return;
  }
  if (constrained) {
    compute_constrained(f);
  } else {
    compute_free(f, only);
  }
}

void FactorRule::compute_free(FactorId f, std::uint32_t only) {
  PreparedTable& table = tables_.table(f);
  const std::uint32_t first = edges_.first_edge[f];
  const std::size_t states = edges_.message_at[edges_.first_edge[f + 1]] - edges_.message_at[first];
  double smallest = table.log_smallest();
  for (const Gathered& in : gathered_) smallest += in.log_smallest;
  const bool linear = table.has_linear() && smallest >= -kLinearRange;
  const std::size_t axis = only == kNone ? kAllAxes : only - first;
  const std::span<double> out = std::span(out_).first(states);
  if (linear) {
    for (std::size_t i = 0; i < states; ++i) in_linear_[i] = std::exp(in_[i]);
    kernel_.run(table.linear(), op_, Arithmetic::linear, std::span(in_linear_).first(states), out,
                axis);
  } else {
    kernel_.run(table.logs(), op_, Arithmetic::log, std::span(in_).first(states), out, axis);
  }
  for (std::uint32_t e = first; e < edges_.first_edge[f + 1]; ++e) {
    if (only != kNone && e != only) continue;
    if (linear) {
      for (double& x : message(e)) x = std::log(x);
    }
    finish(e, scales_without(f, e) + (linear ? table.log_scale() : 0.0));
  }
}

void FactorRule::weigh_parents(FactorId f) {
  const PreparedKernel& kernel = tables_.kernel(f);
  const double rho = constraints_.rho[f];
  const double* child = in_.data() + (edges_.message_at[constraints_.child_edge[f]] -
                                      edges_.message_at[edges_.first_edge[f]]);
  std::vector<char> listed(kernel.parent_count, 0);
  weight_.assign(kernel.parent_count, std::isinf(rho) ? 0.0 : -kInfinity);
  for (const PreparedKernel::Entry& entry : kernel.entries) {
    double& w = weight_[entry.parents];
    listed[entry.parents] = 1;
    const double score = child[entry.child] + entry.log_score;
    if (std::isinf(rho)) {
      w += entry.probability * score;
    } else if (rho < 0.0 && score == -kInfinity) {
      w = kInfinity;  // an impossible state within reach is the worst case
    } else {
      w = log_add(w, std::log(entry.probability) + score / rho);
    }
  }
  for (std::size_t p = 0; p < weight_.size(); ++p) {
    if (std::isfinite(rho)) weight_[p] *= rho;
    if (listed[p] == 0) weight_[p] = -kInfinity;
  }
  // The parents' messages, axis after axis, in row-major order of their joint states.
  log_parents_ = weight_;
  std::size_t p = 0;
  for_each_joint_state(kernel.parent_extents, [&](std::span<const std::size_t> states) {
    std::size_t i = 0;
    for (std::uint32_t e = edges_.first_edge[f]; e < edges_.first_edge[f + 1]; ++e) {
      if (e == constraints_.child_edge[f]) continue;
      log_parents_[p] +=
          in_[edges_.message_at[e] - edges_.message_at[edges_.first_edge[f]] + states[i++]];
    }
    ++p;
  });
}

double FactorRule::log_conditional(FactorId f, const PreparedKernel::Entry& entry) const {
  const double rho = constraints_.rho[f];
  if (std::isinf(rho)) return std::log(entry.probability);
  const std::size_t first =
      edges_.message_at[constraints_.child_edge[f]] - edges_.message_at[edges_.first_edge[f]];
  const double weight = weight_[entry.parents];
  if (weight == -kInfinity) return -kInfinity;
  const double score = in_[first + entry.child] + entry.log_score;
  return std::log(entry.probability) + (score - weight) / rho;
}

void FactorRule::compute_constrained(FactorId f) {
  weigh_parents(f);
  const PreparedKernel& kernel = tables_.kernel(f);
  const std::uint32_t child_edge = constraints_.child_edge[f];
  const std::uint32_t first = edges_.first_edge[f];
  const std::size_t child_at = edges_.message_at[child_edge] - edges_.message_at[first];
  const std::span<double> to_child = message(child_edge);
  std::ranges::fill(to_child, -kInfinity);
  for (const PreparedKernel::Entry& entry : kernel.entries) {
    const double own = in_[child_at + entry.child];
    const double log_belief = log_parents_[entry.parents];
    if (own == -kInfinity || log_belief == -kInfinity) continue;
    double& x = to_child[entry.child];
    x = log_add(x, log_belief + log_conditional(f, entry) - own);
  }
  finish(child_edge, scales_without(f, child_edge));
  if (kernel.parent_extents.empty()) return;
  // The parents see a free factor exp(W): move the child's states out of the way.
  std::vector<double> in;
  std::vector<double> out;
  for (std::uint32_t e = first; e < edges_.first_edge[f + 1]; ++e) {
    if (e == child_edge) continue;
    const auto from =
        in_.begin() + static_cast<std::ptrdiff_t>(edges_.message_at[e] - edges_.message_at[first]);
    in.insert(in.end(), from, from + static_cast<std::ptrdiff_t>(edges_.states_of_edge(e)));
  }
  out.resize(in.size());
  kernel_.run({kernel.parent_extents, weight_, false, {}}, op_, Arithmetic::log, in, out);
  std::size_t at = 0;
  for (std::uint32_t e = first; e < edges_.first_edge[f + 1]; ++e) {
    if (e == child_edge) continue;
    for (double& x : message(e)) x = out[at++];
    finish(e, scales_without(f, e));
  }
}

double FactorRule::log_partition(FactorId f, const MessageState& state) {
  const double c = entropies_.factor(f);
  if (edges_.degree(f) == 0) return c * tables_.table(f).logs().values.front();
  if (!constraints_.on(f)) {
    // What the first axis is sent, times what it receives, adds up to the whole.
    const std::uint32_t e = edges_.first_edge[f];
    compute(f, state, e);
    if (all_zero_) return -kInfinity;
    const double log_scale = scale(e);
    std::vector<double> logs(message(e).begin(), message(e).end());
    gather(f, state, kNone);
    for (std::size_t x = 0; x < logs.size(); ++x) logs[x] = logs[x] / c + in_[x];
    return c * (total(logs) + gathered_.front().log_scale) + log_scale;
  }
  gather(f, state, kNone);
  weigh_parents(f);
  return log_sum_exp(log_parents_) + scales_without(f, kNone);
}

std::vector<double> FactorRule::log_belief(FactorId f, const MessageState& state) {
  gather(f, state, kNone);
  const TableView logs = tables_.table(f).logs();
  std::vector<double> belief(logs.values.begin(), logs.values.end());
  if (constraints_.on(f)) {
    weigh_parents(f);
    std::ranges::fill(belief, -kInfinity);
    for (const PreparedKernel::Entry& entry : tables_.kernel(f).entries) {
      belief[entry.held] = log_parents_[entry.parents] + log_conditional(f, entry);
    }
    return belief;
  }
  const std::size_t d = logs.extents.size();
  std::size_t i = 0;
  const auto add = [&](auto states) {
    std::size_t at = 0;
    for (std::size_t a = 0; a < d; ++a) {
      belief[i] += in_[at + states[a]];
      at += logs.extents[a];
    }
    ++i;
  };
  if (logs.sparse) {
    for (std::size_t e = 0; e < logs.values.size(); ++e) add(logs.states.subspan(e * d, d));
  } else {
    for_each_joint_state(logs.extents, add);
  }
  return belief;
}

double FactorRule::total(std::span<const double> logs) const {
  if (op_ == Operator::sum) return log_sum_exp(logs);
  double largest = -kInfinity;
  for (const double x : logs) largest = std::max(largest, x);
  return largest;
}

std::span<const double> FactorRule::incoming(FactorId f, const MessageState& state) {
  gather(f, state, kNone);
  const std::size_t first = edges_.message_at[edges_.first_edge[f]];
  return std::span(in_).first(edges_.message_at[edges_.first_edge[f + 1]] - first);
}

}  // namespace credo::message_passing
