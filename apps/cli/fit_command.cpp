// credo fit: tables of a Bayesian network from comma-separated data.

#include "commands.hpp"
#include "input.hpp"
#include "output.hpp"

#include <credo/core/formats/format.hpp>
#include <credo/models/parameter_learning.hpp>

#include <fmt/format.h>

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
  // One limit for all iterations, looked at between them.
  options.time_limit_seconds = std::exchange(options.infer.time_limit_seconds, kInfinity);
  options.observer = session.observer();
  options.restarts = f.restarts;
  options.seed = arguments.engine.seed;
  if (prior != "none") options.strength = f.strength;
  if (prior == "bdeu") options.prior = PriorCounts::equivalent_sample;
  return options;
}

std::string report(const ParameterFit& fit, const DataTable& data) {
  std::string text = fmt::format("cases           {}\n", data.total_weight());
  text += fmt::format("log likelihood  {:.10g}\n", fit.log_likelihood);
  if (fit.objective != fit.log_likelihood) {
    text += fmt::format("objective       {:.10g}\n", fit.objective);
  }
  if (!std::isnan(fit.log_marginal_likelihood)) {
    text += fmt::format("log evidence    {:.10g}\n", fit.log_marginal_likelihood);
  }
  text += fmt::format("iterations      {}\n", fit.trace.size() - 1);
  text += fmt::format("guarantee       {}\n", guarantee_name(fit.guarantee));
  return text;
}

}  // namespace

ExitCode run_fit(const Arguments& arguments, const Stopwatch& since_start) {
  const Format format = model_format(arguments);
  const std::string prior =
      require_one_of("--prior", arguments.fit.prior, {"none", "per-entry", "bdeu"});
  const LoadedModel model = load_model(arguments.model, arguments.from);
  const DataTable data = read_data(arguments.fit.data, model.graph);
  Session session(arguments.output, since_start);
  const ParameterFit fit =
      learn_parameters(model.graph, data, learn_options(arguments, prior, session, since_start));
  session.finish();
  // What was reached before a stop is an answer too.
  if (std::isnan(fit.log_likelihood)) {
    complain(fit.message);
    return exit_code_of(fit.status);
  }
  write_output(write_model(fit.graph, format), arguments.output.path);
  write_output(report(fit, data), "");
  if (!arguments.output.quiet && fit.guarantee == Guarantee::unconverged) {
    complain("note: " + fit.message);
  }
  return ExitCode::answered;
}

}  // namespace credo::cli
