// Greedy elimination on a mixed graph.
//
// To eliminate v everything that mentions it goes into one cluster, and with it, for every
// continuous variable of the cluster, the potential that grounds it, and so on through the parents:
// then the cluster is a proper density for every state and mixtures in it have moments. What else
// lies within the cluster is taken in too, and what no other potential mentions is eliminated with
// v, but for discrete variables whose sum would make a mixture that v does not make. The next v is
// the one whose cluster costs least, (joint states) (scalars)^3, a mixture counting eightfold: the
// sum is put off where that costs little, and may turn out to need no collapse.
// Invariant: every potential is used once, and messages are over what the cluster shares with the
// rest, so that the clusters are a clique tree; steps[i].parent > i unless a root.
// Cost: a priority queue over variables; a variable's cost is looked at again when it is first in
// the queue and when a message mentions it. Source: Koller and Friedman, Probabilistic Graphical
// Models, 2009, section 14.3.

#include <credo/inference/gaussian/moment_plan.hpp>
#include <credo/inference/gaussian/structure.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <queue>
#include <tuple>
#include <utility>

namespace credo::gaussian {

namespace {

/// A cluster that costs more is not looked at to its end.
constexpr double kTooCostly = 1e10;
constexpr double kMixture = 8.0;
constexpr std::size_t kStepsPerQuestion = 256;

struct Live {
  Scope discrete;
  Scope continuous;
  bool alive = true;
};

struct Cluster {
  std::vector<std::uint32_t> potentials;
  Scope discrete;
  Scope continuous;
  double operations = 1.0;
};

class Planner {
 public:
  Planner(const FactorGraph& graph, const MomentProblem& problem, MomentPlan& plan)
      : graph_(graph),
        problem_(problem),
        plan_(plan),
        uses_(graph.variable_count()),
        owner_(graph.variable_count(), kNone),
        is_left_(graph.variable_count(), 0),
        key_(graph.variable_count(), kInfinity),
        variable_stamp_(graph.variable_count(), 0) {
    plan_.step_of.assign(graph.variable_count(), kNone);
    for (VariableId v = 0; v < graph.variable_count(); ++v) {
      is_left_[v] = is_unknown(v) ? 1 : 0;
    }
    for (const Potential& potential : problem.potentials) {
      add_live(potential.discrete, potential.continuous, potential.grounds);
    }
  }

  bool run(const PlanOptions& options, const std::function<bool()>& keep_going) {
    for (const VariableId v : options.order) {
      if (v < is_left_.size() && is_left_[v] && !eliminate(v)) return true;
    }
    for (VariableId v = 0; v < is_left_.size(); ++v) {
      if (is_left_[v]) renew(v);
      if (v % kStepsPerQuestion == 0 && !keep_going()) return false;
    }
    while (!queue_.empty()) {
      const auto [key, v] = queue_.top();
      queue_.pop();
      if (!is_left_[v] || key != key_[v]) continue;
      if (const double now = gather(v).operations; now > key) {
        key_[v] = now;
        queue_.emplace(now, v);
        continue;
      }
      if (plan_.steps.size() % kStepsPerQuestion == 0 && !keep_going()) return false;
      if (!eliminate(v)) return true;
    }
    return true;
  }

 private:
  static constexpr std::uint32_t kNone = kObserved;
  using Entry = std::pair<double, VariableId>;

  [[nodiscard]] bool is_unknown(VariableId v) const {
    return graph_.variable(v).is_continuous() ? !problem_.is_observed[v]
                                              : problem_.is_discrete_unknown(v);
  }

  void add_live(const Scope& discrete, const Scope& continuous, const Scope& grounds) {
    const auto id = static_cast<std::uint32_t>(live_.size());
    live_.push_back({discrete, continuous, true});
    potential_stamp_.push_back(0);
    for (const VariableId v : discrete) uses_[v].push_back(id);
    for (const VariableId v : continuous) uses_[v].push_back(id);
    for (const VariableId v : grounds) owner_[v] = id;
  }

  void take(Cluster& cluster, std::uint32_t id) {
    if (potential_stamp_[id] == stamp_) return;
    potential_stamp_[id] = stamp_;
    cluster.potentials.push_back(id);
    for (const VariableId v : live_[id].discrete) include(cluster, v);
    for (const VariableId v : live_[id].continuous) include(cluster, v);
  }

