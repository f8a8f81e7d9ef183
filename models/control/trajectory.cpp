#include <credo/core/error.hpp>
#include <credo/core/names.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/merged_outcome.hpp>
#include <credo/models/control/trajectory_building.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

// Computes the factors of
//   p(s_1) prod_t p(a_t | s_t) p(s_{t+1} | s_t, a_t) p(o_t | s_t, a_t, s_{t+1}),
//   p(o_t = 1 | ...) = exp(r / alpha)
// (Levine 2018, arXiv:1805.00909, section 2.2; there alpha = 1 and the reward is on (s, a)).
// Outcomes of (s, a) that lead to one state with several rewards r_i, and the sink of a discount,
// are summed out exactly: p(o = 1 | s, a, s') = sum_i p_i exp(r_i / alpha) / sum_i p_i. Their mean
// reward would be another model (Jensen). One table each, shared by all t.

namespace credo::control {
namespace {

constexpr std::array<std::string_view, 3> kPriorNames = {"uniform", "counting", "given"};
constexpr double kPriorTolerance = 1e-9;
/// The phase that observers are told.
constexpr std::string_view kBuilding = "build";

void check_given_prior(const Mdp& mdp, const std::vector<double>& prior) {
  const std::size_t actions = mdp.action_count();
  if (prior.size() != mdp.state_count() * actions) {
    throw OptionError(fmt::format("action_prior has {} entries, expected states x actions = {}",
                                  prior.size(), mdp.state_count() * actions));
  }
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    double sum = 0.0;
    for (std::size_t a = 0; a < actions; ++a) {
      const double p = prior[s * actions + a];
      if (!(p >= 0.0) || (p > 0.0 && !mdp.is_available(s, a))) {
        throw OptionError(fmt::format(
            "action_prior of action {} in state {} is {}, expected a probability, 0 when the "
            "action is not available",
            mdp.action_name(a), mdp.state_name(s), p));
      }
      sum += p;
    }
    if (!mdp.is_terminal(s) && !(std::fabs(sum - 1.0) <= kPriorTolerance)) {
      throw OptionError(
          fmt::format("action_prior of state {} sums to {}, expected 1", mdp.state_name(s), sum));
    }
  }
}

/// p(a | s), states of the graph x actions.
std::vector<double> prior_table(const Mdp& mdp, const TrajectoryOptions& options,
                                std::size_t graph_states) {
  const std::size_t actions = mdp.action_count();
  const bool count = options.prior == ActionPrior::counting && options.count_after_end;
  std::vector<double> table(graph_states * actions,
                            count ? 1.0 : 1.0 / static_cast<double>(actions));
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    if (mdp.is_terminal(s)) continue;
    double available = 0.0;
    for (std::size_t a = 0; a < actions; ++a) available += mdp.is_available(s, a) ? 1.0 : 0.0;
    const double each = options.prior == ActionPrior::uniform ? 1.0 / available : 1.0;
    for (std::size_t a = 0; a < actions; ++a) {
      const std::size_t i = s * actions + a;
      table[i] = options.prior == ActionPrior::given ? options.action_prior[i]
                 : mdp.is_available(s, a)            ? each
                                                     : 0.0;
    }
  }
  return table;
}

/// The columns of one row (s, a) of the transition, in order.
struct Column {
  std::size_t next;
  MergedOutcome merged;
};

std::vector<Column> make_columns(std::span<const Outcome> outcomes, const Trajectory& trajectory,
                                 double discount) {
  const std::size_t sink = trajectory.state_count - 1;
  std::vector<Column> columns;
  for (std::size_t begin = 0; begin < outcomes.size();) {
    std::size_t end = begin;
    while (end < outcomes.size() && outcomes[end].next == outcomes[begin].next) ++end;
    MergedOutcome merged = merge_outcomes(outcomes.subspan(begin, end - begin),
                                          trajectory.temperature, trajectory.rho);
    merged.probability *= discount;
    columns.push_back({outcomes[begin].next, merged});
    begin = end;
  }
  if (discount < 1.0 && !outcomes.empty()) {
    MergedOutcome merged = merge_outcomes(outcomes, trajectory.temperature, trajectory.rho);
    merged.probability = 1.0 - discount;
    columns.push_back({sink, merged});
  }
  return columns;
}

