// credo info: sizes, structure, the cost of exact inference, and what each algorithm would do.

#include "commands.hpp"
#include "input.hpp"
#include "json_writer.hpp"
#include "limits.hpp"
#include "output.hpp"
#include "preview.hpp"
#include "text_table.hpp"

#include <credo/core/graph_structure.hpp>
#include <credo/core/names.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/algorithms.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

namespace credo::cli {
namespace {

struct Sizes {
  std::size_t variables = 0;
  std::size_t factors = 0;
  std::size_t continuous = 0;
  std::size_t gaussian_factors = 0;
  std::size_t largest_dimension = 0;
  std::size_t edges = 0;
  std::size_t components = 0;
  std::size_t largest_cardinality = 0;
  std::size_t largest_scope = 0;
  std::uint64_t stored_entries = 0;  ///< a shared table counts once
  std::size_t shared_factors = 0;
  std::size_t sparse_factors = 0;
  std::size_t factors_with_zeros = 0;
  bool bayesian_network = false;
  bool forest = false;
};

Sizes measure(const FactorGraph& graph) {
  Sizes sizes;
  sizes.variables = graph.variable_count();
  sizes.factors = graph.factor_count();
  sizes.gaussian_factors = graph.gaussian_factors().size();
  sizes.edges = edge_count(graph);
  sizes.components = connected_components(graph).count;
  sizes.bayesian_network = graph.is_bayesian_network();
  sizes.forest = is_forest(graph);
  for (const Variable& variable : graph.variables()) {
    sizes.largest_cardinality = std::max(sizes.largest_cardinality, variable.cardinality);
    sizes.largest_dimension = std::max(sizes.largest_dimension, variable.dimension);
    sizes.continuous += variable.is_continuous() ? 1 : 0;
  }
  std::set<const void*> seen;
  for (const Factor& factor : graph.factors()) {
    sizes.largest_scope = std::max(sizes.largest_scope, factor.scope.size());
    sizes.sparse_factors += factor.table.is_sparse() ? 1 : 0;
    sizes.factors_with_zeros += factor.table.has_zero() ? 1 : 0;
    if (seen.insert(factor.table.identity()).second) {
      sizes.stored_entries += factor.table.stored();
    } else {
      ++sizes.shared_factors;
    }
  }
  return sizes;
}

// All planning together, in seconds, where no time limit is given.
constexpr double kPlanningSeconds = 2.0;
// Nominal seconds of one search for an order.
constexpr double kSearchSeconds = 0.5;

struct Verdict {
  const Algorithm* algorithm;
  Task task;
  std::string why_not;
  /// Whether the algorithm could finish its answer.
  bool computed = true;
};

/// The limit of everything that is planned for one report.
struct PlanningLimit {
  const Stopwatch& since_start;
  double seconds;
  bool interrupted = false;

