#include "variational_reference.hpp"

#include <credo/core/joint_states.hpp>
#include <credo/core/numerics.hpp>

#include <algorithm>
#include <cmath>

namespace credo::testing {

VariationalReference::VariationalReference(const FactorGraph& graph, const Evidence& evidence,
                                           const Family& family)
    : graph_(graph), family_(family), observed_(graph.variable_count(), 0) {
  std::vector<char> taken(graph.factor_count(), 0);
  for (const auto& [v, finding] : evidence.findings()) {
    if (finding.kind == FindingKind::hard) observed_[v] = 1;
  }
  for (const Conditional& c : family.conditionals()) {
    if (c.factor && !observed_[c.child]) taken[*c.factor] = 1;
  }
  Scope all;
  for (VariableId v = 0; v < graph.variable_count(); ++v) all.push_back(v);
  for_each_joint_state(graph.shape_of(all), [&](std::span<const std::size_t> x) {
    double findings = 0.0;
    for (const auto& [v, finding] : evidence.findings()) {
      if (finding.kind == FindingKind::hard && x[v] != finding.state) return;
      if (finding.kind == FindingKind::likelihood) findings += std::log(finding.likelihood[x[v]]);
      if (finding.kind == FindingKind::allowed &&
          std::ranges::find(finding.allowed, x[v]) == finding.allowed.end()) {
        findings = -kInfinity;
      }
    }
    double weight = findings;
    double score = findings;
    for (std::size_t f = 0; f < graph.factor_count(); ++f) {
      std::vector<std::size_t> states;
      for (const VariableId v : graph.factors()[f].scope) states.push_back(x[v]);
      const Table& table = graph.factors()[f].table;
      const double log_value = table.log_at(table.index_of(states));
      weight += log_value;
      if (!taken[f]) score += log_value;
    }
    states_.emplace_back(x.begin(), x.end());
    log_weight_.push_back(weight);
    log_score_.push_back(score);
  });
}

bool VariationalReference::active(std::size_t which) const {
  return !observed_[family_.conditionals()[which].child];
}

VariationalReference::Conditionals VariationalReference::dense(std::span<const Table> tables) {
  Conditionals result;
  for (const Table& table : tables) {
    std::vector<double> values;
    for (std::uint64_t i = 0; i < table.size(); ++i) values.push_back(table.at(i));
    result.push_back(std::move(values));
  }
  return result;
}

VariationalReference::Conditionals VariationalReference::uniform() const {
  Conditionals q;
  for (const Conditional& c : family_.conditionals()) {
    Scope scope = c.parents;
    scope.push_back(c.child);
    const std::size_t size = saturating_product(graph_.shape_of(scope));
    std::vector<double> values(size, 1.0 / static_cast<double>(graph_.cardinality(c.child)));
    if (c.table) {
      for (std::size_t i = 0; i < size; ++i) values[i] = c.table->at(i);
    }
    const std::size_t width = graph_.cardinality(c.child);
    for (std::size_t i = 0; i < size; i += width) normalize(std::span(values).subspan(i, width));
    q.push_back(std::move(values));
  }
  return q;
}

VariationalReference::Conditionals VariationalReference::random(Random& random) const {
  Conditionals q = uniform();
  for (const std::size_t which : optimised()) {
    const std::size_t width = graph_.cardinality(family_.conditionals()[which].child);
    for (std::size_t i = 0; i < q[which].size(); i += width) {
      for (std::size_t k = 0; k < width; ++k) q[which][i + k] *= 0.05 + random.uniform();
      normalize(std::span(q[which]).subspan(i, width));
    }
  }
  return q;
}

std::vector<std::size_t> VariationalReference::optimised() const {
  std::vector<std::size_t> places;
  for (std::size_t i = family_.conditionals().size(); i-- > 0;) {
    if (active(i) && family_.conditionals()[i].kind != ConditionalKind::clamped) {
      places.push_back(i);
    }
  }
  return places;
}

std::size_t VariationalReference::entry(std::size_t which, std::span<const std::size_t> x) const {
  const Conditional& c = family_.conditionals()[which];
  std::size_t index = 0;
  for (const VariableId u : c.parents) index = index * graph_.cardinality(u) + x[u];
  return index * graph_.cardinality(c.child) + x[c.child];
}

/// What conditional `which` adds to the integrand where it has probability q > 0.
double VariationalReference::cost(std::size_t which, double q, std::size_t i) const {
  const Conditional& c = family_.conditionals()[which];
  switch (c.kind) {
    case ConditionalKind::free:
      return c.weight * ((c.table ? c.table->log_at(i) : 0.0) - std::log(q));
    case ConditionalKind::clamped:
      return c.factor ? 0.0 : -std::log(q);
    case ConditionalKind::charged:
      return c.weight * (c.table->log_at(i) - std::log(q));
    case ConditionalKind::arg_max:
      return 0.0;
  }
  return 0.0;
}

std::vector<double> VariationalReference::joint(const Conditionals& q) const {
  std::vector<double> result;
  for (const auto& x : states_) {
    double p = 1.0;
    for (std::size_t c = 0; c < q.size(); ++c) {
      if (active(c)) p *= q[c][entry(c, x)];
    }
    result.push_back(p);
  }
  return result;
}

double VariationalReference::value(const Conditionals& q) const {
  const std::vector<double> p = joint(q);
  double total = 0.0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (p[i] == 0.0) continue;
    double integrand = log_score_[i];
    for (std::size_t c = 0; c < q.size(); ++c) {
      if (!active(c)) continue;
      const std::size_t e = entry(c, states_[i]);
      integrand += cost(c, q[c][e], e);
    }
    total += p[i] * integrand;
  }
  return total;
}

