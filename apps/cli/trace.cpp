#include "trace.hpp"

#include "json_writer.hpp"

#include <algorithm>

namespace credo::cli {
namespace {

void write_names(JsonWriter& json, const FactorGraph& graph, const std::vector<VariableId>& scope) {
  json.begin_array(true);
  for (const VariableId v : scope) {
    json.value(graph.variable(v).name);
  }
  json.end_array();
}

void write_plan(JsonWriter& json, const Answer& answer) {
  const Plan& plan = answer.result.plan;
  const FactorGraph& graph = answer.graph;
  json.key("plan").begin_object();
  json.field("method", plan.method);
  json.field("orders_tried", plan.orders_tried);
  json.field("seconds", plan.seconds);
  json.field("operations", plan.operations);
  json.field("peak_bytes", plan.peak_bytes);
  json.field("log2_widest", plan.log2_widest);
  json.field("widest_step", plan.widest_step);
  json.key("order");
  write_names(json, graph, plan.order);
  json.key("steps").begin_array();
  for (const PlanStep& step : plan.steps) {
    json.begin_object(true).key("eliminated");
    write_names(json, graph, step.eliminated);
    json.key("scope");
    write_names(json, graph, step.scope);
    json.field("tables", step.tables);
    json.field("children", step.children);
    json.field("parent", step.parent);
    json.field("maximise", step.maximise);
    json.field("operations", step.operations).end_object();
  }
  json.end_array().end_object();
}

/// Every entry as a natural logarithm; null stands for the logarithm of zero.
void write_table(JsonWriter& json, const Table& table) {
  json.begin_array(true);
  for (std::uint64_t i = 0; i < table.size(); ++i) {
    json.value(table.log_at(i));
  }
  json.end_array();
}

void write_messages(JsonWriter& json, const Answer& answer) {
  json.key("messages").begin_array();
  for (const Message& message : answer.result.messages) {
    json.begin_object(true).key("scope");
    write_names(json, answer.graph, message.scope);
    json.key("eliminated");
    write_names(json, answer.graph, message.eliminated);
    json.key("log_upward");
    write_table(json, message.upward);
    if (answer.query.task == Task::marginals) {
      json.key("log_downward");
      write_table(json, message.downward);
    }
    json.end_object();
  }
  for (const EdgeMessages& message : answer.result.edge_messages) {
    json.begin_object(true).field("factor", answer.graph.describe(message.factor));
    json.field("variable", answer.graph.variable(message.variable).name);
    json.field("log_to_variable", message.log_to_variable);
    json.field("log_to_factor", message.log_to_factor).end_object();
  }
  json.end_array();
}

/// A value and when it was reached, for every iteration of an iterative run.
void write_values(JsonWriter& json, const Result& r) {
  json.key("values").begin_array();
  for (std::size_t i = 0; i < std::min(r.values.size(), r.iteration_seconds.size()); ++i) {
    json.begin_object(true).field("seconds", r.iteration_seconds[i]);
    json.field("value", r.values[i]).end_object();
  }
  json.end_array();
}

void write_bounds(JsonWriter& json, const std::vector<BoundEvent>& bounds) {
  json.key("bounds").begin_array();
  for (const BoundEvent& bound : bounds) {
    json.begin_object(true).field("seconds", bound.seconds);
    json.field("algorithm", bound.algorithm).field("guarantee", bound.guarantee);
    json.field("log_z", bound.log_z).field("log_z_lower", bound.log_z_lower);
    json.field("log_z_upper", bound.log_z_upper).field("log_value", bound.log_value).end_object();
  }
  json.end_array();
}

}  // namespace

BoundEvent bound_event(const Answer& answer, double seconds) {
  const Result& r = answer.result;
  const double log_value = r.assignments.empty() ? kNaN : r.assignments.front().log_value;
  return {seconds,  r.algorithm_used, std::string(guarantee_name(r.guarantee)),
          r.log_z,  r.log_z_lower,    r.log_z_upper,
          log_value};
}

void write_events(JsonWriter& json, const std::vector<Session::Event>& events) {
  json.begin_array();
  for (const Session::Event& event : events) {
    json.begin_object(true).field("seconds", event.elapsed_seconds);
    json.field("phase", event.phase).field("fraction", event.fraction).end_object();
  }
  json.end_array();
}

std::string render_trace(const Answer& answer, const std::vector<Session::Event>& events,
                         const std::vector<BoundEvent>& bounds) {
  const Result& r = answer.result;
  JsonWriter json;
  json.begin_object();
  write_outcome(json, answer);
  json.field("scalar", r.scalar_used);
  write_timings(json, answer);
  write_plan(json, answer);
  json.key("progress");
  write_events(json, events);
  write_bounds(json, bounds);
  json.field("residuals", r.residuals);
  write_values(json, r);
  write_messages(json, answer);
  json.end_object();
  return json.take();
}

}  // namespace credo::cli
