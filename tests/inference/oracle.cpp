#include "oracle.hpp"

#include <credo/core/numerics.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>

namespace credo::testing {

namespace {

/// Sum of the largest magnitudes of the logarithms of tables and likelihoods: what rounding
/// errors of any log Z are relative to.
double log_magnitude(const FactorGraph& graph, const Evidence& evidence) {
  double magnitude = 1.0;
  const auto add = [&magnitude](double low, double high) {
    if (high > -kInfinity) magnitude += std::max(std::fabs(low), std::fabs(high));
  };
  for (const Factor& f : graph.factors()) add(f.table.log_smallest(), f.table.log_largest());
  for (const auto& [v, finding] : evidence.findings()) {
    for (const double weight : finding.likelihood) {
      if (weight > 0.0) add(std::log(weight), std::log(weight));
    }
  }
  return magnitude;
}

/// The largest possible spread of log p~ over joint states that are not zero.
double log_spread(const FactorGraph& graph) {
  double spread = 0.0;
  for (const Factor& f : graph.factors()) {
    if (f.table.log_largest() > -kInfinity)
      spread += f.table.log_largest() - f.table.log_smallest();
  }
  return spread;
}

struct Comparison {
  const FactorGraph& graph;
  const Evidence& evidence;
  const Query& query;
  Tolerance tolerance;
  double magnitude = log_magnitude(graph, evidence);

  void log_values(double expected, double got) const {
    if (expected == -kInfinity) {
      CHECK(got == -kInfinity);
    } else {
      CHECK(std::fabs(got - expected) <= tolerance.log_relative * magnitude);
    }
  }

  /// Errors of logarithms become relative errors of probabilities.
  [[nodiscard]] double probability_error() const {
    return std::max(tolerance.probability, tolerance.log_relative * magnitude);
  }

  void probabilities(std::span<const double> expected, std::span<const double> got) const {
    REQUIRE(got.size() == expected.size());
    double worst = 0.0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      const double error = std::fabs(got[i] - expected[i]);
      worst = std::isnan(error) ? kInfinity : std::max(worst, error);
    }
    CHECK(worst <= probability_error());
  }

  void beliefs(const std::vector<Belief>& expected, const std::vector<Belief>& got) const {
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      CHECK(got[i].scope == expected[i].scope);
      REQUIRE(std::ranges::equal(got[i].table.shape(), expected[i].table.shape()));
      CHECK(got[i].table.domain() == Domain::linear);
      const Table a = expected[i].table.densified(1 << 22);
      const Table b = got[i].table.densified(1 << 22);
      probabilities(a.values(), b.values());
    }
  }

  void marginals(const Result& truth, const Result& result) const {
    REQUIRE(result.marginals.size() == truth.marginals.size());
    for (VariableId v = 0; v < graph.variable_count(); ++v) {
      probabilities(truth.marginals[v], result.marginals[v]);
    }
    beliefs(truth.joints, result.joints);
    beliefs(truth.factor_marginals, result.factor_marginals);
    for (FactorId f = 0; f < result.factor_marginals.size(); ++f) {
      CHECK(result.factor_marginals[f].table.storage() == graph.factor(f).table.storage());
    }
  }

  void assignments(const Result& truth, const Result& result) const {
    REQUIRE(result.assignments.size() == truth.assignments.size());
    std::set<std::vector<std::size_t>> seen;
    for (std::size_t i = 0; i < result.assignments.size(); ++i) {
      const Assignment& got = result.assignments[i];
      log_values(truth.assignments[i].log_value, got.log_value);
      REQUIRE(got.states.size() == graph.variable_count());
      log_values(log_value_of(graph, evidence, got.states), got.log_value);
      CHECK_MESSAGE(seen.insert(got.states).second, "an assignment was returned twice");
    }
  }

  /// log of the sum of p~ over the states that agree with the targets' states.
  [[nodiscard]] double log_group(const std::vector<std::size_t>& states) const {
    Evidence group = evidence;
    CompensatedSum weights;
    for (const VariableId v : query.targets) {
      const Finding* finding = evidence.find(v);
      if (finding != nullptr && finding->kind == FindingKind::hard && finding->state != states[v]) {
        return -kInfinity;
      }
      if (finding != nullptr && finding->kind == FindingKind::allowed &&
          !std::ranges::binary_search(finding->allowed, states[v])) {
        return -kInfinity;
      }
      if (finding != nullptr && finding->kind == FindingKind::likelihood) {
        weights.add(std::log(finding->likelihood[states[v]]));
      }
      group.observe(v, states[v]);
    }
    return truth_of(graph, group, Query::log_partition()).log_z + weights.value();
  }

