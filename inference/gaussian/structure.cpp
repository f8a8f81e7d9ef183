// Fronts of the block Cholesky factorisation.
//
// Variables are eliminated in an order that keeps sum (front size)^3 small. The front of v holds v
// and its separator: the later variables that share a factor with v or come up from the fronts
// below. Its parent is the front of the first variable of the separator (the elimination tree;
// Liu, The role of elimination trees in sparse factorization, 1990), so that a separator lies
// within the parent's front, and its positions there increase.
// Cost: sorting the separators; nothing here depends on numbers.

#include <credo/inference/elimination_order.hpp>
#include <credo/inference/gaussian/structure.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace credo::gaussian {

namespace {

class Builder {
 public:
  Builder(const Skeleton& skeleton, const StructureRequest& request)
      : skeleton_(skeleton), request_(request), rank_(skeleton.variable_count(), kObserved) {
    structure_.scalar_of.assign(skeleton.variable_count(), 0);
    for (VariableId v = 0; v < skeleton.variable_count(); ++v) {
      structure_.scalar_of[v] = structure_.scalar_count;
      structure_.scalar_count += dimension(v);
    }
  }

  Structure build(const PlanOptions& options, const std::function<bool()>& keep_going) {
    if (!order_variables(options, keep_going)) return {};
    place_factors();
    add_joints();
    find_separators();
    for (std::uint32_t f = 0; f < structure_.fronts.size(); ++f) lay_out(f);
    describe_plan();
    structure_.front_of = rank_;
    return std::move(structure_);
  }

 private:
  [[nodiscard]] std::uint32_t dimension(VariableId v) const { return skeleton_.dimension(v); }

  bool order_variables(const PlanOptions& options, const std::function<bool()>& keep_going) {
    std::vector<char> wanted(skeleton_.variable_count(), 0);
    for (const VariableId v : request_.variables) wanted[v] = 1;
    std::vector<VariableId> given;
    for (const VariableId v : options.order) {
      if (v >= wanted.size() || wanted[v] != 1) continue;
      given.push_back(v);
      wanted[v] = 2;  // once
    }
    Plan& plan = structure_.plan;
    if (given.size() == request_.variables.size()) {
      plan.order = std::move(given);
      plan.method = "given";
      plan.orders_tried = 1;
    } else if (!search(options, wanted, std::move(given), keep_going)) {
      return false;
    }
    const auto count = static_cast<std::uint32_t>(plan.order.size());
    structure_.fronts.resize(count);
    separators_.resize(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      rank_[plan.order[i]] = i;
      structure_.fronts[i].variable = plan.order[i];
      structure_.fronts[i].size = dimension(plan.order[i]);
    }
    return true;
  }

  bool search(const PlanOptions& options, const std::vector<char>& wanted,
              std::vector<VariableId> given, const std::function<bool()>& keep_going) {
    OrderProblem problem;
    problem.cubic = true;
    problem.variables = request_.variables;
    problem.group.assign(skeleton_.variable_count(), 0);
    problem.scopes = request_.joints;
    problem.given = std::move(given);
    for (VariableId v = 0; v < skeleton_.variable_count(); ++v) {
      problem.log2_cardinality.push_back(dimension(v));
    }
    for (GaussianFactorId g = 0; g < skeleton_.factor_count(); ++g) {
      Scope scope;
      for (const VariableId v : skeleton_.scope(g)) {
        if (wanted[v]) scope.push_back(v);
      }
      if (scope.size() > 1) problem.scopes.push_back(std::move(scope));
    }
    OrderCandidate found = search_order(problem, options, keep_going);
    if (found.order.size() != request_.variables.size()) return false;
    Plan& plan = structure_.plan;
    plan.order = std::move(found.order);
    plan.method = found.method;
    plan.orders_tried = found.orders_tried;
    plan.seconds = found.seconds;
    return true;
  }

  [[nodiscard]] std::uint32_t first_rank(std::span<const VariableId> scope) const {
    std::uint32_t first = kObserved;
    for (const VariableId v : scope) first = std::min(first, rank_[v]);
    return first;
  }

