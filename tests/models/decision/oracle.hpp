#pragma once
// Influence diagrams by enumeration: every joint state, every pure strategy, every history. Linear
// domain, straight from the definitions; shares nothing with the engines.

#include <credo/core/joint_states.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/decision/strategy.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace oracle {

using credo::Scope;
using credo::VariableId;
using credo::decision::InfluenceDiagram;
using credo::decision::Strategy;

/// Row-major index of the states of a scope within a full assignment.
inline std::size_t index_of(const InfluenceDiagram& diagram, const Scope& scope,
                            std::span<const std::size_t> x) {
  std::size_t index = 0;
  for (const VariableId v : scope) index = index * diagram.graph().cardinality(v) + x[v];
  return index;
}

/// prod over chance variables of p(x_v | parents).
inline double chance_probability(const InfluenceDiagram& diagram, std::span<const std::size_t> x) {
  double p = 1.0;
  for (const credo::Factor& f : diagram.graph().factors()) {
    p *= f.table.at(index_of(diagram, f.scope, x));
  }
  return p;
}

inline double utility(const InfluenceDiagram& diagram, std::span<const std::size_t> x) {
  double sum = 0.0;
  for (const auto& u : diagram.utilities()) sum += u.values[index_of(diagram, u.parents, x)];
  return sum;
}

template <typename Visit>
void for_each_assignment(const InfluenceDiagram& diagram, const Visit& visit) {
  std::vector<std::size_t> cardinalities;
  for (const auto& v : diagram.graph().variables()) cardinalities.push_back(v.cardinality);
  credo::for_each_joint_state(cardinalities, visit);
}

struct Value {
  double utility = 0.0;
  /// sum over decisions of H(d | what d sees), in nats.
  double entropy = 0.0;
};

inline Value value_of(const InfluenceDiagram& diagram, const Strategy& strategy) {
  Value value;
  for_each_assignment(diagram, [&](std::span<const std::size_t> x) {
    double p = chance_probability(diagram, x);
    double log_q = 0.0;
    for (const auto& rule : strategy) {
      const double q = rule.table.at(index_of(diagram, rule.information, x) *
                                         diagram.graph().cardinality(rule.decision) +
                                     x[rule.decision]);
      p *= q;
      log_q += q > 0.0 ? std::log(q) : 0.0;
    }
    if (p == 0.0) return;
    value.utility += p * utility(diagram, x);
    value.entropy -= p * log_q;
  });
  return value;
}

/// The pure strategy of one choice per joint state of what each decision sees, one after another.
inline Strategy pure_strategy(const InfluenceDiagram& diagram,
                              std::span<const std::size_t> choices) {
  Strategy strategy;
  std::size_t next = 0;
  for (const VariableId d : diagram.decisions()) {
    std::vector<std::size_t> shape = diagram.graph().shape_of(diagram.parents(d));
    const std::size_t states = diagram.graph().cardinality(d);
    const std::uint64_t rows = credo::saturating_product(shape);
    std::vector<double> values(rows * states, 0.0);
    for (std::size_t r = 0; r < rows; ++r) values[r * states + choices[next++]] = 1.0;
    shape.push_back(states);
    strategy.push_back({d, diagram.parents(d), credo::Table::dense(shape, values)});
  }
  return strategy;
}

/// One extent per joint state of what each decision sees: the number of choices there.
inline std::vector<std::size_t> choice_extents(const InfluenceDiagram& diagram) {
  std::vector<std::size_t> extents;
  for (const VariableId d : diagram.decisions()) {
    const auto rows = credo::saturating_product(diagram.graph().shape_of(diagram.parents(d)));
    extents.insert(extents.end(), rows, diagram.graph().cardinality(d));
  }
  return extents;
}

/// max over all pure strategies of E[u].
inline double best_pure(const InfluenceDiagram& diagram) {
  double best = -credo::kInfinity;
  credo::for_each_joint_state(choice_extents(diagram), [&](std::span<const std::size_t> choices) {
    best = std::max(best, value_of(diagram, pure_strategy(diagram, choices)).utility);
  });
  return best;
}

