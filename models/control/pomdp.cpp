#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/conditional_rows.hpp>
#include <credo/models/control/description_error.hpp>
#include <credo/models/control/pomdp.hpp>

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace credo::control {

namespace {

/// Who complains: "pomdp 'tiger'".
std::string who(const PomdpDescription& d) {
  return d.name.empty() ? "pomdp" : fmt::format("pomdp '{}'", d.name);
}

[[noreturn]] void fail(const PomdpDescription& d, std::string_view member,
                       std::optional<std::size_t> element, std::string_view what) {
  throw DescriptionError(std::string(member), element, fmt::format("{}: {}", who(d), what));
}

void require_length(const PomdpDescription& d, std::string_view member, std::string_view shape,
                    std::size_t got, std::size_t expected) {
  if (got == expected) return;
  fail(d, member, std::nullopt,
       fmt::format("{}{}: expected {} entries, got {}", member, shape, expected, got));
}

/// Rows of `width` entries, each a distribution; normalises them. row_name(row) says which it is.
template <typename RowName>
void normalise_rows(const PomdpDescription& d, const char* member, std::vector<double>& values,
                    std::size_t width, const RowName& row_name) {
  for (std::size_t row = 0; row * width < values.size(); ++row) {
    const std::span<double> entries(values.data() + row * width, width);
    try {
      require_distribution(entries, width,
                           [&] { return fmt::format("{}: {}", who(d), row_name(row)); });
    } catch (const ModelError& e) {
      throw DescriptionError(member, row, e.what());
    }
    normalize(entries);
  }
}

void require_finite(const PomdpDescription& d, std::string_view what,
                    std::span<const double> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    fail(d, what, i,
         fmt::format("{}: expected finite numbers, got {} at entry {}", what, values[i], i));
  }
}

void require_lengths(const PomdpDescription& d) {
  if (d.states == 0 || d.actions == 0 || d.observations == 0) {
    fail(d, "states", std::nullopt,
         fmt::format("expected at least one state, action and observation, got {}, {} and {}",
                     d.states, d.actions, d.observations));
  }
  const std::size_t pairs = d.states * d.actions;
  require_length(d, "initial", "", d.initial.size(), d.states);
  require_length(d, "transition", " (states x actions x states)", d.transition.size(),
                 pairs * d.states);
  require_length(d, "observation", " (actions x states x observations)", d.observation.size(),
                 pairs * d.observations);
  if (!d.first_observation.empty()) {
    require_length(d, "first_observation", " (states x observations)", d.first_observation.size(),
                   d.states * d.observations);
  }
  if (d.reward.size() != pairs && d.reward.size() != pairs * d.states) {
    fail(d, "reward", std::nullopt,
         fmt::format("reward: expected {} entries (states x actions) or {} (states x actions x "
                     "states), got {}",
                     pairs, pairs * d.states, d.reward.size()));
  }
  if (!d.final_reward.empty()) {
    require_length(d, "final_reward", "", d.final_reward.size(), d.states);
  }
  require_names(who(d), "state_names", d.state_names, d.states);
  require_names(who(d), "action_names", d.action_names, d.actions);
  require_names(who(d), "observation_names", d.observation_names, d.observations);
}

}  // namespace

Pomdp::Pomdp(PomdpDescription description) : description_(std::move(description)) {
  PomdpDescription& d = description_;
  require_lengths(d);
  normalise_rows(d, "initial", d.initial, d.states,
                 [](std::size_t) { return std::string("initial"); });
  normalise_rows(d, "transition", d.transition, d.states, [&](std::size_t row) {
    return fmt::format("transition of state {}, action {}", row / d.actions, row % d.actions);
  });
  normalise_rows(d, "observation", d.observation, d.observations, [&](std::size_t row) {
    return fmt::format("observation after action {} in state {}", row / d.states, row % d.states);
  });
  normalise_rows(d, "first_observation", d.first_observation, d.observations,
                 [](std::size_t row) { return fmt::format("first_observation in state {}", row); });
  require_finite(d, "reward", d.reward);
  require_finite(d, "final_reward", d.final_reward);
  if (!(d.discount > 0.0 && d.discount <= 1.0)) {
    fail(d, "discount", std::nullopt,
         fmt::format("discount: expected a number in (0, 1], got {}", d.discount));
  }
}

Pomdp tiger(const TigerOptions& options) {
  const double hit = options.accuracy;
  PomdpDescription d;
  d.name = "tiger";
  d.states = 2;
  d.actions = 3;
  d.observations = 2;
  d.initial = {0.5, 0.5};
  d.transition = {1.0, 0.0, 0.5, 0.5, 0.5, 0.5, 0.0, 1.0, 0.5, 0.5, 0.5, 0.5};
  d.observation = {hit, 1.0 - hit, 1.0 - hit, hit, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5};
  d.reward = {options.listening, options.beast,    options.treasure,
              options.listening, options.treasure, options.beast};
  d.state_names = {"tiger-left", "tiger-right"};
  d.action_names = {"listen", "open-left", "open-right"};
  d.observation_names = {"hear-left", "hear-right"};
  return Pomdp(std::move(d));
}

}  // namespace credo::control