  void marginal_map(const Result& truth, const Result& result) const {
    REQUIRE(result.assignments.size() == 1);
    const Assignment& got = result.assignment();
    log_values(truth.assignment().log_value, got.log_value);
    REQUIRE(got.states.size() == graph.variable_count());
    log_values(log_group(got.states), got.log_value);
    for (VariableId v = 0; v < graph.variable_count(); ++v) {
      if (std::ranges::find(query.targets, v) == query.targets.end()) CHECK(got.states[v] == 0);
    }
  }

  void samples(const Result& result) const {
    REQUIRE(result.samples.size() == query.sample_count);
    for (const std::vector<std::size_t>& states : result.samples) {
      REQUIRE(states.size() == graph.variable_count());
      CHECK(log_value_of(graph, evidence, states) > -kInfinity);
    }
  }

  void sensitivity(const Result& truth, const Result& result) const {
    REQUIRE(result.sensitivity.size() == truth.sensitivity.size());
    for (FactorId f = 0; f < graph.factor_count(); ++f) {
      const std::vector<double>& expected = truth.sensitivity[f];
      REQUIRE(result.sensitivity[f].size() == expected.size());
      double largest = 0.0;
      for (const double d : expected) largest = std::max(largest, std::fabs(d));
      bool close = true;
      for (std::size_t i = 0; i < expected.size(); ++i) {
        const double got = result.sensitivity[f][i];
        const double bound = probability_error() * (1e-3 * largest + std::fabs(expected[i]));
        close = close && (got == expected[i] || std::fabs(got - expected[i]) <= bound);
      }
      CHECK_MESSAGE(close, "sensitivity of factor ", f);
    }
  }

  /// Sums to 1. (Beliefs on graphs with cycles may be wrong by more than a double can hold.)
  static void approximate(std::span<const double> expected, std::span<const double> got) {
    REQUIRE(got.size() == expected.size());
    double sum = 0.0;
    for (const double p : got) sum += p;
    CHECK(std::fabs(sum - 1.0) <= 1e-9);
  }

  /// What an answer without guarantee still owes.
  void approximate(const Result& truth, const Result& result) const {
    const bool bounds = result.guarantee == Guarantee::lower_bound;
    CHECK((bounds || result.guarantee == Guarantee::fixed_point ||
           result.guarantee == Guarantee::unconverged));
    CHECK(result.iterations >= 1);
    if (!bounds) CHECK(result.residuals.size() == static_cast<std::size_t>(result.iterations));
    if (query.task == Task::map) {
      REQUIRE(result.assignments.size() == 1);
      const double value = result.assignment().log_value;
      CHECK(value > -kInfinity);
      log_values(log_value_of(graph, evidence, result.assignment().states), value);
      CHECK(truth.ok());
      CHECK(value <= truth.assignment().log_value + tolerance.log_relative * magnitude);
      return;
    }
    CHECK(std::isfinite(result.log_z));
    CHECK(result.log_z_upper == kInfinity);
    if (bounds) {
      CHECK(truth.ok());
      CHECK(result.log_z_lower == result.log_z);
      CHECK(result.log_z <= truth.log_z + tolerance.log_relative * magnitude);
    } else {
      CHECK(result.log_z_lower == -kInfinity);
    }
    if (!truth.ok()) return;
    for (VariableId v = 0; v < result.marginals.size(); ++v) {
      if (!truth.marginals[v].empty()) approximate(truth.marginals[v], result.marginals[v]);
    }
    REQUIRE(result.joints.size() == truth.joints.size());
    for (std::size_t i = 0; i < truth.joints.size(); ++i) {
      approximate(truth.joints[i].table.values(), result.joints[i].table.values());
    }
    REQUIRE(result.factor_marginals.size() == truth.factor_marginals.size());
    for (std::size_t i = 0; i < truth.factor_marginals.size(); ++i) {
      approximate(truth.factor_marginals[i].table.values(),
                  result.factor_marginals[i].table.values());
    }
  }

  /// upward + downward - log Z is the log marginal over the message's scope.
  void messages(const Result& truth, const Result& result) const {
    for (const Message& message : result.messages) {
      CHECK(message.upward.domain() == Domain::log);
      if (query.task != Task::marginals) continue;
      const Result joint = truth_of(graph, evidence, Query::joint(message.scope));
      const std::span<const double> expected = joint.joints.front().table.values();
      REQUIRE(message.upward.size() == expected.size());
      REQUIRE(message.downward.size() == expected.size());
      std::vector<double> got;
      for (std::uint64_t i = 0; i < expected.size(); ++i) {
        got.push_back(
            std::exp(message.upward.log_at(i) + message.downward.log_at(i) - truth.log_z));
      }
      probabilities(expected, got);
    }
  }
};

