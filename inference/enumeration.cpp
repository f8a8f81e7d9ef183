// Computes, for the joint states x that the evidence permits, the list
//   w(x) = sum_f log f(x_f) + sum_v log likelihood_v(x_v)      (natural logarithms)
// and answers every task from it: log Z = log sum_x exp w(x), marginals are sums of
// exp(w(x) - log Z), MAP is the largest w, marginal MAP the largest log-sum within a group,
// samples invert the cumulative sum, and
//   d log Z / d f(x_f) = sum over x that extend x_f of exp(w(x) - log f(x_f) - log Z),
// where the product of the *other* factors is formed without dividing, so that it is right for
// entries that are zero.
// Invariant: nothing of the contraction engine is used here. Cost: states x factors in time,
// 8 bytes per state.

#include <credo/core/numerics.hpp>
#include <credo/inference/driver.hpp>
#include <credo/inference/enumeration.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <random>
#include <utility>

namespace credo {

namespace {

/// States of each variable that the evidence permits (likelihoods permit all).
std::vector<std::vector<std::size_t>> permitted_states(const FactorGraph& graph,
                                                       const Evidence& evidence) {
  std::vector<std::vector<std::size_t>> permitted;
  permitted.reserve(graph.variable_count());
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    const Finding* finding = evidence.find(v);
    if (finding != nullptr && finding->kind == FindingKind::hard) {
      permitted.push_back({finding->state});
    } else if (finding != nullptr && finding->kind == FindingKind::allowed) {
      permitted.push_back(finding->allowed);
    } else {
      permitted.emplace_back(graph.cardinality(v));
      std::iota(permitted.back().begin(), permitted.back().end(), std::size_t{0});
    }
  }
  return permitted;
}

std::uint64_t joint_count(const std::vector<std::vector<std::size_t>>& permitted) {
  std::vector<std::size_t> extents;
  extents.reserve(permitted.size());
  for (const auto& states : permitted) extents.push_back(states.size());
  return saturating_product(extents);
}

/// Row-major cells of a table over a scope.
std::vector<std::size_t> shape_of(const FactorGraph& graph, const Scope& scope) {
  std::vector<std::size_t> shape;
  for (const VariableId v : scope) shape.push_back(graph.cardinality(v));
  return shape;
}

/// Row-major indices of the entries a sparse table stores, in its order.
std::vector<std::uint64_t> stored_cells(const Table& table) {
  const Table::Rows rows = table.rows();
  const std::uint64_t width = table.rank() == 0 ? 1 : table.shape().back();
  std::vector<std::uint64_t> cells;
  for (std::size_t r = 0; r < rows.index.size(); ++r) {
    for (std::uint64_t i = rows.begin[r]; i < rows.begin[r + 1]; ++i) {
      cells.push_back(rows.index[r] * width + rows.column[i]);
    }
  }
  return cells;
}

std::uint64_t cell_of(const FactorGraph& graph, const Scope& scope,
                      const std::vector<std::size_t>& states) {
  std::uint64_t cell = 0;
  for (const VariableId v : scope) cell = cell * graph.cardinality(v) + states[v];
  return cell;
}

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The states, their weights, and the sums every task is made of.
class Enumeration {
 public:
  Enumeration(const FactorGraph& graph, const Evidence& evidence, const Query& query,
              const InferOptions& options)
      : graph_(graph),
        evidence_(evidence),
        query_(query),
        options_(options),
        permitted_(permitted_states(graph, evidence)),
        count_(joint_count(permitted_)) {
    for (const Factor& factor : graph.factors()) {
      std::vector<double>& logs = log_values_.emplace_back();
      if (factor.table.is_sparse()) continue;
      for (const double value : factor.table.values()) {
        logs.push_back(factor.table.domain() == Domain::linear ? std::log(value) : value);
      }
    }
  }

  Result run();

