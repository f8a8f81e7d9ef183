#include <credo/core/error.hpp>
#include <credo/inference/query.hpp>

#include <fmt/format.h>

#include <span>
#include <string>
#include <utility>

namespace credo {

std::string_view task_name(Task task) noexcept {
  switch (task) {
    case Task::log_partition:
      return "pr";
    case Task::marginals:
      return "mar";
    case Task::map:
      return "map";
    case Task::marginal_map:
      return "mmap";
    case Task::samples:
      return "sample";
    case Task::sensitivity:
      return "sensitivity";
  }
  return "unknown";
}

namespace {

Query of_task(Task task) {
  Query query;
  query.task = task;
  return query;
}

void check_variables(const FactorGraph& graph, std::span<const VariableId> variables,
                     std::string_view what) {
  std::vector<bool> seen(graph.variable_count(), false);
  for (const VariableId v : variables) {
    if (v >= graph.variable_count()) {
      throw QueryError(
          fmt::format("{}: expected variables below {}, got {}", what, graph.variable_count(), v));
    }
    if (seen[v]) {
      throw QueryError(fmt::format("{}: expected distinct variables, got {} twice", what,
                                   graph.variable(v).name));
    }
    seen[v] = true;
  }
}

}  // namespace

Query Query::log_partition() { return of_task(Task::log_partition); }

Query Query::marginals(std::vector<VariableId> targets) {
  Query query = of_task(Task::marginals);
  query.targets = std::move(targets);
  return query;
}

Query Query::joint(Scope scope) {
  Query query = of_task(Task::marginals);
  query.joints.push_back(std::move(scope));
  return query;
}

Query Query::map(std::size_t k_best) {
  Query query = of_task(Task::map);
  query.k_best = k_best;
  return query;
}

Query Query::marginal_map(std::vector<VariableId> targets) {
  Query query = of_task(Task::marginal_map);
  query.targets = std::move(targets);
  return query;
}

Query Query::samples(std::size_t count, std::uint64_t seed) {
  Query query = of_task(Task::samples);
  query.sample_count = count;
  query.seed = seed;
  return query;
}

Query Query::sensitivity() { return of_task(Task::sensitivity); }

void Query::validate(const FactorGraph& graph) const {
  const std::string what = fmt::format("query {}", task_name(task));
  check_variables(graph, targets, what + " targets");
  for (std::size_t j = 0; j < joints.size(); ++j) {
    check_variables(graph, joints[j], fmt::format("{} joint {}", what, j));
  }
  if (k_best == 0) throw QueryError(what + ": expected k_best of at least 1, got 0");
  if (sample_count == 0) throw QueryError(what + ": expected at least 1 sample, got 0");
}

}  // namespace credo