/// Some variables in the opposite of their natural order, maximised ones last.
std::vector<VariableId> reversed_order(const FactorGraph& graph, const Query& query,
                                       std::size_t every) {
  std::vector<VariableId> order;
  std::vector<VariableId> last;
  for (VariableId v = static_cast<VariableId>(graph.variable_count()); v-- > 0;) {
    if (v % every != 0) continue;
    const bool maximised = query.task == Task::marginal_map &&
                           std::ranges::find(query.targets, v) != query.targets.end();
    (maximised ? last : order).push_back(v);
  }
  order.insert(order.end(), last.begin(), last.end());
  return order;
}

std::vector<InferOptions> configurations(const Algorithm& algorithm, const FactorGraph& graph,
                                         const Query& query) {
  std::vector<InferOptions> all;
  InferOptions options;
  options.algorithm = algorithm.name;
  options.plan.restarts = 4;
  options.explain_conflict = false;
  if (algorithm.guarantee != Guarantee::exact) {
    options.iteration.maximum_iterations = 40;
    for (const MessageSchedule schedule :
         {MessageSchedule::automatic, MessageSchedule::parallel, MessageSchedule::residual}) {
      options.iteration.schedule = schedule;
      options.iteration.damping = schedule == MessageSchedule::parallel ? 0.3 : 0.0;
      all.push_back(options);
    }
    return all;
  }
  for (const Scalar scalar : {Scalar::automatic, Scalar::scaled_double, Scalar::log_double}) {
    // One exponent per table cannot hold a wider range; automatic must notice.
    if (scalar == Scalar::scaled_double && log_spread(graph) > 300.0) continue;
    options.scalar = scalar;
    all.push_back(options);
  }
  options.scalar = Scalar::automatic;
  options.propagate_zeros = false;
  all.push_back(options);
  for (const std::size_t every : {1U, 2U}) {
    options.plan.order = reversed_order(graph, query, every);
    all.push_back(options);
  }
  return all;
}

std::string describe_options(const InferOptions& options) {
  return fmt::format("{} scalar {} propagate_zeros {} order ({}) schedule {}", options.algorithm,
                     static_cast<int>(options.scalar), options.propagate_zeros,
                     fmt::join(options.plan.order, ", "),
                     schedule_name(options.iteration.schedule));
}

bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return std::ranges::equal(a, b, [](double x, double y) { return same_bits(x, y); });
}

bool same_bits(const std::vector<std::vector<double>>& a,
               const std::vector<std::vector<double>>& b) {
  return std::ranges::equal(a, b, [](const auto& x, const auto& y) { return same_bits(x, y); });
}

bool same_beliefs(const std::vector<Belief>& a, const std::vector<Belief>& b) {
  return std::ranges::equal(a, b, [](const Belief& x, const Belief& y) {
    return x.scope == y.scope && x.table == y.table;
  });
}

}  // namespace

std::string describe_question(const FactorGraph& graph, const Evidence& evidence,
                              const Query& query) {
  std::string text;
  for (const Variable& v : graph.variables()) text += fmt::format("{}:{} ", v.name, v.cardinality);
  for (FactorId f = 0; f < graph.factor_count(); ++f) {
    const Table& table = graph.factor(f).table;
    text +=
        fmt::format("\n{} {}{}[{}]", graph.describe(f), table.is_sparse() ? "sparse " : "",
                    table.domain() == Domain::log ? "log " : "",
                    fmt::join(table.in_domain(Domain::linear).densified(1 << 20).values(), ", "));
  }
  for (const auto& [v, finding] : evidence.findings()) text += "\n" + describe(graph, finding);
  text += fmt::format("\nquery {} targets {{{}}}", task_name(query.task),
                      fmt::join(query.targets, ", "));
  for (const Scope& joint : query.joints)
    text += fmt::format(" joint ({})", fmt::join(joint, ", "));
  return text + fmt::format(" k {} seed {}\n", query.k_best, query.seed);
}