void fill_dynamics(const Mdp& mdp, double discount, Trajectory& trajectory,
                   contraction::Monitor& monitor) {
  const std::size_t states = trajectory.state_count;
  const std::size_t actions = trajectory.action_count;
  std::vector<SparseEntry> entries;
  const auto add = [&](std::size_t s, std::size_t a, const Column& column) {
    entries.push_back({(s * actions + a) * states + column.next, column.merged.probability});
    trajectory.log_optimality.push_back(column.merged.log_optimality);
    trajectory.believed_reward.push_back(column.merged.believed_reward);
  };
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    monitor.check(kBuilding, 0.0);
    for (std::size_t a = 0; a < actions; ++a) {
      for (const Column& column : make_columns(mdp.outcomes(s, a), trajectory, discount)) {
        add(s, a, column);
      }
    }
  }
  if (trajectory.has_sink) {
    for (std::size_t a = 0; a < actions; ++a) add(states - 1, a, {states - 1, {1.0, 0.0, 0.0}});
  }
  trajectory.transition = Table::sparse({states, actions, states}, std::move(entries));
}

/// log(1 - exp(x)) for x < 0, without cancellation (Maechler 2012).
double log_complement(double x) {
  return x > -0.693 ? std::log(-std::expm1(x)) : std::log1p(-std::exp(x));
}

/// p(o | s, a, s') over (o, s, a, s'), or p(o | s, a) over (o, s, a); natural logarithms. The rows
/// of o = 0 exist when every reward is <= 0, because only then p(o = 0) = 1 - exp(r / alpha) >= 0.
Table optimality_table(const Trajectory& trajectory, bool negative) {
  const std::size_t states = trajectory.state_count;
  const std::size_t actions = trajectory.action_count;
  const Table::Rows rows = trajectory.transition.rows();
  const std::uint64_t columns = trajectory.reward_on_pair ? 1 : states;
  const std::uint64_t optimal = states * actions * columns;
  std::vector<SparseEntry> entries;
  for (std::size_t row = 0; row < rows.index.size(); ++row) {
    for (std::size_t k = rows.begin[row]; k < rows.begin[row + 1]; ++k) {
      const std::uint64_t index =
          rows.index[row] * columns + (trajectory.reward_on_pair ? 0 : rows.column[k]);
      const double log_one = trajectory.log_optimality[k];
      entries.push_back({optimal + index, log_one});
      if (negative && log_one < 0.0) entries.push_back({index, log_complement(log_one)});
      if (trajectory.reward_on_pair) break;
    }
  }
  std::vector<std::size_t> shape = {2, states, actions};
  if (!trajectory.reward_on_pair) shape.push_back(states);
  return Table::sparse(std::move(shape), std::move(entries), Domain::log);
}

/// The share of the steps that are there.
double share(std::size_t t, std::size_t horizon) {
  return static_cast<double>(t) / static_cast<double>(horizon);
}

void add_variables(Trajectory& trajectory, std::size_t horizon, contraction::Monitor& monitor) {
  for (std::size_t t = 1; t <= horizon; ++t) {
    monitor.check(kBuilding, 0.5 * share(t, horizon));
    trajectory.states.push_back(
        trajectory.graph.add_variable(fmt::format("s_{}", t), trajectory.state_count));
    trajectory.actions.push_back(
        trajectory.graph.add_variable(fmt::format("a_{}", t), trajectory.action_count));
    trajectory.optimality.push_back(trajectory.graph.add_variable(fmt::format("o_{}", t), 2));
    trajectory.evidence.observe(trajectory.optimality.back(), 1);
  }
  trajectory.states.push_back(
      trajectory.graph.add_variable(fmt::format("s_{}", horizon + 1), trajectory.state_count));
  for (std::size_t t = horizon; t-- > 0;) {
    trajectory.backward_order.push_back(trajectory.states[t + 1]);
    trajectory.backward_order.push_back(trajectory.actions[t]);
  }
  trajectory.backward_order.push_back(trajectory.states[0]);
}

