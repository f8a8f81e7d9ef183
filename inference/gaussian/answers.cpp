// Marginals are mixtures over the joint states of a part's discrete neighbours: the total mean and
// covariance are sum_k w_k m_k and sum_k w_k (C_k + (m_k - m) (m_k - m)').
// Samples go down the fronts: x given its separator is normal with mean gain s + shift and
// covariance core; differences from the mean need no shift.

#include <credo/inference/gaussian/answers.hpp>
#include <credo/inference/gaussian/fixed_factors.hpp>
#include <credo/inference/gaussian/mixed_scopes.hpp>

#include <credo/core/covariance_factor.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <random>
#include <utility>

namespace credo::gaussian {

namespace {

/// Which scopes a part has to answer for, with where the answers go.
struct Wanted {
  Scope scope;
  GaussianMarginal* target;
};

void prepare(MixedAnswer& mixed, Part& part, const std::vector<std::size_t>& states, bool spread) {
  if (!part.solved)
    static_cast<void>(solve_part(mixed.graph, mixed.parts, part, states, mixed.monitor));
  part.solved = part.discrete.empty();
  if (spread && part.engine && !part.spread) part.engine->spread();
  part.spread = spread && part.discrete.empty();
}

/// Mean and covariance of a scope within one part; observed variables are certain.
GaussianComponent moments(const MixedAnswer& mixed, const Part& part, const Scope& scope,
                          double weight) {
  GaussianComponent component{weight, {}, {}};
  std::vector<std::uint32_t> at;  // positions in the front, kObserved for observed scalars
  std::optional<std::uint32_t> front;
  Scope free;
  for (const VariableId v : scope) {
    if (part.engine && part.engine->structure().front_of[v] != kObserved) free.push_back(v);
  }
  if (!free.empty()) front = common_front(part.engine->structure(), free);
  for (const VariableId v : scope) {
    const bool is_free = std::ranges::find(free, v) != free.end();
    const std::span<const double> point =
        part.engine ? std::as_const(*part.engine).point() : std::span(mixed.parts.observed);
    const std::uint32_t first =
        is_free ? position_in(part.engine->structure(), *front, v) : kObserved;
    for (std::uint32_t i = 0; i < mixed.graph.variable(v).dimension; ++i) {
      component.mean.push_back(point[mixed.parts.scalar_of[v] + i]);
      at.push_back(is_free ? first + i : kObserved);
    }
  }
  for (const std::uint32_t a : at) {
    for (const std::uint32_t b : at) {
      const bool free_pair = a != kObserved && b != kObserved;
      component.covariance.push_back(free_pair ? part.engine->covariance(*front, a, b) : 0.0);
    }
  }
  return component;
}

/// The moments of the mixture of a marginal's components.
void add_up(GaussianMarginal& marginal) {
  const std::size_t n = marginal.components.front().mean.size();
  marginal.mean.assign(n, 0.0);
  marginal.covariance.assign(n * n, 0.0);
  for (const GaussianComponent& c : marginal.components) {
    for (std::size_t i = 0; i < n; ++i) marginal.mean[i] += c.weight * c.mean[i];
  }
  for (const GaussianComponent& c : marginal.components) {
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        marginal.covariance[i * n + j] +=
            c.weight * (c.covariance[i * n + j] +
                        (c.mean[i] - marginal.mean[i]) * (c.mean[j] - marginal.mean[j]));
      }
    }
  }
  if (marginal.components.size() == 1) marginal.components.clear();
}

void answer_part(MixedAnswer& mixed, std::size_t p, const std::vector<Wanted>& wanted) {
  Part& part = mixed.parts.parts[p];
  if (wanted.empty()) return;
  if (part.discrete.empty()) {
    prepare(mixed, part, mixed.states, true);
    for (const Wanted& w : wanted) {
      w.target->components.push_back(moments(mixed, part, w.scope, 1.0));
      add_up(*w.target);
    }
    return;
  }
  const Belief& belief = mixed.neighbours[p];
  for_each_state(mixed.parts, part, mixed.states, [&](const std::vector<std::size_t>& states) {
    mixed.monitor.check("mixtures", 0.5);
    std::vector<std::size_t> of_scope;
    for (const VariableId v : belief.scope) of_scope.push_back(states[v]);
    const double weight = belief.table.at(belief.table.index_of(of_scope));
    if (!(weight > 0.0)) return;
    prepare(mixed, part, states, true);
    for (const Wanted& w : wanted) {
      w.target->components.push_back(moments(mixed, part, w.scope, weight));
    }
  });
  for (const Wanted& w : wanted) add_up(*w.target);
}

/// The part of a scope's free variables; the first part where all are observed.
std::size_t part_of(const std::vector<std::size_t>& part_of_variable, const Scope& scope) {
  std::size_t part = 0;
  for (const VariableId v : scope) part = std::max(part, part_of_variable[v]);
  return part;
}

std::vector<std::size_t> parts_of_variables(const MixedAnswer& mixed) {
  std::vector<std::size_t> part_of_variable(mixed.graph.variable_count(), 0);
  for (std::size_t p = 0; p < mixed.parts.parts.size(); ++p) {
    for (const VariableId v : mixed.parts.parts[p].variables) part_of_variable[v] = p;
  }
  return part_of_variable;
}

std::vector<VariableId> wanted_variables(const FactorGraph& graph, const Query& query) {
  if (!query.targets.empty()) return query.targets;
  std::vector<VariableId> all;
  if (!query.joints.empty() || query.factor_marginals) return all;
  for (VariableId v = 0; v < graph.variable_count(); ++v) all.push_back(v);
  return all;
}