  [[nodiscard]] bool is_reached() const { return interrupted || since_start.seconds() >= seconds; }
  [[nodiscard]] std::string reason() const {
    return interrupted ? "not computed, for the search was interrupted"
                       : fmt::format("not computed within {}; try a larger --time-limit",
                                     describe_seconds(seconds));
  }
};

/// What each algorithm says to each task that needs no targets, as far as the limit allows.
std::vector<Verdict> ask_algorithms(const FactorGraph& graph, const Evidence& evidence,
                                    const InferOptions& options, const PlanningLimit& limit) {
  const std::vector<Query> queries{Query::log_partition(), Query::marginals(), Query::map(),
                                   Query::samples(1, 1)};
  std::vector<Verdict> verdicts;
  // The first of the table plans longest, so the last ones go first.
  for (std::size_t i = algorithms().size(); i-- > 0;) {
    const Algorithm& algorithm = algorithms()[i];
    std::vector<Verdict> of_algorithm;
    InferOptions own = options;
    // The order of the preview is one for exact inference.
    if (algorithm.guarantee != Guarantee::exact) own.plan.order.clear();
    for (const Query& query : queries) {
      Verdict verdict{&algorithm, query.task, limit.reason(), false};
      if (!limit.is_reached()) {
        own.time_spent_seconds = limit.since_start.seconds();
        std::string why_not = algorithm.why_not(graph, evidence, query, own);
        verdict.computed = why_not.empty() || !limit.is_reached();
        verdict.why_not = verdict.computed ? std::move(why_not) : limit.reason();
      }
      of_algorithm.push_back(std::move(verdict));
    }
    verdicts.insert(verdicts.begin(), std::make_move_iterator(of_algorithm.begin()),
                    std::make_move_iterator(of_algorithm.end()));
  }
  return verdicts;
}

std::string yes_no(bool flag) { return flag ? "yes" : "no"; }

std::string structure_text(const Sizes& s, const LoadedModel& model, const Evidence& evidence) {
  TextTable table;
  table.add_row({"model", printable(model.graph.name.empty() ? model.source : model.graph.name)});
  table.add_row({"variables",
                 fmt::format("{} (largest cardinality {})", s.variables, s.largest_cardinality)});
  if (s.continuous > 0) {
    table.add_row({"", fmt::format("{} of them continuous (largest dimension {})", s.continuous,
                                   s.largest_dimension)});
    table.add_row({"Gaussian factors", fmt::format("{}", s.gaussian_factors)});
  }
  table.add_row({"factors", fmt::format("{} (largest scope {})", s.factors, s.largest_scope)});
  table.add_row(
      {"entries", fmt::format("{} stored ({})", s.stored_entries,
                              describe_bytes(8.0 * static_cast<double>(s.stored_entries)))});
  table.add_row({"", fmt::format("{} factors share a table, {} are sparse, {} have zeros",
                                 s.shared_factors, s.sparse_factors, s.factors_with_zeros)});
  table.add_row(
      {"graph", fmt::format("{} edges, {} component{}, {}", s.edges, s.components,
                            s.components == 1 ? "" : "s", s.forest ? "a forest" : "with cycles")});
  table.add_row({"Bayesian network", yes_no(s.bayesian_network)});
  table.add_row({"findings", fmt::format("{}", evidence.size())});
  return table.render();
}

bool is_planned(const Plan& plan) { return plan.method != "none"; }

std::string plan_text(const Plan& plan, const FactorGraph& graph, const InferOptions& options) {
  TextTable table;
  if (!is_planned(plan)) {
    return "exact inference   no plan: the reason is below\n";
  }
  const bool fits = plan.peak_bytes <= options.memory_limit_bytes;
  table.add_row(
      {"exact inference", fmt::format("order by {}, best of {} tried in {}", plan.method,
                                      plan.orders_tried, describe_seconds(plan.seconds))});
  table.add_row({"  operations", fmt::format("{:.3g}", plan.operations)});
  table.add_row({"  peak memory", fmt::format("{} of {} allowed{}", describe_bytes(plan.peak_bytes),
                                              describe_bytes(options.memory_limit_bytes),
                                              fits ? "" : ": over budget")});
  if (!plan.steps.empty()) {
    std::string names;
    const Scope& scope = plan.steps[plan.widest_step].scope;
    constexpr std::size_t kMostNames = 12;
    for (std::size_t i = 0; i < std::min(scope.size(), kMostNames); ++i) {
      names += fmt::format("{}{}", i == 0 ? "" : ", ", printable(graph.variable(scope[i]).name));
    }
    names += scope.size() > kMostNames ? ", ..." : "";
    const std::string size = plan.widest_front > 0
                                 ? fmt::format("{} numbers", plan.widest_front)
                                 : fmt::format("2^{:.1f} joint states", plan.log2_widest);
    table.add_row(
        {"  widest step", fmt::format("{} variables, {}: {}", scope.size(), size, names)});
  }
  return table.render();
}

std::string verdicts_text(const std::vector<Verdict>& verdicts) {
  std::string out = "algorithms\n";
  const Algorithm* last = nullptr;
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    const Verdict& v = verdicts[i];
    if (v.algorithm != last) {
      out += fmt::format("  {}: {} [{}]\n", v.algorithm->name, v.algorithm->summary,
                         guarantee_name(v.algorithm->guarantee));
      last = v.algorithm;
    }
    // Tasks with one and the same verdict share a line.
    std::string tasks(task_name(v.task));
    while (i + 1 < verdicts.size() && verdicts[i + 1].algorithm == v.algorithm &&
           verdicts[i + 1].why_not == v.why_not) {
      tasks += fmt::format(", {}", task_name(verdicts[++i].task));
    }
    const std::string refusal = (v.computed ? "would not: " : "") + v.why_not;
    out += fmt::format("    {}: {}\n", tasks, v.why_not.empty() ? "would answer" : refusal);
  }
  return out;
}

void write_structure(JsonWriter& json, const Sizes& s) {
  json.field("variables", s.variables).field("factors", s.factors).field("edges", s.edges);
  json.field("components", s.components).field("forest", s.forest);
  json.field("bayesian_network", s.bayesian_network);
  json.field("largest_cardinality", s.largest_cardinality);
  json.field("largest_scope", s.largest_scope).field("stored_entries", s.stored_entries);
  json.field("shared_factors", s.shared_factors).field("sparse_factors", s.sparse_factors);
  json.field("factors_with_zeros", s.factors_with_zeros);
  if (s.continuous > 0) {
    json.field("continuous_variables", s.continuous);
    json.field("largest_dimension", s.largest_dimension);
    json.field("gaussian_factors", s.gaussian_factors);
  }
}

std::string info_json(const LoadedModel& model, const Evidence& evidence, const Plan& plan,
                      const InferOptions& options, const std::vector<Verdict>& verdicts) {
  JsonWriter json;
  json.begin_object().field("task", "info").field("model", model.source);
  json.field("name", model.graph.name);
  const auto of_plan = [&](double number) { return is_planned(plan) ? number : kNaN; };
  write_structure(json, measure(model.graph));
  json.field("findings", evidence.size());
  json.key("predicted").begin_object(true).field("operations", of_plan(plan.operations));
  json.field("peak_bytes", of_plan(plan.peak_bytes));
  json.field("log2_widest", of_plan(plan.log2_widest));
  json.field("method", plan.method).field("plan_seconds", plan.seconds).end_object();
  json.field("memory_limit_bytes", options.memory_limit_bytes);
  json.key("algorithms").begin_array();
  for (const Verdict& v : verdicts) {
    json.begin_object(true).field("algorithm", v.algorithm->name);
    json.field("guarantee", guarantee_name(v.algorithm->guarantee));
    json.field("task", task_name(v.task)).field("answers", v.why_not.empty());
    json.field("why_not", v.why_not).end_object();
  }
  json.end_array();
  json.key("timings").begin_object(true).field("load", model.load_seconds).end_object();
  return json.end_object().take();
}

}  // namespace