double log_value_of(const FactorGraph& graph, const Evidence& evidence,
                    const std::vector<std::size_t>& states) {
  CompensatedSum value;
  value.add(graph.log_weight(states));
  for (const auto& [v, finding] : evidence.findings()) {
    switch (finding.kind) {
      case FindingKind::hard:
        if (states[v] != finding.state) return -kInfinity;
        break;
      case FindingKind::likelihood:
        value.add(std::log(finding.likelihood[states[v]]));
        break;
      case FindingKind::allowed:
        if (!std::ranges::binary_search(finding.allowed, states[v])) return -kInfinity;
        break;
      case FindingKind::value:
        break;  // discrete models have none
    }
  }
  return value.value();
}

Result truth_of(const FactorGraph& graph, const Evidence& evidence, const Query& query) {
  InferOptions options;
  options.algorithm = "enumeration";
  options.explain_conflict = false;
  Query without_messages = query;
  without_messages.messages = false;
  return infer(graph, evidence, without_messages, options);
}

std::vector<Algorithm> algorithms_under_test() {
  std::vector<Algorithm> others;
  for (const Algorithm& algorithm : algorithms()) {
    if (algorithm.name != "enumeration" && !algorithm.continuous) others.push_back(algorithm);
  }
  return others;
}

void check_same_answer(const FactorGraph& graph, const Evidence& evidence, const Query& query,
                       const Result& truth, const Result& result, Tolerance tolerance) {
  const Comparison compare{graph, evidence, query, tolerance};
  CHECK(status_name(result.status) == status_name(truth.status));
  if (result.status != truth.status) return;
  if (truth.status == Status::impossible_evidence) {
    CHECK(result.log_z == -kInfinity);
    CHECK(result.marginals.empty());
    CHECK(result.assignments.empty());
    CHECK(result.samples.empty());
    return;
  }
  REQUIRE(result.ok());
  // Max-product alone never learns Z.
  if (query.task != Task::map && query.task != Task::marginal_map) {
    compare.log_values(truth.log_z, result.log_z);
    CHECK(result.log_z_lower == result.log_z);
    CHECK(result.log_z_upper == result.log_z);
  }
  CHECK(result.guarantee == Guarantee::exact);
  switch (query.task) {
    case Task::log_partition:
      break;
    case Task::marginals:
      compare.marginals(truth, result);
      break;
    case Task::map:
      compare.assignments(truth, result);
      break;
    case Task::marginal_map:
      compare.marginal_map(truth, result);
      break;
    case Task::samples:
      compare.samples(result);
      break;
    case Task::sensitivity:
      compare.sensitivity(truth, result);
      break;
  }
  if (query.messages) compare.messages(truth, result);
}

void check_against_enumeration(const FactorGraph& graph, const Evidence& evidence,
                               const Query& query, Tolerance tolerance) {
  const Result truth = truth_of(graph, evidence, query);
  const std::string question = describe_question(graph, evidence, query);
  INFO(question);
  for (const Algorithm& algorithm : algorithms_under_test()) {
    for (InferOptions& options : configurations(algorithm, graph, query)) {
      INFO(describe_options(options));
      const Result result = infer(graph, evidence, query, options);
      if (result.status == Status::refused) {
        CHECK(result.message.find(algorithm.name) == 0);
        CHECK(result.message.size() > algorithm.name.size() + 2);
        continue;
      }
      if (algorithm.guarantee != Guarantee::exact && result.guarantee != Guarantee::exact) {
        REQUIRE(result.ok());
        Comparison{graph, evidence, query, tolerance}.approximate(truth, result);
      } else {
        check_same_answer(graph, evidence, query, truth, result, tolerance);
      }
      options.threads = 2;
      CHECK_MESSAGE(bit_equal(result, infer(graph, evidence, query, options)),
                    "two threads differ from one");
    }
  }
}

bool bit_equal(const Result& a, const Result& b) {
  const auto same_assignment = [](const Assignment& x, const Assignment& y) {
    return x.states == y.states && same_bits(x.log_value, y.log_value);
  };
  const auto same_message = [](const Message& x, const Message& y) {
    return x.scope == y.scope && x.upward == y.upward && x.downward == y.downward;
  };
  return a.status == b.status && same_bits(a.log_z, b.log_z) &&
         same_bits(a.marginals, b.marginals) && same_beliefs(a.joints, b.joints) &&
         same_beliefs(a.factor_marginals, b.factor_marginals) &&
         std::ranges::equal(a.assignments, b.assignments, same_assignment) &&
         a.samples == b.samples && same_bits(a.sensitivity, b.sensitivity) &&
         std::ranges::equal(a.messages, b.messages, same_message);
}

}  // namespace credo::testing
