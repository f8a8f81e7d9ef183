#include "trace.hpp"

#include "json_writer.hpp"

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
  json.end_array();
}

}  // namespace

void write_events(JsonWriter& json, const std::vector<Session::Event>& events) {
  json.begin_array();
  for (const Session::Event& event : events) {
    json.begin_object(true).field("seconds", event.elapsed_seconds);
    json.field("phase", event.phase).field("fraction", event.fraction).end_object();
  }
  json.end_array();
}

std::string render_trace(const Answer& answer, const std::vector<Session::Event>& events) {
  const Result& r = answer.result;
  JsonWriter json;
  json.begin_object();
  write_outcome(json, answer);
  json.field("scalar", r.scalar_used);
  write_timings(json, answer);
  write_plan(json, answer);
  json.key("progress");
  write_events(json, events);
  // One bound; a residual per iteration of an iterative run.
  json.key("bounds").begin_array();
  json.begin_object(true).field("seconds", r.timings.infer_seconds);
  json.field("log_z_lower", r.log_z_lower).field("log_z_upper", r.log_z_upper).end_object();
  json.end_array();
  json.field("residuals", r.residuals);
  write_messages(json, answer);
  json.end_object();
  return json.take();
}

}  // namespace credo::cli
