// credo pr, mar, map, mmap, sample.

#include "answer.hpp"
#include "commands.hpp"
#include "input.hpp"
#include "interim_output.hpp"
#include "output.hpp"
#include "trace.hpp"

#include <credo/inference/algorithms.hpp>

#include <fmt/format.h>

#include <vector>

namespace credo::cli {
namespace {

Query make_query(const Arguments& a, const FactorGraph& graph) {
  switch (a.command) {
    case Command::mar:
      return Query::marginals();
    case Command::map:
      return Query::map(a.k_best);
    case Command::mmap:
      return Query::marginal_map(load_query(a.query_file, graph));
    case Command::sample:
      return Query::samples(a.sample_count, a.engine.seed);
    default:
      return Query::log_partition();
  }
}

std::string output_format(const Arguments& a) {
  if (a.command == Command::sample) {
    const std::string format = require_one_of("--format", a.output.format, {"csv", "text", "json"});
    return format == "text" ? "csv" : format;
  }
  return require_one_of("--format", a.output.format, {"text", "json", "uai"});
}

/// A trace has messages where the algorithm has them and the budget allows; they never cost the
/// answer.
Result ask(const FactorGraph& graph, const Evidence& evidence, const Query& query,
           const InferOptions& options) {
  Result result = infer(graph, evidence, query, options);
  if (query.messages && result.status == Status::refused) {
    Query without = query;
    without.messages = false;
    result = infer(graph, evidence, without, options);
  }
  return result;
}

/// Automatic choice may come to an algorithm for which these options mean nothing.
void remark_iteration(const EngineArguments& engine, const Result& result) {
  const bool given =
      engine.schedule != "auto" || engine.damping || engine.tolerance || engine.iterations;
  if (!given || require_algorithm(result.algorithm_used).iterates != Iterates::no) return;
  complain("note: --schedule, --damping, --tolerance and --iterations have no part in " +
           result.algorithm_used);
}

/// Fewer than asked for are all there are.
void remark_count(const Arguments& a, const Result& result) {
  const std::size_t count = result.assignments.size();
  if (a.command != Command::map || result.status != Status::ok || count >= a.k_best) return;
  complain(
      fmt::format("note: --k-best {}: there {} {} only, one per joint state of the discrete "
                  "variables that is not impossible",
                  a.k_best, count == 1 ? "is" : "are", count));
}

}  // namespace

ExitCode run_query(const Arguments& arguments, const Stopwatch& since_start) {
  const std::string format = output_format(arguments);
  const LoadedModel model = load_model(arguments);
  // The other tasks' answers are about log Z, or the states of the query's variables.
  const bool every_state = arguments.command == Command::mar || arguments.command == Command::map;
  if (format == "uai" && every_state) {
    model.graph.require_discrete("--format uai (text and json hold any answer)");
  }
  const Evidence evidence = load_evidence(arguments.evidence, model.graph);
  Query query = make_query(arguments, model.graph);
  query.messages = !arguments.output.trace_path.empty() && query.task != Task::samples;

  Session session(arguments.output, since_start);
  InferOptions options = make_infer_options(arguments.engine, since_start);
  options.observer = session.observer();
  std::vector<BoundEvent> bounds;
  InterimOutput interim(arguments.output.path);
  const Stopwatch since_asked;
  options.improvement = [&](const Result& better) {
    const Answer answer{model.graph, evidence, query, better, model.load_seconds};
    bounds.push_back(bound_event(answer, since_asked.seconds()));
    // With a time limit a file is rewritten at every improvement.
    if (arguments.engine.time_limit_seconds) interim.write(render(answer, format));
  };
  const Result result = ask(model.graph, evidence, query, options);
  session.finish();

  const Answer answer{model.graph, evidence, query, result, model.load_seconds};
  if (!arguments.output.trace_path.empty()) {
    bounds.push_back(bound_event(answer, since_asked.seconds()));
    write_output(render_trace(answer, session.events(), bounds), arguments.output.trace_path);
  }
  const ExitCode code = exit_code(answer);
  if (code == ExitCode::answered || format == "json") {
    write_output(render(answer, format), arguments.output.path);
  }
  if (code == ExitCode::answered && !arguments.output.quiet) {
    remark_iteration(arguments.engine, result);
    remark_count(arguments, result);
  }
  if (code != ExitCode::answered) {
    // What was written on the way has turned out to be no answer.
    if (format != "json") interim.retract();
    complain(explain(answer));
  }
  return code;
}

}  // namespace credo::cli