/// temperature x log sum exp(x / temperature); the largest at 0.
inline double soft_max(std::span<const double> x, double temperature) {
  const double largest = *std::ranges::max_element(x);
  if (temperature == 0.0 || largest == -credo::kInfinity) return largest;
  double sum = 0.0;
  for (const double v : x) sum += std::exp((v - largest) / temperature);
  return largest + temperature * std::log(sum);
}

/// The decision tree of a diagram with perfect recall, rolled back: what is known when decision k
/// is made grows with k. Values are weighed by the probability of what is known.
class Tree {
 public:
  Tree(const InfluenceDiagram& diagram, double temperature)
      : diagram_(diagram),
        temperature_(temperature),
        known_(diagram.graph().variable_count(), false),
        x_(diagram.graph().variable_count(), 0) {}

  double value() { return rolled(0); }

 private:
  double rolled(std::size_t k) {
    if (k == diagram_.decisions().size()) {
      return summed([&](std::span<const std::size_t> x) { return utility(diagram_, x); });
    }
    Scope fresh;
    for (const VariableId v : diagram_.parents(diagram_.decisions()[k])) {
      if (!known_[v]) fresh.push_back(v);
    }
    double total = 0.0;
    credo::for_each_joint_state(diagram_.graph().shape_of(fresh),
                                [&](std::span<const std::size_t> states) {
                                  for (std::size_t i = 0; i < fresh.size(); ++i) {
                                    x_[fresh[i]] = states[i];
                                    known_[fresh[i]] = true;
                                  }
                                  total += chosen(k);
                                });
    for (const VariableId v : fresh) known_[v] = false;
    return total;
  }

  double chosen(std::size_t k) {
    const VariableId d = diagram_.decisions()[k];
    x_[d] = 0;
    known_[d] = true;
    // What is known does not depend on this and later decisions.
    const double p = summed([](std::span<const std::size_t>) { return 1.0; });
    std::vector<double> values;
    for (; p > 0.0 && x_[d] < diagram_.graph().cardinality(d); ++x_[d]) {
      values.push_back(rolled(k + 1) / p);
    }
    known_[d] = false;
    return p > 0.0 ? p * soft_max(values, temperature_) : 0.0;
  }

  /// sum over what is not known of p(x) f(x), decisions not yet made fixed at 0.
  template <typename Function>
  double summed(const Function& f) {
    Scope hidden;
    for (VariableId v = 0; v < known_.size(); ++v) {
      if (!known_[v] && !diagram_.is_decision(v)) hidden.push_back(v);
    }
    std::vector<std::size_t> x = x_;
    double sum = 0.0;
    for (const VariableId d : diagram_.decisions()) x[d] = known_[d] ? x_[d] : 0;
    credo::for_each_joint_state(diagram_.graph().shape_of(hidden),
                                [&](std::span<const std::size_t> states) {
                                  for (std::size_t i = 0; i < hidden.size(); ++i) {
                                    x[hidden[i]] = states[i];
                                  }
                                  const double p = chance_probability(diagram_, x);
                                  if (p > 0.0) sum += p * f(x);
                                });
    return sum;
  }

  const InfluenceDiagram& diagram_;
  double temperature_;
  std::vector<bool> known_;
  std::vector<std::size_t> x_;
};

/// The value of a diagram with perfect recall whose decisions are in the order of time.
inline double rolled_back(const InfluenceDiagram& diagram, double temperature) {
  return Tree(diagram, temperature).value();
}

/// alpha log sum over x of p(x) exp(u(x) / alpha).
inline double conditioned(const InfluenceDiagram& diagram, double temperature) {
  std::vector<double> logs;
  for_each_assignment(diagram, [&](std::span<const std::size_t> x) {
    const double p = chance_probability(diagram, x);
    if (p > 0.0) logs.push_back(temperature * std::log(p) + utility(diagram, x));
  });
  return soft_max(logs, temperature);
}

}  // namespace oracle
