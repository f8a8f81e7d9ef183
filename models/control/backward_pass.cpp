#include <credo/core/numerics.hpp>
#include <credo/models/control/backward_pass.hpp>

#include <algorithm>
#include <cassert>
#include <utility>

// Eliminating s_{T+1}, a_T, s_T, ..., a_1, s_1 gives, per step t,
//   the message of s_{t+1}:  log sum_s' p(s' | s, a) p(o_t | s, a, s') beta_{t+1}(s')
//   the message of a_t:      log beta_t(s) = log sum_a p(a | s) beta_t(s, a),
// and downward, into the message of a_t, log p(s_t, o_{1:t-1}): the forward message, unnormalised.
// Levine 2018, arXiv:1805.00909, section 2.3 (there with the reward on (s, a) and a uniform prior
// left out). Cost: nothing but copying.

namespace credo::control {
namespace {

/// Logarithms of a message's table over `wanted`, in that order. A message that lacks a variable is
/// constant in it; no message is log 1.
std::vector<double> read(const Message* message, const Table Message::* side, const Scope& wanted,
                         const FactorGraph& graph) {
  std::size_t size = 1;
  for (const VariableId v : wanted) size *= graph.cardinality(v);
  if (message == nullptr) return std::vector<double>(size, 0.0);
  const Table& table = message->*side;
  if (message->scope == wanted && !table.is_sparse() && table.domain() == Domain::log) {
    return {table.values().begin(), table.values().end()};
  }
  assert(wanted.size() <= 2 && message->scope.size() <= wanted.size());
  const auto stride = [&](VariableId v) -> std::size_t {
    std::size_t result = 1;
    for (std::size_t i = message->scope.size(); i-- > 0;) {
      if (message->scope[i] == v) return result;
      result *= graph.cardinality(message->scope[i]);
    }
    return 0;
  };
  const std::size_t columns = wanted.size() == 2 ? graph.cardinality(wanted[1]) : 1;
  const std::size_t row_stride = stride(wanted[0]);
  const std::size_t column_stride = wanted.size() == 2 ? stride(wanted[1]) : 0;
  std::vector<double> result(size);
  for (std::size_t i = 0; i < size; ++i) {
    result[i] = table.log_at(i / columns * row_stride + i % columns * column_stride);
  }
  return result;
}

}  // namespace

Result contract_backward(const Trajectory& trajectory, bool marginals, InferOptions options) {
  options.plan.order = trajectory.backward_order;
  // Every state's value is wanted, not only those of states that can be reached from s_1.
  options.propagate_zeros = false;
  options.explain_conflict = false;
  Query query = Query::log_partition();
  if (marginals) {
    std::vector<VariableId> targets = trajectory.states;
    targets.insert(targets.end(), trajectory.actions.begin(), trajectory.actions.end());
    query = Query::marginals(std::move(targets));
  }
  query.messages = true;
  return infer_exactly(trajectory.graph, trajectory.evidence, query, options);
}

BackwardMessages::BackwardMessages(const Trajectory& trajectory, Result& result)
    : trajectory_(trajectory), eliminating_(trajectory.graph.variable_count(), nullptr) {
  for (Message& m : result.messages) {
    if (m.eliminated.size() == 1) eliminating_[m.eliminated.front()] = &m;
  }
  log_pair_.assign(trajectory.state_count * trajectory.action_count, -kInfinity);
  const Table::Rows rows = trajectory.transition.rows();
  for (std::size_t row = 0; row < rows.index.size(); ++row) {
    log_pair_[rows.index[row]] =
        trajectory.reward_on_pair ? trajectory.log_optimality[rows.begin[row]] : 0.0;
  }
}

std::vector<double> BackwardMessages::log_beta_action(std::size_t t) const {
  std::vector<double> beta =
      read(eliminating_[trajectory_.states[t + 1]], &Message::upward,
           {trajectory_.states[t], trajectory_.actions[t]}, trajectory_.graph);
  for (std::size_t i = 0; i < beta.size(); ++i) beta[i] += log_pair_[i];
  return beta;
}

std::vector<double> BackwardMessages::log_beta_state(std::size_t t) const {
  if (t < trajectory_.actions.size()) {
    return read(eliminating_[trajectory_.actions[t]], &Message::upward, {trajectory_.states[t]},
                trajectory_.graph);
  }
  return trajectory_.log_final_factor.empty() ? std::vector<double>(trajectory_.state_count, 0.0)
                                              : trajectory_.log_final_factor;
}

std::vector<double> BackwardMessages::forward(std::size_t t) const {
  return softmax(read(eliminating_[trajectory_.actions[t]], &Message::downward,
                      {trajectory_.states[t]}, trajectory_.graph));
}

void BackwardMessages::release(std::size_t t) {
  for (const VariableId v : {trajectory_.states[t + 1], trajectory_.actions[t]}) {
    if (eliminating_[v] != nullptr) *std::exchange(eliminating_[v], nullptr) = {};
  }
}

}  // namespace credo::control
