// The driver of message passing: checks the question, prepares graph and tables within the budget,
// runs a schedule and reads the result off the messages.
// Invariants: zeros are exact (see message_kernel.cpp) while no sum of logarithms leaves the
// doubles, which message_range.cpp sees to, so that a message that is zero for every state proves Z
// = 0 on any graph; where sums may leave them, zero propagation must say the same. Only forests
// with Bethe's numbers are called exact, and no value is handed out that is not finite.

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/message_passing/consistent_decoding.hpp>
#include <credo/inference/message_passing/message_passing.hpp>
#include <credo/inference/message_passing/problem.hpp>
#include <credo/inference/message_passing/read_out.hpp>
#include <credo/inference/message_passing/schedule.hpp>
#include <credo/inference/zero_propagation.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace credo {

void MessagePassingOptions::validate() const {
  iteration.validate();
  if (!(memory_limit_bytes > 0.0)) {
    throw OptionError(
        fmt::format("option memory_limit_bytes: expected more than 0, got {}", memory_limit_bytes));
  }
  if (!(time_limit_seconds >= 0.0)) {
    throw OptionError(
        fmt::format("option time_limit_seconds: expected at least 0, got {}", time_limit_seconds));
  }
  const bool bethe = counting.of_factor.empty() && counting.of_variable.empty();
  if (constraints != nullptr && (maximise || !bethe)) {
    throw OptionError("option constraints: expected Bethe's counting numbers and sums");
  }
}

namespace message_passing {

namespace {

class Passing {
 public:
  Passing(const FactorGraph& graph, const Evidence& evidence, const MessagePassingOptions& options)
      : graph_(graph),
        evidence_(evidence),
        options_(options),
        limits_(contraction::limits_of(options)),
        monitor_(limits_),
        problem_(graph, evidence, options),
        rule_(problem_.edges, problem_.tables, problem_.entropies, problem_.constraints,
              options.maximise ? Operator::max : Operator::sum) {}

  MessagePassingResult run() {
    result_.predicted_bytes = problem_.bytes;
    result_.predicted_operations = problem_.operations;
    if (problem_.bytes > options_.memory_limit_bytes) {
      result_.status = Status::refused;
      result_.message = problem_.describe_need(options_.memory_limit_bytes);
      return std::move(result_);
    }
    try {
      pass();
    } catch (const contraction::Stopped& stopped) {
      result_.status = stopped.status;
      result_.message = contraction::stop_message(stopped.status, options_.time_limit_seconds);
    }
    result_.timings.infer_seconds = monitor_.elapsed_seconds() - result_.timings.plan_seconds;
    return std::move(result_);
  }

 private:
  void pass() {
    monitor_.check("messages", 0.0);
    problem_.tables.prepare();
    result_.timings.plan_seconds = monitor_.elapsed_seconds();
    MessageState state(problem_.edges, graph_, evidence_);
    Schedule schedule(problem_.edges, rule_, state, problem_.range, options_.iteration, monitor_);
    const ReadOut read{graph_, problem_.edges, problem_.entropies, rule_, state};
    if (!possible(state)) {
      report_zero("");
      return;
    }
    try {
      renew_all(schedule, read);
    } catch (const contraction::Stopped&) {
      keep(schedule);
      // A run that was to be exact has nothing to show before its end.
      if (!problem_.two_sweeps && result_.iterations > 0 && !schedule.found_zero()) {
        result_.value = read.free_energy();
        if (std::isfinite(result_.value)) answer(read, schedule);
      }
      throw;
    }
    keep(schedule);
    if (!problem_.two_sweeps && !schedule.found_zero()) result_.value = read.free_energy();
    if (schedule.found_zero() || !std::isfinite(result_.value)) {
      report_zero(graph_.describe(schedule.last_factor()));
      return;
    }
    if (options_.maximise) {
      keep_better_assignment(read);
      find_possible_assignment(read);
    }
    result_.status = Status::ok;
    answer(read, schedule);
  }