 private:
  /// Calls visit(index, states) for every permitted joint state, in row-major
  /// order. Returns false when time or the observer stopped it.
  template <typename Visit>
  bool for_each_state(Visit&& visit);
  bool may_continue(std::uint64_t done);

  [[nodiscard]] double log_factor(FactorId f, const std::vector<std::size_t>& states) const;
  [[nodiscard]] double log_evidence(const std::vector<std::size_t>& states) const;

  bool weigh();
  bool answer_marginals(Result& result);
  bool answer_map(Result& result);
  bool answer_marginal_map(Result& result);
  bool answer_samples(Result& result);
  bool answer_sensitivity(Result& result);
  bool answer(Result& result);

  bool sum_over(const std::vector<Scope>& scopes, std::vector<std::vector<double>>& sums);
  void add_derivatives(const std::vector<std::size_t>& states,
                       std::vector<std::vector<CompensatedSum>>& cells) const;
  [[nodiscard]] std::vector<std::size_t> states_of(std::uint64_t index) const;
  [[nodiscard]] Table belief_like(const Factor& factor, const std::vector<double>& dense) const;

  const FactorGraph& graph_;
  const Evidence& evidence_;
  const Query& query_;
  const InferOptions& options_;
  std::vector<std::vector<std::size_t>> permitted_;
  std::uint64_t count_;
  std::vector<std::vector<double>> log_values_;
  std::vector<double> log_weights_;
  double log_z_ = kNaN;
  Clock::time_point start_ = Clock::now();
  Status stopped_ = Status::ok;
};

bool Enumeration::may_continue(std::uint64_t done) {
  const double elapsed = seconds_since(start_);
  if (elapsed >= options_.time_limit_seconds) {
    stopped_ = Status::deadline;
  } else if (options_.observer) {
    const double fraction = static_cast<double>(done) / static_cast<double>(count_);
    if (!options_.observer({"enumerate", fraction, elapsed})) stopped_ = Status::cancelled;
  }
  return stopped_ == Status::ok;
}

template <typename Visit>
bool Enumeration::for_each_state(Visit&& visit) {
  constexpr std::uint64_t kStatesPerCheck = 1 << 14;
  std::vector<std::size_t> position(permitted_.size(), 0);
  std::vector<std::size_t> states;
  states.reserve(permitted_.size());
  for (const auto& of_variable : permitted_) states.push_back(of_variable.front());
  for (std::uint64_t index = 0; index < count_; ++index) {
    if (index % kStatesPerCheck == 0 && !may_continue(index)) return false;
    visit(index, std::as_const(states));
    for (std::size_t v = permitted_.size(); v-- > 0;) {
      position[v] = position[v] + 1 < permitted_[v].size() ? position[v] + 1 : 0;
      states[v] = permitted_[v][position[v]];
      if (position[v] != 0) break;
    }
  }
  return true;
}

std::vector<std::size_t> Enumeration::states_of(std::uint64_t index) const {
  std::vector<std::size_t> states(permitted_.size());
  for (std::size_t v = permitted_.size(); v-- > 0;) {
    states[v] = permitted_[v][index % permitted_[v].size()];
    index /= permitted_[v].size();
  }
  return states;
}

double Enumeration::log_factor(FactorId f, const std::vector<std::size_t>& states) const {
  const Factor& factor = graph_.factor(f);
  const std::uint64_t cell = cell_of(graph_, factor.scope, states);
  return factor.table.is_sparse() ? factor.table.log_at(cell) : log_values_[f][cell];
}

double Enumeration::log_evidence(const std::vector<std::size_t>& states) const {
  CompensatedSum sum;
  for (const auto& [v, finding] : evidence_.findings()) {
    if (finding.kind == FindingKind::likelihood) sum.add(std::log(finding.likelihood[states[v]]));
  }
  return sum.value();
}

bool Enumeration::weigh() {
  log_weights_.resize(count_);
  const bool finished =
      for_each_state([this](std::uint64_t index, const std::vector<std::size_t>& states) {
        CompensatedSum weight;
        weight.add(log_evidence(states));
        for (FactorId f = 0; f < graph_.factor_count(); ++f) weight.add(log_factor(f, states));
        log_weights_[index] = weight.value();
      });
  if (!finished) return false;
  const double largest = *std::ranges::max_element(log_weights_);
  if (largest == -kInfinity) {
    log_z_ = -kInfinity;
    return true;
  }
  CompensatedSum sum;
  for (const double weight : log_weights_) sum.add(std::exp(weight - largest));
  log_z_ = largest + std::log(sum.value());
  return true;
}

/// sums[i][cell] = sum of p(x) over the states x that fall in the cell of scope i.
bool Enumeration::sum_over(const std::vector<Scope>& scopes,
                           std::vector<std::vector<double>>& sums) {
  std::vector<std::vector<CompensatedSum>> cells;
  for (const Scope& scope : scopes) cells.emplace_back(saturating_product(shape_of(graph_, scope)));
  const bool finished =
      for_each_state([&](std::uint64_t index, const std::vector<std::size_t>& states) {
        const double probability = std::exp(log_weights_[index] - log_z_);
        if (probability == 0.0) return;
        for (std::size_t i = 0; i < scopes.size(); ++i) {
          cells[i][cell_of(graph_, scopes[i], states)].add(probability);
        }
      });
  for (const std::vector<CompensatedSum>& of_scope : cells) {
    std::vector<double>& values = sums.emplace_back();
    for (const CompensatedSum& cell : of_scope) values.push_back(cell.value());
    normalize(values);
  }
  return finished;
}

/// The belief over a factor's scope, stored as the factor stores its table.
Table Enumeration::belief_like(const Factor& factor, const std::vector<double>& dense) const {
  if (!factor.table.is_sparse()) return Table::dense(shape_of(graph_, factor.scope), dense);
  std::vector<SparseEntry> entries;
  for (const std::uint64_t cell : stored_cells(factor.table))
    entries.push_back({cell, dense[cell]});
  return Table::sparse(shape_of(graph_, factor.scope), std::move(entries));
}

bool Enumeration::answer_marginals(Result& result) {
  std::vector<VariableId> singles = query_.targets;
  if (singles.empty() && query_.joints.empty() && !query_.factor_marginals) {
    singles.resize(graph_.variable_count());
    std::iota(singles.begin(), singles.end(), VariableId{0});
  }
  std::vector<Scope> scopes;
  for (const VariableId v : singles) scopes.push_back({v});
  scopes.insert(scopes.end(), query_.joints.begin(), query_.joints.end());
  if (query_.factor_marginals) {
    for (const Factor& factor : graph_.factors()) scopes.push_back(factor.scope);
  }
  std::vector<std::vector<double>> sums;
  if (!sum_over(scopes, sums)) return false;
  std::size_t next = 0;
  result.marginals.resize(graph_.variable_count());
  for (const VariableId v : singles) result.marginals[v] = sums[next++];
  for (const Scope& scope : query_.joints) {
    result.joints.push_back({scope, Table::dense(shape_of(graph_, scope), sums[next++])});
  }
  if (query_.factor_marginals) {
    for (const Factor& factor : graph_.factors()) {
      result.factor_marginals.push_back({factor.scope, belief_like(factor, sums[next++])});
    }
  }
  return true;
}

bool Enumeration::answer_map(Result& result) {
  std::vector<std::uint64_t> order;
  for (std::uint64_t i = 0; i < count_; ++i) {
    if (log_weights_[i] > -kInfinity) order.push_back(i);
  }
  const std::size_t wanted = std::min<std::size_t>(query_.k_best, order.size());
  std::ranges::partial_sort(
      order, order.begin() + static_cast<std::ptrdiff_t>(wanted),
      [this](std::uint64_t a, std::uint64_t b) {
        return log_weights_[a] != log_weights_[b] ? log_weights_[a] > log_weights_[b] : a < b;
      });
  for (std::size_t i = 0; i < wanted; ++i) {
    result.assignments.push_back({states_of(order[i]), log_weights_[order[i]]});
  }
  return true;
}

bool Enumeration::answer_marginal_map(Result& result) {
  std::vector<double> largest(saturating_product(shape_of(graph_, query_.targets)), -kInfinity);
  const auto fold = [&](auto&& into_cell) {
    return for_each_state([&](std::uint64_t index, const std::vector<std::size_t>& states) {
      into_cell(cell_of(graph_, query_.targets, states), log_weights_[index]);
    });
  };
  if (!fold([&](std::uint64_t cell, double w) { largest[cell] = std::max(largest[cell], w); })) {
    return false;
  }
  std::vector<CompensatedSum> sums(largest.size());
  if (!fold([&](std::uint64_t cell, double w) {
        if (w > -kInfinity) sums[cell].add(std::exp(w - largest[cell]));
      })) {
    return false;
  }
  std::uint64_t best = 0;
  double best_value = -kInfinity;
  for (std::uint64_t cell = 0; cell < largest.size(); ++cell) {
    if (largest[cell] == -kInfinity) continue;
    const double value = largest[cell] + std::log(sums[cell].value());
    if (value > best_value) std::tie(best, best_value) = std::pair(cell, value);
  }
  Assignment assignment{std::vector<std::size_t>(graph_.variable_count(), 0), best_value};
  for (std::size_t i = query_.targets.size(); i-- > 0;) {
    const VariableId v = query_.targets[i];
    assignment.states[v] = best % graph_.cardinality(v);
    best /= graph_.cardinality(v);
  }
  result.assignments.push_back(std::move(assignment));
  return true;
}

bool Enumeration::answer_samples(Result& result) {
  std::vector<double> cumulative(count_);
  CompensatedSum sum;
  std::uint64_t last_possible = 0;
  for (std::uint64_t i = 0; i < count_; ++i) {
    const double probability = std::exp(log_weights_[i] - log_z_);
    if (probability > 0.0) last_possible = i;
    sum.add(probability);
    cumulative[i] = sum.value();
  }
  std::mt19937_64 generator(query_.seed);
  for (std::size_t n = 0; n < query_.sample_count; ++n) {
    // 53 random bits: a double in [0, 1), the same on every platform.
    const double u = static_cast<double>(generator() >> 11) * 0x1p-53 * sum.value();
    const auto at = std::ranges::upper_bound(cumulative, u);
    const auto index = static_cast<std::uint64_t>(at - cumulative.begin());
    result.samples.push_back(states_of(std::min(index, last_possible)));
  }
  return true;
}

/// Adds one joint state's share to the derivative of every factor: the product of the others.
void Enumeration::add_derivatives(const std::vector<std::size_t>& states,
                                  std::vector<std::vector<CompensatedSum>>& cells) const {
  std::vector<double> logs(graph_.factor_count());
  CompensatedSum positive;
  positive.add(log_evidence(states));
  std::size_t zeros = 0;
  for (FactorId f = 0; f < graph_.factor_count(); ++f) {
    logs[f] = log_factor(f, states);
    if (logs[f] == -kInfinity) {
      ++zeros;
    } else {
      positive.add(logs[f]);
    }
  }
  if (zeros > 1) return;
  for (FactorId f = 0; f < graph_.factor_count(); ++f) {
    if (zeros == 1 && logs[f] > -kInfinity) continue;
    CompensatedSum others = positive;
    if (zeros == 0) others.add(-logs[f]);
    cells[f][cell_of(graph_, graph_.factor(f).scope, states)].add(
        std::exp(others.value() - log_z_));
  }
}

bool Enumeration::answer_sensitivity(Result& result) {
  std::vector<std::vector<CompensatedSum>> cells;
  for (const Factor& factor : graph_.factors()) cells.emplace_back(factor.table.size());
  const bool finished = for_each_state([&](std::uint64_t, const std::vector<std::size_t>& states) {
    add_derivatives(states, cells);
  });
  for (FactorId f = 0; f < graph_.factor_count(); ++f) {
    std::vector<double> dense;
    for (const CompensatedSum& cell : cells[f]) dense.push_back(cell.value());
    const Factor& factor = graph_.factor(f);
    std::vector<double>& derivative = result.sensitivity.emplace_back();
    if (!factor.table.is_sparse()) {
      derivative = std::move(dense);
      continue;
    }
    for (const std::uint64_t cell : stored_cells(factor.table)) derivative.push_back(dense[cell]);
  }
  return finished;
}

bool Enumeration::answer(Result& result) {
  switch (query_.task) {
    case Task::log_partition:
      return true;
    case Task::marginals:
      return answer_marginals(result);
    case Task::map:
      return answer_map(result);
    case Task::marginal_map:
      return answer_marginal_map(result);
    case Task::samples:
      return answer_samples(result);
    case Task::sensitivity:
      return answer_sensitivity(result);
  }
  return true;
}

Result Enumeration::run() {
  Result result;
  result.scalar_used = "log-double";
  result.timings.plan_seconds = 0.0;
  bool finished = weigh();
  if (finished && log_z_ == -kInfinity) {
    result.status = Status::impossible_evidence;
    result.log_z = -kInfinity;
  } else {
    finished = finished && answer(result);
    if (finished) {
      result.status = Status::ok;
      result.guarantee = Guarantee::exact;
      result.log_z = log_z_;
    } else {
      result = Result{};
      result.status = stopped_;
    }
  }
  result.timings.infer_seconds = seconds_since(start_);
  return result;
}

}  // namespace