ExitCode run_info(const Arguments& arguments, const Stopwatch& since_start) {
  const std::string format = require_one_of("--format", arguments.output.format, {"text", "json"});
  const LoadedModel model = load_model(arguments);
  const Evidence evidence = load_evidence(arguments.evidence, model.graph);
  Session session(arguments.output, since_start);
  InferOptions options = make_infer_options(arguments.engine, since_start);
  PlanningLimit limit{since_start, since_start.seconds() + kPlanningSeconds};
  if (arguments.engine.time_limit_seconds) limit.seconds = options.time_limit_seconds;
  options.time_limit_seconds = limit.seconds;
  options.time_spent_seconds = since_start.seconds();
  options.plan.time_limit_seconds = std::min(options.plan.time_limit_seconds, kSearchSeconds);
  options.observer = [&limit, inner = session.observer()](const Progress& progress) {
    limit.interrupted = limit.interrupted || !inner(progress);
    return !limit.interrupted;
  };
  // Half of the time at most, so that some is left for the algorithms.
  InferOptions preview = options;
  preview.time_limit_seconds = (options.time_spent_seconds + limit.seconds) / 2.0;
  const Plan plan = preview_plan(model.graph, evidence, preview);
  // One search serves every verdict.
  options.plan.order = plan.order;
  const std::vector<Verdict> verdicts = ask_algorithms(model.graph, evidence, options, limit);
  session.finish();
  const std::string text =
      format == "json" ? info_json(model, evidence, plan, options, verdicts)
                       : structure_text(measure(model.graph), model, evidence) +
                             plan_text(plan, model.graph, options) + verdicts_text(verdicts);
  write_output(text, arguments.output.path);
  return ExitCode::answered;
}

}  // namespace credo::cli
