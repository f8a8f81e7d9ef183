// A partially observed process over T steps as an influence diagram, solved as one.
//
// Hidden states and observations are chance nodes, clamped to their conditionals; a_t is a decision
// that sees what the memory holds. With full memory the diagram is soluble and one sweep finds the
// optimum over histories; the belief p(s_t | history) is the average that the sweep takes over what
// a decision does not see. A window forgets, decisions then need each other, and ascent is left.
// Cost: full memory (observations x actions)^(T-1) x states; a window T x observations^window.

#include <credo/core/error.hpp>
#include <credo/models/control/partial_observability.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace credo::control {

namespace {

std::string at(const char* letter, std::size_t t) { return fmt::format("{}_{}", letter, t); }

class Unrolling {
 public:
  Unrolling(const Pomdp& pomdp, const PartialObservabilityOptions& options)
      : d_(pomdp.description()),
        options_(options),
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
  return Unrolling(pomdp, options).run();
}

PartialObservabilityResult solve_partially_observed(const Pomdp& pomdp,
                                                    const PartialObservabilityOptions& options) {
  PartialObservabilityResult result;
  result.diagram = unroll(pomdp, options);
  decision::SolveOptions solve_options = options.solve;
  const double discount = options.discount.value_or(pomdp.description().discount);
  if (solve_options.entropy_weights.empty() && discount < 1.0) {
    for (std::size_t t = 0; t < options.horizon; ++t) {
      solve_options.entropy_weights.push_back(std::pow(discount, static_cast<double>(t)));
    }
  }
  result.solution = decision::solve(result.diagram, solve_options);
  if (options.naive_posterior) {
    result.naive = decision::naive_posterior(result.diagram, options.solve.temperature);
  }
  return result;
}

}  // namespace credo::control