  void include(Cluster& cluster, VariableId v) {
    if (variable_stamp_[v] == stamp_) return;
    variable_stamp_[v] = stamp_;
    if (graph_.variable(v).is_continuous()) {
      cluster.continuous.push_back(v);
      scalars_ += static_cast<double>(graph_.variable(v).dimension);
    } else {
      cluster.discrete.push_back(v);
      states_ *= static_cast<double>(problem_.permitted[v].size());
    }
    cluster.operations = states_ * (1.0 + scalars_ * scalars_ * scalars_);
  }

  /// The cluster of v; infinitely costly, and unfinished, when it costs too much.
  Cluster gather(VariableId v) {
    ++stamp_;
    scalars_ = 0.0;
    states_ = 1.0;
    Cluster cluster;
    include(cluster, v);
    std::erase_if(uses_[v], [this](std::uint32_t id) { return !live_[id].alive; });
    std::size_t next_owner = 0;
    std::size_t next_use = 0;
    while (cluster.operations <= kTooCostly) {
      std::uint32_t next = kNone;
      if (next_use < uses_[v].size()) {
        next = uses_[v][next_use++];
      } else if (next_owner < cluster.continuous.size()) {
        next = owner_[cluster.continuous[next_owner++]];
      }
      if (next != kNone) {
        take(cluster, next);
        continue;
      }
      if (makes_mixture(v, cluster)) cluster.operations *= kMixture;
      return cluster;
    }
    cluster.operations = kInfinity;
    return cluster;
  }

  /// Whether eliminating v sums Gaussians over variables that stay.
  [[nodiscard]] bool makes_mixture(VariableId v, const Cluster& cluster) const {
    return !graph_.variable(v).is_continuous() &&
           !std::ranges::all_of(cluster.continuous, [this](VariableId u) { return is_done(u); });
  }

  /// Takes in what lies within the cluster.
  void absorb(Cluster& cluster) {
    const auto inside = [this](const Scope& scope) {
      return std::ranges::all_of(scope,
                                 [this](VariableId v) { return variable_stamp_[v] == stamp_; });
    };
    const auto absorb_uses = [&](VariableId v) {
      std::erase_if(uses_[v], [this](std::uint32_t id) { return !live_[id].alive; });
      for (const std::uint32_t id : uses_[v]) {
        if (inside(live_[id].continuous) && inside(live_[id].discrete)) take(cluster, id);
      }
    };
    for (const VariableId v : cluster.continuous) absorb_uses(v);
    if (cluster.continuous.empty()) return;
    for (const VariableId v : cluster.discrete) absorb_uses(v);
  }

  [[nodiscard]] bool is_done(VariableId v) const {
    return std::ranges::all_of(uses_[v], [this](std::uint32_t id) {
      return !live_[id].alive || potential_stamp_[id] == stamp_;
    });
  }

  /// False when the cluster costs too much: the plan is refused.
  bool eliminate(VariableId v) {
    Cluster cluster = gather(v);
    if (cluster.operations == kInfinity) {
      refuse(v, cluster);
      return false;
    }
    absorb(cluster);
    const bool sums =
        !graph_.variable(v).is_continuous() ||
        std::ranges::all_of(cluster.continuous, [this](VariableId u) { return is_done(u); });
    const auto done = [this, sums](VariableId u) {
      return is_done(u) && (sums || graph_.variable(u).is_continuous());
    };
    const auto kept_first = [&done](Scope& scope) {
      std::ranges::sort(scope);
      const auto stays = [&done](VariableId u) { return !done(u); };
      Scope ordered;
      std::ranges::copy_if(scope, std::back_inserter(ordered), stays);
      const std::size_t kept = ordered.size();
      std::ranges::copy_if(scope, std::back_inserter(ordered), done);
      scope = std::move(ordered);
      return kept;
    };
    MomentStep step;
    step.kept_discrete = kept_first(cluster.discrete);
    step.kept_continuous = kept_first(cluster.continuous);
    step.discrete = std::move(cluster.discrete);
    step.continuous = std::move(cluster.continuous);
    finish(std::move(step), cluster.potentials);
    return true;
  }