  void renew_all(Schedule& schedule, const ReadOut& read) {
    const MessageSchedule asked = options_.iteration.schedule;
    const bool iterate = !problem_.two_sweeps || asked != MessageSchedule::automatic;
    if (iterate) {
      const MessageSchedule used =
          asked == MessageSchedule::automatic ? MessageSchedule::sequential : asked;
      result_.schedule_used = schedule_name(used);
      schedule.iterate(used, [this, &schedule, &read] { after_iteration(schedule, read); });
    } else {
      result_.schedule_used = "two-sweeps";
    }
    if (!problem_.two_sweeps || schedule.found_zero()) return;
    result_.value = schedule.two_sweeps();
    if (!iterate && options_.value_history) result_.values.push_back(result_.value);
  }

  void after_iteration(const Schedule& schedule, const ReadOut& read) {
    result_.iteration_seconds.push_back(monitor_.elapsed_seconds());
    if (options_.value_history) result_.values.push_back(read.free_energy());
    if (schedule.found_zero()) return;
    const std::size_t iterations = schedule.residuals().size();
    const bool asked = options_.improvement || options_.maximise;
    if (problem_.two_sweeps || !asked || !std::has_single_bit(iterations)) return;
    const double before = result_.assignment ? result_.assignment->log_value : -kInfinity;
    if (options_.maximise) {
      keep_better_assignment(read);
      if (iterations == 1) find_possible_assignment(read);
    }
    if (!options_.improvement) return;
    if (options_.maximise && !(result_.assignment->log_value > before)) return;
    MessagePassingResult so_far = result_;
    std::swap(so_far, result_);
    keep(schedule);
    result_.value = read.free_energy();
    result_.status = Status::ok;
    // Beliefs without any state left are the business of the end.
    const bool has_beliefs = std::isfinite(result_.value);
    if (has_beliefs) answer(read, schedule);
    std::swap(so_far, result_);
    if (has_beliefs) options_.improvement(so_far);
  }

  void keep_better_assignment(const ReadOut& read) { keep_if_better(read.decode(problem_.tables)); }

  /// Where every state decoded so far has p~ = 0: one that zero propagation leads to.
  void find_possible_assignment(const ReadOut& read) {
    if (result_.assignment->log_value > -kInfinity) return;
    std::vector<std::vector<double>> log_beliefs;
    for (VariableId v = 0; v < graph_.variable_count(); ++v) {
      log_beliefs.push_back(read.log_belief(v));
    }
    auto states = decode_consistently(graph_, evidence_, log_beliefs, monitor_);
    if (states) keep_if_better(*std::move(states));
  }

  void keep_if_better(std::vector<std::size_t> states) {
    const double value = log_value(graph_, evidence_, states);
    if (result_.assignment && result_.assignment->log_value >= value) return;
    result_.assignment = Assignment{std::move(states), value};
  }

  void keep(const Schedule& schedule) {
    result_.residuals = schedule.residuals();
    result_.updates = schedule.updates();
    result_.iterations = result_.residuals.size();
    if (!result_.residuals.empty()) result_.residual = result_.residuals.back();
  }

  void answer(const ReadOut& read, const Schedule& schedule) {
    result_.message = "answered";
    if (problem_.two_sweeps) {
      result_.guarantee = guarantee_of_two_sweeps();
      if (!problem_.outside_family.empty()) {
        result_.message =
            fmt::format("an estimate of max L, not of the family: {}", problem_.outside_family);
      }
      result_.iterations += 2;
      result_.residual = 0.0;
      result_.residuals.push_back(0.0);
    } else {
      result_.guarantee = Guarantee::unconverged;
      if (!schedule.converged()) {
        result_.message =
            fmt::format("not converged after {} iterations: messages still change by {:.3g} nats",
                        result_.iterations, result_.residual);
      } else if (const std::string reason = why_not_fixed(read, schedule); !reason.empty()) {
        result_.message = reason;
      } else {
        result_.guarantee = Guarantee::fixed_point;
      }
    }
    result_.marginals = read.marginals();
    if (options_.factor_beliefs) {
      for (FactorId f = 0; f < graph_.factor_count(); ++f) {
        result_.factor_beliefs.push_back(read.factor_belief(f));
      }
    }
    if (options_.messages) result_.messages = read.messages();
    if (options_.maximise) keep_better_assignment(read);
  }

