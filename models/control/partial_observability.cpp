// A partially observed process over T steps as an influence diagram, solved as one.
//
// Hidden states and observations are chance nodes, clamped to their conditionals; a_t is a decision
// that sees what the memory holds. With full memory the diagram is soluble and one sweep finds the
// optimum over histories; the belief p(s_t | history) is the average that the sweep takes over what
// a decision does not see. A window forgets, decisions then need each other, and ascent is left.
// Cost: full memory (observations x actions)^(T-1) x states; a window T x observations^window.

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/contraction/monitor.hpp>
#include <credo/models/control/partial_observability.hpp>
#include <credo/models/control/trajectory_building.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace credo::control {

namespace {

std::string at(const char* letter, std::size_t t) { return fmt::format("{}_{}", letter, t); }

/// Joint states of what a_t sees: histories, windows of observations, or states.
double situations(const PomdpDescription& d, const PartialObservabilityOptions& options,
                  std::size_t t) {
  const auto observations = static_cast<double>(d.observations);
  // The first observation is one only where the process has it.
  const bool none_first = d.first_observation.empty();
  if (options.memory == Memory::state) return static_cast<double>(d.states);
  if (options.memory == Memory::full) {
    return (none_first ? 1.0 : observations) *
           std::pow(static_cast<double>(d.actions) * observations, static_cast<double>(t - 1));
  }
  const std::size_t seen = std::min(options.window, none_first ? t - 1 : t);
  return std::pow(observations, static_cast<double>(seen));
}

/// What the rules of so many decisions take, with the variables and factors around them.
class SizePrediction {
 public:
  SizePrediction(const Pomdp& pomdp, const PartialObservabilityOptions& options)
      : d_(pomdp.description()), options_(options) {}

  /// Bytes of all decisions; stops adding once it is over the limit. Cost: the logarithm of the
  /// limit, or the window.
  [[nodiscard]] double bytes(double limit) const {
    double total = 0.0;
    double last = 0.0;
    for (std::size_t t = 1; t <= options_.horizon && total <= limit; ++t) {
      const double here = situations(d_, options_, t);
      // Numbers of situations grow until the memory is full, and then stay.
      if (t > 1 && here == last) {
        return total + static_cast<double>(options_.horizon - t + 1) * bytes_of(here);
      }
      total += bytes_of(here);
      last = here;
    }
    return total;
  }

  /// The most decisions that fit; counted as bytes() counts.
  [[nodiscard]] std::size_t largest_horizon(double limit) const {
    std::size_t t = 0;
    double total = 0.0;
    while (t < options_.horizon && total + bytes_of(situations(d_, options_, t + 1)) <= limit) {
      total += bytes_of(situations(d_, options_, ++t));
      if (t > 1 && situations(d_, options_, t) == situations(d_, options_, t - 1)) {
        const double rest = (limit - total) / bytes_of(situations(d_, options_, t));
        return t + static_cast<std::size_t>(std::min(rest, 1e15));
      }
    }
    return t;
  }

 private:
  /// Measured: per entry of a rule its scores, messages and tables, per situation the states that
  /// are averaged over, twice; and the diagram's variables, factors and arcs.
  [[nodiscard]] double bytes_of(double situations) const {
    constexpr double kPerEntry = 64.0;
    constexpr double kPerState = 16.0;
    constexpr double kPerStep = 24e3;
    const double own =
        kPerEntry * static_cast<double>(d_.actions) + kPerState * static_cast<double>(d_.states);
    return kPerStep + situations * own;
  }

  const PomdpDescription& d_;
  const PartialObservabilityOptions& options_;
};

/// Why it would be too large, by counts alone; "" when it is not.
std::string why_too_large(const Pomdp& pomdp, const PartialObservabilityOptions& options) {
  const double limit = largest_usable_bytes(options.solve.variational.memory_limit_bytes);
  const SizePrediction prediction(pomdp, options);
  const double bytes = prediction.bytes(limit);
  if (bytes <= limit) return "";
  const char* const what = options.memory == Memory::full     ? "histories"
                           : options.memory == Memory::window ? "windows of observations"
                                                              : "states";
  const std::size_t fits = prediction.largest_horizon(limit);
  return fmt::format(
      "{} decisions tell {:.3g} {} apart at the last one and need more than {}, the limit is {}; "
      "{}",
      options.horizon, situations(pomdp.description(), options, options.horizon), what,
      describe_bytes(std::min(bytes, limit)), describe_bytes(limit),
      fits == 0 ? "not even one decision fits" : fmt::format("a horizon of {} would fit", fits));
}

class Unrolling {
 public:
  Unrolling(const Pomdp& pomdp, const PartialObservabilityOptions& options,
            contraction::Monitor& monitor)
      : d_(pomdp.description()),
        options_(options),
        monitor_(monitor),
        on_next_(pomdp.reward_depends_on_next()),
        transition_(Table::dense({d_.states, d_.actions, d_.states}, d_.transition).sparsified()),
        observation_(Table::dense({d_.actions, d_.states, d_.observations}, d_.observation)) {}