  void finish(MomentStep step, const std::vector<std::uint32_t>& used) {
    const auto index = static_cast<std::uint32_t>(plan_.steps.size());
    step.parent = index;
    for (const std::uint32_t id : used) {
      live_[id].alive = false;
      if (id < problem_.potentials.size()) {
        step.potentials.push_back(id);
        continue;
      }
      const std::uint32_t child = step_of_message_[id - problem_.potentials.size()];
      step.children.push_back(child);
      plan_.steps[child].parent = index;
    }
    std::ranges::sort(step.children);
    sort_potentials(step);
    measure(step, index);
    const auto kept = [](const Scope& scope, std::size_t count) {
      return Scope(scope.begin(), scope.begin() + static_cast<std::ptrdiff_t>(count));
    };
    const Scope discrete = kept(step.discrete, step.kept_discrete);
    const Scope continuous = kept(step.continuous, step.kept_continuous);
    const bool is_root = discrete.empty() && continuous.empty();
    plan_.steps.push_back(std::move(step));
    if (is_root) return;
    step_of_message_.push_back(index);
    add_live(discrete, continuous, continuous);
    for (const VariableId v : discrete) renew(v);
    for (const VariableId v : continuous) renew(v);
  }

  void sort_potentials(MomentStep& step) const {
    const auto order = [this](std::uint32_t id) {
      const Potential& p = problem_.potentials[id];
      // Observations narrow the Gaussian before a quadratic factor may widen it.
      const bool last = p.kind == PotentialKind::quadratic;
      return std::tuple(p.grounds.empty() ? kNone : p.rank, last, id);
    };
    std::ranges::sort(step.potentials, {}, order);
  }

  void measure(MomentStep& step, std::uint32_t index) {
    for (std::size_t i = 0; i < step.discrete.size(); ++i) {
      const std::size_t count = problem_.permitted[step.discrete[i]].size();
      step.states *= count;
      if (i < step.kept_discrete) step.kept_states *= count;
      if (i >= step.kept_discrete) settle(step.discrete[i], index);
    }
    for (std::size_t i = 0; i < step.continuous.size(); ++i) {
      const auto count = static_cast<std::uint32_t>(graph_.variable(step.continuous[i]).dimension);
      step.dimension += count;
      if (i < step.kept_continuous) step.kept_dimension += count;
      if (i >= step.kept_continuous) settle(step.continuous[i], index);
    }
  }

  void settle(VariableId v, std::uint32_t step) {
    is_left_[v] = 0;
    plan_.step_of[v] = step;
    plan_.plan.order.push_back(v);
  }

  void renew(VariableId v) {
    key_[v] = gather(v).operations;
    queue_.emplace(key_[v], v);
  }

  void refuse(VariableId v, const Cluster& cluster) {
    std::string names;
    for (std::size_t i = 0; i < cluster.discrete.size() && i < 6; ++i) {
      names += fmt::format("{}{}", i > 0 ? ", " : "", graph_.variable(cluster.discrete[i]).name);
    }
    plan_.refusal = fmt::format(
        "eliminating {} takes a cluster of more than {:.3g} joint states ({}{}) and {} continuous "
        "variables, above {:.3g} operations",
        graph_.variable(v).name, states_, names, cluster.discrete.size() > 6 ? ", ..." : "",
        cluster.continuous.size(), kTooCostly);
  }

  const FactorGraph& graph_;
  const MomentProblem& problem_;
  MomentPlan& plan_;
  std::vector<Live> live_;
  std::vector<std::uint32_t> step_of_message_;
  std::vector<std::vector<std::uint32_t>> uses_;  ///< per variable; dead ones are dropped late
  std::vector<std::uint32_t> owner_;
  std::vector<char> is_left_;
  std::vector<double> key_;
  std::vector<std::uint32_t> variable_stamp_;
  std::vector<std::uint32_t> potential_stamp_;
  std::uint32_t stamp_ = 0;
  double scalars_ = 0.0;
  double states_ = 1.0;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue_;
};

}  // namespace

MomentPlan make_moment_plan(const FactorGraph& graph, const MomentProblem& problem,
                            std::size_t joints, const InferOptions& options,
                            const std::function<bool()>& keep_going) {
  MomentPlan result;
  result.plan.method = options.plan.order.empty() ? "greedy" : "given";
  if (!Planner(graph, problem, result).run(options.plan, keep_going)) return result;
  const auto none = static_cast<std::uint32_t>(result.steps.size());
  for (std::uint32_t& step : result.step_of) step = std::min(step, none);
  result.joint_step.assign(joints, none);
  for (std::uint32_t s = 0; s < none; ++s) {
    for (const std::uint32_t id : result.steps[s].potentials) {
      const Potential& potential = problem.potentials[id];
      if (potential.kind == PotentialKind::scope) result.joint_step[potential.source] = s;
    }
  }
  predict(result, options);
  return result;
}

}  // namespace credo::gaussian
