// Automatic choice, and answers on the way to better ones.
//
// Without a time limit: the exact algorithms in the order of the table, then the approximate ones;
// the first that does not refuse. While an exact one takes long, an approximate one gets a second
// in between and its answer is held for the case that the observer says no. With a time limit, an
// approximate algorithm first gets a share of the time: what it finds remains when the exact ones
// do not finish. Where everything stopped too early for that, what the tables say one by one is
// left (local_answer.hpp). On large forests belief propagation, exact there, goes before all.
// Invariants: what is offered to the caller's observer never gets worse
// (known exactly, then certain bounds and fixed points, then unconverged; among assignments and
// lower bounds the larger value); Z = 0 is believed of exact algorithms and of zero propagation
// alone.

#include <credo/core/graph_structure.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/asking.hpp>
#include <credo/inference/contraction/monitor.hpp>
#include <credo/inference/driver.hpp>
#include <credo/inference/local_answer.hpp>
#include <credo/inference/zero_propagation.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <stdexcept>

namespace credo {

namespace {

// Of the time that is left, for the quick answer; more where that is next to nothing; and until an
// algorithm has its first answer.
constexpr double kQuickShare = 0.2;
constexpr double kMostOfLittle = 0.5;
constexpr double kLittleSeconds = 0.05;
constexpr double kShareOfFirst = 0.7;
// Without a time limit: when an exact algorithm has run for so long, a quick answer gets so long,
// and each algorithm such a share of that, and of the memory.
constexpr double kLongSeconds = 0.25;
constexpr double kInBetweenSeconds = 1.0;
constexpr double kInBetweenShare = 0.6;
constexpr double kInBetweenMemory = 0.25;
// After the observer said no.
constexpr double kLastSeconds = 0.1;
// On forests of so many variables two sweeps of messages, which are exact there, cost a fraction of
// the time and memory of a plan.
constexpr std::size_t kManyVariables = 100'000;

bool is_exact(const Algorithm& algorithm) { return algorithm.guarantee == Guarantee::exact; }

bool maximises(const Query& query) {
  return query.task == Task::map || query.task == Task::marginal_map;
}

}  // namespace

bool Asking::concerns(const Algorithm& algorithm) const {
  return algorithm.continuous == graph_.has_continuous_variables();
}

Asking::Rank Asking::rank_of(const Result& result) const {
  if (maximises(query_)) return {1, result.assignments.front().log_value};
  switch (result.guarantee) {
    case Guarantee::exact:
      return {3, 0.0};
    case Guarantee::lower_bound:
      return {2, result.log_z};
    case Guarantee::upper_bound:
      return {2, -result.log_z};
    case Guarantee::fixed_point:
      return {2, 0.0};
    case Guarantee::none:
    case Guarantee::unconverged:
      break;
  }
  return {1, static_cast<double>(result.iterations)};
}

void Asking::offer(const Result& result, std::string_view algorithm) {
  if (!options_.improvement || !result.has_answer(query_)) return;
  const Rank rank = rank_of(result);
  const bool better = rank.warrant != best_offered_.warrant ? rank.warrant > best_offered_.warrant
                                                            : rank.value > best_offered_.value;
  if (!better) return;
  best_offered_ = rank;
  Result complete = result;
  complete_result(graph_, evidence_, options_, algorithm, elapsed_seconds(), complete);
  options_.improvement(complete);
}

Observer Asking::watcher(const Turn& turn, const bool& has_first, bool& ended_early) {
  const bool asks = turn.ask_observer && static_cast<bool>(options_.observer);
  const bool ends_early = turn.limit_seconds < turn.limit_of_first_seconds;
  if (!asks && !ends_early && !turn.hold_in_between) return {};
  return [this, turn, asks, ends_early, &has_first, &ended_early](const Progress& progress) {
    if (asks && !options_.observer(progress)) interrupted_ = true;
    if (asks && interrupted_) return false;
    if (ends_early && has_first && now() > turn.limit_seconds) {
      ended_early = true;
      return false;
    }
    if (turn.hold_in_between && !held_in_between_ && elapsed_seconds() > kLongSeconds) {
      hold_in_between();
    }
    return !(asks && interrupted_);
  };
}

Result Asking::take_turn(const Algorithm& algorithm, const Turn& turn) {
  bool has_first = false;
  bool ended_early = false;
  InferOptions options = options_;
  options.time_spent_seconds = now();
  options.time_limit_seconds = turn.limit_seconds;
  if (turn.limit_of_first_seconds < kInfinity) {
    options.time_limit_seconds = std::max(turn.limit_seconds, turn.limit_of_first_seconds);
  }
  options.memory_limit_bytes = std::min(options.memory_limit_bytes, turn.memory_limit_bytes);
  options.observer = watcher(turn, has_first, ended_early);
  if (options_.improvement || turn.limit_of_first_seconds < kInfinity) {
    options.improvement = [this, &algorithm, &has_first](const Result& result) {
      has_first = has_first || result.has_answer(query_);
      offer(result, algorithm.name);
    };
  }
  Result result;
  try {
    result = algorithm.run(graph_, evidence_, query_, options);
  } catch (const std::bad_alloc&) {
    result = {};
    result.status = Status::refused;
    result.message = "needs more memory than is available";
  } catch (const std::length_error&) {
    result = {};
    result.status = Status::refused;
    result.message = "needs a table of more entries than there are addresses";
  }
  if (ended_early && result.status == Status::cancelled) result.status = Status::deadline;
  if (result.status == Status::refused) {
    result.message = fmt::format("{}: {}", algorithm.name, result.message);
  }
  return result;
}

Result Asking::attempt(const Algorithm& algorithm, double time_limit_seconds) {
  Turn turn;
  turn.limit_seconds = time_limit_seconds;
  return take_turn(algorithm, turn);
}

Status Asking::stopped() const {
  if (interrupted_) return Status::cancelled;
  return now() > options_.time_limit_seconds ? Status::deadline : Status::ok;
}

bool Asking::proves_zero(const Result& result) const {
  if (result.status != Status::impossible_evidence) return false;
  return graph_.has_continuous_variables() ||
         !propagate_zeros(graph_, evidence_, SparseTables::looked_at);
}

void Asking::hold_quick_answer(double limit_seconds, double share, Turn turn) {
  for (const Algorithm& algorithm : algorithms()) {
    if (is_exact(algorithm) || !concerns(algorithm)) continue;
    if (turn.ask_observer && interrupted_) return;
    const double left = limit_seconds - now();
    if (!(left > 0.0)) return;
    turn.limit_seconds =
        now() + std::max(share * left, std::min(kMostOfLittle * left, kLittleSeconds));
    // Those for continuous variables do not say when they have a first answer.
    turn.limit_of_first_seconds = graph_.has_continuous_variables()
                                      ? turn.limit_seconds
                                      : std::max(turn.limit_seconds, now() + kShareOfFirst * left);
    Result result = take_turn(algorithm, turn);
    const bool zero = !graph_.has_continuous_variables() && proves_zero(result);
    if (!result.has_answer(query_) && !zero) continue;
    if (result.status == Status::deadline) {
      result.status = Status::ok;
      result.message = fmt::format("not converged after {} iterations", result.iterations);
    }
    held_.emplace(std::move(result), algorithm.name);
    return;
  }
}

void Asking::hold_in_between() {
  held_in_between_ = true;
  Turn turn;
  turn.memory_limit_bytes = kInBetweenMemory * options_.memory_limit_bytes;
  hold_quick_answer(now() + kInBetweenSeconds, kInBetweenShare, turn);
  if (held_) offer(held_->first, held_->second);
}

void Asking::hold_something() {
  if (held_ || exactly_ || stopped() == Status::ok) return;
  if (interrupted_ && !held_in_between_) {
    Turn turn;
    turn.ask_observer = false;
    hold_quick_answer(std::min(options_.time_limit_seconds, now() + kLastSeconds), kInBetweenShare,
                      turn);
  }
  if (held_) return;
  Result local = local_answer(graph_, evidence_, query_);
  local.status = stopped();
  if (local.has_answer(query_)) held_.emplace(std::move(local), "belief_propagation");
}

void Asking::note_refusal(std::string_view reason) {
  if (!reasons_.empty()) reasons_ += "; ";
  reasons_ += reason;
}

Asking::Choice Asking::held_because(std::string_view reasons) {
  Choice choice = *std::move(held_);
  Result& result = choice.first;
  if (result.guarantee != Guarantee::exact) {
    const bool silent = result.message.empty() || result.message == "not run yet";
    result.message = fmt::format("approximate{}{}, because {}", silent ? "" : ", ",
                                 silent ? "" : result.message, reasons);
  }
  return choice;
}

bool Asking::is_large_forest() const {
  return graph_.variable_count() >= kManyVariables && !graph_.has_continuous_variables() &&
         is_forest(graph_);
}

std::optional<Asking::Choice> Asking::try_two_sweeps() {
  const Algorithm& algorithm = require_algorithm("belief_propagation");
  Result result = attempt(algorithm, options_.time_limit_seconds);
  if (!result.has_answer(query_) || result.guarantee != Guarantee::exact) return std::nullopt;
  return Choice{std::move(result), algorithm.name};
}

std::optional<Asking::Choice> Asking::try_exact() {
  const bool unlimited = options_.time_limit_seconds == kInfinity;
  Turn turn;
  turn.limit_seconds = options_.time_limit_seconds;
  turn.hold_in_between = unlimited && !exactly_ && (options_.observer || options_.improvement);
  for (const Algorithm& algorithm : algorithms()) {
    if (!is_exact(algorithm) || !concerns(algorithm)) continue;
    Result result = take_turn(algorithm, turn);
    if (result.status == Status::refused) {
      note_refusal(result.message);
      if (refused_.status == Status::not_run) refused_ = std::move(result);
      if (interrupted_) break;
      continue;
    }
    const bool answered = result.has_answer(query_) || result.status == Status::impossible_evidence;
    if (!answered) hold_something();
    if (answered || !held_) return Choice{std::move(result), algorithm.name};
    if (result.status == Status::cancelled) held_->first.status = Status::cancelled;
    return held_because(
        fmt::format("{}: {}", algorithm.name,
                    contraction::stop_message(result.status, options_.time_limit_seconds)));
  }
  return std::nullopt;
}

std::optional<Asking::Choice> Asking::try_approximate() {
  const bool converged = held_ && held_->first.guarantee != Guarantee::unconverged;
  for (const Algorithm& algorithm : algorithms()) {
    if (is_exact(algorithm) || converged || !concerns(algorithm)) continue;
    if (interrupted_) break;
    Result result = attempt(algorithm, options_.time_limit_seconds);
    if (result.status == Status::impossible_evidence && !proves_zero(result)) {
      note_refusal(fmt::format("{}: comes to Z = 0, which rounding may have done", algorithm.name));
      continue;
    }
    if (result.status == Status::refused) {
      note_refusal(result.message);
      continue;
    }
    if (result.status == Status::impossible_evidence || result.has_answer(query_)) {
      held_.emplace(std::move(result), algorithm.name);
    }
    break;
  }
  hold_something();
  if (!held_) return std::nullopt;
  if (held_->first.status == Status::impossible_evidence) return std::move(held_);
  if (interrupted_) held_->first.status = Status::cancelled;
  return held_because(reasons_);
}

/// Refused, or stopped before anything was found.
Asking::Choice Asking::nothing() {
  refused_.status = Status::refused;
  refused_.message = std::move(reasons_);
  if (const Status status = stopped(); status != Status::ok) {
    refused_.status = status;
    refused_.message = contraction::stop_message(status, options_.time_limit_seconds) +
                       (refused_.message.empty() ? "" : "; " + refused_.message);
  }
  return {std::move(refused_), ""};
}

std::pair<Result, std::string_view> Asking::choose(bool exactly) {
  exactly_ = exactly;
  if (!exactly && options_.time_limit_seconds < kInfinity) {
    hold_quick_answer(options_.time_limit_seconds, kQuickShare, {});
  }
  if (held_) {
    const bool settled = held_->first.guarantee == Guarantee::exact ||
                         held_->first.status == Status::impossible_evidence;
    if (interrupted_ || (settled && !query_.messages)) return *std::move(held_);
    if (!settled) offer(held_->first, held_->second);
  }
  if (is_large_forest()) {
    if (std::optional<Choice> choice = try_two_sweeps()) return *std::move(choice);
  }
  if (std::optional<Choice> choice = try_exact()) return *std::move(choice);
  if (!exactly) {
    if (std::optional<Choice> choice = try_approximate()) return *std::move(choice);
  }
  return nothing();
}

}  // namespace credo