  decision::InfluenceDiagram run() && {
    const std::size_t horizon = options_.horizon;
    diagram_.name = d_.name;
    diagram_.add_chance({at("s", 1), d_.states, d_.state_names}, {},
                        Table::dense({d_.states}, d_.initial));
    if (!d_.first_observation.empty()) {
      diagram_.add_chance({at("o", 1), d_.observations, d_.observation_names}, {at("s", 1)},
                          Table::dense({d_.states, d_.observations}, d_.first_observation));
    }
    double scale = 1.0;
    const bool last_state = on_next_ || !d_.final_reward.empty();
    for (std::size_t t = 1; t <= horizon; ++t) {
      monitor_.check("unroll", static_cast<double>(t) / static_cast<double>(horizon));
      diagram_.add_decision({at("a", t), d_.actions, d_.action_names}, seen(t));
      if (t < horizon || last_state) add_next_state(t);
      if (t < horizon) add_observation(t + 1);
      add_reward(t, scale);
      scale *= options_.discount.value_or(d_.discount);
    }
    if (!d_.final_reward.empty()) {
      diagram_.add_utility(at("r", horizon + 1), {at("s", horizon + 1)},
                           scaled(d_.final_reward, scale));
    }
    return std::move(diagram_);
  }

 private:
  static std::vector<double> scaled(std::vector<double> values, double scale) {
    for (double& v : values) v *= scale;
    return values;
  }

  [[nodiscard]] std::vector<std::string> seen(std::size_t t) const {
    if (options_.memory == Memory::state) return {at("s", t)};
    const bool full = options_.memory == Memory::full;
    const std::size_t first_seen = d_.first_observation.empty() ? 2 : 1;
    const std::size_t window = full ? t : std::min(options_.window, t);
    std::vector<std::string> result;
    for (std::size_t k = t + 1 - window; k <= t; ++k) {
      if (full && k > 1) result.push_back(at("a", k - 1));
      if (k >= first_seen) result.push_back(at("o", k));
    }
    return result;
  }

  void add_next_state(std::size_t t) {
    diagram_.add_chance({at("s", t + 1), d_.states, d_.state_names}, {at("s", t), at("a", t)},
                        transition_);
  }

  void add_observation(std::size_t t) {
    diagram_.add_chance({at("o", t), d_.observations, d_.observation_names},
                        {at("a", t - 1), at("s", t)}, observation_);
  }

  void add_reward(std::size_t t, double scale) {
    std::vector<std::string> parents = {at("s", t), at("a", t)};
    if (on_next_) parents.push_back(at("s", t + 1));
    diagram_.add_utility(at("r", t), parents, scaled(d_.reward, scale));
  }

  const PomdpDescription& d_;
  const PartialObservabilityOptions& options_;
  contraction::Monitor& monitor_;
  bool on_next_;
  Table transition_;
  Table observation_;
  decision::InfluenceDiagram diagram_;
};

}  // namespace

void PartialObservabilityOptions::validate() const {
  if (horizon == 0) throw OptionError("horizon 0, expected at least 1");
  if (discount && !(*discount > 0.0 && *discount <= 1.0)) {
    throw OptionError(fmt::format("discount {}, expected a number in (0, 1]", *discount));
  }
  if (naive_posterior && !(solve.temperature > 0.0)) {
    throw OptionError(fmt::format("naive_posterior at temperature {}, expected a number above 0",
                                  solve.temperature));
  }
}

decision::InfluenceDiagram unroll(const Pomdp& pomdp, const PartialObservabilityOptions& options) {
  options.validate();
  if (const std::string why = why_too_large(pomdp, options); !why.empty()) {
    throw OptionError("unroll: " + why);
  }
  const InferOptions no_limits;
  contraction::Monitor monitor(no_limits);
  return Unrolling(pomdp, options, monitor).run();
}

namespace {

/// Unrolls and solves within the limits; throws contraction::Stopped while unrolling.
void solve_within(const Pomdp& pomdp, const PartialObservabilityOptions& options,
                  contraction::Monitor& monitor, PartialObservabilityResult& result) {
  result.diagram = Unrolling(pomdp, options, monitor).run();
  decision::SolveOptions solve_options = options.solve;
  const double discount = options.discount.value_or(pomdp.description().discount);
  if (solve_options.entropy_weights.empty() && discount < 1.0 && solve_options.temperature > 0.0) {
    // Weights are above 0, however far away.
    constexpr double kSmallest = 1e-300;
    for (std::size_t t = 0; t < options.horizon; ++t) {
      solve_options.entropy_weights.push_back(
          std::max(kSmallest, std::pow(discount, static_cast<double>(t))));
    }
  }
  const auto remaining = [&] {
    return std::max(0.0, options.solve.variational.time_limit_seconds - monitor.elapsed_seconds());
  };
  solve_options.variational.time_limit_seconds = remaining();
  result.solution = decision::solve(result.diagram, solve_options);
  if (!options.naive_posterior) return;
  InferOptions limits = contraction::limits_of(options.solve.variational);
  limits.time_limit_seconds = remaining();
  result.naive = decision::naive_posterior(result.diagram, options.solve.temperature, limits);
}

}  // namespace

PartialObservabilityResult solve_partially_observed(const Pomdp& pomdp,
                                                    const PartialObservabilityOptions& options) {
  options.validate();
  PartialObservabilityResult result;
  result.solution.message = why_too_large(pomdp, options);
  if (!result.solution.message.empty()) {
    result.solution.status = Status::refused;
    return result;
  }
  const InferOptions limits = contraction::limits_of(options.solve.variational);
  contraction::Monitor monitor(limits);
  try {
    solve_within(pomdp, options, monitor, result);
  } catch (const contraction::Stopped& stopped) {
    result.diagram = {};
    result.solution.status = stopped.status;
    result.solution.message = contraction::stop_message(stopped.status, limits.time_limit_seconds);
  }
  return result;
}

}  // namespace credo::control
