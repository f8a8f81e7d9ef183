// Strong elimination needs all continuous variables before the discrete ones (Lauritzen,
// Propagation of probabilities, means, and variances in mixed graphical association models, 1992):
// a connected part of them becomes one table over its discrete neighbours, which costs one
// elimination per joint state of those. The cost is predicted here, before any number is touched.

#include <credo/inference/gaussian/fixed_factors.hpp>
#include <credo/inference/gaussian/parts.hpp>
#include <credo/inference/joint_weights.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

namespace credo::gaussian {

namespace {

/// The most joint states of one part, and multiplications of all of them, that are worth starting.
constexpr double kStateLimit = 0x1p20;
constexpr double kOperationLimit = 1e12;

class Splitter {
 public:
  Splitter(const FactorGraph& graph, const Evidence& evidence)
      : graph_(graph), evidence_(evidence), root_(graph.variable_count()) {
    std::iota(root_.begin(), root_.end(), VariableId{0});
  }

  std::vector<Part> split() {
    for (const GaussianFactor& factor : graph_.gaussian_factors()) join(factor.continuous);
    std::map<VariableId, Scope> neighbours;
    std::vector<Part> fixed;
    for (GaussianFactorId g = 0; g < graph_.gaussian_factors().size(); ++g) {
      const GaussianFactor& factor = graph_.gaussian_factor(g);
      const auto free =
          std::ranges::find_if(factor.continuous, [&](VariableId v) { return is_free(v); });
      const Scope discrete = free_discrete(factor.scope);
      if (free == factor.continuous.end()) {
        fixed.push_back({discrete, {}, {g}, std::nullopt, false, false});
        continue;
      }
      Scope& known = neighbours[find(*free)];
      known.insert(known.end(), discrete.begin(), discrete.end());
    }
    return gather(neighbours, std::move(fixed));
  }

 private:
  [[nodiscard]] bool is_free(VariableId v) const {
    return graph_.variable(v).is_continuous() && evidence_.find(v) == nullptr;
  }

  [[nodiscard]] Scope free_discrete(const Scope& scope) const {
    Scope free;
    for (const VariableId v : scope) {
      const Finding* finding = evidence_.find(v);
      if (finding == nullptr || finding->kind != FindingKind::hard) free.push_back(v);
    }
    return free;
  }

  VariableId find(VariableId v) {
    while (root_[v] != v) v = root_[v] = root_[root_[v]];
    return v;
  }

  void join(const Scope& scope) {
    VariableId first = 0;
    bool has_first = false;
    for (const VariableId v : scope) {
      if (!is_free(v)) continue;
      if (has_first) root_[find(v)] = find(first);
      first = v;
      has_first = true;
    }
  }

  std::vector<Part> gather(std::map<VariableId, Scope>& neighbours, std::vector<Part> fixed) {
    std::vector<Part> parts(1);
    std::map<VariableId, std::size_t> part_of;
    for (auto& [root, discrete] : neighbours) {
      std::ranges::sort(discrete);
      const auto repeated = std::ranges::unique(discrete);
      discrete.erase(repeated.begin(), repeated.end());
      if (discrete.empty()) continue;
      part_of[root] = parts.size();
      parts.push_back({discrete, {}, {}, std::nullopt, false, false});
    }
    for (VariableId v = 0; v < graph_.variable_count(); ++v) {
      if (!is_free(v)) continue;
      const auto at = part_of.find(find(v));
      parts[at == part_of.end() ? 0 : at->second].variables.push_back(v);
    }
    for (Part& part : fixed) {
      if (part.discrete.empty()) {
        parts.front().fixed.push_back(part.fixed.front());
      } else {
        parts.push_back(std::move(part));
      }
    }
    return parts;
  }

