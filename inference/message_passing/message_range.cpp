// Why messages need a floor. Around a cycle a message comes back to where it started and is counted
// again. With positive tables that is harmless: log(largest / smallest) of the table bounds what a
// factor can send. A factor with zeros (equal, different, exclusive or) hands on whatever it gets,
// so that logarithms grow from round to round, on some graphs twofold, and would end as -infinity:
// as a zero that no table contains. The floor ends the growth where it means nothing any more. What
// an exact message of the model can weigh one state against another with is at most exp(R) S; a
// state that is exp(-40) = 4e-18 below that has no share in a belief that a double could hold,
// unless the beliefs contradict each other, and then the driver says that nothing has converged.

#include <credo/core/numerics.hpp>
#include <credo/inference/message_passing/message_range.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace credo::message_passing {

namespace {

constexpr double kMarginNats = 40.0;
/// Sums of numbers up to here do not overflow, however many of them a memory can hold.
constexpr double kLargestSafe = 1e280;

/// Logarithms of the smallest entry above zero and of the largest; 0 and 0 where all are zero.
LogBounds extremes_of(const Table& table) {
  if (table.log_largest() == -kInfinity) return {};
  return {table.log_smallest(), table.log_largest()};
}

LogBounds extremes_of(const Finding& finding) {
  LogBounds extremes{kInfinity, -kInfinity};
  if (finding.kind != FindingKind::likelihood) return {};
  for (const double weight : finding.likelihood) {
    if (!(weight > 0.0)) continue;
    extremes.lower = std::min(extremes.lower, std::log(weight));
    extremes.upper = std::max(extremes.upper, std::log(weight));
  }
  return extremes.upper == -kInfinity ? LogBounds{} : extremes;
}

double count_states(const FactorGraph& graph, const Evidence& evidence, VariableId v) {
  const Finding* finding = evidence.find(v);
  if (finding == nullptr) return static_cast<double>(graph.cardinality(v));
  switch (finding->kind) {
    case FindingKind::hard:
      return 1.0;
    case FindingKind::allowed:
      return std::max(1.0, static_cast<double>(finding->allowed.size()));
    case FindingKind::likelihood:
    case FindingKind::value:
      break;
  }
  return static_cast<double>(graph.cardinality(v));
}

/// The connected component of every variable; observed ones: kNone.
std::vector<std::uint32_t> components_of(const EdgeGraph& edges) {
  std::vector<std::uint32_t> component(edges.variable_count(), kNone);
  std::uint32_t count = 0;
  for (const VariableId root : edges.variable_roots) component[root] = count++;
  for (const FactorId f : edges.order) {
    const std::uint32_t up = edges.edge_to_root[f];
    const std::uint32_t here = up == kNone ? count++ : component[edges.variable[up]];
    for (std::uint32_t e = edges.first_edge[f]; e < edges.first_edge[f + 1]; ++e) {
      component[edges.variable[e]] = here;
    }
  }
  return component;
}

/// How much exponents enlarge logarithms.
double largest_power(const Entropies& entropies) {
  double power = 1.0;
  for (const double c : entropies.of_factor) power = std::max({power, c, 1.0 / c});
  for (const double d : entropies.divisor) power = std::max({power, d, 1.0 / d});
  return power;
}

/// The sum of the magnitudes of the logarithms of all tables and findings.
double sum_magnitudes(const FactorGraph& graph, const Evidence& evidence) {
  double magnitudes = 0.0;
  for (const Factor& factor : graph.factors()) {
    const LogBounds extremes = extremes_of(factor.table);
    magnitudes += std::fabs(extremes.lower) + std::fabs(extremes.upper);
  }
  for (const auto& [v, finding] : evidence.findings()) {
    const LogBounds extremes = extremes_of(finding);
    magnitudes += std::fabs(extremes.lower) + std::fabs(extremes.upper);
  }
  return magnitudes;
}

}  // namespace

LogBounds bounds_of_log_z(const FactorGraph& graph, const Evidence& evidence) {
  CompensatedSum lower;
  CompensatedSum upper;
  for (const Factor& factor : graph.factors()) {
    const LogBounds extremes = extremes_of(factor.table);
    lower.add(extremes.lower);
    upper.add(extremes.upper);
  }
  for (const auto& [v, finding] : evidence.findings()) {
    const LogBounds extremes = extremes_of(finding);
    lower.add(extremes.lower);
    upper.add(extremes.upper);
  }
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    upper.add(std::log(count_states(graph, evidence, v)));
  }
  return {lower.value(), upper.value()};
}

std::string why_sums_overflow(const FactorGraph& graph, const Evidence& evidence) {
  const double magnitudes = sum_magnitudes(graph, evidence);
  if (magnitudes < kLargestSafe) return "";
  return fmt::format(
      "the logarithms of the tables add up to {:.3g}, beyond the {:.0e} up to which sums of "
      "doubles "
      "tell what is small from zero; take a common factor out of the tables",
      magnitudes, kLargestSafe);
}

MessageRange find_message_range(const FactorGraph& graph, const Evidence& evidence,
                                const EdgeGraph& edges, const Entropies& entropies,
                                const Constraints& constraints) {
  const std::vector<std::uint32_t> component = components_of(edges);
  std::vector<double> nats(edges.components, kMarginNats);
  for (VariableId v = 0; v < component.size(); ++v) {
    if (component[v] == kNone) continue;
    nats[component[v]] += std::log(static_cast<double>(graph.cardinality(v)));
    if (const Finding* finding = evidence.find(v)) {
      const LogBounds extremes = extremes_of(*finding);
      nats[component[v]] += extremes.upper - extremes.lower;
    }
  }
  const auto component_of = [&](FactorId f) {
    return component[edges.variable[edges.first_edge[f]]];
  };
  for (const FactorId f : edges.order) {
    const LogBounds extremes = extremes_of(graph.factor(f).table);
    nats[component_of(f)] += extremes.upper - extremes.lower;
  }
  // A constrained factor divides by what it was sent: no sum of ranges bounds an exact message.
  constexpr double kMostNats = 1e100;
  MessageRange range;
  range.floor.assign(edges.factor_count(), -kMostNats);
  double lowest = constraints.any() ? -kMostNats : 0.0;
  for (const FactorId f : edges.order) {
    if (constraints.any()) break;
    range.floor[f] = -std::min(kMostNats, nats[component_of(f)]);
    lowest = std::min(lowest, range.floor[f]);
  }
  const double power = largest_power(entropies);
  const double largest =
      sum_magnitudes(graph, evidence) - lowest * (1.0 + static_cast<double>(edges.edge_count()));
  range.zeros_are_exact = largest * power * power < kLargestSafe;
  return range;
}

}  // namespace credo::message_passing