std::string why_not_enumeration(const FactorGraph& graph, const Evidence& evidence,
                                const Query& query, const InferOptions& options) {
  if (query.messages) return "lists joint states and has no messages";
  std::string too_large = why_answer_too_large(graph, query, options);
  if (!too_large.empty()) return too_large;
  const std::uint64_t states = joint_count(permitted_states(graph, evidence));
  if (states > kEnumerationLimit) {
    return fmt::format("would list {:.3g} joint states, at most {} are listed",
                       static_cast<double>(states), kEnumerationLimit);
  }
  std::uint64_t cells = states;
  std::vector<Scope> scopes = query.joints;
  if (query.task == Task::marginal_map) scopes.push_back(query.targets);
  if (query.factor_marginals || query.task == Task::sensitivity) {
    for (const Factor& factor : graph.factors()) scopes.push_back(factor.scope);
  }
  for (const Scope& scope : scopes) {
    const std::uint64_t of_scope = saturating_product(shape_of(graph, scope));
    if (of_scope > kEnumerationLimit) {
      return fmt::format("a joint of {} variables has {:.3g} cells, at most {} are kept",
                         scope.size(), static_cast<double>(of_scope), kEnumerationLimit);
    }
    cells += 3 * of_scope;
  }
  const double bytes = 8.0 * static_cast<double>(cells);
  if (bytes > options.memory_limit_bytes) {
    return fmt::format("needs {:.3g} bytes, the memory limit is {:.3g}", bytes,
                       options.memory_limit_bytes);
  }
  return "";
}

Result run_enumeration(const FactorGraph& graph, const Evidence& evidence, const Query& query,
                       const InferOptions& options) {
  if (std::string reason = why_not_enumeration(graph, evidence, query, options); !reason.empty()) {
    Result refused;
    refused.status = Status::refused;
    refused.message = std::move(reason);
    return refused;
  }
  return Enumeration(graph, evidence, query, options).run();
}

}  // namespace credo