  const FactorGraph& graph_;
  const Evidence& evidence_;
  std::vector<VariableId> root_;
};

std::string names(const FactorGraph& graph, const Scope& scope) {
  constexpr std::size_t kShown = 6;
  std::vector<std::string_view> shown;
  for (const VariableId v : scope) {
    if (shown.size() < kShown) shown.push_back(graph.variable(v).name);
  }
  return fmt::format("{}{}", fmt::join(shown, ", "), scope.size() > kShown ? ", ..." : "");
}

std::string why_too_many(const FactorGraph& graph, const Parts& parts, const Part& part,
                         double operations) {
  const double states = joint_states(parts, part);
  if (part.discrete.empty() || (states <= kStateLimit && states * operations <= kOperationLimit)) {
    return "";
  }
  return fmt::format(
      "the continuous variables {} depend on {} discrete variables together ({}): eliminating them "
      "first takes one elimination for each of {:.3g} joint states, {:.3g} operations; at most "
      "{:.3g} states and {:.3g} operations are tried",
      names(graph, part.variables), part.discrete.size(), names(graph, part.discrete), states,
      states * operations, kStateLimit, kOperationLimit);
}

std::vector<Scope> joints_within(const Part& part, const std::vector<Scope>& joints) {
  std::vector<Scope> within;
  for (const Scope& scope : joints) {
    Scope members;
    for (const VariableId v : scope) {
      if (std::ranges::binary_search(part.variables, v)) members.push_back(v);
    }
    if (members.size() > 1) within.push_back(std::move(members));
  }
  return within;
}

}  // namespace

double joint_states(const Parts& parts, const Part& part) {
  double states = 1.0;
  for (const VariableId v : part.discrete) {
    states *= static_cast<double>(parts.permitted[v].size());
  }
  return states;
}

Parts split_into_parts(const FactorGraph& graph, const Evidence& evidence,
                       const std::vector<Scope>& joints, const InferOptions& options,
                       contraction::Monitor& monitor) {
  Parts parts;
  parts.permitted = permitted_states(graph, evidence);
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    parts.scalar_of.push_back(static_cast<std::uint32_t>(parts.observed.size()));
    if (graph.variable(v).is_continuous()) parts.permitted[v] = {0};
    const Finding* finding = evidence.find(v);
    for (std::size_t i = 0; i < graph.variable(v).dimension; ++i) {
      parts.observed.push_back(finding != nullptr ? finding->value[i] : 0.0);
    }
  }
  parts.parts = Splitter(graph, evidence).split();
  const Skeleton skeleton(graph);
  double bytes = 0.0;
  for (Part& part : parts.parts) {
    parts.refusal = why_too_many(graph, parts, part, static_cast<double>(part.variables.size()));
    if (!parts.refusal.empty()) return parts;
    if (part.variables.empty()) continue;
    Structure structure =
        build_structure(skeleton, {part.variables, joints_within(part, joints)}, options.plan,
                        [&monitor] { return monitor.may_continue("plan", 0.0); });
    monitor.check("plan", 0.0);
    bytes += structure.plan.peak_bytes;
    parts.refusal = why_too_many(graph, parts, part, structure.plan.operations);
    if (bytes > options.memory_limit_bytes) {
      parts.refusal = fmt::format("the fronts take {} (widest: {} numbers); the memory limit is {}",
                                  describe_bytes(bytes), structure.plan.widest_front,
                                  describe_bytes(options.memory_limit_bytes));
    }
    if (!parts.refusal.empty()) return parts;
    part.engine.emplace(std::move(structure));
  }
  std::vector<std::size_t> states;
  for (const auto& permitted : parts.permitted) {
    states.push_back(permitted.empty() ? 0 : permitted.front());
  }
  for (Part& part : parts.parts) {
    if (part.engine) part.engine->load(graph, states);
  }
  return parts;
}

Solution solve_part(const FactorGraph& graph, const Parts& parts, Part& part,
                    const std::vector<std::size_t>& states, contraction::Monitor& monitor) {
  Solution solution{Status::ok, "", 0.0, 0};
  if (part.engine) {
    part.engine->choose(states);
    std::ranges::copy(parts.observed, part.engine->point().begin());
    solution = part.engine->solve([&monitor] {
      monitor.check("eliminate", 0.0);
      return true;
    });
  }
  for (const GaussianFactorId g : part.fixed) {
    if (solution.status != Status::ok) break;
    const double log_value = log_of_fixed(graph, g, states, parts.scalar_of, parts.observed);
    solution.log_z += log_value;
    if (std::isnan(log_value)) {
      solution.status = Status::refused;
      solution.message = "the numbers leave the range of doubles";
    }
    if (log_value == -kInfinity) solution.status = Status::impossible_evidence;
  }
  return solution;
}

}  // namespace credo::gaussian
