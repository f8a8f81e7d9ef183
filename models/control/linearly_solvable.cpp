#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/linearly_solvable_parts.hpp>
#include <credo/models/control/trajectory_building.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

// The problem, checked, and its two readings as graphs. With transitions free over the base measure
// p0, E_q of minus the cost plus the relative entropy is the bound on log Z of p0 exp(-c), and it
// is tight: nothing is clamped, so there is no gap. Todorov 2009, PNAS 106(28), equations 3 to 6.

namespace credo::control {
namespace {

constexpr double kSumTolerance = 1e-9;

[[noreturn]] void fail(const std::string& what) { throw ModelError("LinearlySolvable: " + what); }

void check_length(const std::vector<double>& values, std::size_t states, std::string_view what) {
  if (values.size() != states) {
    fail(fmt::format("{} has {} entries, expected {}", what, values.size(), states));
  }
}

void check_costs(const std::vector<double>& costs, std::size_t states, std::string_view what) {
  check_length(costs, states, what);
  for (std::size_t s = 0; s < states; ++s) {
    if (!std::isfinite(costs[s])) {
      fail(fmt::format("{} of state {} is {}, expected a finite number", what, s, costs[s]));
    }
  }
}

void check_initial(const std::vector<double>& initial, std::size_t states) {
  check_length(initial, states, "initial distribution");
  double sum = 0.0;
  for (std::size_t s = 0; s < states; ++s) {
    if (!(initial[s] >= 0.0)) {
      fail(fmt::format("initial probability of state {} is {}, expected a number in [0, 1]", s,
                       initial[s]));
    }
    sum += initial[s];
  }
  if (!(std::fabs(sum - 1.0) <= kSumTolerance)) {
    fail(fmt::format("initial distribution sums to {}, expected 1", sum));
  }
}

void check_lines(const LinearlySolvableDescription& d) {
  for (std::size_t i = 0; i < d.passive.size(); ++i) {
    const ChainEntry& line = d.passive[i];
    if (line.state >= d.states || line.next >= d.states) {
      fail(fmt::format("passive line {} [{}, {}, {}]: state {} out of range, expected 0 to {}", i,
                       line.state, line.next, line.weight,
                       line.state >= d.states ? line.state : line.next, d.states - 1));
    }
    if (!(line.weight >= 0.0 && line.weight <= 1.0 + kSumTolerance)) {
      fail(fmt::format("passive line {} [{}, {}, {}]: expected a probability in [0, 1]", i,
                       line.state, line.next, line.weight));
    }
  }
}

/// States that are not terminal, equally.
std::vector<double> uniform_start(const std::vector<char>& terminal) {
  std::vector<double> initial;
  for (const char t : terminal) initial.push_back(t != 0 ? 0.0 : 1.0);
  if (normalize(initial) == 0.0) {
    initial.assign(terminal.size(), 1.0 / static_cast<double>(terminal.size()));
  }
  return initial;
}

/// The factor p(s_1) of every chain.
constexpr FactorId kStart = 0;

StateChain start_chain(const LinearlySolvable& problem, std::size_t horizon,
                       contraction::Monitor& monitor) {
  if (horizon == 0) throw OptionError("horizon 0, expected at least 1 step");
  if (const double bytes = predicted_chain_bytes(problem, horizon);
      bytes > largest_usable_bytes(kInfinity)) {
    throw OptionError(
        fmt::format("horizon {}: the chain of as many steps needs {}, more than a process can "
                    "address; expected a smaller horizon",
                    horizon, describe_bytes(bytes)));
  }
  StateChain chain;
  for (std::size_t t = 1; t <= horizon + 1; ++t) {
    monitor.check("build", static_cast<double>(t) / static_cast<double>(horizon));
    chain.states.push_back(chain.graph.add_variable(fmt::format("s_{}", t), problem.state_count()));
  }
  chain.graph.add_conditional(
      {chain.states[0]}, chain.states[0],
      Table::dense({problem.state_count()}, {problem.initial().begin(), problem.initial().end()}));
  return chain;
}

/// exp(-cost) over the states.
template <typename Cost>
Table cost_table(const LinearlySolvable& problem, const Cost& cost) {
  std::vector<double> log_values;
  for (std::size_t s = 0; s < problem.state_count(); ++s) log_values.push_back(-cost(s));
  return Table::dense({problem.state_count()}, std::move(log_values), Domain::log);
}

void add_final_cost(const LinearlySolvable& problem, StateChain& chain) {
  chain.graph.add_factor({chain.states.back()}, cost_table(problem, [&problem](std::size_t s) {
                           return problem.final_cost(s);
                         }));
}

/// value(p0(s' | s), s) over (s, s').
template <typename Value>
Table transition_table(const LinearlySolvable& problem, Domain domain, const Value& value) {
  const std::size_t states = problem.state_count();
  std::vector<SparseEntry> entries;
  entries.reserve(problem.entry_count());
  for (std::size_t s = 0; s < states; ++s) {
    for (const ChainEntry& e : problem.passive(s)) {
      entries.push_back({s * states + e.next, value(e.weight, s)});
    }
  }
  return Table::sparse({states, states}, std::move(entries), domain);
}

}  // namespace

LinearlySolvable::LinearlySolvable(LinearlySolvableDescription description)
    : description_(std::move(description)) {
  LinearlySolvableDescription& d = description_;
  if (d.states == 0) fail("got 0 states, expected at least 1");
  terminal_.assign(d.states, 0);
  for (const std::size_t s : d.terminal) {
    if (s >= d.states) {
      fail(fmt::format("terminal state {} out of range, expected 0 to {}", s, d.states - 1));
    }
    terminal_[s] = 1;
  }
  if (d.final_cost.empty()) d.final_cost.assign(d.states, 0.0);
  if (d.initial.empty()) d.initial = uniform_start(terminal_);
  check_costs(d.final_cost, d.states, "final cost");
  check_length(d.state_cost, d.states, "state cost");
  for (std::size_t s = 0; s < d.states; ++s) {
    if (terminal_[s] != 0) d.state_cost[s] = 0.0;
  }
  check_costs(d.state_cost, d.states, "state cost");
  check_initial(d.initial, d.states);
  if (!d.state_names.empty() && d.state_names.size() != d.states) {
    fail(fmt::format("got {} state names, expected {} or none", d.state_names.size(), d.states));
  }
  check_lines(d);
  store_rows();
}

void LinearlySolvable::store_rows() {
  LinearlySolvableDescription& d = description_;
  std::erase_if(d.passive,
                [this](const ChainEntry& e) { return e.weight == 0.0 || is_terminal(e.state); });
  for (std::size_t s = 0; s < d.states; ++s) {
    if (is_terminal(s)) d.passive.push_back({s, s, 1.0});
  }
  std::sort(d.passive.begin(), d.passive.end(), [](const ChainEntry& a, const ChainEntry& b) {
    return std::tie(a.state, a.next, a.weight) < std::tie(b.state, b.next, b.weight);
  });
  std::vector<ChainEntry> merged;
  for (const ChainEntry& e : d.passive) {
    if (!merged.empty() && merged.back().state == e.state && merged.back().next == e.next) {
      merged.back().weight += e.weight;
    } else {
      merged.push_back(e);
    }
  }
  d.passive = std::move(merged);
  row_begin_.assign(d.states + 1, 0);
  for (const ChainEntry& e : d.passive) ++row_begin_[e.state + 1];
  for (std::size_t s = 0; s < d.states; ++s) {
    row_begin_[s + 1] += row_begin_[s];
    const std::span row =
        std::span(d.passive).subspan(row_begin_[s], row_begin_[s + 1] - row_begin_[s]);
    double sum = 0.0;
    for (const ChainEntry& e : row) sum += e.weight;
    if (!(std::fabs(sum - 1.0) <= kSumTolerance)) {
      fail(fmt::format("passive probabilities of state {} sum to {}, expected 1", s, sum));
    }
    for (ChainEntry& e : row) e.weight /= sum;
  }
}

std::string LinearlySolvable::state_name(std::size_t state) const {
  require_state(state);
  return description_.state_names.empty() ? std::to_string(state) : description_.state_names[state];
}

StateChain make_passive_chain(const LinearlySolvable& problem, std::size_t horizon) {
  const InferOptions no_limits;
  contraction::Monitor monitor(no_limits);
  return make_passive_chain(problem, horizon, monitor);
}

double predicted_chain_bytes(const LinearlySolvable& problem, std::size_t horizon) noexcept {
  // Measured: a variable, its factor, its name and its part of the plan; messages both of the
  // engine and of the answer.
  constexpr double kPerStep = 3500.0;
  constexpr double kCopies = 3.0;
  return (static_cast<double>(horizon) + 1.0) *
         (kPerStep + kCopies * sizeof(double) * static_cast<double>(problem.state_count()));
}

StateChain make_passive_chain(const LinearlySolvable& problem, std::size_t horizon,
                              contraction::Monitor& monitor) {
  StateChain chain = start_chain(problem, horizon, monitor);
  // Not two factors: the message that eliminates s_{t+1} is then z_t itself.
  const Table step = transition_table(problem, Domain::log, [&problem](double p, std::size_t s) {
    return std::log(p) - problem.state_cost(s);
  });
  for (std::size_t t = 0; t < horizon; ++t) {
    monitor.check("build", 1.0);
    chain.graph.add_factor({chain.states[t], chain.states[t + 1]}, step);
  }
  add_final_cost(problem, chain);
  return chain;
}

StateChain make_cost_chain(const LinearlySolvable& problem, std::size_t horizon) {
  const InferOptions no_limits;
  contraction::Monitor monitor(no_limits);
  StateChain chain = start_chain(problem, horizon, monitor);
  const Table cost =
      cost_table(problem, [&problem](std::size_t s) { return problem.state_cost(s); });
  for (std::size_t t = 0; t < horizon; ++t) chain.graph.add_factor({chain.states[t]}, cost);
  add_final_cost(problem, chain);
  return chain;
}

Family controlled_family(const LinearlySolvable& problem, const StateChain& chain) {
  Family family(chain.graph);
  family.clamp(kStart);
  const Table base =
      transition_table(problem, Domain::linear, [](double p, std::size_t) { return p; });
  for (std::size_t t = 0; t + 1 < chain.states.size(); ++t) {
    family.free(chain.states[t + 1], {chain.states[t]}, 1.0, base);
  }
  return family;
}

}  // namespace credo::control
