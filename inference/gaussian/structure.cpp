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
#include <utility>

namespace credo::gaussian {

namespace {

class Builder {
 public:
  Builder(const FactorGraph& graph, const StructureRequest& request)
      : graph_(graph), request_(request), rank_(graph.variable_count(), kObserved) {
    structure_.scalar_of.assign(graph.variable_count(), 0);
    for (VariableId v = 0; v < graph.variable_count(); ++v) {
      structure_.scalar_of[v] = structure_.scalar_count;
      structure_.scalar_count += dimension(v);
    }
  }

  Structure build(const PlanOptions& options, const std::function<bool()>& keep_going) {
    std::vector<char> wanted(graph_.variable_count(), 0);
    for (const VariableId v : request_.variables) wanted[v] = 1;
    if (!search(options, wanted, keep_going)) return {};
    place_factors(wanted);
    find_separators();
    for (std::uint32_t f = 0; f < structure_.fronts.size(); ++f) lay_out(f);
    describe_plan();
    structure_.front_of = rank_;
    return std::move(structure_);
  }

 private:
  [[nodiscard]] std::uint32_t dimension(VariableId v) const {
    return static_cast<std::uint32_t>(graph_.variable(v).dimension);
  }

  bool search(const PlanOptions& options, const std::vector<char>& wanted,
              const std::function<bool()>& keep_going) {
    OrderProblem problem;
    problem.cubic = true;
    problem.variables = request_.variables;
    problem.group.assign(graph_.variable_count(), 0);
    problem.scopes = request_.joints;
    for (const Variable& v : graph_.variables()) {
      problem.log2_cardinality.push_back(static_cast<double>(v.dimension));
    }
    for (const GaussianFactor& factor : graph_.gaussian_factors()) {
      Scope scope;
      for (const VariableId v : factor.continuous) {
        if (wanted[v]) scope.push_back(v);
      }
      if (scope.size() > 1) problem.scopes.push_back(std::move(scope));
    }
    for (const VariableId v : options.order) {
      if (v < wanted.size() && wanted[v]) problem.given.push_back(v);
    }
    const OrderCandidate found = search_order(problem, options, keep_going);
    if (found.order.size() != request_.variables.size()) return false;
    Plan& plan = structure_.plan;
    plan.order = found.order;
    plan.method = found.method;
    plan.orders_tried = found.orders_tried;
    plan.seconds = found.seconds;
    for (std::uint32_t i = 0; i < found.order.size(); ++i) rank_[found.order[i]] = i;
    structure_.fronts.resize(found.order.size());
    for (std::uint32_t i = 0; i < found.order.size(); ++i) {
      structure_.fronts[i].variable = found.order[i];
      structure_.fronts[i].size = dimension(found.order[i]);
    }
    separators_.resize(found.order.size());
    return true;
  }

  [[nodiscard]] std::uint32_t first_rank(const Scope& scope) const {
    std::uint32_t first = kObserved;
    for (const VariableId v : scope) first = std::min(first, rank_[v]);
    return first;
  }

  /// Sorts the factors by front, and gives every front the scopes it must hold.
  void place_factors(const std::vector<char>& wanted) {
    std::vector<std::pair<std::uint32_t, GaussianFactorId>> placed;
    const auto add_scope = [&](std::uint32_t front, const Scope& scope) {
      for (const VariableId v : scope) {
        if (wanted[v] && rank_[v] != front) separators_[front].push_back(rank_[v]);
      }
    };
    for (GaussianFactorId g = 0; g < graph_.gaussian_factors().size(); ++g) {
      const Scope& scope = graph_.gaussian_factor(g).continuous;
      const std::uint32_t front = first_rank(scope);
      if (front == kObserved) continue;
      placed.emplace_back(front, g);
      add_scope(front, scope);
    }
    for (const Scope& scope : request_.joints) {
      if (!scope.empty()) add_scope(first_rank(scope), scope);
    }
    std::ranges::sort(placed);
    for (const auto& [front, factor] : placed) {
      Front& at = structure_.fronts[front];
      if (at.factors_begin == at.factors_end) {
        at.factors_begin = static_cast<std::uint32_t>(structure_.factors.size());
      }
      structure_.factors.push_back({factor, 0, 0, 0});
      at.factors_end = static_cast<std::uint32_t>(structure_.factors.size());
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
      for (const VariableId v : graph_.gaussian_factor(factor.factor).continuous) {
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
      plan.operations += 3.0 * step.operations;
      if (front.order() > plan.widest_front) {
        plan.widest_front = front.order();
        plan.widest_step = f;
      }
    }
    plan.peak_bytes = static_cast<double>(structure_.square_size + structure_.gain_size +
                                          structure_.core_size + 4 * structure_.scalar_count) *
                      sizeof(double);
  }

  const FactorGraph& graph_;
  const StructureRequest& request_;
  std::vector<std::uint32_t> rank_;
  std::vector<std::vector<std::uint32_t>> separators_;
  std::vector<AssemblyEntry> entries_;  ///< of one factor
  std::array<std::pair<std::uint32_t, std::uint32_t>, 8> recent_entries_{};
  std::size_t next_recent_ = 0;
  Structure structure_;
};

}  // namespace

Structure build_structure(const FactorGraph& graph, const StructureRequest& request,
                          const PlanOptions& options, const std::function<bool()>& keep_going) {
  return Builder(graph, request).build(options, keep_going);
}

}  // namespace credo::gaussian