  /// A front must hold the variables of a scope that are not observed.
  void add_scope(std::uint32_t front, std::span<const VariableId> scope) {
    for (const VariableId v : scope) {
      if (rank_[v] != kObserved && rank_[v] != front) separators_[front].push_back(rank_[v]);
    }
  }

  /// Sorts the factors by front, by counting.
  void place_factors() {
    std::vector<Front>& fronts = structure_.fronts;
    std::vector<std::uint32_t> front_of_factor(skeleton_.factor_count());
    for (GaussianFactorId g = 0; g < skeleton_.factor_count(); ++g) {
      const std::uint32_t front = front_of_factor[g] = first_rank(skeleton_.scope(g));
      if (front == kObserved) continue;
      ++fronts[front].factors_end;
      add_scope(front, skeleton_.scope(g));
    }
    std::uint32_t placed = 0;
    for (Front& front : fronts) {
      const std::uint32_t count = front.factors_end;
      front.factors_begin = front.factors_end = placed;
      placed += count;
    }
    structure_.factors.resize(placed);
    for (GaussianFactorId g = 0; g < skeleton_.factor_count(); ++g) {
      if (front_of_factor[g] == kObserved) continue;
      structure_.factors[fronts[front_of_factor[g]].factors_end++].factor = g;
    }
  }

  void add_joints() {
    for (const Scope& scope : request_.joints) {
      if (!scope.empty()) add_scope(first_rank(scope), scope);
    }
  }

  void find_separators() {
    for (std::uint32_t f = 0; f < separators_.size(); ++f) {
      auto& separator = separators_[f];
      std::ranges::sort(separator);
      const auto repeated = std::ranges::unique(separator);
      separator.erase(repeated.begin(), repeated.end());
      Front& front = structure_.fronts[f];
      front.parent = separator.empty() ? f : separator.front();
      for (const std::uint32_t later : separator) {
        front.separator += structure_.fronts[later].size;
        if (later != front.parent) separators_[front.parent].push_back(later);
      }
    }
  }

  void append_scalars(VariableId v) {
    for (std::uint32_t i = 0; i < dimension(v); ++i) {
      structure_.scalars.push_back(structure_.scalar_of[v] + i);
    }
  }

  /// Where the scalars of a later variable stand in a front.
  [[nodiscard]] std::uint32_t position(std::uint32_t front, std::uint32_t later) const {
    std::uint32_t at = structure_.fronts[front].size;
    if (later == front) return 0;
    for (const std::uint32_t other : separators_[front]) {
      if (other == later) break;
      at += structure_.fronts[other].size;
    }
    return at;
  }

  void append_positions(std::uint32_t first, std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      structure_.positions.push_back(first == kObserved ? kObserved : first + i);
    }
  }

  void lay_out(std::uint32_t f) {
    Front& front = structure_.fronts[f];
    front.scalars = static_cast<std::uint32_t>(structure_.scalars.size());
    append_scalars(front.variable);
    for (const std::uint32_t later : separators_[f]) {
      append_scalars(structure_.fronts[later].variable);
    }
    front.positions = static_cast<std::uint32_t>(structure_.positions.size());
    for (const std::uint32_t later : separators_[f]) {
      append_positions(position(front.parent, later), structure_.fronts[later].size);
    }
    const std::uint64_t order = front.order();
    front.square = structure_.square_size;
    front.gain = structure_.gain_size;
    front.core = structure_.core_size;
    structure_.square_size += order * order;
    structure_.gain_size += std::uint64_t{front.size} * front.separator;
    structure_.core_size += std::uint64_t{front.size} * front.size;
    for (std::uint32_t i = front.factors_begin; i < front.factors_end; ++i) {
      BoundFactor& factor = structure_.factors[i];
      factor.scalars = static_cast<std::uint32_t>(structure_.scalars.size());
      factor.positions = static_cast<std::uint32_t>(structure_.positions.size());
      for (const VariableId v : skeleton_.scope(factor.factor)) {
        factor.dimension += dimension(v);
        append_scalars(v);
        append_positions(rank_[v] == kObserved ? kObserved : position(f, rank_[v]), dimension(v));
      }
      lay_out_entries(factor, order);
    }
  }

