#include <credo/core/error.hpp>
#include <credo/core/escaping.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/plan.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

namespace credo {

namespace {

std::string names(const FactorGraph& graph, const Scope& scope) {
  std::vector<std::string_view> all;
  for (const VariableId v : scope) all.push_back(graph.variable(v).name);
  return fmt::format("{}", fmt::join(all, " "));
}

}  // namespace

void PlanOptions::validate() const {
  if (restarts < 1) {
    throw OptionError(fmt::format("plan restarts: expected at least 1, got {}", restarts));
  }
  if (!(time_fraction >= 0.0)) {
    throw OptionError(
        fmt::format("plan time_fraction: expected at least 0, got {}", time_fraction));
  }
  if (!(time_limit_seconds >= 0.0)) {
    throw OptionError(
        fmt::format("plan time_limit_seconds: expected at least 0, got {}", time_limit_seconds));
  }
}

std::string Plan::summary() const {
  if (widest_front > 0) {
    return fmt::format("{} fronts, {:.3g} operations, {} at most, widest front of {} numbers ({})",
                       steps.size(), operations, describe_bytes(peak_bytes), widest_front, method);
  }
  return fmt::format("{} steps, {:.3g} operations, {} at most, widest step 2^{:.1f} ({})",
                     steps.size(), operations, describe_bytes(peak_bytes), log2_widest, method);
}

std::string Plan::describe(const FactorGraph& graph) const {
  std::string text = summary() + "\n";
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const PlanStep& step = steps[i];
    fmt::format_to(std::back_inserter(text), "{:>5}  {} {{{}}} -> ({})", i,
                   step.maximise ? "max" : "sum", names(graph, step.eliminated),
                   names(graph, step.message));
    if (!step.children.empty()) {
      fmt::format_to(std::back_inserter(text), "  takes {}", fmt::join(step.children, ", "));
    }
    text += '\n';
  }
  return text;
}

std::string Plan::to_dot(const FactorGraph& graph) const {
  std::string text =
      "digraph plan {\n  rankdir=BT;\n"
      "  node [shape=box, style=\"rounded,filled\", fillcolor=\"#eef3fb\", "
      "fontname=\"Helvetica\"];\n"
      "  edge [fontname=\"Helvetica\", fontsize=10, color=\"#55606e\"];\n";
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const PlanStep& step = steps[i];
    fmt::format_to(std::back_inserter(text), "  step{} [label={}{}];\n", i,
                   dot_string((step.maximise ? "max " : "sum ") + names(graph, step.eliminated)),
                   i == widest_step ? ", fillcolor=\"#fbe3d6\"" : "");
    if (step.parent != i) {
      fmt::format_to(std::back_inserter(text), "  step{} -> step{} [label={}];\n", i, step.parent,
                     dot_string(names(graph, step.message)));
    }
  }
  return text + "}\n";
}

}  // namespace credo
