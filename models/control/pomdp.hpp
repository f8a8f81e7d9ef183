#pragma once
// Partially observed Markov decision processes: the state is hidden, observations tell of it.

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace credo::control {

/// What a Pomdp is made from. All arrays are row-major, the last index varies fastest.
struct PomdpDescription {
  std::string name;
  std::size_t states = 0;
  std::size_t actions = 0;
  std::size_t observations = 0;
  /// p(s_1).
  std::vector<double> initial;
  /// p(s' | s, a), states x actions x states.
  std::vector<double> transition;
  /// p(o | a, s'), actions x states x observations: what is seen on arriving in s'.
  std::vector<double> observation;
  /// Empty (nothing is seen before the first action), or p(o_1 | s_1), states x observations.
  std::vector<double> first_observation;
  /// r(s, a), states x actions; or r(s, a, s'), states x actions x states.
  std::vector<double> reward;
  /// Empty, or the reward of ending in each state.
  std::vector<double> final_reward;
  double discount = 1.0;
  /// Empty, or one name each.
  std::vector<std::string> state_names;
  std::vector<std::string> action_names;
  std::vector<std::string> observation_names;
};

/// Validated; rows sum to 1 exactly, up to rounding.
class Pomdp {
 public:
  /// Throws DescriptionError (a ModelError) naming array, row, given and expected: no states,
  /// actions or observations, wrong lengths, negative or NaN probabilities, rows that do not sum to
  /// 1 within 1e-6, rewards that are not finite, names given twice, a discount outside (0, 1].
  explicit Pomdp(PomdpDescription description);

  [[nodiscard]] const PomdpDescription& description() const noexcept { return description_; }
  [[nodiscard]] std::size_t state_count() const noexcept { return description_.states; }
  [[nodiscard]] std::size_t action_count() const noexcept { return description_.actions; }
  [[nodiscard]] std::size_t observation_count() const noexcept { return description_.observations; }
  /// Whether the reward is r(s, a, s').
  [[nodiscard]] bool reward_depends_on_next() const noexcept {
    return description_.reward.size() != state_count() * action_count();
  }

 private:
  PomdpDescription description_;
};

/// Kaelbling, Littman and Cassandra 1998, section 5.1: a tiger behind one of two doors, heard
/// through the doors with some accuracy; opening a door starts anew. States tiger-left,
/// tiger-right; actions listen, open-left, open-right; observations hear-left, hear-right (at
/// random after opening).
struct TigerOptions {
  double accuracy = 0.85;
  double listening = -1.0;
  double treasure = 10.0;
  double beast = -100.0;
};
[[nodiscard]] Pomdp tiger(const TigerOptions& options = {});

}  // namespace credo::control
