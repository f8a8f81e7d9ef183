#include "answer.hpp"
#include "json_writer.hpp"

namespace credo::cli {
namespace {

void write_state(JsonWriter& json, const Variable& variable, std::size_t state,
                 const std::vector<std::vector<double>>& values, VariableId v) {
  if (variable.is_continuous()) {
    json.value(values[v]);
  } else if (variable.states.empty()) {
    json.value(state);
  } else {
    json.value(variable.states[state]);
  }
}

/// The variables an assignment speaks of: all, or the maximised ones in the query's order.
std::vector<VariableId> assigned_variables(const Answer& answer) {
  if (answer.query.task == Task::marginal_map) {
    return answer.query.targets;
  }
  std::vector<VariableId> all(answer.graph.variable_count());
  for (VariableId v = 0; v < all.size(); ++v) {
    all[v] = v;
  }
  return all;
}

void write_assignment(JsonWriter& json, const Answer& answer, const Assignment& assignment) {
  json.begin_object();
  for (const VariableId v : assigned_variables(answer)) {
    const Variable& variable = answer.graph.variable(v);
    json.key(variable.name);
    write_state(json, variable, assignment.states[v], assignment.values, v);
  }
  json.end_object();
}

/// Mean and covariance (row by row in one list), and the mixture they are the moments of.
void write_gaussian(JsonWriter& json, const GaussianMarginal& marginal) {
  json.begin_object(true).field("mean", marginal.mean).field("covariance", marginal.covariance);
  if (!marginal.components.empty()) {
    json.key("mixture").begin_array(true);
    for (const GaussianComponent& part : marginal.components) {
      json.begin_object(true).field("weight", part.weight).field("mean", part.mean);
      json.field("covariance", part.covariance).end_object();
    }
    json.end_array();
  }
  json.end_object();
}

void write_marginals(JsonWriter& json, const Answer& answer) {
  json.key("marginals");
  if (answer.query.task != Task::marginals || !has_answer(answer)) {
    json.null();
    return;
  }
  json.begin_object();
  for (VariableId v = 0; v < answer.result.marginals.size(); ++v) {
    if (answer.graph.variable(v).is_continuous()) {
      json.key(answer.graph.variable(v).name);
      write_gaussian(json, answer.result.gaussian_marginals[v]);
    } else {
      json.field(answer.graph.variable(v).name, answer.result.marginals[v]);
    }
  }
  json.end_object();
}

void write_assignments(JsonWriter& json, const Answer& answer) {
  const auto& assignments = answer.result.assignments;
  json.key("assignment");
  if (assignments.empty()) {
    json.null();
    json.key("log_value").null();
    return;
  }
  write_assignment(json, answer, assignments.front());
  json.field("log_value", assignments.front().log_value);
  if (answer.query.k_best > 1) {
    json.key("assignments").begin_array();
    for (const Assignment& assignment : assignments) {
      json.begin_object().key("assignment");
      write_assignment(json, answer, assignment);
      json.field("log_value", assignment.log_value).end_object();
    }
    json.end_array();
  }
}

void write_samples(JsonWriter& json, const Answer& answer) {
  if (answer.query.task != Task::samples) {
    return;
  }
  json.key("variables").begin_array(true);
  for (const Variable& variable : answer.graph.variables()) {
    json.value(variable.name);
  }
  json.end_array().key("samples").begin_array();
  const std::vector<std::vector<double>> no_values;
  for (std::size_t i = 0; i < answer.result.samples.size(); ++i) {
    const auto& sample = answer.result.samples[i];
    const bool mixed = !answer.result.sample_values.empty();
    json.begin_array(true);
    for (VariableId v = 0; v < sample.size(); ++v) {
      write_state(json, answer.graph.variable(v), sample[v],
                  mixed ? answer.result.sample_values[i] : no_values, v);
    }
    json.end_array();
  }
  json.end_array();
}

void write_conflict(JsonWriter& json, const Answer& answer) {
  if (answer.result.status != Status::impossible_evidence) {
    return;
  }
  json.key("conflict").begin_array();
  for (const Finding& finding : answer.result.conflict) {
    json.value(describe(answer.graph, finding));
  }
  json.end_array();
}

}  // namespace

void write_outcome(JsonWriter& json, const Answer& answer) {
  const Result& r = answer.result;
  json.field("task", task_name(answer.query.task));
  json.field("status", status_name(r.status));
  json.field("message", r.message);
  json.field("guarantee", guarantee_name(r.guarantee));
  json.field("algorithm", r.algorithm_used);
}

void write_timings(JsonWriter& json, const Answer& answer) {
  json.key("timings").begin_object(true);
  json.field("load", answer.load_seconds);
  json.field("plan", answer.result.timings.plan_seconds);
  json.field("infer", answer.result.timings.infer_seconds).end_object();
}

std::string render_json(const Answer& answer) {
  const Result& r = answer.result;
  JsonWriter json;
  json.begin_object();
  write_outcome(json, answer);
  json.field("log_z", r.log_z);
  json.field("log_z_lower", r.log_z_lower);
  json.field("log_z_upper", r.log_z_upper);
  write_marginals(json, answer);
  write_assignments(json, answer);
  write_samples(json, answer);
  write_conflict(json, answer);
  write_timings(json, answer);
  json.key("predicted").begin_object(true);
  const bool planned = r.plan.method != "none";
  json.field("operations", planned ? r.plan.operations : kNaN);
  json.field("peak_bytes", planned ? r.plan.peak_bytes : kNaN).end_object();
  json.key("iterations");
  if (r.iterations < 0) {
    json.null();
  } else {
    json.value(r.iterations);
  }
  json.field("residual", r.residual);
  json.end_object();
  return json.take();
}

}  // namespace credo::cli