/// The factors of every step, marked as conditionals where they are.
void add_steps(Trajectory& trajectory, const Table& prior, const Table& optimality,
               const std::vector<bool>& conditional, contraction::Monitor& monitor) {
  const auto add = [&trajectory](bool mark, Scope scope, VariableId child, const Table& table) {
    if (mark) {
      trajectory.graph.add_conditional(std::move(scope), child, table);
    } else {
      trajectory.graph.add_factor(std::move(scope), table);
    }
  };
  for (std::size_t t = 0; t < trajectory.actions.size(); ++t) {
    monitor.check(kBuilding, 0.5 + 0.5 * share(t, trajectory.actions.size()));
    const VariableId s = trajectory.states[t];
    const VariableId a = trajectory.actions[t];
    const VariableId next = trajectory.states[t + 1];
    const VariableId o = trajectory.optimality[t];
    add(conditional[0], {s, a}, a, prior);
    add(conditional[1], {s, a, next}, next, trajectory.transition);
    add(conditional[2], trajectory.reward_on_pair ? Scope{o, s, a} : Scope{o, s, a, next}, o,
        optimality);
  }
}

void add_final_factor(const Mdp& mdp, const TrajectoryOptions& options, Trajectory& trajectory) {
  std::vector<double> log_factor = options.log_final_factor;
  if (log_factor.empty() && !mdp.final_reward().empty()) {
    for (const double r : mdp.final_reward()) log_factor.push_back(r / options.temperature);
    log_factor.resize(trajectory.state_count, 0.0);
  }
  if (log_factor.empty()) return;
  trajectory.graph.add_factor({trajectory.states.back()},
                              Table::dense({trajectory.state_count}, log_factor, Domain::log));
  trajectory.log_final_factor = std::move(log_factor);
}

/// A bound on |log p(o_{1:T} = 1 given a trajectory)|.
double largest_log_weight(const Mdp& mdp, const TrajectoryOptions& options) {
  double largest = 0.0;
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    for (std::size_t a = 0; a < mdp.action_count(); ++a) {
      for (const Outcome& o : mdp.outcomes(s, a)) largest = std::max(largest, std::fabs(o.reward));
    }
  }
  double last = 0.0;
  for (const double r : mdp.final_reward()) last = std::max(last, std::fabs(r));
  return static_cast<double>(options.horizon) * (largest / options.temperature) +
         last / options.temperature;
}

}  // namespace

std::string_view action_prior_name(ActionPrior prior) noexcept {
  return kPriorNames[static_cast<std::size_t>(prior)];
}

ActionPrior require_action_prior(std::string_view name) {
  for (std::size_t i = 0; i < kPriorNames.size(); ++i) {
    if (kPriorNames[i] == name) return static_cast<ActionPrior>(i);
  }
  const std::vector<std::string> names(kPriorNames.begin(), kPriorNames.end());
  throw OptionError(fmt::format("unknown action prior '{}'{}; there are {}", name,
                                did_you_mean(name, names), fmt::join(names, ", ")));
}

