// The best member of a family: checks, choice of method, and what every method shares.

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/variational/answers.hpp>
#include <credo/inference/variational/ascent.hpp>
#include <credo/inference/variational/evaluation.hpp>
#include <credo/inference/variational/gap.hpp>
#include <credo/inference/variational/gaussian_family.hpp>
#include <credo/inference/variational/ordered.hpp>
#include <credo/inference/variational/relevance.hpp>
#include <credo/inference/variational/sweep.hpp>
#include <credo/inference/variational/variational.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace credo {

namespace {

using variational::Node;
using variational::Problem;

[[noreturn]] void refuse_option(std::string_view name, std::string_view bound, double given) {
  throw OptionError(fmt::format("option {}: expected {}, got {}", name, bound, given));
}

class Maximizer {
 public:
  Maximizer(const FactorGraph& graph, const Evidence& evidence, const Family& family,
            const VariationalOptions& options)
      : graph_(graph),
        evidence_(evidence),
        family_(family),
        options_(options),
        infer_options_(contraction::limits_of(options)),
        monitor_(infer_options_) {}

  VariationalResult run() {
    try {
      answer();
    } catch (const contraction::Stopped& stopped) {
      result_ = {};
      result_.status = stopped.status;
      result_.message = contraction::stop_message(stopped.status, options_.time_limit_seconds);
    }
    return std::move(result_);
  }

 private:
  void answer() {
    monitor_.check("plan", 0.0);
    problem_ = variational::make_problem(graph_, evidence_, family_);
    const auto plan = variational::plan_sweep(problem_, options_.messages);
    result_.solubility = plan ? variational::swept_solubility(problem_, *plan)
                              : variational::test_solubility(problem_);
    const bool wants_sweep = options_.method != VariationalMethod::ascent;
    if (wants_sweep && result_.solubility.soluble) {
      if (plan) {
        if (affordable("sweep", plan->operations, plan->peak_bytes)) sweep(*plan);
      } else {
        auto ordered = variational::plan_ordered(problem_, result_.solubility.order);
        if (affordable("sweep", ordered.operations, ordered.peak_bytes)) solve(std::move(ordered));
      }
    }
    if (options_.method == VariationalMethod::sweep) {
      if (!result_.solubility.soluble) return refuse(result_.solubility.explanation);
    } else if (result_.algorithm_used.empty()) {
      ascend();
    }
    if (!result_.algorithm_used.empty()) finish();
  }

  void ascend() {
    for (const Node& node : problem_.nodes) {
      if (node.kind != ConditionalKind::charged || node.weight > 0.0) continue;
      return refuse(fmt::format(
          "ascent: the conditional of {} minimises (rho = {}), which only a sweep can do; {}",
          graph_.variable(node.variable).name, node.weight, result_.solubility.explanation));
    }
    const std::vector<variational::Rows> initial =
        variational::initial_rows(problem_, evidence_, family_, options_.initial);
    variational::BlockSolver solver(problem_, variational::everything(problem_));
    double bytes = solver.plan().peak_bytes;
    for (const variational::Rows& rows : initial) {
      bytes += 6.0 * sizeof(double) * static_cast<double>(rows.size());
    }
    if (!affordable("ascent", solver.plan().operations, bytes)) return;
    take(run_ascent(problem_, solver, initial, options_, monitor_));
  }

  void take(variational::AscentAnswer answer) {
    variational::report_ascent(answer, result_);
    const Status stopped = answer.stopped;
    result_.stopped = stopped;
    if (stopped != Status::ok) {
      result_.message += fmt::format(
          "; the best of {} finished starts of {}, when {}", answer.starts, options_.restarts,
          stopped == Status::cancelled ? "it was cancelled" : "the time limit came");
    }
    const double value = answer.value;
    tables_ = variational::tables_of(problem_, std::move(answer.rows));
    if (stopped != Status::ok) {
      result_.value = value;
      only_q_ = true;
      return;
    }
    const auto value_of = [&](const Problem& problem) {
      return expected_value(variational::clamped_problem(problem, tables_), monitor_);
    };
    result_.value = value_of(problem_);
    if (result_.value != -kInfinity) return;
    blame([&](std::size_t count) {
      Problem fewer = problem_;
      fewer.scores.resize(count);
      return value_of(fewer) != -kInfinity;
    });
  }

  bool affordable(std::string_view who, double operations, double peak_bytes) {
    result_.predicted_operations = operations;
    result_.predicted_peak_bytes = peak_bytes;
    result_.timings.plan_seconds = monitor_.elapsed_seconds();
    if (peak_bytes <= options_.memory_limit_bytes) return true;
    refuse(fmt::format("the {} needs {} (and {:.3g} operations); the memory limit is {}", who,
                       describe_bytes(peak_bytes), operations,
                       describe_bytes(options_.memory_limit_bytes)));
    return false;
  }

  void refuse(std::string why) {
    result_.status = Status::refused;
    result_.message = std::move(why);
  }