double standard_normal(std::mt19937_64& random) {
  const auto uniform = [&random] { return (static_cast<double>(random() >> 11U) + 0.5) * 0x1p-53; };
  const double radius = std::sqrt(-2.0 * std::log(uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

/// Differences from the mean of all scalars of a part, drawn from the last front to the first.
class Sampler {
 public:
  explicit Sampler(const Engine& engine) : engine_(engine) {
    for (std::uint32_t f = 0; f < engine.structure().fronts.size(); ++f) {
      noise_.push_back(factorise_covariance(engine.core(f), engine.structure().fronts[f].size,
                                            kCertainAsComputed));
    }
    difference_.resize(engine.structure().scalar_count);
  }

  const std::vector<double>& draw(std::mt19937_64& random) {
    const Structure& s = engine_.structure();
    for (auto f = static_cast<std::uint32_t>(s.fronts.size()); f-- > 0;) {
      const Front& front = s.fronts[f];
      const std::uint32_t* scalars = &s.scalars[front.scalars];
      const std::vector<double> own = draw_noise(noise_[f], random);
      for (std::uint32_t i = 0; i < front.size; ++i) {
        double sum = own[i];
        for (std::uint32_t a = 0; a < front.separator; ++a) {
          sum += engine_.gain(f)[std::size_t{i} * front.separator + a] *
                 difference_[scalars[front.size + a]];
        }
        difference_[scalars[i]] = sum;
      }
    }
    return difference_;
  }

 private:
  /// rotation' noise e.
  static std::vector<double> draw_noise(const CovarianceFactor& factor, std::mt19937_64& random) {
    const std::size_t n = factor.dimension;
    std::vector<double> turned(n, 0.0);
    for (std::size_t k = 0; k < factor.rank; ++k) {
      const double e = standard_normal(random);
      for (std::size_t i = 0; i < n; ++i) turned[i] += factor.noise[i * factor.rank + k] * e;
    }
    if (factor.rotation.empty()) return turned;
    std::vector<double> noise(n, 0.0);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) noise[i] += factor.rotation[j * n + i] * turned[j];
    }
    return noise;
  }

  const Engine& engine_;
  std::vector<CovarianceFactor> noise_;
  std::vector<double> difference_;
};

std::vector<std::vector<double>> observed_values(const MixedAnswer& mixed) {
  std::vector<std::vector<double>> values(mixed.graph.variable_count());
  for (VariableId v = 0; v < values.size(); ++v) {
    const auto own = std::span(mixed.parts.observed)
                         .subspan(mixed.parts.scalar_of[v], mixed.graph.variable(v).dimension);
    values[v].assign(own.begin(), own.end());
  }
  return values;
}

}  // namespace

void add_gaussian_marginals(MixedAnswer& mixed, Result& result) {
  const std::vector<std::size_t> part_of_variable = parts_of_variables(mixed);
  std::vector<std::vector<Wanted>> wanted(mixed.parts.parts.size());
  result.gaussian_marginals.resize(mixed.graph.variable_count());
  for (const VariableId v : wanted_variables(mixed.graph, mixed.query)) {
    if (!mixed.graph.variable(v).is_continuous()) continue;
    GaussianMarginal& marginal = result.gaussian_marginals[v];
    marginal.scope = {v};
    wanted[part_of_variable[v]].push_back({marginal.scope, &marginal});
  }
  result.gaussian_joints.reserve(mixed.query.joints.size());
  for (const Scope& scope : mixed.query.joints) {
    if (!is_continuous(mixed.graph, scope)) continue;
    result.gaussian_joints.push_back({scope, {}, {}, {}});
    wanted[part_of(part_of_variable, scope)].push_back({scope, &result.gaussian_joints.back()});
  }
  for (std::size_t p = 0; p < wanted.size(); ++p) answer_part(mixed, p, wanted[p]);
}

void add_modes(MixedAnswer& mixed, Result& result) {
  for (Assignment& assignment : result.assignments) {
    assignment.values = observed_values(mixed);
    for (Part& part : mixed.parts.parts) {
      if (!part.engine) continue;
      prepare(mixed, part, assignment.states, false);
      for (const VariableId v : part.variables) {
        const auto own = std::as_const(*part.engine)
                             .point()
                             .subspan(mixed.parts.scalar_of[v], assignment.values[v].size());
        assignment.values[v].assign(own.begin(), own.end());
      }
    }
  }
}

void add_sample_values(MixedAnswer& mixed, std::uint64_t seed, Result& result) {
  result.sample_values.assign(result.samples.size(), observed_values(mixed));
  for (std::size_t p = 0; p < mixed.parts.parts.size(); ++p) {
    Part& part = mixed.parts.parts[p];
    if (!part.engine) continue;
    // One elimination for every joint state that was drawn.
    std::map<std::vector<std::size_t>, std::vector<std::size_t>> drawn;
    for (std::size_t i = 0; i < result.samples.size(); ++i) {
      std::vector<std::size_t> key;
      for (const VariableId v : part.discrete) key.push_back(result.samples.state(i, v));
      drawn[key].push_back(i);
    }
    std::mt19937_64 random(seed + 0x9e3779b97f4a7c15U * (p + 1));
    for (const auto& [key, members] : drawn) {
      prepare(mixed, part, result.samples[members.front()], false);
      Sampler sampler(*part.engine);
      for (const std::size_t i : members) {
        mixed.monitor.check("draw", 0.5);
        const std::vector<double>& difference = sampler.draw(random);
        for (const VariableId v : part.variables) {
          std::vector<double>& value = result.sample_values[i][v];
          for (std::size_t k = 0; k < value.size(); ++k) {
            const std::size_t scalar = mixed.parts.scalar_of[v] + k;
            value[k] = std::as_const(*part.engine).point()[scalar] + difference[scalar];
          }
        }
      }
    }
  }
}

}  // namespace credo::gaussian