void TrajectoryOptions::validate(const Mdp& mdp) const {
  if (mdp.state_count() == 0) {
    throw ModelError("Mdp without states, expected one that was made and not moved from");
  }
  if (horizon == 0) throw OptionError("horizon 0, expected at least 1 decision");
  if (!(temperature > 0.0 && std::isfinite(temperature))) {
    throw OptionError(fmt::format("temperature {}, expected a finite number above 0", temperature));
  }
  if (std::isnan(rho)) throw OptionError("rho is not a number");
  if (!(discount > 0.0 && discount <= 1.0)) {
    throw OptionError(fmt::format("discount {}, expected a number in (0, 1]", discount));
  }
  if (!std::isfinite(largest_log_weight(mdp, *this))) {
    throw OptionError(fmt::format(
        "temperature {}: sums of reward / temperature over {} steps exceed the range of a double; "
        "scale the rewards or raise the temperature",
        temperature, horizon));
  }
  if (prior == ActionPrior::given) check_given_prior(mdp, action_prior);
  const std::size_t graph_states = mdp.state_count() + (discount < 1.0 ? 1 : 0);
  if (!log_final_factor.empty() && log_final_factor.size() != graph_states) {
    throw OptionError(fmt::format("log_final_factor has {} entries, expected {} or none",
                                  log_final_factor.size(), graph_states));
  }
}

double predicted_table_bytes(const Mdp& mdp) noexcept {
  // Entries as a list and as a sparse table, twice (dynamics and optimality), their logarithms and
  // rewards, and the slice's own copy; pairs have priors, scores and places of rows.
  constexpr double kPerOutcome = 200.0;
  constexpr double kPerPair = 130.0;
  return kPerOutcome * static_cast<double>(mdp.outcome_count()) +
         kPerPair * static_cast<double>(mdp.state_count()) *
             static_cast<double>(mdp.action_count());
}

double largest_usable_bytes(double memory_limit_bytes) noexcept {
  constexpr double kAddressable = 0x1p47;
  return std::min(memory_limit_bytes, kAddressable);
}

double predicted_graph_bytes(std::size_t horizon) noexcept {
  // Measured: three variables with their names, three factors, the evidence, the reduced model and
  // the plan of eliminating them.
  constexpr double kPerStep = 9000.0;
  return kPerStep * static_cast<double>(horizon);
}

Trajectory make_trajectory(const Mdp& mdp, const TrajectoryOptions& options) {
  const InferOptions no_limits;
  contraction::Monitor monitor(no_limits);
  return make_trajectory(mdp, options, monitor);
}

Trajectory make_trajectory(const Mdp& mdp, const TrajectoryOptions& options,
                           contraction::Monitor& monitor) {
  options.validate(mdp);
  if (const double bytes = predicted_graph_bytes(options.horizon);
      bytes > largest_usable_bytes(kInfinity)) {
    throw OptionError(fmt::format(
        "horizon {}: the graph of as many decisions needs {}, more than a process can address; "
        "expected a smaller horizon",
        options.horizon, describe_bytes(bytes)));
  }
  Trajectory trajectory;
  trajectory.has_sink = options.discount < 1.0;
  trajectory.state_count = mdp.state_count() + (trajectory.has_sink ? 1 : 0);
  trajectory.action_count = mdp.action_count();
  trajectory.temperature = options.temperature;
  trajectory.rho = options.rho;
  trajectory.reward_on_pair = !mdp.reward_depends_on_outcome();
  fill_dynamics(mdp, options.discount, trajectory, monitor);

  const std::vector<double> prior = prior_table(mdp, options, trajectory.state_count);
  for (const double p : prior) trajectory.log_prior.push_back(std::log(p));
  const bool negative = mdp.largest_reward() <= 0.0;
  const bool complete =
      trajectory.transition.rows().index.size() == trajectory.state_count * trajectory.action_count;
  std::vector<double> initial(mdp.initial().begin(), mdp.initial().end());
  initial.resize(trajectory.state_count, 0.0);

  trajectory.graph.name = mdp.name();
  add_variables(trajectory, options.horizon, monitor);
  const VariableId first = trajectory.states[0];
  trajectory.graph.add_conditional({first}, first,
                                   Table::dense({trajectory.state_count}, std::move(initial)));
  add_steps(trajectory, Table::dense({trajectory.state_count, trajectory.action_count}, prior),
            optimality_table(trajectory, negative),
            {options.prior != ActionPrior::counting, complete,
             trajectory.reward_on_pair && complete && negative},
            monitor);
  add_final_factor(mdp, options, trajectory);
  return trajectory;
}

}  // namespace credo::control