  /// Why messages that rest are no fixed point; "" when they are one. A message that would go below
  /// its floor rests there, which is right only where beliefs do not depend on it.
  [[nodiscard]] std::string why_not_fixed(const ReadOut& read, const Schedule& schedule) const {
    constexpr double kMostProbability = 1e-6;
    if (!schedule.at_floor()) return "";
    const double disagreement = read.disagreement();
    if (disagreement <= kMostProbability) return "";
    return fmt::format(
        "not converged after {} iterations: the factors' zeros contradict each other, and their "
        "beliefs differ by {:.3g} from those of the variables",
        result_.iterations, disagreement);
  }

  [[nodiscard]] Guarantee guarantee_of_two_sweeps() const {
    return problem_.outside_family.empty() ? Guarantee::exact : Guarantee::fixed_point;
  }

  /// Whether evidence and constant factors leave anything.
  [[nodiscard]] bool possible(const MessageState& state) {
    for (VariableId v = 0; v < problem_.edges.variable_count(); ++v) {
      if (problem_.edges.observed(v)) continue;
      const std::vector<double> logs = state.log_products(v);
      if (std::ranges::max(logs) == -kInfinity) return false;
    }
    for (FactorId f = 0; f < problem_.edges.factor_count(); ++f) {
      if (problem_.edges.degree(f) > 0 || problem_.edges.absorbed(f)) continue;
      if (rule_.log_partition(f, state) == -kInfinity) return false;
    }
    return true;
  }

  /// Whether the zeros that were met are the model's own: that none comes from numbers that are too
  /// large, or zero propagation, which looks at nothing but the tables' zeros, finds the same.
  [[nodiscard]] bool zeros_are_proved() const {
    return problem_.range.zeros_are_exact ||
           !propagate_zeros(graph_, evidence_, SparseTables::looked_at);
  }

  /// factor: where it showed, "" when the question itself is impossible.
  void report_zero(const std::string& factor) {
    if (!factor.empty() && !zeros_are_proved()) {
      result_.value = kNaN;
      result_.status = Status::refused;
      result_.message =
          "log Z or a message leaves the range of doubles: nothing is known of Z; tables of "
          "smaller "
          "range, or a common factor taken out of them, may help";
      return;
    }
    result_.value = -kInfinity;
    if (!problem_.constraints.any() || factor.empty()) {
      result_.status = Status::impossible_evidence;
      result_.message = "the evidence has probability zero";
      result_.guarantee = Guarantee::exact;
      return;
    }
    result_.status = Status::ok;
    result_.guarantee = problem_.two_sweeps ? guarantee_of_two_sweeps() : Guarantee::fixed_point;
    result_.message = fmt::format(
        "beliefs that meet the constraints give impossible states probability: every message of "
        "{} is zero",
        factor);
  }

  const FactorGraph& graph_;
  const Evidence& evidence_;
  const MessagePassingOptions& options_;
  InferOptions limits_;
  contraction::Monitor monitor_;
  Problem problem_;
  FactorRule rule_;
  MessagePassingResult result_;
};

}  // namespace

}  // namespace message_passing

MessagePassingResult propagate(const FactorGraph& graph, const Evidence& evidence,
                               const MessagePassingOptions& options) {
  graph.require_discrete("message passing");
  evidence.validate(graph);
  options.validate();
  return message_passing::Passing(graph, evidence, options).run();
}

}  // namespace credo
