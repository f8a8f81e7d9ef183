#include "answer.hpp"
#include "limits.hpp"
#include "text_table.hpp"

#include <credo/core/names.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace credo::cli {
namespace {

constexpr std::size_t kMostStatesPerLine = 4;

/// "BP", or "BP (observed)".
std::string marked_name(const Answer& answer, VariableId v) {
  const std::string name = printable(answer.graph.variable(v).name);
  if (answer.evidence.find(v) == nullptr) {
    return name;
  }
  return name + (answer.evidence.is_observed(v) ? " (observed)" : " (evidence)");
}

/// "1.25" or "(1.25, -3)".
std::string describe_vector(const std::vector<double>& numbers) {
  if (numbers.size() == 1) {
    return fmt::format("{:.6g}", numbers.front());
  }
  return fmt::format("({:.6g})", fmt::join(numbers, ", "));
}

/// Row by row: "2" or "(2, 0.5) (0.5, 1)".
std::string describe_matrix(const std::vector<double>& entries, std::size_t n) {
  std::string out;
  for (std::size_t i = 0; i < n; ++i) {
    const auto row = entries.begin() + static_cast<std::ptrdiff_t>(i * n);
    out += i == 0 ? "" : " ";
    out += describe_vector({row, row + static_cast<std::ptrdiff_t>(n)});
  }
  return out;
}

/// The continuous variables, below the discrete ones.
std::string gaussian_marginals_text(const Answer& answer) {
  TextTable table;
  const bool mixed = std::ranges::any_of(answer.result.gaussian_marginals,
                                         [](const auto& m) { return !m.components.empty(); });
  table.add_row({"variable", "mean", "covariance", mixed ? "mixture" : ""});
  bool has_rows = false;
  for (VariableId v = 0; v < answer.result.gaussian_marginals.size(); ++v) {
    const GaussianMarginal& marginal = answer.result.gaussian_marginals[v];
    if (marginal.mean.empty()) {
      continue;
    }
    has_rows = true;
    const std::size_t parts = marginal.components.size();
    table.add_row({marked_name(answer, v), describe_vector(marginal.mean),
                   describe_matrix(marginal.covariance, marginal.mean.size()),
                   parts == 0 ? "" : fmt::format("of {}", parts)});
  }
  return has_rows ? table.render() + '\n' : "";
}

/// Every line says all it is about, so that lines can be searched for: name, state, P(x), ...
std::string marginals_text(const Answer& answer) {
  TextTable table;
  if (std::ranges::all_of(answer.graph.variables(), &Variable::is_continuous) &&
      answer.graph.has_continuous_variables()) {
    return gaussian_marginals_text(answer);
  }
  std::size_t widest = 0;
  for (const auto& marginal : answer.result.marginals) {
    widest = std::max(widest, marginal.size());
  }
  std::vector<std::string> header{"variable"};
  for (std::size_t s = 0; s < std::min(widest, kMostStatesPerLine); ++s) {
    header.insert(header.end(), {"state", "P(x)"});
  }
  table.add_row(std::move(header));
  for (VariableId v = 0; v < answer.result.marginals.size(); ++v) {
    const auto& marginal = answer.result.marginals[v];
    std::vector<std::string> row{marked_name(answer, v)};
    for (std::size_t s = 0; s < marginal.size(); ++s) {
      if (s > 0 && s % kMostStatesPerLine == 0) {
        table.add_row(std::exchange(row, {""}));
      }
      row.push_back(printable(answer.graph.variable(v).state_name(s)));
      row.push_back(describe_probability(marginal[s]));
    }
    if (!marginal.empty()) {
      table.add_row(std::move(row));
    }
  }
  return table.render() + '\n' + gaussian_marginals_text(answer);
}

std::string log_z_text(const Result& r) {
  constexpr double kLog10E = std::numbers::log10e;
  TextTable table;
  const bool exact = r.guarantee == Guarantee::exact;
  table.add_row({"log Z", fmt::format("{}", r.log_z),
                 exact ? "natural logarithm" : "natural logarithm, estimate"});
  if (std::isfinite(r.log_z_lower) && r.log_z_lower != r.log_z_upper) {
    table.add_row({"", fmt::format("[{}, {}]", r.log_z_lower, r.log_z_upper), "bounds"});
  }
  table.add_row({"log10 Z", fmt::format("{}", r.log_z * kLog10E)});
  if (const double z = std::exp(r.log_z); z > 0.0 && std::isfinite(z)) {
    table.add_row({"Z", fmt::format("{:.10g}", z)});
  }
  return table.render() + '\n';
}

std::string state_of(const Answer& answer, const Assignment& assignment, VariableId v) {
  if (answer.graph.variable(v).is_continuous()) {
    return describe_vector(assignment.values[v]);
  }
  return printable(answer.graph.variable(v).state_name(assignment.states[v]));
}

bool differs(const Assignment& a, const Assignment& b, VariableId v) {
  return a.states[v] != b.states[v] || (!a.values.empty() && a.values[v] != b.values[v]);
}

std::string assignments_text(const Answer& answer) {
  const auto& assignments = answer.result.assignments;
  const bool all = answer.query.task == Task::map;
  const std::size_t count = all ? answer.graph.variable_count() : answer.query.targets.size();
  const auto variable = [&](std::size_t i) {
    return all ? static_cast<VariableId>(i) : answer.query.targets[i];
  };
  TextTable table;
  table.add_row({"variable", "state"});
  for (std::size_t i = 0; i < count; ++i) {
    const VariableId v = variable(i);
    table.add_row({marked_name(answer, v), state_of(answer, assignments.front(), v)});
  }
  std::string out = table.render() + '\n';
  for (std::size_t k = 0; k < assignments.size(); ++k) {
    std::string differences;
    for (std::size_t i = 0; i < count && k > 0; ++i) {
      const VariableId v = variable(i);
      if (differs(assignments[k], assignments.front(), v)) {
        differences += fmt::format("{}{} = {}", differences.empty() ? "  with " : ", ",
                                   printable(answer.graph.variable(v).name),
                                   state_of(answer, assignments[k], v));
      }
    }
    const std::string rank = assignments.size() > 1 ? fmt::format("#{}  ", k + 1) : "";
    out += fmt::format("{}log value {}{}\n", rank, assignments[k].log_value, differences);
  }
  return out;
}

/// What the numbers above are worth, and what they cost.
std::string warrant_text(const Answer& answer) {
  const Result& r = answer.result;
  std::string text = fmt::format("{}, {}", guarantee_name(r.guarantee), r.algorithm_used);
  if (r.status != Status::ok) {
    text += fmt::format(" ({}: {})", status_name(r.status), r.message);
  }
  const double seconds = (std::isnan(r.timings.plan_seconds) ? 0.0 : r.timings.plan_seconds) +
                         (std::isnan(r.timings.infer_seconds) ? 0.0 : r.timings.infer_seconds);
  text += ", " + describe_seconds(seconds);
  if (r.plan.widest_front > 0) {
    text += fmt::format(", widest front of {} numbers", r.plan.widest_front);
  } else if (!r.plan.steps.empty()) {
    text += fmt::format(", widest step {} variables (2^{:.1f} joint states)",
                        r.plan.steps[r.plan.widest_step].scope.size(), r.plan.log2_widest);
  }
  if (r.iterations > 0)
    text += fmt::format(", {} iterations, residual {:.1e}", r.iterations, r.residual);
  text += '\n';
  // What is not exact says why it is not.
  if (r.status == Status::ok && r.guarantee != Guarantee::exact && r.message != "answered") {
    text += r.message + '\n';
  }
  return text;
}

}  // namespace

std::string render_text(const Answer& answer) {
  std::string out;
  switch (answer.query.task) {
    case Task::marginals:
      out = marginals_text(answer);
      break;
    case Task::map:
    case Task::marginal_map:
      out = assignments_text(answer);
      break;
    default:
      out = log_z_text(answer.result);
      break;
  }
  return out + warrant_text(answer);
}

}  // namespace credo::cli