double VariationalReference::log_z() const { return log_sum_exp(log_weight_); }

double VariationalReference::divergence(const Conditionals& q) const {
  const std::vector<double> p = joint(q);
  const double z = log_z();
  double total = 0.0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (p[i] > 0.0) total += p[i] * (std::log(p[i]) - (log_weight_[i] - z));
  }
  return total;
}

void VariationalReference::update(Conditionals& q, std::size_t which) const {
  const Conditional& c = family_.conditionals()[which];
  const std::size_t width = graph_.cardinality(c.child);
  std::vector<double> mass(q[which].size(), 0.0);
  std::vector<double> sum(q[which].size(), 0.0);
  for (std::size_t s = 0; s < states_.size(); ++s) {
    const std::vector<std::size_t>& x = states_[s];
    double p = 1.0;
    double integrand = log_score_[s];
    for (std::size_t d = 0; d < q.size() && p > 0.0; ++d) {
      if (d == which || !active(d)) continue;
      const std::size_t e = entry(d, x);
      p *= q[d][e];
      if (p > 0.0) integrand += cost(d, q[d][e], e);
    }
    if (p == 0.0) continue;
    mass[entry(which, x)] += p;
    sum[entry(which, x)] += p * integrand;
  }
  for (std::size_t i = 0; i < mass.size(); i += width) {
    std::vector<double> t(width, 0.0);
    if (std::all_of(&mass[i], &mass[i] + width, [](double m) { return m == 0.0; })) continue;
    for (std::size_t k = 0; k < width; ++k) {
      const double a = mass[i + k] > 0.0 ? sum[i + k] / mass[i + k] : 0.0;
      if (c.kind == ConditionalKind::arg_max) {
        t[k] = a;
      } else {
        const double base = c.table ? c.table->log_at(i + k) : 0.0;
        t[k] = base == -kInfinity ? base : base + a / c.weight;
      }
    }
    const auto row = std::span(q[which]).subspan(i, width);
    if (c.kind == ConditionalKind::arg_max) {
      const auto best = std::ranges::max_element(t) - t.begin();
      for (std::size_t k = 0; k < width; ++k) {
        row[k] = k == static_cast<std::size_t>(best) ? 1.0 : 0.0;
      }
    } else {
      std::ranges::copy(softmax(t), row.begin());
    }
  }
}

double VariationalReference::converge(Conditionals& q, std::span<const std::size_t> order) const {
  double last = value(q);
  for (int sweep = 0; sweep < 2000; ++sweep) {
    for (const std::size_t which : order) update(q, which);
    const double now = value(q);
    if (std::fabs(now - last) <= 1e-14 * (1.0 + std::fabs(now))) return now;
    last = now;
  }
  return last;
}

std::vector<std::vector<double>> VariationalReference::marginals(const Conditionals& q) const {
  const std::vector<double> p = joint(q);
  std::vector<std::vector<double>> result;
  for (VariableId v = 0; v < graph_.variable_count(); ++v) {
    std::vector<double> m(graph_.cardinality(v), 0.0);
    for (std::size_t i = 0; i < p.size(); ++i) m[states_[i][v]] += p[i];
    result.push_back(std::move(m));
  }
  return result;
}

}  // namespace credo::testing