  void lay_out_entries(BoundFactor& factor, std::uint64_t order) {
    entries_.clear();
    const std::uint32_t* at = &structure_.positions[factor.positions];
    for (std::uint32_t i = 0; i < factor.dimension; ++i) {
      for (std::uint32_t j = 0; j <= i && at[i] != kObserved; ++j) {
        if (at[j] == kObserved) continue;
        entries_.push_back({std::uint64_t{i} * factor.dimension + j,
                            std::max(at[i], at[j]) * order + std::min(at[i], at[j])});
      }
    }
    // Among the last kinds of factors there is often one that stands alike.
    for (const auto& [begin, end] : recent_entries_) {
      if (!std::equal(entries_.begin(), entries_.end(), structure_.entries.begin() + begin,
                      structure_.entries.begin() + end)) {
        continue;
      }
      factor.entries_begin = begin;
      factor.entries_end = end;
      return;
    }
    factor.entries_begin = static_cast<std::uint32_t>(structure_.entries.size());
    structure_.entries.insert(structure_.entries.end(), entries_.begin(), entries_.end());
    factor.entries_end = static_cast<std::uint32_t>(structure_.entries.size());
    recent_entries_[next_recent_++ % recent_entries_.size()] = {factor.entries_begin,
                                                                factor.entries_end};
  }

  void describe_plan() {
    Plan& plan = structure_.plan;
    for (std::uint32_t f = 0; f < structure_.fronts.size(); ++f) {
      const double order = structure_.fronts[f].order();
      plan.operations += 3.0 * order * order * order;
      if (structure_.fronts[f].order() > plan.widest_front) {
        plan.widest_front = structure_.fronts[f].order();
        plan.widest_step = f;
      }
    }
    plan.peak_bytes = static_cast<double>(structure_.square_size + structure_.gain_size +
                                          structure_.core_size + 4 * structure_.scalar_count) *
                      sizeof(double);
    if (request_.describe) describe_steps();
  }

  void describe_steps() {
    Plan& plan = structure_.plan;
    plan.steps.resize(structure_.fronts.size());
    for (std::uint32_t f = 0; f < structure_.fronts.size(); ++f) {
      const Front& front = structure_.fronts[f];
      PlanStep& step = plan.steps[f];
      step.eliminated = {front.variable};
      step.scope = {front.variable};
      for (const std::uint32_t later : separators_[f]) {
        step.message.push_back(structure_.fronts[later].variable);
        step.scope.push_back(structure_.fronts[later].variable);
      }
      step.parent = front.parent;
      if (front.parent != f) plan.steps[front.parent].children.push_back(f);
      const double order = front.order();
      step.operations = order * order * order;
    }
  }

  const Skeleton& skeleton_;
  const StructureRequest& request_;
  std::vector<std::uint32_t> rank_;
  std::vector<std::vector<std::uint32_t>> separators_;
  std::vector<AssemblyEntry> entries_;  ///< of one factor
  std::array<std::pair<std::uint32_t, std::uint32_t>, 8> recent_entries_{};
  std::size_t next_recent_ = 0;
  Structure structure_;
};

}  // namespace

Skeleton::Skeleton(const FactorGraph& graph) {
  dimension_.reserve(graph.variable_count());
  for (const Variable& v : graph.variables()) add_variable(v.dimension);
  end_.reserve(graph.gaussian_factors().size());
  for (const GaussianFactor& factor : graph.gaussian_factors()) add_factor(factor.continuous);
}

VariableId Skeleton::add_variable(std::size_t dimension) {
  dimension_.push_back(static_cast<std::uint32_t>(dimension));
  return static_cast<VariableId>(dimension_.size() - 1);
}

void Skeleton::add_factor(std::span<const VariableId> continuous) {
  scopes_.insert(scopes_.end(), continuous.begin(), continuous.end());
  end_.push_back(static_cast<std::uint32_t>(scopes_.size()));
}

Structure build_structure(const Skeleton& skeleton, const StructureRequest& request,
                          const PlanOptions& options, const std::function<bool()>& keep_going) {
  return Builder(skeleton, request).build(options, keep_going);
}

}  // namespace credo::gaussian
