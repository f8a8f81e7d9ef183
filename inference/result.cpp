#include <credo/core/error.hpp>
#include <credo/inference/query.hpp>
#include <credo/inference/result.hpp>

#include <fmt/format.h>

#include <cmath>

namespace credo {

std::string_view status_name(Status status) noexcept {
  switch (status) {
    case Status::not_run:
      return "not-run";
    case Status::ok:
      return "ok";
    case Status::impossible_evidence:
      return "impossible-evidence";
    case Status::refused:
      return "refused";
    case Status::deadline:
      return "deadline";
    case Status::cancelled:
      return "cancelled";
  }
  return "unknown";
}

std::string_view guarantee_name(Guarantee guarantee) noexcept {
  switch (guarantee) {
    case Guarantee::none:
      return "none";
    case Guarantee::exact:
      return "exact";
    case Guarantee::upper_bound:
      return "upper-bound";
    case Guarantee::lower_bound:
      return "lower-bound";
    case Guarantee::fixed_point:
      return "fixed-point";
    case Guarantee::unconverged:
      return "unconverged";
  }
  return "unknown";
}

bool Result::has_answer(const Query& query) const noexcept {
  if (status != Status::ok && status != Status::deadline && status != Status::cancelled) {
    return false;
  }
  switch (query.task) {
    case Task::log_partition:
    case Task::sensitivity:
      return !std::isnan(log_z);
    case Task::marginals:  // of a graph without variables there are none
      return ok() || !marginals.empty();
    case Task::map:
    case Task::marginal_map:
      return !assignments.empty();
    case Task::samples:
      return !samples.empty();
  }
  return false;
}

namespace {

[[noreturn]] void refuse_marginal(const Result& result, VariableId v) {
  throw QueryError(fmt::format(
      "marginal of variable {}: not in this result ({}); {}", v, status_name(result.status),
      result.status == Status::ok ? "ask for it in the query's targets" : result.message));
}

}  // namespace

const std::vector<double>& Result::marginal(VariableId v) const {
  if (v < marginals.size() && !marginals[v].empty()) return marginals[v];
  refuse_marginal(*this, v);
}

const GaussianMarginal& Result::gaussian_marginal(VariableId v) const {
  if (v < gaussian_marginals.size() && !gaussian_marginals[v].mean.empty()) {
    return gaussian_marginals[v];
  }
  refuse_marginal(*this, v);
}

const Assignment& Result::assignment() const {
  if (!assignments.empty()) return assignments.front();
  throw QueryError(
      fmt::format("assignment: not in this result ({}); {}", status_name(status),
                  status == Status::ok ? "ask with Query::map or Query::marginal_map" : message));
}

}  // namespace credo
