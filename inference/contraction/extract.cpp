// From slots to answers: one reading per task. The upward pass holds log Z, the
// downward pass what is proportional to marginals (program.cpp); assignments and
// samples are decided by trace_back().
// Invariant: a result is filled in the caller's variables and states only.

#include <credo/core/numerics.hpp>
#include <credo/inference/contraction/factor_answers.hpp>

#include <algorithm>
#include <random>
#include <tuple>
#include <utility>

namespace credo::contraction {

namespace {

void read_marginals(const LaneReader& reader, Result& result) {
  const Prepared& p = reader.prepared();
  result.marginals.resize(p.graph->variable_count());
  const auto place = [&](VariableId v, const std::vector<double>& reduced) {
    std::vector<double>& marginal = result.marginals[v];
    marginal.assign(p.graph->cardinality(v), 0.0);
    for (std::size_t s = 0; s < reduced.size(); ++s) {
      marginal[reader.original_state(v, s)] = reduced[s];
    }
  };
  for (const VariableId v : p.wanted) {
    if (p.model.observed[v]) place(v, {1.0});
  }
  for (std::size_t i = 0; i < p.free_marginals.size(); ++i) {
    const VariableId v = p.free_marginals[i];
    place(v, reader.distribution(reader.program().marginal_slot[i], v));
  }
}

void read_joints(const LaneReader& reader, Result& result) {
  const Prepared& p = reader.prepared();
  const std::vector<LeafPlace> places = leaf_places(p.model, reader.program().tree);
  for (std::size_t t = 0; t < p.model.tables.size(); ++t) {
    const ReducedTable& table = p.model.tables[t];
    if (table.kind != ReducedTable::Kind::joint) continue;
    const Scope& scope = p.query.joints[table.source];
    std::vector<double> values = {1.0};
    if (!table.scope.empty()) {
      values =
          softmax(reader.log_values(reader.program().leaf_adjoint[places[t].leaf], table.scope));
    }
    result.joints.resize(p.query.joints.size());
    result.joints[table.source] = {
        scope, Table::dense(p.graph->shape_of(scope), reader.expanded(scope, table.scope, values))};
  }
}

/// Of a marginal MAP assignment only the targets are decided.
void keep_targets(const Query& query, std::vector<std::size_t>& states) {
  std::vector<char> target(states.size(), 0);
  for (const VariableId v : query.targets) target[v] = 1;
  for (VariableId v = 0; v < states.size(); ++v) {
    if (!target[v]) states[v] = 0;
  }
}

void add_assignment(const LaneReader& reader, const std::vector<std::size_t>& reduced,
                    Result& result) {
  Assignment assignment;
  assignment.states = reader.original_states(reduced);
  if (reader.prepared().query.task == Task::marginal_map) {
    keep_targets(reader.prepared().query, assignment.states);
    assignment.log_value = reader.log_z();
  } else {
    assignment.log_value = reader.log_weight(assignment.states);
  }
  result.assignments.push_back(std::move(assignment));
}

void add_best(const LaneReader& reader, Monitor& monitor, Result& result) {
  Fibres fibres(reader.model(), reader.execution(), monitor);
  add_assignment(reader, trace_back(reader.prepared(), reader.execution(), fibres, {}), result);
}

/// Every row is an exact draw, so that those drawn before a stop are an answer.
void read_samples(const LaneReader& reader, Monitor& monitor, Result& result) {
  const Query& query = reader.prepared().query;
  const auto count = static_cast<double>(query.sample_count);
  std::mt19937_64 generator(query.seed);
  const auto uniform = [&generator] { return static_cast<double>(generator() >> 11U) * 0x1p-53; };
  Fibres fibres(reader.model(), reader.execution(), monitor);
  result.samples = Samples(reader.graph().variable_count());
  result.samples.reserve(query.sample_count);
  try {
    for (std::size_t i = 0; i < query.sample_count; ++i) {
      const auto states = trace_back(reader.prepared(), reader.execution(), fibres, uniform);
      result.samples.append(reader.original_states(states));
      monitor.count(10.0 * static_cast<double>(states.size()), "draw",
                    static_cast<double>(i) / count);
    }
  } catch (const Stopped& stopped) {
    result.status = stopped.status;
    if (result.samples.empty()) return;
    result.message = samples_message(result, query, reader.prepared().options);
  }
}

Table log_table(const LaneReader& reader, std::uint32_t slot, const Scope& scope, double shift) {
  std::vector<double> values = reader.log_values(slot, scope);
  for (double& value : values) value += shift;
  return Table::dense(reader.model().shape_of(scope), std::move(values), Domain::log);
}

/// Upward and downward messages of every step, the product of the two summing to Z.
void read_messages(const LaneReader& reader, Result& result) {
  const Program& program = reader.program();
  const Plan& plan = reader.prepared().plan;
  const double log_z = reader.log_z();
  const std::vector<double> log_z_of = log_z_of_components(reader);
  result.messages.resize(plan.steps.size());
  for (std::size_t n = 0; n < program.tree.nodes.size(); ++n) {
    const Node& node = program.tree.nodes[n];
    if (!node.is_step_result) continue;
    const PlanStep& step = plan.steps[node.step];
    Message& message = result.messages[node.step];
    message.scope = step.message;
    message.eliminated = step.eliminated;
    message.upward = log_table(reader, program.node_slot[n], step.message, 0.0);
    if (program.node_adjoint[n] != kNoSlot) {
      message.downward =
          log_table(reader, program.node_adjoint[n], step.message, log_z - log_z_of[n]);
    }
  }
}

void read_task(const LaneReader& reader, Monitor& monitor, Result& result) {
  const Prepared& p = reader.prepared();
  switch (p.query.task) {
    case Task::log_partition:
      break;
    case Task::marginals:
      read_marginals(reader, result);
      read_joints(reader, result);
      if (p.query.factor_marginals) read_factor_marginals(reader, result);
      break;
    case Task::sensitivity:
      read_sensitivity(reader, result);
      break;
    case Task::map:
    case Task::marginal_map:
      add_best(reader, monitor, result);
      break;
    case Task::samples:
      read_samples(reader, monitor, result);
      break;
  }
  if (p.query.messages) read_messages(reader, result);
}

}  // namespace

void extract(const Prepared& prepared, const Execution& execution, std::size_t lane,
             const Evidence& evidence, Monitor& monitor, Result& result) {
  const LaneReader reader(prepared, execution, lane, evidence, monitor);
  const double log_z = reader.log_z();
  result.guarantee = Guarantee::exact;
  if (log_z == -kInfinity) {
    result.status = Status::impossible_evidence;
    return;
  }
  result.status = Status::ok;
  const bool maximised =
      prepared.query.task == Task::map || prepared.query.task == Task::marginal_map;
  if (!maximised) result.log_z = log_z;
  read_task(reader, monitor, result);
}

void extract_k_best(const Prepared& prepared, const Execution& execution, const Evidence& evidence,
                    Monitor& monitor, Result& result) {
  const auto best = k_best(prepared, execution, prepared.query.k_best, monitor);
  result.guarantee = Guarantee::exact;
  result.status = best.empty() ? Status::impossible_evidence : Status::ok;
  const LaneReader reader(prepared, execution, 0, evidence, monitor);
  for (const std::vector<std::size_t>& states : best) add_assignment(reader, states, result);
  // Recomputed values may differ from the search's in the last digits.
  std::ranges::sort(result.assignments, [](const Assignment& a, const Assignment& b) {
    return std::tie(b.log_value, a.states) < std::tie(a.log_value, b.states);
  });
}

}  // namespace credo::contraction
