#pragma once
// Finite Markov decision processes, stored by outcome: what can happen, with
// which probability, for which reward.

#include <credo/models/require_index.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace credo::control {

/// One line of a transition list: p(next, reward given state, action).
struct Transition {
  std::size_t state = 0;
  std::size_t action = 0;
  std::size_t next = 0;
  double probability = 0.0;
  double reward = 0.0;
};

/// Where an action moves on a grid, for pictures only.
struct GridMove {
  int rows = 0;     ///< +1 is down
  int columns = 0;  ///< +1 is right
};

inline constexpr std::size_t kNoState = static_cast<std::size_t>(-1);

/// How states lie on a grid; used by pictures, never by inference.
struct GridLayout {
  std::size_t rows = 0;
  std::size_t columns = 0;
  /// One character per cell, row-major: S start, G goal, H hole, # wall, C cliff, others free.
  std::string cells;
  /// The state of each cell, or kNoState.
  std::vector<std::size_t> state_of_cell;
  /// One move per action; (0, 0) for actions that do not move.
  std::vector<GridMove> moves;
};

/// What an Mdp is made from.
struct MdpDescription {
  std::string name;
  std::size_t states = 0;
  std::size_t actions = 0;
  /// p(s_1), one entry per state.
  std::vector<double> initial;
  /// In any order. A pair (s, a) without a line is an unavailable action. The same (s, a, s') may
  /// come twice with different rewards: two ways to get there.
  std::vector<Transition> transitions;
  /// Episodes end there: absorbing, reward 0. They may have lines of their own; those are dropped.
  std::vector<std::size_t> terminal;
  double discount = 1.0;
  /// Empty, or the reward of ending a finite horizon in each state.
  std::vector<double> final_reward;
  /// Empty, or one name each.
  std::vector<std::string> state_names;
  std::vector<std::string> action_names;
  std::optional<GridLayout> layout;
};

/// What can happen after (s, a).
struct Outcome {
  std::uint32_t next = 0;
  double probability = 0.0;
  double reward = 0.0;
};

/// A validated finite Markov decision process, immutable; outcomes in compressed rows over (s, a).
class Mdp {
 public:
  /// Throws DescriptionError (a ModelError) naming the state, action, or line (0-based place in
  /// transitions) and what was expected: no states or actions, wrong lengths, states or actions out
  /// of range, negative or NaN probabilities, rewards that are not finite, rows of (s, a) that do
  /// not sum to 1 within 1e-9, states that neither are terminal nor have an action, names given
  /// twice, more than 2^20 pairs (s, a) at less than one line per 1024, a discount outside (0, 1].
  /// Lines of probability 0 are dropped; rows are normalised exactly.
  explicit Mdp(MdpDescription description);

  /// Accessors by state and action throw OptionError on what is out of range. One that was moved
  /// from has no states.
  [[nodiscard]] std::size_t state_count() const noexcept { return terminal_.size(); }
  [[nodiscard]] std::size_t action_count() const noexcept { return description_.actions; }
  [[nodiscard]] const std::string& name() const noexcept { return description_.name; }
  /// p(s_1).
  [[nodiscard]] std::span<const double> initial() const noexcept { return description_.initial; }
  /// In (0, 1].
  [[nodiscard]] double discount() const noexcept { return description_.discount; }
  /// Empty, or one entry per state.
  [[nodiscard]] std::span<const double> final_reward() const noexcept {
    return description_.final_reward;
  }
  [[nodiscard]] bool is_terminal(std::size_t state) const {
    require_index("Mdp", "state", state, state_count());
    return terminal_[state] != 0;
  }
  /// Terminal states, increasing.
  [[nodiscard]] std::span<const std::size_t> terminal() const noexcept {
    return description_.terminal;
  }
  /// Every action is available in a terminal state, and does nothing.
  [[nodiscard]] bool is_available(std::size_t state, std::size_t action) const {
    return !outcomes(state, action).empty();
  }
  /// By increasing (next, reward), each pair once; probabilities sum to 1. Empty when unavailable.
  [[nodiscard]] std::span<const Outcome> outcomes(std::size_t state, std::size_t action) const {
    require_index("Mdp", "state", state, state_count());
    require_index("Mdp", "action", action, action_count());
    const std::size_t row = state * action_count() + action;
    return {outcomes_.data() + row_begin_[row], row_begin_[row + 1] - row_begin_[row]};
  }
  /// All outcomes, in the order of (s, a).
  [[nodiscard]] std::size_t outcome_count() const noexcept { return outcomes_.size(); }
  /// Whether some (s, a) has outcomes with different rewards. If so the reward is a factor on
  /// (s, a, s'), and its mean must not replace it.
  [[nodiscard]] bool reward_depends_on_outcome() const noexcept {
    return reward_depends_on_outcome_;
  }
  /// The first state from which no terminal state can be reached, whatever is done; nothing when
  /// there is none. Cost: outcomes.
  [[nodiscard]] std::optional<std::size_t> endless_state() const;
  /// Actions that are available in no state that goes on, increasing. They change nothing. Cost:
  /// states x actions.
  [[nodiscard]] std::vector<std::size_t> unused_actions() const;
  [[nodiscard]] double largest_reward() const noexcept { return largest_reward_; }

  /// The name, or the number when there are no names.
  [[nodiscard]] std::string state_name(std::size_t state) const;
  [[nodiscard]] std::string action_name(std::size_t action) const;
  [[nodiscard]] const std::optional<GridLayout>& layout() const noexcept {
    return description_.layout;
  }

 private:
  void store_outcomes();

  MdpDescription description_;  ///< without its transitions, which live in outcomes_
  std::vector<char> terminal_;
  std::vector<std::size_t> row_begin_;
  std::vector<Outcome> outcomes_;
  bool reward_depends_on_outcome_ = false;
  double largest_reward_ = 0.0;
};

}  // namespace credo::control