  void sweep(const variational::SweepPlan& plan) {
    variational::SweepSettings settings;
    settings.messages = options_.messages;
    take(run_sweep(problem_, plan, settings, monitor_));
    if (result_.value != -kInfinity) return;
    blame([&](std::size_t count) {
      return run_sweep(problem_, plan, {false, false, count}, monitor_).value != -kInfinity;
    });
  }

  void solve(variational::OrderedPlan plan) {
    take(run_ordered(problem_, std::move(plan), options_.messages, monitor_));
    if (result_.value != -kInfinity) return;
    blame([&](std::size_t count) {
      Problem fewer = problem_;
      fewer.scores.resize(count);
      auto again = variational::plan_ordered(fewer, result_.solubility.order);
      return run_ordered(fewer, std::move(again), false, monitor_).value != -kInfinity;
    });
  }

  void take(variational::SweepAnswer answer) {
    result_.algorithm_used = "sweep";
    result_.message = "answered";
    result_.guarantee = Guarantee::exact;
    result_.value = answer.value;
    result_.messages = std::move(answer.messages);
    tables_ = std::move(answer.conditionals);
  }

  void blame(const std::function<bool(std::size_t)>& feasible) {
    variational::Blame found = variational::find_blame(problem_, feasible);
    result_.infeasible_factor = found.factor;
    result_.message = fmt::format("L is minus infinity: {}", found.message);
  }

  /// What does not depend on the method.
  void finish() {
    result_.status = Status::ok;
    if (result_.value != -kInfinity && !only_q_) {
      if (options_.marginals) {
        result_.marginals =
            variational::marginals_of(problem_, evidence_, tables_, infer_options_, monitor_);
      }
    }
    if (options_.gap && !only_q_) {
      variational::GapAnswer gap =
          variational::local_divergences(graph_, evidence_, problem_, tables_,
                                         result_.value != -kInfinity, infer_options_, monitor_);
      result_.log_z = gap.log_z;
      if (!gap.missing.empty()) result_.message += "; no gap, " + gap.missing;
      result_.gap = std::move(gap.terms);
    }
    if (variational::is_lower_bound(problem_)) result_.log_z_lower = result_.value;
    result_.conditionals =
        variational::full_tables(problem_, evidence_, family_, std::move(tables_));
    result_.timings.infer_seconds = monitor_.elapsed_seconds() - result_.timings.plan_seconds;
  }

  const FactorGraph& graph_;
  const Evidence& evidence_;
  const Family& family_;
  const VariationalOptions& options_;
  InferOptions infer_options_;
  contraction::Monitor monitor_;
  Problem problem_;
  std::vector<Table> tables_;  ///< of q, by node
  bool only_q_ = false;        ///< stopped: no time for what is read off q
  VariationalResult result_;
};

}  // namespace

void VariationalOptions::validate() const {
  if (!(memory_limit_bytes > 0.0)) {
    refuse_option("memory_limit_bytes", "more than 0", memory_limit_bytes);
  }
  if (!(time_limit_seconds >= 0.0)) {
    refuse_option("time_limit_seconds", "at least 0", time_limit_seconds);
  }
  if (restarts == 0) refuse_option("restarts", "at least 1", 0.0);
  if (maximum_sweeps == 0) refuse_option("maximum_sweeps", "at least 1", 0.0);
  if (!(tolerance >= 0.0)) refuse_option("tolerance", "at least 0", tolerance);
  for (const double stage : annealing) {
    if (!(stage > 0.0 && stage < kInfinity)) {
      refuse_option("annealing", "finite multipliers above 0", stage);
    }
  }
}

Solubility solubility(const FactorGraph& graph, const Evidence& evidence, const Family& family) {
  evidence.validate(graph);
  family.validate(graph, evidence);
  if (graph.has_continuous_variables()) {
    return variational::gaussian_solubility(graph, evidence, family);
  }
  const Problem problem = variational::make_problem(graph, evidence, family);
  if (const auto plan = variational::plan_sweep(problem, false)) {
    return variational::swept_solubility(problem, *plan);
  }
  return variational::test_solubility(problem);
}

VariationalResult maximize(const FactorGraph& graph, const Evidence& evidence, const Family& family,
                           const VariationalOptions& options) {
  options.validate();
  evidence.validate(graph);
  family.validate(graph, evidence);
  if (graph.has_continuous_variables()) {
    return variational::maximize_gaussian(graph, evidence, family, options);
  }
  return Maximizer(graph, evidence, family, options).run();
}

double evidence_lower_bound(const FactorGraph& graph, const Evidence& evidence,
                            const Family& family, std::span<const Table> conditionals) {
  graph.require_discrete("evidence_lower_bound");
  evidence.validate(graph);
  family.validate(graph, evidence);
  const Problem problem = variational::make_problem(graph, evidence, family);
  const std::vector<Table> tables =
      variational::given_tables(problem, evidence, family, conditionals);
  const InferOptions options;
  contraction::Monitor monitor(options);
  return variational::expected_value(variational::clamped_problem(problem, tables), monitor);
}

}  // namespace credo
