// Automatic choice, and answers on the way to better ones.
//
// Without a time limit: the exact algorithms in the order of the table, then the approximate ones;
// the first that does not refuse. With one, an approximate algorithm first gets a share of the time
// and its answer is held: it is what remains when the exact ones do not finish. Invariant: what is
// offered to the caller's observer never gets worse (known exactly, then certain bounds and fixed
// points, then unconverged; among assignments and lower bounds the larger value).

#include <credo/core/numerics.hpp>
#include <credo/inference/asking.hpp>
#include <credo/inference/contraction/monitor.hpp>
#include <credo/inference/driver.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace credo {

namespace {

// Of the time that is left, for the quick answer; more where that is next to nothing.
constexpr double kQuickShare = 0.2;
constexpr double kMostOfLittle = 0.5;
constexpr double kLittleSeconds = 0.05;

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

Result Asking::attempt(const Algorithm& algorithm, double time_limit_seconds) {
  InferOptions options = options_;
  options.time_spent_seconds += elapsed_seconds();
  options.time_limit_seconds = time_limit_seconds;
  if (options_.improvement) {
    options.improvement = [this, &algorithm](const Result& result) {
      offer(result, algorithm.name);
    };
  }
  Result result = algorithm.run(graph_, evidence_, query_, options);
  if (result.status == Status::refused) {
    result.message = fmt::format("{}: {}", algorithm.name, result.message);
  }
  return result;
}

void Asking::hold_quick_answer() {
  for (const Algorithm& algorithm : algorithms()) {
    if (is_exact(algorithm) || !concerns(algorithm)) continue;
    const double spent = options_.time_spent_seconds + elapsed_seconds();
    const double left = options_.time_limit_seconds - spent;
    if (!(left > 0.0)) return;
    const double slice =
        std::max(kQuickShare * left, std::min(kMostOfLittle * left, kLittleSeconds));
    Result result = attempt(algorithm, spent + slice);
    if (!result.has_answer(query_) && result.status != Status::impossible_evidence) continue;
    if (result.status == Status::deadline) {
      result.status = Status::ok;
      result.message = fmt::format("not converged after {} iterations", result.iterations);
    }
    held_.emplace(std::move(result), algorithm.name);
    return;
  }
}

std::string Asking::why_without_answer(const Result& result) const {
  const Status stopped = result.status == Status::cancelled ? result.status : Status::deadline;
  return contraction::stop_message(stopped, options_.time_limit_seconds);
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

std::optional<Asking::Choice> Asking::try_exact() {
  for (const Algorithm& algorithm : algorithms()) {
    if (!is_exact(algorithm) || !concerns(algorithm)) continue;
    Result result = attempt(algorithm, options_.time_limit_seconds);
    if (result.status == Status::refused) {
      reasons_ += (reasons_.empty() ? "" : "; ") + result.message;
      if (refused_.status == Status::not_run) refused_ = std::move(result);
      continue;
    }
    const bool answered = result.has_answer(query_) || result.status == Status::impossible_evidence;
    if (answered || !held_) return Choice{std::move(result), algorithm.name};
    if (result.status == Status::cancelled) held_->first.status = Status::cancelled;
    return held_because(fmt::format("{}: {}", algorithm.name, why_without_answer(result)));
  }
  return std::nullopt;
}

std::optional<Asking::Choice> Asking::try_approximate() {
  const bool converged = held_ && held_->first.guarantee != Guarantee::unconverged;
  for (const Algorithm& algorithm : algorithms()) {
    if (is_exact(algorithm) || converged || !concerns(algorithm)) continue;
    Result result = attempt(algorithm, options_.time_limit_seconds);
    if (result.status == Status::refused) {
      reasons_ += (reasons_.empty() ? "" : "; ") + result.message;
      continue;
    }
    const bool answered = result.has_answer(query_);
    if (!answered && held_) break;
    held_.emplace(std::move(result), algorithm.name);
    if (!answered) return std::move(held_);
    break;
  }
  if (!held_) return std::nullopt;
  return held_because(reasons_);
}

std::pair<Result, std::string_view> Asking::choose(bool exactly) {
  if (!exactly && options_.time_limit_seconds < kInfinity) hold_quick_answer();
  if (held_) {
    const bool settled = held_->first.guarantee == Guarantee::exact ||
                         held_->first.status == Status::impossible_evidence;
    if (settled && !query_.messages) return *std::move(held_);
    if (!settled) offer(held_->first, held_->second);
  }
  if (std::optional<Choice> choice = try_exact()) return *std::move(choice);
  if (!exactly) {
    if (std::optional<Choice> choice = try_approximate()) return *std::move(choice);
  }
  refused_.status = Status::refused;
  refused_.message = std::move(reasons_);
  return {std::move(refused_), ""};
}

}  // namespace credo
