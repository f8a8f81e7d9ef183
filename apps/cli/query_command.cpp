// credo pr, mar, map, mmap, sample.

#include "answer.hpp"
#include "commands.hpp"
#include "input.hpp"
#include "interim_output.hpp"
#include "output.hpp"
#include "trace.hpp"
#include "watchdog.hpp"

#include <credo/inference/algorithms.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <vector>

namespace credo::cli {
namespace {

// Of a time limit, at most these shares are kept for writing.
constexpr double kMostOfLimit = 0.3;
constexpr double kMostOfLimitForSamples = 0.4;

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

/// The best answer on the way: for the output file, and for a stop that finds the engine at work.
class BestSoFar {
 public:
  BestSoFar(const Arguments& arguments, const std::string& format, const LoadedModel& model,
            const Evidence& evidence, const Query& query)
      : arguments_(arguments),
        format_(format),
        model_(model),
        evidence_(evidence),
        query_(query),
        interim_(arguments.output.path) {
    watchdog::set_last_resort([this](const std::string& reason) { return write(reason); });
  }
  ~BestSoFar() { watchdog::set_last_resort(nullptr); }
  BestSoFar(const BestSoFar&) = delete;
  BestSoFar& operator=(const BestSoFar&) = delete;

  void improve(const Result& better) {
    const std::lock_guard lock(mutex_);
    best_ = better;
    bounds_.push_back(bound_event(answer(), since_asked_.seconds()));
    // With a time limit a file is rewritten at every improvement.
    if (arguments_.engine.time_limit_seconds) interim_.write(render(answer(), format_));
  }

  /// log Z or value over time, the last of them that of the final result.
  [[nodiscard]] std::vector<BoundEvent> bounds(const Answer& final) const {
    std::vector<BoundEvent> all = bounds_;
    all.push_back(bound_event(final, since_asked_.seconds()));
    return all;
  }
  /// What was written on the way has turned out to be no answer.
  void retract() { interim_.retract(); }

 private:
  [[nodiscard]] Answer answer() const {
    return {model_.graph, evidence_, query_, *best_, model_.load_seconds};
  }

  /// Called by the watchdog while the engine still works.
  ExitCode write(const std::string& reason) {
    const std::lock_guard lock(mutex_);
    if (!best_) {
      complain(reason);
      return ExitCode::stopped;
    }
    best_->message += (best_->message.empty() ? "" : "; ") + reason;
    write_output(render(answer(), format_), arguments_.output.path);
    return ExitCode::answered;
  }

  const Arguments& arguments_;
  const std::string& format_;
  const LoadedModel& model_;
  const Evidence& evidence_;
  const Query& query_;
  const Stopwatch since_asked_;
  InterimOutput interim_;
  std::mutex mutex_;
  std::optional<Result> best_;
  std::vector<BoundEvent> bounds_;
};

// Seconds to write one number of an answer, and one state of a sample, on a slow machine.
constexpr double kSecondsPerNumber = 1.2e-6;
constexpr double kSecondsPerState = 5e-8;

/// Seconds that writing the answer will take: the engine has to leave them. How many samples there
/// will be by a time limit is not known before: they get a share of it.
double writing_seconds(const FactorGraph& graph, const Query& query, double time_limit_seconds) {
  double numbers = 0.0;
  if (query.task == Task::samples) {
    const double states =
        static_cast<double>(graph.variable_count()) * static_cast<double>(query.sample_count);
    return std::min(states * kSecondsPerState, kMostOfLimitForSamples * time_limit_seconds);
  }
  if (query.task == Task::marginals) {
    for (const Variable& variable : graph.variables()) {
      numbers += static_cast<double>(variable.cardinality);
    }
  } else if (query.task == Task::map) {
    numbers = static_cast<double>(graph.variable_count() * query.k_best);
  }
  return std::min(numbers * kSecondsPerNumber, kMostOfLimit * time_limit_seconds);
}

/// Leaves out the samples that could not be written by the time limit. Each is an exact draw, so
/// that fewer are as good.
void cut_samples(const Arguments& a, const FactorGraph& graph, const Stopwatch& since_start,
                 Result& result) {
  if (!a.engine.time_limit_seconds || result.samples.empty()) return;
  const double left = std::max(*a.engine.time_limit_seconds - since_start.seconds(), 0.0);
  const double rows = left / (kSecondsPerState * static_cast<double>(graph.variable_count()));
  const double drawn = static_cast<double>(result.samples.size());
  if (rows >= drawn) return;
  const auto kept = std::max(static_cast<std::size_t>(rows), std::size_t{1});
  result.samples.resize(kept);
  if (!result.sample_values.empty()) result.sample_values.resize(kept);
  result.status = Status::deadline;
  result.message = fmt::format("{} of {} samples: what can be written by the time limit of {} s",
                               kept, a.sample_count, *a.engine.time_limit_seconds);
}

/// Samples that were drawn before a stop are an answer; that there are fewer is said.
void remark_stop(const Result& result) {
  if (!result.samples.empty() && result.status != Status::ok) complain("note: " + result.message);
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
  options.time_spent_seconds += writing_seconds(model.graph, query, options.time_limit_seconds);
  BestSoFar best(arguments, format, model, evidence, query);
  options.improvement = [&best](const Result& better) { best.improve(better); };
  Result result = ask(model.graph, evidence, query, options);
  session.finish();
  cut_samples(arguments, model.graph, since_start, result);

  const Answer answer{model.graph, evidence, query, result, model.load_seconds};
  if (!arguments.output.trace_path.empty()) {
    write_output(render_trace(answer, session.events(), best.bounds(answer)),
                 arguments.output.trace_path);
  }
  const ExitCode code = exit_code(answer);
  if (code == ExitCode::answered || format == "json") {
    write_output(render(answer, format), arguments.output.path);
  }
  if (code == ExitCode::answered && !arguments.output.quiet) {
    remark_stop(result);
    remark_iteration(arguments.engine, result);
    remark_count(arguments, result);
  }
  if (code != ExitCode::answered) {
    if (format != "json") best.retract();
    complain(explain(answer));
  }
  return code;
}

}  // namespace credo::cli
