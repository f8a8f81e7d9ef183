// credo fit: tables of a Bayesian network from comma-separated data.

#include "commands.hpp"
#include "input.hpp"
#include "json_writer.hpp"
#include "output.hpp"
#include "watchdog.hpp"

#include <credo/core/error.hpp>
#include <credo/core/formats/format.hpp>
#include <credo/models/parameter_learning.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>

namespace credo::cli {
namespace {

LearnOptions learn_options(const Arguments& arguments, std::string_view prior, Session& session,
                           const Stopwatch& since_start) {
  const FitArguments& f = arguments.fit;
  LearnOptions options;
  options.infer = make_infer_options(arguments.engine, since_start);
  // One limit for everything.
  options.time_limit_seconds = options.infer.time_limit_seconds;
  options.time_spent_seconds = options.infer.time_spent_seconds;
  options.infer.time_limit_seconds = kInfinity;
  options.infer.time_spent_seconds = 0.0;
  options.observer = session.observer();
  options.restarts = f.restarts;
  options.seed = arguments.engine.seed;
  if (prior != "none") options.strength = f.strength;
  if (prior == "bdeu") options.prior = PriorCounts::equivalent_sample;
  return options;
}

/// What the data say, and how long it took to find out.
struct FitReport {
  const Arguments& arguments;
  const DataTable& data;
  const ParameterFit& fit;
  double load_seconds;
  double fit_seconds;

  [[nodiscard]] std::size_t iterations() const {
    return fit.trace.empty() ? 0 : fit.trace.size() - 1;
  }
};

/// Whether there are tables to write: of what was learned, or, where the time was over before the
/// first iteration, those of the start.
bool has_tables(const ParameterFit& fit) {
  return !std::isnan(fit.log_likelihood) || fit.status == Status::deadline ||
         fit.status == Status::cancelled;
}

/// Where values are missing: how far what is reported depends on where the iterations started.
std::string starts_text(const ParameterFit& fit) {
  std::string text;
  if (fit.start_objectives.size() > 1) {
    const auto [least, most] = std::ranges::minmax(fit.start_objectives);
    text += fmt::format("starts          {}, from {:.10g} to {:.10g}; best: {}\n",
                        fit.start_objectives.size(), least, most, fit.best_start);
  }
  if (fit.escaped_saddles > 0) text += fmt::format("saddles left    {}\n", fit.escaped_saddles);
  if (fit.kept_zeros > 0) text += fmt::format("zeros kept      {}\n", fit.kept_zeros);
  return text;
}

std::string report_text(const FitReport& report) {
  const ParameterFit& fit = report.fit;
  std::string text = fmt::format("cases           {}\n", report.data.total_weight());
  text += std::isnan(fit.log_likelihood)
              ? "log likelihood  unknown\n"
              : fmt::format("log likelihood  {:.10g}\n", fit.log_likelihood);
  if (!std::isnan(fit.objective) && fit.objective != fit.log_likelihood) {
    text += fmt::format("objective       {:.10g}\n", fit.objective);
  }
  if (!std::isnan(fit.log_marginal_likelihood)) {
    text += fmt::format("log evidence    {:.10g}\n", fit.log_marginal_likelihood);
  }
  text += fmt::format("iterations      {}\n", report.iterations());
  text += starts_text(fit);
  text += fmt::format("guarantee       {}\n", guarantee_name(fit.guarantee));
  return text;
}

/// Per variable: the counts of its table, row-major over its scope.
void write_counts(JsonWriter& json, const ParameterFit& fit) {
  json.key("counts").begin_object();
  for (FactorId f = 0; f < fit.counts.size(); ++f) {
    const Factor& factor = fit.graph.factor(f);
    json.key(fit.graph.variable(*factor.child).name).begin_object(true).key("scope");
    json.begin_array(true);
    for (const VariableId v : factor.scope) json.value(fit.graph.variable(v).name);
    json.end_array().field("values", fit.counts[f]).end_object();
  }
  json.end_object();
}

std::string report_json(const FitReport& report) {
  const ParameterFit& fit = report.fit;
  JsonWriter json;
  json.begin_object().field("task", "fit").field("model", report.arguments.model);
  json.field("data", report.arguments.fit.data).key("written");
  has_tables(fit) ? json.value(report.arguments.output.path) : json.null();
  json.field("status", status_name(fit.status)).field("message", fit.message);
  json.field("guarantee", guarantee_name(fit.guarantee));
  json.field("cases", report.data.total_weight()).field("complete", report.data.complete());
  json.field("prior", report.arguments.fit.prior).key("strength");
  report.arguments.fit.prior == "none" ? json.value(0.0)
                                       : json.value(report.arguments.fit.strength);
  json.field("log_likelihood", fit.log_likelihood).field("objective", fit.objective);
  json.field("log_evidence", fit.log_marginal_likelihood);
  json.field("iterations", report.iterations()).field("residual", fit.residual);
  json.field("trace", fit.trace).field("starts", fit.start_objectives.size());
  json.field("best_start", fit.best_start).field("start_objectives", fit.start_objectives);
  json.field("escaped_saddles", fit.escaped_saddles).field("kept_zeros", fit.kept_zeros);
  write_counts(json, fit);
  json.key("timings").begin_object(true).field("load", report.load_seconds);
  json.field("fit", report.fit_seconds).end_object();
  return json.end_object().take();
}

}  // namespace

ExitCode run_fit(const Arguments& arguments, const Stopwatch& since_start) {
  const std::string shown = require_one_of("--format", arguments.output.format, {"text", "json"});
  const Format format = model_format(arguments);
  if (arguments.output.path == "-") {
    throw OptionError("--output -: standard output is for the report; expected a file");
  }
  const std::string prior =
      require_one_of("--prior", arguments.fit.prior, {"none", "per-entry", "bdeu"});
  const Stopwatch loading;
  const LoadedModel model = load_model(arguments);
  watchdog::enter("reading the data");
  const DataTable data = read_data(arguments.fit.data, model.graph);
  const double load_seconds = loading.seconds();
  Session session(arguments.output, since_start);
  const Stopwatch fitting;
  ParameterFit fit =
      learn_parameters(model.graph, data, learn_options(arguments, prior, session, since_start));
  session.finish();
  const FitReport report{arguments, data, fit, load_seconds, fitting.seconds()};
  // What was reached before a stop is an answer too.
  if (!has_tables(fit)) {
    if (shown == "json") write_output(report_json(report), "");
    complain(fit.message);
    return exit_code_of(fit.status);
  }
  write_output(write_model(fit.graph, format), arguments.output.path);
  write_output(shown == "json" ? report_json(report) : report_text(report), "");
  if (!arguments.output.quiet && fit.guarantee == Guarantee::unconverged) {
    complain("note: " + fit.message);
  }
  return ExitCode::answered;
}

}  // namespace credo::cli
